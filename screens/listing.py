"""A list to go on from: candidates, causes, diagnoses. Each row can open something and answer for its numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from screens.list_screen import ListScreen, Why
from widgets.footer_bar import Hint
from widgets.rows import Row

__all__ = ["Listing", "ListingScreen", "Why"]


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


class ListingScreen(ListScreen):
    """Rows to choose from. Enter opens those that can be opened, and says why on the others."""

    footer_keys: ClassVar[tuple[Hint, ...]] = (
        Hint("enter", "open"),
        Hint("w", "why"),
        Hint("y", "copy"),
        Hint("esc", "back"),
        Hint("?", "help"),
    )
    margin = 5

    def __init__(self, listing: Listing) -> None:
        super().__init__()
        self.listing = listing

    def heading(self) -> str:
        """The listing's title."""
        return self.listing.title

    def rows(self, width: int) -> Sequence[Row]:
        """The listing's rows."""
        return self.listing.build(width)

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
        self.open_why(self.listing.why(self.body.cursor_key or "") or self.listing.why(""))
