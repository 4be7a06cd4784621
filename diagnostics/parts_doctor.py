"""What the doctor says of the parts beside the main sources: the console's own state, Redis, the analytics engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from diagnostics.failures import SourceFailure
from diagnostics.models.doctor import DoctorLine
from diagnostics.models.status import Status

if TYPE_CHECKING:
    from diagnostics.models.evidence import Evidence
    from diagnostics.parts import Parts


def inspect_parts(parts: Parts) -> Iterator[DoctorLine]:
    """Line by line as it is found out. Raises nothing."""
    yield _state(parts)
    yield _journal(parts)
    yield _optional("redis", parts.settings.redis.url, parts.mutexes.ping, "mutexes of the sync workers are not shown")
    yield _optional(
        "analytics",
        parts.settings.analytics.url,
        parts.fleet.ping_analytics,
        "system-wide questions go to the client databases",
    )


def _state(parts: Parts) -> DoctorLine:
    state = parts.state
    if state.is_lasting:
        place = "the shared database of state.url" if parts.settings.state.url else str(parts.settings.state_dir)
        return DoctorLine(source="state", subject="kept", status=Status.PASS, detail=f"in {place}")
    return DoctorLine(
        source="state",
        subject="kept",
        status=Status.WARN,
        detail=f"in memory only, until this console ends: {state.problem}",
        remedy="make state_dir writable, or set state.url; counts and recent places begin anew until then",
    )


def _journal(parts: Parts) -> DoctorLine:
    """How long it is and who writes; whether every entry is as it was written, `warroom journal verify` tells."""
    journal = parts.journal
    try:
        begin = time.monotonic()
        head = journal.head()
        took_ms = (time.monotonic() - begin) * 1_000
    except SourceFailure as failure:
        return DoctorLine(
            source="state",
            subject="journal",
            status=Status.UNREACHABLE if failure.is_transient else Status.FAIL,
            detail=f"{failure.headline()}: {failure.reason}",
            remedy=failure.remedy,
        )
    detail = f"{head.seq:,} entries; you write as {journal.person}"
    if not journal.problem:
        return DoctorLine(source="state", subject="journal", status=Status.PASS, detail=detail, latency_ms=took_ms)
    if parts.state.is_lasting:
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
        return DoctorLine(
            source=source,
            subject="reachable",
            status=Status.UNREACHABLE if failure.is_transient else Status.FAIL,
            detail=f"{failure.headline()}: {failure.reason}",
            remedy=failure.remedy,
        )
    return DoctorLine(
        source=source, subject="reachable", status=Status.PASS, detail=evidence.query, latency_ms=evidence.took_ms
    )
