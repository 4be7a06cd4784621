"""The log pane alone on the console's driver, for the log benchmarks: `python -m benchmarks.log_app LINES`.

`o` hands over the events, which were made before; `f` sets a filter, `u` removes it; `b` starts and ends a busy tail.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import islice
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.timer import Timer

from benchmarks.log_events import synthetic_events
from diagnostics.logs import compile_query
from tui.terminal.driver import WarRoomDriver
from widgets.log.pane import LogPane

LINES = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
PER_SECOND = 1_000
STEPS = 50
QUERY = "service:fub status:error @context.method:*oauth*"


class LogApp(App[None]):
    """One log pane."""

    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        ("o", "open_events", ""),
        ("f", "set_filter", ""),
        ("u", "unset_filter", ""),
        ("b", "busy", ""),
        ("q", "quit", ""),
    ]

    def __init__(self) -> None:
        super().__init__(driver_class=WarRoomDriver)
        self.animation_level = "none"
        self.prepared = synthetic_events(LINES)
        newest = self.prepared[-1].timestamp_ms
        self.later = (
            replace(event, id=f"later-{number}", timestamp_ms=newest + number)
            for number, event in enumerate(synthetic_events(60_000, seed=18), 1)
        )
        self.predicate = compile_query(QUERY)
        self.tail: Timer | None = None

    def compose(self) -> ComposeResult:
        """The pane."""
        yield LogPane()

    def on_mount(self) -> None:
        """Ready for keys."""
        self.pane.show_query("service:fub " + "status:error " * 6, "15m")
        self.pane.log_list.focus()

    @property
    def pane(self) -> LogPane:
        """The pane."""
        return self.query_one(LogPane)

    def action_open_events(self) -> None:
        """Hand over all events at once."""
        self.pane.add_events(self.prepared)

    def action_set_filter(self) -> None:
        """Filter with a compiled query."""
        self.pane.log_list.set_filter(self.predicate, QUERY)

    def action_unset_filter(self) -> None:
        """Show everything again."""
        self.pane.log_list.set_filter(None, "")

    def action_busy(self) -> None:
        """Start or end a tail of `PER_SECOND` events a second."""
        if self.tail is None:
            self.tail = self.set_interval(1 / STEPS, self._arrive)
        else:
            self.tail.stop()
            self.tail = None

    def _arrive(self) -> None:
        self.pane.add_events(list(islice(self.later, PER_SECOND // STEPS)))


if __name__ == "__main__":
    LogApp().run(mouse=False)
