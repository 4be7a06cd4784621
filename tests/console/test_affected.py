"""Accounts affected: one key from any screen, sorted, filtered, grouped, copied, written, drilled into."""

from __future__ import annotations

import json
import types
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.models.incidents import AffectedAccount, AffectedAccounts
from screens.account.affected import AffectedScreen
from screens.critical.screen import CriticalScreen
from tests.console.rest import rest, until
from tests.console.rooms import MakeApp, footer, settle
from tests.console.scripted import NOW, ScriptedService, evidence
from widgets.line_view import LineView

NAMES = {37_639: "Riverside Realty", 168_527: "Foxhall Residential", 14_009: "Harbor & Pine", 75_172: "青山不動産"}


def accounts(**changes: Any) -> AffectedAccounts:  # noqa: ANN401  # fields of the answer
    rows = tuple(
        AffectedAccount(
            issue="rate_limiting",
            account_id=number,
            impact=200.0 - 10 * at,
            why="large 20 × incident 10",
            name=name,
            size=None if number == 75_172 else 4_000 - at,
            exists=True,
            events=900 + at,
            share=None,
            first_seen=NOW - timedelta(minutes=14),
            last_seen=NOW,
            began_before=True,
            kinds=(("pushLead", 500), ("fetchUserInfo", 400)) if at % 2 else (("fetchUserInfo", 900),),
            connections=10,
            syncing=10 - at,
        )
        for at, (number, name) in enumerate(NAMES.items())
    )
    made = AffectedAccounts(
        issue="rate_limiting",
        severity="incident",
        window_s=900,
        rows=rows,
        total=len(rows),
        at_least=False,
        basis="named by logs of the last 15 min",
        taken_at=NOW,
        evidence=(evidence("datadog", "by account", 4),),
    )
    return replace(made, **changes)


class Answers:
    """The assessments, as far as a list asks them."""

    def __init__(self, answer: AffectedAccounts | SourceFailure) -> None:
        self.answer = answer
        self.asked: list[tuple[str, str | None, int | None]] = []

    def affected(
        self, issue: str, severity: str | None = None, window_s: int | None = None, **_: object
    ) -> AffectedAccounts:
        self.asked.append((issue, severity, window_s))
        if isinstance(self.answer, SourceFailure):
            raise self.answer
        return self.answer


@asynccontextmanager
async def listing(
    make_app: MakeApp,
    answer: AffectedAccounts | SourceFailure | None = None,
    size: tuple[int, int] = (120, 40),
) -> AsyncIterator[tuple[Pilot[int], AffectedScreen, Answers]]:
    answers = Answers(answer or accounts())
    service = ScriptedService(assessments=cast("Any", answers))
    app = make_app(service)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await pilot.press("i")
        await until(pilot, lambda: isinstance(pilot.app.screen, AffectedScreen))
        screen = cast("AffectedScreen", pilot.app.screen)
        await until(pilot, lambda: screen.reading is not None and bool(screen.answer or screen.reading.failure))
        await rest(pilot)
        yield pilot, screen, answers


def title(screen: AffectedScreen) -> str:
    return screen.query_one("#screen-title", LineView).rows[0].text


def notes(screen: AffectedScreen) -> str:
    return " ".join(row.text for row in screen.query_one("#table-notes", LineView).rows)


def shown(screen: AffectedScreen) -> list[str]:
    return [screen.view.drawn.key_at(at) for at in range(len(screen.view.rows))] if screen.view.drawn else []


def text_on(pilot: Pilot[int]) -> str:
    return "\n".join(row.text for view in pilot.app.screen.query(LineView) for row in view.rows)


async def press(pilot: Pilot[int], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await rest(pilot)


async def test_one_key_lists_whom_the_issue_in_view_hits(make_app: MakeApp) -> None:
    async with listing(make_app) as (pilot, screen, answers):
        assert answers.asked[0] == ("rate_limiting", "incident", 900)
        assert "4 accounts · Rate limiting · last 15m" in title(screen)
        assert shown(screen)[0] == "account:37639"
        first = screen.view.rows[0].text
        for said in ("37639", "Riverside Realty", "4,000", "200.0", "900", "≤13:49", "yes", "fetchUserInfo"):
            assert said in first, said
        await press(pilot, "j", "enter")
        assert "account 168527" in text_on(pilot)
        await press(pilot, "escape")
        assert pilot.app.screen is screen
        assert screen.view.cursor_key == "account:168527"
        assert screen.query_in_view().endswith(" @context.account_id:168527")


async def test_enter_on_the_number_of_accounts_on_level_1_lists_them(make_app: MakeApp) -> None:
    answers = Answers(accounts())
    app = make_app(ScriptedService(assessments=cast("Any", answers)))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "enter", "G")
        detail = pilot.app.screen.query_one("#detail", LineView)
        assert detail.current is not None
        assert "61 accounts" in detail.current.text
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, AffectedScreen) and bool(answers.asked))
        assert answers.asked[0] == ("rate_limiting", "incident", 900)


async def test_any_column_sorts_in_either_direction_and_what_is_not_known_stays_last(make_app: MakeApp) -> None:
    async with listing(make_app) as (pilot, screen, _):
        await press(pilot, "right", "right", "s")
        assert "by users down" in title(screen)
        assert shown(screen)[-1] == "account:75172"
        assert screen.view.cursor_key == shown(screen)[0] == "account:37639"
        await press(pilot, "s")
        assert shown(screen)[0] == "account:14009"
        assert shown(screen)[-1] == "account:75172"


async def test_groups_open_and_esc_leads_out_step_by_step(make_app: MakeApp) -> None:
    async with listing(make_app) as (pilot, screen, _):
        screen.group("kind")
        await rest(pilot)
        assert [item.text.split() for item in screen.view.rows] == [["2", "fetchUserInfo"], ["2", "pushLead"]]
        await press(pilot, "enter")
        assert shown(screen) == ["account:37639", "account:14009"]
        await press(pilot, "escape")
        assert len(screen.view.rows) == 2
        await press(pilot, "escape")
        assert len(screen.view.rows) == 4
        screen.set_filter("realty")
        assert shown(screen) == ["account:37639"]
        await press(pilot, "escape")
        assert len(screen.view.rows) == 4
        assert pilot.app.screen is screen
        await press(pilot, "escape")
        assert pilot.app.screen is not screen


async def test_columns_numbers_and_order_are_kept_for_who_comes_back(make_app: MakeApp) -> None:
    async with listing(make_app) as (pilot, screen, _):
        await press(pilot, "#")
        assert screen.view.rows[3].text.split()[0] == "4"
        await press(pilot, "V", "enter", "escape")
        heading = screen.query_one("#table-heading", LineView).rows[0].text
        assert heading.split()[0] == "name"
        screen.sort("users", "up")
        other = AffectedScreen("rate_limiting")
        other.recall(json.loads(json.dumps(screen.memory())))
        assert (other.table.numbers, other.table.sorted_by, other.table.descending) == (True, "users", False)
        assert other.table.chosen == screen.table.chosen


@pytest.mark.parametrize("size", [(60, 15), (400, 120)], ids=str)
async def test_it_stands_in_the_smallest_and_in_the_largest_terminal(make_app: MakeApp, size: tuple[int, int]) -> None:
    async with listing(make_app, size=size) as (_, screen, _answers):
        assert "37639" in screen.view.rows[0].text
        assert "900" in screen.view.rows[0].text
        assert ("pushLead 500, fetchUserInfo 400" in screen.view.rows[1].text) is (size[0] == 400)


@pytest.mark.honesty(
    "accounts affected: nobody knows which, or the source is gone",
    "not known, and why; no empty table that reads as none",
)
async def test_not_known_is_not_none(make_app: MakeApp) -> None:
    unknown = accounts(rows=(), total=None, basis="no event carries @context.account_id")
    async with listing(make_app, unknown) as (pilot, screen, _):
        assert "accounts affected: not known" in title(screen)
        assert "No event carries @context.account_id" in notes(screen)
        assert "no account is" not in notes(screen)
        await press(pilot, "enter", "s", "p", "y")
        assert pilot.app.screen is screen
    async with listing(make_app, accounts(rows=(), total=0)) as (_, screen, _answers):
        assert "0 accounts" in title(screen)
        assert "no account is named by logs of the last 15 min" in notes(screen)
    failure = SourceFailure(FailureKind.UNREACHABLE, "datadog", "no answer", remedy="look at it")
    async with listing(make_app, failure) as (_, screen, _answers):
        assert "not known" in title(screen)
        assert "datadog: unreachable" in notes(screen)


async def test_a_partial_list_says_of_how_many(make_app: MakeApp) -> None:
    async with listing(make_app, accounts(total=812, at_least=True)) as (_, screen, _answers):
        assert "4 of at least 812 accounts" in title(screen)
        assert "those with most events" in notes(screen)


async def test_rows_cells_and_tables_are_copied_and_written_where_nothing_is_lost(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listing(make_app) as (pilot, screen, _):
        copied: list[str] = []
        monkeypatch.setattr(pilot.app, "copy", copied.append)
        pilot.app.command("copy cell")  # type: ignore[attr-defined]
        pilot.app.command("copy row json")  # type: ignore[attr-defined]
        pilot.app.command("copy table markdown")  # type: ignore[attr-defined]
        assert copied[0] == "37639"
        assert json.loads(copied[1])[0]["name"] == "Riverside Realty"
        assert copied[2].count("\n") == 6
        target = tmp_path / "accounts.csv"
        pilot.app.command(f"export csv {target}")  # type: ignore[attr-defined]
        await until(pilot, target.exists)
        await until(pilot, lambda: "4 rows written" in footer(pilot))
        kept = target.read_bytes()
        assert kept.decode().count("\n") == 5
        pilot.app.command(f"export json {target}")  # type: ignore[attr-defined]
        await until(pilot, lambda: "is there already" in footer(pilot))
        assert target.read_bytes() == kept
        pilot.app.command("export csv /dev/full/x")  # type: ignore[attr-defined]
        await until(pilot, lambda: "could not be written" in footer(pilot))
        for line, said in (("copy everything", "not understood"), ("sort height", "no column"), ("export xml", "form")):
            pilot.app.command(line)  # type: ignore[attr-defined]
            await rest(pilot)
            assert said in text_on(pilot)
            await press(pilot, "escape")
        assert screen.view.cursor_key == "account:37639"


async def test_a_line_for_a_table_says_where_one_is(make_app: MakeApp) -> None:
    app = make_app(ScriptedService(assessments=types.SimpleNamespace()))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        for line, said in (("sort users", "belongs to a table"), ("affected fire", "no issue type 'fire'")):
            app.command(line)
            await rest(pilot)
            assert said in text_on(pilot)


async def test_the_account_under_the_cursor_is_proposed_and_typing_replaces_it(make_app: MakeApp) -> None:
    async with listing(make_app) as (pilot, screen, _):
        await press(pilot, "j", "a")
        assert pilot.app.screen.query_one(Input).value == "account 168527"
        await press(pilot, "enter")
        assert "account 168527" in text_on(pilot)
        await press(pilot, "escape")
        assert pilot.app.screen is screen
        await press(pilot, "a", *"14009", "enter")
        assert "account 14009" in text_on(pilot)


async def test_the_account_of_the_log_line_under_the_cursor_is_proposed(make_app: MakeApp) -> None:
    app = make_app(ScriptedService())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "a")
        assert pilot.app.screen.query_one(Input).value == "account "
        await press(pilot, "escape", "l", "k")
        line = cast("CriticalScreen", pilot.app.screen).log_pane.current
        assert line is not None
        account = cast("dict[str, Any]", line.attributes["context"])["account_id"]
        await press(pilot, "a")
        assert pilot.app.screen.query_one(Input).value == f"account {account}"
