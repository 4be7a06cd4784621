"""Query evaluation over 100,000 events: every query of the catalogue, once compiled, and free text."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, NotAvailable, Target, median

if TYPE_CHECKING:
    from diagnostics.models.events import LogEvent

EVENTS = 100_000
TIMES_MESSAGE = 2.0
WORDS = ("ZillowConnectException", "-timeout", "zillow oauthRefresh")
"""Free text that nothing holds, that is ruled out, and that a fifth of the events hold."""
_SLOT = re.compile(r"\{([a-z_]+)\}")


def run(quick: bool) -> list[Figure]:
    """Compile and evaluate each query."""
    try:
        from benchmarks.log_events import synthetic_events  # noqa: PLC0415
        from diagnostics.catalogue import load_catalogue  # noqa: PLC0415  # missing pieces are reported, not fatal
        from diagnostics.logs import bind, compile_query  # noqa: PLC0415
    except ImportError as error:
        raise NotAvailable(f"diagnostics.logs or the catalogue: {error}") from error
    events = synthetic_events(EVENTS)
    begin = time.perf_counter()
    compile_query("service:fub")
    first_compile = (time.perf_counter() - begin) * 1000
    figures = [Figure("query, first compilation with its imports", "ms", first_compile)]
    catalogue = load_catalogue()
    for name, query in sorted(catalogue.queries.items()):
        predicate = compile_query(bind(query.datadog, **dict.fromkeys(_SLOT.findall(query.datadog), 14009)))
        times = []
        for _ in range(1 if quick else 3):
            begin = time.perf_counter()
            selected = sum(map(predicate, events))
            times.append((time.perf_counter() - begin) * 1000)
        figures.append(
            Figure(
                f"query {name}, {EVENTS:,} events", "ms", median(times), target=Target(500), note=f"{selected:,} pass"
            )
        )
    return [*figures, *_free_text(events, quick)]


def _free_text(events: Sequence[LogEvent], quick: bool) -> list[Figure]:
    """Free text over four fields beside the same words in the message alone, of events as the console holds them."""
    from diagnostics.core.lazy_json import lazy  # noqa: PLC0415  # as above
    from diagnostics.logs import compile_query  # noqa: PLC0415

    stack = "\n".join(f"  at com.fub.zillow.Client.call(Client.java:{line})" for line in range(10))
    error = {"error": {"message": "refused", "stack": stack}}
    held = [replace(one, attributes=lazy(dict(one.attributes))) for one in events]
    failing = [
        replace(one, attributes=lazy({**one.attributes, **error})) if number % 20 == 0 else one
        for number, one in enumerate(held)
    ]
    figures = []
    for name, asked in (("free text", held), ("free text, a stack in 5 % of events", failing)):
        everywhere, message = [], []
        for _ in range(3 if quick else 7):
            # In turn, so that whatever else the machine does falls on both.
            everywhere.append(sum(_timed(compile_query(words), asked) for words in WORDS))
            message.append(sum(_timed(compile_query(_in_message(words)), asked) for words in WORDS))
        figures.append(
            Figure(
                f"{name}, {EVENTS:,} events",
                "ms",
                median(everywhere),
                beside=median(message),
                target=Target(TIMES_MESSAGE, ratio=True),
                note=f"{len(WORDS)} queries; beside: the message alone, which was all that free text searched",
            )
        )
    return figures


def _in_message(words: str) -> str:
    terms = ((word.startswith("-"), word.removeprefix("-")) for word in words.split())
    return " ".join(f"{'-' if ruled_out else ''}message:{word}" for ruled_out, word in terms)


def _timed(predicate: Callable[[LogEvent], bool], events: Sequence[LogEvent]) -> float:
    begin = time.perf_counter()
    sum(map(predicate, events))
    return 1_000 * (time.perf_counter() - begin)
