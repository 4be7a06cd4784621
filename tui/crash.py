"""An error nobody expected goes to a file, and the person gets one calm line.

A traceback on the screen at three in the morning helps nobody and can carry what a source said. The file holds the
traceback without the values of variables, and with the passwords of URLs masked.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final

from diagnostics.core.failures import UserError
from diagnostics.core.masking import mask_secrets, mask_url
from diagnostics.core.private import OwnFolder, new_file
from diagnostics.core.sanitizer import clean

CRASH_EXIT_CODE: Final = 70
"""EX_SOFTWARE of sysexits.h: an error inside the program, unlike every other code the console returns."""
KEPT: Final = 20
"""Crash files kept; the oldest go."""

_OURS: Final = re.compile(r"\d{8}T\d{6}\.\d{9}-\d+\.log")


def log_crash(error: BaseException, state_dir: Path | None) -> Path:
    """Write `error` with its traceback to a new file, readable by its owner alone, and return the path.

    The file lies in `state_dir`/crashes. Where there is no such place, or it cannot be written, it lies in a folder of
    this user's among the temporary files. Raises OSError only when neither can.
    """
    text = mask_url(mask_secrets("".join(traceback.format_exception(error)))[0])
    body = (
        f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}\n"
        f"python {platform.python_version()}, {platform.platform()}\n\n"
        f"{clean(text, limit=200_000, multiline=True)}"
    )
    if state_dir is not None:
        try:
            return _write(state_dir / "crashes", body)
        except OSError:
            pass
    try:
        return _write(Path(tempfile.gettempdir()) / f"warroom-crashes-{os.getuid()}", body)
    except OSError:
        # Whoever may write there too can have taken that name first.
        folder = Path(tempfile.mkdtemp(prefix="warroom-crashes-"))
        folder.chmod(0o700)
        return _write(folder, body)


def crash_line(path: Path) -> str:
    """The one line a person sees."""
    return f"warroom: the console ended because of an error of its own; what happened is in {path}"


def report_crash(error: BaseException, state_dir: Path | None) -> int:
    """Log `error`, write the one line to standard error, return the exit code. For errors outside the application."""
    _say(_logged(error, state_dir))
    return CRASH_EXIT_CODE


def as_problem(error: BaseException, state_dir: Path | None) -> UserError:
    """Log `error` and return it as something a person can be told, for threads that must not die in silence."""
    try:
        where = str(log_crash(error, state_dir))
    except OSError as problem:
        where = f"no log could be written ({problem})"
    return UserError(
        "an error of the console's own",
        where=where,
        next_step="report it with that file; `warroom doctor` may tell more",
    )


def install_crash_hooks(state_dir: Callable[[], Path | None]) -> None:
    """Send what Python itself would print a traceback for (an uncaught error, in a thread too) to the log instead.

    `state_dir` is asked only when something is to be logged: finding the folder may need the settings.
    """

    def uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        report_crash(error.with_traceback(trace), _folder(state_dir))

    def in_thread(args: threading.ExceptHookArgs) -> None:
        # A thread may end itself; Python says nothing about that either.
        if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
            _logged(args.exc_value, _folder(state_dir))

    def unraisable(args: sys.UnraisableHookArgs) -> None:
        if args.exc_value is not None:
            _logged(args.exc_value, _folder(state_dir))

    sys.excepthook = uncaught
    threading.excepthook = in_thread
    sys.unraisablehook = unraisable


def _folder(state_dir: Callable[[], Path | None]) -> Path | None:
    try:
        return state_dir()
    except Exception:  # noqa: BLE001  # whatever is wrong with the settings, the first error is the one to keep
        return None


class CrashReport:
    """For an application: an error that nobody caught is logged, and said in one line once the terminal is whole again.

    The application overrides three methods of Textual's with it: `_fatal_error`, `panic`, `_print_error_renderables`.
    `state_dir` is asked only when something is to be logged.
    """

    def __init__(self, state_dir: Callable[[], Path | None]) -> None:
        self._state_dir = state_dir
        self._line = ""

    def log(self, error: BaseException | None) -> None:
        """Log the first error, which is the cause; what else fails on the way out says nothing more."""
        if not self._line:
            self._line = _logged(error or RuntimeError("unknown error"), self._state_dir())

    def say(self) -> None:
        """Say the line, once. Not through a console, which cuts or folds the path at the terminal's edge."""
        if self._line:
            _say(self._line)
            self._line = ""


def state_folder() -> Path | None:
    """Where the console keeps its files: as the settings say, or the usual place when they cannot be read.

    None where the user has no home, and so no usual place.
    """
    from diagnostics.config.layers import load_settings  # noqa: PLC0415  # heavy, and only a crash needs it here
    from diagnostics.config.paths import state_folder as usual  # noqa: PLC0415  # as above

    try:
        return load_settings().settings.state_dir
    except UserError:
        return usual(os.environ)


def _logged(error: BaseException, state_dir: Path | None) -> str:
    try:
        return crash_line(log_crash(error, state_dir))
    except OSError as problem:
        return f"warroom: the console ended because of an error of its own, and no log could be written ({problem})"


def _say(line: str) -> None:
    if sys.__stderr__ is not None:
        with contextlib.suppress(OSError):
            sys.__stderr__.write(clean(line) + "\n")
            sys.__stderr__.flush()


def _write(folder: Path, body: str) -> Path:
    now = time.time_ns()
    moment = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now // 10**9))
    name = f"{moment}.{now % 10**9:09}-{os.getpid()}.log"
    with OwnFolder(folder) as held:
        with os.fdopen(new_file(name, folder=held.descriptor), "w", encoding="utf-8", errors="replace") as file:
            file.write(body)
        for old in [each for each in held.own_files() if _OURS.fullmatch(each)][:-KEPT]:
            held.remove(old)
    return folder / name
