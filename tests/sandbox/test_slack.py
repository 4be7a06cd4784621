"""Slack's stand-in: messages, history, refusals by name, and the incoming webhook."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sandbox.launch import SandboxProcess
from tests.sandbox.api import Api
from tests.sandbox.services import METADATA, SUPPORT, Slack


def test_a_message_by_name_or_id_is_answered_with_its_time_stamp_and_kept(
    outside: SandboxProcess, slack: Slack
) -> None:
    by_name, by_id = slack.post("one", metadata=METADATA), slack.post("two", channel=SUPPORT)
    assert by_name["ok"] is True
    assert by_name["channel"] == by_id["channel"] == SUPPORT
    assert float(by_name["ts"]) < float(by_id["ts"])
    assert by_name["message"]["text"] == "one"
    kept = outside.recorded().messages
    assert [(one["text"], one["via"], one["channel_name"]) for one in kept] == [
        ("one", "bot", "fub-zyno-support"),
        ("two", "bot", "fub-zyno-support"),
    ]


def test_history_is_newest_first_in_pages_and_shows_metadata_only_when_asked(slack: Slack) -> None:
    stamps = [slack.post(f"number {number}", metadata=METADATA)["ts"] for number in range(5)]
    assert "metadata" not in slack.ask("conversations.history", channel=SUPPORT)["messages"][0]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = slack.ask("conversations.history", channel=SUPPORT, limit=2, include_all_metadata=True, **cursor)
        assert all(message["metadata"] == METADATA for message in page["messages"])
        seen += [message["ts"] for message in page["messages"]]
        if not page["has_more"]:
            break
        cursor = {"cursor": page["response_metadata"]["next_cursor"]}
    assert seen == stamps[::-1]
    after = slack.ask("conversations.history", channel=SUPPORT, oldest=stamps[2])["messages"]
    assert [message["ts"] for message in after] == [stamps[4], stamps[3]]


def test_names_are_found_by_list_and_permalinks_name_the_message(slack: Slack) -> None:
    channels = {one["name"]: one["id"] for one in slack.ask("conversations.list")["channels"]}
    assert channels["fub-zyno-support"] == SUPPORT
    ts = slack.post("one")["ts"]
    link = slack.ask("chat.getPermalink", channel=SUPPORT, message_ts=ts)["permalink"]
    assert link == f"https://fub.slack.com/archives/{SUPPORT}/p{ts.replace('.', '')}"
    assert slack.ask("auth.test")["user"] == "warroom"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"channel": "#nowhere", "text": "x"}, "channel_not_found"),
        ({"channel": "#general", "text": "x"}, "not_in_channel"),
        ({"channel": "#fub-zyno-2023", "text": "x"}, "is_archived"),
        ({"channel": SUPPORT}, "no_text"),
        ({"channel": SUPPORT, "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": SUPPORT, "text": "x", "metadata": {"event_type": 7}}, "invalid_metadata_schema"),
    ],
)
def test_slack_refuses_with_status_200_and_a_name(
    outside: SandboxProcess, slack: Slack, given: dict[str, Any], error: str
) -> None:
    assert slack.ask("chat.postMessage", **given) == {"ok": False, "error": error}
    assert outside.recorded().messages == []
    assert outside.recorded().requests == {"slack_post": 1}


def test_slack_accepts_no_other_token(slack: Slack) -> None:
    slack.headers = {"authorization": "Bearer xoxb-wrong"}
    assert slack.post("one")["error"] == "invalid_auth"
    slack.headers = {}
    assert slack.post("one")["error"] == "not_authed"


def test_a_webhook_answers_in_words_and_writes_to_its_channel(outside: SandboxProcess, slack: Slack) -> None:
    answer = httpx.post(outside.webhook_url, json={"text": "hello"})
    assert (answer.status_code, answer.text) == (200, "ok")
    (kept,) = outside.recorded().messages
    assert (kept["via"], kept["text"], kept["channel"]) == ("webhook", "hello", SUPPORT)
    assert slack.ask("conversations.history", channel=SUPPORT)["messages"][0]["text"] == "hello"
    for url, body, status, word in (
        (outside.webhook_url, b"{", 400, "invalid_payload"),
        (outside.webhook_url, b"{}", 400, "no_text"),
        (outside.webhook_url + "x", b'{"text":"x"}', 403, "invalid_token"),
        (outside.webhook_url.replace("/T024", "/T025"), b'{"text":"x"}', 404, "no_team"),
    ):
        answer = httpx.post(url, content=body)
        assert (answer.status_code, answer.text) == (status, word)


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        ("error:no_service", 404, "no_service"),
        ("error:channel_is_archived", 410, "channel_is_archived"),
        ("error:action_prohibited", 403, "action_prohibited"),
        ("429:7", 429, "rate_limited"),
    ],
)
def test_a_webhook_can_be_revoked(outside: SandboxProcess, fault: str, status: int, text: str) -> None:
    outside.set_faults(f"webhook={fault}")
    answer = httpx.post(outside.webhook_url, json={"text": "x"})
    assert (answer.status_code, answer.text) == (status, text)
    assert outside.recorded().messages == []


def test_one_channel_takes_so_many_messages_and_then_says_when_to_come_back(limited: Api) -> None:
    slack = Slack(limited.process)
    for _ in range(5):
        answer = slack.http.post("chat.postMessage", json={"channel": SUPPORT, "text": "x"}, headers=slack.headers)
    assert answer.status_code == 429
    assert answer.json() == {"ok": False, "error": "ratelimited"}
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert slack.post("elsewhere", channel="#fub-zyno-incidents")["ok"] is True
    slack.http.close()


def test_the_token_has_scopes_that_every_answer_names_and_that_can_lack(outside: SandboxProcess, slack: Slack) -> None:
    told = slack.http.post("auth.test", headers=slack.headers).headers["x-oauth-scopes"]
    assert {"chat:write", "channels:history", "channels:read"} <= set(told.split(","))
    assert slack.ask("conversations.info", channel=SUPPORT)["channel"]["is_member"] is True
    assert slack.ask("conversations.info", channel="#fub-zyno-support")["error"] == "channel_not_found"
    outside.set_faults("slack=lacks:channels:read", "slack=lacks:chat:write")
    refused = slack.ask("conversations.info", channel=SUPPORT)
    assert (refused["error"], refused["needed"]) == ("missing_scope", "channels:read")
    assert "channels:read" not in refused["provided"].split(",")
    assert slack.post("x")["error"] == "missing_scope"
    assert outside.recorded().messages == []
