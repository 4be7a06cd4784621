"""The timeline: pages, filter, corrections, pins, and what other consoles write meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from diagnostics.models.entries import Noted
from diagnostics.models.incidents import Incident
from screens.incident.timeline import TimelineScreen
from tests.console.rest import rest, until
from tests.console.rooms import MakeApp
from tests.console.scripted_investigations import (
    Level3,
    fill,
    level_3,
    on_screen,
    opened_sources,
    showing,
    stop_clocks,
    typed,
)
from widgets.rows.timeline import timeline_filter


@pytest.fixture
def level(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Level3]:
    stop_clocks(monkeypatch)
    made = level_3(tmp_path)
    yield made
    made.close()


@pytest.fixture
def incident(level: Level3) -> Incident:
    return fill(level)


@asynccontextmanager
async def reading(
    make_app: MakeApp, level: Level3, name: str, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Pilot[Any]]:
    app = make_app(level.service)
    async with app.run_test(size=size) as pilot:
        await opened_sources(pilot)
        app.push_console_screen(TimelineScreen(name))
        await on_screen(pilot, TimelineScreen)
        await until(pilot, lambda: screen(pilot).lines)
        yield pilot


def screen(pilot: Pilot[Any]) -> TimelineScreen:
    found = pilot.app.screen
    assert isinstance(found, TimelineScreen)
    return found


def note(level: Level3, incident: Incident, amount: int) -> None:
    """So many notes, written a thousand at a time."""
    for start in range(0, amount, 1_000):
        bodies = [Noted(text=f"note {number}") for number in range(start, min(start + 1_000, amount))]
        level.world.journal.append(incident.id, bodies)


async def test_the_newest_entry_stands_first_with_when_who_and_what(
    make_app: MakeApp, level: Level3, incident: Incident
) -> None:
    level.world.incidents.note(incident.id, "the queue is draining")
    async with reading(make_app, level, incident.id) as pilot:
        await showing(pilot, "the queue is draining", "declared, incident: Zillow answers HTTP 429")
        assert "cl.nolen" in screen(pilot).body.rows[0].text
        assert "the queue is draining" in screen(pilot).body.rows[0].text


async def test_a_long_timeline_opens_with_its_newest_page_and_reads_on_by_key(
    make_app: MakeApp, level: Level3, incident: Incident
) -> None:
    note(level, incident, 350)
    async with reading(make_app, level, incident.id) as pilot:
        assert len(screen(pilot).lines) == 100
        await pilot.press("O")
        await until(pilot, lambda: len(screen(pilot).lines) == 200)
        await pilot.press("G")
        await until(pilot, lambda: len(screen(pilot).lines) == 300)
        assert list(screen(pilot).lines) == sorted(screen(pilot).lines, reverse=True)


async def test_opening_ten_thousand_entries_reads_one_page(
    make_app: MakeApp, level: Level3, incident: Incident
) -> None:
    note(level, incident, 10_000)
    async with reading(make_app, level, incident.id) as pilot:
        await showing(pilot, "note 9999", "and older ones")
        assert len(screen(pilot).lines) == 100


async def test_the_filter_looks_through_what_has_not_been_read(
    make_app: MakeApp, level: Level3, incident: Incident
) -> None:
    note(level, incident, 2_000)
    async with reading(make_app, level, incident.id) as pilot:
        await pilot.press("slash")
        await rest(pilot)
        await pilot.press(*"kind:declared", "enter")
        await until(pilot, lambda: screen(pilot).after is None)
        await showing(pilot, "1 of 2,")
        assert [row.key for row in screen(pilot).body.rows if "declared, incident" in row.text]
        await pilot.press("escape")
        assert screen(pilot).filter_text == ""
        assert isinstance(pilot.app.screen, TimelineScreen)


def test_a_filter_is_words_kinds_and_people() -> None:
    chosen = timeline_filter("Backlog kind:noted,declared by:Nolen")
    assert chosen.words == ("backlog",)
    assert chosen.kinds == ("noted", "declared")
    assert chosen.people == ("nolen",)


async def test_an_entry_opens_in_full_with_its_hashes(make_app: MakeApp, level: Level3, incident: Incident) -> None:
    async with reading(make_app, level, incident.id) as pilot:
        newest = next(iter(screen(pilot).lines.values())).entry
        await pilot.press("enter")
        await showing(pilot, newest.hash[:40], newest.previous[:40], "bastion-1:4711", "hash before")


async def test_a_correction_stands_beside_the_entry_and_changes_nothing(
    make_app: MakeApp, level: Level3, incident: Incident
) -> None:
    level.world.incidents.note(incident.id, "the backlog is 21,263")
    async with reading(make_app, level, incident.id) as pilot:
        first = next(iter(screen(pilot).lines))
        await pilot.press("u")
        await typed(pilot, "the backlog is 212,631")
        await on_screen(pilot, TimelineScreen)
        await showing(
            pilot, f"correction of entry {first}: the backlog is 212,631", "CORRECTED: the backlog is 212,631"
        )
        assert screen(pilot).lines[first].text == "the backlog is 21,263"


async def test_a_note_is_written_and_shown_at_once(make_app: MakeApp, level: Level3, incident: Incident) -> None:
    async with reading(make_app, level, incident.id) as pilot:
        await pilot.press("N")
        await typed(pilot, "called the partner")
        await on_screen(pilot, TimelineScreen)
        await showing(pilot, "called the partner")


async def test_m_keeps_an_entry_as_evidence_of_the_incident(
    make_app: MakeApp, level: Level3, incident: Incident
) -> None:
    async with reading(make_app, level, incident.id) as pilot:
        await pilot.press("m")
        await showing(pilot, "E3")
    assert len(level.world.incidents.get(incident.id).pins) == 3


async def test_what_another_console_writes_comes_in_and_the_cursor_stays_on_its_entry(
    make_app: MakeApp, level: Level3, incident: Incident
) -> None:
    note(level, incident, 60)
    async with reading(make_app, level, incident.id, size=(80, 24)) as pilot:
        for _ in range(30):
            await pilot.press("j")
        view = screen(pilot).body
        key, place = view.cursor_key, _line_of(screen(pilot)) - view.scroll_offset.y
        other = level.world.other("a.meyer")
        other.note(incident.id, "seen from bastion 2")
        other.note(incident.id, "and again")
        await until(pilot, lambda: any(one.text == "and again" for one in screen(pilot).lines.values()))
        await rest(pilot)
        assert view.cursor_key == key
        assert _line_of(screen(pilot)) - view.scroll_offset.y == place


def _line_of(timeline: TimelineScreen) -> int:
    return [row.key for row in timeline.body.rows].index(timeline.body.cursor_key)


async def test_more_than_a_page_written_meanwhile_leaves_no_gap(
    make_app: MakeApp, level: Level3, incident: Incident
) -> None:
    async with reading(make_app, level, incident.id) as pilot:
        before = len(screen(pilot).lines)
        note(level, incident, 250)
        await until(pilot, lambda: len(screen(pilot).lines) == before + 250)


async def test_a_timeline_that_cannot_be_read_says_so_and_reads_again(
    make_app: MakeApp, level: Level3, incident: Incident
) -> None:
    level.incidents.failing = True
    app = make_app(level.service)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened_sources(pilot)
        app.push_console_screen(TimelineScreen(incident.id))
        await on_screen(pilot, TimelineScreen)
        await showing(pilot, "not read; r asks again")
        level.incidents.failing = False
        await pilot.press("r")
        await showing(pilot, "declared, incident")
