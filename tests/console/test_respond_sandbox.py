"""From the console down to the stand-ins, on 17 November: three keys and a word, and everything is there once."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from textual.pilot import Pilot

from sandbox.launch import SandboxProcess, start_sandbox
from screens.incident.respond import RespondScreen
from tests.console.account_rooms import press, text_on
from tests.console.rest import rest
from tui.app import WarRoomApp
from tui.options import Options

DEADLINE_S = 120.0


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxProcess]:
    """The stand-ins, with rate limits that keep no console waiting."""
    with start_sandbox("nov17", rate_limits=("search=1000/10", "aggregate=1000/10")) as process:
        yield process


@pytest.fixture
def sandbox(running: SandboxProcess) -> SandboxProcess:
    """In order, and without what was written there before."""
    running.clear_faults()
    running.forget()
    return running


@asynccontextmanager
async def console(sandbox: SandboxProcess, home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pilot[int]]:
    """The whole console over stand-ins with sockets and databases of their own."""
    monkeypatch.setenv("HOME", str(home))
    for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "WARROOM_STATE_DIR"):
        monkeypatch.setenv(variable, str(home))
    # A hanging answer is given up after this long; what was stored meanwhile has to be found again.
    monkeypatch.setenv("WARROOM_SLACK__TIMEOUT_S", "2")
    monkeypatch.setenv("WARROOM_JIRA__TIMEOUT_S", "2")
    app = WarRoomApp(Options(config=sandbox.directory / "console.toml"))
    try:
        async with app.run_test(size=(120, 40)) as pilot:
            await within(pilot, lambda: app.service is not None or app.problem is not None)
            assert app.service is not None, app.problem
            yield pilot
    finally:
        app.end()


async def within(pilot: Pilot[int], condition: Any, deadline_s: float = DEADLINE_S) -> None:  # noqa: ANN401  # a callable
    ends = time.monotonic() + deadline_s
    while time.monotonic() < ends:
        await rest(pilot)
        if condition():
            return
    pytest.fail(text_on(pilot))


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param((), marks=pytest.mark.matrix),  # the same way, with nothing to be looked for again
        ("slack_post=stored_hang/1", "incident_create=stored_hang/1"),
    ],
    ids=str,
)
async def test_from_triage_to_told_and_tracked_in_three_keys_and_a_word(
    sandbox: SandboxProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faults: tuple[str, ...]
) -> None:
    async with console(sandbox, tmp_path, monkeypatch) as pilot:
        if faults:
            sandbox.set_faults(*faults)
        app = cast("WarRoomApp", pilot.app)
        first = cast("Any", app.screen_stack[0])
        await within(pilot, lambda: first.state.severity("rate_limiting") == "incident")
        await press(pilot, "n", "down", "enter")
        screen = app.screen
        assert isinstance(screen, RespondScreen), text_on(pilot)
        await within(pilot, lambda: screen.state.seen or screen.state.problem is not None)
        assert screen.state.problem is None, screen.state.problem
        assert screen.typing, text_on(pilot)
        proposal = screen.state.proposal
        assert proposal is not None
        await press(pilot, *proposal.word, "enter")
        await within(pilot, lambda: screen.state.declared is not None)
        await within(pilot, lambda: all(one.is_settled for one in screen.state.deliveries))
        assert {one.state for one in screen.state.deliveries} == {"sent"}, text_on(pilot)
        recorded = sandbox.recorded()
        assert len(recorded.messages) == 1
        assert len(recorded.incidents) == 1
        assert len(recorded.issues) == 1
        assert "done. Delivered" in text_on(pilot)
