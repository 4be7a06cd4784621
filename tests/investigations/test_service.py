"""Investigation records: what people write, what is refused, and two consoles at once."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from diagnostics.core.failures import UserError
from diagnostics.models.entries import EvidenceLabel, Noted
from diagnostics.models.investigations import Investigation
from diagnostics.service import Diagnostics
from tests.investigations.conftest import Console

QUESTION = "Why does Zillow answer HTTP 429?"


@pytest.fixture
def service(console: Console) -> Diagnostics:
    return console("ann")


def opened(service: Diagnostics) -> Investigation:
    investigations = service.investigations
    record = investigations.open(QUESTION)
    return investigations.add_hypothesis(record.id, "a batch job floods the API", "the job did not run before 13:22")


def test_a_record_keeps_the_question_the_hypotheses_and_who_added_them(service: Diagnostics) -> None:
    record = opened(service)
    assert (record.id, record.question, record.opened_by) == ("INV-1", QUESTION, "ann")
    (hypothesis,) = record.hypotheses
    assert (hypothesis.hypothesis, hypothesis.standing, hypothesis.confidence) == ("H1", "open", "none")
    assert hypothesis.added_by == "ann"


def test_two_sources_make_standard_confidence_and_withdrawing_one_takes_it_back(service: Diagnostics) -> None:
    investigations, record = service.investigations, opened(service)
    investigations.weigh(record.id, "h1", "for", EvidenceLabel.DIRECT, "the job began at 13:20", "Resque")
    found = investigations.weigh(record.id, "H1", "for", "statistical", "requests doubled with it", "datadog")
    assert found.hypotheses[0].confidence == "standard"
    found = investigations.withdraw(record.id, "V2", "another service's requests")
    assert found.hypotheses[0].confidence == "preliminary"
    assert found.hypotheses[0].speaks_for[1].withdrawn_why == "another service's requests"


def test_naming_a_root_cause_needs_evidence_that_was_observed(service: Diagnostics) -> None:
    investigations, record = service.investigations, opened(service)
    investigations.weigh(record.id, "H1", "for", "circumstantial", "it fits", "experience", inferred=True)
    with pytest.raises(UserError) as refused:
        investigations.name_root_cause(record.id, "H1", "it fits")
    assert "no independent source" in refused.value.problem
    assert "one independent source" in refused.value.accepted
    investigations.weigh(record.id, "H1", "for", "direct", "the job's log", "Resque")
    cause = investigations.name_root_cause(record.id, "H1", "the job's log shows it").root_cause
    assert cause is not None
    assert (cause.confidence, cause.why) == ("preliminary", "the job's log shows it")


def test_direct_doubt_keeps_a_single_source_from_naming_a_root_cause(service: Diagnostics) -> None:
    investigations, record = service.investigations, opened(service)
    investigations.weigh(record.id, "H1", "for", "direct", "the job's log", "Resque")
    investigations.weigh(record.id, "H1", "against", "experimental", "stopping the job changed nothing", "datadog")
    with pytest.raises(UserError, match="lowered one level because V2"):
        investigations.name_root_cause(record.id, "H1", "all the same")


def test_a_second_root_cause_takes_the_place_of_the_first(service: Diagnostics) -> None:
    investigations, record = service.investigations, opened(service)
    investigations.add_hypothesis(record.id, "Zillow lowered its limit", "Zillow says that it did not")
    for number in (1, 2):
        investigations.weigh(record.id, f"H{number}", "for", "direct", "seen", "datadog")
        found = investigations.name_root_cause(record.id, f"H{number}", "seen")
    assert found.root_cause is not None
    assert found.root_cause.hypothesis == "H2"
    assert (found.hypotheses[0].standing, found.hypotheses[0].why) == ("open", "H2 was named instead")


def test_a_hypothesis_without_what_would_overturn_it_is_refused(service: Diagnostics) -> None:
    record = service.investigations.open(QUESTION)
    with pytest.raises(UserError) as refused:
        service.investigations.add_hypothesis(record.id, "it is the moon", "  ")
    assert "what would show that it is wrong" in refused.value.accepted


def test_rejecting_needs_a_reason_and_a_changed_mind_is_written_down(service: Diagnostics) -> None:
    investigations, record = service.investigations, opened(service)
    with pytest.raises(UserError):
        investigations.change(record.id, "H1", "standing", "rejected")
    rejected = investigations.change(record.id, "H1", "standing", "rejected", "the job did not run")
    assert rejected.hypotheses[0].why == "the job did not run"
    assert investigations.change(record.id, "H1", "standing", "open", "it did run").hypotheses[0].standing == "open"
    assert (
        investigations.change(record.id, "H1", "statement", "a nightly job").hypotheses[0].statement == "a nightly job"
    )


def test_every_refusal_says_what_is_accepted(service: Diagnostics) -> None:
    investigations, record = service.investigations, opened(service)
    refusals: tuple[Callable[[], object], ...] = (
        lambda: investigations.get("INV-99"),
        lambda: investigations.open("  "),
        lambda: investigations.open(QUESTION, "INC-99"),
        lambda: investigations.open(QUESTION, account_id=0),
        lambda: investigations.change(record.id, "H9", "statement", "x"),
        lambda: investigations.change(record.id, "H1", "colour", "x"),
        lambda: investigations.change(record.id, "H1", "standing", "proven"),
        lambda: investigations.weigh(record.id, "H1", "beside", "direct", "x", "y"),
        lambda: investigations.weigh(record.id, "H1", "for", "obvious", "x", "y"),
        lambda: investigations.weigh(record.id, "H1", "for", "direct", "x", " "),
        lambda: investigations.weigh(record.id, "H1", "for", "direct", " ", "y"),
        lambda: investigations.withdraw(record.id, "V1", "why"),
        lambda: investigations.name_root_cause(record.id, "H1", ""),
        lambda: investigations.close(record.id, " "),
    )
    for refusal in refusals:
        with pytest.raises(UserError) as refused:
            refusal()
        assert refused.value.accepted


def test_a_closed_record_takes_nothing_further(service: Diagnostics) -> None:
    investigations, record = service.investigations, opened(service)
    closed = investigations.close(record.id, "not found out; the logs are gone")
    assert (closed.closed_at is not None, closed.conclusion) == (True, "not found out; the logs are gone")
    with pytest.raises(UserError, match="was closed at"):
        investigations.add_hypothesis(record.id, "after all", "nothing")


def test_the_incident_hears_of_the_record_its_root_cause_and_its_end(service: Diagnostics) -> None:
    incident = service.incidents.declare(title="HTTP 429", issue_type="rate_limiting", severity="incident")
    investigations = service.investigations
    record = investigations.open(QUESTION, incident.id.lower())
    investigations.add_hypothesis(record.id, "a batch job", "it did not run")
    investigations.weigh(record.id, "H1", "for", "direct", "its log", "Resque")
    investigations.name_root_cause(record.id, "H1", "its log")
    investigations.close(record.id, "found")
    told = [line.text for line in service.incidents.timeline(incident.id).rows if line.kind == "noted"]
    assert told == [
        "INV-1 is closed: found",
        "INV-1 names the root cause (preliminary): a batch job",
        f"INV-1 asks: {QUESTION}",
    ]
    assert [one.id for one in investigations.lines(incident.id)] == ["INV-1"]
    assert investigations.lines("INC-9") == ()


def test_records_are_listed_newest_first(service: Diagnostics) -> None:
    for number in range(3):
        service.investigations.open(f"question {number}")
    assert [one.id for one in service.investigations.lines()] == ["INV-3", "INV-2", "INV-1"]


def test_eight_consoles_at_once_lose_nothing_and_number_everything_once(console: Console) -> None:
    people = [console(f"person{number}") for number in range(8)]
    record = opened(people[0])
    failures: list[BaseException] = []

    def write(service: Diagnostics, name: str) -> None:
        try:
            for number in range(5):
                service.investigations.weigh(record.id, "H1", "for", "direct", f"{name}-{number}", name)
        except BaseException as failure:  # noqa: BLE001  # it belongs to the test's own thread
            failures.append(failure)

    threads = [threading.Thread(target=write, args=(one, f"source{place}")) for place, one in enumerate(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failures
    seen = {tuple(one.investigations.get(record.id).hypotheses[0].speaks_for) for one in people}
    (items,) = seen
    assert sorted(int(one.item.item[1:]) for one in items) == list(range(1, 41))
    assert {one.item.text for one in items} == {f"source{a}-{b}" for a in range(8) for b in range(5)}


def test_hostile_text_is_cleaned_before_it_is_kept(service: Diagnostics) -> None:
    record = service.investigations.open("why \x1b]52;c;aGk=\x07 now?")
    assert "\x1b" not in record.question
    assert record.question.startswith("why ")


def test_a_stream_that_opens_no_record_keeps_nobody_from_the_others(service: Diagnostics) -> None:
    record = opened(service)
    service.journal.append("INV-99", [Noted(text="nobody opened this")])
    assert service.investigations.lines() == (record,)
    with pytest.raises(UserError, match="no investigation called 'INV-99'"):
        service.investigations.get("INV-99")
