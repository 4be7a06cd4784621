"""From a key to its paint while every source is dead: the stand-ins and their databases killed under the console."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure, Target, median, p95
from benchmarks.key_latency import latencies, type_keys
from benchmarks.programs import COLUMNS, ROOT, ROWS, has_data, is_issue, minimal, running
from sandbox.launch import start_sandbox
from tests.terminal import Terminal


def run(quick: bool) -> list[Figure]:
    """Kill the sources, wait until the console says so, and type."""
    blocks = 4 if quick else 12
    folder = Path(tempfile.mkdtemp(prefix="warroom-bench-"))
    try:
        with start_sandbox("nov17", directory=folder / "world") as world:
            argv = [sys.executable, "-m", "tui", "--config", str(world.directory / "console.toml")]
            console = Terminal(argv, columns=COLUMNS, rows=ROWS, cwd=ROOT)
            with running(console, settle=has_data) as ours, running(minimal()) as theirs:
                os.kill(world.pid, signal.SIGKILL)
                for database in (folder / "world").rglob("*.db"):
                    database.unlink()
                ours.wait_for("stale", 90)
                ours_sent, theirs_sent = [], []
                for _ in range(blocks):
                    ours_sent += type_keys(ours)
                    theirs_sent += type_keys(theirs)
                ours.wait_for(lambda _: time.monotonic() > ours_sent[-1] + 1)
                mine = latencies(ours.chunks, ours_sent, is_issue)
                other = latencies(theirs.chunks, theirs_sent, lambda line: "fub-worker" in line)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return [
        Figure("key to paint, every source dead, p50", "ms", median(mine), median(other)),
        Figure("key to paint, every source dead, p95", "ms", p95(mine), p95(other), Target(2, ratio=True)),
    ]
