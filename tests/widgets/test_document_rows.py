"""The neutral document as rows: what has no text has no row, and every line fits the width."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from diagnostics.core.document import GAP, Block, Cell, Document, Fact, Heading, Line, Note, Part, Result, State, Text
from widgets.glyphs import ASCII, UNICODE
from widgets.row import row
from widgets.rows.document import document_rows, document_text

LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"


def lines(*blocks: Block, width: int = 40) -> list[str]:
    return [item.text.rstrip() for item in document_rows(blocks, width, UNICODE)]


def test_what_has_no_text_has_no_row() -> None:
    assert lines(Text(""), Fact("next", ""), Text("", indent=4), Fact("notify", "", aside="only written out")) == []


def test_labels_stand_on_the_first_line_of_their_fact() -> None:
    assert lines(Fact("next", "take the figures and hand them over"), width=30) == [
        "next          take the figures",
        "              and hand them",
        "              over",
    ]


@pytest.mark.parametrize("width", [20, 41, 100])
def test_no_block_is_wider_than_the_pane(width: int) -> None:
    blocks: list[Block] = [
        Text(LONG, indent=4),
        Fact("a label", LONG),
        Note(LONG),
        Result("fail", LONG, LONG),
        Line((Cell(LONG, "key", 32), Cell("12.00 %", width=9, right=True), Cell(LONG))),
    ]
    found = document_rows(blocks, width, UNICODE)
    assert max(cell_len(item.text) for item in found) <= max(width, 16 + 9 + 1)


def test_only_the_first_line_of_what_can_be_chosen_has_its_key() -> None:
    found = document_rows([Text(LONG, key="conclusion"), Note(LONG, key="note:0")], 30, UNICODE)
    assert [item.key for item in found if item.key] == ["conclusion", "note:0"]
    assert len(found) > 4


def test_a_part_is_drawn_by_the_surface_that_knows_its_name_and_written_out_by_others() -> None:
    part = Part("gates", [Result("pass", "deal: it is there")])
    drawn = document_rows([part], 40, UNICODE, {"gates": lambda _width, _glyphs: [row("a strip")]})
    assert [item.text for item in drawn] == ["a strip"]
    assert lines(part) == ["✔ ok           deal: it is there"]


def test_a_query_is_shown_as_it_was_asked_where_other_text_is_replaced() -> None:
    found = document_rows([Text("a · b"), Text("@name:Büro", "code"), State("warn", "x — y")], 40, ASCII)
    assert [item.text for item in found] == ["a | b", "@name:Büro", "! warn  x - y"]


def test_the_clipboard_takes_the_document_as_laid_out_unless_it_has_a_text_of_its_own() -> None:
    blocks = [Heading("role"), Text("one"), GAP, Text("two")]
    assert document_text(Document("d", blocks), UNICODE) == "\nrole\none\n\ntwo"
    assert document_text(Document("d", blocks, copy="# role"), UNICODE) == "# role"
