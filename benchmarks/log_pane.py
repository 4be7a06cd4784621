"""The log pane with 50,000 lines beside one with 500: open, page, filter; and what following a busy tail costs."""

from __future__ import annotations

import time

from benchmarks.figures import Figure, NotAvailable, Target, median, p95
from benchmarks.programs import module, running
from benchmarks.traffic import rate
from tests.terminal import Terminal

MANY, FEW = 50_000, 500
PAGE_EVERY_S = 0.15
ROW = "Zillow "


def run(quick: bool) -> list[Figure]:
    """The same keys on both panes, in turns."""
    pages = 8 if quick else 16
    rounds = 2 if quick else 4
    with (
        running(module("benchmarks.log_app", str(MANY))) as many,
        running(module("benchmarks.log_app", str(FEW))) as few,
    ):
        for terminal in (many, few):
            terminal.wait_quiet(0.5)
        opened = [_to_paint(terminal, "o") for terminal in (many, few)]
        many_pages: list[float] = []
        few_pages: list[float] = []
        for _ in range(rounds):
            many_pages += _page(many, pages)
            few_pages += _page(few, pages)
        filtered = [_filter(terminal) for terminal in (many, few)]
        many.press("u", "G", "b")
        time.sleep(1.0)
        tail = rate(many, 3.0 if quick else 8.0)
        many.press("b")
    (first, complete), (few_first, few_complete) = filtered
    return [
        Figure(f"open {MANY:,} lines, key to paint", "ms", opened[0], opened[1], Target(100), note=f"beside: {FEW}"),
        Figure("page, p50", "ms", median(many_pages), median(few_pages), Target(1.2, ratio=True)),
        Figure("page, p95", "ms", p95(many_pages), p95(few_pages)),
        Figure("filter, first matches painted", "ms", first, few_first),
        Figure("filter, all judged", "ms", complete, few_complete),
        Figure("following 1,000 lines/s", "kB/s", tail / 1000, target=Target(40)),
    ]


def _to_paint(terminal: Terminal, key: str) -> float:
    """Milliseconds from a key to the first paint of rows."""
    sent = terminal.press(key)
    terminal.wait_for(ROW, 30)
    terminal.wait_quiet(0.5)
    answered = [chunk.at for chunk in terminal.since(sent) if ROW.encode() in chunk.data]
    if not answered:
        raise NotAvailable(f"no row was painted after {key!r}")
    return (answered[0] - sent) * 1000


def _page(terminal: Terminal, times: int) -> list[float]:
    """Milliseconds from each page key, up and then down again, to the end of the rows that it painted."""
    found = []
    for key in ["pageup"] * times + ["pagedown"] * (times - 1):
        sent = terminal.press(key)
        time.sleep(PAGE_EVERY_S)
        rows = [chunk.at for chunk in terminal.since(sent) if ROW.encode() in chunk.data]
        if rows:
            found.append((rows[-1] - sent) * 1000)
    if not found:
        raise NotAvailable("paging painted no rows")
    return found


def _filter(terminal: Terminal) -> tuple[float, float]:
    """Milliseconds from setting a filter to the first and to the last paint."""
    sent = terminal.press("f")
    terminal.wait_quiet(1.0, 30)
    chunks = terminal.since(sent)
    rows = [chunk.at for chunk in chunks if ROW.encode() in chunk.data]
    if not rows:
        raise NotAvailable("the filter painted no rows")
    return (rows[0] - sent) * 1000, (chunks[-1].at - sent) * 1000
