"""Diagnoses as JSON, and the document of each."""

from __future__ import annotations

from typing import Any

from diagnostics.core.document import Document
from diagnostics.models.accounts import OAuthDiagnosis
from diagnostics.models.deals import DealDiagnosis, ResolutionDiagnosis, UnsyncedDeals
from diagnostics.oauth.document import oauth_document
from diagnostics.sync.document import deal_document, resolution_document, unsynced_document
from tui.cli.renderers import triage as render

Diagnosis = OAuthDiagnosis | DealDiagnosis | UnsyncedDeals | ResolutionDiagnosis


def document(answer: Diagnosis) -> Document:
    """What there is to read of a diagnosis."""
    match answer:
        case OAuthDiagnosis():
            return oauth_document(answer)
        case DealDiagnosis():
            return deal_document(answer)
        case UnsyncedDeals():
            return unsynced_document(answer)
        case ResolutionDiagnosis():
            return resolution_document(answer)


def as_json(answers: tuple[Diagnosis, ...]) -> str:
    """One document for one answer, a list for several; keys in the order of the models, ASCII only."""
    found = [{"diagnosis": document(answer).about[0], **_fields(answer)} for answer in answers]
    return render.json_text(found[0] if len(found) == 1 else found)


def _fields(answer: Diagnosis) -> dict[str, Any]:
    fields: dict[str, Any] = answer.model_dump(mode="json")
    if "findings" in fields:
        fields["findings"] = [render.finding_fields(finding) for finding in getattr(answer, "findings", ())]
    return fields
