"""zillow-oauth-diagnosis as a document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.core.document import Check, Document, Fact, Heading, Note, bullets
from diagnostics.triage.document import conclusion_blocks

if TYPE_CHECKING:
    from diagnostics.models.accounts import OAuthDiagnosis

NAME = "zillow-oauth-diagnosis"


def oauth_document(diagnosis: OAuthDiagnosis) -> Document:
    """The conclusion, what it rests on, then everything that was looked at."""
    about = f"account {diagnosis.account_id}" + (f"  user {diagnosis.user_id}" if diagnosis.user_id is not None else "")
    blocks = [*conclusion_blocks(diagnosis.conclusion), Fact("conclusion", diagnosis.conclusion.code)]
    for figure in diagnosis.consistency:
        blocks.append(Fact(figure.title, figure.shown + (f" ({figure.note})" if figure.note else "")))
    blocks += map(Check, diagnosis.findings)
    if diagnosis.users and diagnosis.user_id is None:
        users = (f"user {user.user_id}: {user.sentence}" for user in diagnosis.users)
        blocks += [Heading("users with something wrong, worst first"), *bullets(users)]
    blocks += map(Note, diagnosis.notes)
    return Document(f"OAuth diagnosis · {about}", blocks, about=(NAME, about), taken_at=diagnosis.taken_at)
