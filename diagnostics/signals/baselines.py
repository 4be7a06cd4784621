"""What is usual for each question to the logs, found out in the background and kept for minutes.

A pulse must not wait for its baseline: the baseline spans a day of logs, and requests for it queue behind everything
else that the budget allows. So a pulse takes what is known, and is told whether more is on its way.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from diagnostics.core.failures import SourceFailure
from diagnostics.core.waiting import Deadline, Job, failing_typed, when_turn_comes

if TYPE_CHECKING:
    from diagnostics.signals.counts import Usual

RETRY_S = 20.0
"""How long a failed baseline is left alone."""

LONGEST_TURN_S = 60.0
"""How long a baseline waits for its turn where the rate limit is spent; it is pending meanwhile, not failed."""

Key = tuple[str, int]
"""Query and window in seconds."""


@dataclass(slots=True)
class MeasuredBaseline:
    """What is known of one baseline."""

    usual: Usual | None = None
    failure: SourceFailure | None = None
    """Why the newest attempt failed; an older `usual` stays."""
    under_way: bool = False
    good_until: float = 0.0

    @property
    def is_pending(self) -> bool:
        """True while there is nothing yet, and it is being asked for."""
        return self.under_way and self.usual is None and self.failure is None


class Baselines:
    """Asks `ask` for each baseline that is wanted, once at a time, on a daemon thread. Thread-safe."""

    def __init__(
        self,
        ask: Callable[[str, int], Usual | None],
        *,
        keep_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._keep_s = keep_s
        self._clock = clock
        self._changed = threading.Condition()
        self._known: dict[Key, MeasuredBaseline] = {}
        self._closing = Job()

    def known(self, query: str, window_s: int) -> MeasuredBaseline:
        """What is known now; asks in the background when nothing is, or when it is old. Returns at once."""
        with self._changed:
            known = self._known.setdefault((query, window_s), MeasuredBaseline())
            if not known.under_way and known.good_until <= self._clock():
                known.under_way = True
                threading.Thread(
                    target=self._find_out, args=(query, window_s, known), name="baseline", daemon=True
                ).start()
            return MeasuredBaseline(known.usual, known.failure, known.under_way, known.good_until)

    def settled(self, query: str, window_s: int, wait_s: float) -> MeasuredBaseline:
        """As `known`, for somebody who asks once and has time: waits up to `wait_s` seconds while it is pending."""
        known = self.known(query, window_s)
        give_up_at = self._clock() + wait_s
        with self._changed:
            while known.is_pending and not self._closing.is_cancelled and (left := give_up_at - self._clock()) > 0:
                self._changed.wait(left)
                now = self._known[query, window_s]
                known = MeasuredBaseline(now.usual, now.failure, now.under_way, now.good_until)
        return known

    def _find_out(self, query: str, window_s: int, known: MeasuredBaseline) -> None:
        usual: Usual | None = None
        failure: SourceFailure | None = None
        turn = Deadline(self._closing, LONGEST_TURN_S, clock=self._clock)
        ask = partial(when_turn_comes, partial(self._ask, query, window_s), turn, refused=True)
        try:
            usual = failing_typed(ask, f"the baseline of {query}")
        except SourceFailure as caught:
            failure = caught
        with self._changed:
            known.under_way = False
            known.failure = failure
            known.usual = usual if failure is None else known.usual
            known.good_until = self._clock() + (self._keep_s if failure is None else _wait(failure))
            self._changed.notify_all()

    def close(self) -> None:
        """Stop waiting for turns, and for baselines."""
        self._closing.cancel()
        with self._changed:
            self._changed.notify_all()


def _wait(failure: SourceFailure) -> float:
    return max(RETRY_S, failure.retry_after or 0.0)
