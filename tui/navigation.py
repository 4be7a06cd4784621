"""Which screen is on top, and how one gets there: addresses, levels, breadcrumbs, back and forward.

The only module that knows which class stands at which address.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from screens.base import ConsoleScreen

if TYPE_CHECKING:
    from textual.app import App
    from textual.screen import Screen

    from screens import addresses as to
    from screens.explorer.screen import ExplorerScreen
    from screens.health.screen import HealthScreen
    from screens.palette import PaletteScreen
    from screens.table_screen import TableScreen
    from widgets.glyphs import Glyphs

# Screens are imported where they are opened: the first paint must not pay for those that nobody has asked for.
# ruff: noqa: PLC0415

MOST = 100
"""Steps of history kept; the oldest go first."""

Lines = tuple[str, ...]
"""`:` lines of the screens above level 1, lowest first; empty is level 1 itself."""


class History:
    """Where one has been, as in a browser: going somewhere new forgets what lay ahead."""

    def __init__(self) -> None:
        self._visited: list[Lines] = [()]
        self._at = 0

    @property
    def here(self) -> Lines:
        """Lines of the place visited last."""
        return self._visited[self._at]

    def visit(self, lines: Lines) -> None:
        """One has gone somewhere; being there already changes nothing."""
        if lines == self.here:
            return
        self._visited[self._at + 1 :] = [lines]
        del self._visited[:-MOST]
        self._at = len(self._visited) - 1

    def back(self) -> Lines | None:
        """One step back, or None at the beginning."""
        return self._step(-1)

    def forward(self) -> Lines | None:
        """One step forward again, or None at the end."""
        return self._step(1)

    def _step(self, by: int) -> Lines | None:
        if not 0 <= self._at + by < len(self._visited):
            return None
        self._at += by
        return self.here


class Navigator:
    """The stack of screens of an application, and its history.

    `run` runs a `:` line; `uncovered` is called, after the refresh, whenever another screen is on top than before.
    """

    def __init__(
        self, app: App[Any], glyphs: Glyphs, *, run: Callable[[str], None], uncovered: Callable[[], None]
    ) -> None:
        self.history = History()
        self.is_travelling = False
        """True while screens are opened again that have been visited before."""
        self._app = app
        self._glyphs = glyphs
        self._run = run
        self._uncovered = uncovered

    # ---- where am I

    @property
    def screens(self) -> list[ConsoleScreen]:
        """The screens of the war room, lowest first."""
        return [screen for screen in self._app.screen_stack if isinstance(screen, ConsoleScreen)]

    def trail(self) -> str:
        """Breadcrumbs of the screens below the one on top."""
        step = " > " if self._glyphs.ascii_only else " › "
        top = self._app.screen
        return "".join(f"{crumb}{step}" for screen in self.screens if screen is not top and (crumb := screen.crumb()))

    def lines(self) -> Lines:
        """The `:` lines that open the screens above level 1 again."""
        return tuple(place for screen in self.screens[1:] if (place := screen.place()))

    def arrived(self) -> bool:
        """Note in the history where one is now; False while travelling, which is no visit."""
        if not self.is_travelling:
            self.history.visit(self.lines())
        return not self.is_travelling

    # ---- opening and leaving

    def push(self, screen: ConsoleScreen) -> None:
        """Put a screen on top; the covered one stops asking until it is seen again."""
        self._app.push_screen(screen, lambda _result: self._tell())
        self._tell()

    def open(self, address: to.Address) -> None:
        """Put the screen at an address on top."""
        self.push(screen_at(address))

    def back_or_open(self, address: to.Address, place: str) -> None:
        """One step back from the screen with this `:` line; from everywhere else, the screen at the address."""
        if self.screens[-1].place() == place:
            self.screens[-1].dismiss()
        else:
            self.open(address)

    def open_palette(self, entries: Sequence[tuple[str, str]], start: str, proposed: str = "") -> PaletteScreen:
        """The palette on top, with a line begun and what is proposed behind it."""
        from screens.palette import PaletteScreen

        palette = PaletteScreen([*entries], start, proposed)
        self.push(palette)
        return palette

    def _tell(self) -> None:
        self._app.call_after_refresh(self._uncovered)

    # ---- levels

    def to_critical(self) -> None:
        """Level 1, from anywhere."""
        self._to_level(self.screens[0])

    def to_health(self) -> HealthScreen:
        """Level 2: kept when it is left, so that cursor, focus and answers are there again."""
        from screens.health.screen import HealthScreen

        if not self._app.is_screen_installed("health"):
            self._app.install_screen(HealthScreen(), "health")
        screen = cast("HealthScreen", self._app.get_screen("health"))
        self._to_level(screen)
        return screen

    def to_investigate(self) -> None:
        """Level 3."""
        from screens.investigate.screen import InvestigateScreen

        there = (screen for screen in self.screens if isinstance(screen, InvestigateScreen))
        self._to_level(next(there, None) or InvestigateScreen())

    def _to_level(self, screen: ConsoleScreen) -> None:
        """Leave what stands above a level that is open already; open any other above level 1."""
        is_open = screen in self._app.screen_stack
        self._leave_down_to(screen if is_open else None)
        if is_open:
            self._tell()
        else:
            self.push(screen)

    def _leave_down_to(self, screen: ConsoleScreen | None) -> None:
        while len(self._app.screen_stack) > 1 and self._app.screen is not screen:
            self._app.pop_screen()

    # ---- back and forward

    def back(self) -> bool:
        """To where one was before; False at the beginning."""
        return self._travel(self.history.back())

    def forward(self) -> bool:
        """To where one came back from; False at the end."""
        return self._travel(self.history.forward())

    def _travel(self, lines: Lines | None) -> bool:
        if lines is not None:
            self.reopen(lines)
        return lines is not None

    def reopen(self, lines: Lines) -> None:
        """Open these screens above level 1, without calling it a visit."""
        self.is_travelling = True
        try:
            self._leave_down_to(None)
            for line in lines:
                self._run(line)
        finally:
            self._app.call_after_refresh(self._there)

    def _there(self) -> None:
        self.is_travelling = False
        self._uncovered()


SCREENS: Mapping[str, str] = {
    "AccountAt": "screens.account.screen.AccountScreen",
    "DealAt": "screens.deal.DealScreen",
    "ReconcileAt": "screens.reconcile.ReconcileScreen",
    "RepairAt": "screens.reconcile.RepairScreen",
    "EventAt": "screens.explorer.event.EventScreen",
    "ExplorerAt": "screens.explorer.screen.ExplorerScreen",
    "DocumentAt": "screens.document.DocumentScreen",
    "ListingAt": "screens.listing.ListingScreen",
    "ProblemsAt": "screens.health.problems.ProblemsScreen",
    "MonitorAt": "screens.health.monitors.MonitorScreen",
    "AffectedAt": "screens.account.affected.AffectedScreen",
    "RefusalAt": "screens.refusals.RefusalScreen",
    "RefusalsAt": "screens.refusals.RefusalsScreen",
    "InvestigationAt": "screens.investigate.record.InvestigationScreen",
    "ChartAt": "screens.chart.ChartScreen",
    "BacklogAt": "screens.recovery.backlog.BacklogScreen",
    "DrainAt": "screens.recovery.drain.DrainScreen",
    "RespondAt": "screens.incident.respond.RespondScreen",
    "DeclareAt": "screens.incident.declare.DeclareScreen",
    "EscalationAt": "screens.incident.panel.EscalationScreen",
    "IncidentsAt": "screens.incident.incidents.IncidentsScreen",
    "ClaimAt": "screens.incident.claim.ClaimScreen",
    "DeliveriesAt": "screens.incident.deliveries.DeliveriesScreen",
    "StatusAt": "screens.incident.status.StatusScreen",
    "TasksAt": "screens.incident.tasks.TasksScreen",
    "TimelineAt": "screens.incident.timeline.TimelineScreen",
    "HandoffAt": "screens.incident.records.HandoffScreen",
    "ReviewAt": "screens.incident.records.ReviewScreen",
}
"""Which class stands at which address, both by name; they are imported with the first visit."""


def screen_class(address: type[to.Address]) -> type[ConsoleScreen]:
    """The class of the screen at addresses of this kind."""
    module, _, name = SCREENS[address.__name__].rpartition(".")
    found: type[ConsoleScreen] = getattr(import_module(module), name)
    return found


def screen_at(address: to.Address) -> ConsoleScreen:
    """A new screen at this address, made with the address's fields. Nothing is asked of any source yet."""
    names = getattr(address, "__dataclass_fields__", ())
    return screen_class(type(address))(**{name: getattr(address, name) for name in names})


def explorer_on(screen: Screen[Any]) -> ExplorerScreen | None:
    """The screen as a log explorer; None where it is another one."""
    from screens.explorer.screen import ExplorerScreen

    return screen if isinstance(screen, ExplorerScreen) else None


def table_on(screen: Screen[Any]) -> TableScreen | None:
    """The screen as a table; None where it is another one."""
    from screens.table_screen import TableScreen

    return screen if isinstance(screen, TableScreen) else None
