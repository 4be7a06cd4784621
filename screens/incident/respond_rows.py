"""Rows of a preview in each of its states, and its steps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from diagnostics.core.sanitizer import clean
from diagnostics.core.words import plural
from diagnostics.models.entries import Channel, Purpose
from widgets.row import BLANK, Row, Tone, wrapped
from widgets.rows.incident import criterion_lines
from widgets.rows.notices import (
    channel_word,
    delivery_rows,
    draft_rows,
    figure_rows,
    head_rows,
    headline,
    keyed,
    section,
    words_rows,
)

if TYPE_CHECKING:
    from screens.incident.respond_state import NotPrepared, RespondState
    from widgets.glyphs import Glyphs

CANCEL, SEND, DELIVERIES = "cancel", "send", "deliveries"

PreviewStep = tuple[str, str, str, Tone]


def body_rows(  # each state of the preview has its own rows
    state: RespondState,
    fields: Sequence[tuple[str, str, str]],
    width: int,
    now: datetime,
    glyphs: Glyphs,
    *,
    waiting: bool,
) -> list[Row]:
    """The preview; before it, what is under way; after it, what became of each delivery."""
    if state.declared is not None:
        return followed_rows(state, width, now, glyphs)
    proposal = state.proposal
    if proposal is None:
        return _without(state, width, glyphs, waiting=waiting)
    rows: list[Row] = []
    if state.problem is not None:
        rows += _problem(state.problem, width, glyphs)
    if waiting and not (state.prepared is not None and state.prepared.at_once):
        said = "measuring again; the previous numbers stay until the new ones are there"
        rows += wrapped(said, width, "accent", key="waiting")
    rows += [*verdict_rows(state, width, now, glyphs), *head_rows(proposal, state.rank, width, glyphs)]
    rows += _criteria_rows(state, width, glyphs)
    if state.copied:
        rows += keyed("clipboard", "the text is on your clipboard: paste it where people are", width, key="copied")
    for number, draft in enumerate(proposal.drafts):
        rows += draft_rows(number, draft, width, glyphs)
    rows += figure_rows(state.figures, state.accepted, width, now, glyphs)
    own = [one for one in fields if one[0] not in {"title", "summary"}]
    return rows + words_rows(own, state.words, width, glyphs)


def measuring_words(state: RespondState, *, waiting: bool) -> str:
    """How much of a preview made at once is known; empty for one that was measured. Stands where it moves no row."""
    if state.prepared is None or not state.prepared.at_once or state.declared is not None:
        return ""
    numbers, unread = len(state.figures), len(state.unread)
    known = f"{numbers - unread} of {plural(numbers, 'number')} known"
    return f"{known}, measuring" if waiting else f"{known}, not measured: r measures"


def _without(state: RespondState, width: int, glyphs: Glyphs, *, waiting: bool) -> list[Row]:
    if state.problem is not None and not waiting:
        return _problem(state.problem, width, glyphs)
    said = "Nothing has been prepared and nothing has been sent.\nr prepares it."
    if waiting:
        said = (
            "Preparing what would be sent: the numbers are being measured. Nothing has been sent.\n"
            "The steps below can be chosen already; the typed word counts once the preview is here."
        )
    return wrapped(said, width, "muted", key="wait")


def _problem(problem: NotPrepared, width: int, glyphs: Glyphs) -> list[Row]:
    headline = glyphs.text(f"{glyphs.failed} not prepared: {clean(problem.headline)}")
    remedy = glyphs.text(clean(problem.remedy, limit=800))
    again = "Nothing has been sent. r tries it again; y copies what text there is."
    rows = wrapped(headline, width, "fail", key="problem:x")
    rows += wrapped(remedy, width, key="problem:y") if remedy else []
    return [*rows, *wrapped(again, width, "muted", key="problem:z"), BLANK]


def verdict_rows(state: RespondState, width: int, now: datetime, glyphs: Glyphs) -> list[Row]:
    """Whether it can go, and what keeps parts of it from going: the first thing to read."""
    proposal = state.proposal
    if proposal is None:
        return []
    lines: list[tuple[str, Tone]] = []
    if state.is_old(now):
        lines.append(
            (f"{glyphs.failed} OLD: these numbers must be measured again before anything is sent; r does it", "fail")
        )
    elif obstacle := state.obstacle(now):
        lines.append((f"{glyphs.failed} BLOCKED: {obstacle}", "fail"))
    lost = [channel_word(one.channel) for one in proposal.drafts if one.problem]
    if lost:
        lines.append((f"{glyphs.warned} not from here: {', '.join(lost)}; what to do stands below", "warn"))
    return [
        line
        for number, (text, tone) in enumerate(lines)
        for line in wrapped(glyphs.text(text), width, tone, key=f"verdict:{number}")
    ]


def _criteria_rows(state: RespondState, width: int, glyphs: Glyphs) -> list[Row]:
    unmet = state.prepared.unmet if state.prepared is not None else ()
    incident = state.prepared.incident if state.prepared is not None else None
    if incident is not None and not incident.is_open and incident.resolved_why:
        said = f"{clean(incident.resolved_why)} (given when it was resolved; not asked again)"
        return keyed("reason", glyphs.text(said), width, key="reason")
    if not unmet:
        return []
    rows = section(f"exit criteria that are not met: {len(unmet)}", width, glyphs, "warn")
    for one in unmet:
        text = f"{clean(one.title)}: {clean(one.shown)}"
        text += f"; {clean(one.note)}" if one.note else ""
        rows += criterion_lines(one, text, width, glyphs)
    if state.overruled:
        rows += keyed("overruled", glyphs.text(clean(state.overruled)), width, key="overruled", tone="warn")
    return rows


def followed_rows(state: RespondState, width: int, now: datetime, glyphs: Glyphs) -> list[Row]:
    """The incident, then each delivery that this confirmation put on its way."""
    incident = state.declared
    assert incident is not None  # noqa: S101  # asked by the caller
    text, tone = headline(state.deliveries, incident.id)
    rows = wrapped(glyphs.text(text), width, tone, key="headline")
    title = glyphs.text(clean(incident.title, limit=300))
    rows += [BLANK, *keyed("incident", f"{incident.id} {title}", width, key="title", tone="strong")]
    words = f"{incident.severity} {glyphs.separator} {incident.status.words}"
    rows += keyed("state", words, width, key="state")
    for one in state.deliveries:
        rows += [BLANK, *delivery_rows(one, width, now, glyphs)]
    rows += [BLANK, *_next_rows(state, width, glyphs)]
    return rows


def _next_rows(state: RespondState, width: int, glyphs: Glyphs) -> list[Row]:
    slack = [one for one in state.deliveries if one.channel is Channel.SLACK]
    proposal = state.proposal
    said: list[str] = []
    if any(one.state in {"failed", "given_up", "uncertain"} for one in slack):
        said.append("the text is on your clipboard: paste it where people are, then say so under Deliveries")
    elif not slack and proposal is not None and proposal.fallback:
        said.append("no message went to the team: y copies the text, paste it where people are")
    if any(one.state in {"failed", "uncertain", "retrying"} for one in state.deliveries):
        said.append("Deliveries (below) shows every attempt, and resolves uncertain ones")
    if state.purpose is not Purpose.RESOLUTION:
        said.append("c claims a role, u moves the incident on, e shows the panel")
    return [
        line
        for at, text in enumerate(said)
        for line in keyed("next" if at == 0 else "", glyphs.text(text), width, key=f"next:{at}", tone="accent")
    ]


def steps_of(state: RespondState, now: datetime, *, typing: bool) -> list[PreviewStep]:
    """Cancel first; then what can be done."""
    if state.declared is not None:
        return [
            (CANCEL, "Leave", "safe at any time: what is not delivered yet goes on", "muted"),
            (DELIVERIES, "Deliveries", "every attempt; resolve uncertain deliveries", "muted"),
        ]
    cancel: PreviewStep = (CANCEL, "Cancel", "sends nothing", "muted")
    if state.confirming:
        return [(CANCEL, "Leave", "it is confirmed, and is being written into the journal", "muted")]
    proposal = state.proposal
    if proposal is None:
        return [cancel, (SEND, "Send", "asks for the word once the preview is here", "muted")]
    places = len(proposal.sendable)
    name = f"Send to {plural(places, 'place')}" if places else "Declare, send nothing"
    if places == 0 and proposal.incident:
        return [cancel, (CANCEL + "2", "Nothing can be sent", "y copies the text to paste by hand", "warn")]
    obstacle = state.obstacle(now)
    said: tuple[str, Tone] = (f"type {proposal.word!r} below, then enter", "accent") if typing else ("", "muted")
    if not typing:
        said = (obstacle, "warn") if obstacle else (f"asks for the word {proposal.word!r}, then sends", "muted")
    return [cancel, (SEND, name, *said)]
