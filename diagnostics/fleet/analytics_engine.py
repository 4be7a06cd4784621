"""The analytics engine's connection: as read-only and as limited in time as its dialect allows.

SQLite and MySQL go the way of the other databases. Any other dialect goes through its SQLAlchemy driver, with what is
known here about sessions of PostgreSQL, Redshift, Databricks and Snowflake; whatever the session says, only SELECT
statements are ever sent.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr
from sqlalchemy import URL, NullPool, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)

from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.sources.mysql.addresses import is_known_driver, parse_url
from diagnostics.sources.mysql.engines import Database, Engines
from diagnostics.sources.mysql.failures import Limits, not_configured

if TYPE_CHECKING:
    from diagnostics.config.settings import AnalyticsSettings, DatabaseSettings

SOURCE = "analytics"
_READ_GRACE_S = 2.0
_TOKEN_USER = "token"  # noqa: S105  # Databricks wants this word where others have a user name
_READ_ONLY = {
    "postgresql": ("SET default_transaction_read_only = on", "SET statement_timeout = {milliseconds}"),
    "redshift": ("SET statement_timeout = {milliseconds}",),
    "databricks": ("SET STATEMENT_TIMEOUT = {seconds}",),
    "snowflake": ("ALTER SESSION SET STATEMENT_TIMEOUT_IN_SECONDS = {seconds}",),
}
"""What each new session is told. The engines without a word for read-only rely on grants and on what is sent."""

_GUARDED = frozenset({"sqlite", "mysql", "mariadb", "postgresql"})
_UNGUARDED = "this engine's sessions cannot be made read-only; only SELECT statements were sent"
_DRIVER = "install the driver of this engine, for Databricks: pip install 'zillow-war-room[databricks]'"


def open_engine(settings: AnalyticsSettings, databases: DatabaseSettings) -> Database:
    """The engine of the settings; connects to nothing. Raises `SourceFailure` (not configured)."""
    limits = Limits(databases.connect_timeout_s, settings.timeout_s + _READ_GRACE_S, settings.timeout_s)
    url = _address(settings.url)
    password = _password(url, settings.password)
    if is_known_driver(url):
        url = parse_url(settings.url, SOURCE, "analytics.url")
        return Engines(databases, limits).open(url, SOURCE, "client", password)
    return _open_other(url, password, limits)


def caveat_of(database: Database) -> str:
    """What there is to say about the session, as evidence states it."""
    return "" if database.engine.dialect.name in _GUARDED else _UNGUARDED


def _address(setting: str | None) -> URL:
    try:
        url: URL | None = make_url(setting or "")
    except (ArgumentError, ValueError):
        url = None
    if url is None:
        raise not_configured(SOURCE, "analytics.url is no SQLAlchemy URL", "accepted: dialect+driver://user@host/name")
    return url


def _password(url: URL, secret: SecretStr | None) -> SecretStr:
    if url.password or secret is None:
        return SecretStr(url.password or "")
    try:
        return SecretStr(secret.get_secret_value())
    except UserError as error:
        unusable = error
    raise not_configured(SOURCE, unusable.problem, unusable.accepted or unusable.next_step)


def _open_other(url: URL, password: SecretStr, limits: Limits) -> Database:
    if password.get_secret_value():
        user = url.username or (_TOKEN_USER if url.get_backend_name() == "databricks" else None)
        url = url.set(username=user, password=password.get_secret_value())
    arguments = _connect_arguments(url, limits)
    try:
        engine = create_engine(url, poolclass=NullPool, hide_parameters=True, connect_args=arguments)
        missing = False
    except (NoSuchModuleError, ImportError, ArgumentError, TypeError):
        missing = True
    if missing:
        # Raised out here: the driver's own error may quote the URL.
        raise not_configured(SOURCE, f"there is no driver for {url.get_backend_name()} URLs", _DRIVER)
    told = _READ_ONLY.get(engine.dialect.name, ())
    values = {"seconds": max(1, round(limits.statement_s)), "milliseconds": max(1, round(limits.statement_s * 1000))}

    def prepare(connection: Any, _record: object) -> None:  # noqa: ANN401  # whatever the driver connects with
        cursor = connection.cursor()
        for statement in told:
            cursor.execute(statement.format_map(values))
        cursor.close()
        with suppress(Exception):  # a driver without transactions needs none ended
            connection.commit()

    cursors = _Cursors()
    event.listen(engine, "connect", prepare)
    event.listen(engine, "before_cursor_execute", cursors.note)
    return Database(SOURCE, "client", engine, limits, {}, end=cursors.end, failure_of=_failures(limits))


def _connect_arguments(url: URL, limits: Limits) -> dict[str, Any]:
    """What drivers call their time limits; without these the one of Databricks tries again for a quarter of an hour."""
    connect_s = max(1, math.ceil(limits.connect_s))
    if url.get_backend_name() == "databricks":
        return {
            "_socket_timeout": limits.read_s,
            "_retry_stop_after_attempts_count": 2,
            "_retry_stop_after_attempts_duration": 2 * connect_s,
            "enable_telemetry": False,
        }
    if url.get_backend_name() in {"postgresql", "redshift"} and "pg8000" not in url.drivername:
        return {"connect_timeout": connect_s}
    if url.get_backend_name() == "snowflake":
        return {"login_timeout": connect_s, "network_timeout": math.ceil(limits.read_s)}
    return {}


class _Cursors:
    """The cursor that runs on each connection: some drivers end a statement through it and not otherwise."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[int, Any] = {}

    def note(self, connection: Any, cursor: object, *_: object) -> None:  # noqa: ANN401  # SQLAlchemy's event
        """Remember what is about to run."""
        with self._lock:
            self._running = {id(connection.connection.driver_connection): cursor}

    def end(self, wire: Any) -> None:  # noqa: ANN401  # whatever the driver connects with
        """End what runs, by whichever way the driver has; the last is to close the connection."""
        with self._lock:
            cursor = self._running.get(id(wire))
        for thing, way in ((wire, "cancel"), (cursor, "cancel"), (wire, "interrupt"), (wire, "close")):
            call = getattr(thing, way, None)
            if callable(call):
                with suppress(Exception):  # the next way is tried, and the asker does not wait for this one
                    call()
                    return


def _failures(limits: Limits) -> Callable[[BaseException, bool], SourceFailure]:
    def failure_of(error: BaseException, connecting: bool) -> SourceFailure:
        kind, reason, remedy = _meaning(error, limits, connecting=connecting)
        return SourceFailure(kind, SOURCE, reason, remedy=remedy)

    return failure_of


def _meaning(error: BaseException, limits: Limits, *, connecting: bool) -> tuple[FailureKind, str, str]:
    """The driver's own message is never passed on: it may quote host, token, statement and values."""
    name = type(error.orig if isinstance(error, DBAPIError) and error.orig is not None else error).__name__
    if isinstance(error, NoSuchModuleError | ImportError):
        return FailureKind.NOT_CONFIGURED, "the driver of this engine is not installed", _DRIVER
    if connecting and isinstance(error, SQLAlchemyError | OSError):
        return FailureKind.UNREACHABLE, f"no connection ({name})", "check analytics.url, its token, and the network"
    if isinstance(error, ProgrammingError):
        remedy = "check the names of its tables under analytics, and what this login may read"
        return FailureKind.REJECTED, f"the engine refused the statement ({name})", remedy
    if isinstance(error, OperationalError | InterfaceError | OSError):
        reason = f"the engine ended the statement or the connection ({name}); its limit is {limits.statement_s:g} s"
        return FailureKind.UNREACHABLE, reason, "ask again; the engine's own history says what it did"
    return FailureKind.MALFORMED, f"the engine's answer could not be used ({name})", "check analytics.url"
