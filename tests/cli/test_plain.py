"""`warroom --plain`: lines in place of a screen, on pipes, against the running stand-ins."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from sandbox.launch import SandboxProcess
from tests.cli.conftest import Command
from tui.plain import Stated, changes

ROOT = Path(__file__).parents[2]


def test_only_what_changed_its_state_is_told() -> None:
    before = {
        "issue a": Stated("ok", "A: OK"),
        "check a b": Stated("FAIL", "A, b FAIL: 10 waiting"),
        "source redis": Stated("PASS", "source redis: PASS"),
    }
    now = {
        "issue a": Stated("critical", "A: CRITICAL"),
        "check a b": Stated("FAIL", "A, b FAIL: 12 waiting"),
        "incident INC-1": Stated("declared", "incident INC-1 declared"),
    }
    assert list(changes(before, now)) == [
        "changed: A: CRITICAL (was ok)",
        "new: incident INC-1 declared",
        "gone: source redis",
    ]


def test_a_summary_then_what_is_asked_then_each_change_as_a_line(nov17: SandboxProcess, tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("WARROOM_", "DD_"))}
    environ |= {f"WARROOM_{name.replace('.', '__').upper()}": str(value) for name, value in nov17.flags().items()}
    environ |= {"WARROOM_STATE_DIR": str(tmp_path), "WARROOM_REFRESH__CHECKS_S": "1", "XDG_CONFIG_HOME": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-m", "tui", "--plain"],
        env=environ,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as plain:
        assert plain.stdin is not None
        assert plain.stdout is not None

        def read_until(part: str) -> str:
            said = ""
            while part not in said:
                line = plain.stdout.readline() if plain.stdout else ""
                assert line, said
                said += line
            return said

        said = read_until("Transaction sync:")
        assert "Rate limiting: INCIDENT: " in said
        assert "OAuth failures: CRITICAL: " in said
        plain.stdin.write("account 14009\nnonsense\n1\n")
        plain.stdin.flush()
        said += read_until("accepted: 1, 2, sources")
        assert "zillow-oauth-diagnosis  account 14009" in said
        said += read_until("Rate limiting, How many webhook events wait for delivery? FAIL: 212,631")
        subprocess.run(
            [
                *(sys.executable, "-m", "tui", "incident", "declare", "--issue", "rate_limiting"),
                *("--severity", "incident", "--title", "Zillow answers 429", "--no-notices", "--yes"),
            ],
            env=environ,
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        said += read_until("new: incident INC-1")
        assert "\x1b" not in said
        plain.stdin.close()
        assert plain.wait(20) == 0


def test_it_is_no_flag_of_a_command(command: Command) -> None:
    said = command("doctor", "--plain")
    assert said.code == 64
    assert "--plain is the console as lines" in said.err
