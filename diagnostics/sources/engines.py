"""Connections to the two kinds of database: addresses, time limits, read-only sessions, and a bounded pool of clients.

A value that came out of `common.accounts` may become one component of an address and never more: each is matched against what a host,
a database or a user can be called, and the address is put together from components, not from text.
"""

from __future__ import annotations

import ipaddress
import re
import sqlite3
import ssl
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from pydantic import SecretStr
from sqlalchemy import URL, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from diagnostics.failures import FailureKind, SourceFailure
from diagnostics.sources.database_failures import Limits, PasswordWithheld, not_configured
from diagnostics.sources.mysql_session import connect_session, set_read_limit
from diagnostics.sources.tables import Kind
from diagnostics.text import clean

_MYSQL = frozenset({"mysql", "mariadb", "mysql+pymysql", "mariadb+pymysql"})
_SQLITE = frozenset({"sqlite", "sqlite+pysqlite"})
_QUERY_KEYS = frozenset({"charset", "unix_socket"})
_SLOT = re.compile(r"\{([^{}]*)\}")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}(?:\.[A-Za-z0-9][A-Za-z0-9_-]{0,62})*\.?")
_NAMES = {
    "db_database": (re.compile(r"[A-Za-z0-9_][A-Za-z0-9_$-]{0,63}"), "letters, digits, _, $ and -, at most 64"),
    "db_user": (re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.$@-]{0,79}"), "letters, digits, _, ., $, @ and -, at most 80"),
}
_RECYCLE_SECONDS = 300
_ACCEPTED_SLOTS = "{db_host}, {db_database}, {db_user} and {account_id}"


class DatabaseSettings(Protocol):
    """What the databases need of the settings."""

    @property
    def common_url(self) -> str | SecretStr | None:
        """SQLAlchemy URL of the shared database."""

    @property
    def client_url(self) -> str | SecretStr | None:
        """The same for one account's database, with slots."""

    @property
    def password(self) -> SecretStr | None:
        """Used where a URL has none."""

    @property
    def connect_timeout_s(self) -> float:
        """Until a connection is made, and until its server has answered at all."""

    @property
    def read_timeout_s(self) -> float:
        """Between two pieces of an answer."""

    @property
    def statement_timeout_s(self) -> float:
        """For one statement, on the server."""

    @property
    def client_pool(self) -> int:
        """How many client databases are kept connected at most."""

    @property
    def tls(self) -> bool | str | Path:
        """Off, on with the machine's authorities, or on with the authority in this file."""


class Placed(Protocol):
    """Where an account's database is, as `common.accounts` says it."""

    @property
    def id(self) -> int:
        """The account."""

    @property
    def db_host(self) -> str:
        """Host name or address."""

    @property
    def db_database(self) -> str:
        """Database name."""

    @property
    def db_user(self) -> str:
        """Login."""


@dataclass(slots=True, frozen=True, repr=False)
class Database:
    """One database and what it takes to ask it: `source` is the name a person uses, "common" or "client 14009"."""

    source: str
    kind: Kind
    engine: Engine
    limits: Limits
    connect_arguments: Mapping[str, Any]
    """How its server is reached once more, to end a statement. Holds the password: never printed."""

    @property
    def is_sqlite(self) -> bool:
        """True for a file, which has no server, no grants and no replicas."""
        return self.engine.dialect.name == "sqlite"

    def dispose(self) -> None:
        """Close every idle connection."""
        self.engine.dispose()


class Engines:
    """Makes databases from the settings. Nothing is opened before a statement is run."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings
        self._tls: ssl.SSLContext | None = None
        self._lock = threading.Lock()
        self.limits = Limits(settings.connect_timeout_s, settings.read_timeout_s, settings.statement_timeout_s)

    def common(self) -> Database:
        """The shared database; raises `SourceFailure` (not configured)."""
        url = parse_url(_plain(self._settings.common_url), "common", "databases.common_url")
        return self._open(url, "common", "common")

    def client(self, place: Placed) -> tuple[URL, Callable[[], Database]]:
        """The address of an account's database, and how to make it; raises `SourceFailure` (not configured, malformed)."""
        source = f"client {place.id}"
        url = fill(parse_url(_plain(self._settings.client_url), source, "databases.client_url"), place, source)
        return url, lambda: self._open(url, source, "client")

    def _open(self, url: URL, source: str, kind: Kind) -> Database:
        if url.drivername in _SQLITE:
            return self._open_file(url, source, kind)
        secret = url.password or _plain(self._settings.password) or ""
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
        _, arguments = engine.dialect.create_connect_args(bare)
        # Bytes: PyMySQL would encode text as Latin-1, and name the password in the error when that fails.
        arguments |= {
            "password": secret.encode(),
            "connect_timeout": self.limits.connect_s,
            # Of the handshake and of pings; statements get the read limit while they run.
            "read_timeout": self.limits.connect_s,
            "write_timeout": self.limits.read_s,
        } | self._tls_arguments(source)
        _attend(engine, arguments, self.limits)
        return Database(source, kind, engine, self.limits, arguments)

    def _open_file(self, url: URL, source: str, kind: Kind) -> Database:
        if not url.database or url.database == ":memory:":
            raise not_configured(source, "an SQLite URL must name a file", "write it as sqlite:////absolute/path.db")
        address = f"file:{quote(url.database)}?mode=ro"
        patience = self.limits.statement_s

        def connect() -> sqlite3.Connection:
            connection = sqlite3.connect(
                address, uri=True, timeout=patience, check_same_thread=False, isolation_level=None
            )
            connection.text_factory = _lenient_text
            connection.execute("PRAGMA query_only = ON")
            return connection

        # No pool: a file that was replaced is another file, and a kept connection would go on reading the old one.
        engine = create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)
        return Database(source, kind, engine, self.limits, {})

    def _tls_arguments(self, source: str) -> dict[str, Any]:
        wanted = self._settings.tls
        if wanted is False or wanted in ("", "false"):
            # PyMySQL would otherwise try encryption without verifying anything, with a new 19 ms context a connection.
            return {"ssl_disabled": True, "auth_plugin_map": _NO_CLEAR_TEXT}
        with self._lock:
            if self._tls is None:
                self._tls = _tls_context(wanted, source)
            return {"ssl": self._tls}


def _tls_context(wanted: bool | str | Path, source: str) -> ssl.SSLContext:
    authority = None if wanted is True or wanted == "true" else str(wanted)
    try:
        context = ssl.create_default_context(cafile=authority)
    except (OSError, ssl.SSLError):
        context = None
    if context is None:
        raise not_configured(
            source,
            "databases.tls names a file that is no readable certificate authority",
            "set databases.tls to true, to false, or to the path of a PEM file",
        )
    # Company authorities often lack the extensions that Python 3.13 began to insist on; the chain and the name are still checked.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


class _ClearTextRefused:
    """Stands where PyMySQL would send the password as it is to whoever asks for it."""

    def __init__(self, connection: object) -> None:
        self._connection = connection

    def authenticate(self, packet: object) -> object:
        raise PasswordWithheld


_NO_CLEAR_TEXT = {b"mysql_clear_password": _ClearTextRefused, b"dialog": _ClearTextRefused}


def _attend(engine: Engine, arguments: dict[str, Any], limits: Limits) -> None:
    """Make every connection of the engine through `connect_session`, and give it the read limit while it is lent out."""

    def do_connect(dialect: object, record: Any, positional: object, named: object) -> object:
        connection, record.info["session"] = connect_session(arguments, limits)
        return connection

    def checkout(connection: object, record: object, proxy: object) -> None:
        set_read_limit(connection, limits.read_s)

    def checkin(connection: object, record: object) -> None:
        # None stands for a connection that was given up while it was lent out.
        if connection is not None:
            set_read_limit(connection, limits.connect_s)

    event.listen(engine, "do_connect", do_connect)
    event.listen(engine, "checkout", checkout)
    event.listen(engine, "checkin", checkin)


def parse_url(text: str | None, source: str, setting: str) -> URL:
    """The URL in a setting, of a kind this program can speak to; raises `SourceFailure` (not configured) that does not quote it."""
    if not text:
        raise not_configured(
            source, f"{setting} is not set", f"set {setting}, for example mysql+pymysql://reader@db.example/fub"
        )
    try:
        url: URL | None = make_url(text)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.drivername not in _MYSQL | _SQLITE:
        raise not_configured(
            source,
            f"{setting} is not a URL of a supported database",
            "accepted: mysql+pymysql://user@host:port/database and sqlite:////absolute/path.db",
        )
    unknown = sorted(set(url.query) - _QUERY_KEYS)
    if unknown:
        raise not_configured(
            source,
            f"{setting} has options that are not accepted: {', '.join(unknown)}",
            f"accepted: {', '.join(sorted(_QUERY_KEYS))}; encryption is set with databases.tls",
        )
    return url


def fill(template: URL, place: Placed, source: str) -> URL:
    """Put an account's place into the components of a URL; raises `SourceFailure` when a value cannot be what it claims."""

    def filled(text: str | None) -> str | None:
        return None if text is None else _SLOT.sub(lambda found: _slot(found[1], place, source), text)

    query = {
        key: tuple(filled(part) or "" for part in value) if isinstance(value, tuple) else filled(value) or ""
        for key, value in template.query.items()
    }
    return URL.create(
        template.drivername,
        filled(template.username),
        template.password,
        filled(template.host),
        template.port,
        filled(template.database),
        query,
    )


def _slot(name: str, place: Placed, source: str) -> str:
    if name == "account_id":
        return str(int(place.id))
    if name == "db_host":
        return _host(place.db_host, source)
    if name not in _NAMES:
        raise not_configured(
            source, f"databases.client_url has the slot {{{clean(name, limit=40)}}}", f"accepted: {_ACCEPTED_SLOTS}"
        )
    pattern, accepted = _NAMES[name]
    value = str(getattr(place, name))
    if not pattern.fullmatch(value):
        raise _misplaced(source, name, value, accepted)
    return value


def _host(value: str, source: str) -> str:
    if len(value) <= 253 and _HOST.fullmatch(value):
        return value
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        pass
    raise _misplaced(source, "db_host", value, "a host name or an IP address, without a port")


def _misplaced(source: str, column: str, value: str, accepted: str) -> SourceFailure:
    shown = repr(clean(value, limit=60)) if value else "empty"
    return SourceFailure(
        FailureKind.MALFORMED,
        source,
        f"{column} of this account in common.accounts is {shown}, which is refused; accepted: {accepted}",
        remedy="correct the row in common.accounts, or the mapping of accounts in the catalogue's schema.toml",
    )


class ClientPool:
    """At most `bound` client databases connected at once; the one unused for longest makes room."""

    def __init__(self, bound: int, patience_s: float) -> None:
        self._bound = max(1, bound)
        self._patience_s = patience_s
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
            if not self._change.wait_for(lambda: key in self._kept or self._has_room(), self._patience_s):
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


def _plain(value: str | SecretStr | None) -> str | None:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _lenient_text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
