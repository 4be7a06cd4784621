"""A console that carries a repair on, and is killed with SIGKILL at the step that it was told: `python -m` of this.

A step is everything that lasts: an entry of the journal, a statement's transaction, its commit. Whatever the process
would do on its way out it does not: nothing is rolled back, closed or said by it.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

import diagnostics.reconcile.repair
from diagnostics.incident.journal import Journal
from diagnostics.sources.mysql.addresses import AccountPlace
from diagnostics.sources.mysql.writer import Writer
from tui.cli.main import run

_append, _begin = Journal.append, Writer.begin


class Steps:
    """Counts them, and ends the process at one."""

    def __init__(self, kill_at: int) -> None:
        self.left = kill_at

    def step(self) -> None:
        """One more; perhaps the last."""
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def main(kill_at: int, arguments: list[str]) -> int:
    """Run the command, and be killed at that step; 0 lets it come to its end."""
    steps = Steps(kill_at)

    def appending(journal: Journal, *given: object, **named: object) -> object:
        steps.step()
        written = _append(journal, *given, **named)  # type: ignore[arg-type]  # handed on as it came
        steps.step()
        return written

    @contextmanager
    def beginning(writer: Writer, place: AccountPlace | None) -> Iterator[Connection]:
        with _begin(writer, place) as connection:
            yield connection
            steps.step()
        steps.step()

    Journal.append = appending  # type: ignore[method-assign,assignment]  # this process is made for it
    Writer.begin = beginning  # type: ignore[method-assign,assignment]  # as above
    diagnostics.reconcile.repair.FIRST_CHUNK = 2  # several transactions for a few rows
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
