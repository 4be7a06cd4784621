"""When the place fails: nothing is reported as done that was not written, nothing is lost, nothing is there twice."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pymysql
import pytest
from sqlalchemy import text
from sqlalchemy.engine.base import Transaction
from sqlalchemy.exc import DBAPIError

from diagnostics.config.settings import StateSettings
from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.incident.journal import Journal
from diagnostics.models.entries import Corrected, DuplicateFound, Merged, Noted
from diagnostics.store.store import StateStore
from tests.journal.places import JournalPlace, MariaDBPlace, SQLitePlace, declared, notes
from tests.mariadb import private_mariadb

pytestmark = [
    # What SQLAlchemy says of a commit that was done and then fails, which is what these tests do.
    pytest.mark.filterwarnings("ignore:transaction already deassociated"),
]


def texts(journal: Journal, stream: str = "INC-1") -> list[str]:
    """Texts of the notes of a stream."""
    return [entry.body.text for entry in journal.stream(stream) if isinstance(entry.body, Noted)]


class Unreliable:
    """Loses the answer to a commit, before or after the commit was done."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, done: bool, answered: int = 0) -> None:
        self.answered = answered
        """Commits that are answered before it."""
        self.left = 1
        commit = Transaction.commit

        def lose(transaction: Transaction) -> None:
            if self.answered or not self.left:
                self.answered = max(0, self.answered - 1)
                commit(transaction)
                return
            self.left -= 1
            if done:
                commit(transaction)
            raise DBAPIError("", None, pymysql.OperationalError(2013, "Lost connection during query"))

        monkeypatch.setattr(Transaction, "commit", lose)


@pytest.mark.parametrize("done", [True, False], ids=["it was done", "it was not done"])
def test_an_append_whose_answer_was_lost_is_there_exactly_once(
    place: JournalPlace, monkeypatch: pytest.MonkeyPatch, done: bool
) -> None:
    journal = place.journal()
    journal.append("INC-1", notes("before"))
    Unreliable(monkeypatch, done=done)
    entries = journal.append("INC-1", notes("a", "b"), expect=1)
    monkeypatch.undo()
    assert [entry.seq for entry in entries] == [2, 3]
    assert texts(journal) == ["before", "a", "b"]
    assert journal.verify().is_sound


def test_an_append_that_nobody_answers_says_what_is_known(place: JournalPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = place.journal()
    journal.append("INC-1", notes("before"))
    monkeypatch.setattr("diagnostics.incident.journal.LOOK_AGAIN_S", 0.0)
    Unreliable(monkeypatch, done=False)
    with pytest.raises(SourceFailure) as failed:
        journal.append("INC-1", notes("a"))
    assert failed.value.source == "state"
    known = "nothing was written" if isinstance(place, SQLitePlace) else "it is unknown yet whether the entry was"
    assert known in failed.value.reason
    Unreliable(monkeypatch, done=True)
    with pytest.raises(SourceFailure, match="unknown yet"):
        journal.append("INC-1", notes("b"))
    monkeypatch.undo()
    assert texts(journal) == ["before", "b"]


@pytest.mark.mariadb
def test_a_server_that_dies_in_the_middle_of_writing_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    with private_mariadb("--innodb-flush-log-at-trx-commit=1") as server:
        place = MariaDBPlace(tmp_path, server)
        journal, acknowledged = place.journal(), []
        enough, goes_on = threading.Event(), threading.Event()

        def write() -> None:
            for number in range(10_000):
                try:
                    journal.append("INC-1", notes(str(number)), keys=[str(number)])
                except SourceFailure:
                    return
                acknowledged.append(str(number))
                if number == 50:
                    enough.set()

        writer = threading.Thread(target=write)
        writer.start()
        assert enough.wait(60)
        server.kill()
        goes_on.set()
        writer.join(60)
        with pytest.raises(SourceFailure) as gone:
            journal.append("INC-1", notes("x"))
        assert gone.value.kind in {FailureKind.UNREACHABLE, FailureKind.TIMED_OUT}
        server.start()
        found = texts(journal)
        # The last one may have been done without an answer; the acknowledged ones are all there.
        assert found[: len(acknowledged)] == acknowledged
        assert len(found) - len(acknowledged) <= 1
        assert journal.verify().is_sound
        place.close()


def test_a_full_disk_is_said_and_leaves_nothing_half_written(sqlite_place: SQLitePlace) -> None:
    journal = sqlite_place.journal()
    journal.append("INC-1", notes("before"))
    code = (
        "import sys, resource, signal; from pathlib import Path; from tests.journal.places import *;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); place = SQLitePlace(Path(sys.argv[1]));"
        "journal = place.journal(); journal.head();"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "from diagnostics.core.failures import SourceFailure\n"
        "try:\n"
        "    journal.append('INC-1', notes(*['x' * 100_000] * 20))\n"
        "except SourceFailure as failure:\n"
        "    print(failure.source, failure.reason, failure.remedy)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(sqlite_place.folder)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.startswith("state "), done.stderr
    assert "set state_dir to a folder of your own" in done.stdout
    assert texts(journal) == ["before"]
    assert journal.verify().is_sound


def test_a_file_that_somebody_holds_is_a_failure_in_words(
    sqlite_place: SQLitePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diagnostics.store.store.BUSY_S", 0.05)
    monkeypatch.setattr("diagnostics.store.store.ATTEMPTS", 2)
    journal = sqlite_place.journal()
    journal.append("INC-1", notes("before"))
    with closing(sqlite3.connect(sqlite_place.folder / "state.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(SourceFailure, match="locked by another process") as failed:
            journal.append("INC-1", notes("x"))
        assert failed.value.remedy
        other.execute("ROLLBACK")
    assert texts(journal) == ["before"]


def test_every_commit_waits_for_the_disk(sqlite_place: SQLitePlace) -> None:
    with sqlite_place.store().begin() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"


@pytest.mark.mariadb
def test_a_login_that_may_not_write_the_journal_is_told_so(mariadb_place: MariaDBPlace) -> None:
    mariadb_place.journal().append("INC-1", notes("before"))
    server, schema = mariadb_place.server, mariadb_place.schema
    server.create_user("looker", "right", schemas=[schema], privileges="SELECT, UPDATE, CREATE")
    store = StateStore(StateSettings(url=server.url(schema, "looker", "right")), mariadb_place.folder)
    with closing(store), pytest.raises(SourceFailure) as failed:
        Journal(store, person="ana", console="c").append("INC-1", notes("x"))
    assert failed.value.kind is FailureKind.DENIED
    assert "right" not in str(failed.value)


class Clocked:
    """A console on a file that another process holds whole at first; `come_back` frees it, and a minute passes."""

    def __init__(self, place: SQLitePlace, patch: pytest.MonkeyPatch) -> None:
        self.seconds = 0.0
        self._patch = patch
        # So that the place is given up at once; once it is back, its writers wait for each other as ever.
        patch.setattr("diagnostics.store.store.BUSY_S", 0.05)
        place.let_go()
        self._other = place.held_whole()
        self.store = StateStore(StateSettings(), place.folder, clock=lambda: self.seconds)
        self.journal = Journal(self.store, person="ana", console="bastion:7:7")
        self.journal.head()

    def come_back(self) -> None:
        """The place may be used again."""
        if self._other.in_transaction:
            self._other.execute("ROLLBACK")
        self._other.close()
        self._patch.setattr("diagnostics.store.store.BUSY_S", 4.0)
        self.seconds += 61


@pytest.fixture
def clocked(sqlite_place: SQLitePlace, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Clocked]:
    return lambda: Clocked(sqlite_place, monkeypatch)


def test_a_journal_in_memory_says_so_and_is_taken_along_when_the_place_comes_back(
    sqlite_place: SQLitePlace, clocked: Callable[[], Clocked]
) -> None:
    other = sqlite_place.journal("ben")
    other.open("INV", notes("why"))
    console = clocked()
    journal = console.journal
    assert journal.problem.startswith("Nothing outlasts this console: its file stayed locked")
    before = journal.open("INC", [declared(), *notes("a", "b")])
    console.come_back()
    generation = 1
    assert journal.problem == ""
    assert journal.generation == generation + 1
    after = other.stream("INC-1")
    assert [entry.seq for entry in after] == [2, 3, 4]
    for old, new in zip(before, after, strict=True):
        assert (old.key, old.actor, old.console, old.at, old.body) == (
            new.key,
            new.actor,
            new.console,
            new.at,
            new.body,
        )
    journal.append("INC-1", notes("c"))
    assert texts(other) == ["a", "b", "c"]
    assert journal.take_renames() == {}
    assert other.verify().is_sound
    console.store.close()


def test_a_number_that_was_given_away_is_renamed_and_the_timeline_says_so(
    sqlite_place: SQLitePlace, clocked: Callable[[], Clocked]
) -> None:
    other = sqlite_place.journal("ben")
    other.open("INC", [declared("theirs"), *notes("theirs")])
    other.open("INC", [declared("theirs too")])
    console = clocked()
    journal = console.journal
    journal.open("INC", [declared("ours"), *notes("ours")])
    journal.open("INC", [declared("ours as well"), DuplicateFound(other="INC-1")])
    seq = journal.append("INC-1", [Merged(into="INC-2")])[0].seq
    journal.append("INC-1", [Corrected(seq=seq, text="It was not.")])
    console.come_back()
    with pytest.raises(UserError, match="INC-1 goes on as INC-3"):
        journal.append("INC-1", notes("meant for ours"))
    assert other.streams("INC") == ("INC-4", "INC-3", "INC-2", "INC-1")
    assert texts(other) == ["theirs"]
    assert texts(other, "INC-3")[0] == "ours"
    assert "This was INC-1 while the console had its journal in memory only" in texts(other, "INC-3")[1]
    entries = other.stream("INC-3")
    merged = next(entry for entry in entries if isinstance(entry.body, Merged))
    assert merged.body == Merged(into="INC-4")
    assert [entry.body.seq for entry in entries if isinstance(entry.body, Corrected)] == [merged.seq]
    assert DuplicateFound(other="INC-3") in [entry.body for entry in other.stream("INC-4")]
    assert journal.take_renames() == {"INC-1": "INC-3", "INC-2": "INC-4"}
    journal.append("INC-1", notes("now theirs is meant"))
    assert other.verify().is_sound
    console.store.close()


def test_a_journal_that_cannot_be_taken_along_yet_stays_and_is_taken_along_once(
    sqlite_place: SQLitePlace, clocked: Callable[[], Clocked], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = sqlite_place.journal("ben")
    other.open("INC", [declared("theirs")])
    console = clocked()
    journal = console.journal
    journal.open("INC", [declared("ours"), *notes("a")])
    with monkeypatch.context() as patch:
        # It was done, and the answer was lost: the console must not take it along a second time.
        patch.setattr("diagnostics.store.store._prepare", lambda _: None)
        Unreliable(patch, done=True, answered=1)
        console.come_back()
        assert journal.problem.startswith("Nothing outlasts")
    journal.append("INC-1", notes("b"))
    console.seconds += 61
    assert journal.problem == ""
    assert texts(other, "INC-2")[:1] == ["a"]
    assert texts(other, "INC-2")[-1] == "b"
    assert len(texts(other, "INC-2")) == 3
    assert other.streams("INC") == ("INC-2", "INC-1")
    assert other.verify().is_sound
    console.store.close()


def test_nothing_written_while_the_place_comes_back_is_lost(
    sqlite_place: SQLitePlace, clocked: Callable[[], Clocked]
) -> None:
    other = sqlite_place.journal("ben")
    other.head()
    console = clocked()
    started = threading.Barrier(5)
    acknowledged: list[str] = []

    def write(number: int) -> None:
        for turn in range(40):
            key = f"{number}-{turn}"
            console.journal.append("INC-1", notes(key), keys=[key])
            acknowledged.append(key)
            if turn == 5:
                started.wait(60)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    started.wait(60)
    console.come_back()
    for thread in threads:
        thread.join(60)
    assert console.journal.problem == ""
    assert len(acknowledged) == 160
    assert sorted(texts(other)) == sorted(acknowledged)
    assert other.verify().is_sound
    console.store.close()
