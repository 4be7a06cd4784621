"""One sandbox for all tests of the command line, and a way to run the command line against it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.launch import SandboxProcess, start_sandbox
from tui.cli.main import run


@dataclass(slots=True, frozen=True)
class Said:
    """Result of one run of the command line."""

    code: int
    out: str
    err: str


Command = Callable[..., Said]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Runs the command line in this process, with folders of its own and no settings from the environment."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("DD_API_KEY", "DD_APP_KEY", "WARROOM_CONFIG", "WARROOM_SANDBOX_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)

    def ask(*arguments: str) -> Said:
        capsys.readouterr()
        code = run(arguments)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return ask


@pytest.fixture(scope="session")
def nov17() -> Iterator[SandboxProcess]:
    """The stand-ins replaying 17 November, with limits that leave room for many tests."""
    with start_sandbox("nov17", rate_limits=("search=1000/10", "aggregate=1000/10")) as sandbox:
        yield sandbox


@pytest.fixture
def on_nov17(command: Command, nov17: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command line, with its settings pointing at the running stand-ins."""
    for name, value in nov17.flags().items():
        monkeypatch.setenv(f"WARROOM_{name.replace('.', '__').upper()}", str(value))
    return command


@pytest.fixture(scope="session")
def hostile() -> Iterator[SandboxProcess]:
    """Stand-ins that put terminal escapes into every string of every answer and row."""
    limits = ("search=1000/10", "aggregate=1000/10")
    with start_sandbox("nov17_logs", fault="hostile", rate_limits=limits) as sandbox:
        yield sandbox
