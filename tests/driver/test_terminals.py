"""What the environment says about a terminal, and what the console makes of it."""

from __future__ import annotations

import pytest

from tui.terminal.clipboard import copy_sequence
from tui.terminal.driver import unfit_terminal
from tui.terminal.theme import capabilities


@pytest.mark.parametrize("term", ["dumb", "unknown", "", "network", "emacs"])
def test_a_terminal_that_moves_no_cursor_is_refused_with_a_sentence(term: str) -> None:
    said = unfit_terminal({"TERM": term})
    assert "no cursor can be moved" in said
    assert repr(term) in said or "TERM is not set" in said


def test_no_term_at_all_is_refused() -> None:
    assert "TERM is not set" in unfit_terminal({})


@pytest.mark.parametrize("term", ["xterm-256color", "screen", "tmux-256color", "linux", "vt100", "xterm-kitty", "foot"])
def test_terminals_that_people_use_are_taken_known_to_this_host_or_not(term: str) -> None:
    assert unfit_terminal({"TERM": term}) == ""


@pytest.mark.parametrize(
    ("environ", "ascii_only"),
    [
        ({"LANG": "C"}, True),
        ({"LANG": "POSIX"}, True),
        # Python sets this for itself where it finds LANG=C, before the console can look.
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),
        ({"LC_ALL": "C"}, True),
        ({"LANG": "fr_FR.ISO-8859-1"}, True),
        ({"LANG": "fr_FR.ISO-8859-1", "LC_CTYPE": "C.UTF-8"}, True),
        ({"LANG": "en_US.UTF-8", "LC_CTYPE": "C.UTF-8"}, False),
        ({"LANG": "de_DE@euro"}, True),
        ({"LANG": "en_US.UTF-8"}, False),
        ({"LANG": "C.UTF-8"}, False),
        ({"LANG": "C", "LC_CTYPE": "en_US.UTF-8"}, False),
        ({"LANG": "C", "LC_ALL": "en_US.utf8"}, False),
        # What a Mac hands on over SSH, and nothing at all: there is a terminal of today at the other end.
        ({"LC_CTYPE": "UTF-8"}, False),
        ({"LC_CTYPE": "C.UTF-8"}, False),
        ({}, False),
        ({"LANG": "en_US.UTF-8", "TERM": "linux"}, True),
    ],
)
def test_a_locale_that_is_not_utf_8_gets_ascii(environ: dict[str, str], ascii_only: bool) -> None:
    assert capabilities({"TERM": "xterm", **environ}, theme=None, ascii_only=False).ascii_only is ascii_only


@pytest.mark.parametrize(
    "environ",
    [
        {"STY": "812.pts-0.bastion", "TERM": "screen.xterm-256color"},
        {"STY": "812.pts-0.bastion", "TERM": "xterm-256color"},
        # Over SSH nothing but TERM tells of it.
        {"TERM": "screen"},
        {"TERM": "screen-256color"},
    ],
)
def test_nothing_is_sent_to_a_clipboard_through_gnu_screen(environ: dict[str, str]) -> None:
    assert copy_sequence("INC-1", environ) is None


def test_elsewhere_a_copy_is_sent_and_wrapped_for_tmux() -> None:
    assert copy_sequence("INC-1", {"TERM": "xterm-256color"}) == "\x1b]52;c;SU5DLTE=\x07"
    assert copy_sequence("INC-1", {"TERM": "screen", "TMUX": "socket"}) == "\x1bPtmux;\x1b\x1b]52;c;SU5DLTE=\x07\x1b\\"
    assert copy_sequence("x" * 80_000, {"TERM": "xterm-256color"}) is None
