"""EventTree: one log event, what is read first at the top, then the whole as an indented tree. Read-only.

Message and error stand in full; another value too long for its row is opened and closed with right and left, and so is
a branch. Enter chooses a value; on a branch it closes and opens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from diagnostics.core.failures import UserError
from diagnostics.core.words import plural
from diagnostics.models.events import telling
from widgets.glyphs import glyphs_for
from widgets.line_view import LineView
from widgets.log.line import cells, cut, level_tone
from widgets.row import Piece, Row, Tone

if TYPE_CHECKING:
    from diagnostics.models.events import LogEvent

MOST_NODES = 500
"""Nodes shown of one event; the rest are counted, and the tree says so."""

LONGEST_TERM = 2_000
"""Characters of a term; what is longer does not fit into a filter."""

_DEEPEST = 32
_INDENT = 2
_LABEL_CELLS = 24
_WRAPPED_ROWS = 200
_CALLED = re.compile(r"\b(?:GET|HEAD|POST|PUT|PATCH|DELETE) /[^\s\"'<>]{0,200}")
_IN_FULL = frozenset({"message", "first\nerror"})
"""Values that are opened from the beginning."""
_NEEDS_ESCAPE = re.compile(r"[^\w.$/-]")
_LEVEL_TONES: dict[str, Tone] = {"fatal": "fail", "error": "fail", "warning": "warn"}


@dataclass(slots=True, frozen=True)
class TreeNode:
    """One line of the tree before it is laid out."""

    path: str
    """Unique name, also the key of its row."""
    label: str
    value: str
    """Text of a leaf; what a closed branch holds ("3 fields")."""
    depth: int
    branch: bool
    tone: Tone = ""
    facet: str = ""
    """The field as a Datadog search names it, e.g. `@context.account_id`; empty when no search can name it."""
    raw: object = None
    """The value as it came, to make a search term of."""


def nodes(event: LogEvent, closed: frozenset[str] = frozenset()) -> Iterator[TreeNode]:
    """Yield the nodes of an event in the order they are shown; nothing below a closed branch."""
    yield from _first(event)
    yield from _reserved(event)
    if event.tags:
        yield TreeNode("tags", "tags", plural(len(event.tags), "tag"), 0, branch=True)
        if "tags" not in closed:
            for index, tag in enumerate(event.tags):
                name, colon, value = tag.partition(":")
                facet = name if colon else "tags"
                raw = value if colon else tag
                yield TreeNode(f"tags/{index}", name if colon else "", raw, 1, branch=False, facet=facet, raw=raw)
    if event.attributes:
        yield TreeNode("attributes", "attributes", _size(event.attributes), 0, branch=True)
        if "attributes" not in closed:
            yield from _children(event.attributes, "attributes", "@", 1, closed)


def _first(event: LogEvent) -> Iterator[TreeNode]:
    """Message, error, status, endpoint, account, correlation id: what a responder looks for."""
    yield TreeNode("message", "message", event.message, 0, branch=False, facet="message", raw=event.message)
    told = {label: (path, value) for label, path, value in telling(event)}
    if "error" in told:
        yield _lifted("error", *told.pop("error"), tone="fail")
    tone = _LEVEL_TONES.get(level_tone(event.status), "")
    yield TreeNode("status", "status", event.status, 0, branch=False, tone=tone, facet="status", raw=event.status)
    if "endpoint" not in told and (called := _CALLED.search(event.message)) is not None:
        # Many services name the endpoint in the message alone; no search finds it by itself.
        yield TreeNode("first\nendpoint", "endpoint", called.group(), 0, branch=False)
    for label, (path, value) in told.items():
        yield _lifted(label, path, value)


def _lifted(label: str, path: str, value: str | float, tone: Tone = "") -> TreeNode:
    """An attribute once more, at the top."""
    facet = "@" + ".".join(_escaped(part) for part in path.split("."))
    return TreeNode(f"first\n{label}", label, _text(value), 0, branch=False, tone=tone, facet=facet, raw=value)


def _reserved(event: LogEvent) -> Iterator[TreeNode]:
    moment = datetime.fromtimestamp(event.timestamp_ms / 1000, UTC)
    stamp = f"{moment:%Y-%m-%d %H:%M:%S}.{event.timestamp_ms % 1000:03d} UTC"
    yield TreeNode("timestamp", "timestamp", stamp, 0, branch=False)
    yield TreeNode("service", "service", event.service, 0, branch=False, facet="service", raw=event.service)
    if event.host:
        yield TreeNode("host", "host", event.host, 0, branch=False, facet="host", raw=event.host)
    yield TreeNode("id", "id", event.id, 0, branch=False)


def _children(value: object, path: str, facet: str, depth: int, closed: frozenset[str]) -> Iterator[TreeNode]:
    for label, name, child in _items(value, facet):
        # A cleaned key holds no newline, so {"a.b": 1} and {"a": {"b": 1}} get different paths.
        key = f"{path}\n{label}"
        if isinstance(child, Mapping | list | tuple) and child and depth < _DEEPEST:
            yield TreeNode(key, label, _size(child), depth, branch=True)
            if key not in closed:
                yield from _children(child, key, name, depth + 1, closed)
        else:
            yield TreeNode(key, label, _text(child), depth, branch=False, facet=name, raw=child)


def _items(value: object, facet: str) -> Iterator[tuple[str, str, object]]:
    """Yield label, searchable name and value of everything inside a branch."""
    if isinstance(value, Mapping):
        lead = facet if facet == "@" else f"{facet}."
        for key, child in value.items():
            yield str(key), f"{lead}{_escaped(str(key))}", child
    elif isinstance(value, list | tuple):
        # Arrays are transparent to a search: `@a:x` matches any element, so an element is named as its array is.
        for index, child in enumerate(value):
            yield f"[{index}]", facet, child


def _escaped(name: str) -> str:
    return _NEEDS_ESCAPE.sub(r"\\\g<0>", name)


def _size(value: object) -> str:
    if isinstance(value, Mapping):
        return plural(len(value), "field")
    return plural(len(value), "item") if isinstance(value, list | tuple) else ""


def _text(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping | list | tuple):
        return _size(value)
    return str(value)


def term(node: TreeNode) -> str | None:
    """Return the node as a Datadog term, such as `@context.account_id:14009`; None when no search can find it."""
    from diagnostics.logs import quote  # noqa: PLC0415  # the grammar stays out of the first paint

    raw = node.raw
    if node.branch or not node.facet or raw is None or isinstance(raw, Mapping | list | tuple):
        return None
    if isinstance(raw, bool):
        return f"{node.facet}:{'true' if raw else 'false'}"
    text = raw if isinstance(raw, str | int) else str(raw)
    try:
        whole = f"{node.facet}:{quote(text)}"
    except UserError:
        # What the sanitizer left of a control character cannot be written in a search.
        return None
    return whole if text != "" and len(whole) <= LONGEST_TERM else None


class EventTree(LineView):
    """The tree. The cursor stands on nodes; `filter_term` is what a search for the node under it looks like."""

    # Values are wrapped to a width that must not change when a scroll bar appears.
    DEFAULT_CSS = "EventTree { scrollbar-gutter: stable; }"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose_node", "filter", show=False, id="tree.choose"),
        Binding("right", "open_node", "open", show=False, id="tree.open"),
        Binding("left", "close_node", "close", show=False, id="tree.close"),
    ]

    class Chosen(Message):
        """Enter on a value."""

    def __init__(self, *, ascii: bool = False, id: str | None = None) -> None:  # noqa: A002
        super().__init__(glyphs=glyphs_for(ascii), id=id)
        self.event: LogEvent | None = None
        self._shown_nodes: dict[str, TreeNode] = {}
        self._shut: frozenset[str] = frozenset()
        self._unrolled: frozenset[str] = frozenset()

    def show_event(self, event: LogEvent | None) -> None:
        """Show another event: every branch open, message and error in full, other values on a row; None empties it."""
        self.event = event
        self._shut = frozenset()
        self._unrolled = _IN_FULL
        self.cursor_key = None
        self._lay_out()
        self.scroll_to(y=0, animate=False)

    @property
    def node(self) -> TreeNode | None:
        """The node under the cursor."""
        return self._shown_nodes.get(self.cursor_key or "")

    def filter_term(self) -> str | None:
        """Return the node under the cursor as a Datadog term; None on a branch, a timestamp, an id or a null."""
        return term(self.node) if self.node is not None else None

    # ---- keys

    def action_choose_node(self) -> None:
        """A value is chosen; a branch closes, or opens."""
        node = self.node
        if node is not None and node.branch:
            self._toggle(node)
        elif node is not None:
            self.post_message(self.Chosen())

    def _toggle(self, node: TreeNode) -> None:
        """Open what is closed, close what is open."""
        if node.branch:
            self._shut ^= {node.path}
        elif self._is_long(node):
            self._unrolled ^= {node.path}
        self._lay_out()

    def action_open_node(self) -> None:
        """Open the branch or the long value under the cursor."""
        node = self.node
        if node is not None and (node.path in self._shut or (self._is_long(node) and node.path not in self._unrolled)):
            self._toggle(node)

    def action_close_node(self) -> None:
        """Close the branch or the long value under the cursor."""
        node = self.node
        if node is not None and (node.path in self._unrolled or (node.branch and node.path not in self._shut)):
            self._toggle(node)

    # ---- layout

    def on_resize(self, event: events.Resize) -> None:
        """Values are cut and wrapped for one width."""
        del event
        self._lay_out()

    def _lay_out(self) -> None:
        if self.event is None:
            self._shown_nodes = {}
            self.show(())
            return
        rows: list[Row] = []
        self._shown_nodes = {}
        left_out = 0
        for node in nodes(self.event, self._shut):
            if len(self._shown_nodes) >= MOST_NODES:
                left_out += 1
                continue
            self._shown_nodes[node.path] = node
            rows.extend(self._rows_of(node))
        if left_out:
            said = f"showing {MOST_NODES:,} of {MOST_NODES + left_out:,} nodes; close branches to see others"
            rows.append(Row((Piece(said, "warn"),)))
        self.show(rows)

    def _lead(self, node: TreeNode) -> list[Piece]:
        glyph = ("+ " if node.path in self._shut else "- ") if node.branch else "  "
        indent = " " * (_INDENT * min(node.depth, 12))
        room = max(4, min(_LABEL_CELLS - len(indent), self.text_width() // 2))
        label = node.label
        shown = cut(label, max(room, min(cell_len(label), self.text_width() // 2)), more=self.glyphs.ellipsis)
        return [Piece(indent + glyph, "muted"), Piece(shown, "title" if node.branch else "code"), Piece("  ")]

    def _room(self, lead: list[Piece]) -> int:
        return max(8, self.text_width() - sum(cell_len(piece.text) for piece in lead))

    def _is_long(self, node: TreeNode) -> bool:
        return not node.branch and cell_len(node.value) > self._room(self._lead(node))

    def _rows_of(self, node: TreeNode) -> list[Row]:
        lead = self._lead(node)
        room = self._room(lead)
        tone: Tone = "muted" if node.branch or node.raw is None else node.tone
        if cell_len(node.value) <= room or node.path not in self._unrolled:
            value = cut(node.value, room, more=self.glyphs.ellipsis).rstrip(" ")
            return [Row((*lead, Piece(value, tone)), node.path)]
        lines = _wrapped(node.value, room)
        margin = Piece(" " * (self.text_width() - room))
        rows = [Row((*lead, Piece(lines[0], tone)), node.path)]
        rows += [Row((margin, Piece(line, tone))) for line in lines[1:_WRAPPED_ROWS]]
        if len(lines) > _WRAPPED_ROWS:
            said = f"showing {_WRAPPED_ROWS} of {plural(len(lines), 'row')} of this value"
            rows.append(Row((margin, Piece(said, "warn"))))
        return rows


def _wrapped(text: str, width: int) -> list[str]:
    """Break a value into rows of exactly the width, at cells and not at words: a value is data, not prose."""
    total = cell_len(text)
    return [cells(text, start, min(start + width, total)) for start in range(0, total, width)]
