"""The document screen: one thing to read. Evidence, findings, refusals and guides all open here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult

from screens.base import Document, RoomScreen
from widgets.footer_bar import FooterBar
from widgets.line_view import LineView
from widgets.rows import Row, row, titled

if TYPE_CHECKING:
    from diagnostics.models.evidence import Evidence


class DocumentScreen(RoomScreen):
    """A title, rows to scroll, `y` to copy, Esc to go back to exactly where one was."""

    DEFAULT_CSS = """
    DocumentScreen #document-title { height: 1; scrollbar-size-vertical: 0; }
    DocumentScreen #document-body { height: 1fr; padding: 0 1; }
    """

    def __init__(self, document: Document) -> None:
        super().__init__()
        self.document = document

    def compose(self) -> ComposeResult:
        """Title bar, text, keys."""
        signs = self.room.signs
        yield LineView(signs=signs, cursor=False, id="document-title")
        body = LineView(signs=signs, cursor=False, id="document-body")
        body.can_focus = True
        yield body
        yield FooterBar(signs=signs)

    def on_mount(self) -> None:
        """Draw once the size is known."""
        self.query_one("#document-body", LineView).focus()
        self.query_one(FooterBar).set_hints(self.room.hints())

    def on_resize(self) -> None:
        """Lines are wrapped for the width."""
        self.draw()

    def replace(self, document: Document) -> None:
        """Show another document in place, e.g. once an answer has arrived."""
        self.document = document
        self.draw()

    def draw(self) -> None:
        """Build the rows for the present width."""
        width = self.size.width
        title = self.room.signs.text(titled(self.room.trail(), self.document.title, width))
        self.query_one("#document-title", LineView).show((row((title, "bar")),))
        rows = self.document.build(max(20, width - 3))
        self.query_one("#document-body", LineView).show([*rows, Row(())])

    def crumb(self) -> str:
        """The document's title."""
        return self.document.title

    def place(self) -> str:
        """The line that opens it again, where there is one."""
        return self.document.place

    def issue_in_view(self) -> tuple[str, str] | None:
        """The issue that the text speaks of."""
        return self.document.issue

    def pin_in_view(self) -> tuple[str, str, Evidence | None] | None:
        """The text, with the first of the questions behind it."""
        document = self.document
        return document.title, document.copy_text, document.evidence[0] if document.evidence else None

    def act_why(self) -> None:
        """To where the text says what its numbers rest on; what was asked stands in the text itself."""
        body = self.query_one("#document-body", LineView)
        asked = next((at for at, item in enumerate(body.rows) if item.text.startswith("asked of ")), None)
        if asked is None:
            self.room.say("this text holds no number of its own", "muted")
            return
        body.scroll_to(y=asked, animate=False)
        self.room.say("what was asked stands here, under 'asked of'", "muted")

    def act_copy(self) -> None:
        """Copy the document's text."""
        self.room.copy(self.document.copy_text)
