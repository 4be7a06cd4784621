"""Connections to the two kinds of database: read-only sessions in UTC, time limits, and a bounded pool of clients."""

from __future__ import annotations

import codecs
import math
import socket
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pymysql
from pydantic import SecretStr
from pymysql.connections import Connection
from pymysql.cursors import Cursor
from sqlalchemy import URL, Dialect, Engine, NullPool, QueuePool, create_engine, event
from sqlalchemy.dialects.mysql import pymysql as mysql_pymysql
from sqlalchemy.pool import ConnectionPoolEntry

from diagnostics.config.tls import Tls, TlsMode
from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.core.sanitizer import clean
from diagnostics.sources.mysql.addresses import SQLITE_DRIVERS, AccountPlace, ClientAddresses, fill, parse_url
from diagnostics.sources.mysql.failures import (
    DRIPS,
    LOST,
    MOST_BYTES,
    SILENCES,
    AnswerTooLarge,
    TimeLimits,
    is_servers_own,
    not_configured,
)
from diagnostics.sources.mysql.logins import AUTHENTICATION, Login
from diagnostics.sources.mysql.tables import Kind
from diagnostics.sources.tls import context_of

if TYPE_CHECKING:
    from diagnostics.config.settings import DatabaseSettings

_RECYCLE_SECONDS = 300
_UNKNOWN_VARIABLE = 1193
_SETTINGS = "time_zone = '+00:00', sql_mode = '', sql_select_limit = 18446744073709551615, sql_auto_is_null = 0"
"""What a server, an `init_connect` or a proxy may have set otherwise, and would change an answer without a word."""

_STRICT = "sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'"

_IDENTITY = "CONCAT_WS(' ', @@hostname, @@port, @@server_id, @@datadir, UUID_SHORT() >> 24)"
"""Above its counter of 24 bits, UUID_SHORT holds the second at which the server began: copies of a machine differ."""

_LENIENT = "warroom_lenient_"


@dataclass(slots=True, frozen=True, repr=False)
class Database:
    """One database and what it takes to ask it: `source` is the name a person uses, "common" or "client 14009"."""

    source: str
    kind: Kind
    engine: Engine
    limits: TimeLimits
    connect_arguments: Mapping[str, Any]
    """How its server is reached once more, to end a statement."""
    login: Login | None = None
    """With which login; None for a file, and for a driver that has its own ways."""
    ending: threading.Lock = field(default_factory=threading.Lock)
    """Held while a statement is being ended on its server; databases of one server may share it."""
    end: Callable[[Any], None] | None = None
    """How a driver that is neither MySQL's nor SQLite's ends what a connection runs."""
    failure_of: Callable[[BaseException, bool], SourceFailure] | None = None
    """What such a driver's errors mean; the second value is True until the connection is ready."""

    @property
    def is_sqlite(self) -> bool:
        """True for a file, which has no server, no grants and no replicas."""
        return self.engine.dialect.name == "sqlite"

    def dispose(self) -> None:
        """Close every idle connection."""
        self.engine.dispose()


class Engines:
    """Makes databases from the settings. Nothing is opened before a statement is run."""

    def __init__(
        self, settings: DatabaseSettings, limits: TimeLimits | None = None, tls: tuple[Tls, str] | None = None
    ) -> None:
        """`limits` and `tls`, with the name of its setting, stand in for those of the settings."""
        self._settings = settings
        self._tls = tls
        self._lock = threading.Lock()
        self._dialect: Dialect | None = None
        self._logins: dict[tuple[str | None, int | None, str | None], Login] = {}
        """By server and user: what one server refused is not sent to it again, by whichever connection."""
        self.limits = limits or TimeLimits(
            settings.connect_timeout_s, settings.read_timeout_s, settings.statement_timeout_s
        )

    def common(self) -> Database:
        """The shared database; raises `SourceFailure` (not configured). May wait for the password's command."""
        url = parse_url(self._settings.common_url, "common", "databases.common_url")
        return self.open(url, "common", "common", self.login(url, "common"))

    def client(self, place: AccountPlace) -> tuple[URL, Callable[[], Database]]:
        """An account's address, and how to make its database; raises `SourceFailure` (not configured, malformed).

        May wait for the password's command; making the database then waits for nothing.
        """
        source = f"client {place.id}"
        url = fill(parse_url(self._settings.client_url, source, "databases.client_url"), place, source)
        login = self.login(url, source)
        return url, lambda: self.open(url, source, "client", login)

    def login(self, url: URL, source: str) -> Login:
        """The login for `url`, its secret resolved. To be called with no lock held; raises as `client`."""
        if url.drivername in SQLITE_DRIVERS:
            return Login(SecretStr(""))
        settings = self._settings
        secret = settings.login or (SecretStr(url.password or "") if url.password else settings.password)
        key = (url.host, url.port, url.username)
        try:
            if secret is not None:
                secret.get_secret_value()
        except UserError as error:
            unusable = error
        else:
            with self._lock:
                made = Login(secret or SecretStr(""), names_user=settings.login is not None)
                return self._logins.setdefault(key, made)
        raise not_configured(source, unusable.problem, unusable.accepted or unusable.next_step)

    def writing(self, place: AccountPlace | None, login: Login) -> Database:
        """The database of an account, or `common` for None, to be written to: with a login of its own, never pooled.

        Raises `SourceFailure` (not configured). Nothing is opened yet, and nothing of it is shared with what reads.
        """
        source = "common (writer)" if place is None else f"client {place.id} (writer)"
        if place is None:
            url = parse_url(self._settings.common_url, source, "databases.common_url")
        else:
            url = fill(parse_url(self._settings.client_url, source, "databases.client_url"), place, source)
        kind: Kind = "common" if place is None else "client"
        if url.drivername in SQLITE_DRIVERS:
            return _file_to_write(url, source, kind, self.limits)
        bare = URL.create("mysql+pymysql", url.username, None, url.host, url.port, url.database, url.query)
        engine = create_engine(bare, poolclass=NullPool, hide_parameters=True)
        arguments = self._arguments(bare, engine.dialect, source, kind)

        def connect(_dialect: object, record: Any, _given: object, _named: object) -> Connection:  # noqa: ANN401
            connection, record.info["session"] = connect_session(arguments, login, self.limits, writes=True)
            set_read_limit(connection, self.limits.read_s)
            return connection

        event.listen(engine, "do_connect", connect)
        return Database(source, kind, engine, self.limits, arguments, login)

    def addresses(self) -> ClientAddresses:
        """Where client databases are; raises `SourceFailure` (not configured)."""
        return ClientAddresses(self._settings.client_url)

    def lane(
        self, server: URL, source: str, login: Login, *, ending: threading.Lock, compiled: dict[Any, Any]
    ) -> Database:
        """One connection to a server, in no database, for one statement after the other; dispose of it when done.

        Many are made for one question. They share a dialect that never asked a server what it is, and with it the
        statements compiled before: those are kept in `compiled`. `ending` is shared by the lanes of one host.
        """
        with self._lock:
            if self._dialect is None:
                driver = mysql_pymysql.dialect.import_dbapi()
                self._dialect = mysql_pymysql.dialect(dbapi=driver, skip_autocommit_rollback=True)
            dialect = self._dialect
        bare = URL.create("mysql+pymysql", server.username, None, server.host, server.port, None, server.query)
        arguments = {**self._arguments(bare, dialect, source, "client"), "autocommit": True}
        limits = self.limits

        def connect(rec: ConnectionPoolEntry) -> Connection:
            connection, rec.info["session"] = connect_session(arguments, login, limits)
            set_read_limit(connection, limits.read_s)
            return connection

        pool = QueuePool(connect, pool_size=1, max_overflow=0, timeout=limits.connect_s, reset_on_return=None)
        engine = Engine(pool, dialect, bare, execution_options={"compiled_cache": compiled}, hide_parameters=True)
        return Database(source, "client", engine, limits, arguments, login, ending)

    def open(self, url: URL, source: str, kind: Kind, login: Login) -> Database:
        """The database at a whole address. Opens nothing yet; raises `SourceFailure` (not configured)."""
        if url.drivername in SQLITE_DRIVERS:
            return self._open_file(url, source, kind)
        # Without its password the URL can be printed by whoever finds it.
        bare = URL.create("mysql+pymysql", url.username, None, url.host, url.port, url.database, url.query)
        engine = create_engine(
            bare,
            isolation_level="AUTOCOMMIT",
            skip_autocommit_rollback=True,
            pool_reset_on_return=None,
            pool_pre_ping=True,
            pool_recycle=_RECYCLE_SECONDS,
            pool_size=3 if kind == "common" else 1,
            max_overflow=3,
            pool_timeout=self.limits.connect_s,
            hide_parameters=True,
        )
        arguments = self._arguments(bare, engine.dialect, source, kind)
        _attend(engine, arguments, login, self.limits)
        return Database(source, kind, engine, self.limits, arguments, login)

    def _arguments(self, bare: URL, dialect: Dialect, source: str, kind: Kind) -> dict[str, Any]:
        return {
            **dialect.create_connect_args(bare)[1],
            "connect_timeout": self.limits.connect_s,
            # Of the handshake and of pings; statements get the read limit while they run.
            "read_timeout": self.limits.connect_s,
            "write_timeout": self.limits.read_s,
            "auth_plugin_map": AUTHENTICATION,
            **self._tls_arguments(source, kind),
        }

    def _open_file(self, url: URL, source: str, kind: Kind) -> Database:
        if not url.database or url.database == ":memory:":
            raise not_configured(source, "an SQLite URL must name a file", "write it as sqlite:////absolute/path.db")
        address = f"file:{quote(url.database)}?mode=ro"
        deadline_s = self.limits.statement_s

        def connect() -> sqlite3.Connection:
            connection = sqlite3.connect(
                address, uri=True, timeout=deadline_s, check_same_thread=False, isolation_level=None
            )
            connection.text_factory = _lenient_text
            connection.execute("PRAGMA query_only = ON")
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_BYTES)
            return connection

        # No pool: a file that was replaced is another file, and a kept connection would go on reading the old one.
        engine = create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)
        return Database(source, kind, engine, self.limits, {})

    def _tls_arguments(self, source: str, kind: Kind) -> dict[str, Any]:
        tls, setting = self._tls or _tls_of(self._settings, kind)
        if tls.mode is TlsMode.OFF:
            # PyMySQL would otherwise try encryption without verifying anything, with a new 19 ms context a connection.
            return {"ssl_disabled": True}
        return {"ssl": context_of(tls, setting, source)}


def _tls_of(settings: DatabaseSettings, kind: Kind) -> tuple[Tls, str]:
    """How that kind of database is reached, and the setting that says so."""
    own = settings.common_tls if kind == "common" else settings.client_tls
    return (settings.tls, "databases.tls") if own is None else (own, f"databases.{kind}_tls")


def _file_to_write(url: URL, source: str, kind: Kind, limits: TimeLimits) -> Database:
    if not url.database or url.database == ":memory:":
        raise not_configured(source, "an SQLite URL must name a file", "write it as sqlite:////absolute/path.db")
    address = f"file:{quote(url.database)}?mode=rw"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            address, uri=True, timeout=limits.statement_s, check_same_thread=False, isolation_level=None
        )

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)
    # With the write lock from the first moment: what is read within the transaction is what is written over.
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return Database(source, kind, engine, limits, {})


def _attend(engine: Engine, arguments: dict[str, Any], login: Login, limits: TimeLimits) -> None:
    """Make each connection of the engine with `connect_session`, and give it the read limit while it is lent out."""

    def do_connect(_dialect: object, record: Any, _positional: object, _named: object) -> Connection:  # noqa: ANN401
        connection, record.info["session"] = connect_session(arguments, login, limits)
        return connection

    def checkout(connection: Connection, _record: object, _proxy: object) -> None:
        set_read_limit(connection, limits.read_s)

    def checkin(connection: Connection | None, _record: object) -> None:
        # None stands for a connection that was given up while it was lent out.
        if connection is not None:
            set_read_limit(connection, limits.connect_s)

    event.listen(engine, "do_connect", do_connect)
    event.listen(engine, "checkout", checkout)
    event.listen(engine, "checkin", checkin)


class ClientPool:
    """At most `bound` client databases connected at once; the one unused for longest makes room."""

    def __init__(self, bound: int, deadline_s: float) -> None:
        self._bound = max(1, bound)
        self._deadline_s = deadline_s
        self._kept: OrderedDict[tuple[int, URL], Database] = OrderedDict()
        self._users: dict[tuple[int, URL], int] = {}
        self._change = threading.Condition()

    def __len__(self) -> int:
        with self._change:
            return len(self._kept)

    @contextmanager
    def lend(self, account_id: int, url: URL, make: Callable[[], Database]) -> Iterator[Database]:
        """Lend an account's database; raises `SourceFailure` (timed out) when every one of the bound stays in use."""
        key = (account_id, url)
        database, evicted = self._take(key, make)
        if evicted is not None:
            evicted.dispose()
        try:
            yield database
        finally:
            self._give_back(key, database)

    def close(self) -> None:
        """Close what is idle now, and what is lent out when it comes back."""
        with self._change:
            idle = [self._kept.pop(key) for key in list(self._kept) if not self._users.get(key)]
            self._kept.clear()
        for database in idle:
            database.dispose()

    def _take(self, key: tuple[int, URL], make: Callable[[], Database]) -> tuple[Database, Database | None]:
        evicted: Database | None = None
        with self._change:
            if not self._change.wait_for(lambda: key in self._kept or self._has_room(), self._deadline_s):
                raise SourceFailure(
                    FailureKind.TIMED_OUT,
                    f"client {key[0]}",
                    f"all {self._bound} client databases are busy",
                    remedy="wait, or raise databases.client_pool",
                )
            if key not in self._kept:
                database = make()
                if len(self._kept) >= self._bound:
                    evicted = self._kept.pop(next(other for other in self._kept if not self._users.get(other)))
                self._kept[key] = database
            self._kept.move_to_end(key)
            self._users[key] = self._users.get(key, 0) + 1
            return self._kept[key], evicted

    def _has_room(self) -> bool:
        return len(self._kept) < self._bound or any(not self._users.get(key) for key in self._kept)

    def _give_back(self, key: tuple[int, URL], database: Database) -> None:
        with self._change:
            self._users[key] -= 1
            if not self._users[key]:
                del self._users[key]
            abandoned = self._kept.get(key) is not database and key not in self._users
            self._change.notify_all()
        if abandoned:
            database.dispose()


def _lenient_text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


@dataclass(slots=True, frozen=True)
class ServerSession:
    """What one connection's server said of itself."""

    version: str
    """As `SELECT VERSION()` says it: a proxy's greeting may name another."""
    connection_id: int
    """What `KILL QUERY` takes."""
    limited: bool
    """True when the server itself ends a statement at the limit; very old servers cannot."""
    server: str
    """What tells this server from every other one; empty where it is not known, or a proxy numbers connections anew."""


class BoundedConnection(Connection):  # type: ignore[misc]  # PyMySQL's stubs do not name what is overridden here
    """A connection on which no answer is read beyond `MOST_BYTES`, whatever a cell or the number of rows may be.

    A server's own max_allowed_packet may be a gigabyte, and PyMySQL's is about what is sent. The limit for reading is
    of one silence: an answer that drips ends after `SILENCES` of them.
    """

    _left = MOST_BYTES
    _ends = math.inf

    def connect(self, sock: socket.socket | None = None) -> None:
        self._ends = time.monotonic() + SILENCES * self.connect_timeout
        super().connect(sock)

    def _execute_command(self, command: int, sql: str | bytes) -> None:
        self._left, limit_s = MOST_BYTES, self._read_timeout
        self._ends = math.inf if limit_s is None else time.monotonic() + SILENCES * limit_s
        super()._execute_command(command, sql)

    def _read_bytes(self, num_bytes: int) -> bytes:
        self._left -= num_bytes
        if self._left < 0:
            # What is left of it would be taken for the next answer.
            self._force_close()
            raise AnswerTooLarge
        read = bytearray()
        while len(read) < num_bytes:
            read += self._piece(num_bytes - len(read))
        return bytes(read)

    def _piece(self, most: int) -> bytes:
        """What has arrived, at most so many bytes; PyMySQL would wait for all of them, each one for its whole limit."""
        told = ""
        try:
            if time.monotonic() <= self._ends:
                if piece := self._rfile.read1(most):
                    return bytes(piece)
                told = "the other side ended it"
        except OSError as error:
            told = str(error)
        except BaseException:
            self._force_close()
            raise
        self._force_close()
        raise pymysql.err.OperationalError(LOST, f"Lost connection to MySQL server during query ({told or DRIPS})")


def connect_session(
    arguments: Mapping[str, Any], login: Login, limits: TimeLimits, *, writes: bool = False
) -> tuple[Connection, ServerSession]:
    """Connect and prepare the session, which only reads unless `writes`.

    Two connect limits at most, however slowly a server drips its bytes; twice that where the login was refused and has
    been read again. Raises pymysql.Error, OSError or LoginWithheld.
    """
    return login.connect(lambda given: _connected({**arguments, **given}, limits, writes=writes))


def _connected(arguments: Mapping[str, Any], limits: TimeLimits, *, writes: bool) -> tuple[Connection, ServerSession]:
    connection = BoundedConnection(**arguments, defer_connect=True)
    guard = threading.Timer(2 * limits.connect_s, cut, [connection])
    guard.daemon = True
    guard.start()
    try:
        connection.connect()
        # PyMySQL decodes strictly, in the middle of an answer: one name would cost the answer and the connection.
        connection.encoding = _LENIENT + connection.encoding
        return connection, _prepare(connection, limits, writes=writes)
    except BaseException:
        with suppress(pymysql.Error, OSError):
            connection.close()
        raise
    finally:
        guard.cancel()


def _prepare(connection: Connection, limits: TimeLimits, *, writes: bool) -> ServerSession:
    with connection.cursor() as cursor:
        version, connection_id, server = _introduction(cursor)
        # A proxy that greets with a number of its own would take KILL for that number, and so for somebody else.
        if connection.thread_id() % 2**32 != connection_id % 2**32:
            server = ""
        cursor.execute(f"SET SESSION TRANSACTION {'READ WRITE' if writes else 'READ ONLY'}")
        # A SELECT behind somebody's ALTER TABLE waits for a day unless told otherwise. The statement limit goes first.
        waiting = math.ceil(limits.statement_s) + 1
        cursor.execute(f"SET SESSION {_SETTINGS}, lock_wait_timeout = %s", (waiting,))
        if writes:
            # What does not fit is an error, not a shorter value; a row that others hold is waited for briefly.
            cursor.execute(f"SET SESSION {_STRICT}, innodb_lock_wait_timeout = %s", (waiting,))
        version = clean(str(version), limit=80)
        limited = _limit_statements(cursor, version, limits.statement_s)
    return ServerSession(version, connection_id, limited, server)


def _introduction(cursor: Cursor) -> tuple[str, int, str]:
    """Version, number of the connection, and identity of the server; raises as `connect_session`."""
    try:
        cursor.execute(f"SELECT VERSION(), CONNECTION_ID(), {_IDENTITY}")  # a constant of this file
        version, connection_id, server = cursor.fetchone()
    except pymysql.Error as error:
        if not is_servers_own(error):
            raise
        # What only speaks the protocol (Vitess, some proxies) does not know all of these.
        cursor.execute("SELECT VERSION(), CONNECTION_ID()")
        (version, connection_id), server = cursor.fetchone(), ""
    return str(version), int(connection_id), str(server or "")


def _limit_statements(cursor: Cursor, version: str, seconds: float) -> bool:
    try:
        if "mariadb" in version.lower():
            cursor.execute("SET SESSION max_statement_time = %s", (seconds,))
        else:
            cursor.execute("SET SESSION max_execution_time = %s", (max(1, round(seconds * 1000)),))
    except pymysql.Error as error:
        if error.args and error.args[0] == _UNKNOWN_VARIABLE:
            return False
        raise
    return True


def _lenient_codec(name: str) -> codecs.CodecInfo | None:
    """The codec of that name with the prefix, which replaces what it cannot decode."""
    if not name.startswith(_LENIENT):
        return None
    strict = codecs.lookup(name.removeprefix(_LENIENT))
    decode = strict.decode
    return codecs.CodecInfo(strict.encode, lambda raw, _errors="strict": decode(raw, "replace"), name=name)


codecs.register(_lenient_codec)


def kill_statement(arguments: Mapping[str, Any], login: Login, session: ServerSession) -> bool:
    """End the statement that another connection of the same login runs; raises as `connect_session`.

    False, and nothing was ended, where it cannot be shown that this connection reached the same server: behind a load
    balancer the number would be a stranger's.
    """
    connected = login.connect(lambda given: BoundedConnection(**{**arguments, **given}))
    with connected as connection, connection.cursor() as cursor:
        if not session.server or _introduction(cursor)[2] != session.server:
            return False
        cursor.execute("KILL QUERY %s", (session.connection_id,))
    return True


def set_read_limit(connection: Connection, seconds: float) -> None:
    """Change how long a connection waits for the next piece of an answer.

    PyMySQL has no public way; it compares this attribute with the socket's state before it reads a packet.
    """
    connection._read_timeout = seconds


def cut(connection: Connection) -> None:
    """End a connection's socket from another thread: a blocked read returns at once, which closing does not achieve."""
    wire = getattr(connection, "_sock", None)
    if wire is not None:
        with suppress(OSError):
            wire.shutdown(socket.SHUT_RDWR)
