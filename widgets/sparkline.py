"""A series as one row of characters: cheap to repaint, readable without colour."""

from __future__ import annotations

from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
RAMP = " .:-=+*#%@"


def sparkline(
    values: Sequence[float],
    width: int,
    ascii: bool = False,  # noqa: A002  # the flag's name everywhere
    *,
    ceiling: float = 0.0,
) -> str:
    """Return `values`, oldest first, as at most `width` characters, each one cell wide.

    More values than cells are pooled by their maximum, so that a burst of one minute stays visible. The scale starts
    at zero and ends at the largest value, or at `ceiling` where that is larger: with twice the usual as the ceiling, a
    quiet course draws low and not as a wall. Negative and undefined values count as zero. No values or no room give an
    empty string.
    """
    if width <= 0 or not values:
        return ""
    pooled = _pool(values, width)
    ramp = RAMP if ascii else BLOCKS
    top = max(ceiling, *pooled)
    if top <= 0:
        return ramp[0] * len(pooled)
    last = len(ramp) - 1
    # Anything above zero is at least one step up: a single event among thousands must not vanish into the floor.
    return "".join(ramp[max(1, round(value / top * last)) if value > 0 else 0] for value in pooled)


def _pool(values: Sequence[float], width: int) -> list[float]:
    known = [value if value > 0 else 0.0 for value in values]
    count = len(known)
    if count <= width:
        return known
    return [max(known[cell * count // width : (cell + 1) * count // width]) for cell in range(width)]
