"""A session that broke off is come back to on every screen, whether it is composed yet or not, and ends no start."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from diagnostics.models.incidents import Incident
from diagnostics.store.recents import ConsoleSession
from screens.base import ConsoleScreen
from screens.critical.screen import CriticalScreen
from screens.explorer.screen import ExplorerScreen
from screens.incident.timeline import TimelineScreen
from tests.console.rest import rest, until
from tests.console.rooms import MakeApp, footer
from tests.console.scripted_investigations import Level3, fill, level_3, opened_sources, stop_clocks


@pytest.fixture
def level(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Level3]:
    stop_clocks(monkeypatch)
    made = level_3(tmp_path)
    yield made
    made.close()


@pytest.fixture
def incident(level: Level3) -> Incident:
    return fill(level)


def broken_off(*places: tuple[str, dict[str, object]]) -> ConsoleSession:
    """A session at these `:` lines, each with what its screen kept."""
    return ConsoleSession(
        user="anybody",
        host="bastion",
        pid=1,
        environment="PROD",
        lines=tuple(line for line, _ in places),
        memories=({}, *(memory for _, memory in places)),
        at=datetime(2025, 11, 17, 13, 58, tzinfo=UTC),
    )


async def test_every_screen_is_come_back_to_with_what_it_kept(
    make_app: MakeApp, level: Level3, incident: Incident
) -> None:
    timeline, explorer = f"timeline {incident.id}", "logs service:zillow-sync"
    places: tuple[tuple[str, dict[str, object]], ...] = (
        (timeline, {"filter": "declared"}),
        (explorer, {"window_s": 3600, "fixed": None}),
        ("investigation INV-2", {"hypothesis": "H1"}),
        ("incidents", {}),
        ("escalation", {}),
        (f"status {incident.id}", {}),
        (f"deliveries {incident.id}", {}),
        (f"review {incident.id}", {}),
        (f"handoff {incident.id}", {}),
        ("refusals", {}),
    )
    level.service.recents.session = broken_off(*places)
    app = make_app(level.service)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened_sources(pilot)
        await until(pilot, lambda: len(app.navigator.screens) > len(places))
        assert app.navigator.lines() == tuple(line for line, _ in places)
        await until(pilot, lambda: all(screen.is_mounted for screen in app.navigator.screens))
        await rest(pilot)
        kept = {screen.place(): screen.memory() for screen in app.navigator.screens}
        assert kept[timeline] == {"filter": "declared"}
        assert kept[explorer]["window_s"] == 3600
        assert app.return_code is None
        # Each of the levels is a way of its own.
        for number, line in ((2, "level health"), (3, "level investigate")):
            await pilot.press("1")
            app.session._restore(broken_off((line, {"filter": "x", "cursor": "none"})))
            await until(pilot, lambda line=line: app.navigator.lines() == (line,))  # type: ignore[misc]
            await rest(pilot)
            assert app.return_code is None, number


@pytest.mark.parametrize("top", [TimelineScreen, ExplorerScreen])
async def test_the_screen_on_top_takes_back_what_it_kept(
    make_app: MakeApp, level: Level3, incident: Incident, top: type[ConsoleScreen]
) -> None:
    # These two died ten times of ten: their filter and their window touched panes that were not composed yet.
    places: dict[type[ConsoleScreen], tuple[str, dict[str, object]]] = {
        TimelineScreen: (f"timeline {incident.id}", {"filter": "declared"}),
        ExplorerScreen: ("logs service:zillow-sync", {"window_s": 3600, "fixed": None}),
    }
    line, memory = places[top]
    level.service.recents.session = broken_off((line, memory))
    app = make_app(level.service)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened_sources(pilot)
        await until(pilot, lambda: isinstance(app.screen, top) and app.screen.is_mounted)
        await rest(pilot)
        assert isinstance(app.screen, top)
        assert app.screen.memory() == memory
        assert app.return_code is None


async def test_a_screen_that_cannot_be_restored_ends_no_start(
    make_app: MakeApp, level: Level3, incident: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_screen: TimelineScreen, _memory: object) -> None:
        raise LookupError("nobody expected this")

    monkeypatch.setattr(TimelineScreen, "recall", broken)
    level.service.recents.session = broken_off((f"timeline {incident.id}", {"filter": "declared"}))
    app = make_app(level.service)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened_sources(pilot)
        await until(pilot, lambda: "not all of it could be set again" in footer(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, CriticalScreen))
        monkeypatch.setattr(app.navigator, "reopen", broken)
        app.session._restore(broken_off(("incidents", {})))
        await until(pilot, lambda: "could not be opened again" in footer(pilot))
        assert app.return_code is None
