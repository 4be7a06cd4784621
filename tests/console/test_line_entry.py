"""The shared line: what is typed is checked, kept, and never lost by a failure."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from textual.pilot import Pilot

from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from screens.line_entry import LineEntry, send
from tests.console.account_rooms import press, text_on
from tests.console.rest import rest, until
from tests.console.rooms import MakeApp, burst, footer, settle
from tests.console.scripted import HOSTILE, ScriptedService
from tui.app import WarRoomApp
from widgets.footer_bar import FooterBar

Then = Callable[[str], None]


@asynccontextmanager
async def console(make_app: MakeApp) -> AsyncIterator[Pilot[int]]:
    app = make_app(ScriptedService())
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        yield pilot


async def ask(pilot: Pilot[int], then: Then, **how: Any) -> LineEntry:  # noqa: ANN401  # fields of the screen
    entry = LineEntry(how.pop("title", "a note"), "one sentence", then, **how)
    cast("WarRoomApp", pilot.app).push_console_screen(entry)
    await rest(pilot)
    return entry


def only_digits(text: str) -> str:
    return "" if text.isdigit() else f"{text!r} is no number; accepted: whole numbers"


async def test_what_is_typed_is_handed_over_once_the_line_is_gone(make_app: MakeApp) -> None:
    got: list[str] = []
    async with console(make_app) as pilot:
        await ask(pilot, got.append)
        await press(pilot, *"a dq:", "enter", "enter")
        await rest(pilot)
        assert got == ["a dq:"]
        assert len(pilot.app.screen_stack) == 1


async def test_keys_that_come_before_the_line_are_in_it_in_their_order(make_app: MakeApp) -> None:
    got: list[str] = []
    async with console(make_app) as pilot:
        app = cast("WarRoomApp", pilot.app)
        app.push_console_screen(LineEntry("a note", "one sentence", got.append))
        burst(pilot, *"quick", "enter")
        await until(pilot, lambda: got)
        assert got == ["quick"]


async def test_what_is_wrong_is_said_with_what_is_accepted_and_the_text_stays(make_app: MakeApp) -> None:
    got: list[str] = []
    async with console(make_app) as pilot:
        entry = await ask(pilot, got.append, check=only_digits)
        await press(pilot, *"12x")
        assert "'12x' is no number; accepted: whole numbers" in text_on(pilot)
        await press(pilot, "enter")
        assert entry.text == "12x"
        await press(pilot, "backspace", "enter")
        await rest(pilot)
        assert got == ["12"]


async def test_nothing_at_all_is_not_accepted_where_words_are_needed(make_app: MakeApp) -> None:
    got: list[str] = []
    async with console(make_app) as pilot:
        await ask(pilot, got.append)
        await press(pilot, "enter")
        assert "nothing was typed" in text_on(pilot)
        assert isinstance(pilot.app.screen, LineEntry)
        assert got == []


async def test_escape_sends_nothing_and_keeps_the_text_for_the_next_time(make_app: MakeApp) -> None:
    got: list[str] = []
    async with console(make_app) as pilot:
        await ask(pilot, got.append)
        await press(pilot, *"half a", "escape")
        await rest(pilot)
        assert "nothing was sent; what you typed is kept" in footer(pilot)
        assert got == []
        entry = await ask(pilot, got.append)
        assert entry.text == "half a"


async def test_a_text_that_could_not_be_written_is_there_again(make_app: MakeApp) -> None:
    def fail() -> None:
        raise SourceFailure(FailureKind.UNREACHABLE, "state", "disk full", remedy="make room")

    async with console(make_app) as pilot:
        app = cast("WarRoomApp", pilot.app)

        def write(text: str) -> None:
            send(app, "a note", text, fail, lambda _done: None, doing="noting")

        await ask(pilot, write)
        await press(pilot, *"precious", "enter")
        await until(pilot, lambda: "unreachable" in footer(pilot))
        assert "noting: state: unreachable" in footer(pilot)
        entry = await ask(pilot, write)
        assert entry.text == "precious"


async def test_a_text_that_arrived_is_not_there_again_but_up_brings_it_back(make_app: MakeApp) -> None:
    done = threading.Event()
    async with console(make_app) as pilot:
        app = cast("WarRoomApp", pilot.app)

        def write(text: str) -> None:
            send(app, "a note", text, done.set, lambda _done: None, doing="noting")

        await ask(pilot, write)
        await press(pilot, *"written", "enter")
        await rest(pilot)
        assert done.is_set()
        entry = await ask(pilot, write)
        assert len(entry.text) == 0
        await press(pilot, "up")
        assert entry.words == "written"


async def test_a_refusal_at_once_keeps_the_text(make_app: MakeApp) -> None:
    def refuse(_text: str) -> None:
        raise UserError("no such role", accepted="commander")

    async with console(make_app) as pilot:
        await ask(pilot, refuse)
        await press(pilot, *"captain", "enter")
        await rest(pilot)
        assert "no such role" in footer(pilot)
        assert (await ask(pilot, refuse)).text == "captain"


async def test_words_that_confirm_are_typed_anew_each_time(make_app: MakeApp) -> None:
    got: list[str] = []
    async with console(make_app) as pilot:
        await ask(pilot, got.append, confirms=True)
        await press(pilot, *"INC-1", "escape")
        entry = await ask(pilot, got.append, confirms=True)
        assert not entry.text
        await press(pilot, "up")
        assert not entry.text


async def test_a_word_that_is_refused_is_cleared_and_why_stands_until_a_letter_is_typed(make_app: MakeApp) -> None:
    got: list[str] = []
    async with console(make_app) as pilot:
        entry = await ask(pilot, got.append, confirms=True, check=only_digits)
        await press(pilot, *"INC", "enter")
        assert entry.text == ""
        assert "'INC' is no number" in text_on(pilot)
        await press(pilot, *"7", "enter")
        await rest(pilot)
        assert got == ["7"]


async def test_keys_of_a_shell_edit_the_line(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        entry = await ask(pilot, lambda _text: None)
        await press(pilot, *"one two three", "ctrl+w")
        assert entry.text == "one two "
        await press(pilot, "home", *"x", "end", *"y")
        assert entry.text == "xone two y"
        await press(pilot, "ctrl+a", *"(", "ctrl+e", *")")
        assert entry.text == "(xone two y)"
        await press(pilot, "left", "left", "ctrl+k")
        assert entry.text == "(xone two "
        await press(pilot, "left", "ctrl+u")
        assert entry.text == " "
        burst(pilot, paste="pasted")
        await rest(pilot)
        assert entry.text == "pasted "


async def test_a_message_of_a_screen_that_was_covered_meanwhile_ends_too(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        app = cast("WarRoomApp", pilot.app)
        app.say("said below")
        below = app.screen.query_one(FooterBar)
        await ask(pilot, lambda _text: None)
        assert below.notice is not None
        app._quiet_at = app._seconds + 1  # the next tick is late enough
        await until(pilot, lambda: below.notice is None)


async def test_pasted_control_sequences_do_not_get_through(make_app: MakeApp) -> None:
    got: list[str] = []
    async with console(make_app) as pilot:
        entry = await ask(pilot, got.append)
        burst(pilot, paste=HOSTILE)
        await rest(pilot)
        assert "\x1b" not in entry.text
        await press(pilot, "enter")
        await rest(pilot)
        assert "\x1b" not in got[0]
        assert "[/foo]" in got[0]


async def test_a_hostile_title_and_explanation_are_shown_as_text(make_app: MakeApp) -> None:
    async with console(make_app) as pilot:
        await ask(pilot, lambda _text: None, title=HOSTILE, explain=(HOSTILE,))
        assert "[/foo]" in text_on(pilot)
        assert "\x1b" not in text_on(pilot)


async def test_what_could_not_be_done_is_said_with_why_and_what_to_do(make_app: MakeApp) -> None:
    """The bottom line takes the rows that it needs, and gives them back."""
    reason = "the journal would end with this console: the disk is full, and what is written now is lost with it"
    remedy = "make room, or set state_dir to a folder of your own"

    def fail() -> str:
        raise SourceFailure(FailureKind.UNREACHABLE, "state", reason, remedy=remedy)

    async with console(make_app) as pilot:
        app = cast("WarRoomApp", pilot.app)
        app.ask(fail, lambda _said: None, doing="writing the note")
        await until(pilot, lambda: "next:" in footer(pilot))
        assert footer(pilot).strip() == f"writing the note: state: unreachable: {reason} next: {remedy}"
        bar = app.screen.query_one(FooterBar)
        await until(pilot, lambda: bar.size.height == len(bar.rows) > 1)
        assert bar.region.bottom == 24
        bar.hush()
        await until(pilot, lambda: bar.size.height == 1)
