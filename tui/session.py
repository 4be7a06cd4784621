"""Going anywhere: breadcrumbs, history back and forward, places seen lately, and the session to come back to."""

from __future__ import annotations

import getpass
import logging
import os
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

from diagnostics.now import utc_now
from screens.base import RoomScreen
from tui.history import History, Lines

if TYPE_CHECKING:
    from diagnostics.places import Places, Session
    from tui.app import WarRoomApp

Answer = TypeVar("Answer")

logger = logging.getLogger(__name__)

KEEP_AGAIN_S = 900
"""A session that has not changed is kept again after this long, so that it does not look abandoned."""

LAST_WRITING_S = 1.0

NOTED = ("account", "deal")
"""Places whose first word is one of these are remembered for completion."""


class Going:
    """Mixed into the application."""

    history: History
    """Where this console has been."""

    _travelling = False
    _kept: Session | None = None
    _kept_at = 0
    _left = False
    """True once the console was left on purpose: what was still being written must not come after that."""
    _writing = threading.Lock()

    @property
    def _app(self) -> WarRoomApp:
        return cast("WarRoomApp", self)

    # ---- where am I

    def trail(self) -> str:
        """Breadcrumbs of the screens below the one on top."""
        screens = self._app.screen_stack[:-1]
        crumbs = [screen.crumb() for screen in screens if isinstance(screen, RoomScreen)]
        step = " > " if self._app.signs.ascii_only else " › "
        return "".join(f"{crumb}{step}" for crumb in crumbs if crumb)

    def _lines(self) -> Lines:
        screens = self._app.screen_stack[1:]
        return tuple(place for screen in screens if isinstance(screen, RoomScreen) and (place := screen.place()))

    def arrived(self) -> None:
        """The screen on top is another one than before."""
        if self._travelling:
            return
        self.history.visit(self._lines())
        self._note_place()

    def _note_place(self) -> None:
        screen, service = self._app.screen, self._app.service
        if service is None or not isinstance(screen, RoomScreen):
            return
        line, title = screen.place(), screen.crumb()
        kind = line.partition(" ")[0]
        if kind in NOTED:
            self.quietly(lambda: service.places.note(kind, line, title), lambda _done: None)

    # ---- back and forward

    def act_history_back(self) -> None:
        """To where one was before."""
        self._travel(self.history.back(), "nothing was looked at before this")

    def act_history_forward(self) -> None:
        """To where one came back from."""
        self._travel(self.history.forward(), "nothing was looked at after this")

    def _travel(self, lines: Lines | None, otherwise: str) -> None:
        if lines is None:
            self._app.say(otherwise, "muted")
            return
        self._go(lines)

    def _go(self, lines: Lines) -> None:
        """Open these screens above level 1, without calling it a visit."""
        app = self._app
        self._travelling = True
        try:
            while len(app.screen_stack) > 1:
                app.pop_screen()
            for line in lines:
                app.command(line)
        finally:
            app.call_after_refresh(self._there)

    def _there(self) -> None:
        self._travelling = False
        self._app.uncovered()

    # ---- the session

    def keep_session(self) -> None:
        """Keep what is on screen now, if it changed; called every few seconds."""
        app = self._app
        service = app.service
        if service is None or self._travelling:
            return
        session = self._session()
        self._kept_at += 1
        before = self._kept
        unchanged = before is not None and (before.lines, before.memories) == (session.lines, session.memories)
        if unchanged and self._kept_at * 5 < KEEP_AGAIN_S:
            return
        self._kept, self._kept_at = session, 0
        self.quietly(lambda: self._keep(service.places, session), lambda _done: None)

    def _keep(self, places: Places, session: Session) -> None:
        with self._writing:
            if not self._left:
                places.keep_session(session)

    def end_session(self) -> None:
        """Called when the console has ended: one that was left on purpose is not come back to."""
        app = self._app
        if app.service is None or self._kept is None or app.return_code != 0:
            return
        # A store that takes its time over the last writing is not waited for by somebody who leaves.
        in_turn = self._writing.acquire(timeout=LAST_WRITING_S)
        self._left = True
        if in_turn:
            self._writing.release()
        app.service.places.end_session(self._kept)

    def find_session(self) -> None:
        """Look for a session that broke off, and come back to it."""
        app = self._app
        service = app.service
        if service is None or app.options.issue is not None:
            return
        environment = app.opened.environment if app.opened is not None else ""
        user, host = _who()
        self.quietly(lambda: service.places.broken_off(user, host, environment), self._restore)

    def _restore(self, session: Session | None) -> None:
        app = self._app
        if session is None or len(app.screen_stack) > 1:
            # Whoever has already gone somewhere is not pulled away from there.
            return
        self._go(session.lines)
        screens = [screen for screen in app.screen_stack if isinstance(screen, RoomScreen)]
        for screen, memory in zip(screens, session.memories, strict=False):
            screen.recall(memory)
        self.history.visit(session.lines)
        said = f"back where you were at {session.at:%H:%M} UTC, when the connection dropped; 1 is level 1"
        # A screen that was just put on top has no bottom line yet: its own queue runs once it has.
        app.screen.call_after_refresh(app.say, said, "accent")

    def _session(self) -> Session:
        from diagnostics.places import Session  # noqa: PLC0415  # after the first paint

        app = self._app
        user, host = _who()
        screens = [screen for screen in app.screen_stack if isinstance(screen, RoomScreen)]
        remembered = [*screens[:1], *(screen for screen in screens[1:] if screen.place())]
        return Session(
            user=user,
            host=host,
            pid=os.getpid(),
            environment=app.opened.environment if app.opened is not None else "",
            lines=self._lines(),
            memories=tuple(screen.memory() for screen in remembered),
            at=utc_now(),
        )

    # ---- threads

    def quietly(self, work: Callable[[], Answer], then: Callable[[Answer], None]) -> None:
        """Run `work` in a thread and `then` on the event loop, for conveniences that fail without a word."""
        app = self._app

        def run() -> None:
            try:
                answer = work()
            except Exception:  # a convenience that fails must not disturb anybody; the log has it
                logger.exception("a background task failed")
                return
            # Not as an answer that somebody waits for: those take away what the bottom line says.
            if app.is_running:
                app.call_later(then, answer)

        threading.Thread(target=run, name="quietly", daemon=True).start()


def _who() -> tuple[str, str]:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = str(os.getuid())
    return user, socket.gethostname()
