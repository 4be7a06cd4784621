"""One shared place, and as many consoles on it as a test wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from diagnostics.config.layers import load_settings
from diagnostics.service import Diagnostics
from tests.shipped import shipped_catalogue

Console = Callable[..., Diagnostics]


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    """Open a service of a person; all of them share one state store."""
    with ExitStack() as stack:

        def open_as(person: str = "ann", **flags: object) -> Diagnostics:
            given = {"state_dir": str(tmp_path / "state"), "escalation.person": person} | flags
            return stack.enter_context(Diagnostics.open(load_settings(flags=given).settings, shipped_catalogue()))

        yield open_as
