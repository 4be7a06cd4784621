"""The document screen: one thing to read. Evidence, findings, refusals and guides all open here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from diagnostics.core.document import GAP, Block, Document, Fact, Heading, Markdown, Text
from screens.list_screen import SearchedScreen
from widgets.footer_bar import Hint
from widgets.row import Row
from widgets.rows.document import document_rows, document_text

if TYPE_CHECKING:
    from diagnostics.models.evidence import Evidence

KEY = 12
"""Cells of a key in the help."""


def help_document(answers: str, keys: Sequence[tuple[str, str]], reading: Sequence[str], runbook: str) -> Document:
    """What the screen on top answers, its keys, how to read it, and the runbook of the issue in view."""
    blocks: list[Block] = [Text(answers, "strong"), Heading("keys of this screen")]
    blocks += [Fact(key, sentence, width=KEY, label_tone="key") for key, sentence in keys]
    blocks += [Heading("how to read it"), *(Fact(" ·", line, width=3) for line in reading)]
    return Document("help", [*blocks, GAP, Markdown(runbook)] if runbook else blocks)


class DocumentScreen(SearchedScreen):
    """A title, rows to scroll, `/` to find words, `y` to copy, Esc to go back to exactly where one was."""

    answers = "What stands behind the line that was opened, in full?"

    is_text = True
    margin = 3
    footer_keys = (Hint("/", "find"), Hint("y", "copy"), Hint("esc", "back"), Hint("?", "help"))

    def __init__(self, document: Document) -> None:
        super().__init__()
        self.document = document

    def replace(self, document: Document) -> None:
        """Show another document in place, e.g. once an answer has arrived."""
        self.document = document
        self.draw()

    def heading(self) -> str:
        return self.document.title

    def rows(self, width: int) -> Sequence[Row]:
        """The document's text."""
        return document_rows(self.document.blocks, width, self.host.glyphs)

    def crumb(self) -> str:
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
        return document.title, self.copy_text(), document.evidence[0] if document.evidence else None

    def act_why(self) -> None:
        """To where the text says what its numbers rest on; what was asked stands in the text itself."""
        body = self.body
        asked = next((at for at, item in enumerate(body.rows) if item.text.startswith("asked of ")), None)
        if asked is None:
            self.host.say("this text holds no number of its own", "muted")
            return
        body.scroll_to(y=asked, animate=False)
        self.host.say("what was asked stands here, under 'asked of'", "muted")

    def act_copy(self) -> None:
        """Copy the document's text."""
        self.host.copy(self.copy_text())

    def copy_text(self) -> str:
        """The document for the clipboard."""
        return document_text(self.document, self.host.glyphs)
