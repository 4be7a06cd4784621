"""Investigation records: hypotheses, what speaks for and against each, and how sure anybody may be."""

from __future__ import annotations

from datetime import datetime

from diagnostics.models.entries import EvidenceWeighed
from diagnostics.models.evidence import Frozen

STRICT, STANDARD, PRELIMINARY = 3, 2, 1
"""Independent sources that a conclusion of this name needs."""


class Weighed(Frozen):
    """One item of evidence, by whom and when."""

    item: EvidenceWeighed
    at: datetime
    by: str
    withdrawn_why: str = ""
    """Empty while it counts."""


class Hypothesis(Frozen):
    """A possible cause."""

    hypothesis: str
    statement: str
    overturned_by: str
    standing: str = "open"
    """open, rejected, root_cause."""
    why: str = ""
    added_at: datetime
    added_by: str
    speaks_for: tuple[Weighed, ...] = ()
    speaks_against: tuple[Weighed, ...] = ()
    sources: tuple[str, ...] = ()
    """Independent sources among what counts for it: inferences add none."""
    confidence: str = "none"
    """strict, standard, preliminary or none; one level lower where something direct or experimental speaks against."""
    confidence_why: str = ""


class Investigation(Frozen):
    """One record of an investigation: question, hypotheses, conclusion."""

    id: str
    """"INV-3"."""
    question: str
    incident: str = ""
    account_id: int | None = None
    opened_at: datetime
    opened_by: str
    closed_at: datetime | None = None
    conclusion: str = ""
    hypotheses: tuple[Hypothesis, ...] = ()
    last_seq: int = 0
    last_at: datetime

    @property
    def root_cause(self) -> Hypothesis | None:
        """The hypothesis that was named as the cause."""
        return next((one for one in self.hypotheses if one.standing == "root_cause"), None)
