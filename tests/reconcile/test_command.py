"""`warroom reconcile` from the shell: what it prints, what it asks for, and its exit codes."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.reconcile.account import ACCOUNT, PASSWORD, StaleAccount
from tui.cli.main import run


@pytest.fixture
def shell(account: StaleAccount, monkeypatch: pytest.MonkeyPatch) -> StaleAccount:
    """The account as the environment names it; its plans were made some minutes ago."""
    databases = account.shelf.settings.databases
    for name, value in {
        "CONFIG": "",
        "STATE_DIR": str(account.shelf.settings.state_dir),
        "DATABASES__COMMON_URL": databases.common_url,
        "DATABASES__CLIENT_URL": databases.client_url,
        "DATABASES__WRITER": f"writer:{PASSWORD}",
        "WRITES__REPAIRS": "true",
    }.items():
        if value:
            monkeypatch.setenv(f"WARROOM_{name}", value)
    account.at -= timedelta(minutes=5)
    return account


def test_one_reading_is_not_known_and_two_are_a_warning(
    shell: StaleAccount, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["reconcile", "report", "--account-id", str(ACCOUNT)]) == 4
    once = capsys.readouterr().out
    assert "4 differences seen once; whether they will last is not known yet" in once
    assert "NO DATA" in once
    shell.service.report(ACCOUNT)
    shell.later(100)
    assert run(["reconcile", "report", "--account-id", str(ACCOUNT), "--format", "json"]) == 2
    said = json.loads(capsys.readouterr().out)
    assert (said["outcome"], said["noise"], len(said["persistent"])) == ("reconcile_report", 0.0, 4)


def test_a_plan_is_shown_confirmed_carried_out_and_taken_back(
    shell: StaleAccount, capsys: pytest.CaptureFixture[str]
) -> None:
    record = shell.planned()
    assert run(["reconcile", "show", record.name]) == 0
    shown = capsys.readouterr().out
    assert shown.count("INFERRED (3) → CONNECTED (1)") == 4
    assert f'warroom reconcile apply {record.name} --confirm "4 PROD"' in shown
    # Nobody can be asked here, and other words confirm nothing.
    assert run(["reconcile", "apply", record.name]) == 64
    assert '--confirm "4 PROD"' in capsys.readouterr().err
    assert run(["reconcile", "apply", record.name, "--confirm", "4"]) == 64
    assert set(shell.methods().values()) == {1, 3}
    assert run(["reconcile", "apply", record.name, "--confirm", "4 PROD", "--format", "json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["counts"], done["is_done"], done["standing"]) == ({"mended": 4}, True, "done")
    assert set(shell.methods().values()) == {1}
    assert run(["reconcile", "undo", record.name]) == 0
    assert run(["reconcile", "apply", "REP-2", "--confirm", "4 PROD"]) == 0
    assert "4 rows restored" in capsys.readouterr().out
    assert set(shell.methods().values()) == {1, 3}
    assert run(["reconcile", "list"]) == 0
    assert [line.split("  ")[:2] for line in capsys.readouterr().out.splitlines()] == [
        ["REP-2", "done"],
        ["REP-1", "done"],
    ]


@pytest.mark.parametrize("arguments", [["show", "REP-7"], ["show", "../x"], ["report"], ["resume", "REP-1"]])
def test_what_cannot_be_done_is_refused_in_words(
    shell: StaleAccount, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert shell.service.repairs() == ()
    assert run(["reconcile", *arguments, *(["--confirm", "4 PROD"] if arguments[0] == "resume" else [])]) == 64
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert "next:" in said
