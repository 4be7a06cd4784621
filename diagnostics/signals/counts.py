"""The questions that pulses, checks and triage ask of the logs, shared so that equal ones cost one request."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar, cast

from diagnostics.core.failures import FailureKind, SourceFailure, TurnAwaited
from diagnostics.core.time import SERVICE_TIME, utc_now, window_ending
from diagnostics.core.waiting import SingleFlight
from diagnostics.core.words import plural, span
from diagnostics.models.datadog import Aggregate, Compute, GroupBy, MeasuredValue, Series
from diagnostics.models.events import LogPage
from diagnostics.models.evidence import Evidence
from diagnostics.signals.baselines import Baselines
from diagnostics.signals.deal_index import positive_id
from diagnostics.signals.lag import (
    ANY_LOG,
    IN_TIME,
    LOOK_BACK_S,
    MINUTE_MS,
    MOST_SERVICES,
    SERVICE,
    STEP_MS,
    Lag,
    LagRules,
    Newest,
    Read,
    Windows,
    look_back,
    newest_logs,
)
from diagnostics.signals.lateness import Lateness

if TYPE_CHECKING:
    from diagnostics.sources.datadog import Datadog

T = TypeVar("T")

DAY_S = 86_400

PARTIAL = "Datadog gave a partial answer: the counts are lower bounds, and no all-clear"

KEEP_S = 5.0
"""How long panes and checks share an answer: shorter than any refresh interval, longer than one burst of asking."""

KEEP_COUNTS_S = 20.0
"""A check takes the count that the issue's pulse has just asked for: aggregates are the scarcest of all requests."""

KEEP_SAMPLES_S = 20.0
"""Log lines read for one detail (a Retry-After, an example) may be older than a count: searches are scarce."""

KEEP_WINDOWS_S = 60.0
"""A baseline that waits for the second of its two questions keeps the answer to the first."""

LONGEST_BASELINE_S = 14 * DAY_S
"""Within the 15 days that logs are kept."""

FEWEST_WINDOWS = 3
"""Below this, a median is a guess, and what is usual is not known."""

MOST_SEEN = 1_000
"""Accounts that one question to the logs can name: Datadog's own limit of groups."""

ACCOUNT_FACET = "@context.account_id"
UNNAMED = f"no event carries {ACCOUNT_FACET}: whom they concern is not known"


@dataclass(slots=True, frozen=True)
class Counts:
    """How many events matched in one window."""

    count: int | None
    """None where nothing was found of logs that are late: they may still come, and 0 would say that they do not."""
    per_minute: tuple[int, ...]
    """Events in each minute of the window that can be complete, oldest first."""
    minutes_from: datetime | None = field(default=None, kw_only=True)
    """When the first of `per_minute` begins."""
    filling: tuple[int, ...] = field(default=(), kw_only=True)
    """Events in the minutes after them so far: at least so many, and more may come."""
    accounts: int | None
    """Distinct accounts, approximate as Datadog counts them; None where the logs do not name any (`UNNAMED` says so in
    the evidence), or where that is not known."""
    evidence: Evidence
    partial: bool
    """The figures are lower bounds, and never an all-clear: the source answered for a part of its logs, or logs are
    late."""
    lag: Lag = IN_TIME
    """How late the logs are that it was counted from."""
    doubt: str = ""
    """Why the figures are lower bounds, for a person; empty where they are not."""

    def words(self, noun: str = "event") -> str:
        """How many, for a person: "12 events", or that it is not known."""
        return f"number of {noun}s not known" if self.count is None else plural(self.count, noun)

    @property
    def until(self) -> str:
        """Of which moment the figures are: "now", or the newest log's where logs are late."""
        late = self.lag.is_late and self.lag.newest is not None
        return f"at {self.lag.newest:%H:%M} UTC" if late else "now"

    @property
    def recent_minute(self) -> int | None:
        """Events in the busier of the last two complete minutes; None when the window holds no complete one.

        Logs are indexed some seconds after they were written, so the newest complete minute alone may still fill. What
        has been found of younger minutes already counts where it is more. Of logs that are late, 0 is no data.
        """
        recent = max((*self.per_minute[-2:], *self.filling), default=0)
        return recent if recent or (self.per_minute and not self.lag.is_late) else None


@dataclass(slots=True, frozen=True)
class Usual:
    """The median count of a window of this length."""

    count: float
    windows: int
    """How many windows the median is taken over."""
    evidence: Evidence


@dataclass(slots=True, frozen=True)
class Accounts:
    """Accounts that matching events name, most events first."""

    ids: tuple[int, ...]
    evidence: Evidence
    partial: bool
    """There may be further accounts."""


@dataclass(slots=True, frozen=True)
class AccountEvents:
    """One account that matching events name: how many, and when."""

    account_id: int
    events: int
    first: datetime | None
    """Start of the step in which its first event of the window lies, UTC."""
    last: datetime | None
    """Start of the step of its newest event, UTC."""


@dataclass(slots=True, frozen=True)
class AccountsSeen:
    """Accounts that matching events of one window name, most events first."""

    accounts: tuple[AccountEvents, ...]
    unnamed: int
    """Events that carry no account, or none that is an id: whom they concern is not known."""
    is_cut: bool
    """As many as were asked for: there are probably more."""
    partial: bool
    """The figures are lower bounds: the source answered in part, or logs are late."""
    doubt: str
    """Why they are; empty where they are not."""
    step_s: int
    start: datetime
    evidence: Evidence

    @property
    def events(self) -> int:
        """Events of the accounts named, and of none."""
        return sum(one.events for one in self.accounts) + self.unnamed


MOST_STEPS = 60
"""Steps of a window in which first and last events are told apart."""

NO_ACCOUNT = "none"
MOST_KINDS = 3


class LogQuestions:
    """Questions to Datadog with a few seconds of shared memory. Raises SourceFailure only."""

    def __init__(
        self,
        datadog: Datadog,
        answers: SingleFlight,
        *,
        baseline_s: float,
        lag_rules: LagRules,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._datadog = datadog
        self._now = now
        self._in_time_s = lag_rules.lag.warning or 0.0
        self._answers = answers
        self._lateness = Lateness(answers, lag_rules, self._newest_logs, self._newest_line, self._windows, now)
        self._baseline_s = baseline_s
        self.baselines = Baselines(self._usual, keep_s=baseline_s)
        self.last: Evidence | SourceFailure | None = None
        """The newest evidence that the source answers, or the newest failure that says it does not."""
        self.failed_at: datetime | None = None

    def counts(self, query: str, window_s: int, *, fresh_s: float = KEEP_COUNTS_S) -> Counts:
        """Total, events per minute and distinct accounts of the last `window_s` seconds, in one request.

        An answer not older than `fresh_s` seconds is good enough.
        """
        return self._answers.get(
            ("counts", query, window_s), fresh_s, lambda: self._counts(query, window_s), recalled=True
        )

    def known_counts(self, query: str, window_s: int, most_s: float) -> Counts | None:
        """The last counts that anybody here asked for, at most `most_s` seconds old; None without any. Asks nothing."""
        return cast("Counts | None", self._answers.recall(("counts", query, window_s), most_s))

    def search(self, query: str, *, start: datetime, end: datetime, limit: int, cursor: str | None = None) -> LogPage:
        """One page of events, newest first, straight from the source."""
        page = self._noted(lambda: self._datadog.search(query, start=start, end=end, limit=limit, cursor=cursor))
        self.last = page.evidence
        return page

    def accounts(self, query: str, window_s: int, most: int = 10) -> Accounts:
        """Accounts with matching events, most events first, at most `most`."""
        return self._answers.get(
            ("accounts", query, window_s, most),
            KEEP_SAMPLES_S,
            lambda: self._accounts(query, window_s, most),
            recalled=True,
        )

    def known_accounts(self, query: str, window_s: int, most: int, most_s: float) -> Accounts | None:
        """The last answer to `accounts`, as `known_counts`."""
        return cast("Accounts | None", self._answers.recall(("accounts", query, window_s, most), most_s))

    def accounts_seen(self, query: str, window_s: int, most: int) -> AccountsSeen:
        """Accounts with matching events, with their number, first and last one; at most `most` accounts."""
        return self._answers.get(
            ("accounts seen", query, window_s, most),
            KEEP_COUNTS_S,
            lambda: self._accounts_seen(query, window_s, most),
            recalled=True,
        )

    def known_accounts_seen(self, query: str, window_s: int, most: int, most_s: float) -> AccountsSeen | None:
        """The last answer to `accounts_seen`, as `known_counts`."""
        return cast("AccountsSeen | None", self._answers.recall(("accounts seen", query, window_s, most), most_s))

    def kinds_of_accounts(
        self, query: str, window_s: int, facet: str, most: int
    ) -> tuple[dict[int, tuple[tuple[str, int], ...]], Evidence]:
        """The most frequent values of `facet` of each account with their events; an account without any is absent."""

        def ask() -> tuple[dict[int, tuple[tuple[str, int], ...]], Evidence]:
            lag = self.lag(query)
            start, end = window_ending(window_s, lag.ends or self._now())
            groups = (GroupBy(ACCOUNT_FACET, limit=most), GroupBy(facet, limit=MOST_KINDS))
            answer = self._aggregate(query, start=start, end=end, computes=(Compute(),), group_by=groups)
            found: dict[int, list[tuple[str, int]]] = {}
            for bucket in answer.buckets:
                account, kind = positive_id(bucket.by.get(ACCOUNT_FACET)), bucket.by.get(facet, "")
                if account is not None and kind:
                    found.setdefault(account, []).append((kind, _whole(bucket.values[0]) or 0))
            ranked = {one: tuple(sorted(kinds, key=lambda kind: -kind[1])) for one, kinds in found.items()}
            return ranked, of_late_logs(answer.evidence, lag, end)

        return self._answers.get(("kinds", query, window_s, facet, most), KEEP_SAMPLES_S, ask)

    def newest(self, query: str, window_s: int, limit: int = 50) -> LogPage:
        """The newest matching events."""

        def ask() -> LogPage:
            start, end = window_ending(window_s)
            return self.search(query, start=start, end=end, limit=limit)

        return self._answers.get(("newest", query, window_s, limit), KEEP_SAMPLES_S, ask)

    def read_to_the_end(self, query: str, window_s: int, most: int) -> LogPage:
        """The newest matching events, at most `most`; without a `next_cursor` they are all of the window.

        A page carries a cursor although nothing is behind it, so what is behind a page that is not full is asked for.
        """

        def ask() -> LogPage:
            start, end = window_ending(window_s)
            first = page = self.search(query, start=start, end=end, limit=most + 1)
            events, partial = first.events, first.partial
            while page.next_cursor is not None and len(events) <= most:
                page = self.search(query, start=start, end=end, limit=most + 1, cursor=page.next_cursor)
                events, partial = (*events, *page.events), partial or page.partial
            return replace(first, events=events[:most], next_cursor=page.next_cursor, partial=partial)

        return self._answers.get(("to the end", query, window_s, most), KEEP_SAMPLES_S, ask)

    def lag(self, query: str = ANY_LOG) -> Lag:
        """How late the logs are that a query draws from; not known where that could not be asked for. Raises nothing.

        At most one aggregate a minute, whoever asks, and none where a count has proved it.
        """
        return self._lateness.of(query)

    def forget(self) -> None:
        """Ask anew how late logs are when the next count is wanted."""
        self._lateness.forget()

    def known_lag(self, query: str = ANY_LOG) -> Lag | None:
        """How late logs were when that was last asked for; None while nobody has. Asks nothing."""
        return self._lateness.known(query)

    def _newest_logs(self) -> Newest:
        return _in_services_time(self._ask_newest_logs)

    def _newest_line(self, service: str) -> int | None:
        def ask() -> LogPage:
            start, end = window_ending(self._in_time_s, self._now())
            return self.search(f'{SERVICE}:"{service}"', start=start, end=end, limit=1)

        page = _in_services_time(ask)
        return page.events[0].timestamp_ms if page.events else None

    def _ask_newest_logs(self) -> Newest:
        start, end = look_back(self._now())
        answer = self._aggregate(
            ANY_LOG,
            start=start,
            end=end,
            computes=(Compute(interval_ms=STEP_MS),),
            group_by=(GroupBy(SERVICE, limit=MOST_SERVICES),),
        )
        return newest_logs(answer, end)

    def _counts(self, query: str, window_s: int) -> Counts:
        self._lateness.look_again(query, window_s)
        lag = self._lateness.without_asking(query)
        if lag is None and self._lateness.is_to_be_asked:
            lag = self._lateness.of(query)
        found = self._found(query, window_s, lag)
        if lag is None:
            # What was found may prove by itself that it is not late.
            lag = self._lateness.of(query)
            found = self._found(query, window_s, lag) if lag.ends else found
        answer, start, end = found
        values: Sequence[MeasuredValue] = answer.buckets[0].values if answer.buckets else (0.0, (), 0.0)
        total, series, accounts = (_whole(values[0]) or 0, values[1], _whole(values[2]))
        first_ms = _first_complete(start, MINUTE_MS)
        minutes = complete_buckets(series, start, end, MINUTE_MS)
        read = Read(self._now(), {first_ms + place * MINUTE_MS: count for place, count in enumerate(minutes)})
        lag = self._lateness.judge(query, window_s, lag, read, total)
        evidence = of_late_logs(answer.evidence, lag, end)
        if total and accounts == 0:
            # Events without an account concern somebody all the same.
            accounts = None
            evidence = evidence.model_copy(update={"caveat": "; ".join(filter(None, (UNNAMED, evidence.caveat)))})
        whole = len(minutes)
        if lag.newest is not None:
            whole = max(0, (round(lag.newest.timestamp() * 1_000) - first_ms) // MINUTE_MS)
        doubts = [PARTIAL if answer.partial else "", lag.words()]
        return Counts(
            count=total or (None if lag.is_late else 0),
            per_minute=minutes[:whole],
            minutes_from=datetime.fromtimestamp(first_ms / 1_000, UTC),
            filling=minutes[whole:],
            accounts=accounts or (None if lag.is_late else accounts),
            evidence=evidence,
            partial=any(doubts),
            lag=lag,
            doubt="; ".join(doubt for doubt in doubts if doubt),
        )

    def _found(self, query: str, window_s: int, lag: Lag | None) -> tuple[Aggregate, datetime, datetime]:
        """Total, events in steps and accounts of the window that ends now, or at the newest log where logs are late."""
        step_ms = STEP_MS if window_s <= LOOK_BACK_S else MINUTE_MS
        computes = (
            Compute(),
            Compute(interval_ms=step_ms),
            Compute(aggregation="cardinality", metric=ACCOUNT_FACET),
        )

        def ask() -> tuple[Aggregate, datetime, datetime]:
            start, end = window_ending(window_s, (lag.ends if lag else None) or self._now())
            return self._aggregate(query, start=start, end=end, computes=computes), start, end

        found = _in_services_time(ask)
        if lag is None or lag.ends is None:
            self._lateness.prove(query, _newest_step(found[0]))
        return found

    def _aggregate(
        self,
        query: str,
        *,
        start: datetime,
        end: datetime,
        computes: tuple[Compute, ...],
        group_by: tuple[GroupBy, ...] = (),
    ) -> Aggregate:
        answer = self._noted(
            lambda: self._datadog.aggregate(query, start=start, end=end, computes=computes, group_by=group_by)
        )
        self.last = answer.evidence
        return answer

    def _noted(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except SourceFailure as failure:
            # A query it cannot read, a turn not come yet and a console that closes say nothing about the source.
            silent = failure.kind in {FailureKind.REJECTED, FailureKind.CANCELLED} or isinstance(failure, TurnAwaited)
            if not silent:
                self.last = failure
                self.failed_at = utc_now()
            raise

    def _usual(self, query: str, window_s: int) -> Usual | None:
        """Median count of windows of this length over a day or eight windows; None when too few hold logs.

        The median is not moved by an incident of a few hours, so the present one need not be cut out. A window before
        the oldest log says nothing, and is not one in which nothing happened. A partial answer would make the usual too
        small for as long as it is kept, so it counts as a failure.
        """
        asked = self._windows(query, window_s, min(KEEP_WINDOWS_S, self._baseline_s))
        windows = asked.counts
        if windows and not windows[0]:
            # Only all logs together tell where logs begin: an issue may be new while the logs are old.
            all_logs = self._windows(ANY_LOG, window_s, self._baseline_s)
            windows = windows[all_logs.without_logs(asked.first_ms) :]
        if len(windows) < FEWEST_WINDOWS:
            return None
        evidence = asked.evidence
        basis = f"median of {len(windows)} windows of {span(window_s)}"
        caveat = f"{basis}; {evidence.caveat}" if evidence.caveat else basis
        return Usual(float(statistics.median(windows)), len(windows), evidence.model_copy(update={"caveat": caveat}))

    def _windows(self, query: str, window_s: int, fresh_s: float) -> Windows:
        def ask() -> Windows:
            start, end = window_ending(min(LONGEST_BASELINE_S, max(DAY_S, 8 * window_s)))
            interval_ms = window_s * 1_000
            answer = self._aggregate(query, start=start, end=end, computes=(Compute(interval_ms=interval_ms),))
            if answer.partial:
                raise SourceFailure(
                    FailureKind.TIMED_OUT, "datadog", "a part of the day before is missing from the answer"
                )
            series = answer.buckets[0].values[0] if answer.buckets else ()
            counts = complete_buckets(series, start, end, interval_ms)
            return Windows(_first_complete(start, interval_ms), interval_ms, counts, answer.evidence)

        return self._answers.get(("windows", query, window_s), fresh_s, ask)

    def _accounts(self, query: str, window_s: int, most: int) -> Accounts:
        lag = self.lag(query)
        start, end = window_ending(window_s, lag.ends or self._now())
        answer = self._aggregate(
            query, start=start, end=end, computes=(Compute(),), group_by=(GroupBy(ACCOUNT_FACET, limit=most),)
        )
        named = (positive_id(bucket.by.get(ACCOUNT_FACET)) for bucket in answer.buckets)
        evidence = of_late_logs(answer.evidence, lag, end)
        return Accounts(tuple(name for name in named if name is not None), evidence, answer.partial or lag.is_late)

    def _accounts_seen(self, query: str, window_s: int, most: int) -> AccountsSeen:
        lag = self.lag(query)
        minutes = -(-window_s // (60 * MOST_STEPS))
        step_s = 60 * max(1, minutes)

        def ask() -> tuple[Aggregate, datetime, datetime]:
            start, end = window_ending(window_s, lag.ends or self._now())
            computes = (Compute(), Compute(interval_ms=step_s * 1_000))
            group = GroupBy(ACCOUNT_FACET, limit=most, missing=NO_ACCOUNT)
            found = self._aggregate(query, start=start, end=end, computes=computes, group_by=(group,))
            return found, start, end

        answer, start, end = _in_services_time(ask)
        named: list[AccountEvents] = []
        unnamed = 0
        for bucket in answer.buckets:
            account, events = positive_id(bucket.by.get(ACCOUNT_FACET)), _whole(bucket.values[0]) or 0
            if account is None:
                unnamed += events
                continue
            series = bucket.values[1]
            moments = [at for at, count in series if count > 0] if isinstance(series, tuple) else []
            first, last = (min(moments), max(moments)) if moments else (None, None)
            named.append(AccountEvents(account, events, _moment(first), _moment(last)))
        evidence = of_late_logs(answer.evidence, lag, end)
        doubts = [PARTIAL if answer.partial else "", lag.words() if lag.is_late else ""]
        return AccountsSeen(
            tuple(sorted(named, key=lambda one: (-one.events, one.account_id))),
            unnamed,
            len(answer.buckets) >= most,
            any(doubts),
            "; ".join(filter(None, doubts)),
            step_s,
            start,
            evidence,
        )


def _moment(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else datetime.fromtimestamp(at_ms / 1_000, UTC)


def _in_services_time(ask: Callable[[], T]) -> T:
    """The answer of `ask`, which is asked again where the first one told the services' time: a window in this machine's
    own may have missed the logs.
    """
    before = SERVICE_TIME.correction
    answer = ask()
    moved_s = abs((SERVICE_TIME.correction - before).total_seconds())
    return answer if moved_s <= SERVICE_TIME.NOISE_S else ask()


def _newest_step(answer: Aggregate) -> int | None:
    """Where the newest step with an event begins, epoch milliseconds; None where there is none."""
    series = answer.buckets[0].values[1] if answer.buckets else ()
    points: Series = series if isinstance(series, tuple) else ()
    return max((moment for moment, count in points if count > 0), default=None)


def of_late_logs(evidence: Evidence, lag: Lag, end: datetime) -> Evidence:
    """`evidence` of a window that ended at `end`: how late its logs are, and of which moment they are."""
    if not lag.is_late:
        return evidence
    caveat = "; ".join(part for part in (lag.words(), evidence.caveat) if part)
    return evidence.model_copy(update={"caveat": caveat, "newest_at": min(end, lag.newest or end)})


def complete_buckets(series: MeasuredValue, start: datetime, end: datetime, interval_ms: int) -> tuple[int, ...]:
    """The values of the buckets that lie wholly inside the window, oldest first, absent ones as 0.

    Datadog aligns buckets to multiples of the interval and leaves out empty ones; the first and the last bucket of an
    unaligned window hold only part of their interval, and would read as a dip that is not there.
    """
    points: Series = series if isinstance(series, tuple) else ()
    by_start: dict[int, float] = {}
    for moment, value in points:
        begin = moment - moment % interval_ms
        by_start[begin] = by_start.get(begin, 0.0) + value
    end_ms = round(end.timestamp() * 1_000)
    first = _first_complete(start, interval_ms)
    return tuple(round(by_start.get(moment, 0.0)) for moment in range(first, end_ms - interval_ms + 1, interval_ms))


def _first_complete(start: datetime, interval_ms: int) -> int:
    """Epoch milliseconds of the first bucket that begins at or after `start`."""
    return -(-round(start.timestamp() * 1_000) // interval_ms) * interval_ms


def _whole(value: MeasuredValue) -> int | None:
    return None if value is None or isinstance(value, tuple) else round(value)
