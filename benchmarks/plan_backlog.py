"""Planning the drain of `nov17`'s whole backlog, 212,631 events, on a private MariaDB: read, sealed, rehearsed."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import closing
from pathlib import Path

from benchmarks.figures import Figure, NotAvailable, Target

EVENTS, QUICK_EVENTS = 212_631, 20_000
MOST_S = 10.0

_FILLED = (
    "INSERT INTO zillow_webhook_events (id, account_id, event_type, status, attempts, http_status, last_error,"
    " received_at, next_attempt_at) SELECT seq, 1 + seq % 900, 'lead.created', IF(seq % 9, 'failed', 'pending'), 3,"
    " 429, 'HTTP 429 Too Many Requests; Retry-After: 30', UTC_TIMESTAMP() - INTERVAL (14000 - seq DIV 16) SECOND,"
    " UTC_TIMESTAMP() + INTERVAL 4 HOUR FROM seq_1_to_{events}"
)


def run(quick: bool) -> list[Figure]:
    """Fill the table, and plan once."""
    try:
        from tests.mariadb import MariaDBUnavailable, private_mariadb  # noqa: PLC0415
        from tests.sync.rows import Shelf  # noqa: PLC0415  # missing pieces are reported, not fatal
    except ImportError as error:
        raise NotAvailable(f"a private MariaDB server: {error}") from error
    events = QUICK_EVENTS if quick else EVENTS
    try:
        with (
            private_mariadb() as server,
            tempfile.TemporaryDirectory() as folder,
            closing(Shelf(Path(folder), server)) as shelf,
        ):
            server.execute(
                _FILLED.format(events=events), "ANALYZE TABLE zillow_webhook_events", database=shelf.name_of("common")
            )
            began, used = time.perf_counter(), time.process_time()
            planned = shelf.service.recovery.plan(rate=20.0, live_share=0.25)
            took, used = time.perf_counter() - began, time.process_time() - used
    except MariaDBUnavailable as error:
        raise NotAvailable(str(error)) from error
    if planned.plan.events != events:
        raise NotAvailable(f"the plan holds {planned.plan.events:,} of {events:,} events")
    note = f"{used:.1f} s of them the console's own; load {os.getloadavg()[0]:.1f}"
    return [Figure(f"plan, {events:,} events", "s", took, target=Target(MOST_S), note=note)]
