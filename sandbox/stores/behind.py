"""Databases that are late, as a replica that fell behind: what came about in the last while is not in them yet.

Rows of that while are put aside, and come back as they grow old enough or when the fault ends. Changes within rows are
undone as far as the story knows what was there before: a problem, a sync, the resolution of an agent.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.rows.common_rows import LEAD_EVENT_FIRST, Stamp, stamps
from sandbox.rows.hostile_rows import EXTRA_ID
from sandbox.rows.webhook_rows import APPENDED_FIRST
from sandbox.stories.account_list import StoryAccount, account_list
from sandbox.stories.story import write_private

if TYPE_CHECKING:
    from sandbox.stores.filling import Cursor, Store
    from sandbox.stories.story import Story

KINDS = ("common", "client")
CLIENTS_EVERY_S = 60.0
"""How often rows of client databases come back, seconds: there are dozens of databases, and few rows."""

_RECORD = "behind.json"
_AWAY = "_behind"


@dataclass(slots=True, frozen=True)
class _Late:
    """What is late in one table. Names are ours; columns that may be NULL are not late then."""

    table: str
    written: tuple[str, ...]
    """Moments at which a row came about or changed; it is as it was before once the newest of them is late."""
    born: str = ""
    """The moment at which it came about, where that is one of several."""
    undo: str = ""
    """What its change is undone by, as the SET of an UPDATE; `{before}` is a moment before all that is late."""
    appended_from: int | None = None
    """Ids from here on are appended while the sandbox runs, and are appended anew."""


_COMMON = (
    _Late("zillow_lead_events_log", ("created_at",), appended_from=LEAD_EVENT_FIRST),
    _Late("zillow_webhook_events", ("received_at",), appended_from=APPENDED_FIRST),
    _Late("zillow_connection_logs", ("created_at",)),
    _Late("zillow_auth", ("created_at",)),
    _Late(
        "zillow_sync_users",
        ("created_at", "problem_at"),
        born="created_at",
        undo="problem_at = NULL, problem_msg = NULL, connection_health_status = "
        "CASE WHEN zillow_integration_id IS NULL THEN connection_health_status ELSE 'healthy' END",
    ),
)
_CLIENT = (
    _Late(
        "zillow_agents",
        ("created_at", "updated_at"),
        born="created_at",
        undo="updated_at = '{before}'",
    ),
    _Late(
        "deals",
        ("created_at", "synced_at"),
        born="created_at",
        undo="synced_at = NULL, zillow_transaction_id = NULL, updated_at = created_at",
    ),
)


class Behind:
    """How late the databases are. Safe to call from any thread."""

    def __init__(self, story: Story, store: Store, directory: Path, elapsed_s: Callable[[], float]) -> None:
        """`elapsed_s` says how long the story has been told, by the clock of the databases."""
        self._story = story
        self._store = store
        self._record = directory / _RECORD
        self._elapsed_s = elapsed_s
        self._stamp: Stamp = stamps(story)
        self._late = dict.fromkeys(KINDS, 0.0)
        self._waiting: list[StoryAccount] = []
        """Accounts with rows that were put aside."""
        self._clients_at = 0.0
        self._lock = threading.Lock()

    @contextmanager
    def common(self) -> Iterator[float]:
        """How late `common` is, seconds, while nobody changes it."""
        with self._lock:
            yield self._late["common"]

    def heal(self) -> None:
        """Undo what an earlier process left in the same databases."""
        if self._record.exists():
            with self._lock:
                self._end("common")
                self._waiting = list(account_list(self._story.seed))
                self._end("client")
                self._record.unlink()

    def apply(self, late: Mapping[str, float]) -> None:
        """Be so late, by kind of database, "" for both; raises what the store raises."""
        wanted = {kind: late.get(kind, late.get("", 0.0)) for kind in KINDS}
        with self._lock:
            if wanted == self._late:
                return
            # Recorded first: a process that dies here leaves a record of what may have to be undone.
            write_private(self._record, json.dumps(wanted))
            # Clients first: what their agents were before stands in common's log.
            for kind in KINDS:
                self._end(kind)
                self._late[kind] = 0.0
            for kind in reversed(KINDS):
                if wanted[kind]:
                    self._begin(kind, wanted[kind])
                    self._late[kind] = wanted[kind]
            if not any(wanted.values()):
                self._record.unlink(missing_ok=True)

    def go_on(self) -> None:
        """Let what has grown old enough come back."""
        with self._lock:
            if self._late["common"]:
                until = self._stamp(self._elapsed_s() - self._late["common"])
                with self._store.writer() as cursor:
                    _come_back(cursor, _COMMON, until)
            if self._late["client"] and self._elapsed_s() >= self._clients_at + CLIENTS_EVERY_S:
                self._clients_at = self._elapsed_s()
                until = self._stamp(self._elapsed_s() - self._late["client"])
                for account in self._waiting:
                    with self._store.client_writer(account) as cursor:
                        _come_back(cursor, _CLIENT, until)

    def _begin(self, kind: str, seconds: float) -> None:
        elapsed_s = self._elapsed_s()
        after, before = self._stamp(elapsed_s - seconds), self._stamp(elapsed_s - seconds - 1)
        if kind == "common":
            with self._store.writer() as cursor:
                _put_aside(cursor, _COMMON, after, before)
            return
        self._clients_at = elapsed_s
        with self._store.writer() as cursor:
            resolved = _resolutions_before(cursor, after)
        for account in account_list(self._story.seed):
            with self._store.client_writer(account) as cursor:
                if not _put_aside(cursor, _CLIENT, after, before):
                    _come_back(cursor, _CLIENT, None)
                    continue
                self._waiting.append(account)
                for user, method in resolved.get(account.id, {}).items():
                    cursor.execute(
                        f"UPDATE zillow_agents SET resolution_method = {method:d} WHERE user_id = {user:d} "  # noqa: S608  # our own numbers
                        f"AND id IN (SELECT id FROM zillow_agents{_AWAY})"
                    )

    def _end(self, kind: str) -> None:
        if kind == "common":
            with self._store.writer() as cursor:
                _come_back(cursor, _COMMON, None)
            return
        for account in self._waiting:
            with self._store.client_writer(account) as cursor:
                _come_back(cursor, _CLIENT, None)
        self._waiting = []


def _put_aside(cursor: Cursor, tables: tuple[_Late, ...], after: str, before: str) -> int:
    """Take away what came about after a moment, and undo what changed; returns how many rows are kept aside."""
    kept = 0
    for one in tables:
        late = " OR ".join(f"{column} > '{after}'" for column in one.written)
        away, regenerated = one.table + _AWAY, _regenerated(one)
        cursor.execute(f"CREATE TABLE IF NOT EXISTS {away} AS SELECT * FROM {one.table} WHERE 1 = 0")  # noqa: S608  # names and moments of ours, here and below
        cursor.execute(f"INSERT INTO {away} SELECT * FROM {one.table} WHERE ({late}) AND NOT ({regenerated})")  # noqa: S608
        born = one.born or one.written[0]
        cursor.execute(f"DELETE FROM {one.table} WHERE {born} > '{after}'")  # noqa: S608
        if one.undo:
            cursor.execute(f"UPDATE {one.table} SET {one.undo.format(before=before)} WHERE {late}")  # noqa: S608
        cursor.execute(f"SELECT COUNT(*) FROM {away}")  # noqa: S608
        found = cursor.fetchone()
        kept += int(found[0]) if found else 0
    return kept


def _come_back(cursor: Cursor, tables: tuple[_Late, ...], until: str | None) -> None:
    """Bring back what was put aside, as far as it is no longer late by then; None brings back everything."""
    for one in tables:
        away = one.table + _AWAY
        cursor.execute(f"CREATE TABLE IF NOT EXISTS {away} AS SELECT * FROM {one.table} WHERE 1 = 0")  # noqa: S608  # as above
        ripe = "1 = 1"
        if until is not None:
            ripe = " AND ".join(f"({column} IS NULL OR {column} <= '{until}')" for column in one.written)
        cursor.execute(f"REPLACE INTO {one.table} SELECT * FROM {away} WHERE {ripe}")  # noqa: S608
        cursor.execute(f"DELETE FROM {away} WHERE {ripe}")  # noqa: S608
        if until is None:
            cursor.execute(f"DROP TABLE {away}")


def _regenerated(one: _Late) -> str:
    """Which rows whoever keeps the databases in the present writes by itself."""
    return "1 = 0" if one.appended_from is None else f"id >= {one.appended_from} AND id < {EXTRA_ID}"


def _resolutions_before(cursor: Cursor, after: str) -> dict[int, dict[int, int]]:
    """What each agent whose resolution changed after a moment was before, by account and user."""
    cursor.execute(
        "SELECT account_id, user_id, old_resolution FROM zillow_connection_logs "  # noqa: S608  # a moment of ours
        f"WHERE created_at > '{after}' AND old_resolution IS NOT NULL ORDER BY created_at, id"
    )
    found: dict[int, dict[int, int]] = {}
    for account, user, method in cursor.fetchall():
        found.setdefault(int(account), {}).setdefault(int(user), int(method))
    return found
