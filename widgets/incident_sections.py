"""An incident in rows, second half: notices, tasks, scope, follow-ups, the timeline, and what else is open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rich.cells import cell_len

from diagnostics.models.entries import Purpose
from widgets import incident_clock, wording
from widgets.incident_clock import moment
from widgets.incident_rows import OPEN_BOX, TITLES, delivery_words, head, pair
from widgets.rows import BLANK, Piece, Row, Tone, fit, row, wrap

if TYPE_CHECKING:
    from diagnostics.models.incidents import Delivery, FollowUp, IncidentLine, Task, TimelineLine
    from widgets.glyphs import Glyphs
    from widgets.incident_view import Alarm, IncidentView

ORDER = ("failed", "uncertain", "retrying", "sending", "queued", "sent", "given_up")
"""Deliveries that need somebody come first."""


# ---- notices and tracking


def delivery_rows(view: IncidentView, width: int, signs: Glyphs, *, most: int = 0, folded: bool = False) -> list[Row]:
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
        said = f" {signs.separator} ".join([f"{len(sent)} sent", *names])
    if needy:
        said = f"{needy} need you: enter"
    rows = [head("NOTICES AND TRACKING", signs.text(said), width, key="deliveries", tone="fail" if needy else "muted")]
    if folded:
        return rows + [_delivery_row(one, view.now, width, signs) for one in found if one.state != "sent"][:3]
    shown = found if not most or len(found) <= most else found[: max(1, most - 1)]
    rows += [_delivery_row(one, view.now, width, signs) for one in shown]
    if len(shown) < len(found):
        more = f"    and {len(found) - len(shown)} more; enter shows them all"
        rows.append(row((more, "muted"), key="deliveries:more"))
    return rows


def _delivery_row(delivery: Delivery, now: datetime, width: int, signs: Glyphs) -> Row:
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
        (signs.text(where), "accent" if delivery.link else "muted"),
    ]
    return pair(left, signs.text(words), tone, width, f"delivery:{delivery.delivery}")


# ---- tasks, scope, follow-ups


def task_order(task: Task) -> tuple[bool, float]:
    """Sort key: open ones first, the most urgent first, those without a time last."""
    due = task.due_at.timestamp() if task.due_at is not None else float("inf")
    return task.done_at is not None, due


def task_rows(view: IncidentView, width: int, signs: Glyphs, *, most: int = 6) -> list[Row]:
    """What is to be done, the most urgent first; `most` 0 folds it into one row."""
    tasks = sorted(view.incident.tasks, key=task_order)
    open_ones = [task for task in tasks if task.done_at is None]
    late = sum(1 for task in open_ones if task.due_at is not None and task.due_at < view.now)
    said = f"{len(open_ones)} open, {len(tasks) - len(open_ones)} done" if tasks else "none; enter, then N adds one"
    said += f" · {late} OVERDUE" if late else ""
    rows = [head("TASKS", signs.text(said), width, key="tasks", tone="warn" if late else "muted")]
    rows += [task_row(task, view.now, width, signs) for task in open_ones[:most]]
    if most > 1 and len(open_ones) > most:
        rows.append(row((f"    and {len(open_ones) - most} more; enter shows them all", "muted"), key="tasks:more"))
    return rows


def task_row(task: Task, now: datetime, width: int, signs: Glyphs) -> Row:
    """One task: what, who, until when."""
    owner = f"@{task.owner}" if task.owner else "nobody"
    if task.done_at is not None:
        right, tone = f"done {moment(task.done_at, now)} {task.done_by}", "muted"
    elif task.due_at is None:
        right, tone = owner, "muted" if task.owner else "warn"
    elif task.due_at < now:
        right, tone = f"{owner} OVERDUE {incident_clock.span((now - task.due_at).total_seconds())}", "fail"
    else:
        right, tone = f"{owner} due {moment(task.due_at, now)}", "muted"
    box = f" {signs.passed} " if task.done_at is not None else OPEN_BOX
    text = signs.text(f"{task.task}  {task.text}")
    right = fit(signs.text(right), min(cell_len(right), max(12, width // 2)))
    return pair([(f"{box} ", "muted"), text], right, tone, width, f"task:{task.task}")  # type: ignore[arg-type]  # one of three literals


def scope_rows(view: IncidentView, width: int, signs: Glyphs, *, folded: bool = False) -> list[Row]:
    """Which systems and how many accounts, what they weigh, and what seems to belong to them as well."""
    incident, found = view.incident, view.assessment
    systems = [one.name for one in incident.systems if one.until is None]
    accounts = {one.name for one in incident.accounts if one.until is None}
    said = f"{', '.join(systems) or 'no system'} · {len(accounts):,} {'account' if len(accounts) == 1 else 'accounts'}"
    proposals = found.proposals if found is not None else ()
    if folded and proposals:
        said += f" · {len(proposals)} more seem affected"
    rows = [head("SCOPE", signs.text(said), width, key="scope")]
    if folded:
        return rows
    if found is not None and found.impact is not None:
        impact = found.impact
        tone: Tone = "warn" if impact.proposes_command else "muted"
        words = " · incident command is proposed" if impact.proposes_command else ""
        text = f"impact {impact.score:,.0f} of {impact.limit:,.0f}{words}"
        rows.append(row((fit(signs.text(text), width).rstrip(), tone), key="impact"))
    for one in proposals[:4]:
        rows.append(
            pair(
                [("? ", "warn"), signs.text(f"{one.what} {one.name} seems affected: {one.why}")],
                "x adds it",
                "muted",
                width,
                f"proposal:{one.what}:{one.name}",
            )
        )
    return rows


def follow_up_rows(view: IncidentView, width: int, signs: Glyphs, *, most: int = 4) -> list[Row]:
    """What is to be looked at again; nothing where nothing is."""
    follow_ups = view.incident.follow_ups
    if not follow_ups:
        return []
    waiting = [one for one in follow_ups if one.run is None]
    said = f"{len(waiting)} to come, {len(follow_ups) - len(waiting)} looked at"
    rows = [head("FOLLOW-UPS", said, width, key="follow_ups")]
    ordered = sorted(follow_ups, key=lambda one: (one.run is not None, one.scheduled.due_at))
    return rows + [_follow_up_row(one, view.now, width, signs) for one in ordered[:most]]


def _follow_up_row(follow_up: FollowUp, now: datetime, width: int, signs: Glyphs) -> Row:
    planned = follow_up.scheduled
    tone: Tone = "muted"
    if follow_up.run is not None:
        piece = wording.status_piece(follow_up.run.status, signs)
        right, tone = piece.text, piece.tone
    elif planned.due_at < now:
        right, tone = f"OVERDUE {incident_clock.span((now - planned.due_at).total_seconds())}", "warn"
    else:
        right = f"{moment(planned.due_at, now)} UTC"
    return pair(
        [signs.text(f"{planned.follow_up}  {planned.text}")], right, tone, width, f"follow_up:{planned.follow_up}"
    )


# ---- timeline and others


def timeline_rows(view: IncidentView, width: int, signs: Glyphs, *, most: int) -> list[Row]:
    """The tail of the timeline, newest first; always `most` rows below its head, so that nothing below moves."""
    said = f"{view.incident.entries:,} entries"
    rows = [head("TIMELINE", said, width, key="timeline")]
    lines = [_line_row(one, width, signs) for one in view.lines[:most]]
    return rows + lines + [BLANK] * (most - len(lines))


def _line_row(line: TimelineLine, width: int, signs: Glyphs) -> Row:
    actor = fit(line.actor, 10) if width > 50 else ""
    text = f"{line.text}".replace("\n", " ")
    space = " " if actor else ""
    said = fit(signs.text(text), width - 6 - cell_len(actor) - len(space)).rstrip()
    return row((f"{line.at:%H:%M} ", "muted"), (f"{signs.text(actor)}{space}", "muted"), said, key=f"line:{line.seq}")


def other_rows(
    others: Sequence[IncidentLine],
    alarms: Sequence[Alarm],
    now: datetime,
    width: int,
    signs: Glyphs,
    *,
    folded: bool = False,
) -> list[Row]:
    """Other open incidents, and what burns and belongs to none; folded, without a head of their own."""
    rows: list[Row] = []
    for alarm in alarms:
        since = f" since {alarm.since:%H:%M}" if alarm.since is not None else ""
        said = f"{alarm.issue} is {alarm.severity.upper()}{since} and in no incident: 1, choose it, n"
        rows.append(row((fit(signs.text(said), width).rstrip(), "warn"), key=f"alarm:{alarm.issue}"))
    if others and not folded:
        rows.append(head("OTHER OPEN INCIDENTS", "enter brings one into view", width, key="incidents"))
    for one in others:
        left: list[Piece | tuple[str, Tone] | str] = [
            ("ALSO OPEN  " if folded else "", "title"),
            (one.id, "strong"),
            "  ",
            (one.severity.upper(), wording.severity_tone(one.severity)),
            signs.text(f"  {one.title}"),
        ]
        who = one.commander or "no commander"
        right = fit(signs.text(f"{who} {incident_clock.elapsed(one.declared_at, now)}"), min(24, width // 2)).strip()
        rows.append(pair(left, right, "muted", width, f"incident:{one.id}"))
    return rows


def problem_rows(problem: str, width: int, signs: Glyphs) -> list[Row]:
    """What is wrong with the journal, at the top of everything."""
    if not problem:
        return []
    lines = wrap(signs.text(f"JOURNAL: {problem}"), width, most=3)
    return [row((line, "fail"), key=f"problem:{number}") for number, line in enumerate(lines)]
