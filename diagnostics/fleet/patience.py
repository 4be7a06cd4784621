"""How long a question over the fleet may take, and waiting no longer than that for anything."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from diagnostics.failures import FailureKind, SourceFailure
from diagnostics.jobs import Job

if TYPE_CHECKING:
    from diagnostics.sources.statement_runner import Runner

Found = TypeVar("Found")

LOOK_S = 0.1
"""How soon a cancelled job is noticed."""

_MARGIN_S = 1.0
"""Of the time that is allowed, what is left for ending statements and putting the answer together: at most this, and
at most a tenth."""


class Patience:
    """The end of one question: its job's, where the job has one, else `limit_s` seconds from now."""

    def __init__(self, job: Job | None, limit_s: float) -> None:
        self.job = job or Job()
        left = self.job.left_s(math.inf)
        self.limit_s = limit_s if math.isinf(left) else left
        self.margin_s = min(_MARGIN_S, self.limit_s / 10)
        self._ends = time.monotonic() + self.limit_s - self.margin_s

    def left_s(self) -> float:
        """Seconds left for asking."""
        return max(0.0, self._ends - time.monotonic())

    @property
    def is_over(self) -> bool:
        """True when it was cancelled or its time is up."""
        return self.job.is_cancelled or self.left_s() <= 0

    def words(self) -> str:
        """Why nothing further is asked."""
        return "cancelled before it answered" if self.job.is_cancelled else f"no answer within {self.limit_s:g} s"

    def failure(self, source: str) -> SourceFailure:
        """The same as a failure of one source."""
        if self.job.is_cancelled:
            return SourceFailure(FailureKind.CANCELLED, source, "ended because you asked for it", remedy="ask again")
        return SourceFailure(
            FailureKind.TIMED_OUT,
            source,
            f"no answer within {self.limit_s:g} s",
            remedy="ask again, or raise fleet.deadline_s",
        )

    def check(self, source: str) -> None:
        """Raise the failure when it is over."""
        if self.is_over:
            raise self.failure(source)

    def wait_for(self, call: Callable[[], Found], source: str, runner: Runner, most_s: float = math.inf) -> Found:
        """What `call` returns or raises, in a thread of its own; at the end its statements are ended through `runner`.

        Raises `SourceFailure` (cancelled, timed out) at the end, or when `most_s` seconds are over before it.
        """
        found: list[Found] = []
        raised: list[BaseException] = []
        over = threading.Event()

        def run() -> None:
            try:
                found.append(call())
            except BaseException as error:  # noqa: BLE001  # raised again on the asker's thread
                raised.append(error)
            finally:
                over.set()

        threading.Thread(target=run, daemon=True, name=f"fleet {source}").start()
        latest = time.monotonic() + most_s
        while not over.wait(LOOK_S):
            if self.is_over or time.monotonic() >= latest:
                runner.cancel_all()
                over.wait(self.margin_s / 2)
                raise self.failure(source) if self.is_over else _too_slow(source, most_s)
        if raised:
            raise self.failure(source) if self.is_over and isinstance(raised[0], SourceFailure) else raised[0]
        return found[0]


def _too_slow(source: str, seconds: float) -> SourceFailure:
    return SourceFailure(FailureKind.TIMED_OUT, source, f"no answer within {seconds:.3g} s")
