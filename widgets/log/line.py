"""One log event as one row of cells: which columns fit, how text is cut, how a level reads.

Nothing here knows the terminal library; a row is a list of (text, tone) runs that together take the width asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from rich.cells import cell_len, split_graphemes

if TYPE_CHECKING:
    from diagnostics.models.events import LogEvent

Run = tuple[str, str]
"""Text and the name of its tone; the empty tone is that of ordinary text."""

SHIFT_STEP = 8
"""Cells by which a row moves sideways."""

SEVERE = frozenset({"error", "err", "critical", "crit", "fatal", "alert", "emergency", "emerg"})
"""Levels that "next error" stops at."""

# Six cells: the words of the levels as Datadog stores them, the long ones in syslog's own short form.
_WORDS = {
    "emergency": "emerg",
    "critical": "crit",
    "warning": "warn",
    "information": "info",
}
_TONES = {
    "emergency": "fatal",
    "emerg": "fatal",
    "alert": "fatal",
    "critical": "fatal",
    "crit": "fatal",
    "fatal": "fatal",
    "error": "error",
    "err": "error",
    "warn": "warning",
    "warning": "warning",
}

_MARKER = 2
_TIME = 8
_DATE = 7
_LEVEL = 6
_SERVICE = 10
_ACCOUNT = 11
_TIME_FROM = 40
_ACCOUNT_FROM = 60
_SERVICE_FROM = 96


@dataclass(slots=True, frozen=True)
class Columns:
    """Columns of an event in one width; the service goes first, then the account, then the time."""

    width: int
    time: bool
    service: bool
    account: bool
    message: int
    """Cells left for the message."""
    today: date | None = None
    """The present day in UTC, where some of the lines are of another one: those say of which."""


def columns(width: int, today: date | None = None) -> Columns:
    """Return the columns of a row `width` cells wide; with `today`, room for the date of lines of another day."""
    time = width >= _TIME_FROM
    account = width >= _ACCOUNT_FROM
    service = width >= _SERVICE_FROM
    taken = _MARKER + _LEVEL + 1
    taken += (
        (_DATE * (today is not None and width >= _ACCOUNT_FROM))
        + (_TIME + 1) * time
        + (_ACCOUNT + 1) * account
        + (_SERVICE + 1) * service
    )
    return Columns(width, time, service, account, max(0, width - taken), today)


def clock(timestamp_ms: int) -> str:
    """Return HH:MM:SS, UTC."""
    seconds = timestamp_ms // 1000 % 86_400
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _when(timestamp_ms: int, layout: Columns) -> str:
    """Time of day, and the date before it where lines of several days stand together and this one is not of today.

    Where the row has no room for both, the date stands alone: 23:59 of an unnamed day is worse than a day.
    """
    if layout.today is None:
        return clock(timestamp_ms)
    day = day_of(timestamp_ms)
    words = "" if day == layout.today else f"{day:%d %b}"
    if not layout.account:
        return (words or clock(timestamp_ms)).ljust(_TIME)
    return f"{words:<{_DATE}}{clock(timestamp_ms)}"


def day_of(timestamp_ms: int) -> date:
    """Return the day in UTC."""
    return datetime.fromtimestamp(timestamp_ms / 1000, UTC).date()


def level_word(status: str) -> str:
    """Return the level as a word of at most six cells."""
    return _WORDS.get(status, status)


def level_tone(status: str) -> str:
    """Return the tone of a level: fatal, error, warning, or the empty one for everything calm."""
    return _TONES.get(status, "")


def is_severe(event: LogEvent) -> bool:
    """True for an error or worse."""
    return event.status in SEVERE


def account_of(event: LogEvent) -> str:
    """Return `@context.account_id` as text, or an empty string when the event has none."""
    context = event.attributes.get("context")
    value = context.get("account_id") if isinstance(context, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | str):
        return ""
    return str(value)


def cells(text: str, start: int, end: int) -> str:
    """Return the cells from `start` to `end` (exclusive) of `text`, padded with spaces.

    A double-width character that an edge would halve becomes a space; a combining mark stays with its letter.
    """
    if text.isascii():
        return text[start:end].ljust(max(0, end - start))
    parts: list[str] = []
    used = start
    position = 0
    spans, _ = split_graphemes(text[: _enough(end)])
    for first, after, size in spans:
        if position + size > end:
            break
        if position >= start:
            parts.append(text[first:after])
            used = position + size
        elif position + size > start:
            parts.append(" ")
            used = start + 1
        position += size
    return "".join(parts) + " " * (end - used)


def _enough(end: int) -> int:
    """Return how many characters always fill that many cells: the sanitizer lets four marks through on each letter."""
    return (end + 1) * 5 + 16


def cut(text: str, width: int, *, start: int = 0, more: str = "…") -> str:
    """Return exactly `width` cells of `text` from cell `start` on; `more` stands where an end was left out."""
    if width <= 0:
        return ""
    end = start + width
    front = more if start and text and width > 2 else ""
    first = start + len(front)
    if longest(text[: _enough(end)]) > end:
        return front + cells(text, first, end - 1) + more
    return front + cells(text, first, end)


def longest(text: str) -> int:
    """Return the cells that `text` takes."""
    return len(text) if text.isascii() else cell_len(text)


def row(event: LogEvent, layout: Columns, *, marker: str = " ", shift: int = 0, more: str = "…") -> list[Run]:
    """Return the runs of one event, `layout.width` cells together, neighbouring runs of one tone joined.

    Few runs matter: each costs some forty bytes of colour codes on the wire, on every row a busy tail scrolls.
    """
    lead = f"{marker} {_when(event.timestamp_ms, layout)} " if layout.time else f"{marker} "
    tone = level_tone(event.status)
    rest = " "
    if layout.service:
        rest += cut(event.service, _SERVICE, more=more) + " "
    if layout.account:
        rest += cut(_account_text(event), _ACCOUNT, more=more) + " "
    rest += cut(event.message, layout.message, start=shift, more=more)
    word = level_word(event.status)
    padding = " " * (_LEVEL - longest(word))
    if longest(word) > _LEVEL:
        word = cut(word, _LEVEL, more=more)
    if tone:
        return [(lead, "time"), (word, tone), (padding + rest, "")]
    return [(lead, "time"), (word + padding + rest, "")]


def _account_text(event: LogEvent) -> str:
    account = account_of(event)
    if not account:
        return ""
    return f"acct {account}" if len(account) <= _ACCOUNT - 5 else account


def plain(event: LogEvent) -> str:
    """Return the event as one line of text with every column, for the clipboard."""
    parts = [clock(event.timestamp_ms), level_word(event.status), event.service, _account_text(event), event.message]
    return "  ".join(part for part in parts if part)
