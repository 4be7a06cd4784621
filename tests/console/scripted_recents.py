"""Places seen lately and a broken-off session, held in the test's own memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from diagnostics.store.recents import ConsoleSession, Recent


@dataclass
class ScriptedRecents:
    """Remembers what it is told; hands `session` out once."""

    seen: list[Recent] = field(default_factory=list)
    session: ConsoleSession | None = None
    kept: list[ConsoleSession] = field(default_factory=list)
    ended: list[ConsoleSession] = field(default_factory=list)

    def note(self, kind: str, line: str, title: str) -> None:
        at = datetime(2025, 11, 17, 14, 3, len(self.seen) % 60, tzinfo=UTC)
        self.seen = [Recent(kind, line, title, at), *(recent for recent in self.seen if recent.line != line)]

    def recent(self, most: int = 300) -> tuple[Recent, ...]:
        return tuple(self.seen[:most])

    def keep_session(self, session: ConsoleSession) -> None:
        self.kept.append(session)

    def end_session(self, session: ConsoleSession) -> None:
        self.ended.append(session)

    def broken_off(self, user: str, host: str, environment: str) -> ConsoleSession | None:
        session, self.session = self.session, None
        return session
