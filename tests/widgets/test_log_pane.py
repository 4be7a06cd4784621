from __future__ import annotations

import pytest
from rich.cells import cell_len

from tests.console.rest import rest
from tests.widgets.samples import Heard, Stage, event, many, rows, segments
from widgets.log.pane import LogPane
from widgets.log.query_input import FilterLine, QueryInput

QUERY = "service:fub @context.error_message:*429* @context.service:zillow"


def staged(pane: LogPane | None = None) -> tuple[Stage, LogPane]:
    pane = pane or LogPane()
    return Stage(pane), pane


def foot(app: Stage) -> str:
    return rows(app)[-1]


def title(app: Stage) -> str:
    return rows(app)[0]


async def test_the_title_names_query_window_total_and_state() -> None:
    app, pane = staged()
    async with app.run_test(size=(120, 10)) as pilot:
        pane.show_query(QUERY, "15m")
        pane.set_total(18_204)
        pane.set_status("8s ago")
        await pilot.pause()
        await pilot.pause()
        assert title(app).startswith(f" logs  {QUERY} ")
        assert title(app).rstrip().endswith(" 8s ago")
        assert " 15m · 18,204 " in title(app)


async def test_a_long_query_is_cut_in_the_middle() -> None:
    app, pane = staged()
    async with app.run_test(size=(80, 10)) as pilot:
        pane.show_query(f"{QUERY} -@message:*rate*limit* status:(error OR critical) @http.status_code:599", "15m")
        pane.set_status("8s ago")
        await pilot.pause()
        await pilot.pause()
        assert "service:fub @context" in title(app)
        assert "…" in title(app)
        assert "_code:599 " in title(app)
        assert len(title(app)) <= 80


async def test_the_query_has_its_parts_of_speech_in_different_styles() -> None:
    app, pane = staged()
    async with app.run_test(size=(120, 10)) as pilot:
        pane.show_query("service:fub OR status:error", "15m")
        await pilot.pause()
        styles = {segment.text: str(segment.style) for segment in segments(app, 0)}
        assert len({styles["service:"], styles["OR"], styles["fub"]}) == 3


async def test_an_unknown_total_is_a_dash_and_not_a_zero() -> None:
    app, pane = staged()
    async with app.run_test(size=(80, 10)) as pilot:
        pane.show_query(QUERY, "15m")
        await pilot.pause()
        assert " 15m · —" in title(app)


async def test_loading_empty_and_failed_are_three_different_things() -> None:
    app, pane = staged()
    async with app.run_test(size=(80, 10)) as pilot:
        pane.show_query(QUERY, "15m")
        await pilot.pause()
        assert "loading logs…" in "".join(rows(app))
        pane.add_events([])
        await pilot.pause()
        shown = "".join(rows(app))
        assert "no events in the window" in shown
        assert "answered for 15m" in shown
        pane.set_failure("datadog: rate limited, 6 s", "it is asked again by itself")
        await pilot.pause()
        shown = "".join(rows(app))
        assert "datadog: rate limited, 6 s" in shown
        assert "it is asked again by itself" in shown
        pane.add_events([event(1)])
        await pilot.pause()
        assert "rate limited" not in "".join(rows(app))


async def test_a_failure_leaves_the_last_good_events_in_place() -> None:
    app, pane = staged()
    async with app.run_test(size=(80, 10)) as pilot:
        pane.show_query(QUERY, "15m")
        pane.add_events([event(1)])
        pane.set_failure("datadog: timed out", "look at the network")
        await pilot.pause()
        assert "message 1" in rows(app)[1]
        assert "datadog: timed out" in foot(app)


async def test_another_query_empties_the_list_and_keeps_the_filter() -> None:
    app, pane = staged()
    async with app.run_test(size=(80, 10)) as pilot:
        pane.show_query(QUERY, "15m")
        pane.set_filter("status:error")
        pane.add_events([event(1, status="error")])
        pane.show_query("service:fub-worker", "15m")
        await pilot.pause()
        assert "loading" in "".join(rows(app))
        pane.add_events([event(2), event(3, status="error")])
        await pilot.pause()
        assert "message 3" in rows(app)[1]
        assert "1 of 2" in foot(app)


async def test_the_same_query_again_changes_nothing() -> None:
    app, pane = staged()
    async with app.run_test(size=(80, 10)) as pilot:
        pane.show_query(QUERY, "15m")
        pane.add_events([event(1)])
        pane.show_query(QUERY, "15m")
        await pilot.pause()
        assert "message 1" in rows(app)[1]


async def test_a_typed_filter_is_tried_and_applied() -> None:
    app, pane = staged()
    async with app.run_test(size=(80, 12)) as pilot:
        pane.focus()
        pane.add_events([event(n, status="error" if n == 3 else "info") for n in range(8)])
        await pilot.press("slash", *"status", "colon", *"error")
        while pane.log_list.filter_text != "status:error":
            await rest(pilot)
        assert pane.filter_text == ""
        await pilot.press("enter")
        await pilot.pause()
        assert pane.filter_text == "status:error"
        assert "filter status:error · 1 of 8" in foot(app)
        assert app.focused is pane.log_list


async def test_escape_brings_the_filter_before_back() -> None:
    app, pane = staged()
    async with app.run_test(size=(80, 12)) as pilot:
        pane.focus()
        pane.add_events([event(n, status="error" if n == 3 else "info") for n in range(8)])
        pane.set_filter("status:error")
        await pilot.press("slash", "x")
        await pilot.press("escape")
        await pilot.pause()
        assert pane.log_list.filter_text == "status:error"
        assert not pane.query_one(FilterLine).is_open
        assert app.focused is pane.log_list


async def test_a_mistake_has_a_caret_under_it_and_enter_does_not_apply_it() -> None:
    app, pane = staged()
    async with app.run_test(size=(80, 14)) as pilot:
        pane.focus()
        pane.add_events([event(1)])
        await pilot.press("slash", "a", "space", "left_parenthesis", "b", "enter")
        await pilot.pause()
        text_row = next(index for index, row in enumerate(rows(app)) if "filter a (b" in row)
        assert rows(app)[text_row + 1].index("^") == rows(app)[text_row].index("(")
        assert pane.filter_text == ""
        assert pane.query_one(FilterLine).is_open


async def test_a_note_is_shown_and_does_not_prevent_applying() -> None:
    app, pane = staged()
    async with app.run_test(size=(100, 14)) as pilot:
        pane.focus()
        pane.add_events([event(1)])
        await pilot.press("slash", "at", *"message", "colon", "x")
        await pilot.pause()
        assert "attribute" in "".join(rows(app))
        await pilot.press("enter")
        assert pane.filter_text == "@message:x"


async def test_up_and_down_walk_through_applied_filters() -> None:
    app, pane = staged()
    async with app.run_test(size=(80, 12)) as pilot:
        pane.focus()
        for text in ("one", "two"):
            pane.open_filter()
            await pilot.pause()
            pane.query_one(QueryInput).value = text
            await pilot.press("enter")
        pane.open_filter()
        await pilot.pause()
        typed = pane.query_one(QueryInput)
        typed.value = "draft"
        seen = []
        for key in ("up", "up", "up", "down", "down"):
            await pilot.press(key)
            seen.append(typed.value)
        assert seen == ["two", "one", "one", "two", "draft"]


async def test_an_empty_filter_shows_everything_again() -> None:
    app, pane = staged()
    async with app.run_test(size=(80, 12)) as pilot:
        pane.focus()
        pane.add_events([event(1), event(2)])
        pane.set_filter("nothing")
        await pilot.pause()
        assert "none of 2 events passes the filter" in "".join(rows(app))
        pane.open_filter()
        await pilot.pause()
        await pilot.press("ctrl+u", "enter")
        await pilot.pause()
        assert pane.filter_text == ""
        assert "message 2" in "".join(rows(app))


async def test_pasted_escape_sequences_do_not_reach_the_terminal() -> None:
    app, pane = staged()
    async with app.run_test(size=(80, 12)) as pilot:
        pane.focus()
        pane.open_filter()
        await pilot.pause()
        typed = pane.query_one(QueryInput)
        typed.insert_text_at_cursor("a\x1b]52;c;aGk=\x07b")
        await pilot.pause()
        assert typed.value == "a\ufffdb"
        assert "\x1b]" not in "".join(app.sent)


async def test_older_events_are_asked_for_once_and_keep_the_view() -> None:
    app, pane = staged()
    heard = Heard(LogPane.OlderWanted)
    async with app.run_test(size=(80, 10), message_hook=heard) as pilot:
        pane.focus()
        pane.add_events([event(n) for n in range(50, 100)])
        await pilot.press("O", "O")
        await pilot.pause()
        assert len(heard.messages) == 1
        assert "loading older events" in foot(app)
        before = rows(app)[1:-1]
        pane.add_events([event(n) for n in range(50)], older=True)
        await pilot.pause()
        assert rows(app)[1:-1] == before
        assert pane.log_list.state.row == 50


async def test_the_end_of_the_window_is_said() -> None:
    app, pane = staged()
    async with app.run_test(size=(80, 10)) as pilot:
        pane.focus()
        pane.add_events([event(1), event(2)])
        await pilot.press("O")
        pane.add_events([], older=True)
        await pilot.pause()
        assert "no older events in the window" in foot(app)
        await pilot.press("k")
        await pilot.pause()
        assert "no older" not in foot(app)


async def test_a_full_list_does_not_ask_for_older_events() -> None:
    app, pane = staged(LogPane(capacity=10))
    heard = Heard(LogPane.OlderWanted)
    async with app.run_test(size=(100, 10), message_hook=heard) as pilot:
        pane.focus()
        pane.add_events([event(n) for n in range(20)])
        await pilot.press("O")
        await pilot.pause()
        assert not heard.messages
        assert "no room for older events" in foot(app)
        assert "showing newest 10" in foot(app)


async def test_following_and_what_is_new_below_are_said() -> None:
    app, pane = staged()
    async with app.run_test(size=(80, 8)) as pilot:
        pane.focus()
        pane.add_events([event(n) for n in range(20)])
        await pilot.pause()
        assert "20 lines · following" in foot(app)
        await pilot.press("k")
        await pilot.pause()
        assert not pane.log_list.state.following
        pane.add_events([event(n) for n in range(20, 25)])
        pane.log_list.flush()
        await pilot.pause()
        assert "19 of 25 · 5 new below" in foot(app)
        await pilot.press("end")
        await pilot.pause()
        assert "25 lines · following" in foot(app)
        assert pane.log_list.state.following


async def test_no_further_error_is_said_until_the_next_move() -> None:
    app, pane = staged()
    async with app.run_test(size=(80, 8)) as pilot:
        pane.focus()
        pane.add_events([event(n) for n in range(5)])
        await pilot.press("left_square_bracket")
        await pilot.pause()
        assert "no further error above" in foot(app)
        await pilot.press("k")
        await pilot.pause()
        assert "no further error" not in foot(app)


async def test_enter_opens_the_event_under_the_cursor() -> None:
    app, pane = staged()
    heard = Heard(LogPane.Opened)
    async with app.run_test(size=(80, 8), message_hook=heard) as pilot:
        pane.focus()
        pane.add_events([event(n) for n in range(5)])
        await pilot.press("k", "enter")
        await pilot.pause()
        assert [message.event.id for message in heard.of(LogPane.Opened)] == ["id-3"]


async def test_an_age_that_changes_costs_less_than_two_hundred_bytes() -> None:
    app, pane = staged()
    async with app.run_test(size=(120, 40)) as pilot:
        pane.show_query(QUERY, "15m")
        pane.add_events(many(200))
        pane.set_status("5s ago")
        await pilot.pause()
        await pilot.pause()
        app.sent.clear()
        pane.set_status("10s ago")
        await pilot.pause()
        assert 0 < app.bytes_sent < 200


async def test_focus_brightens_the_frame() -> None:
    app, pane = staged()
    async with app.run_test(size=(120, 40)) as pilot:
        app.screen.set_focus(None)
        pane.add_events(many(200))
        await pilot.pause()
        before = segments(app, 0)[0].style
        pane.focus()
        await pilot.pause()
        assert segments(app, 0)[0].style != before


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60), (60, 15), (24, 4)], ids=str)
async def test_the_frame_fits_every_size(size: tuple[int, int]) -> None:
    app, pane = staged()
    async with app.run_test(size=size) as pilot:
        pane.show_query(QUERY, "15m")
        pane.add_events(many(300))
        pane.set_total(123_456)
        pane.set_status("stale 2m · datadog: rate limited, 6 s", "warn", stale=True)
        pane.set_filter("status:(error OR info)")
        await pilot.pause()
        await pilot.pause()
        drawn = rows(app)
        assert all(cell_len(row) <= size[0] for row in drawn)
        assert len(drawn) == size[1]
        if size[0] >= 80:
            assert drawn[0].startswith(" logs")
            assert "15m · 123,456" in drawn[0]
            assert "rate limited, 6 s" in drawn[0]
            assert "300" in drawn[-1]


async def test_the_ascii_pane_is_ascii_in_every_state() -> None:
    app, pane = staged(LogPane(ascii=True, capacity=50))
    async with app.run_test(size=(80, 14)) as pilot:
        pane.focus()
        pane.show_query(QUERY * 3, "15m")
        await pilot.pause()
        screens = [rows(app)]
        pane.add_events(many(100))
        pane.set_status("stale 2m · datadog: rate limited, 6 s", "warn", stale=True)
        pane.set_filter("status:info")
        await pilot.press("k", "O")
        await pilot.pause()
        screens.append(rows(app))
        await pilot.press("slash", "left_parenthesis")
        await pilot.pause()
        screens.append(rows(app))
        assert all(row.isascii() for drawn in screens for row in drawn)


async def test_markup_in_query_status_and_failure_is_text() -> None:
    app, pane = staged()
    async with app.run_test(size=(120, 10)) as pilot:
        pane.show_query("[/foo] [A=http://x", "[b]15m")
        pane.set_status("[/bar]")
        pane.set_failure("[/baz] [", "[A=http://x")
        await pilot.pause()
        await pilot.pause()
        drawn = "\n".join(rows(app))
        for text in ("[/foo] [A=http://x", "[b]15m", "[/bar]", "[/baz] ["):
            assert text in drawn
