"""No question may read a whole table that grows: MariaDB's own plans of every statement the checks send."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import make_url
from sqlalchemy.dialects import mysql

from diagnostics.catalogue import load_catalogue
from diagnostics.config.layers import load_settings
from diagnostics.core.context import Context
from diagnostics.models.triage import TriageRequest
from diagnostics.service import Diagnostics
from diagnostics.sources.datadog import Datadog
from diagnostics.sources.mysql.databases import Databases, Rows
from sandbox.launch import SandboxProcess, start_sandbox

if TYPE_CHECKING:
    from pathlib import Path

    from tests.mariadb import MariaDB

pytestmark = pytest.mark.mariadb

SMALL = {"zillow_auth", "oauth_applications", "accounts"}
"""Tables of tens of thousands of rows at most, of which the checks read shares of everything."""


class Listening(Databases):
    """Keeps every statement it is asked to send to the shared database."""

    heard: list[Any]

    def read_common(self, statement: Any, **options: Any) -> Rows:  # noqa: ANN401  # passed through
        self.heard.append(statement)
        return super().read_common(statement, **options)


@pytest.fixture(scope="module")
def sandbox(mariadb: MariaDB) -> Iterator[SandboxProcess]:
    with start_sandbox("nov17", database_url=mariadb.root_url, schema_prefix="plans") as running:
        yield running


def test_no_statement_scans_a_table_that_grows(sandbox: SandboxProcess, mariadb: MariaDB, tmp_path: Path) -> None:
    settings = load_settings(flags={**sandbox.flags(), "state_dir": tmp_path}, environ={}).settings
    catalogue = load_catalogue()
    databases = Listening(settings.databases, catalogue.schema_map)
    databases.heard = []
    service = Diagnostics(Context(settings, catalogue, Datadog(settings.datadog), databases))
    try:
        for check in (*catalogue.issues["oauth_failure"].checks, *catalogue.issues["rate_limiting"].checks):
            service.check(check, TriageRequest(issue_type="rate_limiting"))
        for check in catalogue.issues["transaction_sync"].checks:
            service.check(check, TriageRequest(issue_type="transaction_sync", account_id=14009, deal_id=12346))
        service.check("token_status", TriageRequest(issue_type="oauth_failure", account_id=14009))
    finally:
        service.close()
    assert len(databases.heard) >= 7
    schema = make_url(sandbox.common_url).database
    for statement in databases.heard:
        sql = str(statement.compile(dialect=mysql.dialect(), compile_kwargs={"literal_binds": True}))
        for row in mariadb.execute(f"EXPLAIN {sql}".replace("%%", "%"), database=schema):
            _, _, table, kind, *_ = row
            assert kind not in {"ALL", "index"} or table in SMALL or table is None, sql
