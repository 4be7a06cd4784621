"""A table: sorted, filtered, grouped, laid out at every width, and as text."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from diagnostics.core.failures import UserError
from diagnostics.models.incidents import AffectedAccount
from widgets.glyphs import ASCII, UNICODE
from widgets.rows.account import AFFECTED_COLUMNS
from widgets.table import DrawnRows, Group, Table, table_heading, table_layout

NOW = datetime(2025, 11, 17, 14, 3, 22, tzinfo=UTC)
LONG = "Söderqvist & Þorsteinsson " * 8
NAMES = ("Acme", LONG[:200], "青山不動産株式会社", "🏠🔑 Homes", "בית ירוק נדלן", "=HYPERLINK(0)", "a|b", "")


def account(number: int, name: str = "Acme", **more: object) -> AffectedAccount:
    made = AffectedAccount("rate_limiting", number, float(number % 7), "why", name=name, size=number % 5_000, events=3)
    return replace(made, **more)  # type: ignore[arg-type]


def table(*items: AffectedAccount, **how: object) -> Table:
    made = Table(AFFECTED_COLUMNS, lambda one: f"account:{one.account_id}")
    made.take(items)
    made.set(**how)
    return made


def drawn(made: Table, width: int, *, ascii_only: bool = False) -> DrawnRows:
    glyphs = ASCII if ascii_only else UNICODE
    return DrawnRows(made, table_layout(made, width), width=width, glyphs=glyphs, now=NOW)


def ids(made: Table) -> list[int]:
    return [one.account_id for one in made.order()]


@pytest.mark.parametrize("width", [56, 76, 116, 196, 396])
@pytest.mark.parametrize("numbers", [False, True])
def test_no_row_is_wider_than_the_terminal_and_each_keeps_its_column_whatever_its_name(
    width: int, numbers: bool
) -> None:
    made = table(*(account(at + 1, name) for at, name in enumerate(NAMES)), numbers=numbers)
    rows = drawn(made, width)
    heading = table_heading(made, table_layout(made, width), UNICODE)
    for item in (heading, *rows):
        assert cell_len(item.text) <= width
    assert len({cell_len(item.text) for item in rows}) == 1
    # Whom, how large, how often: these are there in the smallest terminal.
    for title in ("account", "name", "users", "events"):
        assert title in heading.text
    for at, item in enumerate(rows):
        assert str(at + 1) in item.text


def test_the_width_there_is_is_used() -> None:
    long = "invalid_grant: refresh token expired or revoked"
    made = table(account(1, LONG[:46], kinds=((long, 3),)))
    assert LONG[:46].rstrip() in drawn(made, 396)[0].text
    assert long in drawn(made, 396)[0].text
    assert "…" in drawn(made, 56)[0].text


def test_what_is_not_known_is_a_dash_and_stands_last_in_either_direction() -> None:
    made = table(account(1, size=None), account(2, size=0), account(3, size=9))
    made.sort("users")
    assert ids(made) == [3, 2, 1]
    made.sort("users")
    assert ids(made) == [2, 3, 1]
    assert "—" in drawn(made, 76)[2].text
    assert "—" not in drawn(table(account(2, size=0), chosen=("account", "users")), 76)[0].text


def test_the_largest_numbers_come_first_and_names_from_a() -> None:
    made = table(account(1, "beta"), account(2, "Alpha"), account(3, "gamma"))
    made.sort("name")
    assert ids(made) == [2, 1, 3]
    made.sort("events")
    assert made.descending
    assert "events▼" in table_heading(made, table_layout(made, 116), UNICODE).text
    assert "eventsv" in table_heading(made, table_layout(made, 116), ASCII).text


def test_every_word_of_the_filter_must_be_held_by_any_column() -> None:
    made = table(account(1, "Pine Homes"), account(2, "Pine Realty"), account(3, "Oak Homes"), filter_text="homes PINE")
    assert ids(made) == [1]


def test_rows_that_say_the_same_are_one_group_and_not_known_is_one_too() -> None:
    made = table(*(account(at, kinds=(("timeout", 1),) if at % 3 else ()) for at in range(1, 8)), grouped_by="kind")
    assert made.order() == [Group("timeout", 5), Group("", 2)]
    assert "not known" in drawn(made, 76)[1].text
    made.set(grouped_by="", within=("kind", ""))
    assert ids(made) == [3, 6]


def test_the_column_cursor_stays_on_screen() -> None:
    made = table(account(1))
    layout = table_layout(made, 56)
    for _ in range(20):
        made.move(1, layout)
    assert made.at == layout[-1][0].name
    for _ in range(20):
        made.move(-1, layout)
    assert made.at == "account"


def test_chosen_columns_stand_in_the_order_chosen_as_far_as_they_fit() -> None:
    made = table(account(1), chosen=("users", "name", "no such column"))
    assert [column.name for column, _ in table_layout(made, 76)] == ["users", "name"]


def test_a_table_is_text_csv_json_and_markdown() -> None:
    items = [account(at + 1, name) for at, name in enumerate(NAMES)]
    made = table(*items, chosen=("account", "name", "users"))
    records = json.loads(made.text("json"))
    assert [one["name"] for one in records] == [name or None if name else "" for name in NAMES]
    rows = list(csv.DictReader(io.StringIO(made.text("csv"))))
    assert [row["account"] for row in rows] == [str(one.account_id) for one in items]
    assert rows[5]["name"] == "'=HYPERLINK(0)"
    assert r"a\|b" in made.text("markdown")
    assert made.text("text").splitlines()[0].split() == ["account", "name", "users"]
    with pytest.raises(UserError, match="xml"):
        made.text("xml")


def test_one_cell_and_one_row_are_text_too() -> None:
    made = table(account(1, "Acme, Inc."), account(2))
    assert made.text("csv", [made.items[0]], ["name"]) == 'name\n"Acme, Inc."\n'


def test_a_copied_cell_is_the_text_itself_whatever_a_spreadsheet_would_make_of_it() -> None:
    made = table(account(1, '=1+1 "both\nlines"'), account(2, ""))
    assert [made.cell(item, "name") for item in made.items] == ['=1+1 "both\nlines"', "—"]


@given(st.lists(st.tuples(st.integers(1, 50), st.none() | st.integers(0, 9)), max_size=40), st.booleans())
def test_sorting_loses_and_invents_no_row(found: list[tuple[int, int | None]], descending: bool) -> None:
    items = [account(at * 100 + number, size=size) for at, (number, size) in enumerate(found)]
    made = table(*items, sorted_by="users", descending=descending)
    assert sorted(ids(made)) == sorted(one.account_id for one in items)
    known = [one.size for one in made.order() if one.size is not None]
    assert known == sorted(known, reverse=descending)


def test_of_ten_thousand_rows_only_those_on_screen_are_drawn() -> None:
    made = table(*(account(number) for number in range(1, 10_001)))
    rows = drawn(made, 116)
    shown = rows[5_000:5_040]
    assert rows.place_of("account:9000") == 8_999
    assert len(shown) == 40
    assert len(rows._drawn) == 40


def test_turned_round_and_filtered_the_order_is_that_of_the_rows_there_are_now() -> None:
    made = table(account(1, "beta", size=5), account(2, "alpha", size=7), account(3, "gamma", size=None))
    made.sort("users")
    assert ids(made) == [2, 1, 3]
    made.set_filter("a")
    made.sort("users")
    assert ids(made) == [1, 2, 3]
    made.take([account(4, "delta", size=1), account(1, "beta", size=0), account(2, "alpha")])
    assert ids(made) == [1, 4, 2]
    made.set_filter("delta")
    assert ids(made) == [4]


def test_rows_that_were_drawn_know_their_places_when_the_table_has_others() -> None:
    made = table(account(1), account(2), account(3))
    before = drawn(made, 76)
    made.take([account(3), account(9)])
    after = drawn(made, 76)
    assert [before.place_of(f"account:{number}") for number in (1, 2, 3, 9)] == [0, 1, 2, None]
    assert [after.place_of(f"account:{number}") for number in (1, 2, 3, 9)] == [None, None, 0, 1]
    assert after.item("account:9") is made.items[1]
    made.set_filter("no such word")
    assert drawn(made, 76).place_of("account:9") is None
