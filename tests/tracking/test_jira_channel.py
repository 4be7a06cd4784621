"""Jira: an issue opened once and found again by its label, comments on it, and every refusal with its remedy."""

from __future__ import annotations

import base64
import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest

from diagnostics.core.failures import SourceFailure
from diagnostics.incident.channels.base import CannotLook, NotDelivered
from diagnostics.models.entries import Channel, Purpose
from diagnostics.models.incidents import Delivery
from diagnostics.sources import jira
from diagnostics.sources.http import Headers, HttpClient, HttpResponse
from diagnostics.sources.jira import Jira, document
from sandbox.launch import SandboxProcess
from tests.tracking.conftest import TOKEN, MakeJira, delivery, incident, settings_of
from tests.tracking.test_datadog_channel import free_port


def opening(**more: Any) -> Delivery:  # noqa: ANN401
    return delivery(Channel.JIRA, **more)


def note(of: str) -> Delivery:
    return delivery(Channel.JIRA, Purpose.NOTE, text="Batch retry runs.", fields={"of": of})


def test_an_issue_is_opened_with_summary_description_and_our_label(
    sandbox: SandboxProcess, make_jira: MakeJira
) -> None:
    receipt = make_jira().send(opening(), incident())
    (made,) = sandbox.recorded().issues
    assert made["summary"] == "INC-7 Zillow answers 429"
    assert made["labels"] == [f"warroom-{TOKEN}"]
    assert made["issue_type"] == "Bug"
    assert made["fields"]["project"] == {"key": "ZYN"}
    assert made["description"] == "212,631 webhook events wait.\nWe recover by batch retry."
    assert receipt.receipt == made["key"]
    assert receipt.link == f"{sandbox.url}/browse/{made['key']}"


@pytest.mark.parametrize("fault", ["stored_500", "stored_hang", "stored_reset"])
def test_an_issue_that_was_stored_without_an_answer_is_ambiguous_and_found_again(
    sandbox: SandboxProcess, make_jira: MakeJira, fault: str
) -> None:
    sandbox.set_faults(f"jira_create={fault}/1")
    channel = make_jira(jira__timeout_s=0.7)
    with pytest.raises(NotDelivered) as caught:
        channel.send(opening(), incident())
    assert caught.value.outcome == "ambiguous"
    receipt = channel.find(opening(), incident())
    recorded = sandbox.recorded()
    (made,) = recorded.issues
    assert recorded.requests["jira_create"] == 1
    assert receipt is not None
    assert receipt.receipt == made["key"]


@pytest.mark.parametrize("fault", ["500", "503", "hang", "reset", "garbage", "truncated", "dribble:5"])
def test_what_was_not_answered_is_ambiguous(sandbox: SandboxProcess, make_jira: MakeJira, fault: str) -> None:
    sandbox.set_faults(f"jira_create={fault}/1")
    with pytest.raises(NotDelivered) as caught:
        make_jira(jira__timeout_s=0.7).send(opening(), incident())
    assert caught.value.outcome == "ambiguous"


def test_a_rate_limit_is_definite_and_says_how_long_to_wait(sandbox: SandboxProcess, make_jira: MakeJira) -> None:
    sandbox.set_faults("jira_create=429:23/1")
    with pytest.raises(NotDelivered) as caught:
        make_jira().send(opening(), incident())
    assert (caught.value.outcome, caught.value.retry_after_s) == ("definite", 23.0)
    assert sandbox.recorded().issues == []


def test_a_connection_that_was_refused_is_definite(make_jira: MakeJira) -> None:
    channel = make_jira(jira__url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(NotDelivered) as caught:
        channel.send(opening(), incident())
    assert caught.value.outcome == "definite"
    with pytest.raises(SourceFailure):
        channel.find(opening(), incident())


def test_a_required_field_is_named_and_permanent(sandbox: SandboxProcess, make_jira: MakeJira) -> None:
    sandbox.set_faults("jira_create=required:customfield_10042")
    with pytest.raises(NotDelivered) as caught:
        make_jira().send(opening(), incident())
    assert caught.value.outcome == "permanent"
    assert "customfield_10042: Cause is required." in caught.value.reason
    assert "customfield_10042" in caught.value.remedy
    assert "jira.issue_type" in caught.value.remedy


@pytest.mark.parametrize(
    ("flags", "reason", "remedy"),
    [
        ({"jira__project": "NOPE"}, "project: valid project is required", "jira.project"),
        ({"jira__issue_type": "Story"}, "issuetype: Specify a valid issue type", "jira.issue_type"),
        ({"jira__email": "other@example.com"}, "HTTP 401", "jira.token"),
    ],
)
def test_settings_that_jira_refuses_are_permanent_and_named(
    make_jira: MakeJira, flags: dict[str, object], reason: str, remedy: str
) -> None:
    with pytest.raises(NotDelivered) as caught:
        make_jira(**flags).send(opening(), incident())
    assert caught.value.outcome == "permanent"
    assert reason in caught.value.reason
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("fault", ["unauthorized", "forbidden", "missing", "redirect"])
def test_a_refusal_is_permanent_with_a_remedy_and_a_search_refused_asks_a_person(
    sandbox: SandboxProcess, make_jira: MakeJira, fault: str
) -> None:
    sandbox.set_faults(f"jira_create={fault}", f"jira_search={fault}")
    channel = make_jira()
    with pytest.raises(NotDelivered) as caught:
        channel.send(opening(), incident())
    assert caught.value.outcome == "permanent"
    assert caught.value.remedy
    with pytest.raises(CannotLook) as asked:
        channel.find(opening(), incident())
    assert f"warroom-{TOKEN}" in asked.value.remedy


def test_a_slow_search_index_shows_the_issue_only_later(sandbox: SandboxProcess, make_jira: MakeJira) -> None:
    channel = make_jira()
    sandbox.set_faults("jira_search=lag:2")
    channel.send(opening(), incident())
    assert [channel.find(opening(), incident()) is not None for _ in range(3)] == [False, False, True]


def test_another_issue_with_a_similar_label_is_not_taken_for_ours(sandbox: SandboxProcess, make_jira: MakeJira) -> None:
    channel = make_jira()
    channel.send(opening(token=TOKEN + "1"), incident())
    assert channel.find(opening(), incident()) is None
    assert len(sandbox.recorded().issues) == 1


@pytest.mark.parametrize("fault", ["stored_500", "stored_reset"])
def test_a_note_is_a_comment_that_is_written_once_and_found_again(
    sandbox: SandboxProcess, make_jira: MakeJira, fault: str
) -> None:
    channel = make_jira()
    key = channel.send(opening(), incident()).receipt
    assert channel.find(note(key), incident()) is None
    sandbox.set_faults(f"jira_comment={fault}/1")
    with pytest.raises(NotDelivered) as caught:
        channel.send(note(key), incident())
    assert caught.value.outcome == "ambiguous"
    receipt = channel.find(note(key), incident())
    (made,) = sandbox.recorded().comments
    assert made["text"].splitlines() == ["Batch retry runs.", f"[warroom-{TOKEN}]"]
    assert receipt is not None
    assert receipt.receipt == made["id"]
    assert receipt.link.endswith(f"/browse/{key}?focusedCommentId={made['id']}")


def test_the_key_of_a_comment_stands_behind_the_longest_text(sandbox: SandboxProcess, make_jira: MakeJira) -> None:
    channel = make_jira()
    key = channel.send(opening(), incident()).receipt
    long = note(key).model_copy(update={"text": "Batch retry runs. " * 2_500})
    receipt = channel.send(long, incident())
    assert channel.find(long, incident()) == receipt
    assert sandbox.recorded().comments[0]["text"].endswith(f"[warroom-{TOKEN}]")


def test_where_labels_are_not_on_the_create_screen_the_issue_is_opened_without_and_found_by_its_description(
    sandbox: SandboxProcess, make_jira: MakeJira
) -> None:
    sandbox.set_faults("jira_create=hidden:labels")
    channel = make_jira()
    receipt = channel.send(opening(), incident())
    (made,) = sandbox.recorded().issues
    assert (made["key"], made["labels"]) == (receipt.receipt, [])
    last = made["description"].splitlines()[-1]
    assert last.startswith(f"[warroom-{TOKEN}] stands here in place of a label: the field Labels is not on")
    assert channel.find(opening(), incident()) == receipt
    assert channel.twins(opening()) == (receipt,)
    assert channel.find(opening(token=TOKEN[:-1]), incident()) is None, "a key that begins alike is another one"
    sandbox.set_faults("jira_create=required:customfield_10042")
    with pytest.raises(NotDelivered) as caught:
        channel.send(opening(), incident())
    assert caught.value.outcome == "permanent"
    assert len(sandbox.recorded().issues) == 1


def test_lengths_are_those_of_jira_which_counts_an_emoji_as_two(sandbox: SandboxProcess, make_jira: MakeJira) -> None:
    rocket = "\U0001f680"
    channel = make_jira()
    long = opening(title=rocket * 200, text=f"{rocket * 30_000}\n\nand the end")
    receipt = channel.send(long, incident())
    (made,) = sandbox.recorded().issues
    assert len(made["summary"].encode("utf-16-le")) // 2 in {254, 255}
    assert made["summary"].endswith(f"{rocket}…")
    description = made["description"]
    said = re.search(r"\[cut here: Jira takes no more, ([0-9,]+) of 30,013 characters are left out; ", description)
    assert said is not None
    assert int(said[1].replace(",", "")) == 30_013 - description.count(rocket)
    assert description.endswith("the whole text stands in the console, with the incident's deliveries]")
    noted = channel.send(note(receipt.receipt).model_copy(update={"text": rocket * 30_000}), incident())
    assert channel.find(note(receipt.receipt), incident()) == noted
    written = sandbox.recorded().comments[0]["text"]
    assert len(written.encode("utf-16-le")) // 2 < 32_767
    assert written.endswith(f"[warroom-{TOKEN}]")


def test_a_captcha_is_told_as_such_and_not_as_a_wrong_token(sandbox: SandboxProcess, make_jira: MakeJira) -> None:
    sandbox.set_faults("jira=captcha")
    channel = make_jira()
    with pytest.raises(NotDelivered) as caught:
        channel.send(opening(), incident())
    assert (caught.value.outcome, "CAPTCHA" in caught.value.reason) == ("permanent", True)
    assert "browser" in caught.value.remedy
    with pytest.raises(CannotLook):
        channel.find(opening(), incident())
    assert sandbox.recorded().requests["jira_create"] == 1
    assert "jira_search" not in sandbox.recorded().requests, "a login that is refused is not tried again at once"


def test_an_answer_to_a_stranger_is_not_taken_for_a_search_that_found_nothing(
    make_jira: MakeJira, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = make_jira()
    headers = Headers([(b"X-Seraph-LoginReason", b"AUTHENTICATED_FAILED")])
    answer = HttpResponse(200, headers, b'{"issues": [], "isLast": true}')
    monkeypatch.setattr(HttpClient, "ask", lambda *_, **__: answer)
    with pytest.raises(CannotLook) as caught:
        channel.find(opening(), incident())
    assert "AUTHENTICATED_FAILED" in caught.value.reason
    assert "jira.token" in caught.value.remedy


def test_a_comment_is_found_behind_pages_of_others(sandbox: SandboxProcess, make_jira: MakeJira) -> None:
    channel = make_jira()
    key = channel.send(opening(), incident()).receipt
    ours = channel.send(note(key), incident())
    for number in range(110):
        channel.send(note(key).model_copy(update={"token": f"other{number}"}), incident())
    assert channel.find(note(key), incident()) == ours
    assert sandbox.recorded().requests["jira_comments"] == 2


def test_a_page_of_comments_that_is_too_large_is_asked_for_again_smaller(
    sandbox: SandboxProcess, make_jira: MakeJira, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diagnostics.sources.jira.MOST_BYTES", 40_000)
    channel = make_jira()
    key = channel.send(opening(), incident()).receipt
    ours = channel.send(note(key), incident())
    for number in range(30):
        channel.send(note(key).model_copy(update={"token": f"other{number}", "text": "x" * 1_000}), incident())
    assert channel.find(note(key), incident()) == ours
    assert sandbox.recorded().requests["jira_comments"] == 4, "100 at once, then 12 three times"


def test_the_lists_of_a_server_of_ones_own_are_read_too(make_jira: MakeJira, monkeypatch: pytest.MonkeyPatch) -> None:
    # Jira Data Center calls every list "values".
    pages = iter(
        [
            b'{"startAt": 0, "maxResults": 1, "total": 2, "isLast": false, "values": [{"id": "1", "name": "Bug"}]}',
            b'{"startAt": 1, "maxResults": 1, "total": 2, "isLast": true, "values": [{"id": "2", "name": "Task"}]}',
        ]
    )
    jira = make_jira()._jira
    monkeypatch.setattr(HttpClient, "ask", lambda *_, **__: HttpResponse(200, Headers([]), next(pages)))
    assert jira.issue_types("ZYN") == {"Bug": "1", "Task": "2"}


def test_a_note_without_an_issue_or_on_one_that_is_gone_is_permanent(make_jira: MakeJira) -> None:
    for key in ("", "ZYN-9999"):
        with pytest.raises(NotDelivered) as caught:
            make_jira().send(note(key), incident())
        assert caught.value.outcome == "permanent"


def test_what_holds_characters_of_the_query_language_finds_nothing_else(
    sandbox: SandboxProcess, make_jira: MakeJira
) -> None:
    channel = make_jira()
    channel.send(opening(), incident())
    sandbox.forget()
    assert channel.find(opening(token='x" OR project = "ZYN'), incident()) is None


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        ({"writes__tracking": False}, "writes.tracking"),
        ({"jira__url": None}, "jira.url"),
        ({"jira__email": ""}, "jira.email"),
        ({"jira__token": None}, "jira.token"),
        ({"jira__url": "http://jira.example.com"}, "https"),
    ],
)
def test_why_it_cannot_be_used_is_said_without_asking_anybody(
    sandbox: SandboxProcess, make_jira: MakeJira, flags: dict[str, object], word: str
) -> None:
    assert word in make_jira(**flags).problem()
    assert make_jira().problem() == ""
    assert make_jira().destination == "Jira ZYN"
    assert sandbox.recorded().requests == {}


def test_a_secret_that_cannot_be_read_now_is_definite_and_nothing_is_sent(
    sandbox: SandboxProcess, make_jira: MakeJira, tmp_path: Path
) -> None:
    channel = make_jira(jira__token=None, jira__token_file=str(tmp_path / "absent"))
    with pytest.raises(NotDelivered) as caught:
        channel.send(opening(), incident())
    assert caught.value.outcome == "definite"
    assert sandbox.recorded().requests == {}


def test_the_token_is_in_no_failure_no_repr_and_no_log(
    sandbox: SandboxProcess, make_jira: MakeJira, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    flags = sandbox.flags()
    token = str(flags["jira.token"])
    encoded = base64.b64encode(f"{flags['jira.email']}:{token}".encode()).decode()
    sandbox.set_faults("jira_create=stored_reset/1")
    channel = make_jira()
    with pytest.raises(NotDelivered) as caught:
        channel.send(opening(), incident())
    channel.find(opening(), incident())
    said = f"{caught.value!r} {caught.value.__context__!r} {channel._jira!r} {caplog.text}"
    assert token not in said
    assert encoded not in said


def test_the_account_can_be_tried_without_changing_anything(sandbox: SandboxProcess) -> None:
    jira = Jira(settings_of(sandbox, {}).jira)
    try:
        assert jira.probe().query == "GET /rest/api/3/myself"
    finally:
        jira.close()
    assert sandbox.recorded().issues == []


def test_plain_text_becomes_paragraphs_with_their_line_breaks() -> None:
    made = document("one\ntwo\n\n\nthree")
    assert made["content"] == [
        {
            "type": "paragraph",
            "content": [{"type": "text", "text": "one"}, {"type": "hardBreak"}, {"type": "text", "text": "two"}],
        },
        {"type": "paragraph", "content": [{"type": "text", "text": "three"}]},
    ]
    assert document("")["content"] == [{"type": "paragraph", "content": []}]


@pytest.mark.honesty("more issues look like ours than one search shows", "not known; never 'there is none'")
def test_ours_may_stand_behind_those_that_look_like_it(
    sandbox: SandboxProcess, make_jira: MakeJira, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jira, "_ALIKE", 2)
    channel = make_jira()
    for number in range(2):
        channel.send(opening(token=f"other{number}", text=f"as in warroom-{TOKEN}"), incident())
    with pytest.raises(CannotLook, match="more than 2 issues look like"):
        channel.find(opening(), incident())
    monkeypatch.setattr(jira, "_ALIKE", 3)
    assert channel.find(opening(), incident()) is None


def test_a_list_that_is_longer_than_is_read_says_so(make_jira: MakeJira, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(_self: HttpClient, _request: object, **_limits: object) -> HttpResponse:
        types = [{"name": f"Type {number}", "id": str(number)} for number in range(100)]
        return HttpResponse(200, Headers([]), json.dumps({"issueTypes": types, "total": 10_000}).encode())

    monkeypatch.setattr(HttpClient, "ask", answer)
    with pytest.raises(SourceFailure, match="more than the 500 that are read"):
        make_jira()._jira.issue_types("ZYN")
