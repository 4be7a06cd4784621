"""An incident against the live world: criteria, checklist, tier, impact, scope. Several consoles may look at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar, cast

from diagnostics.catalogue.conditions import condition_words, limit_of
from diagnostics.core.failures import SourceFailure, TurnAwaited
from diagnostics.core.waiting import StillAsking, ask_together
from diagnostics.core.words import span
from diagnostics.health.systems import downstream
from diagnostics.incident.assess.affected import read_affected
from diagnostics.incident.assess.checklists import Sight, judge_steps, open_checks, plan, run_checks, ticked
from diagnostics.incident.assess.criteria import (
    UNANSWERED,
    Hold,
    HoldStore,
    advance,
    changes,
    judge,
    look_at,
    readings_of,
)
from diagnostics.incident.assess.impact import read_impact
from diagnostics.incident.assess.readings import AT_ONCE_S, LONGEST_S, NO_ANSWER, measure
from diagnostics.incident.incidents import issue_named
from diagnostics.incident.records import CONSOLE
from diagnostics.models.entries import MeasuredFigure
from diagnostics.models.figures import NOT_KNOWN_YET, UNKNOWN
from diagnostics.models.incidents import Assessment, Impact, Incident, ScopeProposal, Step, Tier
from diagnostics.models.status import Status

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.catalogue.response import AlertTier, TierCondition
    from diagnostics.core.context import Context
    from diagnostics.core.waiting import Job
    from diagnostics.health.service import HealthService
    from diagnostics.incident.incidents import IncidentService
    from diagnostics.models.health import SystemState
    from diagnostics.models.incidents import AffectedAccounts
    from diagnostics.models.triage import Finding

_Part = TypeVar("_Part")

DEGRADED = frozenset({Status.WARN, Status.FAIL})
MOST_PROPOSED = 20
"""Accounts proposed at a time: those that weigh most."""

_WORDS = {Status.WARN: "degraded", Status.FAIL: "failing"}

SEVERITY = "severity"


@dataclass(slots=True, frozen=True)
class _World:
    """Everything that was asked for one assessment."""

    figures: dict[str, MeasuredFigure]
    impact: Impact | None
    systems: tuple[SystemState, ...]
    checks: Mapping[str, Finding | SourceFailure]
    failures: tuple[str, ...]


class AssessmentService:
    """Blocking, thread-safe. Raises `SourceFailure` and `UserError`; a source that fails is told in the answer."""

    def __init__(
        self,
        context: Context,
        incidents: IncidentService,
        service_health: HealthService,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._context = context
        self._incidents = incidents
        self._health = service_health
        self._clock = clock
        self._lock = threading.Lock()
        self._read: dict[tuple[str, str], MeasuredFigure] = {}
        """The last value of each figure of each issue."""
        self._looked: dict[str, float] = {}
        """When this console noted a look at an incident last, by its steady clock."""

    def measure(self, issue_type: str, job: Job | None = None) -> tuple[MeasuredFigure, ...]:
        """The issue's figures now. Takes at most 15 seconds; see `diagnostics.incident.assess.readings`.

        One that is still asked for then has the value that was read here last, while that is good for a message.
        """
        found = measure(self._context, self._health, issue_type, job)
        return self._remembering(issue_type, found)

    def _keep(self, issue_type: str, found: Iterable[MeasuredFigure]) -> None:
        self._read |= {(issue_type, one.id): one for one in found if one.value is not None}

    def known(self, issue_type: str, job: Job | None = None) -> tuple[MeasuredFigure, ...]:
        """The issue's figures as far as they are known at once: within half a second, whatever the sources do.

        They are those that this console read while they are good for a message (`escalation.figures_good_s`), each with
        the moment it was taken, and those that answer at once. Any other has no value and is "not known yet". Raises
        UserError for an unknown issue type.
        """
        good_s = self._context.settings.escalation.figures_good_s
        found = self._remembering(issue_type, measure(self._context, self._health, issue_type, job, known_s=good_s))
        return tuple(
            one.model_copy(update={"shown": NOT_KNOWN_YET, "taken_at": None, "evidence": None})
            if one.value is None and one.status != Status.UNREACHABLE.value
            else one
            for one in found
        )

    def _remembering(self, issue_type: str, found: Sequence[MeasuredFigure]) -> tuple[MeasuredFigure, ...]:
        """The same, kept for whoever asks next; one that has not come is the last one that is still good."""
        now, good = self._context.now(), timedelta(seconds=self._context.settings.escalation.figures_good_s)
        made: list[MeasuredFigure] = []
        self._keep(issue_type, found)
        for one in found:
            before = self._read.get((issue_type, one.id)) if _has_not_come(one) else None
            is_good = (
                before is not None and before.taken_at is not None and before.taken_at <= now <= before.taken_at + good
            )
            made.append(before if before is not None and is_good else one)
        return tuple(made)

    def impact(self, issue_type: str, severity: str, job: Job | None = None, *, accounts: Iterable[int] = ()) -> Impact:
        """The multi-account score, `accounts` included. Raises SourceFailure where nobody knows who is affected."""
        wanted = tuple(accounts)
        found = ask_together(
            {"impact": lambda: read_impact(self._context, issue_type, severity, wanted)}, LONGEST_S, job
        )["impact"]
        if isinstance(found, SourceFailure):
            raise found
        return found

    def affected(
        self,
        issue_type: str,
        severity: str | None = None,
        window_s: int | None = None,
        *,
        kinds: bool = True,
        tell: Callable[[AffectedAccounts], object] | None = None,
        job: Job | None = None,
    ) -> AffectedAccounts:
        """Accounts that an issue affects, those that weigh most first; `tell` gets what is known meanwhile.

        Without `kinds` of failure it costs one of Datadog's scarce aggregates less.
        The window is that of the settings unless given, in seconds. Raises SourceFailure where nobody can say which
        accounts they are, and UserError.
        """
        return read_affected(self._context, issue_type, severity, window_s, kinds=kinds, tell=tell, job=job)

    def known_affected(self, issue_type: str, severity: str, job: Job | None = None) -> AffectedAccounts | None:
        """As `affected`, of what is known at once; None where nobody has said yet which accounts they are."""
        told: list[AffectedAccounts] = []
        good_s = self._context.settings.escalation.figures_good_s

        def read() -> AffectedAccounts:
            return read_affected(
                self._context, issue_type, severity, kinds=False, tell=told.append, job=job, known_s=good_s
            )

        found = ask_together({"accounts": read}, AT_ONCE_S, job)["accounts"]
        if isinstance(found, StillAsking | TurnAwaited):
            return told[-1] if told else None
        if isinstance(found, SourceFailure):
            raise found
        return found

    def tier(self, issue_type: str, severity: str, impact: Impact | None, measured: Sequence[MeasuredFigure]) -> Tier:
        """The alert tier that these make. Asks nothing. Raises UserError for an unknown issue type."""
        issue_named(self._context.catalogue, issue_type)
        return decide_tier(self._context.catalogue, issue_type, severity, impact, measured)

    def checklist(self, issue_type: str, severity: str) -> tuple[Step, ...]:
        """The quick response before anything is declared. Asks nothing."""
        return plan(self._context.catalogue, issue_type, severity)

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
        steps, _ = judge_steps(self._context.catalogue, newest, world.checks, self._context.now())
        return assessment.model_copy(update={"steps": steps})

    def tick_seen(self, incident_id: str) -> None:
        """Journal the steps that the journal alone shows to be done: a notice that has arrived, a role that is held.

        Asks no source, so that "sent" does not stand beside an open step until the next look.
        """
        incident = self._incidents.get(incident_id)
        if incident.is_open:
            _, seen = judge_steps(self._context.catalogue, incident, {}, self._context.now())
            self._tick(incident, seen)

    # ---- asking

    def _ask(self, incident: Incident, job: Job | None) -> _World:
        """Everything at the same time; each part may fail alone."""
        context = self._context
        criteria = context.catalogue.exit_criteria.get(incident.issue_type)
        also = readings_of(criteria) if criteria is not None else ()
        accounts = [int(one.name) for one in incident.accounts if one.until is None and one.name.isdecimal()]
        checks = open_checks(context.catalogue, incident) if incident.is_open else ()
        asks: dict[str, Callable[[], object]] = {
            "figures": lambda: measure(context, self._health, incident.issue_type, job, also=also),
            "impact": lambda: self.impact(incident.issue_type, incident.severity, job, accounts=accounts),
            "systems": self._health.systems,
            "checks": lambda: run_checks(context, incident, checks, LONGEST_S, job),
        }
        # A moment more than each of them takes at most, so that all say for themselves what is missing.
        found = ask_together(asks, LONGEST_S + 1.0, job)
        failures = [f"{name}: {one.headline()}" for name, one in found.items() if isinstance(one, SourceFailure)]
        figures = _or(found["figures"], cast("tuple[MeasuredFigure, ...]", ()))
        self._keep(incident.issue_type, figures)
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
    ) -> tuple[Assessment, Mapping[str, Hold], Mapping[str, Sight]]:
        catalogue, now = self._context.catalogue, self._context.now()
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
        criteria = self._context.catalogue.exit_criteria.get(incident.issue_type)
        if criteria is None:
            return {}
        store = HoldStore(self._context.state)
        tick = self._clock()
        with self._lock:
            before = self._looked.get(incident.id)
        most_s = None if before is None else tick - before
        looks = look_at(self._context.catalogue, criteria, world.figures, self._context.now(), most_s)
        if noted:
            holds = store.note(incident.id, looks)
            with self._lock:
                self._looked[incident.id] = max(tick, self._looked.get(incident.id, tick))
            return holds
        known = store.read(incident.id)
        found = {name: advance(known.get(name), look) for name, look in looks.items()}
        return {name: hold for name, hold in found.items() if hold is not None}

    def _proposals(self, incident: Incident, world: _World) -> tuple[ScopeProposal, ...]:
        if not incident.is_open:
            return ()
        basis = f"affected by what the last {span(self._context.window_s)} show"
        return (
            *propose_systems(self._context.catalogue, incident, world.systems),
            *propose_accounts(incident, world.impact, basis),
        )

    def _tick(self, incident: Incident, seen: Mapping[str, Sight]) -> None:
        bodies = ticked(seen)
        if bodies:
            keys = [f"{incident.id}:{incident.declared_at.isoformat()}:step:{name}" for name in bodies]
            self._context.journal.append(incident.id, tuple(bodies.values()), keys=keys, actor=CONSOLE)


def _has_not_come(figure: MeasuredFigure) -> bool:
    """Whether it is still asked for, or its turn has not come: no source has failed, and none has said anything."""
    evidence = figure.evidence
    asked = evidence is not None and evidence.query == NO_ANSWER
    return figure.value is None and asked and figure.status == Status.NO_DATA.value


def _or(found: object, otherwise: _Part) -> _Part:
    """The answer, or a substitute where its source failed."""
    return otherwise if isinstance(found, SourceFailure) else cast("_Part", found)


def _unread(figures: Iterable[MeasuredFigure]) -> tuple[str, ...]:
    """One line for each source that did not answer, with the figures that lack it."""
    reasons: dict[str, list[str]] = {}
    for one in figures:
        if one.value is None and one.status == Status.UNREACHABLE.value and one.evidence is not None:
            reasons.setdefault(one.evidence.caveat, []).append(one.title)
    return tuple(f"{', '.join(titles)}: {reason}" for reason, titles in reasons.items())


# ---- the alert tier: the highest of which a rule fires, and what is not known never counts as small


@dataclass(slots=True, frozen=True)
class _Looked:
    """One rule that was looked at."""

    tier: AlertTier
    fires: bool | None
    """None where there is no data, or only people can say."""
    words: str
    figure: MeasuredFigure | None = None
    title: str = ""
    by_people: bool = False


@dataclass(slots=True, frozen=True)
class _Grounds:
    """Everything that the rules of a tier are held against."""

    catalogue: Catalogue
    expected: tuple[str, ...]
    """Readings that the catalogue measures for the issue."""
    severity: str
    figures: Mapping[str, MeasuredFigure]


def decide_tier(
    catalogue: Catalogue, issue_type: str, severity: str, impact: Impact | None, measured: Iterable[MeasuredFigure]
) -> Tier:
    """The tier that these figures make. A figure that is only a lower bound may fire a rule, and never clears one."""
    figures = {one.id: one for one in measured}
    ordered = sorted(catalogue.tiers.values(), key=lambda one: -one.tier)
    asked = _Grounds(catalogue, catalogue.issues[issue_type].figures, severity, figures)
    looked = [_look_at_rule(asked, tier, rule) for tier in ordered for rule in tier.rules.values()]
    fired = next((one for one in looked if one.fires), None)
    unknown = [one for one in looked if one.fires is None and not one.by_people]
    chosen, rule = _chosen(ordered, fired, unknown)
    others = [f"{one.words}{', and fires as well' if one.fires else ''}" for one in looked if one is not fired]
    if impact is not None:
        others.append(impact.words)
    evidence = (
        () if fired is None or fired.figure is None or fired.figure.evidence is None else (fired.figure.evidence,)
    )
    return Tier(tier=chosen.tier, rule=rule, answer=chosen.answer, others=tuple(others), evidence=evidence)


def _chosen(ordered: list[AlertTier], fired: _Looked | None, unknown: list[_Looked]) -> tuple[AlertTier, str]:
    lowest = ordered[-1]
    decided, rule = (fired.tier, fired.words) if fired is not None else (lowest, "no rule of a higher tier fires")
    wary = next((tier for tier in ordered if tier.when_unknown), None)
    doubtful = [] if wary is None else [one for one in unknown if one.tier.tier > decided.tier]
    if wary is not None and doubtful and decided.tier < wary.tier:
        names = ", ".join(dict.fromkeys(one.figure.title if one.figure else one.title for one in doubtful))
        return wary, f"not known, so not taken for small: {names}"
    return decided, rule


def _look_at_rule(asked: _Grounds, tier: AlertTier, rule: TierCondition) -> _Looked:
    said = f"tier {tier.tier}: {condition_words(rule, asked.catalogue.thresholds)}"
    if not rule.reading:
        return _Looked(tier, None, f"{said}. {rule.note}".strip(), by_people=True)
    if rule.reading == SEVERITY:
        fires = rule.holds(asked.severity, None)
        return _Looked(tier, fires, f"{said}; it is {asked.severity}")
    figure = asked.figures.get(rule.reading)
    if figure is None:
        # What the catalogue does not measure for this issue says nothing of it. What it does, and is missing, is doubt.
        expected = rule.reading in asked.expected
        words = "not measured now" if expected else "not measured for this issue"
        return _Looked(tier, None, f"{said}; {words}", title=rule.title, by_people=not expected)
    fires = rule.holds(figure.value, limit_of(rule, asked.catalogue.thresholds))
    if not fires and figure.status in UNANSWERED:
        fires = None
    shown = figure.shown if figure.value is not None else f"{UNKNOWN} (no data)"
    doubt = ", which may be too low" if fires is None and figure.value is not None else ""
    return _Looked(tier, fires, f"{said}; it is {shown}{doubt}", figure)


# ---- what seems to belong to the scope and is not in it


def systems_of_issue(catalogue: Catalogue, issue_type: str) -> tuple[str, ...]:
    """Systems whose own queries show this issue."""
    return tuple(
        name
        for name, system in catalogue.systems.items()
        if any(catalogue.queries[query].issue == issue_type for query in system.queries)
    )


def propose_systems(
    catalogue: Catalogue, incident: Incident, states: Iterable[SystemState]
) -> tuple[ScopeProposal, ...]:
    """Degraded systems that the incident's systems drag along, hang on, or that show its issue. Each with why.

    A system without data is not proposed, and is not said to be well either: the map shows it.
    """
    inside = {one.name for one in incident.systems if one.until is None}
    own = systems_of_issue(catalogue, incident.issue_type)
    core = tuple(dict.fromkeys((*(name for name in catalogue.systems if name in inside), *own)))
    found = []
    for state in states:
        if state.name in inside or state.status not in DEGRADED:
            continue
        why = _reason(catalogue, state.name, core, own, inside)
        if why:
            evidence = tuple(part for figure in state.figures for part in figure.evidence[:1])
            said = f"{state.name} is {_WORDS[state.status]} ({state.headline}), and {why}"
            found.append(ScopeProposal(what="system", name=state.name, why=said, evidence=evidence))
    return tuple(found)


def _reason(catalogue: Catalogue, name: str, core: tuple[str, ...], own: tuple[str, ...], inside: Iterable[str]) -> str:
    before = next((one for one in core if one != name and name in downstream(catalogue.systems, one)), "")
    if before:
        return f"fails after {before}, which {_standing(before, inside)}"
    after = next((one for one in core if one != name and one in downstream(catalogue.systems, name)), "")
    if after:
        return f"{after}, which {_standing(after, inside)}, fails after it"
    return "its own logs show this kind of issue" if name in own else ""


def _standing(name: str, inside: Iterable[str]) -> str:
    return "is in scope" if name in inside else "shows this issue"


def propose_accounts(incident: Incident, impact: Impact | None, basis: str) -> tuple[ScopeProposal, ...]:
    """Accounts that weigh in the impact score and are not in scope, those that weigh most first."""
    if impact is None:
        return ()
    inside: Mapping[str, bool] = {one.name: True for one in incident.accounts if one.until is None}
    wanted = [one for one in impact.accounts if str(one.account_id) not in inside and one.score > 0]
    return tuple(
        ScopeProposal(
            what="account",
            name=str(one.account_id),
            why=f"{one.name or 'account'} is {basis}; impact {one.why}",
            evidence=impact.evidence[:1],
        )
        for one in wanted[:MOST_PROPOSED]
    )
