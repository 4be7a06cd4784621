"""The console's own memory: it keeps, it shares, and where it cannot it says why and goes on."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pymysql
import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError

from diagnostics.config.settings import StateSettings
from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.store import schema
from diagnostics.store.documents import identify
from diagnostics.store.store import StateStore
from tests.mariadb import private_mariadb
from tests.sampling import on_one_kind
from tests.state.events import EventsWorld, MariaDBEvents, now


def store_of(world: EventsWorld) -> StateStore:
    """Another console's store in the same place."""
    return world.context().state


def at(folder: Path, **options: object) -> StateStore:
    """A store in a folder."""
    return StateStore(StateSettings(), folder, **options)  # type: ignore[arg-type]  # passed through


def test_what_is_remembered_is_there_for_the_next_console_newest_first(world: EventsWorld) -> None:
    store = store_of(world)
    for number in range(5):
        store.remember("query", f"q{number}", {"number": number, "deep": {"list": [1, "two", None]}})
    store.remember("query", "q1", {"number": 10})
    store.remember("account", "14009", {})
    kept = store_of(world).recall("query")
    assert [one.key for one in kept] == ["q1", "q4", "q3", "q2", "q0"]
    assert kept[0].payload == {"number": 10}
    assert kept[1].payload == {"number": 4, "deep": {"list": [1, "two", None]}}
    assert abs(kept[0].at - now()) < timedelta(minutes=1)
    assert [one.key for one in store.recall("query", 2)] == ["q1", "q4"]
    store.forget("query", "q4")
    store.forget("query", "nobody")
    assert "q4" not in {one.key for one in store.recall("query")}


def test_only_the_newest_of_a_kind_are_kept(world: EventsWorld) -> None:
    store = store_of(world)
    store.remember("other", "stays", {})
    for number in range(12):
        store.remember("query", str(number), {}, most=4)
    assert [one.key for one in store.recall("query")] == ["11", "10", "9", "8"]
    assert len(store.recall("other")) == 1


def test_keys_that_a_server_would_take_for_equal_are_different(world: EventsWorld) -> None:
    store = store_of(world)
    keys = ["service:fub", "SERVICE:fub", "service:fub ", "sérvice:fub", "x" * 3_000, "x" * 3_001, "🏠"]
    for key in keys:
        store.remember("query", key, {})
    assert {one.key for one in store.recall("query")} == set(keys)


def test_what_comes_back_from_a_shared_place_passes_the_sanitizer(world: EventsWorld) -> None:
    store = store_of(world)
    store.remember("note", "a\x1b[31mb", {"text": "one\ntwo\x1b]52;c;eA==\x07", "k\x07": ["\u202e"]})
    store.remember("note", "half \ud800 pair", {"text": "\ud800"})
    for one in store.recall("note"):
        assert one.key.isprintable()
        assert "\x1b" not in str(one.payload)
    assert store.recall("note")[1].payload["text"] == "one\ntwo\ufffd"


def test_a_document_that_is_no_json_is_left_out(world: EventsWorld) -> None:
    store = store_of(world)
    store.remember("query", "good", {})
    store.remember("query", "bad", {})
    with store.begin() as connection:
        connection.execute(text("UPDATE warroom_documents SET payload = '[1' WHERE doc_key = 'bad'"))
    assert [one.key for one in store.recall("query")] == ["good"]


def test_what_cannot_be_kept_is_refused_with_what_can(world: EventsWorld) -> None:
    store = store_of(world)
    for kind, key in (("", "k"), ("k", ""), ("k" * 65, "k"), ("k", "x" * 4_001)):
        with pytest.raises(UserError):
            store.remember(kind, key, {})
    with pytest.raises(UserError):
        store.remember("kind", "key", {"much": "x" * 5_000_000})


def test_a_transaction_is_undone_by_any_exception(world: EventsWorld) -> None:
    store = store_of(world)

    def write(times: int, then: Exception | None) -> None:
        with store.begin() as connection:
            for _ in range(times):
                connection.execute(schema.SAMPLES.insert().values(name="n", slot_s=1, total=1.0, notes=1))
            if then is not None:
                raise then

    with pytest.raises(ZeroDivisionError):
        write(1, ZeroDivisionError())
    with pytest.raises(SourceFailure) as failed:
        write(2, None)
    assert failed.value.source == "state"
    assert failed.value.__cause__ is None
    with store.read() as connection:
        assert connection.execute(select(schema.SAMPLES)).all() == []


def test_a_transaction_within_another_is_a_mistake_that_is_told(world: EventsWorld) -> None:
    store = store_of(world)
    with store.read(), pytest.raises(RuntimeError, match="within another"), store.begin():
        raise AssertionError
    store.remember("kind", "key", {})


@pytest.mark.parametrize(
    ("code", "runs"), [(1213, 3), (1205, 3), (2013, 3), (1064, 1)], ids=["deadlock", "lock wait", "lost", "mistake"]
)
def test_work_is_begun_anew_when_another_writer_came_first(world: EventsWorld, code: int, runs: int) -> None:
    store, ran = store_of(world), [0]

    def work(connection: Connection) -> str:
        ran[0] += 1
        connection.execute(schema.SAMPLES.insert().values(name="n", slot_s=ran[0], total=1.0, notes=1))
        if ran[0] < 3:
            raise DBAPIError("", None, pymysql.OperationalError(code, "told by the server"))
        return "done"

    if runs == 1:
        with pytest.raises(SourceFailure):
            store.transact(work)
    else:
        assert store.transact(work) == "done"
    assert ran == [runs]
    with store.read() as connection:
        assert connection.execute(select(schema.SAMPLES.c.slot_s)).scalars().all() == ([] if runs == 1 else [3])


def test_the_file_and_its_folder_belong_to_their_owner_alone(tmp_path: Path) -> None:
    store = at(tmp_path / "a" / "state")
    assert (store.is_lasting, store.problem) == (True, "")
    store.remember("kind", "key", {})
    assert (tmp_path / "a" / "state").stat().st_mode & 0o777 == 0o700
    files = list((tmp_path / "a" / "state").iterdir())
    assert {file.name for file in files} >= {"state.db", "state.db-wal"}
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    at(tmp_path).remember("kind", "key", {})
    (tmp_path / "state.db").chmod(0o644)
    assert at(tmp_path).recall("kind")
    assert (tmp_path / "state.db").stat().st_mode & 0o777 == 0o600


def test_nothing_is_opened_before_the_first_question(tmp_path: Path) -> None:
    store = at(tmp_path / "state")
    assert not (tmp_path / "state").exists()
    store.close()
    with pytest.raises(SourceFailure) as failed:
        store.recall("kind")
    assert failed.value.kind is FailureKind.CANCELLED


def lasts(store: StateStore) -> bool:
    """Whether it does now: asking may change it."""
    return store.is_lasting


def only_in_memory(store: StateStore, *words: str) -> None:
    """It works, ends with the process, and says why and what to do."""
    assert not store.is_lasting
    assert store.problem.startswith("Nothing outlasts this console: ")
    assert store.problem.endswith(".")
    assert "\n" not in store.problem
    for word in words:
        assert word in store.problem
    store.remember("kind", "key", {"a": 1})
    assert store.recall("kind")[0].payload == {"a": 1}


def test_a_folder_that_cannot_be_made_leaves_the_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    only_in_memory(at(tmp_path / "file" / "state"), "Not a directory", "state_dir")
    only_in_memory(at(Path("/proc/nowhere")), "state_dir")


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"something else entirely, and long enough to be looked at" * 40)
    before = (tmp_path / "state.db").read_bytes()
    only_in_memory(at(tmp_path), "no database", "move state.db away")
    assert (tmp_path / "state.db").read_bytes() == before


def test_a_damaged_file_leaves_the_memory(tmp_path: Path) -> None:
    store = at(tmp_path)
    store.remember("kind", "key", {"much": "x" * 50_000})
    store.close()
    content = bytearray((tmp_path / "state.db").read_bytes())
    content[100:8_000] = os.urandom(7_900)
    (tmp_path / "state.db").write_bytes(content)
    only_in_memory(at(tmp_path), "move state.db away")


def test_a_full_disk_leaves_the_memory(tmp_path: Path) -> None:
    code = (
        "import resource, sys; from pathlib import Path; from diagnostics.config.settings import StateSettings;"
        "from diagnostics.store.store import StateStore;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); s = StateStore(StateSettings(), Path(sys.argv[1]));"
        "s.remember('k', 'k', {}); print(s.is_lasting, len(s.recall('k')), s.problem)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.startswith("False 1 Nothing outlasts this console: "), done.stderr


def test_a_disk_that_fills_later_is_a_failure_of_that_write(tmp_path: Path) -> None:
    store = at(tmp_path)
    store.remember("kind", "key", {})
    # Every connection that the pool will use is one of these: they are made here, and given back.
    with store.begin() as connection:
        connection.execute(text("PRAGMA max_page_count = 1"))
    with pytest.raises(SourceFailure) as failed:
        store.remember("kind", "much", {"much": "x" * 500_000})
    assert (failed.value.source, failed.value.kind) == ("state", FailureKind.REJECTED)
    assert "full" in failed.value.reason
    assert store.recall("kind")


def test_a_file_that_another_process_holds_is_used_once_it_is_free(tmp_path: Path) -> None:
    at(tmp_path).remember("kind", "before", {})
    clock = [0.0]
    with closing(sqlite3.connect(tmp_path / "state.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        store = at(tmp_path, clock=lambda: clock[0])
        only_in_memory(store, "locked by another process")
        other.execute("ROLLBACK")
    assert lasts(store) is False
    clock[0] = 61.0
    assert lasts(store) is True
    assert {one.key for one in store.recall("kind")} == {"before", "key"}
    assert {one.key for one in at(tmp_path).recall("kind")} == {"before", "key"}


def test_a_file_that_is_removed_under_the_console_is_made_again(tmp_path: Path) -> None:
    store = at(tmp_path)
    store.remember("kind", "key", {})
    for file in tmp_path.iterdir():
        file.unlink()
    assert store.recall("kind") == ()
    store.remember("kind", "again", {})
    assert [one.key for one in at(tmp_path).recall("kind")] == ["again"]


def test_tables_of_a_newer_console_are_not_touched(world: EventsWorld) -> None:
    store = store_of(world)
    store.remember("kind", "theirs", {})
    with store.begin() as connection:
        connection.execute(schema.SCHEMA.insert().values(version=schema.VERSION + 5, applied_us=0))
    older = store_of(world)
    only_in_memory(older, "newer console", f"schema {schema.VERSION + 5}", "update this console")
    assert {one.key for one in store.recall("kind")} == {"theirs"}


def test_tables_of_an_older_console_are_brought_up_to_date_and_keep_their_rows(world: EventsWorld) -> None:
    store = store_of(world)
    store.remember("kind", "old", {})
    with store.begin() as connection:
        for table in ("warroom_rollups", "warroom_rollup_counts", "warroom_rollup_ledger"):
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text("DELETE FROM warroom_schema WHERE version > 1"))
    newer = store_of(world)
    assert newer.is_lasting
    assert [one.key for one in newer.recall("kind")] == ["old"]
    with newer.read() as connection:
        assert connection.execute(select(schema.LEDGER)).all() == []


def test_the_steps_lead_to_the_tables_that_the_program_uses(world: EventsWorld) -> None:
    with store_of(world).read() as connection:
        for table in schema.METADATA.sorted_tables:
            found = connection.execute(text(f"SELECT * FROM {table.name}"))  # noqa: S608  # a name of ours
            assert sorted(found.keys()) == sorted(table.c.keys())


@on_one_kind("world", "consoles that start together")
def test_consoles_that_start_at_the_same_moment_prepare_the_tables_once(world: EventsWorld) -> None:
    code = (
        "import sys; from pathlib import Path; from diagnostics.config.settings import StateSettings;"
        "from diagnostics.store.store import StateStore; sys.stdin.readline();"
        "s = StateStore(StateSettings(url=sys.argv[1] or None), Path(sys.argv[2]));"
        "s.remember('k', sys.argv[3], {}); print(s.is_lasting, s.problem)"
    )
    settings = world.settings()
    waiting = [
        subprocess.Popen(
            [sys.executable, "-c", code, settings.state.url or "", str(settings.state_dir), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for process in waiting:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60)[0].strip() for process in waiting] == ["True"] * 4
    assert {one.key for one in store_of(world).recall("k")} == {"0", "1", "2", "3"}


@pytest.mark.mariadb
def test_a_wrong_password_leaves_the_memory_and_is_not_shown(mariadb_events: MariaDBEvents) -> None:
    server, schema_name = mariadb_events.server, f"{mariadb_events.schema}_state"
    server.create_user("keeper", "right", schemas=[schema_name], privileges="ALL")
    url = server.url(schema_name, "keeper")
    right = StateStore(StateSettings(url=url, password=SecretStr("right")), Path("/nowhere"))
    assert right.is_lasting
    wrong = StateStore(StateSettings(url=url, password=SecretStr("wr0ng-secret")), Path("/nowhere"))
    only_in_memory(wrong, "refused this login", "state.password")
    assert "wr0ng-secret" not in wrong.problem


@pytest.mark.mariadb
def test_a_login_that_may_only_read_leaves_the_memory(mariadb_events: MariaDBEvents) -> None:
    server, schema_name = mariadb_events.server, f"{mariadb_events.schema}_state"
    StateStore(mariadb_events.state, Path("/nowhere")).remember("kind", "theirs", {})
    server.create_user("onlooker", "right", schemas=[schema_name])
    url = server.url(schema_name, "onlooker", "right")
    only_in_memory(StateStore(StateSettings(url=url), Path("/nowhere")), "may not UPDATE", "INSERT")


@pytest.mark.mariadb
def test_a_server_that_is_gone_is_a_failure_of_that_question_and_comes_back(tmp_path: Path) -> None:
    with private_mariadb() as server:
        server.create_schema("memory")
        store = StateStore(StateSettings(url=server.url("memory")), tmp_path)
        store.remember("kind", "key", {})
        server.stop()
        for ask in (lambda: store.recall("kind"), lambda: store.remember("kind", "other", {})):
            with pytest.raises(SourceFailure) as failed:
                ask()
            assert (failed.value.source, failed.value.kind) == ("state", FailureKind.UNREACHABLE)
            assert server.root_password not in str(failed.value)
        clock = [0.0]
        later = StateStore(StateSettings(url=server.url("memory")), tmp_path, clock=lambda: clock[0])
        only_in_memory(later, "check that the server runs")
        server.start()
        assert [one.key for one in store.recall("kind")] == ["key"]
        clock[0] = 61.0
        assert later.is_lasting
        assert not list(tmp_path.iterdir())


@pytest.mark.mariadb
def test_a_deadlock_is_settled_out_of_sight(mariadb_events: MariaDBEvents) -> None:
    stores = [store_of(mariadb_events), store_of(mariadb_events)]
    stores[0].remember("lock", "a", {})
    stores[0].remember("lock", "b", {})
    before = {one.key: one.at for one in stores[0].recall("lock")}
    # Each locks its first row, waits until the other has done so too, and then wants the other's.
    meeting, runs = threading.Barrier(2, timeout=20), [0, 0]

    def run(number: int, order: str) -> None:
        def work(connection: Connection) -> None:
            runs[number] += 1
            for place, name in enumerate(order):
                if place and runs[number] == 1:
                    meeting.wait()
                connection.execute(
                    text("UPDATE warroom_documents SET at_us = at_us + 1 WHERE kind = 'lock' AND doc_id = :id"),
                    {"id": identify(name)},
                )

        stores[number].transact(work)

    threads = [threading.Thread(target=run, args=(number, order)) for number, order in enumerate(("ab", "ba"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sum(runs) == 3
    after = {one.key: one.at for one in stores[0].recall("lock")}
    assert {(after[name] - before[name]).microseconds for name in "ab"} == {2}
