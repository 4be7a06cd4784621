"""How the rollups count: sizes and times, in one place."""

from __future__ import annotations

from dataclasses import dataclass

from diagnostics.state.lead_events import HOUR_S

DAY_S = 86_400


@dataclass(slots=True, frozen=True)
class RollupLimits:
    """How the counting is done. Seconds and ids; all assumed, to be measured against the real table."""

    chunk: int = 20_000
    """Ids of one statement."""
    entry_ids: int = 5_000
    """Ids that small steps are entered together as, and audited together later."""
    grace_s: int = 120
    """How long an id must have been visible before it is settled: no usual transaction is open for longer."""
    first_s: int = 4 * HOUR_S
    """How far back the first count reaches; further to the beginning of the hour."""
    margin_s: int = 600
    """How far ids and moments may be out of step at the beginning of what was counted."""
    late_s: int = HOUR_S
    """A row that arrives dated earlier by more is named."""
    absent_s: int = DAY_S
    """Nobody having counted for longer, it starts again with the recent hours."""
    keep_s: int = 35 * DAY_S
    """How long hours are kept."""
    entries_s: int = 2 * DAY_S
    """How long settled parts are looked at again."""
