"""What is cancelled behind a load balancer: the console's own statement, and never a stranger's of the same number."""

from __future__ import annotations

import threading
from contextlib import suppress

import pymysql
import pytest

from diagnostics.core.failures import FailureKind
from tests.databases.servers import balancer
from tests.databases.test_failing import Asking
from tests.databases.worlds import PASSWORD, MariaDBWorld
from tests.mariadb import MariaDB
from tests.waiting import wait_until


@pytest.mark.mariadb
@pytest.mark.honesty("cancelling behind a load balancer", "the connection is closed and said to be; no stranger is hit")
def test_a_strangers_statement_of_the_same_number_runs_on(
    mariadb_world: MariaDBWorld, fragile_mariadb: MariaDB
) -> None:
    world, other = mariadb_world, fragile_mariadb
    other.create_user(world.user, PASSWORD)
    counting = "SELECT id FROM information_schema.processlist WHERE user = %s AND info LIKE 'SELECT SLEEP%%'"
    with balancer(world.server.port, other.port) as port:
        databases = world.open(
            common_url=f"mysql+pymysql://{world.user}@127.0.0.1:{port}/{world.common}",
            statement_timeout_s=30.0,
            read_timeout_s=40.0,
        )
        # The other server has the schema too: a console notices nothing until it is there.
        other.create_schema(world.common)
        other.execute(f"GRANT SELECT ON `{world.common}`.* TO '{world.user}'@'%'")
        _advance(world.server, past=_newest(other) + 5)
        asked = Asking(databases, "SELECT SLEEP(25)")
        wait_until(lambda: world.server.execute(counting, arguments=(world.user,)))
        ours = world.server.execute(counting, arguments=(world.user,))[0][0]
        stranger = _numbered(other, ours, world.user)
        running = threading.Thread(target=_sleep, args=(stranger,), daemon=True)
        running.start()
        wait_until(lambda: other.execute(counting, arguments=(world.user,)))
        assert other.execute(counting, arguments=(world.user,)) == [(ours,)]
        databases.cancel_all()
        failure = asked.failure()
        assert failure.kind is FailureKind.CANCELLED
        assert "Its connection was closed instead" in failure.reason
        assert "not of a proxy or load balancer" in failure.remedy
        assert other.execute(counting, arguments=(world.user,)) == [(ours,)]
    world.server.execute(f"KILL {ours}")
    other.execute(f"KILL {ours}", f"DROP DATABASE `{world.common}`")
    running.join(10)


def _newest(server: MariaDB) -> int:
    return int(server.execute("SELECT CONNECTION_ID()")[0][0])


def _advance(server: MariaDB, *, past: int) -> None:
    """Use up numbers of connections."""
    while _newest(server) < past:
        pass


def _numbered(server: MariaDB, number: int, user: str) -> pymysql.connections.Connection:
    """A connection of that number."""
    _advance(server, past=number - 1)
    connection = pymysql.connect(host="127.0.0.1", port=server.port, user=user, password=PASSWORD, ssl_disabled=True)
    assert connection.thread_id() == number
    return connection


def _sleep(connection: pymysql.connections.Connection) -> None:
    with suppress(pymysql.Error, OSError), connection, connection.cursor() as cursor:
        cursor.execute("SELECT SLEEP(60)")
