"""The rooms behind the one door: questions of one subject stand together, and are imported when first asked."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diagnostics.accounts.desk import AccountDesk
    from diagnostics.checks.base import Tools
    from diagnostics.explorer.desk import ExplorerDesk
    from diagnostics.health.desk import HealthDesk
    from diagnostics.places import Places
    from diagnostics.sync.desk import DealDesk


class Desks:
    """Mixed into the service. Each desk is blocking and thread-safe, as the service is."""

    _tools: Tools

    @cached_property
    def health(self) -> HealthDesk:
        """Level 2: health, KPIs, resolution, connections, the six systems, leading indicators, monitor drafts."""
        from diagnostics.health.desk import HealthDesk  # noqa: PLC0415

        return HealthDesk(self._tools)

    @cached_property
    def accounts(self) -> AccountDesk:
        """One account: summary, pages of rows, OAuth diagnosis."""
        from diagnostics.accounts.desk import AccountDesk  # noqa: PLC0415

        return AccountDesk(self._tools)

    @cached_property
    def deals(self) -> DealDesk:
        """One deal or many: sync diagnosis, unsynced deals by cause, resolution diagnosis."""
        from diagnostics.sync.desk import DealDesk  # noqa: PLC0415

        return DealDesk(self._tools)

    @cached_property
    def explorer(self) -> ExplorerDesk:
        """The log explorer: histogram, facets, patterns, correlation, saved queries."""
        from diagnostics.explorer.desk import ExplorerDesk  # noqa: PLC0415

        return ExplorerDesk(self._tools)

    @cached_property
    def places(self) -> Places:
        """Accounts, deals and queries seen lately, and the session to come back to."""
        from diagnostics.places import Places  # noqa: PLC0415

        return Places(self._tools.parts.state)
