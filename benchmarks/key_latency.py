"""From a key to the paint that it caused, while the incident of 17 November is live; console and yardstick in turns.

Both are recorded and judged afterwards: reading the picture while it is being measured would take the time that is
measured. A key's paint is the first read after which the cursor stands on another row.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable

from benchmarks.figures import Figure, NotAvailable, Target, median, p95
from benchmarks.programs import COLUMNS, ROWS, console, has_data, is_issue, minimal, running
from tests.emulator import Emulator
from tests.terminal import Chunk, Terminal

PAUSES_S = (0.1, 0.5)
"""Between two keys, drawn evenly, so that they fall anywhere in the program's own rhythms."""
BLOCK = 8
"""Keys in a row for one program before it is the other's turn."""
PROBE_COLUMN = 8

IsRow = Callable[[str], bool]


def run(quick: bool) -> list[Figure]:
    """Type in both programs while both run."""
    blocks = 6 if quick else 20
    with running(console("nov17"), settle=has_data) as ours, running(minimal()) as theirs:
        ours_sent: list[float] = []
        theirs_sent: list[float] = []
        for _ in range(blocks):
            ours_sent += type_keys(ours)
            theirs_sent += type_keys(theirs)
        ours.wait_for(lambda terminal: time.monotonic() > ours_sent[-1] + 1 and terminal.chunks)
        our_times = latencies(ours.chunks, ours_sent, is_issue)
        their_times = latencies(theirs.chunks, theirs_sent, lambda line: "fub-worker" in line)
    note = f"{len(our_times)} of {len(ours_sent)} keys, {len(their_times)} of {len(theirs_sent)} beside"
    return [
        Figure("key to paint while live, p50", "ms", median(our_times), median(their_times), note=note),
        Figure("key to paint while live, p95", "ms", p95(our_times), p95(their_times), Target(2, ratio=True)),
        Figure("key to paint while live, worst", "ms", max(our_times), max(their_times)),
    ]


def type_keys(terminal: Terminal) -> list[float]:
    """Move down and up again, every key changing the row; return when each was sent."""
    sent = []
    for number in range(BLOCK):
        time.sleep(random.uniform(*PAUSES_S))  # noqa: S311  # no secret
        sent.append(terminal.send("j" if number % 4 < 2 else "k"))
    time.sleep(PAUSES_S[1])
    return sent


def latencies(chunks: list[Chunk], sent: list[float], is_row: IsRow) -> list[float]:
    """Milliseconds from each key to the first read after which the cursor stood elsewhere, where there was one."""
    emulator = Emulator(COLUMNS, ROWS)
    found: list[float] = []
    waiting: float | None = None
    before: int | None = None
    keys = iter([*sent, float("inf")])
    upcoming = next(keys)
    for chunk in chunks:
        while chunk.at >= upcoming:
            waiting, upcoming = upcoming, next(keys)
            before = cursor_row(emulator, is_row)
        emulator.feed(chunk.data)
        if waiting is not None and cursor_row(emulator, is_row) not in (before, None):
            found.append((chunk.at - waiting) * 1000)
            waiting = None
    if len(found) < len(sent) * 0.8:
        raise NotAvailable(f"the cursor was seen to move for {len(found)} of {len(sent)} keys only")
    return found


def cursor_row(emulator: Emulator, is_row: IsRow) -> int | None:
    """The row whose background differs from that of the other rows; None while not exactly one does."""
    rows = [number for number, line in enumerate(emulator.screen.display) if is_row(line)]
    backgrounds = {number: emulator.backgrounds(number)[PROBE_COLUMN] for number in rows}
    counted = Counter(backgrounds.values())
    alone = [number for number, background in backgrounds.items() if counted[background] == 1]
    return alone[0] if len(counted) == 2 and len(alone) == 1 else None
