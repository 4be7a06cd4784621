"""Readings that the logs answer: rates, counts, and the accounts that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.checks.base import plural
from diagnostics.escalation.affected import RESOLUTION, size_words
from diagnostics.escalation.round import Round, made
from diagnostics.models.entries import MeasuredFigure
from diagnostics.models.status import Status
from diagnostics.pulses import PARTIAL, judge_count, of_counts
from diagnostics.windows import span

if TYPE_CHECKING:
    from diagnostics.log_questions import Counts

MOST_NAMED = 10
"""Large accounts that a notice names; the rest is counted."""

KEEP_REQUESTS_S = 60.0


# ---- logs


def rate_limited(asked: Round) -> MeasuredFigure:
    """HTTP 429 answers from Zillow, in the busier of the last two complete minutes."""
    found, rule = asked.counts("rate_limited"), asked.rule("rate_limit_per_minute")
    rate = found.recent_minute
    status = of_counts(rule.judge(None if rate is None else float(rate)), partial=found.partial)
    return made(
        "rate_limited_per_minute",
        rule.title,
        rate,
        shown="" if rate is None else f"{rate:,}/min",
        unit="/min",
        status=status,
        notes=(_in_window(asked, found), PARTIAL if found.partial else "", f"Limits: {rule.rule()}"),
        evidence=(found.evidence,),
    )


def zillow_requests(asked: Round) -> MeasuredFigure:
    """Requests to Zillow that the logs hold."""
    text = asked.tools.catalogue.queries["zillow_requests"].datadog
    found = asked.tools.logs.counts(text, asked.tools.window_s, fresh_s=KEEP_REQUESTS_S)
    return made(
        "zillow_requests",
        "Requests to Zillow",
        found.count,
        shown=f"{found.count:,}",
        unit="requests",
        status=of_counts(Status.PASS, partial=found.partial),
        notes=(_in_window(asked, found), PARTIAL if found.partial else ""),
        evidence=(found.evidence,),
    )


def events_in_window(asked: Round) -> MeasuredFigure:
    """Events of the issue's own query. Silence is good news only where it is usual."""
    found = asked.counts(asked.issue.query)
    status, said = Status.WARN, ""
    if not found.count:
        status, said = _silence(asked)
    return made(
        "events_in_window",
        f"Events, {asked.tools.catalogue.queries[asked.issue.query].title}",
        found.count,
        shown=f"{found.count:,} in {span(asked.tools.window_s)}",
        unit="events",
        status=of_counts(status, partial=found.partial),
        notes=(said, PARTIAL if found.partial else ""),
        evidence=(found.evidence,),
    )


def _silence(asked: Round) -> tuple[Status, str]:
    """What no event at all is worth: the baseline, which costs scarce questions, is asked only for this."""
    text = asked.tools.catalogue.queries[asked.issue.query].datadog
    baseline = asked.tools.logs.baselines.known(text, asked.tools.window_s)
    usual = None if baseline.usual is None else baseline.usual.count
    against = judge_count(asked.issue, 0, usual, is_pending=baseline.is_pending)
    return against.status, against.comparison


def _in_window(asked: Round, found: Counts) -> str:
    return f"{plural(found.count, 'event')} in the last {span(asked.tools.window_s)}"


# ---- accounts


def accounts_affected(asked: Round) -> MeasuredFigure:
    """How many accounts the logs name; for resolution, those with stale agents."""
    found = asked.named()
    status, said = Status.NO_DATA if found.total is None else Status.WARN, ""
    if found.total == 0:
        status, said = (Status.PASS, "") if asked.issue.name == RESOLUTION else _silence(asked)
    return made(
        "accounts_affected",
        "Accounts affected",
        found.total,
        shown="" if found.total is None else f"{found.total:,}" + (" at least" if found.at_least else ""),
        unit="accounts",
        status=of_counts(status, partial=found.at_least),
        notes=(found.basis, said),
        evidence=found.evidence,
    )


def large_accounts(asked: Round) -> MeasuredFigure:
    """Large accounts among them, by name, the largest first."""
    found, from_users = asked.named(), asked.tools.catalogue.impact.large_from_users
    accounts = asked.accounts()
    large = sorted(
        (one for one in accounts.values() if one.users is not None and one.users >= from_users),
        key=lambda one: (-(one.users or 0), one.account_id),
    )
    unknown = sum(1 for one in accounts.values() if one.users is None) + found.beyond
    shown = "; ".join(size_words(one) for one in large[:MOST_NAMED])
    shown += f"; and {len(large) - MOST_NAMED:,} more" if len(large) > MOST_NAMED else ""
    value = (shown or "none") if large or not unknown else None
    return made(
        "large_accounts",
        f"Large accounts, from {from_users:,} users",
        value,
        status=Status.NO_DATA if unknown and not large else Status.WARN if large else Status.PASS,
        notes=(f"The size of {plural(unknown, 'account')} is not known" if unknown else "",),
        evidence=found.evidence,
    )


def users_affected(asked: Round) -> MeasuredFigure:
    """Users of the accounts affected: how many are in them, not how many have noticed."""
    found, accounts = asked.named(), asked.accounts()
    known = [one.users for one in accounts.values() if one.users is not None]
    unknown = len(accounts) - len(known) + found.beyond
    value = sum(known) if known or not unknown else None
    status = Status.NO_DATA if unknown else Status.WARN if value else Status.PASS
    return made(
        "users_affected",
        "Users of the accounts affected",
        value,
        shown="" if value is None else f"{value:,}" + (" at least" if unknown else ""),
        unit="users",
        status=status,
        notes=(f"The size of {plural(unknown, 'account')} is not known" if unknown else "",),
        evidence=found.evidence,
    )
