"""The checks of one issue as a table: what was judged, its value, what it means, the limit, the age; one line each.

A value, a unit and a limit are never cut. What a value means gives way first, part by part; the sentence, the query and
the advice are one Enter away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from rich.cells import cell_len

from diagnostics.core.words import plural
from widgets import wording
from widgets.row import Piece, Row, Tone, column, fit, labelled, row

if TYPE_CHECKING:
    from diagnostics.models.readings import Reading
    from diagnostics.models.triage import Finding
    from widgets.glyphs import Glyphs

MARK = 2
"""Cells of the glyph of a status and the space behind it."""

NAME, VALUE, LIMIT, AGE = 17, 14, 10, 4
"""Cells that the columns take at least, so that they stay where they are while numbers grow; wider texts widen them."""

LEAST_REMARK, MOST_REMARK = 6, 44

NOT_JUDGED = frozenset({"ok", "judging", "unknown", ""})
"""Severities of an issue of which nothing is said that belongs to an incident."""


@dataclass(slots=True, frozen=True)
class IssueDetail:
    """Everything the detail pane shows for one issue."""

    title: str
    severity: str
    """A word of the issue's row, "ok", "judging" or "unknown"."""
    impact: str
    route: str
    checks: tuple[tuple[str, Reading[Finding] | None], ...]
    """Check id and its newest reading, in the order of the first response."""
    contact: str = ""
    """Whom to tell, where no panel beside it says so."""
    reason: str = ""
    """What the severity stands on where no check says it."""
    accounts: int | None = None
    """Accounts it affects; None where that is not known, or not known now."""


@dataclass(slots=True, frozen=True)
class _Line:
    """One check in words, before it is known how wide the columns are."""

    key: str
    mark: Piece
    name: str
    value: Piece
    remarks: tuple[str, ...]
    """Parts with numbers in them: each stands whole or not at all."""
    prose: str
    """What is said instead of them; it may be cut."""
    limit: str
    age: str
    tone: Tone = ""
    """Of everything that is no state."""


@dataclass(slots=True, frozen=True)
class Widths:
    """Cells of the columns; together with the mark they take the whole row."""

    name: int
    value: int
    remark: int
    limit: int
    age: int

    @property
    def to_limit(self) -> int:
        """Cells before the column of limits."""
        return MARK + self.name + self.value + self.remark


def detail(found: IssueDetail, *, width: int, height: int, now: datetime, glyphs: Glyphs) -> tuple[str, list[Row]]:
    """The title bar and the rows of the detail pane: the table, then what to do next and whom to tell."""
    lines = [_line(check, reading, now, glyphs) for check, reading in found.checks]
    widths = _widths(lines, width)
    rows = [_drawn(line, widths, glyphs) for line in lines]
    calm = found.severity in NOT_JUDGED
    label = MARK + widths.name

    def beside(name: str, text: str, tone: Tone = "", most: int = 0) -> list[Row]:
        return labelled(f"  {name}", glyphs.text(text), width, label_width=label, tone=tone, most=most)

    step = "" if calm else _next_step([reading.value for _, reading in found.checks if reading is not None])
    # The route and the people stand beneath it whatever a step says; ours are shorter than what is left.
    rows += beside("next", step, "strong", max(1, height - len(rows) - 2)) if step else []
    arrow = glyphs.text(f"{glyphs.step} {found.route}")
    rows.append(row((fit("  hand over to", label), "muted"), (arrow, "accent"), key=f"route:{found.route}"))
    if found.contact:
        rows += beside("tell", found.contact, "muted" if calm else "strong")
    if not calm:
        rows += _impact(found, beside, height - len(rows), glyphs)
    return title_bar(found, widths, glyphs), rows


def _impact(found: IssueDetail, beside: Callable[[str, str], list[Row]], room: int, glyphs: Glyphs) -> list[Row]:
    """How many accounts it affects, and how; the words alone, or nothing, where there are no rows for it."""
    hit = found.accounts
    named = [f"{plural(hit, 'account')} {glyphs.separator} {found.impact}"] if hit else []
    lines = next((lines for text in (*named, found.impact) if len(lines := beside("impact", text)) <= room), [])
    return [replace(lines[0], key="impact:accounts"), *lines[1:]] if lines else []


def title_bar(found: IssueDetail, widths: Widths, glyphs: Glyphs) -> str:
    """What stands above the table: the issue, its severity and why, and the names of the last two columns."""
    dot = f" {glyphs.separator} "
    said = {
        "ok": "ok: nothing to do here",
        "judging": "being judged",
        "unknown": "NOT KNOWN",
    }.get(found.severity, f"why {found.severity.upper()}")
    parts = [found.title.upper(), said, *filter(None, [found.reason])]
    # The bar has no room for a cursor on its left, as the rows below have.
    room = widths.to_limit + 2 - 1
    text = " " + dot.join(parts)
    if cell_len(text) > room:
        text = " " + dot.join(parts[:2])
    return fit(glyphs.text(text), room) + " " + fit("limit", widths.limit) + fit("age", widths.age, right=True)


def _line(check: str, reading: Reading[Finding] | None, now: datetime, glyphs: Glyphs) -> _Line:
    key, finding = f"check:{check}", reading.value if reading is not None else None
    if reading is None or finding is None:
        waiting = reading is None or str(reading.freshness) == "loading"
        why = reading.failure if reading is not None and not waiting else ""
        value = Piece("asking" if waiting else "no answer", "muted")
        mark = Piece(glyphs.waiting if waiting else glyphs.unreachable, "muted")
        return _Line(key, mark, check.replace("_", " "), value, (), glyphs.text(why), "", "", "" if waiting else "warn")
    stale = wording.is_stale(reading)
    piece = wording.status_piece(finding.status, glyphs)
    tone: Tone = "muted" if stale else piece.tone
    remarks = () if stale else _parts(finding.remark)
    prose = (
        f"OLD: {reading.failure}"
        if stale
        else ""
        if remarks or (finding.name and finding.value is not None)
        else finding.summary
    )
    return _Line(
        key,
        Piece(piece.text.partition(" ")[0], tone),
        finding.name or check.replace("_", " "),
        Piece(value_words(finding, glyphs), "muted" if stale else "strong" if piece.tone != "muted" else "muted"),
        tuple(glyphs.text(part) for part in remarks),
        glyphs.text(prose),
        glyphs.text(finding.limit),
        wording.aged(reading, now),
        "warn" if stale else "",
    )


def value_words(finding: Finding, glyphs: Glyphs) -> str:
    """The value with its unit: "1,216 /min", "HIGH"; where there is none, the word of the status."""
    value, unit, status = finding.value, finding.unit, str(finding.status)
    if value is None or (value == 0 and status == "no_data"):
        # None found among what could not be looked at is no count.
        return wording.status_piece(status, glyphs).text.partition(" ")[2]
    if isinstance(value, str):
        return value.upper() if status == "fail" and value.isalpha() else value
    number = f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
    if value == 1 and unit in {"events", "agents"}:
        unit = unit[:-1]
    return f"{number} {unit}".rstrip()


def _parts(remark: str) -> tuple[str, ...]:
    return tuple(part for part in remark.split(", ") if part)


def _widths(lines: Sequence[_Line], width: int) -> Widths:
    name = max((cell_len(line.name) + 2 for line in lines), default=0)
    value = max((cell_len(line.value.text) + 1 for line in lines), default=0)
    limit = max((cell_len(line.limit) + 1 for line in lines), default=0)
    aged = max((cell_len(line.age) + 1 for line in lines), default=0)
    name, value, limit, aged = max(NAME, name), max(VALUE, value), max(LIMIT, limit), max(AGE, aged)
    room = width - MARK - name - value - limit - aged
    return Widths(name, value, max(0, min(MOST_REMARK, room)), limit, aged)


def _drawn(line: _Line, widths: Widths, glyphs: Glyphs) -> Row:
    room = widths.remark - 1
    said = within(line.remarks, room, glyphs) if line.remarks else fit(line.prose, room) if room >= LEAST_REMARK else ""
    return row(
        *column(line.mark.text, MARK, line.mark.tone),
        *column(line.name, widths.name),
        *column(line.value.text, widths.value, line.value.tone),
        *column(said.rstrip(), widths.remark, line.tone),
        *column(line.limit, widths.limit, "muted"),
        *column(line.age, widths.age, line.tone or "muted", right=True),
        key=line.key,
    )


def within(parts: Sequence[str], room: int, glyphs: Glyphs) -> str:
    """As many of the parts as fit, each whole; where not even the first does, a sign that there is more."""
    said = ""
    for part in parts:
        longer = f"{said}, {part}" if said else part
        if cell_len(longer) > room:
            break
        said = longer
    return said or (glyphs.ellipsis if parts and room > 0 else "")


def _next_step(findings: Sequence[Finding | None]) -> str:
    """The advice of the first check that fails, or else of the first that warns."""
    for status in ("fail", "warn"):
        for finding in findings:
            if finding is not None and str(finding.status) == status and finding.next_step:
                return finding.next_step
    return ""
