"""Counts of sync events: equal to counting everything, whatever happens while they are counted."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from diagnostics.config.settings import StateSettings
from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.waiting import Job, Progress
from diagnostics.store.rollups import SyncRollup
from tests.sampling import on_one_kind, sampled
from tests.state.events import SMALL, EventsWorld, Listening, ago, hours_of, now, steady


def agrees(world: EventsWorld, rollup: SyncRollup) -> None:
    """The rollup says what counting everything says, from where it is complete."""
    since = rollup.since
    assert since is not None
    assert hours_of(rollup, ago(days=40)) == world.full_count(since)


def troubles(rollup: SyncRollup) -> list[str]:
    """Its notes, but for the one that says where the table begins."""
    return [note for note in rollup.notes if not note.startswith("The table begins at")]


def test_the_first_count_covers_the_recent_hours_and_says_since_when(world: EventsWorld) -> None:
    world.insert(steady(1, 3_000, begin=ago(hours=30), every_s=36))
    rollup = world.rollup()
    assert (rollup.since, rollup.hours(ago(days=2))) == (None, ())
    rollup.refresh()
    start = ago(hours=4).replace(minute=0, second=0)
    assert rollup.since == start
    agrees(world, rollup)
    assert all(hour.hour >= start for hour in rollup.hours(ago(days=2)))


def test_a_refresh_counts_what_has_come_since(world: EventsWorld) -> None:
    world.insert(steady(1, 500, begin=ago(hours=3), every_s=20))
    rollup = world.rollup()
    for round_ in range(6):
        rollup.refresh()
        agrees(world, rollup)
        world.insert(steady(1_000 + 200 * round_, 150, begin=ago(minutes=10), every_s=3))
        world.pass_time(60)
    rollup.refresh()
    agrees(world, rollup)
    assert troubles(rollup) == []


def test_a_row_that_commits_late_inside_the_grace_time_is_counted(world: EventsWorld) -> None:
    world.insert(event for event in steady(1, 300, begin=ago(minutes=10), every_s=1) if event[0] != 290)
    rollup = world.rollup()
    rollup.refresh()
    world.insert([(290, "failed", ago(minutes=5))])
    rollup.refresh()
    agrees(world, rollup)


def test_a_row_that_commits_after_its_part_was_settled_is_found_and_named(world: EventsWorld) -> None:
    events = steady(1, 300, begin=ago(minutes=20), every_s=1)
    world.insert(event for event in events if event[0] not in {40, 41, 280})
    rollup = world.rollup()
    rollup.refresh()
    world.pass_time(600)
    rollup.refresh()
    world.insert(event for event in events if event[0] in {40, 41, 280})
    for _ in range(8):
        # The newest parts at once, the older ones in turn.
        world.pass_time(60)
        rollup.refresh()
    agrees(world, rollup)
    assert any("committed late" in note for note in rollup.notes)


def test_rows_that_change_or_vanish_after_they_were_settled_are_followed(world: EventsWorld) -> None:
    world.insert(steady(1, 120, begin=ago(minutes=20), every_s=1))
    rollup = world.rollup()
    rollup.refresh()
    world.pass_time(600)
    rollup.refresh()
    world.run("UPDATE zillow_lead_events_log SET sync_status = 'failed' WHERE id BETWEEN 60 AND 70")
    world.run("DELETE FROM zillow_lead_events_log WHERE id BETWEEN 100 AND 104")
    for _ in range(5):
        # Rows too few are seen at once; rows that changed when the turn of their part comes.
        world.pass_time(60)
        rollup.refresh()
    agrees(world, rollup)
    assert any("fewer, deleted since" in note for note in rollup.notes)


@on_one_kind("world", "any order of commits")
@pytest.mark.parametrize("seed", sampled(range(4), 1))
def test_any_order_of_commits_ends_at_the_full_count(world: EventsWorld, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  # a sequence that can be repeated
    limits = replace(SMALL, grace_s=chance.choice((30, 120)), entry_ids=chance.choice((20, 150)))
    consoles, next_id, held = [world.rollup(limits) for _ in range(3)], 1, []
    for _ in range(25):
        fresh = steady(next_id, chance.randrange(0, 90), begin=ago(minutes=chance.randrange(0, 200)), every_s=0.5)
        next_id += len(fresh) + chance.choice((0, 0, 3, 5_000))
        held += [event for event in fresh if chance.random() < 0.1]
        world.insert(event for event in fresh if event not in held)
        due = [event for event in held if chance.random() < 0.4]
        world.insert(due)
        held = [event for event in held if event not in due]
        if chance.random() < 0.8:
            chance.choice(consoles).refresh()
        world.pass_time(chance.randrange(1, 90))
    world.insert(held)
    for _ in range(60):
        world.pass_time(chance.randrange(10, 60))
        chance.choice(consoles).refresh()
    agrees(world, consoles[0])


def test_widening_agrees_with_the_full_count_and_reports_its_progress(world: EventsWorld) -> None:
    # From the middle of an hour: where a table begins is told by the middle one of its first rows, to the hour.
    begin = ago(hours=40).replace(minute=30, second=0, microsecond=0)
    world.insert(steady(1, 3_900, begin=begin, every_s=36))
    rollup, told = world.rollup(), list[Progress]()
    rollup.refresh()
    rollup.widen(Job(told.append))
    assert rollup.since is not None
    assert rollup.since <= ago(hours=24).replace(minute=0, second=0)
    assert rollup.since > ago(hours=28)
    agrees(world, rollup)
    assert [progress.done for progress in told] == sorted(progress.done for progress in told)
    assert (told[0].done, told[-1].done, told[-1].unit) == (0, told[-1].total, "hours")
    rollup.widen(most_s=40 * 86_400)
    agrees(world, rollup)
    assert hours_of(rollup, ago(days=3)) == world.full_count()
    assert any("The table begins at" in note for note in rollup.notes)


def test_a_widening_that_is_ended_keeps_what_it_has_and_goes_on_from_there(world: EventsWorld) -> None:
    world.insert(steady(1, 4_000, begin=ago(hours=40), every_s=36))
    rollup = world.rollup()
    rollup.refresh()
    before, job = rollup.since, Job()
    steps = iter(range(100))

    def report(progress: Progress) -> None:
        if next(steps) == 3:
            job.cancel()

    job._report = report
    rollup.widen(job)
    middle = rollup.since
    assert before is not None
    assert middle is not None
    assert ago(hours=24) < middle < before
    agrees(world, rollup)
    world.rollup().widen()
    agrees(world, rollup)
    assert rollup.since is not None
    assert rollup.since <= ago(hours=24)


@on_one_kind("world", "died between two statements")
def test_counting_goes_on_after_the_process_died_between_any_two_statements(world: EventsWorld) -> None:
    world.insert(steady(1, 1_500, begin=ago(hours=3.5), every_s=8))
    survived = 0
    for statements in range(40):
        context = world.context()
        assert isinstance(context.databases, Listening)
        context.databases.fails_after = statements
        try:
            SyncRollup(context, limits=SMALL).refresh()
        except KeyboardInterrupt:
            continue
        survived += 1
    assert survived
    agrees(world, world.rollup())


def test_a_job_that_is_over_ends_the_count_between_two_parts(world: EventsWorld) -> None:
    world.insert(steady(1, 1_000, begin=ago(hours=3), every_s=10))
    job = Job()
    job.cancel()
    rollup = world.rollup()
    rollup.refresh(job)
    assert rollup.since is None
    assert any("not counted yet" in note for note in rollup.notes)
    rollup.refresh()
    agrees(world, rollup)


def test_a_table_that_was_emptied_is_recognised_named_and_counted_anew(world: EventsWorld) -> None:
    world.insert(steady(5_000, 400, begin=ago(hours=1), every_s=5))
    rollup = world.rollup()
    rollup.refresh()
    world.pass_time(600)
    rollup.refresh()
    world.empty()
    rollup.refresh()
    assert rollup.hours(ago(days=2)) == ()
    assert any("there are no rows in it" in note for note in rollup.notes)
    world.insert(steady(1, 30, begin=ago(minutes=5)))
    rollup.refresh()
    agrees(world, rollup)


def test_ids_that_went_back_start_the_count_again(world: EventsWorld) -> None:
    world.insert(steady(5_000, 400, begin=ago(hours=1), every_s=5))
    rollup = world.rollup()
    rollup.refresh()
    world.pass_time(600)
    rollup.refresh()
    world.empty()
    world.insert(steady(1, 90, begin=ago(minutes=30)))
    rollup.refresh()
    agrees(world, rollup)
    assert any("its ids went back from 5,399 to 90" in note for note in rollup.notes)


def test_a_table_that_was_emptied_and_filled_beyond_the_watermark_is_recognised(world: EventsWorld) -> None:
    world.insert(steady(1, 400, begin=ago(hours=1), every_s=5))
    rollup = world.rollup()
    rollup.refresh()
    world.pass_time(600)
    rollup.refresh()
    world.empty()
    world.insert(steady(1, 900, begin=ago(hours=2), every_s=6))
    rollup.refresh()
    agrees(world, rollup)
    assert any("id 400 is now another row" in note for note in rollup.notes)


def test_a_replica_that_lags_is_no_table_that_was_emptied(world: EventsWorld) -> None:
    events = steady(1, 400, begin=ago(hours=1), every_s=5)
    world.insert(events)
    rollup = world.rollup()
    rollup.refresh()
    world.pass_time(600)
    rollup.refresh()
    before = hours_of(rollup, ago(days=1))
    world.run("DELETE FROM zillow_lead_events_log WHERE id > 250")
    rollup.refresh()
    assert hours_of(rollup, ago(days=1)) == before
    assert any("a replica that lags, or rows that were deleted" in note for note in rollup.notes)
    world.insert(event for event in events if event[0] > 250)
    rollup.refresh()
    agrees(world, rollup)
    assert troubles(rollup) == []


def test_bad_rows_are_named_with_their_effect(world: EventsWorld) -> None:
    world.insert(steady(1, 100, begin=ago(minutes=30), every_s=1))
    world.insert([(101, "success", None), (102, "success", None), (103, None, ago(minutes=2))])
    world.insert([(104, "Skipped ", ago(minutes=2)), (105, "success", now() + timedelta(hours=3))])
    rollup = world.rollup()
    rollup.refresh()
    notes = " ".join(rollup.notes)
    assert "2 rows without a readable created_at count in no hour" in notes
    assert "1 row with no status" in notes
    assert "1 row with the status skipped, which is not known" in notes
    assert "1 row dated in the future" in notes
    counts = {(hour.hour, hour.status): hour.rows for hour in rollup.hours(ago(days=1))}
    ahead = (now() + timedelta(hours=3)).replace(minute=0, second=0)
    assert counts[ahead, "success"] == 1
    assert sum(rows for (_, status), rows in counts.items() if status == "skipped") == 1


def test_rows_that_arrive_dated_hours_ago_count_in_their_own_hour_and_are_named(world: EventsWorld) -> None:
    world.insert(steady(1, 200, begin=ago(hours=3.9), every_s=60))
    rollup = world.rollup()
    rollup.refresh()
    world.pass_time(600)
    rollup.refresh()
    world.insert(steady(1_000, 5, begin=ago(hours=3)))
    rollup.refresh()
    agrees(world, rollup)
    assert any(note.startswith("5 rows of the last 24 h arrived dated more than 1 h earlier") for note in rollup.notes)


def test_ids_that_leap_are_crossed_in_one_step(world: EventsWorld) -> None:
    world.insert(steady(1, 300, begin=ago(hours=3), every_s=10))
    world.insert([(990_000_001, "success", ago(minutes=1))])
    rollup = world.rollup()
    rollup.refresh()
    agrees(world, rollup)
    for round_ in range(4):
        # As where somebody wrote one row with an id of his own, and the others go on below it.
        world.pass_time(130)
        world.insert(steady(301 + 250 * round_, 250, begin=ago(minutes=2), every_s=0.1))
        rollup.refresh()
        agrees(world, rollup)
    context = world.context()
    SyncRollup(context, limits=SMALL).refresh()
    assert isinstance(context.databases, Listening)
    assert len(context.databases.heard) < 20


def test_nobody_having_counted_for_a_day_starts_with_the_recent_hours(world: EventsWorld) -> None:
    world.insert(steady(1, 400, begin=ago(hours=1), every_s=5))
    rollup = world.rollup()
    rollup.refresh()
    world.pass_time(90_000)
    rollup.refresh()
    agrees(world, rollup)
    assert any(note.startswith("Nobody had counted for 25 h") for note in rollup.notes)


def test_an_empty_table_has_no_rows_and_no_failure(world: EventsWorld) -> None:
    rollup = world.rollup()
    rollup.refresh()
    assert rollup.since is not None
    assert rollup.hours(ago(days=1)) == ()
    rollup.widen()
    rollup.refresh()
    world.insert(steady(7_000_001, 50, begin=ago(minutes=5)))
    rollup.refresh()
    agrees(world, rollup)


def test_every_statement_leaves_evidence_and_the_newest_is_first(world: EventsWorld) -> None:
    world.insert(steady(1, 300, begin=ago(hours=1), every_s=5))
    rollup = world.rollup()
    rollup.refresh()
    assert {evidence.source for evidence in rollup.evidence} == {"common"}
    assert any("GROUP BY" in evidence.query and "ids " in evidence.window for evidence in rollup.evidence)
    started = [evidence.started_at for evidence in rollup.evidence]
    assert started == sorted(started, reverse=True)
    for _ in range(10):
        rollup.refresh()
    assert len(rollup.evidence) == 24


def test_a_book_that_somebody_else_has_written_into_is_a_failure_with_a_remedy(world: EventsWorld) -> None:
    world.insert(steady(1, 100, begin=ago(minutes=30), every_s=1))
    rollup = world.rollup()
    rollup.refresh()
    with world.context().state.begin() as connection:
        connection.execute(text("UPDATE warroom_rollups SET marks = '[[1'"))
    with pytest.raises(SourceFailure) as failed:
        rollup.refresh()
    assert (failed.value.source, failed.value.kind) == ("state", FailureKind.MALFORMED)
    assert "warroom_rollups" in failed.value.remedy


def test_without_a_lasting_place_it_counts_all_the_same_and_says_so(world: EventsWorld) -> None:
    world.insert(steady(1, 300, begin=ago(hours=2), every_s=20))
    world.state = StateSettings(url="sqlite:////proc/nowhere/state.db")
    rollup = world.rollup()
    rollup.refresh()
    agrees(world, rollup)
    assert rollup.notes[0].startswith("Nothing outlasts this console")
