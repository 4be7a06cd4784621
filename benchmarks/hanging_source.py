"""What healthy sources' questions cost beside one that hangs: Datadog takes every request and never answers.

Each round is a console of its own, without its terminal, on the same stand-ins: one that is well, one beside a Datadog
that hangs. Every question is timed from the line that asks for it to its first answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from benchmarks.figures import Figure, NotAvailable, Target, median
from diagnostics.models.readings import Freshness, Reading
from sandbox.launch import SandboxProcess, start_sandbox
from sandbox.stories.account_list import DEAL_WITHOUT_AGENTS, STALE_AGENTS
from tui.app import WarRoomApp
from tui.options import Options

HANGS_S = 3.0
"""How long a console has stood on level 1 before it is asked: all questions of what hangs are under way by then."""

LONGEST_S = 30.0
LOOK_S = 0.002

Answered = Callable[[Reading[Any]], bool]

QUESTIONS: dict[str, tuple[str, str, Answered]] = {
    "the headline of level 2": ("level health", "health:overview", lambda one: one.value is not None),
    "level 2's figure of the database": (
        "level health",
        "health:kpis",
        lambda one: any(figure.id == "webhook_latency_p95" and figure.value is not None for figure in one.value or ()),
    ),
    "an account's summary": (
        f"account {STALE_AGENTS}",
        "account:",
        lambda one: one.key.endswith(":summary") and one.value is not None,
    ),
    "an account's table": (
        f"account {STALE_AGENTS}",
        "account:",
        lambda one: not one.key.endswith((":summary", ":behaviour", ":logs")) and one.value is not None,
    ),
    "a deal": (f"deal {DEAL_WITHOUT_AGENTS} {STALE_AGENTS}", "deal:", lambda one: one.value is not None),
}
"""The line, the beginning of the reading's name, and whether it is answered."""


def run(quick: bool) -> list[Figure]:
    """Ask each question in turns, beside a Datadog that is well and beside one that hangs."""
    rounds = 2 if quick else 6
    took: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in QUESTIONS}
    overdue = 0
    with start_sandbox("nov17", rate_limits=("search=1000/1", "aggregate=1000/1", "metrics=1000/1")) as world:
        asyncio.run(_console(world, next(iter(QUESTIONS))))  # its memory of sync events is filled once
        for _ in range(rounds):
            for place, faults in enumerate(((), ("hang",))):
                world.clear_faults()
                world.set_faults(*faults)
                for name in QUESTIONS:
                    milliseconds, stale = asyncio.run(_console(world, name))
                    took[name][place].append(milliseconds)
                    overdue += stale
    figures = [
        Figure(f"{name}, Datadog hanging", "ms", median(hanging), median(alone), Target(1.2, ratio=True))
        for name, (alone, hanging) in took.items()
    ]
    return [*figures, Figure("times that the journal was overdue", "", overdue, None, Target(0))]


async def _console(world: SandboxProcess, question: str) -> tuple[float, bool]:
    """Milliseconds until the first answer, and whether the journal was overdue at the end."""
    line, key, answered = QUESTIONS[question]
    # With an issue named, the place where the console before ended is not gone back to: it would be answered already.
    app = WarRoomApp(Options(config=world.directory / "console.toml", issue="rate_limiting"))
    try:
        async with app.run_test(size=(120, 40)) as pilot:
            await _until(lambda: app.live is not None and app.live.last("incident") is not None, "the console opens")
            await asyncio.sleep(HANGS_S)
            began = time.monotonic()
            app.command(line)
            await _until(lambda: any(answered(one) for one in _readings(app, key)), question)
            milliseconds = (time.monotonic() - began) * 1_000
            await pilot.pause(0.5)
            return milliseconds, any(one.freshness is Freshness.STALE for one in _readings(app, "incident"))
    finally:
        app.end()


def _readings(app: WarRoomApp, beginning: str) -> list[Reading[Any]]:
    live = app.live
    if live is None:
        return []
    with live._condition:
        return [watch.reading for key, watch in live._watches.items() if key.startswith(beginning)]


async def _until(condition: Callable[[], bool], what: str) -> None:
    latest = time.monotonic() + LONGEST_S
    while not condition():
        if time.monotonic() > latest:
            raise NotAvailable(f"not within {LONGEST_S:g} s: {what}")
        await asyncio.sleep(LOOK_S)
