"""The console's own memory: a SQLite file of its own, or a database that several consoles share.

Opened by the first question, and opening never fails: where the place cannot be used, the memory ends with the process,
and `problem` says why. A lasting place that is lost later is a `SourceFailure` (source "state") of the question that
met it.
"""

from __future__ import annotations

import logging
import os
import random
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, QueuePool, StaticPool, create_engine, event, text
from sqlalchemy.exc import SQLAlchemyError

from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.sources.mysql.addresses import SQLITE_DRIVERS, parse_url
from diagnostics.sources.mysql.failures import PasswordWithheld, TimeLimits, not_configured
from diagnostics.store import documents, journal_rows
from diagnostics.store.documents import Kept
from diagnostics.store.failures import SOURCE, Unanswered, is_lost_race, state_failure
from diagnostics.store.schema import SchemaTooNew, is_current, migrate

if TYPE_CHECKING:
    from diagnostics.config.settings import StateSettings

LIMITS = TimeLimits(connect_s=3.0, read_s=8.0, statement_s=5.0)
BUSY_S = 4.0
"""How long one writer waits for another."""

FILE_NAME = "state.db"
WRITE = {"warroom_write": True}
"""Execution option of a connection that is going to write."""

_SESSION = (
    "SET SESSION time_zone = '+00:00', innodb_lock_wait_timeout = 4, lock_wait_timeout = 5,"
    " sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',"
    # A limit that a server sets for every session would cut the journal, and nobody would be told.
    " sql_select_limit = 18446744073709551615, sql_auto_is_null = 0"
)


@dataclass(slots=True, frozen=True, repr=False)
class Location:
    """Where the memory is kept."""

    engine: Engine
    file: Path | None = None
    identity: tuple[int, int] | None = None
    """Device and number of the file that was opened."""

    @property
    def is_server(self) -> bool:
        """True for a database that consoles on several machines share."""
        return self.engine.dialect.name != "sqlite"

    @property
    def is_gone(self) -> bool:
        """True when the file that was opened is no longer the one of that name: what is written would be lost."""
        return self.file is not None and _identity(self.file) != self.identity


def open_place(settings: StateSettings, state_dir: Path) -> Location:
    """The lasting place that the settings name; for a server, nothing is sent yet. Raises OSError, SourceFailure."""
    if settings.url is None:
        return _open_file(state_dir / FILE_NAME)
    url = parse_url(settings.url, SOURCE, "state.url")
    if url.drivername not in SQLITE_DRIVERS:
        return _open_server(url, settings)
    if not url.database or url.database == ":memory:":
        raise not_configured(SOURCE, "state.url must name a file", "write it as sqlite:////absolute/path.db")
    return _open_file(Path(url.database))


def open_memory() -> Location:
    """A place that ends with the process. One connection: its users take turns."""

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)

    engine = create_engine("sqlite://", creator=connect, poolclass=StaticPool, hide_parameters=True)
    event.listen(engine, "begin", _begin)
    return Location(engine)


def _open_file(path: Path) -> Location:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Made before SQLite opens it, because SQLite would make it readable for everybody; -wal and -shm copy its mode.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        found = os.fstat(descriptor)
        if stat.S_IMODE(found.st_mode) & 0o077 and found.st_uid == os.geteuid():
            os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)
    address = f"file:{quote(str(path.absolute()))}?mode=rw"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            address, uri=True, timeout=BUSY_S, check_same_thread=False, isolation_level=None, cached_statements=64
        )
        try:
            # A network file system that cannot share memory answers with another mode: slower, and as safe.
            connection.execute("PRAGMA journal_mode = WAL")
            # The incident's journal must outlive a power cut too, which NORMAL does not promise.
            connection.execute("PRAGMA synchronous = FULL")
        except BaseException:
            connection.close()
            raise
        return connection

    engine = create_engine(
        "sqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=8,
        pool_timeout=BUSY_S,
        hide_parameters=True,
    )
    event.listen(engine, "begin", _begin)
    return Location(engine, path, _identity(path))


def _identity(path: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        found = path.stat()
        return found.st_dev, found.st_ino
    return None


def _begin(connection: Connection) -> None:
    # A transaction that turns from reading to writing may fail at once where another writes; one that begins so waits.
    writes = connection.get_execution_options().get("warroom_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _open_server(url: URL, settings: StateSettings) -> Location:
    secret = url.password or (settings.password.get_secret_value() if settings.password else "")
    bare = URL.create("mysql+pymysql", url.username, None, url.host, url.port, url.database, url.query)
    arguments: dict[str, Any] = {
        # Bytes: PyMySQL would encode text as Latin-1, and name the password in the error when that fails.
        "password": secret.encode(),
        "connect_timeout": LIMITS.connect_s,
        "read_timeout": LIMITS.read_s,
        "write_timeout": LIMITS.read_s,
        "charset": "utf8mb4",
        "ssl_disabled": True,
        "auth_plugin_map": {b"mysql_clear_password": _ClearTextRefused, b"dialog": _ClearTextRefused},
        "init_command": _SESSION,
    }
    engine = create_engine(
        bare,
        connect_args=arguments,
        pool_pre_ping=True,
        pool_recycle=300,
        pool_size=3,
        max_overflow=5,
        pool_timeout=BUSY_S,
        hide_parameters=True,
    )
    return Location(engine)


class _ClearTextRefused:
    """Stands where PyMySQL would send the password as it is to whoever asks for it."""

    def __init__(self, connection: object) -> None:
        self._connection = connection

    def authenticate(self, _packet: object) -> object:
        raise PasswordWithheld


__all__ = ["Kept", "StateStore"]

Result = TypeVar("Result")
logger = logging.getLogger(__name__)

ATTEMPTS = 6
"""How often `transact` begins anew when another writer came first."""

LONGEST_S = 8.0
"""After which `transact` does not begin anew."""

TRY_AGAIN_S = 60.0
"""How long a place that did not answer is left alone before it is tried again."""

_FINAL = frozenset({FailureKind.DENIED, FailureKind.NOT_CONFIGURED})
"""Asking again with the same password would only lock the login."""

_MIGRATING = "warroom_state_schema"


class StateStore:
    """Safe for several threads and several processes at once. Transactions are not nested."""

    def __init__(
        self, settings: StateSettings, state_dir: Path, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._state_dir = state_dir
        self._clock = clock
        self._lock = threading.RLock()
        """Guards the opening; held for a few seconds at most."""
        self._turn = threading.RLock()
        """Memory has one connection, whose users take turns."""
        self._within = threading.local()
        self._place: Location | None = None
        self._is_lasting = False
        self._problem = ""
        self._try_again_at: float | None = None
        self._closed = False
        self._renamed: dict[str, str] = {}
        self._generation = 0

    @property
    def is_lasting(self) -> bool:
        """False when what is remembered ends with this process. Opens the place."""
        self._opened()
        return self._is_lasting

    @property
    def problem(self) -> str:
        """Why nothing lasts, and the remedy; empty when it lasts. Opens the place."""
        self._opened()
        return self._problem

    @property
    def name(self) -> str:
        """Where it is kept, without secrets and the same for every console that shares it; empty for the memory."""
        place = self._opened()
        if place.file is not None:
            return f"file {place.file.absolute()}"
        address = place.engine.url
        return f"server {address.host}:{address.port or 3306}/{address.database}" if place.is_server else ""

    @property
    def folder(self) -> Path:
        """The console's own folder on this machine."""
        return self._state_dir

    @property
    def generation(self) -> int:
        """Counts the places that this store has used: what was known of an earlier one no longer holds. Opens it."""
        self._opened()
        return self._generation

    def take_renames(self) -> dict[str, str]:
        """Old to new name of the journal's streams that were renamed when the memory was left; told once."""
        with self._lock:
            renamed, self._renamed = self._renamed, {}
        return renamed

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One write transaction: committed at the end, undone by any exception. Not within another one.

        On SQLite it has the write lock from its first moment (BEGIN IMMEDIATE); on a server (InnoDB, REPEATABLE READ)
        lock what you are going to change by an UPDATE before you read it. Raises `SourceFailure`; for work that others
        may get in the way of, use `transact`.
        """
        with self._session(writes=True) as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One read transaction: every statement in it sees the same state. Raises `SourceFailure`."""
        with self._session(writes=False) as connection:
            yield connection

    def transact(self, work: Callable[[Connection], Result]) -> Result:
        """`work` in one write transaction, begun anew when another writer came first (deadlock, lock wait, lost line).

        `work` may therefore run several times, and must do nothing outside its connection; what it wrote in vain has
        been undone. A connection lost while committing is not tried again, because nobody knows whether it was done:
        that is `Unanswered`. Raises `SourceFailure`, and what `work` raises.
        """
        deadline = time.monotonic() + LONGEST_S
        for attempt in range(1, ATTEMPTS + 1):
            committing = False
            try:
                with self._raw(writes=True) as connection:
                    result = work(connection)
                    committing = True
                return result
            except (SQLAlchemyError, OSError) as error:
                failure = state_failure(error, LIMITS, connecting=False)
                is_last = attempt == ATTEMPTS or time.monotonic() > deadline
                is_lost = is_lost_race(error, committing=committing)
                if committing and not is_lost:
                    raise Unanswered(failure.kind, SOURCE, failure.reason, remedy=failure.remedy) from None
                if is_last or not is_lost:
                    raise failure from None
            time.sleep(random.uniform(0.01, 0.05) * attempt)  # noqa: S311  # apart from the other writer, no secret
        raise AssertionError  # the last attempt has returned or raised

    def remember(self, kind: str, key: str, payload: dict[str, object], most: int = 200) -> None:
        """Keep a document under (kind, key), replacing the one there, and the `most` newest of its kind.

        `payload` is JSON. Raises `SourceFailure`, and `UserError` for a kind or key that is empty or too long.
        """
        prepared = documents.prepare(kind, key, payload)
        self.transact(lambda connection: documents.remember(connection, prepared, most))

    def recall(self, kind: str, most: int = 200) -> tuple[Kept, ...]:
        """The `most` newest documents of a kind, newest first, their text cleaned. Raises `SourceFailure`.

        Documents that are not JSON objects were not written by a console; they are left out and logged.
        """
        with self.read() as connection:
            return documents.recall(connection, kind, most)

    def forget(self, kind: str, key: str) -> bool:
        """Remove one document, if there is one; True for the one console that removed it. Raises `SourceFailure`."""
        return self.transact(lambda connection: documents.forget(connection, kind, key))

    def close(self) -> None:
        """Close what is open, and take no more questions."""
        with self._lock:
            self._closed = True
            place, self._place = self._place, None
        if place is not None:
            place.engine.dispose()

    # Transactions.

    @contextmanager
    def _session(self, *, writes: bool) -> Iterator[Connection]:
        try:
            with self._raw(writes=writes) as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            failure = state_failure(error, LIMITS, connecting=False)
            # Without its cause: a driver's message may quote statements and values.
            raise failure from None

    @contextmanager
    def _raw(self, *, writes: bool) -> Iterator[Connection]:
        if getattr(self._within, "busy", False):
            raise RuntimeError("a transaction of the state store is begun within another one of the same thread")
        place, has_turn = self._taken()
        self._within.busy = True
        try:
            with _transaction(place, writes=writes) as connection:
                yield connection
        finally:
            self._within.busy = False
            if has_turn:
                self._turn.release()

    def _taken(self) -> tuple[Location, bool]:
        """The place, and whether a turn was taken that has to be given back."""
        while True:
            place = self._opened()
            if not _is_memory(place):
                return place, False
            if not self._turn.acquire(timeout=LIMITS.read_s):
                raise SourceFailure(FailureKind.TIMED_OUT, SOURCE, "another question keeps it busy", remedy="wait")
            if self._place is place:
                return place, True
            # It was left while this thread waited: what is written to it now would be lost.
            self._turn.release()

    # Opening.

    def _opened(self) -> Location:
        with self._lock:
            if self._closed:
                raise SourceFailure(FailureKind.CANCELLED, SOURCE, "the console is closing")
            place = self._place
            if place is not None and not place.is_gone and not self._is_time_to_try_again():
                return place
            return self._open(place)

    def _open(self, before: Location | None) -> Location:
        opened: Location | None = None
        try:
            opened = open_place(self._settings, self._state_dir)
            _prepare(opened)
        except Exception as error:  # a console without memory is worth more than none; the cause is said
            if opened is not None:
                opened.engine.dispose()
            if not isinstance(error, SourceFailure | UserError | SchemaTooNew | SQLAlchemyError | OSError):
                logger.exception("state: opening it met an error of the console's own")
            return self._without(state_failure(error, LIMITS, connecting=True), before)
        if before is not None and not self._leave(before, opened):
            opened.engine.dispose()
            self._try_again_at = self._clock() + TRY_AGAIN_S
            return before
        if self._place is not opened:
            self._arrive(opened)
        return opened

    def _arrive(self, opened: Location) -> None:
        self._place, self._is_lasting, self._problem, self._try_again_at = opened, True, "", None
        self._generation += 1

    def _without(self, failure: SourceFailure, before: Location | None) -> Location:
        remedy = f"; {failure.remedy}" if failure.remedy else ""
        self._problem = f"Nothing outlasts this console: {failure.reason}{remedy}."
        self._try_again_at = self._clock() + TRY_AGAIN_S if failure.kind not in _FINAL else None
        if before is None or not _is_memory(before):
            logger.warning("state: %s", self._problem)
            before = open_memory()
            with before.engine.connect().execution_options(**WRITE) as connection, connection.begin():
                migrate(connection)
            self._generation += 1
        self._place, self._is_lasting = before, False
        return before

    def _leave(self, before: Location, opened: Location) -> bool:
        """Take along what was remembered while the place did not answer; False when that is not possible yet.

        Documents and the journal are taken along; counts are made anew, and samples are too many for one step.
        """
        if not _is_memory(before):
            before.engine.dispose()
            return True
        if not self._turn.acquire(timeout=1.0):
            return False
        try:
            with _transaction(before, writes=False) as connection:
                kept, written = documents.everything(connection), journal_rows.after(connection, None, 2**31)
            if written:
                with _transaction(opened, writes=True) as connection:
                    renamed = journal_rows.carry(written, connection)
                self._renamed.update(renamed)
            with suppress(SQLAlchemyError), _transaction(opened, writes=True) as connection:
                for document in kept:
                    documents.put(connection, document)
            # Within the turn, so that nobody writes to the memory after it was read.
            self._arrive(opened)
        except (SQLAlchemyError, OSError) as error:
            # Documents may be forgotten, the journal may not: it stays here until it can be taken along.
            reason = state_failure(error, LIMITS, connecting=False).reason
            logger.warning("state: the journal in memory could not be taken along yet: %s", reason)
            return False
        finally:
            self._turn.release()
        return True

    def _is_time_to_try_again(self) -> bool:
        is_due = self._try_again_at is not None and self._clock() >= self._try_again_at
        # Not from within a transaction, which would be left behind in the memory.
        return is_due and not getattr(self._within, "busy", False)


def _is_memory(place: Location) -> bool:
    return place.file is None and not place.is_server


@contextmanager
def _transaction(place: Location, *, writes: bool) -> Iterator[Connection]:
    with place.engine.connect() as connection:
        if writes:
            connection = connection.execution_options(**WRITE)  # noqa: PLW2901  # the same connection, marked
        with connection.begin():
            yield connection


def _prepare(place: Location) -> None:
    """Bring the tables up to date; several consoles may start at the same moment."""
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            if not _is_ready(place):
                _migrate(place)
            # A full disk, a lock, a file or login that may only read must show now, not when something is to be kept.
            with _transaction(place, writes=True) as connection:
                connection.execute(text("UPDATE warroom_schema SET applied_us = applied_us"))
        except SQLAlchemyError as error:
            # Turning a file to WAL fails at once, without waiting, where another console does the same.
            if not is_lost_race(error, committing=False) or time.monotonic() > deadline:
                raise
        else:
            return
        time.sleep(random.uniform(0.02, 0.08))  # noqa: S311  # apart from the other console, no secret


def _is_ready(place: Location) -> bool:
    try:
        with _transaction(place, writes=False) as connection:
            return is_current(connection)
    except SQLAlchemyError as error:
        # Only a missing table means that there is something to do; everything else is told as it is.
        if "no such table" in str(error) or "(1146," in str(error):
            return False
        raise


def _migrate(place: Location) -> None:
    if not place.is_server:
        with _transaction(place, writes=True) as connection:
            migrate(connection)
        return
    with place.engine.connect() as connection:
        # A server commits at every change of a table, so that a transaction keeps nobody out. A named lock does.
        if not connection.execute(text(f"SELECT GET_LOCK('{_MIGRATING}', 10)")).scalar():
            raise SourceFailure(FailureKind.TIMED_OUT, SOURCE, "another console is preparing its tables", remedy="wait")
        try:
            migrate(connection)
            connection.commit()
        finally:
            connection.execute(text(f"SELECT RELEASE_LOCK('{_MIGRATING}')"))
