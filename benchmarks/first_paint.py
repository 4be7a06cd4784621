"""First paint and time to quiet, from the start of the process; console and yardstick in turns."""

from __future__ import annotations

import time

from benchmarks.figures import Figure, Target, median, p95
from benchmarks.programs import console, first_painted, has_data, minimal, quit_by_key, wait_painted
from tests.terminal import Chunk, Terminal

QUIET_BYTES = 600
"""Bytes in one second that still count as quiet: the clock, an age."""
QUIET_S = 1.0
LONGEST_S = 20.0


def run(quick: bool) -> list[Figure]:
    """Start each program several times."""
    repetitions = 4 if quick else 12
    ours: list[tuple[float, float, float]] = []
    theirs: list[tuple[float, float, float]] = []
    for number in range(repetitions + 1):
        pair = (_measure(console("healthy"), data=True), _measure(minimal(), data=False))
        # The first round warms the file cache and writes the byte code.
        if number:
            ours.append(pair[0])
            theirs.append(pair[1])
    paint, quiet, answered = zip(*ours, strict=True)
    their_paint, their_quiet, _ = zip(*theirs, strict=True)
    return [
        Figure("first paint, median", "ms", median(paint), median(their_paint), Target(1.3, ratio=True)),
        Figure("first paint, least", "ms", min(paint), min(their_paint), note="other work does not add to it"),
        Figure("first paint, p95", "ms", p95(paint), p95(their_paint)),
        Figure("every issue answered, median", "ms", median(answered), note="sandbox process started by the console"),
        Figure("time to quiet, median", "ms", median(quiet), median(their_quiet), note=f"≤ {QUIET_BYTES} bytes in 1 s"),
    ]


def _measure(program: Terminal, *, data: bool) -> tuple[float, float, float]:
    """Return first paint, time to quiet and time to the first complete answer, all in ms after the start."""
    with program as terminal:
        wait_painted(terminal)
        if data:
            terminal.wait_for(has_data, 60)
        answered = terminal.chunks[-1].at
        _wait_quiet(terminal)
        painted = first_painted(terminal.chunks) or answered
        quiet = _quiet_from(terminal.chunks)
        quit_by_key(terminal)
    start = terminal.started_at
    return (painted - start) * 1000, (quiet - start) * 1000, (answered - start) * 1000


def _wait_quiet(terminal: Terminal) -> None:
    deadline = time.monotonic() + LONGEST_S
    while time.monotonic() < deadline:
        recent = sum(len(chunk.data) for chunk in terminal.since(time.monotonic() - QUIET_S))
        if recent <= QUIET_BYTES:
            return
        time.sleep(0.05)


def _quiet_from(chunks: list[Chunk]) -> float:
    """The start of the first second that carries at most `QUIET_BYTES`, not before the first full screen."""
    started = first_painted(chunks) or chunks[0].at
    for number, chunk in enumerate(chunks):
        following = [later for later in chunks[number + 1 :] if later.at <= chunk.at + QUIET_S]
        if chunk.at >= started and sum(len(later.data) for later in following) <= QUIET_BYTES:
            return chunk.at
    return chunks[-1].at
