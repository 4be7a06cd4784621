"""Level 3: what is being understood? Investigations, incidents, possible cascades, races and drift."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from diagnostics.core.time import utc_now
from diagnostics.core.words import form, plural
from diagnostics.health.document import resolution_document, system_document
from screens.addresses import InvestigationAt, TimelineAt
from screens.base import ConsoleScreen, ReadingArrived
from screens.held_readings import RESOLUTION, SYSTEMS, ResolutionFanOut, resolution_bands
from screens.investigate import state as known
from screens.investigate.state import InvestigateState
from screens.listing import DrillScreen
from widgets.footer_bar import FooterBar, Hint
from widgets.header_bar import HeaderBar
from widgets.line_view import LineView
from widgets.row import BLANK, Row, Tone, fit, plain, row, titled, wrap
from widgets.rows.hypotheses import investigation_rows
from widgets.rows.incident_list import incident_row
from widgets.rows.indicators import age_words, answer_rows, cascade_rows, drift_rows, race_rows
from widgets.rows.resolution import shares_in_full

if TYPE_CHECKING:
    from diagnostics.core.waiting import Job
    from diagnostics.models.health import Resolution, SystemState
    from diagnostics.models.incidents import IncidentLine
    from diagnostics.models.investigations import Investigation
    from diagnostics.models.readings import Reading
    from diagnostics.service import Diagnostics
    from screens.base import Why
    from screens.investigate.state import Races

    Questions = tuple[
        Callable[[], tuple[Investigation, ...]],
        Callable[[], tuple[IncidentLine, ...]],
        Callable[[], Races],
        Callable[[Callable[[tuple[SystemState, ...]], object]], tuple[SystemState, ...]],
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


READING_OF = {
    "system": SYSTEMS,
    "systems": SYSTEMS,
    "races": known.RACES,
    "race": known.RACES,
    "share": RESOLUTION,
    "outlier": RESOLUTION,
}
"""Kind of a row to the reading that it was taken from."""


class InvestigateScreen(ConsoleScreen):
    """Three panes: records of investigations, incidents, and the signs that lead to a cause."""

    answers = "Where did it begin, and what has been looked into already?"

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
        glyphs = self.host.glyphs
        yield HeaderBar(glyphs=glyphs, clock=f"{utc_now():%H:%M:%S} UTC")
        with Horizontal(id="investigate-body"):
            with Vertical(id="investigate-left"):
                for name in PANES[:2]:
                    yield LineView(glyphs=glyphs, cursor=False, id=f"{name}-title").add_class("title")
                    yield LineView(glyphs=glyphs, id=name)
            with Vertical(id="investigate-right"):
                yield LineView(glyphs=glyphs, cursor=False, id="signs-title").add_class("title")
                yield LineView(glyphs=glyphs, id="signs")
        yield FooterBar(glyphs=glyphs)

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
        self._begin()
        self.draw()

    def on_screen_resume(self) -> None:
        """Come back to: what was asked meanwhile is shown."""
        super().on_screen_resume()
        self.call_after_refresh(self.draw)

    def on_unmount(self) -> None:
        """Nobody looks any more; what belongs to level 2 stays watched."""
        super().on_unmount()
        if self.host.live is not None:
            for key in (known.RECORDS, known.INCIDENTS, known.RACES):
                self.host.live.unwatch(key)

    def _begin(self) -> None:
        """Watch the readings, once. Those that level 2 watches already are left as they are."""
        service, live = self.host.service, self.host.live
        if self.is_watching or service is None or live is None:
            return
        self.is_watching = True
        records, incidents, races, systems, resolution = _questions(service)
        checks_s, rare_s = service.settings.refresh.checks_s, service.settings.fleet.refresh_s
        live.watch(known.RECORDS, records, every_s=RECORDS_EVERY_S, source="state")
        live.watch(known.INCIDENTS, incidents, every_s=RECORDS_EVERY_S, source="state")
        live.watch(known.RACES, races, every_s=RACES_EVERY_S, source="datadog")
        if live.last(SYSTEMS) is None:
            live.watch_growing(SYSTEMS, systems, every_s=checks_s)
        if live.last(RESOLUTION) is None:
            fan_out = self.state.fan_out = ResolutionFanOut(resolution, lambda: None, refresh_s=rare_s)
            live.watch(RESOLUTION, fan_out.ask, every_s=rare_s)
        for key in known.KEYS:
            reading = live.last(key)
            if reading is not None:
                self.state.take(reading)
        self.host.look_again()

    def shown_readings(self) -> Iterable[str]:
        """All of this screen's, once they can be asked."""
        return known.KEYS if self.is_watching else ()

    def pane(self, name: str) -> LineView:
        """The pane of that name."""
        return self.query_one(f"#{name}", LineView)

    def crumb(self) -> str:
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
        live = self.host.live
        if reading.value is None or live is None or reading.value.seq == self._journal_seq:
            return
        moved, self._journal_seq = bool(self._journal_seq), reading.value.seq
        if moved and self.is_watching:
            live.refresh(known.RECORDS)
            live.refresh(known.INCIDENTS)

    # ---- drawing

    def tick(self) -> None:
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
        rows, title = {"records": self._records, "incidents": self._incidents, "signs": self._indicators}[name](
            width - 4
        )
        trail = self.host.trail() if name == "records" else ""
        text = self.host.glyphs.text(titled(trail, title, max(1, width)))
        self.query_one(f"#{name}-title", LineView).show((row((text, "bar")),))
        view.show(rows)

    def _age(self, key: str) -> str:
        words = age_words(self.state.reading(key), utc_now())
        # The journal is followed: only what could not be read has an age worth saying.
        return f" {self.host.glyphs.separator} {words}" if words.startswith("STALE") else ""

    def _records(self, width: int) -> tuple[list[Row], str]:
        glyphs, found = self.host.glyphs, self.state.records
        if found is None:
            return answer_rows(self.state.reading(known.RECORDS), "investigations", width, glyphs), "investigations"
        opened = sum(one.closed_at is None for one in found)
        title = (
            f"investigations {glyphs.separator} {opened} open, {len(found) - opened} closed{self._age(known.RECORDS)}"
        )
        if not found:
            said = (
                "Nothing is being investigated. N opens an investigation: a question, its hypotheses, "
                "and what speaks for and against each."
            )
            lines = wrap(glyphs.text(said), width)
            return [row((line, "muted"), key="new" if not at else None) for at, line in enumerate(lines)], title
        return investigation_rows(found, width=width, now=utc_now(), glyphs=glyphs), title

    def _incidents(self, width: int) -> tuple[list[Row], str]:
        glyphs, found = self.host.glyphs, self.state.incidents
        if found is None:
            return answer_rows(self.state.reading(known.INCIDENTS), "incidents", width, glyphs), "incidents"
        opened = sum(one.is_open for one in found)
        title = f"incidents {glyphs.separator} {opened} open, {len(found) - opened} past{self._age(known.INCIDENTS)}"
        if not found:
            return [row((fit("No incident has been declared; n declares one.", width), "muted"), key="all")], title
        causes = self._causes()
        rows: list[Row] = []
        for one in found:
            rows.append(incident_row(one, width=width, now=utc_now(), glyphs=glyphs))
            if one.id in causes:
                rows.append(row(" " * 8, (fit(glyphs.text(f"root cause: {causes[one.id]}"), width - 8), "muted")))
        rows.append(row((f"{glyphs.step} all incidents, filter, merge", "accent"), key="all"))
        return rows, title

    def _causes(self) -> dict[str, str]:
        """Root causes that were named, by incident."""
        found = self.state.records or ()
        return {one.incident: one.root_cause.statement for one in found if one.incident and one.root_cause is not None}

    def _indicators(self, width: int) -> tuple[list[Row], str]:
        glyphs, state = self.host.glyphs, self.state
        rows = self._heading("possible cascade", SYSTEMS, width)
        if state.systems is None:
            rows += answer_rows(state.reading(SYSTEMS), "the systems", width, glyphs)
        else:
            rows += cascade_rows(state.systems, width=width, glyphs=glyphs, stale=state.is_stale(SYSTEMS))
        rows += [BLANK, *self._heading("installation races", known.RACES, width)]
        races = state.races
        if races is None:
            rows += answer_rows(state.reading(known.RACES), "installation races", width, glyphs)
        else:
            rows += race_rows(
                races.lines,
                races.accounts,
                races.days,
                partial=races.partial,
                width=width,
                glyphs=glyphs,
                stale=state.is_stale(known.RACES),
            )
        rows += [BLANK, *self._heading("drift from the baseline", RESOLUTION, width)]
        if state.resolution is None:
            rows += answer_rows(state.reading(RESOLUTION), "resolution", width, glyphs)
        else:
            rows += drift_rows(state.resolution, width=width, glyphs=glyphs, stale=state.is_stale(RESOLUTION))
        return rows, "signs"

    def _heading(self, title: str, key: str, width: int) -> list[Row]:
        glyphs = self.host.glyphs
        words = age_words(self.state.reading(key), utc_now())
        tone: Tone = "warn" if words.startswith("STALE") else "muted"
        tail = glyphs.text(f"  {words}") if words else ""
        return [
            row(
                (fit(title, min(len(title), width)), "title"),
                (fit(tail, max(0, min(len(tail), width - len(title)))), tone),
            )
        ]

    # ---- in

    def act_open(self) -> None:
        """One level deeper, whatever is under the cursor."""
        kind, name = self.key_under_cursor()
        if kind == "investigation":
            self.host.navigate(InvestigationAt(name))
        elif kind == "incident":
            self.host.command(f"incident {name}")
        elif kind == "all":
            self.host.command("incidents")
        elif kind == "new":
            self.act_new()
        elif kind in {"race", "outlier"}:
            self.host.navigate(f"account {name}")
        elif kind == "races" and self.state.races is not None:
            self.host.navigate(f"logs {self.state.races.query}")
        elif kind == "system":
            self._open_system(name)
        elif kind == "share":
            self._open_drift()
        elif kind == "systems":
            self.host.navigate("level health")
        else:
            self.host.say("there is no answer yet to open; r asks again", "muted")

    def _open_system(self, name: str) -> None:
        system = next((one for one in self.state.systems or () if one.name == name), None)
        if system is not None:
            self.host.open_document(system_document(system, self.host.catalogue))

    def _open_drift(self) -> None:
        resolution, catalogue = self.state.resolution, self.host.catalogue
        if resolution is None or catalogue is None:
            return
        bands = resolution_bands(catalogue)
        document = resolution_document(resolution, shares_in_full(resolution, bands), bands.words())
        choices = {"account": lambda rest: self.host.navigate(f"account {rest.partition(':')[0]}")}
        self.host.push_console_screen(DrillScreen(document, choices=choices, why=self._evidence()))

    # ---- a new one

    def act_new(self) -> None:
        """Open an investigation: its question, typed. It belongs to the incident in view, where there is one."""
        from screens.line_entry import LineEntry  # noqa: PLC0415  # only who opens one pays for it

        incident = self._incident_in_view()
        about = f"It belongs to {incident}, the incident in view." if incident else "It belongs to no incident."
        self.host.push_console_screen(
            LineEntry(
                "a new investigation",
                "the question: why do the token refreshes of 38 accounts fail?",
                partial(self._ask_to_open, incident),
                explain=(about, "Hypotheses, and what speaks for and against each, come next."),
            )
        )

    def _incident_in_view(self) -> str:
        reading = self.host.live.last("incident") if self.host.live is not None else None
        following = reading.value if reading is not None else None
        return following.incident.id if following is not None and following.incident is not None else ""

    def _ask_to_open(self, incident: str, question: str) -> None:
        from screens.line_entry import send  # noqa: PLC0415

        service = self.host.service
        if service is None:
            return
        send(
            self.host,
            "a new investigation",
            question,
            lambda: service.investigations.open(question, incident),
            self._opened,
            doing="opening the investigation",
        )

    def _opened(self, investigation: Investigation) -> None:
        self.host.incident_changed()
        if self.host.live is not None:
            self.host.live.refresh(known.RECORDS)
        self.host.navigate(InvestigationAt(investigation.id))

    # ---- out, around

    def act_back(self) -> None:
        """End the long question that drift waits for; else back to where one came from."""
        kind, name = self.key_under_cursor()
        waits = (kind, name) == ("none", "resolution")
        if waits and self.state.fan_out is not None and self.state.fan_out.cancel():
            self.host.say("ending the question over all client databases; r asks again")
            return
        self.dismiss()

    def act_refresh(self) -> None:
        service, live = self.host.service, self.host.live
        if service is None or live is None:
            return
        service.forget_answers()
        if self.state.fan_out is not None:
            self.state.fan_out.again()
        for key in known.KEYS:
            live.refresh(key)
        self.host.say("asking again; what is shown stays until the answers come")

    def act_timeline(self) -> None:
        """The timeline of the incident under the cursor, else of the one in view."""
        kind, name = self.key_under_cursor()
        chosen = name if kind == "incident" else self._incident_in_view()
        if not chosen:
            self.host.say("put the cursor on an incident first", "muted")
            return
        self.host.navigate(TimelineAt(chosen))

    # ---- evidence and copying

    def act_why(self) -> None:
        """Evidence for what is under the cursor."""
        self.open_why(self._evidence())

    def _evidence(self) -> Why:
        kind, name = self.key_under_cursor()
        reading = self.state.reading(READING_OF.get(kind, ""))
        if reading is not None and reading.value is None:
            return kind, reading.failure or "nothing has answered yet", []
        if kind in {"system", "systems"}:
            return self._systems_why(name)
        if kind in {"race", "races"} and self.state.races is not None:
            races = self.state.races
            found = [races.evidence] if races.evidence is not None else []
            held = f"{plural(races.lines, 'line')} {form(races.lines, 'holds', 'hold')}"
            said = f"{held} a known message of an installation race, in the accounts with the most"
            return "installation races", said, found
        resolution = self.state.resolution
        if kind in {"share", "outlier"} and resolution is not None:
            covered = f"rests on {resolution.coverage.words()}" if resolution.coverage is not None else ""
            said = " · ".join(part for part in (covered, resolution.origin, *resolution.notes) if part)
            return "drift from the baseline", said, list(resolution.evidence)
        if kind in {"investigation", "incident", "all", "new"}:
            return (
                "the journal",
                "read from the journal that all consoles share; enter opens the record, T its entries",
                [],
            )
        return "level 3", "nothing has answered yet", []

    def _systems_why(self, name: str) -> Why:
        systems = self.state.systems or ()
        chosen = [system for system in systems if not name or system.name == name]
        found = list(dict.fromkeys(item for system in chosen for figure in system.figures for item in figure.evidence))
        return name or "the systems", "; ".join(f"{one.name}: {one.headline}" for one in chosen), found

    def act_copy(self) -> None:
        """Copy the row under the cursor."""
        text = self.text_under_cursor()
        if text:
            self.host.copy(text)

    def act_plain(self) -> None:
        """Everything shown as plain text that the terminal itself can select."""
        self.open_plain(plain(item for view in self.query(LineView) if view.id in PANES for item in view.rows))


def _questions(service: Diagnostics) -> Questions:
    """The question of each reading. A service is named in the asking thread, because its first use imports it."""

    def records() -> tuple[Investigation, ...]:
        return service.investigations.lines()

    def incidents() -> tuple[IncidentLine, ...]:
        return service.incidents.lines(known.MOST_INCIDENTS)

    def races() -> Races:
        return known.ask_races(service, utc_now())

    def systems(tell: Callable[[tuple[SystemState, ...]], object]) -> tuple[SystemState, ...]:
        return service.health.systems(tell)

    def resolution(job: Job) -> Resolution:
        return service.health.resolution(job)

    return records, incidents, races, systems, resolution
