"""Hears every statement that reaches a MariaDB server through the console, and where in the source each was made."""

from __future__ import annotations

import ast
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Select, TextClause, event
from sqlalchemy.engine.interfaces import ExceptionContext

ROOT = Path(__file__).parents[2]
DIAGNOSTICS = ROOT / "diagnostics"

CARRIERS = ("sources/", "core/context.py", "core/waiting.py")
"""Between the question and the wire: whoever reads the report wants to know who asked, not who carried."""

CARRYING = frozenset({"client", "common", "batches", "_ask", "<lambda>"})
"""Functions of `sync/deals.py` that do so too."""

MAKERS = frozenset({"select", "exists", "text"})
"""SQLAlchemy's functions that make statements."""

OWN_MEMORY = frozenset({"documents.py", "journal_rows.py", "rollups.py", "samples.py", "store.py"})
"""Files of `diagnostics/store` that ask the console's own memory, and nobody's production database."""

SETTLE_S = 60.0
_BACKGROUND = ("asking", "widening")


@dataclass(slots=True, frozen=True)
class Heard:
    """One statement as it went to the driver."""

    question: str
    """Name of the question under way when it was sent."""
    schema: str | None
    """None for a connection in no database; the statement then names schemas itself."""
    sql: str
    parameters: Any
    place: str
    """File and line in `diagnostics` from where it was asked."""


@dataclass(slots=True)
class Listener:
    """Statements heard, and the places in the source that made them."""

    heard: list[Heard] = field(default_factory=list)
    made: set[tuple[str, int]] = field(default_factory=set)
    """(file relative to `diagnostics`, line) of calls that made a statement."""
    failed: list[tuple[str, str, str]] = field(default_factory=list)
    """Question, statement and what the server said of each that it refused."""
    question: str = ""

    def refuse(self, context: ExceptionContext) -> None:
        """SQLAlchemy's event."""
        if context.dialect.name != "sqlite":
            self.failed.append((self.question, context.statement or "connecting", str(context.original_exception)))

    def send(self, connection: Connection, _cursor: object, sql: str, parameters: Any, *_: object) -> None:  # noqa: ANN401  # whatever the driver takes
        """SQLAlchemy's event."""
        if connection.dialect.name == "sqlite":
            return
        schema = connection.engine.url.database
        # A statement for many rows is explained for one of them: all are alike.
        one = parameters[0] if isinstance(parameters, list) and parameters else parameters
        self.heard.append(Heard(self.question, schema, sql, one, _asked_at(sys._getframe(1))))

    def make(self) -> None:
        """A statement is being made, two frames up or further."""
        frame: FrameType | None = sys._getframe(2)
        while frame is not None:
            path = Path(frame.f_code.co_filename)
            if path.is_relative_to(DIAGNOSTICS):
                self.made.add((str(path.relative_to(DIAGNOSTICS)), frame.f_lineno))
                return
            frame = frame.f_back

    def settle(self) -> None:
        """Wait for what the service asks in the background."""
        for thread in threading.enumerate():
            if thread.name.startswith(_BACKGROUND):
                thread.join(SETTLE_S)
                assert not thread.is_alive(), f"{thread.name} does not end"


def _asked_at(frame: FrameType | None) -> str:
    """The innermost place in `diagnostics` that is no carrier of other people's questions."""
    carrier = ""
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(DIAGNOSTICS):
            name = str(path.relative_to(DIAGNOSTICS))
            carrier = carrier or f"{name}:{frame.f_lineno}"
            carries = name == "sync/deals.py" and frame.f_code.co_name in CARRYING
            if not carries and not name.startswith(CARRIERS):
                return f"{name}:{frame.f_lineno}"
        frame = frame.f_back
    return carrier


@contextmanager
def listening() -> Iterator[Listener]:
    """Listen to every engine there is or will be, and to the making of statements, until the block ends."""
    listener = Listener()
    with pytest.MonkeyPatch.context() as patch:
        for kind in (Select, TextClause):
            _tell(patch, kind, listener)
        event.listen(Engine, "before_cursor_execute", listener.send)
        event.listen(Engine, "handle_error", listener.refuse)
        try:
            yield listener
        finally:
            event.remove(Engine, "before_cursor_execute", listener.send)
            event.remove(Engine, "handle_error", listener.refuse)


def _tell(patch: pytest.MonkeyPatch, kind: type[Any], listener: Listener) -> None:
    begin = kind.__init__

    def told(self: object, *arguments: Any, **named: Any) -> None:  # noqa: ANN401  # passed on
        listener.make()
        begin(self, *arguments, **named)

    patch.setattr(kind, "__init__", told)


@dataclass(slots=True, frozen=True)
class Maker:
    """One call in the source that makes a statement, or a part of one."""

    file: str
    """Relative to `diagnostics`."""
    line: int
    last_line: int
    function: str
    code: str

    def ran(self, made: set[tuple[str, int]]) -> bool:
        """Whether it has made one."""
        return any((self.file, line) in made for line in range(self.line, self.last_line + 1))


def makers() -> Iterator[Maker]:
    """Every such call inside a function. Those at the top of a module run when it is loaded, before anybody listens."""
    for path in sorted(DIAGNOSTICS.rglob("*.py")):
        if path.parent.name == "store" and path.name in OWN_MEMORY:
            continue
        source = path.read_text()
        tree = ast.parse(source)
        imported = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "sqlalchemy"
            for alias in node.names
        }
        name = str(path.relative_to(DIAGNOSTICS))
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef):
                for call in _calls(function):
                    if isinstance(call.func, ast.Name) and call.func.id in MAKERS & imported:
                        code = " ".join((ast.get_source_segment(source, call) or "").split())
                        yield Maker(name, call.lineno, call.func.end_lineno or call.lineno, function.name, code)


def _calls(function: ast.FunctionDef) -> Iterator[ast.Call]:
    """Calls of the function's own, without those of functions inside it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call):
            yield node
        if not isinstance(node, ast.FunctionDef):
            waiting += ast.iter_child_nodes(node)
