"""One number over time: is it rising, since when, how far beyond what is usual and allowed?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.widget import Widget

from diagnostics.charts.export import chart_text
from diagnostics.charts.legend import scale_words, window_words
from diagnostics.charts.plot import Drawing
from diagnostics.core.failures import UserError
from diagnostics.core.time import utc_now
from diagnostics.core.words import short
from screens.base import ReadingArrived
from screens.list_screen import TitledScreen
from widgets import wording
from widgets.chart_view import ChartView

if TYPE_CHECKING:
    from diagnostics.charts.models import Chart
    from diagnostics.charts.service import ChartName
    from diagnostics.core.document import Document
    from diagnostics.models.evidence import Evidence
    from diagnostics.models.readings import Reading
    from diagnostics.service import Diagnostics

EVERY_S = 30.0

DRAWINGS: tuple[Drawing, ...] = (
    Drawing(),
    Drawing(braille=True),
    Drawing(form="linear"),
    Drawing(form="log"),
)
"""What the key for another drawing walks through: as the numbers ask for, as a line, and either scale."""


class ChartScreen(TitledScreen):
    """Curve, axes, limits, marks; the value at a moment; another window, another scale; Markdown and SVG."""

    answers = "How has this number moved, and is it getting better?"

    hint_names: ClassVar[tuple[str, ...]] = (
        "why", "window", "chart", "export", "open", "copy", "refresh", "pause", "back", "help",
    )  # fmt: skip
    has_header = True

    def __init__(self, name: str, window_s: int | None = None, about: Document | None = None) -> None:
        super().__init__()
        self.wanted = name
        self.window_s = window_s
        """None until the name is known: then the shortest of its windows that is not shorter than the console's."""
        self.about = about
        """The same number in words, where one came from there."""
        self.known: ChartName | None = None
        self.reading: Reading[Chart] | None = None
        self.problem = ""
        self._drawing = 0

    # ---- reading

    def read(self) -> None:
        """Watch the number while somebody looks."""
        service, live = self.host.service, self.host.live
        if service is None or live is None or self.known is not None:
            return
        try:
            self.known = known = service.charts.named(self.wanted)
        except UserError as error:
            self.problem = str(error)
            self.draw()
            return
        at_least = [one for one in known.windows_s if one >= service.settings.refresh.window_s]
        if self.window_s not in known.windows_s:
            self.window_s = (at_least or list(known.windows_s))[0]
        self._watch()

    def _watch(self) -> None:
        service, live, known, window_s = self.host.service, self.host.live, self.known, self.window_s
        if service is None or live is None or known is None or window_s is None:
            return
        live.watch(self.key, partial(_read, service, known.name, window_s), every_s=EVERY_S)
        self.reading = live.last(self.key)
        self.host.look_again()
        self.draw()

    @property
    def key(self) -> str:
        """Of the reading; each window has its own, so that a late answer to another is dropped."""
        return f"chart:{self.known.name if self.known is not None else ''}:{self.window_s}"

    def shown_readings(self) -> Iterable[str]:
        if self.known is not None:
            yield self.key

    @on(ReadingArrived)
    def take_reading(self, message: ReadingArrived) -> None:
        """Keep it and draw it."""
        reading: Reading[Any] = message.reading
        if reading.key != self.key or (self.reading is not None and reading.sequence < self.reading.sequence):
            return
        self.reading = reading
        self.draw()

    @property
    def chart(self) -> Chart | None:
        """The newest answer."""
        return None if self.reading is None else self.reading.value

    @property
    def drawing(self) -> Drawing:
        """The drawing that is shown."""
        chosen = DRAWINGS[self._drawing]
        return Drawing(chosen.form, chosen.braille, self.host.glyphs.ascii_only)

    # ---- drawing

    def panes(self) -> Iterable[Widget]:
        """The curve fills the body."""
        yield ChartView(glyphs=self.host.glyphs, id="screen-body")

    @property
    def view(self) -> ChartView:
        """The curve."""
        return self.query_one(ChartView)

    def tick(self) -> None:
        """The age moves on."""
        if self.is_attached:
            self.draw_title()

    def draw(self) -> None:
        """Title and curve for the present size."""
        if not self.is_attached or not self.size.width:
            return
        self.draw_title()
        if self.chart is not None:
            self.view.put(self.chart, self.drawing)
        else:
            self.view.say(self._waiting())

    def _waiting(self) -> tuple[str, str]:
        if self.problem:
            return self.problem, ""
        reading = self.reading
        if reading is None or not reading.failure:
            return "reading the steps…", ""
        return f"The course is not known: {reading.failure}", reading.remedy

    def heading(self) -> str:
        """Which number, which window, which scale, how old."""
        chart, reading = self.chart, self.reading
        if chart is None or reading is None:
            return f"chart · {self.known.title if self.known is not None else self.wanted}"
        aged = f"{wording.aged(reading, utc_now())} old"
        old = f"OLD: {aged}; {reading.failure}" if wording.is_stale(reading) else aged
        return f"{chart.title} · {window_words(chart)} · {old}"

    # ---- where am I

    def crumb(self) -> str:
        return f"chart {self.known.name.replace('_', ' ') if self.known is not None else self.wanted}"

    def place(self) -> str:
        """The line that opens it again."""
        name = self.known.name if self.known is not None else self.wanted
        return f"chart {name} {short(self.window_s)}" if self.window_s is not None else f"chart {name}"

    def issue_in_view(self) -> tuple[str, str] | None:
        """The issue whose pulse it is."""
        catalogue = self.host.catalogue
        if catalogue is None or self.known is None or self.known.name not in catalogue.issues:
            return None
        return self.known.name, ""

    def query_in_view(self) -> str:
        """The Datadog query behind a pulse."""
        service, issue = self.host.service, self.issue_in_view()
        return service.query_for(issue[0]) if service is not None and issue is not None else ""

    def pin_in_view(self) -> tuple[str, str, Evidence | None] | None:
        """The curve as characters, with the first of its questions."""
        chart = self.chart
        if chart is None:
            return None
        return f"chart · {chart.title}", self.copy_text(), chart.evidence[0] if chart.evidence else None

    def memory(self) -> dict[str, object]:
        """Which drawing was chosen."""
        return {"drawing": self._drawing}

    def recall(self, memory: Mapping[str, object]) -> None:
        """Choose it again."""
        drawing = memory.get("drawing")
        if isinstance(drawing, int) and 0 <= drawing < len(DRAWINGS):
            self._drawing = drawing
            self.draw()

    # ---- keys

    def act_open(self) -> None:
        """The same number in words: how it is computed, what bends it."""
        if self.about is not None:
            self.host.open_document(self.about)
        else:
            self.act_why()

    def act_why(self) -> None:
        """The questions behind the curve."""
        chart = self.chart
        if chart is None:
            self.open_why(None)
            return
        said = "\n".join(part for part in (f"{chart.shown}: {chart.rule}", chart.course.basis, *chart.notes) if part)
        self.open_why((chart.title, said, chart.evidence))

    def act_window(self) -> None:
        """The next of its windows."""
        if self.known is None or self.window_s is None:
            return
        windows = self.known.windows_s
        self.set_window(windows[(windows.index(self.window_s) + 1) % len(windows)])

    def act_zoom_in(self) -> None:
        """The next shorter window."""
        self._zoom(-1)

    def act_zoom_out(self) -> None:
        """The next longer window."""
        self._zoom(1)

    def _zoom(self, by: int) -> None:
        if self.known is None or self.window_s is None:
            return
        at = self.known.windows_s.index(self.window_s) + by
        if 0 <= at < len(self.known.windows_s):
            self.set_window(self.known.windows_s[at])
        else:
            self.host.say(f"the {'longest' if by > 0 else 'shortest'} window of this chart is in view", "muted")

    def set_window(self, seconds: int) -> None:
        """Show another of its windows, seconds."""
        if self.known is None or seconds == self.window_s:
            return
        if len(self.known.windows_s) == 1:
            self.host.say(f"this chart has one window, {short(self.known.windows_s[0])}", "muted")
            return
        if self.host.live is not None:
            self.host.live.unwatch(self.key)
        self.window_s = seconds
        self._watch()
        self.host.say(f"window: last {short(seconds)}")

    def act_chart(self) -> None:
        """Another drawing of it."""
        self._drawing = (self._drawing + 1) % len(DRAWINGS)
        self.draw()
        drawn = self.view.drawn
        if drawn is not None:
            shape = "line of dots" if self.drawing.braille and not self.drawing.ascii_only else "blocks"
            self.host.say(f"{scale_words(drawn.values)}, {shape}")

    def act_refresh(self) -> None:
        """Ask again, now."""
        if self.host.service is not None and self.host.live is not None and self.known is not None:
            self.host.service.forget_answers()
            self.host.live.refresh(self.key)
            self.host.say("asking again; the chart stays until the answer comes")

    def act_export(self) -> None:
        """Write it as Markdown and as SVG."""
        service, chart, drawing = self.host.service, self.chart, self.drawing
        if service is None or chart is None:
            self.host.say("there is nothing to write yet", "muted")
            return
        self.host.ask(
            lambda: service.charts.export(chart, drawing),
            lambda paths: self.host.say(f"written: {' and '.join(str(path) for path in paths)}", "pass"),
            doing="writing the chart",
        )

    def copy_text(self) -> str:
        """The curve as characters."""
        return "" if self.chart is None else chart_text(self.chart, self.drawing)

    def act_copy(self) -> None:
        """The curve as characters."""
        if self.copy_text():
            self.host.copy(self.copy_text())

    def act_plain(self) -> None:
        """The curve as plain text that the terminal itself can select."""
        self.open_plain(self.copy_text())


def _read(service: Diagnostics, name: str, window_s: int) -> Chart:
    """In the asking thread: the first use of the subject imports what it is made of."""
    return service.charts.read(name, window_s)
