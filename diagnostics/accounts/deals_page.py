"""Deals of an account, newest first, by primary key; those that are not synced are judged with the sync's own gates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Subquery, Table, select, union_all

from diagnostics.accounts.keys import number_key, rows_of
from diagnostics.core.failures import SourceFailure
from diagnostics.core.words import plural
from diagnostics.models.accounts import DealRow
from diagnostics.models.figures import Page
from diagnostics.oauth.client_side import has_client_database, no_client_database
from diagnostics.oauth.records import with_welcome
from diagnostics.sources.mysql.tables import without_moment
from diagnostics.sync.deals import (
    CONNECTION_CAVEAT,
    Asking,
    Deal,
    SyncConnections,
    deal_of_row,
    read_crews,
    read_systems,
)
from diagnostics.sync.gates import AccountFacts, judge, read_facts

if TYPE_CHECKING:
    from sqlalchemy import Select

    from diagnostics.core.context import Context
    from diagnostics.models.evidence import Evidence
    from diagnostics.sources.mysql.databases import Rows

_NEEDED = ("id", "account_id", "property_id", "zillow_transaction_id", "synced_at", "created_at", "updated_at")
_WELCOME = ("name", "stage")


def deals_page(
    context: Context, account_id: int, after: str | None, limit: int, *, only_unsynced: bool
) -> Page[DealRow]:
    """One page. Raises AccountUnknown, UserError, and SourceFailure where the client database does not answer."""
    before, rows = number_key(after), rows_of(limit)
    if not has_client_database(context, account_id):
        raise no_client_database(account_id)
    table = context.table("deals")

    def ask(welcome: tuple[str, ...]) -> Rows:
        names = (*_NEEDED, *(name for name in welcome if name in table.c))
        statement: Select[Any] = select(*(table.c[name].label(name) for name in names))
        if only_unsynced:
            ids = _unsynced(table, before, rows + 1)
            statement = statement.join(ids, ids.c.id == table.c.id)
        if before is not None:
            statement = statement.where(table.c.id < before)
        return context.read_client(account_id, statement.order_by(table.c.id.desc()).limit(rows + 1))

    found = with_welcome(ask, _WELCOME)
    deals = [deal_of_row(row) for row in found.rows[:rows]]
    evidence: list[Evidence] = [found.evidence.model_copy(update={"rows": len(deals)})]
    notes: list[str] = []
    asking = Asking(context, account_id)
    agents = _agents(asking, deals, evidence, notes)
    codes = _codes(asking, deals, evidence, notes)
    shown = tuple(_row(deal, agents, codes) for deal in deals)
    notes += _notes(deals, account_id, context)
    more = len(found.rows) > rows
    return Page(
        rows=shown, after=str(shown[-1].deal_id) if more else None, evidence=tuple(evidence), notes=tuple(notes)
    )


def _unsynced(table: Table, before: int | None, most: int) -> Subquery:
    """Ids of the newest deals that were never synced. Read as one condition, both halves would walk all deals."""
    halves = []
    for number, never in enumerate(without_moment(table.c.synced_at)):
        half = select(table.c.id.label("id")).where(never).order_by(table.c.id.desc()).limit(most)
        if before is not None:
            half = half.where(table.c.id < before)
        halves.append(select(half.subquery(f"half_{number}").c.id))
    return union_all(*halves).subquery("unsynced")


def _agents(asking: Asking, deals: Sequence[Deal], evidence: list[Evidence], notes: list[str]) -> dict[int, int] | None:
    """Agents on each deal of the page; None where that could not be read."""
    ids = [deal.id for deal in deals]
    if not ids:
        return {}
    try:
        crews, asked = read_crews(asking, ids)
    except SourceFailure as failure:
        notes.append(f"Agents on the deals are not known: {failure.headline()}.")
        return None
    evidence += asked
    return {deal: len(crews[deal].users) if deal in crews else 0 for deal in ids}


def _codes(asking: Asking, deals: Sequence[Deal], evidence: list[Evidence], notes: list[str]) -> dict[int, str]:
    """The code that each unsynced deal of the page would fail with, all of them read together."""
    ids = [deal.id for deal in deals if deal.synced_at is None]
    if not ids:
        return {}
    try:
        account = AccountFacts(
            connections=asking.part(lambda: _any_connection(asking)), systems=asking.part(lambda: read_systems(asking))
        )
        facts = read_facts(asking, ids, account)
    except SourceFailure as failure:
        notes.append(f"Why deals do not sync is not known: {failure.headline()}.")
        return {}
    verdicts = {one.deal_id: judge(one) for one in facts}
    evidence += [*facts[0].crew.evidence, *facts[0].contacts.evidence]
    if facts[0].paths is not None:
        evidence += facts[0].paths.evidence
    unknown = [verdict.unknown[0] for verdict in verdicts.values() if verdict.unknown and not verdict.failing]
    if unknown:
        why = unknown[0].failure.headline() if unknown[0].failure else unknown[0].line
        notes.append(f"{plural(len(unknown), 'unsynced deal')} on this page could not be judged: {why}.")
    return {deal: verdict.fails_with for deal, verdict in verdicts.items()}


def _any_connection(asking: Asking) -> tuple[SyncConnections, tuple[Evidence, ...]]:
    """Whether the account has an active connection: one is enough to judge by, so not all of them are counted."""
    users = asking.context.table("zillow_sync_users")
    statement = (
        select(users.c.zillow_integration_enabled.label("enabled"))
        .where(
            users.c.account_id == asking.account_id,
            users.c.zillow_integration_id.is_not(None),
            users.c.zillow_integration_enabled.is_not(False),
            users.c.problem_at.is_(None),
        )
        .order_by(users.c.zillow_integration_enabled.is_(None))
        .limit(1)
    )
    rows = asking.common("an active connection", statement, caveat=CONNECTION_CAVEAT)
    active = sum(row["enabled"] is True for row in rows.rows)
    return SyncConnections(len(rows.rows), active, unread=len(rows.rows) - active), (rows.evidence,)


def _row(deal: Deal, agents: dict[int, int] | None, codes: dict[int, str]) -> DealRow:
    return DealRow(
        deal_id=deal.id,
        name=deal.name,
        stage=deal.stage,
        has_property=deal.has_property,
        zillow_transaction_id=deal.zillow_transaction_id,
        agents=None if agents is None else agents.get(deal.id, 0),
        synced_at=deal.synced_at,
        created_at=deal.created_at,
        error_code=codes.get(deal.id, ""),
    )


def _notes(deals: Sequence[Deal], account_id: int, context: Context) -> Iterator[str]:
    foreign = sum(deal.account_id not in {None, account_id} for deal in deals)
    if foreign:
        yield f"{plural(foreign, 'deal')} on this page carry the number of another account."
    lost = sum(deal.synced_at is not None and not deal.zillow_transaction_id for deal in deals)
    if lost:
        yield f"{plural(lost, 'synced deal')} on this page without a transaction id: their next update will fail."
    skew = context.catalogue.thresholds["clock_skew_seconds"].warning or 0.0
    now = context.now()
    future = sum(
        any(at is not None and (at - now).total_seconds() > skew for at in (deal.synced_at, deal.created_at))
        for deal in deals
    )
    if future:
        yield f"{plural(future, 'deal')} on this page are dated in the future: a clock disagrees."
