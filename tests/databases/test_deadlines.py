"""Many time limits on one thread: each fires once, in order, unless it was cancelled."""

from __future__ import annotations

import threading

from diagnostics.sources.deadlines import Deadlines


def test_a_later_limit_that_is_nearer_fires_first() -> None:
    deadlines, fired, over = Deadlines(), list[str](), threading.Event()

    def last() -> None:
        fired.append("far")
        over.set()

    deadlines.add(0.2, last)
    deadlines.add(0.05, lambda: fired.append("near"))
    assert over.wait(10)
    assert fired == ["near", "far"]
    deadlines.close()


def test_a_cancelled_limit_never_fires_and_the_others_do() -> None:
    deadlines, fired, over = Deadlines(), list[str](), threading.Event()
    number = deadlines.add(0.02, lambda: fired.append("cancelled"))
    deadlines.cancel(number)
    deadlines.add(0.05, over.set)
    assert over.wait(10)
    assert fired == []
    deadlines.cancel(number)
    deadlines.close()


def test_after_a_quiet_time_a_new_limit_is_kept() -> None:
    deadlines = Deadlines()
    for _ in range(3):
        over = threading.Event()
        deadlines.add(0.01, over.set)
        assert over.wait(10)
    deadlines.close()


def test_nothing_fires_after_closing() -> None:
    deadlines, fired = Deadlines(), list[str]()
    deadlines.add(0.01, lambda: fired.append("late"))
    deadlines.close()
    threading.Event().wait(0.05)
    deadlines.add(0.0, lambda: fired.append("later"))
    assert fired == []
