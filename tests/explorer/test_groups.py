"""Log lines by pattern: every line counted once, in the window only, and told apart by what an engineer asks for."""

from __future__ import annotations

from random import Random

import pytest

from diagnostics.explorer.groups import MOST_GROUPS, GroupedLines, account_of, endpoint_of, status_of
from diagnostics.explorer.patterns import OTHERS
from diagnostics.models.events import LogEvent
from diagnostics.models.explorer import LineGroup
from widgets.critical.patterns import in_order, pattern_note, pattern_rows
from widgets.glyphs import ASCII, UNICODE

NOW_MS = 1_763_388_202_000
CALLS = (("POST", "/v1/leads"), ("GET", "/v1/userInfo"), ("GET", "/v1/teams/881/members"))


def line(number: int, *, ago_s: float = 0.0, status: int = 429, call: int = 0, text: str = "") -> LogEvent:
    method, path = CALLS[call]
    return LogEvent(
        id=f"line-{number}",
        timestamp_ms=NOW_MS - round(ago_s * 1_000),
        service="fub",
        status="error",
        message=text or f"Zillow API request failed: HTTP {status} ({method} {path}) after {number} ms",
        host="web-1",
        tags=(),
        attributes={
            "context": {"account_id": 14_000 + number % 7},
            "http": {"method": method, "status_code": status, "url_details": {"path": path}},
        },
    )


def test_lines_differ_by_status_and_endpoint_and_not_by_their_numbers() -> None:
    grouped = GroupedLines(900)
    grouped.take(
        (line(number, call=number % 3, status=503 if number % 30 == 1 else 429) for number in range(300)), NOW_MS
    )
    found = {(one.status, one.endpoint): one.count for one in grouped.groups()}
    assert found == {
        ("429", "POST /v1/leads"): 100,
        ("429", "GET /v1/userInfo"): 90,
        ("429", "GET /v1/teams/881/members"): 100,
        ("503", "GET /v1/userInfo"): 10,
    }
    assert all(len(one.accounts) == 7 for one in grouped.groups())


def test_a_line_that_is_read_again_is_counted_once() -> None:
    grouped, lines = GroupedLines(900), [line(number) for number in range(50)]
    for _ in range(3):
        grouped.take(reversed(lines), NOW_MS)
    assert [one.count for one in grouped.groups()] == [50]


def test_what_has_left_the_window_is_not_counted_any_more() -> None:
    grouped = GroupedLines(900)
    grouped.take((line(number, ago_s=60 * number) for number in range(40)), NOW_MS)
    first = grouped.groups()
    grouped.take((), NOW_MS + 600_000)
    later = grouped.groups()
    # Whole minutes are kept, so that the window begins up to a minute early.
    assert first[0].count in {15, 16}
    assert later[0].count == first[0].count - 10
    grouped.take((), NOW_MS + 3_600_000)
    assert grouped.groups() == ()


def test_every_line_is_in_exactly_one_of_a_bounded_number_of_groups() -> None:
    random, grouped = Random(11), GroupedLines(900)  # noqa: S311  # cases, not secrets
    words = [f"word{chr(97 + one % 26)}{chr(97 + one // 26)}" for one in range(600)]
    lines = [line(number, text=" ".join(random.sample(words, 6))) for number in range(3 * MOST_GROUPS)]
    grouped.take(lines, NOW_MS)
    found = grouped.groups()
    assert sum(one.count for one in found) == len(lines)
    assert len(found) <= MOST_GROUPS + 1
    assert any(one.template == OTHERS for one in found)


@pytest.mark.parametrize("width", [58, 78, 80, 134])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_count_status_endpoint_and_accounts_stand_whole_at_every_width(width: int, glyphs: object) -> None:
    grouped = GroupedLines(900)
    grouped.take((line(number, call=number // 7 % 3) for number in range(1_400)), NOW_MS)
    groups = grouped.groups()
    rows = pattern_rows(groups, width=width, glyphs=glyphs)  # type: ignore[arg-type]  # one of the two sets
    for group, row in zip(groups, rows, strict=True):
        for words in (f"{group.count:,}", "429", group.endpoint, f"{len(group.accounts)} account"):
            assert words in row.text, (words, row.text)
        assert len(row.text.rstrip()) <= width
    assert "in the newest 1,400 of 18,014 lines" in pattern_note(groups, 18_014, width=60, glyphs=UNICODE)
    assert pattern_note(groups, 18_014, width=30, glyphs=UNICODE) == "1,400 of 18,014 lines"


def test_a_line_without_a_request_has_no_endpoint() -> None:
    said = LogEvent("said", NOW_MS, "fub", "error", "HTTP 502 from POST /v1/leads?page=2")
    assert (endpoint_of(said), status_of(said)) == ("POST /v1/leads", "502")
    bare = LogEvent("bare", NOW_MS, "fub", "error", "no request", attributes={"http": "none", "context": [1]})
    assert (endpoint_of(bare), status_of(bare), account_of(bare)) == ("", "", "")


def test_near_equals_keep_their_places_and_nothing_moves_under_a_reader() -> None:
    def groups(*counts: int) -> tuple[LineGroup, ...]:
        made = [LineGroup(f"g{at}", "t", "", "", count, (), line(at)) for at, count in enumerate(counts)]
        return tuple(sorted(made, key=lambda group: -group.count))

    def order(*counts: int, held: bool = False) -> str:
        return "".join(group.key for group in in_order(groups(*counts), ("g0", "g1"), held=held))

    assert order(100, 110) == "g0g1"
    assert order(100, 130) == "g1g0"
    assert order(100, 130, held=True) == "g0g1"
    assert order(100, 90, 95) == "g0g1g2", "a new one comes behind"
