"""Several questions at once: each fails alone, and all of them end in bounded time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from diagnostics.failures import FailureKind, SourceFailure, TurnAwaited, UserError
from diagnostics.health.patience import StillAsking
from diagnostics.jobs import Job

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

LOOK_EVERY_S = 0.2
"""How often whoever waits looks whether the job was cancelled."""


def ask_together(
    asks: Mapping[str, Callable[[], Answer]], limit_s: float, job: Job | None = None
) -> dict[str, Answer | SourceFailure]:
    """Ask all, each on a thread of its own; what fails, or is not there in time, is a SourceFailure in its place.

    A question that waits for its turn under a rate limit waits as long as that fits. One that is late goes on, and its
    answer is shared with whoever asks next; every source ends by its own time limits. Raises SourceFailure (cancelled)
    when somebody ends the job.
    """
    if job is not None:
        job.raise_if_cancelled("console")
    limit = limit_s if job is None else job.left_s(limit_s)
    ends = time.monotonic() + limit
    threads = {name: _Asking(name, ask, ends) for name, ask in asks.items()}
    for asking in threads.values():
        asking.start()
    for asking in threads.values():
        while not asking.done.wait(min(LOOK_EVERY_S, max(0.0, ends - time.monotonic()))):
            if job is not None:
                job.raise_if_cancelled("console")
            if time.monotonic() >= ends:
                break
    return {name: asking.answer for name, asking in threads.items()}


class _Asking(Generic[Answer]):
    def __init__(self, name: str, ask: Callable[[], Answer], ends: float) -> None:
        self.done = threading.Event()
        self._name, self._ask, self._ends = name, ask, ends
        self._answer: Answer | SourceFailure | None = None

    @property
    def answer(self) -> Answer | SourceFailure:
        """What came of it by now."""
        found = self._answer
        return StillAsking(self._name.replace("_", " "), None) if found is None else found

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, name=f"asking {self._name}", daemon=True).start()

    def _run(self) -> None:
        try:
            self._answer = self._patiently()
        except SourceFailure as failure:
            self._answer = failure
        except UserError as error:
            self._answer = SourceFailure(FailureKind.REJECTED, "console", error.problem, remedy=error.next_step)
        except Exception:  # one broken question must not take the others with it
            logger.exception("the question %s failed unexpectedly", self._name)
            reason = "the console met an error of its own; its log file has the details"
            self._answer = SourceFailure(FailureKind.MALFORMED, "console", reason)
        finally:
            self.done.set()

    def _patiently(self) -> Answer:
        while True:
            try:
                return self._ask()
            except TurnAwaited as waiting:
                pause = (waiting.retry_after or 1.0) + 0.05
                if time.monotonic() + pause >= self._ends:
                    raise
                time.sleep(pause)
