"""The finder of contradictions finds those that were seen, and leaves alone what only looks like one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from diagnostics.health.resolution import MethodCounts, distribution
from diagnostics.models.accounts import AccountHeader
from diagnostics.models.triage import Finding, Status
from screens.account.details import share_rows
from tests.contradictions import Shown, contradictions
from tests.shipped import shipped_catalogue
from widgets.glyphs import UNICODE
from widgets.incident_view import IncidentView
from widgets.row import Row
from widgets.rows.account import finding_rows, header_rows
from widgets.rows.incident import tier_words

if TYPE_CHECKING:
    from diagnostics.core.context import Context
    from diagnostics.models.incidents import Assessment, Incident

KPI = "Resolution drift     {value} ✔ ok            0s"


def shown(text: str, about: str = "") -> Shown:
    return Shown(about, text.splitlines())


@pytest.mark.parametrize(
    ("text", "quantity"),
    [
        (
            "no connection with a problem is known · client database warroom_client_75172\n✘ FAIL  2 have a problem",
            "connections with a problem",
        ),
        ("largest drift  +5.67 points ✔ ok  > 5 warning, > 10 critical", "ok beside its warning limit"),
        (
            "Tokens expiring within 24 h  48 ✔ ok\n  > 25 % warning, > 50 % critical · 2.4 % of 2,000 valid tokens",
            "ok beside limits of a share that is not there",
        ),
        (
            "Tokens expiring within 24 h  48 ✔ ok\n  30.0 % of 160 valid tokens: > 25 % warning, > 50 % critical",
            "ok beside its warning limit",
        ),
        ("INC-7 · INCIDENT · tier 3 · open\nINC-7 · INCIDENT · tier — · open", "tier"),
        (f"{KPI.format(value='5.67 pt')}\n  > 5 warning, > 10 critical", "ok beside its warning limit"),
        ("backlog 212,631 · 61 accounts\n212,613 webhook events wait for delivery", "backlog"),
        ("no connection is in error\nOf 53 connections, 2 are in error, 0 in warning.", "connections in error"),
        ("Deals not synced   6\n▲ warn  7 deals have never been   0s\n        synced", "deals not synced"),
        ("✘ FAIL       94.20 %  -4.60 from 98.80 %\nhealthy 940  warning 21  error 37  disabled 500", "health is not"),
        ("INFERRED  15.99 %  base 15.99  +0.40  ▲ warn", "parts do not add up"),
        ("would replay 211,991 events: 199,117 pending and 12,847 failed", "parts do not add up"),
        ("first response  3 of 13 done\nfirst response  4 of 13 done", "steps done"),
        (
            "RATE LIMITING    ok     12 in 15 min\n triage · rate limiting\nNORMAL  assessed",
            "severity of rate limiting",
        ),
        ("next update due 10:39 UTC\nNext update: 2026-11-30 10:40 UTC.", "next update"),
        (
            "OAUTH FAILURES   HIGH   408 in 15 min\nOAUTH FAILURES   HIGH   308 in 15 min",
            "events of oauth",
        ),
    ],
)
def test_what_contradicts_is_found(text: str, quantity: str) -> None:
    found = contradictions(shown(text))
    assert found
    assert all(line.startswith(quantity) for line in found), found


@pytest.mark.parametrize(
    "text",
    [
        "no connection is in error\nOf 53 connections, 0 are in error, 2 in warning, 25 disabled.",
        "largest drift  +4.99 points ✔ ok  > 5 warning, > 10 critical",
        "largest drift  +5.28 points ✔ ok  up to 9.8 points may be chance  > 5 points warning",
        "Tokens expiring within 24 h  48 ✔ ok\n  2.4 % of 2,000 valid tokens: > 25 % warning, > 50 % critical",
        "OAuth token success  99.67 % ✔ ok\n  < 99 % warning, < 98 % critical",
        "tier 3: risk of data loss\nINC-7 · tier 3",
        "Accounts affected: 61.\nFigures: Users of the accounts affected 28,159",
        "System health 94.2 %\n✘ FAIL  94.20 %  -4.60 from 98.80 %",
        "unhealthy since 09:30:27 UTC (37m)\n2 are in error; the oldest problem began 38 min ago.",
        "RATE LIMITING  INCIDENT  18,087 in 15 min\n1,222 HTTP 429 a minute now, 18,068 in the last 15 min in 61 acc",
        "OAUTH FAILURES   HIGH   408 in 15 min   38 accounts\nRATE LIMITING   HIGH   90 in 15 min   61 accounts",
        "44 agents INFERRED or UNMATCHED although the user holds a token\nAgents INFERRED  47  ✔ ok",
    ],
)
def test_what_only_looks_like_one_is_left_alone(text: str) -> None:
    assert contradictions(shown(text)) == []


def test_two_screens_are_compared_and_two_subjects_are_not() -> None:
    one, other = shown("Deals not synced  6", "account 14009"), shown("Deals not synced  7", "account 75172")
    assert contradictions(one, other) == []
    assert len(contradictions(one, shown("7 deals have never been synced", "account 14009"))) == 1


# ---- the three that a user met, put back into what the console draws today

NOW = datetime(2025, 11, 17, 14, 3, tzinfo=UTC)


def drawn(rows: Iterable[Row]) -> list[str]:
    return ["".join(piece.text for piece in one.pieces).rstrip() for one in rows]


def test_a_denial_of_a_problem_that_is_counted_below_is_found_when_it_is_put_back() -> None:
    header = AccountHeader(account_id=75172, name="x", status="active", db_host="h", db_database="d", user_count=1)
    stuck = Finding(
        check="account_stuck",
        title="Are there connections that were never set up?",
        status=Status.WARN,
        summary="Of 53 connections, 2 have a problem and no integration id: onboarding is incomplete.",
    )
    above = drawn(header_rows(header, width=120, now=NOW, glyphs=UNICODE)[0])
    below = drawn(finding_rows([stuck], width=120, glyphs=UNICODE))
    assert contradictions(Shown("account 75172", [*above, *below])) == []
    before = [row.replace("no connection is in error", "no connection with a problem is known") for row in above]
    assert before != above
    (found,) = contradictions(Shown("account 75172", [*before, *below]))
    assert found.startswith("connections with a problem of account 75172")


def test_an_ok_beside_the_limit_that_it_is_beyond_is_found_when_it_is_put_back() -> None:
    # 100 agents of one account, 5.28 points from the baseline: beyond the limit of 5, and within chance.
    context = cast("Context", SimpleNamespace(catalogue=shipped_catalogue(), now=lambda: NOW))
    few = MethodCounts({1: 52, 3: 13, 4: 35}, 0, 0)
    alone = distribution(context, few, origin="told", evidence=(), of_one=True)
    everybody = distribution(context, few, origin="told", evidence=())
    assert alone.drift is not None
    assert everybody.drift is not None
    first = drawn(share_rows(alone, 120, UNICODE))[0]
    assert "+5.28 points" in first
    assert "✔ ok" in first
    assert contradictions(Shown("account 14009", [first, alone.drift.threshold])) == []
    silent = alone.model_copy(update={"shares": tuple(one.model_copy(update={"note": ""}) for one in alone.shares)})
    before = drawn(share_rows(silent, 120, UNICODE))[0]
    assert before != first
    (found,) = contradictions(Shown("account 14009", [before, everybody.drift.threshold]))
    assert found.startswith("ok beside its warning limit")


def test_a_dash_after_a_tier_is_found_when_it_is_put_back() -> None:
    incident = cast("Incident", SimpleNamespace(id="INC-7"))
    assessed = cast("Assessment", SimpleNamespace(tier=SimpleNamespace(tier=3)))
    known = f"INC-7 · INCIDENT · {tier_words(IncidentView(incident, NOW, assessed))} · open"
    assert contradictions(Shown("", [known]), Shown("", [known])) == []
    before = f"INC-7 · INCIDENT · {tier_words(IncidentView(incident, NOW))} · open"
    (found,) = contradictions(Shown("", [known]), Shown("", [before]))
    assert found.startswith("tier: 'tier 3' and 'tier —'")
