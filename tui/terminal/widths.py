"""Text whose width differs between terminals: counted as most count it, and painted so that it cannot leave its place.

Two lines of defence behind the sanitizer, which replaces what no two terminals draw alike. Vowel signs that stand
beside their letter (Devanagari, Tamil, Khmer and others) take a cell of their own in tmux, in GNU screen and wherever
the C library is asked; Rich counts none, so that every such name pushed the figures beside it. And around whatever
tables of different years may disagree about, the cursor is put where the text was meant to end.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final
from unicodedata import category

import rich.cells
from rich._unicode_data import load
from rich.cells import CellTable, cell_len

if TYPE_CHECKING:
    from collections.abc import Iterator

# Letters, marks and signs that have had one width in every table since 2009, and what the console itself draws with;
# control characters, so that no sequence is ever torn.
_SETTLED: Final = (
    r"\x00-\u0590\u05be\u05d0-\u05ea\u10a0-\u10ff\u1e00-\u200a\u2010-\u2027\u202f-\u205e\u2070-\u20bf\u2100-\u2319"
    r"\u2500-\u25fc\u2713-\u2718\u2776-\u2793\u2800-\u28ff\u3001-\u3029\u3031-\u303d\u3041-\u3096\u30a0-\u30ff"
    r"\u4e00-\u9fa5\uac00-\ud7a3\uff01-\uff9f\ufffd"
)
_ALL_SETTLED: Final = re.compile(rf"[{_SETTLED}]*+\Z")

SAVE: Final = "\x1b7"
RESTORE: Final = "\x1b8"


def kept_in_place(painted: str) -> str:
    """`painted` with the cursor put, behind each piece of disputed width, where the console takes it to end.

    The cells of the piece are blanked before it is written, so that a terminal that takes fewer leaves nothing old.
    """
    return painted if painted.isascii() or _ALL_SETTLED.match(painted) else _disputed().sub(_kept, painted)


@cache
def _disputed() -> re.Pattern[str]:
    """Pieces of such text, with blanks between; most screens show none."""
    return re.compile(rf"[^{_SETTLED}]+(?: +[^{_SETTLED}]+)*")


def _kept(found: re.Match[str]) -> str:
    text = found.group()
    width = cell_len(text)
    if width == 0:
        return text
    return f"{SAVE}{' ' * width}{RESTORE}{SAVE}{text}{RESTORE}\x1b[{width}C"


def count_as_terminals_do() -> None:
    """Have Rich, and Textual with it, count a cell for each mark that stands beside its letter. Once is enough."""
    if vars(rich.cells)["load_cell_table"] is not _table:
        vars(rich.cells)["load_cell_table"] = _table
        rich.cells.get_character_cell_size.cache_clear()
        rich.cells.cached_cell_len.cache_clear()


@cache
def _table(unicode_version: str = "auto") -> CellTable:
    """Rich's table, without the spacing marks among what it takes to have no width."""
    table = load(unicode_version)
    return table._replace(widths=tuple(_widths(table)))


def _widths(table: CellTable) -> Iterator[tuple[int, int, int]]:
    for start, end, width in table.widths:
        if width:
            yield start, end, width
            continue
        begun: int | None = None
        for code in range(start, end + 1):
            if category(chr(code)) == "Mc":
                if begun is not None:
                    yield begun, code - 1, 0
                begun = None
            elif begun is None:
                begun = code
        if begun is not None:
            yield begun, end, 0
