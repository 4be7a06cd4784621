"""Many time limits on one thread: each fires once, in order, unless it was cancelled."""

from __future__ import annotations

import threading

from diagnostics.core.waiting import Timers


def test_a_later_limit_that_is_nearer_fires_first() -> None:
    timers, fired, over = Timers("test"), list[str](), threading.Event()

    def last() -> None:
        fired.append("far")
        over.set()

    timers.add(0.2, last)
    timers.add(0.05, lambda: fired.append("near"))
    assert over.wait(10)
    assert fired == ["near", "far"]
    timers.close()


def test_a_cancelled_limit_never_fires_and_the_others_do() -> None:
    timers, fired, over = Timers("test"), list[str](), threading.Event()
    number = timers.add(0.02, lambda: fired.append("cancelled"))
    timers.cancel(number)
    timers.add(0.05, over.set)
    assert over.wait(10)
    assert fired == []
    timers.cancel(number)
    timers.close()


def test_after_a_quiet_time_a_new_limit_is_kept() -> None:
    timers = Timers("test")
    for _ in range(3):
        over = threading.Event()
        timers.add(0.01, over.set)
        assert over.wait(10)
    timers.close()


def test_nothing_fires_after_closing() -> None:
    timers, fired = Timers("test"), list[str]()
    timers.add(0.01, lambda: fired.append("late"))
    timers.close()
    threading.Event().wait(0.05)
    timers.add(0.0, lambda: fired.append("later"))
    assert fired == []
