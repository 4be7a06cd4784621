from __future__ import annotations

import pytest
from textual.events import MouseScrollUp
from textual.geometry import Size

from diagnostics.core.sanitizer import clean
from diagnostics.logs import compile_query
from tests.console.rest import rest
from tests.widgets.samples import Heard, Stage, event, many, rows, segments
from widgets.log.buffer import AT_ONCE
from widgets.log.list import REPAINT_INTERVAL, LogList

HOSTILE = (
    "\x1b]52;c;aGk=\x07",
    "\x1b[2J\x1b[31mred",
    "[/foo] [A=http://x [bold]x[/]",
    "\u202eevil\u2066",
    "a\nb\tc\r",
    "z\u0300\u0301\u0302\u0303\u0304\u0305\u0306algo",
    "\x9b31m",
)


def staged(log_list: LogList | None = None) -> tuple[Stage, LogList]:
    log_list = log_list or LogList()
    return Stage(log_list), log_list


def messages(app: Stage) -> list[str]:
    return [row.split("acct 14009", 1)[1].strip() if "acct 14009" in row else row for row in rows(app)]


def cursor_row(app: Stage) -> str:
    return next((row for row in rows(app) if row.startswith("▸")), "")


async def test_the_newest_event_is_at_the_bottom_and_under_the_cursor() -> None:
    app, log_list = staged()
    async with app.run_test(size=(80, 10)) as pilot:
        log_list.add([event(n) for n in range(30)])
        await pilot.pause()
        assert messages(app) == [f"message {n}" for n in range(20, 30)]
        assert cursor_row(app).endswith("message 29")


async def test_following_scrolls_with_what_arrives() -> None:
    app, log_list = staged()
    async with app.run_test(size=(80, 5)) as pilot:
        log_list.add([event(n) for n in range(5)])
        log_list.add([event(n) for n in range(5, 8)])
        log_list.flush()
        await pilot.pause()
        assert messages(app)[-1] == "message 7"
        assert log_list.state.following


async def test_batches_in_quick_succession_are_painted_together() -> None:
    app, log_list = staged()
    async with app.run_test(size=(80, 10)) as pilot:
        log_list.add([event(0)])
        await pilot.pause()
        frames = len(app.sent)
        for number in range(1, 40):
            log_list.add([event(number)])
        assert log_list.state.total == 1
        log_list.flush()
        await pilot.pause()
        assert log_list.state.total == 40
        assert len(app.sent) == frames + 1


async def test_a_batch_that_nobody_flushes_appears_by_itself() -> None:
    app, log_list = staged()
    async with app.run_test(size=(80, 10)) as pilot:
        log_list.add([event(0)])
        log_list.add([event(1)])
        while log_list.state.total < 2:
            await rest(pilot)
        await pilot.pause()
        assert messages(app)[1] == "message 1"


async def test_moving_up_stops_following_and_counts_what_is_new_below() -> None:
    app, log_list = staged()
    async with app.run_test(size=(80, 5)) as pilot:
        log_list.focus()
        log_list.add([event(n) for n in range(20)])
        await pilot.press("k")
        before = rows(app)
        log_list.add([event(n) for n in range(20, 32)])
        log_list.flush()
        await pilot.pause()
        assert rows(app) == before
        unfollowed = log_list.state
        assert (unfollowed.following, unfollowed.new_below) == (False, 12)
        await pilot.press("G")
        followed = log_list.state
        assert (followed.following, followed.new_below) == (True, 0)
        assert messages(app)[-1] == "message 31"


async def test_rows_that_did_not_change_are_not_sent_again() -> None:
    app, log_list = staged()
    async with app.run_test(size=(80, 20)) as pilot:
        log_list.focus()
        log_list.add([event(n) for n in range(100)])
        await pilot.pause()
        await pilot.press("k")
        app.sent.clear()
        log_list.add([event(n) for n in range(100, 200)])
        log_list.flush()
        await pilot.pause()
        assert app.bytes_sent == 0
        await pilot.press("k")
        assert 0 < app.bytes_sent < 1_200


async def test_equal_neighbours_scroll_without_a_repaint() -> None:
    app, log_list = staged()
    async with app.run_test(size=(80, 20)) as pilot:
        same = [event(1, id=f"same-{n}") for n in range(100)]
        log_list.add(same[:50])
        await pilot.pause()
        app.sent.clear()
        log_list.add(same[50:])
        log_list.flush()
        await pilot.pause()
        assert app.bytes_sent == 0


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (["g"], 0),
        (["g", "j", "j"], 2),
        (["g", "ctrl+d"], 5),
        (["g", "pagedown", "pagedown"], 20),
        (["k", "k"], 97),
        (["ctrl+u"], 94),
        (["pageup"], 89),
        (["home", "down", "up", "end"], 99),
    ],
    ids=str,
)
async def test_keys_move_the_cursor(keys: list[str], expected: int) -> None:
    app, log_list = staged()
    async with app.run_test(size=(80, 10)) as pilot:
        log_list.focus()
        log_list.add([event(n) for n in range(100)])
        await pilot.press(*keys)
        await pilot.pause()
        assert log_list.state.row == expected
        assert cursor_row(app).endswith(f"message {expected}")


async def test_errors_are_found_in_both_directions_and_the_end_is_said() -> None:
    app, log_list = staged()
    heard = Heard(LogList.NoFurtherError)
    async with app.run_test(size=(80, 10), message_hook=heard) as pilot:
        log_list.focus()
        levels = {10: "error", 50: "critical", 51: "warn", 90: "emergency"}
        log_list.add([event(n, status=levels.get(n, "info")) for n in range(100)])
        visited = []
        for key in ("[", "[", "[", "]"):
            await pilot.press("left_square_bracket" if key == "[" else "right_square_bracket")
            visited.append(log_list.state.row)
        assert visited == [90, 50, 10, 50]
        await pilot.press("left_square_bracket", "left_square_bracket")
        assert log_list.state.row == 10
        assert [message.forward for message in heard.of(LogList.NoFurtherError)] == [False]


async def test_a_filter_keeps_the_cursor_on_its_event() -> None:
    app, log_list = staged()
    async with app.run_test(size=(80, 10)) as pilot:
        log_list.focus()
        log_list.add([event(n, status="error" if n % 10 == 0 else "info") for n in range(100)])
        log_list.move_to(50)
        log_list.set_filter(compile_query("status:error"), "status:error")
        await pilot.pause()
        assert log_list.current == event(50, status="error")
        assert (log_list.state.matching, log_list.state.total) == (10, 100)
        log_list.set_filter(None, "")
        await pilot.pause()
        assert log_list.state.row == 50


async def test_an_event_hidden_by_a_filter_gets_the_cursor_back() -> None:
    app, log_list = staged()
    async with app.run_test(size=(80, 10)) as pilot:
        log_list.add([event(n, status="error" if n % 10 == 0 else "info") for n in range(100)])
        log_list.move_to(53)
        log_list.set_filter(compile_query("status:error"), "status:error")
        await pilot.pause()
        assert log_list.state.row == 6
        log_list.set_filter(None, "")
        assert log_list.state.row == 53


async def test_a_large_filter_runs_in_slices_while_keys_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("widgets.log.list._SLICE", 0)
    app, log_list = staged()
    async with app.run_test(size=(80, 10)) as pilot:
        log_list.focus()
        events = many(AT_ONCE * 4)
        log_list.add(events)
        log_list.set_filter(lambda one: one.status == "error", "status:error")
        begun = log_list.state
        assert begun.progress is not None
        assert begun.matching > 0, "the newest matches are on screen before the rest is read"
        await pilot.press("k")
        while log_list.buffer.reading:
            await rest(pilot)
        done = log_list.state
        assert done.progress is None
        assert done.matching == sum(one.status == "error" for one in events)


async def test_new_events_pass_the_filter_on_arrival() -> None:
    app, log_list = staged()
    async with app.run_test(size=(80, 10)) as pilot:
        log_list.set_filter(compile_query("status:error"), "status:error")
        log_list.add([event(1), event(2, status="error")])
        await pilot.pause()
        assert messages(app)[0] == "message 2"
        assert log_list.state.matching == 1


async def test_the_cap_is_kept_and_said() -> None:
    app, log_list = staged(LogList(capacity=50))
    async with app.run_test(size=(80, 10)):
        log_list.add([event(n) for n in range(80)])
        assert log_list.state.total == 50
        assert log_list.state.capped


async def test_the_reader_stays_in_place_while_the_cap_drops_old_rows() -> None:
    app, log_list = staged(LogList(capacity=50))
    async with app.run_test(size=(80, 5)) as pilot:
        log_list.add([event(n) for n in range(50)])
        log_list.move_to(40)
        await pilot.pause()
        before = rows(app)
        log_list.add([event(n) for n in range(50, 70)])
        log_list.flush()
        await pilot.pause()
        assert rows(app) == before
        assert log_list.state.row == 20


async def test_older_events_leave_the_view_where_it_is() -> None:
    app, log_list = staged()
    async with app.run_test(size=(80, 5)) as pilot:
        log_list.add([event(n) for n in range(50, 100)])
        log_list.move_to(3)
        await pilot.pause()
        before = rows(app)
        log_list.add([event(n) for n in range(50)])
        log_list.flush()
        await pilot.pause()
        assert rows(app) == before
        assert log_list.state.row == 53
        assert log_list.state.new_below == 0


async def test_right_and_left_move_messages_by_eight_cells_and_stop_at_the_ends() -> None:
    app, log_list = staged()
    async with app.run_test(size=(80, 3)) as pilot:
        log_list.focus()
        log_list.add([event(1, message="".join(chr(97 + n % 26) for n in range(70)))])
        await pilot.press("right")
        await pilot.pause()
        assert messages(app)[0].startswith("…jklm")
        for _ in range(9):
            await pilot.press("right")
        await pilot.pause()
        assert messages(app)[0].endswith("r")
        for _ in range(9):
            await pilot.press("left")
        await pilot.pause()
        assert messages(app)[0].startswith("abc")


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
async def test_hostile_text_is_text(text: str) -> None:
    app, log_list = staged()
    one = event(
        1,
        message=clean(text),
        service=clean(text),
        status=clean(text),
        attributes={"context": {"account_id": clean(text)}},
    )
    async with app.run_test(size=(120, 5)) as pilot:
        log_list.add([one])
        await pilot.pause()
        sent = "".join(app.sent)
        assert "\x1b]" not in sent
        assert "\x1b[2J" not in sent
        assert clean(text)[:4] in rows(app)[0]


async def test_rows_of_any_script_take_exactly_the_width() -> None:
    app, log_list = staged()
    async with app.run_test(size=(81, 6)) as pilot:
        for number, text in enumerate(("顧客" * 40, "e\u0301" * 90, "👍🏽" * 40, "1\ufe0f\u20e3" * 40, "ﷺ" * 60)):
            log_list.add([event(number, message=clean(text))])
        log_list.flush()
        await pilot.pause()
        for y in range(6):
            assert sum(segment.cell_length for segment in segments(app, y)) == 81


async def test_a_resize_shows_the_same_event_with_other_columns() -> None:
    app, log_list = staged()
    async with app.run_test(size=(120, 20)) as pilot:
        log_list.add([event(n) for n in range(100)])
        log_list.move_to(40)
        await pilot.pause()
        assert "fub-worker" in cursor_row(app)
        await pilot.resize_terminal(70, 6)
        await pilot.pause()
        assert "fub-worker" not in cursor_row(app)
        assert cursor_row(app).endswith("message 40")
        await pilot.resize_terminal(20, 2)
        await pilot.pause()
        assert log_list.size == Size(20, 2)


async def test_following_survives_a_resize() -> None:
    app, log_list = staged()
    async with app.run_test(size=(80, 20)) as pilot:
        log_list.add([event(n) for n in range(100)])
        await pilot.resize_terminal(80, 7)
        await pilot.pause()
        assert messages(app)[-1] == "message 99"


async def test_levels_are_words_and_have_their_own_style() -> None:
    app, log_list = staged()
    async with app.run_test(size=(80, 5)) as pilot:
        log_list.add([event(n, status=status) for n, status in enumerate(("info", "warn", "error", "critical", "ok"))])
        await pilot.pause()
        words = {
            s.text.strip(): s.style
            for y in range(4)
            for s in segments(app, y)
            if s.text.strip() in {"warn", "error", "crit"}
        }
        assert set(words) == {"warn", "error", "crit"}
        assert len({str(style) for style in words.values()}) == 3


async def test_without_colour_an_error_still_stands_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app, log_list = staged()
    async with app.run_test(size=(80, 5)) as pilot:
        log_list.focus()
        log_list.add([event(1, status="error"), event(2)])
        await pilot.pause()
        error = next(segment for segment in segments(app, 0) if segment.text == "error")
        assert error.style is not None
        assert error.style.bold
        assert error.style.underline
        under_cursor = segments(app, 1)[0]
        assert under_cursor.style is not None
        assert under_cursor.style.reverse
        assert under_cursor.text.startswith("▸")


async def test_sixteen_colours_are_the_terminals_own() -> None:
    app, log_list = staged()
    async with app.run_test(size=(80, 5)) as pilot:
        app.theme = "ansi-dark"
        log_list.focus()
        log_list.add([event(1, status="error"), event(2)])
        await pilot.pause()
        error = next(segment for segment in segments(app, 0) if segment.text == "error")
        assert error.style is not None
        assert error.style.color is not None
        assert error.style.color.is_system_defined
        assert error.style.bgcolor is not None
        assert error.style.bgcolor.is_default
        under_cursor = segments(app, 1)[0].style
        assert under_cursor is not None
        assert under_cursor.reverse


async def test_the_ascii_list_draws_no_sign_of_its_own_outside_ascii() -> None:
    app, log_list = staged(LogList(ascii=True))
    async with app.run_test(size=(80, 5)) as pilot:
        log_list.add([event(n, message="x" * 200) for n in range(9)])
        await pilot.pause()
        assert "".join(rows(app)).isascii()
        assert rows(app)[-1].startswith(">")


async def test_events_handed_over_before_the_first_paint_are_shown() -> None:
    app, log_list = staged()
    log_list.add([event(n) for n in range(30)])
    async with app.run_test(size=(80, 10)) as pilot:
        await pilot.pause()
        assert messages(app)[-1] == "message 29"


async def test_another_theme_repaints_every_row() -> None:
    app, log_list = staged()
    async with app.run_test(size=(80, 5)) as pilot:
        log_list.add([event(1), event(2)])
        await pilot.pause()
        before = [segment.style for segment in segments(app, 0)]
        app.theme = "textual-light"
        await pilot.pause()
        assert [segment.style for segment in segments(app, 0)] != before


async def test_the_wheel_moves_three_rows_without_animation() -> None:
    app, log_list = staged()
    async with app.run_test(size=(80, 10)) as pilot:
        log_list.add([event(n) for n in range(100)])
        await pilot.pause()
        await pilot._post_mouse_events([MouseScrollUp], log_list, button=0)  # the pilot has no public wheel
        await pilot.pause()
        assert messages(app)[-1] == "message 96"
        assert not log_list.state.following


async def test_a_click_places_the_cursor_and_a_second_one_opens() -> None:
    app, log_list = staged()
    heard = Heard(LogList.Opened)
    async with app.run_test(size=(80, 10), message_hook=heard) as pilot:
        log_list.add([event(n) for n in range(10)])
        await pilot.pause()
        await pilot.click(log_list, offset=(5, 3), times=2)
        await pilot.pause()
        assert [message.event.id for message in heard.of(LogList.Opened)] == ["id-3"]
        assert log_list.state.row == 3


async def test_a_stale_list_is_dim_until_it_is_fresh_again() -> None:
    app, log_list = staged()
    async with app.run_test(size=(80, 4)) as pilot:
        log_list.add([event(1), event(2)])
        await pilot.pause()
        fresh = segments(app, 0)[-1].style
        log_list.set_stale(True)
        await pilot.pause()
        assert segments(app, 0)[-1].style != fresh
        log_list.set_stale(False)
        await pilot.pause()
        assert segments(app, 0)[-1].style == fresh


async def test_a_large_terminal_is_repainted_less_often() -> None:
    app, log_list = staged()
    async with app.run_test(size=(200, 60)) as pilot:
        log_list.add(many(100))
        await pilot.pause()
        log_list.add(many(100, 100))
        log_list.flush()
        assert log_list._interval > REPAINT_INTERVAL
        log_list.move_to(150)
        await pilot.pause()
        log_list.add(many(10, 200))
        log_list.flush()
        assert log_list._interval == REPAINT_INTERVAL, "nothing on screen changed, so nothing has to rest"
