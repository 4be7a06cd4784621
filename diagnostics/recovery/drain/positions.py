"""Events of a plan by their position, as text: "0-19,25". Many of them fit into one entry of the journal."""

from __future__ import annotations

from collections.abc import Iterable

from diagnostics.core.words import plural


def packed(positions: Iterable[int]) -> str:
    """In ascending order, neighbours as ranges; empty for none."""
    parts: list[str] = []
    first = last = -1
    for position in (*sorted(set(positions)), -1):
        if position == last + 1 and last >= 0:
            last = position
            continue
        if last >= 0:
            parts.append(str(first) if first == last else f"{first}-{last}")
        first = last = position
    return ",".join(parts)


def unpacked(text: str, total: int) -> list[int]:
    """The positions, each below `total`. Raises ValueError for anything that `packed` does not write."""
    found: list[int] = []
    before = -1
    for part in text.split(",") if text else ():
        low, _, high = part.partition("-")
        first, last = int(low), int(high or low)
        if not before < first <= last < total:
            raise ValueError(f"{part!r} is no range of {plural(total, 'event')}")
        found.extend(range(first, last + 1))
        before = last
    return found
