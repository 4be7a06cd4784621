"""The command line on stand-ins whose databases are a real MariaDB server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Command
    from tests.mariadb import MariaDB


@pytest.mark.mariadb
def test_the_backlog_of_the_day_is_counted_by_mariadb_too(command: Command, mariadb: MariaDB) -> None:
    said = command(
        "triage",
        *("--sandbox", "nov17", "--sandbox-database", mariadb.root_url),
        *("--issue", "rate_limiting", "--severity", "incident", "--format", "json"),
    )
    assert said.code == 1, said.err
    answer = json.loads(said.out)
    found = {finding["check"]: finding for finding in answer["findings"]}
    assert answer["notify"] is True
    assert found["webhook_backlog"]["value"] == 212_631
    assert found["data_loss_risk"]["value"] == "high"
    assert "`zillow_webhook_events`" in found["webhook_backlog"]["evidence"]["query"] or found["webhook_backlog"][
        "evidence"
    ]["query"].startswith("SELECT zillow_webhook_events.status")
    assert mariadb.root_password not in said.out + said.err


@pytest.mark.matrix  # `tests/sync/test_on_the_sandbox.py` reads the same deal on the same server for less
@pytest.mark.mariadb
def test_a_deal_is_read_across_the_two_kinds_of_database(command: Command, mariadb: MariaDB) -> None:
    said = command(
        "triage",
        *("--sandbox", "nov17", "--sandbox-database", mariadb.root_url),
        *("--issue", "transaction_sync", "--deal-id", "12346", "--account-id", "14009", "--format", "json"),
    )
    assert said.code == 0, said.out + said.err
    found = {finding["check"]: finding for finding in json.loads(said.out)["findings"]}
    assert found["deal_agent_resolution"]["value"] == 4
    assert found["deal_eligibility"]["value"] == "eligible"
