"""Datadog incidents: opened once, found again by our own key, moved on; every failure says what may have happened."""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from typing import Any

import pytest

from diagnostics.core.failures import SourceFailure
from diagnostics.incident.channels.base import CannotLook, NotDelivered
from diagnostics.incident.channels.datadog import ASSUMED_SEVERITIES
from diagnostics.models.entries import Channel, Purpose
from diagnostics.models.incidents import Delivery
from sandbox.launch import SandboxProcess
from tests.tracking.conftest import TOKEN, MakeDatadog, delivery, incident


def opening(**more: Any) -> Delivery:  # noqa: ANN401
    return delivery(Channel.DATADOG_INCIDENT, **more)


def note(of: str, **more: object) -> Delivery:
    fields = {"of": of, **more}
    return delivery(Channel.DATADOG_INCIDENT, Purpose.NOTE, fields=fields)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_an_incident_is_opened_with_its_number_its_key_its_severity_and_the_text_that_was_seen(
    sandbox: SandboxProcess, make_datadog: MakeDatadog
) -> None:
    wanted = opening(fields={"severity": "incident", "state": "active", "impact": "Leads arrive late."})
    receipt = make_datadog().send(wanted, incident())
    (made,) = sandbox.recorded().incidents
    assert made["title"] == f"INC-7 Zillow answers 429 [{TOKEN}]"
    assert (made["severity"], made["state"]) == ("SEV-2", "active")
    assert (made["customer_impacted"], made["customer_impact_scope"]) == (True, "Leads arrive late.")
    assert made["cells"] == [wanted.text]
    assert receipt.receipt == made["id"]
    assert receipt.link == f"https://fub.datadoghq.com/incidents/{made['public_id']}"


def test_a_title_that_names_the_incident_already_does_not_name_it_twice(
    sandbox: SandboxProcess, make_datadog: MakeDatadog
) -> None:
    make_datadog().send(opening(title="INC-7: " + "very " * 100), incident())
    (made,) = sandbox.recorded().incidents
    assert made["title"].count("INC-7") == 1
    assert made["title"].endswith(f"[{TOKEN}]"), "however long the words, the key stands"


def test_every_severity_of_the_console_is_one_of_datadogs() -> None:
    assert set(ASSUMED_SEVERITIES.values()) == {f"SEV-{number}" for number in range(1, 6)}


@pytest.mark.parametrize("fault", ["stored_500", "stored_hang", "stored_reset"])
def test_an_incident_that_was_stored_without_an_answer_is_ambiguous_and_found_again(
    sandbox: SandboxProcess, make_datadog: MakeDatadog, fault: str
) -> None:
    sandbox.set_faults(f"incident_create={fault}/1")
    channel = make_datadog(datadog__read_timeout_s=0.5, datadog__total_timeout_s=3)
    with pytest.raises(NotDelivered) as caught:
        channel.send(opening(), incident())
    assert caught.value.outcome == "ambiguous"
    assert sandbox.recorded().requests["incident_create"] == 1, "the client does not repeat it by itself"
    receipt = channel.find(opening(), incident())
    (made,) = sandbox.recorded().incidents
    assert receipt is not None
    assert receipt.receipt == made["id"]


@pytest.mark.parametrize("fault", ["500", "503", "hang", "reset", "garbage", "truncated"])
def test_what_was_not_stored_and_not_answered_is_ambiguous_and_not_found(
    sandbox: SandboxProcess, make_datadog: MakeDatadog, fault: str
) -> None:
    sandbox.set_faults(f"incident_create={fault}/1")
    channel = make_datadog(datadog__read_timeout_s=0.5, datadog__total_timeout_s=3)
    with pytest.raises(NotDelivered) as caught:
        channel.send(opening(), incident())
    assert caught.value.outcome == "ambiguous"
    assert channel.find(opening(), incident()) is None
    assert sandbox.recorded().incidents == []
    channel.send(opening(), incident())
    assert len(sandbox.recorded().incidents) == 1


def test_a_rate_limit_is_definite_and_says_how_long_to_wait(sandbox: SandboxProcess, make_datadog: MakeDatadog) -> None:
    sandbox.set_faults("incident_create=429:17/1")
    with pytest.raises(NotDelivered) as caught:
        make_datadog().send(opening(), incident())
    assert (caught.value.outcome, caught.value.retry_after_s) == ("definite", 17.0)
    assert sandbox.recorded().incidents == []


def test_a_connection_that_was_refused_is_definite(make_datadog: MakeDatadog) -> None:
    channel = make_datadog(datadog__api_url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(NotDelivered) as caught:
        channel.send(opening(), incident())
    assert caught.value.outcome == "definite"
    assert "no connection" in caught.value.reason
    with pytest.raises(SourceFailure):
        channel.find(opening(), incident())


@pytest.mark.parametrize(
    ("fault", "word"), [("forbidden", "incident_write"), ("missing", "escalation.datadog_incidents")]
)
def test_a_missing_permission_and_a_missing_endpoint_are_permanent_with_a_remedy(
    sandbox: SandboxProcess, make_datadog: MakeDatadog, fault: str, word: str
) -> None:
    sandbox.set_faults(f"incident_create={fault}")
    with pytest.raises(NotDelivered) as caught:
        make_datadog().send(opening(), incident())
    assert caught.value.outcome == "permanent"
    assert word in caught.value.remedy


@pytest.mark.parametrize("fault", ["forbidden", "missing"])
def test_a_search_that_is_not_permitted_asks_a_person_to_look(
    sandbox: SandboxProcess, make_datadog: MakeDatadog, fault: str
) -> None:
    sandbox.set_faults(f"incident_search={fault}")
    with pytest.raises(CannotLook) as caught:
        make_datadog().find(opening(), incident())
    assert TOKEN in caught.value.remedy


def test_a_slow_search_index_shows_the_incident_only_later(sandbox: SandboxProcess, make_datadog: MakeDatadog) -> None:
    channel = make_datadog()
    sandbox.set_faults("incident_search=lag:2")
    channel.send(opening(), incident())
    assert [channel.find(opening(), incident()) is not None for _ in range(3)] == [False, False, True]


def test_another_incident_with_a_similar_key_is_not_taken_for_ours(
    sandbox: SandboxProcess, make_datadog: MakeDatadog
) -> None:
    channel = make_datadog()
    channel.send(opening(token=TOKEN + "1"), incident())
    channel.send(opening(token=TOKEN[:-1]), incident())
    assert channel.find(opening(), incident()) is None
    assert len(sandbox.recorded().incidents) == 2


def test_ours_is_found_behind_pages_of_others(sandbox: SandboxProcess, make_datadog: MakeDatadog) -> None:
    channel = make_datadog()
    ours = channel.send(opening(), incident())
    for number in range(130):
        channel.send(opening(token=f"other{number}"), incident())
    assert channel.find(opening(), incident()) == ours
    assert sandbox.recorded().requests["incident_search"] == 2


def test_nothing_older_than_the_confirmation_is_looked_through(
    sandbox: SandboxProcess, make_datadog: MakeDatadog, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = make_datadog()
    channel.send(opening(), incident())
    new_year = datetime(2099, 1, 1, tzinfo=UTC)
    monkeypatch.setattr("diagnostics.incident.channels.base.utc_now", lambda: new_year)
    later = opening(confirmed_at=new_year)
    assert channel.find(later, incident()) is None
    assert len(sandbox.recorded().incidents) == 1


def test_a_clock_that_was_ahead_when_it_was_confirmed_hides_nothing(make_datadog: MakeDatadog) -> None:
    channel = make_datadog()
    ours = channel.send(opening(), incident())
    assert channel.find(opening(confirmed_at=datetime(2099, 1, 1, tzinfo=UTC)), incident()) == ours


def test_a_note_moves_severity_and_state_on_and_is_found_by_how_the_incident_stands(
    sandbox: SandboxProcess, make_datadog: MakeDatadog
) -> None:
    channel = make_datadog()
    opened = channel.send(opening(), incident())
    resolving = note(opened.receipt, state="resolved", severity="high")
    assert channel.find(resolving, incident()) is None
    sandbox.set_faults("incident_update=stored_reset/1")
    with pytest.raises(NotDelivered) as caught:
        channel.send(resolving, incident())
    assert caught.value.outcome == "ambiguous"
    assert channel.find(resolving, incident()) == opened
    (update,) = sandbox.recorded().updates
    assert update["changed"] == {"severity": "SEV-3", "state": "resolved"}


def test_a_note_of_words_alone_is_refused_because_the_service_takes_none(
    sandbox: SandboxProcess, make_datadog: MakeDatadog
) -> None:
    channel = make_datadog()
    opened = channel.send(opening(), incident())
    for wrong in (note(opened.receipt), note("", state="stable")):
        with pytest.raises(NotDelivered) as caught:
            channel.send(wrong, incident())
        assert caught.value.outcome == "permanent"
        assert channel.find(wrong, incident()) is None
    assert sandbox.recorded().updates == []


def test_a_note_on_an_incident_that_is_gone_is_permanent(make_datadog: MakeDatadog) -> None:
    with pytest.raises(NotDelivered) as caught:
        make_datadog().send(note("00000000-0000-4000-8000-000000000000", state="stable"), incident())
    assert caught.value.outcome == "permanent"


def test_hostile_text_of_the_service_reaches_nobody(sandbox: SandboxProcess, make_datadog: MakeDatadog) -> None:
    channel = make_datadog()
    channel.send(opening(), incident())
    sandbox.set_faults("incident_search=hostile")
    receipt = channel.find(opening(), incident())
    assert receipt is not None
    assert receipt.receipt.isprintable()
    assert receipt.link.isprintable()


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        ({"writes__tracking": False}, "writes.tracking"),
        ({"escalation__datadog_incidents": False}, "escalation.datadog_incidents"),
        ({"datadog__app_key": None}, "datadog.app_key"),
    ],
)
def test_why_it_cannot_be_used_is_said_without_asking_anybody(
    sandbox: SandboxProcess, make_datadog: MakeDatadog, flags: dict[str, object], word: str
) -> None:
    assert word in make_datadog(**flags).problem()
    assert make_datadog().problem() == ""
    assert sandbox.recorded().requests == {}


def test_a_source_that_is_closed_under_the_request_leaves_it_ambiguous(
    sandbox: SandboxProcess, make_datadog: MakeDatadog
) -> None:
    channel = make_datadog()
    channel._datadog.close()
    with pytest.raises(NotDelivered) as caught:
        channel.send(opening(), incident())
    assert caught.value.outcome == "ambiguous"
    assert sandbox.recorded().incidents == []
