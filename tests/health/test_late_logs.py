"""17 November with logs that arrive late: no surface passes, or shows 0, on what is counted from them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from diagnostics.core.time import utc_now
from diagnostics.incident.assess.criteria import judge, look_at, readings_of
from diagnostics.incident.assess.readings import measure
from diagnostics.incident.notices.texts import bound
from diagnostics.models.entries import MeasuredFigure
from diagnostics.models.status import Status
from diagnostics.models.triage import Triage, TriageRequest
from diagnostics.service import Diagnostics
from sandbox.launch import SandboxProcess
from tests.cli.conftest import Command, command
from tests.waiting import wait_until
from tui.cli import exit_codes

__all__ = ["command"]

LATE = (60, 130, 300, 1_200)
STORIES = ("nov17", "nov17_logs")
OF_LOGS = ("rate_limited_per_minute", "zillow_requests", "events_in_window", "accounts_affected", "api_p95")
LIMIT = "limit > 30 s warning, > 300 s critical"


@pytest.fixture
def late(
    stories: Callable[[str], SandboxProcess], opened: Callable[..., Diagnostics]
) -> Iterator[Callable[..., Diagnostics]]:
    """Open a console on a story whose logs are late, as a fault says it."""
    touched: list[SandboxProcess] = []

    def so_late(scenario: str, *faults: str) -> Diagnostics:
        touched.append(stories(scenario))
        touched[-1].set_faults(*faults)
        return opened(scenario)

    yield so_late
    for process in touched:
        process.clear_faults()


def triage(service: Diagnostics, issue: str) -> Triage:
    answer = service.triage(TriageRequest(issue_type=issue))
    assert isinstance(answer, Triage)
    return answer


def figures(service: Diagnostics, *names: str) -> dict[str, MeasuredFigure]:
    found = measure(service.context, service.health, "rate_limiting", only=names)
    return {one.id: one for one in found}


@pytest.mark.honesty("logs: ingest delay of 60 to 1,200 s", "no data, or the newest minute that can be complete")
@pytest.mark.parametrize("late_s", LATE)
@pytest.mark.parametrize("scenario", STORIES)
def test_late_logs_give_no_pass_and_no_zero_on_any_surface(
    late: Callable[..., Diagnostics], scenario: str, late_s: int
) -> None:
    service = late(scenario, f"late:{late_s}")
    for issue in ("rate_limiting", "oauth_failure", "transaction_sync"):
        pulse = service.pulse(issue, 900)
        assert pulse.status is not Status.PASS, issue
        assert pulse.count != 0, issue
        assert any(LIMIT in line for line in pulse.findings), issue
    answer = triage(service, "rate_limiting")
    (rate,) = (finding for finding in answer.findings if finding.check == "rate_limit_rate")
    assert rate.status is Status.FAIL
    assert isinstance(rate.value, int)
    assert rate.value > 1_000, "as many as there were in the newest minute that can be complete"
    assert rate.evidence is not None
    assert LIMIT in rate.evidence.caveat
    assert exit_codes.of_answer(answer) == 1
    measured = figures(service, *OF_LOGS)
    for name, figure in measured.items():
        assert figure.status != "pass", name
        assert figure.value != 0, name
    criteria = service.catalogue.exit_criteria["rate_limiting"]
    read = {
        one.id: one for one in measure(service.context, service.health, "rate_limiting", also=readings_of(criteria))
    }
    looks = look_at(service.catalogue, criteria, read, service.context.now(), None)
    for criterion in judge(service.catalogue, criteria, read, {}, ()):
        if criteria.criteria[criterion.id].reading in OF_LOGS:
            assert looks[criterion.id].holds is not True, criterion.id
            assert criterion.status in {Status.FAIL, Status.NO_DATA}, criterion.id
    said = bound(read["rate_limited_per_minute"], now=service.context.now(), good_s=50.0)
    assert "old, good for" in said.stale, "its age is counted from the newest log, not from the asking"


@pytest.mark.honesty("logs: late, and nothing else decides", "triage exits with 4, never 0")
@pytest.mark.parametrize("faults", [("late:130",), ("late:60/fub",)])
def test_where_nothing_else_decides_the_exit_code_says_that_nobody_knows(
    late: Callable[..., Diagnostics], faults: tuple[str, ...]
) -> None:
    answer = triage(late("healthy", *faults), "rate_limiting")
    statuses = {finding.check: finding.status for finding in answer.findings}
    assert statuses["rate_limit_rate"] is Status.NO_DATA
    assert set(statuses.values()) == {Status.NO_DATA, Status.PASS}
    assert exit_codes.of_answer(answer) == 4


def test_a_quiet_day_in_time_still_passes(late: Callable[..., Diagnostics]) -> None:
    assert exit_codes.of_answer(triage(late("healthy"), "rate_limiting")) == 0


@pytest.mark.honesty("logs: one stream is late, the others of its service are not", "no all-clear once counted again")
def test_one_late_stream_is_found_out_when_it_is_counted_again(late: Callable[..., Diagnostics]) -> None:
    service = late("nov17_logs", "late:300/rate_limited")
    request = TriageRequest(issue_type="rate_limiting")
    first = service.check("rate_limit_rate", request)
    assert (first.status, first.value) == (Status.NO_DATA, None)
    assert "late or over cannot be told" in first.summary
    found = []

    def grown() -> bool:
        service.forget_answers()
        found.append(service.check("rate_limit_rate", request))
        return found[-1].status is Status.FAIL

    wait_until(grown)
    assert "these events are" in found[-1].summary


@pytest.mark.honesty(
    "logs: one stream is late by more than the window that is counted, so that nothing of it is found",
    "no data at every reading, until two looks at the day before found the same; late as soon as it is seen to fill",
)
def test_a_stream_that_is_late_by_more_than_its_window_never_passes(
    late: Callable[..., Diagnostics], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = late("nov17_logs", "late:1200/rate_limited")
    request = TriageRequest(issue_type="rate_limiting")
    for _ in range(2):
        found = service.check("rate_limit_rate", request)
        assert (found.status, found.value) == (Status.NO_DATA, None)
        assert "late or over cannot be told" in found.summary
        pulse = service.pulse("rate_limiting", 900)
        assert (pulse.status is Status.PASS, pulse.count) == (False, None)
        service.forget_answers()
    # A second look, which is otherwise taken a minute later.
    monkeypatch.setattr("diagnostics.signals.lateness.LOOK_AGAIN_S", 2.0)
    looks = []

    def filling() -> bool:
        service.forget_answers()
        looks.append(service.check("rate_limit_rate", request))
        return "these events are up to" in looks[-1].summary

    wait_until(filling)
    assert {one.status for one in looks} == {Status.NO_DATA}
    assert re.search(r"these events are up to \d+ min( \d+ s)? late", looks[-1].summary), looks[-1].summary


@pytest.mark.honesty(
    "logs: one stream is late, and this run is the first to count it", "triage exits with 4, never 0 or 2"
)
@pytest.mark.parametrize("late_s", [300, 1_200])
def test_the_first_run_of_the_command_line_does_not_know_what_one_late_stream_holds(
    stories: Callable[[str], SandboxProcess],
    late: Callable[..., Diagnostics],
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *,
    late_s: int,
) -> None:
    # The count of the window would decide alone: this team finds only a million remarkable.
    (tmp_path / "issues.toml").write_text("[rate_limiting.pulse]\nminimum_count = 1_000_000\n")
    monkeypatch.setenv("WARROOM_CATALOGUE", str(tmp_path))
    late("nov17_logs", f"late:{late_s}/rate_limited")
    for name, value in stories("nov17_logs").flags().items():
        monkeypatch.setenv(f"WARROOM_{name.replace('.', '__').upper()}", str(value))
    said = command("triage", "--issue", "rate_limiting", "--format", "json")
    answer = json.loads(said.out)
    found = {one["check"]: one for one in answer["findings"]}
    rate = found.pop("rate_limit_rate")
    assert (rate["status"], rate["value"]) == ("no_data", None)
    assert "late or over cannot be told" in rate["summary"]
    assert {one["status"] for one in (*found.values(), answer["pulse"])} == {"pass", "no_data"}, "nothing else decides"
    assert said.code == 4


@pytest.mark.honesty(
    "logs: an incident is followed and reviewed while all of them, or one stream, are 300 s late",
    "no figure counted from them is a pass or 0 in checklist or review, and no step is ticked by one",
)
@pytest.mark.parametrize(
    ("scenario", "fault", "counted", "note"),
    [
        *(
            pytest.param(
                scenario,
                f"late:{late_s}",
                tuple(one for one in OF_LOGS if one != "zillow_requests"),
                r"read: [1-9][\d,]* HTTP 429 a minute at \d\d:\d\d UTC",
                marks=() if (scenario, late_s) == ("nov17_logs", 300) else pytest.mark.matrix,
            )
            for scenario in STORIES
            for late_s in LATE
        ),
        (
            "nov17_logs",
            "late:300/rate_limited",
            ("rate_limited_per_minute", "events_in_window", "accounts_affected"),
            "the check rate_limit_rate has no answer: .* late or over cannot be told",
        ),
    ],
)
def test_with_late_logs_checklist_and_review_state_no_pass_and_no_zero(
    late: Callable[..., Diagnostics], scenario: str, fault: str, counted: tuple[str, ...], note: str
) -> None:
    service = late(scenario, fault)
    taken = service.assessments.measure("rate_limiting")
    name = service.incidents.declare(
        title="HTTP 429 from Zillow", issue_type="rate_limiting", severity="incident", measured=taken
    ).id
    steps = {one.id: one for one in service.assessments.observe(name).steps}
    rate = steps["rate"]
    assert (rate.record, rate.status) == (None, Status.WARN)
    assert re.match(note, rate.note), rate.note
    of_logs = {one.title: one for one in taken if one.id in counted}
    assert len(of_logs) == len(counted)
    review = service.reviews.review(name)
    for title, figure in of_logs.items():
        assert (figure.status == "pass", figure.value == 0) == (False, False), title
        stated = [line for line in review.splitlines() if line.startswith(f"| {title} |")]
        assert stated, title
        for line in stated:
            assert not re.search(r"\| (?:0\b|pass|✔)", line), line


@pytest.mark.honesty(
    "this machine's clock is 20 min ahead or two hours behind", "the services' time is used; a warning; sending blocked"
)
@pytest.mark.parametrize("skew", ["-1200", "+7200"])
def test_a_wrong_clock_hides_nothing(late: Callable[..., Diagnostics], skew: str) -> None:
    service = late("nov17", f"skew:{skew}")
    (rate,) = (one for one in triage(service, "rate_limiting").findings if one.check == "rate_limit_rate")
    assert rate.status is Status.FAIL
    assert isinstance(rate.value, int)
    assert rate.value > 1_000
    ahead_s = (utc_now() - datetime.now(UTC)).total_seconds()
    assert abs(ahead_s - float(skew)) < 5
    (clock,) = (state for state in service.sources() if state.name == "clock")
    assert (clock.status, clock.detail.split()[:2]) == (Status.WARN, ["20", "min"] if skew == "-1200" else ["2", "h"])
    proposal = service.notices.propose(issue_type="rate_limiting", severity="incident")
    assert any("this machine's clock is" in one.stale for one in service.notices.stale(proposal))
    promised = next_update(proposal.drafts[0].text)
    assert promised > datetime.now(UTC) + timedelta(seconds=float(skew))


def test_a_right_clock_is_no_word_and_blocks_nothing(late: Callable[..., Diagnostics]) -> None:
    service = late("nov17")
    service.pulse("rate_limiting", 900)
    assert [state.name for state in service.sources()] == ["datadog", "common"]


def next_update(text: str) -> datetime:
    """The moment that a notice promises the next update for."""
    said = re.search(r"[Nn]ext update\D*(\d{4}-\d\d-\d\d \d\d:\d\d) UTC", text)
    assert said is not None, text
    return datetime.strptime(said[1], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
