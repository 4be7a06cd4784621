"""The databases of a story as SQLite files in a directory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Table, create_engine

from sandbox.rows import schema
from sandbox.rows.client_rows import ClientRows
from sandbox.rows.common_rows import Cells
from sandbox.stores.analytics import ANALYTICS, analytics_contents
from sandbox.stores.filling import Cursor, common_contents, fill_database, insertion, mark_of
from sandbox.stories.account_list import CLIENT_HOSTS, StoryAccount, account_list
from sandbox.stories.population import populate
from sandbox.stories.story import Story

ANALYTICS_FILE = "analytics.db"
_AWAY = ".away"


class SqliteStore:
    """One file per database in a directory."""

    can_hide_clients = True
    """A client database can be taken away while the others stay."""

    def __init__(self, story: Story, directory: Path, prefix: str) -> None:
        self._story = story
        self._directory = directory
        self._prefix = prefix
        self._dialect = create_engine("sqlite://").dialect
        self.common_url = f"sqlite:///{directory / 'common.db'}"
        self.client_url = f"sqlite:///{directory}/{{db_database}}.db"
        self.analytics_url = f"sqlite:///{directory / ANALYTICS_FILE}"

    def place(self, account: StoryAccount) -> tuple[str, str, str]:
        """Host, database and login of an account, as `accounts` names them."""
        return (
            f"client-db-{1 + account.index % CLIENT_HOSTS:02d}",
            f"{self._prefix}_{account.database}",
            f"{self._prefix}_console",
        )

    def is_filled(self) -> bool:
        """Return whether `common.db` carries the mark of this very story."""
        path = self._directory / "common.db"
        if not path.is_file():
            return False
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
                return connection.execute("SELECT scenario, seed, anchor, hostile FROM sandbox_story").fetchall() == [
                    mark_of(self._story)
                ]
        except sqlite3.Error:
            return False

    def fill(self) -> None:
        """Write one file per database; nothing is synchronised to the disk, a stand-in may be lost."""
        self.remove()
        population, hostile = populate(self._story), self._story.hostile
        for account in account_list(self._story.seed):
            rows = ClientRows(self._story, account, population).tables()
            with self._open(f"{self._prefix}_{account.database}.db") as cursor:
                fill_database(cursor, self._dialect, schema.CLIENT, rows, hostile=hostile)
        with self._open("common.db") as cursor:
            common = common_contents(self._story, population, self.place)
            fill_database(cursor, self._dialect, schema.COMMON, common, hostile=hostile)
            fill_database(
                cursor, self._dialect, schema.MARK, [(schema.STORY_MARK, [mark_of(self._story)])], hostile=False
            )

    def fill_analytics(self, behind_s: int) -> None:
        """Write the analytics file anew."""
        with self._open(ANALYTICS_FILE) as cursor:
            contents = analytics_contents(self._story, behind_s)
            fill_database(cursor, self._dialect, ANALYTICS, contents, hostile=False)

    @contextmanager
    def _open(self, name: str) -> Iterator[sqlite3.Cursor]:
        # One transaction, no journal, nothing synchronised: half a database is deleted, never repaired.
        unfinished = self._directory / f"{name}.new"
        unfinished.unlink(missing_ok=True)
        with closing(sqlite3.connect(unfinished, isolation_level=None)) as connection:
            cursor = connection.cursor()
            for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-65536"):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.execute("BEGIN")
            yield cursor
            cursor.execute("COMMIT")
        unfinished.rename(self._directory / name)

    @contextmanager
    def writer(self) -> Iterator[Cursor]:
        """Open `common.db` for one transaction; readers wait for it a few milliseconds."""
        with self._rewrite("common.db") as cursor:
            yield cursor

    @contextmanager
    def client_writer(self, account: StoryAccount) -> Iterator[Cursor]:
        """Open one account's file for one transaction."""
        with self._rewrite(self._client(account).name) as cursor:
            yield cursor

    def _client(self, account: StoryAccount) -> Path:
        return self._directory / f"{self._prefix}_{account.database}.db"

    def hide_client(self, account: StoryAccount) -> None:
        """Take one account's file away. Every question opens it anew, so the next one fails."""
        path = self._client(account)
        path.rename(path.with_name(path.name + _AWAY))

    def show_client(self, account: StoryAccount) -> None:
        """Bring it back if it was taken away."""
        path = self._client(account)
        away = path.with_name(path.name + _AWAY)
        if away.exists():
            away.rename(path)

    @contextmanager
    def _rewrite(self, name: str) -> Iterator[Cursor]:
        path = self._directory / name
        with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True, isolation_level=None)) as connection:
            cursor = connection.cursor()
            # No journal file: a reader without the right to write could not clear it away after a kill.
            for pragma in ("journal_mode=MEMORY", "synchronous=OFF"):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.execute("BEGIN IMMEDIATE")
            yield cursor
            cursor.execute("COMMIT")

    def insert(self, cursor: Cursor, table: Table, rows: Sequence[Cells]) -> None:
        """Insert further rows."""
        if rows:
            cursor.executemany(insertion(table, self._dialect), rows)

    def postpone(self, cursor: Cursor, state: str, before: str, seconds: int) -> None:
        """Date webhook events in a state that were received before a moment this much later."""
        cursor.execute(
            "UPDATE zillow_webhook_events SET received_at = strftime('%Y-%m-%d %H:%M:%S.000000', received_at, ?) "
            "WHERE status = ? AND received_at < ?",
            (f"+{seconds} seconds", state, before),
        )

    def remove(self) -> None:
        """Delete the files."""
        # First the one with the mark, so that what is left of a removal cut short is not taken for complete.
        clients = self._directory.glob(f"{self._prefix}_client_*.db*")
        unfinished = self._directory.glob("*.db.new")
        for path in (self._directory / "common.db", self._directory / ANALYTICS_FILE, *clients, *unfinished):
            path.unlink(missing_ok=True)
