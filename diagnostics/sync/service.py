"""The deal service: sync diagnosis of one deal or of many, and of the resolution of an account's agents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.core.context import Context
from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.models.deals import DealHeader
from diagnostics.sync.deals import read_deal
from diagnostics.sync.diagnosis import diagnose
from diagnostics.sync.resolution import diagnose_resolution
from diagnostics.sync.unsynced import unsynced_deals
from diagnostics.triage.subject import MOST_CANDIDATES, sightings

if TYPE_CHECKING:
    from collections.abc import Callable

    from diagnostics.core.context import Context
    from diagnostics.core.waiting import Job
    from diagnostics.models.deals import DealDiagnosis, DealHeader, ResolutionDiagnosis, UnsyncedDeals


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


class DealService:
    """Blocking and thread-safe. Every method raises SourceFailure and UserError unless it says otherwise."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def diagnose(
        self, deal_id: int, account_id: int, tell: Callable[[DealDiagnosis], object] | None = None
    ) -> DealDiagnosis:
        """Why a deal does or does not sync. Raises AccountUnknown, and SourceFailure where its row cannot be read.

        `tell` gets what the rows say, where the logs are not there yet.
        """

        return diagnose(self._context, deal_id, account_id, tell)

    def find(self, deal_id: int) -> tuple[DealHeader, ...]:
        """The deals of this id in the accounts that logs or this console have named, the newest deal first.

        Empty when nobody has named any. Raises SourceFailure when the logs give no answer and nothing was seen.
        """

        return find(self._context, deal_id)

    def unsynced(
        self, account_id: int | None = None, window_s: int | None = None, job: Job | None = None
    ) -> UnsyncedDeals:
        """Deals with `synced_at` null, by cause: of one account, or of a window over all accounts (24 h by default).

        With both, the account's deals that were made within the window.
        """

        return unsynced_deals(self._context, account_id, window_s, job)

    def resolution(self, account_id: int, job: Job | None = None) -> ResolutionDiagnosis:
        """Agents that are INFERRED or UNMATCHED although their user holds a valid token."""

        return diagnose_resolution(self._context, account_id, job)
