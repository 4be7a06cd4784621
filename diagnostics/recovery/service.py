"""zillow-incident-recovery: the backlog, plans for it, and drains, which carry a plan out."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from diagnostics.core.context import login_name
from diagnostics.recovery.backlog import examine
from diagnostics.recovery.models import PlanState

if TYPE_CHECKING:
    from diagnostics.core.context import Context
    from diagnostics.recovery.drain.service import DrainService
    from diagnostics.recovery.models import BacklogReport, PlanView


class RecoveryService:
    """Blocking and thread-safe."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def backlog(self) -> BacklogReport:
        """How many events wait, what is in them, and whether that ends. Raises SourceFailure."""
        return examine(self._context)

    @cached_property
    def drains(self) -> DrainService:
        """Plans that are carried out, or were."""
        from diagnostics.recovery.drain.service import DrainService  # noqa: PLC0415  # only who asks pays for it

        return DrainService(self._context)

    def plan(
        self,
        *,
        rate: float | None = None,
        live_share: float = 0.0,
        carrier: str = "",
        again: tuple[str, str] | None = None,
    ) -> PlanView:
        """Make a plan for all that waits, rehearse it and keep it. Sends nothing. Raises SourceFailure, UserError.

        `rate` is the limit where it is known, events per second; `live_share` what live traffic keeps of it, 0 to 1.
        `carrier` is what is to carry it out. `again`: a drain and one of its lists, instead of all that waits.
        """
        from diagnostics.recovery.plan import Again, make_plan  # noqa: PLC0415  # only who plans pays for the simulator

        person = self._context.settings.escalation.person or login_name()
        listed = None if again is None else Again(" ".join(again), self.drains.again(*again))
        made = make_plan(self._context, rate=rate, live_share=live_share, person=person, carrier=carrier, again=listed)
        return _declaring(made)

    def show(self, plan_id: str | None = None) -> PlanView:
        """A plan that was made, and how it stands now; the newest without an id. Raises SourceFailure, UserError."""
        from diagnostics.recovery.plan import find, view  # noqa: PLC0415

        seen = _declaring(view(self._context, find(self._context, plan_id)))
        used = self.drains.used_by(seen.digest) if seen.plan.carrier else ""
        return seen.model_copy(update={"state": PlanState.USED, "reason": f"by {used}"}) if used else seen


def _declaring(view: PlanView) -> PlanView:
    from diagnostics.recovery.carriers.base import declared  # noqa: PLC0415  # only who plans pays for it
    from diagnostics.recovery.carriers.registry import CARRIERS  # noqa: PLC0415

    kind = CARRIERS.get(view.plan.carrier)
    if kind is None:
        return view
    return view.model_copy(update={"declares": declared(kind.traits(view.plan.exhausted))})
