"""A repair whose console is killed with SIGKILL at any step, on a real server: it goes on, and writes nothing twice."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from tests.reconcile.account import CLIENT, PASSWORD, StaleAccount

KILLED = -9
MOST_STEPS = 80


def command(account: StaleAccount, kill_at: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`warroom reconcile …` in a process of its own that is killed at a step; 0 is none."""
    databases = account.shelf.settings.databases
    own = {
        "WARROOM_CONFIG": "",
        "WARROOM_STATE_DIR": str(account.shelf.settings.state_dir),
        "WARROOM_DATABASES__COMMON_URL": str(databases.common_url),
        "WARROOM_DATABASES__CLIENT_URL": str(databases.client_url),
        "WARROOM_DATABASES__WRITER": f"{account.user}:{PASSWORD}",
        "WARROOM_WRITES__REPAIRS": "true",
    }
    return subprocess.run(
        [sys.executable, "-m", "tests.reconcile.killed", str(kill_at), "reconcile", *arguments],
        cwd=Path(__file__).parents[2],
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.mariadb
@pytest.mark.matrix
@pytest.mark.parametrize("seed", [None, 1, 2, 3, 4])
def test_killed_with_sigkill_at_every_step_it_goes_on_and_writes_nothing_twice(
    on_server: StaleAccount, seed: int | None
) -> None:
    account = on_server
    account.shelf.execute(CLIENT, "CREATE TABLE written (id BIGINT)")
    account.shelf.execute(
        CLIENT,
        "CREATE TRIGGER counts AFTER UPDATE ON zillow_agents FOR EACH ROW INSERT INTO written VALUES (NEW.id)",
    )
    # The trigger writes as whoever made it, so that the writer's grants stay what they are.
    account.at -= timedelta(minutes=5)
    record = account.planned()
    draw = None if seed is None else Random(seed)  # noqa: S311  # steps, not secrets
    kills = 0
    while (now := account.console().show(record.name)).ended is None:
        # Without a seed each run is killed one step later than the last, so that every boundary of a chunk is hit.
        kill_at = 1 + (kills % 13 if draw is None else draw.randrange(13))
        verb = "resume" if now.started is not None else "apply"
        ended = command(account, kill_at, verb, record.name, "--confirm", account.words)
        if ended.returncode != KILLED:
            assert ended.returncode == 0, ended.stderr
            continue
        kills += 1
        assert kills < MOST_STEPS
    assert kills >= (10 if seed is None else 1)
    done = account.console().show(record.name)
    assert (done.counts, done.ended is not None) == ({"mended": account.count}, True)
    assert set(account.methods().values()) == {1}
    agents = list(range(1, account.count + 1))
    assert sorted(row[0] for row in account.shelf.execute(CLIENT, "SELECT id FROM written")) == agents  # type: ignore[type-var]  # ids
    assert sorted(row[0] for row in account.audits()) == agents  # type: ignore[type-var]  # ids
