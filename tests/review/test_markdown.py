"""Hostile text in Markdown: read by a Markdown reader, it is text and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from diagnostics.incident.review.markdown import code, plain

HOSTILE = (
    "# not a heading",
    "1. not a list",
    "2) nor this",
    "- nor this",
    "+ nor this",
    "> no quotation",
    "**not bold** and _not slanted_ and ~~not struck~~",
    "[click](http://example.com) ![picture](http://example.com/x.png)",
    "<script>alert(1)</script> <!-- hidden -->",
    "a | b | c",
    "`code` and ``more``",
    "&lt;entity&gt; &#35;",
    "line one\n\n# line two\n---\n===",
    "a trailing backslash \\",
    "snake_case and synced_at stay as they are",
    "***",
    "---",
    "===",
    "```",
    "[a]: http://example.com",
)

pieces = st.sampled_from([*"#*_`[]()<>|~!&\\-+=.:1 2a\n\t", "http://x.y", "<b>", "&amp;", "](", "[^1]", "- [ ]"])


def shown(markdown: str) -> str:
    """The text that a reader of a list item sees; fails where it holds anything but text."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(f"- {markdown}")
    kinds = {one.type for one in tokens}
    assert kinds <= {
        "bullet_list_open",
        "list_item_open",
        "paragraph_open",
        "inline",
        "paragraph_close",
        "list_item_close",
        "bullet_list_close",
    }, kinds
    text = ""
    for token in tokens:
        for child in token.children or ():
            assert child.type in {"text", "text_special"}, child.type
            text += child.content
    return text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_it_was_written(text: str) -> None:
    assert shown(plain(text)) == " ".join(text.split())


@given(st.lists(pieces, max_size=25).map("".join))
def test_any_mixture_of_signs_is_text_and_nothing_else(text: str) -> None:
    assert shown(plain(text)).strip() == " ".join(text.split())


@given(st.lists(pieces, max_size=25).map("".join))
def test_a_cell_of_a_table_stays_one_cell(text: str) -> None:
    table = f"| a | b |\n| --- | --- |\n| {plain(text)} | end |"
    tokens = MarkdownIt("commonmark").enable(["table"]).parse(table)
    assert sum(one.type == "td_open" for one in tokens) == 2
    assert sum(one.type == "tr_open" for one in tokens) == 2


@given(st.text(alphabet="`a |\n", max_size=20))
def test_code_is_shown_whole_within_one_line(text: str) -> None:
    written = code(text)
    assert "\n" not in written
    tokens = MarkdownIt("commonmark").parse(f"x {written}")
    found = [child.content for token in tokens for child in token.children or () if child.type == "code_inline"]
    assert [one.strip() for one in found] == ([" ".join(text.split())] if text.strip() else [])


def test_words_that_need_no_escaping_stay_readable() -> None:
    text = "health 94.20 % at 13:22:05 UTC; webhook_backlog 212,631 (HTTP 429)"
    assert plain(text) == text


def test_escape_sequences_of_terminals_do_not_come_through() -> None:
    assert "\x1b" not in plain("a\x1b]52;c;aGk=\x07b")
