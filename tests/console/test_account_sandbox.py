"""From the console down to the row, over real sockets: the accounts of the founding incidents."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from textual.pilot import Pilot

from sandbox.launch import SandboxProcess, start_sandbox
from sandbox.stories.account_list import ERROR_CODE_DEALS
from screens.account.screen import AccountScreen
from screens.account.tabs import ORDER
from screens.deal import DealScreen
from screens.listing import ListingScreen
from tests.console.account_rooms import arrived, press, text_on
from tests.console.rest import on_top, rest, until
from tui.app import WarRoomApp
from tui.options import Options

GENEROUS = ("search=1000/10", "aggregate=1000/10")
"""Rate limits that keep no console waiting."""


def config(sandbox: SandboxProcess) -> Options:
    """A console on stand-ins that run already."""
    return Options(config=sandbox.directory / "console.toml")


@pytest.fixture(scope="module")
def on_14009() -> Iterator[Options]:
    """A console on the story of account 14009, which these tests only look at."""
    with start_sandbox("account_14009", rate_limits=GENEROUS) as sandbox:
        yield config(sandbox)


@asynccontextmanager
async def console(
    options: Options, home: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Pilot[int]]:
    """The whole console over stand-ins with sockets and databases of their own."""
    monkeypatch.setenv("HOME", str(home))
    for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "WARROOM_STATE_DIR"):
        monkeypatch.setenv(variable, str(home))
    app = WarRoomApp(options)
    try:
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: app.service is not None)
            assert app.service is not None, app.problem
            yield pilot
    finally:
        app.end()


async def go(pilot: Pilot[int], line: str) -> None:
    cast("WarRoomApp", pilot.app).command(line)
    await rest(pilot)
    await settled(pilot)


async def settled(pilot: Pilot[int]) -> None:
    """Wait for the screen's own readings; the first ones also import what they need."""
    for _ in range(10):
        await arrived(pilot)
    await rest(pilot)


async def test_the_47_agents_of_account_14009_are_named(
    on_14009: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with console(on_14009, tmp_path, monkeypatch) as pilot:
        await go(pilot, "account 14009")
        said = " ".join(text_on(pilot).split())
        assert "47 agents INFERRED or UNMATCHED although the user holds" in said
        await press(pilot, "tab", "tab")
        await settled(pilot)
        assert "47 agents stale: name every one" in text_on(pilot)
        await press(pilot, "g", "enter")
        await on_top(pilot, ListingScreen)
        rows = cast("ListingScreen", pilot.app.screen).body.rows
        assert len([row for row in rows if (row.key or "").startswith("stale:")]) == 47


async def test_every_tab_of_an_account_answers_or_says_why_not(
    on_14009: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with console(on_14009, tmp_path, monkeypatch) as pilot:
        await go(pilot, "account 14009")
        await press(pilot, "tab")
        screen = cast("AccountScreen", pilot.app.screen)
        for name in ORDER:
            assert screen.tab == name
            await settled(pilot)
            if name in screen.tabs:
                reading = screen.tabs[name].reading
                assert reading is not None
                assert reading.value is not None, reading.failure
            else:
                assert screen.log_reading is not None
                assert screen.log_reading.value is not None, screen.log_reading.failure
            await press(pilot, "tab")
            await rest(pilot)


async def test_every_error_code_is_the_first_thing_on_the_deals_screen(
    on_14009: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with console(on_14009, tmp_path, monkeypatch) as pilot:
        for code, (account, deal) in ERROR_CODE_DEALS.items():
            await go(pilot, f"deal {deal} {account}")
            screen = cast("DealScreen", pilot.app.screen)
            assert screen.reading is not None
            assert screen.reading.value is not None, screen.reading.failure
            assert screen.body.rows[0].text == f"fails with  {code}"
            await press(pilot, "escape")


async def test_account_148261_ends_in_integration_disabled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with start_sandbox("account_148261", rate_limits=GENEROUS) as sandbox:
        async with console(config(sandbox), tmp_path, monkeypatch) as pilot:
            await go(pilot, "account 148261")
            await press(pilot, "x")
            await on_top(pilot, ListingScreen)
            assert "integration disabled in Premier Agent" in text_on(pilot)
