"""The catalogue as it ships: the matrix, the thresholds, the queries and the schema, written out by hand once more."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.catalogue import Catalogue, CatalogueError, load_catalogue, validate_queries
from diagnostics.catalogue.model import CHECK_IDS, Threshold
from diagnostics.logs import parse
from diagnostics.models.triage import Status


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


MATRIX = {
    "oauth_failure": (
        ("critical", "high", "normal"),
        ("Token status", "OAuth app validation"),
        "zillow-oauth-diagnosis",
        1,
    ),
    "transaction_sync": (
        ("critical", "high", "normal"),
        ("Agent count on the deal", "Sync eligibility"),
        "zillow-sync-diagnosis",
        1,
    ),
    "rate_limiting": (
        ("incident", "high", "normal"),
        ("Rate-limit analysis", "Batch-retry set-up"),
        "zillow-incident-recovery",
        1,
    ),
    "agent_resolution": (
        ("high", "normal"),
        ("Resolution distribution", "Data integrity"),
        "zillow-sync-diagnosis",
        2,
    ),
    "connection_health": (
        ("monitoring", "preventive"),
        ("Health against baseline", "Proactive monitoring"),
        "zillow-system-monitoring",
        2,
    ),
}

CHECKS = {
    "oauth_failure": ("token_status", "oauth_application"),
    "transaction_sync": ("deal_agent_count", "deal_agent_resolution", "deal_eligibility"),
    "rate_limiting": ("rate_limit_rate", "webhook_backlog", "data_loss_risk", "batch_retry"),
    "agent_resolution": ("resolution_distribution", "resolution_integrity"),
    "connection_health": ("health_baseline", "proactive_monitoring"),
}


def test_the_matrix_is_the_matrix_and_nothing_else(catalogue: Catalogue) -> None:
    built = {
        name: (issue.severities, issue.first_response, issue.route, issue.level)
        for name, issue in catalogue.issues.items()
    }
    assert built == MATRIX


def test_every_issue_runs_its_checks_in_order(catalogue: Catalogue) -> None:
    assert {name: issue.checks for name, issue in catalogue.issues.items()} == CHECKS
    assert sorted(check for checks in CHECKS.values() for check in checks) == sorted(CHECK_IDS)


def test_titles_fit_a_narrow_card(catalogue: Catalogue) -> None:
    assert {issue.name: issue.title for issue in catalogue.issues.values()} == {
        "rate_limiting": "Rate limiting",
        "oauth_failure": "OAuth failures",
        "transaction_sync": "Transaction sync",
        "agent_resolution": "Agent resolution",
        "connection_health": "Connection health",
    }


def test_the_queries_of_the_founding_document_are_verbatim(catalogue: Catalogue) -> None:
    founding = {
        "oauth_failures": "service:fub @context.method:*oauth* status:error -@message:*rate*limit*",
        "zero_agent_deals": "service:fub @context.method:getDealZillowUsers @context.agentCount:0",
        "rate_limited": "service:fub @context.error_message:*429* @context.service:zillow",
        "connection_errors": "service:fub @context.connection_health_status:error",
        "agent_resolution": "@correlation_id:zillow-agent-resolution"
        " @resolution_method:(CONNECTED OR INFERRED OR UNMATCHED)",
        "account_errors": "@context.account_id:{account_id} @message:*Zillow* status:error",
        "connect_exceptions": "service:fub status:error @context.exception:ZillowConnectException",
        "oauth_expired": "service:fub @context.method:*oauth* @context.error:*expired*",
        "sync_worker_errors": "service:fub-worker @class:ZillowSyncWorker status:error",
        "transaction_sync_failed": "@message:*zillow_transaction* @event:transaction_sync_failed",
        "deal_lookup": "@context.deal_id:{deal_id}",
    }
    assert {name: catalogue.queries[name].datadog for name in founding} == founding
    assert all(query.assumed for name, query in catalogue.queries.items() if name not in founding)


def test_every_named_query_parses(catalogue: Catalogue) -> None:
    validate_queries(catalogue)
    assert parse(catalogue.queries["rate_limited"].datadog) is not None


@pytest.mark.parametrize(
    ("name", "bad", "limits"),
    [
        ("system_health", "below", (98.8, 97, 95, 90)),
        ("resolution_share", "above", (2, 5, 10, None)),
        ("token_success", "below", (99.5, 99, 98, None)),
        ("transaction_sync_success", "below", (98, 97, 95, None)),
        ("api_p95", "above", (500, 1000, 2000, None)),
        ("webhook_latency_p95", "above", (30, 60, 120, None)),
        ("account_behaviour", "above", (2, 2, None, None)),
        ("webhook_backlog", "above", (None, None, 10_000, None)),
    ],
)
def test_the_known_thresholds_have_their_limits(
    catalogue: Catalogue, name: str, bad: str, limits: tuple[float | None, ...]
) -> None:
    found = catalogue.thresholds[name]
    assert (found.bad, (found.healthy, found.warning, found.critical, found.escalate)) == (bad, limits)
    assert not found.assumed


@pytest.mark.parametrize(
    "name", ["rate_limit_per_minute", "token_expiry_share", "token_missing_share", "oldest_pending_minutes"]
)
def test_thresholds_that_no_source_gives_say_so(catalogue: Catalogue, name: str) -> None:
    assert catalogue.thresholds[name].assumed


def test_where_sources_disagree_the_entry_says_how(catalogue: Catalogue) -> None:
    assert "degraded" in catalogue.thresholds["system_health"].conflict
    assert "deals_agents" in catalogue.schema_map.tables["deal_agents"].conflict


def test_baselines_are_the_founding_ones(catalogue: Catalogue) -> None:
    assert {name: baseline.value for name, baseline in catalogue.baselines.items()} == {
        "system_health": 98.80,
        "resolution_connected": 46.72,
        "resolution_inferred": 15.99,
        "resolution_unmatched": 37.29,
    }


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (None, Status.NO_DATA),
        (math.nan, Status.NO_DATA),
        (98.8, Status.PASS),
        (97.0, Status.PASS),
        (96.99, Status.WARN),
        (95.0, Status.WARN),
        (94.2, Status.FAIL),
        (0.0, Status.FAIL),
    ],
)
def test_health_is_judged_downwards_and_no_value_is_never_a_pass(
    catalogue: Catalogue, value: float | None, status: Status
) -> None:
    assert catalogue.thresholds["system_health"].judge(value) is status


def test_only_beyond_the_last_limit_people_are_called_at_once(catalogue: Catalogue) -> None:
    health = catalogue.thresholds["system_health"]
    assert [health.is_escalation(value) for value in (None, math.nan, 94.2, 90.0, 89.9)] == [False] * 4 + [True]


@pytest.mark.parametrize(
    ("value", "status"), [(0, Status.PASS), (10_000, Status.PASS), (10_001, Status.FAIL), (math.inf, Status.FAIL)]
)
def test_the_backlog_is_judged_upwards(catalogue: Catalogue, value: float, status: Status) -> None:
    assert catalogue.thresholds["webhook_backlog"].judge(value) is status


def test_rules_read_as_a_person_would_say_them(catalogue: Catalogue) -> None:
    rules = {name: threshold.rule() for name, threshold in catalogue.thresholds.items()}
    assert rules["webhook_backlog"] == "> 10,000 critical"
    assert rules["system_health"] == "< 97 % warning, < 95 % critical, < 90 % escalate at once"
    assert rules["rate_limit_per_minute"] == "> 10/min warning, > 100/min critical"


RANK = {Status.PASS: 0, Status.WARN: 1, Status.FAIL: 2}


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=2),
    st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3),
    st.booleans(),
)
def test_a_worse_value_is_never_judged_milder(values: list[float], limits: list[float], above: bool) -> None:
    mild, harsh = sorted(values, reverse=not above)
    warning, critical, escalate = sorted(limits, reverse=not above)
    threshold = Threshold(
        id="x", title="x", bad="above" if above else "below", warning=warning, critical=critical, escalate=escalate
    )
    assert RANK[threshold.judge(mild)] <= RANK[threshold.judge(harsh)]


TABLES = {
    "common": {
        "accounts", "zillow_auth", "zillow_sync_users", "zillow_connection_logs", "zillow_lead_events_log",
        "oauth_applications", "zillow_webhook_events", "feature_flags",
    },
    "client": {
        "users", "zillow_agents", "zillow_teams", "zillow_agent_teams", "zillow_sync_agents", "zillow_sync_teams",
        "deals", "deal_agents", "deals_contacts", "data_sync_systems",
    },
}  # fmt: skip


def test_the_schema_map_knows_every_table_and_where_it_is(catalogue: Catalogue) -> None:
    assert {table.logical for table in catalogue.schema_map.of("common")} == TABLES["common"]
    assert {table.logical for table in catalogue.schema_map.of("client")} == TABLES["client"]


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("accounts", "id name status db_host db_database db_user user_count"),
        (
            "zillow_auth",
            "id account_id user_id zuid encrypted_refresh_token expires_at zillow_sync_user_id created_at updated_at",
        ),
        (
            "zillow_webhook_events",
            "id account_id event_type status attempts http_status last_error received_at next_attempt_at processed_at",
        ),
        ("zillow_lead_events_log", "id sync_user_id event_type sync_status error_message created_at"),
        ("deal_agents", "deal_id user_id"),
        (
            "zillow_agents",
            "id account_id user_id encrypted_zuid name email resolution_method created_at updated_at",
        ),
        (
            "deals",
            "id account_id name stage property_id zillow_transaction_id synced_at created_at updated_at",
        ),
    ],
)
def test_the_columns_are_those_the_console_relies_on(catalogue: Catalogue, table: str, columns: str) -> None:
    assert " ".join(catalogue.schema_map.tables[table].columns) == columns


def test_assumed_tables_are_marked(catalogue: Catalogue) -> None:
    assumed = {name for name, table in catalogue.schema_map.tables.items() if table.assumed}
    assert assumed == {"zillow_webhook_events", "data_sync_systems"}
    assert set(catalogue.schema_map.tables["accounts"].optional) == {"name", "status", "user_count"}


def test_the_six_systems_cascade_in_order(catalogue: Catalogue) -> None:
    systems = catalogue.systems
    assert len(systems) == 6
    chain, name = [], "ZillowAuth"
    while name in systems:
        chain.append(name)
        name = systems[name].feeds[0]
    assert [*chain, name] == ["ZillowAuth", "ZillowAgent", "ZillowSyncUser", "transaction sync"]
    assert systems["ZillowTeam"].feeds == ("ZillowAgent",)


def test_the_contact_is_one_line(catalogue: Catalogue) -> None:
    line = catalogue.contact.line()
    assert [part for part in ("CL Nolen", "Zynaptic Overlords", "#fub-zyno-support", "ZYN") if part not in line] == []


def test_known_messages_are_found_in_a_log_line(catalogue: Catalogue) -> None:
    found = catalogue.messages_in("Faraday: cannot_retrieve_acCcess_token (account 12)")
    assert [message.id for message in found] == ["cannot_retrieve_access_token"]
    assert catalogue.messages_in("all is well") == ()


def test_every_origin_is_built_in_without_a_team_folder(catalogue: Catalogue) -> None:
    assert set(catalogue.origins.values()) == {"built in"}
    assert {"thresholds.webhook_backlog", "guides.immediate-actions", "templates.update"} <= set(catalogue.origins)


def test_the_catalogue_is_immutable(catalogue: Catalogue) -> None:
    with pytest.raises(ValueError, match="frozen"):
        setattr(catalogue.contact, "team", "x")  # noqa: B010  # the type checker refuses the plain assignment


def test_loading_the_catalogue_imports_nothing_heavy() -> None:
    program = """
import sys
from diagnostics.catalogue import load_catalogue
load_catalogue()
heavy = {"lark", "sqlalchemy", "httpx", "datadog_api_client", "textual", "rich", "uvicorn", "platformdirs",
         "pydantic_settings", "diagnostics.logs"}
print(sorted(heavy & set(sys.modules)))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.strip() == "[]"


def test_an_unknown_guide_or_section_lists_what_there_is(catalogue: Catalogue) -> None:
    with pytest.raises(CatalogueError, match="did you mean quick-reference") as caught:
        catalogue.guide("quick-referense")
    assert caught.value.accepted == "baseline-metrics, immediate-actions, quick-reference, team-protocols"
    with pytest.raises(CatalogueError, match="no section 'oauth'"):
        catalogue.guide_section("immediate-actions", "oauth")
