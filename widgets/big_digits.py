"""One number in large digits, for the one figure that must be read from across the room."""

from __future__ import annotations

from collections.abc import Mapping

HEIGHT = 5
"""Rows of a large digit."""

_FONT: Mapping[str, tuple[str, ...]] = {
    "0": ("###", "# #", "# #", "# #", "###"),
    "1": (" # ", "## ", " # ", " # ", "###"),
    "2": ("###", "  #", "###", "#  ", "###"),
    "3": ("###", "  #", "###", "  #", "###"),
    "4": ("# #", "# #", "###", "  #", "  #"),
    "5": ("###", "#  ", "###", "  #", "###"),
    "6": ("###", "#  ", "###", "# #", "###"),
    "7": ("###", "  #", "  #", "  #", "  #"),
    "8": ("###", "# #", "###", "# #", "###"),
    "9": ("###", "# #", "###", "  #", "###"),
    ".": (" ", " ", " ", " ", "#"),
    "-": ("   ", "   ", "###", "   ", "   "),
}


def big_digits(text: str, *, ascii_only: bool) -> tuple[str, ...]:
    """Five rows of equal width: a digit takes six cells, a point two, one cell between them.

    Signs that have no large form, such as the unit, are left out; a dash of any kind is drawn as one.
    """
    block = "#" if ascii_only else "█"
    letters = [_FONT[letter] for letter in text.replace("—", "-").replace("−", "-") if letter in _FONT]
    return tuple(
        " ".join("".join(block * 2 if dot == "#" else "  " for dot in letter[line]) for letter in letters)
        for line in range(HEIGHT)
    )
