"""docs/honesty.md, written from the tests that prove it: `python -m tests.honesty`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "honesty.md"
_HEAD = """# Never an all-clear that is not one

Where the world is late, partial, differently typed or not read, this is what the console shows. Each line is proved by
a test that carries it (`@pytest.mark.honesty`); this page is written from them by `python -m tests.honesty`.

| what happens | what the console shows | proved by |
|---|---|---|
"""


@dataclass(frozen=True, order=True)
class Case:
    """One kind of dishonest data, what the console makes of it, and the test that proves it."""

    kind: str
    shows: str
    test: str


def cases() -> list[Case]:
    """Every case that a test carries, in the order of the kinds; read from the source, nothing is imported."""
    return sorted({case for path in sorted((ROOT / "tests").rglob("test_*.py")) for case in _carried(path)})


def document() -> str:
    """The page as it ought to be."""
    return _HEAD + "".join(f"| {_cell(case.kind)} | {_cell(case.shows)} | `{case.test}` |\n" for case in cases())


def _carried(path: Path) -> Iterator[Case]:
    source = path.read_text(encoding="utf-8")
    if ".mark.honesty(" not in source:
        return
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.honesty":
                kind, shows = (ast.literal_eval(argument) for argument in mark.args)
                yield Case(kind, shows, f"{path.relative_to(ROOT)}::{node.name}")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
