"""Rows of deliveries: what was confirmed to be sent, and what became of it. Every state is a word."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from diagnostics.text import clean
from widgets import wording
from widgets.notice_rows import channel_word, purpose_word
from widgets.rows import Piece, Row, Tone, fit, row, wrap

if TYPE_CHECKING:
    from diagnostics.models.incidents import Delivery
    from widgets.glyphs import Glyphs

_WORDS: dict[str, tuple[str, Tone]] = {
    "queued": ("waiting", "accent"),
    "sending": ("sending", "accent"),
    "sent": ("SENT", "pass"),
    "retrying": ("retrying", "warn"),
    "uncertain": ("UNCERTAIN", "warn"),
    "failed": ("FAILED", "fail"),
    "given_up": ("given up", "muted"),
}


def state_piece(delivery: Delivery, signs: Glyphs) -> Piece:
    """Sign and word of a delivery's state in its tone."""
    word, tone = _WORDS.get(delivery.state, (clean(delivery.state, limit=20), "muted"))
    sign = {
        "sent": signs.passed,
        "retrying": signs.warned,
        "uncertain": signs.warned,
        "failed": signs.failed,
        "given_up": signs.unreachable,
    }.get(delivery.state, signs.waiting)
    return Piece(f"{sign} {word}", tone)


def outcome(delivery: Delivery, now: datetime) -> str:
    """What became of it, in one sentence."""
    reason = clean(delivery.reason, limit=300)
    after = f"; {_again(delivery, now)}" if delivery.retry_at is not None else ""
    sentences = {
        "queued": "confirmed; its turn has not come yet",
        "sending": f"attempt {delivery.attempts}, {wording.age(delivery.attempted_at, now)} ago, no answer yet",
        "retrying": f"not taken: {reason}; {_again(delivery, now)}",
        "uncertain": f"nobody knows whether it arrived: {reason}{after}",
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


def delivery_rows(delivery: Delivery, width: int, now: datetime, signs: Glyphs) -> list[Row]:
    """One delivery in two to four lines; the first one holds the cursor."""
    state = state_piece(delivery, signs)
    what = f"{channel_word(delivery.channel)} {signs.separator} {purpose_word(delivery.purpose)}"
    to = clean(delivery.destination, limit=120)
    name = fit(delivery.delivery, 5)
    head = row(
        (name, "key"),
        Piece(fit(state.text, 13), state.tone),
        (fit(signs.text(f"{what} to {to}"), max(0, width - 18)), "strong"),
        key=f"delivery:{delivery.delivery}",
    )
    parts: list[tuple[str, Tone]] = [(outcome(delivery, now), "")]
    if delivery.state not in {"sent", "given_up"}:
        parts.append((clean(delivery.remedy, limit=300), "accent"))
    parts.append((clean(delivery.link, limit=300), "accent"))
    lines = [(line, tone) for text, tone in parts for line in wrap(signs.text(text), width - 5) if line]
    under = [
        row(" " * 5, (line, tone), key=f"delivery:{delivery.delivery}+{at}") for at, (line, tone) in enumerate(lines)
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
            f"{incident}: nobody knows whether it arrived: {names}. It is not sent again before somebody looked",
            "warn",
        )
    if waiting:
        return f"{incident}: {len(sent)} of {len(deliveries)} delivered; leaving is safe, the console goes on", "accent"
    return f"{incident}: done. Delivered: {told}", "pass"
