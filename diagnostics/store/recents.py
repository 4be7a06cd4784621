"""Where people have been: accounts, deals and queries seen lately, and sessions that broke off.

Kept in the console's own state; each is a line of the console's `:` grammar with a title to recognise it by.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from diagnostics.core.failures import SourceFailure
from diagnostics.core.sanitizer import clean, clean_tree
from diagnostics.core.time import utc_now

if TYPE_CHECKING:
    from diagnostics.store.store import StateStore

KINDS = ("account", "deal", "query")

MOST_RECENTS = 300
"""Kept of each kind; the ones seen longest ago go first."""

MOST_SESSIONS = 40

RESTORED_WITHIN = timedelta(hours=12)
"""An older session belongs to another day's trouble."""


@dataclass(slots=True, frozen=True)
class Recent:
    """Something seen lately."""

    kind: str
    """One of `KINDS`."""
    line: str
    """The `:` line that opens it."""
    title: str
    at: datetime


@dataclass(slots=True, frozen=True)
class ConsoleSession:
    """Screens of one console when it was last heard of."""

    user: str
    host: str
    pid: int
    environment: str
    lines: tuple[str, ...]
    """`:` lines of the screens above level 1, lowest first."""
    memories: tuple[dict[str, object], ...]
    """Filters, sorts and cursors of level 1, and then of each of `lines`."""
    at: datetime

    @property
    def key(self) -> str:
        """One console process."""
        return f"{self.user}@{self.host}:{self.pid}"


class Recents:
    """Blocking, thread-safe. Losing the memory is no failure of the console: reads then give nothing."""

    def __init__(self, state: StateStore) -> None:
        self._state = state

    def note(self, kind: str, line: str, title: str) -> None:
        """Remember that something was seen now. A store that cannot be written loses it silently."""
        payload: dict[str, object] = {"title": clean(title, limit=200)}
        try:
            self._state.remember(kind, clean(line, limit=1_000), payload, MOST_RECENTS)
        except SourceFailure:
            # It is a convenience; the store's problem is said where its state is shown.
            return

    def recent(self, most: int = MOST_RECENTS) -> tuple[Recent, ...]:
        """Everything seen lately, newest first, over all kinds."""
        recents: list[Recent] = []
        for kind in KINDS:
            try:
                kept = self._state.recall(kind, most)
            except SourceFailure:
                continue
            recents += [Recent(kind, one.key, str(one.payload.get("title", "")), one.at) for one in kept]
        return tuple(sorted(recents, key=lambda recent: recent.at, reverse=True)[:most])

    def forget(self, recent: Recent) -> None:
        """Remove one. Raises SourceFailure."""
        self._state.forget(recent.kind, recent.line)

    # Sessions.

    def keep_session(self, session: ConsoleSession) -> None:
        """Keep what a console shows now. A store that cannot be written loses it silently."""
        payload: dict[str, object] = {
            "user": session.user,
            "host": session.host,
            "pid": session.pid,
            "environment": session.environment,
            "lines": list(session.lines),
            "memories": list(session.memories),
        }
        try:
            self._state.remember("session", session.key, payload, MOST_SESSIONS)
        except SourceFailure:
            return

    def end_session(self, session: ConsoleSession) -> None:
        """The console was left on purpose: there is nothing to come back to."""
        try:
            self._state.forget("session", session.key)
        except SourceFailure:
            return

    def broken_off(self, user: str, host: str, environment: str) -> ConsoleSession | None:
        """The newest session of this user and environment whose console is gone; it is handed out once.

        One on this host whose process still runs is another console of the same person, and left alone. One on another
        host cannot be looked at and is not taken.
        """
        try:
            for one in self._state.recall("session", MOST_SESSIONS):
                session = _session(one.payload, one.at)
                if session is None or (session.user, session.host, session.environment) != (user, host, environment):
                    continue
                if utc_now() - session.at > RESTORED_WITHIN or _runs(session.pid):
                    continue
                # Of two consoles that start at once, the one that removes it has it.
                if self._state.forget("session", one.key):
                    return session
        except SourceFailure:
            return None
        return None


def _session(payload: Mapping[str, object], at: datetime) -> ConsoleSession | None:
    """The session as it was kept, or None where somebody else has written something there."""
    lines, memories = payload.get("lines"), payload.get("memories")
    pid = payload.get("pid")
    if not isinstance(lines, list) or not isinstance(memories, list) or not isinstance(pid, int):
        return None
    cleaned = clean_tree(memories)
    return ConsoleSession(
        user=str(payload.get("user", "")),
        host=str(payload.get("host", "")),
        pid=pid,
        environment=str(payload.get("environment", "")),
        lines=tuple(clean(str(line), limit=1_000) for line in lines),
        memories=tuple(memory for memory in cleaned if isinstance(memory, dict)) if isinstance(cleaned, list) else (),
        at=at,
    )


def _runs(pid: int) -> bool:
    """Whether another console may stand behind this process id."""
    if pid == os.getpid():
        # Numbers are given again, in a container after every start: it was the one before this.
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OverflowError:
        # No process has such a number: somebody else has written it.
        return False
    except OSError:
        return True
    return True
