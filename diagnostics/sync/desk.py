"""The deal desk: sync diagnosis of one deal or of many, and of the resolution of an account's agents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.sync.candidates import find
from diagnostics.sync.diagnosis import diagnose
from diagnostics.sync.resolution import diagnose_resolution
from diagnostics.sync.unsynced import unsynced_deals

if TYPE_CHECKING:
    from diagnostics.core.context import Context
    from diagnostics.core.waiting import Job
    from diagnostics.models.deals import DealDiagnosis, DealHeader, ResolutionDiagnosis, UnsyncedDeals


class DealDesk:
    """Blocking and thread-safe. Every method raises SourceFailure and UserError unless it says otherwise."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def diagnose(self, deal_id: int, account_id: int) -> DealDiagnosis:
        """Why a deal does or does not sync. Raises AccountUnknown, and SourceFailure where its row cannot be read."""

        return diagnose(self._context, deal_id, account_id)

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
