"""When panes are laid out: what arrives together is drawn together, and a key is painted before what it brings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.screen import Screen
    from textual.timer import Timer

GATHER_S = 0.06
"""How long a pane waits for what else becomes due."""


class Redraw:
    """Lays out the panes of one screen, each by its function, in the order in which they are given.

    A screen makes one in its constructor, calls `soon` for what a reading or a key changes and `now` where the whole
    screen has to be laid out at once: on mount, and when its size has changed.
    """

    def __init__(self, screen: Screen[Any], panes: Mapping[str, Callable[[], None]]) -> None:
        self._screen = screen
        self._panes = panes
        self._due: set[str] = set()
        self._timer: Timer | None = None

    def soon(self, *panes: str) -> None:
        """Lay these panes out shortly, or all of them where none is named."""
        self._due |= set(panes or self._panes)
        if self._timer is None:
            self._timer = self._screen.set_timer(GATHER_S, self._draw)

    def now(self) -> None:
        """Lay all panes out from the state; the views repaint the differences."""
        self._due |= set(self._panes)
        self._draw()

    def _draw(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        due, self._due = self._due, set()
        if not self._screen.is_attached:
            return
        for name, draw in self._panes.items():
            if name in due:
                draw()
