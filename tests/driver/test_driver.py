"""The driver in a real pty: stalled links, signals, job control, hostile text, errors."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.terminal import Terminal
from tui.crash import CRASH_EXIT_CODE

pytestmark = pytest.mark.pty

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "tests.driver.subject"]

Start = Callable[..., Terminal]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    def started(*words: str) -> Terminal:
        return Terminal([*COMMAND, str(tmp_path), *words], cwd=ROOT)

    return started


def noted(folder: Path, name: str) -> int:
    """Number written down by the subject, or 0."""
    try:
        return int((folder / name).read_text() or 0)
    except FileNotFoundError:
        return 0


def test_the_terminal_is_restored_when_the_application_ends(start: Start) -> None:
    with start() as terminal:
        terminal.wait_for("row  12")
        assert terminal.modes.alternate
        assert not terminal.modes.mouse
        terminal.send("q")
        assert terminal.wait_exit() == 0
        assert terminal.not_restored() == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)])
def test_a_signal_restores_the_terminal_and_ends_with_the_code_a_shell_expects(
    start: Start, number: int, code: int
) -> None:
    with start("noisy") as terminal:
        terminal.wait_for("row  12")
        terminal.signal(number)
        assert terminal.wait_exit() == code
        assert terminal.not_restored() == []


def test_a_lost_connection_ends_the_program_as_sighup_does(start: Start) -> None:
    with start("noisy") as terminal:
        terminal.wait_for("row  12")
        terminal.hang_up()
        assert terminal.wait_exit() == 129


def test_a_stalled_link_does_not_stop_the_application_and_the_picture_is_whole_afterwards(
    start: Start, tmp_path: Path
) -> None:
    with start("noisy") as terminal:
        terminal.wait_for("row  12")
        terminal.stall()
        # Far more frames than the writer keeps.
        before = noted(tmp_path, "rounds")
        terminal.wait_for(lambda _: noted(tmp_path, "rounds") > before + 60)
        terminal.send("n")
        terminal.wait_for(lambda _: noted(tmp_path, "number") == 1)
        received = terminal.received
        terminal.unstall()
        terminal.wait_for("number 1")
        rounds = noted(tmp_path, "rounds")
        terminal.wait_for(lambda seen: f"round {rounds}" <= seen.screen()[0].split("number 1 ")[-1])
        # What was kept for it is less than what was painted: sixty frames of 15 kB.
        assert terminal.received - received < 500_000
        assert all(line.startswith("row") for line in terminal.screen()[1:])


def test_sigterm_ends_a_program_whose_terminal_takes_nothing(start: Start, tmp_path: Path) -> None:
    with start("noisy") as terminal:
        terminal.wait_for("row  12")
        terminal.stall()
        before = noted(tmp_path, "rounds")
        terminal.wait_for(lambda _: noted(tmp_path, "rounds") > before + 30)
        terminal.signal(signal.SIGTERM)
        assert terminal.wait_exit() == 143


def test_sigterm_ends_a_program_whose_thread_hangs(start: Start) -> None:
    with start("hanging") as terminal:
        terminal.wait_for("row  12")
        terminal.signal(signal.SIGTERM)
        assert terminal.wait_exit() == 143
        assert terminal.not_restored() == []


def test_sigterm_restores_the_terminal_of_a_program_whose_event_loop_is_stuck(start: Start, tmp_path: Path) -> None:
    with start() as terminal:
        terminal.wait_for("row  12")
        terminal.send("b")
        terminal.wait_for(lambda _: (tmp_path / "blocked").exists())
        terminal.signal(signal.SIGTERM)
        assert terminal.wait_exit() == 143
        assert terminal.not_restored() == []


def test_a_byte_that_is_not_utf_8_is_no_reason_to_end(start: Start) -> None:
    with start() as terminal:
        terminal.wait_for("row  12")
        terminal.send(b"\xff\xfe n")
        terminal.wait_for("number 1")


def test_ctrl_z_gives_the_terminal_back_and_fg_brings_the_whole_picture(start: Start, tmp_path: Path) -> None:
    with Terminal(["/bin/sh", "-i"], env={"PS1": "ready> ", "ENV": None}, cwd=ROOT) as terminal:
        terminal.wait_for("ready>")
        terminal.send(f"{' '.join(COMMAND)} {tmp_path}\n")
        terminal.wait_for("row  12")
        terminal.press("ctrl+z")
        terminal.wait_for(lambda seen: seen.text.rstrip().endswith("ready>"))
        assert terminal.not_restored() == []
        terminal.send("echo $((40 + 2)) is the answer\n")
        terminal.wait_for("42 is the answer")
        terminal.send("fg\n")
        terminal.wait_for("row  39")
        assert terminal.modes.alternate
        terminal.send("n")
        terminal.wait_for("number 1")
        terminal.send("q")
        terminal.wait_for(lambda seen: seen.text.rstrip().endswith("ready>"))
        assert terminal.not_restored() == []


@pytest.mark.skipif(shutil.which("pgrep") is None, reason="needs pgrep to find the shell's child")
def test_a_stop_from_outside_is_recovered_from_as_well(tmp_path: Path) -> None:
    with Terminal(["/bin/sh", "-i"], env={"PS1": "ready> ", "ENV": None}, cwd=ROOT) as terminal:
        terminal.wait_for("ready>")
        terminal.send(f"{' '.join(COMMAND)} {tmp_path}\n")
        terminal.wait_for("row  12")
        found = subprocess.run(["pgrep", "-P", str(terminal.pid)], capture_output=True, text=True, check=True)
        os.kill(int(found.stdout), signal.SIGSTOP)
        terminal.wait_for("Stopped")
        terminal.send("fg\n")
        terminal.wait_for("row   1")
        terminal.wait_quiet()
        terminal.send("n")
        terminal.wait_for("number 1")
        assert terminal.screen()[1].startswith("row   1")
        terminal.send("q")
        terminal.wait_for(lambda seen: not seen.modes.alternate)
        terminal.wait_quiet()
        assert terminal.not_restored() == []


def test_an_unexpected_error_shows_one_calm_line_and_no_traceback(start: Start, tmp_path: Path) -> None:
    with start() as terminal:
        terminal.wait_for("row  12")
        received = terminal.received
        terminal.send("x")
        assert terminal.wait_exit() == CRASH_EXIT_CODE
        assert terminal.not_restored() == []
        assert b"Traceback" not in terminal.raw
        assert b"]52" not in terminal.raw[received:]
        (log,) = (tmp_path / "crashes").iterdir()
        assert str(log).encode() in terminal.raw
        assert len(terminal.text.strip().splitlines()) <= 2


def test_hostile_text_that_came_past_the_gate_is_painted_without_its_sequences(start: Start) -> None:
    with start() as terminal:
        terminal.wait_for("row  12")
        terminal.wait_quiet(0.3)
        received = terminal.received
        terminal.send("h")
        terminal.wait_for("gnp.exe")
        terminal.wait_for("owned")
        terminal.wait_quiet(0.3)
        painted = terminal.raw[received:].decode()
        for sequence in ("\x1b]", "\x1b[2J", "\x1b[31m", "\u202e", "\x9b", "\x07"):
            assert sequence not in painted
        assert "moved" in terminal.text
        assert not terminal.screen()[4].startswith("    moved")
