"""The chart as files: Markdown with the curve as characters and its values as a table, and SVG. One pair of axes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from diagnostics.charts.axis import (
    USUAL,
    TimeAxis,
    ValueAxis,
    axis_of,
    beyond,
    columns_of,
    number_text,
    time_axis,
)
from diagnostics.charts.legend import (
    column_words,
    gap_words,
    limit_words,
    mark_words,
    scale_words,
    value_text,
    window_words,
)
from diagnostics.charts.plot import LETTERS, Drawing, plot
from diagnostics.core.sanitizer import clean
from diagnostics.incident.review.markdown import bullets, code, plain, section, table

if TYPE_CHECKING:
    from diagnostics.charts.models import Chart

NOT_KNOWN = "not known"
WIDE, HIGH = 96, 20
"""Cells of the curve in Markdown."""
MOST_ROWS = 30
"""Rows of the table of values; a row is the worst of its steps."""


def chart_text(chart: Chart, drawing: Drawing, *, width: int = WIDE, height: int = HIGH) -> str:
    """The curve with its title and its legend, for a pipe or a fixed-width block."""
    drawn = plot(chart, width=width, height=height, drawing=drawing)
    lines = [
        f"{chart.title}: {chart.shown}   {window_words(chart)}",
        drawn.text(),
        " · ".join(limit_words(chart, drawn.values)) or "no limits",
        " · ".join(
            part for part in (scale_words(drawn.values), column_words(chart, drawn.times), gap_words(chart)) if part
        ),
        *mark_words(chart),
    ]
    return clean("\n".join(lines), limit=60_000, multiline=True)


def chart_markdown(chart: Chart, drawing: Drawing) -> str:
    """For a ticket or a review: what it is now, the curve, the marks, the values, the questions."""
    values = axis_of(chart, drawing.form)
    times = time_axis(chart, MOST_ROWS)
    rows = [
        (
            f"{times.moment_of(number):%H:%M}",
            NOT_KNOWN if column.value is None else plain(value_text(chart, column.value)),
            "" if column.judged is None else beyond(chart, column.judged),
        )
        for number, column in enumerate(columns_of(chart, times))
        if column.is_inside
    ]
    facts = [
        f"now: {plain(chart.shown)} ({chart.status})",
        f"window: {window_words(chart)}",
        f"scale: {scale_words(values)}",
        *(plain(line) for line in limit_words(chart, values)),
        *(
            plain(note)
            for note in (chart.rule, chart.course.basis, gap_words(chart), *chart.notes, chart.failure)
            if note
        ),
    ]
    asked = [
        f"{plain(one.source)}, {plain(one.window or 'present state')}, asked {one.started_at:%H:%M:%S} UTC: "
        f"{code(one.query)}"
        for one in chart.evidence
    ]
    which = "highest" if chart.bad == "above" else "lowest"
    lines = [
        f"# {plain(chart.title)}",
        "",
        *bullets(facts, empty="nothing is known"),
        "",
        "```text",
        plot(chart, width=WIDE, height=HIGH, drawing=drawing).text().replace("```", "'''"),
        "```",
        "",
        *(section("Marks", bullets(map(plain, mark_words(chart)), empty="none")) if chart.marks else ()),
        *section(
            f"Values, the {which} of each step",
            table(("from (UTC)", plain(chart.unit) or "value", "beyond"), rows, empty="No step is known."),
        ),
        *section("Asked", bullets(asked, empty="Nothing was asked.")),
    ]
    return "\n".join(lines).rstrip() + "\n"


# ---- SVG

WIDTH, HEIGHT = 960, 420
LEFT, TOP, RIGHT, BOTTOM = 110, 56, 24, 92
"""Around the plot, in pixels."""

INK, FAINT, CURVE = "#1c2733", "#c9ced4", "#0072b2"
LIMITS = {"fail": "#d55e00", "warn": "#e69f00", "muted": "#5f6b76"}
"""Colours that the common kinds of colour blindness keep apart (Okabe and Ito); each line bears its word as well."""


def chart_svg(chart: Chart, drawing: Drawing) -> str:
    """A picture that stands alone, without scripts and without anything from elsewhere."""
    values = axis_of(chart, drawing.form)
    times = time_axis(chart, WIDTH - LEFT - RIGHT)
    said = f"{chart.title}: {chart.shown}, {window_words(chart)}, {scale_words(values)}"
    bottom = HEIGHT - BOTTOM
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" aria-label={quoteattr(_written(said))} font-family="monospace" font-size="12">'
    )
    parts = [
        opening,
        f"<title>{_escaped(chart.title)}</title>",
        f"<desc>{_escaped('; '.join((said, *limit_words(chart, values), *mark_words(chart))))}</desc>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        _label(LEFT, 22, f"{chart.title}: {chart.shown}", size=16),
        _label(LEFT, 42, f"{window_words(chart)} · {scale_words(values)}", colour=LIMITS["muted"]),
    ]
    for value in values.ticks(6):
        y = _y(value, values)
        parts.append(_line(LEFT, y, WIDTH - RIGHT, y, FAINT))
        parts.append(_label(LEFT - 8, y + 4, number_text(value), anchor="end"))
    for second, label in _time_labels(times):
        x = _x(second, times)
        parts.append(_line(x, bottom, x, bottom + 5, INK))
        parts.append(_label(x, bottom + 20, label, anchor="middle"))
    parts.append(_line(LEFT, bottom, WIDTH - RIGHT, bottom, INK))
    parts += _gaps(chart, times, bottom)
    for limit in chart.limits:
        if values.holds(limit.value):
            y, colour = _y(limit.value, values), _colour(chart, limit.word)
            parts.append(_line(LEFT, y, WIDTH - RIGHT, y, colour, dashes="6 4"))
            words = f"{limit.word} {value_text(chart, limit.value)}"
            parts.append(_label(WIDTH - RIGHT - 4, y - 4, words, colour=colour, anchor="end"))
    parts.append(_curve(chart, values, times))
    for mark in chart.marks:
        x = _x(mark.at.timestamp(), times)
        parts.append(_line(x, TOP, x, bottom, INK, dashes="2 3"))
        parts.append(_label(x, bottom + 36, LETTERS[mark.kind], anchor="middle"))
    legend = " · ".join(mark_words(chart)) or chart.course.basis
    parts.append(_label(LEFT, HEIGHT - 34, legend[:120], colour=INK))
    rest = " · ".join(part for part in (*limit_words(chart, values), gap_words(chart)) if part)
    parts.append(_label(LEFT, HEIGHT - 14, rest[:120], colour=LIMITS["muted"]))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _written(text: str) -> str:
    return clean(text, limit=4_000)


def _escaped(text: str) -> str:
    return escape(_written(text))


def _label(x: float, y: float, text: str, *, colour: str = INK, anchor: str = "start", size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}" font-size="{size}">'
        f"{_escaped(text)}</text>"
    )


def _line(x: float, y: float, to_x: float, to_y: float, colour: str, *, dashes: str = "") -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}" stroke="{colour}"{dashed}/>'


def _colour(chart: Chart, word: str) -> str:
    gravest = [limit.word for limit in chart.limits if limit.word != USUAL][-1:]
    return LIMITS["muted" if word == USUAL else "fail" if [word] == gravest else "warn"]


def _x(second: float, times: TimeAxis) -> float:
    share = (second - times.begins_s) / times.span_s
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(value: float, values: ValueAxis) -> float:
    return TOP + (1.0 - values.share(value)) * (HEIGHT - TOP - BOTTOM)


def _time_labels(times: TimeAxis) -> list[tuple[float, str]]:
    a_cell_s = times.span_s / times.cells
    return [(times.begins_s + cell * a_cell_s, label) for cell, label in times.ticks(apart=60)]


def _curve(chart: Chart, values: ValueAxis, times: TimeAxis) -> str:
    """Level over each step, broken where nothing is known."""
    path: list[str] = []
    is_drawing = False
    for number, column in enumerate(columns_of(chart, times)):
        if column.value is None:
            is_drawing = False
            continue
        begins = times.begins_s + number * times.cell_s
        y = _y(column.value, values)
        start, end = _x(begins, times), _x(begins + times.cell_s, times)
        path.append(f"{'L' if is_drawing else 'M'}{start:.1f} {y:.1f}H{end:.1f}")
        is_drawing = True
    return f'<path d="{"".join(path)}" fill="none" stroke="{CURVE}" stroke-width="2"/>' if path else ""


def _gaps(chart: Chart, times: TimeAxis, bottom: float) -> list[str]:
    """A grey ground under the steps of which nothing is known: an empty place is no zero."""
    found = []
    for point in chart.course.points:
        begins = point.at.timestamp()
        if point.value is None and times.column_at(datetime.fromtimestamp(begins, UTC)) is not None:
            x, to_x = _x(begins, times), min(WIDTH - RIGHT, _x(begins + chart.course.step_s, times))
            found.append(
                f'<rect class="gap" x="{x:.1f}" y="{TOP}" width="{max(0.0, to_x - x):.1f}" '
                f'height="{bottom - TOP:.1f}" fill="#eceff1"/>'
            )
    return found
