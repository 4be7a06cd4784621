"""The hand-off note: one page for whoever takes over, at any moment of an incident."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from diagnostics.catalogue.response import ChecklistStep
from diagnostics.core.time import dated
from diagnostics.core.words import plural, span
from diagnostics.incident.assess.checklists import happened
from diagnostics.incident.review.figures import COMMANDER, Material, clock
from diagnostics.incident.review.markdown import bullets, plain, section
from diagnostics.models.entries import MeasuredFigure, Noted
from diagnostics.models.figures import UNKNOWN
from diagnostics.models.incidents import Assessment, Criterion, Incident, Task
from diagnostics.models.investigations import Investigation
from diagnostics.models.status import Status

MOST_FIGURES, MOST_DONE, MOST_OPEN, MOST_WATCHED = 10, 8, 10, 8
"""Lines of each part: the note is one page, and says what it leaves out."""

_STATES = {Status.PASS: "held", Status.WARN: "holds, not yet long enough", Status.FAIL: "does not hold"}


@dataclass(slots=True, frozen=True)
class Present:
    """How the incident stands while the note is written."""

    steps: Mapping[str, ChecklistStep]
    """The steps of the checklist by their ids."""
    assessment: Assessment | None
    problem: str
    """Why there is no assessment."""
    next_update_at: datetime | None


def handoff_markdown(material: Material, present: Present) -> str:
    """The note. Times are UTC; figures stand with their age."""
    incident, now = material.incident, material.written_at
    lines = [f"# Hand-off: {incident.id}, {plain(incident.title)}", ""]
    lines += [*_state(material, present), ""]
    lines += section("Who holds what", bullets(_roles(material), empty=""))
    lines += section("What is known", bullets(_known(material), empty="No figure has been measured yet."))
    lines += section("What was done", bullets(_done(material, present), empty="Nothing has been recorded as done yet."))
    lines += section("What is open", bullets(_open(material, present), empty="No task or step is open."))
    lines += section(
        "Deliveries that are not settled",
        bullets(_unsettled(incident), empty="None: everything that was confirmed has arrived or was given up."),
    )
    lines += section("Exit criteria", bullets(_criteria(material, present), empty="None is known for this issue type."))
    lines += section("What to watch", bullets(_watch(material, present), empty="Nothing beyond what stands above."))
    lines += section("Open hypotheses", bullets(_hypotheses(material.investigations), empty="None is recorded."))
    lines.append(
        f"Written {clock(now)} from {plural(incident.entries, 'entry', 'entries')}, up to entry {incident.last_seq}."
    )
    return "\n".join(lines).rstrip() + "\n"


def _state(material: Material, present: Present) -> list[str]:
    incident, now = material.incident, material.written_at
    where = plain(incident.environment) or "environment not recorded"
    first = f"**{plain(incident.severity)}**, {plain(material.issue_title)}, {where}: **{incident.status.words}**"
    first += f" {_ago(incident.status_since, now)}"
    elapsed = span((incident.resolved_at or now).timestamp() - incident.declared_at.timestamp())
    declared = f"Declared {clock(incident.declared_at)} by {plain(incident.declared_by)}; {elapsed} elapsed"
    declared += f", resolved {clock(incident.resolved_at)}." if incident.resolved_at else "."
    lines = [f"{first}. {declared}"]
    if incident.merged_into:
        lines += ["", f"It goes on in {plain(incident.merged_into)}."]
    if incident.summary.strip():
        lines += ["", plain(incident.summary, limit=600)]
    return [*lines, "", _next_update(material, present)]


def _next_update(material: Material, present: Present) -> str:
    due, now, incident = present.next_update_at, material.written_at, material.incident
    if due is None:
        return "**Next update:** none is promised."
    late = (
        f"overdue by {span((now - due).total_seconds())}" if due <= now else f"in {span((due - now).total_seconds())}"
    )
    snoozed = incident.snoozed_until
    quiet = f"; reminders are off until {snoozed:%H:%M} UTC" if snoozed is not None and snoozed > now else ""
    return f"**Next update:** due {due:%H:%M:%S} UTC, {late}{quiet}."


def _roles(material: Material) -> Iterable[str]:
    incident = material.incident
    named = dict.fromkeys((*material.roles, *(one.role for one in incident.roles)))
    for name in named:
        title = plain(material.roles.get(name, name.replace("_", " ")))
        held = next((one for one in incident.roles if one.role == name and one.until is None), None)
        if held is not None:
            yield f"{title}: **{plain(held.person)}**, {_since(held.since, material.written_at)}"
        elif name == COMMANDER:
            yield f"{title}: **nobody**"
        else:
            yield f"{title}: nobody"


def _latest(incident: Incident) -> list[tuple[MeasuredFigure, datetime, str]]:
    """The newest measurement of each figure, and the last good one where the newest has no value."""
    newest: dict[str, tuple[MeasuredFigure, datetime, str]] = {}
    for at, measured in ((one.at, one.measured) for one in incident.measured):
        for figure in measured.figures:
            before = newest.get(figure.id)
            note = ""
            if figure.value is None and before is not None and before[0].value is not None:
                note = f"; last known {plain(before[0].shown)} at {before[1]:%H:%M:%S} UTC"
            elif figure.value is None and before is not None:
                note = before[2]
            newest[figure.id] = (figure, figure.taken_at or at, note)
    return list(newest.values())


def _known(material: Material) -> list[str]:
    lines = [
        f"{plain(figure.title)}: **{plain(figure.shown)}** ({figure.status.replace('_', ' ')}), taken"
        f" {_ago(at, material.written_at)}{note}"
        for figure, at, note in _latest(material.incident)
    ]
    return _bounded(lines, MOST_FIGURES, "in the timeline")


def _done(material: Material, present: Present) -> list[str]:
    incident = material.incident
    done: list[tuple[datetime, str]] = [
        (one.at, plain(happened(one, present.steps.get(one.step)))) for one in incident.steps
    ]
    done += [
        (one.done_at, f"task {one.task}, {plain(one.text)} ({plain(one.done_by)})")
        for one in incident.tasks
        if one.done_at is not None
    ]
    done += [
        (
            one.sent_at,
            f"{one.purpose.value.replace('_', ' ')} to {plain(one.destination)} arrived {plain(one.called)}".rstrip(),
        )
        for one in incident.deliveries
        if one.sent_at is not None
    ]
    done += [(at, f"{status.words} ({plain(who)})") for at, status, who in incident.statuses[1:]]
    done += [
        (one.at, f"note by {plain(one.actor)}: {plain(one.body.text, limit=300)}")
        for one in material.entries
        if isinstance(one.body, Noted)
    ]
    done.sort(key=lambda one: one[0], reverse=True)
    beside = (material.written_at, *(at for at, _ in done))
    lines = [f"{dated(at, above, '%H:%M:%S')} {text}".rstrip() for (at, text), above in zip(done, beside, strict=False)]
    return _bounded(lines, MOST_DONE, "in the timeline")


def _open(material: Material, present: Present) -> list[str]:
    now, incident = material.written_at, material.incident
    lines = [_task(one, now) for one in incident.tasks if one.done_at is None]
    lines.sort(key=lambda line: "overdue" not in line)
    for one in incident.follow_ups:
        if one.run is None or one.run.status == "running":
            owner = plain(one.scheduled.owner or one.scheduled_by)
            lines.append(
                f"follow-up {one.scheduled.follow_up}: {plain(one.scheduled.text)}, {owner},"
                f" {_due(one.scheduled.due_at, now)}"
            )
    # What has an owner and a time stands before the steps of the checklist, which the panel shows in full.
    if present.assessment is not None:
        for step in present.assessment.steps:
            if step.status is not Status.PASS:
                late = ", **overdue**" if step.status is Status.FAIL else ""
                lines.append(f"step: {plain(step.named)}{late}")
    else:
        done = {one.step for one in incident.steps}
        lines += [f"step: {plain(step.named)}" for name, step in present.steps.items() if name not in done]
    return _bounded(lines, MOST_OPEN, "in the panel")


def _task(task: Task, now: datetime) -> str:
    owner = plain(task.owner) or "**nobody**"
    due = f", {_due(task.due_at, now)}" if task.due_at is not None else ""
    return f"{task.task}: {plain(task.text)}, {owner}{due}"


def _unsettled(incident: Incident) -> Iterable[str]:
    for one in incident.deliveries:
        if not one.is_settled:
            reason = f": {plain(one.reason)}" if one.reason else ""
            remedy = f" {plain(one.remedy)}" if one.remedy else ""
            retry = f" Next attempt {one.retry_at:%H:%M:%S} UTC." if one.retry_at is not None else ""
            yield f"{plain(one.named)} **{one.state.replace('_', ' ')}**{reason}{remedy}{retry}"
        elif one.state == "failed":
            reason = f"{plain(one.reason)} {plain(one.remedy)}".rstrip()
            yield f"{plain(one.named)} **failed**: {reason}"


def _criteria(material: Material, present: Present) -> list[str]:
    if present.assessment is None:
        known = [
            f"{plain(one.criterion.replace('_', ' '))}: "
            + (f"held since {one.met_since:%H:%M:%S} UTC" if one.met_since else "does not hold")
            + f", last seen as {plain(one.shown) or UNKNOWN}"
            for one in material.incident.criteria
        ]
        problem = f"They could not be asked now: {plain(present.problem)}"
        return [problem, *known] if known else [f"{problem} Nothing was recorded of them before."]
    return [_criterion(one) for one in present.assessment.criteria]


def _criterion(one: Criterion) -> str:
    if one.waived_by:
        return f"{plain(one.title)}: waived by {plain(one.waived_by)}"
    state = _STATES.get(one.status, one.status.value.replace("_", " "))
    held = f", for {span(one.held_s)} of {span(one.needs_s)}" if one.held_s is not None and one.needs_s else ""
    note = f". {plain(one.note)}" if one.note and one.note != state and one.status is not Status.PASS else ""
    return f"{plain(one.title)}: **{state}**{held}, now {plain(one.shown)}{note}"


def _watch(material: Material, present: Present) -> list[str]:
    lines = []
    assessment = present.assessment
    if assessment is not None:
        tier = assessment.tier
        lines.append(f"alert tier {tier.tier}: {plain(tier.rule.removeprefix(f'tier {tier.tier}: '))}")
        if assessment.impact is not None and assessment.impact.proposes_command:
            lines.append(plain(assessment.impact.words))
        lines += [
            f"{one.what} {plain(one.name)} may belong to the scope: {plain(one.why)}" for one in assessment.proposals
        ]
        lines += [f"not answered: {plain(one)}" for one in assessment.failures]
    for figure, _at, _note in _latest(material.incident):
        if figure.status not in {Status.PASS.value, Status.NO_DATA.value}:
            lines.append(f"{plain(figure.title)}, {figure.status}: {plain(figure.shown)}")
        elif figure.value is None:
            lines.append(f"{plain(figure.title)}: no data, which is not the same as good")
    return _bounded(lines, MOST_WATCHED, "in the panel")


def _hypotheses(investigations: Sequence[Investigation]) -> Iterable[str]:
    for record in investigations:
        cause = record.root_cause
        if cause is not None:
            yield f"{record.id} named {cause.hypothesis} the root cause ({cause.confidence}): {plain(cause.statement)}"
        for one in record.hypotheses:
            if one.standing == "open" and record.closed_at is None:
                overturned = plain(one.overturned_by)
                yield (
                    f"{record.id} {one.hypothesis} (confidence {one.confidence}): {plain(one.statement)}."
                    f" Overturned by: {overturned}"
                )


def _bounded(lines: Sequence[str], most: int, where: str) -> list[str]:
    if len(lines) <= most:
        return list(lines)
    return [*lines[: most - 1], f"and {len(lines) - most + 1:,} more {where}"]


def _since(moment: datetime, now: datetime) -> str:
    return f"since {moment:%H:%M:%S} UTC ({span((now - moment).total_seconds())})"


def _ago(moment: datetime, now: datetime) -> str:
    return f"{span((now - moment).total_seconds())} ago ({moment:%H:%M:%S} UTC)"


def _due(moment: datetime, now: datetime) -> str:
    if moment <= now:
        return f"due {moment:%H:%M} UTC, **overdue by {span((now - moment).total_seconds())}**"
    return f"due {moment:%d %b %H:%M} UTC, in {span((moment - now).total_seconds())}"
