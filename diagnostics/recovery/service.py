"""zillow-incident-recovery, as far as it exists: the backlog, and plans for it. Nothing here writes to production."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.core.context import login_name
from diagnostics.recovery.backlog import examine

if TYPE_CHECKING:
    from diagnostics.core.context import Context
    from diagnostics.recovery.models import BacklogReport, PlanView


class RecoveryService:
    """Blocking and thread-safe."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def backlog(self) -> BacklogReport:
        """How many events wait, what is in them, and whether that ends. Raises SourceFailure."""
        return examine(self._context)

    def plan(self, *, rate: float | None = None, live_share: float = 0.0) -> PlanView:
        """Make a plan for all that waits, rehearse it and keep it. Sends nothing. Raises SourceFailure, UserError.

        `rate` is the limit where it is known, events per second; `live_share` what live traffic keeps of it, 0 to 1.
        """
        from diagnostics.recovery.plan import make_plan  # noqa: PLC0415  # only who plans pays for the simulator

        person = self._context.settings.escalation.person or login_name()
        return make_plan(self._context, rate=rate, live_share=live_share, person=person)

    def show(self, plan_id: str | None = None) -> PlanView:
        """A plan that was made, and how it stands now; the newest without an id. Raises SourceFailure, UserError."""
        from diagnostics.recovery.plan import view  # noqa: PLC0415

        return view(self._context, plan_id)
