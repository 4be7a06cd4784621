from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from diagnostics.models.events import LogEvent
from tests.widgets.samples import event, many
from widgets.log.buffer import AT_ONCE, LogBuffer


def filled(events: Sequence[LogEvent], capacity: int = 100_000) -> LogBuffer:
    buffer = LogBuffer(capacity)
    buffer.merge(buffer.accept(events))
    return buffer


def is_error(one: LogEvent) -> bool:
    return one.status == "error"


def numbers(events: Sequence[LogEvent]) -> list[int]:
    return [int(one.id.removeprefix("id-")) for one in events]


def test_a_page_newest_first_is_turned_round() -> None:
    assert numbers(filled([event(3), event(2), event(1)]).shown) == [1, 2, 3]


def test_events_of_one_millisecond_keep_the_order_of_the_source() -> None:
    page = [event(5), *(event(number, timestamp_ms=event(4).timestamp_ms) for number in (4, 3, 2))]
    assert numbers(filled(page).shown) == [2, 3, 4, 5]


def test_an_event_is_held_once() -> None:
    buffer = filled(many(10))
    assert buffer.accept(many(10)) == []
    assert len(buffer.accept([event(99), event(99)])) == 1


def test_events_without_an_id_are_all_taken() -> None:
    assert len(filled([event(1, id=""), event(1, id="")])) == 2


def test_a_late_event_takes_its_place_in_time() -> None:
    buffer = filled([event(1), event(3)])
    buffer.merge(buffer.accept([event(2)]))
    assert numbers(buffer.shown) == [1, 2, 3]


def test_the_cap_drops_the_oldest_and_counts_them() -> None:
    buffer = filled(many(50), capacity=20)
    assert numbers(buffer.shown) == list(range(30, 50))
    assert buffer.dropped == 30


def test_the_cap_drops_filtered_rows_too() -> None:
    buffer = LogBuffer(20)
    buffer.set_predicate(is_error)
    for first in range(0, 200, 10):
        buffer.merge(buffer.accept([event(n, status="error" if n % 2 else "info") for n in range(first, first + 10)]))
    assert numbers(buffer.shown) == [n for n in range(180, 200) if n % 2]


def test_slices_find_what_one_pass_finds() -> None:
    events = many(AT_ONCE * 2)
    buffer = filled(events)
    buffer.set_predicate(is_error)
    slices = 0
    while buffer.read(0):
        slices += 1
        buffer.publish()
    buffer.publish()
    assert slices > 10
    assert numbers(buffer.shown) == numbers([one for one in events if is_error(one)])
    assert not buffer.reading


def test_events_that_arrive_while_slices_run_are_judged_once() -> None:
    events = many(AT_ONCE + 500)
    buffer = filled(events[:-500])
    buffer.set_predicate(is_error)
    buffer.read(0)
    buffer.merge(buffer.accept(events[-500:]))
    while buffer.read(0):
        buffer.publish()
    buffer.publish()
    assert numbers(buffer.shown) == numbers([one for one in events if is_error(one)])


def test_progress_runs_from_none_to_none() -> None:
    buffer = filled(many(AT_ONCE * 2))
    seen = [buffer.progress]
    buffer.set_predicate(is_error)
    seen.append(buffer.progress)
    buffer.read(0)
    seen.append(round(buffer.progress or 0, 2))
    buffer.read()
    seen.append(buffer.progress)
    assert seen == [None, 0, 0.01, None]


def test_the_place_of_a_hidden_event_is_where_it_would_stand() -> None:
    events = [event(n, status="error" if n in (0, 4) else "info") for n in range(6)]
    buffer = filled(events)
    buffer.set_predicate(is_error)
    buffer.read()
    buffer.publish()
    assert buffer.index_of(events[2]) is None
    assert buffer.nearest(events[2]) == 1
    assert buffer.nearest(events[5]) == 1


def test_clearing_forgets_ids_and_keeps_the_filter() -> None:
    buffer = filled(many(10))
    buffer.set_predicate(is_error)
    buffer.clear()
    buffer.merge(buffer.accept([event(1), event(2, status="error")]))
    assert numbers(buffer.shown) == [2]


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 60)), max_size=12), max_size=8),
    st.integers(1, 40),
    st.booleans(),
)
def test_any_batches_end_up_sorted_unique_and_capped(
    batches: list[list[tuple[int, int]]], capacity: int, filtered: bool
) -> None:
    buffer = LogBuffer(capacity)
    if filtered:
        buffer.set_predicate(is_error)
    for batch in batches:
        events = [event(second, id=f"id-{name}", status="error" if name % 3 else "info") for second, name in batch]
        buffer.merge(buffer.accept(events))
    moments = [one.timestamp_ms for one in buffer.events]
    assert moments == sorted(moments)
    assert len({one.id for one in buffer.events}) == len(buffer.events) <= capacity
    held = set(map(id, buffer.events))
    expected = [one for one in buffer.events if not filtered or is_error(one)]
    assert sorted(map(id, buffer.shown)) == sorted(map(id, expected))
    assert all(id(one) in held for one in buffer.shown)
