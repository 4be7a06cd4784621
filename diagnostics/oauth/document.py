"""zillow-oauth-diagnosis as a document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.core.document import Check, Document, Fact, Heading, Part, bullets, numbered
from diagnostics.triage.document import code_of, conclusion_blocks

if TYPE_CHECKING:
    from diagnostics.models.accounts import OAuthDiagnosis


def oauth_document(diagnosis: OAuthDiagnosis) -> Document:
    """The conclusion of an account or one of its users, what it rests on, then everything that was looked at."""
    account, user = diagnosis.account_id, diagnosis.user_id
    who = f"user {user}" if user is not None else "every user"
    blocks = [
        *conclusion_blocks(diagnosis.conclusion),
        code_of(diagnosis.conclusion),
        Fact("about", f"account {account}, {who}", "muted"),
        *numbered(diagnosis.notes),
        Heading("checks"),
        Part("findings", tuple(map(Check, diagnosis.findings))),
    ]
    if diagnosis.consistency:
        shown = ((one.title, one.shown + (f" ({one.note})" if one.note else "")) for one in diagnosis.consistency)
        blocks += [Heading("consistency, account-wide"), Part("figures", [Fact(title, text) for title, text in shown])]
    if diagnosis.users:
        named, in_all = len(diagnosis.users), diagnosis.users_in_all
        beyond = f", the worst {named:,} of {in_all:,}" if in_all is not None and in_all > named else ""
        users = bullets(f"user {one.user_id}: {one.sentence}" for one in diagnosis.users)
        blocks += [Heading(f"users with something wrong{beyond}"), Part("users", users)]
    about = f"account {account}" + (f"  user {user}" if user is not None else "")
    return Document(
        f"OAuth diagnosis of {who} · {diagnosis.taken_at:%H:%M:%S} UTC",
        blocks,
        about=("zillow-oauth-diagnosis", about),
        taken_at=diagnosis.taken_at,
    )
