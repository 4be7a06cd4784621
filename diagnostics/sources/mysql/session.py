"""One connection to a MySQL or MariaDB server: made within a time limit, read-only, in UTC, its statements limited."""

from __future__ import annotations

import math
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from diagnostics.sources.mysql.failures import Limits
from diagnostics.text import clean

_UNKNOWN_VARIABLE = 1193


@dataclass(slots=True, frozen=True)
class Session:
    """What one connection's server said of itself."""

    version: str
    """As `SELECT VERSION()` says it: a proxy's greeting may name another."""
    connection_id: int
    """What `KILL QUERY` takes."""
    limited: bool
    """True when the server itself ends a statement at the limit; very old servers cannot."""

    @property
    def is_mariadb(self) -> bool:
        """True for MariaDB, which names its time limit differently and counts it in seconds."""
        return "mariadb" in self.version.lower()


def connect_session(arguments: Mapping[str, Any], limits: Limits) -> tuple[Connection, Session]:
    """Connect and prepare the session. Two connect limits at most, however slowly a server drips its bytes.

    Raises pymysql.Error or OSError.
    """
    connection = pymysql.connect(**arguments, defer_connect=True)
    guard = threading.Timer(2 * limits.connect_s, cut, [connection])
    guard.daemon = True
    guard.start()
    try:
        connection.connect()
        return connection, _prepare(connection, limits)
    except BaseException:
        with suppress(pymysql.Error, OSError):
            connection.close()
        raise
    finally:
        guard.cancel()


def _prepare(connection: Connection, limits: Limits) -> Session:
    with connection.cursor() as cursor:
        cursor.execute("SELECT VERSION(), CONNECTION_ID()")
        version, connection_id = cursor.fetchone()
        cursor.execute("SET SESSION TRANSACTION READ ONLY")
        # A SELECT behind somebody's ALTER TABLE waits for a day unless told otherwise.
        waiting = max(1, math.ceil(limits.statement_s))
        cursor.execute("SET SESSION time_zone = '+00:00', lock_wait_timeout = %s", (waiting,))
        version = clean(str(version), limit=80)
        limited = _limit_statements(cursor, version, limits.statement_s)
    return Session(version, int(connection_id), limited)


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


def kill_statement(arguments: Mapping[str, Any], connection_id: int) -> None:
    """End the statement that another connection of the same login runs. Raises pymysql.Error or OSError."""
    with pymysql.connect(**arguments) as connection, connection.cursor() as cursor:
        cursor.execute("KILL QUERY %s", (connection_id,))


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
