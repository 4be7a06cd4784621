"""The words that a person reads: phrases that no operations engineer would say stay out of source and catalogue."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]

SPEAK = ("diagnostics", "screens", "tui", "widgets")

NOT_SAID = {
    r"\bn begins\b": "n: declare the incident and notify the team",
    r"\bnoticed \{": "first seen …",
    r"\bnever empty at\b": "not draining",
    r"\bas last seen\b": "last Retry-After 30 s; or the age of what is shown",
    r"\btake down the figures|\btaken? down\b": "record the current figures",
    r"\bbulk work\b": "bulk jobs",
    r"\bthose who may\b": "someone with access",
    r"\bmend(ing|s)?\b|(?<=\w )mended|mended(?= \w)": "fix, fixed",
    r"\btake it\"|\btyped before\b": "save; history",
    r"\bin your words\b": "add details; as free text",
    r"\bexpected end\b": "ETA",
    r"\bthat threatens\b": "possible cascade",
    r"\bspeaks? of\b": "logged, reports, names",
    r"\bwrong if\b": "note",
    r"\bnothing stands behind\b": "offer no Enter, or open something",
    r"\bbends? (it|its|the)\b": "caveats",
    r"\bhold no token\b": "have no token",
    r"\bthat is not the word\b": "type send to confirm",
    r"\bhow far it is\b": "post an update",
    r"\btell people that it is over\b": "announce resolution",
    r"\banew\b": "again",
    r"\bis being asked for\b": "baseline pending",
    r"\bnobody knows\b": "unknown, uncertain",
}
"""Phrases, case not minded, and what is said instead."""


def strings_of(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of every string that runs: docstrings and the notes below a name are for those who read source."""
    tree = ast.parse(path.read_text())
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield (
                node.lineno,
                "".join(str(part.value) if isinstance(part, ast.Constant) else "{" for part in node.values),
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.lineno, node.value


def texts_of(value: object) -> Iterator[str]:
    """Every text in a table of TOML."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from texts_of(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts_of(one)


def everything_said() -> Iterator[tuple[str, str]]:
    for top in SPEAK:
        for path in sorted((ROOT / top).rglob("*.py")):
            for line, text in strings_of(path):
                yield f"{path.relative_to(ROOT)}:{line}", text
    for path in sorted((ROOT / "diagnostics/catalogue/data").rglob("*")):
        if path.suffix == ".toml":
            for text in texts_of(tomllib.loads(path.read_text())):
                yield str(path.relative_to(ROOT)), text
        elif path.suffix == ".md":
            yield str(path.relative_to(ROOT)), path.read_text()


def test_phrases_that_no_operations_engineer_would_say_stay_out() -> None:
    said = [(place, " ".join(text.split())) for place, text in everything_said()]
    assert len(said) > 5_000
    found = [
        f"{place}: {text[:100]!r}: say {instead!r}"
        for place, text in said
        for phrase, instead in NOT_SAID.items()
        if re.search(phrase, text, re.IGNORECASE)
    ]
    assert found == []


def test_a_phrase_is_found_in_plain_strings_and_in_parts_of_formatted_ones_and_not_in_docstrings(
    tmp_path: Path,
) -> None:
    path = tmp_path / "one.py"
    path.write_text('"""n begins"""\nA = "n begins"\n"""n begins"""\nb = f"{A} begins anew"\n')
    assert [(line, text) for line, text in strings_of(path) if "begins" in text] == [
        (2, "n begins"),
        (4, "{ begins anew"),
        (4, " begins anew"),
    ]
