"""One log event as a tree."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from textual.app import ComposeResult

from screens.base import RoomScreen
from widgets.event_tree import EventTree
from widgets.footer_bar import FooterBar
from widgets.line_view import LineView
from widgets.rows import row, titled

if TYPE_CHECKING:
    from diagnostics.models.events import LogEvent
    from diagnostics.models.evidence import Evidence


class EventScreen(RoomScreen):
    """Reserved fields, tags, nested attributes; `y` copies the term under the cursor, ready for a query."""

    DEFAULT_CSS = """
    EventScreen #event-title { height: 1; scrollbar-size-vertical: 0; }
    EventScreen EventTree { height: 1fr; }
    """

    def __init__(self, event: LogEvent, filter_by: Callable[[str], None]) -> None:
        super().__init__()
        self.event = event
        self.filter_by = filter_by

    def compose(self) -> ComposeResult:
        """Title, tree, keys."""
        signs = self.room.signs
        yield LineView(signs=signs, cursor=False, id="event-title")
        yield EventTree(ascii=signs.ascii_only)
        yield FooterBar(signs=signs)

    def on_mount(self) -> None:
        """The tree has the focus."""
        tree = self.query_one(EventTree)
        tree.show_event(self.event)
        tree.focus()
        self.query_one(FooterBar).set_hints(self.room.hints())

    def on_resize(self) -> None:
        """Lay the title out for the width."""
        when = datetime.fromtimestamp(self.event.timestamp_ms / 1000, UTC)
        what = f"log line · {when:%Y-%m-%d %H:%M:%S} UTC · {self.event.service} · {self.event.status}"
        title = self.room.signs.text(titled(self.room.trail(), what, self.size.width))
        self.query_one("#event-title", LineView).show((row((title, "bar")),))

    def crumb(self) -> str:
        """One log line."""
        return "log line"

    def pin_in_view(self) -> tuple[str, str, Evidence | None] | None:
        """The log line."""
        event = self.event
        when = datetime.fromtimestamp(event.timestamp_ms / 1000, UTC)
        text = f"{when:%Y-%m-%d %H:%M:%S} UTC {event.service} {event.status} {event.message} (event {event.id})"
        return f"log line of {event.service} at {when:%H:%M:%S} UTC", text, None

    def act_open(self) -> None:
        """Unfold a long value."""
        self.query_one(EventTree).action_toggle_node()

    def act_filter(self) -> None:
        """Back to the lines, filtered by the term under the cursor."""
        wanted = self.query_one(EventTree).filter_term()
        if wanted is None:
            self.room.say("this node is no term to filter by; choose a value", "warn")
            return
        self.dismiss()
        self.filter_by(wanted)

    def act_copy(self) -> None:
        """Copy the term under the cursor."""
        self.room.copy(self.query_one(EventTree).filter_term() or self.event.message)
