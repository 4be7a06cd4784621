"""Exactly once for each confirmation: through retries, time-outs, several consoles, crashes and jumping clocks."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.incident.channels.base import SITE, NotDelivered, not_delivered
from diagnostics.models.entries import Channel, DeliveryAttempted, Purpose
from diagnostics.sources.datadog.failures import refused as datadog_refused
from diagnostics.sources.datadog.source import CREATE_INCIDENT
from diagnostics.sources.http import Headers, HttpResponse
from diagnostics.sources.jira import refused as jira_refused
from diagnostics.sources.slack import refused as slack_refused
from tests.notices.conftest import MakeConsole
from tests.notices.consoles import Clocks, Console, Tracker
from tests.notices.slack_server import SECRET, TOKEN, SlackServer


def test_a_confirmed_notice_is_sent_once_and_carries_its_receipt(console: Console, slack: SlackServer) -> None:
    incident = console.confirm()
    assert slack.messages == []
    assert console.notices.waiting()
    assert console.notices.deliver() == 1
    assert console.notices.deliver() == 0
    assert not console.notices.waiting()
    sent = console.slack_of(incident)
    assert (sent.state, sent.receipt, sent.found_again) == ("sent", slack.messages[0]["ts"], False)
    assert sent.link.startswith("https://fub.slack.com/archives/")
    assert len(slack.messages) == 1
    assert slack.messages[0]["metadata"] == {
        "event_type": "warroom_delivery",
        "event_payload": {"token": sent.token},
    }


def test_a_first_attempt_that_times_out_after_it_was_stored_is_found_again(
    console: Console, slack: SlackServer, clocks: Clocks
) -> None:
    slack.plan("chat.postMessage", store=True, silent=True)
    incident = console.confirm()
    assert console.notices.deliver() == 1
    assert console.slack_of(incident).state == "uncertain"
    clocks.forward(6)
    assert console.notices.deliver() == 1
    sent = console.slack_of(incident)
    assert (sent.state, sent.found_again, len(slack.messages)) == ("sent", True, 1)


def test_what_the_service_shows_late_is_looked_for_until_it_is_there(
    console: Console, slack: SlackServer, clocks: Clocks
) -> None:
    slack.plan("chat.postMessage", store=True, status=503, body=b"upstream")
    # The first look asks twice: for the message, and how far the history shows what it has.
    for _ in range(4):
        slack.plan("conversations.history", body={"ok": True, "messages": []})
    incident = console.confirm()
    console.notices.deliver()
    for pause in (6, 16, 31):
        clocks.forward(pause)
        console.notices.deliver()
        assert console.slack_of(incident).state == "uncertain"
    clocks.forward(61)
    console.notices.deliver()
    assert (console.slack_of(incident).state, len(slack.messages)) == ("sent", 1)


def wrote(slack: SlackServer, at: datetime) -> None:
    """Somebody else wrote into the channel."""
    slack.messages.append({"ts": f"{at.timestamp():.6f}", "text": "who is on it?"})


def test_what_is_surely_not_there_is_sent_again(console: Console, slack: SlackServer, clocks: Clocks) -> None:
    slack.plan("chat.postMessage", store=False, status=502, body=b"")
    incident = console.confirm()
    console.notices.deliver()
    for pause in (6, 16, 31, 61):
        assert slack.count("chat.postMessage") == 1
        clocks.forward(pause)
        console.notices.deliver()
        wrote(slack, clocks.now)
    sent = console.slack_of(incident)
    assert (sent.state, sent.attempts, sent.found_again) == ("sent", 2, False)
    assert slack.count("chat.postMessage") == 2


@pytest.mark.honesty(
    "a search does not find what may have been sent, and shows nothing newer", "it is not sent again; a person decides"
)
@pytest.mark.parametrize("before", [None, -60, 0], ids=["silence", "older than the attempt", "before the first look"])
def test_a_search_that_shows_nothing_newer_proves_nothing(
    console: Console, slack: SlackServer, clocks: Clocks, before: int | None
) -> None:
    slack.plan("chat.postMessage", store=False, status=502, body=b"")
    incident = console.confirm()
    console.notices.deliver()
    if before is not None:
        wrote(slack, clocks.now + timedelta(seconds=before))
    for _ in range(20):
        clocks.forward(61)
        console.notices.deliver()
    left = console.slack_of(incident)
    assert (left.state, left.attempts, slack.count("chat.postMessage")) == ("uncertain", 1, 1)
    assert "looked for 4 times and not found, which proves nothing" in left.reason
    assert left.remedy == "look in #fub-zyno-support yourself, and say whether it arrived"
    console.notices.settle(incident.id, left.delivery, "send_again")
    console.notices.deliver()
    assert console.slack_of(incident).state == "sent"


@pytest.mark.honesty("another console carries what was confirmed here", "it goes to the channel that was confirmed")
def test_a_delivery_goes_to_the_destination_that_was_confirmed(
    open_console: MakeConsole, slack: SlackServer, clocks: Clocks
) -> None:
    first = open_console()
    other = open_console("b.berg", slack__channel="#somewhere-else")
    slack.plan("chat.postMessage", store=False, status=429, body=b"", headers={"Retry-After": "5"})
    incident = first.confirm()
    first.notices.deliver()
    clocks.forward(61)
    other.notices.deliver()
    assert [one["channel"] for one in slack.messages] == ["#fub-zyno-support"]
    assert other.slack_of(incident).state == "sent"


@pytest.fixture
def elsewhere() -> Iterator[SlackServer]:
    """Another workspace, with a channel of the same name and the same id."""
    made = SlackServer()
    made.team = ("T2", "https://others.slack.com/")
    yield made
    made.close()


@pytest.mark.honesty(
    "another console's token is for another Slack workspace, which has a channel of the same name",
    "nothing is sent or looked for there; the reason names both workspaces",
)
@pytest.mark.parametrize("lost", [True, False])
def test_what_was_confirmed_for_one_workspace_is_neither_sent_nor_looked_for_in_another(
    open_console: MakeConsole, slack: SlackServer, elsewhere: SlackServer, clocks: Clocks, *, lost: bool
) -> None:
    first, other = open_console(), open_console("b.berg", slack=elsewhere)
    answer = {"store": True, "status": 502} if lost else {"store": False, "status": 429}
    slack.plan("chat.postMessage", body=b"", **answer)
    incident = first.confirm()
    first.notices.deliver()
    clocks.forward(61)
    other.notices.deliver()
    left = other.slack_of(incident)
    if not lost:
        assert "for the Slack workspace T1, and slack.bot_token is for https://others.slack.com/ (T2)" in left.reason
    for _ in range(2):
        clocks.forward(61)
        other.notices.deliver()
        first.notices.deliver()
    assert first.slack_of(incident).state == "sent"
    assert (len(slack.messages), elsewhere.messages) == (1, [])
    assert {method for method, _, _ in elsewhere.requests} == {"auth.test"}


def test_a_token_of_another_workspace_alone_closes_it_with_both_names(
    open_console: MakeConsole, slack: SlackServer, elsewhere: SlackServer, clocks: Clocks
) -> None:
    first = open_console()
    incident = first.confirm()
    first.notices.close()
    other = open_console("b.berg", slack=elsewhere)
    for _ in range(6):
        clocks.forward(120)
        other.notices.deliver()
    left = other.slack_of(incident)
    assert left.state == "failed"
    assert "confirmed for #fub-zyno-support https://fub.slack.com/ (T1)" in left.reason
    assert "this console writes to #fub-zyno-support https://others.slack.com/ (T2)" in left.reason
    assert (slack.messages, elsewhere.messages) == ([], [])


def test_a_token_that_was_exchanged_for_another_workspaces_sends_nothing(
    open_console: MakeConsole, slack: SlackServer, clocks: Clocks, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    console = open_console(slack__bot_token=None, slack__bot_token_file=str(file))
    incident = console.confirm()
    file.write_text(f"{TOKEN}-of-others")
    slack.plan("chat.postMessage", body={"ok": False, "error": "token_revoked"})
    slack.team = ("T2", "https://others.slack.com/")
    console.notices.deliver()
    assert slack.messages == []
    assert (
        "slack.bot_token is for https://others.slack.com/ (T2): nothing was sent" in console.slack_of(incident).reason
    )


def test_a_webhook_of_another_workspace_sends_nothing(
    open_console: MakeConsole, slack: SlackServer, clocks: Clocks
) -> None:
    first = open_console(way="webhook")
    incident = first.confirm()
    other = open_console("b.berg", way="webhook", slack__webhook_url=slack.webhook_url.replace("/T1/", "/T2/"))
    other.notices.deliver()
    assert "for the Slack workspace T1, and slack.webhook_url is for (T2)" in other.slack_of(incident).reason
    clocks.forward(61)
    first.notices.deliver()
    assert (first.slack_of(incident).state, len(slack.messages)) == ("sent", 1)


def test_where_slack_does_not_say_its_workspace_a_notice_waits_no_longer_than_a_moment(
    open_console: MakeConsole, slack: SlackServer
) -> None:
    slack.plan("auth.test", silent=True)
    console = open_console(slack__timeout_s=10)
    started = time.monotonic()
    (draft,) = console.propose().sendable
    assert time.monotonic() - started < 5
    assert SITE not in draft.fields
    slack.released.set()


def test_what_was_confirmed_for_a_webhook_goes_by_no_other_way(
    open_console: MakeConsole, slack: SlackServer, clocks: Clocks
) -> None:
    first, other = open_console(way="webhook"), open_console("b.berg")
    incident = first.confirm()
    for _ in range(5):
        clocks.forward(120)
        other.notices.deliver()
    left = other.slack_of(incident)
    assert (left.state, slack.messages) == ("failed", [])
    assert "it was confirmed for #fub-zyno-support, by webhook (T1), and this console writes to #fub" in left.reason
    first.notices.settle(incident.id, left.delivery, "send_again")
    first.notices.deliver()
    assert (first.slack_of(incident).state, len(slack.messages)) == ("sent", 1)


@pytest.mark.honesty("what was sent again had arrived before", "the timeline names both")
def test_twins_are_written_into_the_timeline_once(console: Console, slack: SlackServer, clocks: Clocks) -> None:
    slack.plan("chat.postMessage", store=True, status=502, body=b"")
    for _ in range(40):
        slack.plan("conversations.history", body={"ok": True, "messages": []})
    incident = console.confirm()
    for _ in range(10):
        console.notices.deliver()
        clocks.forward(61)
    assert console.slack_of(incident).state == "uncertain"
    console.notices.settle(incident.id, "D1", "send_again")
    console.notices.deliver()
    slack.plans.clear()
    for _ in range(2):
        console.notices.report_twins()
        clocks.forward(61)
    lines = [line.text for line in console.incidents.timeline(incident.id).rows if "2 times" in line.text]
    assert len(lines) == 1
    assert lines[0].count("https://fub.slack.com/archives/") == 2


def test_nothing_is_sent_while_looking_for_it_fails(console: Console, slack: SlackServer, clocks: Clocks) -> None:
    slack.plan("chat.postMessage", store=True, status=500, body=b"")
    most = console.context.catalogue.delivery.most_looks
    for _ in range(most):
        slack.plan("conversations.history", store=False, status=503, body=b"")
    incident = console.confirm()
    console.notices.deliver()
    for _ in range(most):
        clocks.forward(601)
        console.notices.deliver()
    left = console.slack_of(incident)
    assert (left.state, left.retry_at, len(slack.messages)) == ("uncertain", None, 1)
    assert not console.notices.waiting()
    clocks.forward(86_400)
    assert console.notices.deliver() == 0


def test_a_webhook_that_ended_without_an_answer_waits_for_a_person(
    open_console: MakeConsole, slack: SlackServer, clocks: Clocks
) -> None:
    console = open_console(way="webhook")
    slack.plan(SECRET, store=True, silent=True)
    incident = console.confirm()
    console.notices.deliver()
    for _ in range(20):
        clocks.forward(120)
        console.notices.deliver()
    left = console.slack_of(incident)
    assert (left.state, len(slack.messages)) == ("uncertain", 1)
    assert "webhook cannot read" in left.reason
    assert "look in the channel" in left.remedy
    settled = console.notices.settle(incident.id, "d1", "arrived", "I see it")
    assert settled.deliveries[0].state == "sent"


def test_what_a_webhook_sent_is_not_declared_missing_by_a_console_with_a_token(
    open_console: MakeConsole, slack: SlackServer, clocks: Clocks
) -> None:
    first, second = open_console(way="webhook"), open_console("b.berg")
    slack.plan(SECRET, store=True, silent=True)
    incident = first.confirm()
    first.notices.deliver()
    for _ in range(10):
        clocks.forward(120)
        second.notices.deliver()
    assert (second.slack_of(incident).state, len(slack.messages)) == ("uncertain", 1)


def test_a_person_may_send_again_or_give_up_what_nobody_can_look_for(
    open_console: MakeConsole, slack: SlackServer, clocks: Clocks
) -> None:
    console = open_console(way="webhook")
    slack.plan(SECRET, store=False, status=500, body=b"rollup_error")
    incident = console.confirm()
    console.notices.deliver()
    clocks.forward(10)
    console.notices.deliver()
    console.notices.settle(incident.id, "D1", "send_again", "it is not in the channel")
    assert console.notices.waiting()
    console.notices.deliver()
    assert (console.slack_of(incident).state, console.slack_of(incident).attempts) == ("sent", 2)
    assert len(slack.messages) == 1
    with pytest.raises(UserError, match="cannot be settled"):
        console.notices.settle(incident.id, "D1", "send_again")
    with pytest.raises(UserError, match="no delivery"):
        console.notices.settle(incident.id, "D9", "given_up")
    with pytest.raises(UserError, match="cannot be settled as"):
        console.notices.settle(incident.id, "D1", "forgotten")


def test_of_two_consoles_that_deliver_at_the_same_moment_one_sends(
    open_console: MakeConsole, slack: SlackServer
) -> None:
    consoles = [open_console(person) for person in ("cl.nolen", "b.berg", "d.diaz", "e.eriksen")]
    incident = consoles[0].confirm()
    start = threading.Barrier(len(consoles))

    def deliver(console: Console) -> None:
        start.wait()
        console.notices.deliver()

    threads = [threading.Thread(target=deliver, args=(one,)) for one in consoles]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(slack.messages) == 1
    assert consoles[1].slack_of(incident).state == "sent"


def test_an_attempt_whose_console_died_is_finished_by_another_after_a_grace(
    open_console: MakeConsole, slack: SlackServer, clocks: Clocks
) -> None:
    first, second = open_console(), open_console("b.berg")
    incident = first.confirm()
    first.incidents.decide(incident.id, lambda _: (DeliveryAttempted(delivery="D1", attempt=1, way="token"),))
    second.notices.deliver()
    assert second.slack_of(incident).state == "sending"
    for pause in (91, 6, 6, 16, 31, 61):
        clocks.forward(pause)
        second.notices.deliver()
        wrote(slack, clocks.now)
    assert (second.slack_of(incident).state, slack.count("chat.postMessage")) == ("sent", 1)


@pytest.mark.parametrize("hours", [-48, 48])
def test_a_clock_that_jumps_makes_nobody_take_over_an_attempt_that_is_under_way(
    open_console: MakeConsole, slack: SlackServer, clocks: Clocks, hours: int
) -> None:
    first, second = open_console(), open_console("b.berg")
    incident = first.confirm()
    first.incidents.decide(incident.id, lambda _: (DeliveryAttempted(delivery="D1", attempt=1, way="token"),))
    second.notices.deliver()
    clocks.jump(hours=hours)
    for _ in range(10):
        second.notices.deliver()
    assert (second.slack_of(incident).state, slack.messages) == ("sending", [])


def test_a_clock_that_jumps_back_does_not_hold_a_retry_up_for_ever(
    console: Console, slack: SlackServer, clocks: Clocks
) -> None:
    slack.plan("chat.postMessage", status=429, body={"ok": False, "error": "ratelimited"}, headers={"Retry-After": "7"})
    incident = console.confirm()
    console.notices.deliver()
    clocks.jump(days=-3)
    console.notices.deliver()
    clocks.forward(601)
    console.notices.deliver()
    assert (console.slack_of(incident).state, len(slack.messages)) == ("sent", 1)


def test_a_rate_limit_is_waited_for_as_long_as_slack_asks(console: Console, slack: SlackServer, clocks: Clocks) -> None:
    slack.plan("chat.postMessage", status=429, body=b"", headers={"Retry-After": "42"})
    incident = console.confirm()
    console.notices.deliver()
    assert console.slack_of(incident).state == "retrying"
    clocks.forward(41)
    assert console.notices.deliver() == 0
    clocks.forward(2)
    assert console.notices.deliver() == 1
    assert console.slack_of(incident).state == "sent"


def answered(status: int, wait: str) -> HttpResponse:
    return HttpResponse(status, Headers([(b"Retry-After", wait.encode())]), b"{}")


SAID = [
    failure
    for status, wait in ((429, "30"), (429, "7200"), (503, "30"))
    for failure in (
        slack_refused(answered(status, wait)),
        jira_refused("the creation of an issue", answered(status, wait), str),
        datadog_refused(CREATE_INCIDENT, status, {"Retry-After": wait}, b"", str),
    )
]


def test_what_is_tried_again_by_itself_and_what_is_left_to_people_never_stand_in_one_sentence(
    open_console: MakeConsole, clocks: Clocks
) -> None:
    tracker = Tracker(Channel.SLACK)
    console = open_console(channels=(tracker,), slack=None)
    by_itself = left = 0
    for failure in SAID:
        tracker.next = [not_delivered(failure)]
        incident = console.confirm()
        console.notices.deliver()
        told = console.slack_of(incident)
        assert told.state in {"retrying", "failed", "uncertain"}
        said = f"{told.reason}; {told.remedy}".lower()
        again = "again by itself" in said
        people = "left to you" in said or "send it again" in said
        assert not (again and people), said
        assert again == (told.state == "retrying"), said
        assert people == (told.state == "failed"), said
        by_itself, left = by_itself + again, left + people
        console.notices.settle(incident.id, told.delivery, "given_up", why="a test")
    assert (by_itself, left) == (3, 3), "of each service a short wait, and one that is longer than anybody waits"


def test_definite_failures_are_tried_with_growing_pauses_and_then_left_to_a_person(
    console: Console, slack: SlackServer, clocks: Clocks
) -> None:
    incident = console.confirm()
    slack.close()
    pauses = []
    for _ in range(200):
        before = console.slack_of(incident).attempts
        console.notices.deliver()
        after = console.slack_of(incident)
        if after.attempts > before and after.retry_at is not None:
            pauses.append((after.retry_at - clocks.now).total_seconds())
        clocks.forward(31)
    left = console.slack_of(incident)
    assert pauses[:4] == [5, 15, 60, 180]
    assert left.state == "failed"
    assert "not tried any more" in left.reason
    assert not console.notices.waiting()


def test_a_permanent_failure_names_its_remedy_and_waits_for_a_person(
    console: Console, slack: SlackServer, clocks: Clocks
) -> None:
    slack.plan("chat.postMessage", store=False, body={"ok": False, "error": "not_in_channel"})
    incident = console.confirm()
    console.notices.deliver()
    left = console.slack_of(incident)
    assert (left.state, left.reason) == ("failed", "the bot is not a member of the channel (not_in_channel)")
    assert "/invite" in left.remedy
    clocks.forward(86_400)
    assert console.notices.deliver() == 0
    console.notices.settle(incident.id, "D1", "send_again")
    console.notices.deliver()
    assert (console.slack_of(incident).state, len(slack.messages)) == ("sent", 1)


def test_a_notice_that_nobody_sent_for_too_long_is_no_news_and_is_left_to_a_person(
    console: Console, slack: SlackServer, clocks: Clocks
) -> None:
    incident = console.confirm()
    clocks.forward(3 * 3_600)
    console.notices.deliver()
    assert (console.slack_of(incident).state, slack.messages) == ("failed", [])
    console.notices.settle(incident.id, "D1", "send_again")
    console.notices.deliver()
    assert (console.slack_of(incident).state, len(slack.messages)) == ("sent", 1)


def test_an_outcome_that_the_journal_does_not_take_is_written_in_the_next_pass(
    console: Console, slack: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = console.confirm()
    real, calls = console.incidents.decide, []

    def decide(*args: object, **more: object) -> object:
        calls.append(args)
        if len(calls) == 2:
            raise SourceFailure("denied", "state", "disk full")  # type: ignore[arg-type]  # the word is enough
        return real(*args, **more)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(console.incidents, "decide", decide)
    with pytest.raises(SourceFailure, match="disk full"):
        console.notices.deliver()
    assert console.slack_of(incident).state == "sending"
    assert console.notices.waiting()
    console.notices.deliver()
    assert (console.slack_of(incident).state, console.slack_of(incident).found_again) == ("sent", False)
    assert len(slack.messages) == 1


def test_a_console_that_stood_still_after_its_claim_does_not_send(
    console: Console, slack: SlackServer, clocks: Clocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = console.confirm()
    real = console.incidents.decide

    def decide(*args: object, **more: object) -> object:
        done = real(*args, **more)  # type: ignore[arg-type]  # handed through
        clocks.forward(60)
        return done

    monkeypatch.setattr(console.incidents, "decide", decide)
    console.notices.deliver()
    monkeypatch.undo()
    assert slack.messages == []
    assert console.slack_of(incident).state == "retrying"


def test_a_note_waits_for_the_receipt_of_what_it_is_a_note_on(open_console: MakeConsole, clocks: Clocks) -> None:
    jira = Tracker(Channel.JIRA)
    console = open_console(channels=(jira,))
    jira.next.append(NotDelivered("definite", "connection refused"))
    incident = console.confirm()
    console.confirm(console.propose(incident=incident.id, purpose=Purpose.UPDATE))
    console.notices.deliver()
    assert jira.sent == []
    clocks.forward(6)
    console.notices.deliver()
    console.notices.deliver()
    assert [(one.purpose, one.fields.get("of", "")) for one, _ in jira.sent] == [
        (Purpose.TRACKING, ""),
        (Purpose.NOTE, "jira-1"),
    ]


def test_a_note_on_what_was_given_up_is_left_to_a_person(open_console: MakeConsole) -> None:
    jira = Tracker(Channel.JIRA)
    console = open_console(channels=(jira,))
    incident = console.confirm()
    console.confirm(console.propose(incident=incident.id, purpose=Purpose.UPDATE))
    console.notices.settle(incident.id, "D1", "given_up", "tracked elsewhere")
    console.notices.deliver()
    assert [one.state for one in console.incidents.get(incident.id).deliveries] == ["given_up", "failed"]
    assert jira.sent == []


def test_a_console_that_may_not_write_sends_nothing_that_others_confirmed(
    open_console: MakeConsole, slack: SlackServer
) -> None:
    first, quiet = open_console(), open_console("b.berg", writes__notices=False)
    first.confirm()
    assert quiet.notices.deliver() == 0
    assert slack.messages == []
    assert first.notices.deliver() == 1


def test_a_resolution_is_delivered_although_the_incident_is_over(console: Console, slack: SlackServer) -> None:
    from diagnostics.models.entries import IncidentStatus  # noqa: PLC0415  # only here

    incident = console.confirm()
    console.confirm(console.propose(incident=incident.id, purpose=Purpose.RESOLUTION))
    console.incidents.set_status(incident.id, IncidentStatus.RESOLVED, why="batch retry done")
    console.notices.deliver()
    assert len(slack.messages) == 2


def test_looking_whether_something_waits_raises_nothing_when_the_state_is_lost(
    console: Console, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    console.confirm()
    assert console.notices.waiting()

    def fail(_: object) -> object:
        raise SourceFailure("unreachable", "state", "gone")  # type: ignore[arg-type]  # the word is enough

    monkeypatch.setattr(type(console.context.journal), "head", fail)
    assert console.notices.waiting()
