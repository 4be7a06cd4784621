"""Connections to the place where the console keeps what it knows: a file, a server's database, or memory alone."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, QueuePool, StaticPool, create_engine, event

from diagnostics.sources.addresses import SQLITE_DRIVERS, parse_url
from diagnostics.sources.database_failures import Limits, PasswordWithheld, not_configured
from diagnostics.state.failures import SOURCE

if TYPE_CHECKING:
    from diagnostics.settings import StateSettings

LIMITS = Limits(connect_s=3.0, read_s=8.0, statement_s=5.0)
BUSY_S = 4.0
"""How long one writer waits for another."""

FILE_NAME = "state.db"
WRITE = {"warroom_write": True}
"""Execution option of a connection that is going to write."""

_SESSION = (
    "SET SESSION time_zone = '+00:00', innodb_lock_wait_timeout = 4, lock_wait_timeout = 5,"
    " sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'"
)


@dataclass(slots=True, frozen=True, repr=False)
class Place:
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


def open_place(settings: StateSettings, state_dir: Path) -> Place:
    """The lasting place that the settings name; for a server, nothing is sent yet. Raises OSError, SourceFailure."""
    if settings.url is None:
        return _open_file(state_dir / FILE_NAME)
    url = parse_url(settings.url, SOURCE, "state.url")
    if url.drivername not in SQLITE_DRIVERS:
        return _open_server(url, settings)
    if not url.database or url.database == ":memory:":
        raise not_configured(SOURCE, "state.url must name a file", "write it as sqlite:////absolute/path.db")
    return _open_file(Path(url.database))


def open_memory() -> Place:
    """A place that ends with the process. One connection: its users take turns."""

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)

    engine = create_engine("sqlite://", creator=connect, poolclass=StaticPool, hide_parameters=True)
    event.listen(engine, "begin", _begin)
    return Place(engine)


def _open_file(path: Path) -> Place:
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
    return Place(engine, path, _identity(path))


def _identity(path: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        found = path.stat()
        return found.st_dev, found.st_ino
    return None


def _begin(connection: Connection) -> None:
    # A transaction that turns from reading to writing may fail at once where another writes; one that begins so waits.
    writes = connection.get_execution_options().get("warroom_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _open_server(url: URL, settings: StateSettings) -> Place:
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
    return Place(engine)


class _ClearTextRefused:
    """Stands where PyMySQL would send the password as it is to whoever asks for it."""

    def __init__(self, connection: object) -> None:
        self._connection = connection

    def authenticate(self, _packet: object) -> object:
        raise PasswordWithheld
