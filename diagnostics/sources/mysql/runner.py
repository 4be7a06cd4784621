"""Runs one statement on one database, and can end it: at its time limit, or because somebody asked."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pymysql
from sqlalchemy import Connection, CursorResult, Row, TextClause

from diagnostics.core.failures import SourceFailure
from diagnostics.core.sanitizer import clean
from diagnostics.core.time import utc_now
from diagnostics.core.waiting import Timers
from diagnostics.sources.mysql.engines import Database, ServerSession, cut, kill_statement
from diagnostics.sources.mysql.failures import (
    MOST_BYTES,
    AnswerTooLarge,
    cancelled,
    failure_of,
    is_servers_own,
    left_running,
    over_time,
    too_large,
)
from diagnostics.sources.mysql.statements import Statement, clean_rows

_GRACE_SECONDS = 1.0
"""How long after its limit a server may take to end a statement before this side does, and then the connection."""

_TOGETHER = 100
"""Rows fetched between two looks at how much they hold. MySQL's are bounded as they arrive, other drivers' here."""

_SQLITE_STEPS = 20_000
"""SQLite instructions between two looks at the clock: well under a millisecond."""


@dataclass(slots=True, frozen=True)
class Answer:
    """What came back, cleaned."""

    rows: tuple[dict[str, object], ...]
    truncated: bool
    started_at: datetime
    took_ms: float
    version: str
    """Of the server, e.g. "10.11.6-MariaDB" or "SQLite 3.45.1"."""
    limited: bool
    """True when the database itself ends statements at the limit."""


class Runner:
    """Runs statements for several threads at once, and ends them all when asked."""

    def __init__(self) -> None:
        self._running: set[_Running] = set()
        self._lock = threading.Lock()
        self._timers = Timers("database time limits")
        self._closed = False

    def run(
        self,
        database: Database,
        statement: Statement,
        keep: int,
        *,
        before: TextClause | None = None,
        parameters: Mapping[str, object] | None = None,
    ) -> Answer:
        """Send a checked statement and return at most `keep` rows; raises `SourceFailure` only.

        `before` changes the session first; the connection is not used again then. `parameters` are values for the
        statement's named parameters.
        """
        running = _Running(database, before, self._timers, parameters)
        with self._lock:
            if self._closed:
                raise cancelled(database.source)
            self._running.add(running)
        try:
            return running.ask(statement, keep)
        finally:
            with self._lock:
                self._running.discard(running)

    def cancel_all(self) -> int:
        """End every statement that runs now, without waiting for it; returns how many there were."""
        with self._lock:
            running = tuple(self._running)
        for statement in running:
            statement.abort(cancelled(statement.source))
        return len(running)

    def close(self) -> None:
        """Take no further statement, and end those that run."""
        with self._lock:
            self._closed = True
        self.cancel_all()
        self._timers.close()


class _Running:
    """One statement on its way."""

    def __init__(
        self,
        database: Database,
        before: TextClause | None,
        timers: Timers,
        parameters: Mapping[str, object] | None,
    ) -> None:
        self._database = database
        self._parameters = parameters
        self._before = before
        self._timers = timers
        self.source = database.source
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._reason: SourceFailure | None = None
        self._wire: Any = None
        self._session: ServerSession | None = None

    def ask(self, statement: Statement, keep: int) -> Answer:
        """Connect, send, read, clean. Raises `SourceFailure` only."""
        connecting = True
        try:
            with self._database.engine.connect() as connection:
                connecting = False
                return self._ask(connection, statement, keep)
        except SourceFailure as known:
            failure = known
        except Exception as error:  # noqa: BLE001  # whatever a driver raises on garbage must become a failure, not a crash
            failure = self._reason or self._failure_of(error, connecting=connecting)
        # Raised out here so that the driver's error, which may quote the statement and the login, is not chained to it.
        raise failure

    def abort(self, reason: SourceFailure) -> None:
        """End the statement for that reason, unless it is over. Does not wait for the server."""
        with self._lock:
            if self._done.is_set() or self._reason is not None:
                return
            self._reason = reason
        if self._wire is not None:
            threading.Thread(target=self._kill, daemon=True, name=f"end {self.source}").start()

    def _ask(self, connection: Connection, statement: Statement, keep: int) -> Answer:
        deadline = self._watch(connection)
        started_at, clock = utc_now(), time.perf_counter()
        try:
            self._raise_if_aborted()
            if self._before is not None:
                connection.execute(self._before)
            result = connection.execute(statement, self._parameters)
            fetched = _fetched(result, keep + 1) if result.returns_rows else []
            keys = _keys(statement, list(result.keys()) if result.returns_rows else [])
            result.close()
            took_ms = (time.perf_counter() - clock) * 1000
        except BaseException as error:
            if not is_servers_own(error):
                # Half an answer may still be on its way, and would be taken for the next statement's.
                connection.invalidate()
            raise
        finally:
            with self._lock:
                self._done.set()
            if deadline is not None:
                self._timers.cancel(deadline)
            if self._reason is not None or self._before is not None:
                # The order to end it may reach the server only now, and must not meet the next statement there; and a
                # session that was changed is no longer what the next statement expects.
                connection.invalidate()
        self._raise_if_aborted()
        rows = clean_rows(keys, fetched[:keep])
        limited = self._session is None or self._session.limited
        return Answer(rows, len(fetched) > keep, started_at, took_ms, self._version(), limited)

    def _failure_of(self, error: BaseException, *, connecting: bool) -> SourceFailure:
        if isinstance(error, AnswerTooLarge):
            return too_large(self.source)
        if self._database.failure_of is not None:
            return self._database.failure_of(error, connecting)
        return failure_of(error, self.source, self._database.limits, connecting=connecting)

    def _watch(self, connection: Connection) -> int | None:
        proxied = connection.connection
        limits = self._database.limits
        if self._database.is_sqlite:
            deadline = time.monotonic() + limits.statement_s

            def look() -> int:
                return int(self._reason is not None or time.monotonic() > deadline)

            wire = proxied.driver_connection
            if isinstance(wire, sqlite3.Connection):
                wire.set_progress_handler(look, _SQLITE_STEPS)
            return None
        with self._lock:
            self._session = proxied.info.get("session")
            self._wire = proxied.driver_connection
        reason = over_time(self.source, limits.statement_s)
        return self._timers.add(limits.statement_s + _GRACE_SECONDS, lambda: self.abort(reason))

    def _kill(self) -> None:
        end = self._database.end
        # Of several statements on one server one at a time is ended: each takes a connection more.
        if self._database.ending.acquire(timeout=_GRACE_SECONDS):
            try:
                with suppress(pymysql.Error, OSError, RuntimeError):
                    if self._session is not None and (login := self._database.login) is not None:
                        if not kill_statement(self._database.connect_arguments, login, self._session):
                            self._leave()
                    elif end is not None:
                        end(self._wire)
            finally:
                self._database.ending.release()
        # A server that ends nothing, or a network that swallowed the order: this side stops listening.
        if not self._done.wait(_GRACE_SECONDS):
            cut(self._wire)

    def _leave(self) -> None:
        """Close the connection instead of ending the statement, and say so."""
        with self._lock:
            if self._done.is_set() or self._reason is None:
                return
            self._reason = left_running(self._reason, self._database.limits)
        cut(self._wire)

    def _raise_if_aborted(self) -> None:
        if self._reason is not None:
            raise self._reason

    def _version(self) -> str:
        if self._session is not None:
            return self._session.version
        name = self._database.engine.dialect.name
        return f"SQLite {sqlite3.sqlite_version}" if self._database.is_sqlite else clean(name, limit=80)


def _fetched(result: CursorResult[Any], most: int) -> list[Row[Any]]:
    """At most so many rows. Raises AnswerTooLarge where they hold more than `MOST_BYTES`."""
    fetched: list[Row[Any]] = []
    held = 0
    while len(fetched) < most:
        wanted = min(_TOGETHER, most - len(fetched))
        rows = result.fetchmany(wanted)
        held += sum(len(cell) for row in rows for cell in row if isinstance(cell, str | bytes))
        if held > MOST_BYTES:
            raise AnswerTooLarge
        fetched += rows
        if len(rows) < wanted:
            break
    return fetched


def _keys(statement: Statement, sent: list[str]) -> list[str]:
    """The console's names of the result's columns; the database answers with its own."""
    if isinstance(statement, TextClause):
        return sent
    keys = [str(key) for key in statement.selected_columns.keys()]  # noqa: SIM118  # a column collection iterates over columns
    return keys if len(keys) == len(sent) else sent
