"""A state folder and a journal that an earlier version wrote (commit d491761) are read, verified and continued today.

`old_state/` holds the tables of its SQLite file as SQL, what that machine had seen of the journal, and what that
version read from it. The journal has an entry of every kind, one of a kind that nobody knows yet, texts that are not
ASCII, a key that was stored as its hash, two incidents and an investigation.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from diagnostics.config.settings import StateSettings
from diagnostics.incident.assess.criteria import HoldStore
from diagnostics.incident.investigations import project_investigation
from diagnostics.incident.journal import Journal
from diagnostics.incident.projection import project_incident
from diagnostics.incident.sentences import names_of, sentence
from diagnostics.incident.verification import Checkpoint, CheckpointFile
from diagnostics.models.entries import Body, Noted, Unknown
from diagnostics.store.recents import ConsoleSession, Recents
from diagnostics.store.samples import Samples
from diagnostics.store.store import StateStore
from tests.shipped import shipped_catalogue

OLD = Path(__file__).parent / "old_state"
OLD_PLACE = "file /home/ana/.local/state/warroom/state.db"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SINCE_THEN = {
    "repair_planned",
    "repair_started",
    "repair_resumed",
    "row_imaged",
    "row_settled",
    "repair_ended",
    "drain_started",
    "drain_resumed",
    "batch_intended",
    "batch_given",
    "events_left",
    "outcomes_heard",
    "drain_paused",
    "drain_unpaused",
    "drain_throttled",
    "drain_stopped",
    "drain_ended",
}
"""Kinds that the earlier version did not know."""
WRITTEN_AT = datetime(2025, 11, 17, 13, 20, 5, 123456, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The state folder as the earlier version left it."""
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        connection.executescript((OLD / "state.sql").read_text(encoding="utf-8"))
    return tmp_path


@pytest.fixture
def store(folder: Path) -> Iterator[StateStore]:
    made = StateStore(StateSettings(), folder)
    yield made
    made.close()


@pytest.fixture
def journal(store: StateStore) -> Journal:
    return Journal(store, person="zoe", console="bastion:9:9")


@pytest.fixture
def read_before() -> dict[str, Any]:
    """Values that the earlier version read."""
    found: dict[str, Any] = json.loads((OLD / "read.json").read_text(encoding="utf-8"))
    return found


def same_fields(now: dict[str, Any], before: dict[str, Any]) -> bool:
    """Fields may be added, and none of those that were there says anything else."""
    return {name: now[name] for name in before} == before


def test_every_kind_of_entry_is_in_it(journal: Journal) -> None:
    kinds = {one.model_fields["kind"].default for one in get_args(get_args(Body)[0])}
    entries = journal.since(0)
    assert {one.body.kind for one in entries} == kinds - SINCE_THEN | {"recovery_planned"}
    assert [one.body.kind for one in entries if isinstance(one.body, Unknown)] == ["recovery_planned"]


def test_its_chain_is_sound_and_ends_where_it_ended(journal: Journal, read_before: dict[str, Any]) -> None:
    found = journal.verify()
    assert found.is_sound, found.flaws
    assert found.head == read_before["head"]["hash"]
    head = journal.head()
    assert {"seq": head.seq, "hash": head.hash} == read_before["head"]
    assert found.entries == head.seq


def test_it_projects_to_the_same_incidents(journal: Journal, read_before: dict[str, Any]) -> None:
    assert [*reversed(journal.streams("INC"))] == [*read_before["incidents"]]
    for name, before in read_before["incidents"].items():
        incident = project_incident(journal.stream(name))
        assert incident is not None
        assert same_fields(incident.model_dump(mode="json"), before)


def test_it_projects_to_the_same_investigations(journal: Journal, read_before: dict[str, Any]) -> None:
    assert [*journal.streams("INV")] == [*read_before["investigations"]]
    for name, before in read_before["investigations"].items():
        record = project_investigation(journal.stream(name))
        assert record is not None
        assert same_fields(record.model_dump(mode="json"), before)


def test_its_timeline_reads_the_same(journal: Journal, read_before: dict[str, Any]) -> None:
    assert [sentence(one) for one in journal.since(0)] == read_before["sentences"]


def test_deliveries_and_steps_are_spoken_of_by_their_names(journal: Journal) -> None:
    incident = project_incident(journal.stream("INC-1"))
    assert incident is not None
    names = names_of(incident, shipped_catalogue())
    said = [sentence(one, names) for one in journal.stream("INC-1")]
    assert "first notice to #fub-zyno-support arrived (found there after an attempt without answer)" in said
    assert "tracking to Jira ZYN refused: HTTP 403" in said
    assert not [one for one in said if re.match(r"D\d", one)]
    assert names["stop_bulk_work"] == "stop bulk jobs"


def test_a_pin_that_was_taken_out_stays_out(journal: Journal) -> None:
    incident = project_incident(journal.stream("INC-1"))
    assert incident is not None
    assert [one.pinned.pin for one in incident.pins] == ["E1"]
    assert incident.pinned_ever == 2


def test_what_is_said_again_is_written_byte_for_byte(folder: Path, tmp_path: Path) -> None:
    """The same bodies, keys, actors and moments give the same rows, with the same hashes."""
    columns = "seq, stream, kind, entry_key, at_us, actor, console, body, previous, hash"
    query = f"SELECT {columns} FROM warroom_journal ORDER BY seq"  # noqa: S608  # columns that stand above
    with closing(sqlite3.connect(folder / "state.db")) as connection:
        rows = connection.execute(query).fetchall()
    other = tmp_path / "other"
    before = StateStore(StateSettings(), folder)
    # A shared place without a team's secret: what is confirmed there is not signed.
    after = StateStore(StateSettings(url=f"sqlite:///{other}/state.db"), other)
    said = Journal(before, person="zoe", console="bastion:9:9").since(0)
    for entry, row in zip(said, rows, strict=True):
        if isinstance(entry.body, Unknown):
            continue
        moment = EPOCH + timedelta(microseconds=row[4])
        again = Journal(after, person=row[5], console=row[6], now=lambda at=moment: at)  # type: ignore[misc]
        again.append(entry.stream, [entry.body], keys=[entry.key])
    before.close()
    after.close()
    with closing(sqlite3.connect(other / "state.db")) as connection:
        written = connection.execute(query).fetchall()
    unknown = next(place for place, entry in enumerate(said) if isinstance(entry.body, Unknown))
    assert unknown == len(rows) - 1, "the entry that cannot be said again stands at the end"
    assert written == rows[:unknown]


def test_what_this_machine_had_seen_is_found_and_agrees(journal: Journal, folder: Path, store: StateStore) -> None:
    file = CheckpointFile(OLD, OLD_PLACE).path
    assert file.exists(), "its name comes from the place"
    shutil.copy(file, CheckpointFile(folder, store.name).path)
    seen = CheckpointFile(folder, store.name).read()
    assert seen == Checkpoint(68, journal.head().hash, "2025-11-17T13:50:54+00:00")
    assert journal.problem == ""
    found = journal.verify()
    assert found.evidence.caveat.startswith("Somebody who rewrote everything behind entry 68")


def test_it_is_continued(journal: Journal) -> None:
    newest = journal.head()
    written = journal.append("INC-1", [Noted(text="read by a later version")])
    assert (written[0].seq, written[0].previous) == (newest.seq + 1, newest.hash)
    assert journal.open("INC", [Noted(text="begun")])[0].stream == "INC-3"
    assert journal.verify().is_sound


def test_its_holds_of_exit_criteria_go_on(store: StateStore, read_before: dict[str, Any]) -> None:
    holds = {
        name: {
            "rule": one.rule,
            "since": None if one.since is None else one.since.isoformat(),
            "last_at": one.last_at.isoformat(),
            "held_s": one.held_s,
            "why": one.why,
        }
        for name, one in HoldStore(store).read("INC-1").items()
    }
    assert holds == read_before["holds"]
    assert holds["rate_limit_gone"]["held_s"] == 60.0


def test_its_recent_places_its_session_and_saved_queries_are_there(store: StateStore) -> None:
    recent = Recents(store).recent()
    assert [(one.kind, one.line, one.title) for one in recent] == [
        ("query", "explorer service:zillow", "service:zillow"),
        ("deal", "deal 14009 77", "Deal 77"),
        ("account", "account 14009", "Acme Realty"),
    ]
    (kept,) = store.recall("session")
    before = ConsoleSession(
        user="ana",
        host="bastion",
        pid=999999999,
        environment="production",
        lines=("account 14009",),
        memories=({"pane": "log"}, {"tab": "events"}),
        at=kept.at,
    )
    assert kept.key == before.key
    assert kept.payload["lines"] == list(before.lines)
    assert kept.payload["memories"] == list(before.memories)
    (saved,) = store.recall("saved_query")
    assert (saved.key, saved.payload) == ("limits", {"query": "status:error 429", "window_s": 900})


def test_its_samples_are_read(store: StateStore) -> None:
    samples = Samples(store, source="prod", now=lambda: WRITTEN_AT)
    since = WRITTEN_AT - timedelta(minutes=30)
    values = [point.value for point in samples.course("health", since, step_s=900)]
    assert values[-1] == pytest.approx(92.0)
    assert 90.0 in values
