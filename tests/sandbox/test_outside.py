"""Faults of Slack, Jira and incidents, the record of what they kept, and the settings that lead there."""

from __future__ import annotations

import tomllib
from pathlib import Path

import httpx
import pytest

from diagnostics.config.layers import load_settings
from diagnostics.config.settings import ZillowSettings
from diagnostics.core.failures import UserError
from diagnostics.models.status import Status
from diagnostics.sources.zillow import AuthorizationAddress
from sandbox.launch import SandboxProcess
from sandbox.server.faults import Faults, parse_fault
from sandbox.server.outside import AUTHORIZE
from tests.sandbox.services import SUPPORT, Slack


@pytest.mark.parametrize("kind", ["stored_500", "stored_hang", "stored_reset"])
def test_what_is_stored_without_an_answer_is_kept_once(outside: SandboxProcess, slack: Slack, kind: str) -> None:
    outside.set_faults(f"slack_post={kind}/1")
    given = {"channel": SUPPORT, "text": "one"}
    try:
        answer = slack.http.post("chat.postMessage", json=given, headers=slack.headers, timeout=0.5)
        assert answer.status_code == 500
    except httpx.TransportError:
        assert kind != "stored_500"
    assert len(outside.recorded().messages) == 1
    assert slack.post("two")["ok"] is True, "the fault was for the first request only"
    assert [one["text"] for one in outside.recorded().messages] == ["one", "two"]


def test_a_slow_index_finds_only_after_some_searches(outside: SandboxProcess, slack: Slack) -> None:
    outside.set_faults("slack_history=lag:2")
    slack.post("one")
    found = [len(slack.ask("conversations.history", channel=SUPPORT)["messages"]) for _ in range(4)]
    assert found == [0, 0, 1, 1]


def test_a_general_fault_concerns_datadog_alone_and_a_group_its_service(
    outside: SandboxProcess, slack: Slack, jira: httpx.Client, datadog: httpx.Client
) -> None:
    outside.set_faults("503")
    assert slack.post("one")["ok"] is True
    assert jira.get("/myself").status_code == 200
    assert datadog.get("/api/v2/incidents").status_code == 503
    outside.clear_faults()
    outside.set_faults("incident=503")
    assert datadog.get("/api/v2/incidents").status_code == 503
    assert datadog.get("/api/v1/validate").status_code == 200


def test_a_fault_with_a_count_ends_by_itself() -> None:
    faults = Faults(["slack_post=500/2"])
    assert [faults.met("slack_post").instead is not None for _ in range(3)] == [True, True, False]
    assert faults.specs() == []
    faults.set("slack_post=500/2")
    faults.met("slack_post")
    faults.set("slack_post=503")
    assert all(faults.met("slack_post").instead for _ in range(5)), "the fault that replaces it has no count"


@pytest.mark.parametrize(
    "spec",
    [
        "stored_500",
        "search=stored_500",
        "slack_post=error",
        "slack_post=error:Nope!",
        "jira_create=error:x",
        "jira_search=required:x",
        "jira_search=lag:0",
        "slack_post=500/0",
        "slack_post=500/x",
        "search=unauthorized",
        "slack_post=missing",
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(spec: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_fault(spec)
    assert caught.value.accepted


@pytest.mark.parametrize(
    "spec",
    ["slack_post=stored_hang/1", "jira_create=required:customfield_10042", "429:20/3", "incident_search=lag:2"],
)
def test_a_fault_is_written_as_it_was_read(spec: str) -> None:
    assert parse_fault(spec).spec == spec


@pytest.mark.parametrize(
    ("faults", "expected", "said"),
    [
        ([], Status.PASS, "400 with an OAuth error"),
        (["authorize=redirect"], Status.PASS, "302, a redirect"),
        (["authorize=500"], Status.FAIL, "(500)"),
        (["authorize=503", "authorize=slow:0.1"], Status.FAIL, "(503)"),
        (["authorize=missing"], Status.FAIL, "404, nothing is found there"),
        (["authorize=429:20"], Status.NO_DATA, "answers 429"),
        (["authorize=forbidden"], Status.NO_DATA, "answers 403"),
        (["authorize=hang"], Status.UNREACHABLE, "no answer within 0.5 s"),
        (["authorize=slow:30"], Status.UNREACHABLE, "no answer within 0.5 s"),
        (["authorize=reset"], Status.UNREACHABLE, "the connection broke"),
        (["authorize=truncated"], Status.UNREACHABLE, "ended before an answer was complete"),
        (["500", "slack=503", "jira=hang"], Status.PASS, "400 with an OAuth error"),
    ],
)
@pytest.mark.honesty(
    "the authorisation address of Zillow is in trouble, answers late or never",
    "FAIL where it says so, unreachable where nothing came; never a pass",
)
def test_the_authorisation_page_and_its_faults(
    outside: SandboxProcess, faults: list[str], expected: Status, said: str
) -> None:
    outside.set_faults(*faults)
    settings = ZillowSettings(authorization_url=outside.url + AUTHORIZE, timeout_s=0.5)
    answering = AuthorizationAddress(settings).answering()
    assert answering.status is expected
    assert said in answering.summary


def test_the_authorisation_page_sends_a_client_to_its_login(outside: SandboxProcess) -> None:
    answer = httpx.get(outside.url + AUTHORIZE, params={"client_id": "7"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (302, "/login")


def test_hostile_answers_of_slack_keep_their_shape(outside: SandboxProcess, slack: Slack) -> None:
    ts = slack.post("one")["ts"]
    outside.set_faults("slack=hostile", "jira=hostile")
    (message,) = slack.ask("conversations.history", channel=SUPPORT)["messages"]
    assert message["ts"] == ts
    assert message["text"] != "one"
    assert not message["text"].isascii() or not message["text"].isprintable()


def test_the_record_can_be_read_and_forgotten(outside: SandboxProcess, slack: Slack) -> None:
    slack.post("one")
    assert outside.recorded().requests == {"slack_post": 1}
    outside.forget()
    assert outside.recorded().messages == []
    assert slack.ask("conversations.history", channel=SUPPORT)["messages"] == []
    with pytest.raises(ValueError, match="not a fault"):
        outside.set_faults("nonsense")


def test_the_record_is_for_this_machine_only(outside: SandboxProcess) -> None:
    answer = httpx.get(f"{outside.url}/sandbox/recorded", headers=outside.controls | {"origin": "https://example.com"})
    assert answer.status_code == 403


def test_settings_choose_bot_webhook_or_neither(outside: SandboxProcess) -> None:
    by_bot = load_settings(flags=outside.flags(), environ={}).settings
    assert by_bot.slack.bot_token is not None
    assert by_bot.slack.api_url == f"{outside.url}/api"
    assert by_bot.jira.url == outside.url
    by_webhook = load_settings(flags=outside.flags(slack="webhook"), environ={}).settings
    assert by_webhook.slack.bot_token is None
    assert by_webhook.slack.webhook_url is not None
    assert by_webhook.slack.webhook_url.get_secret_value() == outside.webhook_url
    assert load_settings(flags=outside.flags(slack="none"), environ={}).settings.slack.bot_token is None


def test_the_settings_file_holds_no_secret_and_its_files_are_private(outside: SandboxProcess) -> None:
    text = (outside.directory / "console.toml").read_text(encoding="utf-8")
    flags = outside.flags()
    for name in ("slack.bot_token", "jira.token"):
        assert str(flags[name]) not in text
    assert outside.webhook_url not in text
    assert tomllib.loads(text)["jira"]["email"] == flags["jira.email"]
    read = load_settings(config=outside.directory / "console.toml", environ={}).settings
    assert read.slack.bot_token is not None
    assert read.slack.bot_token.get_secret_value() == flags["slack.bot_token"]
    assert read.zillow.authorization_url == outside.url + AUTHORIZE
    for name in ("slack_token", "jira_token", "slack_webhook", "slack_webhook_url"):
        assert (outside.directory / name).stat().st_mode & 0o777 == 0o600
    arguments = Path(f"/proc/{outside.pid}/cmdline").read_bytes().decode()
    assert not [name for name in ("slack.bot_token", "jira.token") if str(flags[name]) in arguments]
