"""Time limits for many statements on one thread. A thread for each would cost more than most statements take."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable
from itertools import count


class Deadlines:
    """Calls what was added when its time has come, unless it was cancelled. The calls must be short."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._order: list[tuple[float, int]] = []
        self._actions: dict[int, Callable[[], None]] = {}
        self._numbers = count()
        self._thread: threading.Thread | None = None
        self._closed = False

    def add(self, seconds: float, action: Callable[[], None]) -> int:
        """Call `action` in so many seconds; returns the number that cancels it."""
        with self._change:
            number = next(self._numbers)
            when = time.monotonic() + seconds
            is_first = not self._order or when < self._order[0][0]
            heapq.heappush(self._order, (when, number))
            self._actions[number] = action
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="database time limits", daemon=True)
                self._thread.start()
            elif is_first:
                self._change.notify()
            return number

    def cancel(self, number: int) -> None:
        """Forget an action; one that is over is forgotten already."""
        with self._change:
            self._actions.pop(number, None)

    def close(self) -> None:
        """End the thread; what was added is not called any more."""
        with self._change:
            self._closed = True
            self._actions.clear()
            self._change.notify()

    def _run(self) -> None:
        while (action := self._next()) is not None:
            action()

    def _next(self) -> Callable[[], None] | None:
        with self._change:
            while not self._closed:
                # What was cancelled leaves the queue when its time comes: removing it earlier would cost a search.
                while self._order and self._order[0][1] not in self._actions:
                    heapq.heappop(self._order)
                if not self._order:
                    self._change.wait()
                    continue
                when, number = self._order[0]
                remaining = when - time.monotonic()
                if remaining <= 0:
                    heapq.heappop(self._order)
                    return self._actions.pop(number)
                self._change.wait(remaining)
            return None
