"""The crash log and the hooks, without a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tui.app import WarRoomApp
from tui.crash import CRASH_EXIT_CODE, KEPT, log_crash, report_crash
from tui.options import Options


def raised(error: BaseException) -> BaseException:
    """The error with a traceback, as a handler sees it."""
    try:
        raise error
    except BaseException as caught:  # noqa: BLE001
        return caught


def test_the_log_holds_the_traceback_and_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = log_crash(raised(ValueError("no such account")), tmp_path)
    text = path.read_text()
    assert "ValueError: no such account" in text
    assert "in raised" in text
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent == tmp_path / "crashes"


def test_the_log_masks_passwords_of_urls_and_removes_escape_sequences(tmp_path: Path) -> None:
    text = log_crash(raised(OSError("mysql://reader:s3cret@db.internal/common said \x1b[2Jno")), tmp_path).read_text()
    assert "s3cret" not in text
    assert "reader:***@db.internal" in text
    assert "\x1b" not in text


def test_the_log_masks_tokens_that_an_error_quotes(tmp_path: Path) -> None:
    tokens = ["xoxb-123456789012-abcdef0123456789abcdef01", "ATATT3x" + "Ab0_" * 9]
    named = "api_key=0123456789abcdef0123456789abcdef, Authorization: Bearer abc123def456ghi7"
    text = log_crash(raised(ValueError(f"refused: {' and '.join(tokens)}, {named}")), tmp_path).read_text()
    for one in (*tokens, "0123456789abcdef0123456789abcdef", "abc123def456ghi7"):
        assert one not in text


@pytest.mark.parametrize("password", ["s3/cr@et", "p@ss", "s3/cret", "pass word", "p:w"])
def test_a_password_may_hold_what_an_address_is_made_of_and_is_masked(tmp_path: Path, password: str) -> None:
    error = raised(OSError(f"first line\ncannot reach 'mysql+pymysql://u:{password}@db.internal/common'"))
    text = log_crash(error, tmp_path).read_text()
    assert "mysql+pymysql://u:***@db.internal/common" in text
    assert password not in text


def test_old_logs_go(tmp_path: Path) -> None:
    paths = [log_crash(ValueError(str(number)), tmp_path) for number in range(KEPT + 5)]
    assert sorted((tmp_path / "crashes").iterdir()) == paths[-KEPT:]


def test_a_state_folder_that_cannot_be_written_is_no_second_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    path = log_crash(ValueError("x"), blocked)
    assert path.is_file()
    assert blocked not in path.parents


def test_an_error_outside_the_application_becomes_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert report_crash(raised(ValueError("x")), tmp_path) == CRASH_EXIT_CODE
    line = capfd.readouterr().err
    assert line.count("\n") == 1
    assert str(tmp_path / "crashes") in line


def test_what_python_would_print_a_traceback_for_goes_to_the_log(tmp_path: Path) -> None:
    program = (
        "import sys, threading; from pathlib import Path; from tui.crash import install_crash_hooks\n"
        "asked = []\n"
        "install_crash_hooks(lambda: asked.append(1) or Path(sys.argv[1]))\n"
        "thread = threading.Thread(target=sys.exit); thread.start(); thread.join()\n"
        "assert not asked, 'the folder is looked for when something is to be logged'\n"
        "thread = threading.Thread(target=lambda: 1 / 0); thread.start(); thread.join()\n"
        "raise ValueError('in the main thread')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    logs = [path.read_text() for path in sorted((tmp_path / "crashes").iterdir())]
    assert "ZeroDivisionError" in logs[0]
    assert "in the main thread" in logs[1]


def test_the_console_keeps_what_its_threads_die_of(tmp_path: Path) -> None:
    """Without a terminal: of the application only what happens around it."""
    program = (
        "import sys, threading; from pathlib import Path; from types import SimpleNamespace; from tui import console\n"
        "def work(mouse):\n"
        "    thread = threading.Thread(target=lambda: 1 / 0); thread.start(); thread.join()\n"
        "app = SimpleNamespace(options=SimpleNamespace(mouse=False), run=work, end=lambda: None, problem=None,\n"
        "                      return_code=0, crash_folder=lambda: Path(sys.argv[1]))\n"
        "console.missing_terminal = lambda: ''\n"
        "sys.exit(console.run(app))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    (log,) = (tmp_path / "crashes").iterdir()
    assert "ZeroDivisionError" in log.read_text()


def test_a_folder_that_cannot_be_found_does_not_lose_the_error(tmp_path: Path) -> None:
    program = (
        "from tui.crash import install_crash_hooks\n"
        "install_crash_hooks(lambda: [][0])\n"
        "raise ValueError('the first error')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert "Traceback" not in ended.stderr
    (log,) = tmp_path.glob("warroom-crashes-*/*.log")
    assert "the first error" in log.read_text()


async def test_headless_the_error_reaches_the_test_and_the_code_says_crash(tmp_path: Path) -> None:
    class Failing(WarRoomApp):
        def crash_folder(self) -> Path:
            return tmp_path

        def on_mount(self) -> None:
            raise LookupError("nothing there")

    app = Failing(Options())
    with pytest.raises(LookupError):
        async with app.run_test():
            pass
    assert app.return_code == CRASH_EXIT_CODE
    assert len(list((tmp_path / "crashes").iterdir())) == 1
