"""Where the panes of level 2 stand in a terminal of any size. Arithmetic in cells; a title bar is part of its pane.

At 80×24 every pane is in view at once: health, KPIs and shares over the whole width, connections and leading
indicators beside the system map. Wider and taller terminals have two columns: what is failing and fails next on the
left, what it is made of on the right. Below 80×24 panes are stacked, the most important first, as far as they go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

HEALTH, KPIS, RESOLUTION = "health", "kpis", "resolution"
CONNECTIONS, SYSTEMS, LEADING = "connections", "systems", "leading"
PANES = (HEALTH, KPIS, RESOLUTION, CONNECTIONS, SYSTEMS, LEADING)
"""In the order that tab walks through them."""

KPI_ROWS = 6
"""Five KPIs and the sync events of the last hour."""

MAP_ROWS = 7
"""Six systems and the process at the end of the chain."""

WIDE, TALL, LOFTY = 110, 32, 48
"""Columns and rows from which on there are two columns; rows from which on figures have a second line."""

LEAST_WIDTH, LEAST_HEIGHT = 80, 22
RIGHT_LEAST = 68
"""Cells that the KPI table needs with limits and age."""


@dataclass(slots=True, frozen=True)
class Slot:
    """A pane's place below the header. Height counts the title bar; 0 is not in view."""

    x: int
    y: int
    width: int
    height: int

    @property
    def rows(self) -> int:
        """Rows below the title bar."""
        return max(0, self.height - 1)

    @property
    def text_width(self) -> int:
        """Cells of a row's text, beside the cursor's two and the scroll bar's one."""
        return max(10, self.width - 3)


NOWHERE = Slot(0, 0, 1, 0)


def arrange(width: int, height: int) -> Mapping[str, Slot]:
    """Every pane's place in `width` × `height` cells, header and footer not counted."""
    if width < LEAST_WIDTH or height < LEAST_HEIGHT:
        return _stacked(width, height)
    return _columns(width, height) if width >= WIDE and height >= TALL else _banded(width, height)


def is_roomy(height: int) -> bool:
    """Whether figures have a second line that says what they are held against."""
    return height >= LOFTY


def _stacked(width: int, height: int) -> dict[str, Slot]:
    wanted = (
        (HEALTH, 3),
        (SYSTEMS, 1 + MAP_ROWS),
        (KPIS, 1 + KPI_ROWS),
        (LEADING, 4),
        (RESOLUTION, 4),
        (CONNECTIONS, 4),
    )
    slots = dict.fromkeys(PANES, NOWHERE)
    y = 0
    for name, rows in wanted:
        rows = min(rows, height - y)  # noqa: PLW2901  # what is left of what it wants
        if rows < 2:
            break
        slots[name] = Slot(0, y, width, rows)
        y += rows
    return slots


def _banded(width: int, height: int) -> dict[str, Slot]:
    spare = height - LEAST_HEIGHT
    health = 3 + (min(15, 3 * spare // 5) if spare >= 16 else min(2, spare // 2))
    shares = 4 + min(2, (spare - (health - 3)) // 2)
    top = health + 1 + KPI_ROWS + shares
    rest = height - top
    left = max(45, int(width * 0.56))
    people = rest // 2
    return {
        HEALTH: Slot(0, 0, width, health),
        KPIS: Slot(0, health, width, 1 + KPI_ROWS),
        RESOLUTION: Slot(0, health + 1 + KPI_ROWS, width, shares),
        CONNECTIONS: Slot(0, top, left, people),
        SYSTEMS: Slot(left + 1, top, width - left - 1, rest),
        LEADING: Slot(0, top + people, left, rest - people),
    }


def _columns(width: int, height: int) -> dict[str, Slot]:
    right = max(RIGHT_LEAST, int(width * 0.54))
    left = width - right - 1
    systems = 1 + 2 * MAP_ROWS - 1
    lines = 2 if is_roomy(height) else 1
    leading = 1 + 7 * lines
    health = min(26, max(12, height - systems - leading))
    kpis = 1 + KPI_ROWS * lines
    shares = 1 + 6
    x = left + 1
    return {
        HEALTH: Slot(0, 0, left, health),
        KPIS: Slot(x, 0, right, kpis),
        RESOLUTION: Slot(x, kpis, right, shares),
        CONNECTIONS: Slot(x, kpis + shares, right, height - kpis - shares),
        SYSTEMS: Slot(0, health, left, systems),
        LEADING: Slot(0, health + systems, left, height - health - systems),
    }
