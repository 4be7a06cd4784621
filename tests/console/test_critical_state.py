"""State of level 1 after readings: order, arrows, late answers, first notice."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from diagnostics.models.accounts import AccountHeader
from diagnostics.models.readings import Freshness, Pulse, Reading
from diagnostics.models.status import Status
from diagnostics.models.triage import Finding
from screens.critical.state import CriticalState
from screens.incident_follower import IncidentFollower
from tests.console.scripted import NOW, evidence
from tests.shipped import shipped_catalogue
from widgets.glyphs import UNICODE
from widgets.rows.account import header_rows
from widgets.rows.issues import IssueLine, issue_row

if TYPE_CHECKING:
    from screens.base import ScreenHost

ISSUES = ("rate_limiting", "oauth_failure", "transaction_sync")


def pulse(issue: str, count: int, *, window_s: int = 900, severity: str = "ok", asked: int = 0) -> Reading[Pulse]:
    """A pulse asked `asked` seconds after NOW."""
    status = Status.PASS if severity == "ok" else Status.FAIL
    source = evidence("datadog", "q", 1).model_copy(update={"started_at": NOW + timedelta(seconds=asked)})
    value = Pulse(
        issue_type=issue, severity=severity, status=status, count=count, window_s=window_s, evidence=(source,)
    )
    return Reading[Pulse](
        key=f"pulse:{issue}", freshness=Freshness.FRESH, value=value, taken_at=NOW, sequence=asked + 1
    )


CATALOGUE = shipped_catalogue()


def state() -> CriticalState:
    return CriticalState(issues=ISSUES, rows=CATALOGUE.issues, selected=ISSUES[0])


def test_a_higher_count_rises_and_a_lower_one_does_not() -> None:
    shown = state()
    shown.take(pulse("oauth_failure", 10), NOW)
    assert shown.rising == set()
    shown.take(pulse("oauth_failure", 12, asked=15), NOW)
    assert shown.rising == {"oauth_failure"}
    shown.take(pulse("oauth_failure", 9, asked=30), NOW)
    assert shown.rising == set()


def test_the_same_answer_shown_again_keeps_its_arrow() -> None:
    shown = state()
    shown.take(pulse("oauth_failure", 10), NOW)
    shown.take(pulse("oauth_failure", 12, asked=15), NOW)
    again = pulse("oauth_failure", 12, asked=15).model_copy(update={"sequence": 99, "freshness": Freshness.PAUSED})
    shown.take(again, NOW)
    assert shown.rising == {"oauth_failure"}


def test_a_wider_window_is_not_a_rise() -> None:
    shown = state()
    shown.take(pulse("oauth_failure", 10), NOW)
    shown.window_s = 3600
    shown.take(pulse("oauth_failure", 50, window_s=3600, asked=15), NOW)
    assert shown.rising == set()


def test_a_late_answer_for_the_window_before_is_dropped() -> None:
    shown = state()
    shown.window_s = 3600
    assert not shown.take(pulse("oauth_failure", 10), NOW)
    assert shown.pulse("oauth_failure") is None


def test_an_older_reading_of_the_same_question_is_dropped() -> None:
    shown = state()
    shown.take(pulse("oauth_failure", 12, asked=15), NOW)
    assert not shown.take(pulse("oauth_failure", 10), NOW)


def test_the_order_is_by_urgency_then_by_the_catalogue() -> None:
    shown, catalogue = state(), CATALOGUE
    for issue, severity in (("transaction_sync", "critical"), ("oauth_failure", "high"), ("rate_limiting", "ok")):
        shown.take(pulse(issue, 1, severity=severity), NOW)
    shown.reorder(catalogue)
    assert shown.issues == ("transaction_sync", "oauth_failure", "rate_limiting")
    shown.take(pulse("rate_limiting", 1, severity="incident", asked=15), NOW)
    shown.reorder(catalogue)
    assert list(shown.issues) == ["rate_limiting", "transaction_sync", "oauth_failure"]


def test_the_first_notice_is_due_five_minutes_after_the_alarm_was_first_seen() -> None:
    shown = state()
    shown.take(pulse("rate_limiting", 1, severity="incident"), NOW)
    shown.take(pulse("rate_limiting", 2, severity="incident", asked=60), NOW + timedelta(seconds=60))
    assert shown.notice_due("rate_limiting") == NOW + timedelta(minutes=5)
    shown.take(pulse("rate_limiting", 2, asked=90), NOW + timedelta(seconds=90))
    assert shown.notice_due("rate_limiting") is None


def finding(status: Status, summary: str, sequence: int) -> Reading[Finding]:
    value = Finding(check="webhook_backlog", title="backlog", status=status, summary=summary)
    key = "check:rate_limiting:webhook_backlog"
    return Reading[Finding](key=key, freshness=Freshness.FRESH, value=value, taken_at=NOW, sequence=sequence)


def test_the_last_answer_of_a_check_stays_and_is_called_old_when_its_source_is_gone() -> None:
    shown = state()
    shown.take(finding(Status.FAIL, "212,631 events wait", 1), NOW)
    shown.take(finding(Status.UNREACHABLE, "common: unreachable", 2), NOW)
    shown.take(finding(Status.UNREACHABLE, "common: timed out", 3), NOW)
    held = shown.finding("rate_limiting", "webhook_backlog")
    assert held is not None
    assert held.value is not None
    assert (held.value.summary, str(held.freshness), held.failure) == (
        "212,631 events wait",
        "stale",
        "common: timed out",
    )
    shown.take(finding(Status.PASS, "3 events wait", 4), NOW)
    again = shown.finding("rate_limiting", "webhook_backlog")
    assert again is not None
    assert str(again.freshness) == "fresh"


def test_a_check_that_never_had_an_answer_says_only_that_it_is_unreachable() -> None:
    shown = state()
    shown.take(finding(Status.UNREACHABLE, "common: unreachable", 1), NOW)
    held = shown.finding("rate_limiting", "webhook_backlog")
    assert held is not None
    assert held.value is not None
    assert held.value.status is Status.UNREACHABLE


def answered(issue: str, check: str, status: Status, *, freshness: Freshness = Freshness.FRESH) -> Reading[Finding]:
    value = Finding(check=check, title=check, status=status, summary=f"{check} says so")
    return Reading[Finding](
        key=f"check:{issue}:{check}", freshness=freshness, value=value, taken_at=NOW, failure="", sequence=1
    )


def watching(issue: str, *checks: str) -> CriticalState:
    return CriticalState(issues=ISSUES, rows=CATALOGUE.issues, checks={issue: checks}, selected=issue)


def test_the_word_is_the_one_of_pulse_and_checks_together() -> None:
    shown = watching("oauth_failure", "token_status", "oauth_application")
    shown.take(pulse("oauth_failure", 412), NOW)
    assert shown.severity("oauth_failure") == "judging"
    shown.take(answered("oauth_failure", "token_status", Status.WARN), NOW)
    assert shown.severity("oauth_failure") == "high"
    shown.take(answered("oauth_failure", "oauth_application", Status.FAIL), NOW)
    assert shown.severity("oauth_failure") == "critical"
    assert [shown.alarm_since(), shown.notice_due("oauth_failure")] == [NOW, NOW + timedelta(minutes=5)]
    text = shown.first_notice(CATALOGUE, NOW)
    assert text.startswith("OAuth failures: CRITICAL")
    said = "severity critical by oauth application: oauth_application says so"
    assert said in shown.evidence(UNICODE)[1]


def test_a_deal_that_fails_is_not_ok_and_begins_no_alarm() -> None:
    shown = watching("transaction_sync", "zero_agent_deals", "deal_agent_count")
    shown.take(pulse("transaction_sync", 3), NOW)
    shown.take(answered("transaction_sync", "zero_agent_deals", Status.PASS), NOW)
    shown.take(answered("transaction_sync", "deal_agent_count", Status.FAIL), NOW)
    assert (shown.severity("transaction_sync"), shown.alarm_since()) == ("normal", None)


def test_a_source_that_is_gone_keeps_the_severity_that_was_known_and_loses_the_all_clear() -> None:
    shown = watching("rate_limiting", "webhook_backlog")
    shown.take(pulse("rate_limiting", 3), NOW)
    shown.take(finding(Status.FAIL, "212,631 events wait", 1), NOW)
    shown.take(finding(Status.UNREACHABLE, "common: unreachable", 2), NOW)
    assert shown.severity("rate_limiting") == "incident"
    shown.take(finding(Status.PASS, "3 events wait", 3), NOW)
    assert shown.severity("rate_limiting") == "ok"
    shown.take(finding(Status.UNREACHABLE, "common: unreachable", 4), NOW)
    assert shown.severity("rate_limiting") == "unknown"


@pytest.mark.honesty(
    "one severity: a ratio beside a number that it is not of",
    "the log count stands before its ratio to usual; the backlog, which has none, stands behind",
)
@pytest.mark.parametrize("width", [78, 100, 160])
def test_a_ratio_stands_beside_the_number_that_it_is_of(width: int) -> None:
    shown = watching("rate_limiting")
    reading = pulse("rate_limiting", 18_204, severity="incident")
    assert reading.value is not None
    figures = {"usual": 12.0, "ratio": 18_204 / 12, "headline": "backlog 212,631", "accounts": 61}
    shown.take(reading.model_copy(update={"value": reading.value.model_copy(update=figures)}), NOW)
    verdict = shown.verdict("rate_limiting")
    line = IssueLine("rate_limiting", "Rate limiting", shown.pulse("rate_limiting"), verdict=verdict)
    words = " ".join(issue_row(line, width=width, now=NOW, glyphs=UNICODE).text.split())
    assert words.startswith("RATE LIMITING INCIDENT 18,204 in 15 min 1,517× usual")
    assert "61 accounts" in words.partition("usual")[2]
    assert ("backlog 212,631" in words.partition("usual")[2]) is (width > 78), "the table of checks has it as well"


@pytest.mark.honesty(
    "contradictions on one screen: a tier that was known and cannot be asked for again",
    "the tier as it was, called old with the reason, and no dash",
)
def test_a_tier_that_was_known_stays_and_is_called_old() -> None:
    follower = IncidentFollower(cast("ScreenHost", SimpleNamespace(live=None, service=None)), lambda: None)
    follower.followed = Reading[Any](
        key="incident", freshness=Freshness.FRESH, value=SimpleNamespace(incident=SimpleNamespace(id="INC-7"))
    )
    found = SimpleNamespace(incident="INC-7", failures=())
    follower.take(Reading[Any](key="assessment", freshness=Freshness.FRESH, value=found, taken_at=NOW, sequence=1))
    follower.take(Reading[Any](key="assessment", freshness=Freshness.FAILED, failure="common: unreachable", sequence=2))
    assert follower.assessment is not None
    assert follower.assessment.incident == "INC-7"
    assert follower.doubt(NOW).startswith("old, ")
    assert "common: unreachable" in follower.doubt(NOW)
    follower.take(Reading[Any](key="assessment", freshness=Freshness.FRESH, value=found, taken_at=NOW, sequence=3))
    assert follower.doubt(NOW) == ""


@pytest.mark.honesty(
    "contradictions on one screen: connections that were never set up have a problem",
    "the header says that none is in error, which the finding below it does not contradict",
)
def test_the_header_of_an_account_denies_no_problem_that_a_finding_counts() -> None:
    header = AccountHeader(account_id=75172, name="x", status="active", db_host="h", db_database="d", user_count=1)
    text = "".join(line.text for line in header_rows(header, width=160, now=NOW, glyphs=UNICODE)[0])
    assert "no connection is in error" in text
    assert "problem" not in text
