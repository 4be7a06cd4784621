"""Monitors: drafted from the catalogue, created once, only when permitted and typed; a lost answer sends no second."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from diagnostics.catalogue import load_catalogue
from diagnostics.config.settings import DatadogSettings, Settings, WriteSettings
from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.logs import parse
from diagnostics.models.health import MonitorCreated
from diagnostics.models.triage import Refusal, RefusalRule
from diagnostics.service import Diagnostics
from tests.datadog import server as told
from tests.datadog.server import API_KEY, APP_KEY, DatadogServer, Reply, running

Open = Callable[..., Diagnostics]


@pytest.fixture
def datadog() -> Iterator[DatadogServer]:
    with running() as server:
        yield server


@pytest.fixture
def service(datadog: DatadogServer, tmp_path: Path) -> Iterator[Diagnostics]:
    """A console that may create monitors, on a Datadog that misbehaves on request."""
    settings = Settings(
        state_dir=tmp_path,
        datadog=DatadogSettings(
            api_url=datadog.url, api_key=SecretStr(API_KEY), app_key=SecretStr(APP_KEY), read_timeout_s=0.5
        ),
        writes=WriteSettings(monitors=True),
    )
    with Diagnostics.open(settings, load_catalogue()) as opened:
        yield opened


def posts(server: DatadogServer) -> list[Any]:
    return [seen.body for seen in server.seen if seen.method == "POST"]


def accepting(server: DatadogServer) -> Callable[[BaseHTTPRequestHandler], None]:
    """Create the monitor, and break the connection off before the answer is sent."""

    def act(handler: BaseHTTPRequestHandler) -> None:
        server.monitors.append({"id": 77, **server.seen[-1].body, "overall_state": "No Data"})
        told.reset(handler)

    return act


def test_every_indicator_can_be_drafted_and_says_where_its_limits_come_from(opened: Open) -> None:
    health = opened("healthy").health
    catalogue = load_catalogue()
    assert health.indicators() == tuple(catalogue.indicators)
    for name in health.indicators():
        draft = health.monitor_draft(name)
        assert draft.exists == ""
        assert {"team:zyno", f"warroom-indicator:{name}"} <= set(draft.tags)
        assert dict(draft.thresholds)["critical"] == float(draft.query.rpartition(">")[2])
        assert any(catalogue.thresholds[catalogue.indicators[name].threshold].rule() in note for note in draft.notes)
        assert "#fub-zyno-support" in draft.message


def test_a_rate_a_minute_becomes_a_count_of_the_window(opened: Open) -> None:
    draft = opened("healthy").health.monitor_draft("rate_limited")
    assert draft.thresholds == (("critical", 500.0), ("warning", 50.0))
    assert draft.query.endswith('.index("*").rollup("count").last("5m") > 500')


def test_a_success_rate_is_watched_as_its_share_of_failures(opened: Open) -> None:
    draft = opened("healthy").health.monitor_draft("token_success")
    assert draft.thresholds == (("critical", 2.0), ("warning", 1.0))
    assert draft.kind == "query alert"


def test_a_query_of_the_team_cannot_break_out_of_the_condition(tmp_path: Path, datadog: DatadogServer) -> None:
    (tmp_path / "queries.toml").write_text('[rate_limited]\ndatadog = \'service:fub "a b" @c:"d) > 1"\'\n')
    catalogue = load_catalogue(tmp_path)
    query = catalogue.queries["rate_limited"].datadog
    parse(query)
    settings = Settings(
        state_dir=tmp_path,
        datadog=DatadogSettings(api_url=datadog.url, api_key=SecretStr(API_KEY), app_key=SecretStr(APP_KEY)),
    )
    with Diagnostics.open(settings, catalogue) as opened:
        condition = opened.health.monitor_draft("rate_limited").query
    text, _ = json.JSONDecoder().raw_decode(condition.removeprefix("logs("))
    assert text == query


def test_a_monitor_of_the_team_that_asks_the_same_is_named(opened: Open) -> None:
    notes = " ".join(opened("healthy").health.monitor_draft("rate_limited").notes)
    assert "Monitor 41100201" in notes
    assert "asks the same question already" in notes


def test_an_unknown_indicator_is_refused_with_the_known_ones(opened: Open) -> None:
    with pytest.raises(UserError) as caught:
        opened("healthy").health.monitor_draft("weather")
    assert "token_success" in caught.value.accepted


def test_without_the_switch_nothing_is_sent(opened: Open) -> None:
    health = opened("healthy").health
    draft = health.monitor_draft("api_p95")
    answer = health.create_monitor(draft, draft.name)
    assert isinstance(answer, Refusal)
    assert answer.rule is RefusalRule.SAFETY_CONCERN
    assert "writes.monitors" in answer.accepted[0]
    assert health.monitor_draft("api_p95").exists == ""


@pytest.mark.parametrize("typed", ["", "yes", "fub api response time, p95"])
def test_what_was_typed_must_be_the_name(service: Diagnostics, datadog: DatadogServer, typed: str) -> None:
    draft = service.health.monitor_draft("api_p95")
    answer = service.health.create_monitor(draft, typed)
    assert isinstance(answer, Refusal)
    assert draft.name in answer.accepted[0]
    assert posts(datadog) == []


def test_a_draft_that_was_altered_is_refused(service: Diagnostics, datadog: DatadogServer) -> None:
    draft = service.health.monitor_draft("api_p95")
    altered = draft.model_copy(update={"query": draft.query.replace("2000", "1")})
    assert isinstance(service.health.create_monitor(altered, draft.name), Refusal)
    assert posts(datadog) == []


def test_a_monitor_is_created_once_and_found_again(opened: Open) -> None:
    health = opened("oauth_cascade", writes__monitors=True).health
    draft = health.monitor_draft("sync_worker_success")
    made = health.create_monitor(draft, draft.name)
    assert isinstance(made, MonitorCreated)
    assert (made.was_there, made.name) == (False, draft.name)
    assert made.link.endswith(f"/monitors/{made.id}")
    again = health.create_monitor(draft, draft.name)
    assert isinstance(again, MonitorCreated)
    assert (again.was_there, again.id) == (True, made.id)
    assert health.monitor_draft("sync_worker_success").exists == made.id


def test_an_answer_lost_on_the_way_is_looked_up_and_nothing_is_sent_twice(
    service: Diagnostics, datadog: DatadogServer
) -> None:
    draft = service.health.monitor_draft("rate_limited")
    datadog.next.extend((Reply([]), accepting(datadog)))
    made = service.health.create_monitor(draft, draft.name)
    assert isinstance(made, MonitorCreated)
    assert (made.id, made.was_there) == ("77", False)
    assert len(posts(datadog)) == 1


@pytest.mark.parametrize("misbehaviour", [told.reset, told.hang, told.truncated, Reply({"errors": []}, 503)])
def test_after_a_failure_nothing_is_repeated_by_itself(
    service: Diagnostics, datadog: DatadogServer, misbehaviour: told.Misbehaviour | Reply
) -> None:
    draft = service.health.monitor_draft("rate_limited")
    datadog.next.extend((Reply([]), misbehaviour))
    with pytest.raises(SourceFailure) as caught:
        service.health.create_monitor(draft, draft.name)
    assert "no monitor with the tag warroom-indicator:rate_limited" in caught.value.reason
    assert len(posts(datadog)) == 1


def test_when_looking_fails_too_that_is_said(service: Diagnostics, datadog: DatadogServer) -> None:
    draft = service.health.monitor_draft("rate_limited")
    datadog.next.extend((Reply([]), told.reset))
    datadog.always = Reply({"errors": ["Forbidden"]}, 403)
    with pytest.raises(SourceFailure) as caught:
        service.health.create_monitor(draft, draft.name)
    assert "is not known" in caught.value.reason
    assert len(posts(datadog)) == 1


def test_a_refusal_of_the_service_is_certain_and_not_looked_up(service: Diagnostics, datadog: DatadogServer) -> None:
    draft = service.health.monitor_draft("rate_limited")
    datadog.next.extend((Reply([]), Reply({"errors": ["The value provided for parameter 'query' is invalid"]}, 400)))
    asked = len(datadog.seen)
    with pytest.raises(SourceFailure) as caught:
        service.health.create_monitor(draft, draft.name)
    assert caught.value.kind is FailureKind.REJECTED
    assert len(datadog.seen) == asked + 2


def test_when_it_cannot_be_looked_for_first_nothing_is_sent(service: Diagnostics, datadog: DatadogServer) -> None:
    draft = service.health.monitor_draft("rate_limited")
    datadog.always = Reply({"errors": ["Forbidden"]}, 403)
    with pytest.raises(SourceFailure):
        service.health.create_monitor(draft, draft.name)
    assert posts(datadog) == []
    assert any("is not known" in note for note in service.health.monitor_draft("rate_limited").notes)
