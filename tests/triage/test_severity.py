"""One verdict of pulse and checks. The words of each row are the matrix's, as the founding document has it."""

from __future__ import annotations

from itertools import permutations, product

import pytest

from diagnostics.models.readings import Pulse
from diagnostics.models.triage import Finding, Status
from diagnostics.signals.severity import (
    JUDGING,
    PULSE,
    UNKNOWN,
    Ground,
    examples_of,
    finding_ground,
    judge,
    pulse_ground,
    unanswered_ground,
)
from tests.shipped import shipped_catalogue

CATALOGUE = shipped_catalogue()
OAUTH, RATE, DEALS = (CATALOGUE.issues[name] for name in ("oauth_failure", "rate_limiting", "transaction_sync"))


def pulse(severity: str = "ok", status: Status = Status.PASS, *, judging: bool = False) -> Pulse:
    return Pulse(
        issue_type="oauth_failure",
        severity=severity,
        status=status,
        count=412,
        window_s=900,
        reason="412 in 15 min",
        judging=judging,
    )


def finding(check: str, status: Status) -> Finding:
    return Finding(check=check, title="t", status=status, summary=f"{check} says so")


def check(name: str, status: Status) -> Ground:
    ground = finding_ground(OAUTH, finding(name, status))
    assert ground is not None
    return ground


@pytest.mark.honesty(
    "one severity: the log count is critical and the checks only warn",
    "CRITICAL on level 1 and in triage, decided by the pulse, which is named beside the word",
)
def test_a_count_that_is_critical_decides_over_checks_that_only_warn() -> None:
    grounds = (
        pulse_ground(OAUTH, pulse("critical", Status.FAIL)),
        check("token_status", Status.WARN),
        check("oauth_application", Status.PASS),
    )
    found = judge(OAUTH, grounds)
    assert (found.severity, found.status, found.decided_by) == ("critical", Status.FAIL, (PULSE,))
    assert found.reason == "pulse: 412 in 15 min"


def test_a_check_that_fails_decides_over_a_count_that_is_usual() -> None:
    found = judge(OAUTH, (pulse_ground(OAUTH, pulse()), check("token_status", Status.FAIL)))
    assert (found.severity, found.decided_by) == ("critical", ("token_status",))
    assert found.reason == "token status: token_status says so"


@pytest.mark.honesty(
    "one severity: a number becomes unknown",
    "the severity that the other numbers support, with a question mark; alone, unknown and never ok",
)
@pytest.mark.parametrize("known", ["critical", "high", "ok"])
@pytest.mark.parametrize("gone", [Status.NO_DATA, Status.UNREACHABLE])
def test_what_is_unknown_neither_lowers_a_severity_nor_makes_one(known: str, gone: Status) -> None:
    status = {"critical": Status.FAIL, "high": Status.WARN, "ok": Status.PASS}[known]
    for grounds in permutations((pulse_ground(OAUTH, pulse(known, status)), check("token_status", gone))):
        found = judge(OAUTH, grounds)
        assert found.severity == (UNKNOWN if known == "ok" else known)
        assert found.missing == ("token_status",)
        assert found.unreachable == (("token_status",) if gone is Status.UNREACHABLE else ())
        assert found.status is (gone if known == "ok" else status)


def test_the_order_of_the_grounds_does_not_matter_and_one_more_never_makes_it_milder() -> None:
    ranks = (*OAUTH.severities, UNKNOWN, JUDGING, "ok")
    words = [Ground(word, word, Status.WARN) for word in ranks]
    for one, other in product(words, words):
        alone, both, turned = (judge(OAUTH, asked).severity for asked in ((one,), (one, other), (other, one)))
        assert both == turned
        assert ranks.index(both) <= ranks.index(alone)


def test_while_something_is_asked_nothing_is_ok_and_what_is_bad_is_said_already() -> None:
    waiting = unanswered_ground("token_status", waiting=True)
    assert judge(OAUTH, (pulse_ground(OAUTH, pulse()), waiting)).severity == JUDGING
    assert judge(OAUTH, (pulse_ground(OAUTH, pulse("high", Status.WARN)), waiting)).severity == "high"
    assert judge(OAUTH, (pulse_ground(OAUTH, pulse(status=Status.NO_DATA, judging=True)),)).severity == JUDGING
    assert judge(OAUTH, ()).severity == UNKNOWN


def test_old_good_news_is_no_all_clear_and_old_bad_news_stands() -> None:
    assert judge(OAUTH, (pulse_ground(OAUTH, pulse(), old=True),)).severity == UNKNOWN
    assert judge(OAUTH, (pulse_ground(OAUTH, pulse("critical", Status.FAIL), old=True),)).severity == "critical"
    passed = finding_ground(OAUTH, finding("token_status", Status.PASS), old=True)
    assert passed is not None
    assert judge(OAUTH, (passed,)).severity == UNKNOWN


@pytest.mark.honesty(
    "one severity: one deal of many fails while the count is usual",
    "NORMAL, decided by the deal's check: not ok, and nobody is called for one deal",
)
def test_one_deal_that_fails_is_not_ok_and_calls_nobody() -> None:
    quiet = pulse_ground(DEALS, pulse())
    ground = finding_ground(DEALS, finding("deal_agent_count", Status.FAIL), example=True)
    assert ground is not None
    found = judge(DEALS, (quiet, ground))
    assert (found.severity, found.status, found.decided_by) == ("normal", Status.WARN, ("deal_agent_count",))
    named = finding_ground(DEALS, finding("deal_agent_count", Status.FAIL))
    assert named is not None
    assert judge(DEALS, (named,)).severity == "critical"


def test_without_a_deal_to_look_at_the_count_alone_decides() -> None:
    assert finding_ground(DEALS, finding("deal_agent_count", Status.NO_DATA), example=True) is None
    assert examples_of(DEALS) == {"deal_agent_count", "deal_agent_resolution", "deal_eligibility"}
    assert examples_of(RATE) == frozenset()


def test_a_reason_names_three_grounds_and_counts_the_rest() -> None:
    grounds = tuple(Ground(name, "incident", Status.FAIL, f"{name} says so") for name in ("a_b", "c", "d", "e", "f"))
    assert judge(RATE, grounds).reason == "a b, c, d and 2 more: a_b says so"
