"""What one answer may cost: bytes and rows end it, and it says so; it is never taken for all there is."""

from __future__ import annotations

import socket
import threading

import pymysql
import pytest
from sqlalchemy import select

from diagnostics.checks.base import finding
from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.fleet import account_list
from diagnostics.health.figures import unless_old
from diagnostics.models.status import Status
from diagnostics.sources.mysql import engines, runner, statements
from diagnostics.sources.mysql.failures import TimeLimits, failure_of
from tests.databases.test_reading import auth_rows
from tests.databases.worlds import World, mapped, schema_map

FEW_BYTES = 200_000


@pytest.mark.honesty(
    "One cell holds hundreds of megabytes",
    "The question ends at a limit of bytes and says so; memory stays as it was",
)
def test_an_answer_of_too_many_bytes_ends_there_and_the_next_question_is_answered(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "MOST_BYTES", FEW_BYTES)
    world.execute(world.common, "CREATE TABLE big (deal_id BIGINT, note LONGTEXT)")
    world.insert(world.common, "big", (1, "x" * (FEW_BYTES + 1)))
    names = {"deal_id": "deal_id", "user_id": "note"}
    databases = world.open(schema_map(mapped("deal_agents", "common", names, name="big")))
    statement = select(databases.table("deal_agents"))
    with pytest.raises(SourceFailure) as caught:
        databases.read_common(statement)
    failure = caught.value
    assert (failure.kind, failure.source) == (FailureKind.REJECTED, "common")
    assert failure.reason == "the answer is larger than 32 MB, and was not read to its end"
    world.execute(world.common, "UPDATE big SET note = 'short'")
    assert databases.read_common(statement).rows == ({"deal_id": 1, "user_id": "short"},)


@pytest.mark.honesty(
    "There are more rows than the console reads at once",
    "'The first 10,000 of more rows were read', and nothing that rests on them is ok",
)
def test_an_answer_of_too_many_rows_says_so_and_nothing_passes_on_it(
    sqlite_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "MOST_ROWS", 3)
    sqlite_world.insert(sqlite_world.common, "zillow_auth", *auth_rows(4))
    databases = sqlite_world.open()
    read = databases.read_common(select(databases.table("zillow_auth").c.id), caveat="a copy")
    assert read.evidence.caveat == "the first 3 of more rows were read; a copy"
    assert read.evidence.model_dump(mode="json")["is_cut"] is True
    found = finding("told", "Told?", Status.PASS, "Nothing is wrong.", value=0, evidence=read.evidence)
    assert (found.status, found.value) == (Status.NO_DATA, None)
    assert found.summary == "The first 3 of more rows were read. Of these: Nothing is wrong."
    assert finding("told", "Told?", Status.FAIL, "Wrong.", evidence=read.evidence).status is Status.FAIL
    assert unless_old(Status.PASS, (read.evidence,)) is Status.NO_DATA


def test_a_page_is_not_cut_and_is_written_as_before(sqlite_world: World) -> None:
    sqlite_world.insert(sqlite_world.common, "zillow_auth", *auth_rows(4))
    databases = sqlite_world.open()
    page = databases.read_common(select(databases.table("zillow_auth").c.id), limit=2)
    assert (page.truncated, page.evidence.is_cut, page.evidence.caveat) == (True, False, "")
    assert "is_cut" not in page.evidence.model_dump(mode="json")


def test_a_table_of_accounts_that_is_too_long_is_not_asked_account_by_account(
    sqlite_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_list, "MOST_ACCOUNTS", 2)
    for account in (1, 2, 3):
        sqlite_world.add_account(account)
    databases = sqlite_world.open()
    with databases.runner() as runner, pytest.raises(SourceFailure) as caught:
        account_list.read_account_list(databases, runner, None, lambda: None)
    assert caught.value.reason == "accounts holds more than 2 rows: that many are not asked one by one"
    assert "analytics.url" in caught.value.remedy


def test_rows_that_together_hold_too_much_end_the_question(
    sqlite_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "MOST_BYTES", FEW_BYTES)
    world = sqlite_world
    world.execute(world.common, "CREATE TABLE big (deal_id BIGINT, note LONGTEXT)")
    world.insert(world.common, "big", *((number, "x" * (FEW_BYTES // 100)) for number in range(150)))
    names = {"deal_id": "deal_id", "user_id": "note"}
    databases = world.open(schema_map(mapped("deal_agents", "common", names, name="big")))
    statement = select(databases.table("deal_agents"))
    assert len(databases.read_common(statement, limit=90).rows) == 90
    with pytest.raises(SourceFailure, match="larger than 32 MB"):
        databases.read_common(statement)


def test_an_answer_that_drips_ends_although_it_is_never_silent() -> None:
    here, there = socket.socketpair()
    ended = threading.Event()

    def drip() -> None:
        # The head of a packet of a million bytes, then one byte after the other.
        there.sendall((1_000_000).to_bytes(3, "little") + b"\0")
        while not ended.wait(0.02):
            there.sendall(b"x")

    connection = engines.BoundedConnection(defer_connect=True, connect_timeout=0.1, read_timeout=0.1)
    thread = threading.Thread(target=drip)
    with here, there:
        thread.start()
        # The greeting is such an answer as well.
        with pytest.raises(pymysql.OperationalError) as caught:
            connection.connect(here)
        ended.set()
        thread.join(5)
    failure = failure_of(caught.value, "state", TimeLimits(0.1, 0.1, 0.1), connecting=False)
    assert (failure.kind, failure.reason) == (
        FailureKind.TIMED_OUT,
        "the answer was not complete within 0.4 s, although some of it came",
    )
