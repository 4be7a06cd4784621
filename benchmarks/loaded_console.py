"""The real console on the real stand-ins with two keys more: one fills the log pane, one changes three numbers.

Run as a program by the benchmarks: `python -m benchmarks.loaded_console LINES`.
"""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from typing import ClassVar

from textual.binding import Binding, BindingType

from diagnostics.core.lazy_json import lazy
from diagnostics.models.events import LogPage
from screens.base import ReadingArrived
from screens.critical.screen import CriticalScreen
from tui.app import WarRoomApp
from tui.console import run
from tui.options import Options
from widgets.log.pane import LogPane

LINES = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
_NUMBER = re.compile(r"[0-9][0-9,]*")


class LoadedConsole(WarRoomApp):
    """The console, driven to a known state."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *WarRoomApp.BINDINGS,
        Binding("ctrl+f", "fill", show=False),
        Binding("ctrl+n", "change_three", show=False),
    ]

    def action_fill(self) -> None:
        """Put `LINES` events more into the log pane: copies of real lines, each with attributes of its own."""
        screen = self.screen
        if not isinstance(screen, CriticalScreen):
            return
        page: LogPage | None = screen.state.readings[screen.log_key].value
        if page is None:
            return
        oldest = page.events[-1].timestamp_ms
        copies = [
            replace(
                page.events[number % len(page.events)],
                id=f"copy-{number:030d}",
                timestamp_ms=oldest - number,
                attributes=lazy(dict(page.events[number % len(page.events)].attributes)),
            )
            for number in range(LINES)
        ]
        screen.query_one(LogPane).add_events(copies)
        self.say("filled")

    def action_change_three(self) -> None:
        """Let each issue's pulse arrive anew with its headline number one higher."""
        screen = self.screen
        if not isinstance(screen, CriticalScreen):
            return
        for issue in screen.state.issues:
            reading = screen.state.pulse(issue)
            if reading is None or reading.value is None:
                continue
            pulse = reading.value
            raised = pulse.model_copy(
                update={"count": (pulse.count or 0) + 1, "headline": _NUMBER.sub(_one_more, pulse.headline, count=1)}
            )
            screen.post_message(ReadingArrived(reading.model_copy(update={"value": raised})))


def _one_more(match: re.Match[str]) -> str:
    return f"{int(match[0].replace(',', '')) + 1:,}"


if __name__ == "__main__":
    sys.exit(run(LoadedConsole(Options(sandbox="nov17", mouse=False))))
