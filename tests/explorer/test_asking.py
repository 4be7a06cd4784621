"""The explorer's questions over the wire: histogram, facets, correlation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from diagnostics.config.layers import load_settings
from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.core.waiting import Job
from diagnostics.explorer.service import AROUND, step_s
from diagnostics.models.events import LogEvent, correlation_of
from diagnostics.service import Diagnostics
from sandbox.launch import SandboxProcess, start_sandbox
from tests.shipped import shipped_catalogue
from widgets.glyphs import ASCII
from widgets.log.histogram import histogram_rows
from widgets.rows.facets import facet_rows

QUERY = "service:fub @context.error_message:*429* @context.service:zillow"


@pytest.fixture(scope="module")
def world() -> Iterator[SandboxProcess]:
    with start_sandbox("nov17_logs", rate_limits=("search=1000000/1", "aggregate=1000000/1")) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def service(world: SandboxProcess) -> Iterator[Diagnostics]:
    with Diagnostics.open(load_settings(flags=world.flags(), environ={}).settings, shipped_catalogue()) as opened:
        yield opened


@pytest.fixture(scope="module")
def window() -> tuple[datetime, datetime]:
    end = (datetime.now(UTC) - timedelta(seconds=5)).replace(microsecond=0)
    return end - timedelta(minutes=10), end


def all_events(service: Diagnostics, query: str, window: tuple[datetime, datetime]) -> list[LogEvent]:
    events: list[LogEvent] = []
    cursor = None
    while True:
        page = service.explorer.page(query, start=window[0], end=window[1], cursor=cursor, limit=1000)
        events += page.events
        cursor = page.next_cursor
        if cursor is None:
            return events


@pytest.mark.parametrize(("seconds", "most", "step"), [(900, 120, 10), (900, 60, 15), (86_400, 120, 900), (5, 120, 1)])
def test_steps_are_lengths_that_people_read_clocks_by(seconds: float, most: int, step: int) -> None:
    assert step_s(seconds, most) == step


def test_the_histogram_counts_what_the_pages_hold(service: Diagnostics, window: tuple[datetime, datetime]) -> None:
    events = all_events(service, QUERY, window)
    histogram = service.explorer.histogram(QUERY, start=window[0], end=window[1], most_bins=60)
    assert histogram.total == len(events) == sum(one.total for one in histogram.bins)
    starts = [one.start_ms for one in histogram.bins]
    assert starts == list(range(starts[0], starts[0] + histogram.step_ms * len(starts), histogram.step_ms))
    assert len(starts) <= 61
    busiest = max(histogram.bins, key=lambda one: one.total)
    inside = [one for one in events if busiest.start_ms <= one.timestamp_ms < busiest.start_ms + histogram.step_ms]
    assert len(inside) == busiest.total


def test_an_exact_facet_counts_all_events_of_the_range(service: Diagnostics, window: tuple[datetime, datetime]) -> None:
    events = all_events(service, QUERY, window)
    facet = service.explorer.facet(QUERY, "@context.account_id", start=window[0], end=window[1], most=5)
    counted: dict[str, int] = {}
    for one in events:
        account = str(one.attributes["context"]["account_id"])
        counted[account] = counted.get(account, 0) + 1
    assert facet.is_exact
    assert sorted((count for _, count in facet.values), reverse=True) == sorted(counted.values(), reverse=True)[:5]
    assert all(counted[value] == count for value, count in facet.values)


@pytest.mark.honesty(
    "logs: late, in the explorer's histogram and values",
    "steps after the newest log are no data and drawn as ?, and the values are at least so many",
)
def test_steps_that_late_logs_cannot_have_reached_are_no_data(world: SandboxProcess, service: Diagnostics) -> None:
    world.set_faults("late:300")
    service.forget_answers()
    try:
        end = service.context.now()
        start = end - timedelta(minutes=15)
        histogram = service.explorer.histogram(QUERY, start=start, end=end, most_bins=60)
        facet = service.explorer.facet(QUERY, "@context.account_id", start=start, end=end)
        before = service.explorer.histogram(QUERY, start=start, end=end - timedelta(minutes=6), most_bins=60)
    finally:
        world.clear_faults()
        service.forget_answers()
    late = [one for one in histogram.bins if not one.is_complete]
    assert 300 <= len(late) * histogram.step_ms / 1_000 <= 345
    known = [one.is_complete for one in histogram.bins]
    assert known == sorted(known, reverse=True)
    assert all(one.total for one in histogram.bins if one.is_complete and one.start_ms >= histogram.start_ms)
    assert re.fullmatch(r"logs( of fub)? 5 min( \d+ s)? late", histogram.late), histogram.late
    assert "late" in histogram.evidence.caveat
    assert (before.late, {one.is_complete for one in before.bins}) == ("", {True}), "it ended before the newest log"
    (title, *_) = facet_rows((facet,), width=60, most=5, glyphs=ASCII)
    assert "at least" in title.text
    *columns, axis = histogram_rows(histogram, width=120, height=3, cursor=len(histogram.bins) - 1, glyphs=ASCII)
    # A step may hold what came before the newest log did; on a busy machine there are several of them.
    unknown = sum(not one.total for one in late)
    assert columns[-1].text.count("?") >= unknown >= len(late) / 2
    assert "no data" in axis.text


def test_a_correlation_is_followed_over_services_oldest_first(
    service: Diagnostics, window: tuple[datetime, datetime]
) -> None:
    page = service.explorer.page(QUERY, start=window[0], end=window[1], limit=20)
    chosen = next(one for one in page.events if correlation_of(one) is not None)
    followed = service.explorer.follow(chosen)
    assert chosen.id in {one.id for one in followed.events}
    moments = [one.timestamp_ms for one in followed.events]
    assert moments == sorted(moments)
    assert all(correlation_of(one) == correlation_of(chosen) for one in followed.events)
    assert moments[-1] - moments[0] <= 2 * AROUND.total_seconds() * 1000
    assert followed.is_complete
    assert followed.evidence


def test_following_ends_when_asked_to(service: Diagnostics, window: tuple[datetime, datetime]) -> None:
    page = service.explorer.page(QUERY, start=window[0], end=window[1], limit=5)
    job = Job()
    job.cancel()
    with pytest.raises(SourceFailure) as ended:
        service.explorer.follow(page.events[0], job)
    assert ended.value.kind is FailureKind.CANCELLED


def test_a_line_that_is_tied_to_nothing_is_said_to_be(service: Diagnostics) -> None:
    lonely = LogEvent(id="1", timestamp_ms=1, service="fub", status="info", message="", attributes={"context": "x"})
    with pytest.raises(UserError, match="nothing that ties it"):
        service.explorer.follow(lonely)
