"""Fixtures of the notices' tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.notices.consoles import Clocks, Console, console_settings, make_console
from tests.notices.slack_server import SlackServer

MakeConsole = Callable[..., Console]


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    made = SlackServer()
    yield made
    made.close()


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def open_console(tmp_path: Path, slack: SlackServer, clocks: Clocks) -> Iterator[MakeConsole]:
    """Opens consoles on one journal; `way`, `person`, `channels`, `catalogue`, `slack=None`, and settings."""
    opened: list[Console] = []

    def make(person: str = "cl.nolen", way: str = "token", **changes: object) -> Console:
        known = {name: changes.pop(name) for name in ("channels", "catalogue") if name in changes}
        server = changes.pop("slack", slack)
        its_clocks = changes.pop("clocks", clocks)
        settings = console_settings(tmp_path / "state", server, way, **changes)  # type: ignore[arg-type]  # of a test
        console = make_console(settings, its_clocks, person=person, **known)  # type: ignore[arg-type]  # of a test
        opened.append(console)
        return console

    yield make
    for console in opened:
        console.close()


@pytest.fixture
def console(open_console: MakeConsole) -> Console:
    """One console that writes to Slack as the bot."""
    return open_console()
