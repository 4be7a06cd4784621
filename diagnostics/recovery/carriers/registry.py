"""Which carriers there are, what each declares, and how one is made for a drain."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diagnostics.core.failures import UserError
from diagnostics.core.words import listed
from diagnostics.recovery.carriers import flip, resque

if TYPE_CHECKING:
    from diagnostics.core.context import Context
    from diagnostics.recovery.carriers.base import Carrier, Traits
    from diagnostics.recovery.models import RecoveryPlan
    from diagnostics.sources.mysql.writer import Writer


@dataclass(slots=True, frozen=True)
class Kind:
    """One kind of carrier."""

    traits: Callable[[int | None], Traits]
    """Declared for the attempts at which an event is given up; None where nothing tells."""
    make: Callable[[Context, Writer, str, RecoveryPlan], Carrier]
    """For a drain, by its name, and its plan."""


CARRIERS: Mapping[str, Kind] = {
    "flip": Kind(
        traits=flip.traits,
        make=lambda context, writer, drain, plan: flip.StatusFlip(context, writer, drain, plan.exhausted),
    ),
    "resque": Kind(
        traits=resque.traits,
        make=lambda context, writer, _drain, plan: resque.ResqueQueue(context, writer, plan, _round(context, plan)),
    ),
}


def traits_of(name: str, exhausted: int | None) -> Traits:
    """What a carrier declares. Raises UserError for a name that none has."""
    return _kind(name).traits(exhausted)


def make(context: Context, writer: Writer, drain: str, plan: RecoveryPlan) -> Carrier:
    """The carrier that a plan names. Raises UserError where it names none."""
    return _kind(plan.carrier).make(context, writer, drain, plan)


def _kind(name: str) -> Kind:
    found = CARRIERS.get(name)
    if found is None:
        raise UserError(
            f"there is no carrier {name!r}"
            if name
            else "the plan names no carrier: it can be read, and not carried out",
            accepted=listed(CARRIERS, "or"),
            next_step="warroom recover plan --carrier flip",
        )
    return found


def _round(context: Context, plan: RecoveryPlan) -> int:
    """How many plans made of one another this is: 1 for one of all that waits."""
    round_, again = 1, plan.again
    while again and round_ < 10:
        first = context.journal.first(again.partition(" ")[0])
        kept = json.loads(getattr(first.body, "plan", "{}")) if first is not None else {}
        round_, again = round_ + 1, str(kept.get("again", ""))
    return round_
