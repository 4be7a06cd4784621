"""One incident of 10,000 entries and eight consoles: what opening the panel costs, and an entry made elsewhere.

The eight consoles are the real program, each in a terminal of its own, on one journal and one set of stand-ins.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

from benchmarks.figures import Figure, Target, median
from benchmarks.programs import COLUMNS, ROOT, ROWS, wait_painted
from diagnostics.catalogue import load_catalogue
from diagnostics.config.settings import StateSettings
from diagnostics.core.time import utc_now
from diagnostics.incident.journal import Journal
from diagnostics.models.entries import Body, Declared, Noted
from diagnostics.store.store import StateStore
from sandbox.launch import SandboxProcess, start_sandbox
from tests.terminal import Terminal

MANY, QUICK_MANY, FEW = 10_000, 1_000, 10
CONSOLES, QUICK_CONSOLES = 8, 3
ROUNDS, QUICK_ROUNDS = 15, 4
ENTRIES = 6
"""Entries that are watched on their way to the other consoles."""

BATCH = 500
SEEN_WITHIN_S = 20.0
GATHER_S = 3.0
"""Bytes are counted from the writing on for this long: the clocks of the panel are in them."""

NOTICE_S = 8.0
"""The notice that updates are paused goes away by itself within this time."""

SETTLED_S = 35.0
"""Within this time every console has observed the incident once."""

OPENING_S = 0.35
"""Bytes within this time after the key belong to opening the panel."""

LIMITS = ("search=1000/1", "aggregate=1000/1")


def run(quick: bool) -> list[Figure]:
    """Open the panel of a long and of a short incident in turn; then write, and watch it arrive everywhere."""
    many, rounds, consoles = (QUICK_MANY, QUICK_ROUNDS, QUICK_CONSOLES) if quick else (MANY, ROUNDS, CONSOLES)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        sandbox = stack.enter_context(start_sandbox("nov17", directory=folder / "sandbox", rate_limits=LIMITS))
        long, short = (stack.enter_context(_place(folder / word)) for word in ("long", "short"))
        _fill(long[1], many)
        _fill(short[1], FEW)
        opened = _panels(stack, sandbox, {"long": long[0], "short": short[0]}, rounds)
        others = [stack.enter_context(_console(sandbox, long[0])) for _ in range(consoles - 1)]
        for one in others:
            one.send("e")
            one.wait_for("TIMELINE", SEEN_WITHIN_S)
        # What each console sees for itself is written into the journal, and painted, before anything is counted.
        time.sleep(SETTLED_S)
        arrived, cost = _entries(long[1], others)
    names = f"{many:,} entries beside {FEW}"
    watched = f"{consoles} consoles with the panel open; {len(arrived)} arrivals"
    return [
        Figure(
            f"panel opens, {names}",
            "ms",
            median(opened["long"]),
            median(opened["short"]),
            Target(1.5, ratio=True),
            f"key to the last byte of it; {rounds} rounds",
        ),
        Figure("entry seen on another console, worst", "s", max(arrived), target=Target(2.0), note=watched),
        Figure("entry seen on another console, median", "s", median(arrived), note=watched),
        Figure(
            "bytes a console writes for it, worst",
            "bytes",
            max(cost),
            target=Target(4_000),
            note=f"everything within {GATHER_S:g} s, clocks in it",
        ),
        Figure("bytes a console writes for it, median", "bytes", median(cost), note=watched),
    ]


@contextmanager
def _place(folder: Path) -> Iterator[tuple[Path, Journal]]:
    folder.mkdir()
    state = StateStore(StateSettings(url=f"sqlite:///{folder / 'shared.db'}"), folder)
    try:
        yield folder, Journal(state, person="benchmark", console=f"benchmark:{os.getpid()}")
    finally:
        state.close()


def _fill(journal: Journal, entries: int) -> None:
    issue = load_catalogue().issues["rate_limiting"]
    now = utc_now()
    declared = Declared(
        title="Zillow answers HTTP 429",
        issue_type=issue.name,
        severity=issue.severities[0],
        began_at=now - timedelta(minutes=20),
        detected_at=now - timedelta(minutes=10),
        environment="SANDBOX nov17",
    )
    stream = journal.open("INC", [declared])[0].stream
    for start in range(1, entries, BATCH):
        batch: Sequence[Body] = [Noted(text=f"line {number}") for number in range(start, min(start + BATCH, entries))]
        journal.append(stream, batch)


def _environment(sandbox: SandboxProcess, folder: Path, own: str) -> Mapping[str, str]:
    settings = {
        f"WARROOM_{name.upper().replace('.', '__')}": value if isinstance(value, str) else str(value)
        for name, value in sandbox.flags(slack="none").items()
        if value is not None
    }
    settings["WARROOM_STATE__URL"] = f"sqlite:///{folder / 'shared.db'}"
    settings["WARROOM_STATE_DIR"] = str(folder / own)
    return settings | {"XDG_CONFIG_HOME": str(folder / own), "XDG_STATE_HOME": str(folder / own)}


_started = 0


@contextmanager
def _console(sandbox: SandboxProcess, folder: Path) -> Iterator[Terminal]:
    global _started  # noqa: PLW0603  # each console has a folder of its own
    _started += 1
    environment = dict(_environment(sandbox, folder, f"console-{_started}"))
    terminal = Terminal([sys.executable, "-m", "tui"], environment, columns=COLUMNS, rows=ROWS, cwd=ROOT)
    with terminal:
        wait_painted(terminal)
        # The header names the incident once the journal has been read.
        terminal.wait_for("INC-1", 60)
        # Level 1 below stands still while the panel is looked at; the journal is followed all the same.
        terminal.send(" ")
        time.sleep(NOTICE_S)
        yield terminal
        terminal.press("ctrl+q")
        terminal.wait_exit(20)


def _panels(
    stack: ExitStack, sandbox: SandboxProcess, folders: Mapping[str, Path], rounds: int
) -> dict[str, list[float]]:
    """Milliseconds from the key to the last byte of the panel, in turn, so that a busy machine slows both."""
    consoles = {name: stack.enter_context(_console(sandbox, folder)) for name, folder in folders.items()}
    took: dict[str, list[float]] = {name: [] for name in folders}
    for number in range(rounds + 1):
        for name, console in consoles.items():
            begin = console.press("e")
            console.wait_for("ROLES", SEEN_WITHIN_S)
            time.sleep(0.4)
            # What comes within a third of a second belongs to opening; a clock may tick afterwards.
            last = max(
                (chunk.at for chunk in console.since(begin) if chunk.at - begin < 0.35), default=begin
            )  # as said above
            if number:
                took[name].append((last - begin) * 1_000)
            console.send("e")
            time.sleep(0.5)
    return took


def _entries(journal: Journal, others: Sequence[Terminal]) -> tuple[list[float], list[float]]:
    """Seconds until each entry stands on each console, and the bytes that each console wrote meanwhile."""
    arrived: list[float] = []
    cost: list[float] = []
    for number in range(ENTRIES):
        word = f"seen-by-everybody-{number}"
        begin = time.monotonic()
        journal.append("INC-1", [Noted(text=word)])
        for one in others:
            one.wait_for(word, SEEN_WITHIN_S)
        time.sleep(max(0.0, begin + GATHER_S - time.monotonic()))
        for one in others:
            chunks = one.since(begin)
            seen = next((chunk.at for chunk in chunks if word.encode() in chunk.data), None)
            arrived.append((seen if seen is not None else time.monotonic()) - begin)
            cost.append(float(sum(len(chunk.data) for chunk in chunks if chunk.at <= begin + GATHER_S)))
    return arrived, cost
