"""The same questions put to the team's analytics engine, which holds the rows of all accounts in one table."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr
from sqlalchemy import (
    URL,
    ColumnElement,
    Dialect,
    MetaData,
    NullPool,
    Table,
    and_,
    create_engine,
    event,
    func,
    literal,
    make_url,
    or_,
    select,
)
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.sql.elements import quoted_name

from diagnostics.config.tls import Tls, TlsMode
from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.fleet.batches import plain
from diagnostics.fleet.models import FleetQuestion
from diagnostics.models.evidence import Evidence
from diagnostics.sources.mysql.addresses import is_known_driver, parse_url
from diagnostics.sources.mysql.engines import Database, Engines
from diagnostics.sources.mysql.failures import TimeLimits, not_configured
from diagnostics.sources.mysql.logins import Login, LoginWithheld
from diagnostics.sources.mysql.statements import describe

if TYPE_CHECKING:
    from diagnostics.config.settings import AnalyticsSettings, DatabaseSettings
    from diagnostics.fleet.models import Query
    from diagnostics.sources.mysql.databases import Databases
    from diagnostics.sources.mysql.runner import Answer, Runner

SOURCE = "analytics"
_READ_GRACE_S = 2.0
_TOKEN_USER = "token"  # noqa: S105  # Databricks wants this word where others have a user name
_READ_ONLY = {
    "postgresql": ("SET default_transaction_read_only = on", "SET statement_timeout = {milliseconds}"),
    "redshift": ("SET statement_timeout = {milliseconds}",),
    "databricks": ("SET STATEMENT_TIMEOUT = {seconds}",),
    "snowflake": ("ALTER SESSION SET STATEMENT_TIMEOUT_IN_SECONDS = {seconds}",),
}
"""Statements sent to each new session. Engines without a word for read-only rely on grants and on what is sent."""

_LIBPQ_MODES = {
    TlsMode.OFF: "disable",
    TlsMode.REQUIRED: "require",
    TlsMode.VERIFY_CA: "verify-ca",
    TlsMode.VERIFY_IDENTITY: "verify-full",
}
_GUARDED = frozenset({"sqlite", "mysql", "mariadb", "postgresql"})
_UNGUARDED = "this engine's sessions cannot be made read-only; only SELECT statements were sent"
_REFUSED_CODES = frozenset({"28P01", "28000", "390100", "390101", "390144"})
"""PostgreSQL's (https://www.postgresql.org/docs/current/errcodes-appendix.html) and Snowflake's."""

_REFUSED_WORDS = (
    "password authentication failed",
    "incorrect username or password",
    "invalid access token",
    "token is invalid",
    "token has expired",
    "401 unauthorized",
    "status code 401",
    "http-code': 401",
)
_LOGIN = "check analytics.password, or the token in its place; it may have been changed, or have expired"
_LOOKED_AT = 2_000
"""Letters of a driver's message that are searched for these words."""
_DRIVER = "install the driver of this engine, for Databricks: pip install 'zillow-war-room[databricks]'"


def open_engine(settings: AnalyticsSettings, databases: DatabaseSettings) -> Database:
    """The engine of the settings; connects to nothing. Raises `SourceFailure` (not configured)."""
    limits = TimeLimits(databases.connect_timeout_s, settings.timeout_s + _READ_GRACE_S, settings.timeout_s)
    url = _address(settings.url)
    secret = _secret(url, settings.password)
    if is_known_driver(url):
        url = parse_url(settings.url, SOURCE, "analytics.url")
        tls = (databases.tls, "databases.tls") if settings.tls is None else (settings.tls, "analytics.tls")
        return Engines(databases, limits, tls).open(url, SOURCE, "client", Login(secret))
    return _open_other(url, secret, limits, _encryption(url, settings.tls))


def caveat_of(database: Database) -> str:
    """Caveats of the session, as evidence states them."""
    return "" if database.engine.dialect.name in _GUARDED else _UNGUARDED


def _address(setting: str | None) -> URL:
    try:
        url: URL | None = make_url(setting or "")
    except (ArgumentError, ValueError):
        url = None
    if url is None:
        raise not_configured(SOURCE, "analytics.url is no SQLAlchemy URL", "accepted: dialect+driver://user@host/name")
    return url


def _secret(url: URL, secret: SecretStr | None) -> SecretStr:
    """The password, which can be read again where it came from unless it stands in the address."""
    if url.password or secret is None:
        return SecretStr(url.password or "")
    try:
        secret.get_secret_value()
    except UserError as error:
        unusable = error
    else:
        return secret
    raise not_configured(SOURCE, unusable.problem, unusable.accepted or unusable.next_step)


def _encryption(url: URL, tls: Tls | None) -> dict[str, Any]:
    """Arguments of the driver that encrypt as `analytics.tls` says; raises `SourceFailure` where it has no such words.

    Source: https://www.postgresql.org/docs/current/libpq-ssl.html; "system" is known since libpq 16.
    """
    if tls is None:
        return {}
    # Not get_driver_name, which loads the dialect: it may be missing, and that is told elsewhere.
    driver = url.drivername.partition("+")[2]
    if url.get_backend_name() != "postgresql" or (driver and not driver.startswith("psycopg")):
        raise not_configured(
            SOURCE,
            f"analytics.tls means nothing to {url.drivername}",
            "take it away, and write into analytics.url how that driver encrypts; Databricks and Snowflake always do",
        )
    if tls.mode is TlsMode.VERIFY_CA and tls.authority is None:
        raise not_configured(SOURCE, "analytics.tls names no authority", "set it to verify-ca:PATH of a PEM file")
    authority = {"sslrootcert": str(tls.authority or "system")} if tls.verifies else {}
    return {"sslmode": _LIBPQ_MODES[tls.mode], **authority}


def _open_other(url: URL, secret: SecretStr, limits: TimeLimits, encryption: dict[str, Any]) -> Database:
    arguments = _connect_arguments(url, limits) | encryption
    # Without its password the URL can be printed by whoever finds it.
    bare = URL.create(url.drivername, url.username, None, url.host, url.port, url.database, url.query)
    try:
        engine = create_engine(bare, poolclass=NullPool, hide_parameters=True, connect_args=arguments)
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

    login = Login(secret, is_refusal=_is_refusal)

    def connect(dialect: Dialect, _record: object, _given: object, _named: object) -> Any:  # noqa: ANN401  # as above
        def connected(given: Mapping[str, Any]) -> Any:  # noqa: ANN401  # as above
            positional, named = dialect.create_connect_args(_with_password(bare, given["password"].decode()))
            return dialect.connect(*positional, **{**named, **arguments})

        return login.connect(connected)

    cursors = _Cursors()
    event.listen(engine, "do_connect", connect)
    event.listen(engine, "connect", prepare)
    event.listen(engine, "before_cursor_execute", cursors.note)
    return Database(SOURCE, "client", engine, limits, {}, end=cursors.end, failure_of=_failures(limits))


def _with_password(url: URL, password: str) -> URL:
    if not password:
        return url
    user = url.username or (_TOKEN_USER if url.get_backend_name() == "databricks" else None)
    return url.set(username=user, password=password)


def _is_refusal(error: BaseException) -> bool:
    """Whether the engine took neither user nor password. While connecting, drivers tell it by code or only in words."""
    told = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    codes = {str(getattr(told, name, "")) for name in ("sqlstate", "pgcode", "errno")}
    return bool(codes & _REFUSED_CODES) or any(words in str(told)[:_LOOKED_AT].lower() for words in _REFUSED_WORDS)


def _connect_arguments(url: URL, limits: TimeLimits) -> dict[str, Any]:
    """Time limits by each driver's names; without them the one of Databricks retries for a quarter of an hour."""
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


def _failures(limits: TimeLimits) -> Callable[[BaseException, bool], SourceFailure]:
    def failure_of(error: BaseException, connecting: bool) -> SourceFailure:
        if isinstance(error, LoginWithheld):
            withheld = f"the engine refused this login, and it is not tried again for {error.wait_s:.0f} s"
            return SourceFailure(FailureKind.DENIED, SOURCE, withheld, remedy=_LOGIN, retry_after=error.wait_s)
        kind, reason, remedy = _meaning(error, limits, connecting=connecting)
        return SourceFailure(kind, SOURCE, reason, remedy=remedy)

    return failure_of


def _meaning(error: BaseException, limits: TimeLimits, *, connecting: bool) -> tuple[FailureKind, str, str]:
    """The driver's own message is never passed on: it may quote host, token, statement and values."""
    if connecting and _is_refusal(error):
        return FailureKind.DENIED, "the engine refused this login", _LOGIN
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


PAGE = 10_000
"""Rows of one round trip."""

_NAMED_MOST = 500
"""Accounts that are named in the statement; of more, all are read and the others are left aside."""


@dataclass(slots=True)
class EngineAnswer:
    """The engine's answer."""

    rows: dict[int, list[dict[str, object]]] = field(default_factory=dict)
    """By the account that each row names, which is no longer among the columns."""
    cut: set[int] = field(default_factory=set)
    """Accounts with more rows than the question takes."""
    nobody: list[dict[str, object]] = field(default_factory=list)
    """Rows that name no account."""
    newest: datetime | None = None
    freshness_failure: str = ""
    evidence: list[Evidence] = field(default_factory=list)


class Analytics:
    """One engine. Opened when first asked."""

    def __init__(self, settings: AnalyticsSettings, clients: DatabaseSettings, databases: Databases) -> None:
        """Raises `SourceFailure` (not configured)."""
        self._settings = settings
        self._databases = databases
        self._engine = open_engine(settings, clients)

    def has(self, question: FleetQuestion) -> bool:
        """Whether it can be asked this."""
        return question.analytics is not None and self._name(question.table) is not None

    def read(
        self,
        question: FleetQuestion,
        runner: Runner,
        accounts: Sequence[int] | None,
        go_on: Callable[[], None],
    ) -> EngineAnswer:
        """Ask it, page by page. Calls `go_on` before each; raises what it raises, and `SourceFailure`."""
        if question.analytics is None:
            raise ValueError(f"the question {question.name!r} has no form for the analytics engine")
        self._databases.check_client(question.analytics(self._databases.table))
        statement = question.analytics(self._table)
        account = plain(statement.selected_columns["account_id"])
        if accounts is not None and len(accounts) <= _NAMED_MOST:
            statement = statement.where(account.in_(sorted(accounts)))
        counted = EngineAnswer()
        pages = _Pages(question, statement.where(account.is_not(None)), account)
        asked: list[Answer] = []
        first = pages.next()
        while (page := pages.next()) is not None:
            go_on()
            asked.append(runner.run(self._engine, page, PAGE))
            for row in pages.taken(asked[-1].rows):
                self._add(counted, question, row)
        counted.evidence.append(self._evidence(first, asked))
        go_on()
        self._nobody(counted, question, statement.where(account.is_(None)), runner)
        go_on()
        self._newest(counted, question, runner)
        return counted

    def ping(self, runner: Runner) -> Evidence:
        """Ask for nothing. Raises `SourceFailure`."""
        statement = select(literal(1).label("answered"))
        return self._evidence(statement, [runner.run(self._engine, statement, 1)])

    def close(self) -> None:
        """Close what is open."""
        self._engine.dispose()

    def _nobody(self, counted: EngineAnswer, question: FleetQuestion, statement: Query, runner: Runner) -> None:
        limited = statement.limit(PAGE)
        counted.nobody += runner.run(self._engine, limited, min(PAGE, question.most_rows)).rows

    def _newest(self, counted: EngineAnswer, question: FleetQuestion, runner: Runner) -> None:
        """How fresh the engine is. A failure here leaves the numbers as they are."""
        table = self._table(question.table)
        if question.freshness not in table.c:
            counted.freshness_failure = f"{question.table} has no column {question.freshness}"
            return
        statement = select(func.max(table.c[question.freshness]).label("newest"))
        try:
            answer = runner.run(self._engine, statement, 1)
        except SourceFailure as failure:
            counted.freshness_failure = failure.reason
            return
        value = answer.rows[0]["newest"] if answer.rows else None
        counted.newest = value if isinstance(value, datetime) else None
        counted.evidence.append(self._evidence(statement, [answer]))

    @staticmethod
    def _add(counted: EngineAnswer, question: FleetQuestion, row: dict[str, object]) -> None:
        account = row.pop("account_id")
        if not isinstance(account, int):
            counted.nobody.append(row)
            return
        rows = counted.rows.setdefault(account, [])
        if len(rows) < question.most_rows:
            rows.append(row)
        else:
            counted.cut.add(account)

    def _evidence(self, statement: Query | None, answers: Sequence[Answer]) -> Evidence:
        trips = f"read in {len(answers)} pages" if len(answers) > 1 else ""
        return Evidence(
            source=SOURCE,
            query="" if statement is None else describe(statement, self._engine.engine.dialect.name),
            started_at=answers[0].started_at,
            took_ms=round(sum(answer.took_ms for answer in answers), 3),
            rows=sum(len(answer.rows) for answer in answers),
            caveat="; ".join(filter(None, (trips, caveat_of(self._engine)))),
        )

    def _name(self, logical: str) -> str | None:
        name = getattr(self._settings, logical, None)
        return name if isinstance(name, str) else None

    def _table(self, logical: str) -> Table:
        """The engine's table, its columns named as in the databases; each part of its name is quoted by the dialect."""
        *parents, name = (self._name(logical) or logical).split(".")
        quote = self._engine.engine.dialect.identifier_preparer.quote
        mapped = self._databases.table(logical)
        if not parents:
            return mapped.to_metadata(MetaData(), name=name)
        return mapped.to_metadata(MetaData(), schema=quoted_name(".".join(map(quote, parents)), quote=False), name=name)


class _Pages:
    """The statements of one question, each beginning after the last row of the one before."""

    def __init__(self, question: FleetQuestion, statement: Query, account: ColumnElement[Any]) -> None:
        self._statement = statement
        self._account = account
        self._label = question.page_by
        self._key = None if question.page_by is None else plain(statement.selected_columns[question.page_by])
        self._after: tuple[int, int] | None = None
        self._is_over = False

    def next(self) -> Query | None:
        """The next statement; None when everything is read."""
        if self._is_over:
            return None
        order = [self._account] if self._key is None else [self._account, self._key]
        statement = self._statement.order_by(*order).limit(PAGE)
        if self._after is None:
            return statement
        account, key = self._after
        if self._key is None:
            return statement.where(self._account > account)
        # Written out: as a comparison of rows it would not use an index.
        further = or_(self._account > account, self._key > key)
        return statement.where(and_(self._account >= account, further))

    def taken(self, rows: tuple[dict[str, object], ...]) -> tuple[dict[str, object], ...]:
        """The rows of a page that are whole; what was cut off is read again with the next."""
        if len(rows) < PAGE:
            self._is_over = True
            return rows
        last = rows[-1]
        account, key = last["account_id"], last.get(self._label) if self._label else 0
        if not isinstance(account, int) or not isinstance(key, int):
            self._is_over = True
            return rows
        if self._label is None:
            whole = tuple(row for row in rows if row["account_id"] != account)
            if whole:
                before = whole[-1]["account_id"]
                self._after = (before if isinstance(before, int) else account, 0)
                return whole
        self._after = (account, key)
        return rows
