"""The words that a person reads: phrases that no operations engineer would say stay out of source and catalogue."""

from __future__ import annotations

import ast
import html
import re
import tomllib
from collections.abc import Iterator
from itertools import pairwise
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


COUNTED = (
    "accounts|cells|columns|connections|deals|deliveries|entries|events|files|groups|hours|incidents|jobs|lines|"
    "messages|minutes|notices|problems|queues|queries|rows|seconds|steps|users|weeks|workers"
)
"""Nouns that numbers stand before."""

NEVER_ONE = {
    "number and noun agree by another number": {"diagnostics/accounts/users.py"},
    "asked for only where there are two or more": {"screens/account/deal_finding.py", "tui/cli/sending.py"},
    "a limit of hundreds, set by ourselves": {
        "diagnostics/sources/slack.py",
        "diagnostics/incident/assess/readings.py",
    },
    "a count in words, of which one is left out": {"screens/account/details.py"},
}
"""Why a file may write a plural behind a number: the number is not 1."""


def _is_constant(value: ast.expr) -> bool:
    """A limit of ours, in capitals, or a product of such: it is not 1."""
    named = [one for one in ast.walk(value) if isinstance(one, ast.Name | ast.Attribute)]
    return all((one.id if isinstance(one, ast.Name) else one.attr).isupper() for one in named)


def always_plural(path: Path) -> Iterator[str]:
    """Places where a number that may be 1 stands before a noun that is always a plural."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.JoinedStr):
            continue
        for number, noun in pairwise(node.values):
            if not isinstance(number, ast.FormattedValue) or not isinstance(noun, ast.Constant):
                continue
            said = re.match(rf" ({COUNTED})\b", str(noun.value))
            if said and not _is_constant(number.value):
                yield f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(number.value)} {said[1]}"


def test_a_number_that_may_be_one_is_written_with_its_noun() -> None:
    """`plural` and `form` of diagnostics.core.words write them; `1 accounts` is no English."""
    allowed = set().union(*NEVER_ONE.values())
    found = {path: [*always_plural(path)] for top in SPEAK for path in sorted((ROOT / top).rglob("*.py"))}
    assert [one for path, places in found.items() if str(path.relative_to(ROOT)) not in allowed for one in places] == []
    unused = [name for name in allowed if not found.get(ROOT / name)]
    assert unused == [], "these write no such number any more"


ONE = re.compile(rf"(?<![\d.,:/$+-])1 ({COUNTED})\b")
MANY = re.compile(
    r"(?<![\d.,:/$+-])(?:0|[2-9]|[1-9]\d{0,2}(?:,\d{3})+) "
    r"(account|connection|event|incident|minute|notice|problem|row|user)\b(?![-=:])"
)


def test_no_picture_of_a_screen_has_a_number_beside_the_wrong_form_of_its_noun() -> None:
    """Every snapshot of every story, as its lines stand in the picture."""
    wrong: list[str] = []
    pictures = sorted((ROOT / "tests/snapshots").rglob("*.svg"))
    assert len(pictures) > 20
    for picture in pictures:
        for said in re.findall(r"<text[^>]*>([^<]*)</text>", picture.read_text()):
            line = html.unescape(said).replace("\xa0", " ")
            wrong += [f"{picture.name}: {line}" for _ in (*ONE.finditer(line), *MANY.finditer(line))]
    assert wrong == []
