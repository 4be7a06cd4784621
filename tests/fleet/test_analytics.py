"""The analytics engine and the fan-out give the same answer; what the engine lacks, or lags behind, is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.time import utc_now
from diagnostics.core.waiting import Job
from diagnostics.fleet.analytics import Analytics
from diagnostics.fleet.fleet import AccountRows, Fleet, FleetAnswer, FleetQuestion
from diagnostics.fleet.models import ANALYTICS, FAN_OUT
from diagnostics.fleet.questions import RESOLUTION_COUNTS, STALE_CANDIDATES, UNSYNCED_COUNTS
from diagnostics.models.figures import Gap
from tests.fleet.worlds import MariaDBWorld, SQLiteWorld, World, ago

QUESTIONS = (RESOLUTION_COUNTS, STALE_CANDIDATES, UNSYNCED_COUNTS(7 * 86_400))


def several(world: World) -> list[int]:
    """Accounts of every kind: retired and missing methods, agents of nobody, no agents, deals in and out of windows."""
    for account_id, methods in ((3, (1, 1, 3, 4)), (5, (2, None, 99, 3)), (8, ()), (13, (4,) * 9)):
        database = world.add(account_id, methods)
        world.agent(database, account_id, 3, user_id=None) if methods else None
        for hours in range(0, 60 * account_id, 29):
            world.deal(database, account_id, ago(hours=hours + 0.5), ago(hours=1) if hours % 2 else None)
    world.add(21, (1, 3), status="suspended")
    return [3, 5, 8, 13, 21]


def both(world: World, accounts: list[int]) -> tuple[Fleet, Fleet]:
    """A fleet that fans out, and one that asks the analytics engine."""
    fanned = world.open()
    return fanned, world.open(analytics=world.fill_analytics(accounts))


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.table + question.name[:9])
def test_both_give_the_same_answer_to_the_row(world: World, question: FleetQuestion) -> None:
    fanned, analysed = both(world, several(world))
    one, other = fanned.ask(question), analysed.ask(question)
    assert (one.origin, other.origin) == (FAN_OUT, ANALYTICS)
    assert one.rows == other.rows
    assert sum(len(found.rows) for found in one.rows) >= 4
    assert one.coverage == other.coverage


@pytest.mark.parametrize("page", [2, 3, 5])
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.table + question.name[:9])
def test_pages_change_nothing(
    world: World, question: FleetQuestion, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diagnostics.fleet.analytics.PAGE", page + 4)
    fanned, analysed = both(world, several(world))
    paged = replace(question, page=page)
    assert fanned.ask(paged).rows == analysed.ask(paged).rows


def test_a_part_of_the_accounts_gets_the_same_answer_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fanned, analysed = both(world, several(world))
    for most in (500, 1):
        monkeypatch.setattr("diagnostics.fleet.analytics._NAMED_MOST", most)
        one, other = (fleet.ask(RESOLUTION_COUNTS, accounts=[13, 3, 404]) for fleet in (fanned, analysed))
        assert [found.account_id for found in one.rows] == [3, 13]
        assert (one.rows, one.coverage) == (other.rows, other.coverage)
        assert other.coverage.gaps == (Gap(reason="not in common.accounts", count=1, examples=("404",)),)


def test_the_answer_says_how_fresh_the_engine_is(world: World) -> None:
    database = world.add(1, ())
    newest = ago(hours=1)
    world.agent(database, 1, 1, updated_at=newest)
    answer = world.open(analytics=world.fill_analytics([1])).ask(RESOLUTION_COUNTS)
    assert answer.as_of is not None
    assert answer.as_of.replace(tzinfo=None) == newest
    assert answer.notes == ()
    assert [part.source for part in answer.evidence] == ["analytics", "analytics", "common"]
    assert "GROUP BY" in answer.evidence[0].query
    assert "max(" in answer.evidence[1].query


def test_an_engine_that_is_a_day_behind_says_so_beside_its_numbers(world: World) -> None:
    database = world.add(1, ())
    world.agent(database, 1, 1, updated_at=ago(hours=26))
    analytics = world.fill_analytics([1])
    # What has happened since is in the client database alone.
    world.agent(database, 1, 3)
    answer = world.open(analytics=analytics).ask(RESOLUTION_COUNTS)
    assert answer.rows == (AccountRows(1, ({"method": 1, "count": 1},)),)
    (note,) = answer.notes
    assert note.startswith("The analytics engine is 26 h behind: the newest row of its zillow_agents is of ")


def test_how_old_is_too_old_is_a_setting(world: World) -> None:
    database = world.add(1, ())
    world.agent(database, 1, 1, updated_at=ago(hours=10))
    analytics = {**world.fill_analytics([1]), "behind_after_s": 12 * 3_600}
    assert world.open(analytics=analytics).ask(RESOLUTION_COUNTS).notes == ()


def test_an_engine_whose_rows_are_from_the_future_is_not_called_fresh(world: World) -> None:
    world.add(1)
    answer = world.open(analytics=world.fill_analytics([1]), now=lambda: utc_now() - timedelta(days=2)).ask(
        RESOLUTION_COUNTS
    )
    assert answer.notes[0].startswith("How far the analytics engine is behind is not known: ")
    assert "future" in answer.notes[0]


def test_accounts_that_only_one_of_the_two_knows_are_named(world: World) -> None:
    for account_id in (1, 2, 3):
        world.add(account_id, (1, 3))
    analytics = world.fill_analytics([1, 2])
    world.agent(world.analytics, 77, 1)
    world.agent(world.analytics, 77, 1)
    world.agent(world.analytics, None, 4)
    answer = world.open(analytics=analytics).ask(RESOLUTION_COUNTS)
    assert [found.account_id for found in answer.rows] == [1, 2, 3]
    assert answer.rows[2].rows == ()
    nobody, stranger, absent = answer.notes
    assert nobody == "1 agents without an account are in the analytics engine: left out of every number."
    assert stranger == (
        "2 agents in the analytics engine are of 1 account (77) that common.accounts does not have: left out of every "
        "number."
    )
    assert absent == (
        "1 account (3) without any row in the analytics engine's zillow_agents: counted as having no agents; one that "
        "the engine has not loaded would look the same."
    )


def test_an_account_with_more_rows_than_the_question_takes_is_named(world: World) -> None:
    world.add(1, (3,) * 7)
    answer = world.open(analytics=world.fill_analytics([1])).ask(replace(STALE_CANDIDATES, most_rows=4))
    assert len(answer.rows[0].rows) == 4
    assert answer.notes == ("More than 4 agents are in 1 account (1): counting stops there.",)


def test_rows_can_be_taken_account_by_account(world: World) -> None:
    taken: list[AccountRows] = []
    fleet = world.open(analytics=world.fill_analytics(several(world)))
    assert fleet.ask(RESOLUTION_COUNTS, each=taken.append).rows == ()
    assert tuple(taken) == fleet.ask(RESOLUTION_COUNTS).rows


def fallen_back(answer: FleetAnswer) -> str:
    """The note that says why the client databases were asked."""
    assert answer.origin == FAN_OUT
    assert answer.coverage.is_complete
    assert len(answer.notes) == 1
    return answer.notes[0]


def test_an_engine_that_is_not_there_is_replaced_by_the_client_databases(world: World) -> None:
    world.add(1)
    for url in ("mysql+pymysql://reader@127.0.0.5:1/analytics", "sqlite:////nowhere/analytics.db"):
        note = fallen_back(world.open(analytics={"url": url}).ask(RESOLUTION_COUNTS))
        assert note.startswith("The analytics engine gave no answer, and the client databases were asked instead (")
        assert "unreachable" in note


def test_an_engine_without_the_table_is_replaced_by_the_client_databases(world: World) -> None:
    world.add(1)
    analytics = {**world.fill_analytics([1]), "zillow_agents": "elsewhere"}
    assert "there is no table elsewhere" in fallen_back(world.open(analytics=analytics).ask(RESOLUTION_COUNTS))


def test_a_question_that_the_engine_has_no_table_for_goes_to_the_client_databases(world: World) -> None:
    world.add(1)
    analytics = {**world.fill_analytics([1]), "deals": None}
    note = fallen_back(world.open(analytics=analytics).ask(UNSYNCED_COUNTS(3_600)))
    assert note == (
        "The analytics engine has no table of deals (analytics.deals is not set): the client databases were asked."
    )


@pytest.mark.parametrize("url", ["nosuchengine://host/x", "databricks://host/?http_path=/sql", "sqlite://", "mysql://"])
def test_an_engine_that_cannot_be_had_is_replaced_by_the_client_databases(sqlite_world: SQLiteWorld, url: str) -> None:
    sqlite_world.add(1)
    note = fallen_back(sqlite_world.open(analytics={"url": url, "password": "secret-word"}).ask(RESOLUTION_COUNTS))
    assert "secret-word" not in note


def test_an_engine_that_is_cancelled_is_not_replaced_by_anything(world: World) -> None:
    world.add(1)
    job = Job()
    fleet = world.open(analytics=world.fill_analytics([1]))
    job.cancel()
    with pytest.raises(SourceFailure) as caught:
        fleet.ask(RESOLUTION_COUNTS, job=job)
    assert caught.value.kind is FailureKind.CANCELLED


def test_the_engine_answers_while_common_is_down(world: World) -> None:
    world.add(1)
    analytics = world.fill_analytics([1])
    fleet = world.open(analytics=analytics, common_url="mysql+pymysql://nobody@127.0.0.4:1/none")
    answer = fleet.ask(RESOLUTION_COUNTS)
    assert answer.coverage.words() == "1 of 1 accounts"
    assert answer.notes[-1].startswith("common.accounts gave no answer (common: unreachable)")


def test_the_engines_session_refuses_to_write(world: World) -> None:
    world.add(1)
    fleet = world.open(analytics=world.fill_analytics([1]))
    if isinstance(world, MariaDBWorld):
        world.grant_everything(world.analytics)
        world.server.execute(f"GRANT ALL ON `{world.analytics}`.* TO '{world.user}'@'%'")
    fleet.ask(RESOLUTION_COUNTS)
    analytics = fleet._analytics
    assert isinstance(analytics, Analytics)
    with world.databases.runner() as runner, pytest.raises(SourceFailure, match="read-only"):
        runner.run(analytics._engine, text("DELETE FROM zillow_agents"), 1)


@pytest.mark.mariadb
def test_a_table_may_be_named_with_its_schema(mariadb_world: MariaDBWorld) -> None:
    world = mariadb_world
    world.add(1, (1,))
    analytics = {**world.fill_analytics([1]), "url": world.common_url()}
    analytics["zillow_agents"] = f"{world.analytics}.zillow_agents"
    answer = world.open(analytics=analytics).ask(RESOLUTION_COUNTS)
    assert (answer.origin, answer.rows[0].rows) == (ANALYTICS, ({"method": 1, "count": 1},))


@pytest.mark.mariadb
def test_a_slow_engine_leaves_time_for_the_client_databases(mariadb_world: MariaDBWorld) -> None:
    world = mariadb_world
    world.add(1)
    analytics = world.fill_analytics([1])
    fleet = world.open({"deadline_s": 4.0}, analytics=analytics)
    with world.server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLES `{world.analytics}`.zillow_agents WRITE")
        note = fallen_back(fleet.ask(RESOLUTION_COUNTS))
    assert "analytics: timed out" in note


def test_a_folder_of_another_kind_is_left_alone(sqlite_world: SQLiteWorld, tmp_path: Path) -> None:
    sqlite_world.add(1)
    missing = tmp_path / "not-there.db"
    fallen_back(sqlite_world.open(analytics={"url": f"sqlite:///{missing}"}).ask(RESOLUTION_COUNTS))
    assert not missing.exists()
