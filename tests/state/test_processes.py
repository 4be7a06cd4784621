"""Several consoles, and consoles that die: whoever counts, every row is counted once."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

import pytest

from diagnostics.config.settings import StateSettings
from diagnostics.store.store import StateStore
from tests.sampling import on_one_kind
from tests.state.events import SMALL, EventsWorld, MariaDBEvents, SQLiteEvents, ago, hours_of, steady

ROOT = Path(__file__).parents[2]


def console(world: EventsWorld, rounds: int) -> subprocess.Popen[str]:
    """Start a counting console."""
    settings = world.settings()
    given = {
        "state_dir": str(settings.state_dir),
        "common_url": settings.databases.common_url,
        "state_url": settings.state.url,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "tests.state.counting", json.dumps(given), str(rounds)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@on_one_kind("world", "killed consoles")
@pytest.mark.parametrize("kills", [3, pytest.param(6, marks=pytest.mark.matrix)])
def test_a_console_killed_between_any_two_parts_leaves_counts_to_go_on_from(world: EventsWorld, kills: int) -> None:
    world.insert(steady(1, 6_000, begin=ago(hours=30), every_s=18))
    chance = random.Random(5)  # noqa: S311  # a sequence that can be repeated
    for turn in range(kills):
        process = console(world, 1)
        for _ in range(chance.randrange(10, 60)):
            if cast("IO[str]", process.stdout).readline() != "asking\n":
                break
        process.kill()
        process.communicate(timeout=30)
        world.insert(steady(10_000 * (turn + 1), 1, begin=ago(minutes=2)))
    rollup = world.rollup()
    rollup.refresh()
    rollup.widen()
    since = rollup.since
    assert since is not None
    assert since <= ago(hours=24)
    assert hours_of(rollup, ago(days=3)) == world.full_count(since)


@on_one_kind("world", "consoles that share a store")
def test_consoles_that_share_a_store_count_every_row_once(world: EventsWorld) -> None:
    world.insert(steady(1, 3_000, begin=ago(hours=30), every_s=36))
    processes = [console(world, 12) for _ in range(3)]
    for batch in range(10):
        cast("IO[str]", processes[0].stdout).readline()
        world.insert(steady(10_000 + 100 * batch, 100, begin=ago(minutes=1), every_s=0.1))
    for process in processes:
        said, complained = process.communicate(timeout=120)
        assert said.endswith("done\n"), complained
    rollup = world.rollup(SMALL)
    rollup.refresh()
    since = rollup.since
    assert since is not None
    assert since <= ago(hours=24)
    assert hours_of(rollup, ago(days=3)) == world.full_count(since)


def test_databases_do_not_share_their_counts_in_one_store(world: EventsWorld, tmp_path: Path) -> None:
    world.insert(steady(1, 200, begin=ago(hours=1), every_s=5))
    rollup = world.rollup()
    rollup.refresh()
    folder = tmp_path / "other"
    folder.mkdir()
    other = MariaDBEvents(folder, world.server) if isinstance(world, MariaDBEvents) else SQLiteEvents(folder)
    try:
        other.insert(steady(1, 20, begin=ago(minutes=10), every_s=5))
        other.state = world.state if world.state.url else StateSettings(url=f"sqlite:///{world.folder}/state/state.db")
        stranger = other.rollup()
        assert stranger.since is None
        stranger.refresh()
        for one, its in ((rollup, world), (stranger, other)):
            one.refresh()
            assert hours_of(one, ago(days=1)) == its.full_count()
    finally:
        other.close()


def test_threads_of_one_console_may_count_and_widen_at_the_same_time(world: EventsWorld) -> None:
    world.insert(steady(1, 3_000, begin=ago(hours=30), every_s=36))
    rollup, another = world.rollup(), world.rollup()
    rollup.refresh()
    failures: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # shown by the assertion below, whatever it is
            failures.append(error)

    works = [rollup.refresh, rollup.widen, another.refresh, another.widen, rollup.refresh, rollup.widen]
    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert rollup.since is not None
    assert hours_of(rollup, ago(days=3)) == world.full_count(rollup.since)


def test_many_writers_lose_nothing(world: EventsWorld) -> None:
    settings = world.settings()
    stores = [StateStore(settings.state, settings.state_dir) for _ in range(4)]

    def write(number: int) -> None:
        for turn in range(15):
            stores[number].remember("kind", f"{number}-{turn}", {"turn": turn})
            stores[number].remember("kind", "same", {"number": number})

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    kept = {kept.key for kept in stores[0].recall("kind")}
    assert kept == {"same", *(f"{number}-{turn}" for number in range(4) for turn in range(15))}
    for store in stores:
        store.close()
