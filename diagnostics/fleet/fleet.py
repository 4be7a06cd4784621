"""Questions over thousands of client databases, or over the analytics engine where the team has one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.time import utc_now
from diagnostics.core.waiting import Deadline, run_within
from diagnostics.core.words import about, plural
from diagnostics.fleet.account_list import AccountList, read_account_list
from diagnostics.fleet.aggregate import EXAMPLES, FleetAggregate, Remarks, accounts_of, ordered
from diagnostics.fleet.batches import Plan, Slots
from diagnostics.fleet.fan_out import MOST_WORKERS, FanOut
from diagnostics.fleet.models import ANALYTICS, FAN_OUT, AccountRows, FleetAnswer, FleetQuestion
from diagnostics.fleet.schedule import ConnectionLimit
from diagnostics.models.evidence import Evidence
from diagnostics.models.figures import Coverage, Gap

if TYPE_CHECKING:
    from diagnostics.config.settings import AnalyticsSettings, Settings
    from diagnostics.core.failures import SourceFailure
    from diagnostics.core.waiting import Job
    from diagnostics.fleet.account_list import AccountList
    from diagnostics.fleet.analytics import Analytics, EngineAnswer
    from diagnostics.sources.mysql.databases import Databases
    from diagnostics.sources.mysql.runner import Runner

_CLOCKS_AGREE = timedelta(minutes=1)


class Gathering:
    """One question's answer being put together."""

    def __init__(self, question: FleetQuestion, settings: AnalyticsSettings, now: datetime) -> None:
        self._question = question
        self._settings = settings
        self._now = now
        self._remarks = Remarks(question)
        self._notes: list[str] = []

    def answer(
        self,
        counted: EngineAnswer,
        account_list: AccountList | None,
        list_failure: SourceFailure | None,
        accounts: Sequence[int] | None,
        each: Callable[[AccountRows], None] | None,
    ) -> FleetAnswer:
        """The accounts of `account_list` with the rows that the engine has for them."""
        self._age(counted)
        if account_list is None:
            known = sorted(counted.rows if accounts is None else set(accounts))
            reason = "" if list_failure is None else f" ({list_failure.headline()})"
            self._notes.append(
                f"common.accounts gave no answer{reason}: accounts that only one of the two knows cannot be named."
            )
            gaps: tuple[Gap, ...] = ()
        else:
            known = [place.id for place in account_list.accounts]
            self._strangers(counted, set(known), accounts)
            gaps = _unknown(account_list)
        kept = self._kept(counted, known, each)
        if account_list is not None:
            for place in account_list.accounts:
                self._remarks.note(place, counted.rows.get(place.id, ()), is_cut=place.id in counted.cut)
        absent = [account for account in known if account not in counted.rows]
        if absent and self._question.of_everybody:
            self._notes.append(
                f"{accounts_of(absent)} without any row in the analytics engine's {self._question.table}: counted as "
                f"having no {self._question.unit}; one that the engine has not loaded would look the same."
            )
        asked = len(known) + sum(gap.count for gap in gaps)
        return FleetAnswer(
            rows=kept,
            coverage=Coverage(answered=len(known), asked=asked, gaps=gaps),
            origin=ANALYTICS,
            as_of=counted.newest,
            evidence=(*counted.evidence, *(() if account_list is None else (account_list.evidence,))),
            notes=(*self._notes, *self._remarks.notes()),
        )

    def _kept(
        self, counted: EngineAnswer, known: Sequence[int], each: Callable[[AccountRows], None] | None
    ) -> tuple[AccountRows, ...]:
        kept: list[AccountRows] = []
        for account in known:
            rows = counted.rows.get(account, ())
            for row in rows:
                self._remarks.belongs(account, row)
            found = AccountRows(account, ordered(rows))
            if each is None:
                kept.append(found)
            else:
                each(found)
        return tuple(kept)

    def _age(self, counted: EngineAnswer) -> None:
        question, newest = self._question, counted.newest
        if newest is None:
            reason = f": {counted.freshness_failure}" if counted.freshness_failure else ": its table has no dated row"
            self._notes.append(f"How far the analytics engine is behind is not known{reason}.")
            return
        behind = (self._now - newest).total_seconds()
        moment = f"the newest row of its {question.table} is of {newest:%Y-%m-%d %H:%M:%S} UTC"
        if behind < -_CLOCKS_AGREE.total_seconds():
            self._notes.append(
                f"How far the analytics engine is behind is not known: {moment}, which lies in the future."
            )
        elif behind > self._settings.behind_after_s:
            self._notes.append(
                f"The analytics engine is {about(behind)} behind: {moment}. The numbers are those of then, not of now."
            )

    def _strangers(self, counted: EngineAnswer, known: set[int], accounts: Sequence[int] | None) -> None:
        question = self._question
        if counted.nobody:
            total = question.measured(tuple(counted.nobody))
            self._notes.append(
                f"{total:,} {question.unit} without an account are in the analytics engine: left out of every number."
            )
        if accounts is not None:
            return
        strangers = [account for account in counted.rows if account not in known]
        if strangers:
            total = sum(question.measured(tuple(counted.rows[account])) for account in strangers)
            self._notes.append(
                f"{total:,} {question.unit} in the analytics engine are of {accounts_of(strangers)} that "
                "common.accounts does not have: left out of every number."
            )


def _unknown(account_list: AccountList) -> tuple[Gap, ...]:
    if not account_list.unknown:
        return ()
    examples = tuple(map(str, account_list.unknown[:EXAMPLES]))
    return (Gap(reason="not in common.accounts", count=len(account_list.unknown), examples=examples),)


__all__ = ["AccountRows", "Fleet", "FleetAnswer", "FleetQuestion"]

CLIENTS = "client databases"
SOURCE = "analytics"
_ROWS_A_TRIP = 20_000
"""Rows that one round trip may bring: a batch of a question with many rows an account is smaller."""

_ANALYTICS_SHARE = 0.6
"""Of the time that is allowed, what the analytics engine may use before the client databases are asked instead."""

_PLANS = 16
_SHAPES = 128
"""Compiled statements kept; each number of branches is one."""


MARGIN_S = 1.0
"""Of the time that is allowed, what is left at most for ending statements and putting the answer together."""


class Fleet:
    """System-wide questions, from any thread. Connections to one host are bounded over all questions together."""

    def __init__(
        self,
        databases: Databases,
        settings: Settings,
        now: Callable[[], datetime] = utc_now,
        *,
        most_behind_s: float | None = None,
    ) -> None:
        """Open no connection. Accounts on a replica that is `most_behind_s` behind have no answer; None asks none."""
        self._databases = databases
        self._settings = settings
        self._now = now
        self._most_behind_s = most_behind_s
        self._connections = ConnectionLimit(settings.fleet.per_host, MOST_WORKERS)
        self._compiled: dict[Any, Any] = {}
        self._slots = Slots(databases.table)
        self._plans: dict[int, Plan] = {}
        self._analytics: Analytics | None = None
        self._lock = threading.Lock()

    def ask(
        self,
        question: FleetQuestion,
        *,
        job: Job | None = None,
        accounts: Sequence[int] | None = None,
        each: Callable[[AccountRows], None] | None = None,
    ) -> FleetAnswer:
        """Ask every account, or those of `accounts`; the analytics engine where one is configured and has the answer.

        The answer comes within the job's limit, else within `fleet.deadline_s`, with what is known by then; so it does
        soon after the job is cancelled. `each` takes every account's rows as they come, on this thread; they are then
        kept nowhere. Raises `SourceFailure` when no account answered at all, of the kind of the commonest reason.
        """
        deadline = Deadline(
            job, self._settings.fleet.deadline_s, margin_s=MARGIN_S, remedy="ask again, or raise fleet.deadline_s"
        )
        notes: list[str] = []
        if self._settings.analytics.url is not None:
            answer = self._by_analytics(question, deadline, accounts, each, notes)
            if answer is not None:
                return answer
        with self._databases.runner() as runner:
            account_list = self._account_list(runner, deadline, accounts)
            return self._by_fan_out(question, deadline, account_list, runner, each=each, notes=notes)

    def account_list(self, job: Job | None = None) -> AccountList:
        """Every account, whatever its client database answers. Raises `SourceFailure`."""
        deadline = Deadline(job, self._settings.fleet.deadline_s, margin_s=MARGIN_S, remedy="raise fleet.deadline_s")
        with self._databases.runner() as runner:
            return self._account_list(runner, deadline, None)

    def ping_analytics(self) -> Evidence:
        """Ask the analytics engine for nothing; `took_ms` is its latency. Raises `SourceFailure`."""
        analytics = self._opened()
        with self._databases.runner() as runner:
            return analytics.ping(runner)

    def close(self) -> None:
        """Close the analytics engine. What is under way ends with the databases."""
        with self._lock:
            analytics, self._analytics = self._analytics, None
        if analytics is not None:
            analytics.close()

    def _account_list(self, runner: Runner, deadline: Deadline, accounts: Sequence[int] | None) -> AccountList:
        def read() -> AccountList:
            return read_account_list(self._databases, runner, accounts, lambda: deadline.check("common"))

        deadline.job.report(0, None, "accounts")
        return run_within(read, deadline, "common", runner.cancel_all)

    # The analytics engine.

    def _by_analytics(
        self,
        question: FleetQuestion,
        deadline: Deadline,
        accounts: Sequence[int] | None,
        each: Callable[[AccountRows], None] | None,
        notes: list[str],
    ) -> FleetAnswer | None:
        """Its answer; None, and a note that says why, where the client databases have to be asked."""
        try:
            analytics = self._opened()
            if not analytics.has(question):
                notes.append(
                    f"The analytics engine has no table of {question.table} (analytics.{question.table} is not set): "
                    "the client databases were asked."
                )
                return None
            with self._databases.runner() as runner:
                account_list, list_failure = self._account_list_or_none(runner, deadline, accounts)
                counted = run_within(
                    lambda: analytics.read(question, runner, accounts, lambda: deadline.check(SOURCE)),
                    deadline,
                    SOURCE,
                    runner.cancel_all,
                    min(self._settings.analytics.timeout_s, deadline.left_s() * _ANALYTICS_SHARE),
                )
        except SourceFailure as failure:
            if deadline.is_over:
                raise
            notes.append(
                f"The analytics engine gave no answer, and the client databases were asked instead "
                f"({failure.headline()}: {failure.reason})."
            )
            return None
        return Gathering(question, self._settings.analytics, self._now()).answer(
            counted, account_list, list_failure, accounts, each
        )

    def _opened(self) -> Analytics:
        from diagnostics.fleet.analytics import Analytics  # noqa: PLC0415  # most teams have none

        with self._lock:
            if self._analytics is None:
                self._analytics = Analytics(self._settings.analytics, self._settings.databases, self._databases)
            return self._analytics

    def _account_list_or_none(
        self, runner: Runner, deadline: Deadline, accounts: Sequence[int] | None
    ) -> tuple[AccountList | None, SourceFailure | None]:
        """The engine can answer without the accounts' table; then nobody knows which accounts it lacks."""
        try:
            return self._account_list(runner, deadline, accounts), None
        except SourceFailure as failure:
            if deadline.is_over:
                raise
            return None, failure

    # The fan-out.

    def _by_fan_out(
        self,
        question: FleetQuestion,
        deadline: Deadline,
        account_list: AccountList,
        runner: Runner,
        *,
        each: Callable[[AccountRows], None] | None,
        notes: list[str],
    ) -> FleetAnswer:
        started_at = utc_now()
        kept: list[AccountRows] = []
        aggregate = FleetAggregate(question)
        plan = self._plan(question)
        self._databases.check_client(plan.of_file())
        most = max(1, min(self._settings.fleet.batch, _ROWS_A_TRIP // plan.limit))
        engines = self._databases.engines
        fan_out = FanOut(
            plan,
            engines,
            runner,
            self._connections,
            aggregate,
            most_at_once=most,
            compiled=self._compiled,
            most_behind_s=self._most_behind_s,
        )

        def progress() -> None:
            for rows in aggregate.ready():
                if each is None:
                    kept.append(rows)
                else:
                    each(rows)
            deadline.job.report(aggregate.settled, account_list.asked, "accounts")

        aggregate.lack(account_list.unknown)
        fan_out.run(account_list.accounts, engines.addresses(), deadline, progress)
        if deadline.is_over:
            aggregate.fail(account_list.accounts, deadline.words(), deadline.failure(CLIENTS).kind)
        else:
            aggregate.fail(account_list.accounts, "the console met an error of its own", FailureKind.REJECTED)
        aggregate.close()
        progress()
        coverage = aggregate.coverage(account_list.asked)
        if account_list.asked and not coverage.answered:
            raise _nobody(aggregate, account_list, deadline)
        return FleetAnswer(
            rows=tuple(sorted(kept, key=lambda rows: rows.account_id)),
            coverage=coverage,
            origin=FAN_OUT,
            as_of=None,
            evidence=(self._evidence(fan_out, aggregate, coverage, started_at), account_list.evidence),
            notes=(*notes, *aggregate.remarks.notes()),
        )

    def _evidence(
        self, fan_out: FanOut, aggregate: FleetAggregate, coverage: Coverage, started_at: datetime
    ) -> Evidence:
        return Evidence(
            source=CLIENTS,
            query=fan_out.query,
            started_at=started_at,
            took_ms=round((utc_now() - started_at).total_seconds() * 1000, 3),
            rows=aggregate.rows,
            caveat=fan_out.words(aggregate.trips, coverage.words()),
        )

    def _plan(self, question: FleetQuestion) -> Plan:
        """The statements of a question, kept while it is the same object."""
        with self._lock:
            if len(self._compiled) > _SHAPES:
                self._compiled.clear()
            plan = self._plans.get(id(question))
            if plan is None:
                if len(self._plans) >= _PLANS:
                    self._plans.clear()
                plan = self._plans[id(question)] = Plan(question, self._slots)
            return plan


def _nobody(aggregate: FleetAggregate, account_list: AccountList, deadline: Deadline) -> SourceFailure:
    """The failure when not one account answered: nothing is known, which is not the same as nothing."""
    gaps = aggregate.coverage(account_list.asked).gaps
    first = gaps[0].reason if gaps else deadline.words()
    kind = aggregate.commonest_kind
    if deadline.is_over:
        kind = deadline.failure(CLIENTS).kind
    return SourceFailure(
        kind,
        CLIENTS,
        f"none of {plural(account_list.asked, 'account')} answered: {first}",
        remedy="`warroom doctor` says what is wrong with each database",
    )
