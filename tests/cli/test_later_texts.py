"""Texts for what is not built: whole, and with something to do instead."""

from __future__ import annotations

import pytest

from tui.levels import LATER


@pytest.mark.parametrize("name", LATER)
def test_every_text_says_what_is_missing_and_what_to_do_instead(name: str) -> None:
    text = LATER[name]
    assert not set(text) & set("{}")
    assert len(text.split("\n\n")) >= 2


def test_nothing_that_is_built_is_called_missing() -> None:
    assert "health" not in LATER
