"""The databases of a story as schemas on a MariaDB or MySQL server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from sqlalchemy import MetaData, Table

from sandbox import schema
from sandbox.analytics import ANALYTICS, analytics_contents
from sandbox.client_rows import ClientRows
from sandbox.common_rows import Row
from sandbox.database_server import DatabaseServer
from sandbox.filling import Cursor, common_contents, fill_database, insertion, mark_of
from sandbox.population import Population, populate
from sandbox.roster import RosterAccount, roster
from sandbox.story import Story

_CONNECTIONS = 3
"""Connections that fill a server side by side: one for the common schema, the others for the clients."""


class ServerStore:
    """One schema per database on a MariaDB or MySQL server, and a login for the console that can only read."""

    can_hide_clients = False
    """All schemas share one server: taking one host away would take all."""

    def __init__(self, story: Story, url: str, prefix: str, password: str) -> None:
        self._story = story
        self._server = DatabaseServer(url, prefix, password)
        self.common_url = self._server.common_url
        self.client_url = self._server.client_url
        self.analytics_url = self._server.analytics_url

    def place(self, account: RosterAccount) -> tuple[str, str, str]:
        """Host, database and login of an account, as `accounts` names them."""
        return self._server.host, f"{self._server.prefix}_{account.database}", self._server.login

    def is_filled(self) -> bool:
        """Return whether the common schema carries the mark of this very story."""
        with self._server.cursor() as cursor:
            if not self._server.is_ours(cursor):
                return False
            self._server.use(cursor, "common")
            cursor.execute("SELECT scenario, seed, anchor, hostile FROM sandbox_story")
            found = [tuple(row) for row in cursor.fetchall()]
            return found == [mark_of(self._story)] and self._server.login_exists(cursor)

    def fill(self) -> None:
        """Create the schemas, fill them, then create the console's login: SELECT and nothing else."""
        self.remove()
        population, server = populate(self._story), self._server
        # The schema with the mark's table comes first, so that a run cut short is recognised as ours.
        with server.cursor() as cursor:
            server.use(cursor, "common", create=True)
            fill_database(cursor, server.dialect, schema.MARK, (), hostile=False)
        accounts = roster(self._story.seed)
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            work = [pool.submit(self._fill_common, population)]
            work += [
                pool.submit(self._fill_clients, accounts[n :: _CONNECTIONS - 1], population)
                for n in range(_CONNECTIONS - 1)
            ]
            for done in work:
                done.result()
        with server.cursor() as cursor:
            server.set_login(cursor)
            server.use(cursor, "common")
            mark = [(schema.STORY_MARK, [mark_of(self._story)])]
            fill_database(cursor, server.dialect, MetaData(), mark, hostile=False)

    def _fill_common(self, population: Population) -> None:
        with self._server.cursor() as cursor:
            self._server.use(cursor, "common")
            contents = common_contents(self._story, population, self.place)
            fill_database(cursor, self._server.dialect, schema.COMMON, contents, hostile=self._story.hostile)

    def _fill_clients(self, accounts: Sequence[RosterAccount], population: Population) -> None:
        with self._server.cursor() as cursor:
            for account in accounts:
                self._server.use(cursor, account.database, create=True)
                rows = ClientRows(self._story, account, population).tables()
                fill_database(cursor, self._server.dialect, schema.CLIENT, rows, hostile=self._story.hostile)

    def fill_analytics(self, behind_s: int) -> None:
        """Create the analytics schema anew."""
        with self._server.cursor() as cursor:
            self._server.drop(cursor, "analytics")
            self._server.use(cursor, "analytics", create=True)
            contents = analytics_contents(self._story, behind_s)
            fill_database(cursor, self._server.dialect, ANALYTICS, contents, hostile=False)

    @contextmanager
    def writer(self) -> Iterator[Cursor]:
        """Open the common schema for one transaction."""
        with self._server.cursor() as cursor:
            self._server.use(cursor, "common")
            yield cursor

    @contextmanager
    def client_writer(self, account: RosterAccount) -> Iterator[Cursor]:
        """Open one account's schema."""
        with self._server.cursor() as cursor:
            self._server.use(cursor, account.database)
            yield cursor

    def hide_client(self, account: RosterAccount) -> None:
        """Not possible here, see `can_hide_clients`."""
        raise NotImplementedError(account)

    def show_client(self, account: RosterAccount) -> None:
        """Nothing is ever hidden."""

    def insert(self, cursor: Cursor, table: Table, rows: Sequence[Row]) -> None:
        """Insert further rows."""
        if rows:
            cursor.executemany(insertion(table, self._server.dialect), rows)

    def postpone(self, cursor: Cursor, state: str, before: str, seconds: int) -> None:
        """Date webhook events in a state that were received before a moment this much later."""
        cursor.execute(
            "UPDATE zillow_webhook_events SET received_at = received_at + INTERVAL %s SECOND "
            "WHERE status = %s AND received_at < %s",
            (seconds, state, before),
        )

    def remove(self) -> None:
        """Drop the schemas and the login; schemas that the sandbox did not make are refused, not dropped."""
        self._server.remove()
