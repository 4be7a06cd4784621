"""How the console ends when something outside ends it: SIGTERM, SIGHUP and SIGINT leave a restored terminal.

A signal asks the application to exit as the quit key does, with the exit code a shell expects (128 plus the signal's
number). Should that not happen in time, because a thread hangs in a call or the event loop is stuck, an alarm restores
the terminal and ends the process.
"""

from __future__ import annotations

import os
import signal
from asyncio import AbstractEventLoop
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

DEADLINES: Final[dict[signal.Signals, float]] = {signal.SIGTERM: 4.0, signal.SIGINT: 4.0, signal.SIGHUP: 2.0}
"""Seconds between a signal and the forced end."""


def exit_code(number: int) -> int:
    """The exit code that a shell reports for a program that ended because of signal `number`."""
    return 128 + number


class ExitSignals:
    """Turns the three signals into one orderly exit.

    `leave(code)` runs in the event loop; `force(code)` in a signal handler once the deadline has passed. It is expected
    to restore the terminal: the process ends right after it.
    """

    def __init__(self, loop: AbstractEventLoop, leave: Callable[[int], Any], force: Callable[[], Any]) -> None:
        self._loop = loop
        self._leave = leave
        self._force = force
        self._code = 0

    def install(self) -> None:
        """Take the three signals; must run in the main thread."""
        for number in DEADLINES:
            # Not `loop.add_signal_handler`: a stuck loop would never run its handler, and the alarm would not be set.
            signal.signal(number, self._received)

    def hung_up(self) -> None:
        """The terminal is gone although no signal has said so; callable from any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._begin, signal.SIGHUP)

    def _received(self, number: int, _frame: FrameType | None) -> None:
        self._begin(signal.Signals(number))

    def _begin(self, number: signal.Signals) -> None:
        if self._code:
            return
        self._code = exit_code(number)
        signal.signal(signal.SIGALRM, self._deadline_passed)
        signal.setitimer(signal.ITIMER_REAL, DEADLINES[number])
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._leave, self._code)

    def _deadline_passed(self, _number: int, _frame: FrameType | None) -> None:
        try:
            self._force()
        finally:
            os._exit(self._code)
