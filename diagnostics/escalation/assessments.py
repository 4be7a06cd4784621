"""An incident against the live world: criteria, checklist, tier, impact, scope. Several consoles may look at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

from diagnostics.escalation.asking import ask_together
from diagnostics.escalation.checklists import Seen, judge_steps, open_checks, plan, run_checks, ticked
from diagnostics.escalation.criteria import changes, judge, look_at, readings_of
from diagnostics.escalation.holds import Hold, HoldBook, advance
from diagnostics.escalation.measuring import LONGEST_S, measure
from diagnostics.escalation.scope import propose_accounts, propose_systems
from diagnostics.escalation.tiers import decide_tier
from diagnostics.failures import SourceFailure
from diagnostics.models.entries import MeasuredFigure
from diagnostics.models.incidents import Assessment, Impact, Incident, ScopeProposal, Step, Tier
from diagnostics.models.status import Status
from diagnostics.windows import span

if TYPE_CHECKING:
    from diagnostics.checks.base import Tools
    from diagnostics.escalation.desk import IncidentDesk
    from diagnostics.health.desk import HealthDesk
    from diagnostics.jobs import Job
    from diagnostics.models.health import SystemState
    from diagnostics.models.triage import Finding

_Part = TypeVar("_Part")

CONSOLE = "console"
"""Actor of entries that no person wrote."""


@dataclass(slots=True, frozen=True)
class _World:
    """Everything that was asked for one assessment."""

    figures: dict[str, MeasuredFigure]
    impact: Impact | None
    systems: tuple[SystemState, ...]
    checks: Mapping[str, Finding | SourceFailure]
    failures: tuple[str, ...]


class AssessmentDesk:
    """Blocking, thread-safe. Raises `SourceFailure` and `UserError`; a source that fails is told in the answer."""

    def __init__(
        self,
        tools: Tools,
        incidents: IncidentDesk,
        service_health: HealthDesk,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tools = tools
        self._incidents = incidents
        self._health = service_health
        self._clock = clock
        self._lock = threading.Lock()
        self._looked: dict[str, float] = {}
        """When this console noted a look at an incident last, by its steady clock."""

    def measure(self, issue_type: str, job: Job | None = None) -> tuple[MeasuredFigure, ...]:
        """The issue's figures now. Takes at most 15 seconds; see `diagnostics.escalation.measuring`."""
        return measure(self._tools, self._health, issue_type, job)

    def impact(self, issue_type: str, severity: str, job: Job | None = None, *, accounts: Iterable[int] = ()) -> Impact:
        """The multi-account score, `accounts` included. Raises SourceFailure where nobody knows who is affected."""
        from diagnostics.escalation.impact import read_impact  # noqa: PLC0415  # it loads SQLAlchemy

        wanted = tuple(accounts)
        found = ask_together(
            {"impact": lambda: read_impact(self._tools, issue_type, severity, wanted)}, LONGEST_S, job
        )["impact"]
        if isinstance(found, SourceFailure):
            raise found
        return found

    def tier(self, issue_type: str, severity: str, impact: Impact | None, measured: Sequence[MeasuredFigure]) -> Tier:
        """The alert tier that these make. Asks nothing. Raises UserError for an unknown issue type."""
        from diagnostics.escalation.impact import issue_named  # noqa: PLC0415  # it loads SQLAlchemy

        issue_named(self._tools, issue_type)
        return decide_tier(self._tools.catalogue, issue_type, severity, impact, measured)

    def checklist(self, issue_type: str, severity: str) -> tuple[Step, ...]:
        """The quick response before anything is declared. Asks nothing."""
        return plan(self._tools.catalogue, issue_type, severity)

    def assess(self, incident_id: str, job: Job | None = None) -> Assessment:
        """How the incident stands now. Writes nothing."""
        incident = self._incidents.get(incident_id)
        world = self._ask(incident, job)
        assessment, _, _ = self._assessed(incident, world, noted=False)
        return assessment

    def observe(self, incident_id: str, job: Job | None = None) -> Assessment:
        """As `assess`, and journal what ticked itself and which criteria began or ceased to hold.

        Several consoles observing at once write each thing once: a step carries a key of its own, for ever, so that one
        that a person took back is not ticked again; criteria are decided against the newest state of the incident.
        """
        incident = self._incidents.get(incident_id)
        world = self._ask(incident, job)
        assessment, holds, seen = self._assessed(incident, world, noted=incident.is_open)
        if not incident.is_open:
            return assessment
        self._tick(incident, seen)
        criteria = assessment.criteria
        newest = self._incidents.decide(
            incident.id, lambda now: changes(now, criteria, holds) if now.is_open else (), actor=CONSOLE
        )
        if newest.last_seq == incident.last_seq:
            return assessment
        steps, _ = judge_steps(self._tools.catalogue, newest, world.checks, self._tools.now())
        return assessment.model_copy(update={"steps": steps})

    # ---- asking

    def _ask(self, incident: Incident, job: Job | None) -> _World:
        """Everything at the same time; each part may fail alone."""
        tools = self._tools
        criteria = tools.catalogue.exit_criteria.get(incident.issue_type)
        also = readings_of(criteria) if criteria is not None else ()
        accounts = [int(one.name) for one in incident.accounts if one.until is None and one.name.isdecimal()]
        checks = open_checks(tools.catalogue, incident) if incident.is_open else ()
        asks: dict[str, Callable[[], object]] = {
            "figures": lambda: measure(tools, self._health, incident.issue_type, job, also=also),
            "impact": lambda: self.impact(incident.issue_type, incident.severity, job, accounts=accounts),
            "systems": self._health.systems,
            "checks": lambda: run_checks(tools, incident, checks, LONGEST_S, job),
        }
        # A moment more than each of them takes at most, so that all say for themselves what is missing.
        found = ask_together(asks, LONGEST_S + 1.0, job)
        failures = [f"{name}: {one.headline()}" for name, one in found.items() if isinstance(one, SourceFailure)]
        figures = _or(found["figures"], cast("tuple[MeasuredFigure, ...]", ()))
        return _World(
            figures={one.id: one for one in figures},
            impact=_or(found["impact"], cast("Impact | None", None)),
            systems=_or(found["systems"], cast("tuple[SystemState, ...]", ())),
            checks=_or(found["checks"], cast("dict[str, Finding | SourceFailure]", {})),
            failures=tuple(dict.fromkeys((*failures, *_unread(figures)))),
        )

    # ---- judging

    def _assessed(
        self, incident: Incident, world: _World, *, noted: bool
    ) -> tuple[Assessment, Mapping[str, Hold], Mapping[str, Seen]]:
        catalogue, now = self._tools.catalogue, self._tools.now()
        failures = list(world.failures)
        holds: Mapping[str, Hold] = {}
        try:
            holds = self._holds(incident, world, noted=noted)
        except SourceFailure as failure:
            failures.append(f"hold times: {failure.headline()}")
            if noted:
                raise
        criteria = catalogue.exit_criteria.get(incident.issue_type)
        steps, seen = judge_steps(catalogue, incident, world.checks, now)
        assessment = Assessment(
            incident=incident.id,
            criteria=() if criteria is None else judge(catalogue, criteria, world.figures, holds, incident.criteria),
            steps=steps,
            tier=decide_tier(catalogue, incident.issue_type, incident.severity, world.impact, world.figures.values()),
            impact=world.impact,
            proposals=self._proposals(incident, world),
            next_update_at=self._incidents.next_update_at(incident),
            taken_at=now,
            failures=tuple(failures),
        )
        return assessment, holds, seen

    def _holds(self, incident: Incident, world: _World, *, noted: bool) -> Mapping[str, Hold]:
        """The holds after this look: noted for all consoles, or worked out and forgotten."""
        criteria = self._tools.catalogue.exit_criteria.get(incident.issue_type)
        if criteria is None:
            return {}
        book = HoldBook(self._tools.parts.state)
        tick = self._clock()
        with self._lock:
            before = self._looked.get(incident.id)
        most_s = None if before is None else tick - before
        looks = look_at(self._tools.catalogue, criteria, world.figures, self._tools.now(), most_s)
        if noted:
            holds = book.note(incident.id, looks)
            with self._lock:
                self._looked[incident.id] = max(tick, self._looked.get(incident.id, tick))
            return holds
        known = book.read(incident.id)
        found = {name: advance(known.get(name), look) for name, look in looks.items()}
        return {name: hold for name, hold in found.items() if hold is not None}

    def _proposals(self, incident: Incident, world: _World) -> tuple[ScopeProposal, ...]:
        if not incident.is_open:
            return ()
        basis = f"affected by what the last {span(self._tools.window_s)} show"
        return (
            *propose_systems(self._tools.catalogue, incident, world.systems),
            *propose_accounts(incident, world.impact, basis),
        )

    def _tick(self, incident: Incident, seen: Mapping[str, Seen]) -> None:
        bodies = ticked(seen)
        if bodies:
            keys = [f"{incident.id}:{incident.declared_at.isoformat()}:step:{name}" for name in bodies]
            self._tools.parts.journal.append(incident.id, tuple(bodies.values()), keys=keys, actor=CONSOLE)


def _or(found: object, otherwise: _Part) -> _Part:
    """What was found, or what stands for it where its source failed."""
    return otherwise if isinstance(found, SourceFailure) else cast("_Part", found)


def _unread(figures: Iterable[MeasuredFigure]) -> tuple[str, ...]:
    """One line for each source that did not answer, with the figures that lack it."""
    reasons: dict[str, list[str]] = {}
    for one in figures:
        if one.value is None and one.status == Status.UNREACHABLE.value and one.evidence is not None:
            reasons.setdefault(one.evidence.caveat, []).append(one.title)
    return tuple(f"{', '.join(titles)}: {reason}" for reason, titles in reasons.items())
