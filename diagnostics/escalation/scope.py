"""What seems to belong to the scope of an incident and is not in it: systems of the cascade, accounts in the logs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from diagnostics.health.systems import downstream
from diagnostics.models.incidents import ScopeProposal
from diagnostics.models.status import Status

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.models.health import SystemState
    from diagnostics.models.incidents import Impact, Incident

DEGRADED = frozenset({Status.WARN, Status.FAIL})
MOST_ACCOUNTS = 20
"""Accounts proposed at a time: those that weigh most."""

_WORDS = {Status.WARN: "degraded", Status.FAIL: "failing"}


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
        for one in wanted[:MOST_ACCOUNTS]
    )
