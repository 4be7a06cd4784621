"""One log event as a tree."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.widget import Widget

from screens.list_screen import TitledScreen
from screens.log_screen import follow_correlation
from widgets.log.event_tree import EventTree, TreeNode

if TYPE_CHECKING:
    from diagnostics.models.events import LogEvent
    from diagnostics.models.evidence import Evidence


class EventScreen(TitledScreen):
    """Message, error, status, endpoint, account and correlation id first, then everything as a tree.

    Enter filters the lines by the value under the cursor, `y` copies it, `Y` the whole line; `C` follows the id.
    """

    answers = "What does this log line say, field by field?"

    hint_names: ClassVar[tuple[str, ...]] = ("open", "copy", "plain", "correlate", "pin", "filter", "back", "help")

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
        """Filter by the value under the cursor."""
        self.fields.action_choose_node()

    @on(EventTree.Chosen)
    def act_filter(self) -> None:
        """Back to the lines, filtered by the value under the cursor."""
        wanted = self.fields.filter_term()
        if wanted is None:
            self.host.say("no search finds lines by this; y copies it, or choose another value", "warn")
            return
        self.dismiss()
        self.filter_by(wanted)

    def act_correlate(self) -> None:
        """Follow the correlation id of this line over all services."""
        follow_correlation(self, self.event)

    def act_copy(self) -> None:
        """Copy the value under the cursor, as it came; of a branch, everything in it."""
        node = self.fields.node
        self.host.copy(self.event.message if node is None else self._value_of(node))

    def _value_of(self, node: TreeNode) -> str:
        if node.path == "tags":
            return "\n".join(self.event.tags)
        return _json(node.raw if node.path != "attributes" else self.event.attributes) if node.branch else node.value

    def act_plain(self) -> None:
        """The whole line as JSON: copied, and shown as plain text that the terminal itself can select."""
        event = self.event
        whole = {
            "id": event.id,
            "timestamp": self.when,
            "service": event.service,
            "status": event.status,
            "host": event.host,
            "message": event.message,
            "tags": list(event.tags),
            "attributes": dict(event.attributes),
        }
        text = _json(whole)
        self.host.copy(text)
        self.open_plain(text)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)
