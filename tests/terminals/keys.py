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


KEYS = (
    Case("not-utf-8", "a byte that is not UTF-8 does not end the console", one_byte_that_is_no_utf_8),
    Case("paste-without-end", "a paste whose end marker is lost shows, and keys go on", a_paste_without_an_end),
    Case("escape-tmux", "Esc and a key in one read, in tmux, are both heard", escape_then_a_key_in_tmux, ("tmux",)),
)
