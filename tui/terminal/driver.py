"""The terminal driver: Textual's for Linux and macOS, with what a console on a bastion host needs besides.

A stalled link never stops the event loop (`writer`); SIGTERM, SIGHUP and SIGINT, and a terminal that is gone, end the
program with the terminal restored (`ExitSignals`); ctrl+z and `fg` bring the whole picture back, also after a stop from
outside; nothing unprintable is painted (`output_filter`). Use it as `App(driver_class=WarRoomDriver)`.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

import textual.screen
from textual import events
from textual.drivers.linux_driver import LinuxDriver

from tui.terminal.key_queue import KeyQueue
from tui.terminal.keys import KeyReader
from tui.terminal.output_filter import install_output_filter
from tui.terminal.widths import kept_in_place
from tui.terminal.writer import Writer, open_output

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Mapping
    from types import FrameType

    from textual.app import App
    from textual.message import Message

LEAVE = (
    b"\x1b[?2026l\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[?2048l\x1b[?1004l\x1b[?7h\x1b[<u\x1b[?1049l\x1b[?25h"
)
"""Everything this driver may have switched on, off: for the forced end, when nothing orderly works any more."""

PAINTS_PER_SECOND = 240

GIVE_WAY_S = 0.001
"""Seconds after which a thread that parses an answer gives the interpreter up to a key; Python's own five are felt."""

POINTER_SHAPE = "\x1b]22;"
"""Textual also sets the shape of a pointer that it gets no reports of."""


# ---- signals
#
# A signal asks the application to exit as the quit key does, with the exit code a shell expects (128 plus the signal's
# number). When that takes too long, because a thread hangs in a call or the event loop is stuck, an alarm restores the
# terminal and ends the process.

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


# ---- the driver


@runtime_checkable
class RemembersPaint(Protocol):
    """An application that sends only the cells that differ from what stands on the terminal."""

    def forget_painted(self) -> None:
        """Nobody knows what stands on the terminal: the next frame is sent whole."""


class WarRoomDriver(LinuxDriver):
    """Textual's driver for one terminal, hardened."""

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        self._writer: Writer | None = None
        self._owns_terminal = False
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        # Textual paints on standard error; `warroom 2>errors.txt` must not send the picture to the file.
        streams = [stream for stream in (sys.__stderr__, sys.__stdout__) if stream is not None]
        self._file = next((stream for stream in streams if stream.isatty()), streams[0])
        self._keys = KeyQueue(app)
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        install_output_filter(app)
        paint_promptly()
        sys.setswitchinterval(GIVE_WAY_S)
        self._exit_signals = ExitSignals(self._loop, self._leave, self._force_restore)
        self._exit_signals.install()
        # In the event loop instead of between any two instructions, where Textual would tear down the terminal.
        self._loop.add_signal_handler(signal.SIGTSTP, self._stopped)
        self._loop.add_signal_handler(signal.SIGCONT, self._continued)

    # Textual makes its writer in the middle of `start_application_mode`. Standing in its place keeps the rest of that
    # method, with all its care for background jobs, Textual's own.
    @property  # type: ignore[override]  # the writer has Textual's interface
    def _writer_thread(self) -> Writer | None:
        return self._writer

    @_writer_thread.setter
    def _writer_thread(self, textual_writer: object) -> None:
        if textual_writer is not None and self._file is not None:
            self._writer = Writer(
                self._file.fileno(),
                encoding=self._file.encoding or "utf-8",
                on_drained=lambda: self._in_loop(self._repaint),
                on_hangup=self._exit_signals.hung_up,
            )

    def write(self, data: str) -> None:
        """Queue `data` for the terminal; without effect while the console does not own it. Never blocks."""
        if self._writer is None or (data.startswith(POINTER_SHAPE) and not self._mouse):
            return
        self._writer.write(kept_in_place(data))

    def close(self) -> None:
        """Let the terminal take what restores it, for a second at most, and end the writer."""
        if self._writer is not None:
            self._writer.stop()
            self._writer = None

    def _in_loop(self, callback: Callable[[], None]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback)

    def _repaint(self) -> None:
        self._forget_painted()
        self._app.refresh(layout=True)

    def _forget_painted(self) -> None:
        """The terminal does not show any more what was last sent to it."""
        if isinstance(self._app, RemembersPaint):
            self._app.forget_painted()

    def _get_terminal_size(self) -> tuple[int, int]:
        """Columns and rows of the terminal itself: exported COLUMNS and LINES are those of another one, long ago."""
        columns, rows = 0, 0
        if self._file is not None:
            with contextlib.suppress(OSError):
                columns, rows = os.get_terminal_size(self._file.fileno())
        return columns or 80, rows or 24

    # The way out.

    def _leave(self, code: int) -> None:
        screens = self._app.screen_stack
        if self._app._is_mounted and screens and all(screen.is_mounted for screen in screens):
            self._app.exit(code, return_code=code)
        else:
            # An application told to exit while it is being built mounts half of its widgets and stumbles over the rest.
            self._loop.call_later(0.02, self._leave, code)

    def _force_restore(self) -> None:
        if not self._owns_terminal or self._file is None:
            return
        if self.attrs_before is not None:
            termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)
        descriptor, blocking = open_output(self._file.fileno())
        if not blocking:
            os.write(descriptor, LEAVE)

    def start_application_mode(self) -> None:
        """Take the terminal; a background job stops here until it is brought to the foreground."""
        self._forget_painted()
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self._owns_terminal = self._key_thread is not None

    def stop_application_mode(self) -> None:
        """Restore the terminal; without effect when the console does not own it."""
        if self._owns_terminal:
            super().stop_application_mode()
            self._owns_terminal = False

    # Job control.

    def _stopped(self) -> None:
        if self._auto_restart:
            self.suspend_application_mode()
            self._must_signal_resume = True
        # The whole job: under `make run` or `timeout` a stop of this process alone gives nobody the terminal back.
        os.killpg(os.getpgrp(), signal.SIGSTOP)

    def _continued(self) -> None:
        if not self._auto_restart:
            return
        if self._owns_terminal:
            # Stopped by SIGSTOP, which nobody is told of: the shell has used the terminal meanwhile.
            self.suspend_application_mode()
            self._must_signal_resume = True
        self.resume_application_mode()
        self._loop.call_soon(self._repaint)

    # Input.

    def send_message(self, message: Message) -> None:
        """Hand `message` to the application, from any thread; keys and pastes in the order they were typed."""
        if isinstance(message, events.Key | events.Paste):
            self._in_loop(partial(self._keys.put, message))
        else:
            super().send_message(message)

    def disable_input(self) -> None:
        """Stop reading keys; returns as soon as the reading thread has ended."""
        if self._key_thread is None:
            return
        signal.signal(signal.SIGWINCH, signal.SIG_DFL)
        self._disable_mouse_support()
        self.exit_event.set()
        os.write(self._wake_write, b"x")
        self._key_thread.join(1.0)
        self._key_thread = None
        self.exit_event.clear()
        # Seen or not, the byte must not end the next reading thread.
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_read, 64)
        try:
            termios.tcflush(self.fileno, termios.TCIFLUSH)
        except termios.error:
            # The terminal is gone, and what was typed with it.
            return

    def _run_input_thread(self) -> None:
        try:
            self.run_input_thread()
        except Exception as error:  # noqa: BLE001  # any error here ends the console as an error of a handler does
            self._loop.call_soon_threadsafe(self._app._handle_exception, error)

    def run_input_thread(self) -> None:
        """Read keys until told to stop or until the terminal is gone, which ends the program as SIGHUP does.

        Textual's loop spins at full speed on a terminal that is gone, ends with a traceback on a byte that is not
        UTF-8, and takes up to 0.1 s to stop. What the bytes mean is `KeyReader`'s.
        """
        reader = KeyReader(_input_encoding(), mouse=self._mouse)
        while not self.exit_event.is_set():
            ready, _, _ = select.select([self.fileno, self._wake_read], [], [], reader.wait_s(time.monotonic()))
            if self._wake_read in ready:
                return
            if not ready:
                found = reader.tick(time.monotonic())
            else:
                try:
                    data = os.read(self.fileno, 4096)
                except OSError:
                    data = b""
                if not data:
                    self._exit_signals.hung_up()
                    return
                found = reader.feed(data, time.monotonic())
            for message in found:
                self.process_message(message)


def _input_encoding() -> str:
    return sys.__stdin__.encoding if sys.__stdin__ is not None else "utf-8"


def paint_promptly() -> None:
    """Shorten Textual's pause between two paints, which a person's own setting (TEXTUAL_FPS) overrides.

    At sixty paints a second a key that follows another paint can wait for two whole periods, 33 ms; what is painted and
    how many bytes it takes stays the same, as nothing is painted without a change.
    """
    if "TEXTUAL_FPS" not in os.environ:
        # A constant by annotation, but read when a screen starts its timer, which is after the driver is made.
        vars(textual.screen)["UPDATE_PERIOD"] = 1 / PAINTS_PER_SECOND


MOVES_NO_CURSOR: Final = frozenset(
    {"", "dumb", "unknown", "network", "dialup", "ethernet", "plugboard", "switch", "printer", "emacs"}
)
"""Names in TERM of what is no screen: text is written one line below the other."""


def missing_terminal(environ: Mapping[str, str] | None = None) -> str:
    """Why the console cannot be shown here, as one sentence; empty when it can."""
    if sys.__stdin__ is None or not sys.__stdin__.isatty():
        return "standard input is not a terminal, so no key could be read"
    if not any(stream is not None and stream.isatty() for stream in (sys.__stderr__, sys.__stdout__)):
        return "neither standard error nor standard output is a terminal, so nothing could be shown"
    return unfit_terminal(os.environ if environ is None else environ)


def unfit_terminal(environ: Mapping[str, str]) -> str:
    """Why no picture can be drawn on the terminal that TERM names; empty when one can, or nobody knows."""
    name = environ.get("TERM", "")
    if name not in MOVES_NO_CURSOR:
        return ""
    said = f"TERM is {name!r}" if name else "TERM is not set"
    return f"{said}: on such a terminal no cursor can be moved, so no picture could be drawn"
