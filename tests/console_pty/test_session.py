"""A console that lost its terminal is come back to; one that was left on purpose, or still runs, is not."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from diagnostics.config.settings import StateSettings
from diagnostics.store.store import Kept, StateStore
from sandbox.launch import SandboxProcess
from tests.console_pty.conftest import ROOT, config, has_answers
from tests.terminal import Terminal

pytestmark = pytest.mark.pty

ACCOUNT = "account 14009"
NAME = "Harbor & Pine Realty"
BACK = "back where you were"


@dataclass(slots=True)
class Workstation:
    """Where one person starts consoles: the same memory, and stand-ins that outlive each of them."""

    sandbox: SandboxProcess
    folder: Path
    store: StateStore

    def console(self) -> Terminal:
        """A console that has not been started."""
        environment = {
            "WARROOM_STATE_DIR": str(self.folder / "memory"),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
        }
        return Terminal([sys.executable, "-m", "tui", *config(self.sandbox)], environment, cwd=ROOT)

    def sessions(self) -> dict[int, list[str]]:
        """The `:` lines of every session that is kept, by process id."""
        return {_pid(one): _lines(one) for one in self.store.recall("session")}

    def wait_for_kept(self, terminal: Terminal, *lines: str) -> None:
        """Until the session of this console is kept as standing at these lines."""
        terminal.wait_for(lambda seen: self.sessions().get(seen.pid) == list(lines), 40)


def _pid(one: Kept) -> int:
    pid = one.payload["pid"]
    assert isinstance(pid, int)
    return pid


def _lines(one: Kept) -> list[str]:
    lines = one.payload["lines"]
    assert isinstance(lines, list)
    return [str(line) for line in lines]


@pytest.fixture
def workstation(sandbox: SandboxProcess, tmp_path: Path) -> Iterator[Workstation]:
    with closing(StateStore(StateSettings(), tmp_path / "memory")) as store:
        yield Workstation(sandbox, tmp_path, store)


def go_to_account(terminal: Terminal) -> None:
    """From level 1, by typing."""
    terminal.wait_for(has_answers, 60)
    terminal.send(":")
    terminal.wait_for("tab complete")
    terminal.send(ACCOUNT)
    terminal.wait_for(lambda seen: seen.screen()[0].strip() == ACCOUNT)
    terminal.press("enter")
    terminal.wait_for(is_on_account, 30)


def is_on_account(terminal: Terminal) -> bool:
    """Whether the account screen shows, with its answer."""
    return NAME in terminal.text and "Users & OAuth" in terminal.text


def lose_the_connection(terminal: Terminal) -> None:
    terminal.hang_up()
    assert terminal.wait_exit() == 129


def end_at_once(terminal: Terminal) -> None:
    terminal.signal(signal.SIGKILL)
    terminal.wait_exit()


@pytest.mark.parametrize(
    "lose",
    [
        # `test_a_second_console_does_not_take_the_session_of_one_that_runs` loses its connection too.
        pytest.param(lose_the_connection, marks=pytest.mark.matrix),
        end_at_once,
    ],
)
def test_a_console_that_broke_off_is_come_back_to_and_says_so(
    workstation: Workstation, lose: Callable[[Terminal], None]
) -> None:
    with workstation.console() as lost:
        go_to_account(lost)
        workstation.wait_for_kept(lost, ACCOUNT)
        lose(lost)
    assert workstation.sessions() == {lost.pid: [ACCOUNT]}
    with workstation.console() as again:
        again.wait_for(BACK, 60)
        again.wait_for(is_on_account, 30)
        assert again.returncode is None
        # It is an ordinary place: one step out leads to level 1.
        again.send("1")
        again.wait_for(has_answers, 60)
        again.send("q")
        assert again.wait_exit() == 0
    assert workstation.sessions() == {}


def quit_twice(terminal: Terminal) -> None:
    terminal.send("q")
    terminal.wait_for(has_answers, 30)
    terminal.send("q")


def leave_from_anywhere(terminal: Terminal) -> None:
    terminal.press("ctrl+q")


@pytest.mark.parametrize("leave", [leave_from_anywhere, pytest.param(quit_twice, marks=pytest.mark.matrix)])
def test_a_console_that_was_left_on_purpose_is_not_come_back_to(
    workstation: Workstation, leave: Callable[[Terminal], None]
) -> None:
    with workstation.console() as left:
        go_to_account(left)
        workstation.wait_for_kept(left, ACCOUNT)
        leave(left)
        assert left.wait_exit() == 0
    assert workstation.sessions() == {}
    with workstation.console() as again:
        again.wait_for(has_answers, 60)
        # What it keeps of itself comes long after it has looked for a session to come back to.
        workstation.wait_for_kept(again)
        assert has_answers(again)
        assert BACK not in again.text
        again.send("q")
        assert again.wait_exit() == 0


def test_a_second_console_does_not_take_the_session_of_one_that_runs(workstation: Workstation) -> None:
    with workstation.console() as first:
        go_to_account(first)
        workstation.wait_for_kept(first, ACCOUNT)
        with workstation.console() as second:
            second.wait_for(has_answers, 60)
            workstation.wait_for_kept(second)
            assert workstation.sessions() == {first.pid: [ACCOUNT], second.pid: []}
            assert has_answers(second)
            assert BACK not in second.text
            lose_the_connection(first)
            with workstation.console() as third:
                third.wait_for(BACK, 60)
                third.wait_for(is_on_account, 30)
                workstation.wait_for_kept(third, ACCOUNT)
                assert workstation.sessions() == {second.pid: [], third.pid: [ACCOUNT]}
                assert has_answers(second)
