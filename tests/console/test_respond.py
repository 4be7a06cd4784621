"""Telling people: nothing goes out that was not seen and typed, nothing goes twice, and nothing typed is lost."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from textual.pilot import Pilot

from diagnostics.models.entries import Audience, Channel, IncidentStatus, Purpose
from diagnostics.models.incidents import Incident
from screens.incident.declare import DeclareScreen
from screens.incident.deliveries import DeliveriesScreen
from screens.incident.respond import RespondScreen
from screens.line_entry import LineEntry
from screens.refusals import RefusalScreen
from tests.console.account_rooms import press, text_on
from tests.console.incident_rooms import IncidentWorld
from tests.console.rest import rest, until
from tests.console.rooms import MakeApp, burst, footer, settle
from tests.console.scripted import NOW, ScriptedService
from tests.console.scripted_notices import ScriptedNoticeService, at, notice_world, stop_clocks
from tui.app import WarRoomApp


@pytest.fixture(autouse=True)
def _stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_clocks(monkeypatch)


@asynccontextmanager
async def console(make_app: MakeApp, service: ScriptedService) -> AsyncIterator[Pilot[int]]:
    app = make_app(service)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        yield pilot


def screen(pilot: Pilot[int]) -> RespondScreen:
    return cast("RespondScreen", pilot.app.screen)


async def preview(pilot: Pilot[int], **how: object) -> RespondScreen:
    """The screen with its preview on it."""
    given = {"issue_type": "rate_limiting", "severity": "incident"} if "incident" not in how else {}
    shown = RespondScreen(**{**given, **how})  # type: ignore[arg-type]  # fields of the screen
    cast("WarRoomApp", pilot.app).push_console_screen(shown)
    await until(pilot, lambda: shown.state.seen or shown.state.problem is not None)
    await pilot.pause()
    return shown


async def send(pilot: Pilot[int], word: str = "send") -> None:
    await press(pilot, "down", "enter", *word, "enter")


def cursor_line(shown: RespondScreen) -> int:
    """The line of the screen on which the cursor of the text stands."""
    keys = [one.key for one in shown.body.rows]
    return keys.index(shown.body.cursor_key) - round(shown.body.scroll_offset.y)


def only(world: IncidentWorld) -> Incident:
    (line,) = world.incidents.lines()
    return world.incidents.get(line.id)


async def test_three_keys_and_a_typed_word_declare_and_tell(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path) as (world, notices, service):
        async with console(make_app, service) as pilot:
            await press(pilot, "n")
            await until(pilot, lambda: isinstance(pilot.app.screen, RespondScreen) and screen(pilot).state.seen)
            await send(pilot)
            await until(pilot, lambda: "done. Delivered" in text_on(pilot))
            assert [one.state for one in only(world).deliveries] == ["sent", "sent", "sent"]
            assert notices.confirmed == [("send", frozenset())]


async def test_keys_typed_ahead_of_the_preview_send_only_after_it_is_on_screen(
    make_app: MakeApp, tmp_path: Path
) -> None:
    with notice_world(tmp_path, waits=threading.Event()) as (world, notices, service):
        async with console(make_app, service) as pilot:
            burst(pilot, "n", "down", "enter")
            await until(pilot, lambda: isinstance(pilot.app.screen, RespondScreen) and notices.began.is_set())
            await until(pilot, lambda: screen(pilot).typing)
            await press(pilot, *"send", "enter")
            assert "not here yet" in footer(pilot)
            assert screen(pilot).entry.value == "send"
            assert notices.confirmed == []
            assert notices.waits is not None
            notices.waits.set()
            await until(pilot, lambda: screen(pilot).state.seen)
            assert notices.confirmed == []
            await press(pilot, "enter")
            await until(pilot, lambda: world.incidents.lines() and only(world).deliveries)
            assert notices.confirmed == [("send", frozenset())]


async def test_enter_on_what_comes_first_cancels_and_writes_nothing(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path) as (world, notices, service):
        async with console(make_app, service) as pilot:
            await preview(pilot)
            await press(pilot, "enter")
            assert not isinstance(pilot.app.screen, RespondScreen)
            assert notices.confirmed == []
            assert world.journal.head().seq == 0


@pytest.mark.parametrize("word", ["Send it", "", "sen"])
async def test_another_word_sends_nothing(make_app: MakeApp, tmp_path: Path, word: str) -> None:
    with notice_world(tmp_path) as (world, notices, service):
        async with console(make_app, service) as pilot:
            await preview(pilot)
            await send(pilot, word)
            assert "nothing was sent" in footer(pilot)
            assert notices.confirmed == []
            assert world.journal.head().seq == 0


async def test_a_double_enter_sends_once_and_stays(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path, holding=threading.Event()) as (world, notices, service):
        async with console(make_app, service) as pilot:
            await preview(pilot)
            await send(pilot)
            await press(pilot, "enter", "enter")
            assert notices.holding is not None
            notices.holding.set()
            await until(pilot, lambda: screen(pilot).state.declared is not None)
            await press(pilot, "enter")
            assert isinstance(pilot.app.screen, RespondScreen)
            assert len(notices.confirmed) == 1
            assert len(only(world).deliveries) == 3


async def test_an_old_number_blocks_until_it_is_accepted_by_name(make_app: MakeApp, tmp_path: Path) -> None:
    stale = frozenset({"health", "accounts_affected"})
    with notice_world(tmp_path, old=stale) as (_world, notices, service):
        async with console(make_app, service) as pilot:
            await preview(pilot)
            assert "BLOCKED: 2 old numbers" in text_on(pilot)
            await send(pilot)
            assert notices.confirmed == []
            assert "nothing was sent: 2 old numbers" in footer(pilot)
            await press(pilot, "A")
            assert "1 old number" in text_on(pilot)
            await press(pilot, "A")
            assert "BLOCKED" not in text_on(pilot)
            await press(pilot, "k", "k")
            await send(pilot)
            await until(pilot, lambda: notices.confirmed)
            assert notices.confirmed == [("send", stale)]


async def test_measuring_again_makes_old_numbers_fresh_and_keeps_what_was_written(
    make_app: MakeApp, tmp_path: Path
) -> None:
    with notice_world(tmp_path, old=frozenset({"health"})) as (_world, notices, service):
        async with console(make_app, service) as pilot:
            shown = await preview(pilot, words={"eta": "within the hour"})
            notices.old = frozenset()
            await press(pilot, "r")
            await until(pilot, lambda: shown.state.seen and not shown.state.blocking)
            assert "BLOCKED" not in text_on(pilot)
            assert "ETA: within the hour." in text_on(pilot)


async def test_an_acceptance_does_not_hold_for_another_value(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path, old=frozenset({"health"})) as (_world, _notices, service):
        async with console(make_app, service) as pilot:
            shown = await preview(pilot)
            await press(pilot, "A")
            assert not shown.state.blocking
            assert shown.state.prepared is not None
            moved = [
                draft.model_copy(
                    update={
                        "figures": tuple(
                            one.model_copy(update={"shown": "91.00 %"}) if one.stale else one for one in draft.figures
                        )
                    }
                )
                for draft in shown.state.prepared.proposal.drafts
            ]
            shown.state.prepared.proposal = shown.state.prepared.proposal.model_copy(update={"drafts": tuple(moved)})
            shown.state.take(shown.state.prepared)
            assert [one.name for one in shown.state.blocking] == ["health"]


async def test_a_preview_that_has_grown_old_is_measured_again_before_it_can_go(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with notice_world(tmp_path) as (_world, notices, service):
        async with console(make_app, service) as pilot:
            shown = await preview(pilot)
            await press(pilot, "down", "enter", *"send")
            stop_clocks(monkeypatch, at(200))
            notices.good_for_s = 600.0
            measured = notices.measured
            await press(pilot, "enter")
            assert notices.confirmed == []
            await until(pilot, lambda: shown.state.seen and not shown.is_preparing)
            assert notices.measured == measured + 1
            assert shown.entry.value == "send"
            await press(pilot, "enter")
            await until(pilot, lambda: notices.confirmed)


async def test_where_slack_cannot_be_used_the_text_is_on_the_clipboard_at_once(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[str] = []
    monkeypatch.setattr(WarRoomApp, "copy", lambda _self, text: copied.append(text))
    with notice_world(tmp_path, problems=frozenset({Channel.SLACK, Channel.JIRA})) as (world, _notices, service):
        async with console(make_app, service) as pilot:
            shown = await preview(pilot)
            assert len(copied) == 1
            assert copied[0].startswith("*INCIDENT: Rate limiting*")
            text = text_on(pilot)
            assert "not from here: Slack, Jira issue" in text
            assert "no bot token and no webhook address is set" in text
            assert "Send to 1 place " in text
            await press(pilot, "r")
            await until(pilot, lambda: shown.state.seen)
            assert len(copied) == 1
            await send(pilot)
            await until(pilot, lambda: shown.state.declared is not None)
            assert [one.channel for one in only(world).deliveries] == [Channel.DATADOG_INCIDENT]


async def test_an_incident_can_be_declared_although_nothing_can_be_sent(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path, problems=frozenset(Channel)) as (world, _notices, service):
        async with console(make_app, service) as pilot:
            shown = await preview(pilot)
            assert "Declare, send nothing" in text_on(pilot)
            await send(pilot)
            await until(pilot, lambda: shown.state.declared is not None)
            assert only(world).deliveries == ()
            assert "no message went to the team" in text_on(pilot)


async def test_a_journal_that_cannot_be_written_sends_nothing_and_can_be_tried_again(
    make_app: MakeApp, tmp_path: Path
) -> None:
    with notice_world(tmp_path, confirm_fails=True) as (world, notices, service):
        async with console(make_app, service) as pilot:
            shown = await preview(pilot)
            await send(pilot)
            await until(pilot, lambda: "unreachable" in footer(pilot))
            assert world.journal.head().seq == 0
            assert shown.state.declared is None
            notices.confirm_fails = False
            await send(pilot)
            await until(pilot, lambda: shown.state.declared is not None)
            assert len(only(world).deliveries) == 3


async def test_a_refusal_opens_with_what_to_do(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path, refuses=True) as (world, _notices, service):
        async with console(make_app, service) as pilot:
            await preview(pilot)
            await send(pilot)
            await until(pilot, lambda: isinstance(pilot.app.screen, RefusalScreen))
            assert "These numbers have become old. Nothing was sent." in text_on(pilot)
            assert world.journal.head().seq == 0


async def test_a_preview_that_fails_says_why_and_r_tries_again(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path, failing=True) as (_world, notices, service):
        async with console(make_app, service) as pilot:
            shown = await preview(pilot)
            text = text_on(pilot)
            assert "not prepared: state: denied" in text
            assert "Run `warroom doctor`" in text
            notices.failing = False
            await press(pilot, "r")
            await until(pilot, lambda: shown.state.seen)


async def test_escape_ends_a_preparation_and_then_leaves(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path, waits=threading.Event()) as (world, notices, service):
        async with console(make_app, service) as pilot:
            await press(pilot, "n")
            await until(pilot, notices.began.is_set)
            await press(pilot, "escape")
            await until(pilot, lambda: "you ended the preparation" in text_on(pilot))
            await press(pilot, "escape")
            assert not isinstance(pilot.app.screen, RespondScreen)
            assert world.journal.head().seq == 0


async def test_words_are_written_into_the_texts(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path) as (_world, notices, service):
        async with console(make_app, service) as pilot:
            shown = await preview(pilot)
            shown.body.focus()
            shown.body.place("edit:actions_taken")
            await press(pilot, "enter")
            assert isinstance(pilot.app.screen, LineEntry)
            await press(pilot, *"callers told", "enter")
            await until(pilot, lambda: "Done so far: callers told" in text_on(pilot))
            assert [one["words"] for one in notices.rewritten] == [{"actions_taken": "callers told"}]


@pytest.mark.parametrize("reads", [True, False], ids=["in the text", "typing"])
async def test_what_is_known_is_on_screen_while_the_sources_hold_their_answers_back(
    make_app: MakeApp, tmp_path: Path, reads: bool
) -> None:
    with notice_world(tmp_path, measures=threading.Event(), unread=frozenset({"health"})) as (world, notices, service):
        async with console(make_app, service) as pilot:
            shown = await preview(pilot)
            await until(pilot, lambda: notices.measured == 1)
            assert shown.is_preparing
            assert "3 of 4 numbers known, measuring" in str(shown.heading())
            assert [one.name for one in shown.state.unread] == ["health"]
            await pilot.resize_terminal(80, 24)
            shown.body.focus()
            shown.body.place("figure:webhook_backlog")
            await press(pilot, "tab", "down", "enter", *"sen")
            if reads:
                shown.body.focus()
            await until(pilot, lambda: shown.entry.value == "sen" and shown.body.scroll_offset.y > 0)
            await pilot.pause()
            line = cursor_line(shown)
            notices.unread = frozenset()
            assert notices.measures is not None
            notices.measures.set()
            await until(pilot, lambda: not shown.state.unread and not shown.is_preparing)
            await until(pilot, lambda: "not known yet" not in text_on(pilot))
            assert shown.entry.value == "sen"
            assert shown.body.cursor_key == "figure:webhook_backlog"
            await until(pilot, lambda: shown.state.rank and cursor_line(shown) == line)
            assert world.journal.head().seq == 0


async def test_what_is_known_can_be_sent_before_the_rest_has_come(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path, measures=threading.Event()) as (world, notices, service):
        async with console(make_app, service) as pilot:
            shown = await preview(pilot)
            await until(pilot, lambda: notices.measured == 1)
            await send(pilot)
            await until(pilot, lambda: shown.state.declared is not None)
            assert notices.measures is not None
            notices.measures.set()
            await until(pilot, lambda: "done. Delivered" in text_on(pilot))
            assert len(notices.confirmed) == 1
            assert len(only(world).deliveries) == 3


async def test_an_old_number_known_before_blocks_until_the_fresh_one_is_there(
    make_app: MakeApp, tmp_path: Path
) -> None:
    with notice_world(tmp_path, measures=threading.Event(), old=frozenset({"health"})) as (_world, notices, service):
        async with console(make_app, service) as pilot:
            shown = await preview(pilot)
            await send(pilot)
            assert "nothing was sent" in footer(pilot)
            assert notices.confirmed == []
            notices.old = frozenset()
            assert notices.measures is not None
            notices.measures.set()
            await until(pilot, lambda: not shown.state.blocking and shown.state.seen)
            await send(pilot)
            await until(pilot, lambda: notices.confirmed)


async def test_words_written_while_it_is_measured_stand_in_the_measured_text(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path, measures=threading.Event()) as (_world, notices, service):
        async with console(make_app, service) as pilot:
            shown = await preview(pilot)
            await until(pilot, lambda: notices.measured == 1)
            shown.body.focus()
            shown.body.place("edit:actions_taken")
            await press(pilot, "enter", *"callers told", "enter")
            await until(pilot, lambda: "Done so far: callers told" in text_on(pilot))
            assert notices.measures is not None
            notices.measures.set()
            await until(pilot, lambda: not shown.is_preparing and shown.state.seen)
            assert shown.state.prepared is not None
            await until(pilot, lambda: shown.state.prepared is not None and not shown.state.prepared.at_once)
            assert "Done so far: callers told" in text_on(pilot)
            assert notices.measured == 1


async def test_the_audience_of_an_update_is_cycled(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path) as (world, notices, service):
        incident = world.declare()
        async with console(make_app, service) as pilot:
            shown = await preview(pilot, incident=incident.id, purpose=Purpose.UPDATE)
            await press(pilot, "s", "s")
            await until(pilot, lambda: shown.state.seen and "update for executives" in text_on(pilot))
            assert notices.rewritten[-1]["audience"] is Audience.EXECUTIVES
            assert "for 61 accounts since 13:51 UTC" in " ".join(text_on(pilot).split())


async def test_a_resolution_with_criteria_unmet_asks_for_a_reason_and_resolves(
    make_app: MakeApp, tmp_path: Path
) -> None:
    with notice_world(tmp_path, unmet=2) as (world, _notices, service):
        incident = world.declare()
        async with console(make_app, service) as pilot:
            shown = await preview(pilot, incident=incident.id, purpose=Purpose.RESOLUTION)
            assert "exit criteria that are not met: 2" in text_on(pilot)
            await press(pilot, "down", "enter")
            assert isinstance(pilot.app.screen, LineEntry)
            assert "health at least 98.80 %" in text_on(pilot)
            await press(pilot, *"drained by hand", "enter")
            await until(pilot, lambda: shown.typing)
            await press(pilot, *"send", "enter")
            await until(pilot, lambda: shown.state.declared is not None)
            resolved = world.incidents.get(incident.id)
            assert resolved.status is IncidentStatus.RESOLVED
            assert resolved.unmet == ("health", "backlog")
            assert resolved.resolved_why == "drained by hand"


async def test_what_failed_is_named_with_what_to_do(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[str] = []
    monkeypatch.setattr(WarRoomApp, "copy", lambda _self, text: copied.append(text))
    outcomes = {Channel.SLACK: "failed", Channel.JIRA: "uncertain"}
    with notice_world(tmp_path, outcomes=outcomes) as (_world, _notices, service):
        async with console(make_app, service) as pilot:
            shown = await preview(pilot)
            await send(pilot)
            await until(pilot, lambda: "NOT delivered: Slack" in text_on(pilot))
            text = " ".join(text_on(pilot).split())
            assert "not sent: channel_not_found" in text
            assert "invite the bot to the channel" in text
            await until(pilot, lambda: "unclear whether it arrived" in text_on(pilot))
            assert copied
            assert copied[-1].startswith("*INCIDENT")
            shown.steps.place("deliveries")
            shown._entered_at = float("-inf")
            await press(pilot, "enter")
            assert isinstance(pilot.app.screen, DeliveriesScreen)


async def test_leaving_while_it_is_on_its_way_loses_nothing(make_app: MakeApp, tmp_path: Path) -> None:
    outcomes = {Channel.SLACK: "held"}
    with notice_world(tmp_path, outcomes=outcomes) as (world, notices, service):
        async with console(make_app, service) as pilot:
            shown = await preview(pilot)
            await send(pilot)
            await until(pilot, lambda: shown.state.declared is not None)
            await press(pilot, "escape")
            assert not isinstance(pilot.app.screen, RespondScreen)
            notices.outcomes = {}
            await until(pilot, lambda: all(one.state == "sent" for one in only(world).deliveries))


async def test_the_number_under_the_cursor_answers_for_itself(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path) as (_world, _notices, service):
        async with console(make_app, service) as pilot:
            shown = await preview(pilot)
            shown.body.focus()
            shown.body.place("figure:webhook_backlog")
            await press(pilot, "w")
            assert "the question behind webhook_backlog" in text_on(pilot)
            assert "the question behind health" not in text_on(pilot)


async def test_tier_and_impact_stand_in_the_preview_and_their_failure_is_a_dash(
    make_app: MakeApp, tmp_path: Path
) -> None:
    with notice_world(tmp_path) as (_world, _notices, service):
        async with console(make_app, service) as pilot:
            await preview(pilot)
            await until(pilot, lambda: "tier 3: 61 accounts, over 10" in text_on(pilot))
            assert "impact 1,240 of 61 accounts" in text_on(pilot)
            service.assessments.failing = True
            await press(pilot, "escape")
            await preview(pilot)
            await until(pilot, lambda: "impact — (common: unreachable)" in text_on(pilot))


async def test_a_word_outside_the_matrix_is_refused_with_what_is_accepted(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path) as (_world, _notices, service):
        async with console(make_app, service) as pilot:
            app = cast("WarRoomApp", pilot.app)
            app.push_console_screen(DeclareScreen(issue_type="flood"))
            await rest(pilot)
            assert "there is no issue type 'flood'; accepted:" in footer(pilot)
            await press(pilot, "tab", "enter")
            assert "still to choose: kind, severity" in footer(pilot)


async def test_an_incident_is_declared_by_hand_with_its_own_words(make_app: MakeApp, tmp_path: Path) -> None:
    with notice_world(tmp_path) as (world, _notices, service):
        async with console(make_app, service) as pilot:
            app = cast("WarRoomApp", pilot.app)
            declare = DeclareScreen()
            app.push_console_screen(declare)
            await rest(pilot)
            declare.body.place("issue:oauth_failure")
            await press(pilot, "enter")
            assert declare.body.cursor_key == "severity:critical"
            declare.body.place("write:accounts")
            await press(pilot, "enter", *"14009, x", "enter")
            assert "x: an account is a positive whole number, such as 14009" in text_on(pilot)
            await press(pilot, "backspace", *"148261", "enter")
            await rest(pilot)
            declare.body.place("write:title")
            await press(pilot, "enter", *"tokens die", "enter")
            await rest(pilot)
            declare.body.place("severity:critical")
            await press(pilot, "enter", "enter")
            await until(pilot, lambda: isinstance(app.screen, RespondScreen) and screen(pilot).state.seen)
            await send(pilot)
            await until(pilot, lambda: screen(pilot).state.declared is not None)
            incident = only(world)
            assert (incident.issue_type, incident.severity, incident.title) == (
                "oauth_failure",
                "critical",
                "tokens die",
            )
            assert {"14009", "148261"} <= {one.name for one in incident.accounts}


async def test_hostile_text_is_shown_as_text_and_never_runs(make_app: MakeApp, tmp_path: Path) -> None:
    outcomes = {Channel.SLACK: "failed"}
    with notice_world(tmp_path, hostile=True, notes=("an open incident may be the same",), outcomes=outcomes) as (
        _world,
        _notices,
        service,
    ):
        async with console(make_app, service) as pilot:
            shown = await preview(pilot)
            assert "[/foo]" in text_on(pilot)
            await send(pilot)
            await until(pilot, lambda: shown.state.declared is not None)
            await until(pilot, lambda: "FAILED" in text_on(pilot))
            assert "\x1b" not in text_on(pilot)


def test_the_moment_of_these_tests_is_that_of_the_scripts() -> None:
    assert at(0) == NOW


def test_scripted_services_have_the_methods_of_the_real_one() -> None:
    notices = pytest.importorskip("diagnostics.incident.notices.notices")
    real = {name for name in dir(notices.NoticeService) if not name.startswith("_")}
    assert {"propose", "confirm", "deliver", "waiting", "settle"} <= real & set(dir(ScriptedNoticeService))
