"""Resque: events are claimed for this plan in the events table, and their jobs fed to a queue of the team's workers.

A claim is a compare-and-set: the event becomes `processing`, with a `next_attempt_at` that is this batch's stamp, so no
poller takes it. Then one script puts the jobs in and moves the cursor. Killed in between, whoever resumes moves the
cursor past the batch first, so that nobody can put it in any more, and gives the claims back.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, update

from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.core.words import listed, plural
from diagnostics.recovery.carriers import flip
from diagnostics.recovery.carriers.base import End, Fate, Item, Prepared, Sight, Traits
from diagnostics.recovery.carriers.events import (
    NEEDED,
    PAGE,
    TOO_MANY,
    Row,
    cause_of,
    inside,
    retry_after_of,
    rows_of,
    what_now,
)
from diagnostics.recovery.carriers.feed import Feed, Jobs
from diagnostics.sources import resque
from diagnostics.sources.mutexes import Mutexes

if TYPE_CHECKING:
    from diagnostics.core.context import Context
    from diagnostics.recovery.models import RecoveryPlan
    from diagnostics.sources.mysql.writer import Writer

DEEP: Final = 200
"""Jobs that wait in the queue at most: a pause leaves no more than these."""

UNLOOKED: Final = 6
"""Askings for room without a look between them: nothing is under way then, for a look is taken every second."""

MOST_ROUNDS: Final = 3
"""An event that was fed so many times, by plans made of one another, is not fed again."""


def traits(exhausted: int | None) -> Traits:
    """`exhausted`: the attempts at which an event is given up; None where nothing tells."""
    return Traits(
        name="resque",
        title="Resque queue",
        takes=frozenset({"failed", "pending"}),
        leaves_due=True,
        has_key=False,
        confirms=False,
        limit_of="the workers': they deliver with their own credentials, to an endpoint that live traffic shares",
        signal="status, http_status and processed_at of zillow_webhook_events, and Resque's failed list",
        delay_s=5.0,
        look_every_s=1.0,
        ahead_s=1.0,
        unheard_s=300.0,
        attempts=flip.traits(exhausted).attempts.replace("the poller gives", "the workers give"),
        most=DEEP,
    )


class ResqueQueue:
    """A carrier; see `base.Carrier`."""

    def __init__(self, context: Context, writer: Writer, plan: RecoveryPlan, round_: int) -> None:
        self.traits = traits(plan.exhausted)
        self._context, self._writer, self._plan, self._round = context, writer, plan.plan_id, round_
        self._most_attempts = None if plan.exhausted is None else max(0, plan.exhausted - flip.ROOM_LEFT)
        settings = context.settings.redis
        self._template = settings.recovery_job
        # A connection of its own: what reads shares none with what writes.
        self._redis = Mutexes(settings)
        self._feed = Feed(self._redis, settings.recovery_queue, self._plan)
        self._jobs: Jobs | None = None
        self._dialect = self._run = self._after = ""
        self._expected = 0
        self._unlooked = 0

    def check(self) -> None:
        """Raise where a column, the queue, the dialect, a listener or a right is missing. Writes nothing."""
        table = self._context.table("zillow_webhook_events")
        if missing := [name for name in NEEDED if name not in table.c]:
            raise UserError(
                f"Resque's outcomes are read from {listed(missing)} of zillow_webhook_events, which is not mapped",
                where="schema map",
                next_step="map the columns: warroom doctor",
            )
        for name, value in (("redis.url", self._redis.is_configured), ("redis.recovery_queue", self._feed.queue)):
            if not value:
                raise UserError(f"Resque cannot carry it: {name} is not set", where=name, next_step=f"set {name}")
        if self._round > MOST_ROUNDS:
            raise UserError(
                f"these events were fed {self._round - 1} times: they are not fed again",
                next_step="find out why they fail: warroom recover report",
            )
        self._know()
        self._refuse_unheard()
        with self._writer.begin(None) as connection:
            connection.execute(update(table).where(table.c.id == -1).values({table.c.status: "processing"}))

    def room(self) -> int:
        """What is missing to a queue of `DEEP`; 0 after Redis failed over, until all that was fed has ended."""
        cursor, was, _, run, waiting = self._feed.stand()
        self._unlooked += 1
        moved = bool(self._run and run != self._run) or bool(was and was != run)
        if (moved or _number(cursor) < self._expected) and self._unlooked <= UNLOOKED:
            return 0
        self._run, self._expected = run, _number(cursor)
        self._refuse_unheard()
        return max(0, DEEP - waiting)

    def prepare(self, items: Sequence[Item]) -> Prepared:
        cursor, _, _, self._run, _ = self._feed.stand()
        rows = rows_of(self._context, items, self._read)
        self._after = self._after or f"{_number(cursor) + 1}-{secrets.token_hex(6)}"
        stamp = int(self._context.now().timestamp())
        marks: dict[int, str] = {}
        moved: dict[int, str] = {}
        for item in items:
            row = rows.get(item.event)
            if row is not None and (row.status, row.attempts) == (item.status, item.attempts):
                before = "-" if row.next_at is None else str(row.next_at)
                marks[item.position] = f"{before}|{cursor}|{self._after}|{stamp}|{_short(self._run)}"
            else:
                moved[item.position] = what_now(item, row)
        return Prepared(marks, moved)

    def give(self, items: Sequence[Item]) -> Mapping[int, str]:
        self._after = ""
        if self._jobs is None:
            self._know()
        with self._writer.begin(None) as connection:
            rows = rows_of(self._context, items, inside(connection, locks=True))
            chosen = [item for item in items if _stands(item, rows.get(item.event))]
            self._set(connection, chosen, claims=True)
        if chosen and self._jobs is not None:
            at = self._context.now().timestamp()
            jobs = [self._jobs.job(item.position, item.event, at) for item in chosen]
            _, before, after, *_ = _parts(chosen[0])
            if self._feed.push(before, after, self._run, self._dialect, jobs) != after:
                raise SourceFailure(
                    FailureKind.UNREACHABLE, "redis", "the cursor is not where it was: another console, or a fail-over"
                )
            self._expected = max(self._expected, _number(after))
        given = {item.position for item in chosen}
        return {item.position: what_now(item, rows.get(item.event)) for item in items if item.position not in given}

    def find_out(self, items: Sequence[Item]) -> Mapping[int, Fate]:
        """Close the door to the batch first, then read the rows with a lock."""
        self._after = ""
        _, before, after, _, run = _parts(items[0])
        closed = f"{_number(after)}-closed-"
        cursor = self._feed.fence(before, f"{closed}{secrets.token_hex(6)}")
        # Another run may have forgotten that the jobs were put in, while a worker has one.
        is_same = _short(self._feed.stand()[3]) == run
        fates: dict[int, Fate] = {}
        with self._writer.begin(None) as connection:
            rows = rows_of(self._context, items, inside(connection, locks=True))
            back = []
            for item in items:
                row = rows.get(item.event)
                if _stands(item, row):
                    fates[item.position] = Fate.NOT_GIVEN
                elif cursor == after:
                    fates[item.position] = Fate.GIVEN
                elif not self._is_claimed(item, row):
                    # Somebody else's: looked at, and never fed.
                    fates[item.position] = Fate.GIVEN
                elif is_same and cursor.startswith(closed):
                    back.append(item)
                    fates[item.position] = Fate.NOT_GIVEN
                else:
                    fates[item.position] = Fate.UNKNOWN
            self._set(connection, back, claims=False)
        return fates

    def look(self, items: Sequence[Item]) -> Mapping[int, Sight]:
        self._unlooked = 0
        for item in items:
            self._expected = max(self._expected, _number(_parts(item)[2]))
        rows = rows_of(self._context, items, self._read)
        failed = self._feed.failed()
        seen = ((item.position, self._sight(item, rows.get(item.event), failed)) for item in items)
        return {position: sight for position, sight in seen if sight is not None}

    def close(self) -> None:
        self._redis.close()

    # ---- inside

    def _know(self) -> None:
        """The dialect: what was fed before, else what doctor finds."""
        _, _, dialect, self._run, _ = self._feed.stand()
        self._dialect = dialect or _dialect_of(resque.read(self._redis))
        self._jobs = Jobs(self._template, self._dialect, self._plan, self._round)

    def _refuse_unheard(self) -> None:
        state = resque.read(self._redis)
        dead = set(state.dead())
        living = [one for one in state.workers if one not in dead and one.listens_to(self._feed.queue)]
        if self._dialect == "Ruby":
            living = [one for one in living if one.heartbeat is not None]
        if not living:
            fresh = " with a fresh heartbeat" if self._dialect == "Ruby" else ""
            raise UserError(
                f"no worker{fresh} listens to the queue {self._feed.queue}: nothing is fed",
                where="redis.recovery_queue",
                next_step="start a worker for that queue; warroom doctor shows who listens",
            )

    def _set(self, connection: Any, items: Sequence[Item], *, claims: bool) -> None:  # noqa: ANN401  # a Connection
        """Claim locked rows, or give claims back."""
        if not items:
            return
        table = self._context.table("zillow_webhook_events")
        statement = (
            update(table)
            .where(
                and_(
                    table.c.id == bindparam("event"),
                    table.c.status == bindparam("was"),
                    table.c.attempts == bindparam("tried"),
                )
            )
            .values(
                {
                    table.c.status: bindparam("becomes"),
                    table.c.attempts: bindparam("counts"),
                    table.c.next_attempt_at: bindparam("next"),
                }
            )
            .prefix_with(f"/* warroom plan={self._plan} */")
        )
        bound = []
        for item in items:
            before, _, _, stamp, _ = _parts(item)
            free = (item.status, item.attempts, None if before == "-" else int(before))
            held = ("processing", self._attempts(item), int(stamp) * 1_000_000)
            (was, tried, _), (becomes, counts, then) = (free, held) if claims else (held, free)
            at = None if then is None else datetime.fromtimestamp(then / 1_000_000, UTC)
            bound.append(
                {"event": item.event, "was": was, "tried": tried, "becomes": becomes, "counts": counts, "next": at}
            )
        if (written := connection.execute(statement, bound).rowcount) != len(bound):
            raise SourceFailure(
                FailureKind.REJECTED,
                "common (writer)",
                f"{written} of {plural(len(bound), 'event')} were set although all were locked, so none was",
                remedy="look at the table's triggers and at what stands before the server before you resume",
            )

    def _attempts(self, item: Item) -> int:
        return item.attempts if self._most_attempts is None else min(item.attempts, self._most_attempts)

    def _is_claimed(self, item: Item, row: Row | None) -> bool:
        held = ("processing", self._attempts(item), int(_parts(item)[3]) * 1_000_000)
        return row is not None and (row.status, row.attempts, row.next_at) == held

    def _sight(self, item: Item, row: Row | None, failed: Mapping[int, str]) -> Sight | None:
        if row is None:
            return Sight(End.LOST, "not there any more")
        if row.status == "delivered":
            return Sight(End.DELIVERED)
        if row.status == "lost":
            return Sight(End.LOST, cause_of(row))
        if row.status in {"failed", "pending"} and row.http_status == TOO_MANY and row.attempts > self._attempts(item):
            return Sight(End.LIMITED, cause_of(row), retry_after_of(row))
        if row.status == "failed":
            return Sight(End.FAILED, cause_of(row))
        return Sight(End.FAILED, failed[item.position]) if item.position in failed else None

    def _read(self, statement: Any) -> Sequence[Mapping[str, Any]]:  # noqa: ANN401  # a Select
        return self._context.databases.read_common(statement, limit=PAGE).rows


def _dialect_of(state: resque.ResqueState) -> str:
    if len(state.dialects) == 1:
        return next(iter(state.dialects))
    if not state.dialects and any(one.heartbeat is not None for one in state.workers):
        return "Ruby"
    raise UserError(
        "both Ruby and PHP write jobs into this Redis: which one the queue's workers read is not known"
        if state.dialects
        else "no job shows in which dialect the workers read: nothing is fed",
        where="redis.url",
        next_step="warroom doctor shows what was seen; ask the owners of the workers",
    )


def _stands(item: Item, row: Row | None) -> bool:
    """Whether the row is as `prepare` read it."""
    before = _parts(item)[0]
    was = (item.status, item.attempts, None if before == "-" else int(before))
    return row is not None and (row.status, row.attempts, row.next_at) == was


def _parts(item: Item) -> tuple[str, str, str, str, str]:
    """Next attempt before, cursor before, cursor after, stamp, the server's run."""
    before, cursor, after, stamp, run = item.mark.split("|")
    return before, cursor, after, stamp, run


def _short(run: str) -> str:
    """A run's name in a mark."""
    return hashlib.sha256(run.encode()).hexdigest()[:8]


def _number(cursor: str) -> int:
    return int(cursor.partition("-")[0])
