"""The databases source: the one `common` database, and one `client` database for each account.

Every answer carries its evidence; every failure is a `SourceFailure`. Sessions only read, and statements end in time.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Table, TextClause, select

from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.models.evidence import Evidence
from diagnostics.sources.mysql import own_texts
from diagnostics.sources.mysql.addresses import AccountPlace
from diagnostics.sources.mysql.engines import ClientPool, Database, Engines
from diagnostics.sources.mysql.replica import Replica, read_replica
from diagnostics.sources.mysql.runner import Answer, Runner
from diagnostics.sources.mysql.statements import (
    Question,
    Statement,
    StatementRefused,
    bound_limit,
    check_statement,
    describe,
)
from diagnostics.sources.mysql.tables import Tables

if TYPE_CHECKING:
    from diagnostics.catalogue.model import SchemaMap
    from diagnostics.config.settings import DatabaseSettings
    from diagnostics.sources.doctor.steps import Step

__all__ = ["AccountPlace", "AccountUnknown", "Databases", "Rows", "StatementRefused"]

_PLACE_SECONDS = 60.0
"""How long an account's place is believed: accounts move between hosts, and screens ask every few seconds."""

_PLACES = 2_000

SAID_S = 60.0
MOST_SAID = 200
"""How long, and at most how many of them, the outcomes of questions are remembered."""

ASSUMED_REPLICA_LAG_S = 30.0
"""Behind by more, "the last 15 minutes" of a replica is visibly not the present."""

_NEEDED = ("id", "db_host", "db_database", "db_user")
_WELCOME = ("name", "status", "user_count")


@dataclass(slots=True, frozen=True)
class Rows:
    """What a statement returned."""

    rows: tuple[dict[str, object], ...]
    """By the console's column names. Text has passed the gate, moments are aware and in UTC, bytes are a mark."""
    evidence: Evidence
    truncated: bool
    """True when there were more rows than asked for."""


class AccountUnknown(UserError):  # noqa: N818  # a state of the world, named as the field names it
    """`common.accounts` has no such account."""


class Said:
    """What a source said to its latest questions: whether it is well, whatever a ping says. Thread-safe."""

    def __init__(self, within_s: float = SAID_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._within_s = within_s
        self._clock = clock
        self._lock = threading.Lock()
        self._outcomes: deque[tuple[float, SourceFailure | None]] = deque(maxlen=MOST_SAID)

    def note(self, failure: SourceFailure | None) -> None:
        """Remember how a question ended; None for one that was answered."""
        with self._lock:
            self._outcomes.append((self._clock(), failure))

    @property
    def is_away(self) -> bool:
        """Whether the newest question of late got no answer."""
        with self._lock:
            at, failure = self._outcomes[-1] if self._outcomes else (float("-inf"), None)
        return failure is not None and at >= self._clock() - self._within_s

    def lately(self) -> tuple[int, tuple[SourceFailure, ...]]:
        """How many questions were asked of late, and those that got no answer, the newest last."""
        since = self._clock() - self._within_s
        with self._lock:
            outcomes = [failure for at, failure in self._outcomes if at >= since]
        return len(outcomes), tuple(failure for failure in outcomes if failure is not None)


class Databases:
    """Both kinds of database behind one door, for several threads at once. Nothing is opened before the first question.

    Settings that cannot be used are a `SourceFailure` (not configured) of the first question, not an error here.
    """

    def __init__(self, settings: DatabaseSettings, schema_map: SchemaMap) -> None:
        self.engines = Engines(settings)
        self._clients = ClientPool(settings.client_pool, settings.connect_timeout_s)
        self._tables = Tables(schema_map)
        self._runner = Runner()
        self._others: set[Runner] = set()
        self._closed = False
        self._lock = threading.Lock()
        self.said = Said()
        """What the shared database said to the questions of the last minute."""
        self._shared: Database | None = None
        self._places: OrderedDict[int, tuple[float, AccountPlace]] = OrderedDict()

    def table(self, logical: str) -> Table:
        """A table, and its columns, by the console's names; raises `SourceFailure` (not mapped)."""
        if self._tables.mapping(logical) is None:
            raise SourceFailure(
                FailureKind.NOT_MAPPED,
                "catalogue",
                f"the schema map has no table {logical}",
                remedy=f"add a section [{logical}] to the catalogue's schema.toml",
            )
        return self._tables.table(logical)

    def read_common(
        self,
        statement: Question,
        *,
        window: str = "",
        caveat: str = "",
        limit: int | None = None,
        runner: Runner | None = None,
    ) -> Rows:
        """Ask the shared database; at most `limit` rows (10,000 without one).

        Raises `SourceFailure`, and `StatementRefused` for a statement that writes or touches a client table.
        """
        check_statement(statement, "common")
        try:
            rows = self._read(self._common(), statement, window, caveat, limit, runner=runner)
        except SourceFailure as failure:
            if failure.is_transient:
                self.said.note(failure)
            raise
        self.said.note(None)
        return rows

    def read_client(
        self, account_id: int, statement: Question, *, window: str = "", caveat: str = "", limit: int | None = None
    ) -> Rows:
        """Ask the database of one account; otherwise as `read_common`. Raises `AccountUnknown` too."""
        check_statement(statement, "client")
        url, make = self.engines.client(self.account(account_id))
        with self._clients.lend(account_id, url, make) as database:
            return self._read(database, statement, window, caveat, limit)

    def account(self, account_id: int) -> AccountPlace:
        """An account's row, believed for a minute; raises `AccountUnknown` or `SourceFailure`."""
        now = time.monotonic()
        with self._lock:
            taken, place = self._places.get(account_id, (0.0, None))
        if place is not None and now - taken < _PLACE_SECONDS:
            return place
        place = self._find(account_id)
        with self._lock:
            self._places[account_id] = (now, place)
            self._places.move_to_end(account_id)
            while len(self._places) > _PLACES:
                self._places.popitem(last=False)
        return place

    def ping_common(self) -> Evidence:
        """Ask the shared database for nothing; `took_ms` is its latency. Raises `SourceFailure`."""
        return self._read(self._common(), own_texts.PING, "", "", None).evidence

    def examination(
        self,
        account_ids: Iterable[int] = (),
        *,
        replica_lag_s: float = ASSUMED_REPLICA_LAG_S,
        ground: Iterable[tuple[str, str]] = (),
    ) -> list[Step]:
        """What the doctor asks of each database; without accounts, of a sample of three.

        A replica that is behind by more than `replica_lag_s` seconds is a warning; the default is assumed. `ground` are
        steps that have to have passed before.
        """
        from diagnostics.sources.mysql.doctor import Doctor  # noqa: PLC0415  # only the doctor needs the doctor

        return Doctor(self, self._tables, replica_lag_s=replica_lag_s).steps(tuple(account_ids), *ground)

    def ask(
        self,
        account_id: int | None,
        statement: Statement,
        *,
        limit: int | None = None,
        before: TextClause | None = None,
    ) -> Answer:
        """For the doctor: an answer with the server's version. None is the shared database. Raises as `read_client`.

        A text must be one of `own_texts.py`. `before` takes a role for the session; the connection is not used again
        then.
        """
        if isinstance(statement, TextClause):
            if not own_texts.is_own(statement):
                raise StatementRefused("this text is none of the console's own")
        else:
            check_statement(statement, "common" if account_id is None else "client")
        if before is not None and not own_texts.is_role(before):
            raise StatementRefused("a session is changed by SET ROLE alone")
        kept, keep = bound_limit(statement, limit)
        if account_id is None:
            return self._runner.run(self._common(), kept, keep, before=before)
        url, make = self.engines.client(self.account(account_id))
        with self._clients.lend(account_id, url, make) as database:
            return self._runner.run(database, kept, keep, before=before)

    def replica(self, account_id: int) -> Replica | None:
        """How far the server of an account's database is behind; None where it copies nothing, or is a file.

        Raises as `read_client`: denied where the login may not know.
        """
        if self.engines.addresses().is_files:
            return None
        return read_replica(lambda text: self.ask(account_id, text))

    def check_client(self, statement: Question) -> None:
        """Raise `StatementRefused` unless the statement only reads mapped tables of client databases."""
        check_statement(statement, "client")

    @contextmanager
    def runner(self) -> Iterator[Runner]:
        """A runner for many statements of one question, which may be ended alone; it ends with this source too.

        Raises `SourceFailure` (cancelled) when this source is closed.
        """
        own = Runner()
        with self._lock:
            if self._closed:
                raise SourceFailure(FailureKind.CANCELLED, "client databases", "the console is being closed")
            self._others.add(own)
        try:
            yield own
        finally:
            own.close()
            with self._lock:
                self._others.discard(own)

    def cancel_all(self) -> int:
        """End every statement that runs; returns at once how many. Their askers get a `SourceFailure` (cancelled)."""
        with self._lock:
            runners = (self._runner, *self._others)
        return sum(runner.cancel_all() for runner in runners)

    def close(self) -> None:
        """End what runs, close what is open, take no more questions."""
        with self._lock:
            self._closed = True
            runners = (self._runner, *self._others)
        for runner in runners:
            runner.close()
        self._clients.close()
        with self._lock:
            shared, self._shared = self._shared, None
        if shared is not None:
            shared.dispose()

    def _common(self) -> Database:
        with self._lock:
            shared = self._shared
        if shared is not None:
            return shared
        # Not under the lock, which `close` needs: a password command may take ten seconds.
        made = self.engines.common()
        with self._lock:
            # Of two that were made at the same moment one is kept; neither has opened anything yet.
            self._shared = self._shared or made
            return self._shared

    def _read(
        self,
        database: Database,
        statement: Statement,
        window: str,
        caveat: str,
        limit: int | None,
        *,
        runner: Runner | None = None,
    ) -> Rows:
        kept, keep = bound_limit(statement, limit)
        answer = (runner or self._runner).run(database, kept, keep)
        evidence = Evidence(
            source=database.source,
            query=describe(kept, database.engine.dialect.name),
            window=window,
            started_at=answer.started_at,
            took_ms=round(answer.took_ms, 3),
            rows=len(answer.rows),
            caveat=caveat,
        )
        if answer.truncated and limit is None:
            # Whoever gave a limit pages; whoever gave none wanted all of it.
            first = f"the first {len(answer.rows):,} of more rows were read"
            said = "; ".join(part for part in (first, caveat) if part)
            evidence = evidence.model_copy(update={"is_cut": True, "caveat": said})
        return Rows(answer.rows, evidence, answer.truncated)

    def _find(self, account_id: int) -> AccountPlace:
        try:
            row = self._find_row(account_id, _NEEDED + _WELCOME)
        except SourceFailure as failure:
            if failure.kind is not FailureKind.NOT_MAPPED:
                raise
            # Name, status and size are assumed columns: an account is found without them too.
            row = self._find_row(account_id, _NEEDED)
        if row is None:
            raise AccountUnknown(
                f"there is no account {account_id}",
                where="common.accounts",
                accepted="the id of an existing account",
                next_step="check the number; an account moved to another environment is not in this database",
            )
        count = row.get("user_count")
        return AccountPlace(
            id=account_id,
            name=_text(row.get("name")),
            status=_text(row.get("status")),
            db_host=_text(row.get("db_host")),
            db_database=_text(row.get("db_database")),
            db_user=_text(row.get("db_user")),
            user_count=count if isinstance(count, int) else None,
        )

    def _find_row(self, account_id: int, wanted: tuple[str, ...]) -> dict[str, object] | None:
        accounts = self.table("accounts")
        columns = [accounts.c[key] for key in wanted if key in accounts.c]
        rows = self.read_common(select(*columns).where(accounts.c["id"] == account_id), limit=1).rows
        return rows[0] if rows else None


def _text(value: object) -> str:
    return "" if value is None else str(value)
