"""Incidents, proposals and verifications as plain text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from diagnostics.core.sanitizer import clean
from diagnostics.core.words import plural
from diagnostics.models.entries import MeasuredFigure
from diagnostics.models.incidents import Delivery, Incident, IncidentLine, TimelineLine, Verification
from diagnostics.models.notices import Draft, Proposal
from tui.cli.output import Style

STATES = {
    "queued": "waits",
    "sending": "is being sent",
    "retrying": "waits for the next attempt",
    "uncertain": "UNCLEAR whether it arrived",
    "sent": "sent",
    "failed": "FAILED",
    "given_up": "given up",
}
"""What becomes of a delivery, in words."""

INDENT = 2


def incident_document(incident: Incident, outcome: str = "incident") -> dict[str, Any]:
    """The incident as JSON types, fields as in the models."""
    return {"outcome": outcome, "incident": incident.model_dump(mode="json")}


def moment(at: datetime | None) -> str:
    """A moment in UTC; the dash for none."""
    return "—" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def text_lines(text: str, style: Style, indent: int = INDENT) -> Iterator[str]:
    """A text of several lines, each wrapped for itself."""
    for line in clean(text, limit=100_000, multiline=True).split("\n"):
        yield from style.block(line, indent=indent)


# ---- proposals


def proposal_lines(proposal: Proposal, style: Style) -> Iterator[str]:
    """Everything one confirmation would do, as it would be sent."""
    what = f"about {proposal.incident}" if proposal.incident else "declares an incident"
    yield from style.block(f"PROPOSAL  {what}: {proposal.issue_type}, {proposal.severity}: {proposal.title}")
    if not proposal.incident:
        scope = [*proposal.systems, *(f"account {one}" for one in proposal.accounts)]
        yield from style.block(f"scope: {', '.join(scope) or 'nothing named yet'}")
    for draft in proposal.drafts:
        yield ""
        yield from _draft_lines(draft, style)
    if proposal.measured:
        yield ""
        yield "figures:"
        yield from _figure_lines(proposal.measured, style)
    yield ""
    for note in proposal.notes:
        yield from style.block(f"note: {note}")
    yield f"measured: {moment(proposal.made_at)}, good until {proposal.good_until:%H:%M:%S} UTC"


def _draft_lines(draft: Draft, style: Style) -> Iterator[str]:
    channel = draft.channel.value.replace("_", " ")
    where = f"{draft.destination} {draft.fields.get('site', '')}".strip()
    yield from style.block(
        f"{channel}  {draft.purpose.value.replace('_', ' ')} to {where or 'nowhere'}"
        + (f": {draft.title}" if draft.title else "")
    )
    if draft.problem:
        yield from style.block(f"LEFT OUT: {draft.problem}", indent=INDENT)
    yield from text_lines(draft.text, style, indent=2 * INDENT)
    for one in draft.stale:
        yield from style.block(f"OLD FIGURE  {one.name} = {one.shown}: {one.stale}", indent=INDENT)


def _figure_lines(figures: Iterable[MeasuredFigure], style: Style) -> Iterator[str]:
    for one in figures:
        taken = f" at {one.taken_at:%H:%M:%S} UTC" if one.taken_at else ""
        yield from style.block(f"{one.title}: {one.shown}{taken}", indent=INDENT)


# ---- incidents


def line(one: IncidentLine) -> str:
    """One incident in a list."""
    status = f"merged into {one.merged_into}" if one.merged_into else one.status.words
    commander = one.commander or "nobody"
    return clean(
        f"{one.id:<8} {status:<14} {one.severity:<10} {one.declared_at:%Y-%m-%d %H:%M} UTC"
        f"  commander {commander}  {one.issue_type}: {one.title}",
        limit=500,
    )


def incident_lines(
    incident: Incident, timeline: Sequence[TimelineLine], next_update_at: datetime | None, style: Style
) -> Iterator[str]:
    """One incident for a person: what matters first."""
    yield from style.block(f"{incident.id}  {incident.title}")
    where = f"  merged into {incident.merged_into}" if incident.merged_into else ""
    yield f"{incident.status.words} since {moment(incident.status_since)}{where}"
    yield from style.block(f"{incident.issue_type}, {incident.severity}, {incident.environment}")
    yield from style.block(f"declared {moment(incident.declared_at)} by {incident.declared_by}")
    if incident.summary:
        yield from text_lines(incident.summary, style)
    if next_update_at is not None:
        yield f"next update due {moment(next_update_at)}"
    roles = [f"{one.role.replace('_', ' ')} {one.person}" for one in incident.roles if one.until is None]
    yield from style.block(f"people: {', '.join(roles) or 'no role is taken'}")
    scope = [one.name for one in incident.systems if one.until is None]
    scope += [f"account {one.name}" for one in incident.accounts if one.until is None]
    yield from style.block(f"affected: {', '.join(scope) or 'nothing named'}")
    for task in incident.tasks:
        done = "done" if task.done_at else "open"
        yield from style.block(f"{task.task} {done}: {task.text}{f' ({task.owner})' if task.owner else ''}", indent=2)
    yield from delivery_lines(incident.deliveries, style)
    if timeline:
        yield ""
    for one in reversed(timeline):
        yield from style.block(f"{one.at:%H:%M:%S}  {one.actor}: {one.text}", indent=INDENT)


def delivery_lines(deliveries: Iterable[Delivery], style: Style) -> Iterator[str]:
    """What was confirmed to be sent, and what became of it."""
    for one in deliveries:
        head = f"{one.channel.value.replace('_', ' ')}, {one.named}: {STATES[one.state]}"
        receipt = f" as {one.called}" if one.called else ""
        link = f"  {one.link}" if one.link else ""
        yield from style.block(f"{head}{receipt}{link}", indent=INDENT)
        if one.state != "sent" and one.reason:
            again = f"; again at {one.retry_at:%H:%M:%S} UTC" if one.retry_at else ""
            yield from style.block(f"{one.reason}{again}", indent=2 * INDENT)
        if one.state != "sent" and one.remedy:
            yield from style.block(f"do: {one.remedy}", indent=2 * INDENT)


# ---- the journal


def verification_lines(found: Verification, style: Style) -> Iterator[str]:
    """Sound or not, each flaw with its entry."""
    status = style.status("pass" if found.is_sound else "fail")
    indent = len("UNREACHABLE") + 2
    said = (
        f"{plural(found.entries, 'entry', 'entries')}, each as it was written;"
        f" the newest has the hash {found.head[:16]}"
        if found.is_sound and found.entries
        else "the journal is empty"
        if found.is_sound
        else f"the journal of {plural(found.entries, 'entry', 'entries')} is not as it was written"
    )
    yield from style.block(said, indent=indent, first=f"{status}  ")
    for flaw in found.flaws:
        yield from style.block(f"- {flaw}", indent=indent)
    evidence = found.evidence
    yield from style.block(f"why: {evidence.query}; {evidence.window}, {evidence.took_ms:,.0f} ms", indent=indent)
    yield from style.block(f"limit: {evidence.caveat}", indent=indent)
    if not found.is_sound:
        yield from style.block(
            "do: keep a copy of the database before anybody writes to it, and tell its owner; incidents can go on in it"
            " meanwhile",
            indent=indent,
        )
