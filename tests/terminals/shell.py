"""What the shell around the console does to it, and what it must be told then."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.terminals.stage import ROOT, Case, Stage, ready

NOT_WRITTEN, BROKEN_PIPE, BAD_USAGE, REFUSED = 74, 141, 64, 3
"""EX_IOERR of sysexits.h; 128 and SIGPIPE; EX_USAGE; what docs/triage-json.md says of refusals."""

READING = (
    ("--version",),
    ("--help",),
    ("triage", "--issue", "rate_limiting"),
    ("diagnose", "oauth", "--account-id", "14009"),
    ("doctor",),
    ("config", "show"),
    ("config", "check"),
    ("guide",),
    ("incident", "list"),
    ("journal", "verify"),
    ("sandbox", "list"),
)
DECLARE = ("incident", "declare", "--issue", "rate_limiting", "--severity", "incident", "--title", "x", "--yes")


def _ran(stage: Stage, command: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
    """A line of bash, in which `warroom` is the console on the stand-ins."""
    named = {**os.environ, "WARROOM_CONFIG": str(stage.settings), "PY": sys.executable}
    environ = {**named, **stage.environment(changes)}
    return subprocess.run(
        ["bash", "-c", f'warroom() {{ "$PY" -m tui "$@"; }}; {command}'],
        cwd=ROOT,
        env={name: value for name, value in environ.items() if value is not None},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def a_reader_that_went_away(stage: Stage) -> None:
    """The pipe is closed before the first byte, which `| true` only is when it is quick."""
    for arguments in READING:
        line = f"exec 3> >(exec true); wait $!; warroom {' '.join(arguments)} >&3"
        ended = _ran(stage, line)
        assert (ended.returncode, ended.stderr) == (BROKEN_PIPE, ""), f"{arguments}: {ended.returncode} {ended.stderr}"


def standard_output_that_takes_nothing(stage: Stage) -> None:
    """Closed, full, and closed with everything else."""
    for arguments in READING:
        for where in (">&-", ">/dev/full", ">&- 2>&- <&-"):
            ended = _ran(stage, f"warroom {' '.join(arguments)} {where}")
            assert ended.returncode == NOT_WRITTEN, f"{arguments} {where}: {ended.returncode} {ended.stderr}"
            assert "Traceback" not in ended.stderr, ended.stderr


def a_user_without_a_home(stage: Stage) -> None:
    """No HOME, and nothing among the system's users: a sentence, or an answer where a place is named."""
    program = (
        "import pwd, sys\n"
        "def unknown(_): raise KeyError\n"
        "pwd.getpwuid = pwd.getpwnam = unknown\n"
        "from tui.__main__ import main\n"
        "sys.exit(main())\n"
    )
    for place, code in ((None, BAD_USAGE), (str(stage.folder / "memory"), 0)):
        ended = subprocess.run(
            [sys.executable, "-c", program, "incident", "list"],
            cwd=ROOT,
            env={} if place is None else {"WARROOM_STATE_DIR": place},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert ended.returncode == code, ended.stderr
        assert ("HOME is not set" in ended.stderr) == (place is None), ended.stderr


def a_full_disk_at_the_start(stage: Stage) -> None:
    """Nothing can be written at all: the console runs, says so, and logging prints nothing over it."""
    full = (
        "import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); "
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    argv = (sys.executable, "-c", full, sys.executable, "-m", "tui", "--config", str(stage.settings))
    with stage.program(*argv) as terminal:
        terminal.wait_for(ready, 60)
        assert "Logging error" not in terminal.text, terminal.describe()
        terminal.send("q")
        assert terminal.wait_exit() == 0, terminal.describe()
        said = terminal.raw.decode(errors="replace")
        assert "Logging error" not in said, said[-2_000:]
        assert "Traceback" not in said, said[-2_000:]


def moments_that_cannot_be(stage: Stage) -> None:
    """Refused before the first write, whether people would be told or not."""
    for moment in ("22:10", "2099-01-01T00:00Z", "0001-01-01T00:00Z"):
        for how in ("", "--no-notices"):
            ended = _ran(stage, f"warroom {' '.join(DECLARE)} --began-at {moment} {how}")
            assert ended.returncode in {REFUSED, BAD_USAGE}, ended.stderr
            assert "accepted: ISO 8601" in ended.stderr, ended.stderr
    listed = _ran(stage, "warroom incident list")
    assert listed.stdout == "no incident has been declared\n", listed.stdout


def a_trap_for_crash_files(stage: Stage) -> None:
    """Another user's link under the predictable name: nothing behind it is written or deleted."""
    temporary, victim = stage.folder / "tmp", stage.folder / "victim"
    temporary.mkdir()
    victim.mkdir()
    names = [f"20200101T0000{number:02}.000000000-1.log" for number in range(30)]
    for name in names:
        (victim / name).write_text("the victim's")
    for trap in (f"warroom-crashes-{os.getuid()}", f"warroom-{os.getuid()}"):
        (temporary / trap).symlink_to(victim)
    crashing = (
        "from tui.crash import install_crash_hooks; install_crash_hooks(lambda: [][0]); raise ValueError('caught')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", crashing],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert sorted(path.name for path in victim.iterdir()) == names, "the victim's files"
    path = Path(ended.stderr.strip().rpartition(" ")[2])
    assert "caught" in path.read_text(), ended.stderr
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


SHELL = (
    Case("pipe", "a reader that went away: exit code 141, and no word", a_reader_that_went_away),
    Case("stdout", "standard output closed or full: exit code 74", standard_output_that_takes_nothing),
    Case("home", "neither HOME nor an entry of the user: a sentence", a_user_without_a_home),
    Case("disk", "a disk that is full at the start: no traceback of logging", a_full_disk_at_the_start),
    Case("moments", "a moment that cannot be: refused before anything is written", moments_that_cannot_be),
    Case("trap", "a link where crash files would go: not followed", a_trap_for_crash_files),
)
