"""Names of many scripts, each beside a figure, on the console's driver: what a terminal makes of their widths.

Arguments: a file that says when it is painted. The figures stand in one column; the pane beside them holds the rest.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import ClassVar

from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import Static

from diagnostics.core.sanitizer import clean
from tui.terminal.driver import WarRoomDriver
from tui.terminal.widths import count_as_terminals_do

NAMES = (
    "Harbor & Pine Realty",
    "⚠️ ☎️ ❤️ signs",
    "👍🏽 skin",
    "🏽🏽🏽🏽🏽🏽 ALL CLEAR",
    "🇩🇪🇫🇷 flags",
    "👩‍💻 joined",
    "1️⃣ keycap",
    "हिन्दी निर्माण",
    "தமிழ் வீடு",
    "ภาษาไทยน้ำ",
    "ភាសាខ្មែរ ផ្ទះ",
    "বাংলা বাড়ি",
    "日本語 不動産",
    "한국어 부동산",
    "Ünïcödé é",
    "☰ ䷀ 🫩 new",
)
COLUMN = 30
"""Where the figures begin."""


def lines() -> list[str]:
    """A row a name: the name as the console shows it, blanks up to the column, and a figure with its own number."""
    shown = [clean(name) for name in NAMES]
    return [f"{name}{' ' * (COLUMN - cell_len(name))}|{number:>3}|" for number, name in enumerate(shown)]


class Widths(App[int]):
    """Two panes side by side."""

    CSS = "#left { width: 50; } #right { width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [("q", "exit(0)", "Quit"), ("n", "next", "Next")]

    def __init__(self) -> None:
        count_as_terminals_do()
        super().__init__(driver_class=WarRoomDriver)
        self.turn = 0

    def compose(self) -> ComposeResult:
        """Names on the left, a wall of letters on the right."""
        yield Horizontal(
            Static("\n".join(lines()), id="left", markup=False),
            Static("\n".join(f"R{number:>3}{'r' * 10}" for number in range(len(NAMES))), id="right", markup=False),
        )

    def action_next(self) -> None:
        """The rows change places, so that each is painted over another."""
        self.turn += 1
        turned = lines()[self.turn :] + lines()[: self.turn]
        self.query_one("#left", Static).update("\n".join(turned), layout=False)
        self.call_after_refresh(lambda: Path(sys.argv[1]).write_text(str(self.turn)))


if __name__ == "__main__":
    Widths().run(mouse=False)
