"""A backlog in a real database, the sandbox's poller and endpoint, and a console that drains it, all in one time.

Time is the test's: whoever waits moves it, and the poller works meanwhile. So an hour of a drain takes a second.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from pydantic import SecretStr

from diagnostics.config.settings import Settings
from diagnostics.core.context import Context
from diagnostics.core.time import utc_now
from diagnostics.recovery.drain.engine import DrainRun
from diagnostics.recovery.drain.report import DrainReport, DrainView
from diagnostics.recovery.drain.service import DrainService, confirmation
from diagnostics.recovery.models import PlanView
from diagnostics.recovery.service import RecoveryService
from diagnostics.sources.datadog import Datadog
from diagnostics.sources.mysql.databases import Databases
from sandbox.recovery.poller import Poller
from sandbox.recovery.zillow import Limit, Zillow
from tests.mariadb import MariaDB
from tests.sync.rows import Shelf, naive

ACCOUNT = 14009
PASSWORD = "only here"  # of a throwaway server
STEP_S = 0.25
LONGEST_S = 1_500.0
"""More than any of these drains takes."""


class Backlog:
    """`count` failed events with ids 1, 2, 3, …, received a second apart, each tried three times."""

    def __init__(
        self,
        folder: Path,
        count: int = 60,
        *,
        server: MariaDB | None = None,
        limit: Limit | None = None,
        attempts: int = 3,
    ) -> None:
        self.shelf = Shelf(folder, server)
        self.folder, self.server, self.count = folder, server, count
        self.began = utc_now().replace(microsecond=0)
        self.clock_s = 0.0
        """Seconds since the beginning, on the clock that never jumps."""
        self.jumped_s = 0.0
        self.polls = True
        self.on_wait: Callable[[], object] = lambda: None
        self._opened: list[Context] = []
        self.user = "writer"
        if server is not None:
            self.user = f"d{self.shelf.name_of('')[4:10]}"
            server.create_user(self.user, PASSWORD, schemas=[self.shelf.name_of("common")], privileges="SELECT, UPDATE")
        self.shelf.account(ACCOUNT)
        self.shelf.common("zillow_webhook_events", *(self.row(number, attempts) for number in range(1, count + 1)))
        self.zillow = Zillow(limit or Limit(rate=500.0, burst=200.0, live=0.0), self.real())
        self.poller = Poller(cast("Any", self), self.zillow.take, self.real)
        self.context = self.open()
        self.recovery = RecoveryService(self.context)

    def row(self, number: int, attempts: int = 3, status: str = "failed", **further: object) -> dict[str, object]:
        """One event."""
        return {
            "id": number,
            "account_id": ACCOUNT,
            "event_type": "lead.created",
            "status": status,
            "attempts": attempts,
            "http_status": 429,
            "last_error": "HTTP 429 Too Many Requests; Retry-After: 30",
            "received_at": naive(self.began - timedelta(seconds=self.count + 60 - number)),
            "next_attempt_at": naive(self.began + timedelta(hours=4)),
            **further,
        }

    # ---- time

    def real(self) -> float:
        """The poller's clock, which is right."""
        return self.began.timestamp() + self.clock_s

    def now(self) -> datetime:
        """The console's clock, which may have jumped."""
        return datetime.fromtimestamp(self.real() + self.jumped_s, UTC)

    def wait(self, seconds: float) -> None:
        """Time passes, and the poller works."""
        assert self.clock_s < LONGEST_S, "the drain does not come to its end"
        until = self.clock_s + seconds
        while self.clock_s < until:
            self.clock_s = min(until, self.clock_s + STEP_S)
            self.on_wait()
            if self.polls:
                self.poller.step(self.real())

    # ---- consoles

    def settings(self, **changed: object) -> Settings:
        """Of a console with a writer."""
        shipped = self.shelf.settings
        databases = shipped.databases.model_copy(update={"writer": SecretStr(f"{self.user}:{PASSWORD}")})
        writes = shipped.writes.model_copy(update={"recovery": True})
        return shipped.model_copy(update={"databases": databases, "writes": writes, **changed})

    def open(self, settings: Settings | None = None) -> Context:
        """A console's context of its own, on the same databases and the same memory."""
        given = settings or self.settings()
        databases = Databases(given.databases, self.shelf.catalogue.schema_map)
        made = Context(given, self.shelf.catalogue, cast("Datadog", self.shelf.datadog), databases, now=self.now)
        self._opened.append(made)
        return made

    def console(self) -> DrainService:
        """One more console."""
        return RecoveryService(self.open()).drains

    def recovery_of(self, settings: Settings) -> RecoveryService:
        """A console's recovery with other settings."""
        return RecoveryService(self.open(settings))

    def console_of(self, settings: Settings) -> DrainService:
        """One with other settings."""
        return self.recovery_of(settings).drains

    def planned(self, rate: float | None = 400.0) -> PlanView:
        """A plan for everything, carried by the flip."""
        return self.recovery.plan(rate=rate, carrier="flip")

    def words(self, events: int | None = None) -> str:
        """What confirms it."""
        return f"{self.count if events is None else events} {self.settings().environment}"

    def apply(self, console: DrainService | None = None, **named: object) -> DrainView:
        """Plan and carry out."""
        plan = self.planned(**named).plan  # type: ignore[arg-type]  # a rate
        service = console or self.recovery.drains
        return service.apply(plan.plan_id, confirmation(plan, self.settings().environment))

    # ---- what there is

    def statuses(self) -> dict[str, int]:
        """Events by status."""
        rows = self.shelf.execute("common", "SELECT status, COUNT(*) FROM zillow_webhook_events GROUP BY status")
        return {str(status): int(str(count)) for status, count in rows}

    def is_exactly_once_or_named(self, report: DrainReport) -> None:
        """Each event of the plan had one effect, or stands in a list that says why not; none had two."""
        assert max(self.zillow.effects.values(), default=0) <= 1
        named = [event for one in report.lists for event in one.ids]
        assert sorted(named) == sorted(set(named))
        lists = {one.name: set(one.ids) for one in report.lists}
        assert len(named) == report.view.events
        assert lists["delivered"] == {event for event in named if self.zillow.effects[event]} - (
            lists["lost_in_worker"] | lists["nobody_knows"] | lists["moved_on"]
        )

    # ---- the poller's store

    @contextmanager
    def writer(self) -> Iterator[Any]:
        """One transaction on the shared database, as the sandbox's stores give it."""
        if self.server is not None:
            with self.server.connect(self.shelf.name_of("common")) as server, server.cursor() as cursor:
                yield cursor
                server.commit()
            return
        path = f"{self.folder}/{self.shelf.name_of('common')}.db"
        with closing(sqlite3.connect(path, isolation_level=None, timeout=5)) as connection:
            connection.execute("PRAGMA synchronous=OFF")
            cursor = connection.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            yield cursor
            cursor.execute("COMMIT")

    def close(self) -> None:
        """Leave nothing behind."""
        for context in self._opened:
            with suppress(Exception):
                context.close()
        if self.server is not None:
            self.server.execute(f"DROP USER IF EXISTS '{self.user}'@'%'")
        self.shelf.close()


def in_the_tests_time(backlog: Backlog, monkeypatch: Any) -> None:  # noqa: ANN401  # pytest's
    """Have every drain keep the test's time."""
    made = DrainRun.__init__

    def init(run: DrainRun, *given: Any, **named: Any) -> None:  # noqa: ANN401  # handed on as it came
        made(run, *given, **{**named, "clock": lambda: backlog.clock_s, "wait": backlog.wait})

    monkeypatch.setattr(DrainRun, "__init__", init)
