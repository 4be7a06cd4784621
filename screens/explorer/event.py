"""One log event as a tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from textual.widget import Widget

from screens.list_screen import TitledScreen
from widgets.log.event_tree import EventTree

if TYPE_CHECKING:
    from diagnostics.models.events import LogEvent
    from diagnostics.models.evidence import Evidence


class EventScreen(TitledScreen):
    """Reserved fields, tags, nested attributes; `y` copies the term under the cursor, ready for a query."""

    def __init__(self, event: LogEvent, filter_by: Callable[[str], None]) -> None:
        super().__init__()
        self.event = event
        self.filter_by = filter_by
        self.when = f"{datetime.fromtimestamp(event.timestamp_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"

    def panes(self) -> Iterable[Widget]:
        yield EventTree(ascii=self.host.glyphs.ascii_only, id="screen-body")

    def read(self) -> None:
        """Nothing is asked: the event was given."""
        self.fields.show_event(self.event)

    @property
    def fields(self) -> EventTree:
        """The tree of what the line holds."""
        return self.query_one(EventTree)

    def heading(self) -> str:
        """When the line was written, by which service, how bad it is."""
        return f"log line · {self.when} · {self.event.service} · {self.event.status}"

    def draw(self) -> None:
        """The tree lays itself out."""
        self.draw_title()

    def crumb(self) -> str:
        return "log line"

    def pin_in_view(self) -> tuple[str, str, Evidence | None] | None:
        """The log line."""
        event = self.event
        text = f"{self.when} {event.service} {event.status} {event.message} (event {event.id})"
        return f"log line of {event.service} at {self.when[11:]}", text, None

    def act_open(self) -> None:
        """Unfold a long value."""
        self.fields.action_toggle_node()

    def act_filter(self) -> None:
        """Back to the lines, filtered by the term under the cursor."""
        wanted = self.fields.filter_term()
        if wanted is None:
            self.host.say("this node is no term to filter by; choose a value", "warn")
            return
        self.dismiss()
        self.filter_by(wanted)

    def act_copy(self) -> None:
        """Copy the term under the cursor."""
        self.host.copy(self.fields.filter_term() or self.event.message)
