"""Back and forward through the screens one has been on, as browsers have taught everybody."""

from __future__ import annotations

MOST = 100
"""Steps kept; the oldest go first."""

Lines = tuple[str, ...]
"""`:` lines of the screens above level 1, lowest first; empty is level 1 itself."""


class History:
    """Where one has been. Going somewhere new forgets what lay ahead."""

    def __init__(self) -> None:
        self._visited: list[Lines] = [()]
        self._at = 0

    @property
    def here(self) -> Lines:
        """Where one is."""
        return self._visited[self._at]

    def visit(self, lines: Lines) -> None:
        """One has gone somewhere; being there already changes nothing."""
        if lines == self.here:
            return
        self._visited[self._at + 1 :] = [lines]
        del self._visited[:-MOST]
        self._at = len(self._visited) - 1

    def back(self) -> Lines | None:
        """One step back, or None at the beginning."""
        return self._step(-1)

    def forward(self) -> Lines | None:
        """One step forward again, or None at the end."""
        return self._step(1)

    def _step(self, by: int) -> Lines | None:
        if not 0 <= self._at + by < len(self._visited):
            return None
        self._at += by
        return self.here
