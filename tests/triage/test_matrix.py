"""The classification matrix and the refusals that need no source."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.models.triage import Finding, Refusal, RefusalRule, Status, TriageRequest
from diagnostics.recovery.carriers.registry import CARRIERS
from diagnostics.signals.severity import Verdict, finding_ground, judge
from diagnostics.triage.answer import remarks, worded
from diagnostics.triage.matrix import Classification, classify, open_route
from diagnostics.triage.refusals import near_names
from tests.shipped import shipped_catalogue

CATALOGUE = shipped_catalogue()
ROWS = [(issue.name, severity) for issue in CATALOGUE.issues.values() for severity in issue.severities]
SEVERITIES = sorted({severity for _, severity in ROWS})


def request(
    issue: str, severity: str | None = None, account_id: int | None = None, deal_id: int | None = None
) -> TriageRequest:
    return TriageRequest(issue_type=issue, severity=severity, account_id=account_id, deal_id=deal_id)


def finding(status: Status) -> Finding:
    return Finding(check="c", title="t", status=status, summary="s")


def verdict(issue: str, *statuses: Status) -> Verdict:
    """The verdict on an issue whose checks answer so."""
    row = CATALOGUE.issues[issue]
    grounds = [finding_ground(row, finding(status)) for status in statuses]
    return judge(row, [ground for ground in grounds if ground is not None])


@pytest.mark.parametrize(("issue", "severity"), ROWS)
def test_every_cell_of_the_matrix_is_classified(issue: str, severity: str) -> None:
    found = classify(CATALOGUE, request(issue, severity))
    assert isinstance(found, Classification)
    assert (found.severity, found.route.name) == (severity, CATALOGUE.issues[issue].route)
    assert found.notify is (severity in {"critical", "incident"})
    assert found.route.available is (found.route.name != "zillow-incident-recovery")
    assert bool(found.route.reason) is not found.route.available


def test_a_specialist_that_is_there_in_part_says_so_and_names_each_carrier() -> None:
    issue = next(one for one in CATALOGUE.issues.values() if one.route == "zillow-incident-recovery")
    found = open_route(CATALOGUE, issue.name)
    assert isinstance(found, Refusal)
    assert "is not whole in this version" in found.missing
    assert "changes nothing" not in found.missing
    told = " ".join(found.guidance)
    assert all(f"--carrier {name}" in told for name in CARRIERS)


@given(issue=st.text(max_size=40), severity=st.none() | st.text(max_size=20) | st.sampled_from(SEVERITIES))
def test_what_is_not_in_the_matrix_is_refused_and_nothing_raises(issue: str, severity: str | None) -> None:
    found = classify(CATALOGUE, request(issue, severity))
    if issue not in CATALOGUE.issues:
        assert isinstance(found, Refusal)
        assert found.rule is RefusalRule.ISSUE_TYPE_UNKNOWN
        assert len(found.accepted) == len(CATALOGUE.issues)
        assert found.contact == CATALOGUE.contact.line()


@given(issue=st.sampled_from(sorted(CATALOGUE.issues)), severity=st.text(max_size=20) | st.sampled_from(SEVERITIES))
def test_a_severity_of_another_row_is_refused_with_the_accepted_ones(issue: str, severity: str) -> None:
    found = classify(CATALOGUE, request(issue, severity))
    accepted = CATALOGUE.issues[issue].severities
    if severity in accepted:
        assert isinstance(found, Classification)
    else:
        assert isinstance(found, Refusal)
        assert found.rule is RefusalRule.SEVERITY_MISMATCH
        assert found.accepted == tuple(f"{issue} --severity {word}" for word in accepted)


@pytest.mark.parametrize(
    ("given_name", "near"),
    [
        ("quantum", ()),
        ("", ()),
        ("oauth", ("oauth_failure",)),
        ("rate-limiting", ("rate_limiting",)),
        ("RATE_LIMITING", ("rate_limiting",)),
        ("ratelimiting", ("rate_limiting",)),
        ("sync", ("transaction_sync",)),
        ("conection_helth", ("connection_health",)),
    ],
)
def test_near_names_are_suggested_and_never_assumed(given_name: str, near: tuple[str, ...]) -> None:
    assert near_names(given_name, CATALOGUE.issues)[:1] == near
    found = classify(CATALOGUE, request(given_name))
    assert isinstance(found, Refusal)
    assert found.candidates[:1] == near


@pytest.mark.parametrize("number", [0, -1, -14009, 2**64, 10**20])
@pytest.mark.parametrize("name", ["account", "deal", "user"])
def test_an_id_that_cannot_be_is_missing_context(name: str, number: int) -> None:
    found = classify(CATALOGUE, TriageRequest.model_validate({"issue_type": "oauth_failure", f"{name}_id": number}))
    assert isinstance(found, Refusal)
    assert found.rule is RefusalRule.MISSING_CONTEXT
    assert f"{number} cannot be the id of a {name}" in found.missing


def test_every_refusal_says_how_to_check_access_where_else_to_look_and_whom_to_call() -> None:
    for asked in (request("quantum"), request("rate_limiting", "critical"), request("oauth_failure", account_id=0)):
        found = classify(CATALOGUE, asked)
        assert isinstance(found, Refusal)
        text = " ".join(found.guidance)
        assert "warroom doctor" in text
        assert "warroom guide" in text
        assert "CL Nolen" in text
        assert found.missing
        assert found.accepted


def test_hostile_names_are_cleaned_and_bounded_in_the_refusal() -> None:
    found = classify(CATALOGUE, request("\x1b]0;x\x07" + "a" * 9_000, "\x9b31m"))
    assert isinstance(found, Refusal)
    assert "\x1b" not in found.missing + found.issue_type
    assert len(found.issue_type) <= 120


def test_the_preventive_flag_asks_for_the_preventive_severity_where_the_row_has_it() -> None:
    found = classify(CATALOGUE, TriageRequest(issue_type="connection_health", preventive=True))
    assert isinstance(found, Classification)
    assert found.severity == "preventive"
    other = classify(CATALOGUE, TriageRequest(issue_type="oauth_failure", preventive=True))
    assert isinstance(other, Classification)
    assert other.severity is None


@pytest.mark.parametrize(
    ("statuses", "severity", "uncertain"),
    [
        ((Status.PASS, Status.PASS), "normal", False),
        ((Status.PASS, Status.WARN), "high", False),
        ((Status.WARN, Status.FAIL), "critical", False),
        ((Status.FAIL, Status.UNREACHABLE), "critical", False),
        ((Status.PASS, Status.UNREACHABLE), "critical", True),
        ((Status.WARN, Status.UNREACHABLE), "critical", True),
        ((Status.PASS, Status.NO_DATA), "high", True),
        ((), "high", True),
    ],
)
def test_the_severity_follows_from_the_findings(statuses: tuple[Status, ...], severity: str, uncertain: bool) -> None:
    issue = CATALOGUE.issues["oauth_failure"]
    assessed, notes = worded(CATALOGUE, issue, verdict(issue.name, *statuses))
    assert assessed == severity
    assert bool(notes) is uncertain
    assert all("CL Nolen" in note for note in notes)


@pytest.mark.parametrize("issue", sorted(CATALOGUE.issues))
@pytest.mark.parametrize("status", list(Status))
def test_an_assessed_severity_always_stands_in_the_row(issue: str, status: Status) -> None:
    row = CATALOGUE.issues[issue]
    assert worded(CATALOGUE, row, verdict(issue, status))[0] in row.severities


def test_a_given_severity_that_the_findings_contradict_is_remarked_on() -> None:
    issue = CATALOGUE.issues["oauth_failure"]
    graver = remarks(CATALOGUE, issue, "normal", verdict(issue.name, Status.FAIL))
    assert "graver than the given normal" in graver[0]
    milder = remarks(CATALOGUE, issue, "critical", verdict(issue.name, Status.PASS))
    assert "Every check passed" in milder[0]
    assert remarks(CATALOGUE, issue, "critical", verdict(issue.name, Status.FAIL)) == ()


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ("sync is broken", ("transaction_sync",)),
        ("Rate problem", ("rate_limiting",)),
        ("all of it", ()),
        ("lim", ()),
        ("limi", ("rate_limiting",)),
        (" ", ()),
    ],
)
def test_a_whole_word_or_four_letters_in_a_row_name_an_issue(given: str, near: tuple[str, ...]) -> None:
    assert near_names(given, ("transaction_sync", "rate_limiting", "all_clear")) == near
