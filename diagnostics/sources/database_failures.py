"""What a driver's error means to a responder: the kind of failure, one sentence without secrets, and what to do.

A driver's own message is never passed on: it may hold host, user, statement and values. Only table, column and privilege names
are taken from it, each matched by a narrow expression.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass

import pymysql
from sqlalchemy.exc import DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from diagnostics.failures import FailureKind, SourceFailure
from diagnostics.text import clean

_TABLE = re.compile(r"Table '(?:[^'.]+\.)?([^']+)' doesn't exist")
_COLUMN = re.compile(r"Unknown column '([^']+)'")
_DENIED_ON = re.compile(
    r"^(\w[\w ]{0,40}) command denied to user .* for (table|column) [`'](?:[^`'.]+[`']?\.[`']?)?([^`']+)[`']"
)
_SQLITE_TABLE = re.compile(r"no such table: (\S+)")
_SQLITE_COLUMN = re.compile(r"no such column: (\S+)")

_LOGIN = frozenset({1044, 1045, 1698, 3118, 4151})
_PRIVILEGE = frozenset({1142, 1143, 1227, 1370})
_STATEMENT_LIMIT = frozenset({1969, 3024})
_KILLED = frozenset({1317, 1028, 1053})
_LOST = frozenset({2006, 2013, 2014, 2055, 4031})
_UNREACHABLE = frozenset({2002, 2003, 2005})
_BUSY = frozenset({1040, 1203, 1226, 1129, 1130})
_READ_ONLY = frozenset({1290, 1792, 1836})
_LOCKED = frozenset({1205, 1213})


class PasswordWithheld(RuntimeError):
    """The server asked for the password as clear text over a connection that is not encrypted."""


@dataclass(slots=True, frozen=True)
class Limits:
    """The time limits in force, for the sentences that name them. Seconds."""

    connect_s: float
    read_s: float
    statement_s: float


def failure_of(error: BaseException, source: str, limits: Limits, *, connecting: bool) -> SourceFailure:
    """The failure that `error` means. `connecting` is True until the connection is ready for its first statement."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(cause, PoolTimeout):
        return SourceFailure(
            FailureKind.TIMED_OUT,
            source,
            "every connection is busy with an earlier question",
            remedy="wait, or ask for less",
        )
    if isinstance(cause, NoSuchModuleError | ImportError):
        return not_configured(source, "the URL names a kind of database that is not supported")
    if isinstance(cause, sqlite3.Error):
        return _of_sqlite(str(cause), source, limits)
    if isinstance(cause, pymysql.Error):
        return _of_mysql(cause, source, limits, connecting=connecting)
    if isinstance(cause, OSError):
        return _unreachable(source, limits)
    if isinstance(cause, PasswordWithheld) or (isinstance(cause, RuntimeError) and "cryptography" in str(cause)):
        return SourceFailure(
            FailureKind.DENIED,
            source,
            "the server's way of checking passwords needs an encrypted connection",
            remedy="set databases.tls to true, or to the path of the server's certificate authority",
        )
    return SourceFailure(
        FailureKind.MALFORMED,
        source,
        f"the server's answer could not be read ({type(cause).__name__})",
        remedy="check that this address is a MySQL or MariaDB server and nothing else",
    )


def not_configured(source: str, reason: str, remedy: str = "") -> SourceFailure:
    """A setting is missing or cannot be used."""
    return SourceFailure(
        FailureKind.NOT_CONFIGURED, source, reason, remedy=remedy or "set databases.common_url and databases.client_url"
    )


def cancelled(source: str) -> SourceFailure:
    """Somebody asked for the statement to stop."""
    return SourceFailure(FailureKind.CANCELLED, source, "the statement was cancelled", remedy="ask again")


def over_time(source: str, seconds: float) -> SourceFailure:
    """A time limit ended the statement."""
    return SourceFailure(
        FailureKind.TIMED_OUT,
        source,
        f"the statement was stopped at its time limit of {seconds:g} s",
        remedy="narrow the question; if it is narrow already, run `warroom doctor` and look for missing indexes",
    )


def _unreachable(source: str, limits: Limits) -> SourceFailure:
    return SourceFailure(
        FailureKind.UNREACHABLE,
        source,
        f"no connection within {limits.connect_s:g} s",
        remedy="check that the server runs, and that this machine may reach its port (VPN, bastion, firewall)",
    )


def _not_mapped(source: str, what: str, name: str) -> SourceFailure:
    shown = clean(name, limit=120)
    return SourceFailure(
        FailureKind.NOT_MAPPED,
        source,
        f"there is no {what} {shown}",
        remedy=f"give the real name of this {what} in the catalogue's schema.toml; `warroom doctor` names the key",
    )


def _of_sqlite(message: str, source: str, limits: Limits) -> SourceFailure:
    if found := _SQLITE_TABLE.search(message):
        return _not_mapped(source, "table", found[1])
    if found := _SQLITE_COLUMN.search(message):
        return _not_mapped(source, "column", found[1])
    if "interrupted" in message:
        return over_time(source, limits.statement_s)
    if "readonly" in message or "not authorized" in message:
        return _read_only(source)
    if "locked" in message:
        return SourceFailure(
            FailureKind.TIMED_OUT, source, "the database file is locked by a writer", remedy="ask again"
        )
    if "unable to open" in message:
        return SourceFailure(
            FailureKind.UNREACHABLE,
            source,
            "the database file cannot be opened",
            remedy="check that the file exists and may be read; the console never creates one",
        )
    if "not a database" in message or "malformed" in message or "disk I/O" in message:
        return SourceFailure(
            FailureKind.MALFORMED,
            source,
            "the file is no readable SQLite database",
            remedy="check the path in the settings",
        )
    return _rejected(source, "SQLite")


def _of_mysql(error: pymysql.Error, source: str, limits: Limits, *, connecting: bool) -> SourceFailure:  # noqa: PLR0911
    code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    message = str(error.args[1]) if len(error.args) > 1 else ""
    if code in _LOGIN or code in _PRIVILEGE:
        return _denied(code, message, source)
    if code == 1049:
        return SourceFailure(
            FailureKind.NOT_MAPPED, source, "the server has no database of that name", remedy=_which_setting(source)
        )
    if code == 1146:
        found = _TABLE.search(message)
        return _not_mapped(source, "table", found[1] if found else "of that name")
    if code == 1054:
        found = _COLUMN.search(message)
        return _not_mapped(source, "column", found[1] if found else "of that name")
    if code in _STATEMENT_LIMIT or code in _LOCKED:
        return over_time(source, limits.statement_s)
    if code in _KILLED:
        return SourceFailure(
            FailureKind.CANCELLED,
            source,
            "the server ended the statement",
            remedy="ask again; an operator may have killed it",
        )
    if code in _READ_ONLY:
        return _read_only(source)
    if code in _BUSY:
        return SourceFailure(
            FailureKind.UNREACHABLE,
            source,
            f"the server takes no connection from here now (error {code})",
            remedy="wait; if it stays, ask the database team about connection limits and blocked hosts",
        )
    if (
        code == 2026
        or (code == 2003 and "SSL" in message.upper())
        or (code == 2003 and "certificate" in message.lower())
    ):
        return SourceFailure(
            FailureKind.UNREACHABLE,
            source,
            "no encrypted connection could be agreed on",
            remedy="check databases.tls: true, false, or the path of the certificate authority that signed the server's certificate",
        )
    if code in _UNREACHABLE or (code in _LOST and connecting):
        return _unreachable(source, limits)
    if code in _LOST:
        return _lost(message, source, limits)
    return _by_class(error, code, source)


def _by_class(error: pymysql.Error, code: int, source: str) -> SourceFailure:
    if code:
        return _rejected(source, f"error {code}")
    return SourceFailure(
        FailureKind.MALFORMED,
        source,
        f"the server did not follow the MySQL protocol ({type(error).__name__})",
        remedy="check that this address is a MySQL or MariaDB server and nothing else",
    )


def _lost(message: str, source: str, limits: Limits) -> SourceFailure:
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
    if found := _DENIED_ON.search(message):
        privilege, what, name = (clean(part, limit=80) for part in found.groups())
        reason = f"this login may not {privilege} {what} {name}"
        return SourceFailure(
            FailureKind.DENIED, source, reason, remedy=f"ask for GRANT {privilege} on it, and for nothing more"
        )
    if code in _PRIVILEGE:
        return SourceFailure(
            FailureKind.DENIED, source, f"this login lacks a privilege (error {code})", remedy="see `warroom doctor`"
        )
    if code == 1044:
        return SourceFailure(
            FailureKind.DENIED,
            source,
            "this login may not use the database (error 1044)",
            remedy="ask for GRANT SELECT on it",
        )
    return SourceFailure(
        FailureKind.DENIED,
        source,
        f"the server refused this login (error {code})",
        remedy=f"check user and password: {_which_setting(source)}, and databases.password",
    )


def _which_setting(source: str) -> str:
    if source == "common":
        return "see databases.common_url"
    return "see databases.client_url, and this account's row in common.accounts"


def _read_only(source: str) -> SourceFailure:
    return SourceFailure(
        FailureKind.REJECTED,
        source,
        "the session is read-only and refused a write",
        remedy="the console never writes here",
    )


def _rejected(source: str, who: str) -> SourceFailure:
    return SourceFailure(
        FailureKind.REJECTED,
        source,
        f"the database refused the statement ({who})",
        remedy="this is a mistake in the console or in the schema map: run `warroom doctor`",
    )
