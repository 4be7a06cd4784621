"""Datadog's incidents as the source asks for them and reads them: bodies, pages, odd answers, the doctor's line."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from diagnostics.config.layers import load_settings
from diagnostics.core.failures import FailureKind, Sent, SourceFailure
from diagnostics.models.triage import Status
from diagnostics.sources.datadog import Datadog
from diagnostics.sources.datadog.decode import WrongShape, incident, incidents_found
from diagnostics.sources.datadog.source import MOST_PAGES, PAGE
from diagnostics.sources.doctor.steps import examined
from sandbox.launch import SandboxProcess, start_sandbox
from tests.datadog.conftest import Connect
from tests.datadog.server import DatadogServer


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxProcess]:
    with start_sandbox("healthy", rate_limits=("incident_create=100000/1", "search=1000/1")) as process:
        yield process


@pytest.fixture
def sandbox(running: SandboxProcess) -> Iterator[SandboxProcess]:
    running.forget()
    yield running
    running.clear_faults()


@pytest.fixture
def source(sandbox: SandboxProcess) -> Iterator[Datadog]:
    datadog = Datadog(load_settings(flags=sandbox.flags(), environ={}).settings.datadog)
    yield datadog
    datadog.close()


def wire(**attributes: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"id": "an-id", "type": "incidents", "attributes": {"title": "t", **attributes}}


def test_what_is_created_can_be_read_changed_and_found(source: Datadog) -> None:
    made, evidence = source.incidents.create(title="Trouble", severity="SEV-2", cell="It began at 13:22.")
    assert (made.title, made.severity, made.state) == ("Trouble", "SEV-2", "active")
    assert evidence.query == "POST /api/v2/incidents"
    assert made.created is not None
    assert abs(datetime.now(UTC) - made.created) < timedelta(minutes=1)
    changed, _ = source.incidents.update(made.id, state="stable")
    assert (changed.severity, changed.state) == ("SEV-2", "stable"), "what is not named stays"
    read, _ = source.incidents.get(made.id)
    assert read == changed
    assert list(source.incidents.created_since(made.created)) == [changed]
    assert list(source.incidents.created_since(made.created + timedelta(seconds=1))) == []


def test_impact_on_customers_is_said_only_when_there_is_some(sandbox: SandboxProcess, source: Datadog) -> None:
    source.incidents.create(title="quiet", severity="SEV-4")
    source.incidents.create(title="loud", severity="SEV-1", impact="No leads arrive.")
    quiet, loud = sandbox.recorded().incidents
    assert (quiet["customer_impacted"], loud["customer_impacted"]) == (False, True)
    assert loud["customer_impact_scope"] == "No leads arrive."


def test_the_unstable_operations_write_no_warning_to_the_terminal(source: Datadog) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        source.incidents.create(title="Trouble", severity="SEV-2")
        source.incidents.probe()
    assert [str(one.message) for one in caught if "unstable" in str(one.message)] == []


def test_more_incidents_than_the_pages_that_are_read_are_said_not_hidden(
    sandbox: SandboxProcess, source: Datadog
) -> None:
    began = datetime.now(UTC) - timedelta(minutes=5)
    for number in range(MOST_PAGES * PAGE):
        source.incidents.create(title=f"number {number}", severity="SEV-5")
    with pytest.raises(SourceFailure) as caught:
        list(source.incidents.created_since(began))
    assert caught.value.kind is FailureKind.REJECTED
    assert sandbox.recorded().requests["incident_search"] == MOST_PAGES


def test_no_connection_is_a_failure_that_surely_sent_nothing(connect: Connect, server: DatadogServer) -> None:
    host = server.url.rpartition(":")[0]
    for url in (f"{host}:1", "http://localhost:1"):
        with pytest.raises(SourceFailure) as caught:
            connect(api_url=url).incidents.create(title="t", severity="SEV-1")
        assert caught.value.sent is Sent.NOT_SENT


@pytest.mark.parametrize(
    ("fault", "kind", "sent"),
    [
        ("500", FailureKind.UNREACHABLE, Sent.UNKNOWN),
        ("garbage", FailureKind.MALFORMED, Sent.UNKNOWN),
        ("forbidden", FailureKind.DENIED, Sent.NOT_SENT),
        ("missing", FailureKind.REJECTED, Sent.NOT_SENT),
        ("429:9", FailureKind.RATE_LIMITED, Sent.NOT_SENT),
    ],
)
def test_a_failure_of_the_creation_is_not_repeated(
    sandbox: SandboxProcess, source: Datadog, *, fault: str, kind: FailureKind, sent: Sent
) -> None:
    sandbox.set_faults(f"incident_create={fault}")
    with pytest.raises(SourceFailure) as caught:
        source.incidents.create(title="t", severity="SEV-1")
    assert caught.value.kind is kind
    assert caught.value.sent is sent
    assert sandbox.recorded().requests["incident_create"] == 1


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"data": None},
        {"data": []},
        {"data": {"id": 7, "attributes": {}}},
        {"data": {"id": "", "attributes": {}}},
        {"data": {"id": "x", "attributes": None}},
    ],
)
def test_an_answer_of_another_shape_is_no_incident(answer: dict[str, Any]) -> None:
    with pytest.raises(WrongShape):
        incident(answer)


def test_a_page_with_an_unreadable_incident_is_refused_because_it_might_be_ours() -> None:
    page = {"data": {"attributes": {"incidents": [{"data": wire()}, {"data": {"id": 7}}]}}}
    with pytest.raises(WrongShape):
        incidents_found(page)
    with pytest.raises(WrongShape):
        incidents_found({"data": {"attributes": {}}})


def test_fields_are_read_from_either_place_and_odd_ones_are_empty() -> None:
    under = incident({"data": wire(fields={"severity": {"value": "SEV-3"}, "state": None}, state="stable")})
    assert (under.severity, under.state, under.number, under.created) == ("SEV-3", "stable", None, None)
    odd = incident({"data": wire(public_id=True, created="9999-12-31T00:00:00Z", severity=7)})
    assert (odd.number, odd.created) == (None, None)


def test_hostile_titles_are_cleaned() -> None:
    read = incident({"data": wire(title="a\x1b[2Jb\u202ec" + "A" * 10_000)})
    assert read.title.isprintable()
    assert len(read.title) <= 2_048


def test_the_doctor_says_whether_incidents_can_be_read_and_creates_none(
    sandbox: SandboxProcess, source: Datadog
) -> None:
    def line() -> Any:  # noqa: ANN401
        return {one.subject: one for one in examined(source.examination(incidents=True))}["incidents"]

    readable = line()
    assert (readable.status, "incident_write shows with the first one" in readable.detail) == (Status.PASS, True)
    sandbox.set_faults("incident_search=forbidden")
    forbidden = line()
    assert (forbidden.status, "incident_read" in forbidden.remedy) == (Status.FAIL, True)
    sandbox.set_faults("incident_search=missing")
    missing = line()
    assert (missing.status, "escalation.datadog_incidents" in missing.remedy) == (Status.FAIL, True)
    assert "incidents" not in {one.subject for one in examined(source.examination())}
    recorded = sandbox.recorded()
    assert recorded.incidents == []
    assert "incident_create" not in recorded.requests


def test_the_channels_import_neither_client_nor_httpx() -> None:
    code = (
        "import sys, diagnostics.incident.channels.datadog, diagnostics.incident.channels.jira, "
        "diagnostics.sources.datadog.source\n"
        "print({'httpx', 'datadog_api_client', 'urllib3'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "set()"
