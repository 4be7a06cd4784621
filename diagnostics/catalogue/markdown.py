"""Markdown made of values: what it would take for its own is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable

_MARKDOWN = re.compile(r"[\\|*`\[\]]|<(?=[A-Za-z/!?])|(?<!\w)_|_(?!\w)")


def text(value: str) -> str:
    """Escape what Markdown would take for its own. `< 97` and `synced_at` are plain text to it, and stay readable."""
    return _MARKDOWN.sub(r"\\\g<0>", value)


def code(value: str) -> str:
    """A block of code, fenced by more backquotes than it holds."""
    fence = "```"
    while fence in value:
        fence += "`"
    return f"{fence}\n{value}\n{fence}"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table; cells are plain text."""
    names = tuple(head)
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(text(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)
