"""What the service works with beyond its two main sources, opened when first asked for and closed together."""

from __future__ import annotations

import getpass
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

from diagnostics.failures import SourceFailure

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.escalation.journal import Journal
    from diagnostics.fleet.fleet import Fleet
    from diagnostics.settings import Settings
    from diagnostics.sources.databases import Databases
    from diagnostics.sources.datadog import Datadog
    from diagnostics.sources.mutexes import Mutexes
    from diagnostics.state.store import StateStore

Part = TypeVar("Part")

STARTED_S = int(time.time())
"""When this process began, near enough: numbers of processes are used again, and this tells two of them apart."""


class Parts:
    """Opened once each, from any thread. Opening one asks nothing of the outside world."""

    def __init__(self, settings: Settings, catalogue: Catalogue, datadog: Datadog, databases: Databases) -> None:
        self.settings = settings
        self.catalogue = catalogue
        self.datadog = datadog
        self.databases = databases
        self._lock = threading.RLock()
        self._opened: dict[str, Any] = {}

    @property
    def state(self) -> StateStore:
        """The console's own memory: rollups, samples, recent places, saved queries, sessions."""

        def make() -> StateStore:
            from diagnostics.state.store import StateStore  # noqa: PLC0415  # it loads SQLAlchemy

            return StateStore(self.settings.state, self.settings.state_dir)

        return self._part("state", make)

    @property
    def journal(self) -> Journal:
        """What was decided and done during incidents, shared by the consoles of one state place."""

        def make() -> Journal:
            from diagnostics.escalation.journal import Journal  # noqa: PLC0415  # it loads SQLAlchemy

            return Journal(self.state, person=self.settings.escalation.person or login_name(), console=console_name())

        return self._part("journal", make)

    @property
    def fleet(self) -> Fleet:
        """System-wide questions over client databases, or over the analytics engine."""

        def make() -> Fleet:
            from diagnostics.fleet.fleet import Fleet  # noqa: PLC0415  # it loads SQLAlchemy

            return Fleet(self.databases, self.settings)

        return self._part("fleet", make)

    @property
    def mutexes(self) -> Mutexes:
        """The locks of the sync workers, where Redis is configured."""

        def make() -> Mutexes:
            from diagnostics.sources.mutexes import Mutexes  # noqa: PLC0415  # few ask for it

            return Mutexes(self.settings.redis)

        return self._part("mutexes", make)

    def close(self) -> None:
        """Close what was opened."""
        with self._lock:
            opened, self._opened = self._opened, {}
        for part in reversed(opened.values()):
            with suppress(SourceFailure):
                part.close()

    def _part(self, name: str, make: Callable[[], Part]) -> Part:
        with self._lock:
            if name not in self._opened:
                self._opened[name] = make()
            return cast("Part", self._opened[name])


def login_name() -> str:
    """Who is logged in; the number of the user where the system knows no name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())


def console_name() -> str:
    """Which console this is: host, process, and the second at which it began."""
    return f"{socket.gethostname()}:{os.getpid()}:{STARTED_S}"
