"""Places that hold a journal, with a way past the program: what an attacker or an accident does is done by raw SQL."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

from diagnostics.config.settings import StateSettings
from diagnostics.incident.journal import Journal
from diagnostics.models.entries import Body, Declared, Noted
from diagnostics.store.store import StateStore
from tests.mariadb import MariaDB


def declared(title: str = "Deals are not syncing") -> Declared:
    """A first entry."""
    return Declared(title=title, issue_type="transaction_sync", severity="critical")


def notes(*texts: str) -> list[Body]:
    """Lines for the timeline."""
    return [Noted(text=text) for text in texts]


class JournalPlace(ABC):
    """One state place, and consoles on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = StateSettings()
        self._stores: list[StateStore] = []

    def store(self, folder: Path | None = None, **options: Any) -> StateStore:  # noqa: ANN401  # passed through
        """Another console's store."""
        store = StateStore(self.state, folder or self.folder, **options)
        self._stores.append(store)
        return store

    def journal(self, person: str = "ana", folder: Path | None = None) -> Journal:
        """Another console's journal; `folder` is what it keeps on its own machine."""
        return Journal(self.store(folder), person=person, console=f"bastion:{len(self._stores)}:1")

    @abstractmethod
    def run(self, statement: str, arguments: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """One statement past the program; `?` stands for an argument."""

    def close(self) -> None:
        """Close every console."""
        for store in self._stores:
            store.close()


class SQLitePlace(JournalPlace):
    """A file, which consoles of several machines share as far as these tests are concerned."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.state = StateSettings(url=f"sqlite:///{folder / 'state.db'}")

    def let_go(self) -> None:
        """Every console gives its idle connections back, as after a while of silence."""
        for store in self._stores:
            with store.read() as connection:
                engine = connection.engine
            engine.dispose()

    def held_whole(self) -> sqlite3.Connection:
        """Another process has the file for itself: until it rolls back and closes, nobody reads or writes it."""
        connection = sqlite3.connect(self.folder / "state.db", isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        return connection

    def run(self, statement: str, arguments: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.folder / "state.db", isolation_level=None, timeout=10)) as connection:
            return connection.execute(statement, tuple(arguments)).fetchall()


class MariaDBPlace(JournalPlace):
    """A schema of a private server."""

    def __init__(self, folder: Path, server: MariaDB) -> None:
        super().__init__(folder)
        self.server = server
        self.schema = server.create_schema(f"j{uuid4().hex[:8]}")
        self.state = StateSettings(url=server.url(self.schema))

    def run(self, statement: str, arguments: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self.server.execute(statement.replace("?", "%s"), database=self.schema, arguments=arguments)

    def close(self) -> None:
        super().close()
        self.server.execute(f"DROP DATABASE IF EXISTS `{self.schema}`")
