"""The writer: one transaction at a time, with a login of its own that is absent by default.

Nothing of it is shared with what reads: not the login, not a connection, not a pool. It sends what `repair` builds, and
nothing else; a login that may do more than repairs need is refused before the first statement.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pymysql
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.sources.mysql.doctor import judge, parse_grants
from diagnostics.sources.mysql.failures import failure_of
from diagnostics.sources.mysql.logins import Login, LoginWithheld, PasswordWithheld
from diagnostics.sources.mysql.own_texts import GRANTS, LOAD

if TYPE_CHECKING:
    from pydantic import SecretStr

    from diagnostics.sources.mysql.addresses import AccountPlace
    from diagnostics.sources.mysql.databases import Databases

ENOUGH = frozenset({"INSERT", "UPDATE"})
"""Privileges beyond reading that repairs need."""

BUSY_THREADS = 25
"""Statements running on a server at which a repair waits; pt-online-schema-change's bound for its load."""


class Writer:
    """Write transactions on the databases of the settings. Raises `SourceFailure`."""

    def __init__(self, databases: Databases, secret: SecretStr) -> None:
        """`secret` is "USER:PASSWORD", as the reading login's may be."""
        self._databases = databases
        self._login = Login(secret, names_user=True)

    @contextmanager
    def begin(self, place: AccountPlace | None) -> Iterator[Connection]:
        """One transaction on an account's client database, or on `common` for None.

        Committed at the end, undone by any exception. A failure while committing leaves open what became of it: its
        `reason` says so.
        """
        database = self._databases.engines.writing(place, self._login)
        state = "connecting"
        try:
            with database.engine.connect() as connection:
                if not database.is_sqlite:
                    _refuse_other_rights(connection, database.source)
                with connection.begin():
                    state = "writing"
                    yield connection
                    state = "committing"
                state = "done"
        except (SQLAlchemyError, pymysql.Error, OSError, LoginWithheld, PasswordWithheld) as error:
            if state == "done":
                # Committed; what failed is putting the connection away.
                return
            failure = failure_of(error, database.source, database.limits, connecting=state == "connecting")
            if state == "committing":
                failure = SourceFailure(
                    failure.kind,
                    failure.source,
                    f"{failure.reason}; whether the last rows were written is not known until they are read again",
                    remedy="resume the repair: it reads each of them before it does anything",
                )
        else:
            return
        raise failure

    def is_busy(self, place: AccountPlace | None) -> str:
        """Why to wait before writing there, in words; empty where nothing speaks against it. Raises as `begin`."""
        database = self._databases.engines.writing(place, self._login)
        if database.is_sqlite:
            return ""
        with self.begin(place) as connection:
            row: Any = connection.execute(LOAD).first()
        running = int(row[1]) if row is not None and str(row[1]).isdigit() else 0
        return f"{running} statements are running on the server" if running > BUSY_THREADS else ""


def _refuse_other_rights(connection: Connection, source: str) -> None:
    lines = [str(row[0]) for row in connection.execute(GRANTS)]
    # Reading ended the session's first transaction, in which nothing was done.
    connection.rollback()
    grants, roles = parse_grants(lines)
    may = judge(grants, roles)
    beyond = [entry for entry in may.writes if entry.split(" on ")[0] not in ENOUGH]
    beyond += [*may.files, *may.doubtful, *(f"role {role}" for role in may.unread_roles)]
    if beyond:
        raise SourceFailure(
            FailureKind.DENIED,
            source,
            f"the writer's login may do more than repairs need: {', '.join(sorted(set(beyond))[:6])}; nothing was sent",
            remedy="give it only SELECT and UPDATE on zillow_agents, SELECT and INSERT on zillow_connection_logs, and"
            " SELECT and UPDATE on zillow_webhook_events for a recovery",
        )
