"""A journal that cannot be written is shown; one that cannot be read is not known, and never taken for an empty one."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import types
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import cast

import pytest

from diagnostics.catalogue import load_catalogue
from diagnostics.config.layers import load_settings
from diagnostics.config.settings import Settings, StateSettings
from diagnostics.core.context import Context
from diagnostics.core.failures import SourceFailure
from diagnostics.incident.incidents import IncidentService
from diagnostics.incident.journal import Journal
from diagnostics.store import schema
from diagnostics.store.store import StateStore
from tests.journal.places import MariaDBPlace, SQLitePlace, declared, notes
from tests.mariadb import MariaDB, free_port

NOBODY = 65534


@cache
def settings_once() -> Settings:
    """Read before anybody gives up the superuser's rights."""
    return load_settings(environ={}).settings


class Console:
    """A console that is started now; `minutes` is its steady clock."""

    def __init__(self, settings: StateSettings, folder: Path) -> None:
        self.minutes = 0.0
        self.store = StateStore(settings, folder, clock=lambda: 60 * self.minutes)
        self.journal = Journal(self.store, person="ben", console="bastion-2:1")
        members = types.SimpleNamespace(
            settings=settings_once(),
            catalogue=load_catalogue(),
            state=self.store,
            journal=self.journal,
            now=self.journal._now,
        )
        self.incidents = IncidentService(cast("Context", members))

    def declare(self) -> None:
        """A second one."""
        self.incidents.declare(title="again", issue_type="rate_limiting", severity="incident")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    settings_once()
    load_catalogue()
    monkeypatch.setattr("diagnostics.store.store.BUSY_S", 0.05)


@pytest.fixture
def start() -> Iterator[Callable[[StateSettings, Path], Console]]:
    """Consoles, closed at the end."""
    started: list[Console] = []

    def begin(settings: StateSettings, folder: Path) -> Console:
        started.append(Console(settings, folder))
        return started[-1]

    yield begin
    for one in started:
        one.store.close()


Start = Callable[[StateSettings, Path], Console]


def is_shown(console: Console) -> None:
    """What stands there is seen, nothing is written, and the refusal says what to do."""
    assert [one.title for one in console.incidents.lines()] == ["Deals are not syncing"]
    following = console.incidents.following()
    assert following.incident is not None
    assert following.incident.id == "INC-1"
    assert "The journal can be read, and not written." in following.problem
    assert console.incidents.timeline("INC-1").rows[0].text.endswith("before")
    for write in (console.declare, lambda: console.incidents.note("INC-1", "more")):
        with pytest.raises(SourceFailure, match="can only be read") as refused:
            write()
        assert "nothing was written" in refused.value.reason
        assert "tell people by hand" in refused.value.remedy
    assert console.journal.verify().is_sound


def is_not_known(console: Console, *words: str) -> None:
    """Neither "none" nor "there is no such incident", and no second declaration."""
    incidents = console.incidents
    for ask in (
        incidents.lines,
        incidents.following,
        lambda: incidents.get("INC-1"),
        console.declare,
    ):
        with pytest.raises(SourceFailure, match="what it holds is not known") as told:
            ask()
        assert "ask the team whether an incident is open" in told.value.remedy
        for word in words:
            assert word in told.value.reason
    assert not console.journal.is_lasting


def written(place: SQLitePlace | MariaDBPlace) -> None:
    """An incident that somebody declared before."""
    place.journal().open("INC", [declared(), *notes("before")])


def test_a_journal_that_another_writer_holds_is_read_and_not_written(sqlite_place: SQLitePlace, start: Start) -> None:
    written(sqlite_place)
    with closing(sqlite3.connect(sqlite_place.folder / "state.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        console = start(sqlite_place.state, sqlite_place.folder)
        is_shown(console)
        other.execute("ROLLBACK")
    console.minutes += 2
    console.incidents.note("INC-1", "after")
    assert sqlite_place.journal().stream("INC-1")[-1].actor == "ben"


@pytest.mark.honesty(
    "the journal's file is locked whole by another process", "incidents are not known; declaring is refused"
)
def test_a_journal_that_is_locked_whole_is_not_known(sqlite_place: SQLitePlace, start: Start) -> None:
    written(sqlite_place)
    sqlite_place.let_go()
    with closing(sqlite_place.held_whole()):
        console = start(sqlite_place.state, sqlite_place.folder)
        is_not_known(console, "locked by another process")
    console.minutes += 2
    assert [one.id for one in console.incidents.lines()] == ["INC-1"]


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def test_a_journal_of_a_newer_console_is_read_where_its_tables_can_be(
    request: pytest.FixtureRequest, kind: str, start: Start
) -> None:
    place: SQLitePlace | MariaDBPlace = request.getfixturevalue(f"{kind}_place")
    written(place)
    place.run("INSERT INTO warroom_schema (version, applied_us) VALUES (?, 0)", (schema.VERSION + 1,))
    is_shown(start(place.state, place.folder))
    # A newer console that keeps it elsewhere: that there is no such table says nothing.
    place.run("ALTER TABLE warroom_journal RENAME TO warroom_entries")
    is_not_known(start(place.state, place.folder), "written by a newer console")


@contextmanager
def nobody() -> Iterator[None]:
    """Files obey their permissions: for the superuser they do not."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if was == 0:
            os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter; those above a test's own are the superuser's alone."""
    with tempfile.TemporaryDirectory(prefix="warroom-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


@pytest.mark.honesty("the journal's file and folder may only be read", "it is shown; writing is refused in words")
@pytest.mark.parametrize("log", [False, True], ids=["closed", "while another console has it open"])
def test_a_journal_whose_file_may_only_be_read_is_shown(
    open_folder: Path, tmp_path: Path, log: bool, start: Start
) -> None:
    place = SQLitePlace(open_folder)
    written(place)
    if not log:
        place.close()
    assert (open_folder / "state.db-wal").exists() is log
    for file in open_folder.iterdir():
        file.chmod(0o444)
    open_folder.chmod(0o555)
    with nobody():
        is_shown(start(place.state, tmp_path))
    place.close()


def test_a_file_whose_newest_entries_cannot_be_seen_is_not_shown_without_them(
    open_folder: Path, tmp_path: Path, start: Start
) -> None:
    place = SQLitePlace(open_folder)
    written(place)
    # As after a crash: entries in the write-ahead log, and no index of it.
    content = {name: (open_folder / name).read_bytes() for name in ("state.db", "state.db-wal")}
    place.close()
    for name, was in content.items():
        (open_folder / name).write_bytes(was)
        (open_folder / name).chmod(0o444)
    (open_folder / "state.db-shm").unlink(missing_ok=True)
    open_folder.chmod(0o555)
    with nobody():
        is_not_known(start(place.state, tmp_path))


def test_a_file_that_may_not_be_looked_at_is_not_known(open_folder: Path, tmp_path: Path, start: Start) -> None:
    place = SQLitePlace(open_folder)
    written(place)
    place.close()
    open_folder.chmod(0o000)
    with nobody():
        is_not_known(start(place.state, tmp_path), "Permission denied")


def test_a_journal_that_was_there_and_cannot_be_made_again_is_not_known(tmp_path: Path, start: Start) -> None:
    place = SQLitePlace(tmp_path / "kept")
    place.folder.mkdir()
    written(place)
    place.close()
    console = start(place.state, tmp_path)
    assert [one.id for one in console.incidents.lines()] == ["INC-1"]
    # As when the folder's file system is gone.
    shutil.rmtree(place.folder)
    place.folder.write_text("")
    is_not_known(console, "its place cannot be used")


def test_where_there_surely_is_no_journal_there_is_none(tmp_path: Path, start: Start) -> None:
    (tmp_path / "file").write_text("")
    console = start(StateSettings(), tmp_path / "file" / "state")
    assert console.incidents.lines() == ()
    console.declare()
    assert [one.id for one in console.incidents.lines()] == ["INC-1"]
    assert console.journal.problem.startswith("Nothing outlasts this console")


@pytest.mark.mariadb
@pytest.mark.honesty(
    "the journal's server is set read-only, as after a failover", "it is shown; writing is refused in words"
)
def test_a_journal_on_a_server_that_is_set_read_only_is_shown(mariadb_place: MariaDBPlace, start: Start) -> None:
    written(mariadb_place)
    server, schema_name = mariadb_place.server, mariadb_place.schema
    server.create_user("responder", "right", schemas=[schema_name], privileges="ALL PRIVILEGES")
    settings = StateSettings(url=server.url(schema_name, "responder", "right"))
    server.execute("SET GLOBAL read_only = 1")
    try:
        console = start(settings, mariadb_place.folder)
        is_shown(console)
    finally:
        server.execute("SET GLOBAL read_only = 0")
    console.minutes += 2
    console.incidents.note("INC-1", "after the failover")
    assert console.incidents.following().problem == ""


@pytest.mark.mariadb
def test_an_empty_schema_on_a_read_only_server_holds_no_incident(mariadb_place: MariaDBPlace, start: Start) -> None:
    server, schema_name = mariadb_place.server, mariadb_place.schema
    server.create_user("looker", "right", schemas=[schema_name], privileges="SELECT")
    console = start(StateSettings(url=server.url(schema_name, "looker", "right")), mariadb_place.folder)
    assert console.incidents.lines() == ()


@pytest.mark.mariadb
@pytest.mark.parametrize("case", ["dead port", "wrong password"])
@pytest.mark.honesty("the journal's server does not answer, or lets nobody in", "incidents are not known, exit code 4")
def test_a_journal_on_a_server_that_lets_nobody_in_is_not_known(
    mariadb: MariaDB, tmp_path: Path, case: str, start: Start
) -> None:
    dead = f"mysql+pymysql://root:x@127.0.0.1:{free_port()}/warroom"
    is_not_known(start(StateSettings(url=dead if case == "dead port" else mariadb.url("x", "no", "x")), tmp_path))
