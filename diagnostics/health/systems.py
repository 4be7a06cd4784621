"""The six systems as nodes of a map: a state each from real readings, and what a failing one takes with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diagnostics.checks.base import percent, plural, worst
from diagnostics.core.context import Context
from diagnostics.core.failures import SourceFailure, TurnAwaited
from diagnostics.core.waiting import StillAsking, side_by_side
from diagnostics.health.connections import ERROR, HEALTHY, WARNING, read_states
from diagnostics.health.figures import figure, quantity
from diagnostics.health.kpis import ALL_ACCOUNTS, WAIT_S
from diagnostics.health.overview import health_figure
from diagnostics.health.resolution import of_everybody, shares_line
from diagnostics.health.sampled import TABLES, Sampled, SystemSample, read_sampled
from diagnostics.health.tokens import read_tokens
from diagnostics.models.figures import Figure
from diagnostics.models.health import SystemState
from diagnostics.models.status import Status

if TYPE_CHECKING:
    from diagnostics.catalogue.model import System

LAST = "transaction sync"
"""The process at the end of every cascade; it is no system."""


@dataclass(slots=True, frozen=True)
class Node:
    """What is known of one system now."""

    status: Status
    headline: str
    figures: tuple[Figure, ...] = ()


def read_systems(context: Context, wait_s: float | None = WAIT_S) -> tuple[SystemState, ...]:
    """The systems in the catalogue's order. A source's failure is the state of the systems that it speaks for."""
    reads: dict[str, Callable[[], Node]] = {
        "ZillowAuth": lambda: _auth(context),
        "ZillowAgent": lambda: _agents(context, wait_s),
        "ZillowSyncUser": lambda: _sync_users(context),
    }
    systems = context.catalogue.systems

    def ask(name: str) -> Node:
        try:
            if name in reads:
                return reads[name]()
            if name in TABLES:
                sampled = context.answers.within(
                    "sampled", ALL_ACCOUNTS, lambda job: read_sampled(context, job), wait_s
                )
                return _sampled(context, name, sampled)
        except SourceFailure as failure:
            waiting = isinstance(failure, TurnAwaited | StillAsking)
            return Node(Status.NO_DATA if waiting else Status.UNREACHABLE, failure.headline())
        return Node(Status.NO_DATA, "the console has no reading for this system")

    nodes = dict(zip(systems, side_by_side(ask, tuple(systems), "system"), strict=True))
    return tuple(_state(context, system, nodes) for system in systems.values())


def _state(context: Context, system: System, nodes: Mapping[str, Node]) -> SystemState:
    systems = context.catalogue.systems
    node = nodes[system.name]
    failing = [name for name in systems if nodes[name].status is Status.FAIL]
    return SystemState(
        name=system.name,
        priority=system.priority,
        role=system.role,
        status=node.status,
        headline=node.headline,
        feeds=system.feeds,
        threatened_by=tuple(
            name for name in failing if name != system.name and system.name in downstream(systems, name)
        ),
        threatens=downstream(systems, system.name) if system.name in failing else (),
        figures=node.figures,
        where=_where(context, system),
    )


def downstream(systems: Mapping[str, System], name: str) -> tuple[str, ...]:
    """Everything that fails after `name`, nearest first, each once; a ring in a team's catalogue ends by itself."""
    reached: dict[str, None] = {}
    waiting = list(systems[name].feeds) if name in systems else []
    while waiting:
        following = waiting.pop(0)
        if following in reached or following == name:
            continue
        reached[following] = None
        waiting += systems[following].feeds if following in systems else ()
    return tuple(reached)


def _where(context: Context, system: System) -> tuple[str, ...]:
    """Stores, tables by their real names, services, endpoints, queries and metrics."""
    tables = context.catalogue.schema_map.tables
    names = ", ".join(f"{tables[table].database}.{tables[table].name}" for table in system.tables)
    lines = [f"store: {system.store} ({system.scale})", f"tables: {names}"]
    lines += [f"services: {', '.join(system.services)}"] if system.services else []
    lines += [f"calls: {endpoint}" for endpoint in system.endpoints]
    lines += [f"query {name}: {context.catalogue.queries[name].datadog}" for name in system.queries]
    lines += [f"metric: {context.catalogue.metrics[name].metric}" for name in system.metrics]
    return (*lines, *((system.note,) if system.note else ()))


def _auth(context: Context) -> Node:
    tokens = read_tokens(context)
    rules = context.catalogue.thresholds
    if tokens.credentials == 0:
        return Node(Status.NO_DATA, "zillow_auth holds no credentials")
    expired = figure(
        "token_expiry_share",
        rules["token_expiry_share"],
        tokens.expired_share,
        notes=(f"{tokens.expired:,} of {plural(tokens.held, 'token')}",),
        evidence=(tokens.evidence,),
    )
    missing = figure(
        "token_missing_share",
        rules["token_missing_share"],
        tokens.missing_share,
        notes=(f"{tokens.credentials - tokens.held:,} of {plural(tokens.credentials, 'credential')}",),
        evidence=(tokens.evidence,),
    )
    # Without any held token there is no share of expired ones; that all are missing is the finding then.
    statuses = [missing.status] if expired.value is None else [expired.status, missing.status]
    return Node(
        worst(*statuses),
        f"{percent(tokens.expired_share)} of tokens expired, {percent(tokens.missing_share)} missing",
        (expired, missing),
    )


def _sync_users(context: Context) -> Node:
    states = read_states(context)
    health = health_figure(context, states)
    counts = states.counts
    said = f"{counts[HEALTHY]:,} healthy, {counts[WARNING]:,} warning, {counts[ERROR]:,} error"
    return Node(health.status, f"{health.shown} healthy: {said}" if states.judged else "no connections", (health,))


def _agents(context: Context, wait_s: float | None) -> Node:
    found = context.answers.within("resolution", ALL_ACCOUNTS, lambda job: of_everybody(context, job), wait_s)
    if not found.total:
        return Node(Status.NO_DATA, "no agents were counted", _present(found.drift))
    return Node(found.status, shares_line(found), _present(found.drift))


def _present(drift: Figure | None) -> tuple[Figure, ...]:
    return () if drift is None else (drift,)


def _sampled(context: Context, name: str, sampled: Sampled) -> Node:
    """A system of which only a sample of client databases is read: do its tables answer, do its rows hang together?"""
    rule = context.catalogue.thresholds["orphan_share"]
    counted = sampled.systems[name]
    part, coverage = counted.orphan_share, counted.coverage
    notes = [f"a sample: {coverage.words()}; {counted.orphans:,} of {plural(counted.rows, 'row')} are orphans"]
    notes += [f"{gap.count} did not answer ({gap.reason}): {', '.join(gap.examples)}" for gap in coverage.gaps]
    orphans = figure(
        f"{name}_orphans",
        rule,
        part,
        title=f"Orphan rows of {name}",
        notes=notes,
        evidence=counted.evidence,
        coverage=coverage,
    )
    shown = "" if part is None else f", {quantity(part, '%')} orphans"
    return Node(
        _sampled_status(orphans.status, counted),
        f"{plural(counted.rows, 'row')} in {coverage.answered} of {coverage.asked} {coverage.unit}{shown}",
        (orphans,),
    )


def _sampled_status(judged: Status, counted: SystemSample) -> Status:
    if counted.coverage.answered == 0:
        return Status.UNREACHABLE
    if counted.rows == 0:
        # Tables that answer and hold nothing in any sampled account say nothing about the system.
        return Status.NO_DATA
    return judged if counted.coverage.is_complete else worst(judged, Status.WARN)
