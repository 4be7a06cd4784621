"""Accounts and their databases: found through common.accounts, kept connected within a bound."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.sources.mysql.databases import AccountUnknown, Databases
from tests.databases.worlds import ACCOUNTS, MariaDBWorld, World, mapped, schema_map
from tests.waiting import wait_until


def read_user(databases: Databases, account_id: int) -> object:
    rows = databases.read_client(account_id, select(databases.table("users").c["name"])).rows
    return rows[0]["name"]


def test_an_account_has_a_place(world: World) -> None:
    database = world.add_account(14009, title="Acme Realty")
    place = world.open().account(14009)
    assert (place.id, place.name, place.status, place.user_count) == (14009, "Acme Realty", "active", 3)
    assert (place.db_host, place.db_database, place.db_user) == (world.host, database, world.user)


def test_each_account_is_asked_in_its_own_database(world: World) -> None:
    databases = world.open()
    for account_id in (14009, 75172, 148261):
        world.add_account(account_id)
        assert read_user(databases, account_id) == f"user of {account_id}"
    users = databases.table("users")
    assert databases.read_client(14009, select(users.c.id)).evidence.source == "client 14009"


def test_an_account_that_does_not_exist_is_the_askers_mistake_with_guidance(world: World) -> None:
    databases = world.open()
    with pytest.raises(AccountUnknown, match="no account 404") as caught:
        databases.read_client(404, select(databases.table("users").c.id))
    assert caught.value.accepted
    assert caught.value.next_step


def test_an_unknown_account_is_looked_for_again_and_a_known_one_is_believed_for_a_while(world: World) -> None:
    databases = world.open()
    with pytest.raises(AccountUnknown):
        databases.account(1)
    world.add_account(1, title="new")
    assert databases.account(1).name == "new"
    world.execute(world.common, "UPDATE crm_accounts SET title = 'renamed'")
    assert databases.account(1).name == "new"


@pytest.mark.parametrize("columns", [("id", "db_host", "db_database", "db_user"), tuple(ACCOUNTS.columns)])
def test_an_account_is_found_without_the_columns_that_are_assumed(world: World, columns: tuple[str, ...]) -> None:
    world.add_account(5, title="gone")
    for column in ("title", "state", "seats"):
        world.execute(world.common, f"ALTER TABLE crm_accounts DROP COLUMN {column}")
    accounts = mapped("accounts", "common", {key: ACCOUNTS.columns[key] for key in columns}, name="crm_accounts")
    databases = world.open(schema_map(accounts))
    place = databases.account(5)
    assert (place.name, place.status, place.user_count) == ("", "", None)
    assert read_user(databases, 5) == "user of 5"


def test_an_account_that_moved_is_read_at_its_new_place_once_the_old_one_is_no_longer_believed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_account(1)
    moved = world.add_account(2)
    databases = world.open()
    assert read_user(databases, 1) == "user of 1"
    world.execute(world.common, f"UPDATE crm_accounts SET shard_name = '{moved}' WHERE account_no = 1")  # noqa: S608
    assert read_user(databases, 1) == "user of 1"
    monkeypatch.setattr("diagnostics.sources.mysql.databases._PLACE_SECONDS", 0.0)
    assert read_user(databases, 1) == "user of 2"


@pytest.mark.mariadb
def test_no_more_client_databases_stay_connected_than_the_bound(mariadb_world: MariaDBWorld) -> None:
    databases = mariadb_world.open(client_pool=3)
    for account_id in range(1, 9):
        mariadb_world.add_account(account_id)
        read_user(databases, account_id)
        # One more is the shared database's own. A server lists a connection for a moment after it was closed.
        wait_until(lambda: mariadb_world.connections() <= 3 + 1)
    assert mariadb_world.connections() == 3 + 1


@pytest.mark.mariadb
def test_the_account_unused_for_longest_makes_room(mariadb_world: MariaDBWorld) -> None:
    databases = mariadb_world.open(client_pool=2)
    names = [mariadb_world.add_account(account_id) for account_id in (1, 2, 3)]
    for account_id in (1, 2, 1, 3):
        read_user(databases, account_id)
    counted = "SELECT db FROM information_schema.processlist WHERE user = %s ORDER BY db"
    expected = sorted([mariadb_world.common, names[0], names[2]])

    def connected() -> list[object]:
        return [row[0] for row in mariadb_world.server.execute(counted, arguments=(mariadb_world.user,))]

    wait_until(lambda: connected() == expected)


@pytest.mark.mariadb
def test_an_account_in_use_is_not_cut_off_and_the_bound_holds(mariadb_world: MariaDBWorld) -> None:
    for account_id in (1, 2):
        mariadb_world.add_account(account_id)
    databases = mariadb_world.open(client_pool=1, connect_timeout_s=0.8, statement_timeout_s=20.0, read_timeout_s=30.0)
    caught: list[SourceFailure] = []

    def occupy() -> None:
        try:
            databases.read_client(1, mariadb_world.endless("client"))
        except SourceFailure as failure:
            caught.append(failure)

    thread = threading.Thread(target=occupy)
    thread.start()
    pause = threading.Event()
    while not mariadb_world.running() and thread.is_alive():
        pause.wait(0.02)
    with pytest.raises(SourceFailure, match="all 1 client databases are busy") as busy:
        read_user(databases, 2)
    assert busy.value.kind is FailureKind.TIMED_OUT
    assert databases.cancel_all() == 1
    thread.join(10)
    assert [failure.kind for failure in caught] == [FailureKind.CANCELLED]
    assert read_user(databases, 2) == "user of 2"


def test_a_bound_of_one_serves_many_accounts_and_threads(world: World) -> None:
    for account_id in range(1, 5):
        world.add_account(account_id)
    databases = world.open(client_pool=1, connect_timeout_s=10.0)
    with ThreadPoolExecutor(4) as pool:
        read = list(pool.map(lambda number: read_user(databases, number % 4 + 1), range(24)))
    assert read == [f"user of {number % 4 + 1}" for number in range(24)]
