"""The specialists of the matrix: whether this version brings each along, and whether what it reads can be read."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from diagnostics.models.doctor import DoctorLine
from diagnostics.models.triage import Status
from diagnostics.sources.doctor.steps import Step
from diagnostics.triage.matrix import route_named

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue

SOURCE = "routes"
_LOGS, _COMMON = ("datadog", "logs"), ("common", "tables")
_CLIENTS = ("client", "sample of accounts")
_READS: dict[str, tuple[tuple[str, str], ...]] = {
    "zillow-oauth-diagnosis": (_COMMON, _CLIENTS, _LOGS),
    "zillow-sync-diagnosis": (_COMMON, _CLIENTS, _LOGS),
    "zillow-system-monitoring": (_COMMON, _LOGS),
    "zillow-incident-recovery": (_COMMON, ("redis", "job dialect")),
}
"""What each one stands on."""
_TRIES = {
    "zillow-oauth-diagnosis": "warroom diagnose oauth --account-id N",
    "zillow-sync-diagnosis": "warroom diagnose sync --account-id N --deal-id M",
    "zillow-system-monitoring": "level 2 of the console: press 2",
}
"""How each one is tried out."""


def steps(catalogue: Catalogue) -> list[Step]:
    """One for each specialist that the catalogue names."""
    return [
        Step(
            SOURCE, name, partial(_route, catalogue, name), _READS.get(name, ()) if route_named(name).available else ()
        )
        for name in catalogue.routes
    ]


def _route(catalogue: Catalogue, name: str) -> Iterable[DoctorLine]:
    route = route_named(name)
    if not route.available:
        contact = catalogue.contact.line()
        told = f"{route.reason} Triage refuses the hand-over, and names the guide and whom to call: {contact}"
        return (DoctorLine.of(SOURCE, name, Status.NO_DATA, told),)
    return (
        DoctorLine.of(
            SOURCE, name, Status.PASS, f"part of this version; to try it: {_TRIES.get(name, 'run a triage')}"
        ),
    )
