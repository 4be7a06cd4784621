"""One row of an account in full: an agent with its user's token and history, a connection, a change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from screens.base import Document
from screens.diagnosis_documents import LABEL, conclusion_rows, section
from screens.documents import evidence_rows
from widgets.account_rows import HISTORY_COLUMNS, connection_piece, finding_rows
from widgets.paged_rows import heading, item_row, lay_out, span, stamp
from widgets.rows import BLANK, Row, labelled, plain, row, wrap

if TYPE_CHECKING:
    from diagnostics.models.accounts import ConnectionRow, HistoryRow, OAuthDiagnosis
    from diagnostics.models.evidence import Evidence
    from diagnostics.models.figures import Page
    from widgets.glyphs import Glyphs

Fields = Sequence[tuple[str, str]]


def _document(title: str, build: Callable[[int], Sequence[Row]]) -> Document:
    return Document(title, build, plain(build(100)))


def _fields(fields: Fields, width: int, signs: Glyphs) -> list[Row]:
    rows: list[Row] = []
    for label, text in fields:
        rows += labelled(label, signs.text(text or signs.missing), width, label_width=LABEL + 6)
    return rows


def _moment(at: datetime | None, now: datetime, signs: Glyphs) -> str:
    return signs.missing if at is None else f"{stamp(at, now, signs)} UTC, {_ago(at, now)}"


def _ago(at: datetime, now: datetime) -> str:
    ago = span(at, now)
    return ago if at > now else f"{ago} ago"


def agent_document(
    agent: Any,  # noqa: ANN401  # an AgentRow or a StaleAgent: the fields that both hold are read
    oauth: OAuthDiagnosis | None,
    history: Page[HistoryRow] | None,
    now: datetime,
    signs: Glyphs,
) -> Document:
    """One agent; its user's token and changes of resolution once they have answered."""
    updated = getattr(agent, "updated_at", None) or getattr(agent, "agent_updated_at", None)

    def build(width: int) -> list[Row]:
        rows = _fields(
            (
                ("agent", str(agent.agent_id)),
                ("name", agent.name),
                ("e-mail", getattr(agent, "email", "")),
                ("user", str(agent.user_id) if agent.user_id is not None else "no user"),
                ("resolution", agent.method_name),
                ("agent row updated", _moment(updated, now, signs)),
            ),
            width,
            signs,
        )
        if agent.user_id is None:
            text = "No user is set on this agent, so there is no token to compare it with."
            return [*rows, BLANK, *(row((line, "muted")) for line in wrap(text, width))]
        rows += section(f"credentials of user {agent.user_id}")
        if oauth is None:
            rows.append(row((f"{signs.waiting} asking", "muted")))
        else:
            rows += conclusion_rows(oauth.conclusion, width, signs)
            rows += finding_rows(oauth.findings, width=width, signs=signs, most=3)
        rows += section(f"changes of resolution of user {agent.user_id}")
        if history is None:
            return [*rows, row((f"{signs.waiting} asking", "muted"))]
        rows += _history_rows(history, agent.user_id, width, now, signs)
        return rows + evidence_rows(history.evidence, width, signs)

    return _document(f"agent {agent.agent_id}", build)


def _history_rows(history: Page[HistoryRow], user_id: int, width: int, now: datetime, signs: Glyphs) -> list[Row]:
    own = [entry for entry in history.rows if entry.user_id == user_id]
    among = "all" if history.after is None else "the newest"
    searched = f"{len(own):,} among {among} changes recorded for the account"
    rows = [row((searched, "muted"))]
    if own:
        layout = lay_out(HISTORY_COLUMNS, width)
        rows.append(heading(layout, signs))
        rows += [item_row(entry, layout, key=f"change:{entry.id}", signs=signs, now=now) for entry in own]
    return rows


def connection_document(one: ConnectionRow, evidence: Sequence[Evidence], now: datetime, signs: Glyphs) -> Document:
    """One sync connection with everything its row holds."""

    def build(width: int) -> list[Row]:
        since = _moment(one.problem_at, now, signs) if one.problem_at is not None else "no problem is recorded"
        rows = [row(connection_piece(one.state, signs), f"  sync user {one.sync_user_id}"), BLANK]
        rows += _fields((("problem", one.problem), ("problem since", since)), width, signs)
        enabled = signs.missing if one.is_enabled is None else "yes" if one.is_enabled else "no"
        rows += _fields(
            (
                ("user", str(one.user_id) if one.user_id is not None else "no user"),
                ("e-mail at Zillow", one.email),
                ("ZUID", one.zuid),
                ("integration", one.integration or "none: the connection is disabled"),
                ("integration enabled", enabled),
                ("leads", signs.missing if one.leads is None else f"{one.leads:,}"),
                ("last agent sync", _moment(one.last_agent_sync_at, now, signs)),
                ("last verified", _moment(one.last_verified_at, now, signs)),
                ("migration", one.migration or "moved, or not to be judged"),
            ),
            width,
            signs,
        )
        return rows + evidence_rows(evidence, width, signs)

    return _document(f"connection {one.sync_user_id}", build)


def change_document(entry: HistoryRow, evidence: Sequence[Evidence], now: datetime, signs: Glyphs) -> Document:
    """One change of a user's resolution."""

    def build(width: int) -> list[Row]:
        fields = (
            ("user", str(entry.user_id) if entry.user_id is not None else "no user"),
            ("from", entry.old),
            ("to", entry.new),
            ("reason", entry.reason),
            ("when", _moment(entry.at, now, signs)),
        )
        return [*_fields(fields, width, signs), *evidence_rows(evidence, width, signs)]

    return _document(f"change {entry.id}", build)
