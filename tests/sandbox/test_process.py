"""The process: how it starts, ends, refuses, and comes back on the same port."""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

import httpx
import orjson
import pymysql
import pytest

from diagnostics.config.layers import load_settings
from diagnostics.core.failures import SourceFailure, UserError
from sandbox import scenarios
from sandbox.launch import SandboxProcess, start_sandbox
from sandbox.stores.server_store import DatabaseServer
from sandbox.stores.ticker import Ticker
from sandbox.stories.story import ENVIRONMENT, Secrets, Story
from tests.sampling import sampled
from tests.sandbox.api import UNLIMITED, Api
from tui.log_file import start_log_file

COMMAND = [sys.executable, "-m", "sandbox"]


def _serve(*arguments: str, **variables: str) -> subprocess.Popen[bytes]:
    """Start a sandbox as a person would, with pipes to see what it says."""
    return subprocess.Popen(
        [*COMMAND, "serve", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | variables,
    )


def _ready(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert process.stdout is not None
    ready = orjson.loads(process.stdout.readline())
    assert isinstance(ready, dict)
    return ready


def _gone(pid: int) -> bool:
    """Return whether a process ended within a few seconds; a zombie has ended."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_the_ready_line_names_addresses_and_no_secret(running: SandboxProcess) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", running.url)
    assert running.common_url.startswith("sqlite:////")
    assert "{db_database}" in running.client_url
    flags = running.flags()
    assert flags["environment"] == "SANDBOX healthy"
    arguments = Path(f"/proc/{running.pid}/cmdline").read_bytes().decode()
    for name in ("datadog.api_key", "datadog.app_key"):
        assert str(flags[name]) not in arguments
        assert str(flags[name]) not in repr(running)


def test_its_flags_are_settings_of_the_console(running: SandboxProcess) -> None:
    settings = load_settings(flags=running.flags(), environ={}).settings
    assert settings.environment == "SANDBOX healthy"
    assert settings.datadog.api_url == running.url
    assert settings.databases.common_url == running.common_url
    for name in ("api_key", "app_key"):
        path = running.directory / name
        assert path.stat().st_mode & 0o777 == 0o600


def test_what_a_console_remembers_of_it_stays_in_its_directory(tmp_path: Path) -> None:
    environ = {"XDG_STATE_HOME": str(tmp_path / "home")}
    with start_sandbox("healthy") as process:
        settings = load_settings(flags=process.flags(), environ=environ).settings
        assert settings.state_dir == process.directory / "state"
        by_file = load_settings(config=process.directory / "console.toml", environ=environ).settings
        assert by_file.state_dir == settings.state_dir
        assert start_log_file(settings.state_dir) == settings.state_dir / "warroom.log"
        directory = process.directory
    assert not directory.exists()
    # Whatever is still logged at the end must not fail for want of the folder.
    logging.getLogger("late").warning("the stand-ins are gone")
    assert not directory.exists()


def test_it_ends_when_its_standard_input_ends_and_removes_its_directory() -> None:
    process = _serve("--scenario", "healthy", "--parent-pipe")
    ready = _ready(process)
    directory = Path(ready["directory"])
    assert directory.is_dir()
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(20) == 0
    assert not directory.exists()


def test_it_does_not_outlive_a_parent_that_was_killed() -> None:
    script = (
        "from sandbox.launch import start_sandbox\n"
        "import time\n"
        "s = start_sandbox('healthy')\n"
        "print(s.pid, s.directory, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid, directory = parent.stdout.readline().split()
    parent.kill()
    parent.wait(10)
    assert _gone(int(pid))
    assert not Path(directory.decode()).exists()


def test_sigterm_ends_it_cleanly_and_keeps_a_directory_it_was_given(tmp_path: Path) -> None:
    process = _serve("--scenario", "healthy", "--directory", str(tmp_path))
    _ready(process)
    process.terminate()
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, b"")
    assert (tmp_path / "common.db").is_file()


def test_it_can_be_told_to_stop_before_it_is_ready() -> None:
    process = _serve("--scenario", "healthy", "--parent-pipe")
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(120) == 0


def test_a_sandbox_killed_and_started_again_goes_on_with_its_story(tmp_path: Path) -> None:
    first = _serve("--scenario", "healthy", "--directory", str(tmp_path), "--rate-limit", "search=1000000/1")
    ready = _ready(first)
    keys = {
        "DD-API-KEY": (tmp_path / "api_key").read_text(encoding="utf-8"),
        "DD-APPLICATION-KEY": (tmp_path / "app_key").read_text(encoding="utf-8"),
    }
    query = {
        "filter[query]": "service:fub-api",
        "filter[from]": "now-20m",
        "filter[to]": "now-1m",
        "page[limit]": "200",
    }
    before = httpx.get(f"{ready['url']}/api/v2/logs/events", params=query, headers=keys).json()
    stamp = (tmp_path / "common.db").stat().st_ino
    first.kill()
    first.wait(10)
    port = ready["url"].rsplit(":", 1)[1]
    second = _serve("--scenario", "healthy", "--directory", str(tmp_path), "--port", port)
    try:
        assert _ready(second)["url"] == ready["url"]
        assert (tmp_path / "common.db").stat().st_ino == stamp, "the databases are taken over, not filled again"
        # Keys, ids and even cursors of the first process are good in the second.
        after = httpx.get(before["links"]["next"], headers=keys).json()
        assert after["data"]
        assert not {event["id"] for event in after["data"]} & {event["id"] for event in before["data"]}
        assert max(event["attributes"]["timestamp"] for event in after["data"]) <= min(
            event["attributes"]["timestamp"] for event in before["data"]
        )
    finally:
        second.terminate()
        second.wait(20)


def test_another_scenario_in_the_same_directory_replaces_the_first(tmp_path: Path) -> None:
    for name, undelivered in (("healthy", 24), ("oauth_cascade", 164)):
        with start_sandbox(name, directory=tmp_path, rate_limits=UNLIMITED) as process, Api(process) as api:
            rows = api.rows(
                "SELECT COUNT(*) FROM zillow_webhook_events WHERE status IN ('pending','processing','failed')"
            )
            assert rows == [(undelivered,)]


def test_a_console_settings_file_lies_ready(running: SandboxProcess) -> None:
    file = running.directory / "console.toml"
    assert tomllib.loads(file.read_text(encoding="utf-8"))["environment"] == "SANDBOX healthy"
    loaded = load_settings(config=file, environ={}).settings
    assert loaded.datadog.api_url == running.url
    assert loaded.datadog.api_key is not None
    keys = {
        "DD-API-KEY": loaded.datadog.api_key.get_secret_value(),
        "DD-APPLICATION-KEY": loaded.datadog.app_key.get_secret_value() if loaded.datadog.app_key else "",
    }
    assert httpx.get(f"{running.url}/api/v1/monitor", headers=keys).status_code == 200


def test_http_answers_before_the_databases_are_filled() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ("--scenario", "nov17", "--port", str(port), "--parent-pipe")
    process, given = _serve(*arguments, WARROOM_SANDBOX_CONTROL_TOKEN="shown"), {"x-sandbox-token": "shown"}
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                state = httpx.get(f"http://127.0.0.1:{port}/sandbox/state", headers=given).json()
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline
                time.sleep(0.02)
        assert state["ready"] is False
        _ready(process)
        assert httpx.get(f"http://127.0.0.1:{port}/sandbox/state", headers=given).json()["ready"] is True
    finally:
        process.terminate()
        process.communicate(timeout=20)


def test_an_unknown_scenario_is_refused_with_the_names() -> None:
    with pytest.raises(UserError) as caught:
        start_sandbox("quantum")
    assert caught.value.accepted == ", ".join(scenarios())


@pytest.mark.parametrize(
    ("options", "problem"),
    sampled(
        [
            pytest.param({"fault": "nonsense"}, "'nonsense' is not a fault"),
            pytest.param({"rate_limits": ["search=often"]}, "'search=often' is not a rate limit"),
            pytest.param({"port": 70_000}, "cannot listen on 127.0.0.1 port 70000"),
            pytest.param(
                {"database_url": "postgresql://someone:s3cr3t@localhost/"},
                "the stand-ins cannot use this kind of database",
            ),
            pytest.param({"database_url": "nonsense s3cr3t"}, "the database's address cannot be read"),
            pytest.param({"directory": "/proc/nowhere"}, "cannot use /proc/nowhere"),
        ],
        2,
        "refusals",
    ),
)
def test_what_the_process_refuses_reaches_the_caller_as_a_user_error(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(UserError) as caught:
        start_sandbox("healthy", **options)
    assert caught.value.problem.startswith(problem)
    assert caught.value.accepted
    assert "s3cr3t" not in "".join(caught.value.lines())


def test_a_database_server_that_is_not_there_is_a_source_failure_without_the_password() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"mysql+pymysql://root:hidden@127.0.0.1:{probe.getsockname()[1]}/"
    with pytest.raises(SourceFailure) as caught:
        start_sandbox("healthy", database_url=url)
    assert "Can't connect" in caught.value.reason
    assert "s3cr3t" not in str(caught.value)


def test_a_port_in_use_is_refused() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        with pytest.raises(UserError, match="cannot listen"):
            start_sandbox("healthy", port=busy.getsockname()[1])


def test_a_sandbox_that_is_not_ready_in_time_is_ended() -> None:
    with pytest.raises(SourceFailure) as caught:
        start_sandbox("nov17", ready_timeout_s=0.01)
    assert caught.value.is_transient


def test_the_list_names_every_scenario() -> None:
    listed = subprocess.run([*COMMAND, "list"], capture_output=True, text=True, check=True, timeout=30)
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(scenarios())


def test_wrong_usage_ends_with_the_code_of_wrong_usage() -> None:
    for arguments in (
        [],
        ["serve"],
        ["serve", "--scenario", "quantum"],
        ["serve", "--scenario", "nov17", "--port", "x"],
    ):
        done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode == 64
        assert done.stderr.startswith("error: ")


def test_neither_arguments_nor_environment_of_the_child_hold_a_secret(running: SandboxProcess) -> None:
    """Arguments are there for every user of the machine, an environment for all that this user runs."""
    given = [str(value) for name, value in running.flags().items() if name.endswith(("key", "token", "password"))]
    secret = [*given, *running.controls.values(), running.webhook_url, "marker-of-datadog", "marker-of-jira"]
    shown = [Path(f"/proc/{running.pid}/{name}").read_text() for name in ("cmdline", "environ")]
    assert [one for one in secret if any(one in text for text in shown)] == []
    wide = [str(path) for path in (running.directory, *running.directory.rglob("*")) if path.stat().st_mode & 0o077]
    assert wide == []


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_another_user_of_the_machine_can_neither_read_nor_drive_it(method: str, nov17: Api) -> None:
    """The port is open to everybody; the token, the keys and the databases' files are not."""
    paths = {"GET": ("state", "events", "faults", "recorded"), "POST": ("faults",), "DELETE": ("recorded",)}[method]
    for path in paths:
        for wrong in ({}, {"x-sandbox-token": "guessed"}, {"x-sandbox-token": ""}):
            answer = httpx.request(method, f"{nov17.process.url}/sandbox/{path}", headers=wrong)
            assert answer.status_code == 401
            assert "control_token" in answer.text
    assert httpx.get(f"{nov17.process.url}/api/v1/validate").status_code == 403
    assert httpx.get(f"{nov17.process.url}/rest/api/3/myself").status_code == 401
    assert httpx.post(f"{nov17.process.url}/api/auth.test").json()["ok"] is False


def test_the_keeper_outlives_a_server_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a restart: no connection, one that ends under a statement, whatever the driver makes of it."""
    with pytest.raises(SourceFailure), DatabaseServer("mysql+pymysql://root@127.0.0.1:1/", "warroom", "x").cursor():
        pytest.fail("nobody listens there")
    monkeypatch.setattr("sandbox.stores.ticker.TICK_S", 0.01)
    ticker = Ticker(Story("healthy", 1, 0), cast("Any", None))
    trouble = iter([pymysql.OperationalError(2003), pymysql.InterfaceError(0, ""), BrokenPipeError(), AttributeError()])
    well = threading.Event()

    def keep(_elapsed_s: float) -> None:
        for error in trouble:
            raise error
        well.set()

    monkeypatch.setattr(ticker, "keep", keep)
    ticker.start()
    try:
        assert well.wait(10)
    finally:
        ticker.stop()


def test_the_environment_of_the_child_names_every_secret() -> None:
    assert set(ENVIRONMENT) == {field.name for field in fields(Secrets)}
    assert not set(ENVIRONMENT.values()) & set(os.environ)
    assert signal.SIGTERM
