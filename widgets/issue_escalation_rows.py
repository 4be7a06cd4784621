"""The panel where no incident is open: the five minutes, the one thing to do, the checklist, the people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.models.status import FIRST_NOTICE_MINUTES
from widgets import incident_clock, wording
from widgets.incident_clock import moment
from widgets.incident_rows import OPEN_BOX, head, pair
from widgets.rows import BLANK, Row, fit, labelled, row, wrap

if TYPE_CHECKING:
    from widgets.glyphs import Glyphs
    from widgets.incident_view import IssueView

BEGIN = "n begins: declare, tell, track"


def issue_answer_rows(view: IssueView, width: int, signs: Glyphs) -> list[Row]:
    """Which issue, how bad, the five minutes, and the one key that begins."""
    word = {"judging": "severity is being judged", "unknown": "severity unknown"}.get(
        view.severity, view.severity.upper()
    )
    dot = f" {signs.separator} "
    rows = [
        row(
            (view.issue.upper(), "title"),
            dot,
            (word, wording.severity_tone(view.severity)),
            (f"{dot}no incident is open", "muted"),
            key="issue",
        )
    ]
    if view.notify and view.due is not None:
        clock = incident_clock.promise(view.due, view.now)
        seen = f"seen here since {moment(view.since, view.now)} UTC" if view.since is not None else ""
        if clock.state == "due":
            said = f"FIRST NOTICE due {moment(view.due, view.now)} UTC{dot}{seen}"
            rows.append(pair([(said, "warn")], f"in {clock.span}", clock.tone, width, "notice"))
        else:
            said = f"FIRST NOTICE OVERDUE since {moment(view.due, view.now)} UTC{dot}{seen}"
            rows.append(pair([(said, "fail")], f"OVERDUE {clock.span}", "fail", width, "notice"))
    elif view.notify:
        rows.append(row((f"TELL THE TEAM within {FIRST_NOTICE_MINUTES} minutes", "fail"), key="notice"))
    elif view.severity in {"unknown", "judging"}:
        missing = "What is usual is still being asked for." if view.severity == "judging" else "No answer to judge by."
        text = f"{missing} When in doubt, tell the people below rather than wait."
        rows += [row((line, "warn"), key="notice") for line in wrap(text, width, most=1)]
    else:
        rows.append(row(("no notice is due at this severity", "muted"), key="notice"))
    rows.append(row((BEGIN, "strong" if view.notify else ""), key="begin"))
    return rows


def issue_step_rows(view: IssueView, width: int, signs: Glyphs) -> list[Row]:
    """The checklist of the issue type, as it would begin."""
    rows = [head("FIRST RESPONSE", f"{len(view.steps)} steps; they are ticked once it is declared", width, key="steps")]
    for step in view.steps:
        within = f"within {step.minutes} min" if step.minutes is not None else ""
        text = signs.text(step.text)
        rows.append(pair([(f"{OPEN_BOX} ", "muted"), text], within, "muted", width, f"step:{step.id}"))
    return rows


def issue_people_rows(view: IssueView, width: int, signs: Glyphs) -> list[Row]:
    """Whom to tell."""
    rows = [head("WHOM TO TELL", "", width, key="people")]
    for label, value in (
        ("manager", view.manager),
        ("channel", view.channel),
        ("team", view.team),
        ("project", view.project),
        ("route", view.route),
    ):
        rows += labelled(label, signs.text(value), width, label_width=10)
    return rows


def issue_side_rows(view: IssueView, width: int, signs: Glyphs) -> list[Row]:
    """The same for the narrow pane of level 1."""
    tone = wording.severity_tone(view.severity)
    title = fit(view.issue, width - len(view.severity) - 2).rstrip()
    rows = [row((title, "title"), "  ", (view.severity.upper(), tone))]
    if view.notify:
        by = f"by {view.due:%H:%M:%S} UTC" if view.due is not None else f"within {FIRST_NOTICE_MINUTES} minutes"
        rows.append(row(("TELL THE TEAM", "fail"), (f"  {by}", "strong")))
        clock = incident_clock.promise(view.due, view.now) if view.due is not None else None
        if clock is not None and clock.state != "due":
            rows.append(row((f"OVERDUE {clock.span}", "fail")))
        elif view.since is not None:
            rows.append(row((f"seen here since {view.since:%H:%M:%S} UTC", "muted")))
    elif view.severity in {"unknown", "judging"}:
        missing = "What is usual is still being asked for." if view.severity == "judging" else "No answer to judge by."
        text = f"{missing} When in doubt, tell the people below rather than wait."
        rows += [row((line, "warn")) for line in wrap(text, width)]
    else:
        rows.append(row(("no notice is due at this severity", "muted")))
    rows += [row((BEGIN, "strong" if view.notify else "muted")), BLANK]
    rows += issue_people_rows(view, width, signs)[1:]
    rows += [BLANK, row(("first response", "title"))]
    for step in view.steps:
        lines = wrap(signs.text(step.text), max(10, width - 4), most=2)
        rows += [row((f"{OPEN_BOX} " if index == 0 else "    ", "muted"), line) for index, line in enumerate(lines)]
    return rows
