"""Answers of a read: names, types, limits, evidence, and nothing that could hurt a terminal."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import func, select, union_all

from diagnostics.core.sanitizer import MARK, clean
from tests.databases.worlds import HOSTILE, SQLiteWorld, World, mapped, schema_map, send

NOON = datetime(2025, 11, 17, 12, 0, 0)  # noqa: DTZ001  # as the databases hold it: naive, in UTC


def auth_rows(count: int) -> list[tuple[object, ...]]:
    return [(n, 14009, f"zuid-{n}", b"\x00secret\xff", NOON + timedelta(minutes=n), NOON) for n in range(1, count + 1)]


def test_rows_carry_the_names_of_the_console_whatever_the_database_calls_them(world: World) -> None:
    world.add_account(14009, title="Acme Realty")
    databases = world.open()
    accounts = databases.table("accounts")
    read = databases.read_common(select(accounts.c.id, accounts.c.name, accounts.c.user_count))
    assert read.rows == ({"id": 14009, "name": "Acme Realty", "user_count": 3},)
    assert "account_no" in read.evidence.query
    assert "title" in read.evidence.query


def test_a_table_may_carry_another_name_in_the_database(world: World) -> None:
    world.execute(world.common, "CREATE TABLE deals_agents (deal_id BIGINT, agent_id BIGINT)")
    world.insert(world.common, "deals_agents", (1, 7))
    databases = world.open(
        schema_map(mapped("deal_agents", "common", {"deal_id": "deal_id", "user_id": "agent_id"}, name="deals_agents"))
    )
    table = databases.table("deal_agents")
    assert databases.read_common(select(table)).rows == ({"deal_id": 1, "user_id": 7},)


def test_moments_are_aware_and_in_utc(world: World) -> None:
    world.insert(world.common, "zillow_auth", *auth_rows(1))
    databases = world.open()
    auth = databases.table("zillow_auth")
    row = databases.read_common(select(auth.c.expires_at, func.max(auth.c.created_at).label("newest"))).rows[0]
    assert row == {"expires_at": datetime(2025, 11, 17, 12, 1, tzinfo=UTC), "newest": NOON.replace(tzinfo=UTC)}


def test_a_bound_moment_of_another_zone_is_compared_as_utc(world: World) -> None:
    world.insert(world.common, "zillow_auth", *auth_rows(5))
    databases = world.open()
    auth = databases.table("zillow_auth")
    in_denver = datetime(2025, 11, 17, 5, 3, tzinfo=timezone(timedelta(hours=-7)))
    read = databases.read_common(select(auth.c.id).where(auth.c.expires_at <= in_denver).order_by(auth.c.id))
    assert [row["id"] for row in read.rows] == [1, 2, 3]
    assert "expires_at_1=2025-11-17 12:03:00 UTC" in read.evidence.query


def test_a_limit_returns_so_many_rows_and_says_that_there_are_more(world: World) -> None:
    world.insert(world.common, "zillow_auth", *auth_rows(4))
    databases = world.open()
    statement = select(databases.table("zillow_auth").c.id).order_by(databases.table("zillow_auth").c.id)
    short = databases.read_common(statement, limit=3)
    assert ([row["id"] for row in short.rows], short.truncated, short.evidence.rows) == ([1, 2, 3], True, 3)
    exact = databases.read_common(statement, limit=4)
    assert (len(exact.rows), exact.truncated) == (4, False)


def test_a_smaller_limit_of_the_statement_is_kept_and_a_larger_one_is_not(world: World) -> None:
    world.insert(world.common, "zillow_auth", *auth_rows(4))
    databases = world.open()
    statement = select(databases.table("zillow_auth").c.id)
    assert len(databases.read_common(statement.limit(2), limit=3).rows) == 2
    assert len(databases.read_common(statement.limit(100), limit=3).rows) == 3


def test_a_union_and_a_grouped_count_are_limited_and_named_too(world: World) -> None:
    world.insert(world.common, "zillow_auth", *auth_rows(3))
    databases = world.open()
    auth = databases.table("zillow_auth")
    both = union_all(select(auth.c.id), select(auth.c.id))
    assert databases.read_common(both, limit=5).truncated
    grouped = select(auth.c.account_id, func.count().label("tokens")).group_by(auth.c.account_id)
    assert databases.read_common(grouped).rows == ({"account_id": 14009, "tokens": 3},)


def test_sums_are_plain_numbers_on_every_database(world: World) -> None:
    world.insert(world.common, "zillow_auth", *auth_rows(3))
    databases = world.open()
    auth = databases.table("zillow_auth")
    row = databases.read_common(select(func.sum(auth.c.id).label("sum"), func.sum(auth.c.id + 0.5).label("half"))).rows[
        0
    ]
    assert (row, type(row["sum"]), type(row["half"])) == ({"sum": 6, "half": 7.5}, int, float)


def test_flags_are_true_or_false_and_can_be_asked_for(world: World) -> None:
    world.insert(world.common, "feature_flags", (None, "zillow-oauth-pkce", 1), (14009, "zillow-oauth-pkce", 0))
    databases = world.open()
    flags = databases.table("feature_flags")
    assert [row["enabled"] for row in databases.read_common(select(flags).order_by(flags.c.enabled)).rows] == [
        False,
        True,
    ]
    assert databases.read_common(select(flags).where(flags.c.enabled.is_(True))).rows[0]["account_id"] is None


def test_two_columns_of_one_name_are_both_kept(world: World) -> None:
    world.insert(world.common, "zillow_auth", *auth_rows(1))
    world.add_account(14009)
    databases = world.open()
    auth, accounts = databases.table("zillow_auth"), databases.table("accounts")
    joined = select(auth.c.id, accounts.c.id).join(accounts, accounts.c.id == auth.c.account_id)
    assert sorted(map(str, databases.read_common(joined).rows[0].values())) == ["1", "14009"]


def test_evidence_is_the_sql_with_its_values_beside_it(world: World) -> None:
    world.insert(world.common, "zillow_auth", *auth_rows(3))
    databases = world.open()
    auth = databases.table("zillow_auth")
    statement = select(auth.c.id).where(auth.c.id.in_([2, 3]), auth.c.zuid == HOSTILE)
    evidence = databases.read_common(statement, window="last 15 min", caveat="a replica may lag").evidence
    assert evidence.source == "common"
    assert "SELECT zillow_auth.id FROM zillow_auth WHERE zillow_auth.id IN (:id_1_1, :id_1_2)" in evidence.query
    assert "id_1_1=2, id_1_2=3" in evidence.query
    assert f"zuid_1='{clean(HOSTILE)}'" in evidence.query
    assert evidence.query.isprintable()
    assert (evidence.window, evidence.caveat, evidence.rows) == ("last 15 min", "a replica may lag", 0)
    assert evidence.took_ms > 0
    assert abs(datetime.now(UTC) - evidence.started_at) < timedelta(minutes=1)


def test_hostile_text_in_any_cell_is_disarmed(world: World) -> None:
    world.add_account(14009, title=HOSTILE)
    world.insert(world.common, "zillow_auth", (1, 14009, HOSTILE, b"\x1b]52;c;AAAA\x07", NOON, None))
    databases = world.open()
    auth = databases.table("zillow_auth")
    row = databases.read_common(select(auth)).rows[0]
    assert row["zuid"] == clean(HOSTILE)
    assert row["encrypted_refresh_token"] == MARK
    assert databases.account(14009).name == clean(HOSTILE)
    by_text = send(databases, "SELECT zuid AS x, encrypted_refresh_token AS y FROM zillow_auth")[0]
    assert by_text == {"x": clean(HOSTILE), "y": MARK}
    assert all(str(value).isprintable() for value in [*row.values(), *by_text.values()])


def test_text_where_a_moment_belongs_is_read_as_no_moment(sqlite_world: SQLiteWorld) -> None:
    world = sqlite_world
    world.insert(
        world.common, "zillow_auth", (1, 1, "z", None, HOSTILE, 17), (2, 1, "z", None, "2025-11-17T12:00:00Z", NOON)
    )
    databases = world.open()
    auth = databases.table("zillow_auth")
    rows = databases.read_common(select(auth.c.expires_at, auth.c.created_at).order_by(auth.c.id)).rows
    assert rows[0] == {"expires_at": None, "created_at": None}
    assert rows[1] == {"expires_at": NOON.replace(tzinfo=UTC), "created_at": NOON.replace(tzinfo=UTC)}


def test_bytes_that_are_no_text_are_read_all_the_same(sqlite_world: SQLiteWorld) -> None:
    world = sqlite_world
    world.execute(world.common, "INSERT INTO zillow_auth (id, zuid) VALUES (1, CAST(x'61ff62' AS TEXT))")
    databases = world.open()
    auth = databases.table("zillow_auth")
    assert databases.read_common(select(auth.c.zuid)).rows == ({"zuid": f"a{MARK}b"},)


def test_many_threads_may_read_at_once(world: World) -> None:
    world.insert(world.common, "zillow_auth", *auth_rows(3))
    for account_id in range(1, 6):
        world.add_account(account_id)
    databases = world.open(client_pool=2)
    auth, users = databases.table("zillow_auth"), databases.table("users")

    def read(number: int) -> object:
        if number % 2:
            return len(databases.read_common(select(auth.c.id)).rows)
        account_id = number // 2 % 5 + 1
        return databases.read_client(account_id, select(users.c.id)).rows[0]["id"] == account_id

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(read, range(40))) == {3, True}


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_that_is_no_limit_is_a_mistake_of_the_program(world: World, limit: int) -> None:
    databases = world.open()
    with pytest.raises(ValueError, match="at least 1"):
        databases.read_common(select(databases.table("zillow_auth").c.id), limit=limit)


def test_a_ping_has_a_latency(world: World) -> None:
    evidence = world.open().ping_common()
    assert (evidence.source, evidence.query, evidence.rows) == ("common", "SELECT 1", 1)
    assert evidence.took_ms > 0
