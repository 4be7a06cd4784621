"""Engines that are neither MySQL nor SQLite: their sessions, their errors, and how their statements are ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from diagnostics.config.secrets import LazySecret
from diagnostics.fleet.fleet import Fleet
from diagnostics.fleet.models import ANALYTICS, FAN_OUT, FleetQuestion
from diagnostics.fleet.questions import RESOLUTION_COUNTS, STALE_CANDIDATES, UNSYNCED_COUNTS
from tests.fleet import engines
from tests.fleet.worlds import SQLiteWorld

QUESTIONS = (RESOLUTION_COUNTS, STALE_CANDIDATES, UNSYNCED_COUNTS(86_400))


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    engines.register()
    yield
    engines.unregister()


def opened(world: SQLiteWorld, **more: object) -> Fleet:
    analytics = world.fill_analytics([1, 2])
    path = world.analytics_url().removeprefix("sqlite:///")
    url = f"databricks://warehouse.example/?http_path={path}"
    return world.open(analytics={**analytics, "url": url, "password": "dapi-secret", **more})


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name[:12])
def test_another_make_of_engine_gives_the_same_answer(sqlite_world: SQLiteWorld, question: FleetQuestion) -> None:
    for account_id in (1, 2):
        sqlite_world.add(account_id, (1, 3, 3, 4))
    answer = opened(sqlite_world).ask(question)
    assert answer.origin == ANALYTICS
    assert answer.rows == sqlite_world.open().ask(question).rows


def test_its_sessions_get_a_time_limit_and_its_token(sqlite_world: SQLiteWorld) -> None:
    for account_id in (1, 2):
        sqlite_world.add(account_id)
    answer = opened(sqlite_world, timeout_s=17).ask(RESOLUTION_COUNTS)
    assert set(engines.Engine.told) == {"SET STATEMENT_TIMEOUT = 17"}
    connected = engines.Engine.connected_with
    assert (connected["user"], connected["token"]) == ("token", "dapi-secret")
    assert connected["_socket_timeout"] == 19
    assert connected["enable_telemetry"] is False
    assert "cannot be made read-only; only SELECT statements were sent" in answer.evidence[0].caveat
    assert "dapi-secret" not in str(answer)


def test_its_errors_become_failures_that_quote_nothing(sqlite_world: SQLiteWorld) -> None:
    for account_id in (1, 2):
        sqlite_world.add(account_id)
    answer = opened(sqlite_world, zillow_agents="main.not_there").ask(RESOLUTION_COUNTS)
    assert answer.origin == FAN_OUT
    (note,) = answer.notes
    assert "the engine ended the statement or the connection (OperationalError)" in note
    assert "not_there" not in note


def test_a_statement_of_it_is_ended_when_its_time_is_over(sqlite_world: SQLiteWorld) -> None:
    for account_id in (1, 2):
        sqlite_world.add(account_id)
    sqlite_world.execute(
        f"{sqlite_world.prefix}_analytics",
        "CREATE VIEW endless AS WITH RECURSIVE n(account_id, resolution_method, updated_at) AS "
        "(SELECT 1, 1, NULL UNION ALL SELECT account_id, resolution_method, NULL FROM n) SELECT * FROM n",
    )
    path = sqlite_world.analytics_url().removeprefix("sqlite:///")
    url = f"databricks://warehouse.example/?http_path={path}"
    answer = sqlite_world.open({"deadline_s": 3.0}, analytics={"url": url, "zillow_agents": "endless"}).ask(
        RESOLUTION_COUNTS
    )
    assert engines.Engine.interrupted.is_set()
    assert (answer.origin, answer.coverage.words()) == (FAN_OUT, "2 of 2 accounts")
    assert "analytics: timed out" in answer.notes[0]


@pytest.mark.honesty("the token of the analytics engine was rotated", "read again once after it was refused")
def test_a_rotated_token_is_taken_up_by_the_question_that_met_it(sqlite_world: SQLiteWorld, tmp_path: Path) -> None:
    for account_id in (1, 2):
        sqlite_world.add(account_id)
    engines.Engine.takes, file = {"dapi-before"}, tmp_path / "token"
    file.write_text("dapi-before")
    fleet = opened(sqlite_world, password=LazySecret("analytics.password_file", where="test", file=file))
    assert fleet.ask(RESOLUTION_COUNTS).origin == ANALYTICS
    engines.Engine.takes = {"dapi-after"}
    file.write_text("dapi-after")
    assert fleet.ask(RESOLUTION_COUNTS).origin == ANALYTICS
    assert engines.Engine.refused == ["dapi-before"]


def test_a_token_that_stays_wrong_is_sent_once(sqlite_world: SQLiteWorld) -> None:
    for account_id in (1, 2):
        sqlite_world.add(account_id)
    engines.Engine.takes = {"dapi-other"}
    fleet = opened(sqlite_world)
    first, second = (fleet.ask(RESOLUTION_COUNTS) for _ in range(2))
    assert (first.origin, second.origin) == (FAN_OUT, FAN_OUT)
    assert "the engine refused this login" in first.notes[0]
    assert "it is not tried again for 30 s" in second.notes[0]
    assert engines.Engine.refused == ["dapi-secret"]
    assert "dapi" not in str(first) + str(second)
