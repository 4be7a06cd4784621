"""The analytics engine's stand-in: the same rows in one place, or as they were some time ago."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from diagnostics.config.layers import load_settings
from sandbox.launch import SandboxProcess, start_sandbox
from sandbox.stories.story import ANALYTICS_TABLES
from tests.sandbox.api import Api


@pytest.fixture(scope="module")
def present() -> Iterator[Api]:
    """An engine that is up to date."""
    with start_sandbox("resolution_drift", analytics=True) as process, Api(process) as api:
        yield api


@pytest.fixture(scope="module")
def behind() -> Iterator[Api]:
    """An engine that is a day behind."""
    with start_sandbox("resolution_drift", analytics_behind_s=86_400) as process, Api(process) as api:
        yield api


def _engine(api: Api, statement: str) -> list[tuple[object, ...]]:
    return api.rows(statement, database="analytics")


def test_it_holds_every_row_of_every_account(present: Api) -> None:
    for table in ("zillow_agents", "deals"):
        everywhere = [
            row
            for database in present.clients()
            for row in present.rows(f"SELECT * FROM {table}", database=database)  # noqa: S608  # a constant of this test
        ]
        assert sorted(_engine(present, f"SELECT * FROM {table}"), key=repr) == sorted(everywhere, key=repr)  # noqa: S608
    for table in ("zillow_auth", "zillow_sync_users"):
        assert _engine(present, f"SELECT * FROM {table} ORDER BY id") == present.rows(  # noqa: S608
            f"SELECT * FROM {table} ORDER BY id"  # noqa: S608
        )


def test_its_address_and_tables_are_settings_of_the_console(present: Api) -> None:
    for loaded in (
        load_settings(flags=present.process.flags(), environ={}),
        load_settings(config=present.process.directory / "console.toml", environ={}),
    ):
        analytics = loaded.settings.analytics
        assert analytics.url == present.process.analytics_url == f"sqlite:///{present.process.directory}/analytics.db"
        assert analytics.zillow_agents == ANALYTICS_TABLES["zillow_agents"]
        assert analytics.deals == "deals"


def test_without_it_no_address_is_given(outside_process: SandboxProcess) -> None:
    assert outside_process.analytics_url is None
    assert not [name for name in outside_process.flags() if name.startswith("analytics")]


def test_one_that_is_behind_shows_the_shares_of_before_the_drift(behind: Api) -> None:
    methods: Counter[object] = Counter(
        dict(_engine(behind, "SELECT resolution_method, COUNT(*) FROM zillow_agents GROUP BY 1"))  # type: ignore[arg-type]  # two columns
    )
    assert [methods[method] for method in (1, 3, 4)] == [4_672, 1_599, 3_729]
    now = sum(
        behind.rows("SELECT COUNT(*) FROM zillow_agents WHERE resolution_method = 1", database=database)[0][0]
        for database in behind.clients()
    )
    assert now == 3_592


def test_one_that_is_behind_has_no_row_of_the_time_since(behind: Api) -> None:
    cut = f"datetime({behind.anchor_ms // 1000} - 86400, 'unixepoch') || '.000000'"
    for table, columns in (
        ("zillow_agents", ("created_at", "updated_at")),
        ("zillow_auth", ("created_at", "updated_at")),
        ("zillow_sync_users", ("created_at", "problem_at", "last_verified_at", "last_agent_sync_at")),
        ("deals", ("created_at", "updated_at", "synced_at")),
    ):
        newest = max(str(_engine(behind, f"SELECT MAX({column}) FROM {table}")[0][0]) for column in columns)  # noqa: S608
        assert newest <= str(behind.rows(f"SELECT {cut}")[0][0])
    ((deals, unsynced),) = _engine(behind, "SELECT COUNT(*), SUM(synced_at IS NULL) FROM deals")
    assert isinstance(deals, int)
    assert 0 < deals < 64 * 36
    assert unsynced


def test_it_cannot_be_ahead() -> None:
    with pytest.raises(Exception, match="cannot be ahead"):
        start_sandbox("healthy", analytics_behind_s=-1)
