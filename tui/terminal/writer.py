"""The way of bytes to the terminal: a thread that never makes the event loop wait.

Textual's own writer holds thirty frames and then blocks whoever writes the next one, which is the event loop: over a
stalled SSH link the console would freeze with it. Here frames that the link does not take are dropped once they weigh
more than painting the whole screen again would, and the application is asked for that one repaint when the link takes
bytes again. Whatever is not a frame (mode switches, questions to the terminal, the clipboard) is never dropped and
keeps its order.
"""

from __future__ import annotations

import os
import re
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final

SYNC_START: Final = "\x1b[?2026h"
SYNC_END: Final = "\x1b[?2026l"

BACKLOG_BYTES: Final = 128_000
"""Frame bytes that may wait behind the oldest frame when the terminal takes nothing: a whole screen at 200×60."""
LOOK_EVERY_S: Final = 0.05
"""How often, while the terminal takes nothing, the thread looks at what else has come in, in seconds."""
WRITE_SIZE: Final = 16_384
UNTORN: Final = 100
"""Characters up to which a frame is one run of cells, such as the clock's, and needs no protection against tearing."""
CAUTIOUS_WRITE_SIZE: Final = 256
"""Bytes a terminal that says it is ready takes without blocking, where it could not be opened without blocking."""

_FRAME_END = re.compile(r"\x1b\[\d+;\d+H\Z")
_FRAME_END_LENGTH = 16


def is_frame(data: str) -> bool:
    """True for what Textual's compositor paints, which always ends by moving the cursor; all else counts as control."""
    return _FRAME_END.search(data[-_FRAME_END_LENGTH:]) is not None


class Writer(threading.Thread):
    """Write strings to the terminal `descriptor` in the order they came, never blocking the caller.

    `on_drained` is called from this thread when frames were lost and everything else has been written; `on_hangup`
    once, when the terminal is gone. Both must return at once.
    """

    def __init__(
        self,
        descriptor: int,
        *,
        on_drained: Callable[[], None],
        on_hangup: Callable[[], None],
        encoding: str = "utf-8",
        backlog_bytes: int = BACKLOG_BYTES,
    ) -> None:
        super().__init__(daemon=True, name="terminal-output")
        self.dropped_frames = 0
        """Frames lost so far because the terminal did not take them."""
        self._descriptor, blocking = open_output(descriptor)
        self._write_size = CAUTIOUS_WRITE_SIZE if blocking else WRITE_SIZE
        self._encoding = encoding
        self._on_drained = on_drained
        self._on_hangup = on_hangup
        self._backlog_bytes = backlog_bytes
        # Pieces, and whether each is a frame; None wakes the thread. Putting takes no lock, so that a signal handler
        # may interrupt one write with another, and does not give up the interpreter, which a thread that decodes a page
        # would be glad to take for five milliseconds.
        self._inbox: SimpleQueue[tuple[str, bool] | None] = SimpleQueue()
        self._closing: float | None = None
        self._in_sync = False
        self._backlog: deque[tuple[bytes, bool]] = deque()
        """Pieces that wait, oldest first; True marks a frame."""
        self._current = b""
        """The rest of what is being written; once begun, a frame is finished."""
        self._repaint_owed = False
        self._gone = False

    def write(self, data: str) -> None:
        """Queue `data`; returns at once. A synchronised update is one piece: it comes whole or not at all."""
        if data in (SYNC_START, SYNC_END):
            self._in_sync = data == SYNC_START
            return
        frame = is_frame(data)
        framed = frame and self._in_sync and len(data) > UNTORN
        self._inbox.put((f"{SYNC_START}{data}{SYNC_END}" if framed else data, frame))

    def stop(self, deadline_s: float = 1.0) -> bool:
        """Write what matters (frames that wait no longer do), for at most `deadline_s` seconds, and end the thread.

        Returns False when the terminal did not take everything. `write` is without effect afterwards.
        """
        if self.is_alive():
            self._closing = time.monotonic() + deadline_s
            self._inbox.put(None)
            self.join(deadline_s + 0.5)
        if not self.is_alive() and self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        return not (self.is_alive() or self._pending())

    def run(self) -> None:
        """The thread: sort what came in, write what the terminal takes."""
        while not self._finished():
            self._sort(wait=not (self._pending() or self._repaint_owed))
            if not (self._pending() or self._repaint_owed):
                continue
            _, ready, _ = select.select([], [self._descriptor], [], LOOK_EVERY_S)
            if ready:
                self._write_some()
            elif self._is_overloaded():
                self._drop_frames()

    def _finished(self) -> bool:
        if self._closing is None or not self._inbox.empty():
            return False
        return not self._pending() or time.monotonic() >= self._closing

    def _pending(self) -> bool:
        return bool(self._current or self._backlog)

    def _is_overloaded(self) -> bool:
        frames = [len(data) for data, frame in self._backlog if frame]
        return sum(frames[1:]) > self._backlog_bytes

    def _sort(self, *, wait: bool) -> None:
        """Move what came in to the backlog, except frames that nobody will see; with `wait`, at least one piece."""
        while wait or not self._inbox.empty():
            wait = False
            piece = self._inbox.get()
            if piece is None:
                continue
            text, frame = piece
            if self._gone or (frame and self._repaint_owed):
                self.dropped_frames += frame
                continue
            # A lone surrogate must not end the thread.
            self._backlog.append((text.encode(self._encoding, "replace"), frame))
        if self._closing is not None:
            self._drop_frames()

    def _drop_frames(self) -> None:
        kept = deque(item for item in self._backlog if not item[1])
        self.dropped_frames += len(self._backlog) - len(kept)
        self._backlog = kept
        self._repaint_owed = self._closing is None

    def _write_some(self) -> None:
        if not self._current and self._backlog:
            self._current, _ = self._backlog.popleft()
        if self._current:
            try:
                written = os.write(self._descriptor, self._current[: self._write_size])
            except BlockingIOError:
                return
            except OSError:
                self._hang_up()
                return
            self._current = self._current[written:]
        if self._repaint_owed and not self._pending():
            self._repaint_owed = False
            self._on_drained()

    def _hang_up(self) -> None:
        self._gone = True
        self._current = b""
        self._backlog.clear()
        self._repaint_owed = False
        self._on_hangup()


def open_output(descriptor: int) -> tuple[int, bool]:
    """Open the terminal behind `descriptor` a second time, not blocking; return the new descriptor and False.

    The flag belongs to the open file, which a shell shares with everything it starts, so it must not be set on the
    descriptor the program was given. Where the terminal cannot be opened by its name (it is another user's, after
    `su`), a copy of the descriptor and True are returned: writes to it can block.
    """
    try:
        return os.open(os.ttyname(descriptor), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC), False
    except OSError:
        return os.dup(descriptor), True
