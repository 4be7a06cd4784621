"""Sources that die under the running console, and come back."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from sandbox.launch import start_sandbox
from tests.console_pty.conftest import GENEROUS, Start, config, has_answers, step
from tests.terminal import Terminal

pytestmark = pytest.mark.pty


def admits_the_loss(terminal: Terminal) -> bool:
    """The issue in view says that its numbers are old and why."""
    return "stale" in terminal.text and "unreachable" in terminal.text


def test_the_sandbox_is_killed_and_comes_back(start: Start, tmp_path: Path) -> None:
    directory = tmp_path / "sandbox"
    with start_sandbox("nov17", directory=directory, rate_limits=GENEROUS) as first:
        port = first.port
        with start(*config(first)) as terminal:
            terminal.wait_for(has_answers, 60)
            os.kill(first.pid, signal.SIGKILL)
            terminal.wait_for(admits_the_loss, 90)
            # The last good number is kept, and keys are answered.
            assert "212,631" in terminal.text or "backlog" in terminal.text
            step(terminal)
            terminal.send("?")
            terminal.wait_for("help")
            terminal.press("escape")
            first.stop()
            with start_sandbox("nov17", directory=directory, port=port, rate_limits=GENEROUS):
                terminal.wait_for(lambda seen: has_answers(seen) and not admits_the_loss(seen), 120)
                step(terminal)
            terminal.send("q")
            assert terminal.wait_exit() == 0
            assert terminal.not_restored() == []
            assert b"Traceback" not in terminal.raw


def test_it_starts_without_any_source_and_says_so(start: Start, tmp_path: Path) -> None:
    with start_sandbox("healthy", directory=tmp_path / "sandbox") as gone:
        arguments = config(gone)
    with start(*arguments) as terminal:
        terminal.wait_for("unreachable", 60)
        step(terminal)
        assert "ok " not in "".join(terminal.screen()[2:5])
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert terminal.not_restored() == []
