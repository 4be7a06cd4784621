"""The webhook backlog: does it get better, when is it empty, what waits, what is past saving?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on

from diagnostics.core.document import Block, Text
from diagnostics.core.time import utc_now
from diagnostics.recovery.document import CURVE, SPLITS, backlog_document, verdict
from screens.base import ReadingArrived
from screens.list_screen import ListScreen
from widgets import wording
from widgets.row import Row
from widgets.rows.backlog import curve_rows, split_rows
from widgets.rows.document import document_rows

if TYPE_CHECKING:
    from diagnostics.models.evidence import Evidence
    from diagnostics.models.readings import Reading
    from diagnostics.recovery.models import BacklogReport
    from widgets.glyphs import Glyphs

READING = "recovery:backlog"
EVERY_S = 30.0

TALL = 32
"""From this many rows on the curve has more of them."""

HISTOGRAMS = frozenset({"age", "attempts", "type", "cause"})


class BacklogScreen(ListScreen):
    """The verdict and the curve on the first screenful, whatever its size; histograms below."""

    answers = "Is the backlog getting smaller, when is it empty, and what is lost?"

    hint_names: ClassVar[tuple[str, ...]] = ("open", "why", "refresh", "copy", "plain", "pause", "back", "help")
    has_header = True

    def __init__(self) -> None:
        super().__init__()
        self.reading: Reading[BacklogReport] | None = None

    @property
    def report(self) -> BacklogReport | None:
        """The newest answer."""
        return None if self.reading is None else self.reading.value

    def read(self) -> None:
        """Watch the backlog while somebody looks."""
        service, live = self.host.service, self.host.live
        if service is None or live is None:
            return
        live.watch(READING, service.recovery.backlog, every_s=EVERY_S, source="common")
        self.reading = live.last(READING)
        self.host.look_again()
        self.draw()

    def shown_readings(self) -> Iterable[str]:
        yield READING

    @on(ReadingArrived)
    def take_reading(self, message: ReadingArrived) -> None:
        """Keep it and lay it out."""
        reading: Reading[Any] = message.reading
        if reading.key != READING or (self.reading is not None and reading.sequence < self.reading.sequence):
            return
        self.reading = reading
        self.draw()

    def tick(self) -> None:
        self.draw_title()

    def crumb(self) -> str:
        return "backlog"

    def place(self) -> str:
        """The line that opens it again."""
        return "backlog"

    def issue_in_view(self) -> tuple[str, str] | None:
        return "rate_limiting", ""

    def pin_in_view(self) -> tuple[str, str, Evidence | None] | None:
        """The verdict with the count behind it."""
        report = self.report
        if report is None:
            return None
        return "webhook backlog", verdict(report), report.evidence[0] if report.evidence else None

    # ---- drawing

    def heading(self) -> str:
        """How old the numbers are, or why there are none."""
        reading = self.reading
        if reading is None or reading.value is None:
            return f"webhook backlog · {reading.failure if reading is not None and reading.failure else 'asking'}"
        aged = f"asked {wording.aged(reading, utc_now())} ago"
        return f"webhook backlog · {f'OLD: {aged}; {reading.failure}' if wording.is_stale(reading) else aged}"

    def rows(self, width: int) -> Sequence[Row]:
        """The document; curve and histograms are drawn for the size."""
        report = self.report
        if report is None:
            return document_rows(self._waiting_words(), width, self.host.glyphs)
        drawings = {CURVE: partial(self._curve, report), SPLITS: partial(split_rows, report)}
        return document_rows(backlog_document(report).blocks, width, self.host.glyphs, drawings)

    def _waiting_words(self) -> Iterable[Block]:
        reading = self.reading
        if reading is None or not reading.failure:
            return [Text("counting what waits…", "muted")]
        return [Text(f"The backlog is not known: {reading.failure}", "warn"), Text(reading.remedy, "accent")]

    def _curve(self, report: BacklogReport, width: int, glyphs: Glyphs) -> list[Row]:
        catalogue = self.host.catalogue
        limits = None if catalogue is None else catalogue.thresholds["webhook_backlog"]
        return curve_rows(
            report,
            min(width, 132),
            12 if self.size.height >= TALL else 6,
            glyphs,
            warning=None if limits is None else limits.warning,
            critical=None if limits is None else limits.critical,
        )

    # ---- keys

    def act_open(self) -> None:
        """To the account under the cursor."""
        kind, name = self.key_under_cursor()
        if kind == "account":
            self.host.navigate(f"account {name}")
        elif kind in HISTOGRAMS:
            self.host.say("enter opens an account; other rows have nothing behind them", "muted")

    def act_why(self) -> None:
        """The questions behind every number here."""
        report = self.report
        self.open_why(None if report is None else ("webhook backlog", verdict(report), report.evidence))

    def act_refresh(self) -> None:
        """Ask again, now."""
        if self.host.service is not None and self.host.live is not None:
            self.host.service.forget_answers()
            self.host.live.refresh(READING)
            self.host.say("asking again; what stands here stays until the answer comes")
