"""`warroom incident …` and `warroom notify`: one journal, one confirmation, exit codes that tell what became of it."""

from __future__ import annotations

import io
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sandbox.launch import SandboxProcess
from tests.cli.conftest import Command
from tests.mariadb import free_port

DECLARE = ("incident", "declare", "--issue", "rate_limiting", "--severity", "incident", "--title", "Sync suspended")


@pytest.fixture
def warroom(on_nov17: Command, nov17: SandboxProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command line on the stand-ins, with an empty journal, and an outside world that was told nothing."""
    monkeypatch.setenv("WARROOM_STATE_DIR", str(tmp_path / "kept"))
    monkeypatch.setenv("WARROOM_ESCALATION__PERSON", "ana")
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    nov17.forget()
    return on_nov17


def told(sandbox: SandboxProcess) -> tuple[int, int, int]:
    """How many messages, Datadog incidents and Jira issues there are."""
    kept = sandbox.recorded()
    return len(kept.messages), len(kept.incidents), len(kept.issues)


def document(text: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(text)
    return read


def typed(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """A person at a terminal, who types this."""
    stdin = io.StringIO(line)
    monkeypatch.setattr(stdin, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", stdin)


def declared(warroom: Command) -> str:
    """Id of an incident that was declared without telling anybody."""
    said = warroom(*DECLARE, "--no-notices", "--yes", "--format", "json")
    assert said.code == 0, said.err
    return str(document(said.out)["incident"]["id"])


def test_without_a_terminal_and_without_yes_nothing_is_done(warroom: Command, nov17: SandboxProcess) -> None:
    said = warroom(*DECLARE)
    assert said.code == 3
    assert said.out.startswith("PROPOSAL  declares an incident: rate_limiting, incident: Sync suspended")
    assert "--yes confirms it" in said.err
    assert told(nov17) == (0, 0, 0)
    assert warroom("incident", "list").out == "no incident has been declared\n"


def test_a_person_confirms_by_typing_the_word(
    warroom: Command, nov17: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, "yes\n")
    assert warroom(*DECLARE).code == 3
    typed(monkeypatch, "")
    assert warroom(*DECLARE).code == 3
    assert told(nov17) == (0, 0, 0)
    typed(monkeypatch, "send\n")
    said = warroom(*DECLARE)
    assert said.code == 0, said.err
    assert "INC-1: confirmed" in said.out
    assert told(nov17) == (1, 1, 1)


def test_an_incident_from_its_declaration_to_its_end(warroom: Command, nov17: SandboxProcess) -> None:
    said = warroom(*DECLARE, "--account-id", "14009", "--account-id", "77", "--yes", "--format", "json")
    assert said.code == 0, said.err
    found = document(said.out)
    assert found["incident"]["id"] == "INC-1"
    assert {"14009", "77"} <= {one["name"] for one in found["incident"]["accounts"]}
    assert [one["state"] for one in found["deliveries"]] == ["sent"] * 3
    assert told(nov17) == (1, 1, 1)

    assert warroom("incident", "note", "--text", "the queue is draining").code == 0
    assert warroom("incident", "claim", "--role", "commander").code == 0
    assert warroom("incident", "status", "--to", "in-progress").code == 0
    said = warroom("incident", "update", "--text", "Backlog halved", "--audience", "stakeholders", "--yes")
    assert said.code == 0, said.err
    assert "Backlog halved" in nov17.recorded().messages[-1]["text"]

    shown = warroom("incident", "show")
    assert "in progress since" in shown.out
    assert "ana: the queue is draining" in shown.out
    assert "incident commander ana" in shown.out

    said = warroom("incident", "resolve", "--text", "Batch retry enabled", "--yes")
    assert said.code == 0, said.err
    assert "NOT MET" in said.out
    assert told(nov17)[0] == 3
    listed = warroom("incident", "list", "--format", "json")
    (line,) = document(listed.out)["incidents"]
    assert (line["status"], line["is_open"]) == ("resolved", False)
    assert warroom("incident", "list", "--open").out == "no incident is open\n"
    assert warroom("journal", "verify").code == 0


def test_what_the_rules_refuse_is_exit_code_3_and_changes_nothing(
    warroom: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = declared(warroom)
    assert warroom("incident", "claim", "--role", "commander").code == 0
    monkeypatch.setenv("WARROOM_ESCALATION__PERSON", "ben")
    said = warroom("incident", "claim", "--role", "commander")
    assert said.code == 3
    assert "refused: ana is incident commander" in said.err
    assert warroom("incident", "claim", "--role", "commander", "--take-over").code == 0
    assert warroom("incident", "status", "--to", "monitoring").code == 0
    said = warroom("incident", "status", "--to", "investigating")
    assert said.code == 3
    assert "needs a reason" in said.err
    assert warroom("incident", "status", "--to", "investigating", "--text", "it is back", "--incident", name).code == 0


def test_the_incident_may_be_left_out_only_where_one_is_open(warroom: Command) -> None:
    said = warroom("incident", "note", "--text", "x")
    assert (said.code, "no incident is open" in said.err) == (64, True)
    declared(warroom)
    declared(warroom)
    said = warroom("incident", "note", "--text", "x")
    assert said.code == 64
    assert "--incident INC-1" in said.err
    assert "--incident INC-2" in said.err
    assert warroom("incident", "note", "--text", "x", "--incident", "inc-2").code == 0
    assert warroom("incident", "note", "--text", "x", "--incident", "INC-9").code == 64


def test_what_could_not_be_delivered_waits_in_the_journal(warroom: Command, nov17: SandboxProcess) -> None:
    nov17.set_faults("slack=503")
    try:
        said = warroom(*DECLARE, "--yes", "--wait", "1")
    finally:
        nov17.clear_faults()
    assert said.code == 2, said.err
    assert "not sent; what waits is in the journal" in said.err
    assert told(nov17)[0] == 0
    assert "INC-1" in warroom("incident", "list").out


def test_without_slack_the_command_says_that_nobody_was_told(
    warroom: Command, nov17: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WARROOM_SLACK__BOT_TOKEN")
    said = warroom(*DECLARE, "--yes")
    assert said.code == 2
    assert "nobody was told from here" in said.err
    assert told(nov17) == (0, 1, 1)


def test_a_journal_that_would_end_with_the_command_is_not_written_to(
    warroom: Command, nov17: SandboxProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WARROOM_STATE__URL", f"sqlite:///{tmp_path}/file/state.db")
    said = warroom(*DECLARE, "--yes")
    assert said.code == 4
    assert "the journal would end with this command" in said.err
    assert told(nov17) == (0, 0, 0)
    listed = warroom("incident", "list")
    assert (listed.code, "Nothing outlasts this console" in listed.err) == (0, True)


def test_a_preview_shows_everything_and_does_nothing(warroom: Command, nov17: SandboxProcess) -> None:
    question = ("--issue", "rate_limiting", "--severity", "incident")
    said = warroom("notify", "--preview", *question, "--fill", "eta=22:00 UTC")
    assert said.code == 0
    assert "22:00 UTC" in said.out
    assert document(warroom("notify", "--preview", *question, "--format", "json").out)["proposal"]["drafts"]
    assert warroom("notify", *question).code == 64
    assert warroom("notify", "--preview").code == 64
    assert warroom("notify", "--preview", *question, "--fill", "eta").code == 64
    assert told(nov17) == (0, 0, 0)
    assert "no incident" in warroom("incident", "list").out


def test_an_incident_is_exported_as_markdown_and_as_json(warroom: Command) -> None:
    declared(warroom)
    warroom("incident", "note", "--text", "the queue is draining")
    review = warroom("incident", "export")
    assert review.code == 0
    assert "the queue is draining" in review.out
    exported = warroom("incident", "export", "--format", "json")
    assert exported.code == 0
    assert "the queue is draining" in json.dumps(document(exported.out))


@pytest.mark.parametrize(
    "arguments",
    [
        ("incident",),
        ("incident", "declare", "--issue", "rate_limiting"),
        ("incident", "declare", "--title", "x", "--yes"),
        ("incident", "declare", "--title", "x", "--issue", "nothing", "--severity", "incident", "--yes"),
        ("incident", "update"),
        ("incident", "status", "--to", "finished"),
        ("incident", "resolve", "--text", "x", "--wait", "soon"),
    ],
)
def test_bad_usage_is_exit_code_64(warroom: Command, arguments: tuple[str, ...]) -> None:
    said = warroom(*arguments)
    assert said.code == 64
    assert said.err.startswith("error: ")


def test_the_help_says_what_the_sandbox_means_for_the_journal(warroom: Command) -> None:
    for arguments in (("incident", "declare"), ("incident",), ("notify",), ("journal",)):
        assert "the next command goes on in the same world, with its journal" in warroom(*arguments, "--help").out


@pytest.mark.parametrize("arguments", [("list",), ("list", "--open"), ("show",), ("export", "--incident", "INC-1")])
@pytest.mark.honesty("the journal's server does not answer", "`warroom incident` says not known with exit code 4")
def test_a_journal_that_cannot_be_read_is_not_an_empty_one(
    warroom: Command, nov17: SandboxProcess, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("WARROOM_STATE__URL", f"mysql+pymysql://root:x@127.0.0.1:{free_port()}/warroom")
    said = warroom("incident", *arguments)
    assert said.code == 4
    assert said.out == ""
    assert "what it holds is not known" in said.err
    told_as_json = warroom("incident", *arguments, "--format", "json")
    assert told_as_json.code == 4
    answer = document(told_as_json.out)
    assert answer["outcome"] == "not_known"
    assert "incidents" not in answer
    if arguments == ("list",):
        told_by_doctor = warroom("doctor").out
        assert "0 entries" not in told_by_doctor
        assert "what it holds is not known" in " ".join(told_by_doctor.split())
        preview = warroom("notify", "--preview", "--issue", "rate_limiting", "--severity", "incident")
        assert "NOT KNOWN whether this is declared already" in preview.out
        assert warroom(*DECLARE, "--yes").code == 4
        assert told(nov17) == (0, 0, 0)


@pytest.mark.honesty(
    "the journal's file is locked by a writer",
    "`warroom incident` shows it and says so; writing is refused, exit code 4",
)
def test_a_journal_that_another_process_writes_to_is_shown_and_not_written(
    warroom: Command, nov17: SandboxProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared(warroom)
    monkeypatch.setattr("diagnostics.store.store.BUSY_S", 0.05)
    with closing(sqlite3.connect(tmp_path / "kept" / "state.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        said = warroom("incident", "list")
        assert (said.code, "INC-1" in said.out) == (0, True)
        assert "The journal can be read, and not written." in said.err
        assert warroom("incident", "show", "--incident", "INC-1").code == 0
        refused = warroom(*DECLARE, "--yes")
        assert (refused.code, told(nov17)) == (4, (0, 0, 0))
        assert "nothing was done, because the journal can only be read" in refused.err
