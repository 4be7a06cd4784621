"""Level 3: what is being understood, from a real journal, and where each sign leads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from screens.incident.incidents import IncidentsScreen
from screens.incident.panel import EscalationScreen
from screens.incident.records import HandoffScreen, ReviewScreen
from screens.incident.timeline import TimelineScreen
from screens.investigate.record import InvestigationScreen
from screens.investigate.screen import InvestigateScreen
from screens.line_entry import LineEntry
from tests.console.rest import rest, until
from tests.console.rooms import MakeApp
from tests.console.scripted_investigations import (
    Level3,
    fill,
    level_3,
    on_screen,
    opened_sources,
    showing,
    shown,
    stop_clocks,
    typed,
)


@pytest.fixture
def level(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Level3]:
    stop_clocks(monkeypatch)
    made = level_3(tmp_path)
    yield made
    made.close()


@asynccontextmanager
async def at_level_3(make_app: MakeApp, level: Level3, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Pilot[Any]]:
    app = make_app(level.service)
    async with app.run_test(size=size) as pilot:
        await opened_sources(pilot)
        await pilot.press("3")
        await on_screen(pilot, InvestigateScreen)
        await showing(pilot, "possible cascade")
        yield pilot


async def test_an_empty_journal_says_what_opens_the_first_record(make_app: MakeApp, level: Level3) -> None:
    async with at_level_3(make_app, level) as pilot:
        await showing(pilot, "Nothing is being investigated", "No incident has been declared")


async def test_questions_hypotheses_and_incidents_stand_there_before_any_key(make_app: MakeApp, level: Level3) -> None:
    fill(level)
    async with at_level_3(make_app, level) as pilot:
        await showing(pilot, "Why does Zillow answer 429?", "STANDARD, 2 sources", "2 open, 1 closed", "1 open, 1 past")
        await showing(pilot, "root cause: The secret was rotated", "no hypothesis yet")


async def test_a_failing_system_races_and_drift_are_named(make_app: MakeApp, level: Level3) -> None:
    async with at_level_3(make_app, level, size=(200, 60)) as pilot:
        await showing(pilot, "ZillowAuth → ZillowAgent", "account 75172", "17,124 log lines", "CONNECTED")


async def test_enter_on_a_question_opens_its_record_and_back_comes_to_the_same_row(
    make_app: MakeApp, level: Level3
) -> None:
    fill(level)
    async with at_level_3(make_app, level) as pilot:
        await showing(pilot, "Why does Zillow answer 429?")
        await pilot.press("j", "enter")
        await on_screen(pilot, InvestigationScreen)
        await showing(pilot, "Why does Zillow answer 429?")
        await pilot.press("escape")
        await on_screen(pilot, InvestigateScreen)
        assert pilot.app.screen.query_one("#records").cursor_key == "investigation:INV-2"  # type: ignore[attr-defined]


async def test_a_new_investigation_belongs_to_the_incident_in_view(make_app: MakeApp, level: Level3) -> None:
    incident = fill(level)
    async with at_level_3(make_app, level) as pilot:
        await until(pilot, lambda: pilot.app.incident is not None)  # type: ignore[attr-defined]
        await pilot.press("N")
        await typed(pilot, "Is the backlog past saving?")
        await on_screen(pilot, InvestigationScreen)
        await showing(pilot, "Is the backlog past saving?", incident.id)
    assert level.investigations.real.lines()[0].incident == incident.id


async def test_what_was_typed_is_kept_when_the_journal_cannot_be_written(make_app: MakeApp, level: Level3) -> None:
    async with at_level_3(make_app, level) as pilot:
        level.investigations.failing = True
        await pilot.press("N")
        await typed(pilot, "Why now?")
        await showing(pilot, "state: unreachable")
        await pilot.press("N")
        await on_screen(pilot, LineEntry)
        screen = pilot.app.screen
        assert isinstance(screen, LineEntry)
        assert screen.text == "Why now?"


async def test_what_another_console_opens_shows_by_itself(make_app: MakeApp, level: Level3) -> None:
    fill(level)
    async with at_level_3(make_app, level) as pilot:
        await showing(pilot, "Why does Zillow answer 429?")
        level.investigations.real.open("Why did the alert come late?")
        await showing(pilot, "Why did the alert come late?", "3 open, 1 closed")


async def test_a_journal_that_cannot_be_read_is_said_and_the_signs_stay(make_app: MakeApp, level: Level3) -> None:
    level.investigations.failing = level.incidents.failing = True
    async with at_level_3(make_app, level) as pilot:
        await showing(pilot, "investigations: state: unreachable", "incidents: state: unreachable", "ZillowAuth")


async def test_signs_that_nobody_could_ask_are_not_known_and_never_well(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_clocks(monkeypatch)
    level = level_3(tmp_path, failing=frozenset({"everything"}))
    async with at_level_3(make_app, level) as pilot:
        await showing(pilot, "the systems: common: unreachable", "resolution: common: unreachable")
        assert "none of the" not in shown(pilot)
    level.close()


async def test_signs_lead_to_where_they_are_answered(make_app: MakeApp, level: Level3) -> None:
    async with at_level_3(make_app, level, size=(200, 60)) as pilot:
        await showing(pilot, "ZillowAuth → ", "account 75172", "CONNECTED")
        signs = pilot.app.screen.query_one("#signs")
        signs.focus()
        for key, words in (
            ("system:ZillowAuth", "the cascade"),
            ("races", "ZIM"),
            ("race:75172", "account 75172"),
            ("share:CONNECTED", "CONNECTED"),
        ):
            signs.place(key)  # type: ignore[attr-defined]
            await pilot.press("enter")
            await until(pilot, lambda: not isinstance(pilot.app.screen, InvestigateScreen))
            await showing(pilot, words)
            await pilot.press("escape")
            await on_screen(pilot, InvestigateScreen)


async def test_w_shows_the_question_behind_a_sign(make_app: MakeApp, level: Level3) -> None:
    async with at_level_3(make_app, level, size=(200, 60)) as pilot:
        await showing(pilot, "17,124 log lines")
        signs = pilot.app.screen.query_one("#signs")
        signs.focus()
        signs.place("races")  # type: ignore[attr-defined]
        await pilot.press("w")
        await showing(pilot, "asked of datadog", "ZIM installation incomplete")


# ---- all incidents


async def test_all_incidents_open_first_and_enter_takes_one_in_view(make_app: MakeApp, level: Level3) -> None:
    fill(level)
    async with at_level_3(make_app, level) as pilot:
        pilot.app.command("incidents")  # type: ignore[attr-defined]
        await on_screen(pilot, IncidentsScreen)
        await showing(pilot, "1 open, 1 past", "INC-2", "past", "INC-1")
        await pilot.press("j", "enter")
        await on_screen(pilot, EscalationScreen)
        await until(pilot, lambda: pilot.app.incident.id == "INC-1")  # type: ignore[attr-defined]


async def test_the_filter_keeps_what_fits_and_escape_takes_it_away(make_app: MakeApp, level: Level3) -> None:
    fill(level)
    async with at_level_3(make_app, level) as pilot:
        pilot.app.command("incidents")  # type: ignore[attr-defined]
        await showing(pilot, "INC-2")
        await pilot.press("slash")
        await rest(pilot)
        await pilot.press(*"oauth", "enter")
        await showing(pilot, "1 fit 'oauth'")
        screen = pilot.app.screen
        assert isinstance(screen, IncidentsScreen)
        assert [one.id for one in screen.shown()] == ["INC-1"]
        await pilot.press("escape")
        assert len(screen.shown()) == 2


async def test_a_duplicate_goes_on_in_the_incident_whose_id_is_typed(make_app: MakeApp, level: Level3) -> None:
    incident = fill(level)
    other = level.world.declare(title="429 again", severity="high")
    async with at_level_3(make_app, level) as pilot:
        pilot.app.command("incidents")  # type: ignore[attr-defined]
        await showing(pilot, "429 again")
        screen = pilot.app.screen
        assert isinstance(screen, IncidentsScreen)
        screen.body.place(f"incident:{other.id}")
        screen.act_merge()
        await on_screen(pilot, LineEntry)
        await showing(pilot, "429 again")
        await typed(pilot, "INC-99")
        await showing(pilot, "the id of another incident is needed")
        await typed(pilot, f"{incident.id.lower()} same cause")
        await on_screen(pilot, IncidentsScreen)
        await showing(pilot, f"merged {incident.id}")
    assert level.world.incidents.get(other.id).merged_into == incident.id
    assert other.id in level.world.incidents.get(incident.id).duplicates


async def test_the_list_says_why_it_could_not_be_read_and_reads_again(make_app: MakeApp, level: Level3) -> None:
    fill(level)
    async with at_level_3(make_app, level) as pilot:
        level.incidents.failing = True
        pilot.app.command("incidents")  # type: ignore[attr-defined]
        await on_screen(pilot, IncidentsScreen)
        await showing(pilot, "NOT KNOWN: the journal could not be read; r asks again")
        level.incidents.failing = False
        await pilot.press("r")
        await showing(pilot, "INC-2")


async def test_t_on_an_incident_opens_its_timeline(make_app: MakeApp, level: Level3) -> None:
    fill(level)
    async with at_level_3(make_app, level) as pilot:
        pilot.app.command("incidents")  # type: ignore[attr-defined]
        await showing(pilot, "INC-2")
        await pilot.press("T")
        await on_screen(pilot, TimelineScreen)
        await showing(pilot, "INC-2 timeline", "declared, incident")


# ---- hand-off and review


@pytest.mark.parametrize(
    ("line", "kind", "words"), [("handoff", HandoffScreen, "Hand-off"), ("review", ReviewScreen, "Review")]
)
async def test_hand_off_and_review_are_read_and_written_to_new_files(
    make_app: MakeApp, level: Level3, line: str, kind: type[HandoffScreen], words: str
) -> None:
    incident = fill(level)
    async with at_level_3(make_app, level) as pilot:
        pilot.app.command(f"{line} {incident.id}")  # type: ignore[attr-defined]
        await on_screen(pilot, kind)
        await showing(pilot, f"{words} of {incident.id}", "212,631")
        folder = level.world.settings.state_dir / "exports"
        for number in (2, 4):
            await pilot.press("E")
            await until(pilot, partial(_holds, folder, number))
            await showing(pilot, "written:")
        names = sorted(path.suffix for path in folder.iterdir())
        assert names == [".json", ".json", ".md", ".md"]
        assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())


async def test_a_note_that_cannot_be_written_says_why_and_is_tried_again(make_app: MakeApp, level: Level3) -> None:
    incident = fill(level)
    level.records.failing = True
    async with at_level_3(make_app, level) as pilot:
        pilot.app.command(f"handoff {incident.id}")  # type: ignore[attr-defined]
        await on_screen(pilot, HandoffScreen)
        await showing(pilot, "not written (state: unreachable)")
        level.records.failing = False
        await pilot.press("r")
        await showing(pilot, "Hand-off of")
        level.records.failing = True
        await pilot.press("r")
        await showing(pilot, "what stands here is older", "212,631")


def _holds(folder: Path, number: int) -> bool:
    return folder.exists() and len(list(folder.iterdir())) == number
