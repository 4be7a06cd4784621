"""State of level 2 between two paints: readings by key, the order of its lists, and what fails next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from diagnostics.core.words import form, listed
from diagnostics.models.status import Status
from screens.held_readings import RESOLUTION, SYSTEMS, HeldReadings, ResolutionFanOut
from widgets.rows.health import NextToFail
from widgets.rows.trend import Scale, scale_for
from widgets.wording import is_stale

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.models.figures import Figure
    from diagnostics.models.health import ConnectionHealth, HealthOverview, Resolution, SystemState
    from diagnostics.models.readings import Reading

OVERVIEW, KPIS, CONNECTIONS, LEADING = "health:overview", "health:kpis", "health:connections", "health:leading"
KEYS = (OVERVIEW, KPIS, RESOLUTION, CONNECTIONS, SYSTEMS, LEADING)
"""The live readings of this screen; each pane stands on its own, so that a dead source hits its own pane only."""

SYNC_TITLE = "Sync events that succeeded"
"""Name of the sixth KPI row before it has answered."""

URGENCY = (Status.FAIL, Status.WARN, Status.UNREACHABLE, Status.NO_DATA, Status.PASS)
"""Order of states: wrong, unknown, well."""


@dataclass(slots=True)
class HealthState(HeldReadings):
    """Plain data and the few decisions of level 2; knows no widget."""

    KEYS = KEYS

    leading_order: tuple[str, ...] = ()
    """Ids of the leading indicators as they are listed."""

    fan_out: ResolutionFanOut | None = None
    """The resolution question; None before the readings can be asked."""

    @property
    def overview(self) -> HealthOverview | None:
        """Health, its course, sync events."""
        return cast("HealthOverview | None", self.value(OVERVIEW))

    @property
    def sync(self) -> Figure:
        """Sync events of the last hour; without a value while the overview has none, and it says why."""
        reading = self.readings.get(OVERVIEW)
        failure = reading.failure if reading is not None else ""
        if self.overview is not None:
            last = self.overview.sync
            if not failure or last.failure:
                return last
            # It stands among other answers, so it says itself that it is old; an old pass is no all-clear.
            status = Status.UNREACHABLE if last.status is Status.PASS else last.status
            return last.model_copy(update={"failure": failure, "status": status})
        from diagnostics.models.figures import UNKNOWN, Figure  # noqa: PLC0415  # after the first paint

        status = Status.UNREACHABLE if failure else Status.NO_DATA
        return Figure(id="sync_events", title=SYNC_TITLE, value=None, shown=UNKNOWN, status=status, failure=failure)

    @property
    def kpis(self) -> tuple[Figure, ...]:
        """The KPIs; nothing before the first answer."""
        return cast("tuple[Figure, ...]", self.value(KPIS) or ())

    @property
    def connections(self) -> ConnectionHealth | None:
        """Connections by state, and their problems."""
        return cast("ConnectionHealth | None", self.value(CONNECTIONS))

    @property
    def resolution(self) -> Resolution | None:
        """The resolution distribution."""
        return cast("Resolution | None", self.value(RESOLUTION))

    @property
    def systems(self) -> tuple[SystemState, ...]:
        """The six systems; nothing before the first answer."""
        return cast("tuple[SystemState, ...]", self.value(SYSTEMS) or ())

    @property
    def leading(self) -> tuple[Figure, ...]:
        """Leading indicators in the order that they are listed in."""
        found = {figure.id: figure for figure in cast("tuple[Figure, ...]", self.value(LEADING) or ())}
        listed = [found.pop(name) for name in self.leading_order if name in found]
        return (*listed, *found.values())

    def reorder(self) -> None:
        """List the leading indicators by urgency; those of one urgency keep the service's order."""
        figures = cast("tuple[Figure, ...]", self.value(LEADING) or ())
        self.leading_order = tuple(figure.id for figure in sorted(figures, key=lambda one: URGENCY.index(one.status)))

    def next_to_fail(self) -> NextToFail:
        """Next system to fail: the cascade of what fails now, else a warning, else what is not known, else nothing."""
        found = self._foreseen()
        old = [reading for key in (SYSTEMS, LEADING) if (reading := self.readings.get(key)) and is_stale(reading)]
        if any(reading.value is not None for reading in old):
            return NextToFail(f"stale: {found.text}", "muted", found.word)
        return found

    def _foreseen(self) -> NextToFail:
        failing = [system for system in self.systems if system.status is Status.FAIL]
        if failing:
            first = failing[0]
            also = f" (and {len(failing) - 1} more)" if len(failing) > 1 else ""
            then = " → ".join(("", *first.threatens)) or "; nothing hangs on it"
            return NextToFail(f"{first.name} FAILS{also}{then}", "fail", "FAIL")
        worst = sorted(self.leading, key=lambda one: URGENCY.index(one.status))
        beyond = [figure for figure in worst if figure.status in {Status.FAIL, Status.WARN}]
        if beyond:
            figure = beyond[0]
            failed = figure.status is Status.FAIL
            also = f"; {len(beyond) - 1} more below" if len(beyond) > 1 else ""
            # A part of the accounts alone makes it a warning: the limits would then contradict the number.
            covered = figure.coverage
            is_part = covered is not None and not covered.is_complete
            because = f"rests on {covered.words()}" if covered is not None and is_part else figure.threshold
            silent = sum(system.status in {Status.NO_DATA, Status.UNREACHABLE} for system in self.systems)
            blind = f"{silent} of {len(self.systems)} systems not known; " if silent else ""
            said = f"{blind}{figure.title}: {figure.shown}, {'FAIL' if failed else 'warn'} ({because}){also}"
            return NextToFail(said, "fail" if failed else "warn", "FAIL" if failed else "warn")
        return self._nothing_fails()

    def _nothing_fails(self) -> NextToFail:
        names = {SYSTEMS: "the systems", LEADING: "the leading indicators"}
        asked = {key: self.readings.get(key) for key in names}
        waiting = [names[key] for key, reading in asked.items() if reading is None or _is_waiting(reading)]
        if waiting:
            return NextToFail(f"asking {listed(waiting)}", "muted", "asking")
        silent = [names[key] for key, reading in asked.items() if reading is not None and reading.value is None]
        states: Sequence[Figure | SystemState] = (*self.systems, *self.leading)
        unknown = [one for one in states if one.status in {Status.NO_DATA, Status.UNREACHABLE}]
        if silent:
            return NextToFail(f"not known: no answer about {listed(silent)}", "warn", "not known")
        if unknown:
            verb = form(len(unknown), "is", "are")
            said = f"nothing is seen to fail, but {len(unknown)} of {len(states)} signs {verb} not known"
            return NextToFail(said, "warn", "not known")
        return NextToFail("no system fails and no leading indicator is beyond its limits", "pass", "ok")


def _is_waiting(reading: Reading[Any]) -> bool:
    return reading.value is None and str(reading.freshness) == "loading"


# ---- what the catalogue says about the numbers


def health_scale(catalogue: Catalogue, overview: HealthOverview) -> Scale:
    """Where the course is drawn, with the limits of what it is a course of."""
    is_health = overview.course.title.casefold().startswith("health")
    limits = limits_in((overview.health if is_health else overview.sync).threshold)
    return scale_for(
        overview.course,
        usual=catalogue.baselines["system_health"].value if is_health else None,
        warning=limits.warning,
        critical=limits.critical,
        floor=limits.critical,
    )


@dataclass(slots=True, frozen=True)
class FigureLimits:
    """The limits in a figure's threshold text, as numbers."""

    sign: str = "<"
    """On which side of its limits the figure is bad."""
    warning: float | None = None
    critical: float | None = None
    unit: str = ""


def limits_in(rule: str) -> FigureLimits:
    """Read a rule such as "< 97 % warning, < 95 % critical". What is no rule has no limits."""
    found = _LIMIT.findall(rule)
    if not found:
        return FigureLimits()
    values = {word: float(value.replace(",", "")) for _, value, _, word in found}
    sign, _, unit, _ = found[0]
    return FigureLimits(sign, values.get("warning"), values.get("critical"), unit.strip())


_LIMIT = re.compile(r"([<>]) (\d[\d,]*(?:\.\d+)?)([^<>,\d]*?) (warning|critical)")


def short_limits(figure: Figure) -> tuple[str, ...]:
    """A figure's limits in few cells, the longest first: "warn < 99, crit < 98", "< 99 / 98"; () without any."""
    limits = limits_in(figure.threshold)
    both = (("warn", limits.warning), ("crit", limits.critical))
    known = [(word, f"{value:g}") for word, value in both if value is not None]
    if not known:
        return ()
    # A number that is held against a share of something else must not look as if it had the share's unit.
    unit = "" if limits.unit == figure.unit else f" {limits.unit}"
    return (
        ", ".join(f"{word} {limits.sign} {value}{unit}" for word, value in known),
        f"{limits.sign} {' / '.join(value for _, value in known)}{unit}",
    )
