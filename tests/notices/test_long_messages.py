"""Messages that are long for Slack, channels beyond thousands, pages beyond megabytes: no notice is lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from diagnostics.sources.slack import Slack, SlackFailure, message_body
from sandbox.server.recorder import Recorder
from sandbox.server.slack import SlackStandIn
from tests.notices.consoles import NOW, Console, console_settings
from tests.notices.slack_server import CHANNEL, SECRET, SlackServer

ROCKET = "\U0001f680"


@pytest.fixture
def source(slack: SlackServer, tmp_path: Path) -> Iterator[Slack]:
    made = Slack(console_settings(tmp_path, slack, slack__timeout_s=5).slack)
    yield made
    made.close()


def sections(body: dict[str, Any]) -> list[str]:
    return [one["text"]["text"] for one in body.get("blocks", ())]


def lines(count: int, text: str = "a line of the notice") -> str:
    return "\n".join(f"{number} {text}" for number in range(count))


@pytest.mark.parametrize(
    "text",
    [
        lines(100),
        lines(400),
        lines(1_000),
        lines(3_000),
        "x" * 50_000,
        f"{ROCKET * 20_000}",
        "word " * 10_000,
        f"before\n```\n{lines(500)}\n```\nafter",
        f"<https://fub.datadoghq.com/logs?query={'q' * 2_900}|the query> {lines(300)}",
    ],
    ids=["short", "two", "many", "too many", "one line", "emoji", "words", "code", "link"],
)
def test_every_message_is_one_that_slack_takes_and_says_where_it_is_cut(text: str) -> None:
    # The stand-in holds it against Slack's own limits.
    stand_in = SlackStandIn("t", "s", Recorder())
    body: dict[str, Any] = message_body(text)
    posted = stand_in.post({"channel": "C05ZYNSUP", **body})
    assert posted["ok"] is True
    assert len(body["text"].encode("utf-16-le")) // 2 <= 4_000, "a longer text is divided into several messages"
    parts = sections(body)
    for part in parts:
        assert part.count("```") % 2 == 0, "code is closed in its own section"
        assert part.count("<") == part.count(">"), "no link is divided"
    said = "".join(parts) if parts else body["text"]
    if "cut here" not in said:
        assert "".join(said.split()).replace("`", "") == "".join(text.split()).replace("`", "")
    else:
        assert len(text.encode("utf-16-le")) // 2 > 11_000
        kept, _, note = said.partition("_(cut here: Slack takes no more, ")
        assert kept.strip(), "of a single long line too, something is kept"
        left = int(note.split(" ", 1)[0].replace(",", ""))
        assert f" of {len(text):,} characters are left out; the whole text stands in the console" in note
        # Letters alone are counted here: line ends and fences move where a text is divided into sections.
        dense = ["".join(one.split()).replace("`", "") for one in (kept, text)]
        blank = len(text) - len(dense[1])
        assert 0 <= left - (len(dense[1]) - len(dense[0])) <= blank


def test_a_long_notice_is_one_message_with_its_key(console: Console, slack: SlackServer) -> None:
    proposal = console.propose()
    drafts = tuple(one.model_copy(update={"text": f"{one.text}\n\n{lines(300)}"}) for one in proposal.drafts)
    incident = console.confirm(proposal.model_copy(update={"drafts": drafts}))
    console.notices.deliver()
    (message,) = slack.messages
    assert message["metadata"]["event_payload"]["token"] == console.slack_of(incident).token
    assert "299 a line of the notice" in sections(message)[-1]


@pytest.mark.parametrize("error", ["msg_too_long", "msg_blocks_too_long", "invalid_blocks"])
def test_what_slack_finds_too_long_is_posted_shorter_and_never_lost(
    source: Slack, slack: SlackServer, error: str
) -> None:
    slack.plan("chat.postMessage", body={"ok": False, "error": error})
    source.post("#fub-zyno-support", lines(400), "t1")
    (message,) = slack.messages
    assert "blocks" not in message
    assert "cut here: Slack takes no more" in message["text"]
    assert len(message["text"]) <= 3_000
    slack.plan("chat.postMessage", body={"ok": False, "error": error})
    with pytest.raises(SlackFailure):
        source.post("#fub-zyno-support", "a short one that is refused all the same", "t2")


def test_a_webhook_gets_long_messages_in_sections_too(slack: SlackServer, tmp_path: Path) -> None:
    webhook = Slack(console_settings(tmp_path, slack, "webhook").slack)
    slack.plan(SECRET, status=400, body=b"invalid_blocks")
    webhook.post_webhook(lines(400))
    webhook.post_webhook(lines(400))
    webhook.close()
    assert ["blocks" in one for one in slack.messages] == [False, True]


def test_a_channel_is_found_by_its_name_among_ten_thousand(source: Slack, slack: SlackServer) -> None:
    for page in range(10):
        listed = [{"id": f"C0{page:03}{number:04}", "name": f"team-{page}-{number}"} for number in range(999)]
        more = {"next_cursor": f"page {page + 1}"}
        slack.plan("conversations.list", body={"ok": True, "channels": listed, "response_metadata": more})
    assert source.channel_id("#fub-zyno-support") == CHANNEL
    asked = [given for method, given, _ in slack.requests if method == "conversations.list"]
    assert [one.get("cursor", "") for one in asked] == ["", *(f"page {number}" for number in range(1, 11))]
    assert {one["limit"] for one in asked} == {"999"}


def test_more_channels_than_are_looked_through_ask_for_the_id_in_words(source: Slack, slack: SlackServer) -> None:
    for page in range(20):
        more = {"next_cursor": f"page {page}"}
        slack.plan("conversations.list", body={"ok": True, "channels": [], "response_metadata": more})
    with pytest.raises(SlackFailure) as caught:
        source.channel_id("#somewhere")
    assert "more than 19,980" in caught.value.reason
    assert "set slack.channel to the channel's id" in caught.value.remedy


def test_a_short_pause_of_the_rate_limit_between_two_pages_is_waited_for_and_a_long_one_is_told(
    source: Slack, slack: SlackServer
) -> None:
    slack.plan("conversations.list", status=429, headers={"Retry-After": "0"})
    assert source.channel_id("#fub-zyno-support") == CHANNEL
    slack.plan("conversations.list", status=429, headers={"Retry-After": "30"})
    with pytest.raises(SlackFailure) as caught:
        source.channel_id("#another")
    assert caught.value.retry_after == 30


def test_a_page_of_history_that_is_too_large_is_asked_for_again_smaller(
    source: Slack, slack: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.post("#fub-zyno-support", "hello", "t1")
    slack.plan("conversations.history", body=b"x" * 4_000_001)
    found = next(source.carrying(CHANNEL, "t1", NOW - timedelta(days=1)))
    assert found.ts == slack.messages[0]["ts"]
    asked = [given["limit"] for method, given, _ in slack.requests if method == "conversations.history"]
    assert asked == ["200", "25"]
