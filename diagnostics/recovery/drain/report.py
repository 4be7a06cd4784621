"""How a drain stands, and what became of every event of it: lists that can be planned again, and exported."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import and_, select

from diagnostics.checks.base import number
from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.models.evidence import Frozen
from diagnostics.recovery.carriers.base import declared
from diagnostics.recovery.drain.record import DrainRecord, Stand
from diagnostics.signals.webhook_backlog import LOOK_BACK_CAVEAT

if TYPE_CHECKING:
    from diagnostics.core.context import Context
    from diagnostics.recovery.carriers.base import Traits
    from diagnostics.recovery.drain.engine import Now

LISTS = {
    "delivered": (Stand.DELIVERED,),
    "failed": (Stand.FAILED, Stand.LIMITED),
    "lost": (Stand.LOST,),
    "lost_in_worker": (Stand.UNHEARD,),
    "nobody_knows": (Stand.UNKNOWN, Stand.INTENDED),
    "moved_on": (Stand.MOVED,),
    "under_way": (Stand.UNDER_WAY,),
    "never_sent": (Stand.WAITING,),
}
"""Names of the lists, and the events in each; together they are the plan."""

AGAIN = ("failed", "lost_in_worker", "nobody_knows", "never_sent", "failed_anew")
"""Lists that can be planned again."""

MOST_ANEW = 10_000


class Cause(Frozen):
    """Events that ended alike."""

    cause: str
    events: int


class Listed(Frozen):
    """One list of a report."""

    name: str
    events: int
    causes: tuple[Cause, ...] = ()
    """Most first; of those that ended otherwise than delivered."""
    ids: tuple[int, ...] = ()


class DrainView(Frozen):
    """How a drain stands now."""

    name: str
    plan_id: str
    digest: str
    carrier: str
    environment: str
    standing: str
    """One of: carried, paused, stopping, done, stopped, and not_carried where no console said so lately."""
    events: int
    counts: dict[str, int]
    """By how they stand, see `Stand`; those that nobody is in are absent."""
    started_by: str
    started_at: datetime
    carried_by: str
    last_at: datetime
    """Of the newest entry."""
    is_here: bool
    """Whether this console carries it."""
    rate: float | None
    """Events a second that are allowed; None before anything was heard."""
    limit: float | None
    """The limit that a person named, or the most that was seen delivered, events a second."""
    limit_is_named: bool
    throttle: float | None
    delivered_per_s: float | None
    """Over the last minute; None where nothing was delivered in it."""
    limited_share: float | None
    """Of what ended in the last minute, answered 429, 0 to 1; None where nothing ended."""
    eta_s: float | None
    """Until the last event has been handed over, at the rate of the last minute; None where nobody knows."""
    rung: int | None = None
    """Of the first events, from 0; None once all are climbed, or where another console carries it."""
    paused_until: datetime | None = None
    """As a server's Retry-After says."""
    broken_until: datetime | None = None
    """While too many fail for another reason than the rate."""
    why: str = ""
    """Why nothing goes: who paused it, what failed, which source does not answer."""
    notes: tuple[str, ...] = ()
    declares: tuple[tuple[str, str], ...] = ()
    """What the carrier declares: label and text each."""

    @property
    def is_over(self) -> bool:
        """Nothing more comes of it."""
        return self.standing in {"done", "stopped"}

    def share(self, *names: str) -> int:
        """Events that stand like one of these."""
        return sum(self.counts.get(name, 0) for name in names)


class DrainReport(Frozen):
    """What became of every event of a drain."""

    view: DrainView
    lists: tuple[Listed, ...]
    failed_anew: Listed | None
    """Failed events received since the start, which are not in the plan; None where they cannot be read."""
    doubts: tuple[str, ...] = ()


SILENT_S = 60.0
"""A drain of which nothing was heard for so long is not shown as carried by somebody else."""


def view_of(record: DrainRecord, now: datetime, traits: Traits, here: Now | None) -> DrainView:
    """`here` is what the console that carries it knows beyond the journal; None for another one."""
    left = record.count(Stand.WAITING, Stand.INTENDED)
    speed = record.ending_per_s() if (now - record.last_at).total_seconds() < SILENT_S else None
    who, console = record.carried_by
    until = record.paused_until if here is None else here.paused_until
    return DrainView(
        name=record.name,
        plan_id=record.plan.plan_id,
        digest=record.started.digest,
        carrier=record.plan.carrier,
        environment=record.started.environment,
        standing=_standing(record, now, is_here=here is not None),
        events=record.total,
        counts=record.counts,
        started_by=record.started_by,
        started_at=record.started_at,
        carried_by=f"{who} ({console})",
        last_at=record.last_at,
        is_here=here is not None,
        rate=record.rate if here is None else here.rate,
        limit=record.plan.rehearsal.limit_per_s,
        limit_is_named=record.plan.named_rate is not None,
        throttle=record.throttle,
        delivered_per_s=speed,
        limited_share=record.limited_share,
        eta_s=left / speed if speed and record.is_carried and record.paused is None else None,
        rung=None if here is None else here.rung,
        paused_until=until if until is not None and until > now else None,
        broken_until=None if here is None else here.broken_until,
        why=_why(record, here),
        notes=() if here is None else tuple(here.notes),
        declares=declared(traits),
    )


def _standing(record: DrainRecord, now: datetime, *, is_here: bool) -> str:
    if record.ended is not None:
        return "done" if record.stopped is None else "stopped"
    if not is_here and (now - record.last_at).total_seconds() >= SILENT_S:
        # Paused or waiting, a console writes nothing; whether it is there at all nobody can tell.
        return "paused" if record.paused is not None else "not_carried"
    if record.stopped is not None:
        return "stopping"
    return "paused" if record.paused is not None else "carried"


def _why(record: DrainRecord, here: Now | None) -> str:
    if record.paused is not None and record.is_carried:
        who = "the console" if record.paused.by_itself else "a person"
        return f"by {who}{f': {record.paused.why}' if record.paused.why else ''}"
    return "" if here is None else here.trouble


def report_of(context: Context, record: DrainRecord, seen: DrainView) -> DrainReport:
    """The lists, each event in one of them. `failed_anew` is read from the events. Raises nothing of the database."""
    doubts: list[str] = []
    anew: Listed | None = None
    try:
        anew = _anew(context, record)
        if anew.events == MOST_ANEW:
            doubts.append(f"only the first {MOST_ANEW:,} events that failed since were read")
    except (SourceFailure, UserError) as failure:
        words = failure.headline() if isinstance(failure, SourceFailure) else failure.problem
        doubts.append(f"what failed since is not known: {words}")
    return DrainReport(
        view=seen,
        lists=tuple(_listed(record, name, stands) for name, stands in LISTS.items()),
        failed_anew=anew,
        doubts=tuple(doubts),
    )


def _listed(record: DrainRecord, name: str, stands: Iterable[Stand]) -> Listed:
    positions = list(record.positions(*stands))
    counted: dict[str, int] = {}
    for position in positions:
        if cause := record.causes.get(position):
            counted[cause] = counted.get(cause, 0) + 1
    causes = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return Listed(
        name=name,
        events=len(positions),
        causes=tuple(Cause(cause=cause, events=events) for cause, events in causes),
        ids=tuple(record.events[position].event for position in positions),
    )


def _anew(context: Context, record: DrainRecord) -> Listed:
    events = context.table("zillow_webhook_events")
    statement = (
        select(events.c.id.label("id"))
        .where(and_(events.c.status == "failed", events.c.received_at >= record.started_at.replace(microsecond=0)))
        .order_by(events.c.received_at, events.c.id)
    )
    rows = context.databases.read_common(
        statement.limit(MOST_ANEW), window="since its start", caveat=LOOK_BACK_CAVEAT, limit=MOST_ANEW
    )
    planned = {one.event for one in record.events}
    ids = tuple(key for row in rows.rows if (key := number(row, "id")) not in planned)
    return Listed(name="failed_anew", events=len(ids), ids=ids)
