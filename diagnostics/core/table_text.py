"""A table as text: aligned, CSV, JSON or Markdown.

Cells come from anywhere. CSV keeps spreadsheets from computing them, Markdown keeps them from becoming markup.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from diagnostics.core.failures import UserError
from diagnostics.core.sanitizer import clean

FORMS: Mapping[str, str] = {"csv": "csv", "json": "json", "markdown": "md", "text": "txt"}
"""Forms of a table, and how the names of their files end."""

FORMULA = re.compile(
    r"""
    (?: (?<=[;\t\r\n]) | ^ )                # a cell begins, where the separator is a semicolon or a tab too
    (?= [\s"']* [=+\-@\uff1d\uff0b\uff0d\uff20] | [\t\r\n] )
    """,
    re.VERBOSE,
)
"""Where a spreadsheet would begin to compute: https://owasp.org/www-community/attacks/CSV_Injection.

Cells come from anywhere. Full-width signs are taken for their narrow ones, and which sign separates cells is a matter
of the reader's country: a message `x;=1+1` is two cells to many.
"""

NOT_KNOWN = "—"
LONGEST_CELL = 2_000

Value = str | int | float | bool | None


def table_text(names: Sequence[str], rows: Iterable[Sequence[Value]], form: str) -> str:
    """The rows in one of `FORMS`, with their end of line. None is an empty cell, null, or a dash; never 0.

    Raises UserError for another form.
    """
    if form == "csv":
        return csv_text(names, rows)
    if form == "json":
        return f"{json.dumps([dict(zip(names, row, strict=True)) for row in rows], ensure_ascii=False, indent=2)}\n"
    if form == "markdown":
        return markdown_text(names, ([_written(value) for value in row] for row in rows))
    if form == "text":
        return _aligned(names, [[_written(value) for value in row] for row in rows])
    raise UserError(f"there is no form {form!r}", accepted=", ".join(FORMS), next_step="csv, for example")


def csv_text(names: Sequence[str], rows: Iterable[Sequence[Value]]) -> str:
    """CSV with a heading; texts that a spreadsheet would compute begin with an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([FORMULA.sub("'", value) if isinstance(value, str) else value for value in row])
    return text.getvalue()


def markdown_text(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; no cell ends it or becomes markup."""
    lines = [f"| {' | '.join(map(_cell, names))} |", f"|{' --- |' * len(names)}"]
    lines += [f"| {' | '.join(map(_cell, row))} |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    shown = clean(text, limit=LONGEST_CELL).replace("\\", "\\\\")
    for sign in "|`*_[]<>":
        shown = shown.replace(sign, f"\\{sign}")
    return shown


def _written(value: Value) -> str:
    if value is None or value == "":
        return NOT_KNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else clean(str(value), limit=LONGEST_CELL)


def _aligned(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(_cells(row[at]) for row in (names, *rows)) for at in range(len(names))]
    lines = (
        "  ".join(text + " " * (width - _cells(text)) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in (names, *rows)
    )
    return "".join(f"{line}\n" for line in lines)


def _cells(text: str) -> int:
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) > 0 for letter in text)
