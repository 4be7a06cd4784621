"""Reconciliation by keyboard: an account's differences, a plan, the typed words, and the taking back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from textual.pilot import Pilot

from screens.line_entry import LineEntry
from screens.reconcile import ReconcileScreen, RepairScreen
from tests.console.account_rooms import press, text_on
from tests.console.rest import on_top, rest, until
from tests.console.rooms import MakeApp, footer, settle
from tests.console.scripted import ScriptedService
from tests.reconcile.account import ACCOUNT, StaleAccount


class WithReconcile(ScriptedService):
    """Written answers, and a real reconciliation behind them."""

    def __init__(self, reconcile: object) -> None:
        super().__init__()
        self.reconcile = reconcile


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StaleAccount]:
    """Stale agents that have been so for two minutes of the screens' clock."""
    made = StaleAccount(tmp_path)
    monkeypatch.setattr("screens.reconcile.utc_now", lambda: made.at)
    yield made
    made.close()


async def opened(make_app: MakeApp, account: StaleAccount, pilot: Pilot[Any]) -> None:
    await settle(pilot)
    cast("Any", pilot.app).command(f"reconcile {ACCOUNT}")
    await on_top(pilot, ReconcileScreen)
    await until(pilot, lambda: "disagree" in text_on(pilot) and "reading…" not in text_on(pilot))


async def test_from_the_report_to_the_taking_back(make_app: MakeApp, account: StaleAccount) -> None:
    account.service.report(ACCOUNT)
    account.later(61)
    app = make_app(WithReconcile(account.service))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(make_app, account, pilot)
        assert "4 differences persist" in text_on(pilot)
        assert "plan a repair of 4 rows" in text_on(pilot)
        await press(pilot, "enter")
        await on_top(pilot, RepairScreen)
        await until(pilot, lambda: "carry it out: write 4 rows" in text_on(pilot))
        assert text_on(pilot).count("INFERRED (3) → CONNECTED (1)") == 4
        await press(pilot, "enter")
        await on_top(pilot, LineEntry)
        await press(pilot, *"4 pro", "enter")
        assert 'type "4 PROD" to write' in text_on(pilot)
        assert set(account.methods().values()) == {1, 3}
        await press(pilot, "ctrl+u", *"4 PROD", "enter")
        await until(pilot, lambda: "4 rows fixed" in text_on(pilot))
        assert set(account.methods().values()) == {1}
        await press(pilot, "enter")
        await until(pilot, lambda: "takes REP-1 back" in text_on(pilot))
        await press(pilot, "enter")
        await on_top(pilot, LineEntry)
        await press(pilot, *"4 PROD", "enter")
        await until(pilot, lambda: "4 rows restored" in text_on(pilot))
        assert set(account.methods().values()) == {1, 3}


async def test_without_a_writer_the_screen_has_nothing_that_writes(make_app: MakeApp, account: StaleAccount) -> None:
    record = account.planned()
    settings = account.settings()
    reader = account.console(
        settings.model_copy(update={"writes": settings.writes.model_copy(update={"repairs": False})})
    )
    app = make_app(WithReconcile(reader))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.command(f"repair {record.name.lower()}")
        await on_top(pilot, RepairScreen)
        await until(pilot, lambda: "old → new" in text_on(pilot))
        assert "carry it out" not in text_on(pilot)
        assert "this console has no writer" in text_on(pilot)
        await press(pilot, "home", "enter")
        assert isinstance(pilot.app.screen, RepairScreen)
        assert account.service.show(record.name).started is None


@pytest.mark.parametrize(
    ("line", "says"),
    [("reconcile 99999999", "there is no account 99999999"), ("repair REP-99", "there is no repair REP-99")],
)
async def test_what_is_not_there_is_said_on_the_screen_and_nothing_is_reading(
    make_app: MakeApp, account: StaleAccount, line: str, says: str
) -> None:
    app = make_app(WithReconcile(account.service))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        app.command(line)
        await until(pilot, lambda: says in text_on(pilot))
        assert "r asks again" in text_on(pilot)
        assert "reading…" not in text_on(pilot)


async def test_one_reading_offers_the_second_and_esc_ends_the_waiting(make_app: MakeApp, account: StaleAccount) -> None:
    app = make_app(WithReconcile(account.service))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(make_app, account, pilot)
        assert "4 differences seen once" in text_on(pilot)
        await press(pilot, "enter")
        await until(pilot, lambda: "second reading" in footer(pilot))
        await press(pilot, "escape")
        await rest(pilot)
        assert isinstance(pilot.app.screen, ReconcileScreen)
        assert "4 differences seen once" in text_on(pilot)
