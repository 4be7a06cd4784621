"""The rooms behind the one door: questions of one subject stand together, and are imported when first asked."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diagnostics.accounts.desk import AccountDesk
    from diagnostics.checks.base import Tools
    from diagnostics.escalation.assessments import AssessmentDesk
    from diagnostics.escalation.desk import IncidentDesk
    from diagnostics.escalation.investigations import InvestigationDesk
    from diagnostics.escalation.journal import Journal
    from diagnostics.escalation.notices import NoticeDesk
    from diagnostics.escalation.reviews import ReviewDesk
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

    @property
    def journal(self) -> Journal:
        """Everything that was decided and done during incidents, entry by entry."""
        return self._tools.parts.journal

    @cached_property
    def incidents(self) -> IncidentDesk:
        """The record of each incident: declared, followed and changed through the journal."""
        from diagnostics.escalation.desk import IncidentDesk  # noqa: PLC0415

        return IncidentDesk(self._tools)

    @cached_property
    def assessments(self) -> AssessmentDesk:
        """An incident against the live world: exit criteria, checklist, tier, impact, scope."""
        from diagnostics.escalation.assessments import AssessmentDesk  # noqa: PLC0415

        return AssessmentDesk(self._tools, self.incidents, self.health)

    @cached_property
    def notices(self) -> NoticeDesk:
        """What is said to whom, and opened where: proposed, confirmed, delivered exactly once."""
        from diagnostics.escalation.courier_list import couriers  # noqa: PLC0415
        from diagnostics.escalation.notices import NoticeDesk  # noqa: PLC0415

        parts = self._tools.parts
        carriers = couriers(parts.settings, parts.catalogue, parts.datadog)
        return NoticeDesk(self._tools, self.incidents, self.assessments, carriers)

    @cached_property
    def investigations(self) -> InvestigationDesk:
        """Hypotheses, and the evidence for and against each."""
        from diagnostics.escalation.investigations import InvestigationDesk  # noqa: PLC0415

        return InvestigationDesk(self._tools, self.incidents)

    @cached_property
    def reviews(self) -> ReviewDesk:
        """Hand-off, review, export, follow-ups."""
        from diagnostics.escalation.reviews import ReviewDesk  # noqa: PLC0415

        return ReviewDesk(self._tools, self.incidents, self.assessments, self.investigations)
