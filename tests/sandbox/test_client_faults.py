"""Faults of client databases: what is missing, that nothing else is, and that it comes back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from diagnostics.core.failures import UserError
from sandbox.launch import start_sandbox
from sandbox.stores.client_faults import ClientFault, parse_client_fault
from sandbox.stories.story import DEFAULT_SEED
from tests.sandbox.api import Api

AGENTS = "SELECT COUNT(*) FROM zillow_agents"


@pytest.fixture(scope="module")
def api(harmed: Api) -> Api:
    """In order, as each test leaves it."""
    return harmed


@contextmanager
def fault(api: Api, spec: str) -> Iterator[None]:
    """Put a fault in force for a while."""
    assert api.http.post("/sandbox/faults", json={"set": [spec]}).json() == {"faults": [spec]}
    try:
        yield
    finally:
        assert api.http.post("/sandbox/faults", json={"clear": [spec]}).json() == {"faults": []}


def test_a_host_that_is_down_takes_a_quarter_of_the_databases_with_it(api: Api) -> None:
    on_host = {name for (name,) in api.rows("SELECT db_database FROM accounts WHERE db_host = 'client-db-02'")}
    everything = set(api.clients())
    assert len(on_host) == 16
    with fault(api, "client_host_down:2"):
        assert set(api.clients()) == everything - on_host
        with pytest.raises(sqlite3.OperationalError, match="unable to open"):
            api.rows(AGENTS, database=min(on_host))
        assert api.rows("SELECT COUNT(*) FROM accounts") == [(64,)]
    assert set(api.clients()) == everything


def test_an_account_without_a_client_database_has_empty_fields(api: Api) -> None:
    where = "SELECT db_host, db_database FROM accounts WHERE id = 30511"
    before = api.rows(where)
    with fault(api, "client_missing:30511"):
        assert api.rows(where) == [("", "")]
        assert api.rows("SELECT COUNT(*) FROM accounts WHERE db_database = ''") == [(1,)]
    assert api.rows(where) == before


def test_a_lost_table_is_not_there_and_its_neighbours_are(api: Api) -> None:
    database = "warroom_client_30511"
    before = api.rows(AGENTS, database=database)
    with fault(api, "client_table_missing:30511"):
        with pytest.raises(sqlite3.OperationalError, match="no such table: zillow_agents"):
            api.rows(AGENTS, database=database)
        assert api.rows("SELECT COUNT(*) FROM users", database=database) == [(57,)]
    assert api.rows(AGENTS, database=database) == before


def test_faults_of_both_sides_are_listed_together_and_end_together(api: Api) -> None:
    asked = {"set": ["client_missing:12345", "client_table_missing:30511", "validate=503"]}
    shown = api.http.post("/sandbox/faults", json=asked).json()["faults"]
    assert shown == ["validate=503", "client_missing:12345", "client_table_missing:30511"]
    assert api.state()["faults"] == shown
    left = api.http.post("/sandbox/faults", json={"clear": ["client_missing"]}).json()["faults"]
    assert left == ["validate=503", "client_table_missing:30511"]
    assert api.http.post("/sandbox/faults", json={"clear": True}).json() == {"faults": []}
    assert api.rows("SELECT COUNT(*) FROM accounts WHERE db_database = ''") == [(0,)]
    assert api.rows(AGENTS, database="warroom_client_30511")[0][0] > 0


def test_a_wrong_fault_among_right_ones_changes_nothing(api: Api) -> None:
    for wrong in ("client_missing:1", "client_host_down:5", "client_asleep"):
        answer = api.http.post("/sandbox/faults", json={"set": ["client_missing:12345", wrong]})
        assert answer.status_code == 400
    assert api.http.get("/sandbox/faults").json() == {"faults": []}
    assert api.rows("SELECT COUNT(*) FROM accounts WHERE db_database = ''") == [(0,)]


def test_a_fault_without_a_number_has_a_usual_one() -> None:
    assert parse_client_fault("client_host_down", DEFAULT_SEED) == ClientFault("client_host_down", 1)
    assert parse_client_fault("client_missing", DEFAULT_SEED) == ClientFault("client_missing", 30511)
    with pytest.raises(UserError) as caught:
        parse_client_fault("client_host_down:0", DEFAULT_SEED)
    assert "client_table_missing" in caught.value.accepted


def test_a_wrong_fault_at_start_is_refused_before_anything_is_filled() -> None:
    with pytest.raises(UserError, match="not a fault of a client database"):
        start_sandbox("healthy", fault="client_missing:1")


def test_what_a_killed_sandbox_left_in_force_is_undone_when_its_directory_is_taken_over(tmp_path: Path) -> None:
    faults = ["client_host_down:3", "client_missing:12345", "client_table_missing:30511"]
    first = start_sandbox("healthy", directory=tmp_path, fault=faults)
    with Api(first) as api:
        assert len(api.clients()) == 48
    first._process.kill()  # as a crash would
    first.stop()
    with start_sandbox("healthy", directory=tmp_path) as process, Api(process) as api:
        assert api.http.get("/sandbox/faults").json() == {"faults": []}
        assert len(api.clients()) == 64
        assert api.rows("SELECT COUNT(*) FROM accounts WHERE db_database = ''") == [(0,)]
        assert api.rows(AGENTS, database="warroom_client_30511")[0][0] > 0
