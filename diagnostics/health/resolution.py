"""How agents are resolved, against the baselines: of all accounts, or of one.

The retired method 2, rows without a method and methods that nobody knows are in no share, and are named with what they
would change.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from diagnostics.checks.base import number, share, worst
from diagnostics.core.context import Context
from diagnostics.core.failures import SourceFailure
from diagnostics.core.words import form, plural
from diagnostics.fleet.questions import RESOLUTION_COUNTS
from diagnostics.health.connections import account_names
from diagnostics.health.figures import figure, quantity, remarks, taken_at
from diagnostics.models.evidence import Evidence
from diagnostics.models.figures import Coverage, Figure
from diagnostics.models.health import AccountOutlier, Resolution, ResolutionShare
from diagnostics.models.status import Status

if TYPE_CHECKING:
    from diagnostics.core.waiting import Job
    from diagnostics.fleet.models import FleetAnswer

METHODS = {1: "CONNECTED", 3: "INFERRED", 4: "UNMATCHED"}
RETIRED = 2
BASELINES = {
    "CONNECTED": "resolution_connected",
    "INFERRED": "resolution_inferred",
    "UNMATCHED": "resolution_unmatched",
}

MOST_OUTLIERS = 20

STANDARD_ERRORS = 3.0
"""The shares of one account differ from all accounts' by chance: only what lies beyond these counts."""


@dataclass(slots=True, frozen=True)
class MethodCounts:
    """Agents by method, wherever they were counted."""

    by_method: Mapping[int, int]
    """The three methods in use."""
    retired: int
    unclear: int

    @property
    def total(self) -> int:
        """Agents that hold one of the three methods."""
        return sum(self.by_method.values())


def counted(pairs: Iterable[tuple[object, int]]) -> MethodCounts:
    """Sort (method, agents) into what is in a share and what is not."""
    by_method: Counter[int] = Counter(dict.fromkeys(METHODS, 0))
    retired = unclear = 0
    for method, agents in pairs:
        code = _code(method)
        if code in METHODS:
            by_method[code] += agents
        elif code == RETIRED:
            retired += agents
        else:
            unclear += agents
    return MethodCounts(dict(by_method), retired, unclear)


def _code(method: object) -> int:
    """The method as a number; -1 for none. Analytics engines may hand it over as text or as its name."""
    if isinstance(method, str):
        named = {name: code for code, name in METHODS.items()}
        return int(method) if method.isdigit() else named.get(method.strip().upper(), -1)
    return int(method) if isinstance(method, int | float) else -1


def distribution(
    context: Context,
    agents: MethodCounts,
    *,
    origin: str,
    evidence: tuple[Evidence, ...],
    coverage: Coverage | None = None,
    as_of: datetime | None = None,
    notes: Iterable[str] = (),
    of_one: bool = False,
) -> Resolution:
    """The shares against their baselines. `of_one`: of one account, whose shares differ by chance and for good reasons.

    There a difference counts only beyond chance, and warns at most.
    """
    shares = tuple(_share(context, agents, code, of_one=of_one) for code in METHODS)
    status = _with_missing(context, worst(*(one.status for one in shares)), shares, coverage)
    incomplete = coverage is not None and not coverage.is_complete
    said = [
        *notes,
        *_left_out(agents),
        f"rests on {coverage.words()}" if incomplete and coverage is not None else "",
        "an account's shares differ from all accounts' by chance: only what lies beyond three standard errors is "
        "judged, and it warns at most"
        if of_one
        else "",
    ]
    kept = tuple(note for note in said if note)
    return Resolution(
        shares=shares,
        total=agents.total,
        retired=agents.retired,
        unclear=agents.unclear,
        status=status,
        coverage=coverage,
        origin=origin,
        as_of=as_of,
        drift=_drift(context, shares, status, of_one=of_one).model_copy(
            update={
                "note": remarks(kept),
                "evidence": evidence,
                "coverage": coverage,
                "taken_at": taken_at(evidence),
            }
        ),
        evidence=evidence,
        notes=kept,
    )


def _with_missing(
    context: Context, status: Status, shares: tuple[ResolutionShare, ...], coverage: Coverage | None
) -> Status:
    """A pass stands only where the accounts that did not answer could not overturn it, whatever their agents are.

    Their part of all agents is taken to be their part of all accounts.
    """
    if coverage is None or coverage.is_complete or status is not Status.PASS:
        return status
    if coverage.answered == 0:
        return Status.NO_DATA
    missing = share(coverage.asked - coverage.answered, coverage.asked) or 0.0
    furthest = max((abs(one.drift) for one in shares if one.drift is not None), default=0.0)
    rule = context.catalogue.thresholds["resolution_share"]
    return Status.PASS if rule.judge(furthest + missing) is Status.PASS else Status.WARN


def _share(context: Context, agents: MethodCounts, code: int, *, of_one: bool) -> ResolutionShare:
    name = METHODS[code]
    baseline = context.catalogue.baselines[BASELINES[name]].value
    rule = context.catalogue.thresholds["resolution_share"]
    value = share(agents.by_method[code], agents.total)
    drift = None if value is None else value - baseline
    beyond = None if drift is None else abs(drift)
    note = ""
    if of_one and beyond is not None:
        by_chance = chance(baseline, agents.total)
        beyond = max(0.0, beyond - by_chance)
        note = f"up to {by_chance:.1f} points may be chance"
    status = rule.judge(beyond)
    if of_one and status is Status.FAIL:
        status = Status.WARN
    return ResolutionShare(
        method=name,
        count=agents.by_method[code],
        share=value,
        baseline=baseline,
        drift=drift,
        status=status,
        note=note,
    )


def _left_out(agents: MethodCounts) -> Iterable[str]:
    for count, what in (
        (agents.retired, "the retired method 2"),
        (agents.unclear, "no known method"),
    ):
        if count and agents.total:
            effect = max(agents.by_method.values()) / agents.total - max(agents.by_method.values()) / (
                agents.total + count
            )
            yield (
                f"{plural(count, 'agent')} with {what} {form(count, 'is', 'are')} in no share; counting them "
                f"would lower the largest share by {100 * effect:.2f} points"
            )
        elif count:
            yield f"{plural(count, 'agent')} with {what}, and no other"


BEYOND_CHANCE = ", beyond chance"
"""What is added to the rule where one account is judged: its few agents stray from any share by chance alone."""


def _drift(context: Context, shares: tuple[ResolutionShare, ...], status: Status, *, of_one: bool) -> Figure:
    """The largest distance from a baseline; of one account with the part of it that chance may explain."""
    rule = context.catalogue.thresholds["resolution_share"]
    furthest = max(shares, key=lambda one: abs(one.drift or 0.0))
    drift = furthest.drift
    made = figure(
        "resolution_drift",
        rule,
        None if drift is None else abs(drift),
        title="Resolution drift",
        shown="" if drift is None else f"{furthest.method} {drift:+.2f} points",
        status=Status.NO_DATA if drift is None else status,
    )
    if not of_one or drift is None:
        return made
    # The number alone would contradict its rule: a small account may be beyond it and well.
    update = {"shown": f"{made.shown}, {furthest.note}", "threshold": f"{made.threshold}{BEYOND_CHANCE}"}
    return made.model_copy(update=update)


def of_account(context: Context, account_id: int) -> Resolution:
    """The distribution of one account. Raises SourceFailure, UserError."""
    agents = context.table("zillow_agents")
    statement = select(agents.c.resolution_method.label("method"), func.count().label("agents")).group_by(
        agents.c.resolution_method
    )
    rows = context.client(account_id, "resolution counts", statement)
    return distribution(
        context,
        counted((row["method"], number(row, "agents")) for row in rows.rows),
        origin=f"client database {account_id}",
        evidence=(rows.evidence,),
        of_one=True,
    )


def of_everybody(context: Context, job: Job | None = None) -> Resolution:
    """The distribution of all accounts. Raises SourceFailure."""
    answer = counts_of_everybody(context, job)
    by_account = {
        account.account_id: counted((row["method"], number(row, "count")) for row in account.rows)
        for account in answer.rows
    }
    found = distribution(
        context,
        together(by_account.values()),
        origin=answer.origin,
        evidence=tuple(answer.evidence),
        coverage=answer.coverage,
        as_of=answer.as_of,
        notes=answer.notes,
    )
    return found.model_copy(update={"outliers": outliers(context, by_account)})


def together(parts: Iterable[MethodCounts]) -> MethodCounts:
    """The agents of several accounts as one."""
    by_method: Counter[int] = Counter(dict.fromkeys(METHODS, 0))
    retired = unclear = 0
    for part in parts:
        by_method.update(part.by_method)
        retired, unclear = retired + part.retired, unclear + part.unclear
    return MethodCounts(dict(by_method), retired, unclear)


def outliers(context: Context, by_account: Mapping[int, MethodCounts]) -> tuple[AccountOutlier, ...]:
    """Accounts whose shares lie furthest beyond chance from the baselines, the furthest first; one line an account.

    By points beyond chance, so that an account of three agents does not stand before one of a thousand.
    """
    rule = context.catalogue.thresholds["resolution_share"]
    far: list[tuple[float, int, str, float, float, int]] = []
    for account_id, agents in by_account.items():
        name, value, baseline, beyond = _furthest(context, agents)
        if rule.judge(beyond) in {Status.WARN, Status.FAIL}:
            far.append((beyond, account_id, name, value, value - baseline, agents.total))
    far.sort(key=lambda one: (-one[0], one[1]))
    kept = far[:MOST_OUTLIERS]
    try:
        names, _ = account_names(context, [account_id for _, account_id, *_ in kept])
    except SourceFailure:
        names = {}
    return tuple(
        AccountOutlier(
            account_id=account_id,
            account_name=names.get(account_id, ""),
            method=method,
            share=value,
            drift=drift,
            agents=agents,
        )
        for _, account_id, method, value, drift, agents in kept
    )


def _furthest(context: Context, agents: MethodCounts) -> tuple[str, float, float, float]:
    """Method, share, baseline and points beyond chance of the share that is furthest from its baseline."""
    found = ("", 0.0, 0.0, 0.0)
    for code, name in METHODS.items():
        value = share(agents.by_method[code], agents.total)
        if value is not None:
            baseline = context.catalogue.baselines[BASELINES[name]].value
            beyond = abs(value - baseline) - chance(baseline, agents.total)
            found = max(found, (name, value, baseline, beyond), key=lambda one: one[3])
    return found


def chance(baseline: float, agents: int) -> float:
    """Points by which a share of so many agents may differ from its baseline without a reason."""
    part = baseline / 100
    return STANDARD_ERRORS * 100.0 * math.sqrt(part * (1 - part) / agents)


def counts_of_everybody(context: Context, job: Job | None = None) -> FleetAnswer:
    """Agents by account and method, kept for as long as system-wide answers are."""

    return context.answers.get(
        ("fleet", "resolution"),
        context.settings.fleet.refresh_s,
        lambda: context.fleet.ask(RESOLUTION_COUNTS, job=job),
    )


def shares_line(resolution: Resolution) -> str:
    """Such as "CONNECTED 46.70 % (−0.02), INFERRED 16.01 % (+0.02), UNMATCHED 37.29 % (0.00)"."""
    return ", ".join(
        f"{one.method} —" if one.share is None else f"{one.method} {quantity(one.share, '%')} ({one.drift:+.2f})"
        for one in resolution.shares
    )
