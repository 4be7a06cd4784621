"""However the console ends, the terminal is as it was found and nothing stays behind."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from sandbox.launch import SandboxProcess
from tests.console_pty.conftest import ROOT, Start, config, has_answers, issue_rows, step
from tests.terminal import Terminal
from tui.crash import CRASH_EXIT_CODE

pytestmark = pytest.mark.pty


def is_running(pid: int) -> bool:
    """Whether a process runs (one that waits to be reaped does not)."""
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def children(pid: int) -> list[int]:
    """Processes that any thread of `pid` has started and that run."""
    tasks = Path(f"/proc/{pid}/task")
    return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]


def test_it_draws_level_1_and_q_leaves_the_terminal_as_it_was(start: Start, sandbox: SandboxProcess) -> None:
    with start(*config(sandbox)) as terminal:
        terminal.wait_for(has_answers, 60)
        assert "writer" in terminal.screen()[0]
        assert "212,631" in terminal.text
        assert not terminal.modes.mouse
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert terminal.not_restored() == []
        assert b"Traceback" not in terminal.raw


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_a_signal_while_it_is_live_restores_the_terminal(
    start: Start, sandbox: SandboxProcess, number: int, code: int
) -> None:
    with start(*config(sandbox)) as terminal:
        terminal.wait_for(lambda seen: len(issue_rows(seen)) == 3)
        terminal.signal(number)
        assert terminal.wait_exit() == code
        assert terminal.not_restored() == []
        assert b"Traceback" not in terminal.raw


def test_a_signal_in_the_first_moments_restores_the_terminal(start: Start, sandbox: SandboxProcess) -> None:
    with start(*config(sandbox)) as terminal:
        terminal.wait_for(lambda seen: seen.modes.alternate)
        terminal.signal(signal.SIGTERM)
        assert terminal.wait_exit() == 143
        assert terminal.not_restored() == []


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for child processes in /proc")
def test_a_lost_connection_ends_the_console_and_the_stand_ins_it_started(start: Start) -> None:
    with start("--sandbox", "healthy") as terminal:
        terminal.wait_for(has_answers, 60)
        started = children(terminal.pid)
        assert started
        terminal.hang_up()
        assert terminal.wait_exit() == 129
        terminal.wait_for(lambda _: not any(is_running(pid) for pid in started))


FAILING = """
import sys
from pathlib import Path
from tui.app import WarRoomApp
from tui.console import run
from tui.options import Options

class Failing(WarRoomApp):
    def act_pause(self):
        raise LookupError("nobody expected this")

sys.exit(run(Failing(Options(config=Path(sys.argv[1])))))
"""


def test_an_error_nobody_expected_is_one_calm_line_and_a_file(sandbox: SandboxProcess, tmp_path: Path) -> None:
    home = {"XDG_STATE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    with Terminal([sys.executable, "-c", FAILING, config(sandbox)[1]], home, cwd=ROOT) as terminal:
        terminal.wait_for(has_answers, 60)
        terminal.send(" ")
        assert terminal.wait_exit() == CRASH_EXIT_CODE
        assert terminal.not_restored() == []
        assert b"Traceback" not in terminal.raw
        (log,) = tmp_path.rglob("crashes/*.log")
        assert "nobody expected this" in log.read_text()
        assert str(log).encode() in terminal.raw


def test_ctrl_z_gives_the_shell_back_and_fg_the_whole_picture(sandbox: SandboxProcess, tmp_path: Path) -> None:
    environment = {"PS1": "ready> ", "ENV": None, "XDG_STATE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    with Terminal(["/bin/sh", "-i"], environment, cwd=ROOT) as terminal:
        terminal.wait_for("ready>")
        terminal.send(f"{sys.executable} -m tui {' '.join(config(sandbox))}\n")
        terminal.wait_for(has_answers, 60)
        terminal.press("ctrl+z")
        terminal.wait_for(lambda seen: seen.text.rstrip().endswith("ready>"))
        assert terminal.not_restored() == []
        terminal.send("fg\n")
        terminal.wait_for(has_answers)
        assert terminal.modes.alternate
        step(terminal)
        terminal.send("q")
        terminal.wait_for(lambda seen: not seen.modes.alternate and seen.text.rstrip().endswith("ready>"))
        assert terminal.not_restored() == []
