"""Monitors by tag."""

from __future__ import annotations

import pytest

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.models.datadog import Monitor
from diagnostics.sources.datadog import Datadog
from tests.datadog.server import DatadogServer, Reply

ALERTING = {
    "id": 91,
    "name": "Zillow 429 rate",
    "overall_state": "Alert",
    "query": 'logs("service:fub").index("*").rollup("count").last("5m") > 100',
    "tags": ["team:zyno"],
    "message": "@slack-fub-zyno-support",
    "type": "log alert",
}


def test_monitors_are_asked_for_by_tag_and_come_back_as_they_stand(server: DatadogServer, datadog: Datadog) -> None:
    server.monitors = [ALERTING, {"id": 92, "name": "quiet"}]
    monitors = datadog.monitors(("team:zyno", "env:prod"))
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("GET", "/api/v1/monitor")
    assert seen.parameters["monitor_tags"] == ["team:zyno,env:prod"]
    assert list(monitors) == [
        Monitor(91, "Zillow 429 rate", "Alert", str(ALERTING["query"]), ("team:zyno",), "@slack-fub-zyno-support"),
        Monitor(92, "quiet", "Unknown", ""),
    ]
    assert monitors.evidence.query == "GET /api/v1/monitor?monitor_tags=team:zyno,env:prod"
    assert (len(monitors), monitors.evidence.rows) == (2, 2)


def test_a_monitor_that_cannot_be_read_is_left_out_and_counted(server: DatadogServer, datadog: Datadog) -> None:
    server.monitors = [ALERTING, {"name": "no id"}]
    monitors = datadog.monitors("team:zyno")
    assert len(monitors) == 1
    assert monitors.evidence.caveat == "1 unreadable monitor left out"


def test_another_shape_is_malformed(server: DatadogServer, datadog: Datadog) -> None:
    server.next.append(Reply({"monitors": []}))
    with pytest.raises(SourceFailure) as failed:
        datadog.monitors("team:zyno")
    assert failed.value.kind is FailureKind.MALFORMED
