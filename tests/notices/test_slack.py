"""Slack's manner of refusing, told plainly; limits that hold; and no secret in anything that is said."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path

import pytest

from diagnostics.config.settings import Settings
from diagnostics.core.failures import FailureKind
from diagnostics.incident.channels.base import outcome_of
from diagnostics.models.doctor import DoctorLine
from diagnostics.models.status import Status
from diagnostics.sources.doctor import slack as examination
from diagnostics.sources.doctor.steps import examined
from diagnostics.sources.slack import Slack, SlackFailure
from tests.notices.consoles import NOW, console_settings
from tests.notices.slack_server import CHANNEL, SECRET, TOKEN, SlackServer
from tests.shipped import shipped_catalogue


@pytest.fixture
def source(slack: SlackServer, tmp_path: Path) -> Iterator[Slack]:
    made = Slack(console_settings(tmp_path, slack).slack)
    yield made
    made.close()


@pytest.fixture
def webhook(slack: SlackServer, tmp_path: Path) -> Iterator[Slack]:
    made = Slack(console_settings(tmp_path, slack, "webhook").slack)
    yield made
    made.close()


def test_a_token_is_not_sent_unencrypted_to_another_machine(slack: SlackServer, tmp_path: Path) -> None:
    settings = console_settings(tmp_path, slack, slack__api_url="http://slack.invalid/api")
    with closing(Slack(settings.slack)) as source:
        failure = refusal(source)
    assert (failure.kind, failure.lasting) == (FailureKind.NOT_CONFIGURED, True)
    assert "slack.api_url" in failure.remedy


def refusal(source: Slack) -> SlackFailure:
    with pytest.raises(SlackFailure) as caught:
        source.post("#fub-zyno-support", "hello", "t1")
    return caught.value


@pytest.mark.parametrize(
    ("error", "outcome", "words", "remedy"),
    [
        ("invalid_auth", "permanent", "does not accept the bot token", "slack.bot_token"),
        ("token_revoked", "permanent", "was revoked", "slack.bot_token"),
        ("account_inactive", "permanent", "was deleted", "slack.bot_token"),
        ("missing_scope", "permanent", "lacks a permission", "chat:write"),
        ("channel_not_found", "permanent", "no such channel", "slack.channel"),
        ("not_in_channel", "permanent", "not a member", "/invite"),
        ("is_archived", "permanent", "archived", "unarchive"),
        ("msg_too_long", "permanent", "too long", "shorten"),
        ("restricted_action", "permanent", "does not let this app", "administrator"),
        ("ratelimited", "definite", "rate limit", "ask again"),
        ("internal_error", "ambiguous", "may have been done", "slack-status"),
        ("fatal_error", "ambiguous", "may have been done", "slack-status"),
        ("a_new_one", "permanent", "Slack refused (a_new_one)", "documentation"),
    ],
)
def test_an_error_in_an_answer_of_status_200_is_told_plainly(
    source: Slack, slack: SlackServer, *, error: str, outcome: str, words: str, remedy: str
) -> None:
    slack.plan("chat.postMessage", body={"ok": False, "error": error})
    failure = refusal(source)
    assert outcome_of(failure) == outcome
    assert words in failure.reason
    assert remedy in failure.remedy


@pytest.mark.parametrize(
    ("status", "body", "outcome", "words"),
    [
        (500, b"", "ambiguous", "HTTP 500"),
        (503, b"<html>", "ambiguous", "HTTP 503"),
        (429, b"", "definite", "rate limit"),
        (302, b"", "permanent", "redirect"),
        (403, b"no", "permanent", "HTTP 403"),
        (200, b"<html>sign in</html>", "ambiguous", "not one of Slack's"),
        (200, b"[]", "ambiguous", "not one of Slack's"),
        (200, b'{"ok": false, "error": "\\u001b]52;c;x\\u0007"}', "ambiguous", "not one of Slack's"),
    ],
)
def test_an_answer_that_is_no_answer_says_whether_it_may_have_arrived(
    source: Slack, slack: SlackServer, *, status: int, body: bytes, outcome: str, words: str
) -> None:
    slack.plan("chat.postMessage", status=status, body=body, headers={"Location": "https://evil.example/"})
    failure = refusal(source)
    assert outcome_of(failure) == outcome
    assert words in failure.reason
    assert "\x1b" not in failure.reason


@pytest.mark.parametrize(
    ("status", "word", "outcome", "words"),
    [
        (404, b"no_service", "permanent", "revoked"),
        (410, b"channel_is_archived", "permanent", "archived"),
        (403, b"action_prohibited", "permanent", "forbidden"),
        (403, b"invalid_token", "permanent", "does not accept"),
        (404, b"channel_not_found", "permanent", "does not exist any more"),
        (400, b"invalid_payload", "permanent", "does not accept"),
        (500, b"rollup_error", "ambiguous", "HTTP 500"),
        (429, b"rate_limited", "definite", "rate limit"),
        (200, b'{"ok": false, "error": "token_revoked"}', "permanent", "revoked"),
        (200, b"<html>", "ambiguous", "not one of Slack's"),
    ],
)
def test_a_webhook_that_refuses_is_told_plainly(
    webhook: Slack, slack: SlackServer, *, status: int, word: bytes, outcome: str, words: str
) -> None:
    slack.plan(SECRET, status=status, body=word)
    with pytest.raises(SlackFailure) as caught:
        webhook.post_webhook("hello")
    assert outcome_of(caught.value) == outcome
    assert words in caught.value.reason


def test_retry_after_is_read_as_seconds_and_as_a_date(source: Slack, slack: SlackServer) -> None:
    slack.plan("chat.postMessage", status=429, headers={"Retry-After": "30"})
    assert refusal(source).retry_after == 30
    slack.plan("chat.postMessage", status=429, headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"})
    assert refusal(source).retry_after == 0
    slack.plan("chat.postMessage", status=429, headers={"Retry-After": "soon"})
    assert refusal(source).retry_after is None


def test_nothing_was_taken_where_no_connection_came_about(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        settings = console_settings(tmp_path, None, slack__bot_token=TOKEN, slack__api_url=f"http://127.0.0.1:{port}")
        failure = refusal(Slack(settings.slack))
    assert outcome_of(failure) == "definite"
    assert "no connection" in failure.reason


def test_a_name_that_does_not_resolve_is_definite(tmp_path: Path) -> None:
    settings = console_settings(tmp_path, None, slack__bot_token=TOKEN, slack__api_url="https://slack.invalid/api")
    assert outcome_of(refusal(Slack(settings.slack))) == "definite"


def test_a_silence_after_the_request_was_sent_is_ambiguous(source: Slack, slack: SlackServer) -> None:
    slack.plan("chat.postMessage", store=True, silent=True)
    failure = refusal(source)
    assert outcome_of(failure) == "ambiguous"
    assert failure.reason == "no answer within 0.4 s"


def test_an_answer_that_breaks_off_is_ambiguous(source: Slack, slack: SlackServer) -> None:
    slack.plan("chat.postMessage", store=True, missing=50)
    assert outcome_of(refusal(source)) == "ambiguous"


def test_an_answer_that_drips_ends_at_the_total_limit(source: Slack, slack: SlackServer) -> None:
    slack.plan("chat.postMessage", store=True, drip=True, body=b"x" * 10_000)
    started = time.monotonic()
    failure = refusal(source)
    # Each byte comes well within any limit of a single read; all of them would take eight minutes.
    assert time.monotonic() - started < 10
    assert outcome_of(failure) == "ambiguous"


def test_a_message_is_found_by_its_token_on_a_later_page(source: Slack, slack: SlackServer) -> None:
    slack.page = 2
    for number in range(7):
        source.post("#fub-zyno-support", f"message {number}", f"t{number}")
    found = next(source.carrying("#fub-zyno-support", "t1", NOW - timedelta(days=1)), None)
    assert found is not None
    assert (found.channel, found.ts) == (CHANNEL, slack.messages[1]["ts"])
    assert next(source.carrying("#fub-zyno-support", "t99", NOW), None) is None


@pytest.mark.parametrize(
    "page",
    [
        {"ok": True},
        {"ok": True, "messages": None},
        {"ok": True, "messages": [], "has_more": True, "response_metadata": {"next_cursor": ""}},
    ],
)
def test_a_page_that_does_not_say_what_stands_there_does_not_say_that_nothing_does(
    source: Slack, slack: SlackServer, page: dict[str, object]
) -> None:
    source.post("#fub-zyno-support", "hello", "t1")
    slack.plan("conversations.history", body=page)
    with pytest.raises(SlackFailure) as caught:
        next(source.carrying(CHANNEL, "t1", NOW - timedelta(days=1)), None)
    assert outcome_of(caught.value) == "ambiguous"


def test_metadata_that_somebody_else_wrote_is_not_ours(source: Slack, slack: SlackServer) -> None:
    slack.messages += [
        {"ts": "1.1", "metadata": {"event_type": "other", "event_payload": {"token": "t1"}}},
        {"ts": "1.2", "metadata": {"event_type": "warroom_delivery", "event_payload": "t1"}},
        {"ts": "1.3", "metadata": "t1"},
    ]
    assert next(source.carrying(CHANNEL, "t1", NOW), None) is None


def test_no_secret_stands_in_errors_logs_or_representations(
    tmp_path: Path, slack: SlackServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    said = []
    for way in ("token", "webhook"):
        settings = console_settings(tmp_path, slack, way)
        source = Slack(settings.slack)
        for plan in ({"status": 500}, {"status": 404, "body": b"no_service"}, {"silent": True}, {}):
            slack.plan("chat.postMessage" if way == "token" else SECRET, **plan)
            try:
                source.post("C012345678", "x", "t") if way == "token" else source.post_webhook("x")
            except SlackFailure as failure:
                said += [str(failure), repr(failure), failure.remedy, failure.headline()]
        said += [repr(source), repr(settings)]
    everything = "\n".join([*said, caplog.text])
    assert TOKEN not in everything
    assert SECRET not in everything


def test_a_token_that_cannot_stand_in_a_request_is_told_without_being_shown(tmp_path: Path, slack: SlackServer) -> None:
    settings = console_settings(tmp_path, slack, slack__bot_token="xoxb-gehe\u00efm")
    failure = refusal(Slack(settings.slack))
    assert outcome_of(failure) == "permanent"
    assert "gehe" not in str(failure)


def inspect(settings: Settings) -> list[DoctorLine]:
    with ExitStack() as opened:

        def keep(source: Slack) -> Slack:
            opened.callback(source.close)
            return source

        return list(examined(examination.steps(settings, shipped_catalogue().contact, keep)))


def told(lines: list[DoctorLine]) -> list[tuple[str, str]]:
    return [(one.subject, str(one.status)) for one in lines]


def test_the_doctor_names_the_token_its_scopes_and_the_channel(tmp_path: Path, slack: SlackServer) -> None:
    slack.plan("auth.test", store=True, headers={"X-OAuth-Scopes": "chat:write,groups:history"})
    lines = inspect(console_settings(tmp_path, slack))
    assert told(lines) == [(one, "pass") for one in ("reachable", "token", "scopes", "channel", "member")]
    assert "warroom of Follow Up Boss" in lines[1].detail
    slack.plan("auth.test", store=True, headers={"X-OAuth-Scopes": "chat:write"})
    for _ in ("public and private", "public"):
        slack.plan("conversations.list", body={"ok": False, "error": "missing_scope"})
    lines = inspect(console_settings(tmp_path, slack))
    assert [str(one.status) for one in lines] == ["pass", "pass", "warn", "warn", "no_data"]
    slack.plan("auth.test", body={"ok": False, "error": "invalid_auth"})
    lines = inspect(console_settings(tmp_path, slack))
    assert told(lines)[:2] == [("reachable", "pass"), ("token", "fail")]
    assert {one.detail for one in lines[2:]} == {"not asked: slack token"}
    assert slack.messages == []


def test_a_channel_by_its_id_that_may_not_be_looked_at_is_tried_by_its_history(
    tmp_path: Path, slack: SlackServer
) -> None:
    settings = console_settings(tmp_path, slack, slack__channel="C05ZYNSUP1")
    slack.plan("conversations.info", body={"ok": False, "error": "missing_scope", "needed": "channels:read"})
    assert told(inspect(settings))[-2:] == [("channel", "pass"), ("member", "pass")]
    slack.plan("conversations.info", body={"ok": False, "error": "missing_scope", "needed": "channels:read"})
    slack.plan("conversations.history", body={"ok": False, "error": "not_in_channel"})
    lines = inspect(settings)
    assert told(lines)[-2:] == [("channel", "pass"), ("member", "fail")]
    assert "/invite @warroom in C05ZYNSUP1" in lines[-1].remedy
    slack.plan("conversations.info", body={"ok": False, "error": "channel_not_found"})
    assert told(inspect(settings))[-2:] == [("channel", "fail"), ("member", "no_data")]


def test_the_doctor_tries_a_webhook_with_a_message_that_is_never_posted(tmp_path: Path, slack: SlackServer) -> None:
    settings = console_settings(tmp_path, slack, "webhook")
    slack.plan(SECRET, status=400, body=b"no_text")
    (line,) = inspect(settings)
    assert (line.subject, line.status) == ("webhook", Status.PASS)
    slack.plan(SECRET, status=404, body=b"no_service")
    (line,) = inspect(settings)
    assert (line.status, "revoked" in line.detail, "slack.webhook_url" in line.remedy) == (Status.FAIL, True, True)
    assert slack.messages == []
    (line,) = inspect(console_settings(tmp_path, None))
    assert "pasted by hand" in line.detail
    assert inspect(console_settings(tmp_path, None, writes__notices=False))[0].status is Status.WARN
