"""Facets: the most frequent values of a few attributes, with a bar and the share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from widgets.row import Row, fit, row

if TYPE_CHECKING:
    from diagnostics.models.explorer import Facet
    from widgets.glyphs import Glyphs

COUNT = 8


def facet_key(name: str, value: str) -> str:
    """Key of one value's row."""
    return f"facet\x00{name}\x00{value}"


def facet_of_key(key: str) -> tuple[str, str] | None:
    """(attribute, value) of a row's key; the value is empty on the attribute's own row."""
    kind, _, rest = key.partition("\x00")
    name, _, value = rest.partition("\x00")
    return (name, value) if kind == "facet" and name else None


def facet_rows(facets: Sequence[Facet], *, width: int, most: int, glyphs: Glyphs) -> list[Row]:
    """Each attribute with its values. Counts of loaded lines and counts of all lines are told apart by a word."""
    rows: list[Row] = []
    for facet in facets:
        exact = f"at least {facet.of:,}" if facet.partial else f"all {facet.of:,}"
        basis = exact if facet.is_exact else f"of {facet.of:,} loaded"
        room = max(4, width - len(basis) - 1)
        rows.append(
            row(
                (fit(glyphs.text(facet.name), room), "title"),
                (f" {basis}", "accent" if facet.is_exact else "muted"),
                key=facet_key(facet.name, ""),
            )
        )
        for value, count in facet.values[:most]:
            text = fit(glyphs.text(value), max(4, width - COUNT - 2))
            rows.append(row("  ", text, (fit(f"{count:,}", COUNT, right=True), ""), key=facet_key(facet.name, value)))
        if not facet.values:
            # Logs that are late or were not all searched may carry it.
            rows.append(row(("  none found so far" if facet.partial else "  no line carries it", "muted")))
    return rows
