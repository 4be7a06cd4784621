"""What the doctor says of the parts beside the main sources: the console's own state, Redis, the analytics engine."""

from __future__ import annotations

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
