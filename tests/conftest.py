"""Fixtures that every test folder may use. Nothing heavy is imported before a test asks for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.mariadb import MariaDB


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """One private MariaDB server per test process, started when the first test asks. Do not stop it: start your own."""
    from tests.mariadb import private_mariadb  # noqa: PLC0415  # pymysql is not for tests that need no server

    with private_mariadb() as server:
        yield server


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where `tests/run.sh` wants the names of tests that failed."""
    parser.addoption("--failed-to", default=None, metavar="FILE", help="write the ids of failed tests to this file")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Write the ids of failed tests, one a line; several workers have reported to this one process by now."""
    target = config.getoption("--failed-to")
    if target is not None:
        reports = [*terminalreporter.stats.get("failed", ()), *terminalreporter.stats.get("error", ())]
        # The group that keeps tests on one worker is written behind the id.
        ids = dict.fromkeys(re.sub(r"@[a-z-]+$", "", report.nodeid) for report in reports)
        Path(target).write_text("".join(f"{one}\n" for one in ids))
