"""One question to the client databases of many accounts: grouped by host and login, many schemas in a round trip.

A batch that fails for one schema is halved until the culprit is alone, so that the other accounts still answer. A host
that takes no connection is tried twice and then left, whatever the number of its accounts.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.waiting import LOOK_S, Deadline
from diagnostics.core.words import about, listed, plural
from diagnostics.fleet.aggregate import FleetAggregate
from diagnostics.fleet.batches import AskedAccount, Batch, Plan, Server, cut
from diagnostics.fleet.schedule import ConnectionLimit, Schedule, Seat, Turn
from diagnostics.sources.mysql import own_texts
from diagnostics.sources.mysql.logins import Login
from diagnostics.sources.mysql.replica import read_replica
from diagnostics.sources.mysql.statements import bound_limit, describe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import URL

    from diagnostics.sources.mysql.addresses import AccountPlace, ClientAddresses
    from diagnostics.sources.mysql.engines import Database, Engines
    from diagnostics.sources.mysql.runner import Runner

logger = logging.getLogger(__name__)

MOST_WORKERS = 32
"""Threads of one question."""

_MOST_LOSSES = 2
_MOST_COPIED = 20
"""Servers that one server may copy."""
_USUAL_PORT = 3306
_NO_LOGIN = Login(SecretStr(""))
_DEAD = frozenset({FailureKind.UNREACHABLE, FailureKind.TIMED_OUT, FailureKind.MALFORMED})


class FanOut:
    """One question on its way. `run` returns when everything is asked, or the deadline has come."""

    def __init__(
        self,
        plan: Plan,
        engines: Engines,
        runner: Runner,
        connections: ConnectionLimit,
        aggregate: FleetAggregate,
        *,
        most_at_once: int,
        compiled: dict[Any, Any],
        most_behind_s: float | None = None,
    ) -> None:
        self._plan = plan
        self._engines = engines
        self._runner = runner
        self._connections = connections
        self._aggregate = aggregate
        self._most_at_once = most_at_once
        self._compiled = compiled
        self._most_behind_s = most_behind_s
        self._behind: dict[str, str] = {}
        self._first: AskedAccount | None = None
        self._first_is_file = False
        self._over = threading.Event()
        self.hosts = 0
        self.workers = 0

    @property
    def query(self) -> str:
        """The statement to one account, as evidence shows it."""
        if self._first is None:
            return ""
        statement = self._plan.shown(self._first, is_file=self._first_is_file)
        return describe(statement, "sqlite" if self._first_is_file else "mysql")

    def run(
        self,
        places: Iterable[AccountPlace],
        addresses: ClientAddresses,
        deadline: Deadline,
        progress: Callable[[], None],
    ) -> None:
        """Ask all of them, calling `progress` now and then on this thread. The aggregate holds what does not answer."""
        schedule = Schedule(self._batches(places, addresses), self._connections)
        self.hosts = schedule.hosts
        self.workers = min(MOST_WORKERS, schedule.most_workers)
        threads = [
            threading.Thread(target=self._work, args=(schedule,), daemon=True, name=f"fleet {number}")
            for number in range(self.workers)
        ]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                while thread.is_alive() and not deadline.is_over:
                    thread.join(LOOK_S)
                    progress()
        finally:
            self._over.set()
            schedule.close()
            self._runner.close()
        if deadline.is_over:
            # Connections that are only being opened end by their own limit; nobody waits for those.
            latest = time.monotonic() + deadline.margin_s / 2
            for thread in threads:
                thread.join(max(0.0, latest - time.monotonic()))

    def _batches(self, places: Iterable[AccountPlace], addresses: ClientAddresses) -> list[Batch]:
        servers: dict[int, tuple[Server, list[AskedAccount]]] = {}
        for place in places:
            if missing := addresses.missing(place):
                reason = f"no client database: {listed(missing)} empty in common.accounts"
                self._aggregate.fail([place], reason, FailureKind.NOT_CONFIGURED)
                continue
            try:
                asked, url = _located(place, addresses)
            except SourceFailure as failure:
                if failure.kind is not FailureKind.MALFORMED:
                    raise
                detail = failure.reason.partition(", which is refused")[0]
                self._aggregate.fail([place], "address in common.accounts refused", failure.kind, detail)
                continue
            # Accounts that share a server share the address too, which is dear to compare and to hash.
            if id(url) not in servers:
                servers[id(url)] = (_server(url, is_file=addresses.is_files), [])
            servers[id(url)][1].append(asked)
            self._aggregate.remarks.homes[place.id] = url.database if addresses.is_files else (id(url), asked.schema)
            self._first = self._first or asked
        self._first_is_file = addresses.is_files
        batches: list[Batch] = []
        for server, asked_there in servers.values():
            most = 1 if server.is_file else self._most_at_once
            batches += cut(server, asked_there, most=most, lanes=self._connections.lanes)
        return batches

    # What workers do.

    def _work(self, schedule: Schedule) -> None:
        seat, lane = Seat(), _Lane(self)
        try:
            while True:
                turn = schedule.take(seat)
                if turn is None:
                    if seat.host is None:
                        return
                    lane.close()
                    schedule.leave(seat)
                    continue
                try:
                    self._serve(turn, schedule, lane)
                except Exception:  # one broken batch must not take the other accounts with it
                    logger.exception("a batch of the question %r failed unexpectedly", self._plan.question.name)
                    self._give_up([turn.batch], "the console met an error of its own", FailureKind.REJECTED)
                finally:
                    schedule.done(turn)
                if lane.has_failed:
                    schedule.leave(seat)
        finally:
            lane.close()
            schedule.leave(seat)

    def _serve(self, turn: Turn, schedule: Schedule, lane: _Lane) -> None:
        lane.has_failed = False
        if turn.batch.server.is_file:
            self._ask_file(turn.batch, schedule)
            return
        try:
            lane.stand(turn.batch.server, try_again=turn.is_trial)
        except SourceFailure as failure:
            lane.close()
            lane.has_failed = True
            self._not_connected(turn, schedule, failure)
            return
        schedule.proved(turn)
        if behind := self._why_behind(turn.batch.server, lane):
            # Rows of hours ago are no answer to what is asked now.
            self._give_up([turn.batch], behind, FailureKind.NO_FIGURE)
            return
        self._ask(turn, schedule, lane)

    def _why_behind(self, server: Server, lane: _Lane) -> str:
        """Why rows of a server are not of now; empty where it is in time, or may not be asked. One question a host."""
        if self._most_behind_s is None:
            return ""
        if server.host not in self._behind:
            self._behind[server.host] = self._ask_replica(server, lane, self._most_behind_s)
        return self._behind[server.host]

    def _ask_replica(self, server: Server, lane: _Lane, most_s: float) -> str:
        try:
            copies = read_replica(lambda text: self._runner.run(lane.database(server), text, _MOST_COPIED))
        except SourceFailure as failure:
            if failure.kind in _DEAD:
                lane.close()
            # Whoever asks for the rows says what is wrong with the server; a login may lack the grant to know.
            return ""
        if copies is None:
            return ""
        if copies.behind_s is None:
            return f"client host {server.host}: a replica that has stopped copying"
        if copies.behind_s < most_s:
            return ""
        return f"client host {server.host}: a replica that is {about(copies.behind_s)} behind"

    def _not_connected(self, turn: Turn, schedule: Schedule, failure: SourceFailure) -> None:
        reason = f"client host {turn.host.name}: {failure.reason}"
        if self._over.is_set():
            schedule.add([turn.batch])
        elif failure.kind not in _DEAD:
            self._give_up(schedule.refused(turn), reason, failure.kind)
        elif turn.is_trial:
            self._give_up(schedule.missed(turn), reason, failure.kind)
        else:
            schedule.full(turn)

    def _ask(self, turn: Turn, schedule: Schedule, lane: _Lane) -> None:
        batch, plan = turn.batch, self._plan
        keep = plan.limit * len(batch.accounts)
        try:
            answer = self._runner.run(
                lane.database(batch.server),
                plan.statement(batch.accounts),
                keep,
                parameters=plan.values(batch.accounts),
            )
        except SourceFailure as failure:
            self._failed(turn, schedule, lane, failure)
            return
        further = self._aggregate.take(batch, answer)
        if further:
            schedule.add(cut(batch.server, further, most=self._most_at_once, lanes=1))

    def _failed(self, turn: Turn, schedule: Schedule, lane: _Lane, failure: SourceFailure) -> None:
        batch = turn.batch
        losses = batch.losses
        if failure.kind is FailureKind.CANCELLED:
            # Somebody meant to end it: it is not asked once more in halves.
            if self._over.is_set():
                schedule.add([batch])
            else:
                self._give_up([batch], failure.reason, failure.kind)
            return
        if failure.kind in {FailureKind.UNREACHABLE, FailureKind.TIMED_OUT}:
            schedule.doubt(turn)
            lane.close()
        if failure.kind is FailureKind.UNREACHABLE:
            losses += 1
            if losses < _MOST_LOSSES:
                schedule.add([Batch(batch.server, batch.accounts, losses)])
                return
        if len(batch.accounts) > 1:
            # Halved until whatever it is stands alone. A lost connection may be one schema's fault too.
            middle = len(batch.accounts) // 2
            halves = (batch.accounts[:middle], batch.accounts[middle:])
            schedule.add([Batch(batch.server, half, max(0, losses - 1)) for half in halves])
            return
        self._give_up([batch], self._reason(lane, batch, failure), failure.kind)

    def _reason(self, lane: _Lane, batch: Batch, failure: SourceFailure) -> str:
        """Why one account does not answer: a table that is missing may be a database that is missing."""
        if failure.kind is FailureKind.NOT_MAPPED:
            values = {"name": batch.accounts[0].schema}
            try:
                database = lane.database(batch.server)
                if not self._runner.run(database, own_texts.SCHEMA_EXISTS, 1, parameters=values).rows:
                    return "the server has no database of that name"
            except SourceFailure:
                # The first failure says enough.
                return failure.reason
        return failure.reason

    def _ask_file(self, batch: Batch, schedule: Schedule) -> None:
        (asked,) = batch.accounts
        statement, keep = bound_limit(self._plan.of_file(), self._plan.limit)
        try:
            database = self._engines.open(batch.server.url, f"client {asked.place.id}", "client", _NO_LOGIN)
            answer = self._runner.run(database, statement, keep, parameters=self._plan.values([asked]))
        except SourceFailure as failure:
            if failure.kind is FailureKind.CANCELLED and self._over.is_set():
                schedule.add([batch])
            else:
                self._give_up([batch], failure.reason, failure.kind)
            return
        if further := self._aggregate.take(batch, answer):
            schedule.add([Batch(batch.server, tuple(further))])

    def lane(self, server: Server) -> Database:
        """A new connection's database; raises `SourceFailure` (not configured)."""
        source = f"client host {server.host}"
        return self._engines.lane(
            server.url,
            source,
            self._engines.login(server.url, source),
            ending=self._connections.ending(server.host),
            compiled=self._compiled,
        )

    def stands(self, database: Database) -> None:
        """Raise `SourceFailure` unless the connection can be opened and answers."""
        self._runner.run(database, own_texts.PING, 1)

    def words(self, trips: int, accounts: str) -> str:
        """How it was asked, for the evidence."""
        if self._first_is_file:
            return f"the same question to {accounts}, a file each"
        lanes = min(self._connections.lanes, self.workers)
        return (
            f"the same question to {accounts}, many in one statement where they share a login: {trips:,} round trips "
            f"to {plural(self.hosts, 'host')} over at most {plural(lanes, 'connection')} to each"
        )

    def _give_up(self, batches: Iterable[Batch], reason: str, kind: FailureKind) -> None:
        self._aggregate.fail((asked.place for batch in batches for asked in batch.accounts), reason, kind)


class _Lane:
    """One worker's connection: to one server at a time."""

    def __init__(self, fan_out: FanOut) -> None:
        self._fan_out = fan_out
        self._server: Server | None = None
        self._database: Database | None = None
        self.has_failed = False

    def stand(self, server: Server, *, try_again: bool) -> None:
        """Connect where it is not connected, and make sure that it is where it may not be any more.

        Raises `SourceFailure`, which then says something of the server and its login and nothing of one account.
        """
        if self._server is not server or self._database is None:
            self.close()
            self._server, self._database = server, self._fan_out.lane(server)
            try_again = True
        if try_again:
            self._fan_out.stands(self._database)

    def database(self, server: Server) -> Database:
        """The open connection; opens another one where the last was given up."""
        if self._server is not server or self._database is None:
            self.stand(server, try_again=True)
        if self._database is None:
            raise SourceFailure(FailureKind.UNREACHABLE, server.host, "no connection")
        return self._database

    def close(self) -> None:
        """Close the connection."""
        database, self._database = self._database, None
        if database is not None:
            database.dispose()


def _located(place: AccountPlace, addresses: ClientAddresses) -> tuple[AskedAccount, URL]:
    if addresses.is_files:
        return AskedAccount(place, ""), addresses.file(place)
    return AskedAccount(place, addresses.database(place)), addresses.server(place)


def _server(url: URL, *, is_file: bool) -> Server:
    if is_file:
        return Server(url, "", is_file=True)
    name = url.host or "localhost"
    return Server(url, name if url.port in {None, _USUAL_PORT} else f"{name}:{url.port}")
