"""Markdown of records: text of people and of other systems stands in it as text, whatever it holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from diagnostics.core.sanitizer import clean

LONGEST_CELL = 2_000

_INLINE = re.compile(r"[\\`*\[\]<>|~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|&(?=#?[A-Za-z0-9]{1,32};)|!(?=\[)")
_LINE_START = re.compile(r"(?:#{1,6}|[-+=])(?=\s|$|[-+=#])|\d{1,9}(?=[.)](?:\s|$))")
_SPACES = re.compile(r"\s+")


def plain(text: str, *, limit: int = LONGEST_CELL) -> str:
    """`text` on one line, so that Markdown reads nothing in it: no table, link, picture, HTML, heading or emphasis."""
    line = _INLINE.sub(r"\\\g<0>", _SPACES.sub(" ", clean(text, limit=limit, multiline=True)).strip())
    start = _LINE_START.match(line)
    if start is None:
        return line
    # A number is kept and the sign behind it escaped; any other sign is escaped itself.
    mark = start.group()
    return f"{mark}\\{line[len(mark) :]}" if mark.isdigit() else f"\\{line}"


def code(text: str) -> str:
    """A statement or query, as it is, within one line."""
    line = _SPACES.sub(" ", clean(text, limit=LONGEST_CELL, multiline=True)).strip()
    runs = [len(run) for run in re.findall(r"`+", line)]
    fence = "`" * (max(runs, default=0) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}" if line else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str) -> list[str]:
    """A table as lines; its cells are Markdown already. The sentence `empty` where there are no rows."""
    body = [f"| {' | '.join(cell or '—' for cell in row)} |" for row in rows]
    if not body:
        return [empty]
    return [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}", *body]


def bullets(items: Iterable[str], *, empty: str) -> list[str]:
    """A list as lines; its items are Markdown already."""
    return [f"- {item}" for item in items] or [empty]


def section(title: str, lines: Sequence[str], *, level: int = 2) -> list[str]:
    """A heading and what stands below it, with the empty lines that Markdown needs."""
    return [f"{'#' * level} {title}", "", *lines, ""]
