"""Plays the cases: `python -m tests.terminals [WORD …]`, all of them or those whose name holds one of the words.

A line a case: ok, FAILED with what was seen, or skipped with what is missing. Exit code 0 when nothing failed and
something was played, 1 otherwise. Skipped is not passed: the last line counts both.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from sandbox.launch import start_sandbox
from tests.terminals.keys import KEYS
from tests.terminals.looks import LOOKS
from tests.terminals.shell import SHELL
from tests.terminals.stage import Case, Stage
from tests.terminals.widths import WIDTHS

CASES: tuple[Case, ...] = (*KEYS, *WIDTHS, *LOOKS, *SHELL)


def say(line: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(words: Sequence[str]) -> int:
    """Play what was asked for; the exit code."""
    chosen = [case for case in CASES if not words or any(word in case.name for word in words)]
    if not chosen:
        say("\n".join(["no case is called so; there are:", *(f"  {case.name}: {case.what}" for case in CASES)]))
        return 1
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="terminals-") as name:
        folder = Path(name)
        limits = ("search=1000/1", "aggregate=1000/1")
        with start_sandbox("nov17", directory=folder / "sandbox", rate_limits=limits) as sandbox:
            for case in chosen:
                own = folder / case.name
                own.mkdir()
                outcomes[play(case, Stage(own, sandbox))] += 1
    say(", ".join(f"{outcomes[outcome]} {outcome}" for outcome in ("passed", "failed", "skipped")))
    return 0 if outcomes["passed"] and not outcomes["failed"] else 1


def play(case: Case, stage: Stage) -> str:
    """Play one case and say how it went: passed, failed or skipped."""
    if missing := case.missing():
        say(f"skipped {case.name}: {', '.join(missing)} is missing here")
        return "skipped"
    began = time.monotonic()
    try:
        case.play(stage)
    except AssertionError as problem:
        say(f"FAILED  {case.name}: {case.what}\n{problem}")
        return "failed"
    say(f"ok      {case.name}: {case.what} ({time.monotonic() - began:.1f} s)")
    return "passed"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
