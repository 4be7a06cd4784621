"""Bounds on cost: importing, hostile patterns, hostile events."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.log_events import TYPICAL_QUERY, measure, synthetic_events
from diagnostics.logs import compile_query, highlight, parse
from diagnostics.logs.patterns import text_test
from diagnostics.logs.tree import Glob, Wildcard
from tests.logs import reference
from tests.logs.samples import event

ROOT = Path(__file__).parents[2]


def test_importing_and_everything_short_of_parsing_leaves_lark_and_pydantic_alone() -> None:
    program = (
        "import sys; from diagnostics.logs import bind, highlight, quote;"
        "highlight('a (b'); bind('@a:{v}', v='x y');"
        "sys.exit(any(name in sys.modules for name in ('lark', 'pydantic', 'textual')))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False, timeout=60).returncode == 0


def test_the_grammar_file_lies_in_the_package_folder() -> None:
    assert (ROOT / "diagnostics" / "logs" / "grammar.lark").is_file()


class CountingText(str):
    """A text that counts the searches made in it: work can be bounded without a clock."""

    searches = 0

    def find(self, *arguments: object) -> int:
        CountingText.searches += 1
        return super().find(*arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("ending", ["b", "a"])
def test_a_pattern_of_many_stars_costs_one_search_for_each_piece(ending: str) -> None:
    stars: list[str | Wildcard] = [Wildcard.ANY]
    for _ in range(200):
        stars += ["a", Wildcard.ANY]
    test = text_test(Glob((*stars, ending)))
    CountingText.searches = 0
    assert test(CountingText("a" * 30_000 + "c")) is False
    assert CountingText.searches <= 201


HOSTILE = [
    "@m:" + "*a" * 4_000 + "*b",
    "@m:" + ("*a?" * 64)[:-1] + "*b",
    "@m:*" + "a?" * 64 + "b",
    "@m:*" + "a" * 8_000 + "?b",
    "@m:*" + "?" * 8_000 + "b",
    "*a" * 4_000 + "*b",
    "a*" * 4_000,
    "*:" + "*a" * 4_000 + "*b",
    '"' + "a " * 4_000 + 'b"',
    '"' + "a " * 7 + 'b"',
    "*" + "a" * 8_000,
    "a?-" * 31 + "b",
    "*aa?aa*aa?b*",
]


@pytest.mark.parametrize("query", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_pattern_on_a_hostile_event_comes_to_an_end(query: str) -> None:
    texts = ["a" * 32_000, "a " * 16_000, "ax " * 10_000, "a!" * 16_000 + "b", " " * 32_000]
    predicate = compile_query(query)
    tree = parse(query)
    for text in texts:
        predicate(event(message=text, attributes={"m": text}))
    small = event(message="aaaab", attributes={"m": "aaaab"})
    assert predicate(small) is reference.selects(tree, small)


def test_deep_and_wide_attributes_do_not_recurse_away() -> None:
    deep: object = "needle"
    for _ in range(5_000):
        deep = [deep]
    assert compile_query("@a:needle")(event(attributes={"a": deep}))
    assert compile_query("*:needle")(event(attributes={"a": deep}))
    nested: object = "needle"
    for _ in range(5_000):
        nested = {"a": nested}
    assert compile_query("*:needle")(event(attributes={"a": nested}))
    assert not compile_query("@a.a.a.a:needle")(event(attributes={"a": nested}))


def test_colouring_the_longest_hostile_text_keeps_every_character_once() -> None:
    for text in ("(" * 8_192, '"\\' * 4_096, "[" * 8_192, "@a:" * 2_730, "\x00" * 8_192, "CIDR(" * 1_638):
        assert sum(span.end - span.start for span in highlight(text)) == len(text)


def test_the_throughput_measurement_counts_what_the_definition_selects() -> None:
    measured = measure(count=2_000, repeat=1)
    tree = parse(TYPICAL_QUERY)
    assert measured.selected == sum(reference.selects(tree, one) for one in synthetic_events(2_000))
    assert 0 < measured.selected < 2_000
    assert measured.events_per_second > 0
