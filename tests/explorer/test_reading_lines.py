"""Patterns, facets, completion and export: what is made of lines that are already here."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.core.failures import UserError
from diagnostics.core.sanitizer import clean
from diagnostics.explorer.completion import Completer, known_attributes
from diagnostics.explorer.export import export_text, write_export
from diagnostics.explorer.facets import FacetCounter
from diagnostics.explorer.patterns import masked, patterns
from diagnostics.logs import parse
from diagnostics.models.events import LogEvent


def event(number: int, message: str, status: str = "error", service: str = "fub", **context: object) -> LogEvent:
    return LogEvent(
        id=f"e{number}",
        timestamp_ms=1_763_380_800_000 + number * 1000,
        service=service,
        status=status,
        message=message,
        attributes={"context": context, "correlation_id": f"c-{number}"},
    )


LINES = [
    event(1, "HTTP 429 Too Many Requests POST /v1/leads after 120 ms", account_id=14009),
    event(2, "HTTP 429 Too Many Requests POST /v1/transactions after 95 ms", account_id=75172),
    event(3, "HTTP 502 Bad Gateway", "critical", account_id=14009),
    event(4, "token of user 100231 refreshed for X1-ZU00001234", "info", "fub-worker", account_id=14009),
    event(5, "token of user 100999 refreshed for X1-ZU09991234", "info", "fub-worker", account_id=30511),
]


def test_messages_that_differ_in_their_variable_parts_are_one_pattern() -> None:
    found = {pattern.template: pattern for pattern in patterns(LINES)}
    assert set(found) == {
        "HTTP 429 Too Many Requests POST <*> after <number> ms",
        "HTTP 502 Bad Gateway",
        "token of user <number> refreshed for <id>",
    }
    limited = found["HTTP 429 Too Many Requests POST <*> after <number> ms"]
    assert (limited.count, limited.level, limited.services) == (2, "error", ("fub",))
    assert [sample.id for sample in limited.samples] == ["e2", "e1"]


def test_an_http_status_tells_messages_apart_and_other_numbers_do_not() -> None:
    assert masked("HTTP 429 after 95 ms") == "HTTP 429 after <number> ms"
    assert masked("HTTP 502 after 95 ms") != masked("HTTP 429 after 95 ms")
    assert masked('deal 12345 of "Ana Abbott" at 10.2.3.4:3306') == "deal <number> of <text> at <address>"


@given(st.lists(st.text(max_size=80), max_size=60))
def test_every_line_is_in_exactly_one_pattern_whatever_it_says(messages: list[str]) -> None:
    events = [event(number, clean(message)) for number, message in enumerate(messages)]
    assert sum(pattern.count for pattern in patterns(events)) == len(events)


def test_more_kinds_of_messages_than_can_be_compared_are_still_counted() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    events = [
        event(n, f"{letters[n % 26] * 3}{letters[n // 26]} {letters[n // 26] * 4} q{letters[n % 26]}")
        for n in range(600)
    ]
    assert sum(pattern.count for pattern in patterns(events)) == 600


def test_facets_count_values_of_reserved_and_nested_attributes() -> None:
    counter = FacetCounter()
    counter.add(LINES[:3])
    counter.add(LINES[3:])
    assert counter.facet("service").values == (("fub", 3), ("fub-worker", 2))
    account = counter.facet("@context.account_id")
    assert account.values[0] == ("14009", 3)
    assert (account.of, account.is_exact) == (5, False)
    assert counter.names()[:2] == ("service", "status")
    assert counter.names().index("@context.account_id") < counter.names().index("@correlation_id")


def completer() -> Completer:
    counter = FacetCounter()
    counter.add(LINES)
    return Completer(counter, known_attributes(["service:fub @context.agentCount:0"]))


def options(text: str) -> list[str]:
    return [option.text for option in completer().complete(text, len(text)).options]


def test_fields_are_completed_from_lines_and_from_the_catalogue() -> None:
    assert options("acc") == ["@context.account_id:"]
    assert "@context.agentCount:" in options("service:fub @context.a")
    assert options("ser")[0] == "service:"


def test_values_are_completed_as_a_query_carries_them() -> None:
    assert options("service:fub-")[0] == "fub-worker"
    assert options("-@context.account_id:14")[0] == "14009"
    assert options("status:cri") == ["critical"]


@given(st.text(max_size=40), st.integers(min_value=-5, max_value=50))
def test_completing_never_fails_and_replaces_only_what_is_before_the_cursor(text: str, cursor: int) -> None:
    found = completer().complete(text, cursor)
    assert 0 <= found.start <= found.end <= len(text)
    for option in found.options:
        if option.text.endswith(":"):
            continue
        parse(f"service:{option.text}" if option.text not in {"AND", "OR"} else "a")


def test_json_lines_and_csv_give_back_what_was_exported() -> None:
    records = [json.loads(line) for line in export_text(LINES, "jsonl").splitlines()]
    assert [record["id"] for record in records] == [line.id for line in LINES]
    assert records[0]["attributes"]["context"]["account_id"] == 14009
    rows = list(csv.DictReader(io.StringIO(export_text(LINES, "csv"))))
    assert [row["message"] for row in rows] == [line.message for line in LINES]


def test_a_message_is_neither_a_formula_nor_markup_in_an_export() -> None:
    hostile = [event(1, "=HYPERLINK(1)|`x` <b>")]
    assert "'=HYPERLINK" in export_text(hostile, "csv")
    assert r"\|\`x\` \<b\>" in export_text(hostile, "markdown", query="a ``b`` c")


FORMULAS = (
    "=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", "\n=1", " =1", '"=1"', "＝1+1", "＋1", "－1", "＠SUM(1)",
    "x;=1+1", "x; =1+1", 'x;"=1+1"', "x\t@SUM(1)", "x;＝1", 'x";=1', "x\n=1", "x\r-1", ";;=1", '";"=1',
)  # fmt: skip


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_no_cell_of_an_export_is_computed_whatever_separates_cells_in_the_readers_country(separator: str) -> None:
    """Read as a spreadsheet would: the separator is the country's, and full-width signs count as narrow ones."""
    lines = [event(number, formula, service=formula) for number, formula in enumerate(FORMULAS)]
    read = list(csv.reader(io.StringIO(export_text(lines, "csv"), newline=""), delimiter=separator))
    cells = [cell for row in read for cell in row]
    assert len(cells) > len(FORMULAS)
    computed = [
        cell for cell in cells if unicodedata.normalize("NFKC", cell).lstrip(' "').startswith(tuple("=+-@\t\r\n"))
    ]
    assert computed == []


def test_exports_are_private_files_that_replace_none(tmp_path: Path) -> None:
    now = datetime(2025, 11, 17, 14, 3, tzinfo=UTC)
    first = write_export(tmp_path / "exports", LINES, "markdown", now=now)
    second = write_export(tmp_path / "exports", LINES, "markdown", now=now)
    assert first.name == "logs-20251117-140300.md"
    assert second != first
    assert first.stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_exported_is_said_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no lines"):
        write_export(tmp_path, [], "csv")
    with pytest.raises(UserError, match="no export form"):
        write_export(tmp_path, LINES, "xml")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="could not be written"):
        write_export(tmp_path / "file" / "exports", LINES, "csv")
