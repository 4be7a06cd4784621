"""What the doctor says, line by line, and what a guide is."""

from __future__ import annotations

from diagnostics.models.evidence import Frozen
from diagnostics.models.triage import Status


class DoctorLine(Frozen):
    """One fact about one source."""

    source: str
    """"datadog", "common", "client 14009", "catalogue", …"""
    subject: str
    """"reachable", "permitted", "table zillow_auth", "replica lag", …"""
    status: Status
    detail: str
    remedy: str = ""
    """What to do about it; empty when nothing is to be done."""
    latency_ms: float | None = None


class Guide(Frozen):
    """One text that responders open mid-incident, as Markdown."""

    name: str
    title: str
    markdown: str
    origin: str
    """"built in", or the path of the team's own copy."""
