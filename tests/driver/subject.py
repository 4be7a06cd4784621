"""A small application on the console's driver, started in a pty by the tests beside it.

Arguments: a folder for what the test wants to know, then any of the words below.
    noisy     repaint the whole screen twenty times a second
    hanging   keep a thread worker that does not end
    stuck     block the event loop when `b` is pressed
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.widgets import Input, Static

from tui.crash import CRASH_EXIT_CODE, CrashReport
from tui.terminal.driver import WarRoomDriver

FOLDER = Path(sys.argv[1])
WORDS = frozenset(sys.argv[2:])


class Subject(App[int]):
    """Numbered rows under a counter of key presses."""

    CSS = "Static { width: 100%; height: 1fr; } Input { border: none; height: 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("q", "leave", "Quit"),
        ("n", "next", "Next"),
        ("b", "block", "Block"),
        ("x", "fail", "Fail"),
        ("h", "hostile", "Hostile"),
        ("ctrl+z", "suspend_process", "Suspend"),
    ]

    def __init__(self) -> None:
        super().__init__(driver_class=WarRoomDriver)
        self.crash_report = CrashReport(lambda: FOLDER)
        self.number = 0
        self.rounds = 0

    def _fatal_error(self) -> None:
        self._return_code = CRASH_EXIT_CODE
        self.crash_report.log(self._exception)
        self._close_messages_no_wait()

    def _print_error_renderables(self) -> None:
        self.crash_report.say()

    def compose(self) -> ComposeResult:
        """One big static."""
        yield Static(id="rows", markup=False)

    def on_mount(self) -> None:
        """Draw, and start what the words ask for."""
        self.draw()
        if "noisy" in WORDS:
            self.set_interval(0.05, self.draw)
        if "hanging" in WORDS:
            self.run_worker(lambda: time.sleep(60), thread=True)

    def draw(self) -> None:
        """Paint every cell anew; the note tells the test that the event loop is alive."""
        self.rounds += 1
        width, height = self.size
        rows = [f"number {self.number} round {self.rounds}"]
        rows += [f"row {row:>3} " + "▁▂▃▄▅▆▇█"[(row + self.rounds) % 8] * (width - 10) for row in range(1, height)]
        self.query_one("#rows", Static).update("\n".join(rows), layout=False)
        (FOLDER / "rounds").write_text(str(self.rounds))

    def action_next(self) -> None:
        """Count."""
        self.number += 1
        self.draw()
        (FOLDER / "number").write_text(str(self.number))

    def action_leave(self) -> None:
        """End as a console that found nothing."""
        self.exit(0)

    def action_block(self) -> None:
        """Stop the event loop, as a bug would."""
        (FOLDER / "blocked").touch()
        while True:
            time.sleep(0.01)

    def action_fail(self) -> None:
        """An error nobody expected."""
        secret = "hunter2"
        raise RuntimeError(f"cannot open mysql://reader:{secret}@db/common \x1b]52;c;cHduZWQ=\x07")

    def action_hostile(self) -> None:
        """Text that came past the gate."""
        hostile = "\x1b]52;c;cHduZWQ=\x07 \x1b[2J \x1b[5;5Hmoved \u202egnp.exe \x9b31m end"
        rows = self.query_one("#rows", Static)
        rows.update(hostile, layout=False)
        rows.styles.border = ("round", "white")
        rows.border_title = "title \x1b[31m]\x07 end"
        self.mount(Input(value="input \x1b]0;owned\x07 end"))


if __name__ == "__main__":
    subject = Subject()
    subject.run(mouse=False)
    sys.exit(subject.return_code)
