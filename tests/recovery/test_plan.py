"""Plans: which events, what is left alone, sealed and hashed, kept, and read again in whatever state."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import create_engine

from diagnostics.core.failures import UserError
from diagnostics.recovery.document import plan_document
from diagnostics.recovery.members import Member, pack, seal_of, seal_of_packed, unpack
from diagnostics.recovery.models import BacklogPoint, PlanState
from diagnostics.recovery.plan import KIND, choose
from diagnostics.recovery.rehearsal import NO_ROOM, rehearse
from diagnostics.recovery.service import RecoveryService
from tests.contexts import with_members
from tests.recovery.test_backlog import event
from tests.service.world import World, ago
from tui.cli.output import Style
from tui.cli.renderers.document import as_text

IDS = count(1)


def several(number: int, status: str, **traits: object) -> list[dict[str, object]]:
    """Events with ids of their own."""
    received = traits.pop("received", ago(minutes=9))
    processed = traits.pop("processed", None)
    return [{**event(status, received, processed, **traits), "id": next(IDS)} for _ in range(number)]  # type: ignore[arg-type]


@pytest.fixture
def waiting(world: World) -> World:
    """40 failed events of two accounts, 3 under way, 2 that the receiver refuses, 1 worn out, 1 lost, 1 new."""
    world.account(7)
    world.common(
        "zillow_webhook_events",
        *[
            {
                **event(
                    "failed", ago(minutes=60 - at), attempts=at % 5, http_status=429, account_id=(7, 14009)[at % 2]
                ),
                "id": next(IDS),
                "last_error": "HTTP 429; Retry-After: 30",
            }
            for at in range(40)
        ],
        *several(3, "processing"),
        *several(2, "failed", received=ago(minutes=70), attempts=3, http_status=410),
        *several(1, "failed", received=ago(minutes=80), attempts=12, http_status=429),
        *several(1, "lost", received=ago(minutes=90), processed=ago(minutes=80), attempts=12),
        *several(60, "delivered", received=ago(minutes=30), processed=ago(minutes=29)),
        *several(1, "pending", received=ago(seconds=20)),
    )
    return world


def test_a_plan_names_what_it_delivers_and_what_it_leaves_alone(waiting: World) -> None:
    view = waiting.service.recovery.plan(rate=20.0, live_share=0.5)
    plan = view.plan
    assert (plan.events, plan.accounts, view.state) == (41, 2, PlanState.READY)
    aside = {one.cause.partition(":")[0]: one.events for one in plan.set_aside}
    assert aside == {"under way": 3, "HTTP 410": 2, "12 attempts or more": 1}
    assert plan.expires_at - plan.made_at == timedelta(hours=1)
    assert plan.rehearsal.retry_after_s == 30.0
    assert plan.rehearsal.seconds is not None
    # Four rungs wait five seconds each for the outcomes of the one before.
    assert plan.rehearsal.seconds >= 4 * plan.rehearsal.delay_s
    text = "\n".join(as_text([plan_document(view)], Style()))
    assert "41 events of 2 accounts, oldest first" in text
    assert "It names no carrier" in text


def test_a_plan_is_read_again_as_it_was_made(waiting: World) -> None:
    made = waiting.service.recovery.plan(rate=20.0)
    shown = waiting.service.recovery.show()
    assert (shown.plan, shown.digest, shown.state, shown.moved) == (made.plan, made.digest, PlanState.READY, ())
    assert waiting.service.recovery.show(made.plan.plan_id).plan == made.plan


def test_a_plan_whose_events_moved_on_is_stale_says_what_moved_and_can_be_read(waiting: World) -> None:
    made = waiting.service.recovery.plan(rate=20.0)
    one, two, three = sorted(unpack(waiting.service.context.state.recall(KIND)[0].payload["members"]))[:3]
    events = waiting.databases.table("zillow_webhook_events")
    engine = create_engine(f"sqlite:///{waiting.folder}/common.db")
    with engine.begin() as connection:
        connection.execute(events.update().where(events.c["id"] == one).values(status="delivered"))
        connection.execute(events.update().where(events.c["id"].in_((two, three))).values(attempts=9))
    engine.dispose()
    waiting.common("zillow_webhook_events", *several(1, "pending", received=ago(seconds=5)))
    shown = waiting.service.recovery.show()
    assert shown.state is PlanState.STALE
    assert [part.events for part in shown.moved] == [1, 2, 1]
    assert shown.plan == made.plan


def test_new_events_alone_do_not_make_a_plan_stale(waiting: World) -> None:
    waiting.service.recovery.plan(rate=20.0)
    waiting.common("zillow_webhook_events", *several(1, "pending", received=ago(seconds=5)))
    shown = waiting.service.recovery.show()
    assert shown.state is PlanState.READY
    assert [one.events for one in shown.moved] == [1]


def test_an_old_plan_has_expired(waiting: World) -> None:
    made = waiting.service.recovery.plan(rate=20.0)
    later = with_members(waiting.service.context, now=lambda: made.plan.expires_at)
    assert RecoveryService(later).show().state is PlanState.EXPIRED


@pytest.mark.parametrize("part", ["plan", "members", "digest"])
def test_a_plan_edited_by_hand_is_found_out_and_shown(waiting: World, part: str) -> None:
    made = waiting.service.recovery.plan(rate=20.0)
    kept = waiting.service.context.state.recall(KIND)[0]
    payload = json.loads(json.dumps(kept.payload))
    if part == "plan":
        payload["plan"]["events"] += 1
    elif part == "members":
        payload["members"] = [*pack([Member(9, 7, "failed", 1, 429, ago(minutes=1))])]
    else:
        payload["digest"] = "0" * 64
    waiting.service.context.state.remember(KIND, kept.key, payload)
    shown = waiting.service.recovery.show(made.plan.plan_id)
    assert shown.state is PlanState.ALTERED
    assert "must not be used" in shown.reason


def test_a_plan_of_another_database_is_said_to_be(waiting: World) -> None:
    waiting.service.recovery.plan(rate=20.0)
    other = waiting.settings.databases.model_copy(update={"common_url": f"sqlite:///{waiting.folder}/other.db"})
    settings = waiting.settings.model_copy(update={"databases": other})
    shown = RecoveryService(with_members(waiting.service.context, settings=settings)).show()
    assert shown.state is PlanState.ELSEWHERE


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"rate": 0.0}, "cannot be"),
        ({"rate": 20.0, "live_share": 1.0}, "live share of 1 cannot be"),
        ({"live_share": 0.5}, "none was named"),
    ],
)
def test_a_limit_that_cannot_be_is_refused_before_anything_is_read(
    world: World, asked: dict[str, float], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        world.service.recovery.plan(**asked)  # type: ignore[arg-type]  # rates only


def test_a_plan_that_does_not_exist_is_refused_with_those_that_do(waiting: World) -> None:
    with pytest.raises(UserError, match="no plan is kept"):
        waiting.service.recovery.show()
    made = waiting.service.recovery.plan(rate=20.0)
    with pytest.raises(UserError, match="there is no plan RP-0") as refused:
        waiting.service.recovery.show("RP-0")
    assert made.plan.plan_id in str(refused.value.accepted)


def test_members_survive_the_store_whatever_their_order() -> None:
    # Ids go up and down by an amount that never comes again: nothing for the compression to find.
    members = [
        Member(at * 7_919_777_777 % 2**61 + 1, 7, ("pending", "failed")[at % 3 == 0], at % 30, None, ago(minutes=1))
        for at in range(5_000)
    ]
    pieces = [*pack(members)]
    assert max(map(len, pieces)) <= 4_000
    found = unpack(pieces)
    assert [*found] == [one.id for one in members]
    assert seal_of_packed(found) == seal_of(members)
    assert seal_of(members) != seal_of(reversed(members))


def test_the_order_of_an_account_is_that_of_receipt() -> None:
    members = [Member(at, 7, "failed", 1, 429, ago(minutes=60 - at)) for at in range(20)]
    assert choose(members, None)[0] == members


@pytest.mark.honesty(
    "nothing recorded tells the limit, or live traffic takes all of it",
    "a plan of recovery names no duration and no loss, and says why",
)
def test_a_rehearsal_without_a_limit_or_without_room_invents_nothing() -> None:
    def rehearsed(ended: int | None, arriving_per_s: float) -> tuple[float | None, str]:
        course = (BacklogPoint(at=ago(minutes=5), waiting=9, arrived=9, ended=ended),)
        found = rehearse(
            100,
            course=course,
            arriving_per_s=arriving_per_s,
            draining_per_s=1.0,
            retry_after_s=None,
            named_rate=None,
            live_share=0.0,
        )
        return found.seconds, found.note or found.limit_from

    assert rehearsed(None, 1.0) == (None, "nothing was delivered in the last two hours, and none was named")
    assert rehearsed(600, 3.0) == (None, NO_ROOM)
    seconds, _ = rehearsed(6_000, 3.0)
    assert seconds is not None


def test_events_without_a_number_cannot_be_planned(world: World) -> None:
    world.common("zillow_webhook_events", event("pending", ago(minutes=1)), event("pending", ago(minutes=2)))
    with pytest.raises(UserError, match="ids of events are no whole numbers"):
        world.service.recovery.plan(rate=20.0)
