"""Questions on a terminal, a line at a time: they work over SSH and where TERM is dumb."""

from __future__ import annotations

import getpass
import sys
import termios
from collections.abc import Iterable, Sequence
from contextlib import suppress

from diagnostics.core.sanitizer import clean
from tui.cli.output import Style, say

with suppress(ImportError):
    import readline  # noqa: F401  # `input` edits lines with it, where the interpreter was built with it

LONGEST = 2_000


class Cancelled(Exception):  # noqa: N818  # what the person did
    """Ctrl+C, Ctrl+D or a terminal that went away: nothing is to be written."""


def tell(lines: Iterable[str]) -> None:
    """Write lines, cleaned, and wrapped to the terminal."""
    style = Style.of_stdout()
    for line in lines:
        say(style.block(line))


def ask(question: str, default: str = "") -> str:
    """One line, without spaces around it; `default` for an empty one. Raises Cancelled."""
    sys.stdout.flush()
    try:
        given = input(f"{question}{f' [{default}]' if default else ''}: ")
    except (EOFError, KeyboardInterrupt, OSError):
        raise Cancelled from None
    return clean(given, limit=LONGEST).strip() or default


def ask_unseen(question: str) -> str:
    """One line that is not echoed. Raises Cancelled, also where the echo cannot be switched off."""
    sys.stdout.flush()
    try:
        return getpass.getpass(f"{question} (not shown): ").strip()
    except (EOFError, KeyboardInterrupt, OSError, termios.error):
        raise Cancelled from None


def choose(question: str, choices: Sequence[tuple[str, str]], default: str = "") -> str:
    """The letter of one of `choices`, each a letter and what it does; asked until it is one. Raises Cancelled."""
    letters = [letter for letter, _ in choices]
    tell([question, *(f"  {letter}  {does}" for letter, does in choices)])
    while True:
        given = ask("choice", default).lower()
        if given in letters:
            return given
        tell([f"{given!r} is none of them: {', '.join(letters)}" if given else f"one of {', '.join(letters)}"])
