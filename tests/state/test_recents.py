"""Sessions to come back to, in a real store: whose they are, and that each is handed out once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from diagnostics.config.settings import StateSettings
from diagnostics.core.time import utc_now
from diagnostics.store.recents import RESTORED_WITHIN, ConsoleSession, Recents
from diagnostics.store.store import StateStore


@pytest.fixture
def recents(tmp_path: Path) -> Iterator[Recents]:
    with closing(StateStore(StateSettings(), tmp_path)) as store:
        yield Recents(store)


@pytest.fixture
def gone() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait(30)
    return process.pid


def session(pid: int, *lines: str, host: str = "bastion", environment: str = "PROD") -> ConsoleSession:
    return ConsoleSession("ana", host, pid, environment, lines, ({"issue": 1},), utc_now())


def test_the_newest_session_of_a_console_that_is_gone_is_handed_out_once(recents: Recents, gone: int) -> None:
    recents.keep_session(session(gone, "account 14009"))
    found = recents.broken_off("ana", "bastion", "PROD")
    assert found is not None
    assert (found.lines, found.memories) == (("account 14009",), ({"issue": 1},))
    assert recents.broken_off("ana", "bastion", "PROD") is None


def test_of_many_consoles_that_start_at_once_one_has_it(recents: Recents, gone: int) -> None:
    for _ in range(5):
        recents.keep_session(session(gone, "health"))
        together = threading.Barrier(4)
        taken: list[ConsoleSession | None] = []

        def start(together: threading.Barrier = together, taken: list[ConsoleSession | None] = taken) -> None:
            together.wait(30)
            taken.append(recents.broken_off("ana", "bastion", "PROD"))

        threads = [threading.Thread(target=start) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(taken) == 4
        assert sum(one is not None for one in taken) == 1


def test_a_console_that_runs_keeps_its_session(recents: Recents, gone: int) -> None:
    recents.keep_session(session(gone, "health"))
    recents.keep_session(session(os.getppid(), "account 14009"))
    found = recents.broken_off("ana", "bastion", "PROD")
    assert found is not None
    assert found.lines == ("health",)
    assert recents.broken_off("ana", "bastion", "PROD") is None


def test_a_predecessor_with_the_number_of_this_process_is_gone(recents: Recents) -> None:
    recents.keep_session(session(os.getpid(), "account 14009"))
    assert recents.broken_off("ana", "bastion", "PROD") is not None


@pytest.mark.parametrize(
    ("user", "host", "environment"), [("ben", "bastion", "PROD"), ("ana", "other", "PROD"), ("ana", "bastion", "STAGE")]
)
def test_a_session_of_somebody_somewhere_or_something_else_is_left_alone(
    recents: Recents, gone: int, user: str, host: str, environment: str
) -> None:
    recents.keep_session(session(gone, "account 14009"))
    assert recents.broken_off(user, host, environment) is None
    assert recents.broken_off("ana", "bastion", "PROD") is not None


def test_a_session_of_another_day_is_not_come_back_to(
    recents: Recents, gone: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    recents.keep_session(session(gone, "account 14009"))
    later = utc_now() + RESTORED_WITHIN + timedelta(minutes=1)
    monkeypatch.setattr("diagnostics.store.recents.utc_now", lambda: later)
    assert recents.broken_off("ana", "bastion", "PROD") is None


def test_a_session_that_was_ended_is_gone(recents: Recents, gone: int) -> None:
    kept = session(gone, "account 14009")
    recents.keep_session(kept)
    recents.end_session(kept)
    assert recents.broken_off("ana", "bastion", "PROD") is None
