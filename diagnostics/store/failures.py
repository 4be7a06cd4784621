"""Failures of the console's own memory, each as one sentence with a remedy."""

from __future__ import annotations

import sqlite3

import pymysql
from sqlalchemy.exc import DBAPIError

from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.sources.mysql.failures import (
    MOST_BYTES,
    TimeLimits,
    encryption_failure,
    failure_of,
    is_too_large,
)
from diagnostics.store.schema import VERSION, SchemaTooNew

SOURCE = "state"
_SWOLLEN = "look at the tables warroom_journal and warroom_documents: no console writes texts of that size"
_OTHER_PLACE = "make room or free it for writing, or set state_dir to a folder of your own"
_SQLITE: tuple[tuple[str, FailureKind, str, str], ...] = (
    ("readonly", FailureKind.DENIED, "its file may only be read", _OTHER_PLACE),
    ("locked", FailureKind.TIMED_OUT, "its file stayed locked by another process", "end the process that holds it"),
    ("full", FailureKind.REJECTED, "the disk is full", _OTHER_PLACE),
    ("unable to open", FailureKind.UNREACHABLE, "its file cannot be opened", _OTHER_PLACE),
    ("not a database", FailureKind.MALFORMED, "its file is no database", "move state.db away; a new one is made"),
    ("malformed", FailureKind.MALFORMED, "its file is damaged", "move state.db away; a new one is made"),
    ("disk I/O", FailureKind.UNREACHABLE, "its disk does not answer as it should", _OTHER_PLACE),
)
_REMEDIES = {
    FailureKind.DENIED: "check state.url and state.password; the login needs SELECT, INSERT, UPDATE, DELETE and CREATE,"
    " and one that has to be encrypted (REQUIRE SSL) needs state.tls",
    FailureKind.NOT_CONFIGURED: "correct state.url, or remove it to use a file in state_dir",
    FailureKind.NOT_MAPPED: "create the database that state.url names, or correct the name",
    FailureKind.REJECTED: "check that the server of state.url accepts writes and has room",
    FailureKind.MALFORMED: "check that state.url is the address of a MySQL or MariaDB server",
}
_FULL = frozenset({1021, 1114, 3})
_RACES = frozenset({1205, 1213, 1062})
"""Waited for a lock, deadlock, key in use."""

_LOST = frozenset({1927, 2006, 2013, 2055, 4031})


class StateTooLarge(SourceFailure):
    """An answer is larger than is read of one; asked for less at a time, it may be read."""

    def __init__(self) -> None:
        reason = f"an answer is larger than {MOST_BYTES // 1_048_576} MB, and was not read to its end"
        super().__init__(FailureKind.REJECTED, SOURCE, reason, remedy=_SWOLLEN)


class Unanswered(SourceFailure):
    """A commit ended without an answer: nobody knows yet whether it was done."""


def state_failure(error: BaseException, limits: TimeLimits, *, connecting: bool) -> SourceFailure:
    """The failure that a driver's error means. `connecting` is True until the first statement."""
    if known := _known(error):
        return known
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(cause, sqlite3.Error) and not is_too_large(cause):
        return _of_file(str(cause))
    if isinstance(cause, OSError) and not isinstance(cause, ConnectionError):
        return SourceFailure(
            FailureKind.UNREACHABLE,
            SOURCE,
            f"its place cannot be used ({cause.strerror or type(cause).__name__})",
            remedy=_OTHER_PLACE,
        )
    if _code(cause) in _FULL:
        return SourceFailure(FailureKind.REJECTED, SOURCE, "the server's disk is full", remedy="tell its owner")
    if about := encryption_failure(cause, SOURCE) or (StateTooLarge() if is_too_large(cause) else None):
        return about
    told = failure_of(error, SOURCE, limits, connecting=connecting)
    return SourceFailure(told.kind, SOURCE, told.reason, remedy=_REMEDIES.get(told.kind, told.remedy))


def _known(error: BaseException) -> SourceFailure | None:
    if isinstance(error, SourceFailure):
        return SourceFailure(error.kind, SOURCE, error.reason, remedy=error.remedy)
    if isinstance(error, SchemaTooNew):
        return SourceFailure(
            FailureKind.REJECTED,
            SOURCE,
            f"it was written by a newer console (schema {error.found}, this one knows {VERSION})",
            remedy="update this console",
        )
    if isinstance(error, UserError):
        return SourceFailure(FailureKind.NOT_CONFIGURED, SOURCE, error.problem, remedy=error.next_step)
    return None


def is_lost_race(error: BaseException, *, committing: bool) -> bool:
    """True where nothing was written and the same work may succeed now: deadlocks, lock waits, a lost connection.

    A key that another writer has just used is one too. A connection lost while committing leaves it open whether the
    work was done, and is none.
    """
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(cause, sqlite3.OperationalError):
        return "locked" in str(cause)
    if is_too_large(cause):
        return False
    return _code(cause) in (_RACES if committing else _RACES | _LOST)


def is_missing_table(error: BaseException) -> bool:
    """True where a statement names a table that is not there."""
    return "no such table" in str(error) or "(1146," in str(error)


def _code(cause: BaseException) -> int:
    is_driver = isinstance(cause, pymysql.Error) and cause.args and isinstance(cause.args[0], int)
    return int(cause.args[0]) if is_driver else 0


def _of_file(message: str) -> SourceFailure:
    for part, kind, reason, remedy in _SQLITE:
        if part in message:
            return SourceFailure(kind, SOURCE, reason, remedy=remedy)
    return SourceFailure(
        FailureKind.REJECTED, SOURCE, "its file refused the statement", remedy="move state.db away; a new one is made"
    )
