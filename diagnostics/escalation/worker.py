"""Background work of one console: it delivers what was confirmed, journals what it sees, looks at what is due.

Several consoles may do this at once: every step is claimed in the journal first, so that it is taken once.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from diagnostics.failures import SourceFailure, UserError
from diagnostics.jobs import Job
from diagnostics.text import clean

if TYPE_CHECKING:
    from diagnostics.service import Diagnostics

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
"""How often it looks whether something waits to be delivered: one read of memory where nothing is new."""

OBSERVE_EVERY_S = 30.0
FOLLOW_UPS_EVERY_S = 60.0

LONGEST_S = 60.0
"""One piece of work ends after so long; what is left is done in the next one."""

PATIENCE_S = 5.0
"""After a failure of the journal itself, before the next attempt."""


class Worker:
    """One thread. `wake` hurries it; `close` ends it, and the piece of work under way."""

    def __init__(self, service: Diagnostics) -> None:
        self._service = service
        self._woken = threading.Event()
        self._closed = threading.Event()
        self._job: Job | None = None
        self._thread = threading.Thread(target=self._run, name="escalation", daemon=True)
        self._observed_at = self._followed_at = float("-inf")
        self.problem = ""
        """Why the last piece of work could not be done; empty when it could."""

    def start(self) -> None:
        """Begin. Called once."""
        self._thread.start()

    def wake(self) -> None:
        """Something was confirmed: do not wait for the next look."""
        self._woken.set()

    def close(self, patience_s: float = 2.0) -> None:
        """End. What was confirmed and not delivered is in the journal, and the next console goes on with it."""
        self._closed.set()
        job = self._job
        if job is not None:
            job.cancel()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(patience_s)

    def _run(self) -> None:
        while not self._closed.is_set():
            pause = self._round()
            self._woken.wait(pause)
            self._woken.clear()

    def _round(self) -> float:
        """One look at everything; how long to wait before the next one, seconds."""
        service, now = self._service, time.monotonic()
        well = self._do("delivering", self._deliver)
        if now - self._observed_at >= OBSERVE_EVERY_S and not self._closed.is_set():
            self._observed_at = now
            well &= self._do("observing", self._observe)
        if now - self._followed_at >= FOLLOW_UPS_EVERY_S and not self._closed.is_set():
            self._followed_at = now
            well &= self._do("follow-ups", service.reviews.run_due)
        return LOOK_EVERY_S if well else PATIENCE_S

    def _deliver(self, job: Job) -> None:
        if self._service.notices.waiting():
            self._service.notices.deliver(job)

    def _observe(self, job: Job) -> None:
        incident = self._service.incidents.following().incident
        if incident is not None and incident.is_open:
            self._service.assessments.observe(incident.id, job)

    def _do(self, what: str, work: Callable[[Job], object]) -> bool:
        self._job = Job(limit_s=LONGEST_S)
        try:
            work(self._job)
        except (SourceFailure, UserError) as failure:
            said = failure.headline() if isinstance(failure, SourceFailure) else failure.problem
            self.problem = clean(f"{what}: {said}", limit=300)
            return False
        except Exception:  # the other pieces of work must go on; the log has it
            logger.exception("escalation: %s failed unexpectedly", what)
            self.problem = f"{what}: an error of the console's own; its log file has the details"
            return False
        finally:
            self._job = None
        self.problem = ""
        return True
