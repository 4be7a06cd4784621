"""A table of sync events that a test fills, on SQLite or MariaDB, and the context that counts it."""

from __future__ import annotations

import json
import sqlite3
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from diagnostics.config.settings import DatabaseSettings, Settings, StateSettings
from diagnostics.core.context import Context
from diagnostics.sources.datadog import Datadog
from diagnostics.sources.mysql.databases import Databases, Rows
from diagnostics.store.rollups import RollupLimits, SyncRollup
from tests.mariadb import MariaDB
from tests.shipped import shipped_catalogue

TABLE = "zillow_lead_events_log"
Event = tuple[int, str | None, datetime | str | None]
"""Id, status, created_at."""

Hours = dict[tuple[datetime, str], int]
SMALL = RollupLimits(chunk=100, entry_ids=50)
"""Small enough for a few hundred rows to need many parts."""


class Listening(Databases):
    """Keeps every statement it is asked to send to the shared database, and may fail at one of them."""

    heard: list[Any]
    fails_after: int | None = None
    """Statements that still succeed; then the process is thought to die."""

    def read_common(self, statement: Any, **options: Any) -> Rows:  # noqa: ANN401  # passed through
        if self.fails_after is not None:
            if self.fails_after <= 0:
                raise KeyboardInterrupt
            self.fails_after -= 1
        self.heard.append(statement)
        return super().read_common(statement, **options)


def now() -> datetime:
    """The present second."""
    return datetime.now(UTC).replace(microsecond=0)


def ago(**parts: float) -> datetime:
    """A moment before now."""
    return now() - timedelta(**parts)


def steady(first: int, count: int, *, begin: datetime, every_s: float = 10.0, failing: int = 7) -> list[Event]:
    """Events at an even pace, every seventh of which failed."""
    return [
        (first + n, "failed" if n % failing == 0 else "success", begin + timedelta(seconds=n * every_s))
        for n in range(count)
    ]


class EventsWorld(ABC):
    """The shared database with its one table, and a state store. `context` opens them as a console does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.catalogue = shipped_catalogue()
        self._opened: list[Context] = []
        self._watch: Context | None = None
        self.state = StateSettings()

    @property
    @abstractmethod
    def url(self) -> str:
        """Of the shared database."""

    @abstractmethod
    def run(self, statement: str, rows: Iterable[tuple[Any, ...]] = ()) -> list[tuple[Any, ...]]:
        """Run a statement, for every row where there are any; question marks are parameters."""

    def insert(self, events: Iterable[Event]) -> None:
        """Add events."""
        rows = [
            (row_id, status, at.strftime("%Y-%m-%d %H:%M:%S.%f") if isinstance(at, datetime) else at)
            for row_id, status, at in events
        ]
        if rows:
            self.run(f"INSERT INTO {TABLE} (id, sync_status, created_at) VALUES (?, ?, ?)", rows)  # noqa: S608  # a name of ours

    def empty(self) -> None:
        """Take every event away."""
        self.run(f"DELETE FROM {TABLE}")  # noqa: S608  # a name of ours

    def full_count(self, since: datetime | None = None) -> Hours:
        """Counts of every row; hours before `since` left out."""
        counts: Counter[tuple[datetime, str]] = Counter()
        for status, at in self.run(f"SELECT sync_status, created_at FROM {TABLE}"):  # noqa: S608  # a name of ours
            moment = datetime.fromisoformat(str(at)).replace(tzinfo=UTC) if at is not None else None
            if moment is None or (since is not None and moment < since):
                continue
            counts[moment.replace(minute=0, second=0, microsecond=0), status or "(none)"] += 1
        return dict(counts)

    def settings(self) -> Settings:
        """As a console has them."""
        return Settings(
            state_dir=self.folder / "state", databases=DatabaseSettings(common_url=self.url), state=self.state
        )

    def context(self) -> Context:
        """One console's context; closed with the world."""
        settings = self.settings()
        databases = Listening(settings.databases, self.catalogue.schema_map)
        databases.heard = []
        context = Context(settings, self.catalogue, Datadog(settings.datadog), databases)
        self._opened.append(context)
        return context

    @staticmethod
    def heard_of(context: Context) -> list[Any]:
        """Every statement that this context has sent to the shared database; may be cleared."""
        if not isinstance(context.databases, Listening):
            raise TypeError("this is a context of somebody else")
        return context.databases.heard

    def rollup(self, limits: RollupLimits = SMALL) -> SyncRollup:
        """The rollup of a newly started console."""
        return SyncRollup(self.context(), limits=limits)

    def pass_time(self, seconds: int) -> None:
        """Let so much time have passed since everything that the store knows."""
        if self._watch is None:
            self._watch = self.context()
        store = self._watch.state
        with store.begin() as connection:
            for table, columns in (
                ("warroom_rollups", ("caught_up_s", "started_s")),
                ("warroom_rollup_ledger", ("counted_s", "audited_s", "corrected_s")),
            ):
                shifts = ", ".join(f"{column} = {column} - {seconds}" for column in columns)
                connection.execute(text(f"UPDATE {table} SET {shifts}"))  # noqa: S608  # names of ours
            for source, written in connection.execute(text("SELECT source, marks FROM warroom_rollups")).all():
                marks = [[at - seconds, row_id] for at, row_id in json.loads(written)]
                connection.execute(
                    text("UPDATE warroom_rollups SET marks = :marks WHERE source = :source"),
                    {"marks": str(marks), "source": source},
                )

    def close(self) -> None:
        """Close every console."""
        for context in self._opened:
            context.close()


class SQLiteEvents(EventsWorld):
    """Two files."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._path = folder / "common.db"
        self.run(
            f"CREATE TABLE {TABLE} (id INTEGER PRIMARY KEY, sync_user_id BIGINT, event_type TEXT, sync_status TEXT,"
            " error_message TEXT, created_at DATETIME)"
        )
        self.run("PRAGMA journal_mode = WAL")

    @property
    def url(self) -> str:
        return f"sqlite:///{self._path}"

    def run(self, statement: str, rows: Iterable[tuple[Any, ...]] = ()) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self._path, timeout=20)) as connection:
            many = list(rows)
            cursor = connection.executemany(statement, many) if many else connection.execute(statement)
            found = cursor.fetchall() if cursor.description else []
            connection.commit()
            return found


class MariaDBEvents(EventsWorld):
    """Two schemas of a private server: the shared database, and the store that consoles share."""

    def __init__(self, folder: Path, server: MariaDB) -> None:
        super().__init__(folder)
        self.server = server
        self.schema = f"e{uuid4().hex[:8]}"
        server.create_schema(
            self.schema,
            f"CREATE TABLE {TABLE} (id BIGINT PRIMARY KEY AUTO_INCREMENT, sync_user_id BIGINT NULL,"
            " event_type VARCHAR(64) NULL, sync_status VARCHAR(64) NULL, error_message TEXT NULL,"
            " created_at DATETIME NULL, KEY created (created_at))",
        )
        server.create_schema(f"{self.schema}_state")
        self.state = StateSettings(url=server.url(f"{self.schema}_state"))

    @property
    def url(self) -> str:
        return self.server.url(self.schema)

    def run(self, statement: str, rows: Iterable[tuple[Any, ...]] = ()) -> list[tuple[Any, ...]]:
        with self.server.connect(self.schema) as connection, connection.cursor() as cursor:
            many = list(rows)
            if many:
                cursor.executemany(statement.replace("?", "%s"), many)
            else:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def close(self) -> None:
        super().close()
        self.server.execute(
            f"DROP DATABASE IF EXISTS `{self.schema}`", f"DROP DATABASE IF EXISTS `{self.schema}_state`"
        )


def hours_of(rollup: SyncRollup, since: datetime) -> Hours:
    """A rollup's counts in the form of `full_count`."""
    return {(hour.hour, hour.status): hour.rows for hour in rollup.hours(since)}


def away_from_the_hour() -> None:
    """Tests that compare hours must not begin in the last moments of one."""
    left = 3_600 - time.time() % 3_600
    if left < 5:
        time.sleep(left)
