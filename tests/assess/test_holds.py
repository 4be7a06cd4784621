"""How long a criterion has held: never longer than consoles really looked, whatever clocks and consoles do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.config.settings import StateSettings
from diagnostics.incident.assess.criteria import Hold, HoldStore, Look, advance
from diagnostics.store.store import StateStore
from tests.mariadb import MariaDB

T0 = datetime(2025, 11, 17, 12, 0, tzinfo=UTC)
GAP_S = 120.0
RULE = "health at least 98.8 % for 30 min"


def look(at_s: float, holds: bool | None = True, *, most_s: float | None = None, rule: str = RULE) -> Look:
    return Look(rule=rule, holds=holds, at=T0 + timedelta(seconds=at_s), longest_gap_s=GAP_S, most_s=most_s)


def after(*looks: Look) -> Hold | None:
    hold: Hold | None = None
    for one in looks:
        hold = advance(hold, one)
    return hold


def test_time_between_two_looks_that_both_found_it_holding_is_held() -> None:
    hold = after(look(0), look(30), look(60))
    assert hold is not None
    assert (hold.held_s, hold.since) == (60.0, T0)


def test_one_look_holds_nothing_yet() -> None:
    hold = after(look(0))
    assert hold is not None
    assert (hold.held_s, hold.since) == (0.0, T0)


def test_a_gap_in_which_nobody_looked_begins_it_anew_and_says_so() -> None:
    hold = after(look(0), look(60), look(60 + GAP_S + 1))
    assert hold is not None
    assert hold.held_s == 0.0
    assert hold.since == T0 + timedelta(seconds=60 + GAP_S + 1)
    assert "nobody could tell for 2 min 1 s after 12:01:00 UTC" in hold.why


def test_a_look_that_finds_it_not_holding_ends_it() -> None:
    hold = after(look(0), look(60), look(90, holds=False))
    assert hold is not None
    assert (hold.since, hold.held_s) == (None, 0.0)


def test_a_look_without_an_answer_adds_nothing_and_ends_it_only_after_the_gap() -> None:
    shortly = after(look(0), look(60), look(90, holds=None))
    assert shortly is not None
    assert (shortly.held_s, shortly.since) == (60.0, T0)
    resumed = advance(shortly, look(120))
    assert resumed is not None
    assert resumed.held_s == 120.0
    late = after(look(0), look(60), look(60 + GAP_S + 1, holds=None))
    assert late is not None
    assert late.since is None


def test_the_same_reading_seen_twice_adds_nothing() -> None:
    hold = after(look(0), look(30), look(30), look(30))
    assert hold is not None
    assert hold.held_s == 30.0


def test_a_clock_that_jumps_ahead_within_the_gap_adds_only_what_the_steady_clock_says() -> None:
    hold = after(look(0), look(100, most_s=1.0))
    assert hold is not None
    assert hold.held_s == 1.0


def test_a_clock_that_jumps_far_either_way_begins_it_anew() -> None:
    for at in (3_600, -3_600):
        hold = after(look(0), look(60), look(60 + at))
        assert hold is not None
        assert hold.held_s == 0.0
    assert "a clock went back" in (after(look(0), look(-3_600)) or Hold("", None, T0)).why


def test_a_criterion_that_the_team_changed_begins_anew() -> None:
    hold = after(look(0), look(60), look(90, rule="health at least 97 % for 30 min"))
    assert hold is not None
    assert (hold.held_s, hold.why) == (0.0, "the criterion was changed")


steps = st.lists(
    st.tuples(
        st.floats(min_value=0.0, max_value=300.0),
        st.sampled_from([True, True, True, None, False]),
        st.integers(min_value=0, max_value=2),
        st.floats(min_value=-5_000.0, max_value=5_000.0) | st.just(0.0),
    ),
    max_size=60,
)


@given(steps)
def test_a_hold_of_consoles_with_right_clocks_is_no_longer_than_the_time_since_it_began(
    moves: list[tuple[float, bool | None, int, float]],
) -> None:
    """Any consoles, any gaps, restarts in between (a console that has not looked before has no steady clock)."""
    hold: Hold | None = None
    now = 0.0
    seen: dict[int, float] = {}
    for passed, holds, console, _ in moves:
        now += passed
        most = now - seen[console] if console in seen else None
        hold = advance(hold, look(now, holds, most_s=most))
        seen[console] = now
        if hold is not None and hold.since is not None:
            assert hold.held_s <= (T0 + timedelta(seconds=now) - hold.since).total_seconds() + 1e-3
            assert hold.held_s <= now + 1e-3


@given(steps)
def test_a_jumping_clock_never_makes_one_console_claim_more_than_its_steady_clock(
    moves: list[tuple[float, bool | None, int, float]],
) -> None:
    hold: Hold | None = None
    before: float | None = None
    steady = began = 0.0
    for passed, holds, _, jump in moves:
        steady += passed
        most = None if before is None else steady - before
        previous = hold
        hold = advance(hold, look(steady + jump, holds, most_s=most))
        before = steady
        if hold is not None and hold.since is not None and (previous is None or previous.since != hold.since):
            began = steady
        if hold is not None and hold.since is not None:
            assert hold.held_s <= steady - began + 1e-3


@given(steps)
def test_every_hold_consists_of_looks_that_found_it_holding(
    moves: list[tuple[float, bool | None, int, float]],
) -> None:
    hold, now = None, 0.0
    for passed, holds, _, _ in moves:
        now += passed
        hold = advance(hold, look(now, holds))
        if holds is False:
            assert hold is not None
            assert (hold.since, hold.held_s) == (None, 0.0)
        if holds is True and passed > GAP_S:
            assert hold is not None
            assert hold.held_s == 0.0


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], StateStore]]:
    """Opens one further console's store on the same place each time it is called."""
    settings = StateSettings()
    if request.param == "mariadb":
        server: MariaDB = request.getfixturevalue("mariadb")
        name = f"holds_{tmp_path.name.replace('-', '_')[-40:]}"
        server.execute(f"CREATE DATABASE `{name}`")
        settings = StateSettings(url=f"{server.root_url}/{name}")
    opened: list[StateStore] = []

    def store() -> StateStore:
        opened.append(StateStore(settings, tmp_path))
        return opened[-1]

    yield store
    for one in opened:
        one.close()


def test_a_hold_outlasts_a_restart_and_is_shared_between_consoles(stores: Callable[[], StateStore]) -> None:
    first = stores()
    HoldStore(first).note("INC-1", {"health": look(0), "backlog": look(0, holds=False)})
    HoldStore(first).note("INC-1", {"health": look(60)})
    first.close()
    second, third = HoldStore(stores()), HoldStore(stores())
    assert second.read("INC-1")["health"].held_s == 60.0
    second.note("INC-1", {"health": look(90)})
    assert third.note("INC-1", {"health": look(120)})["health"].held_s == 120.0
    assert third.read("INC-1")["backlog"].since is None
    assert third.read("INC-2") == {}


def test_consoles_that_look_at_the_same_moment_do_not_add_up(stores: Callable[[], StateStore]) -> None:
    books = [HoldStore(stores()) for _ in range(4)]
    books[0].note("INC-1", {"health": look(0)})
    with ThreadPoolExecutor(max_workers=4) as pool:
        for moment in range(10, 101, 10):
            tuple(pool.map(lambda book, at=moment: book.note("INC-1", {"health": look(at)}), books))
    assert books[0].read("INC-1")["health"].held_s == 100.0


def test_what_no_console_wrote_is_left_out(stores: Callable[[], StateStore]) -> None:
    store = stores()
    store.remember("exit_criterion_hold", "INC-1/health", {"since": "yesterday", "held_s": "long"})
    store.remember(
        "exit_criterion_hold", "INC-1/rate", {"rule": "r", "since": None, "last_at": "2025-01-01", "held_s": 1}
    )
    assert HoldStore(store).read("INC-1") == {}


def test_a_look_touches_no_document_but_its_own(stores: Callable[[], StateStore]) -> None:
    store = stores()
    store.remember("note", "INC-1/health", {"text": "of another kind"})
    store.remember("exit_criterion_hold", "INC-1/backlog", {"rule": "of another criterion"})
    HoldStore(store).note("INC-1", {"health": look(0)})
    HoldStore(store).note("INC-1", {"health": look(30)})
    assert [kept.payload for kept in store.recall("note")] == [{"text": "of another kind"}]
    held = {kept.key: kept.payload for kept in store.recall("exit_criterion_hold")}
    assert sorted(held) == ["INC-1/backlog", "INC-1/health"]
    assert held["INC-1/backlog"] == {"rule": "of another criterion"}
    assert held["INC-1/health"]["held_s"] == 30.0
