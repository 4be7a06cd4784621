"""Indicators of threats and causes: the cascade of failing systems, installation races, drift."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from diagnostics.core.words import plural
from widgets import wording
from widgets.row import Piece, Row, fit, row, wrap

if TYPE_CHECKING:
    from diagnostics.models.health import Resolution, SystemState
    from diagnostics.models.readings import Reading
    from widgets.glyphs import Glyphs

STATE = 14
MOST_OUTLIERS = 3


def answer_rows(reading: Reading[Any] | None, name: str, width: int, glyphs: Glyphs) -> list[Row]:
    """A question without an answer: it is being asked, or why there is none."""
    if reading is None or (not reading.failure and reading.value is None):
        return [row((fit(f"{glyphs.waiting} asking", STATE), "muted"), (name, "muted"), key=f"none:{name}")]
    said = f"{reading.failure or 'no answer'}{f'; {reading.remedy}' if reading.remedy else ''}"
    lines = wrap(glyphs.text(f"{name}: {said}"), width - STATE, most=2)
    head = row((fit(f"{glyphs.missing} not known", STATE), "muted"), (lines[0], "warn"), key=f"none:{name}")
    return [head, *(row(" " * STATE, (line, "warn")) for line in lines[1:])]


def age_words(reading: Reading[Any] | None, now: datetime) -> str:
    """How old an answer is; stale ones say so with the reason."""
    if reading is None or reading.value is None:
        return ""
    aged = wording.aged(reading, now)
    return f"STALE {aged}: {reading.failure}" if wording.is_stale(reading) else f"{aged} old"


def _state(status: object, glyphs: Glyphs, *, stale: bool) -> Piece:
    piece = wording.status_piece(str(status), glyphs)
    return Piece(fit(piece.text, STATE), "muted" if stale else piece.tone)


def cascade_rows(systems: Sequence[SystemState], *, width: int, glyphs: Glyphs, stale: bool) -> list[Row]:
    """Failing systems with whom they drag along; then what nobody knows; else that nothing fails."""
    arrow = " > " if glyphs.ascii_only else " → "
    room = max(10, width - STATE)
    rows: list[Row] = []
    for system in systems:
        if str(system.status) not in {"fail", "warn"}:
            continue
        chain = arrow.join((system.name, *(system.threatens if str(system.status) == "fail" else ())))
        said = f"{chain}: {system.headline}" if str(system.status) == "fail" else f"{system.name}: {system.headline}"
        lines = wrap(glyphs.text(said), room, most=2)
        rows.append(row(_state(system.status, glyphs, stale=stale), lines[0], key=f"system:{system.name}"))
        rows += [row(" " * STATE, line) for line in lines[1:]]
    unknown = [system.name for system in systems if str(system.status) in {"no_data", "unreachable"}]
    if unknown:
        said = glyphs.text(fit(f"{', '.join(unknown)}", room))
        rows.append(row((fit(f"{glyphs.no_data} not known", STATE), "muted"), (said, "muted"), key="systems"))
    if not rows:
        said = f"all {len(systems)} systems work; no cascade to expect"
        rows.append(row(_state("pass", glyphs, stale=stale), (fit(said, room), ""), key="systems"))
    return rows


def race_rows(
    lines: int,
    accounts: Sequence[tuple[int, int]],
    days: float,
    *,
    partial: bool,
    width: int,
    glyphs: Glyphs,
    stale: bool,
) -> list[Row]:
    """Accounts that the logs name with an installation race. Silence in the logs is said as such."""
    room = max(10, width - STATE)
    span = f"{days:g} days"
    least = "at least " if partial else ""
    if not lines:
        said = f"no installation race logged in {span}"
        status = "no_data" if partial else "pass"
        return [row(_state(status, glyphs, stale=stale), (fit(glyphs.text(said), room), ""), key="races")]
    said = f"{least}{lines:,} log lines in {span} report an installation race"
    rows = [row(_state("warn", glyphs, stale=stale), (fit(glyphs.text(said), room), ""), key="races")]
    for account, count in accounts:
        words = plural(count, "line")
        rows.append(
            row(" " * STATE, (fit(f"account {account}", 18), "accent"), (words, "muted"), key=f"race:{account}")
        )
    return rows


def drift_rows(resolution: Resolution, *, width: int, glyphs: Glyphs, stale: bool) -> list[Row]:
    """Each share with its distance from the baseline, and the accounts that are furthest away."""
    room = max(10, width - STATE)
    rows: list[Row] = []
    for share in resolution.shares:
        value = glyphs.missing if share.share is None else f"{share.share:.2f} %"
        drift = "not known" if share.drift is None else f"{share.drift:+.2f} points"
        said = f"{share.method:<11}{value:>8}  {drift} from {share.baseline:.2f} %"
        rows.append(
            row(_state(share.status, glyphs, stale=stale), fit(glyphs.text(said), room), key=f"share:{share.method}")
        )
    for one in resolution.outliers[:MOST_OUTLIERS]:
        words = f"{one.method} {one.share:.1f} %, {one.drift:+.1f} points, {one.agents:,} agents"
        rows.append(
            row(
                " " * STATE,
                (fit(f"account {one.account_id}", 18), "accent"),
                (fit(glyphs.text(words), max(8, room - 18)), "muted"),
                key=f"outlier:{one.account_id}",
            )
        )
    return rows
