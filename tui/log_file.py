"""Warnings and unexpected errors go to a file: on the screen they would paint over the console."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

from diagnostics.core.masking import mask_url
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
        return clean(mask_url(super().format(record)), limit=100_000, multiline=True)

    @staticmethod
    def converter(seconds: float | None) -> time.struct_time:
        """UTC, like every other time the console writes."""
        return time.gmtime(seconds)


class FolderMayGo(logging.FileHandler):
    """A log file whose folder may be taken away, as that of a stand-in is at its end: what comes then is dropped.

    The file is opened with the first record, and whoever logs it would otherwise fail with it.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, or nothing where the file cannot be opened any more."""
        try:
            super().emit(record)
        except OSError:
            self.setLevel(logging.CRITICAL + 1)


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


def _handler(state_dir: Path) -> tuple[logging.Handler, Path | None]:
    path = state_dir / NAME
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > LARGEST:
            path.replace(path.with_suffix(".log.1"))
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        return FolderMayGo(path, encoding="utf-8", errors="replace", delay=True), path
    except OSError:
        # A full or read-only disk must not keep anybody from diagnosing.
        return logging.NullHandler(), None
