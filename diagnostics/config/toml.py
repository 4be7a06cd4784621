"""TOML files with line numbers: settings and catalogue both answer a mistake with the line it stands on.

`tomllib` parses and keeps no positions, so a small scanner finds them again. It runs only when a line is asked for, on
a document that `tomllib` has already accepted; a healthy start never pays for it.
"""

from __future__ import annotations

import contextlib
import re
import tomllib
from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from diagnostics.core.failures import UserError
from diagnostics.core.sanitizer import clean, clean_tree

MAX_BYTES = 1_000_000
"""Largest configuration file that is read, bytes; the shipped ones are under 20 kB."""

TomlPath = tuple[str | int, ...]
"""Where a value stands: table and key names, and positions in arrays, from the root."""

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)+")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_SCALAR = re.compile(r"[^,\]}\n#]+")


class ConfigurationError(UserError):
    """A mistake in settings or catalogue. `file` and `line` (1-based) are None when it stands in no file."""

    def __init__(
        self,
        problem: str,
        *,
        file: Path | None = None,
        line: int | None = None,
        where: str = "",
        value: str = "",
        accepted: str = "",
        next_step: str = "",
    ) -> None:
        self.file = file
        self.line = line
        self.value = clean(value, limit=200)
        place = where or (str(file) if file else "")
        if file and line is not None and not where:
            place = f"{file}:{line}"
        super().__init__(
            clean(problem, limit=500),
            where=clean(place, limit=1_000),
            accepted=clean(accepted, limit=1_500),
            next_step=clean(next_step, limit=500),
        )


class TomlLines:
    """The line of every key and array item in one valid TOML document.

    Paths hold names as `diagnostics.core.sanitizer.clean_tree` returns them, so that a mistake in cleaned data is found
    again.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0] + [match.end() for match in re.finditer("\n", text)]
        self._position = 0
        self._lines: dict[TomlPath, int] = {}
        self._array_lengths: dict[TomlPath, int] = {}
        # A document deeper than the stack keeps the lines found so far: a coarse line beats none.
        with contextlib.suppress(RecursionError, IndexError):
            self._document()

    def exact(self, path: TomlPath) -> int | None:
        """Line of `path`, or None when the document does not hold it."""
        return self._lines.get(path)

    def nearest(self, path: TomlPath) -> int:
        """Line of `path`, or of the innermost enclosing table or array that the document holds; 1 for none."""
        for end in range(len(path), 0, -1):
            found = self._lines.get(path[:end])
            if found is not None:
                return found
        return 1

    def paths(self) -> tuple[TomlPath, ...]:
        """Every path of the document, in order of appearance."""
        return tuple(self._lines)

    def _line(self) -> int:
        return bisect_right(self._starts, self._position)

    def _record(self, path: TomlPath, line: int) -> None:
        for end in range(1, len(path) + 1):
            self._lines.setdefault(path[:end], line)

    def _skip(self) -> None:
        if match := _BLANK.match(self._text, self._position):
            self._position = match.end()

    def _document(self) -> None:
        table: TomlPath = ()
        while True:
            self._skip()
            if self._position >= len(self._text):
                return
            if self._text[self._position] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> TomlPath:
        line = self._line()
        repeated = self._text.startswith("[[", self._position)
        self._position += 2 if repeated else 1
        self._skip()
        names = self._key()
        self._skip()
        self._position += 2 if repeated else 1
        path: TomlPath = ()
        for name in names[:-1] if repeated else names:
            path = (*path, name)
            if path in self._array_lengths:
                path = (*path, self._array_lengths[path] - 1)
        if repeated:
            array = (*path, names[-1])
            index = self._array_lengths.get(array, 0)
            self._array_lengths[array] = index + 1
            path = (*array, index)
        self._record(path, line)
        return path

    def _pair(self, table: TomlPath) -> None:
        line = self._line()
        path = (*table, *self._key())
        self._record(path, line)
        self._skip()
        self._position += 1  # the equals sign
        self._skip()
        self._value(path)

    def _key(self) -> tuple[str, ...]:
        names: list[str] = []
        while True:
            if match := _STRING.match(self._text, self._position):
                name = str(tomllib.loads(f"key = {match.group()}")["key"])
                names.append(clean(name, limit=512))
            elif match := _BARE_KEY.match(self._text, self._position):
                names.append(match.group())
            else:
                raise IndexError(self._position)
            self._position = match.end()
            dot = _DOT.match(self._text, self._position)
            if dot is None:
                return tuple(names)
            self._position = dot.end()

    def _value(self, path: TomlPath) -> None:
        if match := _STRING.match(self._text, self._position):
            self._position = match.end()
        elif self._text[self._position] == "[":
            self._array(path)
        elif self._text[self._position] == "{":
            self._inline_table(path)
        elif match := _SCALAR.match(self._text, self._position):
            self._position = match.end()
        else:
            raise IndexError(self._position)

    def _array(self, path: TomlPath) -> None:
        self._position += 1
        index = 0
        while True:
            self._skip()
            character = self._text[self._position]
            if character == "]":
                self._position += 1
                return
            if character == ",":
                self._position += 1
                continue
            self._record((*path, index), self._line())
            self._value((*path, index))
            index += 1

    def _inline_table(self, path: TomlPath) -> None:
        self._position += 1
        while True:
            self._skip()
            character = self._text[self._position]
            if character == "}":
                self._position += 1
                return
            if character == ",":
                self._position += 1
                continue
            self._pair(path)


class TomlFile:
    """One parsed TOML file. Every string of `data`, keys included, has passed the sanitizer."""

    def __init__(self, path: Path, text: str, raw: dict[str, object]) -> None:
        data = clean_tree(raw)
        self.path = path
        self.text = text
        self.data: dict[str, object] = data if isinstance(data, dict) else {}
        self._raw: object = raw

    def uncleaned(self, path: Sequence[str]) -> object:
        """The value at `path` as written. For credentials: a cleaned one would be another one, and fail in silence."""
        value = self._raw
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        return value

    @cached_property
    def lines(self) -> TomlLines:
        """Positions, scanned on first use."""
        return TomlLines(self.text)

    def line(self, path: Sequence[str | int]) -> int:
        """Line of `path`, or of what encloses it."""
        return self.lines.nearest(tuple(path))


def read_text(path: Path, error: type[ConfigurationError] = ConfigurationError) -> str:
    """Return the text of a configuration file; raises `error` when it is unreadable, too large or not UTF-8."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as problem:
        reason = problem.strerror or type(problem).__name__
        raise error(f"cannot read the file: {reason}", file=path, accepted="a readable text file") from None
    if len(raw) > MAX_BYTES:
        raise error("the file is too large", file=path, accepted=f"at most {MAX_BYTES:,} bytes")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = raw.count(b"\n", 0, problem.start) + 1
        raise error("the file is not UTF-8 text", file=path, line=line, accepted="UTF-8") from None


def read_toml(path: Path, error: type[ConfigurationError] = ConfigurationError) -> TomlFile:
    """Return a parsed TOML file; raises `error` with the line of a syntax mistake."""
    text = read_text(path, error)
    try:
        return TomlFile(path, text, tomllib.loads(text))
    except RecursionError:
        raise error("the file nests too deeply", file=path, accepted="TOML") from None
    except tomllib.TOMLDecodeError as problem:
        message = str(problem)
        place = re.search(r"\(at line (\d+), column \d+\)", message)
        line = int(place.group(1)) if place else text.rstrip().count("\n") + 1
        reason = message.split(" (at ", maxsplit=1)[0]
        raise error(f"not valid TOML: {reason}", file=path, line=line, accepted="TOML 1.0") from None


def closest(name: str, known: Sequence[str]) -> str:
    """Return the known name most like `name`, or an empty string when none is near."""
    from difflib import get_close_matches  # noqa: PLC0415  # only a mistake needs it

    found = get_close_matches(name, known, n=1, cutoff=0.7)
    return found[0] if found else ""


def suggestion(name: str, known: Sequence[str]) -> str:
    """Return "; did you mean …?" for a near miss, else an empty string."""
    near = closest(name, known)
    return f"; did you mean {near}?" if near else ""
