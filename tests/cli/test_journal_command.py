"""`warroom journal verify` on a journal that is as it was written, and on one that is not."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from diagnostics.config.settings import StateSettings
from diagnostics.incident.journal import Journal
from diagnostics.models.entries import Noted
from diagnostics.store.store import StateStore
from tests.cli.conftest import Command


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder whose journal has five entries."""
    monkeypatch.setenv("WARROOM_STATE_DIR", str(tmp_path / "kept"))
    with closing(StateStore(StateSettings(), tmp_path / "kept")) as store:
        Journal(store, person="ana", console="c").append("INC-1", [Noted(text=str(number)) for number in range(5)])
    return tmp_path / "kept"


def alter(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "state.db", isolation_level=None)) as connection:
        connection.execute(statement)


def test_a_sound_journal_is_said_to_be_and_what_it_would_take_to_be_wrong(command: Command, folder: Path) -> None:
    said = command("journal", "verify")
    assert said.code == 0
    assert said.out.startswith("PASS         5 entries, each as it was written")
    assert "limit: " in said.out


def test_each_flaw_is_named_and_the_exit_code_is_1(command: Command, folder: Path) -> None:
    alter(folder, "UPDATE warroom_journal SET actor = 'ben' WHERE seq = 2")
    alter(folder, "DELETE FROM warroom_journal WHERE seq = 4")
    said = command("journal", "verify")
    assert said.code == 1
    assert said.out.startswith("FAIL")
    assert "- entry 4: missing" in said.out
    assert "- entry 2: altered" in said.out
    document = json.loads(command("journal", "verify", "--format", "json").out)
    assert document["outcome"] == "verification"
    assert document["is_sound"] is False
    assert len(document["flaws"]) == 2


def test_an_empty_journal_is_sound(command: Command) -> None:
    said = command("journal", "verify")
    assert (said.code, "the journal is empty" in said.out) == (0, True)


def test_without_a_lasting_place_there_is_nothing_to_verify(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WARROOM_STATE__URL", f"sqlite:///{tmp_path}/file/state.db")
    said = command("journal", "verify")
    assert said.code == 4
    assert "there is no journal to verify" in said.err


def test_the_doctor_tells_of_the_journal(on_nov17: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARROOM_STATE_DIR", str(folder))
    assert "state  journal: 5 entries; you write as" in on_nov17("doctor").out


def test_the_incident_command_verifies_as_the_journal_command_does(command: Command, folder: Path) -> None:
    assert command("incident", "verify").out.startswith("PASS         5 entries, each as it was written")
    alter(folder, "UPDATE warroom_journal SET actor = 'ben' WHERE seq = 2")
    for arguments in (("verify",), ("verify", "--against", "5:0123456789abcdef")):
        both = [command(name, *arguments) for name in ("journal", "incident")]
        assert {said.code for said in both} == {1}
        assert both[0].out.count("- entry") == both[1].out.count("- entry") == len(arguments) - len(arguments) // 2
