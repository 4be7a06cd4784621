"""Incidents as rows of a list: which, how grave, what, how far, since when and how long."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from widgets import wording
from widgets.paged_rows import stamp
from widgets.row import Piece, Row, Tone, fit, row
from widgets.wording import since

if TYPE_CHECKING:
    from diagnostics.models.incidents import IncidentLine
    from widgets.glyphs import Glyphs

NAME, SEVERITY, STATUS, WHEN, LONG, COMMANDER = 8, 10, 14, 12, 8, 16
ROOMY = 110
"""From so many cells on, the commander and the issue type have columns of their own."""
ISSUE = 18


def lasted(line: IncidentLine, now: datetime) -> str:
    """How long it has lasted, or how long it did."""
    return since(line.declared_at, line.resolved_at or now)


def incident_heading(width: int, glyphs: Glyphs) -> Row:
    """The line above the list."""
    titles = [("incident", NAME), ("severity", SEVERITY), ("status", STATUS), ("declared", WHEN), ("lasts", LONG)]
    if width >= ROOMY:
        titles += [("issue", ISSUE), ("commander", COMMANDER)]
    head = " ".join(fit(title, cells) for title, cells in titles)
    return row((glyphs.text(fit(f"{head} what", width)), "muted"))


def incident_row(line: IncidentLine, *, width: int, now: datetime, glyphs: Glyphs, in_view: bool = False) -> Row:
    """One incident. Grey once it is over; the one in view says so."""
    tone: Tone = wording.severity_tone(line.severity) if line.is_open else "muted"
    status = f"merged {line.merged_into}" if line.merged_into else line.status.words
    pieces = [
        Piece(fit(glyphs.text(line.id), NAME), "strong" if line.is_open else "muted"),
        Piece(" "),
        Piece(fit(glyphs.text(line.severity), SEVERITY), tone),
        Piece(" "),
        Piece(fit(glyphs.text(status), STATUS), "" if line.is_open else "muted"),
        Piece(" "),
        Piece(fit(stamp(line.declared_at, now, glyphs), WHEN), "muted"),
        Piece(" "),
        Piece(fit(glyphs.text(lasted(line, now)), LONG), "muted"),
        Piece(" "),
    ]
    what = line.title
    room = width - NAME - SEVERITY - STATUS - WHEN - LONG - 5
    if width >= ROOMY:
        pieces += [
            Piece(fit(glyphs.text(line.issue_type.replace("_", " ")), ISSUE), "muted"),
            Piece(" "),
            Piece(fit(glyphs.text(line.commander or glyphs.missing), COMMANDER), "" if line.commander else "muted"),
            Piece(" "),
        ]
        room -= ISSUE + COMMANDER + 2
    else:
        what = f"{line.issue_type.replace('_', ' ')}: {line.title}"
    mark = f" {glyphs.separator} in view" if in_view else ""
    pieces.append(Piece(fit(glyphs.text(what), max(6, room - len(mark))), "" if line.is_open else "muted"))
    if mark:
        pieces.append(Piece(mark, "accent"))
    return row(*pieces, key=f"incident:{line.id}")
