"""Level 3: what is being understood? Investigations, incidents, the cascade that threatens, races and drift."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from diagnostics.core.time import utc_now
from screens import health_state
from screens import investigate_state as known
from screens.base import ReadingArrived
from screens.investigate_actions import InvestigateActions
from screens.investigate_state import InvestigateState
from widgets.footer_bar import FooterBar, Hint
from widgets.header_bar import HeaderBar
from widgets.hypothesis_rows import investigation_rows
from widgets.incident_list_rows import incident_row
from widgets.line_view import LineView
from widgets.rows import BLANK, Row, Tone, fit, row, titled, wrap
from widgets.sign_rows import age_words, answer_rows, cascade_rows, drift_rows, race_rows
from widgets.wording import is_stale

if TYPE_CHECKING:
    from diagnostics.core.waiting import Job
    from diagnostics.models.health import Resolution, SystemState
    from diagnostics.models.incidents import IncidentLine
    from diagnostics.models.investigations import Investigation
    from diagnostics.models.readings import Reading
    from diagnostics.service import Diagnostics
    from screens.investigate_state import Races

    Questions = tuple[
        Callable[[], tuple[Investigation, ...]],
        Callable[[], tuple[IncidentLine, ...]],
        Callable[[], Races],
        Callable[[], tuple[SystemState, ...]],
        Callable[[Job], Resolution],
    ]

RECORDS_EVERY_S = 60.0
"""The journal says by itself when something is new; this is for a journal whose reading failed."""

RACES_EVERY_S = 600.0
"""One aggregate over days, of the two that ten seconds allow to everybody."""

PANES = ("records", "incidents", "signs")

HINTS = (
    Hint("enter", "open"),
    Hint("N", "new investigation"),
    Hint("w", "why"),
    Hint("tab", "pane"),
    Hint("r", "refresh"),
    Hint("1", "critical"),
    Hint("2", "health"),
    Hint(":", "command"),
    Hint("?", "help"),
)


class InvestigateScreen(InvestigateActions):
    """Three panes: records of investigations, incidents, and the signs that lead to a cause."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (140, "-wide")]  # noqa: RUF012  # Textual's own name and type

    DEFAULT_CSS = """
    InvestigateScreen .title { height: 1; scrollbar-size-vertical: 0; }
    InvestigateScreen #investigate-body { height: 1fr; layout: vertical; }
    InvestigateScreen.-wide #investigate-body { layout: horizontal; }
    InvestigateScreen #investigate-left { height: 2fr; width: 1fr; }
    InvestigateScreen.-wide #investigate-left { height: 1fr; }
    InvestigateScreen #investigate-right { height: 1fr; width: 1fr; min-height: 7; }
    InvestigateScreen.-wide #investigate-right { height: 1fr; }
    InvestigateScreen #records, InvestigateScreen #incidents, InvestigateScreen #signs { height: 1fr; }
    """

    hint_names: ClassVar[tuple[str, ...]] = ("open", "why", "next_pane", "refresh", "copy", "command", "help")

    def __init__(self) -> None:
        super().__init__()
        self.state = InvestigateState()
        self.is_watching = False
        self._journal_seq = 0

    # ---- construction

    def compose(self) -> ComposeResult:
        """Panes of rows; nothing here waits for a source."""
        signs = self.room.signs
        yield HeaderBar(signs=signs, clock=f"{utc_now():%H:%M:%S} UTC")
        with Horizontal(id="investigate-body"):
            with Vertical(id="investigate-left"):
                for name in PANES[:2]:
                    yield LineView(signs=signs, cursor=False, id=f"{name}-title").add_class("title")
                    yield LineView(signs=signs, id=name)
            with Vertical(id="investigate-right"):
                yield LineView(signs=signs, cursor=False, id="signs-title").add_class("title")
                yield LineView(signs=signs, id="signs")
        yield FooterBar(signs=signs)

    def on_mount(self) -> None:
        """The first pane has the keys."""
        self.pane("records").focus()
        self.query_one(FooterBar).set_hints(HINTS)
        self._begin()
        self.draw()

    def on_resize(self) -> None:
        """Rows are laid out for the new width once it is settled."""
        self.call_after_refresh(self.draw)

    def service_opened(self) -> None:
        """The sources are open."""
        self._begin()
        self.draw()

    def on_screen_resume(self) -> None:
        """Come back to: what was asked meanwhile is shown."""
        super().on_screen_resume()
        self.call_after_refresh(self.draw)

    def on_unmount(self) -> None:
        """Nobody looks any more; what belongs to level 2 stays watched."""
        super().on_unmount()
        if self.room.live is not None:
            for key in (known.RECORDS, known.INCIDENTS, known.RACES):
                self.room.live.unwatch(key)

    def _begin(self) -> None:
        """Watch the readings, once. Those that level 2 watches already are left as they are."""
        service, live = self.room.service, self.room.live
        if self.is_watching or service is None or live is None:
            return
        self.is_watching = True
        records, incidents, races, systems, resolution = _questions(service)
        checks_s, rare_s = service.settings.refresh.checks_s, service.settings.fleet.refresh_s
        live.watch(known.RECORDS, records, every_s=RECORDS_EVERY_S)
        live.watch(known.INCIDENTS, incidents, every_s=RECORDS_EVERY_S)
        live.watch(known.RACES, races, every_s=RACES_EVERY_S)
        if live.last(health_state.SYSTEMS) is None:
            live.watch(health_state.SYSTEMS, systems, every_s=checks_s)
        if live.last(health_state.RESOLUTION) is None:
            self.fan_out = health_state.FanOut(resolution, lambda: None, refresh_s=rare_s)
            live.watch(health_state.RESOLUTION, self.fan_out.ask, every_s=rare_s)
        for key in known.KEYS:
            reading = live.last(key)
            if reading is not None:
                self.state.take(reading)
        self.room.look_again()

    def shown_readings(self) -> Iterable[str]:
        """All of this screen's, once they can be asked."""
        return known.KEYS if self.is_watching else ()

    def pane(self, name: str) -> LineView:
        """One of the panes."""
        return self.query_one(f"#{name}", LineView)

    def crumb(self) -> str:
        """The level's name."""
        return "investigate"

    def place(self) -> str:
        """The line that opens it again."""
        return "level investigate"

    # ---- readings

    @on(ReadingArrived)
    def take_reading(self, message: ReadingArrived) -> None:
        """Keep the reading and repaint what it changes; where the journal has moved on, read the records again."""
        reading = message.reading
        if reading.key == "incident":
            self._journal_moved(reading)
        elif self.state.take(reading):
            self._draw_pane({known.RECORDS: "records", known.INCIDENTS: "incidents"}.get(reading.key, "signs"))

    def _journal_moved(self, reading: Reading[Any]) -> None:
        live = self.room.live
        if reading.value is None or live is None or reading.value.seq == self._journal_seq:
            return
        moved, self._journal_seq = bool(self._journal_seq), reading.value.seq
        if moved and self.is_watching:
            live.refresh(known.RECORDS)
            live.refresh(known.INCIDENTS)

    # ---- drawing

    def tick(self) -> None:
        """Ages move on."""
        self.draw()

    def draw(self) -> None:
        """Lay out every pane; the views repaint the differences."""
        for name in PANES:
            self._draw_pane(name)

    def _draw_pane(self, name: str) -> None:
        if not self.is_attached:
            return
        view = self.pane(name)
        width = view.size.width or self.size.width
        rows, title = {"records": self._records, "incidents": self._incidents, "signs": self._signs}[name](width - 4)
        trail = self.room.trail() if name == "records" else ""
        text = self.room.signs.text(titled(trail, title, max(1, width)))
        self.query_one(f"#{name}-title", LineView).show((row((text, "bar")),))
        view.show(rows)

    def _age(self, key: str) -> str:
        words = age_words(self.state.readings.get(key), utc_now())
        # The journal is followed: only what could not be read has an age worth saying.
        return f" {self.room.signs.separator} {words}" if words.startswith("STALE") else ""

    def _records(self, width: int) -> tuple[list[Row], str]:
        signs, found = self.room.signs, self.state.records
        if found is None:
            return answer_rows(self.state.readings.get(known.RECORDS), "investigations", width, signs), "investigations"
        opened = sum(one.closed_at is None for one in found)
        title = (
            f"investigations {signs.separator} {opened} open, {len(found) - opened} closed{self._age(known.RECORDS)}"
        )
        if not found:
            said = (
                "Nothing is being investigated. N opens an investigation: a question, its hypotheses, "
                "and what speaks for and against each."
            )
            lines = wrap(signs.text(said), width)
            return [row((line, "muted"), key="new" if not at else None) for at, line in enumerate(lines)], title
        return investigation_rows(found, width=width, now=utc_now(), signs=signs), title

    def _incidents(self, width: int) -> tuple[list[Row], str]:
        signs, found = self.room.signs, self.state.incidents
        if found is None:
            return answer_rows(self.state.readings.get(known.INCIDENTS), "incidents", width, signs), "incidents"
        opened = sum(one.is_open for one in found)
        title = f"incidents {signs.separator} {opened} open, {len(found) - opened} past{self._age(known.INCIDENTS)}"
        if not found:
            return [row((fit("No incident has been declared; n declares one.", width), "muted"), key="all")], title
        causes = self._causes()
        rows: list[Row] = []
        for one in found:
            rows.append(incident_row(one, width=width, now=utc_now(), signs=signs))
            if one.id in causes:
                rows.append(row(" " * 8, (fit(signs.text(f"root cause: {causes[one.id]}"), width - 8), "muted")))
        rows.append(row((f"{signs.step} all incidents, filter, merge", "accent"), key="all"))
        return rows, title

    def _causes(self) -> dict[str, str]:
        """Root causes that were named, by incident."""
        found = self.state.records or ()
        return {one.incident: one.root_cause.statement for one in found if one.incident and one.root_cause is not None}

    def _signs(self, width: int) -> tuple[list[Row], str]:
        signs, state = self.room.signs, self.state
        rows = self._heading("cascade that threatens", known.SYSTEMS, width)
        reading = state.readings.get(known.SYSTEMS)
        if state.systems is None:
            rows += answer_rows(reading, "the systems", width, signs)
        else:
            rows += cascade_rows(state.systems, width=width, signs=signs, stale=_old(reading))
        rows += [BLANK, *self._heading("installation races", known.RACES, width)]
        reading, races = state.readings.get(known.RACES), state.races
        if races is None:
            rows += answer_rows(reading, "installation races", width, signs)
        else:
            rows += race_rows(
                races.lines,
                races.accounts,
                races.days,
                partial=races.partial,
                width=width,
                signs=signs,
                stale=_old(reading),
            )
        rows += [BLANK, *self._heading("drift from the baseline", known.RESOLUTION, width)]
        reading = state.readings.get(known.RESOLUTION)
        if state.resolution is None:
            rows += answer_rows(reading, "resolution", width, signs)
        else:
            rows += drift_rows(state.resolution, width=width, signs=signs, stale=_old(reading))
        return rows, "signs"

    def _heading(self, title: str, key: str, width: int) -> list[Row]:
        signs = self.room.signs
        words = age_words(self.state.readings.get(key), utc_now())
        tone: Tone = "warn" if words.startswith("STALE") else "muted"
        tail = signs.text(f"  {words}") if words else ""
        return [
            row(
                (fit(title, min(len(title), width)), "title"),
                (fit(tail, max(0, min(len(tail), width - len(title)))), tone),
            )
        ]


def _questions(service: Diagnostics) -> Questions:
    """What each reading asks. Desks are named in the asking thread: their first use imports what they are made of."""

    def records() -> tuple[Investigation, ...]:
        return service.investigations.lines()

    def incidents() -> tuple[IncidentLine, ...]:
        return service.incidents.lines(known.MOST_INCIDENTS)

    def races() -> Races:
        return known.ask_races(service, utc_now())

    def systems() -> tuple[SystemState, ...]:
        return service.health.systems()

    def resolution(job: Job) -> Resolution:
        return service.health.resolution(job)

    return records, incidents, races, systems, resolution


def _old(reading: Reading[Any] | None) -> bool:
    return reading is not None and is_stale(reading)
