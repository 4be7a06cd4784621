"""Text whose width terminals disagree about keeps its place, and names stay readable."""

from __future__ import annotations

import ctypes
import locale
import unicodedata

import pytest
from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from diagnostics.core.sanitizer import MARK, clean
from tests.driver.widths import COLUMN, NAMES, lines
from tests.emulator import Emulator
from tui.terminal.widths import count_as_terminals_do, kept_in_place


@pytest.fixture(autouse=True)
def counted() -> None:
    count_as_terminals_do()


def test_the_console_counts_as_the_c_library_does() -> None:
    # What tmux asks; GNU screen's and xterm's own tables were made of the same data.
    library = ctypes.CDLL(None)
    if not hasattr(library, "wcwidth"):
        pytest.skip("no C library to ask")
    library.wcwidth.argtypes = [ctypes.c_wchar]
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
        for name in NAMES[:-1]:
            shown = clean(name)
            assert sum(library.wcwidth(character) for character in shown) == cell_len(shown), ascii(shown)
    except locale.Error:
        pytest.skip("no UTF-8 locale here")
    finally:
        locale.setlocale(locale.LC_CTYPE, before)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("⚠\ufe0f ☎\ufe0f ❤\ufe0f", "⚠ ☎ ❤"),
        ("👍\U0001f3fd", "👍"),
        ("✌\U0001f3fd\ufe0f", "✌"),
        ("\U0001f3fd\U0001f3fd ALL CLEAR", f"{MARK}{MARK} ALL CLEAR"),
        ("👍\U0001f3fd\U0001f3fd", f"👍{MARK}"),
        ("a\ufe0f", f"a{MARK}"),
        ("\ufe00", MARK),
        ("\U0001f1e9\U0001f1ea", "DE"),
        ("1\ufe0f\u20e3", "1\u20e3"),
        ("Filler\u3164name", f"Filler{MARK}name"),
    ],
)
def test_signs_are_kept_without_what_changes_their_width(text: str, shown: str) -> None:
    assert clean(text) == shown


@pytest.mark.parametrize(
    "name", ["हिन्दी निर्माण", "தமிழ் வீடு", "ภาษาไทยน้ำ", "ភាសាខ្មែរ ផ្ទះ", "বাংলা বাড়ি", "日本語", "Ünïcödé"]
)
def test_names_in_other_scripts_are_shown_as_they_are_written(name: str) -> None:
    assert clean(name) == name
    # Their letters stay together on the way to the terminal: a terminal that can join them does.
    words = unicodedata.normalize("NFC", name)
    assert name in kept_in_place(f"\x1b[1;1H{name} 12") or words in kept_in_place(name)


@pytest.mark.parametrize("number", [number for number, name in enumerate(NAMES) if "keycap" not in name])
def test_a_terminal_that_counts_differently_leaves_the_figure_in_its_place(number: int) -> None:
    # The emulator gives vowel signs no cell and stands for the terminals that do not. (It drops what follows a keycap.)
    row = lines()[number]
    emulator = Emulator(60, 2)
    emulator.feed(("\x1b[1;1H" + "x" * 60 + f"\x1b[1;1H{kept_in_place(row)}").encode())
    cells = [emulator.screen.buffer[0][column].data for column in range(60)]
    assert cells[COLUMN] == "|"
    assert cells[COLUMN + 4] == "|"
    assert "x" not in cells[:COLUMN]
    assert cells[COLUMN + 5 :] == ["x"] * (60 - COLUMN - 5)


def test_a_mark_beside_its_letter_has_a_cell_of_its_own_for_the_painter_too() -> None:
    strip = Strip([Segment("हिन्दी 12")])
    assert strip.cell_length == cell_len("हिन्दी 12") == 8
    assert strip.crop(5, 8).text == " 12"


@pytest.mark.parametrize("text", ["", "\x1b[1;1Hplain", "\x1b[1;1H▶ ✔ ok … — │ ─ ▁▅█ é ß Ω я · × ≥ 漢 한"])
def test_settled_text_is_painted_as_it_is(text: str) -> None:
    assert kept_in_place(text) == text
