"""Completion and the manual page: made of the grammar, and understood by those who read them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.shipped import shipped_catalogue
from tui.cli.arguments import EPILOG, SHELLS, parser
from tui.cli.completion import commands_of


def completed(script: Path, *words: str) -> list[str]:
    """What bash offers behind these words, the last of which is being typed."""
    quoted = " ".join(f"'{word}'" for word in words)
    asked = f"source {script}; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _warroom; echo ${{COMPREPLY[@]}}"
    return subprocess.run(  # a script of our own
        ["/bin/bash", "-uc", asked], check=True, capture_output=True, text=True
    ).stdout.split()


def test_bash_completes_commands_flags_and_values(command: Command, tmp_path: Path) -> None:
    script = tmp_path / "warroom.bash"
    script.write_text(command("completion", "bash").out)
    assert completed(script, "warroom", "tri") == ["triage"]
    assert {"declare", "update", "resolve"} <= set(completed(script, "warroom", "incident", ""))
    assert completed(script, "warroom", "triage", "--format", "") == ["text", "json", "markdown"]
    assert completed(script, "warroom", "--issue", "rate_limiting", "triage", "--br") == ["--brief"]
    # The value of a flag is no command, whatever it is called.
    assert completed(script, "warroom", "--config", "incident", "doc") == ["doctor"]


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_and_every_flag_is_in_it(command: Command, shell: str) -> None:
    said = command("completion", shell)
    assert said.code == 0
    text = said.out.replace("\\-", "-")
    for one in commands_of(parser()):
        for word in one.words:
            assert word in text
        for flag in one.flags:
            assert (flag if shell != "fish" else flag.lstrip("-")) in text


@pytest.mark.skipif(shutil.which("groff") is None, reason="no groff here")
def test_the_manual_page_is_one_and_holds_exit_codes_and_the_matrix(command: Command) -> None:
    made = subprocess.run(
        ["groff", "-man", "-Tascii", "-ww"],  # wherever it stands
        input=command("completion", "man").out,
        check=True,
        capture_output=True,
        text=True,
    )
    assert made.stderr == ""
    assert "exit codes: 0 healthy" in made.stdout
    assert "rate_limiting" in made.stdout


def test_the_help_lists_the_matrix_as_the_catalogue_has_it_and_how_faults_are_written() -> None:
    for issue in shipped_catalogue().issues.values():
        assert f"{issue.name:<18} {', '.join(issue.severities)}" in EPILOG
    assert "[SCOPE=]KIND[:SECONDS or NAME][/COUNT]" in EPILOG


def test_a_triage_without_an_issue_type_names_them_with_their_severities(command: Command) -> None:
    said = command("triage")
    assert said.code == 64
    assert "rate_limiting (incident, high, normal)" in said.err


def test_the_text_leads_with_verdict_and_next_step_and_holds_queries_only_when_asked(on_nov17: Command) -> None:
    asked = ("triage", "--issue", "rate_limiting", "--severity", "incident")
    said = on_nov17(*asked)
    _, verdict, step, *rest = said.out.splitlines()
    assert verdict.startswith("INCIDENT: ")
    assert "HTTP 429 a minute" in verdict
    assert (
        step == "next: Stop bulk jobs against Zillow; let the workers honour Retry-After before anything is replayed."
    )
    assert "SELECT" not in said.out
    assert "webhook_backlog: " in "\n".join(rest)
    assert "why: common | SELECT" in on_nov17(*asked, "--evidence").out


def test_the_brief_form_is_one_line(on_nov17: Command, command: Command) -> None:
    said = on_nov17("triage", "--issue", "rate_limiting", "--severity", "incident", "--brief")
    (line,) = said.out.splitlines()
    assert line.startswith("rate_limiting INCIDENT: ")
    assert "next: Stop bulk jobs" in line
    assert "route: zillow-incident-recovery" in line
    assert said.code == 1
    (refused,) = command("triage", "--issue", "frobnication", "--brief").out.splitlines()
    assert refused.startswith("frobnication REFUSED (issue_type_unknown): ")
    assert command("triage", "--issue", "rate_limiting", "--brief", "--format", "json").code == 64
