"""Secrets from files and commands: resolved late, bounded, and shown nowhere."""

from __future__ import annotations

import os
import pickle
import select
import shlex
import sys
import threading
import time
import traceback
from pathlib import Path

import pytest

from diagnostics.config import secrets
from diagnostics.config.secrets import LazySecret
from diagnostics.config.toml import ConfigurationError
from diagnostics.core.masking import mask_url

CANARY = "canary-7f3a9e"


def from_command(program: str) -> LazySecret:
    command = f"{shlex.quote(sys.executable)} -c {shlex.quote(program)}"
    return LazySecret("datadog.api_key_command", where="config.toml:3", command=command)


def everything_said(error: BaseException) -> str:
    return "\n".join([*traceback.format_exception(error), repr(error), *getattr(error, "lines", list)()])


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("mysql+pymysql://user:secret@host/db", "mysql+pymysql://user:***@host/db"),
        ("mysql+pymysql://user:se:cr/et@x@host/db", "mysql+pymysql://user:***@host/db"),
        ("mysql+pymysql://:secret@host/db", "mysql+pymysql://:***@host/db"),
        ("mysql+pymysql://user:se cret@host/db", "mysql+pymysql://user:***@host/db"),
        ("mysql+pymysql://user:p/w@rd@host/db", "mysql+pymysql://user:***@host/db"),
        ("mysql+pymysql://user@server:secret@host/db", "mysql+pymysql://user@server:***@host/db"),
        ("to mysql://user:p@ss@host/db:\nto mysql://b:s/x@h", "to mysql://user:***@host/db:\nto mysql://b:***@h"),
        ("a mysql://u:one@host and mysql://u:two@host", "a mysql://u:***@host"),
        ("mysql+pymysql://user@host:3306/db", "mysql+pymysql://user@host:3306/db"),
        ("https://host/path?api_key=secret&x=1", "https://host/path?api_key=***&x=1"),
        ("mysql+pymysql://user@host/db?password=secret", "mysql+pymysql://user@host/db?password=***"),
        ("sqlite:////var/lib/common.sqlite", "sqlite:////var/lib/common.sqlite"),
        ("sqlite:////var/lib/at:ten@night.sqlite", "sqlite:////var/lib/at:ten@night.sqlite"),
        ("https://host/?page=2&tokens=two", "https://host/?page=2&tokens=***"),
        ("no address: at all@", "no address: at all@"),
    ],
)
def test_passwords_in_addresses_are_masked(url: str, masked: str) -> None:
    assert mask_url(url) == masked


@pytest.mark.parametrize("unit", ["://", "://a:", "?pass", "?", "?a=", "://a:@", "://?token=x"])
def test_masking_a_hostile_text_costs_no_more_than_a_look_at_each_character(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    before = time.thread_time()
    mask_url(f"{text}://")
    # A few milliseconds of this thread's processor time; looking again from every "://" takes minutes.
    assert time.thread_time() - before < 1.0


def test_a_command_runs_at_first_use_and_once(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    secret = from_command(f"open({str(runs)!r}, 'a').write('x'); print('  {CANARY} ')")
    assert secret.describe() == "from command, not run"
    assert bool(secret)
    assert not runs.exists()
    assert [secret.get_secret_value(), secret.get_secret_value()] == [CANARY, CANARY]
    assert runs.read_text() == "x"
    assert secret.describe() == "from command"


def test_threads_that_ask_at_once_run_the_command_once(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    secret = from_command(f"open({str(runs)!r}, 'a').write('x'); print('{CANARY}')")
    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(secret.get_secret_value())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert answers == [CANARY] * 4
    assert runs.read_text() == "x"


def test_a_resolved_secret_is_in_no_text_of_the_object() -> None:
    secret = from_command(f"print('{CANARY}')")
    secret.get_secret_value()
    for text in (repr(secret), str(secret), f"{secret}", f"{secret!r}", secret.describe()):
        assert CANARY not in text


def test_a_command_has_no_shell_and_no_input() -> None:
    secret = LazySecret("x", where="", command=f"echo {CANARY}; $(id) | cat")
    assert secret.get_secret_value() == f"{CANARY}; $(id) | cat"
    assert (
        from_command("import sys; print('nothing' if sys.stdin.read() == '' else 'input')").get_secret_value()
        == "nothing"
    )


def test_a_command_has_no_terminal_to_prompt_on() -> None:
    program = """
try:
    open('/dev/tty')
    print('terminal')
except OSError:
    print('none')
"""
    assert from_command(program).get_secret_value() == "none"


def test_a_failed_command_names_the_setting_and_a_bounded_excerpt_without_the_secret() -> None:
    words = f"'\\x1b]52;c;eA==\\x07 denied for {CANARY} ' + 'x' * 5000"
    secret = from_command(f"import sys; print('{CANARY}'); sys.stderr.write({words}); sys.exit(3)")
    with pytest.raises(ConfigurationError) as caught:
        secret.get_secret_value()
    said = everything_said(caught.value)
    assert "datadog.api_key_command" in caught.value.problem
    assert "exited with 3" in caught.value.problem
    assert "denied for ***" in caught.value.problem
    assert caught.value.where == "config.toml:3"
    assert CANARY not in said
    assert "\x1b" not in caught.value.problem
    assert len(caught.value.problem) < 400


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("pass", "is empty"),
        (f"print('{CANARY}\\nsecond')", "several lines"),
        (f"print('{CANARY}\\x1b[31m')", "control characters"),
        (f"import sys; sys.stdout.buffer.write(b'{CANARY}\\xff')", "not UTF-8"),
        ("print('x' * 100000)", "printed too much"),
    ],
)
def test_an_output_that_cannot_be_a_credential_is_refused_unshown(program: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        from_command(program).get_secret_value()
    assert CANARY not in everything_said(caught.value)


def test_a_command_that_does_not_exist_is_a_plain_error_without_its_arguments() -> None:
    secret = LazySecret("databases.password_command", where="", command=f"no-such-program --token {CANARY}")
    with pytest.raises(ConfigurationError, match="cannot run no-such-program") as caught:
        secret.get_secret_value()
    assert CANARY not in everything_said(caught.value)


@pytest.mark.parametrize("command", ["", "   ", f"'{CANARY}", "a\0b"])
def test_what_is_no_command_is_refused_at_once_and_unshown(command: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a command") as caught:
        LazySecret("databases.password_command", where="", command=command)
    assert CANARY not in everything_said(caught.value)


def test_a_hanging_command_is_ended_with_all_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "COMMAND_TIMEOUT_S", 1.5)
    pids = tmp_path / "pids"
    script = f"sleep 600 & echo $$ $! > {shlex.quote(str(pids))}; wait"
    secret = LazySecret("datadog.api_key_command", where="", command=f"sh -c {shlex.quote(script)}")
    with pytest.raises(ConfigurationError, match="did not finish in time"):
        secret.get_secret_value()
    shell, sleeper = (int(pid) for pid in pids.read_text().split())
    assert has_ended(shell)
    assert has_ended(sleeper)


def has_ended(pid: int) -> bool:
    """Wait for the end of a process that was told to end; the signal is delivered when the system gets round to it."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 10)[0])
    finally:
        os.close(descriptor)


def test_an_agent_that_a_command_leaves_behind_does_not_hold_it_up(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    agent = f"open({str(gate)!r}).read()"
    program = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {agent!r}]); print('{CANARY}')"
    assert from_command(program).get_secret_value() == CANARY
    gate.write_text("go")


def test_a_failure_is_repeated_without_running_the_command_again(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    secret = from_command(f"open({str(runs)!r}, 'a').write('x'); raise SystemExit(1)")
    for _ in range(3):
        with pytest.raises(ConfigurationError, match="exited with 1"):
            secret.get_secret_value()
    assert runs.read_text() == "x"


def test_a_failure_is_forgotten_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "key"
    secret = LazySecret("datadog.api_key_file", where="", file=file)
    with pytest.raises(ConfigurationError, match="cannot read"):
        secret.get_secret_value()
    file.write_text(f"{CANARY}\n")
    monkeypatch.setattr(secrets, "FAILURE_KEPT_S", 0.0)
    assert secret.get_secret_value() == CANARY


def test_a_secret_file_is_read_at_first_use_and_shown_by_its_path(tmp_path: Path) -> None:
    file = tmp_path / "key"
    secret = LazySecret("datadog.api_key_file", where="", file=file)
    file.write_text(f"{CANARY}\n")
    assert secret.describe() == f"from file {file}"
    assert secret.get_secret_value() == CANARY
    assert CANARY not in repr(secret)


def test_a_named_pipe_as_secret_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ConfigurationError, match="not a regular file"):
        LazySecret("datadog.api_key_file", where="", file=pipe).get_secret_value()


def test_a_secret_does_not_leave_in_a_pickle() -> None:
    secret = from_command(f"print('{CANARY}')")
    secret.get_secret_value()
    with pytest.raises(TypeError):
        pickle.dumps(secret)
