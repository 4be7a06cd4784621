"""Consoles that write to one journal until they are killed: `python -m tests.journal.writing SETTINGS_JSON`.

A writer says a line on standard output for every entry whose append has returned, and for nothing else. One that was
killed is started again, and goes on behind the last entry that it had acknowledged.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from diagnostics.config.settings import StateSettings

ROOT = Path(__file__).parents[2]
STREAM = "INC-1"
DEADLINE_S = 300.0


@dataclass(slots=True)
class Writer:
    """One console over all its lives."""

    number: int
    entries: int
    lives: int = 0
    acknowledged: dict[int, int] = field(default_factory=dict)
    """Number of the entry to its seq."""
    said_twice: list[str] = field(default_factory=list)
    complaints: str = ""


def key_of(writer: int, index: int) -> str:
    """The key of a writer's entry."""
    return f"writer-{writer}-{index}"


def write_together(
    settings: StateSettings, folder: Path, *, writers: int, entries: int, kills: int, seed: int = 20
) -> tuple[list[Writer], float]:
    """Let them write, kill each `kills` times, and return what they acknowledged, and the seconds from the first word.

    Every writer waits until all have started; those that are started again do not.
    """
    chance = random.Random(seed)  # noqa: S311  # a sequence that can be repeated
    crowd = [Writer(number, entries) for number in range(writers)]
    # Early enough for a writer to have much left to say while the kill is on its way.
    plans = [sorted(chance.sample(range(1, entries // 2), kills)) for _ in crowd]
    together = threading.Barrier(writers + 1)
    threads = [
        threading.Thread(target=_live, args=(one, plan, settings, folder, together))
        for one, plan in zip(crowd, plans, strict=True)
    ]
    for thread in threads:
        thread.start()
    together.wait(DEADLINE_S)
    begin = time.monotonic()
    for thread in threads:
        thread.join(DEADLINE_S)
    return crowd, time.monotonic() - begin


def _live(writer: Writer, plan: list[int], settings: StateSettings, folder: Path, together: threading.Barrier) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while len(writer.acknowledged) < writer.entries and time.monotonic() < deadline:
        writer.lives += 1
        given = {
            "url": settings.url,
            "folder": str(folder),
            "writer": writer.number,
            "first": max(writer.acknowledged, default=-1) + 1,
            "entries": writer.entries,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.journal.writing", json.dumps(given)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        said, heard = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)
        if heard.readline() != "ready\n":
            writer.complaints += process.communicate(timeout=60)[1]
            together.abort()
            return
        if writer.lives == 1:
            together.wait(DEADLINE_S)
        said.write("go\n")
        said.flush()
        _listen(writer, plan, process)
        if process.returncode > 0:
            writer.complaints += cast("IO[str]", process.stderr).read()
            return


def _listen(writer: Writer, plan: list[int], process: subprocess.Popen[str]) -> None:
    """Take down what it acknowledges; kill it when its time has come, wherever in its next append it is."""
    for line in cast("IO[str]", process.stdout):
        index, seq = (int(word) for word in line.split())
        # Lines that were still in the pipe when it was killed are acknowledged too.
        if writer.acknowledged.setdefault(index, seq) != seq:
            writer.said_twice.append(line)
        if plan and index >= plan[0]:
            plan.pop(0)
            process.kill()
    process.wait(60)


def main() -> None:
    """Write what is left, one entry an append."""
    from diagnostics.core.failures import FailureKind, SourceFailure  # noqa: PLC0415
    from diagnostics.incident.journal import Journal  # noqa: PLC0415  # the supervisor needs none of it
    from diagnostics.models.entries import Noted  # noqa: PLC0415
    from diagnostics.store.store import StateStore  # noqa: PLC0415

    given = json.loads(sys.argv[1])
    state = StateStore(StateSettings(url=given["url"]), Path(given["folder"]))
    number = given["writer"]
    journal = Journal(state, person=f"writer {number}", console=f"host:{number}:0")
    if journal.problem:
        raise SystemExit(journal.problem)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for index in range(given["first"], given["entries"]):
        while True:
            try:
                (entry,) = journal.append(STREAM, [Noted(text=f"{number} {index}")], keys=[key_of(number, index)])
                break
            except SourceFailure as failure:
                # Nothing was acknowledged, so it is said once more, under the same key.
                if failure.kind is not FailureKind.TIMED_OUT:
                    raise
        sys.stdout.write(f"{index} {entry.seq}\n")
        sys.stdout.flush()
    journal.close()


if __name__ == "__main__":
    main()
