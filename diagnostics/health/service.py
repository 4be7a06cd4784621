"""Everything that level 2 asks. Blocking and thread-safe, as the service is."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from diagnostics.core.failures import SourceFailure
from diagnostics.health.connections import Order, connection_health, problems, read_states
from diagnostics.health.figures import LastKnown
from diagnostics.health.kpis import KPIS, TellFigures, read_kpis, together, webhook_figure
from diagnostics.health.leading import RULES, read_leading
from diagnostics.health.monitors import MonitorService
from diagnostics.health.overview import HEALTH, Overview, health_figure
from diagnostics.health.resolution import of_everybody
from diagnostics.health.systems import TellSystems, read_systems
from diagnostics.models.status import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from diagnostics.catalogue.model import Threshold
    from diagnostics.core.context import Context
    from diagnostics.core.waiting import Job
    from diagnostics.models.figures import Figure, Page
    from diagnostics.models.health import (
        ConnectionHealth,
        ConnectionProblem,
        HealthOverview,
        MonitorCreated,
        MonitorDraft,
        Resolution,
        SystemState,
    )
    from diagnostics.models.triage import Refusal
    from diagnostics.store.samples import Samples


class HealthService:
    """Health, KPIs, connections, resolution, the six systems, leading indicators, monitors."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known = LastKnown()
        self._overview = Overview(context)
        self._monitors = MonitorService(context)

    def overview(self) -> HealthOverview:
        """The big number, its last 24 hours and the sync events. Raises SourceFailure without `common`."""
        return self._overview.read()

    def rollup(self) -> tuple[Figure, ...]:
        """Health and the latency of webhooks, which one source answers. A failure is a figure without a value."""
        context, rules = self._context, {"health": "system_health"}
        reads: dict[str, Callable[[Threshold], Figure]] = {
            "health": lambda _: health_figure(context, read_states(context)),
            "webhook_latency_p95": lambda rule: webhook_figure(context, rule),
        }
        return self._noted(together(context, reads, rules))

    def kpis(self, only: tuple[str, ...] = KPIS, tell: TellFigures | None = None) -> tuple[Figure, ...]:
        """token_success, transaction_sync_success, api_p95, webhook_latency_p95, resolution_accuracy.

        A figure whose source fails keeps its last value and says so, or has none and says why; one that asks every
        account comes when it is there. `tell` gets what is there while others are missing.
        """
        return self._noted(self._known.beside(read_kpis(self._context, only=only, tell=self._beside(tell))))

    def connections(self) -> ConnectionHealth:
        """Connections by state, newest and longest-standing problems. Raises SourceFailure."""
        return connection_health(self._context)

    def problems(self, order: Order, after: str | None = None, limit: int = 100) -> Page[ConnectionProblem]:
        """One page of connections with a problem, newest or longest-standing first. Raises SourceFailure, UserError."""
        return problems(self._context, order, after, limit)

    def resolution(self, job: Job | None = None) -> Resolution:
        """The resolution shares of all accounts against their baselines. Raises SourceFailure."""
        return of_everybody(self._context, job)

    def systems(self, tell: TellSystems | None = None) -> tuple[SystemState, ...]:
        """The six systems with their states and what a failing one threatens, in the catalogue's order.

        `tell` gets them while some are missing.
        """
        return read_systems(self._context, tell=tell)

    def leading(self, only: tuple[str, ...] = tuple(RULES), tell: TellFigures | None = None) -> tuple[Figure, ...]:
        """Leading indicators, which worsen before sync does; otherwise as `kpis`."""
        return self._noted(self._known.beside(read_leading(self._context, only=only, tell=self._beside(tell))))

    def samples(self) -> Samples:
        """How figures went, as far as somebody looked. Raises SourceFailure where the state store takes nothing."""
        return self._overview.samples()

    def _noted(self, figures: tuple[Figure, ...]) -> tuple[Figure, ...]:
        """The same figures, kept for their charts: those that are known, whole and of now."""
        values = {
            HEALTH if figure.id == "system_health" else figure.id: float(figure.value)
            for figure in figures
            if isinstance(figure.value, int | float)
            and not figure.failure
            and figure.status not in {Status.NO_DATA, Status.UNREACHABLE}
            and (figure.coverage is None or figure.coverage.is_complete)
        }
        with suppress(SourceFailure):
            self.samples().note_all(values, self._context.now())
        return figures

    def _beside(self, tell: TellFigures | None) -> TellFigures | None:
        return None if tell is None else lambda figures: tell(self._known.beside(figures))

    def indicators(self) -> tuple[str, ...]:
        """Indicators for which a monitor can be drafted."""
        return self._monitors.indicators()

    def monitor_draft(self, indicator: str) -> MonitorDraft:
        """The monitor as it would be created. Raises UserError."""
        return self._monitors.draft(indicator)

    def create_monitor(self, draft: MonitorDraft, typed: str) -> MonitorCreated | Refusal:
        """Create it when that is permitted and `typed` is its name. Raises SourceFailure, UserError."""
        return self._monitors.create(draft, typed)
