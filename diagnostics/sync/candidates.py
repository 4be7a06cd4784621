"""Where a deal id exists: in the accounts that recent logs or this console have named with it."""

from __future__ import annotations

from diagnostics.core.context import Context
from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.models.deals import DealHeader
from diagnostics.sync.deals import read_deal
from diagnostics.triage.subject import MOST_CANDIDATES, sightings


def find(context: Context, deal_id: int) -> tuple[DealHeader, ...]:
    """One header an account that was named with the deal and holds it, newest deal first.

    An account whose database cannot be read is a candidate still, with its ids alone; one that holds no such deal is
    none. Raises SourceFailure when the logs give no answer and nothing was seen.
    """
    met = sightings(context, deal_id)
    if met.failure is not None and not met.accounts:
        raise met.failure
    found = [header for account in met.accounts[:MOST_CANDIDATES] if (header := _header(context, account, deal_id))]
    return tuple(sorted(found, key=lambda one: one.created_at.timestamp() if one.created_at else 0.0, reverse=True))


def _header(context: Context, account_id: int, deal_id: int) -> DealHeader | None:
    try:
        place = context.databases.account(account_id)
    except UserError:
        return None
    except SourceFailure:
        return DealHeader(account_id=account_id, deal_id=deal_id)
    try:
        deal, _ = read_deal(context, account_id, deal_id)
    except SourceFailure:
        return DealHeader(account_id=account_id, account_name=place.name, deal_id=deal_id)
    if deal is None:
        return None
    return DealHeader(
        account_id=account_id,
        account_name=place.name,
        deal_id=deal_id,
        name=deal.name,
        stage=deal.stage,
        property_id=str(deal.property_id) if deal.has_property else "",
        zillow_transaction_id=deal.zillow_transaction_id,
        synced_at=deal.synced_at,
        created_at=deal.created_at,
        updated_at=deal.updated_at,
    )
