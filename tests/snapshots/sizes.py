"""Terminal sizes of the snapshots."""

from __future__ import annotations

import pytest

NARROW, USUAL, WIDE = (80, 24), (120, 40), (200, 60)

EVERY_SIZE = pytest.mark.parametrize("size", [NARROW, USUAL, WIDE], ids=str)
"""One state of each screen: how it uses the room there is."""

SIZES = [NARROW, pytest.param(USUAL, marks=pytest.mark.matrix), pytest.param(WIDE, marks=pytest.mark.matrix)]
"""Further states of the same rows, judged where room is scarcest; the other sizes belong to `make matrix`."""
