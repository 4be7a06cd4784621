"""Bytes and pauses that terminals send, and what the console must make of them."""

from __future__ import annotations

import time

from tests.terminal import Terminal
from tests.terminals.stage import Case, Stage, ready


def still_answers(terminal: Terminal) -> None:
    """Keys are answered, and `q` leaves the console as a person expects."""
    terminal.send("2")
    terminal.wait_for("2 HEALTH", 20)
    terminal.send("1")
    terminal.wait_for(ready, 20)
    terminal.send("q")
    assert terminal.wait_exit() == 0, terminal.describe()


def one_byte_that_is_no_utf_8(stage: Stage) -> None:
    """é of a Latin-1 terminal, and half of an emoji, each alone in its read."""
    with stage.console() as terminal:
        terminal.wait_for(ready, 60)
        for piece in (b"\xe9", b"\xf0\x9f"):
            terminal.send(piece)
            time.sleep(0.3)
        assert terminal.process.poll() is None, terminal.describe()
        still_answers(terminal)


def a_paste_without_an_end(stage: Stage) -> None:
    """The end marker is lost: what was pasted shows, and keys are answered again."""
    with stage.console() as terminal:
        terminal.wait_for(ready, 60)
        terminal.send(":")
        terminal.wait_for("tab complete")
        terminal.send(b"\x1b[200~account 14009")
        terminal.wait_for("account 14009")
        terminal.press("escape")
        terminal.wait_for(ready)
        still_answers(terminal)


def escape_then_a_key_in_tmux(stage: Stage) -> None:
    """tmux holds Esc back for half a second and hands it on together with the key behind it."""
    with stage.console(inside="tmux") as terminal:
        terminal.wait_for(ready, 60)
        terminal.send("?")
        terminal.wait_for("help", 20)
        terminal.send("\x1b")
        time.sleep(0.1)
        terminal.send("2")
        terminal.wait_for("2 HEALTH", 20)


def a_paste_in_two_halves(stage: Stage) -> None:
    """The end marker split by 150 ms, and a key behind it."""
    with stage.console() as terminal:
        terminal.wait_for(ready, 60)
        terminal.send(":")
        terminal.wait_for("tab complete")
        terminal.send(b"\x1b[200~account 14009\x1b[20")
        time.sleep(0.15)
        terminal.send(b"1~")
        terminal.wait_for("account 14009")
        terminal.press("escape")
        terminal.wait_for(ready)
        still_answers(terminal)


def terminals_answers(stage: Stage) -> None:
    """Replies that nobody asked for, on level 1 and in a line that is being typed: none of them is a key."""
    with stage.console() as terminal:
        terminal.wait_for(ready, 60)
        for reply in REPLIES:
            terminal.send(reply)
            time.sleep(0.05)
        terminal.wait_quiet(0.5)
        assert ready(terminal), terminal.describe()
        terminal.send(":")
        terminal.wait_for("tab complete")
        for reply in REPLIES:
            terminal.send(reply)
        terminal.send("deal 7")
        terminal.wait_for(lambda seen: seen.screen()[0].strip() == "deal 7")
        terminal.press("escape")
        terminal.wait_for(ready)
        still_answers(terminal)


REPLIES = (
    b"\x1b[?62;22c",
    b"\x1b[>41;390;0c",
    b"\x1b[?2027;0$y",
    b"\x1b]11;rgb:1e1e/1e1e/1e1e\x07",
    b"\x1b]10;rgb:ffff/ffff/ffff\x1b\\",
    b"\x1b[24;80R",
    b"\x1bP>|XTerm(390)\x1b\\",
    b"\x1bP1+r544e=787465726d\x1b\\",
    b"\x1b[50~",
    b"\x1b[I",
    b"\x1b[O",
    b"\x1b[8;40;120t",
)

KEYS = (
    Case("not-utf-8", "a byte that is not UTF-8 does not end the console", one_byte_that_is_no_utf_8),
    Case("paste-without-end", "a paste whose end marker is lost shows, and keys go on", a_paste_without_an_end),
    Case("paste-split", "a paste whose end marker comes in two halves ends", a_paste_in_two_halves),
    Case("replies", "what terminals answer is no key", terminals_answers),
    Case("escape-tmux", "Esc and a key in one read, in tmux, are both heard", escape_then_a_key_in_tmux, ("tmux",)),
)
