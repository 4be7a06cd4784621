"""Drains, as screens and commands ask for them: apply, resume, pause, throttle, stop, report."""

from __future__ import annotations

import logging
import secrets
import threading
from typing import TYPE_CHECKING, Final

from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.time import dated
from diagnostics.core.waiting import Job
from diagnostics.recovery.carriers.registry import make, traits_of
from diagnostics.recovery.drain.engine import DrainRun
from diagnostics.recovery.drain.entries import (
    DrainPaused,
    DrainResumed,
    DrainStarted,
    DrainStopped,
    DrainThrottled,
    DrainUnpaused,
)
from diagnostics.recovery.drain.record import DrainRecord
from diagnostics.recovery.drain.report import AGAIN, DrainReport, DrainView, report_of, view_of
from diagnostics.recovery.models import PlanState
from diagnostics.recovery.plan import canonical_of, find, view
from diagnostics.store.identity import common_identity

if TYPE_CHECKING:
    from diagnostics.core.context import Context
    from diagnostics.models.entries import Body
    from diagnostics.recovery.models import PlanView, RecoveryPlan
    from diagnostics.sources.mysql.writer import Writer

logger = logging.getLogger(__name__)

PREFIX: Final = "DRN"
WITHOUT_WRITER = (
    "set writes.recovery to true and databases.writer to a login that may set zillow_webhook_events; without them it"
    " only reads and plans"
)


class DrainService:
    """Blocking and thread-safe. Every method raises SourceFailure and UserError."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._runs: dict[str, DrainRun] = {}
        self._failures: dict[str, str] = {}
        """Why this console stopped carrying a drain, by its name."""
        self._lock = threading.Lock()
        self._kept: dict[str, DrainRecord] = {}
        """What was read of the journal so far: a long drain has thousands of entries."""
        self._generation = -1

    # ---- reading

    def drains(self) -> tuple[str, ...]:
        """Names of all drains, the newest first."""
        return self._context.journal.streams(PREFIX)

    def show(self, name: str | None = None) -> DrainView:
        """How a drain stands; the newest without a name."""
        with self._lock:
            return self._view(self._followed(name))

    def report(self, name: str | None = None) -> DrainReport:
        """What became of every event of a drain, as lists of ids; the newest without a name."""
        with self._lock:
            record = self._followed(name)
            return report_of(self._context, record, self._view(record))

    def again(self, name: str, listed: str) -> frozenset[int]:
        """Ids of a list of a drain, for a plan made of it. Raises UserError for a list that cannot be planned."""
        if listed not in AGAIN:
            raise UserError(f"no plan is made of the list {listed!r}", accepted=", ".join(AGAIN))
        report = self.report(name)
        if not report.view.is_over and listed != "failed_anew":
            raise UserError(
                f"{name} is not over: its lists still change", next_step=f"warroom recover stop {name}, or wait for it"
            )
        lists = (*report.lists, *(() if report.failed_anew is None else (report.failed_anew,)))
        found = next((one for one in lists if one.name == listed), None)
        if found is None or not found.events:
            raise UserError(f"the list {listed} of {name} is empty", accepted="; ".join(report.doubts))
        return frozenset(found.ids)

    def used_by(self, digest: str) -> str:
        """The drain that a plan was used by; empty for a plan that was not."""
        for name in self.drains():
            first = self._context.journal.first(name)
            if first is not None and isinstance(first.body, DrainStarted) and first.body.digest == digest:
                return name
        return ""

    # ---- writing

    @property
    def may_write(self) -> bool:
        """Whether this console has a writer for it; without one nothing that writes is offered."""
        settings = self._context.settings
        return settings.writes.recovery and settings.databases.writer is not None

    def apply(self, plan_id: str | None, confirmed: str, job: Job | None = None) -> DrainView:
        """Start a plan, once, with the words that confirm it, and carry it out until its end, or until cancelled.

        Raises UserError, nothing sent, where it is refused.
        """
        writer = self._writer()
        name = self._started(writer, plan_id, confirmed)
        self._carry(name, writer, job or Job())
        return self.show(name)

    def begin(self, plan_id: str | None, confirmed: str) -> DrainView:
        """The same in a thread of its own; what stops it is said by `show`. Returns once it is started."""
        writer = self._writer()
        name = self._started(writer, plan_id, confirmed)
        self._carry_aside(name, writer)
        return self.show(name)

    def resume(self, name: str, confirmed: str, job: Job | None = None) -> DrainView:
        """Carry on, here, with a drain that has not ended. Whoever carries it now stops. Raises UserError."""
        writer = self._writer()
        if self._taken_over(writer, name, confirmed):
            self._carry(name, writer, job or Job())
        return self.show(name)

    def carry_on(self, name: str, confirmed: str) -> DrainView:
        """The same in a thread of its own."""
        writer = self._writer()
        if self._taken_over(writer, name, confirmed):
            self._carry_aside(name, writer)
        return self.show(name)

    def _started(self, writer: Writer, plan_id: str | None, confirmed: str) -> str:
        kept = find(self._context, plan_id)
        planned = view(self._context, kept)
        plan = planned.plan
        self._refuse(planned)
        refuse_words(plan, self._context.settings.environment, confirmed)
        make(self._context, writer, plan.plan_id, plan).check()
        token = secrets.token_hex(8)
        members = kept.payload["members"]
        started = DrainStarted(
            plan=canonical_of(plan),
            digest=planned.digest,
            members=tuple(map(str, members if isinstance(members, list) else ())),
            carrier=plan.carrier,
            environment=self._context.settings.environment,
            confirmed=confirmed.strip(),
            token=token,
        )
        entries = self._context.journal.open(PREFIX, [started], keys=[f"drain {planned.digest}"])
        first = entries[0]
        if not isinstance(first.body, DrainStarted) or first.body.token != token:
            raise _used(planned.plan.plan_id, first.stream)
        return first.stream

    def _taken_over(self, writer: Writer, name: str, confirmed: str) -> bool:
        """False where this console carries it already, and only had to go on."""
        record = self._record(name)
        if record.ended is not None:
            raise UserError(
                f"{record.name} is over: there is nothing to go on with", next_step=f"warroom recover report {name}"
            )
        if record.plan.environment != common_identity(self._context.settings.databases):
            raise UserError(f"{record.name} is about another database than the one that is configured now")
        if record.started.environment != self._context.settings.environment:
            raise UserError(f"{record.name} was confirmed for {record.started.environment}")
        refuse_words(record.plan, self._context.settings.environment, confirmed)
        if record.name in self._runs:
            self.unpause(record.name)
            return False
        make(self._context, writer, record.name, record.plan).check()
        self._say(record, DrainResumed(confirmed=confirmed.strip(), token=secrets.token_hex(8)))
        return True

    def pause(self, name: str, why: str = "") -> DrainView:
        """Hand nothing more over, from now on, whichever console carries it."""
        record = self._under_way(name)
        if record.paused is None:
            self._say(record, DrainPaused(why=why))
        return self.show(record.name)

    def unpause(self, name: str) -> DrainView:
        """Have a drain that this console carries go on after a pause. Raises UserError where it does not carry it."""
        record = self._under_way(name)
        if record.name not in self._runs:
            raise UserError(
                f"this console does not carry {record.name}", next_step=f"warroom recover resume {record.name}"
            )
        if record.paused is not None:
            self._say(record, DrainUnpaused())
        return self.show(record.name)

    def throttle(self, name: str, rate: float | None) -> DrainView:
        """Bound the rate, events a second, from now on; None takes the bound away."""
        if rate is not None and not 0.01 <= rate <= 100_000:
            raise UserError(f"a rate of {rate:g} a second cannot be", accepted="0.01 to 100,000 events a second")
        record = self._under_way(name)
        self._say(record, DrainThrottled(rate=rate))
        return self.show(record.name)

    def stop(self, name: str, why: str = "") -> DrainView:
        """End it: nothing more is handed over, and what was is waited for. What was not sent can be planned anew."""
        record = self._under_way(name)
        if record.stopped is None:
            self._say(record, DrainStopped(why=why))
        return self.show(record.name)

    # ---- inside

    def _carry(self, name: str, writer: Writer, job: Job) -> None:
        record = self._record(name)
        carrier = make(self._context, writer, name, record.plan)
        run = DrainRun(record, carrier, self._context.journal, job, now=self._context.now)
        self._runs[name] = run
        self._failures.pop(name, None)
        try:
            run.go_on()
        finally:
            self._runs.pop(name, None)
            carrier.close()

    def _carry_aside(self, name: str, writer: Writer) -> None:
        def carried() -> None:
            try:
                self._carry(name, writer, Job())
            except (SourceFailure, UserError) as failure:
                self._failures[name] = failure.problem if isinstance(failure, UserError) else failure.reason
            except Exception:  # it is said on the screen, and can be resumed: nothing is lost by it
                logger.exception("the drain %s failed unexpectedly", name)
                self._failures[name] = "the console met an error of its own; it is in the log file"

        # Ends with the process, at any point: whoever resumes goes on.
        threading.Thread(target=carried, name=f"drain {name}", daemon=True).start()

    def _refuse(self, planned: PlanView) -> None:
        plan = planned.plan
        if used := self.used_by(planned.digest):
            raise _used(plan.plan_id, used)
        if planned.state is not PlanState.READY:
            moved = "; ".join(f"{one.events:,} {one.name}" for one in planned.moved)
            raise UserError(
                f"{plan.plan_id} is not carried out: {planned.reason}",
                accepted=moved,
                next_step=f"warroom recover plan --carrier {plan.carrier or 'flip'}",
            )
        if not plan.events:
            raise UserError(f"{plan.plan_id} has no event: there is nothing to carry out")

    def _view(self, record: DrainRecord) -> DrainView:
        run = self._runs.get(record.name)
        traits = traits_of(record.plan.carrier, record.plan.exhausted)
        seen = view_of(record, self._context.now(), traits, None if run is None else run.now)
        if run is None and record.ended is None and (why := self._failures.get(record.name)):
            return seen.model_copy(update={"why": why, "standing": "not_carried"})
        return seen

    def _followed(self, name: str | None) -> DrainRecord:
        """A record that only reads, kept and gone on with. With the lock held."""
        journal = self._context.journal
        if self._generation != journal.generation:
            self._kept, self._generation = {}, journal.generation
        name = _checked(name) if name is not None else self._newest()
        if name in self._kept:
            self._kept[name].take(journal.stream(name, self._kept[name].seq))
        else:
            self._kept = {name: DrainRecord(name, journal.stream(name))}
        return self._kept[name]

    def _newest(self) -> str:
        names = self.drains()
        if not names:
            raise UserError("nothing was carried out yet", next_step="warroom recover plan --carrier flip")
        return names[0]

    def _record(self, name: str | None) -> DrainRecord:
        checked = _checked(name) if name is not None else self._newest()
        return DrainRecord(checked, self._context.journal.stream(checked))

    def _under_way(self, name: str) -> DrainRecord:
        self._writer()
        record = self._record(name)
        if record.ended is not None:
            at = dated(record.last_at, self._context.now())
            raise UserError(f"{record.name} is over since {at} UTC", next_step=f"warroom recover report {record.name}")
        return record

    def _say(self, record: DrainRecord, body: Body) -> None:
        # Whatever else was written meanwhile: what a person says of a drain holds from then on.
        self._context.journal.append(record.name, [body])

    def _writer(self) -> Writer:
        from diagnostics.sources.mysql.writer import Writer  # noqa: PLC0415  # only who writes needs it

        secret = self._context.settings.databases.writer
        if not self.may_write or secret is None:
            raise UserError("this console has no writer: nothing can be carried out", next_step=WITHOUT_WRITER)
        journal = self._context.journal
        if not journal.is_lasting:
            raise UserError(
                "nothing is sent: the journal that keeps what was sent ends with this console",
                accepted=journal.problem,
                next_step="make its place usable (state_dir or state.url), then begin again",
            )
        return Writer(self._context.databases, secret)


def confirmation(plan: RecoveryPlan, environment: str) -> str:
    """The words that confirm a plan: how many events, and where."""
    return f"{plan.events} {environment}"


def refuse_words(plan: RecoveryPlan, environment: str, confirmed: str) -> None:
    """Raise UserError unless the words are those that confirm the plan here."""
    wanted = confirmation(plan, environment)
    if confirmed.strip() != wanted:
        raise UserError(
            "nothing was sent: the words of the confirmation are not those of the plan",
            accepted=f'"{wanted}", the number of events and the environment',
        )


def _used(plan_id: str, drain: str) -> UserError:
    return UserError(
        f"{plan_id} was used by {drain}; a plan is used once",
        next_step=f"warroom recover report {drain}, or resume {drain} if its console is gone",
    )


def _checked(name: str) -> str:
    prefix, _, number = name.partition("-")
    if prefix != PREFIX or not number.isdecimal() or len(number) > 9 or number.startswith("0"):  # digits
        raise UserError(
            f"{name!r} is no name of a drain", accepted="DRN- and its number", next_step="warroom recover drains"
        )
    return name
