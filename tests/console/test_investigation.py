"""One investigation: hypotheses, evidence, judgements, and the root cause, typed by people into a real journal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from diagnostics.models.entries import EvidenceLabel
from diagnostics.models.investigations import Investigation
from screens.investigate.editor import side_and_label
from screens.investigate.record import InvestigationScreen
from screens.line_entry import LineEntry
from screens.listing import ListingScreen
from tests.console.rest import until
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

RECORD = "INV-2"


@pytest.fixture
def level(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Level3]:
    stop_clocks(monkeypatch)
    made = level_3(tmp_path)
    fill(made)
    yield made
    made.close()


@asynccontextmanager
async def reading(
    make_app: MakeApp, level: Level3, name: str = RECORD, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Pilot[Any]]:
    app = make_app(level.service)
    async with app.run_test(size=size) as pilot:
        await opened_sources(pilot)
        app.command(f"investigation {name}")
        await on_screen(pilot, InvestigationScreen)
        await until(pilot, lambda: screen(pilot).investigation is not None)
        yield pilot


def screen(pilot: Pilot[Any]) -> InvestigationScreen:
    found = pilot.app.screen
    assert isinstance(found, InvestigationScreen)
    return found


def record(level: Level3, name: str = RECORD) -> Investigation:
    found = level.investigations.real.get(name)
    assert isinstance(found, Investigation)
    return found


async def judge(pilot: Pilot[Any], words: str) -> None:
    """Choose one of the judgements by a part of its line."""
    await pilot.press("u")
    await on_screen(pilot, ListingScreen)
    listing = pilot.app.screen
    assert isinstance(listing, ListingScreen)
    chosen = next(row.key for row in listing.body.rows if row.key and words in row.text)
    listing.body.place(chosen)
    await pilot.press("enter")


async def test_what_speaks_for_and_against_stands_with_its_label_source_and_who(
    make_app: MakeApp, level: Level3
) -> None:
    async with reading(make_app, level) as pilot:
        await showing(pilot, "STANDARD, 2 sources", "statistical", "zillow support · cl.nolen", "speaks against it (0)")
        await showing(pilot, "INFERENCE", "withdrawn: the deploy was rolled back", "their support says that it did not")


async def test_the_words_of_strict_standard_preliminary_and_none(make_app: MakeApp, level: Level3) -> None:
    investigations = level.investigations.real
    investigations.weigh(RECORD, "H2", "for", EvidenceLabel.DIRECT, "seen in the code", "repository")
    investigations.weigh(RECORD, "H1", "for", EvidenceLabel.EXPERIMENTAL, "a pause ends the 429s", "bastion")
    investigations.add_hypothesis(RECORD, "Nobody knows", "anything")
    async with reading(make_app, level) as pilot:
        await showing(pilot, "STRICT, 3 sources", "PRELIMINARY, 1 source", "no confidence, 0 sources")


async def test_a_hypothesis_needs_what_would_overturn_it(make_app: MakeApp, level: Level3) -> None:
    async with reading(make_app, level) as pilot:
        await pilot.press("N")
        await typed(pilot, "The clock is wrong")
        await showing(pilot, "what would overturn it")
        await typed(pilot, "ntp says that it is right")
        await on_screen(pilot, InvestigationScreen)
        await showing(pilot, "The clock is wrong")
    assert record(level).hypotheses[-1].overturned_by == "ntp says that it is right"


async def test_who_leaves_at_the_second_line_finds_the_first_one_again(make_app: MakeApp, level: Level3) -> None:
    async with reading(make_app, level) as pilot:
        await pilot.press("N")
        await typed(pilot, "The clock is wrong")
        await on_screen(pilot, LineEntry)
        await until(pilot, lambda: pilot.app.screen.focused is not None)
        await pilot.press("escape")
        await on_screen(pilot, InvestigationScreen)
        await pilot.press("N")
        await on_screen(pilot, LineEntry)
        await pilot.pause()
        entry = pilot.app.screen
        assert isinstance(entry, LineEntry)
        assert entry.text == "The clock is wrong"


async def test_evidence_is_typed_in_three_lines_with_sensible_beginnings(make_app: MakeApp, level: Level3) -> None:
    async with reading(make_app, level) as pilot:
        await pilot.press("j", "tab", "N")
        await typed(pilot, "the retry log shows no pauses")
        await showing(pilot, "side and label")
        await typed(pilot, "against circ inference")
        await showing(pilot, "source of the evidence")
        await typed(pilot, "retry log")
        await on_screen(pilot, InvestigationScreen)
        await showing(pilot, "the retry log shows no pauses")
    found = record(level).hypotheses[1].speaks_against[0].item
    assert (found.label, found.inferred, found.source) == ("circumstantial", True, "retry log")


async def test_a_pin_of_the_incident_brings_text_label_source_and_query_along(make_app: MakeApp, level: Level3) -> None:
    async with reading(make_app, level) as pilot:
        await pilot.press("j")
        await showing(pilot, "pinned in the incident", "1,204 HTTP 429 a minute")
        await pilot.press("tab")
        screen(pilot).detail_view.place("pin:E1")
        await pilot.press("enter")
        for _ in range(3):
            await typed(pilot, "")
        await on_screen(pilot, InvestigationScreen)
        await showing(pilot, "1,204 HTTP 429 a minute: Retry-After 30 s")
        found = record(level).hypotheses[1].speaks_for[0].item
        assert (found.label, found.source) == ("statistical", "datadog")
        assert found.evidence is not None
        screen(pilot).detail_view.focus()
        screen(pilot).detail_view.place(f"item:{found.item}")
        await pilot.press("w")
        await showing(pilot, "asked of datadog", "*429*")


async def test_a_hypothesis_is_rejected_with_a_reason_and_opened_again(make_app: MakeApp, level: Level3) -> None:
    async with reading(make_app, level) as pilot:
        await judge(pilot, "reject H1")
        await typed(pilot, "support denies it")
        await on_screen(pilot, InvestigationScreen)
        await showing(pilot, "rejected: support denies it")
        await judge(pilot, "open H1 again")
        await typed(pilot, "support was wrong")
        await on_screen(pilot, InvestigationScreen)
        await until(pilot, lambda: record(level).hypotheses[0].standing == "open")


async def test_the_root_cause_takes_typed_words_and_a_reason(make_app: MakeApp, level: Level3) -> None:
    async with reading(make_app, level) as pilot:
        await judge(pilot, "name H1 as the root cause")
        await typed(pilot, "yes")
        await showing(pilot, "type root cause to name it")
        assert record(level).root_cause is None
        await typed(pilot, "root cause")
        await showing(pilot, "as the root cause, why")
        await typed(pilot, "support confirmed it in writing")
        await on_screen(pilot, InvestigationScreen)
        await showing(pilot, "ROOT CAUSE")
    cause = record(level).root_cause
    assert cause is not None
    assert cause.hypothesis == "H1"


async def test_evidence_is_withdrawn_with_a_reason_and_stays_to_be_seen(make_app: MakeApp, level: Level3) -> None:
    async with reading(make_app, level) as pilot:
        screen(pilot).detail_view.focus()
        screen(pilot).detail_view.place("item:V2")
        await judge(pilot, "withdraw V2")
        await typed(pilot, "it was another customer")
        await on_screen(pilot, InvestigationScreen)
        await showing(pilot, "withdrawn: it was another customer", "PRELIMINARY, 1 source")


async def test_a_closed_record_shows_its_conclusion_and_takes_nothing_more(make_app: MakeApp, level: Level3) -> None:
    async with reading(make_app, level) as pilot:
        await judge(pilot, "close the investigation")
        await typed(pilot, "Zillow lowered our limit.")
        await on_screen(pilot, InvestigationScreen)
        await showing(pilot, "concluded: Zillow lowered our limit.")
        await pilot.press("N")
        await showing(pilot, "is closed")


async def test_a_failure_keeps_all_three_lines(make_app: MakeApp, level: Level3) -> None:
    async with reading(make_app, level) as pilot:
        await pilot.press("tab", "N")
        await typed(pilot, "seen twice")
        await typed(pilot, "against")
        level.investigations.failing = True
        await typed(pilot, "a customer")
        await showing(pilot, "state: unreachable")
        level.investigations.failing = False
        await pilot.press("N")
        for _ in range(3):
            await typed(pilot, "")
        await on_screen(pilot, InvestigationScreen)
        await until(
            pilot, lambda: any(one.item.text == "seen twice" for one in record(level).hypotheses[0].speaks_against)
        )


async def test_what_another_console_weighs_shows_without_losing_the_cursor(make_app: MakeApp, level: Level3) -> None:
    async with reading(make_app, level) as pilot:
        await pilot.press("j")
        level.investigations.real.weigh(RECORD, "H2", "for", EvidenceLabel.DIRECT, "seen by somebody else", "worker")
        await showing(pilot, "seen by somebody else")
        assert screen(pilot).list_view.cursor_key == "hypothesis:H2"


async def test_an_unknown_record_says_which_exist(make_app: MakeApp, level: Level3) -> None:
    app = make_app(level.service)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened_sources(pilot)
        app.command("investigation INV-99")
        await on_screen(pilot, InvestigationScreen)
        await showing(pilot, "not read; r asks again")
        assert "INV-3" in shown(pilot)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", ("for", "direct", False)),
        ("against stat", ("against", "statistical", False)),
        ("experimental, inference", ("for", "experimental", True)),
    ],
)
def test_side_and_label_have_defaults_and_may_be_shortened(text: str, read: tuple[str, str, bool]) -> None:
    assert side_and_label(text, ("direct", "circumstantial", "statistical", "experimental")) == read


def test_what_is_no_side_and_no_label_is_said_with_what_is_accepted() -> None:
    said = side_and_label("perhaps", ("direct", "circumstantial"))
    assert isinstance(said, str)
    assert "for, against, direct" in said
