"""What a driver's error means to a responder: the kind of failure, one sentence without secrets, and what to do.

A driver's own message is never passed on: it may hold host, user, statement and values. Only the names of tables,
columns and privileges are taken from it, each matched by a narrow expression.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass

import pymysql
from sqlalchemy.exc import DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.sanitizer import clean
from diagnostics.sources.mysql.error_codes import BY_CODE, NEVER_WRITES, default_remedy
from diagnostics.sources.mysql.logins import LoginWithheld, PasswordWithheld
from diagnostics.sources.tls import OWN_AUTHORITY, TlsRefused

_TABLE = re.compile(r"Table '(?:[^'.]+\.)?([^']+)' doesn't exist")
_COLUMN = re.compile(r"Unknown column '([^']+)'")
_COMMAND = re.compile(r"(\w[\w ]{0,40}) command denied to user ")
_OBJECT = re.compile(r"for (table|column) (?:`[^`]*`\.)?[`']([^`']+)[`']")
_SQLITE_TABLE = re.compile(r"no such table: (\S+)")
_SQLITE_COLUMN = re.compile(r"no such column: (\S+)")

_LOST = frozenset({2006, 2013, 2014, 2055})
"""The connection ended, or went silent."""

_LAST_WORDS = frozenset({1053, 1080, 1152, 1184, 1927, 4031})
"""Errors after which the server ends the connection."""

LOST = 2013
"""PyMySQL's own, for a connection that ended during an answer."""

DRIPS = "it took too long"
"""In the message of that error: the answer came, and came too slowly."""

SILENCES = 4
"""How many times its limit for one silence an answer may take in all."""

_NO_CONNECTION = frozenset({2002, 2003, 2005, 2026})
_OVER_TIME = frozenset({1969, 3024})
"""MariaDB's and MySQL's statement limits."""

_OFFERS_NONE = 2026
"""PyMySQL's own, where the greeting of the server names no encryption."""

_WANTS_ENCRYPTION = 3159
_LOGIN = frozenset({1045, 1698, 1873})
_PRIVILEGE = frozenset({1142, 1143, 1227, 1370})
_READ_ONLY = (FailureKind.REJECTED, "the session is read-only and refused a write", NEVER_WRITES)
_TOO_LARGE = (
    FailureKind.REJECTED,
    f"the question names a number beyond {2**63 - 1:,}, the largest that SQLite holds",
    "check the id; larger ones exist only in MySQL and MariaDB (BIGINT UNSIGNED)",
)
_NOT_THE_PROTOCOL = "check that this address is a MySQL or MariaDB server and nothing else"
_SQLITE: tuple[tuple[str, FailureKind, str, str], ...] = (
    ("readonly", *_READ_ONLY),
    ("locked", FailureKind.TIMED_OUT, "the database file is locked by a writer", "ask again"),
    (
        "unable to open",
        FailureKind.UNREACHABLE,
        "the database file cannot be opened",
        "check that the file exists and may be read; the console never creates one",
    ),
    ("not a database", FailureKind.MALFORMED, "the file is no SQLite database", "it has to be another file"),
    ("malformed", FailureKind.MALFORMED, "the database file is damaged", "restore it"),
    ("disk I/O", FailureKind.UNREACHABLE, "the database file cannot be read", "check the disk it is on"),
)
_OF_THE_PATH = {"unable to open", "not a database"}
"""Those that another path in the settings mends."""


MOST_BYTES = 32 * 1_024 * 1_024
"""Of one answer: a page of rows takes some hundred kilobytes, and each byte costs several as Python holds it."""


class AnswerTooLarge(pymysql.err.OperationalError):  # type: ignore[misc]  # as in engines.py: PyMySQL's stubs end here
    """An answer that is larger than the console reads; its connection is closed."""

    def __init__(self) -> None:
        super().__init__(LOST, "the answer is larger than the console reads")


@dataclass(slots=True, frozen=True)
class TimeLimits:
    """The time limits in force, for the sentences that name them. Seconds."""

    connect_s: float
    read_s: float
    statement_s: float


def failure_of(error: BaseException, source: str, limits: TimeLimits, *, connecting: bool) -> SourceFailure:
    """The failure that `error` means. `connecting` is True until the connection is ready for its first statement."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    known = encryption_failure(cause, source) or _too_large(cause, source)
    return known or _of_driver(cause, source, limits, connecting=connecting)


def _too_large(cause: BaseException, source: str) -> SourceFailure | None:
    """The failure of an answer beyond `MOST_BYTES`; None for any other error."""
    return too_large(source) if is_too_large(cause) else None


def is_too_large(cause: BaseException) -> bool:
    """True for an answer, or a cell of a file, beyond `MOST_BYTES`."""
    return isinstance(cause, AnswerTooLarge) or (isinstance(cause, sqlite3.DataError) and "too big" in str(cause))


def too_large(source: str) -> SourceFailure:
    """What is said of an answer beyond `MOST_BYTES`."""
    return SourceFailure(
        FailureKind.REJECTED,
        source,
        f"the answer is larger than {MOST_BYTES // 1_048_576} MB, and was not read to its end",
        remedy="ask for less: another account, a shorter window; one text of that size is a fault of its own",
    )


def _of_driver(cause: BaseException, source: str, limits: TimeLimits, *, connecting: bool) -> SourceFailure:
    if isinstance(cause, sqlite3.Error):
        return _of_sqlite(str(cause), source, limits)
    if isinstance(cause, pymysql.Error):
        return _of_mysql(cause, source, limits, connecting=connecting)
    if isinstance(cause, NoSuchModuleError | ImportError):
        return not_configured(source, "the URL names a kind of database that is not supported")
    kind, reason, remedy = (
        FailureKind.MALFORMED,
        f"the server's answer could not be read ({type(cause).__name__})",
        _NOT_THE_PROTOCOL,
    )
    if isinstance(cause, LoginWithheld):
        return SourceFailure(
            FailureKind.DENIED,
            source,
            f"the server refused this login, and it is not tried again for {cause.wait_s:.0f} s lest it be blocked",
            remedy=f"correct its secret where the console reads it: {_which_setting(source)}, databases.password and "
            "databases.login",
            retry_after=cause.wait_s,
        )
    if isinstance(cause, OSError):
        return _unreachable(source, limits)
    if isinstance(cause, OverflowError):
        kind, reason, remedy = _TOO_LARGE
    elif isinstance(cause, PoolTimeout):
        kind, reason, remedy = FailureKind.TIMED_OUT, "every connection is busy with an earlier question", "wait"
    return SourceFailure(kind, source, reason, remedy=remedy)


def encryption_failure(cause: BaseException, source: str) -> SourceFailure | None:
    """What is wrong with the encryption, or with a way of checking passwords; None for any other error.

    The remedy names the setting of `source`, and the mode that leads to a connection.
    """
    setting = tls_setting(source)
    within = getattr(cause, "original_exception", cause)
    if isinstance(within, TlsRefused):
        return SourceFailure(FailureKind.UNREACHABLE, source, within.reason, remedy=within.remedy)
    code = cause.args[0] if isinstance(cause, pymysql.Error) and cause.args else 0
    if code == _OFFERS_NONE:
        return SourceFailure(
            FailureKind.UNREACHABLE,
            source,
            "no encrypted connection: the server offers none",
            remedy=f"have encryption switched on at the server; only where the way to it is safe, set {setting} to off",
        )
    if code == _WANTS_ENCRYPTION or isinstance(cause, PasswordWithheld):
        wanted = (
            "the server takes only encrypted connections"
            if code == _WANTS_ENCRYPTION
            else "the server's way of checking passwords needs an encrypted connection"
        )
        return SourceFailure(
            FailureKind.DENIED,
            source,
            wanted,
            remedy=f"set {setting} to verify-identity, or to verify-ca:PATH with the PEM file of the server's own "
            f"authority. {OWN_AUTHORITY}",
        )
    if isinstance(cause, RuntimeError) and "pynacl" in str(cause):
        return SourceFailure(
            FailureKind.NOT_CONFIGURED,
            source,
            "this login's password is checked with ed25519, for which the package PyNaCl is missing here",
            remedy="pip install 'zillow-war-room[ed25519]', or ask for a login with another way",
        )
    return None


def tls_setting(source: str) -> str:
    """The setting that says how the way to `source` is encrypted."""
    return {"state": "state.tls", "analytics": "analytics.tls"}.get(source, "databases.tls")


def is_servers_own(error: BaseException) -> bool:
    """True for an error that the server sent in place of an answer: the connection stands where it stood before."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(cause, sqlite3.Error):
        return True
    code = cause.args[0] if isinstance(cause, pymysql.Error) and cause.args else None
    # From 2000 to 2999 are the client's own: https://dev.mysql.com/doc/mysql-errors/en/client-error-reference.html
    return isinstance(code, int) and code >= 1000 and not 2000 <= code < 3000 and code not in _LAST_WORDS


def not_configured(source: str, reason: str, remedy: str = "") -> SourceFailure:
    """A setting is missing or cannot be used."""
    remedy = remedy or "set databases.common_url and databases.client_url"
    return SourceFailure(FailureKind.NOT_CONFIGURED, source, reason, remedy=remedy)


def cancelled(source: str) -> SourceFailure:
    """Somebody asked for the statement to stop."""
    return SourceFailure(FailureKind.CANCELLED, source, "the statement was cancelled", remedy="ask again")


def left_running(reason: SourceFailure, limits: TimeLimits) -> SourceFailure:
    """The statement was to be ended for that reason, and only the connection could be closed."""
    return SourceFailure(
        reason.kind,
        reason.source,
        f"{reason.reason}. Its connection was closed instead: the address leads to more than one server, and the order "
        "to end it would have reached a stranger's statement",
        remedy=f"it may run on until the server's limit of {limits.statement_s:g} s; give the address of the server "
        "itself, not of a proxy or load balancer",
    )


def over_time(source: str, seconds: float) -> SourceFailure:
    """A time limit ended the statement."""
    return SourceFailure(
        FailureKind.TIMED_OUT,
        source,
        f"the statement was stopped at its time limit of {seconds:g} s",
        remedy="narrow the question; if it is narrow already, run `warroom doctor` and look for missing indexes",
    )


def _unreachable(source: str, limits: TimeLimits, *, refused: bool = False) -> SourceFailure:
    return SourceFailure(
        FailureKind.UNREACHABLE,
        source,
        "connection refused" if refused else f"no connection within {limits.connect_s:g} s",
        remedy="check that the server runs, and that this machine may reach its port (VPN, bastion, firewall): "
        f"{_which_setting(source)}",
    )


def _not_mapped(source: str, what: str, found: re.Match[str] | None) -> SourceFailure:
    shown = clean(found[1], limit=120) if found else "of that name"
    return SourceFailure(
        FailureKind.NOT_MAPPED,
        source,
        f"there is no {what} {shown}",
        remedy=f"give the real name of this {what} in the catalogue's schema.toml; `warroom doctor` names the key",
    )


def _of_sqlite(message: str, source: str, limits: TimeLimits) -> SourceFailure:
    if found := _SQLITE_TABLE.search(message):
        return _not_mapped(source, "table", found)
    if found := _SQLITE_COLUMN.search(message):
        return _not_mapped(source, "column", found)
    if "interrupted" in message:
        return over_time(source, limits.statement_s)
    for part, kind, reason, remedy in _SQLITE:
        if part in message:
            shown = f"{remedy}: {_which_setting(source)}" if part in _OF_THE_PATH else remedy
            return SourceFailure(kind, source, reason, remedy=shown)
    return SourceFailure(
        FailureKind.REJECTED, source, "SQLite refused the statement", remedy="`warroom doctor` says what it can read"
    )


def _of_mysql(error: pymysql.Error, source: str, limits: TimeLimits, *, connecting: bool) -> SourceFailure:
    code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    message = str(error.args[1]) if len(error.args) > 1 else ""
    if code == 1146:
        return _not_mapped(source, "table", _TABLE.search(message))
    if code == 1054:
        return _not_mapped(source, "column", _COLUMN.search(message))
    if code in _LOGIN or code in _PRIVILEGE:
        return _denied(code, message, source)
    if code in _OVER_TIME:
        return over_time(source, limits.statement_s)
    if code in _NO_CONNECTION or code in _LOST:
        return _disconnected(code, message, source, limits, connecting=connecting)
    return _by_code(error, code, source)


def _by_code(error: pymysql.Error, code: int, source: str) -> SourceFailure:
    known = BY_CODE.get(code)
    if known is not None:
        remedy = f"{known.remedy}: {_which_setting(source)}" if known.names_login else known.remedy
        return SourceFailure(known.kind, source, known.reason, remedy=remedy)
    if code:
        reason = f"the database answered with error {code}"
        return SourceFailure(FailureKind.REJECTED, source, reason, remedy=default_remedy(code))
    reason = f"the server did not follow the MySQL protocol ({type(error).__name__})"
    return SourceFailure(FailureKind.MALFORMED, source, reason, remedy=_NOT_THE_PROTOCOL)


def _disconnected(code: int, message: str, source: str, limits: TimeLimits, *, connecting: bool) -> SourceFailure:
    if connecting or code in _NO_CONNECTION:
        return _unreachable(source, limits, refused="refused" in message.lower())
    if DRIPS in message:
        return SourceFailure(
            FailureKind.TIMED_OUT,
            source,
            f"the answer was not complete within {SILENCES * limits.read_s:g} s, although some of it came",
            remedy="the server or the way to it is slow: run `warroom doctor`",
        )
    if "timed out" in message:
        return SourceFailure(
            FailureKind.TIMED_OUT,
            source,
            f"the server sent nothing for {limits.read_s:g} s",
            remedy="the server may be overloaded or the network cut: run `warroom doctor`",
        )
    return SourceFailure(
        FailureKind.UNREACHABLE,
        source,
        "the connection was lost while waiting for the answer",
        remedy="it is opened again with the next question; if this repeats, check the server",
    )


def _denied(code: int, message: str, source: str) -> SourceFailure:
    command, about = _COMMAND.match(message), _OBJECT.search(message)
    if command and about:
        privilege, what, name = (clean(part, limit=80) for part in (command[1], about[1], about[2]))
        reason = f"this login may not {privilege} {what} {name}"
        remedy = "ask for GRANT SELECT on it, and for nothing more" if privilege == "SELECT" else NEVER_WRITES
        return SourceFailure(FailureKind.DENIED, source, reason, remedy=remedy)
    if code in _PRIVILEGE:
        reason = f"this login lacks a privilege (error {code})"
        return SourceFailure(FailureKind.DENIED, source, reason, remedy="`warroom doctor` says what this login may do")
    reason = f"the server refused this login (error {code})"
    remedy = (
        f"check user and password: {_which_setting(source)}, and databases.password; MariaDB refuses a login that has "
        f"to be encrypted (REQUIRE SSL) in the same words: then set {tls_setting(source)}"
    )
    return SourceFailure(FailureKind.DENIED, source, reason, remedy=remedy)


def _which_setting(source: str) -> str:
    if source in {"common", "analytics"}:
        return "see databases.common_url" if source == "common" else "see analytics.url"
    return "see databases.client_url, and this account's row in common.accounts"
