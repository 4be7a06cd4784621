"""The escalation panel, roles and tasks: what keys do, what others do meanwhile, and what it costs."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import NoReturn, cast

import pytest
from textual.pilot import Pilot

from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.models.entries import Channel, DeliverySent, IncidentStatus, Noted, Purpose
from screens.account.affected import AffectedScreen
from screens.document import DocumentScreen
from screens.incident.claim import ClaimScreen
from screens.incident.panel import EscalationScreen
from screens.incident.tasks import TasksScreen
from screens.incident.writer import due_moment, line_check, typed_task
from screens.line_entry import LineEntry
from tests.console import scripted_escalation as story
from tests.console.escalation_rooms import console, go_to, in_view, panel, shown, world
from tests.console.incident_rooms import IncidentWorld, incident_world
from tests.console.rest import rest, until
from tests.console.rooms import MakeApp, footer, settle
from tests.console.scripted import NOW
from tests.console.scripted_escalation import ScriptedAssessments
from tests.journal.places import SQLitePlace
from tui.app import WarRoomApp
from tui.header import incident_words
from widgets import incident_clock
from widgets.footer_bar import FooterBar
from widgets.glyphs import UNICODE
from widgets.header_bar import HeaderBar
from widgets.line_view import LineView

__all__ = ["world"]


def header(app: WarRoomApp) -> str:
    return app.screen.query_one(HeaderBar).query_one("#header-state", LineView).rows[0].text


# ---- clocks


def test_a_promise_is_due_then_overdue_and_quiet_while_somebody_asked_for_quiet() -> None:
    assert incident_clock.promise(NOW + timedelta(minutes=2), NOW).state == "due"
    assert incident_clock.promise(NOW - timedelta(minutes=2), NOW).state == "overdue"
    assert incident_clock.promise(NOW - timedelta(minutes=2), NOW, NOW + timedelta(minutes=1)).state == "snoozed"


def test_the_five_minutes_end_when_the_first_notice_has_arrived(world: IncidentWorld) -> None:
    incident = world.declare()
    due = incident_clock.notice_due(incident)
    assert due == incident.detected_at + timedelta(minutes=5)  # type: ignore[operator]  # the world gives one
    assert incident_clock.notice_due(story.told(world, incident)) is None


# ---- the panel


async def test_e_opens_the_panel_from_every_screen_and_goes_back(make_app: MakeApp, world: IncidentWorld) -> None:
    world.declare()
    async with panel(make_app, world) as pilot:
        assert isinstance(pilot.app.screen, EscalationScreen)
        await pilot.press("e")
        await pilot.press("2")
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.screen, EscalationScreen))


async def test_q_asks_once_while_an_incident_is_open(make_app: MakeApp, world: IncidentWorld) -> None:
    incident = world.declare()
    app = console(make_app, world)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await in_view(pilot, world)
        await pilot.press("q")
        assert app.is_running
        assert f"{incident.id} is open: q again leaves the console" in footer(pilot)
        await pilot.press("q")
        await until(pilot, lambda: app.return_code == 0)


async def test_without_an_incident_the_panel_counts_five_minutes_and_names_one_thing_to_do(
    make_app: MakeApp, world: IncidentWorld
) -> None:
    async with panel(make_app, world, size=(80, 24)) as pilot:
        assert "FIRST NOTICE due 14:08 UTC" in shown(pilot)
        assert "n: declare the incident and notify the team" in shown(pilot)
        assert "due 5 min" in header(cast("WarRoomApp", pilot.app))
        world.clock.forward(minutes=9)
        cast("EscalationScreen", pilot.app.screen).tick()
        cast("WarRoomApp", pilot.app).draw_header()
        assert "OVERDUE 4 min" in shown(pilot)
        assert "NOTICE OVERDUE 4 min" in header(cast("WarRoomApp", pilot.app))


async def test_the_answer_stands_above_everything(make_app: MakeApp, world: IncidentWorld) -> None:
    story.middle(world)
    async with panel(make_app, world, size=(80, 24)) as pilot:
        answer = "\n".join(item.text for item in pilot.app.screen.query_one("#answer", LineView).rows)
        for words in ("INC-2", "INCIDENT", "tier 3", "investigating", "next update due 14:34 UTC", "team told 14:04"):
            assert words in answer


async def test_an_entry_of_another_console_appears_by_itself(make_app: MakeApp, world: IncidentWorld) -> None:
    incident = world.declare()
    async with panel(make_app, world) as pilot:
        ana = world.other("ana")
        ana.note(incident.id, "the queue is draining")
        ana.claim(incident.id, "technical_lead")
        await until(pilot, lambda: "the queue is draining" in shown(pilot) and "ana" in shown(pilot))


async def test_overdue_is_a_word_and_snoozing_says_by_whom_and_until_when(
    make_app: MakeApp, world: IncidentWorld
) -> None:
    story.overdue(world)
    async with panel(make_app, world, size=(80, 24)) as pilot:
        assert "UPDATE OVERDUE since 14:53 UTC" in shown(pilot)
        assert "UPDATE OVERDUE 3 min" in header(cast("WarRoomApp", pilot.app))
        await pilot.press("z")
        await until(pilot, lambda: "reminder off until 15:11 by cl.nolen" in shown(pilot))
        assert "overdue 3 min" in header(cast("WarRoomApp", pilot.app))


async def test_x_ticks_the_step_under_the_cursor_and_unticks_it(make_app: MakeApp, world: IncidentWorld) -> None:
    incident = world.declare()
    async with panel(make_app, world) as pilot:
        await go_to(pilot, "step:stop_bulk_work")
        await pilot.press("x")
        await until(pilot, lambda: world.incidents.get(incident.id).steps)
        await until(pilot, lambda: "1 of 16 done" in shown(pilot))
        await pilot.press("x")
        await until(pilot, lambda: not world.incidents.get(incident.id).steps)


async def test_who_ticks_a_step_second_is_told_who_was_quicker(
    make_app: MakeApp, world: IncidentWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = world.declare()
    async with panel(make_app, world) as pilot:
        # What others write is not seen here until the key has been pressed.
        head = world.journal.head()
        monkeypatch.setattr(world.journal, "head", lambda: head)
        world.other("ana").tick(incident.id, "stop_bulk_work")
        await go_to(pilot, "step:stop_bulk_work")
        await pilot.press("x")
        await until(pilot, lambda: "ana was quicker" in shown(pilot))


async def test_w_shows_the_evidence_of_a_step_the_console_saw(make_app: MakeApp, world: IncidentWorld) -> None:
    story.middle(world)
    async with panel(make_app, world, size=(200, 60)) as pilot:
        assert "seen by the console" in shown(pilot)
        await go_to(pilot, "step:first_notice")
        await pilot.press("w")
        await until(pilot, lambda: isinstance(pilot.app.screen, DocumentScreen))
        await until(pilot, lambda: "D1 arrived" in shown(pilot))


@pytest.mark.parametrize(
    ("key", "words"),
    [("status", "decided by"), ("impact", "Harbour Homes"), ("criterion:health", "sync events by status")],
)
async def test_w_answers_for_every_number(make_app: MakeApp, world: IncidentWorld, key: str, words: str) -> None:
    story.middle(world)
    async with panel(make_app, world) as pilot:
        await go_to(pilot, key)
        await pilot.press("w")
        await until(pilot, lambda: isinstance(pilot.app.screen, DocumentScreen) and words in shown(pilot))


async def test_enter_on_the_accounts_of_the_scope_lists_them_and_w_shows_the_scope(
    make_app: MakeApp, world: IncidentWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = story.middle(world)
    asked: list[tuple[object, ...]] = []

    def affected(_: object, *question: object, **__: object) -> NoReturn:
        asked.append(question)
        raise SourceFailure(FailureKind.UNREACHABLE, "datadog", "connection refused")

    monkeypatch.setattr(ScriptedAssessments, "affected", affected, raising=False)
    async with panel(make_app, world) as pilot:
        assert world.incidents.get(incident.id).accounts
        await go_to(pilot, "scope")
        await pilot.press("enter")
        await until(pilot, lambda: bool(asked))
        assert asked[0][:2] == ("rate_limiting", "incident")
        assert isinstance(pilot.app.screen, AffectedScreen)
        await pilot.press("escape")
        await go_to(pilot, "scope")
        await pilot.press("w")
        await until(pilot, lambda: isinstance(pilot.app.screen, DocumentScreen))


async def test_enter_on_a_scope_without_accounts_says_what_is_in_it(make_app: MakeApp, world: IncidentWorld) -> None:
    incident = world.declare()
    for one in world.incidents.get(incident.id).accounts:
        world.incidents.leave_scope(incident.id, "account", one.name)
    async with panel(make_app, world) as pilot:
        await go_to(pilot, "scope")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, DocumentScreen))


async def test_what_seems_affected_is_added_with_x(make_app: MakeApp, world: IncidentWorld) -> None:
    incident = story.middle(world)
    async with panel(make_app, world) as pilot:
        await go_to(pilot, "proposal:system:ZillowAuth")
        await pilot.press("x")
        await until(pilot, lambda: any(one.name == "ZillowAuth" for one in world.incidents.get(incident.id).systems))


async def test_another_open_incident_is_brought_into_view_with_enter(make_app: MakeApp, world: IncidentWorld) -> None:
    story.middle(world)
    async with panel(make_app, world) as pilot:
        await go_to(pilot, "incident:INC-1")
        await pilot.press("enter")
        await until(pilot, lambda: cast("EscalationScreen", pilot.app.screen).follower.incident.id == "INC-1")  # type: ignore[union-attr]  # one is open
        await until(pilot, lambda: "One account cannot refresh" in shown(pilot))


async def test_deliveries_say_their_state_in_words(make_app: MakeApp, world: IncidentWorld) -> None:
    story.overdue(world)
    async with panel(make_app, world, size=(200, 60)) as pilot:
        said = shown(pilot)
        for words in (
            "sent 14:04",
            "found again 14:04",
            "retrying in 20 s",
            "UNCERTAIN: look in the channel",
            "FAILED",
        ):
            assert words in said


async def test_o_shows_the_link_of_the_delivery_under_the_cursor(make_app: MakeApp, world: IncidentWorld) -> None:
    story.middle(world)
    async with panel(make_app, world) as pilot:
        await go_to(pilot, "delivery:D2")
        await pilot.press("o")
        await until(pilot, lambda: "https://fub.datadoghq.com/incidents/482" in shown(pilot))


async def test_a_note_is_typed_and_stands_in_the_timeline(make_app: MakeApp, world: IncidentWorld) -> None:
    world.declare()
    async with panel(make_app, world) as pilot:
        await pilot.press("N")
        await until(pilot, lambda: isinstance(pilot.app.screen, LineEntry))
        await pilot.press(*"drained", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, EscalationScreen) and "drained" in shown(pilot))


async def test_a_journal_that_does_not_answer_is_said_at_the_top(
    make_app: MakeApp, world: IncidentWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.declare()

    def locked() -> None:
        raise SourceFailure(FailureKind.UNREACHABLE, "state", "the state store is locked by another process")

    async with panel(make_app, world, size=(80, 24)) as pilot:
        monkeypatch.setattr(world.journal, "head", locked)
        await until(pilot, lambda: "JOURNAL: state: unreachable" in shown(pilot))
        answer = pilot.app.screen.query_one("#answer", LineView)
        assert answer.rows[0].text.startswith("JOURNAL:")
        assert "INC-1" in shown(pilot)


async def test_an_assessment_that_fails_leaves_the_checklist_and_says_why(
    make_app: MakeApp, world: IncidentWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.declare()

    def fails(_self: object, _incident_id: str, _job: object = None) -> None:
        raise SourceFailure(FailureKind.UNREACHABLE, "datadog", "no answer")

    monkeypatch.setattr(story.ScriptedAssessments, "assess", fails)
    async with panel(make_app, world) as pilot:
        assert "0 of 16 done" in shown(pilot)
        assert "tier —" in shown(pilot)
        assert "datadog" in next(line for line in shown(pilot).splitlines() if "EXIT CRITERIA" in line)


async def test_the_cursor_stays_with_its_row_when_others_write(make_app: MakeApp, world: IncidentWorld) -> None:
    incident = world.declare()
    async with panel(make_app, world) as pilot:
        await go_to(pilot, "step:rate")
        world.other("ana").tick(incident.id, "commander")
        await until(pilot, lambda: "1 of 16 done" in shown(pilot))
        assert pilot.app.screen.query_one("#first", LineView).cursor_key == "step:rate"


async def test_an_entry_made_elsewhere_moves_no_more_than_its_own_rows(make_app: MakeApp, world: IncidentWorld) -> None:
    incident = story.middle(world)
    async with panel(make_app, world, size=(200, 60)) as pilot:
        before = {name: pilot.app.screen.query_one(name, LineView).rows for name in ("#answer", "#first", "#second")}
        world.other("ana").note(incident.id, "one line more")
        await until(pilot, lambda: "one line more" in shown(pilot))
        after = {name: pilot.app.screen.query_one(name, LineView).rows for name in before}
        changed = {name: sum(old != new for old, new in zip(before[name], after[name], strict=True)) for name in before}
        # The tail of the timeline and the count beside its head.
        assert changed["#answer"] == changed["#first"] == 0
        assert changed["#second"] <= 13


async def test_the_panel_shows_a_tail_however_long_the_timeline_is(make_app: MakeApp, world: IncidentWorld) -> None:
    incident = world.declare()
    world.journal.append(incident.id, [Noted(text=f"line {number}") for number in range(2_000)])
    async with panel(make_app, world) as pilot:
        assert "line 1999" in shown(pilot)
        assert len(cast("EscalationScreen", pilot.app.screen).follower.lines) <= 30
        assert sum(1 for line in shown(pilot).splitlines() if "line 1" in line) <= 12


async def test_an_incident_that_is_over_says_so_and_promises_nothing(make_app: MakeApp, world: IncidentWorld) -> None:
    story.resolved(world)
    async with panel(make_app, world, size=(80, 24)) as pilot:
        assert "no further update is due" in shown(pilot)
        assert "FOLLOW-UPS" in shown(pilot)
        assert "INC-2" not in header(cast("WarRoomApp", pilot.app))


# ---- header


def test_the_header_says_it_in_four_lengths_and_keeps_the_promise_in_each(world: IncidentWorld) -> None:
    from diagnostics.models.incidents import Following  # noqa: PLC0415
    from diagnostics.models.readings import Freshness, Reading  # noqa: PLC0415

    incident = story.middle(world)
    following = Following(seq=1, incident=incident, open=())
    reading = Reading[Following](key="incident", freshness=Freshness.FRESH, value=following)
    words = incident_words(reading, world.service(), None, world.clock.now, UNICODE)  # type: ignore[arg-type]  # scripted
    texts = ["".join(piece.text for piece in one) for one in words]
    assert texts[0] == "INC-2 INCIDENT for 20 min · update due in 10 min"
    assert texts[-1] == "INC-2 · due 10 min"
    assert all(text.endswith((" due in 10 min", " due 10 min")) for text in texts)
    assert incident_words(None, None, None, NOW, UNICODE) == ()


def test_the_first_notice_comes_before_the_update(world: IncidentWorld) -> None:
    from diagnostics.models.incidents import Following  # noqa: PLC0415
    from diagnostics.models.readings import Freshness, Reading  # noqa: PLC0415

    incident = world.declare()
    now = world.clock.forward(minutes=6)
    following = Following(seq=1, incident=incident, open=())
    reading = Reading[Following](key="incident", freshness=Freshness.FRESH, value=following)
    words = incident_words(reading, world.service(), None, now, UNICODE)  # type: ignore[arg-type]  # scripted
    assert "".join(piece.text for piece in words[0]).endswith("FIRST NOTICE OVERDUE 3 min")


# ---- roles


async def test_c_and_enter_claim_a_free_role(make_app: MakeApp, world: IncidentWorld) -> None:
    incident = world.declare()
    async with panel(make_app, world) as pilot:
        await pilot.press("c")
        await until(pilot, lambda: isinstance(pilot.app.screen, ClaimScreen) and "enter claims it" in shown(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: world.incidents.get(incident.id).holder("incident_commander") == "cl.nolen")
        await until(pilot, lambda: "cl.nolen (you)" in shown(pilot))
        await pilot.press("x")
        await until(pilot, lambda: not world.incidents.get(incident.id).holder("incident_commander"))


async def test_of_two_who_claim_at_once_the_second_is_told_who_and_when(
    make_app: MakeApp, world: IncidentWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = world.declare()
    async with panel(make_app, world) as pilot:
        await pilot.press("c")
        await until(pilot, lambda: isinstance(pilot.app.screen, ClaimScreen) and "enter claims it" in shown(pilot))
        head = world.journal.head()
        monkeypatch.setattr(world.journal, "head", lambda: head)
        world.other("ana").claim(incident.id, "incident_commander")
        await pilot.press("enter")
        await until(pilot, lambda: "somebody was quicker: ana is incident commander since 14:03:22 UTC" in shown(pilot))
        assert world.incidents.get(incident.id).holder("incident_commander") == "ana"


async def test_taking_a_role_over_has_to_be_typed(make_app: MakeApp, world: IncidentWorld) -> None:
    incident = world.declare()
    world.other("ana").claim(incident.id, "incident_commander")
    async with panel(make_app, world) as pilot:
        await pilot.press("c")
        await until(pilot, lambda: isinstance(pilot.app.screen, ClaimScreen) and "ana" in shown(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, LineEntry))
        await pilot.press(*"yes", "enter")
        assert isinstance(pilot.app.screen, LineEntry)
        assert world.incidents.get(incident.id).holder("incident_commander") == "ana"
        await pilot.press("backspace", "backspace", "backspace", *"take", "space", *"over", "enter")
        await until(pilot, lambda: world.incidents.get(incident.id).holder("incident_commander") == "cl.nolen")


# ---- tasks


def test_a_typed_line_holds_words_a_name_and_a_time_in_any_order() -> None:
    typed = typed_task("call @ana the customer +30m")
    assert (typed.text, typed.owner, typed.due) == ("call the customer", "ana", "+30m")
    assert typed_task("@- +0").owner == ""
    assert typed_task("ratio 2:1 of it").text == "ratio 2:1 of it"
    assert due_moment("14:00", NOW) == NOW.replace(hour=14, minute=0, second=0) + timedelta(days=1)
    assert due_moment("+2h", NOW) == NOW + timedelta(hours=2)


@pytest.mark.parametrize("word", ["+30", "+3x", "99:99", "+9999999d", "+99999d"])
def test_what_is_no_time_is_said(word: str) -> None:
    with pytest.raises(UserError):
        due_moment(word, NOW)
    assert line_check(f"call {word}", needs_words=True)


async def test_tasks_are_added_done_and_changed_by_typed_lines(make_app: MakeApp, world: IncidentWorld) -> None:
    incident = world.declare()
    app = console(make_app, world)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await in_view(pilot, world)
        app.push_console_screen(TasksScreen(incident.id))
        await until(pilot, lambda: "nothing is to be done yet" in shown(pilot))
        await pilot.press("N")
        await until(pilot, lambda: isinstance(app.screen, LineEntry))
        await pilot.press(*"call", "space", *"@ana", "space", *"+30m", "enter")
        await until(pilot, lambda: isinstance(app.screen, TasksScreen) and "@ana due 14:33" in shown(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: world.incidents.get(incident.id).tasks[0].done_at is not None)
        await until(pilot, lambda: "done 14:03 cl.nolen" in shown(pilot))
        await pilot.press("u")
        await until(pilot, lambda: isinstance(app.screen, LineEntry))
        await pilot.press(*"@ben", "space", *"15:30", "enter")
        await until(pilot, lambda: world.incidents.get(incident.id).tasks[0].owner == "ben")
        await until(pilot, lambda: world.incidents.get(incident.id).tasks[0].due_at is not None)


async def test_tasks_of_an_incident_that_is_not_in_view_are_shown_too(make_app: MakeApp, world: IncidentWorld) -> None:
    story.middle(world)
    world.other("ana").add_task("INC-1", "look at the token")
    app = console(make_app, world)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await in_view(pilot, world)
        app.push_console_screen(TasksScreen("INC-1"))
        await until(pilot, lambda: "look at the token" in shown(pilot))


# ---- level 1


async def test_level_1_shows_the_incident_beside_the_issues(make_app: MakeApp, world: IncidentWorld) -> None:
    incident = story.middle(world)
    app = console(make_app, world)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await in_view(pilot, world)
        side = app.screen.query_one("#escalation", LineView)
        await until(pilot, lambda: any("investigating" in item.text for item in side.rows))
        assert any("cl.nolen" in item.text for item in side.rows)
        world.incidents.set_status(incident.id, IncidentStatus.IN_PROGRESS)
        await until(pilot, lambda: any("in progress" in item.text for item in side.rows))


async def test_what_burns_and_is_in_no_incident_is_named(make_app: MakeApp, world: IncidentWorld) -> None:
    incident = world.declare()
    world.journal.append(
        incident.id,
        [
            story.confirmed(1, Channel.SLACK, Purpose.FIRST_NOTICE, "#fub-zyno-support"),
            DeliverySent(delivery="D1", attempt=1),
        ],
    )
    async with panel(make_app, world) as pilot:
        await until(pilot, lambda: "OAuth failures is CRITICAL" in shown(pilot))


# ---- a journal that cannot be read


@pytest.mark.honesty(
    "the journal cannot be read", "level 1, panel, header, list and keys say that incidents are not known"
)
async def test_a_journal_that_cannot_be_read_is_not_an_empty_one(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diagnostics.store.store.BUSY_S", 0.05)
    before = incident_world(tmp_path)
    before.declare()
    before.close()
    with closing(SQLitePlace(tmp_path).held_whole()):
        world = incident_world(tmp_path)
        app = make_app(world.service(assessments=ScriptedAssessments(world)))
        async with app.run_test(size=(120, 40)) as pilot:
            await settle(pilot)
            await until(pilot, lambda: "incidents NOT KNOWN" in header(app))
            assert "NOT KNOWN whether an incident is" in everything(pilot)
            assert "n: declare" not in everything(pilot)
            await pilot.press("T")
            await rest(pilot)
            assert "it is not known whether an incident is open" in everything(pilot)
            await pilot.press("e")
            await until(pilot, lambda: isinstance(pilot.app.screen, EscalationScreen))
            assert "NOT KNOWN whether an incident is open" in everything(pilot)
            assert "nothing is known of incidents" in everything(pilot)
            app.command("incidents")
            await until(pilot, lambda: "NOT KNOWN: the journal could not be read" in everything(pilot))
            assert "No incident has been declared" not in everything(pilot)
            app.command("note the queue is draining")
            await until(pilot, lambda: "it is not known whether an incident is open" in everything(pilot))
        world.close()


def everything(pilot: Pilot[int]) -> str:
    """What stands on the screen on top, read as one text."""
    views = (*pilot.app.screen.query(LineView), *pilot.app.screen.query(FooterBar))
    return " ".join(" ".join(item.text for view in views for item in view.rows).split())
