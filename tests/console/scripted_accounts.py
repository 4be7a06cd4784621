"""Accounts and deals by script: the account of the 47 stale agents, and every state that its screens can be in."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.core.sanitizer import clean
from diagnostics.core.waiting import Job
from diagnostics.models.accounts import (
    AccountHeader,
    AccountSummary,
    AgentRow,
    ConnectionRow,
    DealRow,
    HistoryRow,
    OAuthDiagnosis,
    OAuthUser,
    UserRow,
)
from diagnostics.models.conclusions import Conclusion, Confidence
from diagnostics.models.figures import UNKNOWN, Figure, Page
from diagnostics.models.triage import Finding, Status
from tests.console.scripted import HOSTILE, NOW, ScriptedService, evidence
from tests.console.scripted_deals import ScriptedDeals

RowType = TypeVar("RowType")

ACCOUNT = 14009
STALE = 47
NAMES = ("Ana Ruiz", "Bo Chen", "Carla Weiss", "Dan O’Hara", "Ella Novak", "Farid Aziz", "Grace Lin")


def ago(**parts: float) -> datetime:
    return NOW - timedelta(**parts)


@dataclass
class ScriptedAccounts:
    """Stands in for the account service."""

    failing: frozenset[str] = frozenset()
    """Methods that fail; "client" fails everything that lives in the client database."""
    hostile: bool = False
    empty: bool = False
    users_in_all: int = 214
    agents_in_all: int = 214
    hold: threading.Event | None = None
    """Everything waits for it."""
    asked: list[tuple[object, ...]] = field(default_factory=list)
    steps: int = 0
    """How many steps an account-wide diagnosis reports before it waits for `go`."""
    go: threading.Event = field(default_factory=threading.Event)

    def _say(self, text: str) -> str:
        return clean(f"{text} {HOSTILE}") if self.hostile else text

    def _enter(self, *call: object) -> None:
        self.asked.append(call)
        if self.hold is not None:
            self.hold.wait(20)
        name = str(call[0])
        if name in self.failing or "everything" in self.failing or ("client" in self.failing and name in CLIENT):
            source = f"client {ACCOUNT}" if name in CLIENT else "common"
            raise SourceFailure(
                FailureKind.UNREACHABLE,
                source,
                "no answer from db-7.internal:3306: connection refused",
                remedy="run `warroom doctor --account-id 14009`, then ask infrastructure about host db-7.internal",
            )

    # ---- summary

    def summary(self, account_id: int, tell: object = None) -> AccountSummary:
        self._enter("summary", account_id)
        if account_id == 99:
            raise UserError("there is no account 99 in common", next_step="check the id; a lists accounts seen lately")
        dead = "client" in self.failing
        header = AccountHeader(
            account_id=account_id,
            name=self._say("Blue Ridge Realty"),
            status="active",
            user_count=None if self.empty else 214,
            db_host="db-7.internal",
            db_database="client_14009",
            unhealthy_since=None if self.empty else ago(days=2, hours=5),
            evidence=(evidence("common", "SELECT * FROM accounts WHERE id = 14009", 1),),
        )
        return AccountSummary(
            header=header,
            findings=() if self.empty else self._findings(dead),
            figures=self._figures(dead),
            notes=("2 tokens belong to users that the client database does not hold; they are in no share.",)
            if not (dead or self.empty)
            else (),
        )

    def _findings(self, dead: bool) -> tuple[Finding, ...]:
        stale = Finding(
            check="account_agents",
            title="Are agents resolved as their tokens say?",
            status=Status.UNREACHABLE if dead else Status.FAIL,
            summary=self._say(
                "client 14009: connection refused; agents, deals and users’ names are not known"
                if dead
                else "47 agents are INFERRED although their user holds a valid token; the oldest for 2 days"
            ),
            value=None if dead else STALE,
            threshold="none may be",
            next_step="Open the agents tab and hand the 47 agents to zillow-sync-diagnosis.",
            evidence=None if dead else evidence("client 14009", "SELECT id FROM zillow_agents WHERE …", STALE),
            details=("agents 5001 to 5047",),
        )
        others = (
            ("connections", Status.WARN, "30 of 201 connections report a problem, the longest for 2 days 5 h"),
            ("behaviour", Status.PASS, "score 1.2 against its own 30 days: usual"),
            ("token_status", Status.PASS, "210 of 214 tokens are valid, none expired within the last day"),
        )
        return (
            stale,
            *(
                Finding(
                    check=check,
                    title=check,
                    status=status,
                    summary=self._say(text),
                    evidence=evidence("common", f"SELECT … /* {check} */", 214),
                )
                for check, status, text in others
            ),
        )

    def _figures(self, dead: bool) -> tuple[Figure, ...]:
        def figure(id_: str, title: str, value: int | float | None, status: Status = Status.PASS) -> Figure:
            known = None if self.empty else value
            return Figure(
                id=id_,
                title=title,
                value=known,
                shown=UNKNOWN if known is None else f"{known:,}",
                status=Status.UNREACHABLE if value is None else Status.NO_DATA if known is None else status,
                failure="client 14009: unreachable" if value is None else "",
                evidence=(evidence("common", f"SELECT COUNT(*) /* {id_} */", 1),),
            )

        return (
            figure("users", "users", 214),
            figure("tokens", "tokens valid", 210),
            figure("connections_healthy", "connections healthy", 171),
            figure("connections_error", "connections in error", 30, Status.WARN),
            figure("agents", "agents", None if dead else self.agents_in_all),
            figure("agents_stale", "agents stale", None if dead else STALE, Status.FAIL),
            figure("deals_unsynced", "deals not synced", None if dead else 37, Status.WARN),
            figure("behaviour", "behaviour score", 1.2),
        )

    # ---- pages

    def _page(
        self,
        name: str,
        source: str,
        rows: Sequence[RowType],
        after: str | None,
        limit: int,
        *,
        notes: tuple[str, ...] = (),
    ) -> Page[RowType]:
        start = int(after or 0)
        part = tuple(rows[start : start + limit])
        end = start + len(part)
        return Page(
            rows=part,
            after=str(end) if end < len(rows) else None,
            total=len(rows),
            evidence=(evidence(source, f"{name}: SELECT … id > {start} LIMIT {limit}", len(part)),),
            notes=notes if not start else (),
        )

    def users(
        self, account_id: int, after: str | None = None, limit: int = 100, only_wrong: bool = False
    ) -> Page[UserRow]:
        self._enter("users", account_id, after, only_wrong)
        rows = [] if self.empty else [self._user(number) for number in range(1, self.users_in_all + 1)]
        rows = [user for user in rows if user.is_wrong] if only_wrong else rows
        dead = "client" in self.failing
        notes = ("names were not read: client 14009 is unreachable; every credential is still shown",) if dead else ()
        return self._page("zillow_auth", "common", rows, after, limit, notes=notes)

    def _user(self, number: int) -> UserRow:
        wrong = {2: "integration disabled", 5: "expired", 9: "ZUIDs differ"}.get(number, "")
        dead, orphan = "client" in self.failing, number == 7
        return UserRow(
            user_id=40_000 + number,
            name="" if dead or orphan else self._say(NAMES[number % 7]),
            email=self._say(f"user{number}@blueridge.example"),
            is_in_client=None if dead else not orphan,
            pattern="sync only" if number == 4 else "both",
            has_token=None if number == 4 else True,
            expires_at=ago(hours=3) if number == 5 else NOW + timedelta(hours=20),
            token_updated_at=ago(hours=4),
            auth_zuid=f"X1-{number}",
            sync_zuid=f"X1-{number + 100 * (number == 9)}",
            is_enabled=number != 2,
            connection="disabled" if number == 2 else "error" if number in {5, 9} else "healthy",
            problem_at=ago(days=2) if number in {5, 9} else None,
            problem=self._say("Zillow OAuth Refresh token invalid") if number == 5 else "",
            verdict=wrong or ("legacy only" if number == 4 else "no such user" if orphan else "ok"),
            is_wrong=bool(wrong) or orphan,
        )

    def agents(
        self, account_id: int, after: str | None = None, limit: int = 100, only_wrong: bool = False
    ) -> Page[AgentRow]:
        self._enter("agents", account_id, after, only_wrong)
        rows = [] if self.empty else [self._agent(number) for number in range(1, self.agents_in_all + 1)]
        rows = [agent for agent in rows if agent.is_wrong] if only_wrong else rows
        notes = ("1 agent holds the retired method 2: it is in no share",) if rows and not only_wrong else ()
        return self._page("zillow_agents", "client 14009", rows, after, limit, notes=notes)

    def _agent(self, number: int) -> AgentRow:
        stale = number <= STALE
        method = 3 if stale else 2 if number == 60 else 4 if number % 10 == 0 else 1
        names = {1: "CONNECTED", 2: "retired 2", 3: "INFERRED", 4: "UNMATCHED"}
        return AgentRow(
            agent_id=5_000 + number,
            user_id=None if method == 4 and number % 20 == 0 else 40_000 + number,
            name=self._say(NAMES[number % 7]),
            email=self._say(f"agent{number}@blueridge.example"),
            method=method,
            method_name=names[method],
            has_zuid=method != 4,
            has_token=method != 4,
            is_wrong=stale,
            teams=number % 3,
            updated_at=ago(days=2, minutes=number),
        )

    def connections(
        self, account_id: int, after: str | None = None, limit: int = 100, only_wrong: bool = False
    ) -> Page[ConnectionRow]:
        self._enter("connections", account_id, after, only_wrong)
        rows = [] if self.empty else [self._connection(number) for number in range(1, 202)]
        rows = [one for one in rows if one.state != "healthy"] if only_wrong else rows
        return self._page("zillow_sync_users", "common", rows, after, limit)

    def _connection(self, number: int) -> ConnectionRow:
        state = "error" if number % 7 == 3 else "warning" if number == 5 else "disabled" if number == 2 else "healthy"
        return ConnectionRow(
            sync_user_id=900 + number,
            user_id=40_000 + number,
            zuid=f"X1-{number}",
            email=self._say(f"agent{number}@zillow.example"),
            integration="" if state == "disabled" else f"zim-{number}",
            is_enabled=state != "disabled",
            state=state,
            problem_at=ago(days=2, hours=number % 24) if state in {"error", "warning"} else None,
            problem=self._say("OAuth credentials valid, but integration disabled") if state == "error" else "",
            leads=number * 13,
            last_agent_sync_at=ago(hours=1),
            last_verified_at=ago(days=40),
            migration="HIGH" if number == 4 else "",
        )

    def deals(
        self, account_id: int, after: str | None = None, limit: int = 100, only_unsynced: bool = False
    ) -> Page[DealRow]:
        self._enter("deals", account_id, after, only_unsynced)
        codes = ("agent_verification_failed", "property_missing", "zillow_transaction_id_missing", "")
        rows = [
            DealRow(
                deal_id=12_400 - number,
                name=self._say(f"{100 + number} Elm Street"),
                stage="Under contract",
                has_property=number % 4 != 1,
                zillow_transaction_id="" if number < 37 else f"zt-{number}",
                agents=0 if number % 4 == 0 and number < 37 else 2,
                synced_at=None if number < 37 else ago(hours=number),
                created_at=ago(hours=number),
                error_code=codes[number % 4] if number < 37 else "",
            )
            for number in range(0 if not self.empty else 640, 640)
        ]
        rows = [deal for deal in rows if deal.synced_at is None] if only_unsynced else rows
        return self._page("deals", "client 14009", rows, after, limit)

    def history(
        self, account_id: int, after: str | None = None, limit: int = 100, *, user_id: int | None = None
    ) -> Page[HistoryRow]:
        self._enter("history", account_id, after)
        rows = [
            HistoryRow(
                id=70_000 - number,
                user_id=40_000 + number % 50 + 1,
                old="CONNECTED" if number % 3 else "UNMATCHED",
                new="INFERRED" if number % 3 else "CONNECTED",
                reason=self._say("team membership changed" if number % 3 else "user connected to Zillow"),
                at=ago(hours=number),
            )
            for number in range(0 if not self.empty else 250, 250)
        ]
        rows = [row for row in rows if user_id is None or row.user_id == user_id]
        return self._page("zillow_connection_logs", "common", rows, after, limit)

    # ---- the rest

    def behaviour(self, account_id: int) -> Figure:
        return next(figure for figure in self._figures(dead=False) if figure.id == "behaviour")

    def log_query(self, account_id: int) -> str:
        return f"@context.account_id:{account_id} @message:*Zillow* status:error"

    def oauth(self, account_id: int, user_id: int | None = None, job: Job | None = None) -> OAuthDiagnosis:
        self._enter("oauth", account_id, user_id)
        for step in range(1, self.steps + 1):
            if job is not None:
                job.report(step * 100, 6_864, "accounts")
        if self.steps and user_id is None:
            while not self.go.wait(0.01):
                if job is not None:
                    job.raise_if_cancelled("common")
        one = user_id is not None
        conclusion = Conclusion(
            code="integration_disabled" if one else "users_with_problems",
            sentence=self._say(
                f"User {user_id} holds a valid token, but the integration is disabled in Premier Agent."
                if one
                else "3 of 214 users cannot sync: 1 integration disabled, 1 token expired, 1 with ZUIDs that differ."
            ),
            confidence=Confidence.STANDARD,
            sources=("common", "datadog"),
            overturned_by=("a lead that synced for this user after 14:03 UTC",),
            next_step=self._say("Ask the user to enable the Follow Up Boss integration in Premier Agent."),
        )
        findings = (
            ("token", Status.PASS, "a refresh token is held, updated 4 h ago"),
            ("expiry", Status.PASS, "expires in 20 h; the services refresh it 30 s before"),
            ("zuid", Status.NO_DATA, "no ZUID on the sync side to compare with"),
            ("enablement", Status.FAIL, "token valid, integration disabled: switched off in Premier Agent"),
        )
        return OAuthDiagnosis(
            account_id=account_id,
            user_id=user_id,
            conclusion=conclusion,
            findings=tuple(
                Finding(
                    check=check,
                    title=check,
                    status=status,
                    summary=self._say(text),
                    evidence=evidence("common", f"zillow_auth: SELECT … /* {check} */", 1),
                )
                for check, status, text in findings
            ),
            consistency=() if one else self._figures(dead=False)[:4],
            users=()
            if one
            else (
                OAuthUser(
                    user_id=40_002, verdict="integration_disabled", sentence=self._say("disabled in Premier Agent")
                ),
                OAuthUser(user_id=40_005, verdict="token_expired", sentence="expired 3 h ago"),
                OAuthUser(user_id=40_009, verdict="zuid_mismatch", sentence="X1-9 against X1-109"),
            ),
            users_in_all=None if one else 3,
            taken_at=NOW,
        )


CLIENT = frozenset({"agents", "deals"})
"""Methods that cannot answer at all without the client database."""


@dataclass
class ScriptedAccountService(ScriptedService):
    """The scripted service with its account and deal services."""

    accounts: ScriptedAccounts = field(default_factory=ScriptedAccounts)
    deals: ScriptedDeals = field(default_factory=ScriptedDeals)
