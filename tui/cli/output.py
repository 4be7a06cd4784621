"""Words on standard output: through the sanitizer, plain when piped, wrapped and coloured only on a terminal."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TextIO, TypeVar

from diagnostics.core.sanitizer import clean

Done = TypeVar("Done")

WORDS = {"pass": "PASS", "warn": "WARN", "fail": "FAIL", "no_data": "NO DATA", "unreachable": "UNREACHABLE"}
_COLOURS = {"pass": "32", "warn": "33", "fail": "31;1", "no_data": "2", "unreachable": "35"}
WORD_WIDTH = max(map(len, WORDS.values()))


@dataclass(slots=True, frozen=True)
class Style:
    """Colour and width of standard output."""

    colour: bool = False
    width: int | None = None
    """Columns of the terminal; None when the output is not one, and lines stay whole."""

    @classmethod
    def of_stdout(cls) -> Style:
        """Colour and wrapping only where a person reads along."""
        if not sys.stdout.isatty():
            return cls()
        plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
        return cls(colour=not plain, width=max(40, shutil.get_terminal_size().columns))

    def status(self, status: str) -> str:
        """The status word, padded to the width of the longest."""
        word = f"{WORDS[status]:<{WORD_WIDTH}}"
        return f"\x1b[{_COLOURS[status]}m{word}\x1b[0m" if self.colour else word

    def block(self, text: str, *, indent: int = 0, first: str = "") -> list[str]:
        """`text` as lines, indented, wrapped on a terminal; `first` stands before it on its first line.

        `first` is the program's own and may carry colour; it takes `indent` columns.
        """
        pad = " " * indent
        body = clean(text, limit=8_000)
        lines = [body]
        if self.width is not None:
            room = max(20, self.width - indent)
            lines = textwrap.wrap(body, room, break_long_words=False, break_on_hyphens=False) or [""]
        return [(first or pad) + lines[0], *(pad + line for line in lines[1:])]


class NotWritten(OSError):  # noqa: N818  # a state of the world
    """Standard output is closed, or what stands behind it is full."""


class Answers:
    """Standard output, whose failures are told from those of every other file."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Raises BrokenPipeError where the reader went away, else NotWritten."""
        return self._tried(lambda: self._stream.write(text))

    def flush(self) -> None:
        """Raises as `write`."""
        self._tried(self._stream.flush)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # everything else is the stream's own
        return getattr(self._stream, name)

    @staticmethod
    def _tried(work: Callable[[], Done]) -> Done:
        try:
            return work()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise NotWritten(error.errno, error.strerror or "it is closed") from error


def say(lines: Iterable[str]) -> None:
    """Write lines to standard output and let them out at once: somebody may be watching."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
