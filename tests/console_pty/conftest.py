"""The installed program in a pseudo-terminal, on stand-ins that the tests start and kill themselves."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.launch import SandboxProcess, start_sandbox
from tests.terminal import Terminal

ROOT = Path(__file__).parents[2]
ISSUES = ("RATE LIMITING", "OAUTH FAILURES", "TRANSACTION SYNC")

Start = Callable[..., Terminal]

GENEROUS = ("search=1000/1", "aggregate=1000/1")
"""Rate limits that keep none of the consoles waiting that ask one after the other."""


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Start `warroom` with the arguments, in a terminal of the size asked for, with settings and state of its own."""

    def started(*arguments: str, columns: int = 120, rows: int = 40) -> Terminal:
        home = {"XDG_STATE_HOME": str(tmp_path / "state"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
        return Terminal([sys.executable, "-m", "tui", *arguments], home, columns, rows, cwd=ROOT)

    return started


@pytest.fixture(scope="package")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """The incident of 17 November, started by hand and shared by the tests that do not harm it."""
    folder = tmp_path_factory.mktemp("sandbox")
    with start_sandbox("nov17", directory=folder, rate_limits=GENEROUS) as running:
        yield running


def config(sandbox: SandboxProcess) -> tuple[str, str]:
    """The arguments that point the console at a sandbox started by hand."""
    return "--config", str(sandbox.directory / "console.toml")


def issue_rows(terminal: Terminal) -> list[str]:
    """The rows of the issue list, top first."""
    # The heading below the list names one of them, too.
    return [line for line in terminal.screen() if any(title in line[:24] for title in ISSUES) and "· why" not in line]


def has_answers(terminal: Terminal) -> bool:
    """True once each issue shows a count."""
    rows = issue_rows(terminal)
    return len(rows) == len(ISSUES) and not any("asking" in row or "opening" in row for row in rows)


def cursor(terminal: Terminal) -> str:
    """The name of the issue under the cursor."""
    return next((title for title in ISSUES for row in issue_rows(terminal) if row.startswith(f"▶ {title}")), "")


def step(terminal: Terminal) -> None:
    """Move the cursor of the issue list to another issue, which shows that keys are answered."""
    before = cursor(terminal)
    at_end = issue_rows(terminal)[-1].startswith("▶")
    terminal.send("k" if at_end else "j")
    terminal.wait_for(lambda seen: cursor(seen) not in ("", before))
