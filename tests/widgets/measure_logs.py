"""Figures of the log list: `python -m tests.widgets.measure_logs`. No assertions: a busy machine is not a bug."""

from __future__ import annotations

import asyncio
import os
import resource
import statistics
import sys
from collections.abc import Awaitable, Callable
from time import perf_counter

from textual import events

from diagnostics.logs import compile_query
from tests.widgets.samples import Stage, many
from widgets.log.pane import LogPane

SIZE = (120, 40)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


async def _key_to_paint(app: Stage, key: str, times: int) -> tuple[float, float]:
    """Median and worst time in ms from a key to the bytes it causes."""
    paint = asyncio.Event()
    app.on_paint = paint.set
    taken = []
    for _ in range(times):
        await asyncio.sleep(0.02)
        paint.clear()
        before = perf_counter()
        app.post_message(events.Key(key, None))
        await asyncio.wait_for(paint.wait(), 2)
        taken.append((perf_counter() - before) * 1000)
    return statistics.median(taken), max(taken)


async def _staged(count: int, measure: Callable[[Stage, LogPane], Awaitable[None]]) -> None:
    batch = many(count)
    pane = LogPane()
    app = Stage(pane)
    async with app.run_test(size=SIZE) as pilot:
        pane.log_list.focus()
        pane.show_query("service:fub status:error", "15m")
        await pilot.pause()
        paint = asyncio.Event()
        app.on_paint = paint.set
        before = perf_counter()
        pane.add_events(batch)
        added = perf_counter() - before
        await asyncio.wait_for(paint.wait(), 2)
        _say(f"open {count:>7,}: add {added * 1000:.1f} ms, painted after {(perf_counter() - before) * 1000:.1f} ms")
        await measure(app, pane)


async def _paging(app: Stage, pane: LogPane) -> None:
    median, worst = await _key_to_paint(app, "pageup", 10)
    _say(f"page up      : {median:.1f} ms median, {worst:.1f} ms worst, at {len(pane.log_list.buffer):,} events")
    before = app.bytes_sent
    await _key_to_paint(app, "pageup", 1)
    _say(f"page         : {app.bytes_sent - before:,} bytes")
    before = app.bytes_sent
    await _key_to_paint(app, "up", 1)
    _say(f"cursor step  : {app.bytes_sent - before:,} bytes")


async def _everything(app: Stage, pane: LogPane) -> None:
    await _paging(app, pane)
    compile_query("x")
    predicate = compile_query("service:fub-worker status:error @context.account_id:14009")
    before = perf_counter()
    pane.log_list.set_filter(predicate, "measured")
    blocked = perf_counter() - before
    lags = []
    while pane.log_list.buffer.reading:
        tick = perf_counter()
        await asyncio.sleep(0)
        lags.append(perf_counter() - tick)
    taken = perf_counter() - before
    matching = len(pane.log_list.buffer.shown)
    _say(
        f"filter       : {taken * 1000:.0f} ms to {matching:,} matches; loop held {blocked * 1000:.1f} ms first,"
        f" then at most {max(lags, default=0) * 1000:.1f} ms"
    )
    pane.log_list.set_filter(None, "")


async def _append() -> None:
    batches = [many(1_000, 100_000 + index * 1_000) for index in range(100)]
    pane = LogPane()
    app = Stage(pane)
    async with app.run_test(size=SIZE) as pilot:
        pane.add_events(many(50_000))
        await pilot.pause()
        before = perf_counter()
        for batch in batches:
            pane.add_events(batch)
            await asyncio.sleep(0)
        pane.log_list.flush()
        taken = perf_counter() - before
        rate = 100_000 / taken
        _say(f"append       : 100,000 events in 100 batches in {taken * 1000:.0f} ms = {rate:,.0f} events/s")
        _say(f"resident     : {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at most so far")


async def _follow(per_second: int, seconds: float, size: tuple[int, int] = SIZE) -> None:
    steps = int(seconds * 50)
    batches = [many(per_second // 50, index * per_second // 50) for index in range(steps)]
    pane = LogPane()
    app = Stage(pane)
    async with app.run_test(size=size) as pilot:
        pane.log_list.focus()
        pane.show_query("service:fub status:error", "15m")
        await pilot.pause(0.3)
        begin, start = app.bytes_sent, perf_counter()
        for step, batch in enumerate(batches):
            pane.add_events(batch)
            await asyncio.sleep(max(0, start + step * 0.02 - perf_counter()))
        taken = perf_counter() - start
        rate = (app.bytes_sent - begin) / taken / 1000
        _say(f"follow {size[0]}×{size[1]:<3}: {per_second:,} events/s for {taken:.1f} s: {rate:.1f} kB/s")
        quiet = app.bytes_sent
        await asyncio.sleep(1.5)
        quiet = app.bytes_sent
        await asyncio.sleep(1)
        _say(f"quiet        : {app.bytes_sent - quiet} bytes in a second after the tail fell silent")


async def _main() -> None:
    await _staged(500, _paging)
    await _staged(50_000, _everything)
    await _append()
    await _follow(1_000, 5)
    await _follow(100, 5)
    await _follow(1_000, 4, (200, 60))


if __name__ == "__main__":
    # Textual reads the terminal's colours from here; a true-colour terminal is sent the most bytes.
    os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
    asyncio.run(_main())
