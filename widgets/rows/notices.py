"""Rows of a notice. Before it is sent: what is declared, each text as it will stand there, each bound number.

After the confirmation: what became of each delivery. Every state is a word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rich.cells import cell_len

from diagnostics.core.sanitizer import clean
from diagnostics.core.words import age, plural
from diagnostics.models.figures import NOT_KNOWN_YET
from widgets import wording
from widgets.row import BLANK, Piece, Row, Tone, fit, row, wrap

if TYPE_CHECKING:
    from diagnostics.models.entries import BoundFigure
    from diagnostics.models.incidents import Delivery
    from diagnostics.models.notices import Draft, Proposal
    from widgets.glyphs import Glyphs

LABEL = 12
BELOW = 2
"""Cells by which the lines below a delivery's first one are set in."""

FRESH_S = 30.0
"""A number so young is fresh; an older one that is still good for a message says so."""

READABLE = 118
"""Cells of a line at most: longer ones are hard to read on wide terminals."""

CHANNELS = {"slack": "Slack", "datadog_incident": "Datadog incident", "jira": "Jira issue"}

PURPOSES = {
    "first_notice": "first notice",
    "update": "update",
    "resolution": "resolution",
    "tracking": "opened for tracking",
    "note": "note on what was opened",
}


def channel_word(channel: object) -> str:
    """Name in plain words."""
    return CHANNELS.get(str(channel), str(channel).replace("_", " "))


def purpose_word(purpose: object) -> str:
    """Name in plain words."""
    return PURPOSES.get(str(purpose), str(purpose).replace("_", " "))


def section(title: str, width: int, glyphs: Glyphs, tone: Tone = "title") -> list[Row]:
    """A heading with a rule behind it."""
    text = f"{title} "
    return [BLANK, row((text, tone), (glyphs.rule * max(0, width - cell_len(text)), "muted"))]


def keyed(label: str, text: str, width: int, *, key: str, tone: Tone = "", most: int = 0) -> list[Row]:
    """Wrapped text beside a label. Each line can hold the cursor, so that nothing is scrolled past unseen."""
    lines = wrap(text, width - LABEL, most=most)
    return [
        row(
            (fit(label if number == 0 else "", LABEL), "muted"),
            (line, tone),
            key=key if number == 0 else f"{key}+{number}",
        )
        for number, line in enumerate(lines)
    ]


def choice_row(
    name: str, tone: Tone, said: str, *, cells: int, chosen: bool, key: str, glyphs: Glyphs, said_tone: Tone = "muted"
) -> Row:
    """One of several things of which one holds: a mark, its name in so many cells, what it means."""
    mark = Piece(f"{glyphs.dot if chosen else glyphs.ring} ", "accent" if chosen else "muted")
    return row(mark, (name.ljust(cells), tone), (glyphs.text(said), said_tone), key=key)


def head_rows(proposal: Proposal, rank: Sequence[str], width: int, glyphs: Glyphs) -> list[Row]:
    """The incident that will be declared or that is spoken of, its scope, and notes to read before sending."""
    about = f"{clean(proposal.incident, limit=40)} {glyphs.separator} " if proposal.incident else "will be declared: "
    issue = clean(proposal.issue_type, limit=60).replace("_", " ")
    severity = clean(proposal.severity, limit=40)
    head = row(
        (glyphs.text(about), "strong"),
        (severity.upper(), wording.severity_tone(proposal.severity)),
        (glyphs.text(fit(f" {glyphs.separator} {issue}", max(0, width - len(about) - len(severity)))), "strong"),
        key="head",
    )
    rows = [
        head,
        *keyed("title", glyphs.text(clean(proposal.title, limit=400)), width, key="edit:title", tone="strong"),
    ]
    if proposal.summary and not proposal.incident:
        rows += keyed("summary", glyphs.text(clean(proposal.summary)), width, key="edit:summary", most=3)
    for number, line in enumerate(rank):
        rows += keyed("impact" if number == 0 else "", glyphs.text(clean(line)), width, key=f"rank:{number}", most=2)
    if not proposal.incident:
        rows += keyed("began", glyphs.text(_times(proposal)), width, key="times")
        rows += keyed("scope", glyphs.text(_scope(proposal)), width, key="scope", most=2)
    for number, note in enumerate(proposal.notes):
        text = glyphs.text(f"{glyphs.warned} {clean(note)}")
        rows += keyed("know" if number == 0 else "", text, width, key=f"note:{number}", tone="warn")
    return rows


def _times(proposal: Proposal) -> str:
    began = "start time unknown" if proposal.began_at is None else f"{proposal.began_at:%d %b %H:%M:%S} UTC"
    seen = "unknown" if proposal.detected_at is None else f"{proposal.detected_at:%H:%M:%S} UTC"
    return f"{began}; first seen {seen}"


def _scope(proposal: Proposal) -> str:
    systems = ", ".join(clean(one, limit=60) for one in proposal.systems) or "no system named"
    if not proposal.accounts:
        return f"{systems} · no account named"
    named = ", ".join(str(one) for one in proposal.accounts[:8])
    more = f", and {len(proposal.accounts) - 8:,} more" if len(proposal.accounts) > 8 else ""
    return f"{systems} · {plural(len(proposal.accounts), 'account')} named: {named}{more}"


def draft_rows(number: int, draft: Draft, width: int, glyphs: Glyphs) -> list[Row]:
    """One delivery: where it goes, and its text, letter by letter."""
    what = f"{channel_word(draft.channel)} {glyphs.separator} {purpose_word(draft.purpose)}"
    if draft.problem:
        rows = section(glyphs.text(f"{what} {glyphs.separator} NOT POSSIBLE FROM HERE"), width, glyphs, "warn")
        problem = glyphs.text(clean(draft.problem))
        rows += [
            row(("  ", ""), (line, "warn"), key=f"problem:{number}:{at}")
            for at, line in enumerate(wrap(problem, width - 2))
        ]
        return rows
    to = clean(draft.destination, limit=120)
    whom = f" {glyphs.separator} for {draft.audience}" if str(draft.channel) == "slack" else ""
    rows = section(glyphs.text(f"{what} to {to}{whom}"), width, glyphs)
    if draft.title:
        rows += _text_lines(f"title:{number}", clean(draft.title, limit=400), width, glyphs, "strong")
    return rows + _text_lines(f"text:{number}", clean(draft.text, multiline=True), width, glyphs, "")


def _text_lines(key: str, text: str, width: int, glyphs: Glyphs, tone: Tone) -> list[Row]:
    return [
        row((f"{glyphs.bar} ", "muted"), (glyphs.text(line), tone), key=f"{key}:{at}")
        for at, line in enumerate(wrap(text, width - 2))
    ]


def figure_rows(
    figures: Sequence[BoundFigure], accepted: Mapping[str, object], width: int, now: datetime, glyphs: Glyphs
) -> list[Row]:
    """Every number in the texts: value, age, and whether it keeps them from being sent."""
    if not figures:
        return []
    rows = section("numbers in these texts", width, glyphs)
    name_width = min(30, max(14, max(cell_len(one.name) for one in figures) + 2))
    value_width = min(26, max(10, max(cell_len(one.shown) for one in figures) + 2))
    for one in figures:
        said, tone = _standing(one, one.name in accepted, now, glyphs)
        rest = max(0, width - name_width - value_width)
        first, *further = wrap(glyphs.text(said), max(12, rest))
        rows.append(
            row(
                (fit(clean(one.name, limit=60).replace("_", " "), name_width), "muted"),
                (glyphs.text(fit(clean(one.shown, limit=80), value_width)), "strong"),
                (first, tone),
                key=f"figure:{one.name}",
            )
        )
        rows += [
            row(" " * (name_width + value_width), (line, tone), key=f"figure:{one.name}+{at}")
            for at, line in enumerate(further, 1)
        ]
    return rows


def _standing(one: BoundFigure, accepted: bool, now: datetime, glyphs: Glyphs) -> tuple[str, Tone]:
    nothing = "not read yet" if one.shown == NOT_KNOWN_YET else "no measurement"
    old = f"{age(one.taken_at, now)} old" if one.taken_at is not None else nothing
    if not one.stale:
        if one.taken_at is None:
            return old, "muted"
        word = "fresh" if (now - one.taken_at).total_seconds() <= FRESH_S else "still good"
        return f"{glyphs.passed} {word} {glyphs.separator} {old}", "pass"
    # The reason says how old it is, where age is the reason.
    why = clean(one.stale, limit=200).removeprefix("old: ")
    if accepted:
        return f"{glyphs.warned} accepted as it is {glyphs.separator} {why}", "warn"
    return f"{glyphs.failed} STALE, blocks sending {glyphs.separator} {why}", "fail"


def words_rows(
    fields: Sequence[tuple[str, str, str]], words: Mapping[str, str], width: int, glyphs: Glyphs
) -> list[Row]:
    """Texts of people: label, and the text or its meaning; Enter on one writes it."""
    if not fields:
        return []
    rows = section("add details (Enter to edit)", width, glyphs)
    for name, label, meaning in fields:
        said = words.get(name, "")
        text = glyphs.text(clean(said or meaning))
        wide = max(10, width - 18)
        first, *further = wrap(text, wide, most=3)
        tone: Tone = "" if said else "muted"
        rows.append(row((fit(label, 18), "key"), (first, tone), key=f"edit:{name}"))
        rows += [row(" " * 18, (line, tone), key=f"edit:{name}+{at}") for at, line in enumerate(further, 1)]
    return rows


def step_rows(steps: Sequence[tuple[str, str, str, Tone]], width: int, glyphs: Glyphs) -> list[Row]:
    """A rule, and the steps under it: key, name, what it does, tone."""
    label = min(30, max(22, max(cell_len(name) for _, name, _, _ in steps) + 2))
    rows = [row((fit(glyphs.rule * 3, width), "muted"))]
    for key, name, said, tone in steps:
        rows.append(
            row((fit(name, label), "strong"), Piece(fit(glyphs.text(said), max(0, width - label)), tone), key=key)
        )
    return rows


# ---- what became of it

_WORDS: dict[str, tuple[str, Tone]] = {
    "queued": ("waiting", "accent"),
    "sending": ("sending", "accent"),
    "sent": ("SENT", "pass"),
    "retrying": ("retrying", "warn"),
    "uncertain": ("UNCERTAIN", "warn"),
    "failed": ("FAILED", "fail"),
    "given_up": ("given up", "muted"),
}


def state_piece(delivery: Delivery, glyphs: Glyphs) -> Piece:
    """Glyph and word of a delivery's state in its tone."""
    word, tone = _WORDS.get(delivery.state, (clean(delivery.state, limit=20), "muted"))
    glyph = {
        "sent": glyphs.passed,
        "retrying": glyphs.warned,
        "uncertain": glyphs.warned,
        "failed": glyphs.failed,
        "given_up": glyphs.unreachable,
    }.get(delivery.state, glyphs.waiting)
    return Piece(f"{glyph} {word}", tone)


def outcome(delivery: Delivery, now: datetime) -> str:
    """State of a delivery in one sentence, with reason and next attempt."""
    reason = clean(delivery.reason, limit=300)
    after = f"; {_again(delivery, now)}" if delivery.retry_at is not None else ""
    sentences = {
        "queued": "confirmed; its turn has not come yet",
        "sending": f"attempt {delivery.attempts}, {age(delivery.attempted_at, now)} ago, no answer yet",
        "retrying": f"not taken: {reason}; {_again(delivery, now)}",
        "uncertain": f"unclear whether it arrived: {reason}{after}",
        "failed": f"not sent: {reason}",
        "given_up": "somebody decided not to send it",
        "sent": _arrival(delivery),
    }
    return sentences.get(delivery.state, reason)


def _arrival(delivery: Delivery) -> str:
    when = f"at {delivery.sent_at:%H:%M:%S} UTC" if delivery.sent_at is not None else "arrived"
    name = f" as {clean(delivery.called, limit=80)}" if delivery.called else ""
    return f"{when}{name}{', found there after an attempt without an answer' if delivery.found_again else ''}"


def _again(delivery: Delivery, now: datetime) -> str:
    if delivery.retry_at is None:
        return "the console looks again by itself"
    seconds = int((delivery.retry_at - now).total_seconds())
    return f"again in {max(0, seconds)} s" if seconds > 0 else "again at any moment"


def delivery_rows(delivery: Delivery, width: int, now: datetime, glyphs: Glyphs) -> list[Row]:
    """One delivery in two to four lines; the first one holds the cursor."""
    state = state_piece(delivery, glyphs)
    what = f"{channel_word(delivery.channel)} {glyphs.separator} {purpose_word(delivery.purpose)}"
    to = clean(delivery.destination, limit=120)
    head = row(
        Piece(fit(state.text, 13), state.tone),
        (fit(glyphs.text(f"{what} to {to}"), max(0, width - 13)), "strong"),
        key=f"delivery:{delivery.delivery}",
    )
    parts: list[tuple[str, Tone]] = [(outcome(delivery, now), "")]
    if delivery.state not in {"sent", "given_up"}:
        parts.append((clean(delivery.remedy, limit=300), "accent"))
    parts.append((clean(delivery.link, limit=300), "accent"))
    lines = [(line, tone) for text, tone in parts for line in wrap(glyphs.text(text), width - BELOW) if line]
    under = [
        row(" " * BELOW, (line, tone), key=f"delivery:{delivery.delivery}+{at}")
        for at, (line, tone) in enumerate(lines)
    ]
    return [head, *under]


def headline(deliveries: Sequence[Delivery], incident: str) -> tuple[str, Tone]:
    """How it stands with all of them, in one line."""
    waiting = [one for one in deliveries if not one.is_settled]
    uncertain = [one for one in deliveries if one.state == "uncertain"]
    lost = [one for one in deliveries if one.state in {"failed", "given_up"}]
    sent = [one for one in deliveries if one.state == "sent"]
    told = ", ".join(dict.fromkeys(channel_word(one.channel) for one in sent))
    if not deliveries:
        return f"{incident} stands in the journal; nothing was to be sent", "pass"
    if lost:
        names = ", ".join(dict.fromkeys(channel_word(one.channel) for one in lost))
        return f"{incident}: NOT delivered: {names}. What to do stands below", "fail"
    if uncertain:
        names = ", ".join(dict.fromkeys(channel_word(one.channel) for one in uncertain))
        return (
            f"{incident}: unclear whether it arrived: {names}. It is not sent again until somebody has looked",
            "warn",
        )
    if waiting:
        return f"{incident}: {len(sent)} of {len(deliveries)} delivered; leaving is safe, the console goes on", "accent"
    return f"{incident}: done. Delivered: {told}", "pass"
