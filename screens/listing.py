"""Lists to go on from: candidates, causes, diagnoses, and documents whose lines can be opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from screens.base import Why
from screens.list_screen import SearchedScreen
from widgets.footer_bar import Hint
from widgets.row import Row
from widgets.rows.document import Draw, document_rows, document_text

if TYPE_CHECKING:
    from diagnostics.core.document import Block, Document

__all__ = ["DrillScreen", "Listing", "ListingScreen", "Why"]


def _nothing(_key: str) -> None:
    return None


@dataclass(slots=True, frozen=True)
class Listing:
    """What a listing shows. Rows with a key hold the cursor."""

    title: str
    crumb: str
    blocks: Sequence[Block]
    open: Callable[[str], object] = _nothing
    """Opens what the row with this key stands for."""
    opens: frozenset[str] = frozenset()
    """Kinds of rows that open something: what their keys hold before the colon. On others Enter says why."""
    why: Callable[[str], Why | None] = _nothing
    """Evidence behind the row with this key, and for the empty key behind the whole."""
    drawings: Mapping[str, Draw] = field(default_factory=dict)
    """How parts of the blocks are drawn, by their names."""


class ListingScreen(SearchedScreen):
    """Rows to choose from. Enter opens those that can be opened, and says why on the others."""

    answers = "What is there to choose from, and what can be opened?"

    footer_keys: ClassVar[tuple[Hint, ...]] = (
        Hint("enter", "open"),
        Hint("w", "why"),
        Hint("/", "find"),
        Hint("y", "copy"),
        Hint("esc", "back"),
        Hint("?", "help"),
    )
    margin = 5

    def __init__(self, listing: Listing) -> None:
        super().__init__()
        self.listing = listing

    def heading(self) -> str:
        return self.listing.title

    def rows(self, width: int) -> Sequence[Row]:
        """The listing's rows."""
        return document_rows(self.listing.blocks, width, self.host.glyphs, self.listing.drawings)

    def crumb(self) -> str:
        return self.listing.crumb

    def hints(self) -> tuple[Hint, ...]:
        """Only what these rows answer: an empty list is not opened, and what nobody counted has no evidence."""
        keys = [item.key for item in self.rows(80) if item.key is not None]
        why = any(self.listing.why(key) is not None for key in ("", *keys))
        offered = {
            "enter": why or any(key.partition(":")[0] in self.listing.opens for key in keys),
            "w": why,
            "y": bool(keys),
        }
        return tuple(hint for hint in self.footer_keys if offered.get(hint.key, True))

    def act_open(self) -> None:
        """Open the row under the cursor."""
        key = self.body.cursor_key or ""
        if key.partition(":")[0] in self.listing.opens:
            self.listing.open(key)
        else:
            self.act_why()

    def act_why(self) -> None:
        """Evidence behind the row under the cursor, or behind the whole."""
        self.open_why(self.listing.why(self.body.cursor_key or "") or self.listing.why(""))


def _keyed(rows: Sequence[Row]) -> list[Row]:
    """Every line can hold the cursor, so that the arrows walk through all of the text."""
    return [item if item.key is not None else replace(item, key=f"line:{number}") for number, item in enumerate(rows)]


class DrillScreen(SearchedScreen):
    """A document with a cursor. `choices` opens lines by the first part of their key; `step` is what `x` does, and
    enter where no line has anything of its own to open; without one, enter shows the evidence.
    """

    answers = "What was found, and what stands behind each line of it?"

    margin = 5

    def __init__(
        self,
        document: Document,
        *,
        choices: Mapping[str, Callable[[str], object]] | None = None,
        why: Why | None = None,
        step: Callable[[], None] | None = None,
        step_word: str = "run",
    ) -> None:
        super().__init__()
        self.document = document
        self._choices = choices or {}
        self._why = why
        self._step = step
        self._step_word = step_word

    def heading(self) -> str:
        return self.document.title

    def rows(self, width: int) -> Sequence[Row]:
        """The document's lines."""
        return _keyed(document_rows(self.document.blocks, width, self.host.glyphs))

    def crumb(self) -> str:
        return self.document.title

    def hints(self) -> tuple[Hint, ...]:
        """Only the actions of this listing."""
        enter = "open" if self._choices else self._step_word if self._step is not None else "why"
        first = [Hint("enter", enter)]
        first += [Hint("x", self._step_word)] if self._step is not None else []
        return (*first, Hint("w", "why"), Hint("/", "find"), Hint("y", "copy"), Hint("esc", "back"), Hint("?", "help"))

    def act_open(self) -> None:
        """Open the line under the cursor, else the step."""
        kind, name = self.key_under_cursor()
        chosen = self._choices.get(kind)
        if chosen is not None:
            chosen(name)
        elif self._step is not None:
            self._step()
        else:
            self.act_why()

    def act_run(self) -> None:
        """The step that this document offers."""
        if self._step is None:
            self.host.say("there is no step to run here", "muted")
            return
        self._step()

    def act_why(self) -> None:
        """The evidence behind the document."""
        self.open_why(self._why)

    def act_copy(self) -> None:
        """Copy the document's text."""
        self.host.copy(document_text(self.document, self.host.glyphs))
