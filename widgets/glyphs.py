"""The few glyphs the console uses, each with a stand-in for terminals that draw ASCII only.

A glyph never stands alone: a word beside it says the same, so that neither colour nor font is needed to read a state.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Glyphs:
    """One set of glyphs."""

    passed: str = "✔"
    failed: str = "✘"
    warned: str = "▲"
    no_data: str = "∅"
    unreachable: str = "✕"
    waiting: str = "…"
    step: str = "▸"
    cursor: str = "▶"
    up: str = "▲"
    down: str = "▼"
    dot: str = "●"
    ring: str = "○"
    missing: str = "—"
    separator: str = "·"
    rule: str = "─"
    bar: str = "│"
    ellipsis: str = "…"
    inserted: str = "+"
    ascii_only: bool = False

    def text(self, words: str) -> str:
        """Return `words` with the console's own typography replaced where the terminal cannot draw it."""
        if not self.ascii_only:
            return words
        return words.translate(_PLAIN).encode("ascii", "replace").decode("ascii")


_PLAIN = str.maketrans(
    {
        "—": "-",
        "–": "-",
        "·": "|",
        "…": "~",
        "×": "x",
        "≥": ">=",
        "≤": "<=",
        "→": ">",
        "▲": "^",
        "▼": "v",
        "●": "*",
        "○": "o",
        "▸": ">",
        "▶": ">",
        "✔": "+",
        "✘": "X",
        "✕": "!",
        "∅": "?",
        "─": "-",
        "│": "|",
        "’": "'",
        "“": '"',
        "”": '"',
        "•": "*",
        "÷": "/",
        "±": "+/-",
    }
)

UNICODE = Glyphs()
ASCII = Glyphs(
    passed="+",
    failed="X",
    warned="!",
    no_data="?",
    unreachable="!",
    waiting="~",
    step=">",
    cursor=">",
    up="^",
    down="v",
    dot="*",
    ring="o",
    missing="-",
    separator="|",
    rule="-",
    bar="|",
    ellipsis="~",
    ascii_only=True,
)


def glyphs_for(ascii_only: bool) -> Glyphs:
    """The set for this terminal."""
    return ASCII if ascii_only else UNICODE
