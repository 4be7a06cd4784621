"""Resident memory of the console's own process, without the stand-ins, which are another process."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.figures import Figure, NotAvailable, Target
from benchmarks.programs import console, has_data, minimal, module, running

LINES = 50_000
SETTLE_S = 10.0


def run(quick: bool) -> list[Figure]:
    """Look at each program once it has settled."""
    settle = 3.0 if quick else SETTLE_S
    with running(minimal()) as theirs:
        theirs.wait_quiet(0.5)
        their_memory = resident_mb(theirs.pid)
    with running(console("nov17"), settle=has_data) as ours:
        time.sleep(settle)
        our_memory = resident_mb(ours.pid)
    with running(module("benchmarks.loaded_console", str(LINES)), settle=has_data) as loaded:
        time.sleep(settle)
        loaded.press("ctrl+f")
        loaded.wait_for("filled", 60)
        time.sleep(settle)
        full_memory = resident_mb(loaded.pid)
    return [
        Figure("resident, nov17 live", "MB", our_memory, their_memory, Target(150)),
        Figure(f"resident, nov17 live, {LINES:,} log lines", "MB", full_memory, their_memory, Target(150)),
    ]


def resident_mb(pid: int) -> float:
    """VmRSS of one process in megabytes (10^6 bytes)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError as error:
        raise NotAvailable(f"resident memory is read from /proc: {error}") from error
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024 / 1e6
