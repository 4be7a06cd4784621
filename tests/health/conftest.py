"""Worlds for the tests of level 2: the told one, and stand-ins over real sockets, one process a story."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from diagnostics.config.layers import load_settings
from diagnostics.service import Diagnostics
from sandbox.launch import SandboxProcess, start_sandbox
from tests.service.world import World
from tests.shipped import shipped_catalogue

GENEROUS = ("search=1000/10", "aggregate=1000/10")
"""Rate limits that keep no test waiting; the real ones have tests of their own."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="session")
def stories() -> Iterator[Callable[[str], SandboxProcess]]:
    """A running sandbox of each scenario, started when first asked for."""
    with ExitStack() as stack:
        running: dict[str, SandboxProcess] = {}

        def of(scenario: str) -> SandboxProcess:
            if scenario not in running:
                running[scenario] = stack.enter_context(start_sandbox(scenario, rate_limits=GENEROUS))
            return running[scenario]

        yield of


@pytest.fixture
def opened(stories: Callable[[str], SandboxProcess], tmp_path: Path) -> Iterator[Callable[..., Diagnostics]]:
    """Open a service on a story, with further settings by their dotted names."""
    with ExitStack() as stack:

        def open_on(scenario: str, **flags: object) -> Diagnostics:
            given = {"state_dir": str(tmp_path / scenario)} | {
                name.replace("__", "."): value for name, value in flags.items()
            }
            settings = load_settings(flags=stories(scenario).flags() | given).settings
            return stack.enter_context(Diagnostics.open(settings, shipped_catalogue()))

        yield open_on
