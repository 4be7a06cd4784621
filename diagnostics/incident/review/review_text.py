"""The post-incident review as Markdown: what the journal holds, the story first, and how it was asked in an appendix.

Nothing in it is asked from a source, and nothing is guessed: what nobody recorded is said to be not recorded, and what
only people can say is left to them with a prompt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from diagnostics.core.words import plural
from diagnostics.incident.investigations import counts
from diagnostics.incident.review.figures import (
    Extreme,
    Interval,
    Material,
    clock,
    extremes,
    intervals,
    taken_at,
)
from diagnostics.incident.review.markdown import bullets, code, plain, section, table
from diagnostics.incident.sentences import sentence
from diagnostics.models import entries as said
from diagnostics.models.entries import Entry
from diagnostics.models.evidence import Evidence
from diagnostics.models.figures import UNKNOWN
from diagnostics.models.incidents import Affected, Delivery, FollowUp, Incident
from diagnostics.models.investigations import Hypothesis, Investigation, Weighed
from diagnostics.models.status import Status

if TYPE_CHECKING:
    from diagnostics.store.journal_rows import NewestEntry

APPENDIX = "Appendix: queries"
"""The section that holds what was asked; the story refers to it by number."""

_WHERE_ASKED = f"What was asked stands below, under {APPENDIX}."

NONE_NAMED = "No root cause was named."

PROMPTS = {
    "well": ("What went well", "Nobody has noted anything yet. Which step, tool or decision saved time?"),
    "badly": ("What went badly", "Nobody has noted anything yet. What was missed, late, wrong or missing?"),
    "prevention": (
        "Prevention",
        "Nobody has noted anything yet. What would have kept this from happening, or shown it sooner?",
    ),
}
"""Sections that people write: their titles, and what is asked of them while they are empty."""


class Queries:
    """What was asked, numbered in the order in which the story speaks of it; the same question has one number."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str, str, str], str] = {}

    def number(self, evidence: Evidence) -> str:
        """Its number in the appendix, such as Q3."""
        key = (evidence.source, evidence.window, evidence.query, evidence.caveat)
        return self._numbers.setdefault(key, f"Q{len(self._numbers) + 1}")

    def lines(self) -> list[str]:
        """The appendix."""
        found = [
            f"{number}. {_source(source, window)}: {code(query)}{f' {plain(caveat)}' if caveat else ''}"
            for (source, window, query, caveat), number in self._numbers.items()
        ]
        return bullets(found, empty="Nothing was asked.")


def _source(source: str, window: str) -> str:
    return f"{plain(source)}{f', {plain(window)}' if window else ''}"


def review_markdown(material: Material, criteria: Mapping[str, str], head: NewestEntry) -> str:
    """The review. Times are those of the journal, to the second, UTC.

    `criteria`: what each exit criterion of the issue type asks for, by its id; `head`: the newest entry of the journal.
    """
    incident = material.incident
    worst, times = extremes(material.entries), intervals(material.entries)
    asked = Queries()
    lines = [f"# Post-incident review: {incident.id}, {plain(incident.title)}", ""]
    lines += [*_header(material), ""]
    lines += section("Summary", _summary(material, worst, times))
    lines += section("Impact", _impact(worst, asked))
    lines += section("Root cause", _root_cause(material.investigations, asked))
    for side, (title, prompt) in PROMPTS.items():
        said_here = [one for one in incident.lessons if one.lesson.side == side]
        lines += section(
            title, bullets((f"{plain(one.lesson.text)} ({plain(one.by)})" for one in said_here), empty=prompt)
        )
    lines += section("Follow-ups", _follow_ups(incident.follow_ups, material.written_at))
    lines += section("Times", _times(times))
    lines += section("Timeline", _timeline(material.entries, material.names))
    lines += section("Roles", _roles(material))
    lines += section("Scope", _scope(incident))
    lines += section("Evidence", _evidence(incident, asked))
    lines += section("Notices and tracking", _deliveries(incident))
    lines += section("Exit criteria", _criteria(incident, criteria))
    lines += section("Tasks", _tasks(incident))
    lines += section(APPENDIX, asked.lines())
    lines += section("Appendix: receipts", _receipts(incident))
    lines += section("Where this comes from", _origin(material, head))
    return "\n".join(lines).rstrip() + "\n"


def _header(material: Material) -> list[str]:
    incident = material.incident
    declared = f"{clock(incident.declared_at)} by {plain(incident.declared_by)}"
    rows = [
        ("Issue", plain(material.issue_title)),
        ("Severity", _severities(incident)),
        ("Status", f"{incident.status.words}, since {clock(incident.status_since)}"),
        ("Environment", plain(incident.environment) or "not recorded"),
        ("Declared", declared),
        ("Began", clock(incident.began_at) if incident.began_at else "not recorded"),
        ("Detected", clock(incident.detected_at) if incident.detected_at else "not recorded"),
        ("Resolved", clock(incident.resolved_at) if incident.resolved_at else "not resolved"),
    ]
    if incident.merged_into:
        rows.append(("Goes on in", plain(incident.merged_into)))
    if incident.duplicates:
        rows.append(("Duplicates", plain(", ".join(incident.duplicates))))
    return [f"- **{name}:** {value}" for name, value in rows]


def _severities(incident: Incident) -> str:
    if len(incident.severities) < 2:
        return plain(incident.severity)
    return ", then ".join(f"{plain(name)} from {clock(at)}" for at, name in incident.severities)


def _summary(material: Material, worst: Sequence[Extreme], times: Sequence[Interval]) -> list[str]:
    incident = material.incident
    lines = [plain(incident.summary, limit=4_000), ""] if incident.summary.strip() else []
    known = [one.worst for one in worst if one.worst is not None]
    facts = [f"{plain(one.title)} {plain(one.shown)}" for one in known if one.status != Status.PASS]
    if known and not facts:
        lines.append("Every figure that was measured was within its limits.")
    elif facts:
        lines.append(f"At its worst, as far as it was measured: {'; '.join(facts)}.")
    else:
        lines.append("No figure was measured during this incident.")
    by_title = {one.title.partition(":")[0]: one for one in times}
    repair, resolution = by_title["Repair"], by_title["Resolution"]
    if resolution.seconds is not None:
        repaired = f", with monitoring from {repair.shown} on" if repair.seconds is not None else ""
        lines += ["", f"Resolved {resolution.shown} after it was declared{repaired}."]
        if incident.resolved_why:
            lines[-1] += f" Reason given: {plain(incident.resolved_why)}"
    else:
        lines += ["", f"It is not resolved: it is {incident.status.words}, and this review is not the last word."]
    return lines


def _impact(worst: Sequence[Extreme], asked: Queries) -> list[str]:
    rows = []
    for one in worst:
        last = f"{plain(one.last.shown)} at {clock(taken_at(one.last, one.last_entry))}"
        if one.worst is None or one.worst_entry is None:
            rows.append((plain(one.title), UNKNOWN, f"no data in any of {one.times}", last, _asked(one, asked)))
            continue
        side = "lowest" if one.is_lowest else "highest"
        when = f"{clock(taken_at(one.worst, one.worst_entry))}, {side} of {one.times}, entry {one.worst_entry.seq}"
        rows.append((plain(one.title), plain(one.worst.shown), when, last, _asked(one, asked)))
    head = ("Figure", "Worst", "When", "Last", "Asked")
    lines = table(head, rows, empty="No figure was measured during this incident.")
    return [*lines, "", f"Values between two measurements are not known. {_WHERE_ASKED}"] if rows else lines


def _asked(one: Extreme, asked: Queries) -> str:
    evidence = (one.worst or one.last).evidence
    return "no evidence was kept" if evidence is None else asked.number(evidence)


def _times(times: Sequence[Interval]) -> list[str]:
    return table(
        ("Time", "Length", "From which entries"), ((one.title, one.shown, one.basis) for one in times), empty=""
    )


def _roles(material: Material) -> list[str]:
    rows = [
        (
            plain(material.roles.get(one.role, one.role.replace("_", " "))),
            plain(one.person),
            clock(one.since),
            clock(one.until) if one.until else "to the end of the record",
        )
        for one in material.incident.roles
    ]
    return table(("Role", "Who", "From", "Until"), rows, empty="Nobody took a role.")


def _scope(incident: Incident) -> list[str]:
    rows = [
        (
            what,
            plain(one.name),
            clock(one.since),
            clock(one.until) if one.until else "not ended in the record",
            plain(one.why),
            plain(one.by),
        )
        for what, among in (("system", incident.systems), ("account", incident.accounts))
        for one in _in_order(among)
    ]
    return table(("What", "Name", "From", "Until", "Why", "Said by"), rows, empty="No system or account was named.")


def _in_order(among: Iterable[Affected]) -> list[Affected]:
    return sorted(among, key=lambda one: (one.since, one.name))


def _evidence(incident: Incident, asked: Queries) -> list[str]:
    """Pinned evidence, each with its label, and said to be inferred where it was."""
    rows = []
    for one in incident.pins:
        pinned = one.pinned
        label = f"{pinned.label.value}, inferred" if pinned.inferred else pinned.label.value
        source = ""
        if pinned.evidence is not None:
            source = f"{_source(pinned.evidence.source, pinned.evidence.window)}: {asked.number(pinned.evidence)}"
        text = f"{plain(pinned.title)}: {plain(pinned.text)}" if pinned.text else plain(pinned.title)
        rows.append((pinned.pin, label, text, f"{clock(one.at)} by {plain(one.by)}", source))
    return table(("No.", "Label", "What", "Pinned", "Source"), rows, empty="No evidence was pinned.")


def _root_cause(investigations: Sequence[Investigation], asked: Queries) -> list[str]:
    """The findings of the linked investigations, how sure that is, and what would overturn it."""
    if not investigations:
        return [f"{NONE_NAMED} No investigation was linked to this incident."]
    lines: list[str] = []
    if not any(one.root_cause for one in investigations):
        lines += [f"{NONE_NAMED} What was looked into stands below.", ""]
    for one in investigations:
        lines += [*_investigation(one, asked), ""]
    return lines[:-1]


def _investigation(record: Investigation, asked: Queries) -> list[str]:
    opened = f"opened {clock(record.opened_at)} by {plain(record.opened_by)}"
    lines = [f"### {record.id}: {plain(record.question)}", "", f"It was {opened}."]
    if record.account_id is not None:
        lines[-1] += f" It is about account {record.account_id}."
    cause = record.root_cause
    if cause is not None:
        lines += [
            "",
            f"**Root cause: {plain(cause.statement)}**",
            "",
            f"- **Confidence:** {cause.confidence}. {plain(cause.confidence_why)}",
            f"- **Why it was named:** {plain(cause.why)}",
            f"- **What would overturn it:** {plain(cause.overturned_by)}",
            *_sides(cause, asked),
        ]
    for one in record.hypotheses:
        if cause is None or one.hypothesis != cause.hypothesis:
            lines += ["", *_other(one, asked)]
    if record.closed_at is not None:
        lines += ["", f"Closed {clock(record.closed_at)}: {plain(record.conclusion)}"]
    else:
        lines += ["", "It is still open."]
    return lines


def _other(one: Hypothesis, asked: Queries) -> list[str]:
    why = f" {plain(one.why)}" if one.why else ""
    return [
        f"{one.hypothesis}, {one.standing.replace('_', ' ')}: {plain(one.statement)}.{why}",
        "",
        f"- **Confidence:** {one.confidence}. {plain(one.confidence_why)}",
        f"- **What would overturn it:** {plain(one.overturned_by)}",
        *_sides(one, asked),
    ]


def _sides(one: Hypothesis, asked: Queries) -> list[str]:
    found = [f"For: {_item(item, asked)}" for item in one.speaks_for]
    found += [f"Against: {_item(item, asked)}" for item in one.speaks_against]
    return bullets(found, empty="- No evidence was weighed.")


def _item(weighed: Weighed, asked: Queries) -> str:
    item = weighed.item
    label = f"{item.label.value}, inferred" if item.inferred else item.label.value
    counted = "" if counts(weighed) else ", not counted"
    withdrawn = f" Withdrawn: {plain(weighed.withdrawn_why)}" if weighed.withdrawn_why else ""
    query = f" Asked as {asked.number(item.evidence)}." if item.evidence is not None else ""
    return (
        f"{item.item} ({label}{counted}; {plain(item.source)}; {clock(weighed.at)} by {plain(weighed.by)}):"
        f" {plain(item.text)}{query}{withdrawn}"
    )


def _deliveries(incident: Incident) -> list[str]:
    rows = []
    for one in incident.deliveries:
        arrived = clock(one.sent_at) if one.sent_at else _standing(one)
        found = ", found there after an attempt without an answer" if one.found_again else ""
        rows.append(
            (
                plain(one.named),
                one.audience.value,
                f"{clock(one.confirmed_at)} by {plain(one.confirmed_by)}",
                f"{arrived}{found}",
                " ".join(part for part in (plain(one.called), plain(one.link)) if part),
                str(one.attempts),
            )
        )
    head = ("What", "For", "Confirmed", "Arrived", "There", "Attempts")
    return table(head, rows, empty="Nothing was sent, and nothing was opened in a tracking service.")


def _receipts(incident: Incident) -> list[str]:
    """What each service answered, letter by letter: proof for machines, which says nothing to people."""
    found = [
        f"{plain(one.named)}, confirmed {clock(one.confirmed_at)}: {code(one.receipt)}"
        for one in incident.deliveries
        if one.receipt
    ]
    return bullets(found, empty="No service gave one.")


def _standing(delivery: Delivery) -> str:
    reason = f": {plain(delivery.reason)}" if delivery.reason else ""
    return f"not recorded, {delivery.state.replace('_', ' ')}{reason}"


def _criteria(incident: Incident, criteria: Mapping[str, str]) -> list[str]:
    known = {one.criterion: one for one in incident.criteria}
    rows = []
    for name in dict.fromkeys((*criteria, *known, *incident.unmet)):
        record = known.get(name)
        shown = record.shown if record is not None else ""
        if record is not None and record.waived_by:
            state = f"waived by {plain(record.waived_by)}: {plain(record.waived_why)}"
        elif record is not None and record.met_since is not None:
            state = f"held since {clock(record.met_since)}"
        else:
            state = "was not seen to hold" if record is None else "does not hold"
        if name in incident.unmet:
            state += f"; overruled when it was resolved: {plain(incident.resolved_why) or 'no reason recorded'}"
        rows.append((plain(criteria.get(name, name.replace("_", " "))), state, plain(shown)))
    return table(("Criterion", "State", "Last seen as"), rows, empty="This issue type has no exit criteria.")


def _tasks(incident: Incident) -> list[str]:
    rows = [
        (
            one.task,
            plain(one.text),
            plain(one.owner) or "nobody",
            clock(one.due_at) if one.due_at else "",
            f"done {clock(one.done_at)} by {plain(one.done_by)}" if one.done_at else "open",
        )
        for one in incident.tasks
    ]
    return table(("No.", "Task", "Owner", "Due", "State"), rows, empty="No task was added.")


def _follow_ups(follow_ups: Sequence[FollowUp], now: datetime) -> list[str]:
    rows = [
        (
            one.scheduled.follow_up,
            plain(one.scheduled.text),
            clock(one.scheduled.due_at),
            plain(one.scheduled.owner or one.scheduled_by),
            f"check {code(one.scheduled.check)}" if one.scheduled.check else "by a person",
            _follow_up_state(one, now),
        )
        for one in follow_ups
    ]
    head = ("No.", "What", "Due", "Owner", "How", "State")
    return table(head, rows, empty="None is scheduled. Who checks later that the fix holds?")


def _follow_up_state(one: FollowUp, now: datetime) -> str:
    """The outcome of a follow-up, in Markdown."""
    if one.run is not None and one.run_at is not None:
        return f"{plain(one.run.status.replace('_', ' '))}, {clock(one.run_at)}: {plain(one.run.summary)}"
    return "overdue" if one.scheduled.due_at <= now else "waits"


def _timeline(entries: Sequence[Entry], names: Mapping[str, str]) -> list[str]:
    corrections: dict[int, list[Entry]] = {}
    for entry in entries:
        if isinstance(entry.body, said.Corrected):
            corrections.setdefault(entry.body.seq, []).append(entry)
    rows = []
    for entry in entries:
        text = plain(sentence(entry, names))
        for one in corrections.get(entry.seq, ()):
            body = one.body
            if isinstance(body, said.Corrected):
                text += (
                    f" — **corrected** at {clock(one.at)} by {plain(one.actor)} (entry {one.seq}): {plain(body.text)}"
                )
        rows.append((clock(entry.at), str(entry.seq), plain(entry.actor), text))
    return table(("Time", "Entry", "Who", "What"), rows, empty="The journal holds no entry.")


def _origin(material: Material, head: NewestEntry) -> list[str]:
    newest = material.entries[-1]
    written = (
        f"Written {clock(material.written_at)} from {plural(len(material.entries), 'entry', 'entries')}"
        f" of {material.incident.id},"
        f" of which the newest is entry {newest.seq}, {code(newest.hash)}."
    )
    journal = (
        f"Head of the journal then: entry {head.seq}, {code(head.hash)}."
        " `warroom journal verify` tells whether anything before it was altered, is missing or was put in."
    )
    clocks = "Entries bear the time of the console that wrote them; their order is that of their numbers."
    return [written, "", journal, "", clocks]
