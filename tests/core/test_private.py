"""Files and folders that nobody but their user may use, whatever the umask and whatever lies there already."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from diagnostics.config.settings import StateSettings
from diagnostics.core.named_files import write_named
from diagnostics.core.private import OwnFolder, appended_file, new_file, private_folder
from diagnostics.explorer.export import write_export
from diagnostics.incident.verification import Checkpoint, CheckpointFile
from diagnostics.models.events import LogEvent
from diagnostics.store.store import open_place
from tests.driver.test_crash import raised
from tui.crash import log_crash
from tui.log_file import start_log_file

ANOTHER = 65_533
UMASKS = [0o000, 0o022, 0o077, 0o777]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@contextmanager
def umask(value: int) -> Iterator[None]:
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)


def event() -> LogEvent:
    return LogEvent(id="1", timestamp_ms=0, service="s", status="info", message="m", host="h", tags=(), attributes={})


@pytest.mark.parametrize("value", UMASKS, ids=oct)
def test_everything_the_console_writes_is_its_users_alone(tmp_path: Path, value: int) -> None:
    state = tmp_path / "a" / "b" / "state"
    with umask(value):
        assert start_log_file(state) == state / "warroom.log"
        log_crash(raised(ValueError("x")), state)
        write_export(state / "exports", [event()], "csv", now=datetime(2025, 11, 17, tzinfo=UTC))
        write_named(state / "records", "INC-1", {"md": "text"}, datetime(2025, 11, 17, tzinfo=UTC))
        assert CheckpointFile(state / "seen", "here").write(Checkpoint(1, "hash"))
        location = open_place(StateSettings(), state)
        with location.engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE x (y INT)")
            assert (state / "state.db-wal").exists()
        location.engine.dispose()
    found = {path.relative_to(tmp_path): mode(path) for path in tmp_path.rglob("*")}
    assert len([path for path in found if path.suffix]) >= 6, "the log, a crash, an export, a record, a mark, the state"
    wrong = {
        str(path): oct(is_mode)
        for path, is_mode in found.items()
        if is_mode != (0o700 if (tmp_path / path).is_dir() else 0o600)
    }
    assert wrong == {}


def test_a_folder_that_is_there_already_is_left_as_its_user_made_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    assert private_folder(tmp_path) == tmp_path
    assert mode(tmp_path) == 0o750


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_another_users_folder_is_no_place_for_files(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, ANOTHER, ANOTHER)
    with pytest.raises(PermissionError, match="another user"):
        private_folder(theirs)


def test_a_new_file_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "victim")
    with pytest.raises(FileExistsError):
        new_file(tmp_path / "link")
    assert not (tmp_path / "victim").exists()


@pytest.mark.parametrize("kind", ["link", "hard link", "pipe"])
def test_the_log_is_not_written_into_what_a_trap_leads_to(tmp_path: Path, kind: str) -> None:
    victim, log = tmp_path / "victim", tmp_path / "log"
    victim.write_text("kept")
    if kind == "link":
        log.symlink_to(victim)
    elif kind == "hard link":
        log.hardlink_to(victim)
    else:
        os.mkfifo(log)
    with pytest.raises(OSError, match=r"link|No such device"):
        appended_file(log)
    assert victim.read_text() == "kept"


def test_a_log_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    log.chmod(0o644)
    with os.fdopen(appended_file(log), "w") as file:
        file.write("after\n")
    assert (log.read_text(), mode(log)) == ("before\nafter\n", 0o600)


@pytest.mark.parametrize("trap", ["a link", "open to all", "a file"])
def test_a_trap_among_the_temporary_files_catches_no_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trap: str
) -> None:
    """Another user laid it under the name that the console would take; the victim's files look like crash files."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    victim, bait = tmp_path / "victim", tmp_path / f"warroom-crashes-{os.getuid()}"
    victim.mkdir(mode=0o700)
    names = [f"20200101T00000{number}.000000000-1.log" for number in range(30)]
    for name in names:
        (victim / name).write_text("the victim's")
    if trap == "a link":
        bait.symlink_to(victim)
    elif trap == "a file":
        bait.write_text("")
    else:
        bait.mkdir()
        bait.chmod(0o777)
    path = log_crash(raised(ValueError("caught")), None)
    assert "caught" in path.read_text()
    assert bait not in path.parents
    assert (mode(path.parent), mode(path)) == (0o700, 0o600)
    assert sorted(each.name for each in victim.iterdir()) == sorted(names)


def test_only_crash_files_of_this_user_are_taken_away(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "crashes")
    kept = ["notes.log", "20200101T000000.000000000-1.log.gz", "zz.log"]
    for name in kept:
        (folder / name).write_text("not ours")
    (folder / "20200101T000000.000000000-1.log").symlink_to(folder / "notes.log")
    for number in range(25):
        log_crash(raised(ValueError(str(number))), tmp_path)
    left = {path.name for path in folder.iterdir()}
    assert {*kept, "20200101T000000.000000000-1.log"} <= left
    assert len(left) == len(kept) + 1 + 20


def test_a_folder_is_held_while_its_name_is_given_to_another(tmp_path: Path) -> None:
    mine, victim = tmp_path / "mine", tmp_path / "victim"
    victim.mkdir()
    (victim / "file").write_text("kept")
    with OwnFolder(mine) as held:
        os.close(new_file("file", folder=held.descriptor))
        mine.rename(tmp_path / "moved")
        mine.symlink_to(victim)
        assert held.own_files() == ["file"]
        held.remove("file")
    assert (victim / "file").read_text() == "kept"
    assert list((tmp_path / "moved").iterdir()) == []
