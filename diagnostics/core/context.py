"""The context of every question: settings, catalogue, sources, shared answers and the console's own memory.

What is not needed by every question is opened when it is first asked for, once, from whichever thread asks.
"""

from __future__ import annotations

import getpass
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from diagnostics.core.failures import SourceFailure
from diagnostics.core.time import utc_now
from diagnostics.core.waiting import SingleFlight
from diagnostics.signals.counts import KEEP_S, LogQuestions
from diagnostics.signals.deal_index import DealIndex
from diagnostics.signals.lag import LagRules

if TYPE_CHECKING:
    from typing import Self

    from sqlalchemy import Select, Table

    from diagnostics.catalogue import Catalogue
    from diagnostics.config.settings import Settings
    from diagnostics.fleet.fleet import Fleet
    from diagnostics.incident.journal import Journal
    from diagnostics.sources.datadog import Datadog
    from diagnostics.sources.mutexes import Mutexes
    from diagnostics.sources.mysql.databases import Databases, Rows
    from diagnostics.sources.mysql.statements import Question as AnyQuestion
    from diagnostics.sources.zillow import AuthorizationAddress
    from diagnostics.store.store import StateStore

    Question = Select[*tuple[Any, ...]]

Owner = TypeVar("Owner")
Value = TypeVar("Value")

STARTED_S = int(time.time())
"""When this process began, near enough: numbers of processes are used again, and this tells two of them apart."""


class Lazy(Generic[Owner, Value]):
    """A member that is made when it is first read: once, whichever threads read it at that moment.

    Modules imported inside the function that makes it are loaded then: all subjects together cost as much to import as
    the door and its sources, and a command or a screen needs one or two of them.
    """

    def __init__(self, make: Callable[[Owner], Value]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type[Owner], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, owner: None, kind: type[Owner]) -> Self: ...

    @overload
    def __get__(self, owner: Owner, kind: type[Owner]) -> Value: ...

    def __get__(self, owner: Owner | None, kind: type[Owner]) -> Self | Value:
        if owner is None:
            return self
        members = vars(owner)
        with members.setdefault("_making", threading.RLock()):
            if self._name not in members:
                members[self._name] = self._make(owner)
            return cast("Value", members[self._name])


class Context:
    """Taken by checks and services. Reads are shared for a few seconds, so that each may ask the same thing freely."""

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        datadog: Datadog,
        databases: Databases,
        *,
        now: Callable[[], datetime] = utc_now,
        remarks: tuple[str, ...] = (),
    ) -> None:
        self.settings = settings
        self.remarks = remarks
        """What is accepted in the settings and yet unwise, as sentences."""
        self.catalogue = catalogue
        self.datadog = datadog
        self.databases = databases
        self.answers = SingleFlight()
        limits = catalogue.thresholds
        self.logs = LogQuestions(
            datadog,
            self.answers,
            baseline_s=settings.refresh.baseline_s,
            lag_rules=LagRules(limits["log_lag"], limits["log_growth"]),
            now=now,
        )
        self.deal_index = DealIndex()
        self.window_s = settings.refresh.window_s
        """Length of the window that log counts cover, seconds."""
        self.now = now

    def table(self, logical: str) -> Table:
        """The mapped table called `logical`; its columns carry the console's names."""
        return self.databases.table(logical)

    def common(self, name: str, statement: Question, *, window: str = "", caveat: str = "") -> Rows:
        """Read `common`; answers to the same `name` are shared, and say when the rows are old. Raises SourceFailure."""

        return self.answers.get(
            ("common", name), KEEP_S, lambda: self.read_common(statement, window=window, caveat=caveat)
        )

    def read_common(
        self, statement: AnyQuestion, *, window: str = "", caveat: str = "", limit: int | None = None
    ) -> Rows:
        """The same, shared with nobody."""
        from diagnostics.signals.data_age import of_old_rows  # noqa: PLC0415  # it asks through this context

        rows = self.databases.read_common(statement, window=window, caveat=caveat, limit=limit)
        return replace(rows, evidence=of_old_rows(self, rows.evidence))

    def client(self, account_id: int, name: str, statement: Question, *, caveat: str = "") -> Rows:
        """Read the client database of one account; answers to the same `name` are shared, and say when the database is
        behind. Raises SourceFailure."""
        return self.answers.get(
            ("client", account_id, name), KEEP_S, lambda: self.read_client(account_id, statement, caveat=caveat)
        )

    def read_client(self, account_id: int, statement: Question, *, caveat: str = "") -> Rows:
        """The same, shared with nobody."""
        from diagnostics.signals.data_age import of_old_client  # noqa: PLC0415  # it asks through this context

        rows = self.databases.read_client(account_id, statement, caveat=caveat)
        return replace(rows, evidence=of_old_client(self, account_id, rows.evidence))

    @Lazy
    def state(self) -> StateStore:
        """The console's own memory: rollups, samples, recent places, saved queries, sessions."""
        from diagnostics.store.store import StateStore  # noqa: PLC0415  # as Lazy says

        return StateStore(self.settings.state, self.settings.state_dir)

    @Lazy
    def journal(self) -> Journal:
        """Decisions and actions during incidents, shared by all consoles on one state store."""
        from diagnostics.incident.journal import Journal  # noqa: PLC0415  # as Lazy says

        return Journal(self.state, person=self.settings.escalation.person or login_name(), console=console_name())

    @Lazy
    def fleet(self) -> Fleet:
        """System-wide questions over client databases, or over the analytics engine."""
        from diagnostics.fleet.fleet import Fleet  # noqa: PLC0415  # as Lazy says

        rule = self.catalogue.thresholds["client_data_age"]
        return Fleet(self.databases, self.settings, most_behind_s=rule.warning)

    @Lazy
    def mutexes(self) -> Mutexes:
        """The locks of the sync workers, where Redis is configured."""
        from diagnostics.sources.mutexes import Mutexes  # noqa: PLC0415  # as Lazy says

        return Mutexes(self.settings.redis)

    @Lazy
    def authorization(self) -> AuthorizationAddress:
        """Zillow's authorisation address, where one is set."""
        from diagnostics.sources.proxies import route_of  # noqa: PLC0415  # as Lazy says
        from diagnostics.sources.zillow import AuthorizationAddress  # noqa: PLC0415  # as Lazy says

        return AuthorizationAddress(self.settings.zillow, route_of(self.settings.network))

    def close(self) -> None:
        """End every question under way and close what was opened."""
        self.logs.baselines.close()
        opened = [vars(self).pop(name, None) for name in ("authorization", "mutexes", "fleet", "journal", "state")]
        for source in (*opened, self.datadog, self.databases):
            if source is not None:
                with suppress(SourceFailure):
                    source.close()


def login_name() -> str:
    """Who is logged in; the number of the user where the system knows no name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())


def console_name() -> str:
    """Which console this is: host, process, and the second at which it began."""
    return f"{socket.gethostname()}:{os.getpid()}:{STARTED_S}"
