"""The guides of level 2: every number and how it is computed, the first responses in full, where each system lives."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from diagnostics.catalogue import Catalogue, CatalogueError, load_catalogue


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.mark.parametrize("issue", ["connection_health", "agent_resolution"])
def test_level_two_sections_say_what_to_check_in_order_what_answers_mean_and_what_comes_next(
    catalogue: Catalogue, issue: str
) -> None:
    section = catalogue.guide_section("immediate-actions", issue)
    steps = re.findall(r"^(\d)\. \*\*", section, re.MULTILINE)
    assert steps == [str(number + 1) for number in range(len(steps))]
    assert len(steps) >= 4
    assert section.count("\n   - *") >= 8
    for step in catalogue.issues[issue].first_response:
        assert step.casefold() in section.casefold()
    assert "\nNext: " in section
    assert "no all-clear" in section or "nothing is known" in section


def test_every_number_of_level_two_is_explained_with_its_limits(catalogue: Catalogue) -> None:
    section = catalogue.guide_section("baseline-metrics", "computed")
    for name in (
        "system_health", "sync_event_success", "token_success", "transaction_sync_success", "api_p95",
        "webhook_latency_p95", "resolution_accuracy", "resolution_share",
    ):  # fmt: skip
        assert catalogue.thresholds[name].rule() in section
    for words in ("integration id", "Hours in which nobody looked are\n  gaps", "retired", "in no\n  share"):
        assert words in section


def test_every_leading_indicator_and_every_monitor_is_listed(catalogue: Catalogue) -> None:
    section = catalogue.guide_section("baseline-metrics", "early_signs")
    for name in (
        "token_expiring_24h_share", "token_expiring_72h_share", "refresh_failure_ratio", "request_velocity_ratio",
        "oldest_pending_minutes", "resolution_share", "deals_unsynced_share",
    ):  # fmt: skip
        assert catalogue.thresholds[name].rule() in section
    for indicator in catalogue.indicators.values():
        assert indicator.title in section


def test_every_system_has_its_place_with_tables_services_and_queries(catalogue: Catalogue) -> None:
    section = catalogue.guide_section("baseline-metrics", "systems")
    for system in catalogue.systems.values():
        start = section.index(f"### {system.name}\n")
        end = section.find("\n### ", start + 1)
        place = section[start:end]
        assert system.priority in place
        for table in system.tables:
            mapped = catalogue.schema_map.tables[table]
            assert f"`{mapped.database}.{mapped.name}`" in place
        for service in system.services:
            assert f"`{service}`" in place
        for query in system.queries:
            assert catalogue.queries[query].datadog in place
        for metric in system.metrics:
            assert f"`{catalogue.metrics[metric].metric}`" in place


def test_the_places_follow_the_teams_table_names_and_metrics(tmp_path: Path) -> None:
    (tmp_path / "schema.toml").write_text('[zillow_auth]\nname = "zg_auth_v2"\n')
    (tmp_path / "metrics.toml").write_text('[token_requested]\nmetric = "zg.token.requests"\n')
    guide = load_catalogue(tmp_path).guide("baseline-metrics").markdown
    assert "`common.zg_auth_v2`" in guide
    assert "`zg.token.requests`" in guide


@pytest.mark.parametrize(
    ("insertion", "accepted"), [("system ZillowAut", "ZillowAuth"), ("metric token", "token_requested")]
)
def test_a_system_or_metric_that_is_not_there_is_refused_with_those_there_are(
    tmp_path: Path, insertion: str, accepted: str
) -> None:
    (tmp_path / "guides").mkdir()
    (tmp_path / "guides" / "ours.md").write_text(f"# Ours\n\n{{{{ {insertion} }}}}\n")
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(tmp_path)
    assert accepted in caught.value.accepted
