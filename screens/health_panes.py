"""The panes of level 2: which rows and which title each shows, from what is known and the room it has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from diagnostics.core.time import utc_now
from screens import health_layout as places
from screens import health_state as known
from screens.base import RoomScreen
from screens.health_layout import Slot, is_roomy
from widgets.connection_rows import WIDE as CONNECTIONS_WIDE
from widgets.connection_rows import connection_rows, state_of
from widgets.health_rows import freshness_words, health_rows, next_rows
from widgets.kpi_rows import FigureLine, figure_rows
from widgets.line_view import LineView
from widgets.resolution_rows import resolution_rows
from widgets.rows import BLANK, Row, fit, row, wrap
from widgets.system_map import cascade_words, system_rows
from widgets.wording import is_stale

if TYPE_CHECKING:
    from diagnostics.models.figures import Figure
    from diagnostics.models.readings import Reading
    from screens.health_state import FanOut, HealthState

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


class HealthPanes(RoomScreen):
    """Mixed into the screen: data in, rows out."""

    state: HealthState
    fan_out: FanOut | None
    is_watching = False
    """True once the readings can be asked."""

    def pane(self, name: str) -> LineView:
        """The rows of a pane."""
        return self.query_one(f"#{name}", LineView)

    def draw_pane(self, name: str, slot: Slot) -> None:
        """Lay one pane out; the view repaints the difference."""
        draws = {
            places.HEALTH: self._health,
            places.KPIS: self._kpis,
            places.RESOLUTION: self._resolution,
            places.CONNECTIONS: self._connections,
            places.SYSTEMS: self._systems,
            places.LEADING: self._leading,
        }
        rows, said = draws[name](slot)
        self._bar(name, said, slot)
        self.pane(name).show(rows)

    def _bar(self, name: str, said: str, slot: Slot) -> None:
        text = f" {TITLES[name]} · {said}" if said else f" {TITLES[name]}"
        if len(text) > slot.width:
            # An age is an age without the word.
            text = text.removesuffix(" old")
        shown = fit(self.room.signs.text(text), max(1, slot.width))
        self.query_one(f"#{name}-title", LineView).show((row((shown, "bar")),))

    def _age(self, key: str) -> str:
        live = self.room.live
        if not self.is_watching:
            return "opening the sources"
        return freshness_words(self.state.reading(key), utc_now(), paused=live is not None and live.paused)

    def _stale(self, key: str) -> bool:
        reading = self.state.reading(key)
        return reading is not None and is_stale(reading)

    def _without_value(self, key: str, slot: Slot) -> list[Row]:
        """A pane that has nothing to show: it is being asked, or why there is no answer. Always as many rows."""
        signs = self.room.signs
        reading: Reading[Any] | None = self.state.reading(key)
        if reading is None or str(reading.freshness) == "loading":
            rows = [row((f"{signs.waiting} asking", "muted"), key="waiting")]
        else:
            lines = wrap(signs.text(reading.failure or "no answer"), slot.text_width - 3, most=max(1, slot.rows - 1))
            rows = [row((f"{signs.missing}  {lines[0]}", "warn"), key="failed")]
            rows += [row(("   " + line, "warn")) for line in lines[1:]]
            if reading.remedy:
                rows.append(row(("   " + fit(signs.text(reading.remedy), slot.text_width - 3), "muted")))
        return [*rows[: slot.rows], *(BLANK for _ in range(slot.rows - len(rows)))]

    def _health(self, slot: Slot) -> Drawn:
        small = ""
        if self.app.size.width < places.LEAST_WIDTH or self.app.size.height < places.LEAST_HEIGHT + 2:
            small = f" · {self.app.size.width}×{self.app.size.height}: 80×24 shows all"
        said = f"{self._age(known.OVERVIEW)}{small}"
        overview, catalogue = self.state.overview, self.room.catalogue
        next_to_fail = self.state.next_to_fail()
        if overview is None or catalogue is None:
            # What fails next is another source's answer, and stands.
            most = min(2, max(1, slot.rows - 2))
            rows = self._without_value(known.OVERVIEW, slot)[: slot.rows - most]
            return [*rows, *next_rows(next_to_fail, slot.text_width, most, self.room.signs)], said
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
            signs=self.room.signs,
            stale=self._stale(known.OVERVIEW),
        )
        return rows, said

    def _lines(self, figures: Iterable[Figure], *, stale: bool) -> list[FigureLine]:
        return [FigureLine(figure, known.short_limits(figure), f"figure:{figure.id}", stale) for figure in figures]

    def _kpis(self, slot: Slot) -> Drawn:
        said = self._age(known.KPIS)
        if not self.state.kpis:
            return self._without_value(known.KPIS, slot), said
        lines = self._lines(self.state.kpis, stale=self._stale(known.KPIS))
        lines += self._lines((self.state.sync,), stale=self._stale(known.OVERVIEW))
        return self._figure_rows(lines, slot), said

    def _figure_rows(self, lines: list[FigureLine], slot: Slot) -> list[Row]:
        roomy = is_roomy(self.app.size.height - 2) and slot.rows >= 2 * len(lines)
        rows = figure_rows(lines, width=slot.text_width, now=utc_now(), signs=self.room.signs, roomy=roomy)
        return [*rows, *(BLANK for _ in range(slot.rows - len(rows)))]

    def _resolution(self, slot: Slot) -> Drawn:
        resolution, catalogue = self.state.resolution, self.room.catalogue
        progress = self._progress_words()
        said = progress or self._age(known.RESOLUTION)
        if resolution is None or catalogue is None:
            return self._without_value(known.RESOLUTION, slot), said
        rows = resolution_rows(
            resolution,
            known.resolution_bands(catalogue),
            width=slot.text_width,
            height=slot.rows,
            signs=self.room.signs,
            stale=self._stale(known.RESOLUTION),
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
        fan_out = self.fan_out
        if fan_out is None or not fan_out.is_running:
            return ""
        progress = fan_out.progress
        key = " · esc cancels" if self.pane(places.RESOLUTION).has_focus else ""
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
            signs=self.room.signs,
            stale=self._stale(known.CONNECTIONS),
        )
        unclear = sum(int(count.value or 0) for count in connections.counts if state_of(count) == "unclear")
        if unclear and slot.text_width < CONNECTIONS_WIDE:
            parts = (f"{unclear:,} unclear", said)
            said = " · ".join(reversed(parts) if said.startswith("STALE") else parts)
        return rows, said

    def _systems(self, slot: Slot) -> Drawn:
        said = self._age(known.SYSTEMS)
        systems = self.state.systems
        if not systems:
            return self._without_value(known.SYSTEMS, slot), said
        rows = system_rows(
            systems,
            width=slot.text_width,
            signs=self.room.signs,
            stale=self._stale(known.SYSTEMS),
            headlines=slot.rows >= 2 * places.MAP_ROWS - 1,
        )
        short_age = said.removesuffix(" old")
        words = cascade_words(systems, slot.width - len(f" {TITLES[places.SYSTEMS]} · {short_age} · "), self.room.signs)
        parts = [said, words] if said.startswith("STALE") else [words, said]
        return [*rows, *(BLANK for _ in range(slot.rows - len(rows)))], " · ".join(part for part in parts if part)

    def _leading(self, slot: Slot) -> Drawn:
        said = self._age(known.LEADING)
        figures = self.state.leading
        if not figures:
            return self._without_value(known.LEADING, slot), said
        counts = {word: sum(str(figure.status) == status for figure in figures) for status, word in _BEYOND}
        words = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        lines = self._lines(figures, stale=self._stale(known.LEADING))
        parts = [f"{words} of {len(figures)}" if words else "", said]
        if said.startswith("STALE"):
            parts.reverse()
        return self._figure_rows(lines, slot), " · ".join(part for part in parts if part)


_BEYOND = (("fail", "FAIL"), ("warn", "warn"))
