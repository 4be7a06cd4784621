"""Texts for what is not built: their figures and queries are the catalogue's."""

from __future__ import annotations

import pytest

from diagnostics.catalogue import load_catalogue
from tui.levels import LATER, later_text


def test_figures_and_queries_come_from_the_catalogue() -> None:
    shipped = load_catalogue()
    assert "the 98.80 % baseline" in later_text("health", shipped)
    assert later_text("health", shipped).endswith("service:fub @context.connection_health_status:error")
    usual = shipped.baselines["system_health"].model_copy(update={"value": 97.5})
    query = shipped.queries["connection_errors"].model_copy(update={"datadog": "service:other {status:error}"})
    team = shipped.model_copy(
        update={
            "baselines": {**shipped.baselines, "system_health": usual},
            "queries": {**shipped.queries, "connection_errors": query},
        }
    )
    assert "the 97.50 % baseline" in later_text("health", team)
    assert later_text("health", team).endswith("service:other {status:error}")


@pytest.mark.parametrize("name", LATER)
def test_every_text_is_whole_before_the_catalogue_is_read_too(name: str) -> None:
    for text in (later_text(name, None), later_text(name, load_catalogue())):
        assert not set(text) & set("{}")
