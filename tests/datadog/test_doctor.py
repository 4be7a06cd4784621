"""The doctor on Datadog in each state."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from diagnostics.config.secrets import LazySecret
from diagnostics.models.doctor import DoctorLine
from diagnostics.models.triage import Status
from diagnostics.sources.datadog import Datadog
from diagnostics.sources.datadog.doctor import budget_line
from diagnostics.sources.doctor.steps import examined
from tests.datadog.conftest import END, START, Connect
from tests.datadog.server import DatadogServer, Reply, budget, log


def by_subject(datadog: Datadog) -> dict[str, DoctorLine]:
    return {line.subject: line for line in examined(datadog.examination())}


def statuses(datadog: Datadog) -> dict[str, Status]:
    return {subject: line.status for subject, line in by_subject(datadog).items()}


def test_a_healthy_service_passes_every_line(server: DatadogServer, datadog: Datadog) -> None:
    server.events = [log()]
    server.limit = (300, 10)
    lines = by_subject(datadog)
    assert {line.status for line in lines.values()} <= {Status.PASS, Status.NO_DATA}
    assert list(lines)[:6] == ["configured", "reachable", "API key", "application key", "logs", "monitors"]
    assert lines["reachable"].latency_ms is not None
    assert lines["budget logs_search"].detail.endswith("of 300 per 10 s left")
    assert {line.source for line in lines.values()} == {"datadog"}
    searches = [seen.body["page"]["limit"] for seen in server.seen if "events/search" in seen.path]
    assert searches == [1], "the application key is checked with one event"


def test_missing_keys_are_named_and_nothing_is_asked(server: DatadogServer, connect: Connect) -> None:
    lines = by_subject(connect(api_key=None, app_key=None))
    configured = lines.pop("configured")
    assert configured.status is Status.UNREACHABLE
    assert {line.detail for line in lines.values()} == {"not asked: datadog configured"}
    assert "datadog.api_key is not set; datadog.app_key is not set" in configured.detail
    assert server.seen == []


def test_a_missing_application_key_still_lets_the_api_key_be_checked(connect: Connect) -> None:
    found = statuses(connect(app_key=None))
    assert found["API key"] is Status.PASS
    assert found["application key"] is Status.UNREACHABLE
    assert found["logs"] is Status.NO_DATA


def test_a_key_file_that_cannot_be_read_is_one_line_and_no_crash(connect: Connect, tmp_path: Path) -> None:
    missing = LazySecret("datadog.app_key_file", where="here", file=tmp_path / "absent")
    lines = by_subject(connect(app_key=missing))
    assert lines["application key"].status is Status.UNREACHABLE
    assert "cannot read" in lines["application key"].detail
    assert lines["API key"].status is Status.PASS


def test_a_wrong_api_key_is_told_apart_from_a_wrong_application_key(connect: Connect) -> None:
    order = ("reachable", "API key", "application key", "logs", "monitors")
    found = statuses(connect(api_key=SecretStr("wrong")))
    assert [str(found[one]) for one in order] == ["pass", "fail", "no_data", "no_data", "no_data"]
    found = statuses(connect(app_key=SecretStr("wrong")))
    assert [str(found[one]) for one in order] == ["pass", "pass", "fail", "no_data", "no_data"]


def test_nobody_listening_is_unreachable_and_ends_the_inspection(connect: Connect) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        found = statuses(connect(api_url=f"http://127.0.0.1:{taken.getsockname()[1]}"))
    assert found.pop("configured") is Status.PASS
    assert found.pop("reachable") is Status.UNREACHABLE
    assert set(found.values()) == {Status.NO_DATA}


def test_something_that_is_not_datadog_fails_with_a_remedy(server: DatadogServer, datadog: Datadog) -> None:
    server.always = Reply(raw=b"<html>")
    lines = by_subject(datadog)
    assert lines["reachable"].status is Status.FAIL
    assert "datadog.api_url" in lines["reachable"].remedy


@pytest.mark.parametrize(("ahead_s", "status"), [(0, Status.PASS), (120, Status.WARN), (-120, Status.WARN)])
def test_clocks_that_differ_by_more_than_half_a_minute_are_a_warning(
    server: DatadogServer, datadog: Datadog, ahead_s: int, status: Status
) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead_s), usegmt=True)
    server.date = date
    line = by_subject(datadog)["clock"]
    assert line.status is status
    assert ("behind" in line.detail) is (ahead_s > 0)


def test_the_team_names_its_monitors_and_how_far_clocks_may_differ(server: DatadogServer, datadog: Datadog) -> None:
    server.date = format_datetime(datetime.now(UTC) + timedelta(seconds=120), usegmt=True)
    lines = {line.subject: line for line in examined(datadog.examination(monitor_tag="team:other", clock_skew_s=300.0))}
    assert lines["clock"].status is Status.PASS
    assert lines["monitors"].detail == "readable (monitors_read); 0 with team:other"
    assert [seen.parameters["monitor_tags"] for seen in server.seen if "monitor" in seen.path] == [["team:other"]]


@pytest.mark.parametrize(("period", "status"), [(10, Status.PASS), (3_600, Status.WARN)])
def test_a_spent_budget_is_a_warning_where_it_stays_spent(
    server: DatadogServer, datadog: Datadog, period: float, status: Status
) -> None:
    headers = budget(limit=3, remaining=0, reset=period - 1, period=period, name="logs_search")
    server.next.append(Reply({"data": []}, headers=headers))
    datadog.search("*", start=START, end=END)
    line = {one.subject: one for one in map(budget_line, datadog.budgets())}["budget logs_search"]
    assert (line.status, bool(line.remedy)) == (status, status is Status.WARN)
    assert line.detail.startswith(f"0 of 3 per {period} s left until ")
