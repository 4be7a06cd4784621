"""Hosts that are down, that die on the way or fall silent; deadlines and cancelling. An answer comes all the same."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.waiting import Job
from diagnostics.fleet.fleet import Fleet, FleetAnswer
from diagnostics.fleet.questions import RESOLUTION_COUNTS
from diagnostics.sources.mysql.databases import Databases
from tests.fleet.proxy import HOST, Proxy
from tests.fleet.worlds import MariaDBWorld
from tests.mariadb import MariaDB
from tests.waiting import wait_until

pytestmark = pytest.mark.mariadb

ONE = ("zillow_agents",)


class Asking:
    """A question in a thread of its own."""

    def __init__(self, fleet: Fleet, job: Job | None = None) -> None:
        self._answer: FleetAnswer | None = None
        self._failure: SourceFailure | None = None

        def ask() -> None:
            try:
                self._answer = fleet.ask(RESOLUTION_COUNTS, job=job)
            except SourceFailure as failure:
                self._failure = failure

        self._thread = threading.Thread(target=ask, daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def answer(self) -> FleetAnswer:
        """Waited for; fails when there is none."""
        self._thread.join(40)
        assert self._answer is not None, self._failure
        return self._answer

    def failure(self) -> SourceFailure:
        """Waited for; fails when there is an answer."""
        self._thread.join(40)
        assert self._failure is not None, self._answer
        return self._failure


@contextmanager
def locked(world: MariaDBWorld, *databases: str) -> Iterator[None]:
    """Whoever reads the agents of these databases waits until this is over."""
    with closing(world.server.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("LOCK TABLES " + ", ".join(f"`{database}`.zillow_agents WRITE" for database in databases))
        yield


def reasons(answer: FleetAnswer) -> dict[str, int]:
    return {gap.reason: gap.count for gap in answer.coverage.gaps}


def at_statement(number: int, then: Callable[[], None]) -> Callable[[bytes], None]:
    """Calls `then` when so many statements about agents have been seen."""
    seen = 0
    lock = threading.Lock()

    def watch(piece: bytes) -> None:
        nonlocal seen
        with lock:
            seen += b"zillow_agents" in piece
            is_it = seen == number and b"zillow_agents" in piece
        if is_it:
            then()

    return watch


def test_a_host_that_is_down_from_the_start_costs_its_accounts_and_few_attempts(mariadb_world: MariaDBWorld) -> None:
    world = mariadb_world
    for account_id in range(1, 6):
        world.add(account_id, tables=ONE)
    for account_id in range(6, 60):
        world.add(account_id, host="127.0.0.3", exists=False)
    answer = world.open().ask(RESOLUTION_COUNTS)
    assert answer.coverage.words() == "5 of 59 accounts"
    assert reasons(answer) == {f"client host 127.0.0.3:{world.server.port}: connection refused": 54}
    assert answer.coverage.gaps[0].examples == ("6", "7", "8", "9", "10")


def test_a_host_that_accepts_and_hangs_up_is_tried_twice(mariadb_world: MariaDBWorld) -> None:
    world = mariadb_world
    world.add(1, tables=ONE)
    for account_id in range(2, 40):
        world.add(account_id, host=HOST, exists=False)
    callers = 0
    with closing(socket.create_server((HOST, world.server.port))) as listener:

        def hang_up() -> None:
            nonlocal callers
            while True:
                try:
                    caller, _ = listener.accept()
                except OSError:
                    return
                callers += 1
                caller.close()

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        answer = world.open().ask(RESOLUTION_COUNTS)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    assert (answer.coverage.words(), callers) == ("1 of 39 accounts", 2)


def test_a_host_that_is_cut_off_in_the_middle_leaves_a_part_that_says_so(
    mariadb_world: MariaDBWorld, proxy: Proxy
) -> None:
    world = mariadb_world
    for account_id in range(1, 5):
        world.add(account_id, tables=ONE)
    for account_id in range(5, 37):
        world.add(account_id, (1,), tables=ONE, host=HOST)
    proxy.watch = at_statement(4, proxy.cut)
    answer = world.open({"per_host": 2, "batch": 4}).ask(RESOLUTION_COUNTS)
    # One connection, batches of four: three were answered, and the fourth and all after it were not.
    assert answer.coverage.words() == "16 of 36 accounts"
    assert reasons(answer) == {f"client host {HOST}:{world.server.port}: connection refused": 20}
    assert sum(len(found.rows) for found in answer.rows) == 4 * 3 + 12


def test_connections_that_are_cut_once_are_made_again(mariadb_world: MariaDBWorld, proxy: Proxy) -> None:
    world = mariadb_world
    for account_id in range(1, 33):
        world.add(account_id, (1,), tables=ONE, host=HOST)
    proxy.watch = at_statement(4, proxy.drop)
    answer = world.open({"batch": 4}).ask(RESOLUTION_COUNTS)
    assert (answer.coverage.words(), answer.coverage.gaps) == ("32 of 32 accounts", ())


def test_a_schema_whose_statement_breaks_the_connection_is_found(mariadb_world: MariaDBWorld, proxy: Proxy) -> None:
    world = mariadb_world
    for account_id in range(1, 17):
        world.add(account_id, (1,), tables=ONE, host=HOST)
    deadly = f"{world.prefix}_client_11.".encode()

    def watch(piece: bytes) -> None:
        if deadly in piece:
            proxy.drop()

    proxy.watch = watch
    answer = world.open({"per_host": 2}).ask(RESOLUTION_COUNTS)
    assert answer.coverage.words() == "15 of 16 accounts"
    assert answer.coverage.gaps[0].examples == ("11",)
    assert answer.coverage.gaps[0].reason == "the connection was lost while waiting for the answer"


def test_a_server_that_is_killed_in_the_middle_leaves_a_part_that_says_so(fragile_mariadb: MariaDB) -> None:
    world = MariaDBWorld(fragile_mariadb)
    for account_id in range(1, 17):
        database = world.add(account_id, tables=ONE)
    fleet = world.open({"batch": 1}, statement_timeout_s=20.0, read_timeout_s=25.0)
    seen: list[int] = []
    with locked(world, database):
        asked = Asking(fleet, Job(lambda progress: seen.append(progress.done)))
        wait_until(lambda: world.running(database) and seen and seen[-1] == 15)
        fragile_mariadb.kill()
        answer = asked.answer()
    assert answer.coverage.words() == "15 of 16 accounts"
    assert reasons(answer) == {f"client host 127.0.0.1:{world.server.port}: connection refused": 1}
    fragile_mariadb.start()
    assert fleet.ask(RESOLUTION_COUNTS).coverage.is_complete
    world.close()


def test_a_server_that_falls_silent_does_not_hold_the_answer_up(fragile_mariadb: MariaDB) -> None:
    world = MariaDBWorld(fragile_mariadb)
    for account_id in range(1, 17):
        database = world.add(account_id, tables=ONE)
    fleet = world.open({"batch": 1, "deadline_s": 6.0}, connect_timeout_s=0.5)
    seen: list[int] = []
    with locked(world, database):
        asked = Asking(fleet, Job(lambda progress: seen.append(progress.done)))
        wait_until(lambda: world.running(database) and seen and seen[-1] == 15)
        fragile_mariadb.freeze()
        try:
            assert asked.answer().coverage.words() == "15 of 16 accounts"
        finally:
            fragile_mariadb.thaw()
    world.close()


def test_the_answer_comes_at_the_deadline_while_a_database_still_waits(mariadb_world: MariaDBWorld) -> None:
    world = mariadb_world
    for account_id in range(1, 9):
        database = world.add(account_id, tables=ONE)
    fleet = world.open({"deadline_s": 1.5, "batch": 1}, statement_timeout_s=20.0, read_timeout_s=25.0)
    with locked(world, database):
        answer = Asking(fleet).answer()
        # It was ended on the server too, not only given up.
        wait_until(lambda: not world.running(database))
    assert answer.coverage.words() == "7 of 8 accounts"
    assert reasons(answer) == {"no answer within 1.5 s": 1}


def test_the_jobs_own_limit_goes_before_the_setting(mariadb_world: MariaDBWorld) -> None:
    world = mariadb_world
    database = world.add(1, tables=ONE)
    fleet = world.open({"deadline_s": 25.0}, statement_timeout_s=20.0, read_timeout_s=25.0)
    with locked(world, database):
        failure = Asking(fleet, Job(limit_s=1.0)).failure()
    assert failure.kind is FailureKind.TIMED_OUT
    assert "no answer within" in failure.reason


def test_a_slow_schema_is_found_by_halving_and_ended_at_the_statements_limit(mariadb_world: MariaDBWorld) -> None:
    world = mariadb_world
    for account_id in range(1, 9):
        database = world.add(account_id, tables=ONE)
    fleet = world.open({"per_host": 2}, statement_timeout_s=1.0)
    with locked(world, database):
        answer = Asking(fleet).answer()
    assert answer.coverage.words() == "7 of 8 accounts"
    assert reasons(answer) == {"the statement was stopped at its time limit of 1 s": 1}


def test_cancelling_gives_what_is_known_by_then_and_ends_the_statements(mariadb_world: MariaDBWorld) -> None:
    world = mariadb_world
    databases = [world.add(account_id, tables=ONE) for account_id in range(1, 17)]
    fleet = world.open({"batch": 1}, statement_timeout_s=20.0, read_timeout_s=25.0)
    seen: list[int] = []
    job = Job(lambda progress: seen.append(progress.done))
    with locked(world, *databases[10:]):
        asked = Asking(fleet, job)
        wait_until(lambda: len(world.running("SELECT")) == 6 and seen and seen[-1] == 10)
        job.cancel()
        answer = asked.answer()
        wait_until(lambda: not world.running("SELECT"))
    assert answer.coverage.words() == "10 of 16 accounts"
    assert reasons(answer) == {"cancelled before it answered": 6}


def test_cancelling_before_anybody_answered_is_a_failure(mariadb_world: MariaDBWorld) -> None:
    world = mariadb_world
    databases = [world.add(account_id, tables=ONE) for account_id in range(1, 9)]
    job = Job()
    with locked(world, *databases):
        asked = Asking(world.open(statement_timeout_s=20.0, read_timeout_s=25.0), job)
        wait_until(lambda: world.running("SELECT"))
        job.cancel()
        assert asked.failure().kind is FailureKind.CANCELLED


def test_closing_the_databases_ends_a_question_under_way(mariadb_world: MariaDBWorld) -> None:
    world = mariadb_world
    databases = [world.add(account_id, tables=ONE) for account_id in range(1, 9)]
    fleet = world.open(statement_timeout_s=20.0, read_timeout_s=25.0)
    source: Databases = world.databases
    with locked(world, *databases):
        asked = Asking(fleet)
        wait_until(lambda: world.running("SELECT"))
        source.close()
        wait_until(lambda: asked.is_over)
        assert asked.failure().kind is FailureKind.CANCELLED


def test_never_more_connections_than_the_setting_says_even_while_ending_statements(
    mariadb_world: MariaDBWorld,
) -> None:
    world = mariadb_world
    databases = [world.add(account_id, tables=ONE) for account_id in range(1, 25)]
    fleet = world.open({"batch": 1}, statement_timeout_s=20.0, read_timeout_s=25.0)
    job = Job()
    most = 0
    over = threading.Event()

    def watch() -> None:
        nonlocal most
        with closing(world.server.connect()) as connection, connection.cursor() as cursor:
            while not over.is_set():
                counted = "SELECT count(*) FROM information_schema.processlist WHERE user = %s AND db IS NULL"
                cursor.execute(counted, (world.user,))
                most = max(most, int(cursor.fetchone()[0]))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    with locked(world, *databases[8:]):
        asked = Asking(fleet, job)
        wait_until(lambda: len(world.running("SELECT")) == 7)
        job.cancel()
        asked.answer()
        wait_until(lambda: world.connections() == 0)
    over.set()
    watcher.join(5)
    assert most in {7, 8}


def test_common_being_down_is_commons_failure(mariadb_world: MariaDBWorld) -> None:
    mariadb_world.add(1)
    fleet = mariadb_world.open(common_url="mysql+pymysql://nobody@127.0.0.4:1/none")
    with pytest.raises(SourceFailure) as caught:
        fleet.ask(RESOLUTION_COUNTS)
    assert (caught.value.source, caught.value.kind) == ("common", FailureKind.UNREACHABLE)


@pytest.mark.honesty(
    "a server of client databases is a replica that has stopped, and all accounts are asked",
    "its accounts have no answer, with the reason; nothing passes on the rest alone",
)
def test_accounts_on_a_replica_that_has_stopped_have_no_answer(fragile_mariadb: MariaDB) -> None:
    world = MariaDBWorld(fragile_mariadb)
    fragile_mariadb.execute(f"GRANT REPLICA MONITOR ON *.* TO '{world.user}'@'%'")
    for account_id in (1, 2, 3):
        world.add(account_id, tables=ONE)
    fleet = world.open()
    fragile_mariadb.execute("CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = 1, MASTER_USER = 'nobody'")
    try:
        with pytest.raises(SourceFailure, match="a replica that has stopped copying") as failed:
            fleet.ask(RESOLUTION_COUNTS)
    finally:
        fragile_mariadb.execute("RESET SLAVE ALL")
    assert failed.value.kind is FailureKind.NO_FIGURE
    assert fleet.ask(RESOLUTION_COUNTS).coverage.words() == "3 of 3 accounts"
    world.close()
