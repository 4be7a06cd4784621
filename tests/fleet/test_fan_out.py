"""One question to many client databases: who answers, who does not and why, and how many connections that takes."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.waiting import Job, Progress
from diagnostics.fleet.fleet import AccountRows, Fleet, FleetAnswer
from diagnostics.fleet.models import FAN_OUT
from diagnostics.fleet.questions import RESOLUTION_COUNTS, STALE_CANDIDATES, UNSYNCED_COUNTS
from diagnostics.models.figures import Gap
from tests.fleet.worlds import MariaDBWorld, World, ago


def counts(answer: FleetAnswer) -> dict[int, dict[object, object]]:
    """Agents by method by account."""
    return {found.account_id: {row["method"]: row["count"] for row in found.rows} for found in answer.rows}


def test_every_account_answers_for_itself(world: World) -> None:
    for account_id, methods in ((5, (1, 1, 3)), (2, (4,)), (9, ())):
        world.add(account_id, methods)
    answer = world.open().ask(RESOLUTION_COUNTS)
    assert [found.account_id for found in answer.rows] == [2, 5, 9]
    assert counts(answer) == {2: {4: 1}, 5: {1: 2, 3: 1}, 9: {}}
    assert (answer.coverage.words(), answer.coverage.gaps) == ("3 of 3 accounts", ())
    assert (answer.origin, answer.as_of, answer.notes) == (FAN_OUT, None, ())


def test_the_evidence_shows_one_statement_and_says_how_often_it_was_asked(world: World) -> None:
    for account_id in range(1, 10):
        world.add(account_id)
    evidence = world.open().ask(RESOLUTION_COUNTS).evidence[0]
    assert "GROUP BY" in evidence.query
    assert "account_0=1" in evidence.query
    assert "9 of 9 accounts" in evidence.caveat
    assert evidence.rows == 27


def test_values_that_nobody_uses_any_more_and_missing_ones_come_as_they_are(world: World) -> None:
    world.add(1, (1, 2, 2, None, 99))
    assert counts(world.open().ask(RESOLUTION_COUNTS)) == {1: {1: 1, 2: 2, None: 1, 99: 1}}


def test_a_part_of_the_accounts_can_be_asked_and_unknown_ones_are_named(world: World) -> None:
    for account_id in (1, 2, 3):
        world.add(account_id)
    answer = world.open().ask(RESOLUTION_COUNTS, accounts=[3, 1, 3, 404])
    assert [found.account_id for found in answer.rows] == [1, 3]
    assert answer.coverage.words() == "2 of 3 accounts"
    assert answer.coverage.gaps == (Gap(reason="not in common.accounts", count=1, examples=("404",)),)


def test_accounts_come_by_pages_of_their_key(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diagnostics.fleet.account_list.PAGE", 3)
    for account_id in range(1, 8):
        world.add(account_id, (1,))
    fleet = world.open()
    assert fleet.ask(RESOLUTION_COUNTS).coverage.words() == "7 of 7 accounts"
    assert fleet.ask(RESOLUTION_COUNTS, accounts=range(2, 8)).coverage.words() == "6 of 6 accounts"


def test_accounts_without_a_client_database_are_gaps(world: World) -> None:
    world.add(1)
    world.add(2, database=None, exists=False)
    world.add(3, database="  ", host=None, exists=False)
    answer = world.open().ask(RESOLUTION_COUNTS)
    assert answer.coverage.answered == 1
    reasons = {gap.reason: gap.examples for gap in answer.coverage.gaps}
    assert reasons.pop("no client database: db_database empty in common.accounts")[0] == "2"
    assert all(reason.startswith("no client database: ") for reason in reasons)
    assert sum(gap.count for gap in answer.coverage.gaps) == 2


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "a`; DROP TABLE x; --", "client_1' OR '1'='1", "x" * 65, "a\x1b]52;c;ZXZpbA==\x07b", "a.b"],
)
def test_a_hostile_database_name_is_refused_and_shown_harmless(world: World, name: str) -> None:
    world.add(1)
    world.add(2, database=name, exists=False)
    answer = world.open().ask(RESOLUTION_COUNTS)
    assert list(counts(answer)) == [1]
    (gap,) = answer.coverage.gaps
    assert (gap.reason, gap.count) == ("address in common.accounts refused", 1)
    assert gap.examples[0].startswith("2: db_database of this account in common.accounts is ")
    assert "\x1b" not in str(answer)


def test_suspended_accounts_are_counted_and_named_with_their_part(world: World) -> None:
    world.add(1, (1,))
    world.add(2, (3, 3), status="suspended")
    world.add(3, status="suspended", exists=False)
    answer = world.open().ask(RESOLUTION_COUNTS)
    assert counts(answer)[2] == {3: 2}
    assert answer.notes == ("2 agents are of 1 suspended account (2): they are counted like the others.",)
    assert answer.coverage.gaps[0].reason.startswith("suspended account: ")


def test_rows_of_other_accounts_and_of_none_are_left_out_and_named(world: World) -> None:
    database = world.add(1, (1, 1))
    world.agent(database, 2, 3)
    world.agent(database, None, 3)
    world.agent(database, None, 4)
    answer = world.open().ask(RESOLUTION_COUNTS)
    assert counts(answer) == {1: {1: 2}}
    assert answer.notes == (
        "2 agents without an account are in the databases of 1 account (1): they are left out of every number.",
        "1 agents of another account are in the databases of 1 account (1): they are left out of every number.",
    )


def test_accounts_that_share_a_database_are_told_apart(world: World) -> None:
    database = world.add(1, (1,))
    world.add(2, database=database, exists=False)
    world.agent(database, 2, 3)
    answer = world.open().ask(RESOLUTION_COUNTS)
    assert (counts(answer), answer.notes) == ({1: {1: 1}, 2: {3: 1}}, ())


def test_a_missing_table_costs_its_own_account_only(world: World) -> None:
    for account_id in range(1, 12):
        world.add(account_id, tables=() if account_id == 7 else ("zillow_agents",))
    answer = world.open().ask(RESOLUTION_COUNTS)
    assert sorted(counts(answer)) == [account for account in range(1, 12) if account != 7]
    assert answer.coverage.gaps == (Gap(reason="there is no table zillow_agents", count=1, examples=("7",)),)


def test_a_missing_column_costs_its_own_account_only(world: World) -> None:
    for account_id in range(1, 6):
        database = world.add(account_id)
        if account_id == 4:
            world.execute(database, "ALTER TABLE zillow_agents DROP COLUMN resolution_method")
    answer = world.open().ask(RESOLUTION_COUNTS)
    assert answer.coverage.words() == "4 of 5 accounts"
    assert "resolution_method" in answer.coverage.gaps[0].reason
    assert answer.coverage.gaps[0].examples == ("4",)


def test_a_missing_database_costs_its_own_account_only(world: World) -> None:
    for account_id in range(1, 6):
        world.add(account_id)
    world.drop(f"{world.prefix}_client_3")
    answer = world.open().ask(RESOLUTION_COUNTS)
    assert answer.coverage.words() == "4 of 5 accounts"
    expected = {"the server has no database of that name", "the database file cannot be opened"}
    assert answer.coverage.gaps[0].reason in expected
    assert answer.coverage.gaps[0].examples == ("3",)


def test_nobody_answering_is_a_failure_and_not_a_zero(world: World) -> None:
    for account_id in (1, 2):
        world.add(account_id, tables=())
    with pytest.raises(SourceFailure, match="none of 2 accounts answered: there is no table zillow_agents") as caught:
        world.open().ask(RESOLUTION_COUNTS)
    assert caught.value.kind is FailureKind.NOT_MAPPED


def test_no_accounts_at_all_is_an_answer(world: World) -> None:
    assert world.open().ask(RESOLUTION_COUNTS).coverage.words() == "0 of 0 accounts"


def test_many_rows_of_one_account_come_by_pages_of_their_key(world: World) -> None:
    database = world.add(1, ())
    expected = [world.agent(database, 1, method, user_id=100 + n) for n, method in enumerate((3, 4) * 5)]
    world.agent(database, 1, 3, user_id=None)
    world.agent(database, 1, 1)
    world.add(2, (3,))
    answer = world.open().ask(replace(STALE_CANDIDATES, page=3))
    rows = answer.rows[0].rows
    assert [row["agent_id"] for row in rows] == expected
    assert (rows[0]["user_id"], rows[0]["method"], rows[1]["method"]) == (100, 3, 4)
    assert len(answer.rows[1].rows) == 1


def test_an_account_with_more_rows_than_the_question_takes_is_named(world: World) -> None:
    database = world.add(1, ())
    for _ in range(7):
        world.agent(database, 1, 3)
    answer = world.open().ask(replace(STALE_CANDIDATES, page=2, most_rows=4))
    assert len(answer.rows[0].rows) == 4
    assert answer.notes == ("More than 4 agents are in 1 account (1): counting stops there.",)


def test_progress_is_reported_in_accounts_until_all_are_done(world: World) -> None:
    for account_id in range(1, 6):
        world.add(account_id)
    seen: list[Progress] = []
    world.open().ask(RESOLUTION_COUNTS, job=Job(seen.append))
    assert seen[0] == Progress(0, None, "accounts")
    assert seen[-1] == Progress(5, 5, "accounts")


def test_rows_can_be_taken_account_by_account_as_they_come(world: World) -> None:
    for account_id in range(1, 6):
        world.add(account_id, (1,))
    taken: list[AccountRows] = []
    threads: set[str] = set()

    def take(rows: AccountRows) -> None:
        taken.append(rows)
        threads.add(threading.current_thread().name)

    answer = world.open().ask(RESOLUTION_COUNTS, each=take)
    assert answer.rows == ()
    assert answer.coverage.answered == 5
    assert sorted(found.account_id for found in taken) == [1, 2, 3, 4, 5]
    assert threads == {threading.current_thread().name}


def test_deals_are_counted_in_their_window(world: World) -> None:
    database = world.add(1)
    world.deal(database, 1, ago(hours=1), None)
    world.deal(database, 1, ago(hours=2), ago(hours=1))
    world.deal(database, 1, ago(days=3), None)
    world.add(2)
    answer = world.open().ask(UNSYNCED_COUNTS(86_400))
    assert [(found.account_id, found.rows) for found in answer.rows] == [(1, ({"total": 2, "unsynced": 1},)), (2, ())]
    assert answer.notes == ()


def test_deals_from_the_future_are_named(world: World) -> None:
    database = world.add(1)
    world.deal(database, 1, ago(hours=-5), None)
    answer = world.open().ask(UNSYNCED_COUNTS(86_400))
    assert answer.rows[0].rows == ({"total": 1, "unsynced": 1},)
    assert answer.notes == ("Deals dated in the future, so that clocks disagree: 1. They are counted in the window.",)


def test_a_question_that_was_cancelled_before_it_began_is_a_failure(world: World) -> None:
    world.add(1)
    job = Job()
    job.cancel()
    with pytest.raises(SourceFailure) as caught:
        world.open().ask(RESOLUTION_COUNTS, job=job)
    assert caught.value.kind is FailureKind.CANCELLED


def test_a_fleet_whose_databases_are_closed_says_so(world: World) -> None:
    world.add(1)
    fleet = world.open()
    world.databases.close()
    with pytest.raises(SourceFailure) as caught:
        fleet.ask(RESOLUTION_COUNTS)
    assert caught.value.kind is FailureKind.CANCELLED


@pytest.mark.mariadb
def test_a_denied_schema_costs_its_own_account_only(mariadb_world: MariaDBWorld) -> None:
    world = mariadb_world
    for account_id in range(1, 12):
        world.add(account_id)
    world.server.execute(f"REVOKE SELECT ON `{world.prefix}\\_client\\_5`.* FROM '{world.user}'@'%'")  # noqa: S608
    answer = world.open().ask(RESOLUTION_COUNTS)
    assert answer.coverage.words() == "10 of 11 accounts"
    assert answer.coverage.gaps[0].examples == ("5",)
    assert "may not SELECT table" in answer.coverage.gaps[0].reason


@pytest.mark.mariadb
def test_a_login_that_is_refused_costs_its_accounts_and_no_others(mariadb_world: MariaDBWorld) -> None:
    for account_id in range(1, 7):
        mariadb_world.add(account_id, user="nobody_at_all" if account_id > 4 else "")
    answer = mariadb_world.open().ask(RESOLUTION_COUNTS)
    assert answer.coverage.words() == "4 of 6 accounts"
    # The login may be refused twice, or once and then held back: whichever of the two connections came first.
    gaps = answer.coverage.gaps
    refused = f"client host 127.0.0.1:{mariadb_world.server.port}: the server refused this login"
    assert [gap.reason for gap in gaps if not gap.reason.startswith(refused)] == []
    assert sum(gap.count for gap in gaps) == 2
    assert sorted(account for gap in gaps for account in gap.examples) == ["5", "6"]


@pytest.mark.mariadb
def test_accounts_with_logins_of_their_own_are_asked_through_them(mariadb_world: MariaDBWorld) -> None:
    world = mariadb_world
    for account_id in range(1, 13):
        login = f"{world.prefix}_{account_id}"
        database = world.add(account_id, (1,) * account_id, user=login)
        world.server.create_user(login, "correct:horse@/battery%staple", schemas=[database])
    answer = world.open().ask(RESOLUTION_COUNTS)
    assert counts(answer) == {account_id: {1: account_id} for account_id in range(1, 13)}
    for account_id in range(1, 13):
        world.server.execute(f"DROP USER '{world.prefix}_{account_id}'@'%'")


@pytest.mark.mariadb
def test_names_that_need_quoting_are_quoted(mariadb_world: MariaDBWorld) -> None:
    names = [f"{mariadb_world.prefix}-$-{word}" for word in ("select", "a-b", "2")]
    for number, name in enumerate(names):
        mariadb_world.add(number + 1, (1,), database=name)
    answer = mariadb_world.open().ask(RESOLUTION_COUNTS)
    assert answer.coverage.words() == "3 of 3 accounts"


@pytest.mark.mariadb
@pytest.mark.parametrize("batch", [1, 3, 500])
def test_the_size_of_a_batch_changes_nothing_but_the_number_of_round_trips(
    mariadb_world: MariaDBWorld, batch: int
) -> None:
    for account_id in range(1, 24):
        mariadb_world.add(account_id, (1,) * (account_id % 4), tables=("zillow_agents",))
    answer = mariadb_world.open({"batch": batch, "per_host": 2}).ask(RESOLUTION_COUNTS)
    assert counts(answer) == {number: {1: number % 4} if number % 4 else {} for number in range(1, 24)}


@pytest.mark.mariadb
def test_a_server_that_takes_fewer_connections_than_the_setting_allows_still_answers(
    mariadb_world: MariaDBWorld,
) -> None:
    world = mariadb_world
    for account_id in range(1, 41):
        world.add(account_id, (1,), tables=("zillow_agents",))
    world.server.execute(f"ALTER USER '{world.user}'@'%' WITH MAX_USER_CONNECTIONS 3")
    answer = world.open({"batch": 1}).ask(RESOLUTION_COUNTS)
    assert (answer.coverage.words(), answer.coverage.gaps) == ("40 of 40 accounts", ())


@pytest.mark.mariadb
def test_a_window_with_more_deals_than_are_counted_is_named(
    mariadb_world: MariaDBWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diagnostics.fleet.questions.MOST_DEALS", 3)
    database = mariadb_world.add(1)
    for hours in range(1, 7):
        mariadb_world.deal(database, 1, ago(hours=hours), None)
    answer = mariadb_world.open().ask(UNSYNCED_COUNTS(86_400))
    assert answer.rows[0].rows == ({"total": 4, "unsynced": 4},)
    assert answer.notes == ("More than 3 deals are in 1 account (1): counting stops there.",)


@pytest.mark.mariadb
def test_two_questions_at_once_share_the_bound_on_connections(mariadb_world: MariaDBWorld) -> None:
    world = mariadb_world
    for account_id in range(1, 25):
        world.add(account_id, (1,), tables=("zillow_agents",))
    login = f"'{world.user}'@'%'"
    # One of common's, and at most three for the clients: one more would be refused by the server itself.
    world.server.execute(f"ALTER USER {login} WITH MAX_USER_CONNECTIONS 5")
    fleet: Fleet = world.open({"per_host": 3, "batch": 2})
    answers: list[FleetAnswer] = []
    askers = [threading.Thread(target=lambda: answers.append(fleet.ask(RESOLUTION_COUNTS))) for _ in range(2)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert [answer.coverage.words() for answer in answers] == ["24 of 24 accounts"] * 2
