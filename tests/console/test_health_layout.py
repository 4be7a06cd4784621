"""Where the panes of level 2 stand."""

from __future__ import annotations

import itertools

import pytest

from screens.health.layout import KPI_ROWS, LEAST_HEIGHT, LEAST_WIDTH, MAP_ROWS, PANES, Slot, arrange

SIZES = [
    (width, height) for width in (40, 60, 80, 95, 110, 120, 160, 200, 320) for height in (4, 13, 22, 30, 38, 58, 90)
]


def cells(slot: Slot) -> set[tuple[int, int]]:
    """Corners are not enough where panes may lie inside one another."""
    return {(x, y) for x in range(slot.x, slot.x + slot.width) for y in range(slot.y, slot.y + slot.height)}


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_no_pane_covers_another_or_leaves_the_screen(width: int, height: int) -> None:
    slots = arrange(width, height)
    assert set(slots) == set(PANES)
    for one, other in itertools.combinations([slot for slot in slots.values() if slot.height], 2):
        assert not cells(one) & cells(other)
    for slot in slots.values():
        assert slot.x >= 0
        assert slot.y >= 0
        if slot.height:
            assert slot.x + slot.width <= width
            assert slot.y + slot.height <= height


@pytest.mark.parametrize(
    ("width", "height"), [size for size in SIZES if size[0] >= LEAST_WIDTH and size[1] >= LEAST_HEIGHT]
)
def test_from_80_by_24_on_every_pane_is_in_view_with_its_most_important_rows(width: int, height: int) -> None:
    slots = arrange(width, height)
    assert slots["health"].rows >= 2
    assert slots["kpis"].rows >= KPI_ROWS
    assert slots["resolution"].rows >= 3
    assert slots["systems"].rows >= MAP_ROWS
    assert slots["connections"].rows >= 3
    assert slots["leading"].rows >= 3


def test_a_small_terminal_shows_health_first() -> None:
    slots = arrange(60, 13)
    assert slots["health"].y == 0
    assert slots["health"].rows == 2
    assert slots["systems"].height


def test_both_columns_of_a_wide_terminal_are_filled_to_the_bottom() -> None:
    slots = arrange(120, 38)
    for column in (("health", "systems", "leading"), ("kpis", "resolution", "connections")):
        assert sum(slots[name].height for name in column) == 38
