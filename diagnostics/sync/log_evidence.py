"""Log lines about a deal: independent of its rows, and therefore a source of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from diagnostics.core.context import Context
from diagnostics.core.failures import SourceFailure, TurnAwaited
from diagnostics.core.sanitizer import clean
from diagnostics.core.waiting import StillAsking
from diagnostics.core.words import form, plural, span
from diagnostics.models.events import LogEvent
from diagnostics.models.evidence import Evidence
from diagnostics.models.status import Status
from diagnostics.models.triage import Finding
from diagnostics.signals.counts import DAY_S
from diagnostics.signals.deal_index import deal_of
from diagnostics.sync.verdict import ERROR_ORDER

LOOK_BACK_S = DAY_S
MOST_EVENTS = 50
_MOST_LINES = 10


@dataclass(slots=True, frozen=True)
class LogEvidence:
    """The newest log lines that name one deal of one account."""

    events: tuple[LogEvent, ...] = ()
    codes: tuple[str, ...] = ()
    """Error codes they name, newest first, each once."""
    without_agents: bool = False
    """Some line says that the deal has no agents."""
    evidence: Evidence | None = None
    failure: SourceFailure | None = None

    def agrees_with(self, code: str, *, has_agents: bool) -> bool:
        """Whether the logs name this error code, or, of a deal without agents, that it has none."""
        return code in self.codes or (code == "agent_verification_failed" and not has_agents and self.without_agents)

    def finding(self, code: str, *, has_agents: bool) -> Finding:
        """Finding of the logs, beside the verdict."""
        title = "What do logs say about the deal?"
        if self.failure is not None:
            waiting = isinstance(self.failure, TurnAwaited | StillAsking)
            return Finding(
                check="deal_logs",
                title=title,
                status=Status.NO_DATA if waiting else Status.UNREACHABLE,
                summary=f"Logs were not read: {self.failure.headline()}.",
                next_step=self.failure.remedy,
            )
        window = span(LOOK_BACK_S)
        count = len(self.events)
        status, more = Status.PASS, ""
        if not count:
            status, said = Status.NO_DATA, f"No log of the last {window} names the deal in this account."
        else:
            named = f" They name {', '.join(self.codes)}." if self.codes else " None of them names an error code."
            said = f"{plural(count, 'log line')} of the last {window} {form(count, 'names', 'name')} the deal.{named}"
            if self.agrees_with(code, has_agents=has_agents):
                more = f" That agrees with {code}."
            elif self.codes and code:
                status, more = Status.WARN, f" The rows say {code} now: something may have changed since."
            elif self.codes:
                status, more = Status.WARN, " The rows show no reason for that now: something may have changed since."
        return Finding(
            check="deal_logs",
            title=title,
            status=status,
            summary=clean(said + more, limit=500),
            value=count,
            unit="lines",
            evidence=self.evidence,
            details=tuple(clean(f"{one.status}: {one.message}", limit=300) for one in self.events[:_MOST_LINES]),
        )


def read_logs(context: Context, account_id: int, deal_id: int) -> LogEvidence:
    """The newest log lines that name the deal. Raises nothing: a failure is part of the answer."""
    from diagnostics.logs import bind  # noqa: PLC0415  # the query language loads when it is needed

    try:
        query = bind(context.catalogue.queries["deal_lookup"].datadog, deal_id=deal_id)
        page = context.logs.newest(query, LOOK_BACK_S, MOST_EVENTS)
    except SourceFailure as failure:
        return LogEvidence(failure=failure)
    context.deal_index.note(page.events)
    named = [(event, deal_of(event)) for event in page.events]
    mine = [
        (event, deal) for event, deal in named if deal and deal.deal_id == deal_id and deal.account_id == account_id
    ]
    codes = dict.fromkeys(code for event, _ in mine for code in _codes(event))
    return LogEvidence(
        events=tuple(event for event, _ in mine),
        codes=tuple(codes),
        without_agents=any(deal.without_agents for _, deal in mine),
        evidence=page.evidence,
    )


def _codes(event: LogEvent) -> tuple[str, ...]:
    """The error codes that one log line names, in its attribute or in its words."""
    context = event.attributes.get("context")
    named = context.get("errorCode") if isinstance(context, Mapping) else None
    return tuple(code for code in ERROR_ORDER if code == named or code in event.message)
