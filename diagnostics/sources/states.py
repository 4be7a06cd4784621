"""The state of each source in a word, for the header: what it said last, or the answer to a cheap question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.time import SERVICE_TIME, utc_now
from diagnostics.core.waiting import as_they_come
from diagnostics.core.words import plural, span
from diagnostics.models.evidence import Evidence
from diagnostics.models.readings import Budget, SourceState
from diagnostics.models.status import Status

if TYPE_CHECKING:
    from diagnostics.core.context import Context

SEARCH, AGGREGATE = "logs_search", "logs_aggregate"
"""Operations of the Datadog source, as its budgets name them."""

PROBE_KEEP_S = 10.0
"""How long the state of a source is believed: the header asks far more often than that."""


class SourceStates:
    """Asked every few seconds, asks seldom itself. Raises nothing."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known = {
            name: SourceState(name=name, status=Status.NO_DATA, detail="asking") for name in ("datadog", "common")
        }
        """What each said last."""

    def all(self, tell: Callable[[tuple[SourceState, ...]], object] | None = None) -> tuple[SourceState, ...]:
        """Datadog, the shared database, and the console's own state where it does not last.

        `tell` gets what is known while one is being asked: one that hangs says nothing about the others.
        """
        asks = {"datadog": self._datadog, "common": self._common}

        def ask(name: str) -> SourceState:
            state = self._known[name] = asks[name]()
            return state

        def so_far(found: Mapping[str, SourceState]) -> None:
            if tell is not None:
                tell(self._with_own({**self._known, **found}))

        found = as_they_come(ask, tuple(asks), "source", None if tell is None else so_far)
        return self._with_own(dict(zip(asks, found, strict=True)))

    def _with_own(self, found: Mapping[str, SourceState]) -> tuple[SourceState, ...]:
        datadog = found["datadog"]
        return (
            self._with_budget(datadog),
            *self._log_lag(datadog),
            found["common"],
            *self._wrong_clock(),
            *self._lost_state(),
        )

    def _datadog(self) -> SourceState:
        """Whether searches are answered says more than whether the key is valid; the key is asked when nothing was."""
        logs = self._context.logs
        last, failed_at = logs.last, logs.failed_at
        said_at = last.started_at if isinstance(last, Evidence) else failed_at
        if last is None or said_at is None or (utc_now() - said_at).total_seconds() > PROBE_KEEP_S:
            return self._probe("datadog", self._context.datadog.validate)
        if isinstance(last, SourceFailure):
            return _failed("datadog", last, said_at)
        lag = logs.known_lag()
        # Lines that come are no sign that all do: that they come late is a warning of its own.
        late = lag if lag is not None and lag.is_late else None
        return SourceState(
            name="datadog",
            status=Status.PASS if late is None else Status.WARN,
            latency_ms=last.took_ms,
            detail="" if late is None else late.headline(),
            checked_at=said_at,
        )

    def _common(self) -> SourceState:
        """A database that answers a ping and no question is not well."""
        pinged = self._probe("common", self._context.databases.ping_common)
        asked, failures = self._context.databases.said.lately()
        if not failures or pinged.status is not Status.PASS:
            return pinged
        if len(failures) == asked:
            return _failed("common", failures[-1], pinged.checked_at or utc_now())
        return pinged.model_copy(
            update={
                "status": Status.WARN,
                "detail": f"{len(failures)} of {plural(asked, 'question')} unanswered: {failures[-1].headline()}",
            }
        )

    def _wrong_clock(self) -> tuple[SourceState, ...]:
        """Nobody needs to be told that it is right."""
        doubt = SERVICE_TIME.doubt(self._context.catalogue.thresholds["clock_skew_seconds"].warning or 0.0)
        if not doubt:
            return ()
        detail = doubt.removeprefix("this machine's clock is ")
        return (SourceState(name="clock", status=Status.WARN, detail=detail, checked_at=utc_now()),)

    def _lost_state(self) -> tuple[SourceState, ...]:
        """Nobody needs to be told that it lasts."""
        if self._context.state.is_lasting:
            return ()
        return (SourceState(name="state", status=Status.WARN, detail="in memory only", checked_at=utc_now()),)

    def _with_budget(self, datadog: SourceState) -> SourceState:
        """The state with what is left of the log budget nearest to its end, such as "1/3 per 10 s"."""
        budgets = log_budgets(self._context.datadog.budgets(), SEARCH, AGGREGATE)
        if datadog.detail or not budgets:
            return datadog
        scarce = min(budgets, key=lambda budget: budget.remaining / max(1, budget.limit))
        detail = f"{scarce.remaining}/{scarce.limit} per {scarce.period_s:g} s"
        return datadog.model_copy(update={"detail": detail, "calls_left": scarce.remaining, "calls": scarce.limit})

    def _log_lag(self, datadog: SourceState) -> tuple[SourceState, ...]:
        """How late logs are while that is within the limits; beyond them it is what is said of Datadog itself."""
        lag = self._context.logs.known_lag()
        if datadog.status is not Status.PASS or lag is None or lag.seconds is None:
            return ()
        detail = f"{span(_calm(lag.seconds))} late"
        return (SourceState(name="logs", status=Status.PASS, detail=detail, checked_at=datadog.checked_at),)

    def _probe(self, name: str, ask: Callable[[], Evidence]) -> SourceState:
        def probe() -> SourceState:
            try:
                evidence = ask()
            except SourceFailure as failure:
                return _failed(name, failure, utc_now())
            return SourceState(
                name=name, status=Status.PASS, latency_ms=evidence.took_ms, checked_at=evidence.started_at
            )

        return self._context.answers.get(("probe", name), PROBE_KEEP_S, probe)


def _calm(seconds: float) -> float:
    """Seconds in steps: a lag that flickers between 8 and 9 would repaint the header for nothing."""
    return max(1.0, round(seconds)) if seconds < 10 else 5.0 * round(seconds / 5.0)


def log_budgets(budgets: tuple[Budget, ...], *operations: str) -> tuple[Budget, ...]:
    """The limits under which any of these operations is counted; the service may count several under one.

    Where the source does not tell operations, the first two limits are those of log search and log aggregates, in this
    order or merged: all of them, then, so that nothing is asked for too often.
    """
    told = tuple(one for one in budgets if set(one.operations) & set(operations))
    return told if told or any(one.operations for one in budgets) else budgets[:2]


def _failed(name: str, failure: SourceFailure, at: datetime) -> SourceState:
    """A source that answers with a refusal is there: a limit passes by itself, wrong keys do not."""
    if failure.kind is FailureKind.RATE_LIMITED:
        status = Status.WARN
    else:
        status = Status.UNREACHABLE if failure.is_transient else Status.FAIL
    return SourceState(name=name, status=status, detail=failure.headline(), checked_at=at)
