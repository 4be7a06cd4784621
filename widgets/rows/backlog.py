"""The backlog as a curve with its forecast, and its histograms beside each other where there is room."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from rich.cells import cell_len

from diagnostics.core.document import Block, Heading, Text
from diagnostics.models.figures import Course, CoursePoint
from diagnostics.recovery.document import split_blocks
from widgets.row import BLANK, Piece, Row, fit, row
from widgets.rows.document import document_rows
from widgets.rows.trend import AXIS, Scale, course_chart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from diagnostics.recovery.models import BacklogPoint, BacklogReport
    from widgets.glyphs import Glyphs

THOUSANDS_FROM = 10_000
COLUMN = 56
"""Cells of a histogram."""


def curve_rows(
    report: BacklogReport, width: int, height: int, glyphs: Glyphs, *, warning: float | None, critical: float | None
) -> list[Row]:
    """What was, and in a muted tone what comes at the rates of now; the limits where they are on the scale."""
    known = [point.waiting for point in (*report.course, *report.forecast) if point.waiting is not None]
    if not report.course or not known:
        return [BLANK, row(("backlog over time: not known", "muted"))]
    unit = 1_000 if max(known) >= THOUSANDS_FROM else 1
    limits = [None if limit is None else limit / unit for limit in (warning, critical)]
    high = max(known) / unit or 1.0
    drawn = [limit if limit is not None and limit <= high else None for limit in limits]
    scale = Scale(0.0, high, warning=drawn[0], critical=drawn[1], bad="above")
    ahead = min(len(report.forecast), max(0, (width - AXIS) // 3))
    past = width - ahead
    left = course_chart(
        _course(report.course, unit), width=past, height=height, scale=scale, glyphs=glyphs, stale=False
    )
    right: list[Row] = [BLANK] * height
    if ahead:
        forecast = _course(report.forecast, unit)
        right = course_chart(forecast, width=ahead + AXIS, height=height, scale=scale, glyphs=glyphs, stale=True)
    per = ", in thousands" if unit > 1 else ""
    title = f"waiting{per}: the last 2 h" + (" | the next 2 h at the present rates" if ahead else "")
    rows = [BLANK, row((glyphs.text(fit(title, width)), "title"))]
    # The line between them is now, also where no colour says what is forecast.
    rows += [Row((*_padded(one, past), *_forecast(other, glyphs))) for one, other in zip(left, right, strict=True)]
    begin, now = f"{report.course[0].at:%H:%M}", f"{report.course[-1].at:%H:%M} UTC"
    axis = " " * AXIS + begin + now.rjust(max(1, past - AXIS - len(begin)))
    if ahead:
        end = f"{report.forecast[-1].at:%H:%M}"
        axis += end.rjust(ahead) if ahead > len(end) else ""
    return [*rows, row((fit(axis, width), "muted"))]


def _course(points: Sequence[BacklogPoint], unit: int) -> Course:
    return Course(
        title="backlog",
        step_s=300,
        points=tuple(
            CoursePoint(at=one.at, value=None if one.waiting is None else one.waiting / unit) for one in points
        ),
    )


def _forecast(one: Row, glyphs: Glyphs) -> tuple[Piece, ...]:
    """The row with a line for now in the place of its labels and of its first cell."""
    if not one.pieces:
        return ()
    text = one.text[AXIS + 1 :]
    return Piece(glyphs.bar, "title"), Piece(text, "muted")


def _padded(one: Row, width: int) -> tuple[Piece, ...]:
    gap = width - cell_len(one.text)
    return (*one.pieces, Piece(" " * gap)) if gap > 0 else one.pieces


def split_rows(report: BacklogReport, width: int, glyphs: Glyphs) -> list[Row]:
    """Histograms, as many beside each other as the width has columns for. Where there is one, rows have a cursor."""
    each = [document_rows(_titled(split_blocks(split)), min(width, COLUMN - 2), glyphs) for split in report.splits]
    across = max(1, width // COLUMN)
    if across == 1:
        return [line for rows in each for line in (BLANK, *rows)]
    rows: list[Row] = []
    for at in range(0, len(each), across):
        rows.append(BLANK)
        for line in zip_longest(*each[at : at + across], fillvalue=BLANK):
            pieces = [piece for one in line[:-1] for piece in _padded(one, COLUMN)]
            # The cursor goes down the first column; accounts are reached from each row of theirs.
            key = next((one.key for one in line if (one.key or "").startswith("account:")), line[0].key)
            rows.append(Row((*pieces, *line[-1].pieces), key=key))
    return rows


def _titled(blocks: Sequence[Block]) -> list[Block]:
    """The blocks with a heading that brings no empty line of its own."""
    return [Text(block.text, "title") if isinstance(block, Heading) else block for block in blocks]
