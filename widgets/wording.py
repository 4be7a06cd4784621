"""How states, ages and numbers are worded on screen. One place, so that every pane says it the same way."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from diagnostics.core.words import age
from diagnostics.models.status import NOTIFY_SEVERITIES
from widgets.row import Piece, Tone

if TYPE_CHECKING:
    from diagnostics.models.readings import Reading
    from diagnostics.models.status import Status
    from widgets.glyphs import Glyphs

_WORDS: dict[str, tuple[str, Tone]] = {
    "pass": ("ok", "pass"),
    "warn": ("warn", "warn"),
    "fail": ("FAIL", "fail"),
    "no_data": ("no data", "muted"),
    "unreachable": ("unreachable", "muted"),
}


STATUSES = frozenset(_WORDS)


def status_glyph(status: Status | str, glyphs: Glyphs) -> str:
    """The glyph that goes with a status."""
    table = {
        "pass": glyphs.passed,
        "warn": glyphs.warned,
        "fail": glyphs.failed,
        "no_data": glyphs.no_data,
        "unreachable": glyphs.unreachable,
    }
    return table.get(str(status), glyphs.waiting)


def status_piece(status: Status | str, glyphs: Glyphs) -> Piece:
    """Glyph and word of a status in its tone; grey for the two that are not an answer."""
    word, tone = _WORDS.get(str(status), ("waiting", "muted"))
    return Piece(f"{status_glyph(status, glyphs)} {word}", tone)


def status_tone(status: Status | str) -> Tone:
    """The tone of a status."""
    return _WORDS.get(str(status), ("", "muted"))[1]


def severity_tone(severity: str) -> Tone:
    """The tone of a severity word. Monitoring grades are not alarms."""
    if severity in NOTIFY_SEVERITIES:
        return "fail"
    if severity == "high":
        return "warn"
    return "pass" if severity in {"ok", "normal"} else "muted"


def since(then: datetime | None, now: datetime) -> str:
    """For how long something has lasted; empty when nobody knows."""
    if then is None:
        return ""
    return "in the future: clocks disagree" if then > now else age(then, now)


def asked_at(reading: Reading[Any]) -> datetime | None:
    """When the question behind a value was asked: a shared answer is as old as its asking, not as its showing."""
    asked: datetime | None = getattr(reading.value, "asked_at", None)
    evidence = getattr(reading.value, "evidence", None)
    if asked is None and evidence is not None and not isinstance(evidence, tuple):
        asked = evidence.started_at
    return asked or reading.taken_at


def aged(reading: Reading[Any], now: datetime) -> str:
    """The age of what a reading shows."""
    return age(asked_at(reading), now)


def is_stale(reading: Reading[Any]) -> bool:
    """True when what is shown is not the newest there could be."""
    return str(reading.freshness) in {"stale", "failed"}


def count(value: float | None, glyphs: Glyphs) -> str:
    """A whole number with thousands separators; a dash, never 0, when there is none."""
    return glyphs.missing if value is None else f"{value:,.0f}"


def ratio(value: float | None, glyphs: Glyphs) -> str:
    """A ratio to usual: 9.2×, 101×."""
    if value is None:
        return glyphs.missing
    shown = f"{value:.1f}" if value < 99.95 else f"{value:,.0f}"
    return glyphs.text(f"{shown}×")
