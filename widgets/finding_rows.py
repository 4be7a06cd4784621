"""The selected issue: what it means, its first-response checks as they answer, and where it goes next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from widgets import wording
from widgets.rows import Piece, Row, fit, labelled, row, wrap

if TYPE_CHECKING:
    from diagnostics.models.readings import Reading
    from diagnostics.models.triage import Finding
    from widgets.glyphs import Glyphs

LABEL = 16


@dataclass(slots=True, frozen=True)
class IssueDetail:
    """Everything the detail pane shows for one issue."""

    meaning: str
    impact: str
    route: str
    checks: tuple[tuple[str, Reading[Finding] | None], ...]
    """Check id and its newest reading, in the order of the first response."""


def detail_rows(detail: IssueDetail, *, width: int, now: datetime, signs: Glyphs, roomy: bool) -> list[Row]:
    """Rows of the detail pane. `roomy` wraps long sentences; otherwise each stays on one line."""
    most = 3 if roomy else 1
    rows = labelled("what it means", signs.text(detail.meaning), width, label_width=LABEL, most=most)
    rows += labelled("impact", signs.text(detail.impact), width, label_width=LABEL, most=most)
    for index, (check, reading) in enumerate(detail.checks):
        label = "first response" if index == 0 else ""
        rows += check_rows(check, reading, label=label, width=width, now=now, signs=signs, roomy=roomy)
    arrow = signs.text(f"{signs.step} {detail.route}")
    rows.append(
        row((fit("hand over to", LABEL), "muted"), (arrow, "accent"), ("   enter", "key"), key=f"route:{detail.route}")
    )
    return rows


def check_rows(
    check: str,
    reading: Reading[Finding] | None,
    *,
    label: str,
    width: int,
    now: datetime,
    signs: Glyphs,
    roomy: bool,
) -> list[Row]:
    """One check: sign and word, sentence, age. Stale answers say so and lose their colour."""
    key = f"check:{check}"
    head = Piece(fit(label, LABEL), "muted")
    finding = reading.value if reading is not None else None
    if reading is None or finding is None:
        waiting = reading is None or str(reading.freshness) == "loading"
        name = check.replace("_", " ")
        why = reading.failure if reading is not None else ""
        words = f"{signs.waiting} asking: {name}" if waiting else f"{signs.missing} {name}: {why}"
        return [row(head, (signs.text(words), "muted" if waiting else "warn"), key=key)]
    stale = wording.is_stale(reading)
    status = wording.status_piece(finding.status, signs)
    state = Piece(fit(status.text, 14), "muted" if stale else status.tone)
    aged = wording.age(wording.asked_at(reading), now)
    tail = signs.text(f"stale {aged}: {reading.failure}") if stale else aged
    tail = fit(tail, min(len(tail), 30, max(4, width // 2)))
    room = max(12, width - LABEL - 14 - len(tail) - 2)
    lines = wrap(signs.text(finding.summary), room, most=2 if roomy else 1)
    first = row(head, state, fit(lines[0], room), (f" {tail}", "warn" if stale else "muted"), key=key)
    return [first, *(row(" " * (LABEL + 14), line) for line in lines[1:])]
