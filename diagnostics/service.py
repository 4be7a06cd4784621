"""The one door. Every question that a screen or a command can ask is a method of `Diagnostics`.

Blocking and thread-safe: callers bring their own threads. Opening it asks nothing of any source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from diagnostics.answers import SharedAnswers
from diagnostics.checks.base import Check, Tools
from diagnostics.desks import Desks
from diagnostics.failures import FailureKind, SourceFailure, UserError
from diagnostics.log_questions import Accounts, LogQuestions
from diagnostics.models.doctor import DoctorLine, Guide
from diagnostics.models.events import LogPage
from diagnostics.models.evidence import Evidence, utc_now
from diagnostics.models.readings import Budget, Pulse, SourceState
from diagnostics.models.triage import Finding, Refusal, Route, Status, Triage, TriageRequest
from diagnostics.parts import Parts
from diagnostics.seen import SeenDeals
from diagnostics.sources.databases import Databases
from diagnostics.sources.datadog import Datadog
from diagnostics.triage.matrix import Classification, classify, route_named
from diagnostics.windows import window_ending

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.catalogue.model import IssueType
    from diagnostics.settings import Settings

SEARCH, AGGREGATE = "logs_search", "logs_aggregate"
"""Operations of the Datadog source, as its budgets name them."""

PROBE_KEEP_S = 10.0
"""How long the state of a source is believed: the header asks far more often than that."""


class Diagnostics(Desks):
    """Questions about FUB's Zillow integration. Use `open`; `close` ends what is under way."""

    def __init__(self, settings: Settings, catalogue: Catalogue, datadog: Datadog, databases: Databases) -> None:
        self.settings = settings
        self.catalogue = catalogue
        self._datadog = datadog
        self._databases = databases
        self._seen = SeenDeals()
        self._parts = Parts(settings, catalogue, datadog, databases)
        self._answers = SharedAnswers()
        self._counted: dict[tuple[str, int], Pulse] = {}
        """The last pulse of each issue and window that the logs gave a count for."""
        self._tools = Tools(
            catalogue=catalogue,
            databases=databases,
            logs=LogQuestions(datadog, self._answers, baseline_s=settings.refresh.baseline_s),
            answers=self._answers,
            seen=self._seen,
            window_s=settings.refresh.window_s,
            parts=self._parts,
        )

    @classmethod
    def open(cls, settings: Settings, catalogue: Catalogue) -> Diagnostics:
        """A service over the settings' sources. Opens no connection."""
        return cls(settings, catalogue, Datadog(settings.datadog), Databases(settings.databases, catalogue.schema_map))

    def close(self) -> None:
        """End every question under way (their askers get a SourceFailure, cancelled) and refuse further ones."""
        self._tools.logs.baselines.close()
        if "notices" in vars(self):
            self.notices.close()
        for close in (self._parts.close, self._datadog.close, self._databases.close):
            with suppress(SourceFailure):
                close()

    def __enter__(self) -> Diagnostics:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Triage.

    def classify(self, request: TriageRequest) -> Classification | Refusal:
        """The row of the matrix that the request stands in, or a refusal. Asks no source."""
        return classify(self.catalogue, request)

    def triage(self, request: TriageRequest) -> Triage | Refusal:
        """Classify, run the first response, assess; or refuse with guidance. Raises nothing a source can cause."""
        from diagnostics.triage.answer import answer  # noqa: PLC0415  # the checks load SQLAlchemy

        return answer(self._tools, request)

    def check(self, check_id: str, request: TriageRequest) -> Finding:
        """One check's finding; a source's failure is a finding too. Raises UserError for an unknown check."""
        return self._check(check_id).run(self._tools, request)

    def console_checks(self, issue_type: str) -> tuple[str, ...]:
        """The checks that a console shows for an issue with no account or deal given. Raises UserError."""
        issue = self._issue(issue_type)
        return ("zero_agent_deals", *issue.checks) if "deal" in issue.needs else issue.checks

    def console_check(self, issue_type: str, check_id: str) -> Finding:
        """One of `console_checks`; where it needs a deal, the one that logs reported last without agents.

        A source's failure is a finding too. Raises UserError for an unknown issue type or check.
        """
        from diagnostics.triage.context import newest_reported_deal  # noqa: PLC0415  # it loads SQLAlchemy

        request = TriageRequest(issue_type=issue_type)
        if "deal" in self._issue(issue_type).needs and check_id != "zero_agent_deals":
            try:
                deal = newest_reported_deal(self._tools, self.query_for(issue_type))
            except SourceFailure as failure:
                return self._check(check_id).unanswered(failure)
            if deal is not None:
                request = request.model_copy(update={"account_id": deal.account_id, "deal_id": deal.deal_id})
        return self.check(check_id, request)

    def pulse(self, issue_type: str, window_s: int) -> Pulse:
        """How much of one issue there is now, against what is usual. Raises SourceFailure, UserError."""
        from diagnostics.pulses import take_pulse  # noqa: PLC0415  # the backlog loads SQLAlchemy

        pulse = take_pulse(
            self._tools,
            self._issue(issue_type),
            window_s,
            every_s=self.settings.refresh.pulse_s,
            pace_s=self._pulse_pace(),
            before=self._counted.get((issue_type, window_s)),
        )
        if pulse.count is not None and not pulse.log_failure:
            self._counted[issue_type, window_s] = pulse
        return pulse

    def forget_answers(self) -> None:
        """From now on every question is asked anew, except for what is usual, which changes over hours.

        For somebody who asks again by hand: pulses and checks otherwise share answers of the last seconds. A question
        under way is not asked twice.
        """
        self._answers.forget()

    def open_route(self, issue_type: str, request: TriageRequest | None = None) -> Route | Refusal:
        """Hand over to the issue's specialist: where it is, or what to do instead where this version lacks it.

        The diagnoses are `accounts.oauth`, `deals.diagnose`, `deals.unsynced` and `deals.resolution`; monitoring is
        level 2, `health`.
        """
        from diagnostics.triage.refusals import Refusals  # noqa: PLC0415

        asked = request or TriageRequest(issue_type=issue_type)
        named = asked.model_copy(update={"issue_type": issue_type})
        issue = self.catalogue.issues.get(issue_type)
        refusals = Refusals(self.catalogue)
        if issue is None:
            return refusals.issue_type_unknown(named)
        route = route_named(issue.route)
        return route if route.available else refusals.escalation_blocked(named, issue)

    def request_change(self, name: str, request: TriageRequest | None = None) -> Refusal:
        """Ask for a change to production, such as `batch_retry`: always refused, because this console only reads."""
        from diagnostics.triage.refusals import Refusals  # noqa: PLC0415

        asked = request or TriageRequest(issue_type=self._issue_of_check(name))
        return Refusals(self.catalogue).safety_concern(asked, name)

    # Logs.

    def logs(
        self,
        query: str,
        *,
        window_s: int,
        end: datetime | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> LogPage:
        """One page of the newest events in the window; `cursor` needs the first page's `end`. Raises SourceFailure."""
        start, last = window_ending(window_s, end)
        page = self._tools.logs.search(query, start=start, end=last, limit=limit, cursor=cursor)
        self._seen.note(page.events)
        return page

    def named_accounts(self, issue_type: str, window_s: int, most: int = 20) -> Accounts:
        """Accounts that an issue's log lines name, most lines first. Raises SourceFailure, UserError."""
        return self._tools.logs.accounts(self.query_for(issue_type), window_s, most)

    def log_link(self, query: str, *, window_s: int) -> str:
        """The address of the same search in Datadog's web application."""
        start, end = window_ending(window_s)
        return self._datadog.link(query, start=start, end=end)

    def query_for(self, issue_type: str) -> str:
        """The Datadog query of an issue's log pane. Raises UserError."""
        return self.catalogue.queries[self._issue(issue_type).query].datadog

    # Sources.

    def sources(self) -> tuple[SourceState, ...]:
        """The state of each source: what it said last, or a cheap question every ten seconds. Raises nothing."""
        datadog = self._datadog_state()
        return (
            datadog.model_copy(update={"detail": datadog.detail or self._scarcest_budget()}),
            self._probe("common", self._databases.ping_common),
            *self._lost_state(),
        )

    def budgets(self) -> tuple[Budget, ...]:
        """What is left of each rate limit."""
        return self._datadog.budgets()

    def doctor(self, account_ids: tuple[int, ...] = ()) -> Iterator[DoctorLine]:
        """Every source, line by line as it is found out. Raises nothing."""
        limits = self.catalogue.thresholds
        yield from self._datadog.inspect(
            monitor_tag=self.catalogue.contact.monitor_tag,
            clock_skew_s=limits["clock_skew_seconds"].warning or 0.0,
            incidents=self.settings.writes.tracking and self.settings.escalation.datadog_incidents,
        )
        yield from self._databases.inspect(account_ids, replica_lag_s=limits["replica_lag_seconds"].warning or 0.0)
        from diagnostics.parts_doctor import inspect_parts  # noqa: PLC0415  # only the doctor needs it

        yield from inspect_parts(self._parts)

    def guide(self, name: str) -> Guide:
        """One guide. Raises UserError listing the names."""
        return self.catalogue.guide(name)

    def _issue(self, issue_type: str) -> IssueType:
        issue = self.catalogue.issues.get(issue_type)
        if issue is None:
            raise UserError(f"there is no issue type {issue_type!r}", accepted=", ".join(self.catalogue.issues))
        return issue

    def _check(self, check_id: str) -> Check:
        from diagnostics.checks.registry import CHECKS  # noqa: PLC0415  # the checks load SQLAlchemy

        check = CHECKS.get(check_id)
        if check is None:
            raise UserError(f"there is no check called {check_id!r}", accepted=", ".join(CHECKS))
        return check

    def _issue_of_check(self, check_id: str) -> str:
        return next((issue.name for issue in self.catalogue.issues.values() if check_id in issue.checks), "")

    def _datadog_state(self) -> SourceState:
        """Whether searches are answered says more than whether the key is valid; the key is asked when nothing was."""
        logs = self._tools.logs
        last, failed_at = logs.last, logs.failed_at
        said_at = last.started_at if isinstance(last, Evidence) else failed_at
        if last is None or said_at is None or (utc_now() - said_at).total_seconds() > PROBE_KEEP_S:
            return self._probe("datadog", self._datadog.validate)
        if isinstance(last, SourceFailure):
            return _failed_state("datadog", last, said_at)
        return SourceState(name="datadog", status=Status.PASS, latency_ms=last.took_ms, checked_at=said_at)

    def _pulse_pace(self) -> float:
        """How often the aggregates' rate limit carries the pulse of each critical issue, seconds.

        A third of the limit is left for baselines, checks and whoever else shares the organisation's limit.
        """
        pulses = sum(issue.level == 1 for issue in self.catalogue.issues.values())
        return max(
            (1.5 * pulses * one.period_s / max(1, one.limit) for one in self._log_budgets(AGGREGATE)), default=0.0
        )

    def _log_budgets(self, *operations: str) -> tuple[Budget, ...]:
        """The limits under which any of these operations is counted; the service may count several under one.

        Where the source does not tell operations, the first two limits are those of log search and log aggregates, in
        this order or merged: all of them, then, so that nothing is asked for too often.
        """
        budgets = self.budgets()
        told = tuple(one for one in budgets if set(one.operations) & set(operations))
        return told if told or any(one.operations for one in budgets) else budgets[:2]

    def _lost_state(self) -> tuple[SourceState, ...]:
        """The console's own state, where it does not last: nobody needs to be told that it does."""
        state = self._parts.state
        if state.is_lasting:
            return ()
        return (SourceState(name="state", status=Status.WARN, detail="in memory only", checked_at=utc_now()),)

    def _scarcest_budget(self) -> str:
        """For the header: what is left of the log budget nearest to its end, such as "1/3 per 10 s"."""
        budgets = self._log_budgets(SEARCH, AGGREGATE)
        if not budgets:
            return ""
        scarce = min(budgets, key=lambda budget: budget.remaining / max(1, budget.limit))
        return f"{scarce.remaining}/{scarce.limit} per {scarce.period_s:g} s"

    def _probe(self, name: str, ask: Callable[[], Evidence]) -> SourceState:
        def probe() -> SourceState:
            try:
                evidence = ask()
            except SourceFailure as failure:
                return _failed_state(name, failure, utc_now())
            return SourceState(
                name=name, status=Status.PASS, latency_ms=evidence.took_ms, checked_at=evidence.started_at
            )

        return self._answers.get(("probe", name), PROBE_KEEP_S, probe)


def _failed_state(name: str, failure: SourceFailure, at: datetime) -> SourceState:
    """A source that answers with a refusal is there: a limit passes by itself, wrong keys do not."""
    if failure.kind is FailureKind.RATE_LIMITED:
        status = Status.WARN
    else:
        status = Status.UNREACHABLE if failure.is_transient else Status.FAIL
    return SourceState(name=name, status=status, detail=failure.headline(), checked_at=at)
