"""Every command against the running stand-ins, and every way it can be misused."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sandbox.launch import SandboxProcess
from tests.cli.conftest import Command, Said
from tui.log_file import start_log_file
from tui.opening import open_service, prepare
from tui.options import Options

ROOT = Path(__file__).parents[2]


def document(said: Said) -> dict[str, Any]:
    loaded = json.loads(said.out)
    assert isinstance(loaded, dict)
    return loaded


def findings(said: Said) -> dict[str, dict[str, Any]]:
    return {finding["check"]: finding for finding in document(said)["findings"]}


def test_rate_limiting_on_the_day_is_an_incident_with_the_backlog_of_that_day(on_nov17: Command) -> None:
    said = on_nov17("triage", "--issue", "rate_limiting", "--severity", "incident", "--format", "json")
    found = findings(said)
    assert said.code == 1
    assert document(said)["notify"] is True
    assert found["webhook_backlog"]["value"] == 212_631
    assert "HIGH RISK" in found["webhook_backlog"]["summary"]
    assert found["data_loss_risk"]["value"] == "high"
    assert found["rate_limit_rate"]["value"] > 1_000
    assert "Retry-After 30 s" in found["rate_limit_rate"]["summary"]
    assert found["batch_retry"]["status"] == "warn"
    assert all(finding["evidence"]["query"] for finding in found.values())


def test_without_a_severity_the_same_is_assessed_as_an_incident(on_nov17: Command) -> None:
    said = document(on_nov17("triage", "--issue", "rate_limiting", "--format", "json"))
    assert (said["severity"], said["assessed"], said["notify"]) == ("incident", True, True)


def test_a_count_that_is_critical_makes_the_triage_critical_although_its_checks_only_warn(on_nov17: Command) -> None:
    said = on_nov17("triage", "--issue", "oauth_failure", "--format", "json")
    found = document(said)
    assert {finding["status"] for finding in found["findings"]} <= {"pass", "warn"}
    assert (found["severity"], found["known_severity"], found["decided_by"]) == ("critical", "critical", ["pulse"])
    assert found["pulse"]["ratio"] >= 5
    assert (said.code, found["notify"]) == (1, True)


def test_an_unknown_issue_type_is_refused_with_the_accepted_ones(command: Command) -> None:
    said = command("triage", "--issue", "quantum", "--format", "json")
    refusal = document(said)["refusal"]
    assert (said.code, refusal["rule"]) == (3, "issue_type_unknown")
    assert "rate_limiting: incident, high, normal" in refusal["accepted"]
    assert len(refusal["accepted"]) == 5


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (["--issue", "rate_limiting", "--severity", "critical"], "severity_mismatch"),
        (["--issue", "oauth_failure", "--account-id", "0"], "missing_context"),
        (["--issue", "oauth_failure", "--account-id", "999999"], "missing_context"),
        (["--issue", "transaction_sync"], "missing_context"),
        (["--issue", "transaction_sync", "--deal-id", "777"], "missing_context"),
        (["--issue", "transaction_sync", "--deal-id", "424242"], "missing_context"),
        (["--issue", "transaction_sync", "--deal-id", "424242", "--account-id", "14009"], "missing_context"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_guidance(on_nov17: Command, arguments: list[str], rule: str) -> None:
    said = on_nov17("triage", *arguments, "--format", "json")
    refusal = document(said)["refusal"]
    assert (said.code, refusal["rule"]) == (3, rule)
    assert refusal["guidance"]
    assert refusal["contact"]


def test_the_deal_without_agents_is_found_in_its_account_and_cannot_sync(on_nov17: Command) -> None:
    said = on_nov17("triage", "--issue", "transaction_sync", "--deal_id", "12345", "--format", "json")
    assert said.code == 1
    assert document(said)["account_id"] == 14009
    found = findings(said)
    assert (found["deal_agent_count"]["status"], found["deal_agent_count"]["value"]) == ("fail", 0)
    assert found["deal_eligibility"]["value"] == "agent_verification_failed"


def test_the_eligible_deal_passes_by_all_four_paths(on_nov17: Command) -> None:
    said = on_nov17("triage", "--issue", "transaction_sync", "--deal-id=12346", "--account-id=14009", "--format=json")
    assert (said.code, document(said)["severity"]) == (0, "normal")
    assert findings(said)["deal_agent_resolution"]["value"] == 4


def test_a_deal_in_two_accounts_names_both_and_one_of_them_is_accepted(on_nov17: Command) -> None:
    said = on_nov17("triage", "--issue", "transaction_sync", "--deal-id", "777", "--format", "json")
    candidates = document(said)["refusal"]["candidates"]
    assert [line.split(":")[0] for line in candidates] == ["account 30511", "account 75172"]
    again = on_nov17(*candidates[0].split(": warroom ")[1].split(), "--format", "json")
    assert document(again)["outcome"] == "triage"


def test_oauth_is_answered_for_everybody_and_for_one_account(on_nov17: Command) -> None:
    fleet = on_nov17("triage", "--issue", "oauth_failure", "--format", "json")
    assert findings(fleet)["oauth_application"]["status"] == "pass"
    assert findings(fleet)["token_status"]["status"] in {"warn", "fail"}
    one = on_nov17("triage", "--issue", "oauth_failure", "--account-id", "148261", "--format", "json")
    assert any("user " in line for line in findings(one)["token_status"]["details"])


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_the_other_forms_are_plain_when_nobody_watches(on_nov17: Command, form: str) -> None:
    said = on_nov17("triage", "--issue", "rate_limiting", "--severity", "incident", "--format", form)
    assert said.code == 1
    assert "212,631" in said.out
    assert "\x1b" not in said.out
    assert said.err == ""


def test_wrong_keys_leave_the_database_half_and_a_remedy(on_nov17: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARROOM_DATADOG__API_KEY", "0" * 32)
    said = on_nov17("triage", "--issue", "rate_limiting", "--format", "json")
    found = findings(said)
    assert said.code == 1
    assert found["rate_limit_rate"]["status"] == "unreachable"
    assert found["rate_limit_rate"]["next_step"]
    assert found["webhook_backlog"]["value"] == 212_631


def test_a_dead_database_leaves_the_log_half(
    on_nov17: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WARROOM_DATABASES__COMMON_URL", f"sqlite:///{tmp_path}/nothing.db")
    found = findings(on_nov17("triage", "--issue", "rate_limiting", "--format", "json"))
    assert found["rate_limit_rate"]["status"] == "fail"
    assert {found[name]["status"] for name in ("webhook_backlog", "data_loss_risk", "batch_retry")} == {"unreachable"}


def test_with_everything_dead_the_answer_is_a_refusal(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WARROOM_DATADOG__API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("DD_API_KEY", "0" * 32)
    monkeypatch.setenv("DD_APP_KEY", "0" * 40)
    monkeypatch.setenv("WARROOM_DATADOG__TOTAL_TIMEOUT_S", "1")
    monkeypatch.setenv("WARROOM_DATABASES__COMMON_URL", f"sqlite:///{tmp_path}/nothing.db")
    said = command("triage", "--issue", "rate_limiting", "--format", "json")
    assert (said.code, document(said)["refusal"]["rule"]) == (3, "system_access")
    assert len(document(said)["findings"]) == 4


def test_nothing_configured_is_refused_and_says_what_to_set(command: Command) -> None:
    said = command("triage", "--issue", "oauth_failure", "--format", "json")
    assert (said.code, document(said)["refusal"]["rule"]) == (3, "system_access")
    assert any("databases.common_url" in line for line in document(said)["refusal"]["guidance"])


def test_the_doctor_finds_the_stand_ins_in_order(on_nov17: Command) -> None:
    said = on_nov17("doctor", "--account-id", "14009", "--account-id", "75172", "--format", "json")
    assert said.code == 0, said.out
    sources = {line["source"] for line in document(said)["lines"]}
    assert {"datadog", "common", "client 14009", "client 75172", "slack", "jira", "settings"} <= sources
    text = on_nov17("doctor")
    assert text.code == 0
    assert text.out.splitlines()[-1].startswith("PASS         nothing to fix, ")
    assert "common  reachable" in text.out


def test_the_doctor_says_what_cannot_be_reached_and_what_to_do(
    on_nov17: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WARROOM_DATABASES__COMMON_URL", f"sqlite:///{tmp_path}/nothing.db")
    said = on_nov17("doctor")
    assert said.code in {1, 4}
    first, remedy = said.out.splitlines()[-2:]
    assert "fix first: common reachable: the database file cannot be opened; " in first
    assert "lines not asked because of it" in first
    assert "do: check that the file exists" in remedy


def test_the_doctor_tells_in_one_line_whether_the_authorisation_address_answers(
    on_nov17: Command, nov17: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    def line() -> dict[str, Any]:
        lines = document(on_nov17("doctor", "--format", "json"))["lines"]
        (found,) = [one for one in lines if one["source"] == "zillow"]
        return dict(found)

    unset = line()
    assert (unset["status"], unset["latency_ms"]) == ("no_data", None)
    assert unset["detail"] == "Not checked: no address is set (zillow.authorization_url)."
    monkeypatch.setenv("WARROOM_ZILLOW__AUTHORIZATION_URL", f"{nov17.url}/oauth/authorize?state=hush-hush")
    answers = line()
    assert answers["status"] == "pass"
    assert "it answers (400 with an OAuth error" in answers["detail"]
    assert "hush" not in str(answers)
    nov17.set_faults("authorize=missing")
    try:
        said = line()
    finally:
        nov17.clear_faults()
    assert (said["status"], "404, nothing is found there" in said["detail"]) == ("fail", True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["triage"],
        ["frobnicate"],
        ["triage", "--issue", "rate_limiting", "--account-id", "abc"],
        ["triage", "--issue", "rate_limiting", "--config", "/nowhere/at/all.toml"],
        ["triage", "--issue", "rate_limiting", "--sandbox", "nowhere"],
        ["triage", "--issue", "rate_limiting", "--sandbox", "nov17", "--fault", "earthquake"],
        ["guide", "nonsense"],
        ["doctor", "--catalogue", "/nowhere/at/all"],
        ["sandbox", "serve"],
        ["sandbox", "serve", "--scenario", "nowhere"],
        ["--sandbox", "nov17", "sandbox", "list"],
    ],
)
def test_bad_usage_says_what_is_accepted_and_shows_no_traceback(command: Command, arguments: list[str]) -> None:
    said = command(*arguments)
    assert said.code == 64
    assert said.err.startswith("error: ")
    assert "Traceback" not in said.err
    assert said.out == ""


def test_a_mistake_in_the_settings_names_file_and_line(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('environment = "X"\n[databases]\nclient_pool = "many"\n')
    said = command("config", "check", "--config", str(file))
    assert said.code == 64
    assert f"{file}:3" in said.err


def test_a_keymap_that_the_console_refuses_is_no_sound_configuration(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('[ui.keymap]\nnonsense = "x"\n')
    said = command("config", "check", "--config", str(file))
    assert said.code == 64
    assert "nonsense" in said.err


def test_the_doctor_of_a_console_without_settings_says_that_nothing_is_reached(command: Command) -> None:
    said = command("doctor")
    assert said.code == 4
    assert "is not set" in said.out


def test_a_refusal_without_any_source_still_notifies_and_speaks_in_sentences(command: Command) -> None:
    said = command("triage", "--issue", "rate_limiting", "--severity", "incident", "--format", "json")
    answer = document(said)
    assert (said.code, answer["refusal"]["rule"], answer["notify"]) == (3, "system_access", True)
    assert not [line for line in answer["refusal"]["guidance"] if "not set Set" in line or "not set set" in line]
    assert any("is not set. Set" in line for line in answer["refusal"]["guidance"])


def test_settings_are_shown_with_secrets_masked(on_nov17: Command, nov17: SandboxProcess) -> None:
    said = on_nov17("config", "show")
    assert said.code == 0
    assert "environment WARROOM_DATADOG__API_URL" in said.out
    assert str(nov17.flags()["datadog.api_key"]) not in said.out
    assert on_nov17("config", "check").code == 0


def test_guides_are_listed_and_printed(command: Command) -> None:
    listed = command("guide")
    assert listed.code == 0
    assert "immediate-actions" in listed.out
    printed = command("guide", "immediate-actions")
    assert printed.code == 0
    assert printed.out.startswith("# Immediate actions")


@pytest.mark.parametrize("arguments", [["--help"], ["triage", "--help"], ["sandbox", "--help"], ["sandbox", "list"]])
def test_help_and_lists_are_printed_with_exit_code_zero(command: Command, arguments: list[str]) -> None:
    said = command(*arguments)
    assert said.code == 0
    assert said.out


def test_the_version_is_printed(command: Command) -> None:
    assert command("--version").out.startswith("warroom ")


def test_an_error_of_the_console_goes_to_a_file_and_not_to_the_screen(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("unexpected")

    monkeypatch.setattr("tui.cli.guide.load_catalogue", broken)
    said = command("guide")
    assert said.code == 70
    # report_crash writes past pytest's capture, to the interpreter's own standard error; the file is what counts.
    assert "Traceback" not in said.err + said.out
    logs = list((tmp_path / "state").rglob("crashes/*.log"))
    assert len(logs) == 1
    assert "ZeroDivisionError" in logs[0].read_text()


def test_an_interrupt_is_calm(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tui.cli.guide.load_catalogue", interrupted)
    said = command("guide")
    assert (said.code, said.err) == (130, "interrupted\n")


def test_the_sandbox_of_an_option_runs_with_the_command_and_ends_with_it(command: Command) -> None:
    prepared = prepare(Options(sandbox="healthy"))
    sandbox = prepared.sandbox
    assert isinstance(sandbox, SandboxProcess)
    assert prepared.loaded.settings.environment == "SANDBOX healthy"
    prepared.stop()
    assert not sandbox.is_running()


def test_opening_closes_everything_once_and_in_order(
    nov17: SandboxProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    opened = open_service(Options())
    assert opened.sandbox is None
    assert opened.log_file == tmp_path / "zillow-war-room" / "warroom.log"
    opened.close()
    opened.close()


def test_a_failed_opening_leaves_no_sandbox_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: Command
) -> None:
    started: list[SandboxProcess] = []
    from sandbox import launch  # noqa: PLC0415

    real = launch.start_sandbox

    def spied(*arguments: Any, **options: Any) -> SandboxProcess:  # noqa: ANN401  # passed through
        started.append(real(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(launch, "start_sandbox", spied)
    said = command("triage", "--issue", "x", "--sandbox", "healthy", "--catalogue", str(tmp_path / "none"))
    assert said.code == 64
    assert [process.is_running() for process in started] == [False]


def test_the_log_file_is_private_clean_and_masks_passwords(tmp_path: Path) -> None:
    path = start_log_file(tmp_path / "state")
    assert path is not None
    logging.getLogger("x").warning("to %s \x1b]52;c;aGk=\x07", "mysql://reader:hunter2@db/common")
    for handler in logging.getLogger().handlers:
        handler.flush()
    text = path.read_text()
    assert "hunter2" not in text
    assert "\x1b" not in text
    assert path.stat().st_mode & 0o077 == 0
    assert start_log_file(Path("/proc/nowhere")) is None


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_hostile_text_from_every_source_reaches_no_terminal(
    command: Command, hostile: SandboxProcess, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    for name, value in hostile.flags().items():
        monkeypatch.setenv(f"WARROOM_{name.replace('.', '__').upper()}", str(value))
    for arguments in (
        ["--issue", "rate_limiting"],
        ["--issue", "oauth_failure", "--account-id", "14009"],
        ["--issue", "transaction_sync"],
        ["--issue", "transaction_sync", "--account-id", "14009", "--deal-id", "12346"],
    ):
        said = command("triage", *arguments, "--format", form)
        assert said.out
        assert not [sign for sign in said.out + said.err if sign != "\n" and not sign.isprintable()]
    said = command("doctor")
    assert not [sign for sign in said.out + said.err if sign != "\n" and not sign.isprintable()]


def _program(*arguments: str, **options: Any) -> subprocess.Popen[str]:  # noqa: ANN401  # passed through
    return subprocess.Popen(
        [sys.executable, "-m", "tui", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_the_whole_program_answers_on_its_own_stand_ins() -> None:
    program = _program("triage", "--sandbox", "nov17", "--issue=rate_limiting", "--severity=incident", "--format=json")
    out, err = program.communicate(timeout=120)
    assert (program.returncode, err) == (1, "")
    found = {finding["check"]: finding for finding in json.loads(out)["findings"]}
    assert found["webhook_backlog"]["value"] == 212_631


def test_an_interrupted_program_ends_quickly_and_takes_its_stand_ins_along(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    program = _program(
        "triage",
        "--sandbox",
        "healthy",
        "--fault",
        "hang",
        "--issue",
        "rate_limiting",
        env=environment,
        process_group=0,
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("warroom-sandbox-*/console.toml")) and time.monotonic() < deadline:
        time.sleep(0.05)  # nothing tells the parent when its child's child is ready
    program.send_signal(signal.SIGINT)
    _, err = program.communicate(timeout=60)
    assert program.returncode == 130
    assert "Traceback" not in err
    assert not list(tmp_path.glob("warroom-sandbox-*"))


def test_a_reader_that_leaves_early_causes_no_complaint() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    program = subprocess.Popen(
        [sys.executable, "-m", "tui", "guide", "immediate-actions"],
        cwd=ROOT,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    _, err = program.communicate(timeout=60)
    # As a shell reports a tool that SIGPIPE ended: not 0, which would say that all is healthy.
    assert (program.returncode, err) == (141, "")


def test_nothing_heavy_is_imported_before_the_console_is_started() -> None:
    code = (
        "import sys, types\n"
        "console = types.ModuleType('tui.console')\n"
        "console.run_console = lambda options: 0\n"
        "sys.modules['tui.console'] = console\n"
        "from tui.__main__ import main\n"
        "sys.argv = ['warroom', '--sandbox', 'nov17']\n"
        "assert main() == 0\n"
        "heavy = {'pydantic', 'sqlalchemy', 'httpx', 'lark', 'datadog_api_client', 'uvicorn', 'textual', 'sandbox'}\n"
        "print(sorted(heavy & set(sys.modules)), 'diagnostics.service' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[] False"
