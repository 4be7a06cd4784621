"""Terminal escapes, markup and reversed text in every field of every source: none of it reaches the terminal."""

from __future__ import annotations

import re
import unicodedata

import pytest

from tests.console_pty.conftest import Start, has_answers

pytestmark = pytest.mark.pty

OWN = re.compile(
    r"\x1b\[[0-9;]*m"  # colours and attributes
    r"|\x1b\[[0-9]+;[0-9]+H"  # cursor position
    r"|\x1b\[\?(?:7|25|1004|1049|2004|2026|2048)[hl]"  # modes of a full-screen program
    r"|\x1b\[\?(?:2026|2048)\$p"  # what the terminal can do
    r"|\x1b\[>[0-9]+u|\x1b\[<u"  # keyboard protocol
)
"""Every sequence that this program writes itself. Mouse reports are off; nothing is copied in this test."""


def strange(raw: bytes) -> list[str]:
    """Whatever in the stream is neither text nor a sequence of the program's own."""
    text = OWN.sub("", raw.decode("utf-8"))
    found = {char for char in text if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co"} and char not in "\r\n"}
    around = [text[max(0, text.index(char) - 30) : text.index(char) + 30] for char in sorted(found)]
    return [repr(piece) for piece in around]


@pytest.mark.parametrize("size", [(120, 40), pytest.param((60, 15), marks=pytest.mark.matrix)])
def test_no_sequence_reaches_the_terminal_that_the_console_did_not_write(start: Start, size: tuple[int, int]) -> None:
    with start("--sandbox", "nov17_logs", "--fault", "hostile", columns=size[0], rows=size[1]) as terminal:
        terminal.wait_for(has_answers, 60)
        # The escalation panel comes last: Enter in it copies, and a slow machine may still be there at the next key.
        for keys in (["w"], ["enter"], ["l", "k", "k", "enter"], ["?"], [":"], ["tab", "tab", "w"], ["j", "w"], ["e"]):
            terminal.press(*keys)
            terminal.wait_quiet(0.3, 20)
            terminal.press("escape", "escape")
            terminal.wait_quiet(0.2, 20)
        terminal.press("l", "/")
        terminal.send("@message:*")
        terminal.press("enter")
        terminal.wait_quiet(0.3, 20)
        terminal.press("escape", "escape")
        assert terminal.process.poll() is None, terminal.describe()
        terminal.wait_quiet(0.2, 20)
        assert strange(terminal.raw) == []
        assert not terminal.modes.mouse


def test_the_check_itself_sees_what_must_not_be() -> None:
    for hostile in (
        b"\x1b]52;c;eA==\x07",
        b"\x1b]0;t\x07",
        b"\x1b[2J",
        "\u202e".encode(),
        "\x9b2J".encode(),
        b"\x1b[6n",
    ):
        assert strange(b"\x1b[1;1H\x1b[0m" + hostile) != []
