"""The classification matrix: issue type and severity to level, route and notice. What it does not hold is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diagnostics.core.ids import LARGEST_ID
from diagnostics.models.status import NOTIFY_SEVERITIES
from diagnostics.models.triage import Refusal, Route, TriageRequest
from diagnostics.triage.refusals import Refusals

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.catalogue.model import IssueType

BUILT_ROUTES = frozenset({"zillow-oauth-diagnosis", "zillow-sync-diagnosis", "zillow-system-monitoring"})
"""The specialists that this version of the console brings along."""

ROUTE_REASON = "This specialist is not part of this version of the console."
PARTS_REASON = "Parts of this specialist are in this version of the console; the route is not whole, and is not opened."

BUILT_PARTS: Mapping[str, tuple[str, ...]] = {
    "zillow-incident-recovery": (
        "Does it get better, when is it empty, what is past saving: warroom recover backlog, or b in the console.",
        "Plan, rehearse, and with a writer carry out: warroom recover plan --carrier flip, or --carrier resque.",
    ),
}
"""What there is of specialists that are not whole: it is pointed to where the specialist is refused."""


@dataclass(slots=True, frozen=True)
class Classification:
    """A request that stands in the matrix."""

    issue: IssueType
    severity: str | None
    """None asks for an assessment from the findings."""
    level: int
    route: Route
    notify: bool
    """True for critical and incident; False while the severity is still to be assessed."""


def classify(catalogue: Catalogue, request: TriageRequest) -> Classification | Refusal:
    """The row of the matrix that `request` stands in, or why there is none. Asks no source."""
    refusals = Refusals(catalogue)
    issue = catalogue.issues.get(request.issue_type)
    if issue is None:
        return refusals.issue_type_unknown(request)
    severity = request.severity
    if severity is None and request.preventive and "preventive" in issue.severities:
        severity = "preventive"
    if severity is not None and severity not in issue.severities:
        return refusals.severity_mismatch(request, issue)
    ids = (("account", request.account_id), ("deal", request.deal_id), ("user", request.user_id))
    for name, given in ids:
        if given is not None and not 1 <= given <= LARGEST_ID:
            why = f"it is larger than {LARGEST_ID:,}" if given > LARGEST_ID else "ids are positive whole numbers"
            return refusals.missing_context(request, issue, f"{given} cannot be the id of a {name}: {why}.")
    return Classification(
        issue=issue,
        severity=severity,
        level=issue.level,
        route=route_named(issue.route),
        notify=severity in NOTIFY_SEVERITIES,
    )


def route_named(name: str) -> Route:
    """A specialist, and whether this version brings it along."""
    is_built = name in BUILT_ROUTES
    reason = PARTS_REASON if name in BUILT_PARTS else ROUTE_REASON
    return Route(name=name, available=is_built, reason="" if is_built else reason)


def open_route(catalogue: Catalogue, issue_type: str, request: TriageRequest | None = None) -> Route | Refusal:
    """The issue's specialist, or what to do instead where this version lacks it."""
    named = (request or TriageRequest(issue_type=issue_type)).model_copy(update={"issue_type": issue_type})
    refusals = Refusals(catalogue)
    issue = catalogue.issues.get(issue_type)
    if issue is None:
        return refusals.issue_type_unknown(named)
    route = route_named(issue.route)
    return route if route.available else refusals.escalation_blocked(named, issue, BUILT_PARTS.get(issue.route, ()))


def refuse_change(catalogue: Catalogue, name: str, request: TriageRequest | None = None) -> Refusal:
    """Why a change to production, such as `batch_retry`, is not made from here."""
    of_check = next((issue.name for issue in catalogue.issues.values() if name in issue.checks), "")
    return Refusals(catalogue).safety_concern(request or TriageRequest(issue_type=of_check), name)
