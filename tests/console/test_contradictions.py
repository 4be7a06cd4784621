"""The finder of contradictions finds those that were seen, and leaves alone what only looks like one."""

from __future__ import annotations

import pytest

from tests.contradictions import Shown, contradictions

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
