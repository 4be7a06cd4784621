"""A plan of recovery: which events, in which order, at which pace, at what cost. It sends nothing, and cannot write.

A plan is what somebody looked at, kept as it was: sealed over its events one by one, hashed as a whole, with an end. It
is stored in the console's own memory. Whatever has happened since, it can be read; `view` says how it stands now.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import ValidationError
from sqlalchemy import and_, select

from diagnostics.checks.base import number
from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.words import listed, plural
from diagnostics.recovery.backlog import examine
from diagnostics.recovery.members import Member, pack, read_members, seal_of, seal_of_packed, unpack
from diagnostics.recovery.models import Part, PlanState, PlanView, RecoveryPlan, SetAside
from diagnostics.recovery.rehearsal import rehearse
from diagnostics.signals.webhook_backlog import LOOK_BACK_S, LOST
from diagnostics.store.identity import common_identity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from diagnostics.core.context import Context
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

NO_CARRIER = "Nothing carries it out: this version of the console has no way to have events delivered again."

_RETRY_AFTER = re.compile(r"retry[ _-]?after\W{0,4}(\d{1,6})", re.IGNORECASE)


def make_plan(context: Context, *, rate: float | None = None, live_share: float = 0.0, person: str) -> PlanView:
    """Read every waiting event, choose, rehearse, seal and keep. Raises SourceFailure, UserError.

    `rate` is the limit where a person knows it, events per second; `live_share` what live traffic keeps of it, 0 to 1.
    """
    if rate is not None and not 0.01 <= rate <= 100_000:
        raise UserError(f"a limit of {rate:g} a second cannot be", accepted="0.01 to 100,000 events a second")
    if not 0.0 <= live_share < 1.0:
        raise UserError(f"a live share of {live_share:g} cannot be", accepted="0 to less than 1, such as 0.5")
    if live_share and rate is None:
        raise UserError("a live share is a share of a limit, and none was named", next_step="name it: --rate 20")
    environment = common_identity(context.settings.databases)
    report = examine(context)
    members, evidence = read_members(context)
    exhausted, retry_after_s = _exhausted(context), _retry_after(context)
    chosen, aside = choose(members, exhausted)
    rehearsal = rehearse(
        len(chosen),
        course=report.course,
        arriving_per_s=_per_second(report.arriving_per_min),
        draining_per_s=_per_second(report.draining_per_min),
        retry_after_s=retry_after_s,
        named_rate=rate,
        live_share=live_share,
    )
    now = context.now().replace(microsecond=0)
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
        doubts=(*report.doubts, NO_CARRIER),
    )
    digest = digest_of(plan)
    payload: dict[str, object] = {"plan": plan.model_dump(mode="json"), "digest": digest, "members": [*pack(chosen)]}
    context.state.remember(KIND, plan.plan_id, payload, KEPT)
    return PlanView(plan=plan, digest=digest, state=PlanState.READY, evidence=(*report.evidence, *evidence))


def choose(members: Iterable[Member], exhausted: int | None) -> tuple[list[Member], tuple[SetAside, ...]]:
    """The events that delivering again may help, in their order, and the others by cause."""
    chosen: list[Member] = []
    aside: dict[str, list[int]] = {}
    for one in members:
        cause = _poison(one, exhausted)
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


def digest_of(plan: RecoveryPlan) -> str:
    """SHA-256 over the plan as canonical JSON."""
    written = json.dumps(plan.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(written.encode()).hexdigest()


# ---- reading one again


def view(context: Context, plan_id: str | None) -> PlanView:
    """A plan as it was made, and how it stands now; without an id, the newest. Raises SourceFailure, UserError."""
    kept = context.state.recall(KIND, KEPT)
    names = [one.key for one in kept]
    found = kept[0] if kept and plan_id is None else next((one for one in kept if one.key == plan_id), None)
    if found is None:
        raise UserError(
            "no plan is kept" if plan_id is None or not names else f"there is no plan {plan_id}",
            accepted=listed(names, "or") or "a plan that was made",
            next_step="warroom recover plan makes one",
        )
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
