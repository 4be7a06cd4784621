"""Lines of the doctor; sections of a guide."""

from __future__ import annotations

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.sanitizer import clean
from diagnostics.models.evidence import Frozen
from diagnostics.models.triage import Status

_SILENT = {FailureKind.UNREACHABLE, FailureKind.TIMED_OUT, FailureKind.CANCELLED, FailureKind.NOT_CONFIGURED}

NOT_ASKED = "not asked: "
"""Begins the detail of a line whose ground failed; then source and subject of the line to mend first."""


class DoctorLine(Frozen):
    """One fact about one source."""

    source: str
    """"datadog", "common", "client 14009", "catalogue", …"""
    subject: str
    """"reachable", "permitted", "table zillow_auth", "replica lag", …"""
    status: Status
    detail: str
    remedy: str = ""
    """Remedy; empty when nothing is to be done."""
    latency_ms: float | None = None

    @classmethod
    def of(
        cls,
        source: str,
        subject: str,
        status: Status,
        detail: str,
        remedy: str = "",
        *,
        latency_ms: float | None = None,
    ) -> DoctorLine:
        """The line; `detail` is cleaned."""
        detail = clean(detail, limit=2_000)
        return cls(source=source, subject=subject, status=status, detail=detail, remedy=remedy, latency_ms=latency_ms)

    @classmethod
    def failed(cls, source: str, subject: str, failure: SourceFailure) -> DoctorLine:
        """A question that got no answer, or a refusal."""
        limited = Status.WARN if failure.kind is FailureKind.RATE_LIMITED else Status.FAIL
        status = Status.UNREACHABLE if failure.kind in _SILENT else limited
        return cls.of(source, subject, status, failure.reason, failure.remedy)


class Guide(Frozen):
    """One text that responders open mid-incident, as Markdown."""

    name: str
    title: str
    markdown: str
    origin: str
    """"built in", or the path of the team's own copy."""
