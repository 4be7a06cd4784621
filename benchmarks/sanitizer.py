"""How fast the sanitizer passes ordinary, mixed and hostile text."""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks.figures import Figure

LINE = "2025-11-17T14:03:21Z error fub-worker HTTP 429 Too Many Requests POST /v1/leads account=75172 retry_after=30 "
MIXED = "Kundin Jörg Müller – Angebot für 漢字 Straße, Umsatz 1 204 €, Café Zürich, token expired at 14:03 UTC "
HOSTILE = "ok \x1b]52;c;cHduZWQ=\x07 \x1b[31mred\x1b[0m \u202egnp.exe\u202c \x9b2J \x00 e" + "\u0301" * 6


def run(quick: bool) -> list[Figure]:
    """Clean many strings of each kind."""
    from diagnostics.core.sanitizer import clean, clean_tree  # noqa: PLC0415  # missing pieces are reported, not fatal

    seconds = 0.2 if quick else 1.0
    event = {"message": LINE, "tags": ["env:prod"] * 5, "context": {"account_id": 14009, "error_message": MIXED}}
    size = len(LINE.encode()) + len(MIXED.encode()) + 60
    return [
        Figure("sanitizer, clean ASCII", "MB/s", throughput(lambda: clean(LINE), len(LINE.encode()), seconds)),
        Figure("sanitizer, mixed alphabets", "MB/s", throughput(lambda: clean(MIXED), len(MIXED.encode()), seconds)),
        Figure("sanitizer, hostile", "MB/s", throughput(lambda: clean(HOSTILE), len(HOSTILE.encode()), seconds)),
        Figure("sanitizer, trees of events", "MB/s", throughput(lambda: clean_tree(event), size, seconds)),
    ]


def throughput(call: Callable[[], object], size: int, seconds: float) -> float:
    """Megabytes a second: the best of five stretches, as other processes only ever slow a stretch down."""
    best = 0.0
    for _ in range(5):
        calls = 0
        begin = time.perf_counter()
        while (taken := time.perf_counter() - begin) < seconds / 5:
            for _ in range(200):
                call()
            calls += 200
        best = max(best, calls * size / taken / 1e6)
    return best
