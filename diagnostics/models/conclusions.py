"""Conclusions of a diagnosis: one sentence, its confidence, and what would overturn it."""

from __future__ import annotations

from enum import StrEnum

from diagnostics.models.evidence import Frozen


class Confidence(StrEnum):
    """By the number of independent sources that agree: three, two, one, none."""

    STRICT = "strict"
    STANDARD = "standard"
    PRELIMINARY = "preliminary"
    NONE = "none"


class Conclusion(Frozen):
    """One conclusion of a specialist."""

    code: str
    """Stable, e.g. "integration_disabled", "agents_stale", "agent_verification_failed", "consistent", "not_known"."""
    sentence: str
    confidence: Confidence
    sources: tuple[str, ...] = ()
    """The independent sources that agree, e.g. ("common", "datadog")."""
    is_inference: bool = False
    """True when it was inferred, not observed."""
    overturned_by: tuple[str, ...] = ()
    """Facts that would show it to be wrong."""
    next_step: str = ""
