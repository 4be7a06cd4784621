"""Keeps the databases in the present while a sandbox runs: time goes on there too.

Every few seconds the lead events and the delivered webhook events of the time since are appended, at the pace and with
the failures of the scenario. The story stands on its plateau: the undelivered webhook events stay the same in number,
and those that have reached the greatest age of the story are dated anew, as if they had been delivered and others had
arrived. Without this a quiet day would show a stalled backlog after a quarter of an hour.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from sandbox.rows import schema
from sandbox.rows.common_rows import LEAD_EVENT_FIRST, Cells, lead_event_row, stamps
from sandbox.rows.hostile_rows import EXTRA_ID
from sandbox.rows.webhook_rows import APPENDED_FIRST, WAITING, appended_row
from sandbox.stories.clock import kept_clock

if TYPE_CHECKING:
    from sandbox.stores.behind import Behind
    from sandbox.stores.filling import Cursor, Store
    from sandbox.stories.story import Story

TICK_S = 5.0


class Ticker:
    """A thread that writes what happens in the databases; it ends with `stop`."""

    def __init__(self, story: Story, store: Store) -> None:
        self._story = story
        self._store = store
        self._now_s = kept_clock()
        self.behind: Behind | None = None
        """How late the databases are."""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ticker", daemon=True)

    def start(self) -> None:
        """Begin to keep the databases in the present."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait until nothing is being written any more."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        complained = False
        while not self._ended.wait(TICK_S):
            try:
                self._keep_on()
                complained = False
            except Exception as failure:  # noqa: BLE001  # whatever a driver raises, the thread must outlive it
                # The database may be stopped under us on purpose; it is tried again at the next tick.
                if not complained:
                    sys.stderr.write(f"the databases stand still: {failure}\n")
                complained = True

    def elapsed_s(self) -> float:
        """How long the story has been told, by the clock of the databases, seconds."""
        return self._now_s() - self._story.anchor

    def _keep_on(self) -> None:
        if self.behind is None:
            self.keep(self.elapsed_s())
            return
        self.behind.go_on()
        with self.behind.common() as late_s:
            self.keep(self.elapsed_s() - late_s)

    def keep(self, elapsed_s: float) -> None:
        """Write everything that happened up to `elapsed_s` seconds after the start and is not there yet."""
        story, stamp = self._story, stamps(self._story)
        spread = story.scenario.backlog.spread_s
        with self._store.writer() as cursor:
            cursor.execute(f"SELECT id FROM zillow_sync_users WHERE zillow_integration_id <> '' AND id < {EXTRA_ID}")  # noqa: S608  # our own number
            sync_ids = sorted(int(row[0]) for row in cursor.fetchall())
            leads = _rows_until(
                elapsed_s,
                _last(cursor, schema.ZILLOW_LEAD_EVENTS_LOG.name, LEAD_EVENT_FIRST) + 1,
                lambda number: lead_event_row(story, number, sync_ids, stamp),
            )
            self._store.insert(cursor, schema.ZILLOW_LEAD_EVENTS_LOG, leads)
            hooks = _rows_until(
                elapsed_s,
                _last(cursor, schema.ZILLOW_WEBHOOK_EVENTS.name, APPENDED_FIRST) + 1,
                lambda number: appended_row(story, number, stamp),
            )
            self._store.insert(cursor, schema.ZILLOW_WEBHOOK_EVENTS, hooks)
            for state in WAITING:
                # After a pause longer than the story's greatest age, one step would leave the oldest still too old.
                for times in range(self._laps(cursor, state, elapsed_s, spread), 0, -1):
                    self._store.postpone(cursor, state, stamp(elapsed_s - times * spread), times * spread)

    def _laps(self, cursor: Cursor, state: str, elapsed_s: float, spread: int) -> int:
        """Return how many times the greatest age of the story the oldest waiting event of a state is old."""
        cursor.execute(f"SELECT MIN(received_at) FROM zillow_webhook_events WHERE status = '{state}'")  # noqa: S608  # our own word
        found = cursor.fetchone()
        if found is None or found[0] is None:
            return 0
        received = datetime.fromisoformat(str(found[0]))
        return int((self._story.moment(elapsed_s) - received).total_seconds() // spread)


def _last(cursor: Cursor, table: str, first: int) -> int:
    """Return the highest number in use, -1 when there is none; rows that are hostile throughout do not count."""
    cursor.execute(f"SELECT MAX(id) FROM {table} WHERE id < {EXTRA_ID}")  # noqa: S608  # a table of ours, a number of ours
    found = cursor.fetchone()
    highest = int(found[0]) if found and found[0] is not None else first - 1
    return max(highest, first - 1) - first


def _rows_until(elapsed_s: float, number: int, row_of: Callable[[int], tuple[float, Cells]]) -> list[Cells]:
    rows = []
    moment, row = row_of(number)
    while moment <= elapsed_s:
        rows.append(row)
        number += 1
        moment, row = row_of(number)
    return rows
