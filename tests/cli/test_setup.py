"""A start without configuration, and `warroom setup`: on real terminals, against the running stand-ins."""

from __future__ import annotations

import stat
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import make_url

from diagnostics.core.failures import UserError
from sandbox.launch import SandboxProcess
from tests.cli.conftest import Command
from tests.terminal import Terminal
from tui.options import Options
from tui.setup.first_run import explained, is_configured
from tui.setup.settings_file import differences, put_in_place, text_of
from tui.setup.topics import TOPICS

ROOT = Path(__file__).parents[2]
WARROOM = [sys.executable, "-m", "tui"]
MOMENT = datetime(2026, 3, 1, 14, 3, 22, tzinfo=UTC)


def home(folder: Path) -> dict[str, str | None]:
    return {
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder / "c"),
        "XDG_STATE_HOME": str(folder / "s"),
        "PYTHONPATH": str(ROOT),
    }


@pytest.mark.parametrize(
    ("environ", "configured"),
    [
        ({}, False),
        ({"DD_API_KEY": "x"}, True),
        ({"DD_API_KEY": ""}, False),
        ({"WARROOM_UI__THEME": "light", "WARROOM_SANDBOX_KEEP": "no"}, False),
        ({"WARROOM_DATABASES__COMMON_URL": "sqlite:///x"}, True),
    ],
)
def test_what_counts_as_configured(environ: Mapping[str, str], configured: bool, tmp_path: Path) -> None:
    assert is_configured(Options(), {"XDG_CONFIG_HOME": str(tmp_path), **environ}) is configured


def test_a_file_or_a_sandbox_is_a_configuration(tmp_path: Path) -> None:
    (tmp_path / "zillow-war-room").mkdir()
    (tmp_path / "zillow-war-room" / "config.toml").touch()
    assert is_configured(Options(), {"XDG_CONFIG_HOME": str(tmp_path)})
    assert is_configured(Options(sandbox="nov17"), {"XDG_CONFIG_HOME": "/nowhere"})
    assert is_configured(Options(config=Path("/a/file")), {"XDG_CONFIG_HOME": "/nowhere"})


def test_the_explanation_fits_one_screen() -> None:
    lines = explained({"XDG_CONFIG_HOME": "/home/ana/.config"})
    assert len(lines) <= 22
    assert max(map(len, lines)) <= 79


def test_without_a_terminal_it_is_explained_on_standard_error(tmp_path: Path) -> None:
    environ = {name: value for name, value in home(tmp_path).items() if value is not None}
    environ["PATH"] = "/usr/bin:/bin"
    said = subprocess.run(WARROOM, env=environ, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert (said.returncode, said.stdout) == (64, "")
    for name in ("DD_APP_KEY", "databases.client_url", "warroom setup", "--sandbox nov17", str(tmp_path / "c")):
        assert name in said.stderr


def test_on_a_terminal_a_key_leads_to_setup_which_writes_nothing_when_cancelled(tmp_path: Path) -> None:
    with Terminal(WARROOM, home(tmp_path), 80, 24, cwd=ROOT) as terminal:
        terminal.wait_for("q  quit")
        assert "Zillow War Room" in terminal.screen()[0]
        terminal.press("x", "w")
        terminal.wait_for("(Enter: skip):")
        terminal.press("ctrl+c")
        terminal.wait_for("nothing was written")
        assert terminal.wait_exit() == 130
        assert terminal.not_restored() == []
    assert not (tmp_path / "c").exists()


def test_the_dialogue_tests_each_answer_and_writes_what_config_check_accepts(
    tmp_path: Path, nov17: SandboxProcess, command: Command
) -> None:
    flags = {name: str(value) for name, value in nov17.flags().items()}
    (tmp_path / "right").write_text(flags["datadog.api_key"])
    with Terminal([*WARROOM, "setup"], home(tmp_path), 80, 24, cwd=ROOT) as terminal:

        def answer(question: str, typed: str) -> None:
            terminal.wait_for(lambda seen: seen.text.rstrip().endswith(question), 40)
            terminal.send(f"{typed}\r")

        answer("skip):", "sqlite:////nowhere/at/all.db")
        terminal.wait_for("cannot be opened", 40)
        answer("choice [c]:", "c")
        answer("skip):", flags["databases.common_url"])
        answer("choice [y]:", "n")
        answer("[datadoghq.com]:", flags["datadog.api_url"])
        answer("choice [c]:", "f")
        answer("path of the file:", str(tmp_path / "right"))
        answer("choice [c]:", "t")
        answer("(not shown):", flags["datadog.app_key"])
        answer("choice [n]:", "")
        answer("(Enter: skip):", "")
        answer("(Enter: skip):", "")
        answer("(Enter: skip):", "")
        answer("anything else to leave:", "write")
        assert terminal.wait_exit(40) == 0
        # Typed keys are neither echoed nor shown with the file.
        assert flags["datadog.app_key"].encode() not in terminal.raw
    path = tmp_path / "c" / "zillow-war-room" / "config.toml"
    assert tomllib.loads(path.read_text()) == {
        "databases": {"common_url": flags["databases.common_url"]},
        "datadog": {
            "api_url": flags["datadog.api_url"],
            "api_key_file": str(tmp_path / "right"),
            "app_key": flags["datadog.app_key"],
        },
    }
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)
    assert command("config", "check", "--config", str(path)).code in {0, 2}  # 2: the test's own key file is 0644


def test_a_pipe_is_refused_with_words(command: Command, tmp_path: Path) -> None:
    said = command("setup")
    assert said.code == 64
    assert "not a terminal" in said.err
    assert "config check" in said.err
    assert not (tmp_path / "config").exists()


def test_a_file_that_is_there_is_kept_beside_and_differences_hide_secrets(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('environment = "PROD"\n[datadog]\napi_key = "old-secret"\n')
    then: dict[str, object] = {
        "environment": "STAGING",
        "datadog.api_key": "new-secret",
        "databases.tls": True,
        "slack.channel": 'a "quoted" \\ ü',
        "ui.keymap.quit": "f10",
    }
    shown = "\n".join(differences(path, then))
    assert "secret" not in shown
    assert '-environment = "PROD"' in shown
    assert '+environment = "STAGING"' in shown
    assert "changed, not shown: datadog.api_key" in shown
    _, backup = put_in_place(path, then, MOMENT)
    assert backup is not None
    assert (backup.name, backup.read_text()) == (
        "config.toml.20260301-140322.bak",
        'environment = "PROD"\n[datadog]\napi_key = "old-secret"\n',
    )
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert tomllib.loads(path.read_text()) == {
        "environment": "STAGING",
        "datadog": {"api_key": "new-secret"},
        "databases": {"tls": True},
        "slack": {"channel": 'a "quoted" \\ ü'},
        "ui": {"keymap": {"quit": "f10"}},
    }


def test_what_is_refused_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('environment = "PROD"\n')
    with pytest.raises(UserError, match=r"datadog\.api_url"):
        put_in_place(path, {"datadog.api_url": "not an address"}, MOMENT)
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("config.toml", 'environment = "PROD"\n')]


def test_a_secret_is_hidden_where_the_file_is_shown() -> None:
    shown = text_of({"jira.token": "marker-one", "databases.common_url": "mysql://u:marker-two@h/d"}, shown=True)
    assert "marker" not in shown


def test_host_port_user_and_database_make_addresses_without_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter(["db.example", "99999", "3307", "on@call", "common", "c", "pass show x", "y", "y", "", "", "", ""])
    monkeypatch.setattr("builtins.input", lambda _: next(typed))
    shared, accounts = TOPICS[0].ask(), TOPICS[1].ask()
    assert shared is not None
    assert accounts is not None
    url = make_url(str(shared["databases.common_url"]))
    assert (url.host, url.port, url.username, url.password, url.database) == (
        "db.example",
        3307,
        "on@call",
        None,
        "common",
    )
    assert shared["databases.password_command"] == "pass show x"
    assert shared["databases.tls"] is True
    assert accounts == {"databases.client_url": "mysql+pymysql://{db_user}@{db_host}:3306/{db_database}"}


def test_an_address_with_a_password_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "mysql://u:marker@h/d")
    with pytest.raises(UserError) as refused:
        TOPICS[0].ask()
    assert "marker" not in " ".join(refused.value.lines())
