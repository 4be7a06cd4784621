"""MariaDB's plan of every statement of the account screen and the diagnosis: an index, and few rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy.dialects import mysql

from tests.accounts.places import ACCOUNT, Place, ago, ahead

pytestmark = pytest.mark.mariadb

OTHERS = 40
"""Accounts beside the one that is looked at, so that reading it all would be many more rows than its own."""
EACH = 250


def fill(place: Place) -> None:
    """Many accounts in the tables of `common`; the one under test is one of them."""
    accounts = [ACCOUNT, *range(1, OTHERS + 1)]
    place.common(
        "zillow_auth",
        *(
            {
                "account_id": account, "user_id": user, "zuid": str(user), "encrypted_refresh_token": "x",
                "expires_at": ahead(hours=9), "created_at": ago(days=90), "updated_at": ago(hours=2),
            }
            for account in accounts
            for user in range(1, EACH + 1)
        ),
    )  # fmt: skip
    place.common(
        "zillow_sync_users",
        *(
            {"account_id": account, "user_id": user, "zuid": str(user), "zillow_integration_id": "z",
             "zillow_integration_enabled": True, "lead_count": 1}
            for account in accounts
            for user in range(1, EACH + 1)
        ),
    )  # fmt: skip
    place.common(
        "zillow_connection_logs",
        *(
            {"account_id": account, "user_id": 1, "old_resolution": 1, "new_resolution": 3,
             "created_at": ago(days=number % 60, minutes=number)}
            for account in accounts
            for number in range(EACH)
        ),
    )  # fmt: skip
    place.users(*range(1, 3_001))
    place.client(
        "zillow_agents",
        *(
            {"account_id": ACCOUNT, "user_id": user, "resolution_method": 1 + 2 * (user % 50 == 0)}
            for user in range(1, 3_001)
        ),
    )
    place.client(
        "deals",
        *(
            {"id": number, "account_id": ACCOUNT, "property_id": 1, "zillow_transaction_id": "z",
             "synced_at": None if number % 30 == 0 else ago(days=1)}
            for number in range(1, 3_001)
        ),
    )  # fmt: skip
    place.client("deal_agents", *({"deal_id": number, "user_id": 1 + number % 9} for number in range(1, 3_001)))
    for engine in (place.connect(), place.connect_client()):
        with engine as connection:
            tables = [row[0] for row in connection.exec_driver_sql("SHOW TABLES")]
            connection.exec_driver_sql(f"ANALYZE TABLE {', '.join(tables)}")


@contextmanager
def statements(place: Place) -> Iterator[list[tuple[str, Any]]]:
    """Every statement that the service sends, with the kind of database it went to."""
    sent: list[tuple[str, Any]] = []
    databases = place.service.context.databases
    common, client = databases.read_common, databases.read_client

    def read_common(statement: Any, **how: Any) -> Any:  # noqa: ANN401  # passed on
        sent.append(("common", statement))
        return common(statement, **how)

    def read_client(account_id: int, statement: Any, **how: Any) -> Any:  # noqa: ANN401  # passed on
        sent.append(("client", statement))
        return client(account_id, statement, **how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(databases, "read_common", read_common)
        patch.setattr(databases, "read_client", read_client)
        yield sent


def plan(place: Place, kind: str, statement: Any) -> list[dict[str, Any]]:  # noqa: ANN401  # any statement
    """The optimiser's rows for it."""
    compiled = statement.compile(dialect=mysql.dialect(), compile_kwargs={"literal_binds": True})
    with place.connect() if kind == "common" else place.connect_client() as connection:
        return [dict(row) for row in connection.exec_driver_sql(f"EXPLAIN {compiled}".replace("%", "%%")).mappings()]


SMALL = {"accounts", "oauth_applications", "feature_flags", "data_sync_systems"}


def check_plans(place: Place, sent: list[tuple[str, Any]]) -> None:
    """No statement reads a table whole, sorts it, or reads another account's rows."""
    assert sent
    for kind, statement in sent:
        for row in plan(place, kind, statement):
            table = str(row["table"])
            if table in SMALL or table.startswith(("<", "anon")) or row["table"] is None:
                continue
            told = f"{row}\n{statement}"
            assert row["type"] not in {"ALL"}, told
            assert row["key"], told
            if kind == "common":
                assert int(row["rows"] or 0) <= 4 * EACH, told


def test_no_statement_of_the_account_screen_reads_a_table_whole(mariadb_place: Place) -> None:
    place = mariadb_place
    fill(place)
    accounts = place.accounts
    asks: dict[str, Callable[[], Any]] = {
        "summary": lambda: accounts.summary(ACCOUNT),
        "users": lambda: accounts.users(ACCOUNT, "150", 50),
        "users first": lambda: accounts.users(ACCOUNT, None, 50),
        "wrong users": lambda: accounts.users(ACCOUNT, only_wrong=True),
        "agents": lambda: accounts.agents(ACCOUNT, "1200", 50),
        "wrong agents": lambda: accounts.agents(ACCOUNT, only_wrong=True),
        "connections": lambda: accounts.connections(ACCOUNT, accounts.connections(ACCOUNT, None, 20).after, 20),
        "wrong connections": lambda: accounts.connections(ACCOUNT, only_wrong=True),
        "deals": lambda: accounts.deals(ACCOUNT, "2000", 50),
        "unsynced": lambda: accounts.deals(ACCOUNT, "2000", 50, only_unsynced=True),
        "history": lambda: accounts.history(ACCOUNT, accounts.history(ACCOUNT, None, 20).after, 20),
        "behaviour": lambda: accounts.behaviour(ACCOUNT),
        "oauth": lambda: accounts.oauth(ACCOUNT),
        "oauth of one": lambda: accounts.oauth(ACCOUNT, 7),
    }
    for ask in asks.values():
        with statements(place) as sent:
            ask()
        check_plans(place, sent)


def test_history_reads_no_more_rows_on_a_late_page_than_on_the_first(mariadb_place: Place) -> None:
    place = mariadb_place
    fill(place)
    first = place.accounts.history(ACCOUNT, None, 20)
    with statements(place) as sent:
        page = first
        while page.after is not None:
            page = place.accounts.history(ACCOUNT, page.after, 20)
    keys = {
        row["key"] for kind, one in sent for row in plan(place, kind, one) if row["table"] == "zillow_connection_logs"
    }
    extras = {str(row["Extra"]) for kind, one in sent for row in plan(place, kind, one)}
    assert keys == {"zillow_connection_logs_account_created"}
    assert not any("filesort" in extra for extra in extras)
