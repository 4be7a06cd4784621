"""A service with written answers, for looking at screens: every state on demand, the same every time.

It stands in for `Diagnostics` at the door; catalogue, settings, live scheduler and screens are the real ones. What the
service itself answers is tested elsewhere, against real sockets and databases.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from diagnostics.catalogue import Catalogue
from diagnostics.config.layers import load_settings
from diagnostics.config.settings import Settings
from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.sanitizer import clean
from diagnostics.models.doctor import DoctorLine, Guide
from diagnostics.models.events import LogEvent, LogPage
from diagnostics.models.evidence import Evidence
from diagnostics.models.figures import Figure
from diagnostics.models.health import RollUp
from diagnostics.models.readings import Budget, Pulse, SourceState
from diagnostics.models.triage import Finding, Refusal, RefusalRule, Status, TriageRequest
from tests.console.scripted_incidents import ScriptedIncidents, ScriptedNotices, ScriptedReviews
from tests.console.scripted_recents import ScriptedRecents
from tests.shipped import shipped_catalogue

NOW = datetime(2025, 11, 17, 14, 3, 22, tzinfo=UTC)

HOSTILE = "\x1b]52;c;cm0gLXJmIC8=\x07 [/foo] [A=http://x \u202egnp.exe \x1b[2J" + "x" * 300


NAMES = {
    "rate_limit_rate": "429 answers",
    "webhook_backlog": "webhook backlog",
    "data_loss_risk": "risk of loss",
    "batch_retry": "batch retry",
    "token_status": "expired tokens",
    "oauth_application": "OAuth app",
    "zero_agent_deals": "no-agent deals",
}
UNITS = {"rate_limit_rate": "/min", "webhook_backlog": "events", "batch_retry": "events", "zero_agent_deals": "events"}
REMARKS = {
    "rate_limit_rate": "last Retry-After 30 s",
    "webhook_backlog": "oldest 55 min",
    "data_loss_risk": "2 lost, not draining",
    "batch_retry": "to replay, nothing started",
    "token_status": "31 of 2,000",
}
"""What real checks put into the table of level 1."""


def evidence(source: str, query: str, rows: int) -> Evidence:
    return Evidence(
        source=source,
        query=query,
        window="last 15 min, to 14:03:22 UTC",
        started_at=NOW,
        took_ms=42.0,
        rows=rows,
        caveat="Events that arrive late are not counted yet.",
    )


def event(number: int, at: datetime, text: str = "", status: str = "error") -> LogEvent:
    account = (75172, 14009, 148261, 20117)[number % 4]
    return LogEvent(
        id=f"event-{number}",
        timestamp_ms=int(at.timestamp() * 1000),
        service="fub",
        status=status,
        message=clean(text or f"HTTP 429 Too Many Requests POST /v1/{('leads', 'transactions')[number % 2]}"),
        host="web-3",
        tags=("env:production", "service:fub", "team:zyno"),
        attributes={
            "context": {
                "account_id": account,
                "service": "zillow",
                "error_message": "429 Too Many Requests",
                "retry_after": 30,
            },
            "http": {"status_code": 429},
            "correlation_id": f"c-{number:06d}",
        },
    )


@dataclass
class ScriptedService:
    """Answers by script. `failing` names readings that fail; `hostile` puts hostile text into every field."""

    catalogue: Catalogue = field(default_factory=shipped_catalogue)
    settings: Settings = field(default_factory=lambda: load_settings(environ={}).settings)
    failing: frozenset[str] = frozenset()
    quiet: bool = False
    hostile: bool = False
    lines: int = 60
    asked: list[str] = field(default_factory=list)
    recents: ScriptedRecents = field(default_factory=ScriptedRecents)
    explorer: Any = None
    charts: Any = None
    incidents: Any = field(default_factory=ScriptedIncidents)
    assessments: Any = None
    notices: Any = field(default_factory=ScriptedNotices)
    reviews: Any = field(default_factory=ScriptedReviews)
    investigations: Any = None

    def _say(self, text: str) -> str:
        return clean(f"{text} {HOSTILE}") if self.hostile else text

    def _fail(self, key: str) -> None:
        self.asked.append(key)
        if key in self.failing or "everything" in self.failing:
            raise SourceFailure(
                FailureKind.UNREACHABLE,
                "datadog" if key.startswith(("pulse", "logs")) else "common",
                "no answer from 127.0.0.1:9: connection refused",
                remedy="run `warroom doctor`, then check the network from this host",
            )

    def console_checks(self, issue: str) -> tuple[str, ...]:
        if issue == "transaction_sync":
            return ("zero_agent_deals",)
        return self.catalogue.issues[issue].checks

    def console_check(self, issue: str, check: str) -> Finding:
        self._fail(f"check:{check}")
        answers: dict[str, tuple[Status, str, object, str]] = {
            "rate_limit_rate": (
                Status.FAIL,
                "1,204 HTTP 429 a minute from Zillow, Retry-After 30 s",
                1204,
                "> 100/min",
            ),
            "webhook_backlog": (Status.FAIL, "212,631 events wait: HIGH RISK of permanent loss", 212_631, "> 10,000"),
            "data_loss_risk": (Status.FAIL, "high: 2 events past saving, arrivals 9× deliveries", "high", ""),
            "batch_retry": (Status.WARN, "212,631 events to replay; the console is read-only", 212_631, ""),
            "token_status": (Status.WARN, "31 of 2,000 tokens expired within the last hour", 31, "> 1 % warn"),
            "oauth_application": (Status.PASS, "1 application row is active, redirect URI and scopes present", 1, ""),
            "zero_agent_deals": (Status.PASS, "3 lookups found no agent in 15 min, as usual", 3, "> 2.0× usual"),
        }
        status, summary, value, threshold = answers[check]
        if self.quiet:
            status = Status.PASS if check != "oauth_application" else Status.NO_DATA
        return Finding(
            check=check,
            title=check.replace("_", " "),
            status=status,
            summary=self._say(summary),
            value=value if isinstance(value, int | str) else None,
            threshold=threshold,
            name=NAMES[check],
            unit=UNITS.get(check, ""),
            limit=threshold,
            remark=self._say(REMARKS.get(check, "")) if not self.quiet else "",
            next_step=self._say("Name a commander; do not replay before the 429s have stopped."),
            evidence=evidence("common", self._say("SELECT COUNT(*) FROM zillow_webhook_events WHERE …"), 1),
            details=(self._say("pending 200,412 · processing 1,120 · failed 11,099"),),
        )

    def pulse(self, issue: str, window_s: int) -> Pulse:
        self._fail(f"pulse:{issue}")
        incident = {"rate_limiting": ("incident", 18_204, 12.0, 61), "oauth_failure": ("critical", 412, 45.0, 38)}
        severity, count, usual, accounts = incident.get(issue, ("ok", 3, 3.0, 2))
        if self.quiet:
            severity, count, usual, accounts = "ok", 3, 3.0, 2
        return Pulse(
            issue_type=issue,
            severity=severity,
            status=Status.PASS if severity == "ok" else Status.FAIL,
            count=count,
            window_s=window_s,
            usual=usual,
            ratio=count / usual,
            per_minute=tuple(range(1, 16)) if severity != "ok" else (1,) * 15,
            accounts=accounts,
            headline=self._say("backlog 212,631") if issue == "rate_limiting" and not self.quiet else "",
            findings=(self._say("usual is the median of 95 windows"),),
            evidence=(evidence("datadog", self.query_for(issue), 15),),
        )

    def known_lag_s(self, query: str) -> float:  # as the door has it
        return 0.0

    def logs(
        self, query: str, *, window_s: int, end: datetime | None = None, cursor: str | None = None, limit: int = 100
    ) -> LogPage:
        self._fail("logs")
        start = self.lines if cursor else 0
        events = tuple(
            event(
                number,
                NOW - timedelta(seconds=number * 2),
                HOSTILE if self.hostile else "",
                "error" if number % 7 == 0 else "warn",
            )
            for number in range(start, start + self.lines)
        )
        return LogPage(events, None if cursor or self.quiet else "more", evidence("datadog", query, len(events)))

    def query_for(self, issue: str) -> str:
        return self.catalogue.queries[self.catalogue.issues[issue].query].datadog

    def log_link(self, query: str, *, window_s: int) -> str:
        return f"https://fub.datadoghq.com/logs?query={query.replace(' ', '%20')}"

    def sources(self, tell: object = None) -> tuple[SourceState, ...]:
        down = "everything" in self.failing
        return (
            SourceState(
                name="common",
                status=Status.UNREACHABLE if down else Status.PASS,
                latency_ms=None if down else 12.0,
                detail="unreachable" if down else "",
                checked_at=NOW,
            ),
            SourceState(
                name="datadog",
                status=Status.UNREACHABLE if down else Status.PASS,
                detail="unreachable" if down else "2/3 per 10 s",
                checked_at=NOW,
                calls_left=None if down else 2,
                calls=None if down else 3,
            ),
            *([] if down else [SourceState(name="logs", status=Status.PASS, detail="8 s late", checked_at=NOW)]),
        )

    def rollup(self) -> RollUp:
        self._fail("rollup")
        health, latency, late = (98.8, 12.0, Status.PASS) if self.quiet else (94.2, 1800.0, Status.FAIL)
        return RollUp(
            figures=(
                Figure(id="system_health", title="System health", value=health, shown=f"{health:.2f} %", status=late),
                Figure(
                    id="webhook_latency_p95",
                    title="Webhook latency, p95",
                    value=latency,
                    shown="12 s" if self.quiet else "> 1,800 s",
                    status=late,
                ),
            ),
            investigations=0 if self.quiet else 1,
        )

    def forget_answers(self) -> None:
        """Nothing is shared here."""

    def budgets(self) -> tuple[Budget, ...]:
        return ()

    def open_route(self, issue_type: str, request: TriageRequest | None = None) -> Refusal:
        return self._refusal(RefusalRule.ESCALATION_BLOCKED, issue_type)

    def request_change(self, name: str, request: TriageRequest | None = None) -> Refusal:
        return self._refusal(RefusalRule.SAFETY_CONCERN, name)

    def triage(self, request: TriageRequest) -> Refusal:
        return self._refusal(RefusalRule.MISSING_CONTEXT, request.issue_type)

    def _refusal(self, rule: RefusalRule, issue: str) -> Refusal:
        return Refusal(
            rule=rule,
            issue_type=issue,
            missing=self._say("This version has no specialist for that route."),
            accepted=("reading, checking, copying",),
            guidance=(self._say("Read the immediate actions."), "Write in #fub-zyno-support."),
            contact="CL Nolen, engineering manager; #fub-zyno-support",
            taken_at=NOW,
        )

    def doctor(self) -> Iterator[DoctorLine]:
        yield DoctorLine(source="common", subject="reachable", status=Status.PASS, detail="yes", latency_ms=2.0)

    def guide(self, name: str) -> Guide:
        return self.catalogue.guide(name)

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class ScriptedOpening:
    """Stands in for the answer of `open_service`."""

    diagnostics: Any
    environment: str = "PROD"
    writes: bool = False

    def close(self) -> None:
        """Nothing is open."""
