"""Redis: whether it answers, and what Resque's keys in it say of the workers. It writes nothing."""

from __future__ import annotations

from collections.abc import Iterable

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.words import form, listed, plural
from diagnostics.models.doctor import DoctorLine
from diagnostics.models.triage import Status
from diagnostics.sources.doctor.steps import Step
from diagnostics.sources.mutexes import SOURCE, Mutexes
from diagnostics.sources.resque import PREFIX, ResqueState, read

_NONE = "no redis.url is set: mutexes of the sync workers, and their queues, are not shown"
_SHOWN = 6


def steps(mutexes: Mutexes) -> list[Step]:
    """The server, the login, the jobs, then who listens to each queue."""
    if not mutexes.is_configured:
        return [Step(SOURCE, "configured", lambda: (_line("configured", Status.NO_DATA, _NONE),))]
    server = _Server(mutexes)
    login = (SOURCE, "login")
    return [
        Step(SOURCE, "reachable", server.reachable, (("settings", "redis.password"),)),
        Step(*login, server.login, ((SOURCE, "reachable"),)),
        Step(SOURCE, "job dialect", server.dialect, (login,)),
        Step(SOURCE, "workers", server.workers, ((SOURCE, "job dialect"),)),
    ]


class _Server:
    """What was asked once is told by several lines."""

    def __init__(self, mutexes: Mutexes) -> None:
        self._mutexes = mutexes
        self._refused: SourceFailure | None = None
        self._state: ResqueState | None = None

    def reachable(self) -> Iterable[DoctorLine]:
        """Whether it answers a PING."""
        try:
            evidence = self._mutexes.ping()
        except SourceFailure as failure:
            if failure.kind is not FailureKind.DENIED:
                raise
            self._refused = failure
            return (_line("reachable", Status.PASS, "it answers"),)
        return (_line("reachable", Status.PASS, evidence.query, latency_ms=evidence.took_ms),)

    def login(self) -> Iterable[DoctorLine]:
        """Whether the password is accepted."""
        if self._refused is not None:
            raise self._refused
        return (_line("login", Status.PASS, "accepted"),)

    def dialect(self) -> Iterable[DoctorLine]:
        """Who writes the jobs: what is put into a queue has to be written in the same way."""
        state = self._state = read(self._mutexes)
        if not state.waiting and not state.workers:
            return (_line("job dialect", Status.NO_DATA, f"no queue and no worker is registered under {PREFIX}"),)
        seen = plural(state.jobs_seen, "job")
        if not state.dialects:
            return (_line("job dialect", Status.NO_DATA, "not known: no job waits, and none has failed lately"),)
        if len(state.dialects) > 1:
            told = f"both Ruby and PHP, in {seen}: two kinds of Resque write into these queues"
            return (_line("job dialect", Status.WARN, told, "ask the owners of the workers which one is theirs"),)
        return (
            _line(
                "job dialect",
                Status.PASS,
                f"{next(iter(state.dialects))}, as {seen} {form(state.jobs_seen, 'shows', 'show')}",
            ),
        )

    def workers(self) -> Iterable[DoctorLine]:
        """Who listens to each queue."""
        state = self._state
        if state is None or not (state.waiting or state.workers):
            return ()
        left_out = f"; {plural(state.queues_left_out, 'further queue')} not looked at" if state.queues_left_out else ""
        left_out += (
            f"; only the first {plural(len(state.workers), 'worker')} were read" if state.workers_left_out else ""
        )
        found = []
        if alone := state.unattended():
            shown = listed([f"{queue} ({plural(state.waiting[queue], 'job')} waiting)" for queue in alone[:_SHOWN]])
            more = f" and {len(alone) - _SHOWN} more" if len(alone) > _SHOWN else ""
            # A worker that was not read may listen to it.
            who = "none of these workers" if state.workers_left_out else "nobody"
            waits = not state.workers_left_out and any(state.waiting[queue] for queue in alone)
            found.append(
                _line(
                    "workers",
                    Status.WARN if waits else Status.NO_DATA,
                    f"{who} listens to {shown}{more}{left_out}",
                    "start a worker for it, or ask its owner whether it is still used" if waits else "",
                )
            )
        if dead := state.dead():
            told = f"no heartbeat for over 5 min: {listed([one.name for one in dead[:_SHOWN]])}"
            found.append(
                _line("dead workers", Status.WARN, told, "restart them; the job each one held is lost or fails")
            )
        if not found:
            each = listed(
                [
                    f"{queue} {sum(one.listens_to(queue) for one in state.workers)}"
                    for queue in list(state.waiting)[:_SHOWN]
                ]
            )
            more = f" and {len(state.waiting) - _SHOWN} more queues" if len(state.waiting) > _SHOWN else ""
            total = plural(len(state.workers), "worker")
            status = Status.NO_DATA if left_out else Status.PASS
            found.append(_line("workers", status, f"{total}; listening to {each}{more}{left_out}"))
        return found


def _line(
    subject: str, status: Status, detail: str, remedy: str = "", *, latency_ms: float | None = None
) -> DoctorLine:
    return DoctorLine.of(SOURCE, subject, status, detail, remedy, latency_ms=latency_ms)
