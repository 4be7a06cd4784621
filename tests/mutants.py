"""Mutation testing: do the tests of a subject notice when its code is wrong?

Draws a seeded sample of the mutations that cosmic-ray's operators offer, runs for each only the tests of its own
subject on a copy of the tree, prints the difference of every survivor and ends with 1 where fewer than nine in ten
are noticed.
"""

import argparse
import compileall
import difflib
import os
import py_compile
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import SimpleQueue

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

ROOT = Path(__file__).resolve().parent.parent
EQUIVALENT = Path(__file__).with_name("mutants.toml")
SHARE_TO_KILL = 0.9
TIME_LIMIT = 240.0
"""Seconds a run of tests may take; a mutation that makes it hang is noticed too."""

BINARY = ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "FloorDiv_Mul", "Mod_Mul")
COMPARISONS = (
    *("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is"),
    *("Lt_LtE", "Lt_GtE", "LtE_Lt", "LtE_Gt", "Gt_GtE", "Gt_LtE", "GtE_Gt", "GtE_Lt"),
)
OPERATORS = (
    *(f"core/ReplaceBinaryOperator_{name}" for name in BINARY),
    *(f"core/ReplaceComparisonOperator_{name}" for name in COMPARISONS),
    *("core/ReplaceUnaryOperator_Delete_Not", "core/AddNot", "core/ReplaceTrueWithFalse", "core/ReplaceFalseWithTrue"),
    *(
        "core/ReplaceAndWithOr",
        "core/ReplaceOrWithAnd",
        "core/ReplaceBreakWithContinue",
        "core/ReplaceContinueWithBreak",
    ),
    *("core/NumberReplacer", "core/ZeroIterationForLoop"),
)
"""Operators whose mutations are small slips; those that break every annotation (`|`) or cannot run are left out."""

NO_BEHAVIOUR = ("TYPE_CHECKING", "@dataclass", "model_config", "strict=True")
"""Lines with one of these say how code is declared or asserts what always holds: nothing to test."""


@dataclass(frozen=True)
class Subject:
    """Code, as globs below the root, the tests of its own folder, and how many mutations of sixty-six it gets."""

    name: str
    code: tuple[str, ...]
    tests: tuple[str, ...]
    weight: int


SUBJECTS = (
    Subject("triage", ("diagnostics/triage/*.py",), ("tests/triage", "tests/service"), 8),
    Subject("checks", ("diagnostics/checks/*.py",), ("tests/service", "tests/triage"), 9),
    Subject("sync", ("diagnostics/sync/*.py",), ("tests/sync",), 12),
    Subject("oauth", ("diagnostics/oauth/*.py",), ("tests/oauth",), 9),
    Subject("record", ("diagnostics/incident/*.py",), ("tests/incidents", "tests/investigations", "tests/journal"), 4),
    Subject("assess", ("diagnostics/incident/assess/*.py",), ("tests/assess",), 5),
    Subject("notices", ("diagnostics/incident/notices/*.py",), ("tests/notices",), 3),
    Subject("review", ("diagnostics/incident/review/*.py",), ("tests/review",), 3),
    Subject("budgets", ("diagnostics/sources/budgets.py",), ("tests/datadog",), 3),
    Subject("sanitizer", ("diagnostics/core/sanitizer.py",), ("tests/test_sanitizer.py",), 3),
    Subject("query", ("diagnostics/logs/*.py",), ("tests/logs",), 7),
)


@dataclass(frozen=True)
class Mutant:
    """One mutation: the file below the root and its text, the operator, which of its places, and the line of that."""

    subject: Subject
    path: str
    text: str
    operator: str
    occurrence: int
    line: int

    def apply(self) -> str:
        """Text of the file with the mutation."""
        mutated = mutate_code(self.text, get_operator(self.operator)(), self.occurrence)
        if mutated is None:
            raise LookupError(f"{self.path} has no place {self.occurrence} for {self.operator}")
        return str(mutated)

    def difference(self) -> list[str]:
        """Lines of the unified difference."""
        before = self.text.splitlines()
        return list(difflib.unified_diff(before, self.apply().splitlines(), self.path, self.path, lineterm="", n=2))

    def changed(self) -> tuple[str, str]:
        """Lines taken away and put in their place, without indentation, each joined by spaces."""
        lines = self.difference()[2:]
        return tuple(" ".join(line[1:].strip() for line in lines if line[0] == sign) for sign in "-+")  # type: ignore[return-value]


@cache
def _equivalents() -> frozenset[tuple[str, str, str]]:
    """File, line before and line after of the mutations known to change nothing."""
    return frozenset(
        (one["file"], one["before"], one["after"]) for one in tomllib.loads(EQUIVALENT.read_text())["same"]
    )


def _mutants(subject: Subject) -> Iterator[Mutant]:
    """Every mutation of a subject, in the order of its files and lines."""
    for path in sorted(path for glob in subject.code for path in ROOT.glob(glob)):
        text = path.read_text()
        lines, nodes = text.splitlines(), list(ast_nodes(get_ast(text)))
        for name in OPERATORS:
            operator = get_operator(name)()
            places = (place for node in nodes for place in operator.mutation_positions(node))
            for occurrence, ((line, _), _end) in enumerate(places):
                if not any(mark in lines[line - 1] for mark in NO_BEHAVIOUR):
                    yield Mutant(subject, str(path.relative_to(ROOT)), text, name, occurrence, line)


def _sample(size: int, seed: int) -> list[Mutant]:
    """About `size` mutations, spread over the subjects by their weight, none of them known to change nothing."""
    whole = sum(subject.weight for subject in SUBJECTS)
    drawn: list[Mutant] = []
    for subject in SUBJECTS:
        mutants = list(_mutants(subject))
        random.Random(f"{seed} {subject.name}").shuffle(mutants)  # noqa: S311  # a sample that can be drawn again
        real = (one for one in mutants if (one.path, *one.changed()) not in _equivalents())
        drawn += [one for one, _ in zip(real, range(max(1, round(size * subject.weight / whole))), strict=False)]
    return drawn


def _copy(place: Path) -> Path:
    """A copy of the tree as it stands, without what git ignores."""
    names = subprocess.check_output(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, text=True
    )
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place / name)
    # Byte code that is checked by content: a mutation may leave size and time of a file as they were.
    compileall.compile_dir(place, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
    return place


def _passes(tree: Path, tests: Sequence[str]) -> bool:
    """Whether the tests pass on a copy of the tree, which keeps the byte code it was made with."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-m", "not matrix and not mariadb", *tests]
    running = subprocess.Popen(
        command, cwd=tree, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        return running.wait(TIME_LIMIT) == 0
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        return False


class Trees:
    """Copies of the tree, one for each run at a time."""

    def __init__(self, parent: Path, count: int) -> None:
        self._free: SimpleQueue[Path] = SimpleQueue()
        for number in range(count):
            self._free.put(_copy(parent / str(number)))

    def passes(self, tests: Sequence[str], mutant: Mutant | None = None) -> bool:
        """Whether the tests pass, on the code as it is or with a mutation."""
        tree = self._free.get()
        try:
            if mutant:
                (tree / mutant.path).write_text(mutant.apply())
            return _passes(tree, tests)
        finally:
            if mutant:
                (tree / mutant.path).write_text(mutant.text)
            self._free.put(tree)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _judge(trees: Trees, mutant: Mutant) -> bool:
    """Whether the tests of its subject notice a mutation; says so."""
    began = time.monotonic()
    killed = not trees.passes(mutant.subject.tests, mutant)
    verdict = "killed  " if killed else "SURVIVED"
    operator = mutant.operator.removeprefix("core/")
    _say(f"{verdict} {mutant.path}:{mutant.line} {operator} ({time.monotonic() - began:.0f} s)")
    if not killed:
        _say("\n".join(f"    {line}" for line in mutant.difference()))
    return killed


def main() -> int:
    """Exit code: 0 where nine in ten mutations are noticed, 1 where not, 2 where the tests fail without any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=66, help="about how many mutations to draw")
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=2, help="runs of tests at a time")
    parser.add_argument("--subject", choices=[subject.name for subject in SUBJECTS], help="only this subject")
    parser.add_argument("--list", action="store_true", help="print the sample and run nothing")
    asked = parser.parse_args()
    mutants = [one for one in _sample(asked.sample, asked.seed) if asked.subject in (None, one.subject.name)]
    if asked.list:
        _say("\n".join("\n".join(one.difference()) for one in mutants))
        return 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as parent, ThreadPoolExecutor(asked.jobs) as pool:
        trees = Trees(Path(parent), asked.jobs)
        subjects = {one.subject: None for one in mutants}
        red = [
            one.name
            for one, green in zip(subjects, pool.map(lambda s: trees.passes(s.tests), subjects), strict=True)
            if not green
        ]
        if red:
            _say(f"the tests of {', '.join(red)} fail without any mutation")
            return 2
        killed = sum(pool.map(lambda one: _judge(trees, one), mutants))
    _say(f"{killed} of {len(mutants)} mutations were noticed ({killed / len(mutants):.0%}), seed {asked.seed}")
    return 0 if killed >= SHARE_TO_KILL * len(mutants) else 1


if __name__ == "__main__":
    sys.exit(main())
