"""A session that broke off is come back to on every screen, whether it is composed yet or not, and ends no start."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pytest

from diagnostics.models.incidents import Incident
from diagnostics.store.recents import ConsoleSession
from screens.base import ConsoleScreen
from screens.critical.screen import CriticalScreen
from screens.explorer.screen import ExplorerScreen
from screens.incident.timeline import TimelineScreen
from tests.charts.scripted import ScriptedCharts
from tests.console.rest import rest, until
from tests.console.rooms import MakeApp, footer
from tests.console.scripted_accounts import ScriptedAccounts
from tests.console.scripted_deals import ScriptedDeals
from tests.console.scripted_investigations import Level3, fill, level_3, opened_sources, stop_clocks, unreachable
from tui.navigation import SCREENS
from widgets.row import Tone


class Silent:
    """A service whose sources do not answer: coming back needs none of them."""

    def __getattr__(self, name: str) -> Callable[..., object]:
        if name.startswith("_"):
            raise AttributeError(name)

        def ask(*_given: object, **_named: object) -> object:
            raise unreachable("common")

        return ask


@pytest.fixture
def level(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Level3]:
    stop_clocks(monkeypatch)
    made = level_3(tmp_path)
    made.service.accounts, made.service.deals = ScriptedAccounts(), ScriptedDeals()  # type: ignore[attr-defined]
    made.service.charts = ScriptedCharts()
    for name in ("reconcile", "recovery", "affected"):
        setattr(made.service, name, Silent())
    made.service.recovery.drains = Silent()  # type: ignore[attr-defined]
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


LINES: Mapping[str, tuple[str, dict[str, object]]] = {
    "TimelineScreen": ("timeline {incident}", {"filter": "declared"}),
    "ExplorerScreen": ("logs service:zillow-sync", {"window_s": 3600, "fixed": None}),
    "InvestigationScreen": ("investigation INV-2", {"hypothesis": "hypothesis:H2"}),
    "AccountScreen": ("account 14009", {"tab": "agents"}),
    "DealScreen": ("deal 5501 14009", {}),
    "ReconcileScreen": ("reconcile 14009", {}),
    "RepairScreen": ("repair REP-1", {}),
    "BacklogScreen": ("backlog", {}),
    "ChartScreen": ("chart rate_limiting 15m", {}),
    "DrainScreen": ("recovery", {}),
    "AffectedScreen": ("affected rate_limiting", {}),
    "DeclareScreen": ("declare", {}),
    "IncidentsScreen": ("incidents", {}),
    "EscalationScreen": ("escalation", {}),
    "StatusScreen": ("status {incident}", {}),
    "DeliveriesScreen": ("deliveries {incident}", {}),
    "ReviewScreen": ("review {incident}", {}),
    "HandoffScreen": ("handoff {incident}", {}),
}
"""By screen: the `:` line that opens it again, and what it kept of itself. The levels have ways of their own."""
READ_AGAIN = {"DocumentScreen"}
"""Opened by many lines, of which one is taken below."""
STARTED_ANEW = {
    *("EventScreen", "ListingScreen", "ProblemsScreen", "MonitorScreen", "RefusalScreen", "RefusalsScreen"),
    *("RespondScreen", "ClaimScreen", "TasksScreen"),
}
"""They show what was found, or what somebody was about to say, from the screen below: that one is come back to."""


def test_every_screen_that_an_address_leads_to_is_come_back_to_or_is_known_not_to_be() -> None:
    for address, path in SCREENS.items():
        module, _, name = path.rpartition(".")
        screen = getattr(import_module(module), name)
        if name in LINES or name in READ_AGAIN:
            assert screen.place is not ConsoleScreen.place, address
        else:
            assert name in STARTED_ANEW, f"{name} is new: what line opens it again after a dropped connection?"


async def test_every_screen_is_come_back_to_with_what_it_kept(
    make_app: MakeApp, level: Level3, incident: Incident
) -> None:
    places = tuple((line.format(incident=incident.id), kept) for line, kept in LINES.values())
    places += (("refusals", {}),)
    level.service.recents.session = broken_off(*places)
    app = make_app(level.service)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened_sources(pilot)
        await until(pilot, lambda: len(app.navigator.screens) > len(places))
        assert app.navigator.lines() == tuple(line for line, _ in places)
        assert [type(screen).__name__ for screen in app.navigator.screens[1:-1]] == list(LINES)
        await until(pilot, lambda: all(screen.is_mounted for screen in app.navigator.screens))
        await rest(pilot)
        assert "could not be" not in footer(pilot)
        kept = {screen.place(): screen.memory() for screen in app.navigator.screens}
        for line, memory in places:
            assert kept[line].items() >= memory.items(), line
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
    # What was said, and not what stands in the bottom line at some moment: a message ends by itself.
    said: list[str] = []
    say = app.say

    def heard(text: str, tone: Tone = "") -> None:
        said.append(text)
        say(text, tone)

    monkeypatch.setattr(app, "say", heard)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened_sources(pilot)
        await until(pilot, lambda: any("not all of it could be set again" in one for one in said))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, CriticalScreen))
        monkeypatch.setattr(app.navigator, "reopen", broken)
        app.session._restore(broken_off(("incidents", {})))
        await until(pilot, lambda: any("could not be opened again" in one for one in said))
        assert app.return_code is None
