"""What the doctor finds out about Datadog: address, keys, what each scope lets the console read, clock, budgets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.time import SERVICE_TIME, window_ending
from diagnostics.core.waiting import side_by_side
from diagnostics.models.doctor import DoctorLine
from diagnostics.models.evidence import Evidence
from diagnostics.models.readings import Budget
from diagnostics.models.triage import Status
from diagnostics.sources.datadog.connection import problem
from diagnostics.sources.datadog.failures import SOURCE
from diagnostics.sources.datadog.tiers import ASKED, FlexTier
from diagnostics.sources.doctor.steps import Step

if TYPE_CHECKING:
    from diagnostics.config.settings import DatadogSettings
    from diagnostics.sources.datadog import Datadog

SHORT_S = 60.0
"""A limit of so many seconds is whole again before anybody has read the line."""


def steps(
    datadog: Datadog,
    settings: DatadogSettings,
    *,
    monitor_tag: str,
    clock_skew_s: float,
    incidents: bool = False,
    metric: str = "",
) -> list[Step]:
    """The address, then the API key, then the application key, then what it may read, scope by scope.

    `monitor_tag` is what the team's monitors carry; clocks that differ by more than `clock_skew_s` seconds are a
    warning. `incidents` asks for Datadog's incidents too, where the console is to open some; `metric` is a query.
    """
    keys = ("settings", "datadog.api_key"), ("settings", "datadog.app_key")
    configured, reachable = (SOURCE, "configured"), (SOURCE, "reachable")
    looked = _Looked(datadog)
    start, end = window_ending(900)
    scopes: dict[str, tuple[Callable[[], Evidence], Callable[[Evidence], str]]] = {
        "logs": (
            lambda: datadog.search("*", start=start, end=end, limit=1).evidence,
            lambda seen: "readable (logs_read_data)" + ("" if seen.rows else "; no log in the last 15 min"),
        ),
        "monitors": (
            lambda: datadog.monitors(monitor_tag).evidence,
            lambda seen: f"readable (monitors_read); {seen.rows} with {monitor_tag}",
        ),
    }
    if metric:
        scopes["metrics"] = (
            lambda: datadog.metrics([metric], start=start, end=end).evidence,
            lambda seen: "readable (timeseries_query)" + ("" if seen.rows else f"; nothing of {metric} in 15 min"),
        )
    if incidents:
        # The permission to write can be found out by writing only, and the doctor writes nothing.
        scopes["incidents"] = (
            datadog.incidents.probe,
            lambda _seen: "readable (incident_read); incident_write shows with the first one that is opened",
        )
    looked.questions = {name: ask for name, (ask, _) in scopes.items()}
    return [
        Step(*configured, lambda: (_configured(settings),), keys[:1]),
        Step(*reachable, looked.reachable, (configured, ("settings", "network"))),
        Step(SOURCE, "API key", looked.api_key, (reachable,)),
        Step(
            SOURCE,
            "application key",
            lambda: looked.application_key(settings),
            (keys[1], (SOURCE, "API key")),
        ),
        *(
            Step(SOURCE, name, partial(looked.scope, name, say), ((SOURCE, "application key"),))
            for name, (_, say) in scopes.items()
        ),
        Step(SOURCE, "clock", lambda: (_clock(clock_skew_s),), (reachable,)),
        Step(SOURCE, "storage tiers", lambda: (_tiers(datadog.flex_tier()),), ((SOURCE, "logs"),)),
        Step(
            SOURCE,
            "budgets",
            lambda: [budget_line(one) for one in datadog.budgets()],
            tuple((SOURCE, name) for name in scopes),
        ),
    ]


class _Looked:
    """What was asked once and is told by several lines."""

    def __init__(self, datadog: Datadog) -> None:
        self._datadog = datadog
        self._validated: SourceFailure | None = None
        self._answers: dict[str, Evidence | SourceFailure] = {}
        self.questions: dict[str, Callable[[], Evidence]] = {}

    def reachable(self) -> Iterable[DoctorLine]:
        """Whether somebody answers who speaks Datadog's protocol; raises the failure where nobody does."""
        try:
            evidence = self._datadog.validate()
        except SourceFailure as failure:
            if not _answered(failure):
                raise
            self._validated = failure
            return (_line("reachable", Status.PASS, "it answers"),)
        return (_line("reachable", Status.PASS, "it answers", latency_ms=evidence.took_ms),)

    def api_key(self) -> Iterable[DoctorLine]:
        """Whether the API key was accepted."""
        if self._validated is not None:
            raise self._validated
        return (_line("API key", Status.PASS, "accepted"),)

    def application_key(self, settings: DatadogSettings) -> Iterable[DoctorLine]:
        """Whether the key is accepted for anything. One that is refused for everything is wrong; else a scope is."""
        if (missing := problem("datadog.app_key", settings.app_key)) is not None:
            raise missing
        names = list(self.questions)
        told = side_by_side(lambda name: _evidence_or_failure(self.questions[name]), names, "doctor of datadog")
        self._answers = dict(zip(names, told, strict=True))
        refused = [one for one in told if isinstance(one, SourceFailure) and one.kind is FailureKind.DENIED]
        if len(refused) == len(names):
            # Datadog says "Forbidden" to a wrong key and to a scope that lacks alike: all of them at once is the key.
            first = refused[0]
            raise SourceFailure(
                FailureKind.DENIED,
                SOURCE,
                f"refused for all of {', '.join(names)}: {first.reason}",
                remedy=first.remedy,
            )
        accepted = [name for name, one in self._answers.items() if not isinstance(one, SourceFailure)]
        if not accepted:
            return (_line("application key", Status.NO_DATA, "nothing answered, so it is not known; see below"),)
        return (_line("application key", Status.PASS, f"accepted for {', '.join(accepted)}"),)

    def scope(self, name: str, say: Callable[[Evidence], str]) -> Iterable[DoctorLine]:
        """What one question said that needs a scope; raises its failure."""
        answer = self._answers[name]
        if isinstance(answer, SourceFailure):
            raise answer
        detail = say(answer) + (f" ({answer.caveat})" if answer.caveat else "")
        return (_line(name, Status.PASS, detail, latency_ms=answer.took_ms),)


def _evidence_or_failure(ask: Callable[[], Evidence]) -> Evidence | SourceFailure:
    try:
        return ask()
    except SourceFailure as failure:
        return failure


def _answered(failure: SourceFailure) -> bool:
    """True when somebody who speaks Datadog's protocol was reached."""
    return failure.kind in {FailureKind.DENIED, FailureKind.RATE_LIMITED}


def _configured(settings: DatadogSettings) -> DoctorLine:
    try:
        address = urlsplit(settings.api_url)
        where = f"{address.scheme}://{address.hostname}" + (f":{address.port}" if address.port else "")
    except ValueError:
        where = "an address that cannot be read"
    keys = {"datadog.api_key": settings.api_key, "datadog.app_key": settings.app_key}
    problems = {name: found for name, key in keys.items() if (found := problem(name, key)) is not None}
    if not problems:
        return _line("configured", Status.PASS, f"{where}; both keys are set")
    if list(problems) == ["datadog.app_key"]:
        # The API key alone can be tried; what the other one is needed for says so itself.
        return _line("configured", Status.PASS, f"{where}; datadog.api_key is set")
    reasons = "; ".join(found.reason for found in problems.values())
    return _line("configured", Status.UNREACHABLE, f"{where}; {reasons}", remedy=next(iter(problems.values())).remedy)


def _tiers(flex: FlexTier) -> DoctorLine:
    subject, asked = "storage tiers", f"asked: {ASKED}, never the archives"
    if flex.exists is None:
        return _line(
            subject,
            Status.NO_DATA,
            f"{asked}; whether a flex tier holds more is not known: {flex.basis}",
            remedy="Give the application key the scope logs_read_config, or set datadog.flex_tier to yes or no.",
        )
    if not flex.exists:
        return _line(subject, Status.PASS, f"{asked}; there is no flex tier, says {flex.basis}")
    detail = f"{asked} or the flex tier, which may hold {flex.what}, says {flex.basis}"
    remedy = "Before an empty answer is an all-clear, look in Datadog with the storage tier Flex."
    return _line(subject, Status.WARN, detail, remedy=remedy)


def _clock(largest_s: float) -> DoctorLine:
    if not SERVICE_TIME.is_known:
        return _line("clock", Status.NO_DATA, "the service sent no date")
    skew_s = SERVICE_TIME.skew_s
    ahead = "behind" if skew_s > 0 else "ahead of"
    detail = f"this machine is {abs(skew_s):.0f} s {ahead} the services"
    if abs(skew_s) <= largest_s:
        return _line("clock", Status.PASS, detail if skew_s else "agrees with the services'")
    return _line(
        "clock", Status.WARN, detail, remedy="Set this machine's clock (NTP): every time window is off by that much."
    )


def budget_line(budget: Budget) -> DoctorLine:
    """What is left of one rate limit. Spent is a warning where it stays so for long: a console spends short ones."""
    detail = f"{budget.remaining} of {budget.limit} per {budget.period_s:g} s"
    if not budget.observed:
        return _line(f"budget {budget.name}", Status.NO_DATA, f"{detail} assumed; the service has not said")
    if budget.remaining:
        return _line(f"budget {budget.name}", Status.PASS, f"{detail} left")
    until = f"{detail} left until {budget.resets_at:%H:%M:%S} UTC"
    if budget.period_s <= SHORT_S:
        return _line(f"budget {budget.name}", Status.PASS, until)
    remedy = "Close consoles and panes that are not needed; ask Datadog support for a higher limit."
    return _line(f"budget {budget.name}", Status.WARN, until, remedy=remedy)


def _line(
    subject: str, status: Status, detail: str, *, remedy: str = "", latency_ms: float | None = None
) -> DoctorLine:
    return DoctorLine.of(SOURCE, subject, status, detail, remedy, latency_ms=latency_ms)
