"""A plan rehearsed: ladder, breaker and pacer against the limit as recorded, event by event, in simulated time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from diagnostics.recovery.feeding import Feeding
from diagnostics.recovery.models import Rehearsal
from diagnostics.recovery.pacer import PaceRules
from diagnostics.recovery.simulation import Endpoint, simulate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from diagnostics.recovery.models import BacklogPoint, RecoveryPlan

LONGEST_S = 7 * 86_400.0

STEP_S = 300.0

NO_ROOM = "live traffic takes all of the limit: nothing is left for the backlog until it falls, or the limit rises"

DELAY_S = 5.0
"""The events' status is how an outcome is learned; it is looked at so often (assumed)."""


def recorded_limit(course: Sequence[BacklogPoint]) -> float | None:
    """The most events that ended in one step of the course, per second: the limit was no lower than that."""
    most = max((point.ended or 0 for point in course), default=0)
    return most / STEP_S if most else None


def rehearse(
    events: int,
    *,
    course: Sequence[BacklogPoint],
    arriving_per_s: float | None,
    draining_per_s: float | None,
    retry_after_s: float | None,
    named_rate: float | None,
    live_share: float,
    delay_s: float = DELAY_S,
) -> Rehearsal:
    """How long `events` take, and what it costs. `named_rate` is the limit that a person knows, events per second."""
    limit = named_rate if named_rate is not None else recorded_limit(course)
    source = (
        "named by the person who planned"
        if named_rate is not None
        else "the most that was delivered in five minutes of the last two hours; the true limit may be higher"
    )
    if limit is None:
        return Rehearsal(limit_per_s=None, limit_from="nothing was delivered in the last two hours, and none was named")
    live = limit * live_share if named_rate is not None else (arriving_per_s or 0.0)
    known = Rehearsal(
        limit_per_s=limit, limit_from=source, live_per_s=live, retry_after_s=retry_after_s, delay_s=delay_s
    )
    if live >= limit:
        return known.model_copy(update={"note": NO_ROOM})
    if not events:
        return known.model_copy(update={"seconds": 0.0, "limited_share": 0.0})
    start = None if named_rate is not None else max(0.5, draining_per_s or 0.0)
    known = known.model_copy(update={"start_rate": start})
    pace = _pace(named_rate, live_share, live, start)
    endpoint = Endpoint(limit, max(1.0, limit), live_rate=live, retry_after_s=retry_after_s)
    run = simulate(Feeding(pace, 0.0), endpoint, delay_s=delay_s, until_s=LONGEST_S, events=events)
    ended = run.accepted >= events
    return known.model_copy(
        update={
            "seconds": run.seconds if ended else None,
            "sent": run.sent,
            "limited_share": run.limited_share,
            "live_limited_share": run.live_limited_share if run.live else None,
            "note": "" if ended else "it does not end within a week",
        }
    )


def pace_of(plan: RecoveryPlan) -> PaceRules:
    """The pace that a plan was rehearsed with, and is carried out with."""
    run = plan.rehearsal
    return _pace(plan.named_rate, plan.live_share, run.live_per_s, run.start_rate)


def _pace(named_rate: float | None, live_share: float, live_per_s: float, start: float | None) -> PaceRules:
    if named_rate is not None:
        return PaceRules(known_rate=named_rate, live_share=live_share)
    rules = PaceRules.beside_live() if live_per_s else PaceRules()
    return rules if start is None else replace(rules, start_rate=start)
