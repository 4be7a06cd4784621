"""Background work of one console: it delivers what was confirmed, journals what it sees, looks at what is due.

Several consoles may do this at once: every step is claimed in the journal first, so that it is taken once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.sanitizer import clean
from diagnostics.core.waiting import Job

if TYPE_CHECKING:
    from diagnostics.service import Diagnostics

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
"""How often it looks whether something waits to be delivered: one read of memory where nothing is new."""

OBSERVE_EVERY_S = 30.0
FOLLOW_UPS_EVERY_S = 60.0

LONGEST_S = 60.0
"""One piece of work ends after so long; what is left is done in the next one."""

RETRY_AFTER_S = 5.0
"""After a failure of the journal itself, before the next attempt."""


class Worker:
    """Two threads: what was confirmed does not wait for sources that are slow to be observed.

    `wake` hurries the first one; `close` ends both, and the pieces of work under way.
    """

    def __init__(self, service: Diagnostics) -> None:
        self._service = service
        self._woken = threading.Event()
        self._closed = threading.Event()
        self._jobs: set[Job] = set()
        self._lock = threading.Lock()
        self._threads = tuple(
            threading.Thread(target=run, name=name, daemon=True)
            for name, run in (("escalation-delivers", self._deliver_on), ("escalation-observes", self._observe_on))
        )
        self.problems: dict[str, str] = {}
        """Why a piece of work could not be done the last time, by what it was; none when all could."""

    def start(self) -> None:
        """Begin. Called once."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Something was confirmed: do not wait for the next look."""
        self._woken.set()

    def close(self, deadline_s: float = 2.0) -> None:
        """End. What was confirmed and not delivered is in the journal, and the next console goes on with it."""
        self._closed.set()
        with self._lock:
            jobs = tuple(self._jobs)
        for job in jobs:
            job.cancel()
        self._woken.set()
        until = time.monotonic() + deadline_s
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, until - time.monotonic()))

    def _deliver_on(self) -> None:
        while not self._closed.is_set():
            well = self._do("delivering", self._deliver)
            self._woken.wait(LOOK_EVERY_S if well else RETRY_AFTER_S)
            self._woken.clear()

    def _observe_on(self) -> None:
        followed_at = float("-inf")
        while not self._closed.is_set():
            self._do("observing", self._observe)
            if time.monotonic() - followed_at >= FOLLOW_UPS_EVERY_S and not self._closed.is_set():
                followed_at = time.monotonic()
                self._do("follow-ups", self._service.reviews.follow_ups.run_due)
                self._do("twins", lambda _job: self._service.notices.report_twins())
            self._closed.wait(OBSERVE_EVERY_S)

    def _deliver(self, job: Job) -> None:
        if self._service.notices.waiting() and self._service.notices.deliver(job):
            incident = self._service.incidents.following().incident
            if incident is not None and incident.is_open:
                self._service.assessments.tick_seen(incident.id)

    def _observe(self, job: Job) -> None:
        incident = self._service.incidents.following().incident
        if incident is not None and incident.is_open:
            self._service.assessments.observe(incident.id, job)

    def _do(self, what: str, work: Callable[[Job], object]) -> bool:
        job = Job(limit_s=LONGEST_S)
        with self._lock:
            self._jobs.add(job)
        try:
            work(job)
        except (SourceFailure, UserError) as failure:
            said = failure.headline() if isinstance(failure, SourceFailure) else failure.problem
            self.problems[what] = clean(said, limit=300)
            return False
        except Exception:  # the other pieces of work must go on; the log has it
            logger.exception("escalation: %s failed unexpectedly", what)
            self.problems[what] = "an error of the console's own; its log file has the details"
            return False
        finally:
            with self._lock:
                self._jobs.discard(job)
        self.problems.pop(what, None)
        return True
