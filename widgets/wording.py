"""How states, ages and numbers are worded on screen. One place, so that every pane says it the same way."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from diagnostics.core import words
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


def status_sign(status: Status | str, signs: Glyphs) -> str:
    """The sign that goes with a status."""
    table = {
        "pass": signs.passed,
        "warn": signs.warned,
        "fail": signs.failed,
        "no_data": signs.no_data,
        "unreachable": signs.unreachable,
    }
    return table.get(str(status), signs.waiting)


def status_piece(status: Status | str, signs: Glyphs) -> Piece:
    """Sign and word of a status in its tone; grey for the two that are not an answer."""
    word, tone = _WORDS.get(str(status), ("waiting", "muted"))
    return Piece(f"{status_sign(status, signs)} {word}", tone)


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


age, duration = words.age, words.short


def asked_at(reading: Reading[Any]) -> datetime | None:
    """When the question behind a value was asked: a shared answer is as old as its asking, not as its showing."""
    asked: datetime | None = getattr(reading.value, "asked_at", None)
    evidence = getattr(reading.value, "evidence", None)
    if asked is None and evidence is not None and not isinstance(evidence, tuple):
        asked = evidence.started_at
    return asked or reading.taken_at


def is_stale(reading: Reading[Any]) -> bool:
    """True when what is shown is not the newest there could be."""
    return str(reading.freshness) in {"stale", "failed"}


def count(value: float | None, signs: Glyphs) -> str:
    """A whole number with thousands separators; a dash, never 0, when there is none."""
    return signs.missing if value is None else f"{value:,.0f}"


def ratio(value: float | None, signs: Glyphs) -> str:
    """A ratio to usual: 9.2×, 101×."""
    if value is None:
        return signs.missing
    shown = f"{value:.1f}" if value < 99.95 else f"{value:,.0f}"
    return signs.text(f"{shown}×")
