"""What the application itself answers: levels, help, the palette, accounts and deals, and honest words for the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from diagnostics.failures import UserError
from screens import documents
from screens.actions import ACTIONS, MOVES
from screens.base import RoomScreen
from screens.critical import CriticalScreen
from tui.terminal import theme

if TYPE_CHECKING:
    from diagnostics.models.doctor import DoctorLine
    from diagnostics.models.triage import Refusal, Triage, TriageRequest
    from screens.health import HealthScreen
    from tui.app import WarRoomApp

"""Honest answers for what is not built: what it will be, and what to do instead now."""

HOW_TO_READ = (
    "Every state is a word: ok, warn, FAIL, no data, unreachable. The last two are grey and never mean well.",
    "A dash is a number that did not load. It is never shown as 0.",
    "Each pane says how old it is; stale names the reason. Paused panes keep what they show.",
    "usual is the median of the same window length over the day before; judging means that it is still being asked.",
    "Times are UTC. Nothing here can write to production.",
)


class LevelActions:
    """Mixed into the application."""

    @property
    def _app(self) -> WarRoomApp:
        return cast("WarRoomApp", self)

    # ---- levels

    def act_level_critical(self) -> None:
        """Back to level 1 from anywhere."""
        app = self._app
        while len(app.screen_stack) > 1:
            app.pop_screen()
        app.call_after_refresh(app.uncovered)

    def act_level_health(self) -> None:
        """Level 2, from anywhere: where one is already on it, nothing moves."""
        app = self._app
        screen = self._health_screen()
        if screen in app.screen_stack:
            while app.screen is not screen:
                app.pop_screen()
            app.call_after_refresh(app.uncovered)
            return
        while len(app.screen_stack) > 1:
            app.pop_screen()
        app.push_room_screen(screen)

    def _health_screen(self) -> HealthScreen:
        """The one screen of level 2: kept when it is left, so that cursor, focus and answers are there again."""
        from screens.health import HealthScreen  # noqa: PLC0415  # the first paint must not pay for it

        app = self._app
        if not app.is_screen_installed("health"):
            app.install_screen(HealthScreen(), "health")
        return cast("HealthScreen", app.get_screen("health"))

    def preventive(self) -> None:
        """Level 2 with the cursor on the leading indicators."""
        self.act_level_health()
        screen = self._health_screen()
        screen.call_after_refresh(screen.show_leading)

    # ---- help

    def act_help(self) -> None:
        """Keys and meaning of the screen on top, with the runbook of the issue in view."""
        app = self._app
        keys = [(item.shown, item.sentence) for item in ACTIONS if self._offered(item.name)]
        keys += [(shown, sentence) for _, shown, sentence in MOVES]
        runbook = ""
        if app.catalogue is not None and isinstance(app.screen, CriticalScreen):
            runbook = app.catalogue.guide_section("immediate-actions", app.screen.state.selected)
        elif app.catalogue is not None and isinstance(app.screen, RoomScreen) and app.screen.runbook():
            runbook = app.catalogue.guide_section("immediate-actions", app.screen.runbook())
        app.open_document(documents.help_document(keys, HOW_TO_READ, runbook, app.signs))

    def _offered(self, name: str) -> bool:
        app = self._app
        screen = app.screen
        return (isinstance(screen, RoomScreen) and screen.offers(name)) or hasattr(app, f"act_{name}")

    # ---- the palette and its grammar

    def act_command(self) -> None:
        """The palette."""
        self.palette("")

    def act_account(self) -> None:
        """Ask for an account id."""
        self.palette("account ")

    def act_deal(self) -> None:
        """Ask for a deal id."""
        self.palette("deal ")

    def act_explore(self) -> None:
        """The log explorer on the query in view, or on everything."""
        query = ""
        for screen in reversed(self._app.screen_stack):
            if not isinstance(screen, RoomScreen):
                break
            query = screen.query_in_view()
            # A list or a text speaks of the screen below it; one that can be opened by itself speaks for itself.
            if query or screen.place():
                break
        self._app.command(f"logs {query or '*'}")

    def palette(self, start: str) -> None:
        """The palette with a line begun."""
        from screens.palette import PaletteScreen  # noqa: PLC0415  # only its users pay for the input widget
        from tui.commands.grammar import entries  # noqa: PLC0415

        app = self._app
        palette = PaletteScreen(entries(app.catalogue), start)
        app.push_room_screen(palette)
        service = app.service
        if service is not None:
            app.quietly(
                service.places.recent, lambda found: palette.offer([(place.line, place.title) for place in found])
            )

    def command(self, line: str) -> None:
        """Run one line of the `:` grammar; a mistake is said, with what is accepted."""
        from tui.commands.grammar import run_command  # noqa: PLC0415

        try:
            run_command(self._app, line)
        except UserError as problem:
            self._app.open_document(
                documents.text_document(f"cannot do: {line}", "\n\n".join(problem.lines()), self._app.signs)
            )

    def set_theme(self, name: str) -> None:
        """Change the theme for this session."""
        self._app.theme = theme.NAMES[name]

    # ---- triage of one account or deal

    def open_on_triage(self) -> None:
        """What the command line asked for: an issue in view, or a triage of an account or a deal."""
        app = self._app
        options = app.options
        if options.issue is None:
            return
        screen = app.screen
        if isinstance(screen, CriticalScreen) and options.issue in screen.state.issues:
            screen.state.chosen_by_person = True
            screen.select(options.issue)
        wants_answer = (
            options.account_id
            or options.deal_id
            or options.user_id
            or options.preventive
            or not isinstance(screen, CriticalScreen)
            or options.issue not in screen.state.issues
            or options.severity is not None
        )
        if wants_answer:
            from diagnostics.models.triage import TriageRequest  # noqa: PLC0415

            self.triage(
                TriageRequest(
                    issue_type=options.issue,
                    severity=options.severity,
                    account_id=options.account_id,
                    deal_id=options.deal_id,
                    user_id=options.user_id,
                    preventive=options.preventive,
                )
            )

    def triage(self, request: TriageRequest) -> None:
        """Run a triage in a thread and show its document."""
        app = self._app
        service = app.service
        if service is None:
            app.say("the sources are still opening; try again in a moment", "warn")
            return

        def show(answer: Triage | Refusal) -> None:
            from diagnostics.models.triage import Triage  # noqa: PLC0415

            if isinstance(answer, Triage):
                document = documents.triage_document(answer, app.signs)
                evidence = tuple(finding.evidence for finding in answer.findings if finding.evidence is not None)
                issue = (answer.issue_type, answer.severity)
                app.open_document(replace(document, issue=issue, evidence=evidence))
            else:
                from screens.refusals import RefusalScreen  # noqa: PLC0415

                app.push_room_screen(RefusalScreen(answer))

        app.ask(lambda: service.triage(request), show, doing=f"triage of {request.issue_type.replace('_', ' ')}")

    def sources(self) -> None:
        """The evidence behind the header."""
        app = self._app
        service = app.service
        if service is None:
            app.say("the sources are still opening; try again in a moment", "warn")
            return
        app.ask(
            lambda: (service.sources(), service.budgets()),
            lambda found: app.open_document(documents.sources_document(*found, app.signs)),
            doing="asking the sources",
        )

    def doctor(self) -> None:
        """Test every source and show what it says, line by line."""
        app = self._app
        service = app.service
        if service is None:
            app.say("the sources are still opening; try again in a moment", "warn")
            return

        def show(lines: list[DoctorLine]) -> None:
            app.open_document(documents.doctor_document(lines, app.signs))

        app.ask(lambda: list(service.doctor()), show, doing="testing every source")
