"""`python -m benchmarks [NAME…] [--quick] [--json PATH]`: measure the console beside a minimal Textual application."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import (
    account,
    column_types,
    dead_sources,
    escalation,
    first_paint,
    fleet,
    hanging_source,
    journal,
    key_latency,
    level_two,
    log_pane,
    memory,
    pacing,
    plan_backlog,
    query,
    reconcile_report,
    resque_feed,
    rollups,
    sanitizer,
    tables,
    traffic,
)
from benchmarks.figures import Figure, NotAvailable
from benchmarks.report import Outcome, heading, summary, table, write_json
from tests.terminal import WaitFailed

BENCHMARKS: Mapping[str, Callable[[bool], list[Figure]]] = {
    "first_paint": first_paint.run,
    "key_latency": key_latency.run,
    "dead_sources": dead_sources.run,
    "hanging_source": hanging_source.run,
    "traffic": traffic.run,
    "memory": memory.run,
    "log_pane": log_pane.run,
    "sanitizer": sanitizer.run,
    "query": query.run,
    "rollups": rollups.run,
    "level_two": level_two.run,
    "fleet": fleet.run,
    "account": account.run,
    "column_types": column_types.run,
    "journal": journal.run,
    "escalation": escalation.run,
    "pacing": pacing.run,
    "plan_backlog": plan_backlog.run,
    "reconcile_report": reconcile_report.run,
    "resque_feed": resque_feed.run,
    "tables": tables.run,
}

RESULTS = Path(__file__).parent / "results" / "latest.json"


def measure(benchmark: Callable[[bool], list[Figure]], quick: bool) -> Outcome:
    """Run one benchmark; a missing piece is an outcome, not an error."""
    begin = time.monotonic()
    try:
        figures = benchmark(quick)
    except NotAvailable as reason:
        return Outcome(missing=str(reason))
    except (ImportError, WaitFailed) as reason:
        return Outcome(missing=str(reason).splitlines()[0])
    return Outcome(figures, seconds=time.monotonic() - begin)


def main() -> int:
    """Measure what was asked for; exit code 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"any of: {', '.join(BENCHMARKS)} (all by default)")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions: to see that it runs, not for figures")
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="PATH", help="where the figures go as JSON")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}")
    # The reading threads must stamp a byte when it arrives, whatever the main thread computes meanwhile.
    sys.setswitchinterval(0.0005)
    print(heading())
    outcomes: dict[str, Outcome] = {}
    for name in arguments.names or BENCHMARKS:
        outcomes[name] = measure(BENCHMARKS[name], arguments.quick)
        print(table(name, outcomes[name]), flush=True)
    print(summary(outcomes))
    write_json(arguments.json, outcomes)
    print(f"written to {arguments.json}")
    return 1 if any(figure.passed is False for outcome in outcomes.values() for figure in outcome.figures) else 0


if __name__ == "__main__":
    sys.exit(main())
