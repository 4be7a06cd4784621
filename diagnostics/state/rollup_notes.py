"""What bends the counts of sync events, as sentences: each names the rows and the effect on the number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diagnostics.state.lead_events import HOUR_S, NO_HOUR, NO_STATUS, Counts, hour_start, moment_of
from diagnostics.windows import span

if TYPE_CHECKING:
    from diagnostics.state.book import Book
    from diagnostics.state.book_rows import Standing

RECENT_S = 86_400
"""How long a correction or a restart stays worth saying."""


@dataclass(slots=True, frozen=True)
class Seen:
    """What the newest look at the table showed beside its rows."""

    now_s: int
    ahead_s: float
    """The database's clock against this machine's."""
    missing: int = 0
    """Ids at the end of what was counted that the answering server does not have."""
    waiting: int = 0
    """Ids that could not be counted yet, because the question was ended."""


def rollup_notes(
    book: Book,
    standing: Standing,
    seen: Seen | None,
    *,
    known: frozenset[str],
    late_s: int,
    skew_s: float | None,
    first_s: int | None,
) -> Iterator[str]:
    """The sentences, most important first; `first_s` is when the table begins, where that is known.

    Raises `SourceFailure` (state).
    """
    now_s = seen.now_s if seen is not None else standing.caught_up_s or standing.started_s
    if standing.restart and now_s - standing.started_s < RECENT_S:
        yield standing.restart
    if seen is not None:
        yield from _look(seen, skew_s)
    if standing.from_start and first_s is not None:
        yield f"The table begins at {_time(first_s)}: before that there is nothing to count."
    # From the hour after the present one on; a clock that is a little ahead is no reason to name rows.
    ahead_s = hour_start(now_s + int(skew_s or 0)) + HOUR_S
    yield from _bad_rows(book.remarkable(ahead_s, known), ahead_s, known)
    behind = book.behind(now_s - RECENT_S) + standing.tail_behind
    if behind:
        yield (
            f"{_rows(behind)} of the last {span(RECENT_S)} arrived dated more than {span(late_s)} earlier: they count "
            "in the hours that they name, which were lower before."
        )
    for correction in book.corrections(now_s - RECENT_S):
        yield (
            f"Ids {correction.low + 1:,} to {correction.high:,}, counted once more at {_time(correction.at_s)}, "
            f"{_changed(correction.rows)}; the hours are corrected."
        )


def _look(seen: Seen, skew_s: float | None) -> Iterator[str]:
    if seen.missing:
        yield (
            f"The database answers without the newest {seen.missing:,} ids that were counted before: a replica that "
            "lags, or rows that were deleted. The counts stay as they were."
        )
    if seen.waiting:
        yield f"About {seen.waiting:,} ids are not counted yet: the newest hours are too low until they are."
    if skew_s is not None and abs(seen.ahead_s) > skew_s:
        side = "ahead of" if seen.ahead_s > 0 else "behind"
        yield (
            f"The database's clock is {span(abs(seen.ahead_s))} {side} this machine's; hours and ages here go by the "
            "database's."
        )


def _bad_rows(counts: Counts, ahead_s: int, known: frozenset[str]) -> Iterator[str]:
    undated = sum(rows for (hour, _), rows in counts.items() if hour == NO_HOUR)
    if undated:
        yield f"{_rows(undated)} without a readable created_at count in no hour: all hours together lack them."
    future = {hour: rows for (hour, _), rows in counts.items() if hour >= ahead_s}
    if future:
        total = sum(rows for (hour, _), rows in counts.items() if hour >= ahead_s)
        yield (
            f"{_rows(total)} dated in the future, up to the hour of {_time(max(future))}: they count in the hours that "
            "they name, and the hours they belong to lack them."
        )
    strange: dict[str, int] = {}
    for (hour, status), rows in counts.items():
        if status not in known and hour != NO_HOUR:
            strange[status] = strange.get(status, 0) + rows
    for status, rows in sorted(strange.items(), key=lambda item: (-item[1], item[0]))[:5]:
        named = "no status" if status == NO_STATUS else f"the status {status}, which is not known"
        yield f"{_rows(rows)} with {named}: in the total, and in neither success nor failure."
    if len(strange) > 5:
        yield f"{len(strange) - 5:,} further statuses are not known either."


def _changed(rows: int) -> str:
    if rows > 0:
        return f"held {_rows(rows)} more, committed late"
    return f"held {_rows(-rows)} fewer, deleted since" if rows else "held rows that had changed since"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _time(at_s: int) -> str:
    return f"{moment_of(at_s):%Y-%m-%d %H:%M} UTC"
