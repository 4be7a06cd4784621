"""An incident in rows: the answer first, then one section for each thing that a commander asks about.

Every row that says something of its own has a key, so that Enter, `w` and `x` know what is meant. Clocks stand at the
end of their rows, so that a minute that passes repaints a few cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rich.cells import cell_len

from diagnostics.core.time import dated
from diagnostics.core.words import plural, stepped
from diagnostics.incident.document import how_far
from diagnostics.models.entries import Channel, Purpose
from widgets import incident_clock, wording
from widgets.incident_clock import moment
from widgets.row import BLANK, Piece, Row, Tone, fit, row, wrap, wrapped

if TYPE_CHECKING:
    from diagnostics.models.incidents import (
        Criterion,
        Delivery,
        FollowUp,
        Incident,
        IncidentLine,
        Step,
        Task,
        TimelineLine,
    )
    from widgets.glyphs import Glyphs
    from widgets.incident_view import Alarm, IncidentView

OPEN_BOX = "[ ]"

ORDER = ("failed", "uncertain", "retrying", "sending", "queued", "sent", "given_up")
"""Deliveries that need somebody come first."""

TITLES = {Channel.SLACK: "Slack", Channel.DATADOG_INCIDENT: "Datadog incident", Channel.JIRA: "Jira"}


def head(title: str, said: str, width: int, *, key: str, tone: Tone = "muted") -> Row:
    """The head of a section: its name, and what there is to say of the whole."""
    room = max(0, width - cell_len(title) - 2)
    return row((title, "title"), "  ", (fit(said, room).rstrip(), tone), key=key)


def pair(left: Sequence[Piece | tuple[str, Tone] | str], right: str, tone: Tone, width: int, key: str) -> Row:
    """Pieces at the left, cut where there is no room, and a few words at the right."""
    pieces = [one if isinstance(one, Piece) else Piece(*one) if isinstance(one, tuple) else Piece(one) for one in left]
    room = max(4, width - cell_len(right) - (2 if right else 0))
    kept: list[Piece] = []
    for piece in pieces:
        need = min(cell_len(piece.text), room)
        if need > 0:
            kept.append(Piece(fit(piece.text, need), piece.tone))
        room -= need
    gap = " " * (room + (2 if right else 0))
    return row(*kept, gap if right else "", (right, tone), key=key)


# ---- the answer


def answer_rows(view: IncidentView, width: int, glyphs: Glyphs) -> list[Row]:
    """Four rows for a commander on the phone: which, how bad, how far, how long, and which promises are due."""
    rows = [_which(view, width, glyphs)]
    rows.append(row((fit(glyphs.text(view.incident.title), width).rstrip(), "title"), key="title"))
    rows += [_update_row(view, width, glyphs), _notice_row(view, width, glyphs)]
    return rows


def status_piece(incident: Incident) -> Piece:
    """How far it is, as a word."""
    if incident.merged_into:
        return Piece(f"goes on in {incident.merged_into}", "muted")
    return Piece(incident.status.words, "strong" if incident.is_open else "pass")


def lasted(incident: Incident, now: datetime) -> str:
    """How long it lasts, or lasted."""
    return incident_clock.elapsed(incident.declared_at, incident.resolved_at or now)


def tier_words(view: IncidentView) -> str:
    """The tier; a dash until it is known."""
    return f"tier {view.assessment.tier.tier}" if view.assessment is not None else "tier —"


def _which(view: IncidentView, width: int, glyphs: Glyphs) -> Row:
    incident, dot = view.incident, f" {glyphs.separator} "
    left: list[Piece | tuple[str, Tone] | str] = [
        (incident.id, "title"),
        dot,
        (incident.severity.upper(), wording.severity_tone(incident.severity)),
        dot,
        (glyphs.text(tier_words(view)), "muted" if view.assessment is None else ""),
        dot,
        status_piece(incident),
    ]
    word = "lasted" if incident.resolved_at is not None else "for"
    return pair(left, f"{word} {lasted(incident, view.now)}", "strong", width, "status")


def _update_row(view: IncidentView, width: int, glyphs: Glyphs) -> Row:
    incident = view.incident
    if incident.resolved_at is not None:
        why = f": {incident.resolved_why}" if incident.resolved_why else ""
        said = f"resolved {moment(incident.resolved_at, view.now)} UTC{why}; no further update is due"
        return row((fit(glyphs.text(said), width).rstrip(), "pass"), key="update")
    clock = incident_clock.update_clock(incident, view.next_update_at, view.now)
    if clock is None:
        return row(("no update is promised", "muted"), key="update")
    at = f"{moment(clock.at, view.now)} UTC"
    if clock.state == "due":
        quiet = _quiet(view)
        said = f"next update due {at}{quiet}"
        return pair([(glyphs.text(said), "strong")], f"in {clock.span}", clock.tone, width, "update")
    if clock.state == "snoozed":
        said = f"update overdue since {at}{_quiet(view)}"
        return pair([(glyphs.text(said), "warn")], clock.span, "warn", width, "update")
    said = f"UPDATE OVERDUE since {at} {glyphs.separator} n sends it, z reminds later"
    return pair([(glyphs.text(said), "fail")], f"OVERDUE {clock.span}", "fail", width, "update")


def _quiet(view: IncidentView) -> str:
    until = view.incident.snoozed_until
    if until is None or until <= view.now:
        return ""
    by = f" by {view.incident.snoozed_by}" if view.incident.snoozed_by else ""
    return f" · reminder off until {moment(until, view.now)}{by}"


def _notice_row(view: IncidentView, width: int, glyphs: Glyphs) -> Row:
    clock = incident_clock.notice_clock(view.incident, view.now)
    notice = incident_clock.first_notice(view.incident)
    if notice is not None and notice.sent_at is not None:
        said = f"team told {moment(notice.sent_at, view.now)} UTC in {notice.destination} by {notice.confirmed_by}"
        return row((fit(glyphs.text(said), width).rstrip(), "pass"), key="notice")
    if clock is None:
        return row(("no first notice is due at this severity", "muted"), key="notice")
    how = "n tells the team"
    if notice is not None:
        how = delivery_words(notice, view.now)[0]
    if clock.state == "due":
        said = f"FIRST NOTICE due {moment(clock.at, view.now)} UTC {glyphs.separator} {how}"
        return pair([(glyphs.text(said), "warn")], f"in {clock.span}", clock.tone, width, "notice")
    said = f"FIRST NOTICE OVERDUE since {moment(clock.at, view.now)} UTC {glyphs.separator} {how}"
    return pair([(glyphs.text(said), "fail")], f"OVERDUE {clock.span}", "fail", width, "notice")


def delivery_words(delivery: Delivery, now: datetime) -> tuple[str, Tone]:
    """State of a delivery as a word that a colour only repeats."""
    sent = f" {moment(delivery.sent_at, now)}" if delivery.sent_at is not None else ""
    if delivery.state == "sent":
        return (f"found again{sent}" if delivery.found_again else f"sent{sent}"), "pass"
    if delivery.state == "retrying":
        if delivery.retry_at is None or delivery.retry_at <= now:
            return "retrying now", "warn"
        return f"retrying in {stepped((delivery.retry_at - now).total_seconds())}", "warn"
    where = "the channel" if delivery.channel is Channel.SLACK else TITLES[delivery.channel]
    words: dict[str, tuple[str, Tone]] = {
        "queued": ("waiting to be sent", "accent"),
        "sending": ("being sent", "accent"),
        "uncertain": (f"UNCERTAIN: look in {where}", "fail"),
        "failed": ("FAILED", "fail"),
        "given_up": ("given up", "muted"),
    }
    return words.get(delivery.state, (delivery.state.replace("_", " "), "warn"))


# ---- roles


def role_rows(view: IncidentView, width: int, glyphs: Glyphs, *, folded: bool = False) -> list[Row]:
    """Who does what; every free role says how to take it. Folded, the commander and one row for the others."""
    rows = [_role_row(view, name, title, width, glyphs) for name, title in view.roles]
    if not folded or len(rows) <= 2:
        return rows
    others = []
    for name, title in view.roles[1:]:
        holder = view.incident.holder(name)
        others.append(f"{title.lower().removesuffix(' lead')} {holder or 'free'}")
    free = " — c claims" if any(not view.incident.holder(name) for name, _ in view.roles[1:]) else ""
    said = glyphs.text(f" {glyphs.separator} ".join(others) + free)
    return [rows[0], row((fit(said, width).rstrip(), "muted"), key="roles")]


def _role_row(view: IncidentView, name: str, title: str, width: int, glyphs: Glyphs) -> Row:
    label = fit(title.lower(), 21 if width >= 48 else max(12, width // 3))
    held = next((one for one in view.incident.roles if one.role == name and one.until is None), None)
    if held is None:
        free: Tone = "warn" if view.incident.is_open and name == view.roles[0][0] else "muted"
        return row(
            (label, "muted"),
            (fit(glyphs.text("free — c claims it"), width - len(label)).rstrip(), free),
            key=f"role:{name}",
        )
    since = f"since {moment(held.since, view.now)}"
    return pair([(label, "muted"), (glyphs.text(held.person), "strong")], since, "muted", width, f"role:{name}")


# ---- checklist


def step_rows(view: IncidentView, width: int, glyphs: Glyphs, *, most: int = 0) -> list[Row]:
    """The first response: open steps first; `most` > 0 shows so many rows and says how many there are beyond."""
    done = [step for step in view.steps if step.record is not None]
    late = sum(1 for step in view.steps if str(step.status) == "fail")
    said = f"{len(done)} of {len(view.steps)} done"
    if late:
        said += f" · {late} OVERDUE"
    if view.doubt and not view.steps:
        said = view.doubt
    rows = [head("FIRST RESPONSE", glyphs.text(said), width, key="steps", tone="warn" if late else "muted")]
    shown = view.steps if not most or len(view.steps) <= most else view.steps[: max(1, most - 1)]
    rows += [step_row(step, view, width, glyphs) for step in shown]
    if len(shown) < len(view.steps):
        rows.append(
            row((f"    and {len(view.steps) - len(shown)} more; enter shows them all", "muted"), key="steps:more")
        )
    return rows


def step_row(step: Step, view: IncidentView, width: int, glyphs: Glyphs) -> Row:
    """One step: done when and by whom, or until when."""
    key, record = f"step:{step.id}", step.record
    if record is not None:
        by = "seen by the console" if record.by_console else record.by
        right = glyphs.text(fit(f"{by} {moment(record.at, view.now)}", min(width // 2, cell_len(by) + 13)).strip())
        return pair([(f" {glyphs.passed}  ", "pass"), (glyphs.text(step.named), "muted")], right, "muted", width, key)
    right, tone = "", "muted"
    if step.minutes is not None and view.incident.is_open:
        gone = (view.now - view.incident.declared_at).total_seconds() / 60
        late = gone > step.minutes
        right = f"OVERDUE {stepped((gone - step.minutes) * 60)}" if late else f"within {step.minutes} min"
        tone = "fail" if late else "muted"
    return pair([(f"{OPEN_BOX} ", "muted"), glyphs.text(step.named)], right, tone, width, key)  # type: ignore[arg-type]  # one of two literals


# ---- exit criteria


def criterion_rows(view: IncidentView, width: int, glyphs: Glyphs, *, folded: bool = False) -> list[Row]:
    """How far each exit criterion is; folded, one row for all of them."""
    criteria = view.assessment.criteria if view.assessment is not None else ()
    met = sum(1 for one in criteria if one.is_met)
    said = f"{met} of {len(criteria)} met" if criteria else "none known for this issue"
    if view.assessment is None:
        said = view.doubt or "not asked yet"
    elif folded:
        said += "".join(f" · {one.id.replace('_', ' ')} {one.shown}" for one in criteria if not one.is_met)
    elif view.doubt:
        said += f" · {view.doubt}"
    rows = [head("EXIT CRITERIA", glyphs.text(said), width, key="criteria")]
    return rows if folded else rows + [_criterion_row(one, width, glyphs) for one in criteria]


def _criterion_row(criterion: Criterion, width: int, glyphs: Glyphs) -> Row:
    piece = wording.status_piece(criterion.status, glyphs)
    if str(criterion.status) == "warn":
        # It holds; what is missing is time.
        piece = Piece(f"{glyphs.warned} holds", "warn")
    mark = Piece(fit(piece.text, max(8, cell_len(piece.text) + 1)), piece.tone)
    right = glyphs.text(" ".join(part for part in (criterion.shown, how_far(criterion)) if part))
    right = fit(right, min(cell_len(right), max(12, width // 2)))
    return pair([mark, (glyphs.text(criterion.title), "")], right, "muted", width, f"criterion:{criterion.id}")


def criterion_lines(criterion: Criterion, text: str, width: int, glyphs: Glyphs) -> list[Row]:
    """A criterion's state and everything that is to be said of it, each line with a key."""
    status = wording.status_piece(criterion.status, glyphs)
    return [
        row((status.text.ljust(15) if at == 0 else " " * 15, status.tone), line, key=f"criterion:{criterion.id}+{at}")
        for at, line in enumerate(wrap(glyphs.text(text), width - 15))
    ]


# ---- notices and tracking


def delivery_rows(view: IncidentView, width: int, glyphs: Glyphs, *, most: int = 0, folded: bool = False) -> list[Row]:
    """Notices and tracking, those that need somebody first; folded, only what has not arrived has a row of its own."""
    found = sorted(
        view.incident.deliveries,
        key=lambda one: (ORDER.index(one.state) if one.state in ORDER else 0, -one.confirmed_at.timestamp()),
    )
    needy = sum(1 for one in found if one.state in {"failed", "uncertain"})
    sent = [one for one in found if one.state == "sent"]
    said = f"{len(found)} confirmed" if found else "nothing was sent"
    if folded and sent:
        names = [one.called for one in sent if one.called]
        said = f" {glyphs.separator} ".join([f"{len(sent)} sent", *names])
    if needy:
        said = f"{needy} need you: enter"
    rows = [head("NOTICES AND TRACKING", glyphs.text(said), width, key="deliveries", tone="fail" if needy else "muted")]
    if folded:
        return rows + [_delivery_row(one, view.now, width, glyphs) for one in found if one.state != "sent"][:3]
    shown = found if not most or len(found) <= most else found[: max(1, most - 1)]
    rows += [_delivery_row(one, view.now, width, glyphs) for one in shown]
    if len(shown) < len(found):
        more = f"    and {len(found) - len(shown)} more; enter shows them all"
        rows.append(row((more, "muted"), key="deliveries:more"))
    return rows


def _delivery_row(delivery: Delivery, now: datetime, width: int, glyphs: Glyphs) -> Row:
    words, tone = delivery_words(delivery, now)
    if delivery.state in {"failed", "uncertain", "retrying"} and delivery.reason:
        words = fit(f"{words}: {delivery.reason}", min(width * 2 // 3, cell_len(f"{words}: {delivery.reason}")))
    what = TITLES[delivery.channel]
    if delivery.purpose is not Purpose.TRACKING:
        what = delivery.purpose.value.replace("_", " ")
    where = delivery.called or delivery.destination
    left: list[Piece | tuple[str, Tone] | str] = [
        what,
        "  ",
        (glyphs.text(where), "accent" if delivery.link else "muted"),
    ]
    return pair(left, glyphs.text(words), tone, width, f"delivery:{delivery.delivery}")


# ---- tasks, scope, follow-ups


def task_order(task: Task) -> tuple[bool, float]:
    """Sort key: open ones first, the most urgent first, those without a time last."""
    due = task.due_at.timestamp() if task.due_at is not None else float("inf")
    return task.done_at is not None, due


def task_rows(view: IncidentView, width: int, glyphs: Glyphs, *, most: int = 6) -> list[Row]:
    """Open tasks, the most urgent first; `most` 0 folds them into one row."""
    tasks = sorted(view.incident.tasks, key=task_order)
    open_ones = [task for task in tasks if task.done_at is None]
    late = sum(1 for task in open_ones if task.due_at is not None and task.due_at < view.now)
    said = f"{len(open_ones)} open, {len(tasks) - len(open_ones)} done" if tasks else "none; enter, then N adds one"
    said += f" · {late} OVERDUE" if late else ""
    rows = [head("TASKS", glyphs.text(said), width, key="tasks", tone="warn" if late else "muted")]
    rows += [task_row(task, view.now, width, glyphs) for task in open_ones[:most]]
    if most > 1 and len(open_ones) > most:
        rows.append(row((f"    and {len(open_ones) - most} more; enter shows them all", "muted"), key="tasks:more"))
    return rows


def task_row(task: Task, now: datetime, width: int, glyphs: Glyphs) -> Row:
    """One task: what, who, until when."""
    owner = f"@{task.owner}" if task.owner else "nobody"
    if task.done_at is not None:
        right, tone = f"done {moment(task.done_at, now)} {task.done_by}", "muted"
    elif task.due_at is None:
        right, tone = owner, "muted" if task.owner else "warn"
    elif task.due_at < now:
        right, tone = f"{owner} OVERDUE {stepped((now - task.due_at).total_seconds())}", "fail"
    else:
        right, tone = f"{owner} due {moment(task.due_at, now)}", "muted"
    box = f" {glyphs.passed} " if task.done_at is not None else OPEN_BOX
    text = glyphs.text(f"{task.task}  {task.text}")
    right = fit(glyphs.text(right), min(cell_len(right), max(12, width // 2)))
    return pair([(f"{box} ", "muted"), text], right, tone, width, f"task:{task.task}")  # type: ignore[arg-type]  # one of three literals


def scope_rows(view: IncidentView, width: int, glyphs: Glyphs, *, folded: bool = False) -> list[Row]:
    """Which systems and how many accounts, what they weigh, and what seems to belong to them as well."""
    incident, found = view.incident, view.assessment
    systems = [one.name for one in incident.systems if one.until is None]
    accounts = {one.name for one in incident.accounts if one.until is None}
    said = f"{', '.join(systems) or 'no system'} · {plural(len(accounts), 'account')}"
    proposals = found.proposals if found is not None else ()
    if folded and proposals:
        said += f" · {len(proposals)} more seem affected"
    rows = [head("SCOPE", glyphs.text(said), width, key="scope")]
    if folded:
        return rows
    if found is not None and found.impact is not None:
        impact = found.impact
        tone: Tone = "warn" if impact.proposes_command else "muted"
        words = " · incident command is proposed" if impact.proposes_command else ""
        text = f"impact {impact.score:,.0f} of {impact.limit:,.0f}{words}"
        rows.append(row((fit(glyphs.text(text), width).rstrip(), tone), key="impact"))
    for one in proposals[:4]:
        rows.append(
            pair(
                [("? ", "warn"), glyphs.text(f"{one.what} {one.name} seems affected: {one.why}")],
                "x adds it",
                "muted",
                width,
                f"proposal:{one.what}:{one.name}",
            )
        )
    return rows


def follow_up_rows(view: IncidentView, width: int, glyphs: Glyphs, *, most: int = 4) -> list[Row]:
    """Follow-ups, those to come first; no rows where there are none."""
    follow_ups = view.incident.follow_ups
    if not follow_ups:
        return []
    waiting = [one for one in follow_ups if one.run is None]
    said = f"{len(waiting)} to come, {len(follow_ups) - len(waiting)} looked at"
    rows = [head("FOLLOW-UPS", said, width, key="follow_ups")]
    ordered = sorted(follow_ups, key=lambda one: (one.run is not None, one.scheduled.due_at))
    return rows + [_follow_up_row(one, view.now, width, glyphs) for one in ordered[:most]]


def _follow_up_row(follow_up: FollowUp, now: datetime, width: int, glyphs: Glyphs) -> Row:
    planned = follow_up.scheduled
    tone: Tone = "muted"
    if follow_up.run is not None:
        piece = wording.status_piece(follow_up.run.status, glyphs)
        right, tone = piece.text, piece.tone
    elif planned.due_at < now:
        right, tone = f"OVERDUE {stepped((now - planned.due_at).total_seconds())}", "warn"
    else:
        right = f"{moment(planned.due_at, now)} UTC"
    return pair(
        [glyphs.text(f"{planned.follow_up}  {planned.text}")], right, tone, width, f"follow_up:{planned.follow_up}"
    )


# ---- timeline and others


def timeline_rows(view: IncidentView, width: int, glyphs: Glyphs, *, most: int) -> list[Row]:
    """The tail of the timeline, newest first; always `most` rows below its head, so that nothing below moves."""
    said = plural(view.incident.entries, "entry", "entries")
    rows = [head("TIMELINE", said, width, key="timeline")]
    shown = view.lines[:most]
    # The newest stands beside the present, each other one beside the one above it.
    above = (view.now, *(one.at for one in shown))
    lines = [_line_row(one, beside, width, glyphs) for one, beside in zip(shown, above, strict=False)]
    return rows + lines + [BLANK] * (most - len(lines))


def _line_row(line: TimelineLine, beside: datetime, width: int, glyphs: Glyphs) -> Row:
    actor = fit(line.actor, 10) if width > 50 else ""
    text = f"{line.text}".replace("\n", " ")
    space = " " if actor else ""
    when = f"{dated(line.at, beside)} "
    said = fit(glyphs.text(text), width - len(when) - cell_len(actor) - len(space)).rstrip()
    return row((when, "muted"), (f"{glyphs.text(actor)}{space}", "muted"), said, key=f"line:{line.seq}")


def other_rows(
    others: Sequence[IncidentLine],
    alarms: Sequence[Alarm],
    now: datetime,
    width: int,
    glyphs: Glyphs,
    *,
    folded: bool = False,
) -> list[Row]:
    """Other open incidents, and what burns and belongs to none; folded, without a head of their own."""
    rows: list[Row] = []
    for alarm in alarms:
        since = f" since {alarm.since:%H:%M}" if alarm.since is not None else ""
        said = f"{alarm.issue} is {alarm.severity.upper()}{since} and in no incident: 1, choose it, n"
        rows.append(row((fit(glyphs.text(said), width).rstrip(), "warn"), key=f"alarm:{alarm.issue}"))
    if others and not folded:
        rows.append(head("OTHER OPEN INCIDENTS", "enter brings one into view", width, key="incidents"))
    for one in others:
        left: list[Piece | tuple[str, Tone] | str] = [
            ("ALSO OPEN  " if folded else "", "title"),
            (one.id, "strong"),
            "  ",
            (one.severity.upper(), wording.severity_tone(one.severity)),
            glyphs.text(f"  {one.title}"),
        ]
        who = one.commander or "no commander"
        right = fit(glyphs.text(f"{who} {incident_clock.elapsed(one.declared_at, now)}"), min(24, width // 2)).strip()
        rows.append(pair(left, right, "muted", width, f"incident:{one.id}"))
    return rows


def problem_rows(problem: str, width: int, glyphs: Glyphs) -> list[Row]:
    """The journal's problem, above everything else; no rows where there is none."""
    return wrapped(glyphs.text(f"JOURNAL: {problem}"), width, "fail", most=3, key="problem") if problem else []
