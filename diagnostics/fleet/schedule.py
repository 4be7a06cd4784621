"""Which batch is asked next: at most so many connections a host, and none to a host that turned out to be dead."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from diagnostics.fleet.batches import Batch, Server

TRIES = 2
"""Attempts to connect before a host counts as dead: one failure may be an accident of the network."""

_PAUSE_S = 0.2
"""Between the two."""

_TURN_S = 0.05
"""How soon room that another question leaves on a host is noticed."""


class ConnectionLimit:
    """The bound on connections, over all questions that are asked at the same time."""

    def __init__(self, per_host: int, total: int) -> None:
        self._per_host = per_host
        self._total = total
        self._lock = threading.Lock()
        self._hosts: dict[str, int] = {}
        self._endings: dict[str, threading.Lock] = {}

    @property
    def lanes(self) -> int:
        """Connections that ask one host. Of two or more, one is left for ending statements."""
        return max(1, self._per_host - 1)

    def ending(self, host: str) -> threading.Lock:
        """Held while a statement of this host is being ended, which takes a connection."""
        with self._lock:
            return self._endings.setdefault(host, threading.Lock())

    def enter(self, host: str) -> bool:
        """Take one connection's place; returns False where there is none."""
        with self._lock:
            taken = self._hosts.get(host, 0)
            if taken >= self.lanes or sum(self._hosts.values()) >= self._total:
                return False
            self._hosts[host] = taken + 1
            return True

    def leave(self, host: str) -> None:
        """Give the place back, once the connection is closed."""
        with self._lock:
            self._hosts[host] -= 1
            if not self._hosts[host]:
                del self._hosts[host]


@dataclass(slots=True)
class Host:
    """State of one host, and the batches still to be asked there."""

    name: str
    is_files: bool
    waiting: deque[Batch] = field(default_factory=deque)
    proven: bool = False
    """A connection stood a moment ago."""
    trial: Batch | None = None
    """Batch that one worker took to find out whether the host is up; the others wait for it."""
    misses: int = 0
    lanes: int = 1_000
    """Fewer once the host takes no further connection."""
    attached: int = 0


@dataclass(slots=True)
class Seat:
    """A worker's place: the host at which it holds a connection, or may open one."""

    host: Host | None = None


@dataclass(slots=True, frozen=True)
class Turn:
    """One batch for one worker."""

    host: Host
    batch: Batch
    is_trial: bool
    """True when it has to find out first whether the host stands."""


class Schedule:
    """Deals batches to workers until everything is asked, or it is closed."""

    def __init__(self, batches: Iterable[Batch], connections: ConnectionLimit) -> None:
        self._connections = connections
        self._change = threading.Condition()
        self._hosts: dict[str, Host] = {}
        self._busy = 0
        self._closing = threading.Event()
        for batch in batches:
            self._host(batch.server).waiting.append(batch)

    @property
    def hosts(self) -> int:
        """How many hosts the question goes to; files have none."""
        return sum(not host.is_files for host in self._hosts.values())

    @property
    def most_workers(self) -> int:
        """How many could be busy at once."""
        return sum(min(self._connections.lanes, len(host.waiting)) for host in self._hosts.values())

    def close(self) -> None:
        """Refuse further turns, so that waiting workers end."""
        self._closing.set()
        with self._change:
            self._change.notify_all()

    def take(self, seat: Seat) -> Turn | None:
        """The next turn for the worker on this seat, waited for.

        None means that there is nothing where it sits: it closes its connection, leaves the seat and asks again; from
        no seat at all, None means that everything is over.
        """
        with self._change:
            while not self._closing.is_set():
                turn = self._next(seat)
                if turn is not None:
                    self._busy += 1
                    return turn
                waiting = any(host.waiting for host in self._hosts.values())
                if not waiting and not self._busy:
                    self._change.notify_all()
                    return None
                if seat.host is not None and not seat.host.waiting:
                    return None
                self._change.wait(_TURN_S if waiting else None)
            return None

    def done(self, turn: Turn) -> None:
        """A turn is over, however it ended."""
        with self._change:
            self._busy -= 1
            self._end_trial(turn)
            self._change.notify_all()

    def add(self, batches: Iterable[Batch]) -> None:
        """More to ask, before anything else of that host."""
        with self._change:
            for batch in batches:
                self._host(batch.server).waiting.appendleft(batch)
            self._change.notify_all()

    def leave(self, seat: Seat) -> None:
        """The worker's connection is closed."""
        with self._change:
            host, seat.host = seat.host, None
            if host is not None:
                host.attached -= 1
                if not host.is_files:
                    self._connections.leave(host.name)
                self._change.notify_all()

    def proved(self, turn: Turn) -> None:
        """Note that the host answered: its other batches may go."""
        with self._change:
            turn.host.proven = True
            turn.host.misses = 0
            self._end_trial(turn)
            self._change.notify_all()

    def full(self, turn: Turn) -> None:
        """A host that stood a moment ago took no further connection: those that are connected go on."""
        with self._change:
            host = turn.host
            host.proven = False
            host.lanes = max(1, min(host.lanes, host.attached) - 1)
            host.waiting.appendleft(turn.batch)
            self._change.notify_all()

    def missed(self, turn: Turn) -> list[Batch]:
        """The host took no connection on trial. Returns the batches that are given up, once it counts as dead."""
        host = turn.host
        if host.misses + 1 < TRIES:
            self._closing.wait(_PAUSE_S)
        with self._change:
            self._end_trial(turn)
            host.misses += 1
            host.waiting.appendleft(turn.batch)
            given_up: list[Batch] = []
            if host.misses >= TRIES:
                given_up = list(host.waiting)
                host.waiting.clear()
            self._change.notify_all()
            return given_up

    def refused(self, turn: Turn) -> list[Batch]:
        """The host stands and refuses this login. Returns the batches that need it."""
        with self._change:
            host = turn.host
            self._end_trial(turn)
            same = [batch for batch in host.waiting if batch.server is turn.batch.server]
            host.waiting = deque(batch for batch in host.waiting if batch.server is not turn.batch.server)
            self._change.notify_all()
            return [turn.batch, *same]

    def doubt(self, turn: Turn) -> None:
        """Something went wrong there: the next turn finds out first whether the host stands."""
        with self._change:
            turn.host.proven = False

    def _host(self, server: Server) -> Host:
        return self._hosts.setdefault(server.host, Host(server.host, server.is_file))

    def _next(self, seat: Seat) -> Turn | None:
        own = [seat.host] if seat.host is not None else []
        for host in (*own, *(other for other in self._hosts.values() if other is not seat.host)):
            if not host.waiting or (host.trial is not None and not host.proven):
                continue
            if host is not seat.host:
                if seat.host is not None:
                    # Two connections of one worker would be one too many: it leaves first.
                    return None
                if host.attached >= min(host.lanes, self._connections.lanes) or not (
                    host.is_files or self._connections.enter(host.name)
                ):
                    continue
                host.attached += 1
                seat.host = host
            batch = host.waiting.popleft()
            is_trial = not host.proven and not host.is_files
            if is_trial:
                host.trial = batch
            return Turn(host, batch, is_trial)
        return None

    @staticmethod
    def _end_trial(turn: Turn) -> None:
        if turn.is_trial and turn.host.trial is turn.batch:
            turn.host.trial = None
