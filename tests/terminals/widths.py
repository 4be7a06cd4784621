"""Text whose width terminals disagree about: it stays in its place, and the figures beside it stay whole."""

from __future__ import annotations

import ctypes
import locale
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.driver.widths import COLUMN, NAMES
from tests.terminal import Terminal
from tests.terminals.stage import Case, Inside, Stage

_RIGHT = 50


def cells(text: str) -> int:
    """How wide the C library says that a text is, which is where tmux asks."""
    library = ctypes.CDLL(None)
    library.wcwidth.argtypes = [ctypes.c_wchar]
    return sum(max(0, library.wcwidth(character)) for character in text)


def figures_stay(rows: Sequence[str], measured: Callable[[str], int]) -> None:
    """Each row has its figure in the same column, and the pane beside it begins where it should."""
    locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    assert len(rows) == len(NAMES), rows
    for row in rows:
        name, bar, rest = row.partition("|")
        assert bar, row
        assert (measured(name), rest[3:4]) == (COLUMN, "|"), row
        before, letter, behind = rest.partition("R")
        assert measured(name + bar + before) == _RIGHT, row
        assert letter, row
        assert behind.endswith("rrrrrrrrrr"), row


def widths(inside: Inside) -> Callable[[Stage], None]:
    """The case in that multiplexer."""

    def play(stage: Stage) -> None:
        turned, copy = stage.folder / "turned", stage.folder / "hardcopy"
        argv = (sys.executable, "-m", "tests.driver.widths", str(turned))
        with stage.program(*argv, inside=inside, size=(100, 30), env={"LC_ALL": "C.UTF-8"}) as terminal:
            terminal.wait_for("Harbor", 20)
            for number in range(3):
                terminal.send("n")
                terminal.wait_for(lambda _, number=number: _read(turned) == str(number + 1))  # type: ignore[misc]
                terminal.wait_quiet(0.3)
            figures_stay(_picture(stage, inside, terminal, copy)[: len(NAMES)], cells if inside == "tmux" else len)

    return play


def _picture(stage: Stage, inside: Inside, terminal: Terminal, copy: Path) -> list[str]:
    if inside == "tmux":
        return stage.tmux("capture-pane", "-p").splitlines()
    # GNU screen writes what stands there into a file, a byte for a cell.
    terminal.send(b"\x01:hardcopy " + str(copy).encode() + b"\r")
    terminal.wait_for(lambda _: _read(copy).count("\n") >= len(NAMES), 10)
    return copy.read_bytes().decode("latin-1").split("\n")


def _read(path: Path) -> str:
    return path.read_text("latin-1") if path.exists() else ""


WIDTHS = (
    Case("widths-tmux", "names of many scripts leave the figures beside them whole", widths("tmux"), ("tmux",)),
    Case("widths-screen", "the same in GNU screen", widths("screen"), ("screen",)),
)
