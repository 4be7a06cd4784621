"""The console's own memory: a SQLite file of its own, or a database that several consoles share.

Opened by the first question, and opening never fails: where the place cannot be used, the memory ends with the process,
and `problem` says why. A lasting place that is lost later is a `SourceFailure` (source "state") of the question that
met it.

The incidents' journal is never taken for empty because its place could not be used: where it may still be read, it is
read there and not written anywhere; where it cannot be, `unread` says why.
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

from pydantic import SecretStr
from sqlalchemy import URL, Connection, Engine, NullPool, QueuePool, StaticPool, create_engine, event, text
from sqlalchemy.exc import SQLAlchemyError

from diagnostics.config.tls import Tls, TlsMode
from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.core.private import new_file, private_folder
from diagnostics.sources.mysql.addresses import SQLITE_DRIVERS, parse_url
from diagnostics.sources.mysql.engines import BoundedConnection
from diagnostics.sources.mysql.failures import MOST_BYTES, TimeLimits, not_configured
from diagnostics.sources.mysql.logins import AUTHENTICATION, Login
from diagnostics.sources.tls import context_of
from diagnostics.store import documents, journal_rows
from diagnostics.store.documents import Kept
from diagnostics.store.failures import SOURCE, Unanswered, is_lost_race, is_missing_table, state_failure
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
    path = _file_of(settings, state_dir)
    return _open_file(path) if path is not None else _open_server(_url(settings), settings)


def _file_of(settings: StateSettings, state_dir: Path) -> Path | None:
    """The file that the settings name; None for a server. Raises SourceFailure."""
    if settings.url is None:
        return state_dir / FILE_NAME
    url = _url(settings)
    if url.drivername not in SQLITE_DRIVERS:
        return None
    if not url.database or url.database == ":memory:":
        raise not_configured(SOURCE, "state.url must name a file", "write it as sqlite:////absolute/path.db")
    return Path(url.database)


def _url(settings: StateSettings) -> URL:
    return parse_url(settings.url or "", SOURCE, "state.url")


def open_memory() -> Location:
    """A place that ends with the process. One connection: its users take turns."""

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)

    engine = create_engine("sqlite://", creator=connect, poolclass=StaticPool, hide_parameters=True)
    event.listen(engine, "begin", _begin)
    return Location(engine)


def _open_file(path: Path) -> Location:
    private_folder(path.parent)
    # Made before SQLite opens it, because SQLite would make it readable for everybody; -wal and -shm copy its mode.
    try:
        descriptor = new_file(path)
    except FileExistsError:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
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
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_BYTES)
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


def open_file_to_read(path: Path) -> Location:
    """A file that may only be read, looked at anew by every question. Raises nothing before the first one."""
    address = f"file:{quote(str(path.absolute()))}"

    def connect() -> sqlite3.Connection:
        try:
            return _to_read(f"{address}?mode=ro")
        except sqlite3.OperationalError as error:
            # A folder that takes no files has no room for the index of the write-ahead log. Where there is no such
            # log, everything stands in the file; where there is one, its newest entries would be missing.
            log = Path(f"{path.absolute()}-wal")
            if "locked" in str(error) or (log.exists() and log.stat().st_size):
                raise
        return _to_read(f"{address}?immutable=1")

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)
    event.listen(engine, "begin", _begin)
    return Location(engine, path, _identity(path))


def _to_read(address: str) -> sqlite3.Connection:
    connection = sqlite3.connect(address, uri=True, timeout=BUSY_S, check_same_thread=False, isolation_level=None)
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_BYTES)
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _identity(path: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        found = path.stat()
        return found.st_dev, found.st_ino
    return None


def _begin(connection: Connection) -> None:
    # A transaction that turns from reading to writing may fail at once where another writes; one that begins so waits.
    writes = connection.get_execution_options().get("warroom_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _encryption(tls: Tls) -> dict[str, Any]:
    """PyMySQL's arguments; raises SourceFailure. Left to itself it encrypts where it can, and verifies nothing."""
    return {"ssl_disabled": True} if tls.mode is TlsMode.OFF else {"ssl": context_of(tls, "state.tls", SOURCE)}


def _open_server(url: URL, settings: StateSettings) -> Location:
    secret = SecretStr(url.password) if url.password else settings.password or SecretStr("")
    secret.get_secret_value()
    login = Login(secret)
    bare = URL.create("mysql+pymysql", url.username, None, url.host, url.port, url.database, url.query)
    arguments: dict[str, Any] = {
        "connect_timeout": LIMITS.connect_s,
        "read_timeout": LIMITS.read_s,
        "write_timeout": LIMITS.read_s,
        "charset": "utf8mb4",
        "auth_plugin_map": AUTHENTICATION,
        **_encryption(settings.tls),
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

    def connect(_dialect: object, _record: object, _positional: object, given: dict[str, Any]) -> object:
        try:
            return login.connect(lambda credentials: BoundedConnection(**{**given, **credentials}))
        except RuntimeError as error:
            # A login that is withheld, in whatever way: no error of the driver's, for which questions are prepared.
            failure = state_failure(error, LIMITS, connecting=True)
        raise failure

    event.listen(engine, "do_connect", connect)
    return Location(engine)


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
_SHUT = (
    "look at it here, and write where the owner of state.url says; tell people by hand meanwhile, with the text of"
    " `warroom notify --preview`; writing is tried again every minute"
)


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
        self._window: Location | None = None
        """The lasting journal where it may be read and not written; everything else is in the memory meanwhile."""
        self._shut: SourceFailure | None = None
        """Why nothing is written to the journal while there is a window."""
        self._unread: SourceFailure | None = None

    @property
    def settings(self) -> StateSettings:
        """Where it is kept, and with which secrets."""
        return self._settings

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
    def unread(self) -> SourceFailure | None:
        """Why the lasting journal is not known; None where it is, also because there surely is none. Opens the place.

        The journal in memory then says nothing about what others declared.
        """
        self._opened()
        return self._unread

    @property
    def may_read_journal(self) -> bool:
        """True where the lasting journal can be read, whether or not it can be written. Opens the place."""
        self._opened()
        return self._is_lasting or self._window is not None

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
    def read(self, *, journal: bool = False) -> Iterator[Connection]:
        """One read transaction: every statement in it sees the same state. Raises `SourceFailure`.

        `journal`: what is asked for are the journal's rows, which may be readable where nothing can be written.
        """
        with self._session(writes=False, journal=journal) as connection:
            yield connection

    def transact(self, work: Callable[[Connection], Result], *, journal: bool = False) -> Result:
        """`work` in one write transaction, begun anew when another writer came first (deadlock, lock wait, lost line).

        `work` may therefore run several times, and must do nothing outside its connection; what it wrote in vain has
        been undone. A connection lost while committing is not tried again, because nobody knows whether it was done:
        that is `Unanswered`. `journal`: what is written are the journal's rows, which is refused where they can only be
        read. Raises `SourceFailure`, and what `work` raises.
        """
        deadline = time.monotonic() + LONGEST_S
        for attempt in range(1, ATTEMPTS + 1):
            committing = False
            try:
                with self._raw(writes=True, journal=journal) as connection:
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

    def recall_one(self, kind: str, key: str) -> Kept | None:
        """The document under (kind, key), its text cleaned; None where there is none. Raises `SourceFailure`."""
        with self.read() as connection:
            return documents.recall_one(connection, kind, key)

    def forget(self, kind: str, key: str) -> bool:
        """Remove one document, if there is one; True for the one console that removed it. Raises `SourceFailure`."""
        return self.transact(lambda connection: documents.forget(connection, kind, key))

    def close(self) -> None:
        """Close what is open, and take no more questions."""
        with self._lock:
            self._closed = True
            places, self._place, self._window = (self._place, self._window), None, None
        for place in filter(None, places):
            place.engine.dispose()

    # Transactions.

    @contextmanager
    def _session(self, *, writes: bool, journal: bool = False) -> Iterator[Connection]:
        try:
            with self._raw(writes=writes, journal=journal) as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            failure = state_failure(error, LIMITS, connecting=False)
            # Without its cause: a driver's message may quote statements and values.
            raise failure from None

    @contextmanager
    def _raw(self, *, writes: bool, journal: bool = False) -> Iterator[Connection]:
        if getattr(self._within, "busy", False):
            raise RuntimeError("a transaction of the state store is begun within another one of the same thread")
        place, has_turn = self._taken(writes=writes, journal=journal)
        self._within.busy = True
        try:
            with _transaction(place, writes=writes) as connection:
                yield connection
        finally:
            self._within.busy = False
            if has_turn:
                self._turn.release()

    def _taken(self, *, writes: bool, journal: bool) -> tuple[Location, bool]:
        """The place, and whether a turn was taken that has to be given back."""
        while True:
            place = self._opened()
            window, shut = self._window, self._shut
            if journal and window is not None:
                if writes and shut is not None:
                    reason = f"the journal can only be read ({shut.reason}); nothing was written"
                    raise SourceFailure(shut.kind, SOURCE, reason, remedy=_SHUT)
                return window, False
            if not _is_memory(place):
                return place, False
            if not self._turn.acquire(timeout=LIMITS.read_s):
                raise SourceFailure(FailureKind.TIMED_OUT, SOURCE, "another question keeps it busy", remedy="wait")
            if self._place is place and not (journal and self._window is not None):
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
            if not isinstance(error, SourceFailure | UserError | SchemaTooNew | SQLAlchemyError | OSError):
                logger.exception("state: opening it met an error of the console's own")
            failure = state_failure(error, LIMITS, connecting=True)
            window, unread = self._journal_of(opened, error, failure)
            if window is None and before is not None and not _is_memory(before):
                # It was there, and is out of reach now: that its file is missing says nothing about what it held.
                unread = failure
            if opened is not None and window is not opened:
                opened.engine.dispose()
            return self._without(failure, before, window, unread)
        if before is not None and not self._leave(before, opened):
            opened.engine.dispose()
            self._try_again_at = self._clock() + TRY_AGAIN_S
            return before
        if self._place is not opened:
            self._arrive(opened)
        return opened

    def _arrive(self, opened: Location) -> None:
        self._place, self._is_lasting, self._problem, self._try_again_at = opened, True, "", None
        self._look_through(None, None, None)
        self._generation += 1

    def _without(
        self, failure: SourceFailure, before: Location | None, window: Location | None, unread: SourceFailure | None
    ) -> Location:
        if before is None or not _is_memory(before):
            before = open_memory()
            with before.engine.connect().execution_options(**WRITE) as connection, connection.begin():
                migrate(connection)
            self._generation += 1
        if window is not None and not self._may_leave_memory(before):
            # What was declared here has to stay in sight, and is taken along once its place can be written to.
            window.engine.dispose()
            window, unread = None, failure
        remedy = f"; {failure.remedy}" if failure.remedy else ""
        self._problem = f"Nothing outlasts this console: {failure.reason}{remedy}."
        if window is not None:
            self._problem += " The journal can be read, and not written."
        elif unread is not None:
            self._problem += " What others declared is not known."
        if self._place is not before or self._is_lasting:
            logger.warning("state: %s", self._problem)
        is_final = failure.kind in _FINAL and window is None
        self._try_again_at = None if is_final else self._clock() + TRY_AGAIN_S
        if (window is None) is not (self._window is None):
            self._generation += 1
        self._look_through(window, None if window is None else failure, unread)
        self._place, self._is_lasting = before, False
        return before

    def _look_through(self, window: Location | None, shut: SourceFailure | None, unread: SourceFailure | None) -> None:
        before, self._window = self._window, window
        self._shut, self._unread = shut, unread
        if before is not None and before is not window:
            before.engine.dispose()

    def _may_leave_memory(self, memory: Location) -> bool:
        """Whether nothing was written to the journal in memory."""
        if not self._turn.acquire(timeout=1.0):
            return False
        try:
            with _transaction(memory, writes=False) as connection:
                return not journal_rows.last(connection).seq
        finally:
            self._turn.release()

    def _journal_of(
        self, opened: Location | None, error: Exception, failure: SourceFailure
    ) -> tuple[Location | None, SourceFailure | None]:
        """Where the lasting journal may be read all the same, or why it is not known; neither where there is none."""
        try:
            window = self._readable(opened)
        except (FileNotFoundError, NotADirectoryError):
            return None, None
        except (OSError, UserError, SourceFailure):
            window = None
        if window is None:
            return None, failure
        try:
            with _transaction(window, writes=False) as connection:
                journal_rows.after(connection, None, 1)
        except (SQLAlchemyError, OSError) as unreadable:
            if window is not opened:
                window.engine.dispose()
            # A newer console may keep it under another name.
            is_none = is_missing_table(unreadable) and not isinstance(error, SchemaTooNew)
            return None, None if is_none else failure
        return window, None

    def _readable(self, opened: Location | None) -> Location | None:
        """A place to try; None for a server that has let nobody in, which is not asked twice."""
        path = _file_of(self._settings, self._state_dir)
        if path is not None:
            path.stat()
            return open_file_to_read(path)
        pool = opened.engine.pool if opened is not None else None
        return opened if isinstance(pool, QueuePool) and pool.checkedin() else None

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
        if is_missing_table(error):
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
