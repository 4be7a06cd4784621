"""Query evaluation over 100,000 events: every query of the catalogue, compiled once."""

from __future__ import annotations

import re
import time

from benchmarks.figures import Figure, NotAvailable, Target, median

EVENTS = 100_000
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
    return figures
