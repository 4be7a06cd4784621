"""The generators by themselves: determinism, time going on, and the shortcuts that must not change an answer."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from diagnostics.logs import compile_query
from sandbox.server.conventions import Rejected, interval_ms, iso, moment_ms
from sandbox.server.limits import Limit
from sandbox.server.log_search import Matches, tells_events_apart
from sandbox.stores.behind import Behind
from sandbox.stores.sqlite_store import SqliteStore
from sandbox.stores.ticker import Ticker
from sandbox.stories.population import populate
from sandbox.stories.scenario import SCENARIOS
from sandbox.stories.story import Story, settle_story
from sandbox.stories.timeline import Timeline
from tests.sandbox.api import QUERIES

NOW = 1_795_450_000
STORY = Story("nov17", 7, NOW)


@pytest.fixture(scope="module")
def timeline() -> Timeline:
    """A story that started long ago, complete up to its start."""
    made = Timeline(STORY)
    made.extend(NOW * 1000)
    return made


def test_a_story_is_a_function_of_its_seed(timeline: Timeline) -> None:
    again, other = Timeline(STORY), Timeline(Story("nov17", 8, NOW))
    again.extend(NOW * 1000)
    other.extend(NOW * 1000)
    assert again.moments == timeline.moments
    assert again.kinds == timeline.kinds
    last = len(timeline.moments) - 1
    assert again.event(last) == timeline.event(last)
    assert other.moments != timeline.moments


def test_events_do_not_depend_on_when_they_were_asked_for(timeline: Timeline) -> None:
    stepwise = Timeline(STORY)
    for minute in range(-100, 1, 7):
        stepwise.extend((NOW + minute * 60) * 1000)
    stepwise.extend(NOW * 1000)
    assert stepwise.moments == timeline.moments
    assert stepwise.identity(12_345) == timeline.identity(12_345)


def test_an_id_leads_back_to_its_event(timeline: Timeline) -> None:
    for position in (0, 1_000, len(timeline.moments) - 1):
        assert timeline.position(timeline.identity(position)) == position
    for wrong in ("", "AQAAAZ", timeline.identity(5)[:-1] + "!", "é"):
        with pytest.raises(ValueError, match=r".*"):
            timeline.position(wrong)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (QUERIES[4], False),
        ("@correlation_id:*", False),
        ("@context.account_id:12345 @message:*Zillow*", False),
        ("@http.response_time:>300", False),
        ("@correlation_id:*a1*", True),
        ("@correlation_id:(one OR two)", True),
        ("@correlation_id:0c095c5c-bc45-4ddf-3a6a-3277c9e4ea75", True),
        (r"@corre\lation_id:*a*", True),
        ("*:timeout", True),
        ("@corr*:x", True),
        ("timestamp:>5", True),
        ("@correlation_id", True),
    ],
)
def test_only_queries_that_tell_events_of_one_kind_apart_look_at_each(text: str, expected: bool) -> None:
    assert tells_events_apart(text) is expected


@pytest.mark.parametrize("query", [*QUERIES, "@correlation_id:*0a* status:error", "-@correlation_id:*", "*:*Sync*"])
def test_the_shortcut_by_kind_selects_what_each_event_would(timeline: Timeline, query: str) -> None:
    chosen = compile_query(query)
    high = len(timeline.moments)
    low = high - 4_000
    assert list(Matches(timeline, query, chosen).span(low, high)) == [
        at for at in range(low, high) if chosen(timeline.event(at))
    ]


def test_matches_grow_in_both_directions(timeline: Timeline) -> None:
    whole = Matches(timeline, "status:warn", compile_query("status:warn")).span(0, 50_000)
    stepwise = Matches(timeline, "status:warn", compile_query("status:warn"))
    for low, high in ((20_000, 21_000), (10_000, 12_000), (30_000, 50_000), (0, 5)):
        stepwise.span(low, high)
    assert stepwise.span(0, 50_000) == whole


def test_a_directory_resumes_its_story_for_two_hours_only(tmp_path: Path) -> None:
    first = settle_story(tmp_path, "nov17", 7, hostile=False)
    assert settle_story(tmp_path, "nov17", 7, hostile=False) == first
    old = Story("nov17", 7, first.anchor - 7_300)
    (tmp_path / "story.json").write_text(
        (tmp_path / "story.json").read_text(encoding="utf-8").replace(str(first.anchor), str(old.anchor)),
        encoding="utf-8",
    )
    assert settle_story(tmp_path, "nov17", 7, hostile=False).anchor >= first.anchor
    assert settle_story(tmp_path, "nov17", 8, hostile=False).seed == 8
    (tmp_path / "story.json").write_text("{", encoding="utf-8")
    assert settle_story(tmp_path, "nov17", 7, hostile=False).name == "nov17"


def test_the_databases_move_with_the_clock_and_the_backlog_stays(tmp_path: Path) -> None:
    story = Story("nov17", 7, int(time.time()))
    store = SqliteStore(story, tmp_path, "warroom")
    store.fill()
    ticker = Ticker(story, store)

    def ask(statement: str) -> Any:  # noqa: ANN401  # whatever the column holds
        with closing(sqlite3.connect(tmp_path / "common.db")) as connection:
            return connection.execute(statement).fetchone()[0]

    waiting = "FROM zillow_webhook_events WHERE status IN ('pending', 'processing', 'failed')"
    delivered = ask("SELECT COUNT(*) FROM zillow_webhook_events WHERE status = 'delivered'")
    for minutes in (10, 45, 45, 120):
        ticker.keep(minutes * 60)
        assert ask(f"SELECT COUNT(*) {waiting}") == 212_631  # a constant of this test
        oldest = story.moment(minutes * 60 - 55 * 60).isoformat(" ", "microseconds")
        assert str(ask(f"SELECT MIN(received_at) {waiting}")) >= oldest  # a constant of this test
        latest = "SELECT sync_status FROM zillow_lead_events_log ORDER BY id DESC LIMIT 500"
        assert ask(f"SELECT SUM(sync_status = 'failed') FROM ({latest})") == 29  # noqa: S608  # a constant of this test
    assert ask("SELECT COUNT(*) FROM zillow_lead_events_log") == 24 * 500 + 1_000
    assert ask("SELECT COUNT(*) FROM zillow_webhook_events WHERE status = 'delivered'") > delivered + 10_000


class Late:
    """The databases of the cascade as files, with a clock that a test sets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.story = Story("oauth_cascade", 7, int(time.time()))
        self.store = SqliteStore(self.story, folder, "warroom")
        self.elapsed_s = 0.0
        self.behind = self.opened()

    def opened(self) -> Behind:
        return Behind(self.story, self.store, self.folder, lambda: self.elapsed_s)

    def keep(self, elapsed_s: float) -> None:
        """What the ticker does at this moment."""
        self.elapsed_s = elapsed_s
        self.behind.go_on()
        with self.behind.common() as late_s:
            Ticker(self.story, self.store).keep(elapsed_s - late_s)

    def newest(self, statement: str, database: str = "common") -> float | None:
        """Seconds from the start of the story to the newest moment that a statement gives, below a day ahead."""
        with closing(sqlite3.connect(self.folder / f"{database}.db")) as connection:
            found = connection.execute(statement).fetchone()[0]
        return None if found is None else (datetime.fromisoformat(found) - self.story.moment()).total_seconds()

    def everything(self) -> dict[str, set[tuple[Any, ...]]]:
        """Every row of every database."""
        rows = {}
        for file in self.folder.glob("*.db"):
            with closing(sqlite3.connect(file)) as connection:
                tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
                for (table,) in tables:
                    found = connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608  # a table of ours
                    rows[f"{file.name} {table}"] = set(found)
        return rows


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Late:
    made = Late(tmp_path_factory.mktemp("late"))
    made.store.fill()
    made.keep(0)
    return made


COMMON_MOMENTS = (
    "SELECT MAX(created_at) FROM zillow_lead_events_log",
    "SELECT MAX(received_at) FROM zillow_webhook_events",
    "SELECT MAX(created_at) FROM zillow_connection_logs",
    "SELECT MAX(problem_at) FROM zillow_sync_users",
    "SELECT MAX(created_at) FROM zillow_auth",
)
CLIENT_MOMENTS = ("SELECT MAX(updated_at) FROM zillow_agents", "SELECT MAX(synced_at) FROM deals")


@pytest.mark.parametrize("hours", [1, 3])
def test_databases_that_are_late_hold_nothing_newer_and_are_as_before_when_it_ends(late: Late, hours: int) -> None:
    before, seconds = late.everything(), hours * 3_600.0
    assert max(late.newest(one) or 0 for one in COMMON_MOMENTS) >= -10
    late.behind.apply({"": seconds})
    late.keep(0)
    for statement in COMMON_MOMENTS:
        assert (late.newest(statement) or -seconds) <= -seconds, statement
    for file in late.folder.glob("warroom_client_*.db"):
        for statement in CLIENT_MOMENTS:
            assert (late.newest(statement, file.stem) or -seconds) <= -seconds, (file.stem, statement)
    assert (late.newest(COMMON_MOMENTS[0]) or 0) > -seconds - 60
    late.behind.apply({})
    late.keep(0)
    assert late.everything() == before


def test_late_rows_come_as_time_goes_on_and_the_kinds_are_late_by_themselves(late: Late) -> None:
    before = late.everything()
    fallen = "SELECT COUNT(*) FROM zillow_connection_logs WHERE new_resolution = 4 AND change_reason LIKE 'token%'"

    def count() -> int:
        with closing(sqlite3.connect(late.folder / "common.db")) as connection:
            return int(connection.execute(fallen).fetchone()[0])

    everybody = count()
    late.behind.apply({"common": 3_600.0})
    assert count() == 0
    assert late.newest(COMMON_MOMENTS[0]) == pytest.approx(-3_600, abs=10)
    counts = []
    for minutes in (20, 40, 60):
        late.keep(minutes * 60)
        counts.append(count())
        assert late.newest(COMMON_MOMENTS[0]) == pytest.approx(minutes * 60 - 3_600, abs=10)
    assert counts == sorted(counts)
    assert counts[-1] == everybody
    untouched = [name for name in before if name.startswith("warroom_client_")]
    now = late.everything()
    assert all(now[name] == before[name] for name in untouched)
    late.behind.apply({})
    late.keep(0)


def test_what_a_process_that_died_left_late_is_undone_by_the_next_one(late: Late) -> None:
    before = late.everything()
    late.behind.apply({"client": 10_800.0, "common": 60.0})
    assert late.everything() != before
    again = late.opened()
    again.heal()
    late.behind = again
    late.keep(0)
    assert late.everything() == before


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_the_population_is_the_scenarios(name: str) -> None:
    figures = SCENARIOS[name].connections
    people = populate(Story(name, 99, NOW)).everyone()
    integrated = [person for person in people if person.integrated]
    assert len(integrated) == 1_000
    assert sum(person.health == "healthy" for person in integrated) == figures.healthy
    assert sum(person.health == "error" for person in integrated) == figures.error
    assert sum(person.token for person in people) == 2_000
    wrong = [p for p in people if p.token and p.resolution not in {0, 1}]
    assert {person.account.id for person in wrong} == {14009}
    assert len(wrong) == 47


def test_a_rate_limit_begins_again_with_its_window() -> None:
    limit = Limit("x", 2, 10)
    assert [limit.take(now) for now in (100.0, 101.0, 109.9, 110.0)] == [True, True, False, True]
    assert limit.headers(112.5)["x-ratelimit-reset"] == "8"
    assert limit.headers(125.0)["x-ratelimit-remaining"] == "2"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", 1_000_000),
        ("now-15m", 1_000_000 - 900_000),
        ("now-1h+30s", 1_000_000 - 3_570_000),
        ("1700000000000", 1_700_000_000_000),
        (5, 5),
        ("1970-01-01T00:00:01.500Z", 1_500),
        ("1970-01-01T01:00:00+01:00", 0),
    ],
)
def test_moments_are_read_as_the_service_reads_them(text: object, expected: int) -> None:
    assert moment_ms(text, "filter.from", 1_000_000) == expected


@pytest.mark.parametrize("text", ["", "then", "now-", "now-5y", "now - 5m", None, True, 1.5, "2025-13-01"])
def test_what_is_no_moment_is_rejected(text: object) -> None:
    with pytest.raises(Rejected, match=r"Field 'filter\.from' is invalid"):
        moment_ms(text, "filter.from", 0)


def test_intervals_and_printed_moments() -> None:
    assert [interval_ms(text, "interval") for text in ("1m", "90s", "250ms", "5000", 7, "2h")] == [
        60_000,
        90_000,
        250,
        5_000,
        7,
        7_200_000,
    ]
    assert iso(1_763_388_201_123) == "2025-11-17T14:03:21.123Z"
