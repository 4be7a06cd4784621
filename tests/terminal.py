"""The real program in a real pseudo-terminal, as a test or a benchmark sees it.

`Terminal` starts a command in a session of its own with the pty as its controlling terminal, stamps every read with
the monotonic clock, answers the questions a terminal answers, and knows at each moment which modes the program has
switched on. What the program painted is on `screen()`; every byte it wrote is in `raw`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeAlias

from tests.emulator import Emulator

READ_SIZE: Final = 65_536

KEYS: Final[dict[str, str]] = {
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "shift+tab": "\x1b[Z",
    "space": " ",
    "backspace": "\x7f",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    **{f"ctrl+{letter}": chr(ord(letter) - 96) for letter in "abcdefghijklmnopqrstuvwxyz"},
}

MOUSE_MODES: Final = frozenset({9, 1000, 1001, 1002, 1003, 1005, 1006, 1015, 1016})
_MODE = re.compile(rb"\x1b\[\?([0-9;]+)([hl])|\x1b\[([<>])[0-9]*u")
_QUERY = re.compile(rb"\x1b\[(?:(\?[0-9]+\$p)|(>?0?c)|(>0?q)|([56])n|(\?u))")
_TAIL = 32
"""Bytes of one read kept for the next, so that a sequence cut by the kernel is still recognised."""


class WaitFailed(AssertionError):  # noqa: N818  # reads as what happened
    """A condition was not met in time; carries the screen as it was."""


@dataclass(slots=True)
class Modes:
    """The modes a program has switched on, and not off again."""

    private: set[int] = field(default_factory=lambda: {7, 25})
    """DEC private modes that are set; a fresh terminal wraps lines (7) and shows its cursor (25)."""
    keyboard: int = 0
    """Depth of the kitty keyboard stack."""

    @property
    def alternate(self) -> bool:
        """True while the alternate screen shows."""
        return bool(self.private & {47, 1047, 1049})

    @property
    def mouse(self) -> bool:
        """True while any kind of mouse reporting is on."""
        return bool(self.private & MOUSE_MODES)

    @property
    def cursor_visible(self) -> bool:
        """True while the cursor shows."""
        return 25 in self.private

    @property
    def bracketed_paste(self) -> bool:
        """True while pastes are bracketed."""
        return 2004 in self.private

    def left_on(self) -> list[str]:
        """State that a program which has ended should have put back; empty when the terminal is as it was found."""
        names = {1004: "focus reports", 2004: "bracketed paste", 2026: "synchronised update", 2048: "size reports"}
        left = [name for mode, name in names.items() if mode in self.private]
        left += ["alternate screen"] if self.alternate else []
        left += ["mouse reports"] if self.mouse else []
        left += [] if self.cursor_visible else ["hidden cursor"]
        left += [] if 7 in self.private else ["no line wrap"]
        return left + (["kitty keyboard"] if self.keyboard else [])

    def note(self, data: bytes) -> int:
        """Follow the mode switches in `data`; return where the last of them ends."""
        end = 0
        for match in _MODE.finditer(data):
            end = match.end()
            if match[3]:
                self.keyboard = max(0, self.keyboard + (1 if match[3] == b">" else -1))
                continue
            change = self.private.add if match[2] == b"h" else self.private.discard
            for mode in match[1].split(b";"):
                change(int(mode or 0))
        return end


@dataclass(slots=True, frozen=True)
class Chunk:
    """One read from the terminal: when it arrived (monotonic seconds) and what it held."""

    at: float
    data: bytes


Condition: TypeAlias = "str | Callable[[Terminal], object]"


class Terminal:
    """A program running in a pty of `columns` by `rows`; a context manager that ends what it started.

    `env` is laid over a plain environment: a value of None removes the variable. With `synchronised` the terminal says
    that it knows synchronised updates, as current terminals do.
    """

    def __init__(
        self,
        argv: Sequence[str],
        env: Mapping[str, str | None] | None = None,
        columns: int = 120,
        rows: int = 40,
        *,
        cwd: Path | None = None,
        synchronised: bool = True,
    ) -> None:
        self.argv = list(argv)
        self.env = plain_environment(env or {})
        self.cwd = cwd
        self.columns, self.rows = columns, rows
        self.chunks: list[Chunk] = []
        self.modes = Modes()
        self.started_at = 0.0
        self.returncode: int | None = None
        self._synchronised = synchronised
        self._emulator = Emulator(columns, rows)
        self._shown = 0
        self._changed = threading.Condition()
        self._taking = threading.Event()
        self._taking.set()
        self._ended = False
        self._tail = b""

    def __enter__(self) -> Self:
        self._master, self._slave = pty.openpty()
        self._wake_read, self._wake_write = os.pipe()
        self._set_size()
        self.attributes_before = termios.tcgetattr(self._slave)
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            self.argv,
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            env=self.env,
            cwd=self.cwd,
            start_new_session=True,
            preexec_fn=_own_the_terminal,  # noqa: PLW1509  # the only way to make a pty the controlling terminal
        )
        self._reader = threading.Thread(target=self._read, name="terminal-reader", daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGCONT)
                self.process.kill()
            self.process.wait(10)
        self.hang_up()
        with contextlib.suppress(OSError):
            os.close(self._slave)
        for descriptor in (self._wake_read, self._wake_write):
            os.close(descriptor)

    @property
    def pid(self) -> int:
        """The process id of the program, which is also its session and process group."""
        return self.process.pid

    @property
    def raw(self) -> bytes:
        """Every byte the program has written and the terminal has taken."""
        with self._changed:
            return b"".join(chunk.data for chunk in self.chunks)

    @property
    def received(self) -> int:
        """How many bytes that is."""
        with self._changed:
            return sum(len(chunk.data) for chunk in self.chunks)

    def since(self, moment: float) -> list[Chunk]:
        """The reads after `moment` (monotonic seconds)."""
        with self._changed:
            return [chunk for chunk in self.chunks if chunk.at >= moment]

    def send(self, keys: str | bytes) -> float:
        """Type `keys` as they are; return the moment just before (monotonic seconds)."""
        data = keys.encode() if isinstance(keys, str) else keys
        at = time.monotonic()
        os.write(self._master, data)
        return at

    def press(self, *names: str) -> float:
        """Press named keys ("enter", "ctrl+z") or single characters, one write each."""
        moments = [self.send(KEYS.get(name, name)) for name in names]
        return moments[0]

    def screen(self) -> list[str]:
        """The rows that show now, without trailing blanks."""
        self._catch_up()
        return self._emulator.lines()

    @property
    def text(self) -> str:
        """The rows that show now, as one string."""
        return "\n".join(self.screen())

    @property
    def emulator(self) -> Emulator:
        """The emulator with everything received so far, for colours and attributes."""
        self._catch_up()
        return self._emulator

    def wait_for(self, condition: Condition, timeout: float = 15.0) -> None:
        """Return once the text shows or the predicate holds; raise `WaitFailed` with the screen otherwise."""
        deadline = time.monotonic() + timeout
        while True:
            seen = len(self.chunks)
            if condition in self.text if isinstance(condition, str) else condition(self):
                return
            left = deadline - time.monotonic()
            if left <= 0:
                raise WaitFailed(f"not within {timeout} s: {condition!r}\n{self.describe()}")
            with self._changed:
                # A predicate may look at something else than the screen, so it is asked again now and then.
                if len(self.chunks) == seen:
                    self._changed.wait(min(left, 0.05))

    def quiet_since(self, seconds: float) -> bool:
        """True when nothing arrived during the last `seconds`."""
        with self._changed:
            last = self.chunks[-1].at if self.chunks else self.started_at
        return time.monotonic() - last >= seconds

    def wait_quiet(self, seconds: float = 0.5, timeout: float = 15.0) -> None:
        """Return once nothing arrived for `seconds`, counted from now: what was just typed may still be answered."""
        begin = time.monotonic()
        self.wait_for(
            lambda terminal: time.monotonic() - begin >= seconds and terminal.quiet_since(seconds), timeout + seconds
        )

    def resize(self, columns: int, rows: int) -> None:
        """Change the size; the kernel tells the program with SIGWINCH."""
        self._catch_up()
        self.columns, self.rows = columns, rows
        self._emulator.resize(columns, rows)
        self._set_size()

    def signal(self, number: int) -> None:
        """Send a signal to the program (to it alone, not to its children)."""
        os.kill(self.pid, number)

    def stall(self) -> None:
        """Stop taking bytes, as a dead link does; the program can soon write no more."""
        self._taking.clear()
        self._wake()

    def unstall(self) -> None:
        """Take bytes again."""
        self._taking.set()
        self._wake()

    def hang_up(self) -> None:
        """Close the terminal's side, as a lost connection does; the kernel sends SIGHUP."""
        if self._ended:
            return
        self._ended = True
        self._taking.set()
        self._wake()
        self._reader.join(5)
        with contextlib.suppress(OSError):
            os.close(self._master)

    def wait_exit(self, timeout: float = 15.0) -> int:
        """Wait for the program's end and take its last bytes; return its exit code (negative: killed by a signal)."""
        try:
            self.returncode = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise WaitFailed(f"still running after {timeout} s\n{self.describe()}") from None
        if not self._ended and self._taking.is_set():
            self.wait_for(lambda terminal: not select.select([terminal._master], [], [], 0.02)[0], 5)
        return self.returncode

    def not_restored(self) -> list[str]:
        """Differences from the terminal the program found: modes left on, line settings changed. Empty is good."""
        left = self.modes.left_on()
        if termios.tcgetattr(self._slave) != self.attributes_before:
            left.append("line settings")
        return left

    def describe(self) -> str:
        """The screen and the state of the program, for a failure message."""
        state = self.process.poll()
        head = f"$ {' '.join(self.argv)}  exit code {state}  {self.columns}x{self.rows}  {self.received} bytes"
        return "\n".join([head, *(f"│{line}" for line in self.screen())])

    def _set_size(self) -> None:
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", self.rows, self.columns, 0, 0))

    def _catch_up(self) -> None:
        with self._changed:
            new, self._shown = self.chunks[self._shown :], len(self.chunks)
        for chunk in new:
            self._emulator.feed(chunk.data)

    def _wake(self) -> None:
        os.write(self._wake_write, b"x")

    def _read(self) -> None:
        while not self._ended:
            sources = [self._wake_read, self._master] if self._taking.is_set() else [self._wake_read]
            ready, _, _ = select.select(sources, [], [])
            if self._wake_read in ready:
                os.read(self._wake_read, 64)
                continue
            try:
                data = os.read(self._master, READ_SIZE)
            except OSError:
                return
            self._take(Chunk(time.monotonic(), data))

    def _take(self, chunk: Chunk) -> None:
        window = self._tail + chunk.data
        end = self.modes.note(window)
        for match in _QUERY.finditer(window):
            end = max(end, match.end())
            with contextlib.suppress(OSError):
                os.write(self._master, self._answer(match))
        self._tail = window[max(end, len(window) - _TAIL) :]
        with self._changed:
            self.chunks.append(chunk)
            self._changed.notify_all()

    def _answer(self, match: re.Match[bytes]) -> bytes:
        mode, attributes, version, status, keyboard = match.groups()
        if mode:
            known = mode == b"?2026$p" and self._synchronised
            return b"\x1b[%b;%d$y" % (mode[:-2], 2 if known else 0)
        if attributes:
            return b"\x1b[>0;0;0c" if attributes.startswith(b">") else b"\x1b[?62;22c"
        if version:
            return b"\x1bP>|test terminal\x1b\\"
        if keyboard:
            return b"\x1b[?0u"
        return b"\x1b[0n" if status == b"5" else b"\x1b[1;1R"


def plain_environment(changes: Mapping[str, str | None]) -> dict[str, str]:
    """This environment as of a plain true-colour terminal, without what changes the picture; then `changes`."""
    misleading = ("TEXTUAL", "PYTEST", "SSH_", "COLUMNS", "LINES", "NO_COLOR", "TMUX", "STY", "TERM", "WARROOM_", "DD_")
    base: dict[str, str | None] = {k: v for k, v in os.environ.items() if not k.startswith(misleading)}
    base |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": None}
    # A program under test or measure never works in its user's own worlds.
    base["WARROOM_SANDBOX_KEEP"] = "no"
    return {name: value for name, value in (base | dict(changes)).items() if value is not None}


def _own_the_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
