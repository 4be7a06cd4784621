"""The escalation panel in the narrow pane beside level 1: the same, in the fewest words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from widgets import incident_clock, wording
from widgets.incident_clock import moment
from widgets.incident_rows import OPEN_BOX, TITLES, delivery_words, lasted, status_piece, tier_words
from widgets.incident_sections import ORDER
from widgets.incident_view import IncidentView
from widgets.issue_escalation_rows import issue_side_rows
from widgets.rows import BLANK, Row, fit, row, wrap

if TYPE_CHECKING:
    from widgets.glyphs import Glyphs
    from widgets.incident_view import IssueView

MOST_LINES = 8
"""Entries of the timeline here: each new one moves them all, which costs bytes."""


def side_rows(view: IncidentView | IssueView, problem: str, *, width: int, height: int, signs: Glyphs) -> list[Row]:
    """At least `height` rows, so that one that is added or goes repaints what it moves and nothing else."""
    rows = [row((line, "fail")) for line in wrap(signs.text(f"JOURNAL: {problem}"), width, most=4)] if problem else []
    if isinstance(view, IncidentView):
        rows += _incident_rows(view, width, height - len(rows), signs)
    else:
        rows += issue_side_rows(view, width, signs)
    return rows + [BLANK] * max(0, height - len(rows))


def _incident_rows(view: IncidentView, width: int, height: int, signs: Glyphs) -> list[Row]:
    incident, dot = view.incident, f" {signs.separator} "
    severity = (incident.severity.upper(), wording.severity_tone(incident.severity))
    rows = [
        row((incident.id, "title"), dot, severity, (f"{dot}{signs.text(tier_words(view))}", "muted")),
        row(status_piece(incident), (f"{dot}{lasted(incident, view.now)}", "strong")),
        *_clocks(view, width, signs),
        BLANK,
    ]
    for name, title in view.roles:
        label = fit(title.lower().removeprefix("incident ").removesuffix(" lead"), 15)
        holder = incident.holder(name)
        shown = (fit(signs.text(holder or "free: c claims"), width - 15).rstrip(), "strong" if holder else "muted")
        rows.append(row((label, "muted"), shown))  # type: ignore[arg-type]  # a tone's name
    rows.append(BLANK)
    rows += _deliveries(view, width, signs)
    steps = _steps(view, width, max(3, height - len(rows) - MOST_LINES - 5), signs)
    rows += [*steps, BLANK, row(("timeline", "title"), (f"  {incident.entries:,} entries", "muted"))]
    for line in view.lines[:MOST_LINES]:
        said = fit(signs.text(line.text.replace("\n", " ")), width - 6).rstrip()
        rows.append(row((f"{line.at:%H:%M} ", "muted"), said))
    return rows


def _clocks(view: IncidentView, width: int, signs: Glyphs) -> list[Row]:
    """The two promises; the time that is left stands in a short row of its own."""
    if not view.incident.is_open:
        return []
    rows: list[Row] = []
    notice = incident_clock.notice_clock(view.incident, view.now)
    update = incident_clock.update_clock(view.incident, view.next_update_at, view.now)
    for what, clock in (("first notice", notice), ("update", update if notice is None else None)):
        if clock is None:
            continue
        words = {"due": f"{what} due in {clock.span}", "snoozed": f"{what} overdue {clock.span}"}
        said = words.get(clock.state, f"{what.upper()} OVERDUE {clock.span}")
        rows.append(row((fit(said, width).rstrip(), clock.tone)))
        if clock.state == "overdue":
            rows.append(row(("n sends it", "fail")))
    until = view.incident.snoozed_until
    if until is not None and until > view.now:
        said = signs.text(f"reminder off until {moment(until, view.now)} {view.incident.snoozed_by}")
        rows.append(row((fit(said, width).rstrip(), "muted")))
    return rows


def _deliveries(view: IncidentView, width: int, signs: Glyphs) -> list[Row]:
    found = sorted(view.incident.deliveries, key=lambda one: ORDER.index(one.state) if one.state in ORDER else 0)
    rows = []
    for one in found[:4]:
        words, tone = delivery_words(one, view.now)
        name = one.called if one.state == "sent" and one.called else TITLES[one.channel].lower()
        left = fit(signs.text(name), min(12, width // 3))
        rows.append(row((left, "muted"), " ", (fit(signs.text(words), width - len(left) - 1).rstrip(), tone)))
    return [*rows, BLANK] if rows else []


def _steps(view: IncidentView, width: int, most: int, signs: Glyphs) -> list[Row]:
    done = sum(1 for step in view.steps if step.record is not None)
    rows = [row(("first response", "title"), (f"  {done} of {len(view.steps)} done", "muted"))]
    open_ones = [step for step in view.steps if step.record is None]
    for step in open_ones[:most]:
        late = str(step.status) == "fail"
        mark = "OVERDUE " if late else ""
        text = fit(signs.text(step.text), width - 4 - len(mark)).rstrip()
        rows.append(row((f"{OPEN_BOX} ", "muted"), (mark, "fail"), text))
    if len(open_ones) > most:
        rows.append(row((f"    and {len(open_ones) - most} more: e", "muted")))
    return rows
