"""Where in the key a moment lies: looked for with a few questions about a handful of rows each."""

from __future__ import annotations

from diagnostics.state.lead_events import Ends, LeadEvents

MOST_QUESTIONS = 90
"""Ids of 64 bits need no more; without the bound, rows that contradict each other might."""


def id_before(events: LeadEvents, moment_s: int, ends: Ends, chunk: int) -> int:
    """An id whose rows are dated before a moment, and not much further back than needed; below the first one if none.

    Ids rise with time, roughly. Rows that are not dated tell nothing and count as later, which only reaches further.
    """
    newer, step, asked = ends.last, max(1, chunk // 4), 0
    older = ends.first - 1
    while newer - step > ends.first and asked < MOST_QUESTIONS:
        asked += 1
        probe = newer - step
        if _is_older(events, probe, moment_s):
            older = probe
            break
        newer, step = probe, step * 4
    near = max(1, chunk // 16)
    while newer - older > near and asked < MOST_QUESTIONS:
        asked += 1
        middle = (older + newer) // 2
        if middle < ends.first or not _is_older(events, middle, moment_s):
            newer = middle
        else:
            older = middle
    return older


def _is_older(events: LeadEvents, row_id: int, moment_s: int) -> bool:
    found = events.about(row_id)
    return found is not None and found[1] is not None and found[1] < moment_s
