"""The panes of level 2: which rows and which title each shows, and what the row under the cursor stands for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from textual.geometry import Size

from diagnostics.core.time import utc_now
from diagnostics.health.document import state_of
from screens.health import layout as places
from screens.health import state as known
from screens.health.layout import Slot, is_roomy
from screens.held_readings import RESOLUTION, SYSTEMS, resolution_bands
from widgets.row import BLANK, Row, fit, row, wrap
from widgets.rows.connections import WIDE as CONNECTIONS_WIDE
from widgets.rows.connections import connection_rows, standing
from widgets.rows.health import freshness_words, health_rows, next_rows
from widgets.rows.kpis import FigureLine, figure_rows, status_word
from widgets.rows.resolution import resolution_rows
from widgets.system_map import cascade_words, system_rows

if TYPE_CHECKING:
    from diagnostics.models.figures import Figure
    from diagnostics.models.health import ConnectionProblem, ResolutionShare, SystemState
    from diagnostics.models.readings import Reading
    from screens.base import ScreenHost, Why
    from screens.health.state import HealthState

TITLES = {
    places.HEALTH: "2 HEALTH",
    places.KPIS: "KPIS",
    places.RESOLUTION: "RESOLUTION",
    places.CONNECTIONS: "CONNECTIONS",
    places.SYSTEMS: "SYSTEMS",
    places.LEADING: "LEADING",
}

Drawn = tuple[list[Row], str]
"""The rows of a pane, and what its title bar says."""


class HealthPanes:
    """Data in, rows out. The screen says how large it is, and draws what it is given."""

    def __init__(self, host: ScreenHost, state: HealthState) -> None:
        self.host = host
        self.state = state
        self.size = Size(0, 0)
        """Of the whole terminal, header and footer included."""

    def drawn(self, name: str, slot: Slot, *, has_focus: bool) -> tuple[list[Row], Row]:
        """The rows of a pane, and its title bar."""
        draws = {
            places.HEALTH: self._health,
            places.KPIS: self._kpis,
            places.RESOLUTION: self._resolution,
            places.CONNECTIONS: self._connections,
            places.SYSTEMS: self._systems,
            places.LEADING: self._leading,
        }
        self._has_focus = has_focus
        rows, said = draws[name](slot)
        text = f" {TITLES[name]} · {said}" if said else f" {TITLES[name]}"
        if len(text) > slot.width:
            # An age is an age without the word.
            text = text.removesuffix(" old")
        return rows, row((fit(self.host.glyphs.text(text), max(1, slot.width)), "bar"))

    def _age(self, key: str) -> str:
        live = self.host.live
        if self.state.fan_out is None:
            return "opening the sources"
        return freshness_words(self.state.reading(key), utc_now(), paused=live is not None and live.paused)

    def _without_value(self, key: str, slot: Slot) -> list[Row]:
        """A pane that has nothing to show: it is being asked, or why there is no answer. Always as many rows."""
        glyphs = self.host.glyphs
        reading: Reading[Any] | None = self.state.reading(key)
        if reading is None or str(reading.freshness) == "loading":
            rows = [row((f"{glyphs.waiting} asking", "muted"), key="waiting")]
        else:
            lines = wrap(glyphs.text(reading.failure or "no answer"), slot.text_width - 3, most=max(1, slot.rows - 1))
            rows = [row((f"{glyphs.missing}  {lines[0]}", "warn"), key="failed")]
            rows += [row(("   " + line, "warn")) for line in lines[1:]]
            if reading.remedy:
                rows.append(row(("   " + fit(glyphs.text(reading.remedy), slot.text_width - 3), "muted")))
        return [*rows[: slot.rows], *(BLANK for _ in range(slot.rows - len(rows)))]

    def _health(self, slot: Slot) -> Drawn:
        small = ""
        if self.size.width < places.LEAST_WIDTH or self.size.height < places.LEAST_HEIGHT + 2:
            small = f" · {self.size.width}×{self.size.height}: 80×24 shows all"
        said = f"{self._age(known.OVERVIEW)}{small}"
        overview, catalogue = self.state.overview, self.host.catalogue
        next_to_fail = self.state.next_to_fail()
        if overview is None or catalogue is None:
            # What fails next is another source's answer, and stands.
            most = min(2, max(1, slot.rows - 2))
            rows = self._without_value(known.OVERVIEW, slot)[: slot.rows - most]
            return [*rows, *next_rows(next_to_fail, slot.text_width, most, self.host.glyphs)], said
        if slot.rows < 3 and not small:
            # No row is left for it.
            said = f"{said} · {overview.course.basis}"
        rows = health_rows(
            overview,
            next_to_fail,
            baseline=catalogue.baselines["system_health"].value,
            scale=known.health_scale(catalogue, overview),
            width=slot.text_width,
            height=slot.rows,
            glyphs=self.host.glyphs,
            stale=self.state.is_stale(known.OVERVIEW),
        )
        return rows, said

    def _lines(self, figures: Iterable[Figure], *, stale: bool) -> list[FigureLine]:
        return [FigureLine(figure, known.short_limits(figure), f"figure:{figure.id}", stale) for figure in figures]

    def _kpis(self, slot: Slot) -> Drawn:
        said = self._age(known.KPIS)
        if not self.state.kpis:
            return self._without_value(known.KPIS, slot), said
        lines = self._lines(self.state.kpis, stale=self.state.is_stale(known.KPIS))
        lines += self._lines((self.state.sync,), stale=self.state.is_stale(known.OVERVIEW))
        return self._figure_rows(lines, slot), said

    def _figure_rows(self, lines: list[FigureLine], slot: Slot) -> list[Row]:
        roomy = is_roomy(self.size.height - 2) and slot.rows >= 2 * len(lines)
        rows = figure_rows(lines, width=slot.text_width, now=utc_now(), glyphs=self.host.glyphs, roomy=roomy)
        return [*rows, *(BLANK for _ in range(slot.rows - len(rows)))]

    def _resolution(self, slot: Slot) -> Drawn:
        resolution, catalogue = self.state.resolution, self.host.catalogue
        progress = self._progress_words()
        said = progress or self._age(RESOLUTION)
        if resolution is None or catalogue is None:
            return self._without_value(RESOLUTION, slot), said
        rows = resolution_rows(
            resolution,
            resolution_bands(catalogue),
            width=slot.text_width,
            height=slot.rows,
            glyphs=self.host.glyphs,
            stale=self.state.is_stale(RESOLUTION),
        )
        covered = resolution.coverage.words() if resolution.coverage is not None else ""
        origin = resolution.origin.partition(" over ")[0]
        parts = [", ".join(part for part in (covered, origin) if part), said]
        if said.startswith("STALE"):
            parts.reverse()
        left_out = resolution.retired + resolution.unclear
        if left_out and slot.rows < 5:
            parts.insert(-1, f"{left_out:,} in no share")
        return rows, " · ".join(part for part in parts if part)

    def _progress_words(self) -> str:
        fan_out = self.state.fan_out
        if fan_out is None or not fan_out.is_running:
            return ""
        progress = fan_out.progress
        key = " · esc cancels" if self._has_focus else ""
        if progress is None or not progress.total:
            return f"asking{key}"
        return f"asking {progress.done:,} of {progress.total:,} {progress.unit}{key}"

    def _connections(self, slot: Slot) -> Drawn:
        said = self._age(known.CONNECTIONS)
        connections = self.state.connections
        if connections is None:
            return self._without_value(known.CONNECTIONS, slot), said
        rows = connection_rows(
            connections,
            width=slot.text_width,
            height=slot.rows,
            now=utc_now(),
            glyphs=self.host.glyphs,
            stale=self.state.is_stale(known.CONNECTIONS),
        )
        unclear = sum(int(count.value or 0) for count in connections.counts if state_of(count) == "unclear")
        if unclear and slot.text_width < CONNECTIONS_WIDE:
            parts = (f"{unclear:,} unclear", said)
            said = " · ".join(reversed(parts) if said.startswith("STALE") else parts)
        return rows, said

    def _systems(self, slot: Slot) -> Drawn:
        said = self._age(SYSTEMS)
        systems = self.state.systems
        if not systems:
            return self._without_value(SYSTEMS, slot), said
        rows = system_rows(
            systems,
            width=slot.text_width,
            glyphs=self.host.glyphs,
            stale=self.state.is_stale(SYSTEMS),
            headlines=slot.rows >= 2 * places.MAP_ROWS - 1,
        )
        short_age = said.removesuffix(" old")
        words = cascade_words(
            systems, slot.width - len(f" {TITLES[places.SYSTEMS]} · {short_age} · "), self.host.glyphs
        )
        parts = [said, words] if said.startswith("STALE") else [words, said]
        return [*rows, *(BLANK for _ in range(slot.rows - len(rows)))], " · ".join(part for part in parts if part)

    def _leading(self, slot: Slot) -> Drawn:
        said = self._age(known.LEADING)
        figures = self.state.leading
        if not figures:
            return self._without_value(known.LEADING, slot), said
        counts = {word: sum(str(figure.status) == status for figure in figures) for status, word in _BEYOND}
        words = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        lines = self._lines(figures, stale=self.state.is_stale(known.LEADING))
        parts = [f"{words} of {len(figures)}" if words else "", said]
        if said.startswith("STALE"):
            parts.reverse()
        return self._figure_rows(lines, slot), " · ".join(part for part in parts if part)


_BEYOND = (("fail", "FAIL"), ("warn", "warn"))

READING_OF = {
    places.HEALTH: known.OVERVIEW,
    places.KPIS: known.KPIS,
    places.RESOLUTION: RESOLUTION,
    places.CONNECTIONS: known.CONNECTIONS,
    places.SYSTEMS: SYSTEMS,
    places.LEADING: known.LEADING,
}

NO_WHY: Why = ("level 2", "nothing has answered yet", [])


class UnderCursor:
    """Subject of the row under a pane's cursor: its figure, problem or system, and the evidence behind it."""

    def __init__(self, state: HealthState, pane: str, key: str) -> None:
        self.state = state
        self.pane = pane
        self.key = key
        """As the row holds it, such as "figure:leads"."""
        self.kind, _, self.name = key.partition(":")

    @property
    def reading_key(self) -> str:
        """The reading behind the row; sync events stand among the KPIs and come with the overview."""
        figure = self.figure
        is_sync = self.pane == places.KPIS and figure is not None and figure.id == self.state.sync.id
        return known.OVERVIEW if is_sync else READING_OF[self.pane]

    @property
    def figure(self) -> Figure | None:
        """The figure, among KPIs and indicators."""
        if self.kind != "figure":
            return None
        figures = self.state.leading if self.pane == places.LEADING else (*self.state.kpis, self.state.sync)
        return next((figure for figure in figures if figure.id == self.name), None)

    @property
    def problem(self) -> ConnectionProblem | None:
        """The connection with a problem."""
        order, _, number = self.name.partition(":")
        health = self.state.connections
        if self.kind != "problem" or health is None:
            return None
        among = health.newest if order == "newest" else health.longest
        return next((problem for problem in among if str(problem.sync_user_id) == number), None)

    @property
    def system(self) -> SystemState | None:
        """The system of the row, if it is one."""
        return next((system for system in self.state.systems if system.name == self.name), None)

    @property
    def doubt(self) -> str:
        """That what is shown is old, and why; empty when it is not."""
        return self.state.doubt(self.reading_key, utc_now())

    def text(self, shown: str) -> str:
        """Text to copy, with its caveats: the figure's line, else the row as it is `shown`."""
        figure = self.figure
        if self.pane == places.HEALTH and self.state.overview is not None and self.key == "health":
            figure = self.state.overview.health
        text = shown if figure is None else _figure_why(figure)[1]
        return f"{text} ({self.doubt})" if self.doubt and text else text

    # ---- evidence

    def why(self) -> Why:
        """Title, one line with what bends the number, evidence."""
        if self.key == "next":
            return self._next_why()
        reading = self.state.reading(self.reading_key)
        if reading is None or reading.value is None:
            failure = reading.failure if reading is not None else ""
            return self.pane, failure or "nothing has answered yet", []
        title, summary, items = self._value_why()
        return title, " · ".join(part for part in (summary, self.doubt) if part), items

    def _value_why(self) -> Why:
        if self.figure is not None:
            return _figure_why(self.figure)
        whys = {
            places.HEALTH: self._health_why,
            places.RESOLUTION: self._resolution_why,
            places.SYSTEMS: self._system_why,
            places.CONNECTIONS: self._connection_why,
        }
        answer = whys.get(self.pane)
        return answer() if answer is not None else NO_WHY

    def _resolution_why(self) -> Why:
        resolution = self.state.resolution
        if resolution is None:
            return NO_WHY
        method = self.name
        share = next((share for share in resolution.shares if share.method == method), None)
        said = _share_words(share) if share is not None else "resolution of all accounts"
        covered = f"rests on {resolution.coverage.words()}, {resolution.origin}" if resolution.coverage else ""
        summary = " · ".join(part for part in (said, covered, *resolution.notes) if part)
        return f"resolution {method}".strip(), summary, list(resolution.evidence)

    def _system_why(self) -> Why:
        system = self.system
        if system is None:
            return NO_WHY
        seen = list(dict.fromkeys(item for figure in system.figures for item in figure.evidence))
        return system.name, system.headline, seen

    def _connection_why(self) -> Why:
        problem, health = self.problem, self.state.connections
        if health is None:
            return NO_WHY
        if problem is not None:
            since = standing(problem.problem_at, utc_now())
            summary = f"account {problem.account_id}, connection {problem.sync_user_id}: {problem.state} for {since}"
            return "connection problem", f"{summary}; {problem.message or 'no message'}", list(health.evidence)
        counts = " · ".join(f"{figure.title} {figure.shown}" for figure in health.counts)
        return "connections", " · ".join((counts, *health.notes)), list(health.evidence)

    def _health_why(self) -> Why:
        overview = self.state.overview
        if overview is None:
            return NO_WHY
        if self.key == "course":
            return overview.course.title, overview.course.basis, list(overview.course.evidence)
        items = list(dict.fromkeys((*overview.health.evidence, *overview.course.evidence)))
        title, summary, _ = _figure_why(overview.health)
        return title, " · ".join(part for part in (summary, f"course: {overview.course.basis}") if part), items

    def _next_why(self) -> Why:
        of_systems = [figure for system in self.state.systems for figure in system.figures]
        items = list(dict.fromkeys(item for figure in (*of_systems, *self.state.leading) for item in figure.evidence))
        said = f"{self.state.next_to_fail().text}; from the states of the systems and the leading indicators"
        return "what fails next", said, items


def _figure_why(figure: Figure) -> Why:
    """Title, one line with the number and what bends it, evidence."""
    said = f"{figure.title}: {figure.shown}, {status_word(figure.status)}"
    covered = figure.coverage.words() if figure.coverage is not None else ""
    summary = " · ".join(part for part in (said, figure.held, covered, figure.failure, figure.note) if part)
    return figure.title, summary, list(figure.evidence)


def _share_words(share: ResolutionShare) -> str:
    shown = "not known" if share.share is None else f"{share.share:.2f} %"
    drift = "" if share.drift is None else f", {share.drift:+.2f} points from {share.baseline:.2f} %"
    return f"{share.method} {shown}{drift}"
