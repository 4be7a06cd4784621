"""Fixtures that every test folder may use, and how tests are dealt out. Nothing heavy is imported before it is due."""

from __future__ import annotations

import gc
import inspect
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import settings

from diagnostics.core.time import SERVICE_TIME

if TYPE_CHECKING:
    from tests.mariadb import MariaDB


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """One private MariaDB server per test process, started when the first test asks. Do not stop it: start your own.

    It offers encryption, with a certificate of `tests.network`; a login can be made to require it.
    """
    from tests.mariadb import private_mariadb  # noqa: PLC0415  # pymysql is not for tests that need no server
    from tests.network import SERVER  # noqa: PLC0415  # as above

    with private_mariadb(f"--ssl-cert={SERVER}", f"--ssl-key={SERVER}") as server:
        yield server


@pytest.fixture(autouse=True)
def services_time() -> Iterator[None]:
    """Every test learns the services' time anew: one that was skewed must not move the clock of the next."""
    SERVICE_TIME.forget()
    yield
    SERVICE_TIME.forget()


def pytest_configure() -> None:
    """Have property tests draw the same cases every time, with no limit of time; hear ctrl+c again where the
    tests were started in the background, whose deafness all that they start would inherit.
    """
    # Tests never work in the user's own worlds; those that are about them say yes in a folder of theirs.
    os.environ["WARROOM_SANDBOX_KEEP"] = "no"
    settings.register_profile("suite", deadline=None, derandomize=True)
    settings.load_profile("suite")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    """The seed of what was drawn, for whoever wants to draw the same again."""
    from tests.sampling import SEED, VARIABLE  # noqa: PLC0415  # beside the tests that draw

    return f"samples: seed {SEED} (another by {VARIABLE}=…, all of them by make matrix)"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Modules, tests and their parameters stay for good: looking for garbage among them was a third of collecting."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Begin anew, once, where the database server itself crashed under a test: MariaDB 10.11 does now and then.

    Everything that stands is taken down first, so that nothing is left of the server that died. A test that fails on a
    server that runs has failed.
    """
    servers = sys.modules.get("tests.mariadb")
    if servers is None:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    if any(report.failed for report in reports) and (how := servers.crashed()):
        item.warn(pytest.PytestWarning(f"the private MariaDB server crashed, and this test began anew: {how}"))
        with suppress(Exception):
            item.session._setupstate.teardown_exact(None)  # pytest's own: there is no public way
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


SHARED = frozenset({"session", "package", "module"})
"""Scopes of fixtures that several tests use."""

LONGEST = (
    "tests/console_pty/",
    "tests/statements/",
    "tests/console/test_respond_sandbox.py",
    "tests/console/test_account_sandbox.py",
    "tests/sandbox/",
    "tests/assess/test_service.py",
    "tests/health/test_late_logs.py",
    "tests/cli/test_commands.py",
)
"""Where the tests are that take longest: a group of tens of seconds, or single tests of many."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share something dear stay on one worker and come first; programs in terminals run one after another.

    Dear is what a fixture holds open for several tests: stand-ins, a database server. Dealt out one by one, each worker
    would start its own. The many quick tests fill the gaps that the groups leave at the end.
    """
    for item in items:
        if item.get_closest_marker("xdist_group") is None and (group := _group(item)):
            item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> tuple[int, bool]:
    """The longest first, lest one worker be busy with them when the others have ended; single tests last."""
    place = next((place for place, begins in enumerate(LONGEST) if item.nodeid.startswith(begins)), len(LONGEST))
    return place, item.get_closest_marker("xdist_group") is None


def _group(item: pytest.Item) -> str:
    """The group of a test: its terminal, or the place of what it shares with others; empty where it shares nothing."""
    if item.get_closest_marker("pty") is not None:
        return "terminal"
    shared = [
        last.baseid
        for definitions in getattr(item, "_fixtureinfo").name2fixturedefs.values()  # noqa: B009  # pytest's own
        if (last := definitions[-1]).scope in SHARED and inspect.isgeneratorfunction(last.func)
        # The server of all is started by each worker that needs one; a folder's tests share it.
        if last.baseid.startswith("tests/")
    ]
    folder = item.nodeid.rpartition("/")[0] if item.get_closest_marker("mariadb") is not None else ""
    return max(shared, key=len, default="") or folder
