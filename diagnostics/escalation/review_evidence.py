"""The parts of a review about what is known and how sure it is: pinned evidence, and the root cause."""

from __future__ import annotations

from collections.abc import Sequence

from diagnostics.escalation.investigations import counts
from diagnostics.escalation.record_markdown import bullets, code, plain, table
from diagnostics.escalation.review_figures import clock
from diagnostics.models.incidents import Incident
from diagnostics.models.investigations import Hypothesis, Investigation, Weighed

NONE_NAMED = "No root cause was named."


def evidence_lines(incident: Incident) -> list[str]:
    """What people pinned: each with its label, and said to be inferred where it was."""
    rows = []
    for one in incident.pins:
        pinned = one.pinned
        label = f"{pinned.label.value}, inferred" if pinned.inferred else pinned.label.value
        source = ""
        if pinned.evidence is not None:
            window = f", {plain(pinned.evidence.window)}" if pinned.evidence.window else ""
            # A table is cut at every bar, also at one within code.
            asked = code(pinned.evidence.query).replace("|", r"\|")
            source = f"{plain(pinned.evidence.source)}{window}: {asked}"
        text = f"{plain(pinned.title)}: {plain(pinned.text)}" if pinned.text else plain(pinned.title)
        rows.append((pinned.pin, label, text, f"{clock(one.at)} by {plain(one.by)}", source))
    return table(("No.", "Label", "What", "Pinned", "Source"), rows, empty="No evidence was pinned.")


def root_cause_lines(investigations: Sequence[Investigation]) -> list[str]:
    """What the linked investigations found, how sure that is, and what would overturn it."""
    if not investigations:
        return [f"{NONE_NAMED} No investigation was linked to this incident."]
    lines: list[str] = []
    if not any(one.root_cause for one in investigations):
        lines += [f"{NONE_NAMED} What was looked into stands below.", ""]
    for one in investigations:
        lines += [*_investigation(one), ""]
    return lines[:-1]


def _investigation(record: Investigation) -> list[str]:
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
            *_sides(cause),
        ]
    for one in record.hypotheses:
        if cause is None or one.hypothesis != cause.hypothesis:
            lines += ["", *_other(one)]
    if record.closed_at is not None:
        lines += ["", f"Closed {clock(record.closed_at)}: {plain(record.conclusion)}"]
    else:
        lines += ["", "It is still open."]
    return lines


def _other(one: Hypothesis) -> list[str]:
    why = f" {plain(one.why)}" if one.why else ""
    return [
        f"{one.hypothesis}, {one.standing.replace('_', ' ')}: {plain(one.statement)}.{why}",
        "",
        f"- **Confidence:** {one.confidence}. {plain(one.confidence_why)}",
        f"- **What would overturn it:** {plain(one.overturned_by)}",
        *_sides(one),
    ]


def _sides(one: Hypothesis) -> list[str]:
    found = [f"For: {_item(item)}" for item in one.speaks_for]
    found += [f"Against: {_item(item)}" for item in one.speaks_against]
    return bullets(found, empty="- No evidence was weighed.")


def _item(weighed: Weighed) -> str:
    item = weighed.item
    label = f"{item.label.value}, inferred" if item.inferred else item.label.value
    counted = "" if counts(weighed) else ", not counted"
    withdrawn = f" Withdrawn: {plain(weighed.withdrawn_why)}" if weighed.withdrawn_why else ""
    asked = f" Asked as {code(item.evidence.query)}." if item.evidence is not None else ""
    return (
        f"{item.item} ({label}{counted}; {plain(item.source)}; {clock(weighed.at)} by {plain(weighed.by)}):"
        f" {plain(item.text)}{asked}{withdrawn}"
    )
