"""No secret of the console's own in what other programs and other people can see."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from sandbox.launch import SandboxProcess

ROOT = Path(__file__).parents[2]
WARROOM = [sys.executable, "-m", "tui"]


def test_secrets_stay_out_of_arguments_children_files_and_output(nov17: SandboxProcess, tmp_path: Path) -> None:
    """The real program, with real keys; the command that gives one of them looks around while it runs."""
    flags = nov17.flags()
    names = ("datadog.api_key", "datadog.app_key", "slack.bot_token", "jira.token")
    secrets = {name: str(flags[name]) for name in names}
    seen, kept, state = tmp_path / "seen", tmp_path / "key", tmp_path / "state"
    seen.mkdir()
    kept.write_text(secrets["datadog.api_key"])
    looking = (
        f"cat /proc/self/environ >> {seen}/environ; for one in /proc/[0-9]*/cmdline; do cat $one; echo; done "
        f">> {seen}/cmdlines 2>/dev/null; cat {kept}"
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("WARROOM", "DD_"))}
    environ |= {f"WARROOM_{name.replace('.', '__').upper()}": str(value) for name, value in flags.items()}
    del environ["WARROOM_DATADOG__API_KEY"]
    environ["WARROOM_DATADOG__API_KEY_COMMAND"] = f"sh -c {shlex.quote(looking)}"
    environ |= {"WARROOM_STATE_DIR": str(state), "DD_APP_KEY": "marker-of-another", "KEPT": "for the command"}
    declare = ("--issue", "rate_limiting", "--severity", "incident", "--title", "Sync suspended")
    said = ""
    for arguments in (
        ("config", "show"),
        ("incident", "declare", *declare, "--yes", "--no-notices"),
        ("notify", "--preview", *declare, "--format", "json"),
        ("incident", "export", "--incident", "INC-1", "--format", "json"),
    ):
        ended = subprocess.run(
            [*WARROOM, *arguments], cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=120
        )
        assert ended.returncode in {0, 2}, ended.stderr
        said += ended.stdout + ended.stderr
    assert "KEPT=for the command" in (seen / "environ").read_text(), "the command did run, in an environment"
    assert "notify" in (seen / "cmdlines").read_text()
    places = {path.name: path.read_bytes() for path in (*seen.iterdir(), *state.rglob("*")) if path.is_file()}
    assert {"environ", "cmdlines", "state.db"} <= set(places)
    places["output"] = said.encode()
    leaked = [
        f"{name} in {place}"
        for place, held in places.items()
        for name, secret in {**secrets, "DD_APP_KEY": "marker-of-another"}.items()
        if secret.encode() in held
    ]
    assert leaked == []
