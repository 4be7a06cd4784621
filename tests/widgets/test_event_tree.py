from __future__ import annotations

import pytest

from diagnostics.core.sanitizer import clean
from diagnostics.logs import compile_query
from diagnostics.models.events import LogEvent
from tests.widgets.samples import Stage, event, rows
from widgets.log.event_tree import MOST_NODES, EventTree, nodes, term

RICH = event(
    1,
    status="error",
    message='HTTP 429 "Too Many" Requests',
    host="i-0a1b",
    tags=("env:prod", "canary", "url:http://x/y?z=1"),
    attributes={
        "context": {"account_id": 14009, "method": "getDealZillowUsers", "agents": [{"zuid": "Z 1"}, {"zuid": "Z2"}]},
        "http": {"status_code": 429, "url": "/v1/leads?a=[1]"},
        "flags": ["one", "two three"],
        "rate": 0.25,
        "ok": False,
        "nothing": None,
        "empty": {},
        "a.b": 1,
        "odd name (x)": "y",
    },
)


def staged(tree: EventTree | None = None) -> tuple[Stage, EventTree]:
    tree = tree or EventTree()
    return Stage(tree), tree


def test_every_term_finds_its_own_event() -> None:
    terms = [text for text in map(term, nodes(RICH)) if text is not None]
    assert "@context.account_id:14009" in terms
    assert "service:fub-worker" in terms
    assert "env:prod" in terms
    assert "@context.agents.zuid:Z2" in terms
    for text in terms:
        assert compile_query(text)(RICH), text


def test_a_term_does_not_find_another_event() -> None:
    other = event(2, attributes={"context": {"account_id": 75172}})
    assert not compile_query("@context.account_id:14009")(other)


@pytest.mark.parametrize("label", ["timestamp", "id", "nothing", "empty", "context", "attributes"])
def test_what_no_search_can_find_has_no_term(label: str) -> None:
    assert all(term(node) is None for node in nodes(RICH) if node.label == label)


def test_a_removed_control_character_gives_no_broken_term() -> None:
    one = event(1, attributes={"x": clean("a\x1b[2Jb"), "y": "a\u200bb"})
    for node in nodes(one):
        text = term(node)
        assert text is None or compile_query(text)(one)


def test_a_value_too_long_for_a_filter_gives_no_term() -> None:
    assert [term(node) for node in nodes(event(1, message="x" * 5_000)) if node.label == "message"] == [None]


def test_rows_have_different_keys_even_where_names_collide() -> None:
    one = event(1, attributes={"a.b": 1, "a": {"b": 2}, "list": [[1], [1]], "list[0]": 3})
    paths = [node.path for node in nodes(one)]
    assert len(paths) == len(set(paths))


async def test_the_tree_shows_fields_tags_and_nested_attributes() -> None:
    app, tree = staged()
    async with app.run_test(size=(100, 40)) as pilot:
        tree.show_event(RICH)
        await pilot.pause()
        drawn = "\n".join(rows(app))
        for text in (
            "2025-11-17 14:00:01.000 UTC",
            "error",
            "canary",
            "account_id",
            "14009",
            "[1]",
            "two three",
            "null",
        ):
            assert text in drawn


async def test_the_cursor_gives_the_term_under_it() -> None:
    app, tree = staged()
    async with app.run_test(size=(100, 40)) as pilot:
        tree.focus()
        tree.show_event(RICH)
        assert tree.filter_term() == 'message:"HTTP 429 \\"Too Many\\" Requests"'
        await pilot.press("j")
        assert tree.filter_term() == "status:error"
        tree.place("service")
        assert tree.filter_term() == "service:fub-worker"
        tree.place("timestamp")
        assert tree.filter_term() is None


async def test_enter_closes_and_opens_a_branch() -> None:
    app, tree = staged()
    async with app.run_test(size=(100, 40)) as pilot:
        tree.focus()
        tree.show_event(RICH)
        key = next(node.path for node in nodes(RICH) if node.label == "context")
        tree.place(key)
        await pilot.press("enter")
        await pilot.pause()
        assert "account_id" not in "\n".join(rows(app))
        assert tree.node is not None
        assert tree.node.label == "context"
        await pilot.press("right")
        await pilot.pause()
        assert "account_id" in "\n".join(rows(app))


def test_what_a_responder_looks_for_stands_first_and_can_be_searched_for() -> None:
    one = event(
        1,
        status="error",
        message="Zillow API request failed: HTTP 429  POST /v1/leads",
        attributes={
            "context": {"account_id": 14009, "error_message": "429 Too Many Requests"},
            "http": {"status_code": 429, "url_details": {"path": "/v1/leads"}},
            "correlation_id": "c-000123",
        },
    )
    first = [(node.label, node.value, term(node)) for node in nodes(one)][:7]
    assert first == [
        ("message", one.message, 'message:"Zillow API request failed: HTTP 429  POST /v1/leads"'),
        ("error", "429 Too Many Requests", '@context.error_message:"429 Too Many Requests"'),
        ("status", "error", "status:error"),
        ("http status", "429", "@http.status_code:429"),
        ("endpoint", "/v1/leads", '@http.url_details.path:"/v1/leads"'),
        ("account", "14009", "@context.account_id:14009"),
        ("correlation id", "c-000123", "@correlation_id:c-000123"),
    ]
    assert all(compile_query(text)(one) for _, _, text in first if text is not None)


def test_an_endpoint_that_only_the_message_names_is_shown_and_is_no_term() -> None:
    one = event(1, message="Zillow API request failed: HTTP 429  POST /v1/leads")
    found = [(node.value, term(node)) for node in nodes(one) if node.label == "endpoint"]
    assert found == [("POST /v1/leads", None)]


def test_what_an_event_does_not_carry_has_no_line_at_the_top() -> None:
    assert [node.label for node in nodes(event(1, message="quiet", attributes={"x": 1}))][:3] == [
        "message",
        "status",
        "timestamp",
    ]


async def test_a_long_message_stands_in_full_without_losing_a_letter() -> None:
    app, tree = staged()
    text = "".join(chr(97 + n % 26) for n in range(900))
    async with app.run_test(size=(80, 24)) as pilot:
        tree.focus()
        tree.show_event(event(1, message=text))
        tree.place("message")
        await pilot.pause()
        unrolled = [row for row in rows(app) if "message" in row or row.startswith(" " * 20)]
        letters = "".join(row.replace("▶", "").replace("message", "").rstrip("▁▂▃▄▅▆▇█ ").strip() for row in unrolled)
        assert text.startswith(letters)
        assert len(letters) > 700
        await pilot.press("left")
        await pilot.pause()
        assert "…" in "\n".join(rows(app))


async def test_a_huge_event_is_bounded_and_says_so() -> None:
    app, tree = staged()
    async with app.run_test(size=(80, 24)) as pilot:
        tree.focus()
        tree.show_event(event(1, attributes={f"key{n}": n for n in range(2_000)}))
        await pilot.press("G")
        tree.scroll_end(animate=False, immediate=True)
        await pilot.pause()
        assert f"showing {MOST_NODES} of 2,006 nodes" in "\n".join(rows(app))


async def test_hostile_and_deep_events_are_drawn_as_text() -> None:
    deep: object = "bottom"
    for _ in range(200):
        deep = {"down": deep}
    app, tree = staged()
    async with app.run_test(size=(60, 24)) as pilot:
        tree.show_event(
            event(1, message="[/foo] [A=http://x", tags=("[b]:[/b]",), attributes={"[x]": "[/x]", "deep": deep})
        )
        await pilot.pause()
        drawn = "\n".join(rows(app))
        assert "[/foo] [A=http://x" in drawn
        assert "[/b]" in drawn


async def test_an_empty_tree_and_a_narrow_one_do_not_break() -> None:
    app, tree = staged(EventTree(ascii=True))
    async with app.run_test(size=(12, 5)) as pilot:
        tree.show_event(None)
        await pilot.press("enter", "j")
        assert tree.filter_term() is None
        tree.show_event(LogEvent(id="", timestamp_ms=0, service="", status="", message=""))
        await pilot.pause()
        assert "".join(rows(app)).isascii()
