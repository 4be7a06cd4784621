"""Reconciliation: what disagrees in an account, and a repair from its plan to its taking back.

Both screens show the documents that the command line prints, with what can be done next as rows above them. What would
write is offered only where this console has a writer, and asks for the words of the confirmation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, TypeVar

from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.sanitizer import clean
from diagnostics.core.time import utc_now
from diagnostics.core.words import plural
from screens.addresses import RepairAt
from screens.line_entry import LineEntry
from screens.list_screen import ListScreen
from widgets.footer_bar import Hint
from widgets.row import BLANK, Row, row, wrap
from widgets.rows.document import document_rows

if TYPE_CHECKING:
    from diagnostics.core.document import Document
    from diagnostics.core.waiting import Job
    from diagnostics.models.reconcile import DifferenceKind, ReconcileReport, Scope
    from diagnostics.reconcile.plans import RepairRecord
    from diagnostics.reconcile.service import ReconcileService

Answer = TypeVar("Answer")

Step = tuple[str, Callable[[], None]]
"""What Enter does, in words, and how."""


class _Steps(ListScreen):
    """A document below the steps that can be taken from it."""

    footer_keys: ClassVar[tuple[Hint, ...]] = (
        Hint("enter", "take the step"),
        Hint("r", "read again"),
        Hint("y", "copy"),
        Hint("Y", "plain text"),
        Hint("esc", "back"),
        Hint("?", "help"),
    )

    problem: SourceFailure | UserError | None = None
    """Why it could not be read the last time; None where it could, or nobody has tried."""

    def ask(self, work: Callable[[Job], Answer], then: Callable[[Answer], None], *, doing: str) -> None:
        """`start_job` for what the screen shows: why it could not be read stays on the screen, until it can be."""

        def tried(job: Job) -> Answer | SourceFailure | UserError:
            try:
                return work(job)
            except (SourceFailure, UserError) as problem:
                return problem

        def arrived(answer: Answer | SourceFailure | UserError) -> None:
            self.problem = answer if isinstance(answer, SourceFailure | UserError) else None
            if isinstance(answer, SourceFailure | UserError):
                self.draw()
            else:
                then(answer)

        self.start_job(tried, arrived, doing=doing)

    @property
    def reconcile(self) -> ReconcileService | None:
        """The service, once the sources are open."""
        service = self.host.service
        return service.reconcile if service is not None else None

    def steps(self) -> Sequence[Step]:
        """What can be done from here, most likely first."""
        raise NotImplementedError

    def document(self) -> Document | None:
        """What there is to read; None before it has arrived."""
        raise NotImplementedError

    def rows(self, width: int) -> Sequence[Row]:
        """Steps, then the document; each row can have the cursor, so that all of it can be read."""
        glyphs = self.host.glyphs
        rows = [
            row((glyphs.text(f"{glyphs.step} {words}"), "accent"), ("   enter", "key"), key=f"step:{at}")
            for at, (words, _) in enumerate(self.steps())
        ]
        document = self.document()
        if self.problem is not None:
            lines = [f"{glyphs.unreachable} not read; r asks again", *self.problem.lines()]
            said = [row((part, "warn")) for line in lines for part in wrap(glyphs.text(clean(line, limit=500)), width)]
            rows = [*rows, *(Row(item.pieces, f"problem:{at}") for at, item in enumerate(said))]
        if document is None:
            return rows if self.problem is not None else [*rows, BLANK, row((glyphs.text("reading…"), "muted"))]
        body = document_rows(document.blocks, width, glyphs)
        rows += [BLANK] if rows else []
        return [*rows, *(item if item.key else Row(item.pieces, f"line:{at}") for at, item in enumerate(body))]

    def act_open(self) -> None:
        """Take the step under the cursor."""
        kind, name = self.key_under_cursor()
        steps = self.steps()
        if kind == "step" and int(name) < len(steps):
            steps[int(name)][1]()
        else:
            self.host.say("the steps stand above; enter takes one", "muted")

    def act_refresh(self) -> None:
        """Read everything again."""
        self.read()
        self.host.say("reading again; what was read stays until the answers come")


class ReconcileScreen(_Steps):
    """The differences of one account, deal or system: those that persist, those seen once, what could not be read."""

    answers = "Where do the databases disagree about this account, deal or system?"

    def __init__(self, account_id: int | None, deal_id: int | None = None, system: str = "") -> None:
        super().__init__()
        self.account_id, self.deal_id, self.system = account_id, deal_id, system
        self.report: ReconcileReport | None = None

    def heading(self) -> str:
        return f"{self.scope.words}: data that disagrees"

    def crumb(self) -> str:
        return f"reconcile {self.scope.line}"

    def place(self) -> str:
        return f"reconcile {self.scope.line}"

    @property
    def scope(self) -> Scope:
        """What is compared."""
        from diagnostics.models.reconcile import Scope  # noqa: PLC0415  # after the first paint

        return Scope(account_id=self.account_id, deal_id=self.deal_id, system=self.system)

    def read(self) -> None:
        """Read the scope once, and hold it against the reading before."""
        service = self.reconcile
        if service is not None:
            self.ask(lambda job: service.report(self.scope, job), self._arrived, doing=self.scope.words)

    def _read_twice(self) -> None:
        service = self.reconcile
        if service is not None:
            self.ask(
                lambda job: service.report_twice(self.scope, job),
                self._arrived,
                doing="waiting for the second reading",
            )

    def _arrived(self, report: ReconcileReport) -> None:
        self.report = report
        self.draw()

    def document(self) -> Document | None:
        from diagnostics.reconcile.document import report_document  # noqa: PLC0415  # with the first report

        return None if self.report is None else report_document(self.report, utc_now())

    def steps(self) -> Sequence[Step]:
        from diagnostics.reconcile.plans import REPAIRS  # noqa: PLC0415  # with the first report

        report = self.report
        if report is None:
            return ()
        steps: list[Step] = []
        if report.again_at is not None and report.unconfirmed:
            steps.append(("read a second time, a minute after the first, to see what persists", self._read_twice))
        for kind in REPAIRS:
            count = sum(one.kind is kind for one in report.persistent)
            if count:
                accounts = len({one.account_id for one in report.persistent if one.kind is kind})
                each = f", {plural(accounts, 'plan')}, one an account" if self.system else ""
                words = f"plan a repair of {plural(count, 'row')}{each}: {kind.words}"
                steps.append((words, lambda kind=kind: self._plan(kind)))  # type: ignore[misc]  # a bound default
        return steps

    def _plan(self, kind: DifferenceKind) -> None:
        service = self.reconcile
        if service is None:
            return

        def planned(records: tuple[RepairRecord, ...]) -> None:
            if len(records) > 1:
                self.host.say(f"planned {plural(len(records), 'repair')}: {records[0].name} to {records[-1].name}")
            self.host.navigate(RepairAt(records[0].name))

        def plan(job: Job) -> tuple[RepairRecord, ...]:
            if self.system:
                return service.plan_system(self.system, kind, job)
            return (service.plan(self.scope, kind, job),)

        self.start_job(plan, planned, doing="the plan")


class RepairScreen(_Steps):
    """One repair: every row from what to what, and what became of it."""

    answers = "What does this repair change, row by row, and did it work?"

    def __init__(self, name: str) -> None:
        super().__init__()
        self.repair = name
        self.record: RepairRecord | None = None

    def heading(self) -> str:
        return self.repair if self.record is None else f"{self.repair}: {self.record.standing(utc_now())}"

    def crumb(self) -> str:
        return self.repair

    def place(self) -> str:
        return f"repair {self.repair}"

    def read(self) -> None:
        """Read what the journal has of it."""
        service = self.reconcile
        if service is not None:
            self.ask(lambda _job: service.show(self.repair), self._arrived, doing=self.repair)

    def _arrived(self, record: RepairRecord) -> None:
        self.record = record
        self.draw()

    def document(self) -> Document | None:
        from diagnostics.reconcile.document import repair_document  # noqa: PLC0415  # with the first repair

        service = self.reconcile
        if self.record is None or service is None:
            return None
        return repair_document(self.record, utc_now(), may_write=service.may_write)

    def steps(self) -> Sequence[Step]:
        """What writes is not there without a writer."""
        record, service = self.record, self.reconcile
        if record is None or service is None:
            return ()
        if record.ended is not None:
            is_own = not record.plan.undoes and "mended" in record.counts
            return (("plan the taking back of it, row by row", self._undo),) if is_own else ()
        if not service.may_write:
            return ()
        if record.started is not None:
            return ((f"go on with it: {plural(len(record.left), 'row')} left", lambda: self._confirm(service.resume)),)
        if utc_now() >= record.plan.expires_at:
            return ()
        return ((f"carry it out: write {plural(len(record.plan.rows), 'row')}", lambda: self._confirm(service.apply)),)

    def _confirm(self, write: Callable[[str, str, Job | None], RepairRecord]) -> None:
        from diagnostics.reconcile.plans import confirmation  # noqa: PLC0415  # with the first repair

        record = self.record
        if record is None:
            return
        plan, wanted = record.plan, confirmation(record.plan)
        rows = f"{plural(len(plan.rows), 'row')} of {plan.table}, account {plan.account_id}, in {plan.environment}"

        def check(text: str) -> str:
            return "" if text == wanted else f'type "{wanted}" to write; esc writes nothing'

        def confirmed(text: str) -> None:
            self.start_job(
                lambda job: write(self.repair, text, job), self._written, doing=f"{self.repair} (esc stops it)"
            )

        self.host.push_console_screen(
            LineEntry(
                f"{self.repair}: confirm",
                wanted,
                confirmed,
                check=check,
                confirms=True,
                explain=(
                    f"This writes {rows}. Each is compared once more; what has changed is left as it is.",
                    f'Type the number of rows and the environment: "{wanted}".',
                ),
            )
        )

    def _written(self, record: RepairRecord) -> None:
        self._arrived(record)
        self.host.say(f"{record.name}: {record.standing(utc_now())}", "pass" if record.ended is not None else "warn")

    def _undo(self) -> None:
        service = self.reconcile
        if service is None:
            return

        def planned(record: RepairRecord) -> None:
            self.host.navigate(RepairAt(record.name))

        self.start_job(lambda _job: service.plan_undo(self.repair), planned, doing="the plan")
