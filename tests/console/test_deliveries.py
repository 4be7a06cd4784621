"""Deliveries sent and waiting, and decisions of a person about those that the console cannot settle."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from textual.pilot import Pilot

from diagnostics.models.entries import Channel
from screens.document import DocumentScreen
from screens.incident.deliveries import DeliveriesScreen, may_settle
from screens.line_entry import LineEntry
from tests.console.account_rooms import press, text_on
from tests.console.incident_rooms import IncidentWorld
from tests.console.rest import until
from tests.console.rooms import MakeApp, footer, settle
from tests.console.scripted import ScriptedService
from tests.console.scripted_notices import ScriptedNoticeService, notice_world, stop_clocks


@pytest.fixture(autouse=True)
def _stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_clocks(monkeypatch)


def told(world: IncidentWorld, notices: ScriptedNoticeService) -> str:
    """An incident whose three deliveries have been tried once."""
    proposal = notices.propose()
    incident = notices.confirm(proposal, "send")
    notices.deliver()
    notices.confirmed.clear()
    return world.incidents.get(getattr(incident, "id", "")).id


@asynccontextmanager
async def opened(make_app: MakeApp, service: ScriptedService, incident: str) -> AsyncIterator[Pilot[int]]:
    app = make_app(service)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.push_console_screen(DeliveriesScreen(incident))
        await until(pilot, lambda: cast("DeliveriesScreen", app.screen).incident is not None)
        yield pilot


def screen(pilot: Pilot[int]) -> DeliveriesScreen:
    return cast("DeliveriesScreen", pilot.app.screen)


async def test_every_delivery_stands_with_its_outcome_and_what_to_do(make_app: MakeApp, tmp_path: Path) -> None:
    outcomes = {Channel.SLACK: "uncertain", Channel.JIRA: "failed"}
    with notice_world(tmp_path, outcomes=outcomes) as (world, notices, service):
        async with opened(make_app, service, told(world, notices)) as pilot:
            text = " ".join(text_on(pilot).split())
            assert "UNCERTAIN" in text
            assert "unclear whether it arrived: no answer within 10 s" in text
            assert "not sent: channel_not_found" in text
            assert "invite the bot to the channel" in text
            assert "SENT" in text
            assert "https://example.test/7" in text


@pytest.mark.parametrize(
    ("typed", "outcome", "state"),
    [
        ("arrived: I see it in the channel", "arrived", "sent"),
        ("send again", "send_again", "sent"),
        ("give up", "given_up", "given_up"),
    ],
)
async def test_a_delivery_that_nobody_knows_of_is_settled_by_a_typed_word(
    make_app: MakeApp, tmp_path: Path, typed: str, outcome: str, state: str
) -> None:
    with notice_world(tmp_path, outcomes={Channel.SLACK: "uncertain"}) as (world, notices, service):
        incident = told(world, notices)
        notices.outcomes = {}
        async with opened(make_app, service, incident) as pilot:
            screen(pilot).body.place("delivery:D1")
            await press(pilot, "x", *typed, "enter")
            await until(pilot, lambda: world.incidents.get(incident).deliveries[0].state == state)
            assert [one[:2] for one in notices.settled] == [("D1", outcome)]
            assert notices.settled[0][2] == ("I see it in the channel" if outcome == "arrived" else "")


async def test_another_word_settles_nothing_and_says_what_is_accepted(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path, outcomes={Channel.SLACK: "uncertain"}) as (world, notices, service):
        async with opened(make_app, service, told(world, notices)) as pilot:
            screen(pilot).body.place("delivery:D1")
            await press(pilot, "x", *"maybe", "enter")
            assert "'maybe' is not accepted; accepted: arrived, send again, give up" in text_on(pilot)
            assert isinstance(pilot.app.screen, LineEntry)
            assert notices.settled == []


async def test_a_decision_about_a_state_that_has_moved_on_is_not_taken(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path, outcomes={Channel.SLACK: "uncertain"}) as (world, notices, service):
        incident = told(world, notices)
        async with opened(make_app, service, incident) as pilot:
            shown = screen(pilot)
            shown.body.place("delivery:D1")
            await press(pilot, "x", *"send again")
            notices.settle(incident, "D1", "arrived", "somebody else saw it")
            await until(pilot, lambda: shown.incident is not None and shown.incident.deliveries[0].state == "sent")
            await press(pilot, "enter")
            await until(pilot, lambda: "moved on meanwhile" in footer(pilot))
            assert [one[1] for one in notices.settled] == ["arrived"]


async def test_what_has_arrived_needs_no_decision(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path) as (world, notices, service):
        async with opened(make_app, service, told(world, notices)) as pilot:
            await press(pilot, "x")
            assert "has arrived; there is nothing to resolve" in footer(pilot)
            assert isinstance(pilot.app.screen, DeliveriesScreen)


async def test_a_delivery_opens_with_text_key_attempts_and_evidence(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path) as (world, notices, service):
        async with opened(make_app, service, told(world, notices)) as pilot:
            screen(pilot).body.place("delivery:D1")
            await press(pilot, "enter")
            assert isinstance(pilot.app.screen, DocumentScreen)
            text = text_on(pilot)
            assert "confirmed     17 Nov 14:03:22 UTC by cl.nolen" in text
            assert world.incidents.get("INC-1").deliveries[0].token in text
            assert "*INCIDENT: Rate limiting*" in text
            await press(pilot, "G")
            assert "the question behind health" in text


async def test_an_incident_without_deliveries_says_how_to_begin(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path) as (world, _notices, service):
        async with opened(make_app, service, world.declare().id) as pilot:
            assert "Nothing has been sent or waits to be sent. n tells people." in text_on(pilot)
            await press(pilot, "x", "y", "enter", "o")
            assert isinstance(pilot.app.screen, DeliveriesScreen)


def test_only_what_the_service_accepts_is_offered(tmp_path: Path) -> None:
    from diagnostics.incident.notices.outbox import SETTLEMENTS  # noqa: PLC0415
    from screens.incident.deliveries import DECISIONS  # noqa: PLC0415

    with notice_world(tmp_path) as (world, notices, _service):
        delivery = world.incidents.get(told(world, notices)).deliveries[0]
        for state in ("queued", "retrying", "uncertain", "failed", "given_up", "sent"):
            for word in may_settle(delivery.model_copy(update={"state": state})):
                assert state in SETTLEMENTS[DECISIONS[word][0]], (state, word)


NUMBER = re.compile(r"\bD\d+\b")
"""The journal's own number of a delivery, which names nothing to a person."""


async def test_deliveries_are_spoken_of_by_what_they_are_and_to_whom(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path, outcomes={Channel.SLACK: "uncertain"}) as (world, notices, service):
        async with opened(make_app, service, told(world, notices)) as pilot:
            assert not NUMBER.search(text_on(pilot))
            screen(pilot).body.place("delivery:D1")
            await press(pilot, "x")
            assert "settle first notice to #" in text_on(pilot)
            assert not NUMBER.search(text_on(pilot))
            await press(pilot, *"give up", "enter")
            await until(pilot, lambda: "first notice to #" in footer(pilot))
            assert not NUMBER.search(footer(pilot))
            screen(pilot).body.place("delivery:D1")
            await press(pilot, "enter")
            assert not NUMBER.search(text_on(pilot))
