"""What the shell is told: exit codes of answers nobody could read, a user without a home, a disk that is full."""

from __future__ import annotations

import os
import pwd
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from diagnostics.store import journal_rows
from diagnostics.store.journal_rows import EntryDraft, JournalRow, NewestEntry
from tests.cli.conftest import Command

WARROOM = [sys.executable, "-m", "tui"]
ROOT = Path(__file__).parents[2]
NOT_WRITTEN, BROKEN_PIPE = 74, 141
"""EX_IOERR of sysexits.h; 128 and the number of SIGPIPE."""

DECLARE = ("incident", "declare", "--issue", "rate_limiting", "--severity", "incident", "--title", "x", "--yes")
SUBCOMMANDS = [
    ("--version",),
    ("--help",),
    ("incident", "declare", "--help"),
    ("triage", "--issue", "rate_limiting"),
    ("diagnose", "oauth", "--account-id", "14009"),
    ("doctor", "--format", "json"),
    ("config", "show"),
    ("config", "check"),
    ("guide",),
    ("incident", "list"),
    ("notify", "--preview", "--issue", "rate_limiting", "--severity", "incident", "--title", "x"),
    ("journal", "verify"),
    ("sandbox", "list"),
    ("sandbox", "serve", "--help"),
]


def broken_pipe() -> int:
    """Standard output whose reader is gone, as that of `warroom … | true` is."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def full_device() -> int:
    """Standard output on a disk without room."""
    return os.open("/dev/full", os.O_WRONLY)


CASES = [
    *((arguments, broken_pipe, BROKEN_PIPE) for arguments in SUBCOMMANDS),
    *((arguments, full_device, NOT_WRITTEN) for arguments in SUBCOMMANDS if len(arguments) < 3),
]


@pytest.mark.parametrize(
    ("arguments", "stdout", "code"), CASES, ids=[f"{' '.join(one)} {code}" for one, _, code in CASES]
)
def test_an_answer_that_nobody_could_read_is_not_healthy(
    on_nov17: Command,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    stdout: Callable[[], int],
    code: int,
) -> None:
    descriptor = stdout()

    def drop() -> None:
        """As the program does, but not to the test runner's own."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)

    monkeypatch.setattr("tui.cli.main._drop_stdout", drop)
    with monkeypatch.context() as patch, os.fdopen(descriptor, "w") as stream:
        patch.setattr(sys, "stdout", stream)
        said = on_nov17(*arguments)
        drop()
    assert said.code == code
    if code == NOT_WRITTEN:
        assert said.err.startswith("error: standard output could not be written: No space left on device\nnext: ")
    else:
        assert said.err == ""


def test_standard_streams_that_are_closed_are_no_answer_and_no_traceback(tmp_path: Path) -> None:
    environ = os.environ | {"XDG_STATE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    for closed, code, said in (
        (">&-", NOT_WRITTEN, "error: standard output could not be written: Bad file descriptor\n"),
        (">&- 2>&- <&-", NOT_WRITTEN, ""),
        ("2>&- >/dev/null", 0, ""),
    ):
        ended = subprocess.run(
            ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *WARROOM, "sandbox", "list"],
            cwd=ROOT,
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert (ended.returncode, ended.stderr[: len(said) or None]) == (code, said), closed
    assert not list(tmp_path.glob("**/crashes/*"))


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch, command: Command) -> Command:
    """The command line of a user of whom the system knows nothing, as in a container that was given a number."""

    def unknown(_who: object) -> object:
        raise KeyError("no such user")

    for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setattr(pwd, "getpwnam", unknown)
    return command


@pytest.mark.parametrize(
    "arguments",
    [("triage", "--issue", "rate_limiting"), ("incident", "list"), ("journal", "verify"), ("config", "show")],
)
def test_a_user_without_a_home_is_told_what_to_set(
    homeless: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    said = homeless(*arguments)
    assert said.code == 64
    assert "HOME is not set" in said.err
    assert "WARROOM_STATE_DIR" in said.err
    assert list(tmp_path.iterdir()) == [], "no folder called ~"


def test_a_user_without_a_home_who_names_a_place_works(
    homeless: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARROOM_STATE_DIR", str(tmp_path / "state"))
    said = homeless(*DECLARE, "--no-notices")
    assert (said.code, said.err) == (0, "")
    assert homeless("--version").code == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a program as a user that the system does not know")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv of util-linux is not there")
def test_a_number_that_is_no_user_is_told_what_to_set_and_works_in_a_place_that_it_names() -> None:
    number = 54_321
    # Not beneath the folder of this run's files, which root keeps to itself.
    place = Path(tempfile.mkdtemp(prefix="warroom-nobody-"))
    os.chown(place, number, number)
    # The interpreter may lie in root's home: reading is let to it, and nothing else.
    may_read = ["--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]
    as_nobody = ["setpriv", "--reuid", str(number), "--regid", str(number), "--clear-groups", *may_read]

    def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "PYTHONPATH") if name in os.environ}
        return subprocess.run(
            [*as_nobody, *WARROOM, *arguments],
            cwd=ROOT,
            env=kept | {"PYTHONDONTWRITEBYTECODE": "1"} | environ,
            capture_output=True,
            text=True,
            check=False,
        )

    try:
        said = run("incident", "list")
        assert (said.returncode, "Traceback" in said.stderr) == (64, False)
        assert "HOME is not set" in said.stderr
        assert "WARROOM_STATE_DIR" in said.stderr
        said = run("incident", "list", WARROOM_STATE_DIR=str(place))
        assert (said.returncode, said.stdout) == (0, "no incident has been declared\n")
        database = place / "state.db"
        assert (database.stat().st_uid, database.stat().st_mode & 0o777) == (number, 0o600)
        said = run("incident", "list", WARROOM_STATE_DIR="/root")
        assert said.returncode == 64
        assert "/root belongs to user 0, and not to you (54321)" in said.stderr
    finally:
        shutil.rmtree(place)


@pytest.mark.parametrize("given", ["--config", "WARROOM_CONFIG", "WARROOM_STATE_DIR"])
def test_a_tilde_that_leads_nowhere_is_said_with_where_it_stands(
    homeless: Command, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    if given.startswith("WARROOM"):
        monkeypatch.setenv(given, "~/x")
    said = homeless("incident", "list", *(["--config", "~/x"] if given == "--config" else []))
    assert said.code == 64
    assert "the home folder in '~/x' is not known" in said.err
    assert f"where: {given}" in said.err or f"where: environment {given}" in said.err


def test_a_disk_that_is_full_at_the_start_is_said_in_sentences(tmp_path: Path) -> None:
    environ = os.environ | {"XDG_STATE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    ended = subprocess.run(
        [*WARROOM, "incident", "list"],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
    )
    assert "Traceback" not in ended.stderr
    assert "Logging error" not in ended.stderr
    assert ended.stderr.startswith("Nothing outlasts this console: ")
    assert len(ended.stderr.splitlines()) <= 2


MOMENTS = [
    ("22:10", "is not a moment"),
    ("2026-11-30T22:10", "is not a moment"),
    ("yesterday", "is not a moment"),
    ("2099-01-01T00:00Z", "is in the future"),
    ("9999-12-31T23:59-14:00", "is in the future"),
    ("0001-01-01T00:00+14:00", "is before anything that can be meant"),
    ("1970-01-01T00:00Z", "is before anything that can be meant"),
]


@pytest.mark.parametrize(("moment", "words"), MOMENTS)
def test_a_moment_that_cannot_be_is_refused_before_anything_is_written(
    on_nov17: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, words: str
) -> None:
    monkeypatch.setenv("WARROOM_STATE_DIR", str(tmp_path / "kept"))
    for how in ((), ("--no-notices",)):
        said = on_nov17(*DECLARE, "--began-at", moment, *how)
        assert said.code in {3, 64}
        assert f"began_at {words}" in said.err
        assert "accepted: ISO 8601 with its offset" in said.err
    assert on_nov17("incident", "list").out == "no incident has been declared\n"


def test_a_moment_that_can_be_is_written_with_the_declaration(
    on_nov17: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARROOM_STATE_DIR", str(tmp_path / "kept"))
    began = (datetime.now(UTC) - timedelta(minutes=12)).replace(microsecond=0)
    said = on_nov17(*DECLARE, "--no-notices", "--began-at", began.isoformat())
    assert (said.code, said.err) == (0, "")
    shown = on_nov17("incident", "show", "--format", "json")
    assert f"{began:%Y-%m-%dT%H:%M:%S}" in shown.out
    assert '"edited"' not in shown.out, "one transaction: nothing was set afterwards"


@pytest.mark.parametrize("what", ["resolve", "update", "note"])
def test_empty_words_write_nothing(
    on_nov17: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setenv("WARROOM_STATE_DIR", str(tmp_path / "kept"))
    on_nov17(*DECLARE, "--no-notices")
    before = on_nov17("incident", "show", "--format", "json").out.count('"seq"')
    said = on_nov17("incident", what, "--text", "  ", *(["--yes"] if what != "note" else []))
    assert said.code == 3
    assert "is empty" in said.err
    assert on_nov17("incident", "show", "--format", "json").out.count('"seq"') == before


def test_settings_that_others_can_write_are_not_obeyed_and_the_doctor_tells_them(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARROOM_STATE_DIR", str(tmp_path / "state"))
    config = tmp_path / "config.toml"
    config.write_text("[ui]\nascii = true\n")
    config.chmod(0o666)
    said = command("incident", "list", "--config", str(config))
    assert said.code == 64
    assert f"{config} can be written by everybody on this machine" in said.err
    assert f"chmod go-w {config}" in said.err
    assert not (tmp_path / "state").exists()
    told = command("doctor", "--config", str(config))
    assert "permissions of the configuration file" in told.out
    config.chmod(0o644)
    assert command("incident", "list", "--config", str(config)).code == 0


def test_an_end_and_the_notice_that_tells_it_are_one_step(
    on_nov17: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARROOM_STATE_DIR", str(tmp_path / "kept"))
    on_nov17(*DECLARE, "--no-notices")
    steps: list[set[str]] = []
    write = journal_rows.put

    def put(connection: Connection, newest: NewestEntry, drafts: Sequence[EntryDraft]) -> tuple[JournalRow, ...]:
        steps.append({draft.kind for draft in drafts})
        return write(connection, newest, drafts)

    monkeypatch.setattr(journal_rows, "put", put)
    on_nov17("incident", "resolve", "--text", "The batch ran again.", "--yes")
    (step,) = [kinds for kinds in steps if "status_changed" in kinds]
    assert "delivery_confirmed" in step, "nobody is told of an end that may then not be written"
