"""The programs that are measured, each in a terminal of its own, and how to tell that they are there."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.figures import NotAvailable
from tests.emulator import Emulator
from tests.terminal import Chunk, Terminal, WaitFailed

ROOT = Path(__file__).parents[1]
COLUMNS, ROWS = 120, 40
VISIBLE_CELLS = 100
"""Non-blank cells from which on a screen counts as painted, for every program alike."""

ISSUE_TITLES = ("OAUTH FAILURES", "TRANSACTION SYNC", "RATE LIMITING")


def minimal() -> Terminal:
    """The yardstick, ready to be entered."""
    return Terminal([sys.executable, str(ROOT / "benchmarks/minimal_app.py")], columns=COLUMNS, rows=ROWS)


def console(scenario: str) -> Terminal:
    """The console on the built-in stand-ins, as a person starts it."""
    installed = Path(sys.executable).with_name("warroom")
    command = [str(installed)] if installed.exists() else [sys.executable, "-m", "tui"]
    return Terminal([*command, "--sandbox", scenario], columns=COLUMNS, rows=ROWS, cwd=ROOT)


def module(name: str, *arguments: str) -> Terminal:
    """A program of the benchmarks themselves."""
    return Terminal([sys.executable, "-m", name, *arguments], columns=COLUMNS, rows=ROWS, cwd=ROOT)


def wait_painted(terminal: Terminal, timeout: float = 30.0) -> None:
    """Return once the program shows something; raise NotAvailable when it ends or shows nothing."""

    def painted(seen: Terminal) -> bool:
        return seen.emulator.filled() >= VISIBLE_CELLS or seen.process.poll() is not None

    try:
        terminal.wait_for(painted, timeout)
    except WaitFailed as failure:
        raise NotAvailable(f"{terminal.argv[-1]} painted nothing within {timeout:g} s") from failure
    if terminal.process.poll() is not None:
        said = terminal.text.strip().splitlines() or ["nothing"]
        raise NotAvailable(f"the program ended with code {terminal.process.poll()}, saying: {said[-1][:160]}")


@contextmanager
def running(terminal: Terminal, *, settle: str | Callable[[Terminal], object] | None = None) -> Iterator[Terminal]:
    """Enter `terminal`, wait until it has painted (and until `settle`, where given), and quit it by its key."""
    with terminal:
        wait_painted(terminal)
        if settle is not None:
            terminal.wait_for(settle, 60)
        yield terminal
        quit_by_key(terminal)


def quit_by_key(terminal: Terminal) -> None:
    """End a program as a person does."""
    if terminal.process.poll() is None:
        terminal.send("q")
        terminal.wait_exit(20)


def is_issue(line: str) -> bool:
    """True for the row of an issue on level 1; the title bar of the one in view names it as well, further left."""
    return line[2:].startswith(ISSUE_TITLES)


def has_data(terminal: Terminal) -> bool:
    """True when every issue of level 1 shows an answer."""
    shown = [line for line in terminal.screen() if is_issue(line)]
    return len(shown) == len(ISSUE_TITLES) and not any("asking" in line or "opening" in line for line in shown)


def first_painted(chunks: list[Chunk], columns: int = COLUMNS, rows: int = ROWS) -> float | None:
    """When the screen first held `VISIBLE_CELLS` characters (monotonic seconds); None when it never did."""
    emulator = Emulator(columns, rows)
    for chunk in chunks:
        emulator.feed(chunk.data)
        if emulator.filled() >= VISIBLE_CELLS:
            return chunk.at
    return None


def sleep_until(moment: float) -> None:
    """Wait until `moment` (monotonic seconds)."""
    time.sleep(max(0.0, moment - time.monotonic()))
