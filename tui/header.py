"""How the header words the sources, the incident and its clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from diagnostics.core.words import span
from diagnostics.models.status import FIRST_NOTICE_MINUTES
from widgets import incident_clock
from widgets.header_bar import SourceWord
from widgets.row import Piece, Tone
from widgets.wording import severity_tone, status_glyph, status_tone

if TYPE_CHECKING:
    from diagnostics.live.watches import Live
    from diagnostics.models.incidents import Following, Incident
    from diagnostics.models.readings import Reading, SourceState
    from diagnostics.service import Diagnostics
    from widgets.glyphs import Glyphs
    from widgets.header_bar import Wordings


def source_words(live: Live | None, service: Diagnostics | None, glyphs: Glyphs) -> tuple[SourceWord, ...]:
    """One word a source: `db 12 ms`, `datadog 2 of 3 calls left`, `logs 8 s late`. Grey until it has answered."""
    if live is None or service is None:
        return (SourceWord("sources", glyphs.waiting, "muted", ("opening",)),)
    reading = live.last("sources")
    if reading is None or reading.value is None:
        detail = reading.failure if reading is not None and reading.failure else "asking"
        return (SourceWord("sources", glyphs.waiting, "muted", (detail,)),)
    return tuple(_word(state, glyphs) for state in sorted(reading.value, key=_place))


PLACES = ("common", "datadog", "logs")
"""The order in the header; what else is wrong stands behind them."""


def _place(state: SourceState) -> int:
    return PLACES.index(state.name) if state.name in PLACES else len(PLACES)


def _word(state: SourceState, glyphs: Glyphs) -> SourceWord:
    """What is fine says its figure and no glyph; what is not has the glyph of its state and one word."""
    name, tone = "db" if state.name == "common" else state.name, status_tone(state.status)
    short = {"datadog": "dd"}.get(name, name)
    if tone == "pass":
        details = [state.detail or (f"{_rounded(state.latency_ms)} ms" if state.latency_ms is not None else "ok")]
        if state.calls_left is not None:
            left, calls = state.calls_left, state.calls
            details = [f"{left} of {calls} calls left", f"{left} of {calls} left", f"{left}/{calls} left"]
        return SourceWord(name, "", tone, tuple(details), short)
    # One word: what went wrong in full stands behind `:sources`.
    detail = state.detail.removeprefix(f"{state.name}: ").partition(":")[0]
    return SourceWord(name, status_glyph(state.status, glyphs), tone, (detail,), short)


def _rounded(latency_ms: float) -> int:
    # A latency that flickers between 11 and 12 would repaint the header for nothing.
    value = max(1, round(latency_ms))
    return value if value < 10 else value - value % 5


def incident_words(
    followed: Reading[Following] | None,
    service: Diagnostics | None,
    alarm: datetime | None,
    now: datetime,
    glyphs: Glyphs,
) -> Wordings:
    """The incident in view and what is due next, in four lengths; without one, the five minutes since `alarm`.

    Where the journal cannot be read, whether one is open is not known, and whether the team was told neither.

    `alarm` is when this console first saw a severity that has to be told about; None where none is in view. Minutes
    only, so that a console on which nothing happens is silent on the wire.
    """
    incident = followed.value.incident if followed is not None and followed.value is not None else None
    if incident is not None and incident.is_open and service is not None:
        return _of_incident(incident, service.incidents.next_update_at(incident), now, glyphs)
    if incident is None and followed is not None and followed.failure:
        return _lengths("", ("", ""), "", ("incidents NOT KNOWN", "inc. NOT KNOWN", "fail"), glyphs)
    if incident is None and alarm is not None:
        clock = incident_clock.promise(alarm + timedelta(minutes=FIRST_NOTICE_MINUTES), now)
        return _lengths("", ("", ""), "", _promise("first notice", clock), glyphs)
    return ()


def _of_incident(incident: Incident, next_update_at: datetime | None, now: datetime, glyphs: Glyphs) -> Wordings:
    severity = (incident.severity.upper(), severity_tone(incident.severity))
    clock = incident_clock.notice_clock(incident, now)
    said = _promise("first notice", clock)
    if clock is None:
        said = _promise("update", incident_clock.update_clock(incident, next_update_at, now))
    return _lengths(incident.id, severity, _lasted(incident.declared_at, now), said, glyphs)


def _lasted(since: datetime, now: datetime) -> str:
    """Whole minutes, and the first one from its beginning: nothing changes more often."""
    return span(max(60.0, (now - since).total_seconds() // 60 * 60))


def _promise(what: str, clock: incident_clock.PromiseClock | None) -> tuple[str, str, Tone]:
    """Long, short, tone. Overdue is a word; whoever asked not to be reminded sees it in small letters."""
    if clock is None:
        return "", "", ""
    # Whole minutes: the last one is counted in the panel, and not here.
    words = "1 min" if clock.span.endswith(" s") else clock.span
    if clock.state == "due":
        return f"{what} due in {words}", f"due {words}", clock.tone
    if clock.state == "snoozed":
        return f"{what} overdue {words}", f"overdue {words}", "warn"
    # What is late is said in every length: "OVERDUE" alone might be anything.
    return f"{what.upper()} OVERDUE {words}", f"{what.rpartition(' ')[2].upper()} OVERDUE {words}", "fail"


def _lengths(
    name: str, severity: tuple[str, Tone], lasted: str, promise: tuple[str, str, Tone], glyphs: Glyphs
) -> Wordings:
    long, short, tone = promise
    dot = f" {glyphs.separator} "
    parts: list[tuple[Piece, ...]] = []
    for with_severity, with_time, words in (
        (True, True, long),
        (False, True, long),
        (False, False, long),
        (False, False, short),
    ):
        pieces = [Piece(name, "strong")]
        if with_severity and severity[0]:
            pieces.append(Piece(f" {severity[0]}", severity[1]))
        if with_time and lasted:
            pieces.append(Piece(f" for {lasted}"))
        if words:
            pieces.append(Piece(dot if name else ""))
            pieces.append(Piece(glyphs.text(words), tone))
        made = tuple(piece for piece in pieces if piece.text)
        if made and made not in parts:
            parts.append(made)
    return tuple(parts)
