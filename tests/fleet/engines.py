"""An engine of a make that the console knows by name only: a SQLite file behind a dialect and a driver of its own."""

from __future__ import annotations

import sqlite3
import threading
from typing import Any, ClassVar

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite


class Wire:
    """A connection of that driver. It refuses no SET, and remembers what it was told."""

    def __init__(self, path: str) -> None:
        self._real = sqlite3.connect(path, check_same_thread=False)

    def cursor(self) -> Any:  # noqa: ANN401  # a cursor of either kind
        return _Cursor(self._real.cursor())

    def interrupt(self) -> None:
        Engine.interrupted.set()
        self._real.interrupt()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # the rest is the real connection's
        return getattr(self._real, name)


class _Cursor:
    def __init__(self, real: sqlite3.Cursor) -> None:
        self._real = real

    def execute(self, statement: str, parameters: Any = ()) -> Any:  # noqa: ANN401  # as the database interface has it
        if statement.startswith("SET "):
            Engine.told.append(statement)
            return None
        return self._real.execute(statement, parameters)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # the rest is the real cursor's
        return getattr(self._real, name)


class Engine(SQLiteDialect_pysqlite):
    """Answers to the URL scheme of Databricks."""

    name = "databricks"
    supports_statement_cache = True
    told: ClassVar[list[str]] = []
    connected_with: ClassVar[dict[str, Any]] = {}
    interrupted: ClassVar[threading.Event] = threading.Event()
    takes: ClassVar[set[str]] = set()
    """Tokens that it takes; empty: it lets everybody in."""
    refused: ClassVar[list[str]] = []
    """Tokens that it did not take, in order."""

    def create_connect_args(self, url: Any) -> Any:  # noqa: ANN401  # SQLAlchemy's
        return [], {"path": url.query["http_path"], "token": url.password, "user": url.username}

    def connect(self, *_: Any, **arguments: Any) -> Any:  # noqa: ANN401  # SQLAlchemy's
        Engine.connected_with.update(arguments)
        if Engine.takes and arguments["token"] not in Engine.takes:
            Engine.refused.append(arguments["token"])
            # As databricks-sql-connector words it.
            raise self.dbapi.OperationalError("Error during request to server: : Invalid access token.")  # type: ignore[union-attr]
        return Wire(arguments["path"])


def register() -> None:
    """Make the scheme known, in place of the real driver where that is installed."""
    registry.impls.pop("databricks", None)
    registry.register("databricks", "tests.fleet.engines", "Engine")
    Engine.told.clear()
    Engine.connected_with.clear()
    Engine.interrupted.clear()
    Engine.takes.clear()
    Engine.refused.clear()


def unregister() -> None:
    """Forget it again."""
    registry.impls.pop("databricks", None)
