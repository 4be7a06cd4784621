"""Every source, line by line as it is found out: Datadog, the databases, the console's own state, Redis, analytics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from diagnostics.failures import SourceFailure
from diagnostics.models.doctor import DoctorLine
from diagnostics.models.status import Status

if TYPE_CHECKING:
    from diagnostics.core.context import Context
    from diagnostics.models.evidence import Evidence


def inspect_all(context: Context, account_ids: tuple[int, ...] = ()) -> Iterator[DoctorLine]:
    """What each source says of itself, and of the client databases of these accounts. Raises nothing."""
    limits, settings = context.catalogue.thresholds, context.settings
    yield from context.datadog.inspect(
        monitor_tag=context.catalogue.contact.monitor_tag,
        clock_skew_s=limits["clock_skew_seconds"].warning or 0.0,
        incidents=settings.writes.tracking and settings.escalation.datadog_incidents,
    )
    yield from context.databases.inspect(account_ids, replica_lag_s=limits["replica_lag_seconds"].warning or 0.0)
    yield _state(context)
    yield _journal(context)
    yield _optional("redis", settings.redis.url, context.mutexes.ping, "mutexes of the sync workers are not shown")
    yield _optional(
        "analytics",
        settings.analytics.url,
        context.fleet.ping_analytics,
        "system-wide questions go to the client databases",
    )


def _state(context: Context) -> DoctorLine:
    state = context.state
    if state.is_lasting:
        place = "the shared database of state.url" if context.settings.state.url else str(context.settings.state_dir)
        return DoctorLine(source="state", subject="kept", status=Status.PASS, detail=f"in {place}")
    return DoctorLine(
        source="state",
        subject="kept",
        status=Status.WARN,
        detail=f"in memory only, until this console ends: {state.problem}",
        remedy="make state_dir writable, or set state.url; counts and recent places begin anew until then",
    )


def _journal(context: Context) -> DoctorLine:
    """How long it is and who writes; whether every entry is as it was written, `warroom journal verify` tells."""
    journal = context.journal
    try:
        begin = time.monotonic()
        head = journal.head()
        took_ms = (time.monotonic() - begin) * 1_000
    except SourceFailure as failure:
        return _failed("state", "journal", failure)
    detail = f"{head.seq:,} entries; you write as {journal.person}"
    if not journal.problem:
        return DoctorLine(source="state", subject="journal", status=Status.PASS, detail=detail, latency_ms=took_ms)
    if context.state.is_lasting:
        return DoctorLine(
            source="state",
            subject="journal",
            status=Status.FAIL,
            detail=f"{detail}. {journal.problem}",
            remedy="run warroom journal verify, and tell the owner of the place that holds it",
        )
    return DoctorLine(
        source="state",
        subject="journal",
        status=Status.WARN,
        detail=f"{detail}; other consoles do not see them, and they end with this one",
        remedy="they are taken along when the place comes back before this console ends; export what matters",
    )


def _optional(source: str, url: str | None, ask: Callable[[], Evidence], without: str) -> DoctorLine:
    if url is None:
        return DoctorLine(
            source=source, subject="configured", status=Status.NO_DATA, detail=f"no {source}.url is set: {without}"
        )
    try:
        evidence = ask()
    except SourceFailure as failure:
        return _failed(source, "reachable", failure)
    return DoctorLine(
        source=source, subject="reachable", status=Status.PASS, detail=evidence.query, latency_ms=evidence.took_ms
    )


def _failed(source: str, subject: str, failure: SourceFailure) -> DoctorLine:
    return DoctorLine(
        source=source,
        subject=subject,
        status=Status.UNREACHABLE if failure.is_transient else Status.FAIL,
        detail=f"{failure.headline()}: {failure.reason}",
        remedy=failure.remedy,
    )
