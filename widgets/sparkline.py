"""A series as one row of characters: cheap to repaint, readable without colour."""

from __future__ import annotations

import math
from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
RAMP = " .:-=+*#%@"

LEAST_TOP = 1_000.0
"""A log curve reaches to so many times the usual, or to its highest value: 9 times and 1,500 times differ."""
LEAST_USUAL = 1e-6
LOG_FROM = 2.0
"""So many times the usual is where a linear curve would end."""


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


def curve(
    values: Sequence[float],
    width: int,
    ascii: bool = False,  # noqa: A002  # the flag's name everywhere
    *,
    usual: float | None = None,
    ceiling: float = 0.0,
    began: int | None = None,
) -> str:
    """Return `values`, oldest first, as at most `width` cells; on a log scale it ends in the word "log".

    Where a value is above twice the usual the scale is logarithmic from the usual on: the second step of the ramp is
    the usual or less, the first one nothing at all, and each further one a like factor, up to a thousand times or the
    highest value. Otherwise, or where `usual` is not known, it is that of `sparkline`. Before the value numbered
    `began` stands a bar: there the incident begins.
    """
    top = max(values, default=0.0)
    is_log = usual is not None and usual >= LEAST_USUAL and math.isfinite(top) and top > LOG_FROM * usual
    tail = " log" if is_log else ""
    bar = "" if began is None or not 0 < began < len(values) else "|" if ascii else "│"
    cells = width - len(tail) - len(bar)
    if cells <= 0:
        return ""
    if is_log and usual is not None:
        drawn = _log_curve(_pool(values, cells), usual, max(LEAST_TOP, top / usual), RAMP if ascii else BLOCKS)
    else:
        drawn = sparkline(values, cells, ascii, ceiling=ceiling)
    at = (began or 0) * len(drawn) // max(1, len(values))
    return f"{drawn[:at]}{bar}{drawn[at:]}{tail}"


def _log_curve(values: Sequence[float], usual: float, top: float, ramp: str) -> str:
    last = len(ramp) - 1

    def step(value: float) -> int:
        if value <= usual:
            return 1 if value > 0 else 0
        return 1 + max(1, round(math.log(value / usual) / math.log(top) * (last - 1)))

    return "".join(ramp[min(last, step(value))] for value in values)


def _pool(values: Sequence[float], width: int) -> list[float]:
    known = [value if value > 0 else 0.0 for value in values]
    count = len(known)
    if count <= width:
        return known
    return [max(known[cell * count // width : (cell + 1) * count // width]) for cell in range(width)]
