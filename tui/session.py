"""The memory of where a person has been: places for completion, and the session to come back to."""

from __future__ import annotations

import getpass
import logging
import os
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from diagnostics.core.time import utc_now
from screens.base import ConsoleScreen, ScreenHost

if TYPE_CHECKING:
    from diagnostics.store.recents import ConsoleSession, Recents
    from tui.navigation import Navigator
    from widgets.row import Tone

logger = logging.getLogger(__name__)

KEEP_AGAIN = 180
"""Looks after which a session that has not changed is kept again, so that it does not look abandoned: 15 minutes."""

LAST_WRITING_S = 1.0

NOTED = ("account", "deal")
"""Lines of these first words are remembered for completion."""


class SessionMemory:
    """Keeps what is on screen in the console's state, and finds what a console that broke off has kept there.

    `environment` is what the header calls the settings; a session is come back to in the same one only.
    """

    def __init__(self, host: ScreenHost, navigator: Navigator, environment: Callable[[], str]) -> None:
        self._host = host
        self._navigator = navigator
        self._environment = environment
        self._kept: ConsoleSession | None = None
        self._unchanged = 0
        """How often nothing new was found since the session was kept."""
        self._left = False
        """True once the console was left on purpose: what was still being written must not come after that."""
        self._writing = threading.Lock()

    def note(self, screen: ConsoleScreen) -> None:
        """Remember an account or a deal that has come on top, for completion."""
        service = self._host.service
        line, title = screen.place(), screen.crumb()
        kind = line.partition(" ")[0]
        if service is not None and kind in NOTED:
            self._host.quietly(lambda: service.recents.note(kind, line, title), lambda _done: None)

    def keep(self) -> None:
        """Keep what is on screen now, if it changed; called every five seconds."""
        service = self._host.service
        if service is None or self._navigator.is_travelling:
            return
        if not all(screen.is_mounted for screen in self._navigator.screens):
            # One that is not composed yet cannot say what it holds; this is asked again soon.
            return
        session, before = self._now(), self._kept
        self._unchanged += 1
        is_same = before is not None and (before.lines, before.memories) == (session.lines, session.memories)
        if is_same and self._unchanged < KEEP_AGAIN:
            return
        self._kept, self._unchanged = session, 0
        self._host.quietly(lambda: self._write(service.recents, session), lambda _done: None)

    def _write(self, recents: Recents, session: ConsoleSession) -> None:
        with self._writing:
            if not self._left:
                recents.keep_session(session)

    def end(self) -> None:
        """The console was left on purpose: this session is not come back to."""
        if self._host.service is None or self._kept is None:
            return
        # A store that takes its time over the last writing is not waited for by somebody who leaves.
        in_turn = self._writing.acquire(timeout=LAST_WRITING_S)
        self._left = True
        if in_turn:
            self._writing.release()
        self._host.service.recents.end_session(self._kept)

    def find(self) -> None:
        """Look for a session that broke off, and come back to it."""
        service = self._host.service
        if service is not None:
            user, host = _who()
            self._host.quietly(lambda: service.recents.broken_off(user, host, self._environment()), self._restore)

    def _restore(self, session: ConsoleSession | None) -> None:
        if session is None or len(self._navigator.screens) > 1:
            # Whoever has already gone somewhere is not pulled away from there.
            return
        # A session is handed out once, so that whatever goes wrong here goes wrong once; and it ends no start.
        try:
            self._navigator.reopen(session.lines)
        except Exception:
            logger.exception("the session that broke off could not be opened again")
            self._say("the screens you were on could not be opened again; this is level 1", "warn")
            return
        level_1, *above = self._navigator.screens
        remembered = dict(zip(session.lines, session.memories[1:], strict=False))
        for screen, memory in (
            (level_1, next(iter(session.memories), {})),
            *((one, remembered.get(one.place(), {})) for one in above),
        ):
            # Its own queue runs once it is composed, also where another screen covers it already.
            screen.call_later(self._recall, screen, memory)
        self._navigator.history.visit(session.lines)
        self._say(f"back where you were at {session.at:%H:%M} UTC, when the connection dropped; 1 is level 1", "accent")

    def _recall(self, screen: ConsoleScreen, memory: dict[str, object]) -> None:
        try:
            screen.recall(memory)
        except Exception:
            logger.exception("what %s kept of itself could not be set again", type(screen).__name__)
            self._say("back where you were, but not all of it could be set again", "warn")

    def _say(self, words: str, tone: Tone) -> None:
        """A screen that was just put on top has no bottom line yet: its own queue runs once it has."""
        self._host.screen.call_after_refresh(self._host.say, words, tone)

    def _now(self) -> ConsoleSession:
        from diagnostics.store.recents import ConsoleSession  # noqa: PLC0415  # after the first paint

        user, host = _who()
        level_1, *above = self._navigator.screens
        return ConsoleSession(
            user=user,
            host=host,
            pid=os.getpid(),
            environment=self._environment(),
            lines=self._navigator.lines(),
            memories=tuple(screen.memory() for screen in (level_1, *above) if screen is level_1 or screen.place()),
            at=utc_now(),
        )


def _who() -> tuple[str, str]:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = str(os.getuid())
    return user, socket.gethostname()
