"""A document of level 2 in which single lines can be opened, and which may offer one step of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from screens.listing import Listing, ListingScreen, Why
from widgets.footer_bar import FooterBar, Hint
from widgets.rows import Row

if TYPE_CHECKING:
    from screens.base import Document


def _keyed(rows: Sequence[Row]) -> list[Row]:
    """Every line can hold the cursor, so that the arrows walk through all of the text."""
    return [item if item.key is not None else replace(item, key=f"line:{number}") for number, item in enumerate(rows)]


class DrillScreen(ListingScreen):
    """A document with a cursor. `choices` opens lines by the first part of their key; `step` is what `x` does, and
    enter where no line has anything of its own to open.
    """

    def __init__(
        self,
        document: Document,
        *,
        choices: Mapping[str, Callable[[str], object]] | None = None,
        why: Why | None = None,
        step: Callable[[], None] | None = None,
        step_word: str = "run",
    ) -> None:
        self.document = document
        self._choices = choices or {}
        self._step = step
        self._step_word = step_word
        super().__init__(
            Listing(
                title=document.title,
                crumb=document.title,
                build=lambda width: _keyed(document.build(width)),
                why=lambda _key: why,
            )
        )

    def on_mount(self) -> None:
        """The footer names what can be done here and nothing else; said last, after the list has named its own keys."""
        self.call_after_refresh(self._show_hints)

    def _show_hints(self) -> None:
        hints = [Hint("enter", "open" if self._choices else self._step_word)]
        hints += [Hint("x", self._step_word)] if self._step is not None else []
        hints += [Hint("w", "why"), Hint("y", "copy"), Hint("esc", "back"), Hint("?", "help")]
        self.query_one(FooterBar).set_hints(tuple(hints))

    def _open(self, key: str) -> None:
        kind, _, rest = key.partition(":")
        chosen = self._choices.get(kind)
        if chosen is not None:
            chosen(rest)
        elif self._step is not None:
            self._step()
        else:
            self.room.say("nothing stands behind this line", "muted")

    def act_open(self) -> None:
        """What the line under the cursor stands for, else the step."""
        self._open(self.body.cursor_key or "")

    def act_run(self) -> None:
        """The step that this document offers."""
        if self._step is None:
            self.room.say("there is no step to run here", "muted")
            return
        self._step()

    def act_copy(self) -> None:
        """Copy the document's text."""
        self.room.copy(self.document.copy_text)
