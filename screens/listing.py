"""A list to go on from: candidates, causes, diagnoses. Each row can open something and answer for its numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.app import ComposeResult

from screens import documents
from screens.base import RoomScreen
from widgets.footer_bar import FooterBar, Hint
from widgets.line_view import LineView
from widgets.rows import BLANK, Row, plain, row, titled

if TYPE_CHECKING:
    from diagnostics.models.evidence import Evidence

Why = tuple[str, str, Sequence["Evidence"]]
"""Title, summary and evidence of one number."""


def _nothing(_key: str) -> None:
    return None


@dataclass(slots=True, frozen=True)
class Listing:
    """What a listing shows. Rows are built for a width; those with a key hold the cursor."""

    title: str
    crumb: str
    build: Callable[[int], Sequence[Row]]
    open: Callable[[str], object] = _nothing
    """Opens what the row with this key stands for."""
    opens: frozenset[str] = frozenset()
    """Kinds of rows that open something: what their keys hold before the colon. On others Enter says why."""
    why: Callable[[str], Why | None] = _nothing
    """Evidence behind the row with this key, and for the empty key behind the whole."""


class ListingScreen(RoomScreen):
    """Title bar, rows with a cursor, keys."""

    DEFAULT_CSS = """
    ListingScreen #listing-title { height: 1; scrollbar-size-vertical: 0; }
    ListingScreen #listing-body { height: 1fr; }
    """

    def __init__(self, listing: Listing) -> None:
        super().__init__()
        self.listing = listing

    def compose(self) -> ComposeResult:
        """Title bar, rows, keys."""
        signs = self.room.signs
        yield LineView(signs=signs, cursor=False, id="listing-title")
        yield LineView(signs=signs, id="listing-body")
        yield FooterBar(signs=signs)

    def on_mount(self) -> None:
        """The rows have the keys."""
        self.body.focus()
        hints = (Hint("enter", "open"), Hint("w", "why"), Hint("y", "copy"), Hint("esc", "back"), Hint("?", "help"))
        self.query_one(FooterBar).set_hints(hints)

    def on_resize(self) -> None:
        """Rows are laid out for the width."""
        self.draw()

    @property
    def body(self) -> LineView:
        """The rows."""
        return self.query_one("#listing-body", LineView)

    def draw(self) -> None:
        """Build the rows for the present width."""
        width = self.size.width
        title = self.room.signs.text(titled(self.room.trail(), self.listing.title, width))
        self.query_one("#listing-title", LineView).show((row((title, "bar")),))
        self.body.show([*self.listing.build(max(20, width - 5)), BLANK])

    def crumb(self) -> str:
        """The listing's word."""
        return self.listing.crumb

    def act_open(self) -> None:
        """What the row under the cursor stands for."""
        key = self.body.cursor_key or ""
        if key.partition(":")[0] in self.listing.opens:
            self.listing.open(key)
        else:
            self.act_why()

    def act_why(self) -> None:
        """Evidence behind the row under the cursor, or behind the whole."""
        found = self.listing.why(self.body.cursor_key or "") or self.listing.why("")
        if found is None:
            self.room.say("this row holds no number of its own", "muted")
            return
        self.room.open_document(documents.evidence_document(*found, self.room.signs))

    def act_copy(self) -> None:
        """The row under the cursor."""
        current = self.body.current
        if current is not None:
            self.room.copy(current.text.strip())

    def act_plain(self) -> None:
        """The whole list as plain text that the terminal itself can select."""
        text = plain(self.listing.build(100))
        self.room.open_document(documents.text_document("plain text, to select", text, self.room.signs))
