"""Bytes on the wire: when nothing changes, while the incident is live, and when three numbers change."""

from __future__ import annotations

import time

from benchmarks.figures import Figure, Target, median
from benchmarks.programs import console, has_data, minimal, module, running
from tests.terminal import Terminal

SETTLE_S = 4.0


def run(quick: bool) -> list[Figure]:
    """Count what arrives in windows of known length."""
    idle_s, live_s = (5.0, 10.0) if quick else (30.0, 45.0)
    with running(minimal()) as theirs:
        theirs.wait_quiet(1.0)
        their_idle = rate(theirs, idle_s)
    with running(console("nov17"), settle=has_data) as ours:
        time.sleep(SETTLE_S)
        live = rate(ours, live_s)
        ours.send(" ")
        time.sleep(SETTLE_S + 6)  # the notice that updates are paused goes away by itself
        idle = rate(ours, idle_s)
    with running(module("benchmarks.loaded_console", "0"), settle=has_data) as loaded:
        loaded.send(" ")
        time.sleep(SETTLE_S + 6)
        refresh = [_cost(loaded, "ctrl+n") for _ in range(4 if quick else 10)]
    return [
        Figure("idle, paused, clock running", "bytes/s", idle, their_idle, Target(200), note=f"over {idle_s:g} s"),
        Figure("nov17 live", "bytes/s", live, note=f"over {live_s:g} s"),
        Figure("refresh that changes three numbers, median", "bytes", median(refresh), target=Target(2_000)),
        Figure("refresh that changes three numbers, worst", "bytes", max(refresh), note="a clock tick may be in it"),
    ]


def rate(terminal: Terminal, seconds: float) -> float:
    """Bytes a second over the next `seconds`."""
    begin = time.monotonic()
    time.sleep(seconds)
    taken = time.monotonic() - begin
    return sum(len(chunk.data) for chunk in terminal.since(begin)) / taken


def _cost(terminal: Terminal, key: str) -> float:
    """Bytes within the half second after a key."""
    begin = terminal.press(key)
    time.sleep(0.5)
    return float(sum(len(chunk.data) for chunk in terminal.since(begin)))
