"""What the doctor finds out about Datadog: keys there, service reachable, keys accepted, clocks agreed, budget left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.time import window_ending
from diagnostics.models.doctor import DoctorLine
from diagnostics.models.evidence import Evidence
from diagnostics.models.readings import Budget
from diagnostics.models.triage import Status
from diagnostics.sources.datadog.connection import problem
from diagnostics.sources.datadog.failures import SOURCE
from diagnostics.sources.datadog.tiers import ASKED, FlexTier

if TYPE_CHECKING:
    from diagnostics.config.settings import DatadogSettings
    from diagnostics.sources.datadog import Datadog


def inspect(
    datadog: Datadog, settings: DatadogSettings, *, monitor_tag: str, clock_skew_s: float, incidents: bool = False
) -> Iterator[DoctorLine]:
    """Yield one line per fact. Ends early when nothing more could be asked: no API key, or no answer.

    `monitor_tag` is what the team's monitors carry; clocks that differ by more than `clock_skew_s` seconds are a
    warning. `incidents` asks for Datadog's incidents too, where the console is to open some.
    """
    yield _configured(settings)
    try:
        evidence = datadog.validate()
    except SourceFailure as failure:
        if not _answered(failure):
            if failure.kind is not FailureKind.NOT_CONFIGURED:
                yield DoctorLine.failed(SOURCE, "reachable", failure)
            return
        yield _line("reachable", Status.PASS, "it answers")
        yield DoctorLine.failed(SOURCE, "API key", failure)
    else:
        yield _line("reachable", Status.PASS, f"answered in {evidence.took_ms:.0f} ms", latency_ms=evidence.took_ms)
        yield _line("API key", Status.PASS, "accepted")
    start, end = window_ending(900)
    yield _tried(
        "application key",
        lambda: datadog.search("*", start=start, end=end, limit=1).evidence,
        lambda seen: "accepted for log search" if seen.rows else "accepted for log search; no log in the last 15 min",
    )
    yield _tried(
        "monitors",
        lambda: datadog.monitors(monitor_tag).evidence,
        lambda seen: f"readable; {seen.rows} with {monitor_tag}",
    )
    if incidents:
        # The permission to write can be found out by writing only, and the doctor writes nothing.
        yield _tried(
            "incidents",
            datadog.incidents.probe,
            lambda _seen: "readable (incident_read); incident_write shows with the first one that is opened",
        )
    yield _clock(datadog.clock_skew_s, clock_skew_s)
    yield _tiers(datadog.flex_tier())
    for budget in datadog.budgets():
        yield _budget(budget)


def _answered(failure: SourceFailure) -> bool:
    """True when somebody who speaks Datadog's protocol was reached."""
    return failure.kind in {FailureKind.DENIED, FailureKind.RATE_LIMITED, FailureKind.REJECTED}


def _configured(settings: DatadogSettings) -> DoctorLine:
    try:
        address = urlsplit(settings.api_url)
        where = f"{address.scheme}://{address.hostname}" + (f":{address.port}" if address.port else "")
    except ValueError:
        where = "an address that cannot be read"
    keys = {"datadog.api_key": settings.api_key, "datadog.app_key": settings.app_key}
    problems = [found for found in (problem(name, key) for name, key in keys.items()) if found is not None]
    if not problems:
        return _line("configured", Status.PASS, f"{where}; both keys are set")
    reasons = "; ".join(found.reason for found in problems)
    return _line("configured", Status.UNREACHABLE, f"{where}; {reasons}", remedy=problems[0].remedy)


def _tried(subject: str, ask: Callable[[], Evidence], say: Callable[[Evidence], str]) -> DoctorLine:
    try:
        evidence = ask()
    except SourceFailure as failure:
        return DoctorLine.failed(SOURCE, subject, failure)
    detail = say(evidence) + (f" ({evidence.caveat})" if evidence.caveat else "")
    return _line(subject, Status.PASS, detail, latency_ms=evidence.took_ms)


def _tiers(flex: FlexTier) -> DoctorLine:
    subject, asked = "storage tiers", f"asked: {ASKED}"
    if flex.exists is None:
        return _line(
            subject,
            Status.NO_DATA,
            f"{asked}; whether a flex tier holds more is not known: {flex.basis}",
            remedy="Give the application key the scope logs_read_config, or set datadog.flex_tier to yes or no.",
        )
    if not flex.exists:
        return _line(subject, Status.PASS, f"{asked}; there is no flex tier, says {flex.basis}")
    detail = f"{asked}, not the flex tier, which may hold {flex.what}, says {flex.basis}"
    remedy = "Before an empty answer is an all-clear, look in Datadog with the storage tier Flex."
    return _line(subject, Status.WARN, detail, remedy=remedy)


def _clock(skew_s: float | None, largest_s: float) -> DoctorLine:
    if skew_s is None:
        return _line("clock", Status.NO_DATA, "the service sent no date")
    ahead = "behind" if skew_s > 0 else "ahead of"
    detail = f"this machine is {abs(skew_s):.0f} s {ahead} Datadog"
    if abs(skew_s) <= largest_s:
        return _line("clock", Status.PASS, detail if abs(skew_s) >= 2 else "agrees with Datadog's")
    return _line(
        "clock", Status.WARN, detail, remedy="Set this machine's clock (NTP): every time window is off by that much."
    )


def _budget(budget: Budget) -> DoctorLine:
    detail = f"{budget.remaining} of {budget.limit} per {budget.period_s:g} s"
    if not budget.observed:
        return _line(f"budget {budget.name}", Status.NO_DATA, f"{detail} assumed; the service has not said")
    return _line(f"budget {budget.name}", Status.PASS if budget.remaining else Status.WARN, f"{detail} left")


def _line(
    subject: str, status: Status, detail: str, *, remedy: str = "", latency_ms: float | None = None
) -> DoctorLine:
    return DoctorLine.of(SOURCE, subject, status, detail, remedy, latency_ms=latency_ms)
