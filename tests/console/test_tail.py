"""A tail reads the newest page once, then only what came since, and older pages on demand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from diagnostics.live.tail import CATCH_UP, LATE_S, WIDE_EVERY, Tail
from diagnostics.models.events import LogEvent, LogPage
from tests.console.scripted import evidence


class Journal:
    """A log source in memory that pages as recorded: newest first, a cursor on all pages but empty ones."""

    def __init__(self) -> None:
        self.events: list[LogEvent] = []
        self.asked: list[tuple[int, str | None]] = []
        self.lag_s = 0.0

    def write(self, number: int, at: datetime) -> None:
        stamp = int(at.timestamp() * 1000)
        self.events.append(LogEvent(id=str(number), timestamp_ms=stamp, service="fub", status="error", message="x"))

    def known_lag_s(self, query: str) -> float:
        return self.lag_s

    def logs(
        self, query: str, *, window_s: int, end: datetime | None = None, cursor: str | None = None, limit: int = 100
    ) -> LogPage:
        self.asked.append((window_s, cursor))
        end = end or datetime.now(UTC)
        low, high = (end - timedelta(seconds=window_s)).timestamp() * 1000, end.timestamp() * 1000
        inside = sorted((e for e in self.events if low <= e.timestamp_ms <= high), key=lambda e: -e.timestamp_ms)
        start = int(cursor or 0)
        page = tuple(inside[start : start + limit])
        more = str(start + limit) if page else None
        return LogPage(page, more, evidence("datadog", query, len(page)))


def test_later_polls_ask_only_for_what_came_since_and_a_little_before() -> None:
    journal, now = Journal(), datetime.now(UTC)
    for number in range(5):
        journal.write(number, now - timedelta(seconds=10 + number))
    tail = Tail(journal, "service:fub", window_s=900)
    assert len(tail.newest().events) == 5
    journal.write(99, now - timedelta(seconds=1))
    assert "99" in {event.id for event in tail.newest().events}
    assert journal.asked[0][0] == 900
    assert journal.asked[1][0] <= 11 + 2 * LATE_S


def test_an_event_that_was_indexed_late_is_still_found() -> None:
    journal, now = Journal(), datetime.now(UTC)
    journal.write(1, now - timedelta(seconds=2))
    tail = Tail(journal, "service:fub", window_s=900)
    tail.newest()
    journal.write(2, now - timedelta(seconds=LATE_S - 3))
    assert "2" in {event.id for event in tail.newest().events}


def test_older_pages_come_in_order_without_loss_until_the_window_is_exhausted() -> None:
    journal, now = Journal(), datetime.now(UTC)
    for number in range(25):
        journal.write(number, now - timedelta(seconds=number + 1))
    tail = Tail(journal, "service:fub", window_s=900, page=10)
    seen = [event.id for event in tail.newest().events]
    while tail.has_older:
        page = tail.older()
        assert page is not None
        seen += [event.id for event in page.events]
    assert seen == [str(number) for number in range(25)]
    assert tail.older() is None


def test_more_new_events_than_a_page_holds_are_said_to_be_a_sample() -> None:
    journal, now = Journal(), datetime.now(UTC)
    journal.write(0, now - timedelta(seconds=30))
    tail = Tail(journal, "service:fub", window_s=900, page=10)
    tail.newest()
    before = tail.skipped
    for number in range(1, 2 * CATCH_UP):
        journal.write(number, now - timedelta(milliseconds=number))
    tail.newest()
    tail.newest()
    assert (before, tail.skipped) == (False, True)  # the hole is still between the lines shown


@pytest.mark.honesty(
    "cursors: a page that is not full carries one, and the tail was quiet before",
    "no lines are said to be left out",
)
def test_a_quiet_tail_that_wakes_up_has_left_nothing_out() -> None:
    journal = Journal()
    tail = Tail(journal, "service:fub", window_s=900)
    tail.newest()
    for number in range(3):
        journal.write(number, datetime.now(UTC) - timedelta(milliseconds=number))
    assert len(tail.newest().events) == 3
    assert not tail.skipped


def test_an_empty_window_is_asked_again_whole_enough_to_see_the_first_event() -> None:
    journal = Journal()
    tail = Tail(journal, "service:fub", window_s=900)
    assert tail.newest().events == ()
    journal.write(1, datetime.now(UTC) - timedelta(seconds=1))
    assert [event.id for event in tail.newest().events] == ["1"]


@pytest.mark.honesty("logs: lines that come late to a tail", "found, put in their place, marked, and said to be late")
@pytest.mark.parametrize("late_s", [40, 130, 280])
def test_lines_that_come_late_are_found_marked_and_said(late_s: int) -> None:
    """37 lines of one stream, while the others are fresh and nobody has measured a lag."""
    journal, now = Journal(), datetime.now(UTC)
    journal.write(0, now - timedelta(seconds=1))
    tail = Tail(journal, "service:fub", window_s=900)
    tail.newest()
    for number in range(1, 38):
        journal.write(number, now - timedelta(seconds=late_s, milliseconds=number))
    found = {event.id for _ in range(WIDE_EVERY) for event in tail.newest().events}
    assert found == {str(number) for number in range(38)}
    assert set(tail.late) == {str(number) for number in range(1, 38)}
    assert all(late_s <= after <= late_s + 5 for after in tail.late.values())
    assert tail.came_late().startswith("37 lines came up to ")
    assert not tail.skipped


def test_a_measured_lag_is_read_again_in_every_poll() -> None:
    journal, now = Journal(), datetime.now(UTC)
    journal.write(0, now - timedelta(seconds=1))
    tail = Tail(journal, "service:fub", window_s=900)
    tail.newest()
    journal.lag_s = 130.0
    tail.newest()
    assert journal.asked[-1][0] >= 130 + LATE_S
    journal.write(1, now - timedelta(seconds=130))
    tail.newest()
    assert set(tail.late) == {"1"}


def test_older_pages_and_a_first_page_are_not_late() -> None:
    journal, now = Journal(), datetime.now(UTC)
    for number in range(60):
        journal.write(number, now - timedelta(seconds=number))
    tail = Tail(journal, "service:fub", window_s=900, page=10)
    for _ in range(WIDE_EVERY + 1):
        tail.newest()
    tail.older()
    assert (tail.late, tail.came_late()) == ({}, "")
