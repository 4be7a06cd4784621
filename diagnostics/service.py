"""The one door. Every question that a screen or a command can ask is a method of `Diagnostics`, or of a member of it.

Blocking and thread-safe: callers bring their own threads. Opening it asks nothing of any source.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from diagnostics.core.context import Context, Lazy
from diagnostics.core.failures import SourceFailure
from diagnostics.core.time import SERVICE_TIME, window_ending
from diagnostics.models.doctor import DoctorLine, Guide
from diagnostics.models.events import LogPage
from diagnostics.models.readings import Budget, Pulse, SourceState
from diagnostics.models.triage import Finding, Refusal, Route, Triage, TriageRequest
from diagnostics.signals.counts import Accounts
from diagnostics.sources.datadog import Datadog
from diagnostics.sources.mysql.databases import Databases
from diagnostics.sources.proxies import route_of
from diagnostics.sources.states import SourceStates
from diagnostics.triage.matrix import Classification, classify, open_route, refuse_change

if TYPE_CHECKING:
    from diagnostics.accounts.service import AccountService
    from diagnostics.catalogue import Catalogue
    from diagnostics.charts.service import ChartService
    from diagnostics.config.settings import Settings
    from diagnostics.explorer.service import ExplorerService
    from diagnostics.health.service import HealthService
    from diagnostics.incident.assess.assessments import AssessmentService
    from diagnostics.incident.incidents import IncidentService
    from diagnostics.incident.investigations import InvestigationService
    from diagnostics.incident.journal import Journal
    from diagnostics.incident.notices.notices import NoticeService
    from diagnostics.incident.review.reviews import ReviewService
    from diagnostics.models.health import RollUp
    from diagnostics.reconcile.service import ReconcileService
    from diagnostics.recovery.service import RecoveryService
    from diagnostics.signals.pulses import Pulses
    from diagnostics.store.recents import Recents
    from diagnostics.sync.service import DealService


class Diagnostics:
    """Questions about FUB's Zillow integration. Use `open`; `close` ends what is under way."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.settings = context.settings
        self.catalogue = context.catalogue
        self._states = SourceStates(context)

    @classmethod
    def open(cls, settings: Settings, catalogue: Catalogue, remarks: tuple[str, ...] = ()) -> Diagnostics:
        """A service over the settings' sources. Opens no connection. `remarks` are what is unwise in the settings."""
        datadog = Datadog(settings.datadog, route_of(settings.network))
        databases = Databases(settings.databases, catalogue.schema_map)
        return cls(Context(settings, catalogue, datadog, databases, remarks=remarks))

    def close(self) -> None:
        """End every question under way (their askers get a SourceFailure, cancelled) and refuse further ones."""
        if "notices" in vars(self):
            self.notices.close()
        self.context.close()

    def __enter__(self) -> Diagnostics:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Subjects. Each is blocking and thread-safe, as the door is; their modules are imported as `Lazy` says.

    @Lazy
    def health(self) -> HealthService:
        """Level 2: health, KPIs, resolution, connections, the six systems, leading indicators, monitor drafts."""
        from diagnostics.health.service import HealthService  # noqa: PLC0415

        return HealthService(self.context)

    @Lazy
    def accounts(self) -> AccountService:
        """One account: summary, pages of rows, OAuth diagnosis."""
        from diagnostics.accounts.service import AccountService  # noqa: PLC0415

        return AccountService(self.context)

    @Lazy
    def deals(self) -> DealService:
        """One deal or many: sync diagnosis, unsynced deals by cause, resolution diagnosis."""
        from diagnostics.sync.service import DealService  # noqa: PLC0415

        return DealService(self.context)

    @Lazy
    def reconcile(self) -> ReconcileService:
        """Data reconciliation: differences that persist, repairs planned, carried out, taken back."""
        from diagnostics.reconcile.service import ReconcileService  # noqa: PLC0415

        return ReconcileService(self.context)

    @Lazy
    def recovery(self) -> RecoveryService:
        """zillow-incident-recovery, as far as it exists: the backlog, plans. Nothing of it writes to production."""
        from diagnostics.recovery.service import RecoveryService  # noqa: PLC0415

        return RecoveryService(self.context)

    @Lazy
    def explorer(self) -> ExplorerService:
        """The log explorer: histogram, facets, patterns, correlation, saved queries."""
        from diagnostics.explorer.service import ExplorerService  # noqa: PLC0415

        return ExplorerService(self.context)

    @Lazy
    def charts(self) -> ChartService:
        """Numbers over time, with their limits, marks and questions."""
        from diagnostics.charts.service import ChartService  # noqa: PLC0415

        return ChartService(self.context, self.health, self.recovery, self.incidents)

    @Lazy
    def recents(self) -> Recents:
        """Accounts, deals and queries seen lately, and the session to come back to."""
        from diagnostics.store.recents import Recents  # noqa: PLC0415

        return Recents(self.context.state)

    @property
    def journal(self) -> Journal:
        """Everything that was decided and done during incidents, entry by entry."""
        return self.context.journal

    @Lazy
    def incidents(self) -> IncidentService:
        """The record of each incident: declared, followed and changed through the journal."""
        from diagnostics.incident.incidents import IncidentService  # noqa: PLC0415

        return IncidentService(self.context)

    @Lazy
    def assessments(self) -> AssessmentService:
        """An incident against the live world: exit criteria, checklist, tier, impact, scope."""
        from diagnostics.incident.assess.assessments import AssessmentService  # noqa: PLC0415

        return AssessmentService(self.context, self.incidents, self.health)

    @Lazy
    def notices(self) -> NoticeService:
        """Notices and tracking entries: proposed, confirmed, delivered exactly once."""
        from diagnostics.incident.channels.registry import delivery_channels  # noqa: PLC0415
        from diagnostics.incident.notices.notices import NoticeService  # noqa: PLC0415

        carriers = delivery_channels(self.settings, self.catalogue, self.context.datadog)
        return NoticeService(self.context, self.incidents, self.assessments, carriers)

    @Lazy
    def investigations(self) -> InvestigationService:
        """Hypotheses, and the evidence for and against each."""
        from diagnostics.incident.investigations import InvestigationService  # noqa: PLC0415

        return InvestigationService(self.context, self.incidents)

    @Lazy
    def reviews(self) -> ReviewService:
        """Hand-off, review, export, follow-ups."""
        from diagnostics.incident.review.reviews import ReviewService  # noqa: PLC0415

        return ReviewService(self.context, self.incidents, self.assessments, self.investigations)

    @Lazy
    def _pulses(self) -> Pulses:
        from diagnostics.signals.pulses import Pulses  # noqa: PLC0415

        return Pulses(self.context)

    # Triage.

    def classify(self, request: TriageRequest) -> Classification | Refusal:
        """The row of the matrix that the request stands in, or a refusal. Asks no source."""
        return classify(self.catalogue, request)

    def triage(self, request: TriageRequest) -> Triage | Refusal:
        """Classify, run the first response, assess; or refuse with guidance. Raises nothing a source can cause."""
        from diagnostics.triage.answer import answer  # noqa: PLC0415

        return answer(self.context, request)

    def check(self, check_id: str, request: TriageRequest) -> Finding:
        """One check's finding; a source's failure is a finding too. Raises UserError for an unknown check."""
        from diagnostics.checks.registry import check_named  # noqa: PLC0415

        return check_named(check_id).run(self.context, request)

    def console_checks(self, issue_type: str) -> tuple[str, ...]:
        """The checks that a console shows for an issue with no account or deal given. Raises UserError."""
        issue = self.catalogue.issue(issue_type)
        return ("zero_agent_deals", *issue.checks) if "deal" in issue.needs else issue.checks

    def console_check(self, issue_type: str, check_id: str) -> Finding:
        """One of `console_checks`; where it needs a deal, the one that logs reported last without agents.

        A source's failure is a finding too. Raises UserError for an unknown issue type or check.
        """
        from diagnostics.triage.subject import check_of_newest  # noqa: PLC0415

        return check_of_newest(self.context, self.catalogue.issue(issue_type), check_id)

    def pulse(self, issue_type: str, window_s: int) -> Pulse:
        """How much of one issue there is now, against what is usual. Raises SourceFailure, UserError."""
        return self._pulses.take(self.catalogue.issue(issue_type), window_s)

    def rollup(self) -> RollUp:
        """Levels 2 and 3 as far as one line of level 1 shows them. Raises nothing that a source can do."""
        from diagnostics.models.health import RollUp  # noqa: PLC0415

        try:
            opened = sum(one.closed_at is None for one in self.investigations.lines())
        except SourceFailure:
            return RollUp(figures=self.health.rollup(), investigations=None)
        return RollUp(figures=self.health.rollup(), investigations=opened)

    def forget_answers(self) -> None:
        """From now on every question is asked anew, except for what is usual, which changes over hours.

        For somebody who asks again by hand: pulses and checks otherwise share answers of the last seconds. A question
        under way is not asked twice.
        """
        self.context.answers.forget()
        self.context.logs.forget()

    def open_route(self, issue_type: str, request: TriageRequest | None = None) -> Route | Refusal:
        """Hand over to the issue's specialist: where it is, or what to do instead where this version lacks it.

        The diagnoses are `accounts.oauth`, `deals.diagnose`, `deals.unsynced` and `deals.resolution`; monitoring is
        level 2, `health`.
        """
        return open_route(self.catalogue, issue_type, request)

    def request_change(self, name: str, request: TriageRequest | None = None) -> Refusal:
        """Ask for a change to production, such as `batch_retry`: always refused, because this console only reads."""
        return refuse_change(self.catalogue, name, request)

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
        page = self.context.logs.search(query, start=start, end=last, limit=limit, cursor=cursor)
        self.context.deal_index.note(page.events)
        return page

    def known_lag_s(self, query: str) -> float:
        """How late the logs of a query were when that was last asked for, seconds; 0 while nobody has. Asks nothing."""
        lag = self.context.logs.known_lag(query)
        return 0.0 if lag is None or lag.seconds is None else lag.seconds

    def named_accounts(self, issue_type: str, window_s: int, most: int = 20) -> Accounts:
        """Accounts that an issue's log lines name, most lines first. Raises SourceFailure, UserError."""
        return self.context.logs.accounts(self.query_for(issue_type), window_s, most)

    def log_link(self, query: str, *, window_s: int) -> str:
        """The address of the same search in Datadog's web application."""
        start, end = window_ending(window_s)
        return self.context.datadog.link(query, start=start, end=end)

    def query_for(self, issue_type: str) -> str:
        """The Datadog query of an issue's log pane. Raises UserError."""
        return self.catalogue.queries[self.catalogue.issue(issue_type).query].datadog

    # Sources.

    def learn_time(self, wait_s: float) -> None:
        """Ask one cheap question, whose answer tells the services' time, and wait so long for it. Raises nothing.

        Everything that is asked before is asked in the time of this machine, which may be wrong.
        """
        if not SERVICE_TIME.is_known:
            asking = threading.Thread(target=self._ask_time, name="services' time", daemon=True)
            asking.start()
            asking.join(wait_s)

    def _ask_time(self) -> None:
        with suppress(SourceFailure):
            self.context.datadog.validate()

    def sources(self, tell: Callable[[tuple[SourceState, ...]], object] | None = None) -> tuple[SourceState, ...]:
        """The state of each source: what it said last, or a cheap question every ten seconds. Raises nothing.

        `tell` gets them while one has not answered yet.
        """
        return self._states.all(tell)

    def budgets(self) -> tuple[Budget, ...]:
        """Remainder of each rate limit."""
        return self.context.datadog.budgets()

    def doctor(self, account_ids: tuple[int, ...] = ()) -> Iterator[DoctorLine]:
        """Every source, line by line as it is found out. Raises nothing."""
        from diagnostics.sources.doctor.everything import inspect_all  # noqa: PLC0415  # only the doctor needs it

        return inspect_all(self.context, account_ids)

    def guide(self, name: str) -> Guide:
        """One guide. Raises UserError listing the names."""
        return self.catalogue.guide(name)
