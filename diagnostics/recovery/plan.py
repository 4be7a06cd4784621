"""A plan of recovery: which events, in which order, at which pace, at what cost. It sends nothing, and cannot write.

A plan is what somebody looked at, kept as it was: sealed over its events one by one, hashed as a whole, with an end. It
is stored in the console's own memory. Whatever has happened since, it can be read; `view` says how it stands now.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import ValidationError
from sqlalchemy import and_, select

from diagnostics.checks.base import number
from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.words import listed, plural
from diagnostics.recovery.backlog import examine
from diagnostics.recovery.carriers.registry import traits_of
from diagnostics.recovery.members import Member, pack, read_members, seal_of, seal_of_packed, unpack
from diagnostics.recovery.models import Part, PlanState, PlanView, RecoveryPlan, SetAside
from diagnostics.recovery.rehearsal import DELAY_S, rehearse
from diagnostics.signals.webhook_backlog import LOOK_BACK_S, LOST
from diagnostics.store.identity import common_identity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from diagnostics.core.context import Context
    from diagnostics.recovery.carriers.base import Traits
    from diagnostics.recovery.models import BacklogReport
    from diagnostics.store.documents import Kept

KIND = "recovery-plan"
KEPT = 20
"""Plans that are remembered."""

VALID_S = 3_600
"""A plan of an hour ago is about another world."""

EXAMPLES = 5

TRIED_AGAIN = frozenset({408, 425, 429})
"""Answers below 500 after which the same event may be accepted; other refusals of the 400s come again each time."""

NOT_COLLAPSED = "none: the table names no entity, so nothing tells that a later event says the same as an earlier one"

NO_CARRIER = "It names no carrier, so it can be read and not be carried out: plan with --carrier for that."

_LATER = ("carrier", "named_rate", "exhausted", "again")

_RETRY_AFTER = re.compile(r"retry[ _-]?after\W{0,4}(\d{1,6})", re.IGNORECASE)


def _refuse_limits(rate: float | None, live_share: float) -> None:
    if rate is not None and not 0.01 <= rate <= 100_000:
        raise UserError(f"a limit of {rate:g} a second cannot be", accepted="0.01 to 100,000 events a second")
    if not 0.0 <= live_share < 1.0:
        raise UserError(f"a live share of {live_share:g} cannot be", accepted="0 to less than 1, such as 0.5")
    if live_share and rate is None:
        raise UserError("a live share is a share of a limit, and none was named", next_step="name it: --rate 20")


def make_plan(
    context: Context,
    *,
    rate: float | None = None,
    live_share: float = 0.0,
    person: str,
    carrier: str = "",
    again: Again | None = None,
) -> PlanView:
    """Read every waiting event, choose, rehearse, seal and keep. Raises SourceFailure, UserError.

    `rate` is the limit where a person knows it, events per second; `live_share` what live traffic keeps of it, 0 to 1.
    `carrier` names what is to carry it out; without one it can only be read.
    """
    _refuse_limits(rate, live_share)
    environment = common_identity(context.settings.databases)
    report = examine(context)
    members, evidence = read_members(context)
    exhausted, retry_after_s = _exhausted(context), _retry_after(context)
    now = context.now().replace(microsecond=0)
    traits = traits_of(carrier, exhausted) if carrier else None
    if again is not None:
        members = [one for one in members if one.id in again.events]
    chosen, aside = choose(
        members, exhausted, traits, due_by=now + timedelta(seconds=VALID_S), is_decided=again is not None
    )
    rehearsal = rehearse(
        len(chosen),
        course=report.course,
        arriving_per_s=_per_second(report.arriving_per_min),
        draining_per_s=_per_second(report.draining_per_min),
        retry_after_s=retry_after_s,
        named_rate=rate,
        live_share=live_share,
        delay_s=DELAY_S if traits is None else traits.delay_s,
    )
    seal = seal_of(chosen)
    plan = RecoveryPlan(
        plan_id=f"RP-{hashlib.sha256(f'{seal} {now.isoformat()} {person}'.encode()).hexdigest()[:8]}",
        made_at=now,
        expires_at=now + timedelta(seconds=VALID_S),
        made_by=person,
        environment=environment,
        events=len(chosen),
        accounts=len({one.account_id for one in chosen}),
        seal=seal,
        first_received_at=chosen[0].received_at if chosen else None,
        set_aside=aside,
        collapsed=NOT_COLLAPSED,
        live_share=live_share,
        expected_losses=_losses(chosen, exhausted, report),
        collateral=_collateral(rehearsal.live_limited_share),
        rehearsal=rehearsal,
        doubts=report.doubts if carrier else (*report.doubts, NO_CARRIER),
        carrier=carrier,
        named_rate=rate,
        exhausted=exhausted,
        again="" if again is None else again.name,
    )
    digest = digest_of(plan)
    payload: dict[str, object] = {"plan": plan.model_dump(mode="json"), "digest": digest, "members": [*pack(chosen)]}
    context.state.remember(KIND, plan.plan_id, payload, KEPT)
    return PlanView(plan=plan, digest=digest, state=PlanState.READY, evidence=(*report.evidence, *evidence))


@dataclass(slots=True, frozen=True)
class Again:
    """A list of an earlier drain that is planned once more: a person's decision, which the plan records."""

    name: str
    """ "DRN-1 failed"."""
    events: frozenset[int]


def choose(
    members: Iterable[Member],
    exhausted: int | None,
    traits: Traits | None = None,
    *,
    due_by: datetime | None = None,
    is_decided: bool = False,
) -> tuple[list[Member], tuple[SetAside, ...]]:
    """The events that delivering again may help, in their order, and the others by cause.

    `traits` are those of the carrier, where one is named; `due_by` is when the plan ends. `is_decided`: a person has
    decided that these very events go again, so what they were answered before does not hold them back.
    """
    chosen: list[Member] = []
    aside: dict[str, list[int]] = {}
    for one in members:
        cause = "" if is_decided else _poison(one, exhausted)
        cause = cause or (_not_carried(one, traits, due_by) if traits is not None else "")
        if cause:
            aside.setdefault(cause, []).append(one.id)
        else:
            chosen.append(one)
    by_size = sorted(aside.items(), key=lambda item: (-len(item[1]), item[0]))
    return chosen, tuple(
        SetAside(cause=cause, events=len(ids), examples=tuple(ids[:EXAMPLES])) for cause, ids in by_size
    )


def _poison(one: Member, exhausted: int | None) -> str:
    if one.status == "processing":
        return "under way: a worker has it; sent again, it might be delivered twice"
    if exhausted is not None and one.attempts >= exhausted:
        return f"{exhausted} attempts or more: events that were lost had as many, and one more would be its last"
    if one.http_status is not None and 400 <= one.http_status < 500 and one.http_status not in TRIED_AGAIN:
        return f"HTTP {one.http_status}: refused for what it is, and would be refused again"
    return ""


def _not_carried(one: Member, traits: Traits, due_by: datetime | None) -> str:
    if one.status not in traits.takes:
        return f"{one.status}: the {traits.title} does not carry events of that status"
    if traits.leaves_due and one.status == "pending" and due_by is not None:
        at = one.next_attempt_at
        if at is None or at <= due_by:
            return "pending, and due within the hour: the poller takes it by itself"
    return ""


def _per_second(per_min: float | None) -> float | None:
    return None if per_min is None else per_min / 60


def _losses(chosen: list[Member], exhausted: int | None, report: BacklogReport) -> str:
    known = f"{plural(report.lost_total, 'event')} are lost already" if report.lost_total else "none is lost so far"
    if exhausted is None:
        return f"not known: nothing recorded tells after how many attempts an event is lost; {known}"
    near = sum(one.attempts >= exhausted - 1 for one in chosen)
    return f"{plural(near, 'event')} with one attempt left, of {exhausted}; {known}"


def _collateral(live_limited_share: float | None) -> str:
    if live_limited_share is None:
        return "not known: no live traffic is in the rehearsal"
    return f"{100 * live_limited_share:.2f} % of live traffic is answered 429 meanwhile, in the rehearsal"


def _exhausted(context: Context) -> int | None:
    """The fewest attempts that a lost event had; None where nothing tells."""
    events = context.table("zillow_webhook_events")
    if "attempts" not in events.c:
        return None
    since = context.now().replace(microsecond=0) - timedelta(seconds=LOOK_BACK_S)
    statement = (
        select(events.c.attempts.label("attempts"))
        .where(and_(events.c.status == LOST, events.c.received_at >= since, events.c.attempts > 0))
        .order_by(events.c.attempts)
        .limit(1)
    )
    rows = context.common("fewest attempts of lost events", statement, window="last 24 h").rows
    return number(rows[0], "attempts") if rows else None


def _retry_after(context: Context) -> float | None:
    """The Retry-After that the newest failed event names; None where it names none."""
    events = context.table("zillow_webhook_events")
    if "last_error" not in events.c:
        return None
    since = context.now().replace(microsecond=0) - timedelta(seconds=LOOK_BACK_S)
    statement = (
        select(events.c.last_error.label("last_error"))
        .where(and_(events.c.status == "failed", events.c.received_at >= since))
        .order_by(events.c.received_at.desc())
        .limit(1)
    )
    rows = context.common("newest error of an event", statement, window="last 24 h").rows
    found = _RETRY_AFTER.search(str(rows[0]["last_error"])) if rows else None
    return float(found.group(1)) if found else None


def canonical_of(plan: RecoveryPlan) -> str:
    """The plan as canonical JSON, in ASCII."""
    fields = plan.model_dump(mode="json")
    for where, names in ((fields, _LATER), (fields["rehearsal"], ("start_rate",))):
        for name in names:
            # Fields that earlier versions did not have: what they saved has the same hash today.
            if not where[name]:
                del where[name]
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest_of(plan: RecoveryPlan) -> str:
    """SHA-256 over the plan as canonical JSON."""
    return hashlib.sha256(canonical_of(plan).encode()).hexdigest()


# ---- reading one again


def find(context: Context, plan_id: str | None) -> Kept:
    """A plan as it is kept; without an id, the newest. Raises UserError, SourceFailure."""
    kept = context.state.recall(KIND, KEPT)
    names = [one.key for one in kept]
    found = kept[0] if kept and plan_id is None else next((one for one in kept if one.key == plan_id), None)
    if found is None:
        raise UserError(
            "no plan is kept" if plan_id is None or not names else f"there is no plan {plan_id}",
            accepted=listed(names, "or") or "a plan that was made",
            next_step="warroom recover plan makes one",
        )
    return found


def view(context: Context, found: Kept) -> PlanView:
    """A plan as it was made, and how it stands now. Raises UserError for what cannot be read."""
    plan, digest, members = _read(found)
    if digest_of(plan) != digest or members is None or seal_of_packed(members) != plan.seal:
        reason = "it is not what was saved: its hash or its seal differs. It must not be used; make a new one"
        return PlanView(plan=plan, digest=digest, state=PlanState.ALTERED, reason=reason)
    if plan.environment != common_identity(context.settings.databases):
        reason = "it is about another database than the one that is configured now"
        return PlanView(plan=plan, digest=digest, state=PlanState.ELSEWHERE, reason=reason)
    try:
        now, evidence = read_members(context)
    except SourceFailure as failure:
        reason = f"whether its events have moved on is not known: {failure.headline()}"
        return PlanView(plan=plan, digest=digest, state=PlanState.UNCHECKED, reason=reason)
    moved = _moved(members, now, plan)
    state, reason = PlanState.READY, ""
    if any(one.events for one in moved if one.name != NEW):
        state, reason = PlanState.STALE, "its events have moved on since it was made; make a new one"
    elif context.now() >= plan.expires_at:
        state, reason = PlanState.EXPIRED, f"it ended at {plan.expires_at:%H:%M:%S} UTC; make a new one"
    return PlanView(plan=plan, digest=digest, state=state, moved=moved, reason=reason, evidence=tuple(evidence))


NEW = "waiting, and not in the plan"
GONE = "not waiting any more: delivered, lost, or older than a day"
TRIED = "tried again, or taken by a worker"


def _moved(planned: dict[int, tuple[str, int]], now: list[Member], plan: RecoveryPlan) -> tuple[Part, ...]:
    counted: Counter[str] = Counter()
    present: set[int] = set()
    for one in now:
        present.add(one.id)
        known = planned.get(one.id)
        if known is not None:
            counted[TRIED] += known != (one.status, one.attempts)
    counted[GONE] = sum(key not in present for key in planned)
    # Those that were set aside wait too, and are no news.
    aside = sum(one.events for one in plan.set_aside)
    counted[NEW] = max(0, sum(key not in planned for key in present) - aside)
    return tuple(Part(name=name, events=counted[name]) for name in (GONE, TRIED, NEW) if counted[name])


def _read(kept: Kept) -> tuple[RecoveryPlan, str, dict[int, tuple[str, int]] | None]:
    try:
        plan = RecoveryPlan.model_validate(kept.payload.get("plan"))
    except ValidationError as error:
        raise UserError(
            f"the plan {kept.key} cannot be read: {error.error_count()} of its fields are not what they were",
            next_step="warroom recover plan makes a new one",
        ) from None
    try:
        members = unpack(kept.payload.get("members"))
    except ValueError:
        members = None
    return plan, str(kept.payload.get("digest", "")), members
