"""Small terminals, terminals that change size, links that stall."""

from __future__ import annotations

import signal
import time

import pytest

from sandbox.launch import SandboxProcess
from tests.console_pty.conftest import Start, config, has_answers, issue_rows, step
from tests.terminal import Terminal

pytestmark = pytest.mark.pty


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        (60, 15),
        pytest.param(80, 24, marks=pytest.mark.matrix),
        pytest.param(200, 60, marks=pytest.mark.matrix),
        (20, 5),
    ],
)
def test_it_runs_at_any_size(start: Start, sandbox: SandboxProcess, columns: int, rows: int) -> None:
    with start(*config(sandbox), columns=columns, rows=rows) as terminal:
        if columns >= 60:
            terminal.wait_for(has_answers, 60)
            step(terminal)
        else:
            terminal.wait_for(lambda seen: seen.modes.alternate and seen.emulator.filled() > 20)
        assert terminal.process.poll() is None
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert terminal.not_restored() == []


def test_resizing_while_it_draws_leaves_one_whole_picture(start: Start, sandbox: SandboxProcess) -> None:
    with start(*config(sandbox)) as terminal:
        terminal.wait_for(lambda seen: len(issue_rows(seen)) == 3)
        for columns, rows in [(80, 24), (200, 60), (60, 15), (1, 1), (121, 41), (70, 50), (240, 10), (120, 40)] * 3:
            received = terminal.received
            terminal.resize(columns, rows)
            # The next size comes while this one is being painted.
            terminal.wait_for(lambda seen, received=received: seen.received > received)  # type: ignore[misc]
        terminal.wait_for(has_answers, 60)
        terminal.wait_for(lambda seen: "Zillow War Room" in seen.screen()[0] and "help" in seen.screen()[-1])
        assert len(issue_rows(terminal)) == 3
        step(terminal)
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert terminal.not_restored() == []


def test_a_stalled_link_does_not_stop_it_and_keys_typed_meanwhile_count(start: Start, sandbox: SandboxProcess) -> None:
    with start(*config(sandbox)) as terminal:
        terminal.wait_for(has_answers, 60)
        stall_full(terminal)
        terminal.send(" ")
        received = terminal.received
        terminal.unstall()
        terminal.wait_for(lambda seen: "paused" in seen.text)
        terminal.wait_for(has_answers)
        step(terminal)
        # Less than what was painted: what waits for a link is bounded, and one whole picture follows it.
        assert terminal.received - received < PICTURES * PICTURE_BYTES / 2


def test_sigterm_ends_it_on_a_stalled_link(start: Start, sandbox: SandboxProcess) -> None:
    with start(*config(sandbox)) as terminal:
        terminal.wait_for(has_answers, 60)
        stall_full(terminal)
        terminal.signal(signal.SIGTERM)
        assert terminal.wait_exit() == 143


PICTURES = 60
PICTURE_BYTES = 20_000
"""Bytes of one whole picture at 120×40, roughly."""


def stall_full(terminal: Terminal) -> None:
    """Stop taking bytes and have more painted than the kernel and the writer keep."""
    terminal.stall()
    for number in range(PICTURES):
        terminal.resize(120, 39 + number % 2)
        # Nothing that the program does can be seen now; without a pause it would paint the last size only.
        time.sleep(0.05)
