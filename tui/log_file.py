"""Warnings and unexpected errors go to a file: on the screen they would paint over the console."""

from __future__ import annotations

import logging
import os
import sys
import time
from io import TextIOWrapper
from pathlib import Path

from diagnostics.core.masking import mask_secrets, mask_url
from diagnostics.core.private import appended_file, private_folder
from diagnostics.core.sanitizer import clean

NAME = "warroom.log"
LARGEST = 1_000_000
"""Bytes after which the next start begins a new file; one older file is kept."""


class CleanFormatter(logging.Formatter):
    """Plain lines: text from outside through the gate, passwords of addresses masked, times in UTC."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")

    def format(self, record: logging.LogRecord) -> str:
        """One record with its traceback."""
        return clean(mask_url(mask_secrets(super().format(record))[0]), limit=100_000, multiline=True)

    @staticmethod
    def converter(seconds: float | None) -> time.struct_time:
        """UTC, like every other time the console writes."""
        return time.gmtime(seconds)


class QuietFile(logging.FileHandler):
    """A log file that may stop taking records: its disk is full, its folder was taken away. They are dropped then.

    The file is opened with the first record. Whoever logs it would otherwise fail with it, and `logging` would print a
    traceback over the console.
    """

    problem = ""
    """Why nothing is written any more; empty as long as everything was."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, or nothing where the file cannot be opened any more."""
        try:
            super().emit(record)
        except OSError as error:
            self._give_up(error)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # the name is logging's
        """What the base class does with an error of writing."""
        error = sys.exception()
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        self._give_up(error)

    def close(self) -> None:
        """Close the file; what was left of a record is lost where the disk is full."""
        try:
            super().close()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self.problem = self.problem or error.strerror or type(error).__name__
        self.setLevel(logging.CRITICAL + 1)

    def _open(self) -> TextIOWrapper:
        return os.fdopen(appended_file(Path(self.baseFilename)), "a", encoding="utf-8", errors="replace")


def start_log_file(state_dir: Path) -> Path | None:
    """Send warnings and errors to `state_dir`/warroom.log, readable by its owner alone; None when that cannot be.

    Calling it again moves the log to the new folder. Nothing is ever written to the terminal.
    """
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if handler.get_name() == NAME]:
        root.removeHandler(handler)
        handler.close()
    handler, path = _handler(state_dir)
    handler.set_name(NAME)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(CleanFormatter())
    root.addHandler(handler)
    return path


def log_problem() -> str:
    """Why the log lacks what came lately, as a sentence without its full stop; empty when it lacks nothing."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, QuietFile) and handler.problem:
            return f"the log file takes nothing more ({handler.problem}): {handler.baseFilename}"
    return ""


def _handler(state_dir: Path) -> tuple[logging.Handler, Path | None]:
    path = state_dir / NAME
    try:
        private_folder(state_dir)
        if path.exists() and path.stat().st_size > LARGEST:
            path.replace(path.with_suffix(".log.1"))
        os.close(appended_file(path))
        return QuietFile(path, delay=True), path
    except OSError:
        # A full or read-only disk must not keep anybody from diagnosing.
        return logging.NullHandler(), None
