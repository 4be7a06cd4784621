"""The log file keeps what happened, and no password."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from tui.log_file import CleanFormatter


def written(message: str, *values: object) -> str:
    return CleanFormatter().format(logging.LogRecord("x", logging.WARNING, "x.py", 1, message, values, None))


@pytest.mark.parametrize("password", ["hunter2", "p/w@rd", "p@ss", "p/w", "pass word", "p:w"])
def test_a_password_may_hold_what_an_address_is_made_of_and_is_masked(password: str) -> None:
    line = written("no answer from %s", f"mysql+pymysql://reader:{password}@db.internal/common")
    assert line.endswith("no answer from mysql+pymysql://reader:***@db.internal/common")
    assert password not in line


def test_every_line_of_a_record_is_masked_by_itself_and_cleaned() -> None:
    line = written("mysql://a:one@h/x\nmysql://b:two@h/y \x1b[2J")
    assert line.endswith("mysql://a:***@h/x\nmysql://b:***@h/y \ufffd")


def test_a_full_disk_is_no_traceback_on_the_terminal(tmp_path: Path) -> None:
    """`logging` prints `--- Logging error ---` and a traceback over whatever is on the screen."""
    program = (
        "import logging, resource, sys; from pathlib import Path; from tui import log_file\n"
        "assert log_file.start_log_file(Path(sys.argv[1]))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "logging.getLogger('x').warning('one')\n"
        "logging.getLogger('x').warning('two')\n"
        "sys.stdout.write(log_file.log_problem())\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == f"the log file takes nothing more (File too large): {tmp_path}/warroom.log"
