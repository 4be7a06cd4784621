"""What the keys do on level 2. The screen draws; this half answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.core.time import utc_now
from screens import documents
from screens import health_documents as health_texts
from screens import health_layout as places
from screens import health_state as known
from screens.base import RoomScreen
from widgets import wording
from widgets.connection_rows import standing
from widgets.kpi_rows import status_word
from widgets.line_view import LineView

if TYPE_CHECKING:
    from diagnostics.models.evidence import Evidence
    from diagnostics.models.figures import Figure
    from diagnostics.models.health import ConnectionProblem, MonitorDraft, ResolutionShare, SystemState
    from screens.base import Document
    from screens.health_state import FanOut, HealthState

READING_OF = {
    places.HEALTH: known.OVERVIEW,
    places.KPIS: known.KPIS,
    places.RESOLUTION: known.RESOLUTION,
    places.CONNECTIONS: known.CONNECTIONS,
    places.SYSTEMS: known.SYSTEMS,
    places.LEADING: known.LEADING,
}

Why = tuple[str, str, "list[Evidence]"]


_NO_WHY: Why = ("level 2", "nothing has answered yet", [])


class HealthActions(RoomScreen):
    """Actions by name, `act_<name>` as the registry calls them."""

    state: HealthState
    fan_out: FanOut | None

    def pane(self, name: str) -> LineView:
        """Given by the screen."""
        raise LookupError(name)

    def draw(self) -> None:
        """Given by the screen."""

    def touched(self) -> None:
        """Given by the screen."""

    # ---- where am I

    def _focused(self) -> str:
        name = self.focused.id or "" if self.focused is not None else ""
        return name if name in READING_OF else places.HEALTH

    def _row_key(self) -> str:
        return self.pane(self._focused()).cursor_key or ""

    def _reading_key(self) -> str:
        """The reading behind the row under the cursor; sync events stand among the KPIs and come with the overview."""
        pane, figure = self._focused(), self._figure()
        is_sync = pane == places.KPIS and figure is not None and figure.id == self.state.sync.id
        return known.OVERVIEW if is_sync else READING_OF[pane]

    def _figure(self) -> Figure | None:
        """The figure under the cursor, among KPIs and indicators."""
        kind, _, name = self._row_key().partition(":")
        if kind != "figure":
            return None
        in_leading = self._focused() == places.LEADING
        figures = self.state.leading if in_leading else (*self.state.kpis, self.state.sync)
        return next((figure for figure in figures if figure.id == name), None)

    def _problem(self) -> ConnectionProblem | None:
        kind, _, rest = self._row_key().partition(":")
        order, _, number = rest.partition(":")
        health = self.state.connections
        if kind != "problem" or health is None:
            return None
        among = health.newest if order == "newest" else health.longest
        return next((problem for problem in among if str(problem.sync_user_id) == number), None)

    def _system(self) -> SystemState | None:
        name = self._row_key().partition(":")[2]
        return next((system for system in self.state.systems if system.name == name), None)

    def runbook(self) -> str:
        """Which section of the immediate actions belongs to what is in view."""
        return "agent_resolution" if self._focused() == places.RESOLUTION else "connection_health"

    def _doubt(self, key: str) -> str:
        """That what is shown is old, and why; empty when it is not."""
        reading = self.state.reading(key)
        if reading is None or not wording.is_stale(reading):
            return ""
        return f"OLD: asked {wording.age(wording.asked_at(reading), utc_now())} ago; {reading.failure}"

    # ---- in

    def act_open(self) -> None:
        """One level deeper, whatever is under the cursor."""
        self.touched()
        pane = self._focused()
        reading = self.state.reading(READING_OF[pane])
        if self._row_key() in {"waiting", "failed"}:
            self.room.open_document(health_texts.failure_document(pane, reading, self.room.signs))
            return
        opens = {
            places.HEALTH: self._open_health,
            places.KPIS: self._open_figure,
            places.RESOLUTION: self._open_resolution,
            places.CONNECTIONS: self._open_connection,
            places.SYSTEMS: self._open_system,
            places.LEADING: self._open_indicator,
        }
        opens[pane]()

    def _open_health(self) -> None:
        overview, signs = self.state.overview, self.room.signs
        if self._row_key() == "next":
            failing = any(str(system.status) == "fail" for system in self.state.systems)
            self.pane(places.SYSTEMS if failing else places.LEADING).focus()
        elif overview is not None and self._row_key() == "course":
            self.room.open_document(health_texts.course_document(overview.course, signs))
        elif overview is not None:
            self.room.open_document(self._figure_document(overview.health, known.OVERVIEW))

    def _figure_document(self, figure: Figure, key: str, *, step: str = "") -> Document:
        catalogue = self.room.catalogue
        computed = health_texts.how_computed(catalogue, figure.id) if catalogue is not None else ""
        return health_texts.figure_document(figure, computed, self.room.signs, doubt=self._doubt(key), step=step)

    def _open_figure(self) -> None:
        figure = self._figure()
        if figure is not None:
            self.room.open_document(self._figure_document(figure, self._reading_key()))

    def _open_resolution(self) -> None:
        from screens.health_drill import DrillScreen  # noqa: PLC0415  # only who drills in pays for it

        resolution, catalogue = self.state.resolution, self.room.catalogue
        if resolution is None or catalogue is None:
            return
        document = health_texts.resolution_document(
            resolution, known.resolution_bands(catalogue), self.room.signs, doubt=self._doubt(known.RESOLUTION)
        )
        if not resolution.outliers:
            self.room.open_document(document)
            return
        choices = {"account": lambda rest: self.room.command(f"account {rest.partition(':')[0]}")}
        self.room.push_room_screen(DrillScreen(document, choices=choices, why=self._evidence()))

    def _open_connection(self) -> None:
        kind, _, rest = self._row_key().partition(":")
        problem, health = self._problem(), self.state.connections
        if problem is not None:
            self.room.command(f"account {problem.account_id}")
        elif kind == "problems":
            self._open_problems(rest)
        elif health is not None:
            from screens.health_drill import DrillScreen  # noqa: PLC0415  # only who drills in pays for it

            document = health_texts.counts_document(health, self.room.signs, doubt=self._doubt(known.CONNECTIONS))
            choices = {"problems": self._open_problems}
            self.room.push_room_screen(DrillScreen(document, choices=choices, why=self._evidence()))

    def _open_problems(self, order: str) -> None:
        from screens.problems import ProblemsScreen  # noqa: PLC0415  # only who lists problems pays for it

        self.room.push_room_screen(ProblemsScreen("newest" if order == "newest" else "longest"))

    def _open_system(self) -> None:
        system, catalogue = self._system(), self.room.catalogue
        if system is None:
            return
        entry = catalogue.systems.get(system.name) if catalogue is not None else None
        note = entry.note if entry is not None else ""
        doubt = self._doubt(known.SYSTEMS)
        self.room.open_document(health_texts.system_document(system, note, self.room.signs, doubt=doubt))

    def _open_indicator(self) -> None:
        from screens.health_drill import DrillScreen  # noqa: PLC0415  # only who drills in pays for it

        figure = self._figure()
        if figure is None:
            return
        step = f"{self.room.signs.step} x drafts a Datadog monitor for this; nothing is sent by drafting"
        document = self._figure_document(figure, known.LEADING, step=step)
        self.room.push_room_screen(
            DrillScreen(
                document,
                why=self._evidence(),
                step=lambda: self.draft_monitor(figure.id),
                step_word="draft a monitor",
            )
        )

    # ---- monitors

    def draft_monitor(self, figure_id: str) -> None:
        """Draft the monitor of a figure, or show what there can be monitors for. Sends nothing."""
        service = self.room.service
        if service is None:
            return

        def work() -> MonitorDraft | tuple[str, ...]:
            indicators = service.health.indicators()
            return service.health.monitor_draft(figure_id) if figure_id in indicators else indicators

        self.room.ask(work, self._show_draft, doing="drafting the monitor")

    def _show_draft(self, found: MonitorDraft | tuple[str, ...]) -> None:
        if not isinstance(found, tuple):
            from screens.monitors import MonitorScreen  # noqa: PLC0415  # only who drafts pays for it

            self.room.push_room_screen(MonitorScreen(found))
            return
        from screens.health_drill import DrillScreen  # noqa: PLC0415  # only who drills in pays for it

        document = health_texts.indicators_document(found, self.room.catalogue, self.room.signs)
        self.room.push_room_screen(DrillScreen(document, choices={"draft": self.draft_monitor}))

    def act_run(self) -> None:
        """A figure that a monitor can warn of: draft it. Anything else: ask this pane again."""
        self.touched()
        figure, catalogue = self._figure(), self.room.catalogue
        drafted = figure is not None and catalogue is not None and figure.id in catalogue.indicators
        if figure is not None and (drafted or self._focused() == places.LEADING):
            self.draft_monitor(figure.id)
            return
        self._ask_again(self._reading_key())
        self.room.say(f"asking {self._focused()} again")

    # ---- out, around

    def act_back(self) -> None:
        """End the long question that the pane in view waits for; else back to where one came from."""
        if self._focused() == places.RESOLUTION and self.fan_out is not None and self.fan_out.cancel():
            self.room.say("ending the question over all client databases; r asks again")
            return
        self.dismiss()

    def act_next_pane(self) -> None:
        """Focus the next pane."""
        self.touched()
        self.focus_next()

    def act_previous_pane(self) -> None:
        """Focus the previous pane."""
        self.touched()
        self.focus_previous()

    # ---- evidence and copying

    def act_why(self) -> None:
        """Evidence for the number under the cursor."""
        title, summary, items = self._evidence()
        self.room.open_document(documents.evidence_document(title, summary, items, self.room.signs))

    def _evidence(self) -> Why:
        key = self._reading_key()
        reading = self.state.reading(key)
        if self._row_key() == "next":
            return self._next_why()
        if reading is None or reading.value is None:
            failure = reading.failure if reading is not None else ""
            return self._focused(), failure or "nothing has answered yet", []
        title, summary, items = self._why()
        return title, " · ".join(part for part in (summary, self._doubt(key)) if part), items

    def _why(self) -> Why:
        """Evidence of the row under the cursor, in a pane that has a value."""
        figure = self._figure()
        if figure is not None:
            return _figure_why(figure)
        whys = {
            places.HEALTH: self._health_why,
            places.RESOLUTION: self._resolution_why,
            places.SYSTEMS: self._system_why,
            places.CONNECTIONS: self._connection_why,
        }
        answer = whys.get(self._focused())
        return answer() if answer is not None else _NO_WHY

    def _resolution_why(self) -> Why:
        resolution = self.state.resolution
        if resolution is None:
            return _NO_WHY
        method = self._row_key().partition(":")[2]
        share = next((share for share in resolution.shares if share.method == method), None)
        said = _share_words(share) if share is not None else "resolution of all accounts"
        covered = f"rests on {resolution.coverage.words()}, {resolution.origin}" if resolution.coverage else ""
        summary = " · ".join(part for part in (said, covered, *resolution.notes) if part)
        return f"resolution {method}".strip(), summary, list(resolution.evidence)

    def _system_why(self) -> Why:
        system = self._system()
        if system is None:
            return _NO_WHY
        seen = list(dict.fromkeys(item for figure in system.figures for item in figure.evidence))
        return system.name, system.headline, seen

    def _connection_why(self) -> Why:
        problem, health = self._problem(), self.state.connections
        if health is None:
            return _NO_WHY
        if problem is not None:
            since = standing(problem.problem_at, utc_now())
            summary = f"account {problem.account_id}, connection {problem.sync_user_id}: {problem.state} for {since}"
            return "connection problem", f"{summary}; {problem.message or 'no message'}", list(health.evidence)
        counts = " · ".join(f"{figure.title} {figure.shown}" for figure in health.counts)
        return "connections", " · ".join((counts, *health.notes)), list(health.evidence)

    def _health_why(self) -> Why:
        overview = self.state.overview
        if overview is None:
            return _NO_WHY
        if self._row_key() == "course":
            return overview.course.title, overview.course.basis, list(overview.course.evidence)
        items = list(dict.fromkeys((*overview.health.evidence, *overview.course.evidence)))
        title, summary, _ = _figure_why(overview.health)
        return title, " · ".join(part for part in (summary, f"course: {overview.course.basis}") if part), items

    def _next_why(self) -> Why:
        of_systems = [figure for system in self.state.systems for figure in system.figures]
        items = list(dict.fromkeys(item for figure in (*of_systems, *self.state.leading) for item in figure.evidence))
        said = f"{self.state.next_to_fail().text}; from the states of the systems and the leading indicators"
        return "what fails next", said, items

    def _row_text(self) -> str:
        current = self.pane(self._focused()).current
        return current.text.strip() if current is not None else ""

    def act_copy(self) -> None:
        """Copy what is under the cursor, with what bends it."""
        text = self._copy_text()
        if text:
            self.room.copy(text)

    def _copy_text(self) -> str:
        figure = self._figure()
        doubt = self._doubt(self._reading_key())
        if self._focused() == places.HEALTH and self.state.overview is not None and self._row_key() == "health":
            figure = self.state.overview.health
        if figure is None:
            text = self._row_text()
        else:
            _, text, _ = _figure_why(figure)
        return f"{text} ({doubt})" if doubt and text else text

    def act_plain(self) -> None:
        """What `y` would copy, as plain text that the terminal itself can select."""
        document = documents.text_document("plain text, to select", self._copy_text(), self.room.signs)
        self.room.open_document(document)

    # ---- live

    def act_refresh(self) -> None:
        """Ask everything shown here again."""
        self._ask_again(None)
        self.room.say("asking again; panes keep what they show until the answers come")

    def _ask_again(self, key: str | None) -> None:
        live, service = self.room.live, self.room.service
        if live is None or service is None:
            return
        if self.fan_out is not None and key in {None, known.RESOLUTION}:
            self.fan_out.again()
        service.forget_answers()
        live.refresh(key)

    def show_leading(self) -> None:
        """To the leading indicators."""
        self.pane(places.LEADING).focus()
        self.draw()


def _figure_why(figure: Figure) -> Why:
    """Title, one line with the number and what bends it, evidence."""
    said = f"{figure.title}: {figure.shown}, {status_word(figure.status)}"
    covered = figure.coverage.words() if figure.coverage is not None else ""
    held = f"held against {figure.threshold}" if figure.threshold else ""
    summary = " · ".join(part for part in (said, held, covered, figure.failure, figure.note) if part)
    return figure.title, summary, list(figure.evidence)


def _share_words(share: ResolutionShare) -> str:
    shown = "not known" if share.share is None else f"{share.share:.2f} %"
    drift = "" if share.drift is None else f", {share.drift:+.2f} points from {share.baseline:.2f} %"
    return f"{share.method} {shown}{drift}"
