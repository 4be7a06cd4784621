"""Running sandboxes for these tests: real processes over real sockets, one per scenario and test session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest

from sandbox.launch import SandboxProcess, start_sandbox
from tests.sandbox.api import UNLIMITED, Api
from tests.sandbox.services import Slack


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Callable[[str], Api]]:
    """Return a function that gives the shared sandbox of a scenario. Its rate limits are out of the way."""
    with ExitStack() as stack:
        running: dict[str, Api] = {}

        def of(scenario: str) -> Api:
            if scenario not in running:
                process = stack.enter_context(start_sandbox(scenario, rate_limits=UNLIMITED))
                running[scenario] = stack.enter_context(Api(process))
            return running[scenario]

        yield of


@pytest.fixture(scope="session")
def nov17(sandbox: Callable[[str], Api]) -> Api:
    """The sandbox that replays 17 November 2025."""
    return sandbox("nov17")


@pytest.fixture(scope="session")
def healthy(sandbox: Callable[[str], Api]) -> Api:
    """The sandbox of a quiet day."""
    return sandbox("healthy")


@pytest.fixture(scope="session")
def cascade(sandbox: Callable[[str], Api]) -> Api:
    """The sandbox in which tokens run out."""
    return sandbox("oauth_cascade")


@pytest.fixture(scope="package")
def running() -> Iterator[SandboxProcess]:
    """One with the limits of the real service, that is only looked at. Whoever started it had secrets about."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DD_API_KEY", "marker-of-datadog")
        patch.setenv("WARROOM_JIRA__TOKEN", "marker-of-jira")
        process = start_sandbox("healthy")
    with process:
        yield process


@pytest.fixture(scope="package")
def harmed() -> Iterator[Api]:
    """One for faults, which would disturb the others; who puts one in force takes it back."""
    with start_sandbox("healthy", rate_limits=UNLIMITED) as process, Api(process) as api:
        yield api


@pytest.fixture(scope="package")
def limited() -> Iterator[Api]:
    """One whose limits of searches and of messages are so long that a test cannot cross their border."""
    limits = ["search=3/3600", "slack_channel=2/60"]
    with start_sandbox("healthy", rate_limits=limits) as process, Api(process) as api:
        yield api


@pytest.fixture(scope="package")
def outside_process() -> Iterator[SandboxProcess]:
    with start_sandbox("healthy", rate_limits=["slack_channel=1000/1"]) as process:
        yield process


@pytest.fixture
def outside(outside_process: SandboxProcess) -> Iterator[SandboxProcess]:
    outside_process.clear_faults()
    outside_process.forget()
    yield outside_process
    outside_process.clear_faults()


@pytest.fixture
def slack(outside: SandboxProcess) -> Iterator[Slack]:
    made = Slack(outside)
    yield made
    made.http.close()


@pytest.fixture
def jira(outside: SandboxProcess) -> Iterator[httpx.Client]:
    flags = outside.flags()
    with httpx.Client(
        base_url=f"{outside.url}/rest/api/3",
        auth=(str(flags["jira.email"]), str(flags["jira.token"])),
        timeout=10.0,
    ) as client:
        yield client


@pytest.fixture
def datadog(outside: SandboxProcess) -> Iterator[httpx.Client]:
    with Api(outside) as api:
        yield api.http
