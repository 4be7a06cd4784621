"""A reconciliation report over a million rows of one account, on a private MariaDB: rows a second, and memory.

One account is the hardest case: a system is read account by account. Memory is how far the process grows while it reads
the million, after it has read a tenth as much.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, NotAvailable, Target
from benchmarks.memory import resident_mb

if TYPE_CHECKING:
    from tests.mariadb import MariaDB
    from tests.sync.rows import Shelf

SMALL, LARGE = 1_001, 1_002
ROWS, QUICK_ROWS = 1_000_000, 100_000
STALE = 47
"""Agents whose users hold tokens: what the report finds."""

LEAST_ROWS_PER_S = 50_000
MOST_GROWTH_MB = 50
LOOK_S = 0.05

# Of ten rows: four agents whose users hold no token, two credentials, two connections, a membership, a legacy agent.
_FILLED = """\
INSERT INTO {client}.users (id, account_id, name, email, status)
  SELECT seq, {account}, 'n', 'e', 'active' FROM seq_1_to_{tenth};
INSERT INTO {client}.zillow_agents
  (id, account_id, user_id, encrypted_zuid, name, email, resolution_method, created_at, updated_at)
  SELECT seq, {account}, 1000000 + seq, 'z', 'n', 'e', 3, NOW(), NOW() FROM seq_1_to_{four};
INSERT INTO {common}.zillow_sync_users
  (id, account_id, user_id, zuid, zillow_email, zillow_integration_id, zillow_integration_enabled,
   connection_health_status, lead_count, created_at)
  SELECT {first} + seq, {account}, seq, CONCAT('z', seq), 'e', 'z', 1, 'healthy', 1, NOW() FROM seq_1_to_{two};
INSERT INTO {common}.zillow_auth
  (account_id, user_id, zuid, encrypted_refresh_token, expires_at, zillow_sync_user_id, created_at, updated_at)
  SELECT {account}, seq, CONCAT('z', seq), 'x', UTC_TIMESTAMP() + INTERVAL 1 DAY, {first} + seq, NOW(), NOW()
  FROM seq_1_to_{two};
INSERT INTO {client}.zillow_teams (id, zillow_team_id, name) VALUES (1, 'T-1', 'one');
INSERT INTO {client}.zillow_agent_teams (agent_id, team_id) SELECT seq, 1 FROM seq_1_to_{tenth};
INSERT INTO {client}.zillow_sync_agents (id, account_id, user_id)
  SELECT seq, {account}, seq FROM seq_1_to_{tenth};
UPDATE {client}.zillow_agents SET user_id = id WHERE id <= {stale};
ANALYZE TABLE {client}.zillow_agents, {client}.zillow_agent_teams, {client}.zillow_sync_agents, {client}.users,
  {common}.zillow_auth, {common}.zillow_sync_users"""


def run(quick: bool) -> list[Figure]:
    """Fill both accounts, read the small one, then the large one."""
    try:
        from tests.mariadb import MariaDBUnavailable, private_mariadb  # noqa: PLC0415
        from tests.sync.rows import Shelf  # noqa: PLC0415  # missing pieces are reported, not fatal
    except ImportError as error:
        raise NotAvailable(f"a private MariaDB server: {error}") from error
    rows = QUICK_ROWS if quick else ROWS
    try:
        with (
            private_mariadb() as server,
            tempfile.TemporaryDirectory() as folder,
            closing(Shelf(Path(folder), server)) as shelf,
        ):
            for account, many in ((SMALL, rows // 10), (LARGE, rows)):
                _fill(shelf, server, account, many)
            return _figures(shelf, rows)
    except MariaDBUnavailable as error:
        raise NotAvailable(str(error)) from error


def _figures(shelf: Shelf, rows: int) -> list[Figure]:
    reconcile = shelf.service.reconcile
    reconcile.report(SMALL)
    grown = _Growth()
    began, used = time.perf_counter(), time.process_time()
    report = reconcile.report(LARGE)
    took, used = time.perf_counter() - began, time.process_time() - used
    growth = grown.end()
    if len(report.unconfirmed) != STALE or report.unread:
        raise NotAvailable(f"the report found {len(report.unconfirmed)} of {STALE}; not read: {report.unread[:1]}")
    return [
        Figure(
            f"report, {rows:,} rows",
            "rows/s",
            rows / took,
            target=Target(LEAST_ROWS_PER_S, at_least=True),
            note=f"{took:.1f} s, {used:.1f} s of them the console's own; load {os.getloadavg()[0]:.1f}",
        ),
        Figure(f"report, {rows:,} rows: grows by", "MB", growth, target=Target(MOST_GROWTH_MB)),
    ]


class _Growth:
    """How far the process grows, looked at twenty times a second."""

    def __init__(self) -> None:
        self._before = self._most = resident_mb(os.getpid())
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._over.wait(LOOK_S):
            self._most = max(self._most, resident_mb(os.getpid()))

    def end(self) -> float:
        """Megabytes at most."""
        self._over.set()
        self._thread.join()
        return self._most - self._before


def _fill(shelf: Shelf, server: MariaDB, account: int, rows: int) -> None:
    shelf.account(account)
    names = {
        "client": f"`{shelf.name_of(f'client_{account}')}`",
        "common": f"`{shelf.name_of('common')}`",
        "account": account,
        "first": account * 10_000_000,
        "tenth": rows // 10,
        "two": rows // 5,
        "four": 2 * rows // 5,
        "stale": STALE,
    }
    server.execute(*_FILLED.format(**names).split(";\n"), database=shelf.name_of("common"))
