"""Keeps the databases in the present while a sandbox runs: time goes on there too.

Every few seconds the lead events and the delivered webhook events of the time since are appended, at the pace and with
the failures of the scenario. The story stands on its plateau: the undelivered webhook events stay the same in number,
and those that have reached the greatest age of the story are dated anew, as if they had been delivered and others had
arrived. Without this a quiet day would show a stalled backlog after a quarter of an hour.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING

from diagnostics.failures import SourceFailure, UserError
from sandbox import schema
from sandbox.common_rows import Row, lead_row, stamps
from sandbox.population import populate
from sandbox.webhook_rows import WAITING_STATES, appended_row, delivered_per_hour

if TYPE_CHECKING:
    from sandbox.databases import Store
    from sandbox.story import Story

TICK_S = 5.0


class Keeper:
    """A thread that writes what happens in the databases; it ends with `stop`."""

    def __init__(self, story: Story, store: Store) -> None:
        self._story = story
        self._store = store
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
        self._complained = False

    def start(self) -> None:
        """Begin to keep the databases in the present."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait until nothing is being written any more."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        sync_ids = [person.sync_user_id for person in populate(self._story).everyone() if person.integrated]
        while not self._ended.wait(TICK_S):
            try:
                self._tick(sync_ids, time.time() - self._story.anchor)
                self._complained = False
            except (UserError, SourceFailure) as failure:
                # The database may be stopped under us on purpose; it is tried again at the next tick.
                if not self._complained:
                    sys.stderr.write(f"the databases stand still: {failure}\n")
                self._complained = True

    def _tick(self, sync_ids: list[int | None], elapsed_s: float) -> None:
        """Write everything that happened up to `elapsed_s` seconds after the start and is not there yet."""
        story, store, stamp = self._story, self._store, stamps(self._story)
        spread = story.scenario.backlog.spread_s
        with store.writer() as cursor:
            leads: list[Row] = []
            number = _next(cursor, schema.ZILLOW_LEAD_EVENTS_LOG.name)
            while (lead := lead_row(story, number, sync_ids, stamp)) is not None and lead[0] <= elapsed_s:
                leads.append(lead[1])
                number += 1
            store.insert(cursor, schema.ZILLOW_LEAD_EVENTS_LOG, leads)
            hooks: list[Row] = []
            step = 3_600 / delivered_per_hour(story)
            number = _next(cursor, schema.ZILLOW_WEBHOOK_EVENTS.name)
            while (hook := appended_row(story, number, step, stamp))[0] <= elapsed_s:
                hooks.append(hook[1])
                number += 1
            store.insert(cursor, schema.ZILLOW_WEBHOOK_EVENTS, hooks)
            for state in WAITING_STATES:
                store.postpone(cursor, state, stamp(elapsed_s - spread), spread)


def _next(cursor, table: str) -> int:
    raise NotImplementedError
