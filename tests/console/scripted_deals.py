"""Deals by script: one that nobody is verified on, one that several accounts hold, one that nobody knows."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import timedelta

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.sanitizer import clean
from diagnostics.core.waiting import Job
from diagnostics.models.accounts import HistoryRow
from diagnostics.models.conclusions import Conclusion, Confidence
from diagnostics.models.deals import (
    AgentPath,
    ConfigurationChange,
    DealDiagnosis,
    DealHeader,
    Gate,
    ResolutionDiagnosis,
    StaleAgent,
    UnsyncedDeals,
    UnsyncedGroup,
)
from diagnostics.models.health import Resolution, ResolutionShare
from diagnostics.models.triage import Finding, Status
from tests.console.scripted import HOSTILE, NOW, evidence

AMBIGUOUS, UNKNOWN_DEAL, ELIGIBLE = 777, 999, 12346


@dataclass
class ScriptedDeals:
    """Stands in for the deal service."""

    failing: frozenset[str] = frozenset()
    """Methods that fail; "client" leaves the gates of the client database without data."""
    hostile: bool = False
    asked: list[tuple[object, ...]] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)
    """Set, unless answers are to wait."""

    def __post_init__(self) -> None:
        self.hold.set()

    def _say(self, text: str) -> str:
        return clean(f"{text} {HOSTILE}") if self.hostile else text

    def _enter(self, *call: object) -> None:
        self.asked.append(call)
        self.hold.wait(20)
        if call[0] in self.failing or "everything" in self.failing:
            raise SourceFailure(
                FailureKind.UNREACHABLE,
                "client 14009",
                "no answer from db-7.internal:3306: connection refused",
                remedy="ask infrastructure about host db-7.internal",
            )

    def _header(self, deal_id: int, account_id: int) -> DealHeader:
        return DealHeader(
            account_id=account_id,
            account_name=self._say("Blue Ridge Realty"),
            deal_id=deal_id,
            name=self._say("103 Elm Street"),
            stage="Under contract",
            property_id="zpid-5521",
            synced_at=NOW - timedelta(hours=1) if deal_id == ELIGIBLE else None,
            created_at=NOW - timedelta(hours=7),
            updated_at=NOW - timedelta(minutes=5),
        )

    def find(self, deal_id: int) -> tuple[DealHeader, ...]:
        self._enter("find", deal_id)
        accounts = {AMBIGUOUS: (14009, 30511), UNKNOWN_DEAL: ()}.get(deal_id, (14009,))
        return tuple(self._header(deal_id, account) for account in accounts)

    def diagnose(self, deal_id: int, account_id: int, tell: object = None) -> DealDiagnosis:
        self._enter("diagnose", deal_id, account_id)
        well = deal_id == ELIGIBLE
        return DealDiagnosis(
            header=self._header(deal_id, account_id),
            gates=self._gates(well),
            agents=self._agents(well),
            error_code="" if well else "agent_verification_failed",
            conclusion=Conclusion(
                code="synced" if well else "agent_verification_failed",
                sentence=self._say(
                    "The deal has synced: every gate passes."
                    if well
                    else "None of the 2 agents on this deal is verified by any of the four paths: the sync stops there."
                ),
                confidence=Confidence.STRICT,
                sources=("client 14009", "common", "datadog"),
                overturned_by=("an agent that is verified after 14:03 UTC",),
                next_step=self._say("Have Ana Ruiz connect to Zillow; then the next update of the deal syncs."),
            ),
            configuration=(
                ConfigurationChange(
                    at=NOW - timedelta(hours=5),
                    what=self._say("flag zillow-ignore-transaction-creation-events switched on for this account"),
                    source="common feature_flags",
                ),
            ),
            findings=(
                Finding(
                    check="sync_errors",
                    title="errors in the logs",
                    status=Status.WARN,
                    summary=self._say("3 failed attempts in 24 h, all agent_verification_failed"),
                    evidence=evidence("datadog", "@context.deal_id:12345", 3),
                ),
            ),
            evidence=(evidence("client 14009", "SELECT * FROM deals WHERE id = 12345", 1),),
            notes=("1 agent on the deal has no row in users: counted as not verified.",) if not well else (),
            taken_at=NOW,
        )

    def _gates(self, well: bool) -> tuple[Gate, ...]:
        dead = "client" in self.failing
        rows = (
            ("deal", "The deal exists", Status.PASS, "The account's database holds the deal.", ""),
            ("property", "It has a property", Status.PASS, "Property zpid-5521 is set.", ""),
            ("agents", "An agent is verified", Status.FAIL, "0 of 2 agents verified.", "agent_verification_failed"),
            ("contact", "A contact is connected", Status.PASS, "Contact 8812 has an active connection.", ""),
            ("sync_system", "A data-sync system is on", Status.PASS, "1 active data-sync system: zillow.", ""),
            ("transaction", "Its transaction is known", Status.PASS, "Never synced: Zillow names it then.", ""),
            (
                "mutex",
                "No sync is under way",
                Status.NO_DATA,
                "Redis is not configured: whether the lock is held is not known.",
                "",
            ),
        )
        return tuple(
            Gate(
                id=id_,
                title=title,
                status=Status.UNREACHABLE if dead and id_ != "mutex" else Status.PASS if well else status,
                summary=self._say("client 14009: connection refused" if dead else summary),
                error_code="" if well or dead else code,
                evidence=(evidence("client 14009", f"SELECT … /* {id_} */", 2),),
            )
            for id_, title, status, summary, code in rows
        )

    def _agents(self, well: bool) -> tuple[AgentPath, ...]:
        if "client" in self.failing:
            return ()
        return (
            AgentPath(
                user_id=40_001,
                name=self._say("Ana Ruiz"),
                legacy_profile=False,
                oauth=well,
                modern_agent=False,
                sync_agent=False,
                is_verified=well,
                note="" if well else "holds a token, but it expired 3 h ago",
            ),
            AgentPath(
                user_id=40_007,
                name="",
                legacy_profile=None,
                oauth=False,
                modern_agent=False,
                sync_agent=None,
                is_verified=None,
            ),
        )

    def unsynced(
        self, account_id: int | None = None, window_s: int | None = None, job: Job | None = None
    ) -> UnsyncedDeals:
        self._enter("unsynced", account_id, window_s)
        groups = (
            ("agent_verification_failed", "no agent on the deal is verified by any path", 21, "Have an agent connect."),
            ("property_missing", "the deal has no property", 12, "Set the property in Follow Up Boss."),
            ("", "eligible, and not synced yet", 4, "Wait for the next update of the deal."),
        )
        return UnsyncedDeals(
            account_id=account_id,
            window_s=window_s,
            groups=tuple(
                UnsyncedGroup(
                    error_code=code,
                    title=self._say(title),
                    count=count,
                    deals=tuple((14009, 12_345 - number) for number in range(min(count, 10))),
                    next_step=self._say(step),
                )
                for code, title, count, step in groups
            ),
            total=37,
            examined=37,
            evidence=(evidence("client 14009", "SELECT id FROM deals WHERE synced_at IS NULL", 37),),
            taken_at=NOW,
        )

    def resolution(self, account_id: int, job: Job | None = None) -> ResolutionDiagnosis:
        self._enter("resolution", account_id)
        shares = (
            ("CONNECTED", 148, 69.5, 46.72, Status.WARN),
            ("INFERRED", 47, 22.1, 15.99, Status.WARN),
            ("UNMATCHED", 18, 8.4, 37.29, Status.FAIL),
        )
        return ResolutionDiagnosis(
            account_id=account_id,
            conclusion=Conclusion(
                code="agents_stale",
                sentence=self._say("47 agents are INFERRED although their users hold valid tokens."),
                confidence=Confidence.STANDARD,
                sources=("client 14009", "common"),
                next_step="Have zillow_agents of these 47 users resolved again.",
            ),
            distribution=Resolution(
                shares=tuple(
                    ResolutionShare(
                        method=method,
                        count=count,
                        share=share,
                        baseline=baseline,
                        drift=share - baseline,
                        status=status,
                    )
                    for method, count, share, baseline, status in shares
                ),
                total=214,
                retired=1,
                status=Status.WARN,
                evidence=(evidence("client 14009", "SELECT resolution_method, COUNT(*) …", 4),),
            ),
            stale=tuple(
                StaleAgent(
                    agent_id=5_000 + number,
                    user_id=40_000 + number,
                    name=self._say("Ana Ruiz"),
                    method_name="INFERRED",
                    agent_updated_at=NOW - timedelta(days=2, minutes=number),
                    token_updated_at=NOW - timedelta(hours=4),
                )
                for number in range(1, 48)
            ),
            transitions=(
                HistoryRow(
                    id=70_000,
                    user_id=40_001,
                    old="CONNECTED",
                    new="INFERRED",
                    reason="team membership changed",
                    at=NOW - timedelta(days=2),
                ),
            ),
            findings=(
                Finding(
                    check="agent_resolution",
                    title="agents against tokens",
                    status=Status.FAIL,
                    summary="47 agents are stale",
                    evidence=evidence("client 14009", "SELECT id FROM zillow_agents WHERE …", 47),
                ),
            ),
            taken_at=NOW,
        )
