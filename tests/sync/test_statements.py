"""No statement of a sync diagnosis reads a large table from end to end. Asked of MariaDB itself, with EXPLAIN."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select, text
from sqlalchemy.dialects import mysql

from diagnostics.core.time import utc_now
from diagnostics.sources.mysql.databases import Rows
from tests.mariadb import MariaDB
from tests.sync.rows import Shelf, agent_row, naive

ACCOUNT = 14009
ROWS = 4_000
LARGE = ("deals", "deal_agents", "deals_contacts", "zillow_connection_logs", "zillow_auth", "users")

pytestmark = pytest.mark.mariadb


@pytest.fixture
def large(mariadb: MariaDB, tmp_path: Path) -> Iterator[Shelf]:
    """One account among others, with enough rows that a scan would be noticed."""
    made = Shelf(tmp_path, mariadb)
    fill(made)
    yield made
    made.close()


def fill(shelf: Shelf) -> None:
    now = utc_now()
    shelf.account(ACCOUNT)
    shelf.system(ACCOUNT)
    shelf.connection(ACCOUNT, 1)
    shelf.users(ACCOUNT, *range(1, ROWS))
    deal = {"account_id": ACCOUNT, "name": "n", "stage": "s", "property_id": 1}
    rows = []
    for number in range(1, ROWS):
        at = naive(now - timedelta(minutes=10 * number))
        rows.append(
            {**deal, "id": number, "synced_at": at if number % 20 else None, "created_at": at, "updated_at": at}
        )
    shelf.client(ACCOUNT, "deals", *rows)
    shelf.client(ACCOUNT, "deal_agents", *({"deal_id": one, "user_id": one} for one in range(1, ROWS)))
    shelf.client(ACCOUNT, "deals_contacts", *({"deal_id": one, "contact_id": one} for one in range(1, ROWS)))
    shelf.client(
        ACCOUNT, "zillow_agents", *(agent_row(ACCOUNT, one, one, (1, 3, 4)[one % 3]) for one in range(1, ROWS))
    )
    token = {
        "encrypted_refresh_token": "t",
        "expires_at": naive(now),
        "created_at": naive(now),
        "updated_at": naive(now),
    }
    log = {"old_resolution": 1, "new_resolution": 3}
    for account in range(ACCOUNT, ACCOUNT + 40):
        users = range(1, ROWS // 40)
        shelf.common("zillow_auth", *({**token, "account_id": account, "user_id": user} for user in users))
        shelf.common(
            "zillow_connection_logs",
            *(
                {**log, "account_id": account, "user_id": user, "created_at": naive(now - timedelta(hours=user))}
                for user in users
            ),
        )
    for part, engine in shelf._engines.items():
        tables = ("zillow_auth", "zillow_connection_logs") if part == "common" else (*LARGE[:3], "users")
        with engine.begin() as connection:
            for table in tables:
                connection.execute(text(f"ANALYZE TABLE {table}"))


def statements(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Select[Any]]]:
    """Every statement sent from now on, with the kind of database it goes to."""
    sent: list[tuple[str, Select[Any]]] = []
    common, client = shelf.databases.read_common, shelf.databases.read_client

    def read_common(statement: Select[Any], *, window: str = "", caveat: str = "", limit: int | None = None) -> Rows:
        sent.append(("common", statement))
        return common(statement, window=window, caveat=caveat, limit=limit)

    def read_client(account_id: int, statement: Select[Any], *, caveat: str = "") -> Rows:
        sent.append((f"client_{account_id}", statement))
        return client(account_id, statement, caveat=caveat)

    monkeypatch.setattr(shelf.databases, "read_common", read_common)
    monkeypatch.setattr(shelf.databases, "read_client", read_client)
    return sent


def test_large_tables_are_read_by_key_or_along_an_index(large: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = statements(large, monkeypatch)
    deals = large.service.deals
    deals.diagnose(20, ACCOUNT)
    deals.unsynced(ACCOUNT)
    deals.unsynced(ACCOUNT, 86_400)
    deals.resolution(ACCOUNT)
    dialect: Any = mysql.dialect()
    scans = []
    explained = 0
    for part, statement in sent:
        options = {"literal_binds": True}
        query = str(statement.compile(dialect=dialect, compile_kwargs=options)).replace("%%", "%")
        engine = large._engines[part]
        with engine.connect() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN {query}").mappings().all()
        explained += 1
        scans += [(row["table"], query) for row in plan if row["table"] in LARGE and row["type"] in {"ALL", "index"}]
    assert explained > 30
    assert scans == []


def test_a_window_holds_the_deals_of_the_window(large: Shelf) -> None:
    answer = large.service.deals.unsynced(ACCOUNT, 86_400)
    # One deal every ten minutes, every twentieth unsynced.
    assert answer.total == answer.examined == 7
