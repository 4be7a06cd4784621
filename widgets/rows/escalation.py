"""The escalation panel in its three shapes: one column, two columns, and the narrow pane beside level 1.

With an incident it shows the sections of `incident_rows`; without one, the issue in view and its five minutes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.core.time import dated
from diagnostics.core.words import plural
from diagnostics.models.status import FIRST_NOTICE_MINUTES
from widgets import incident_clock, wording
from widgets.incident_clock import moment
from widgets.incident_view import IncidentView
from widgets.row import BLANK, Row, fit, labelled, row, wrap, wrapped
from widgets.rows import incident as sections
from widgets.rows.incident import OPEN_BOX, ORDER, TITLES, delivery_words, head, lasted, pair, status_piece, tier_words

if TYPE_CHECKING:
    from widgets.glyphs import Glyphs
    from widgets.incident_view import IssueView

WIDE = 110
"""From so many columns on there are two of them."""

FEWEST_STEPS, FEWEST_LINES, MOST_LINES = 4, 2, 12
"""Rows that the checklist and the timeline keep on the smallest terminal, and that the timeline takes on a large one:
each entry moves all of its rows, which costs bytes."""

SIDE_LINES = 8
"""Entries of the timeline beside level 1."""

BEGIN = "n: declare the incident and notify the team"
NOT_KNOWN = "NOT KNOWN whether an incident is open"
BY_HAND = "n shows the text to paste by hand; ask the team"


def answer(view: IncidentView | IssueView, problem: str, width: int, glyphs: Glyphs) -> list[Row]:
    """Rows above the sections: the journal's problem, then the answer."""
    rows = sections.problem_rows(problem, width, glyphs)
    if isinstance(view, IncidentView):
        return rows + sections.answer_rows(view, width, glyphs)
    return rows + issue_answer_rows(view, width, glyphs)


def one_column(view: IncidentView, width: int, height: int, glyphs: Glyphs, *, all_steps: bool = False) -> list[Row]:
    """Everything below the answer for a small terminal: what is needed first stands without scrolling."""
    resolved = not view.incident.is_open
    roles = sections.role_rows(view, width, glyphs, folded=True)
    criteria = sections.criterion_rows(view, width, glyphs, folded=True)
    notices = sections.delivery_rows(view, width, glyphs, folded=True)
    tasks = sections.task_rows(view, width, glyphs, most=1)
    scope = sections.scope_rows(view, width, glyphs, folded=True)
    follow_ups = sections.follow_up_rows(view, width, glyphs)
    others = sections.other_rows(view.others, view.alarms, view.now, width, glyphs, folded=True)
    rest = sum(map(len, (roles, criteria, notices, tasks, scope, others))) + (len(follow_ups) if resolved else 0)
    room = height - rest - 1 - FEWEST_LINES - 1
    steps = sections.step_rows(view, width, glyphs, most=0 if all_steps else max(FEWEST_STEPS, room))
    spare = height - rest - len(steps) - 1
    lines = sections.timeline_rows(view, width, glyphs, most=max(FEWEST_LINES, min(MOST_LINES, spare)))
    if resolved:
        return [*follow_ups, *criteria, *notices, *tasks, *scope, *roles, *steps, *lines, *others]
    return [*roles, *steps, *notices, *criteria, *tasks, *scope, *others, *lines, *follow_ups]


def two_columns(view: IncidentView, width: int, height: int, glyphs: Glyphs) -> tuple[list[Row], list[Row]]:
    """Everything below the answer for a wide terminal, each column `width` wide."""
    left: list[Row] = []
    roles = [head("ROLES", "", width, key="roles"), *sections.role_rows(view, width, glyphs)]
    criteria = sections.criterion_rows(view, width, glyphs)
    room = height - len(roles) - len(criteria) - 2
    for section in (roles, sections.step_rows(view, width, glyphs, most=max(FEWEST_STEPS, room)), criteria):
        left += [*section, BLANK]
    notices = sections.delivery_rows(view, width, glyphs, most=8)
    tasks = sections.task_rows(view, width, glyphs)
    parts = [notices, tasks, sections.scope_rows(view, width, glyphs), sections.follow_up_rows(view, width, glyphs)]
    parts.append(sections.other_rows(view.others, view.alarms, view.now, width, glyphs))
    right: list[Row] = []
    for section in parts:
        right += [*section, BLANK] if section else []
    spare = height - len(right) - 1
    return left[:-1], right + sections.timeline_rows(view, width, glyphs, most=max(4, min(MOST_LINES, spare)))


def issue_columns(view: IssueView, width: int, glyphs: Glyphs) -> tuple[list[Row], list[Row]]:
    """Without an incident: what to do first, and the people."""
    others = sections.other_rows(view.others, (), view.now, width, glyphs)
    return issue_step_rows(view, width, glyphs), [*issue_people_rows(view, width, glyphs), BLANK, *others]


def issue_column(steps: list[Row], people: list[Row]) -> list[Row]:
    """The same for a small terminal: the people first, who are five lines, then the steps."""
    return [*people, *steps] if not people[-1].text else [*people, BLANK, *steps]


def padded(rows: list[Row], height: int) -> list[Row]:
    """At least `height` rows: a pane whose number of rows stays the same repaints single rows, and not all of them."""
    return rows + [BLANK] * max(0, height - len(rows))


# ---- without an incident


def issue_answer_rows(view: IssueView, width: int, glyphs: Glyphs) -> list[Row]:
    """Which issue, how bad, the five minutes, and the one key that begins."""
    word = {"judging": "severity is being judged", "unknown": "severity unknown"}.get(
        view.severity, view.severity.upper()
    )
    dot = f" {glyphs.separator} "
    rows = [
        row(
            (view.issue.upper(), "title"),
            dot,
            (word, wording.severity_tone(view.severity)),
            (f"{dot}no incident is open", "muted") if view.is_known else (f"{dot}{NOT_KNOWN}", "fail"),
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
        rows += [row((line, "warn"), key="notice") for line in wrap(_unjudged(view), width, most=1)]
    else:
        rows.append(row(("no notice is due at this severity", "muted"), key="notice"))
    rows.append(row((_begin(view), "strong" if view.notify else ""), key="begin"))
    return rows


def _begin(view: IssueView) -> str:
    return BEGIN if view.is_known else BY_HAND


def _unjudged(view: IssueView) -> str:
    missing = "What is usual is still being asked for." if view.severity == "judging" else "No answer to judge by."
    return f"{missing} When in doubt, tell the people below rather than wait."


def issue_step_rows(view: IssueView, width: int, glyphs: Glyphs) -> list[Row]:
    """The checklist of the issue type, as it would begin."""
    rows = [
        head(
            "FIRST RESPONSE",
            f"{plural(len(view.steps), 'step')}; they are ticked once it is declared",
            width,
            key="steps",
        )
    ]
    for step in view.steps:
        within = f"within {step.minutes} min" if step.minutes is not None else ""
        text = glyphs.text(step.named)
        rows.append(pair([(f"{OPEN_BOX} ", "muted"), text], within, "muted", width, f"step:{step.id}"))
    return rows


def issue_people_rows(view: IssueView, width: int, glyphs: Glyphs) -> list[Row]:
    """Contacts of the issue."""
    rows = [head("WHOM TO TELL", "", width, key="people")]
    for label, value in (
        ("manager", view.manager),
        ("channel", view.channel),
        ("team", view.team),
        ("project", view.project),
        ("route", view.route),
    ):
        rows += labelled(label, glyphs.text(value), width, label_width=10)
    return rows


def issue_side_rows(view: IssueView, width: int, glyphs: Glyphs) -> list[Row]:
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
        rows += wrapped(_unjudged(view), width, "warn")
    else:
        rows.append(row(("no notice is due at this severity", "muted")))
    if not view.is_known:
        rows += wrapped(NOT_KNOWN, width, "fail")
    rows += [row((line, "strong" if view.notify else "muted")) for line in wrap(_begin(view), width)] + [BLANK]
    rows += issue_people_rows(view, width, glyphs)[1:]
    rows += [BLANK, row(("first response", "title"))]
    for step in view.steps:
        lines = wrap(glyphs.text(step.named), max(10, width - 4), most=2)
        rows += [row((f"{OPEN_BOX} " if index == 0 else "    ", "muted"), line) for index, line in enumerate(lines)]
    return rows


# ---- beside level 1


def side_rows(view: IncidentView | IssueView, problem: str, *, width: int, height: int, glyphs: Glyphs) -> list[Row]:
    """At least `height` rows, so that one that is added or goes repaints what it moves and nothing else."""
    rows = wrapped(glyphs.text(f"JOURNAL: {problem}"), width, "fail", most=4) if problem else []
    if isinstance(view, IncidentView):
        rows += _incident_rows(view, width, height - len(rows), glyphs)
    else:
        rows += issue_side_rows(view, width, glyphs)
    return padded(rows, height)


def _incident_rows(view: IncidentView, width: int, height: int, glyphs: Glyphs) -> list[Row]:
    incident, dot = view.incident, f" {glyphs.separator} "
    severity = (incident.severity.upper(), wording.severity_tone(incident.severity))
    rows = [
        row((incident.id, "title"), dot, severity, (f"{dot}{glyphs.text(tier_words(view))}", "muted")),
        row(status_piece(incident), (f"{dot}{lasted(incident, view.now)}", "strong")),
        *_clocks(view, width, glyphs),
        BLANK,
    ]
    for name, title in view.roles:
        label = fit(title.lower().removeprefix("incident ").removesuffix(" lead"), 15)
        holder = incident.holder(name)
        shown = (fit(glyphs.text(holder or "free: c claims"), width - 15).rstrip(), "strong" if holder else "muted")
        rows.append(row((label, "muted"), shown))  # type: ignore[arg-type]  # a tone's name
    rows.append(BLANK)
    rows += _deliveries(view, width, glyphs)
    steps = _steps(view, width, max(3, height - len(rows) - SIDE_LINES - 5), glyphs)
    rows += [*steps, BLANK, row(("timeline", "title"), (f"  {plural(incident.entries, 'entry', 'entries')}", "muted"))]
    beside = view.now
    for line in view.lines[:SIDE_LINES]:
        when, beside = f"{dated(line.at, beside)} ", line.at
        said = fit(glyphs.text(line.text.replace("\n", " ")), width - len(when)).rstrip()
        rows.append(row((when, "muted"), said))
    return rows


def _clocks(view: IncidentView, width: int, glyphs: Glyphs) -> list[Row]:
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
        said = glyphs.text(f"reminder off until {moment(until, view.now)} {view.incident.snoozed_by}")
        rows.append(row((fit(said, width).rstrip(), "muted")))
    return rows


def _deliveries(view: IncidentView, width: int, glyphs: Glyphs) -> list[Row]:
    found = sorted(view.incident.deliveries, key=lambda one: ORDER.index(one.state) if one.state in ORDER else 0)
    rows = []
    for one in found[:4]:
        words, tone = delivery_words(one, view.now)
        name = one.called if one.state == "sent" and one.called else TITLES[one.channel].lower()
        left = fit(glyphs.text(name), min(12, width // 3))
        rows.append(row((left, "muted"), " ", (fit(glyphs.text(words), width - len(left) - 1).rstrip(), tone)))
    return [*rows, BLANK] if rows else []


def _steps(view: IncidentView, width: int, most: int, glyphs: Glyphs) -> list[Row]:
    done = sum(1 for step in view.steps if step.record is not None)
    rows = [row(("first response", "title"), (f"  {done} of {len(view.steps)} done", "muted"))]
    open_ones = [step for step in view.steps if step.record is None]
    for step in open_ones[:most]:
        late = str(step.status) == "fail"
        mark = "OVERDUE " if late else ""
        text = fit(glyphs.text(step.named), width - 4 - len(mark)).rstrip()
        rows.append(row((f"{OPEN_BOX} ", "muted"), (mark, "fail"), text))
    if len(open_ones) > most:
        rows.append(row((f"    and {len(open_ones) - most} more: e", "muted")))
    return rows
