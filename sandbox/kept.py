"""Named sandboxes that are kept between commands: one process serves a world to everybody of one user who works in it.

Whoever works in a world holds a shared lock on the file beside it (flock), which the kernel takes back however the
holder ends. The first starts the process; it ends when it gets that lock for itself, which nobody holds then, and
whoever comes while it ends waits for it. So there is one writer of each world at any time, nothing that one console
sent is missing in another, and no process is left behind.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from diagnostics.config.paths import state_folder
from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.core.private import close_folder, private_folder
from diagnostics.core.sanitizer import clean
from diagnostics.core.words import about, span
from diagnostics.store.schema import JOURNAL
from diagnostics.store.store import FILE_NAME
from sandbox.flags import console_flags
from sandbox.launch import BAD_USAGE, child_environment, refusal, secrets_of, tail
from sandbox.server.recorder import KINDS
from sandbox.stories.scenario import scenario_named
from sandbox.stories.story import OUTSIDE, READY, RESUME_WITHIN_S, STATE, STORY

KEEP = "WARROOM_SANDBOX_KEEP"
"""Names the environment variable with which a sandbox is thrown away as it ends: `no`."""

_PAUSE_S = 0.05
_READY_S = 90.0
_FREE_S = 60.0
"""Time for a process that ends, or for a console that starts one beside us."""
LEAVES_S = 5.0
"""Time for the process that serves a world to end, once the last has left it."""
_LOG = "sandbox.log"
_HOLDERS, _STARTING, _SERVING = "holders", "starting", "serving"


class KeptSandbox:
    """A world that this process works in. `stop` leaves it; the last who leaves ends what serves it."""

    def __init__(self, ready: dict[str, Any], holds: BinaryIO) -> None:
        self._ready = ready
        self._holds = holds

    @property
    def directory(self) -> Path:
        """Where the world is kept."""
        return Path(self._ready["directory"])

    @property
    def pid(self) -> int:
        """The process that serves it."""
        return int(self._ready["pid"])

    def flags(self) -> dict[str, object]:
        """Settings overrides by dotted name with which the console speaks to this world; secrets among them."""
        return console_flags(self._ready, secrets_of(self.directory))

    def stop(self) -> None:
        """Leave it. Idempotent."""
        self._holds.close()


def is_kept() -> bool:
    """Return whether named sandboxes are kept, as the environment has it; raises `UserError`."""
    word = os.environ.get(KEEP) or "yes"
    if word not in {"yes", "no"}:
        raise UserError(f"{word[:40]!r} is neither yes nor no", where=KEEP, accepted="yes (the usual), or no")
    return word == "yes"


def hold_sandbox(scenario: str) -> KeptSandbox:
    """Work in the kept world of a scenario, which is begun when there is none; wait until it is ready.

    Raises `UserError` for an unknown scenario, a folder that cannot be used and a world that is older than its story,
    and `SourceFailure` when it is not ready in time.
    """
    scenario_named(scenario)
    folder = _folder()
    world = folder / scenario
    holds = _locked(folder, scenario, _HOLDERS, fcntl.LOCK_SH, "it is being ended or reset")
    try:
        with _locked(folder, scenario, _STARTING, fcntl.LOCK_EX, "another console is starting it"):
            ready = _ready(folder, world)
    except BaseException:
        holds.close()
        raise
    return KeptSandbox(ready, holds)


def reset(scenario: str | None) -> list[str]:
    """Take kept worlds away, so that each story begins with the next command; return a line for each.

    Raises `UserError`, before anything is taken away, where somebody works in one of them.
    """
    if scenario is not None:
        scenario_named(scenario)
    folder = _folder()
    there = sorted(path.name.removesuffix(f".{_HOLDERS}") for path in folder.glob(f"*.{_HOLDERS}"))
    names = [name for name in there if (folder / name).exists()] if scenario is None else [scenario]
    with _alone(folder, names):
        said = []
        for name in names:
            was_there = (folder / name).exists()
            _take_away(folder / name)
            gone = "the journal, the databases and what Slack, Jira and Datadog received are gone"
            said.append(
                f"{name}: {gone}; the story starts over with the next command"
                if was_there
                else f"{name}: nothing was kept"
            )
    return said or ["no sandbox is kept"]


@contextmanager
def _alone(folder: Path, names: Sequence[str]) -> Iterator[None]:
    held = []
    try:
        for name in names:
            held.append(_open(folder, name, _HOLDERS))
            if not _waited(lambda: _lock(held[-1], fcntl.LOCK_EX), LEAVES_S):
                raise UserError(
                    f"somebody works in the sandbox {name}",
                    where=str(folder / name),
                    accepted="a sandbox that no console and no command uses",
                    next_step="close the consoles on it, then reset it again; nothing was taken away",
                )
        yield
    finally:
        for file in held:
            file.close()


def _folder() -> Path:
    base = state_folder(os.environ)
    if base is None:
        raise UserError(
            "a sandbox has no place to be kept in: the home folder is not known",
            where="--sandbox",
            accepted="HOME, or XDG_STATE_HOME with an absolute path",
            next_step=f"{KEEP}=no runs one that is thrown away at the end",
        )
    folder = base / "sandboxes"
    try:
        private_folder(folder)
        close_folder(folder)
    except OSError as error:
        raise UserError(
            f"no sandbox can be kept in {folder}: {error.strerror}",
            where="--sandbox",
            accepted="a folder of your own to write in",
            next_step=f"XDG_STATE_HOME names another place; {KEEP}=no runs one that is thrown away at the end",
        ) from None
    return folder


def _open(folder: Path, scenario: str, name: str) -> BinaryIO:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.fdopen(os.open(folder / f"{scenario}.{name}", flags, 0o600), "r+b", buffering=0)
    except OSError as error:
        raise UserError(
            f"the sandbox {scenario} cannot be used: {error.strerror}",
            where=str(folder / f"{scenario}.{name}"),
            accepted="a file of your own to write in",
        ) from None


def _lock(file: BinaryIO, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _waited(done: Callable[[], bool], seconds: float) -> bool:
    """Ask until it is done or the time is over. A lock that blocks would not let ctrl+c through in time."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE_S)
    return True


def _locked(folder: Path, scenario: str, name: str, kind: int, why: str) -> BinaryIO:
    file = _open(folder, scenario, name)
    try:
        if _waited(lambda: _lock(file, kind), _READY_S if name == _STARTING else _FREE_S):
            return file
    except BaseException:
        file.close()
        raise
    file.close()
    raise SourceFailure(
        FailureKind.TIMED_OUT,
        "sandbox",
        f"the sandbox {scenario} is not free: {why}",
        remedy=f"try again; {KEEP}=no runs one of your own",
    )


def _ready(folder: Path, world: Path) -> dict[str, Any]:
    """What the process that serves the world says of itself; started if there is none. Called by one at a time."""
    process = None
    with _open(folder, world.name, _SERVING) as serving:
        if _lock(serving, fcntl.LOCK_EX):
            _look_at_age(world)
            process = _start(folder, world, serving)
            # It may end while we live on, and is not to be a zombie then.
            threading.Thread(target=process.wait, name="sandbox", daemon=True).start()
    # The lock is the child's now: it inherited the open file, and closing ours leaves it there.
    ended = _nobody_serves(folder, world.name) if process is None else _is_over(process)
    if not _waited(lambda: (world / READY).exists() or ended(), _READY_S):
        _say_not_ready(world, "it was not ready in time")
    try:
        return dict(json.loads((world / READY).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        lines = _log_lines(world)
        if process is not None and process.poll() == BAD_USAGE:
            raise refusal(lines) from None
        _say_not_ready(world, "it ended before it was ready")
        raise


def _is_over(process: subprocess.Popen[bytes]) -> Callable[[], bool]:
    return lambda: process.poll() is not None


def _nobody_serves(folder: Path, scenario: str) -> Callable[[], bool]:
    def ended() -> bool:
        with _open(folder, scenario, _SERVING) as serving:
            return _lock(serving, fcntl.LOCK_EX)

    return ended


def _say_not_ready(world: Path, what: str) -> None:
    raise SourceFailure(
        FailureKind.UNREACHABLE,
        "sandbox",
        f"{what}. {tail(_log_lines(world))}",
        remedy=f"try again, or start it over: warroom sandbox reset {world.name}",
    )


def _log_lines(world: Path) -> list[str]:
    try:
        text = (world / _LOG).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [clean(line, limit=400) for line in text.splitlines()]


def _start(folder: Path, world: Path, serving: BinaryIO) -> subprocess.Popen[bytes]:
    private_folder(world)
    (world / READY).unlink(missing_ok=True)
    arguments = ["serve", "--scenario", world.name, "--directory", str(world)]
    log = os.open(world / _LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        return subprocess.Popen(  # noqa: S603  # our own interpreter, our own module, arguments of ours
            [
                *(sys.executable, "-P", "-m", "sandbox", *arguments),
                *("--held-by", str(folder / f"{world.name}.{_HOLDERS}")),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=child_environment(),
            # It outlives who started it, and the terminal's ctrl+c is not for it.
            start_new_session=True,
            cwd=world,
            pass_fds=(serving.fileno(),),
        )
    finally:
        os.close(log)


def _look_at_age(world: Path) -> None:
    """Take a world away that is older than its story; raise `UserError` where somebody did something in it."""
    try:
        begun = int(json.loads((world / STORY).read_text(encoding="utf-8"))["anchor"])
    except FileNotFoundError:
        begun = None
    except (OSError, ValueError, TypeError, KeyError):
        begun = 0
    if begun is None and not _was_worked_in(world):
        return
    age_s = time.time() - (begun or 0)
    if begun is not None and 0 <= age_s <= RESUME_WITHIN_S:
        return
    if not _was_worked_in(world):
        _take_away(world)
        return
    when = f"began {about(age_s)} ago" if begun and age_s >= 0 else "does not say when it began"
    raise UserError(
        f"the sandbox {world.name} is older than its story: it {when}, and the story is told for "
        f"{span(RESUME_WITHIN_S)}",
        where=str(world),
        next_step=f"warroom sandbox reset {world.name} starts it over, without its journal and what was sent; "
        f"to read them first: warroom --config {world / 'console.toml'} incident list",
    )


def _was_worked_in(world: Path) -> bool:
    """Return whether its journal has an entry, or something was stored outside; what cannot be read counts as work."""
    try:
        recorded = json.loads((world / OUTSIDE).read_text(encoding="utf-8"))["recorded"]
        if any(recorded[kind] for kind in KINDS):
            return True
    except FileNotFoundError:
        pass
    except (OSError, ValueError, TypeError, KeyError):
        return True
    journal = world / STATE / FILE_NAME
    if not journal.exists():
        return False
    try:
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as connection:
            found = connection.execute(f"SELECT EXISTS (SELECT 1 FROM {JOURNAL.name})").fetchone()  # noqa: S608  # a table of ours
    except sqlite3.Error as error:
        return "no such table" not in str(error)
    return bool(found[0])


def _take_away(world: Path) -> None:
    """Remove a world at one stroke: what a kill leaves of the removal is no world any more."""
    gone = world.with_name(f"{world.name}.gone")
    shutil.rmtree(gone, ignore_errors=True)
    with suppress(FileNotFoundError):
        world.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
