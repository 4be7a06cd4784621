"""A health service with written answers in every state that level 2 must be able to show, and a way there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest
from textual.pilot import Pilot

from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.core.sanitizer import clean
from diagnostics.core.waiting import Job
from diagnostics.models.figures import UNKNOWN, Course, CoursePoint, Coverage, Figure, Gap, Page
from diagnostics.models.health import (
    AccountOutlier,
    ConnectionHealth,
    ConnectionProblem,
    HealthOverview,
    MonitorCreated,
    MonitorDraft,
    Resolution,
    ResolutionShare,
    SystemState,
)
from diagnostics.models.status import Status
from diagnostics.models.triage import Refusal, RefusalRule
from screens.health.screen import HealthScreen
from tests.console.rest import answered, until
from tests.console.scripted import HOSTILE, NOW, ScriptedService, evidence
from tui.app import WarRoomApp

SQL = "SELECT connection_health_status, COUNT(*) FROM zillow_sync_users GROUP BY connection_health_status"

MESSAGES = (
    "Zillow OAuth Refresh token invalid",
    "OAuth credentials valid, but integration disabled",
    "CANNOT_RETRIEVE_ACCCESS_TOKEN",
    "HTTP 429 Too Many Requests",
)
NAMES = ("Harbor Realty", "Kestrel Homes", "Lakeside Group", "Meridian & Partners", "North Shore Living")
ACCOUNTS = (14009, 75172, 148261, 30511, 20117)


def figure(  # noqa: PLR0917  # written answers read best as rows of a table
    name: str,
    title: str,
    value: float | None,
    shown: str,
    status: Status,
    threshold: str = "",
    **more: Any,  # noqa: ANN401  # fields of the model
) -> Figure:
    """A figure with evidence, taken when everything was."""
    return Figure(
        id=name,
        title=title,
        value=value,
        shown=shown,
        status=status,
        threshold=threshold,
        taken_at=NOW - timedelta(seconds=20),
        evidence=more.pop("evidence", (evidence("common", f"the question behind {name}", 1),)),
        **more,
    )


@dataclass
class ScriptedHealth:
    """Answers of the health service. `failing` names questions that fail; `quiet` is a day on which all is well."""

    failing: frozenset[str] = frozenset()
    quiet: bool = False
    empty: bool = False
    hostile: bool = False
    partial: bool = False
    may_write: bool = False
    asked: list[str] = field(default_factory=list)
    fan_out_waits: threading.Event | None = None
    """While it is not set, the question over all client databases stands at 1,204 accounts, until it is cancelled."""
    fan_out_began: threading.Event = field(default_factory=threading.Event)
    created: list[tuple[str, str]] = field(default_factory=list)
    worst_indicator: str = "tokens_expiring_24h"

    def _say(self, text: str) -> str:
        return clean(f"{text} {HOSTILE}") if self.hostile else text

    def _ask(self, name: str) -> None:
        self.asked.append(name)
        if name in self.failing or "everything" in self.failing:
            raise SourceFailure(
                FailureKind.UNREACHABLE,
                "common",
                "no answer from 127.0.0.1:9: connection refused",
                remedy="run `warroom doctor`, then check the network from this host",
            )

    # ---- the questions

    def overview(self) -> HealthOverview:
        self._ask("overview")
        value = None if self.empty else 98.83 if self.quiet else 94.2
        status = Status.NO_DATA if value is None else Status.PASS if self.quiet else Status.FAIL
        health = figure(
            "system_health",
            "System health",
            value,
            UNKNOWN if value is None else f"{value:.2f} %",
            status,
            "< 97 % warning, < 95 % critical, < 90 % escalate at once",
            note=self._say("11,507 of 12,215 connections"),
            evidence=(evidence("common", SQL, 5),),
        )
        sync = figure(
            "sync_events",
            "Sync events that succeeded",
            None if self.empty else 99.12,
            UNKNOWN if self.empty else "99.12 %",
            Status.NO_DATA if self.empty else Status.PASS,
            "< 97 % warning, < 95 % critical",
            unit="%",
            note=self._say("events are counted completely since 17 Nov 09:00 UTC"),
        )
        return HealthOverview(health=health, course=self._course(), sync=sync)

    def _course(self) -> Course:
        start = NOW.replace(minute=0, second=0) - timedelta(hours=23)
        dip = (98.8, 98.8, 98.7, 98.1, 97.4, 96.2, 95.5, 94.8, 94.3, 94.1, 94.2)
        values: list[float | None] = [None] * 5 + [98.8] * 8 + list(dip)
        if self.quiet:
            values = [98.8 + (hour % 3 - 1) * 0.05 for hour in range(24)]
        if self.empty:
            values = []
        return Course(
            title="Health, 24 h",
            unit="%",
            points=tuple(
                CoursePoint(at=start + timedelta(hours=hour), value=value, rows=None if value is None else 12_215)
                for hour, value in enumerate(values)
            ),
            basis=self._say(
                "Share of healthy connections as this console has seen it, one point an hour; hours in which nobody "
                "looked are empty."
            ),
            since=None if self.empty else start + timedelta(hours=5),
            evidence=(evidence("state", "SELECT at, value FROM samples WHERE name = 'system_health'", 19),),
        )

    def kpis(self, tell: object = None) -> tuple[Figure, ...]:
        self._ask("kpis")
        if self.empty:
            return tuple(
                figure(name, title, None, UNKNOWN, Status.NO_DATA, rule, note="nothing was attempted")
                for name, title, rule in _KPI_RULES
            )
        bad = Status.PASS if self.quiet else Status.FAIL
        warn = Status.PASS if self.quiet else Status.WARN
        values: tuple[tuple[float | None, str, Status], ...] = (
            (99.62, "99.62 %", Status.PASS),
            (98.4 if self.quiet else 94.1, "98.40 %" if self.quiet else "94.10 %", bad),
            (412.0 if self.quiet else 1_240.0, "412 ms" if self.quiet else "1,240 ms", warn),
            (None, UNKNOWN, Status.UNREACHABLE) if self.partial else (18.0, "18 s", Status.PASS),
            (99.7, "99.70 %", Status.PASS),
        )
        return tuple(
            figure(
                name,
                title,
                value,
                shown,
                status,
                rule,
                unit=rule.split()[2],
                note=self._say("counters of the last 15 minutes"),
                failure=self._say("datadog: rate limited, 6 s") if value is None else "",
            )
            for (name, title, rule), (value, shown, status) in zip(_KPI_RULES, values, strict=True)
        )

    def connections(self) -> ConnectionHealth:
        self._ask("connections")
        amounts = {"healthy": 12_066, "warning": 101, "error": 42, "disabled": 192, "unclear": 0}
        if not self.quiet:
            amounts = {"healthy": 11_507, "warning": 412, "error": 296, "disabled": 189, "unclear": 3}
        if self.empty:
            amounts = dict.fromkeys(amounts, 0)
        statuses = dict(
            zip(amounts, (Status.PASS, Status.WARN, Status.FAIL, Status.NO_DATA, Status.NO_DATA), strict=True)
        )
        counts = tuple(
            figure(name, name, amount, f"{amount:,}", statuses[name], note=f"what {name} means")
            for name, amount in amounts.items()
        )
        few = () if self.empty else tuple(self._problem(number, newest=True) for number in range(8))
        old = () if self.empty else tuple(self._problem(number, newest=False) for number in range(8))
        notes = () if self.quiet or self.empty else ("3 rows contradict themselves and are left out.",)
        return ConnectionHealth(
            counts=counts, newest=few, longest=old, evidence=(evidence("common", SQL, 5),), notes=notes
        )

    def _problem(self, number: int, *, newest: bool) -> ConnectionProblem:
        age = timedelta(minutes=2 + 3 * number) if newest else timedelta(days=43 - number, hours=3)
        return ConnectionProblem(
            sync_user_id=900 + number if newest else 100 + number,
            account_id=ACCOUNTS[number % 5],
            account_name=self._say(NAMES[number % 5]),
            user_id=7 + number,
            state="error" if number % 3 else "warning",
            problem_at=NOW - age,
            message=self._say(MESSAGES[number % 4]),
        )

    def problems(self, order: str, after: str | None = None, limit: int = 100) -> Page[ConnectionProblem]:
        self._ask(f"problems {order} {after}")
        start = int(after or 0)
        rows = tuple(
            self._problem(number, newest=order == "newest").model_copy(update={"sync_user_id": 1_000 + number})
            for number in range(start, min(start + min(limit, 30), 70))
        )
        end = start + len(rows)
        return Page[ConnectionProblem](
            rows=rows,
            after=str(end) if end < 70 else None,
            evidence=(evidence("common", f"SELECT … ORDER BY problem_at -- after {after}", len(rows)),),
            notes=("Not in common.accounts: 20117.",),
        )

    def resolution(self, job: Job | None = None) -> Resolution:
        self._ask("resolution")
        if job is not None and self.fan_out_waits is not None:
            job.report(1_204, 6_864, "accounts")
            self.fan_out_began.set()
            while not self.fan_out_waits.wait(0.01):
                job.raise_if_cancelled("fan-out")
        drifts = (0.04, -0.03, -0.01) if self.quiet else (-12.6, 6.1, 6.5)
        statuses = (Status.PASS,) * 3 if self.quiet else (Status.FAIL, Status.WARN, Status.WARN)
        total = None if self.empty else 85_807
        shares = tuple(
            ResolutionShare(
                method=method,
                count=None if total is None else round(total * (base + drift) / 100),
                share=None if self.empty else base + drift,
                baseline=base,
                drift=None if self.empty else drift,
                status=Status.NO_DATA if self.empty else status,
                note=self._say("") if self.hostile else "",
            )
            for (method, base), drift, status in zip(_BASELINES, drifts, statuses, strict=True)
        )
        gaps = (
            Gap(reason=self._say("client host db-7: connection refused"), count=1_744, examples=("20117", "20118")),
            Gap(reason="table zillow_agents is missing", count=8, examples=("30511",)),
        )
        coverage = Coverage(answered=5_112, asked=6_864, gaps=gaps)
        if self.quiet:
            coverage = Coverage(answered=6_864, asked=6_864)
        outliers = tuple(
            AccountOutlier(
                account_id=account, account_name=self._say(name), method="INFERRED", share=61.0 - at, drift=45.0 - at,
                agents=312,
            )
            for at, (account, name) in enumerate(zip(ACCOUNTS, NAMES, strict=True))
        )  # fmt: skip
        return Resolution(
            shares=shares,
            total=total,
            retired=0 if self.quiet else 312,
            unclear=0 if self.quiet else 7,
            status=statuses[0],
            coverage=coverage,
            origin=self._say("fan-out over client databases"),
            outliers=() if self.quiet or self.empty else outliers,
            evidence=(evidence("client hosts", "SELECT resolution_method, COUNT(*) … GROUP BY …", 20_412),),
            notes=() if self.quiet else (self._say("rests on 5,112 of 6,864 accounts"),),
        )

    def systems(self, tell: object = None) -> tuple[SystemState, ...]:
        self._ask("systems")
        chain = ("ZillowAgent", "ZillowSyncUser", "transaction sync")
        auth = Status.PASS if self.quiet else Status.FAIL
        team = Status.UNREACHABLE if self.partial else Status.PASS
        states = (
            ("ZillowAuth", "HIGH", auth, "31 of 2,000 tokens expired within the hour", chain[:1]),
            ("ZillowAgent", "HIGH", Status.PASS if self.quiet else Status.WARN, "47 agents are stale", chain[1:2]),
            ("ZillowSyncUser", "MEDIUM", Status.PASS, "98.8 % of 12,215 connections are healthy", chain[2:]),
            ("ZillowTeam", "MEDIUM", team, "4,414 teams in 4,077 accounts", chain[:1]),
            ("ZillowSyncAgent", "LOW", Status.PASS, "legacy, 312 rows written in 24 h", ()),
            (
                "ZillowSyncTeam",
                "LOW",
                Status.PASS if self.quiet else Status.NO_DATA,
                "legacy, nobody has asked yet",
                (),
            ),
        )
        failing = auth is Status.FAIL
        return tuple(
            SystemState(
                name=name,
                priority=priority,
                role=self._say("OAuth credentials" if name == "ZillowAuth" else "what it does"),
                status=Status.NO_DATA if self.empty else status,
                headline=self._say(headline),
                feeds=feeds,
                threatened_by=("ZillowAuth",) if failing and not self.empty and name in chain else (),
                threatens=chain if failing and not self.empty and name == "ZillowAuth" else (),
                figures=(figure(f"{name}_rows", self._say("rows"), 29_561, "29,561", status),),
                where=(
                    "common zillow_auth: 29,561 records, 3,643 accounts",
                    "service fub, Zillow OAuth: /oauth/token",
                    self._say("query service:fub @context.method:*oauth* status:error"),
                ),
            )
            for name, priority, status, headline, feeds in states
        )

    def leading(self, tell: object = None) -> tuple[Figure, ...]:
        self._ask("leading")
        found = []
        for name, title, value, shown, rule, unit in _LEADING:
            status = Status.WARN if name == self.worst_indicator and not self.quiet else Status.PASS
            lost = self.empty or (self.partial and name == "request_velocity")
            if lost:
                found.append(figure(name, title, None, UNKNOWN, Status.NO_DATA, rule, failure="datadog: denied"))
            else:
                note = self._say("last 15 minutes")
                found.append(figure(name, title, value, shown, status, rule, unit=unit, note=note))
        return tuple(found)

    # ---- monitors

    def indicators(self) -> tuple[str, ...]:
        return ("rate_limited", "token_success", "api_p95")

    def monitor_draft(self, indicator: str) -> MonitorDraft:
        self._ask(f"draft {indicator}")
        if indicator not in self.indicators():
            raise UserError(f"there is no monitor for {indicator}", accepted=", ".join(self.indicators()))
        return MonitorDraft(
            indicator=indicator,
            name=self._say("Zillow OAuth: refresh failures"),
            kind="query alert",
            query=self._say("sum(last_15m):100 * sum:fubweb.zillowSync.accessToken.refreshFailed{*}.as_count() > 2"),
            message=self._say(
                "Token refreshes fail. Runbook: immediate actions, OAuth failures. @slack-fub-zyno-support"
            ),
            tags=("team:zyno", "service:fub"),
            thresholds=(("critical", 2.0), ("warning", 1.0)),
            notes=(self._say("the limits are those of token_success, turned into a share of failures"),),
        )

    def create_monitor(self, draft: MonitorDraft, typed: str) -> MonitorCreated | Refusal:
        self._ask("create")
        if not self.may_write or typed != draft.name:
            return Refusal(
                rule=RefusalRule.SAFETY_CONCERN,
                issue_type="connection_health",
                missing="Creating monitors is switched off: writes.monitors is false.",
                accepted=("writes.monitors = true in the settings, and the monitor's name typed",),
                guidance=("Copy the draft with y and create it in Datadog by hand.",),
                contact="CL Nolen, engineering manager; #fub-zyno-support",
                taken_at=NOW,
            )
        self.created.append((draft.name, typed))
        return MonitorCreated(
            id="4711",
            name=draft.name,
            link="https://fub.datadoghq.com/monitors/4711",
            was_there=False,
            evidence=(evidence("datadog", "POST /api/v1/monitor", 1),),
        )


_BASELINES = (("CONNECTED", 46.72), ("INFERRED", 15.99), ("UNMATCHED", 37.29))
_KPI_RULES = (
    ("token_success", "OAuth token success", "< 99 % warning, < 98 % critical"),
    ("transaction_sync_success", "Transaction sync success", "< 97 % warning, < 95 % critical"),
    ("api_p95", "API response time, p95", "> 1,000 ms warning, > 2,000 ms critical"),
    ("webhook_latency_p95", "Webhook latency, p95", "> 60 s warning, > 120 s critical"),
    ("resolution_accuracy", "Resolution accuracy", "< 99 % warning, < 98 % critical"),
)
_LEADING = (
    (
        "tokens_expiring_24h",
        "Tokens expiring within 24 h",
        1_204.0,
        "1,204",
        "> 25 % warning, > 50 % critical",
        "tokens",
    ),
    (
        "tokens_expiring_72h",
        "Tokens expiring within 72 h",
        2_911.0,
        "2,911",
        "> 50 % warning, > 80 % critical",
        "tokens",
    ),
    ("refresh_failure_trend", "Refresh-failure trend", 1.2, "1.20 ×", "> 2 × warning, > 5 × critical", "×"),
    ("request_velocity", "Request velocity", 812.5, "812.5/min, 1.1× usual", "> 2 × warning, > 5 × critical", "/min"),
    ("webhook_lag", "Webhook lag", 0.4, "0.4 min", "> 15 min warning, > 60 min critical", "min"),
    (
        "resolution_drift",
        "Resolution drift",
        1.4,
        "CONNECTED -1.40 points",
        "> 5 points warning, > 10 points critical",
        "points",
    ),
    ("deals_unsynced", "Deals created and not synced", 12.0, "12.00 %", "> 25 % warning, > 50 % critical", "%"),
)


@dataclass
class ServiceWithHealth(ScriptedService):
    """The scripted service with a health service."""

    health: ScriptedHealth = field(default_factory=ScriptedHealth)


def service_with(**how: Any) -> ServiceWithHealth:  # noqa: ANN401  # fields of the service
    """A scripted service whose health service answers as told."""
    service = ServiceWithHealth(health=ScriptedHealth(**how))
    if how.get("may_write"):
        writes = service.settings.writes.model_copy(update={"monitors": True})
        service.settings = service.settings.model_copy(update={"writes": writes})
    return service


def health_screen(pilot: Pilot[Any]) -> HealthScreen:
    """The screen of level 2."""
    app = cast("WarRoomApp", pilot.app)
    return cast("HealthScreen", app.get_screen("health"))


async def settle_health(pilot: Pilot[Any], *, besides: frozenset[str] = frozenset()) -> None:
    """Go to level 2 and wait until every reading but `besides` has been answered and drawn."""
    app = cast("WarRoomApp", pilot.app)
    await until(pilot, lambda: app.live is not None)
    await pilot.press("2")
    await pilot.pause()
    screen = health_screen(pilot)
    await until(pilot, lambda: any(True for _ in screen.shown_readings()))
    await answered(pilot, lambda: [key for key in screen.shown_readings() if key not in besides], besides=bool(besides))
    screen.state.reorder()
    screen.draw()
    await pilot.pause()


@contextmanager
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ages are counted to `NOW` on every screen of level 2."""
    for module in ("screens.health.screen", "screens.health.panes"):
        monkeypatch.setattr(f"{module}.utc_now", lambda: NOW)
    yield
