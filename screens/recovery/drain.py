"""A recovery: the drain that is under way or was the last, its pace and losses, and one key each to pause, resume,
throttle and stop it. Without a drain: a plan, and its carrying out.

It goes on when the screen is left, and ends with the console; then it can be resumed, here or on another one. What
sends is not on the screen where there is no writer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from textual import on

from diagnostics.core.document import Block, Text
from diagnostics.core.failures import UserError
from diagnostics.core.time import utc_now
from diagnostics.core.words import plural
from screens.actions import find
from screens.base import ReadingArrived
from screens.line_entry import LineEntry
from screens.list_screen import ListScreen
from widgets import wording
from widgets.footer_bar import FooterBar, Hint
from widgets.row import BLANK, Row, row
from widgets.rows.document import document_rows

if TYPE_CHECKING:
    from diagnostics.models.readings import Reading
    from diagnostics.recovery.drain.report import DrainReport, DrainView
    from diagnostics.recovery.drain.service import DrainService
    from diagnostics.recovery.models import PlanView

READING = "recovery:drain"
EVERY_S = 2.0

SENDING = ("hold", "go_on", "throttle", "stop")

Step = tuple[str, Callable[[], None]]
"""What Enter does, in words, and how."""


class DrainScreen(ListScreen):
    """How it stands first, then pace and losses, then the lists."""

    answers = "How far is this recovery, at what pace, and is anything lost?"

    has_header = True

    def __init__(self, name: str = "") -> None:
        super().__init__()
        self.drain = name
        """The drain that is shown; empty for the newest."""
        self.reading: Reading[DrainReport | None] | None = None
        self.plan: PlanView | None = None

    @property
    def drains(self) -> DrainService | None:
        """The service, once the sources are open."""
        service = self.host.service
        return service.recovery.drains if service is not None else None

    @property
    def report(self) -> DrainReport | None:
        """The newest answer."""
        return None if self.reading is None else self.reading.value

    def read(self) -> None:
        """Watch the drain while somebody looks; not paused with the other live updates."""
        drains, live = self.drains, self.host.live
        if drains is None or live is None:
            return
        live.watch(READING, lambda: self._ask(drains), every_s=EVERY_S, steady=True)
        self.reading = live.last(READING)
        self.host.look_again()
        self.draw()

    def _ask(self, drains: DrainService) -> DrainReport | None:
        return drains.report(self.drain or None) if self.drain or drains.drains() else None

    def shown_readings(self) -> Iterable[str]:
        yield READING

    @on(ReadingArrived)
    def take_reading(self, message: ReadingArrived) -> None:
        """Keep it and lay it out."""
        reading: Reading[Any] = message.reading
        if reading.key != READING or (self.reading is not None and reading.sequence < self.reading.sequence):
            return
        self.reading = reading
        # The keys that send come and go with the drain.
        self.query_one(FooterBar).set_hints(self.hints())
        self.draw()

    def tick(self) -> None:
        self.draw_title()

    def crumb(self) -> str:
        return "recovery"

    def place(self) -> str:
        return f"recovery {self.drain}".strip()

    def issue_in_view(self) -> tuple[str, str] | None:
        return "rate_limiting", ""

    # ---- drawing

    def heading(self) -> str:
        """How old what is shown is, or why there is nothing."""
        reading = self.reading
        if reading is None:
            return "recovery · asking"
        if reading.failure and reading.value is None:
            return f"recovery · {reading.failure}"
        aged = f"asked {wording.aged(reading, utc_now())} ago"
        return f"recovery · {f'OLD: {aged}; {reading.failure}' if wording.is_stale(reading) else aged}"

    def hints(self) -> tuple[Hint, ...]:
        """Those that send only where they do something."""
        sending = tuple(Hint(one.shown, one.word) for one in map(find, SENDING))
        rest = (Hint("enter", "take the step"), Hint("y", "copy"), Hint("esc", "back"), Hint("?", "help"))
        return (*(sending if self._may_say() else ()), *rest)

    def offers(self, action: str) -> bool:
        """What sends is not there without a writer, nor without a drain that goes on."""
        return super().offers(action) and (action not in SENDING or self._may_say())

    def _may_say(self) -> bool:
        report, drains = self.report, self.drains
        return report is not None and drains is not None and drains.may_write and not report.view.is_over

    def rows(self, width: int) -> Sequence[Row]:
        """Steps, then the document."""
        glyphs = self.host.glyphs
        steps = [
            row((glyphs.text(f"{glyphs.step} {words}"), "accent"), ("   enter", "key"), key=f"step:{at}")
            for at, (words, _) in enumerate(self.steps())
        ]
        body = document_rows(self._blocks(), width, glyphs)
        lines = [item if item.key else Row(item.pieces, f"line:{at}") for at, item in enumerate(body)]
        return [*steps, *([BLANK] if steps else []), *lines]

    def _blocks(self) -> Iterable[Block]:
        from diagnostics.recovery.document import plan_document  # noqa: PLC0415  # with the first answer
        from diagnostics.recovery.drain.document import drain_document  # noqa: PLC0415

        reading, drains, report = self.reading, self.drains, self.report
        if self.plan is not None:
            return plan_document(self.plan).blocks
        if report is not None and drains is not None:
            return drain_document(report, utc_now(), may_write=drains.may_write).blocks
        if reading is None:
            return [Text("reading the journal…", "muted")]
        if reading.failure:
            return [Text(f"Not known: {reading.failure}", "warn"), Text(reading.remedy, "accent")]
        return [Text("No recovery was carried out yet.", "muted")]

    def steps(self) -> Sequence[Step]:
        """What can be done from here; nothing that sends without a writer."""
        report, drains, plan = self.report, self.drains, self.plan
        if drains is None or not drains.may_write or self.reading is None:
            return ()
        if plan is not None:
            words = f"carry out {plan.plan.plan_id}: have {plural(plan.plan.events, 'event')} delivered again"
            return ((words, self._carry_out),) if plan.plan.events else ()
        if report is not None and not report.view.is_over:
            return () if report.view.is_here else ((f"carry on here with {report.view.name}", self._carry_on),)
        return (("plan a recovery by the status flip; sends nothing", self._plan),)

    # ---- steps

    def act_open(self) -> None:
        """Take the step under the cursor."""
        kind, name = self.key_under_cursor()
        steps = self.steps()
        if kind == "step" and int(name) < len(steps):
            steps[int(name)][1]()
        else:
            self.host.say("the steps stand above; enter takes one", "muted")

    def act_refresh(self) -> None:
        """Read it again, now."""
        self.plan = None
        if self.host.live is not None:
            self.host.live.refresh(READING)
            self.host.say("reading it again; what stands here stays until the answer comes")
        self.draw()

    def _plan(self) -> None:
        service = self.host.service
        if service is None:
            return

        def planned(view: PlanView) -> None:
            self.plan = view
            self.draw()

        self.start_job(lambda _job: service.recovery.plan(carrier="flip"), planned, doing="the plan")

    def _carry_out(self) -> None:
        plan, drains = self.plan, self.drains
        if plan is not None and drains is not None:
            name = plan.plan.plan_id
            self._confirm(name, plan.plan.events, lambda text: drains.begin(name, text))

    def _carry_on(self) -> None:
        report, drains = self.report, self.drains
        if report is not None and drains is not None:
            name = report.view.name
            self._confirm(name, report.view.events, lambda text: drains.carry_on(name, text))

    def _confirm(self, name: str, events: int, send: Callable[[str], DrainView]) -> None:
        service = self.host.service
        if service is None:
            return
        environment = service.context.settings.environment
        wanted = f"{events} {environment}"

        def check(text: str) -> str:
            return "" if text == wanted else f'type "{wanted}" to send; esc sends nothing'

        def confirmed(text: str) -> None:
            self.start_job(lambda _job: send(text), self._sent, doing=name)

        self.host.push_console_screen(
            LineEntry(
                f"{name}: confirm",
                wanted,
                confirmed,
                check=check,
                confirms=True,
                explain=(
                    f"This has {plural(events, 'event')} delivered again in {environment}, the first ones in rungs.",
                    f'Type the number of events and the environment: "{wanted}".',
                ),
            )
        )

    def _sent(self, view: DrainView) -> None:
        self.drain, self.plan = view.name, None
        self.host.say(f"{view.name} is under way", "pass")
        if self.host.live is not None:
            self.host.live.refresh(READING)
        self.draw()

    # ---- one key each

    def act_hold(self) -> None:
        """Pause it, whichever console carries it."""
        self._say_to(lambda drains, name: drains.pause(name), "nothing more is handed over")

    def act_go_on(self) -> None:
        """Go on after a pause."""
        report = self.report
        if report is not None and not report.view.is_here:
            self._carry_on()
            return
        self._say_to(lambda drains, name: drains.unpause(name), "it goes on, with the first rung")

    def act_stop(self) -> None:
        """End it; what was handed over is waited for."""
        self._say_to(lambda drains, name: drains.stop(name), "it ends once what was handed over has ended")

    def act_throttle(self) -> None:
        """Bound the rate."""

        def rate_of(text: str) -> float | None:
            try:
                return None if text.strip() in {"", "none"} else float(text)
            except ValueError:
                raise UserError(
                    f"{text!r} is no rate", accepted="events a second, such as 5; none for no bound"
                ) from None

        def check(text: str) -> str:
            try:
                rate_of(text)
            except UserError as error:
                return f"{error.problem}; {error.accepted}"
            return ""

        def typed(text: str) -> None:
            self._say_to(lambda drains, name: drains.throttle(name, rate_of(text)), "the rate is bounded")

        explain = ("At most so many events a second from now on; none takes the bound away.",)
        self.host.push_console_screen(LineEntry("throttle", "events a second", typed, check=check, explain=explain))

    def _say_to(self, work: Callable[[DrainService, str], DrainView], said: str) -> None:
        report, drains = self.report, self.drains
        if report is None or drains is None:
            return
        name = report.view.name

        def done(_view: DrainView) -> None:
            self.host.say(f"{name}: {said}", "pass")
            if self.host.live is not None:
                self.host.live.refresh(READING)

        self.start_job(lambda _job: work(drains, name), done, doing=name)
