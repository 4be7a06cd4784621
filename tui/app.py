"""The application: paints first, opens the sources in a thread, and hands readings to the screen on top."""

from __future__ import annotations

import gc
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from textual import on
from textual.app import App
from textual.binding import BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input

from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.sanitizer import clean
from diagnostics.core.time import utc_now
from screens.actions import ACTIONS, MOVES, TYPED_INTO, bindings, checked_keymap, find, handlers_of
from screens.base import ConsoleScreen, ReadingArrived
from screens.critical.screen import CriticalScreen
from tui.crash import CRASH_EXIT_CODE, CrashReport, as_problem, state_folder
from tui.header import incident_words, source_words
from tui.incidents import IncidentInView
from tui.navigation import Navigator
from tui.options import Options
from tui.session import SessionMemory
from tui.terminal import theme
from tui.terminal.clipboard import copy_sequence, load_into_tmux
from tui.terminal.driver import WarRoomDriver
from tui.terminal.frames import Picture, ask_only_what_changed
from tui.terminal.widths import count_as_terminals_do
from widgets.footer_bar import FooterBar, Hint
from widgets.glyphs import glyphs_for
from widgets.header_bar import HeaderBar
from widgets.row import Tone

if TYPE_CHECKING:
    from rich.console import RenderableType

    from diagnostics.catalogue import Catalogue
    from diagnostics.core.document import Document
    from diagnostics.live.watches import Live
    from diagnostics.models.incidents import Incident
    from diagnostics.models.readings import Reading
    from diagnostics.service import Diagnostics
    from screens import addresses as to
    from tui.opening import Opened

Answer = TypeVar("Answer")

logger = logging.getLogger(__name__)

NOTICE_S = 6.0
"""How long a notice stays at the bottom."""

OPEN_LATEST_S = 0.4
"""When the sources are opened although the first frame may not be out."""

HOW_TO_READ = (
    "Every state is a word: ok, warn, FAIL, no data, unreachable. The last two are grey and never mean well.",
    "A dash is a number that did not load. It is never shown as 0.",
    "Each pane says how old it is; stale names the reason. Paused panes keep what they show.",
    "usual is the median of the same window length over the day before; judging means that it is still being asked.",
    "Times are UTC. Nothing here can write to production.",
)

AGES_EVERY_S = 5
"""Ages on screen move in steps of this many seconds, so that an idle console is silent on the wire."""


class Opening(Message):
    """The sources are open, or could not be."""

    def __init__(self, opened: Opened | None, error: UserError | SourceFailure | None) -> None:
        super().__init__()
        self.opened = opened
        self.error = error


class Answered(Message):
    """A thread has done what a screen asked for."""

    def __init__(self, then: Callable[[], None]) -> None:
        super().__init__()
        self.then = then


class WarRoomApp(App[int]):
    """The Zillow War Room."""

    TITLE = "Zillow War Room"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = list(bindings())

    def __init__(self, options: Options) -> None:
        count_as_terminals_do()
        ask_only_what_changed()
        self.capabilities = theme.capabilities(theme=options.theme, ascii_only=options.ascii)
        # Textual chooses its filter for NO_COLOR here, before a theme can be set: without the hint it would turn the
        # terminal's own colours into black on black.
        super().__init__(driver_class=WarRoomDriver, ansi_color=True if self.capabilities.native_colours else None)
        self.ansi_color = None
        self.options = options
        self.glyphs = glyphs_for(self.capabilities.ascii_only)
        self.service: Diagnostics | None = None
        self.live: Live | None = None
        self.catalogue: Catalogue | None = None
        self.opened: Opened | None = None
        self.problem: UserError | SourceFailure | None = None
        self.crashed = False
        self._opening = False
        self.navigator = Navigator(self, self.glyphs, run=self.command, uncovered=self.uncovered)
        self.session = SessionMemory(self, self.navigator, self.environment)
        self.incidents = IncidentInView(self, self.navigator)
        self._picture = Picture()
        self._crash_report = CrashReport(self.crash_folder)
        self._seconds = 0
        self._quiet_at = 0
        self._leaving_until = float("-inf")
        """Until when a second q leaves although an incident is open, by the steady clock."""
        for item in theme.OWN:
            self.register_theme(item)
        self.theme = self.capabilities.theme
        # Nothing moves unless the data moved.
        self.animation_level = "none"

    # ---- start and end

    def get_default_screen(self) -> Screen[Any]:
        """Level 1 is the first thing painted."""
        return CriticalScreen()

    def on_mount(self) -> None:
        """Start the clock and, once the first frame is out, the sources."""
        self.set_interval(1.0, self._tick)
        self.call_after_refresh(self._open_sources)
        # A key that opens another screen before the first paint holds that call back for as long as one stays there.
        self.set_timer(OPEN_LATEST_S, self._open_sources)

    def _open_sources(self) -> None:
        if self._opening:
            return
        self._opening = True
        self._tick()
        threading.Thread(target=self._open_in_thread, name="opening", daemon=True).start()

    def _open_in_thread(self) -> None:
        from tui.opening import open_service  # noqa: PLC0415  # heavy: after the first paint

        opened, error = None, None
        try:
            opened = open_service(self.options)
            # The checks' modules are imported here, not on the way to the first answer.
            import diagnostics.live.watches  # noqa: F401, PLC0415
        except (UserError, SourceFailure) as problem:
            error = problem
        except Exception as unexpected:  # noqa: BLE001  # a silent death would leave "opening" on screen
            error, self.crashed = as_problem(unexpected, self.crash_folder()), True
        # Kept at once, so that leaving in this very moment still closes what was opened.
        self.opened = opened
        if self.is_running:
            self.post_message(Opening(opened, error))
        elif opened is not None:
            opened.close()

    @on(Opening)
    def _sources_opened(self, message: Opening) -> None:
        if message.opened is None:
            self.problem = message.error
            code = 64 if isinstance(message.error, UserError) else 4
            self.exit(return_code=CRASH_EXIT_CODE if self.crashed else code)
            return
        from diagnostics.live.watches import Live  # noqa: PLC0415  # imported by the opening thread already

        self.service = message.opened.diagnostics
        self.catalogue = self.service.catalogue
        self.live = Live(self._emit)
        self._apply_preferences()
        self.live.watch_growing("sources", self.service.sources, every_s=10.0)
        self.incidents.start(self.service, self.live)
        for screen in self.navigator.screens:
            screen.service_opened()
        self.look_again()
        self.draw_header()
        if self.options.issue is None:
            self.session.find()
        else:
            self._open_on_triage(self.options.issue)
        # What has been imported stays for good: a full collection over it took 85 ms in the middle of typing.
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)

    def _apply_preferences(self) -> None:
        if self.service is None:
            return
        preferences = self.service.settings.ui
        if preferences.keymap:
            try:
                self.set_keymap(checked_keymap(preferences.keymap))
            except UserError as problem:
                self.say(f"{problem.problem}; the default keys stay", "warn")

    def _open_on_triage(self, issue: str) -> None:
        """Open what the command line asked for: an issue in view, or the triage of it."""
        screen, asked = self.screen, self.options
        if isinstance(screen, CriticalScreen) and issue in screen.state.issues:
            screen.state.chosen_by_person = True
            screen.select(issue)
            if not (asked.account_id or asked.deal_id or asked.user_id or asked.preventive) and asked.severity is None:
                return
        from tui.commands.diagnosis import triage_asked_for  # noqa: PLC0415  # only who asks for it pays for it

        triage_asked_for(self, issue, asked)

    def environment(self) -> str:
        """The settings, as the header calls them; empty before they are read."""
        return self.opened.environment if self.opened is not None else ""

    def end(self) -> None:
        """Close live questions, sources and the stand-ins. Called after the terminal is restored."""
        if self.return_code == 0:
            self.session.end()
        self.incidents.close()
        if self.live is not None:
            self.live.close()
        if self.opened is not None:
            self.opened.close()

    # ---- readings

    def _emit(self, reading: Reading[Any]) -> None:
        if self.is_running:
            self.post_message(ReadingArrived(reading))

    @on(ReadingArrived)
    def _reading_arrived(self, message: ReadingArrived) -> None:
        if message.reading.key == "sources":
            self.draw_header()
            return
        if message.reading.key == "incident":
            self.incidents.arrived(message.reading)
            return
        for screen in self.navigator.screens:
            screen.post_message(ReadingArrived(message.reading))

    def look_again(self) -> None:
        """Only what the screen on top shows is asked for."""
        if self.live is not None and isinstance(self.screen, ConsoleScreen):
            self.live.look(["sources", "incident", *self.screen.shown_readings()])

    def uncovered(self) -> None:
        """Another screen is on top than before."""
        screen = self.screen
        has_arrived = self.navigator.arrived()
        if isinstance(screen, ConsoleScreen):
            if has_arrived:
                self.session.note(screen)
            self.incidents.tell(screen)
        self.look_again()
        self.draw_header()

    # ---- what screens may ask of the application

    def ask(
        self,
        work: Callable[[], Answer],
        then: Callable[[Answer], None],
        *,
        doing: str,
        failed: Callable[[], None] | None = None,
    ) -> None:
        """Run `work` in a thread and `then` on the event loop; failures become a calm notice, then `failed`."""
        self.say(f"{doing}{self.glyphs.ellipsis}", "muted")

        def lost(words: str, tone: Tone) -> None:
            self.say(f"{doing}: {words}", tone)
            if failed is not None:
                failed()

        def run() -> None:
            try:
                answer = work()
            except (SourceFailure, UserError) as problem:
                words = " ".join(problem.lines()).removeprefix("error: ")
                self._deliver(lambda: lost(words, "warn"))
            except Exception as unexpected:  # noqa: BLE001  # logged and said; the console goes on
                said = " ".join(as_problem(unexpected, self.crash_folder()).lines())
                self._deliver(lambda: lost(said, "fail"))
            else:
                self._deliver(lambda: then(answer))

        threading.Thread(target=run, name=doing, daemon=True).start()

    def _deliver(self, then: Callable[[], None]) -> None:
        """Run `then` on the event loop; callable from any thread, and dropped once the console has ended."""
        if self.is_running:
            self.post_message(Answered(then))

    @on(Answered)
    def _answered(self, message: Answered) -> None:
        self._footer(lambda footer: footer.hush())
        message.then()

    def quietly(self, work: Callable[[], Answer], then: Callable[[Answer], None]) -> None:
        """Run `work` in a thread and `then` on the event loop, for conveniences that fail without a word."""

        def run() -> None:
            try:
                answer = work()
            except Exception:  # a convenience that fails must not disturb anybody; the log has it
                logger.exception("a background task failed")
                return
            # Not as an answer that somebody waits for: those take away what the bottom line says.
            if self.is_running:
                self.call_later(then, answer)

        threading.Thread(target=run, name="quietly", daemon=True).start()

    def say(self, text: str, tone: Tone = "") -> None:
        """Show one line at the bottom for a few seconds."""
        self._quiet_at = self._seconds + int(NOTICE_S)
        self._footer(lambda footer: footer.say(self.glyphs.text(clean(text, limit=1_200)), tone))

    def _footer(self, use: Callable[[FooterBar], None]) -> None:
        for footer in self.screen.query(FooterBar):
            use(footer)

    def _hush_everywhere(self) -> None:
        """Notices of covered screens end as well: whoever comes back later finds the keys, and no old news."""
        for screen in self.screen_stack:
            for footer in screen.query(FooterBar):
                footer.hush()

    def copy(self, text: str) -> None:
        """Put text on the terminal's clipboard, or show it plainly when it is too long for that."""
        sequence = copy_sequence(text)
        if sequence is None or self._driver is None:
            self.open_text("to copy: select with your terminal", text)
            return
        if "TMUX" in os.environ:
            self.ask(lambda: load_into_tmux(text), lambda done: self._copied(text, sequence, done), doing="copying")
        else:
            self._copied(text, sequence, False)

    def _copied(self, text: str, sequence: str, in_tmux: bool) -> None:
        if in_tmux:
            self.say(f"copied {len(text):,} characters (tmux buffer and clipboard)", "pass")
        elif self._driver is not None:
            self._driver.write(sequence)
            self.say(f"sent {len(text):,} characters to the clipboard (OSC 52); if nothing arrived, Y shows the text")

    # ---- screens

    def navigate(self, address: to.Address | str) -> None:
        """Open what stands at an address, on top."""
        if isinstance(address, str):
            self.command(address)
        else:
            self.navigator.open(address)

    def push_console_screen(self, screen: ConsoleScreen) -> None:
        """Put a screen on top; the covered one stops asking until it is seen again."""
        self.navigator.push(screen)

    def open_document(self, document: Document) -> None:
        """Show something to read, on top."""
        from screens import addresses as to  # noqa: PLC0415  # after the first paint

        self.navigator.open(to.DocumentAt(document))

    def open_text(self, title: str, text: str) -> None:
        """Show plain paragraphs on top."""
        from diagnostics.core.document import Document, Text  # noqa: PLC0415  # after the first paint

        self.open_document(Document(title, [Text(text)]))

    def trail(self) -> str:
        """Breadcrumbs of the screens below the one on top."""
        return self.navigator.trail()

    def palette(self, start: str, proposed: str = "") -> None:
        """The palette with a line begun, and `proposed` behind it, which typing replaces."""
        from tui.commands.grammar import entries  # noqa: PLC0415  # with every verb, after the first paint

        palette = self.navigator.open_palette(entries(self.catalogue), start, proposed)
        if self.service is not None:
            self.quietly(
                self.service.recents.recent, lambda found: palette.offer([(place.line, place.title) for place in found])
            )

    def command(self, line: str) -> None:
        """Run one line of the `:` grammar; a mistake is said, with what is accepted."""
        from tui.commands.grammar import run_command  # noqa: PLC0415  # with every verb, after the first paint

        try:
            run_command(self, line)
        except UserError as problem:
            self.open_text(f"cannot do: {line}", "\n\n".join(problem.lines()))

    @property
    def incident(self) -> Incident | None:
        """The incident in view."""
        return self.incidents.incident

    @property
    def incident_unknown(self) -> str:
        """Why nobody knows whether an incident is open; empty where it is known."""
        return self.incidents.unknown

    def incident_changed(self) -> None:
        """Something was written about an incident: follow it at once, and deliver what was confirmed."""
        self.incidents.changed()

    def hints(self) -> tuple[Hint, ...]:
        """The footer's keys for the screen on top."""
        names = self.screen.hint_names if isinstance(self.screen, ConsoleScreen) else ()
        usual = ("open", "back", "filter", "copy", "help")
        names = names or tuple(name for name in usual if self.handler(name) is not None)
        return tuple(Hint(item.shown, item.word) for item in map(find, names))

    # ---- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key that comes first everywhere is a letter where somebody types."""
        if action == "act" and parameters[0] in TYPED_INTO:
            return not isinstance(self.focused, Input) and not getattr(self.screen, "takes_typing", False)
        return super().check_action(action, parameters)

    def handler(self, name: str) -> Callable[[], None] | None:
        """The handler of an action now: the screen's where it offers the action, else the application's, else None."""
        screen, own = self.screen, handlers_of(type(self)).get(name)
        if isinstance(screen, ConsoleScreen) and screen.offers(name):
            return partial(handlers_of(type(screen))[name], screen)
        return partial(own, self) if own is not None else None

    def action_act(self, name: str) -> None:
        """Run the action of a key: all keys arrive here."""
        if isinstance(self.screen, CriticalScreen):
            self.screen.touched()
        handler = self.handler(name)
        if handler is None:
            where = find(name).where
            says = f"belongs to {where}" if where else "nothing to do on this screen; ? lists what there is"
            self.say(f"{name.replace('_', ' ')}: {says}", "muted")
            return
        handler()

    def act_pause(self) -> None:
        """Pause or resume live updates."""
        if self.live is None:
            return
        if self.live.paused:
            self.live.resume()
        else:
            self.live.pause()
        self.say("live updates paused; space resumes" if self.live.paused else "live updates resumed")
        self.draw_header()

    def act_help(self) -> None:
        """Keys and meaning of the screen on top, with the runbook of the issue in view."""
        from screens.document import help_document  # noqa: PLC0415  # after the first paint

        keys = [(item.shown, item.sentence) for item in ACTIONS if self.handler(item.name) is not None]
        keys += [(shown, sentence) for _, shown, sentence in MOVES]
        screen = self.screen if isinstance(self.screen, ConsoleScreen) else None
        section = screen.runbook() if screen is not None else ""
        runbook = ""
        if section and self.catalogue is not None:
            runbook = self.catalogue.guide_section("immediate-actions", section)
        answers = screen.answers if screen is not None else ""
        self.open_document(help_document(answers, keys, HOW_TO_READ, runbook))

    # ---- keys: ways to a screen

    def act_level_critical(self) -> None:
        """Back to level 1 from anywhere."""
        self.navigator.to_critical()

    def act_level_health(self) -> None:
        """Level 2, from anywhere: where one is already on it, nothing moves."""
        self.navigator.to_health()

    def act_level_investigate(self) -> None:
        """Level 3, from anywhere: where one is already on it, nothing moves."""
        self.navigator.to_investigate()

    def show_leading(self) -> None:
        """Level 2 with the cursor on the leading indicators."""
        screen = self.navigator.to_health()
        screen.call_after_refresh(screen.show_leading)

    def set_theme(self, name: str) -> None:
        """Change the theme for this session, by one of the names a person may say."""
        self.theme = theme.NAMES[name]

    def act_command(self) -> None:
        """Open the palette."""
        self.palette("")

    def act_account(self) -> None:
        """Ask for an account id; that of the thing under the cursor is there already, and typing replaces it."""
        account = self._subject().get("account")
        self.palette("account ", "" if account is None else str(account))

    def act_deal(self) -> None:
        """Ask for a deal id; that of the thing under the cursor is there already, and typing replaces it."""
        found = self._subject()
        known = [str(found[kind]) for kind in ("deal", "account") if kind in found] if "deal" in found else []
        self.palette("deal ", " ".join(known))

    def _subject(self) -> Mapping[str, int]:
        """Ids of what is under the cursor of the screen on top."""
        screen = self.screen
        return screen.subject_under_cursor() if isinstance(screen, ConsoleScreen) else {}

    def act_affected(self) -> None:
        """Accounts affected by the issue in view, else by that of the incident in view."""
        from screens import addresses as to  # noqa: PLC0415  # after the first paint

        found = next((seen for one in reversed(self.navigator.screens) if (seen := one.issue_in_view())), None)
        if found is None and self.incident is not None:
            found = (self.incident.issue_type, self.incident.severity)
        if found is None:
            self.say("no issue is in view; :affected rate_limiting names one", "warn")
        elif self.navigator.screens[-1].place() == f"affected {found[0]}":
            self.act_back()
        else:
            self.navigate(to.AffectedAt(found[0], self._graded(*found)))

    def _graded(self, issue_type: str, severity: str) -> str | None:
        """The severity, where it is one of the issue's."""
        issue = None if self.catalogue is None else self.catalogue.issues.get(issue_type)
        return severity if issue is not None and severity in issue.severities else None

    def act_correlate(self) -> None:
        """Ask for a correlation id: there is no log line under the cursor to take it from."""
        self.palette("correlate ")

    def act_explore(self) -> None:
        """The log explorer on the query in view, or on everything."""
        query = ""
        for screen in reversed(self.navigator.screens):
            query = screen.query_in_view()
            # A list or a text speaks of the screen below it; one that can be opened by itself speaks for itself.
            if query or screen.place():
                break
        self.command(f"logs {query or '*'}")

    def act_history_back(self) -> None:
        """To where one was before."""
        if not self.navigator.back():
            self.say("nothing was looked at before this", "muted")

    def act_history_forward(self) -> None:
        """To where one came back from."""
        if not self.navigator.forward():
            self.say("nothing was looked at after this", "muted")

    # ---- keys: the incident in view

    def act_escalation(self) -> None:
        """The panel, from anywhere; a second press goes back."""
        from screens import addresses as to  # noqa: PLC0415  # after the first paint

        self.navigator.back_or_open(to.EscalationAt(), "escalation")

    def act_backlog(self) -> None:
        """The backlog, from anywhere; a second press goes back."""
        from screens import addresses as to  # noqa: PLC0415  # after the first paint

        self.navigator.back_or_open(to.BacklogAt(), "backlog")

    def act_notify(self) -> None:
        """Tell the team: an update of the incident in view, or the first notice of the issue in view."""
        self.incidents.notify()

    def act_claim(self) -> None:
        """Roles of the incident in view."""
        from screens import addresses as to  # noqa: PLC0415  # after the first paint

        self.incidents.open("claim", lambda _incident: to.ClaimAt())

    def act_status(self) -> None:
        """Move the incident in view on."""
        from screens import addresses as to  # noqa: PLC0415  # after the first paint

        self.incidents.open("status", to.StatusAt)

    def act_timeline(self) -> None:
        """The timeline of the incident in view."""
        from screens import addresses as to  # noqa: PLC0415  # after the first paint

        self.incidents.open("timeline", to.TimelineAt)

    def act_handoff(self) -> None:
        """The hand-off note of the incident in view."""
        from screens import addresses as to  # noqa: PLC0415  # after the first paint

        self.incidents.open("hand-off", to.HandoffAt)

    def act_pin(self) -> None:
        """Keep what is in view as evidence of the incident."""
        self.incidents.pin(cast("ConsoleScreen", self.screen))

    def act_snooze(self) -> None:
        """No reminders for a while; the promise itself stays."""
        self.incidents.snooze()

    # ---- keys: the ways out

    def act_back(self) -> None:
        """Leave the screen on top."""
        if len(self.screen_stack) > 1:
            self.screen.dismiss()

    def act_quit(self) -> None:
        """Leave; from a screen on top, one step out, as pagers have taught everybody's fingers."""
        if len(self.screen_stack) > 1:
            self.act_back()
        elif (incident := self.incidents.incident) is not None and incident.is_open and not self._is_asked_twice():
            self.say(f"{incident.id} is open: q again leaves the console")
        else:
            self.act_leave()

    def _is_asked_twice(self) -> bool:
        """Whether the question whether to leave still stands at the bottom, and q answers it."""
        asked, self._leaving_until = self._leaving_until, time.monotonic() + NOTICE_S
        return time.monotonic() < asked

    def act_leave(self) -> None:
        """Leave from wherever one is."""
        self.exit(return_code=0)

    def action_help_quit(self) -> None:
        """Ctrl+C is a habit, not an answer."""
        self.say("q leaves the console", "muted")

    def act_suspend(self) -> None:
        """Into the background; `fg` brings it back."""
        if os.getsid(0) == os.getpgrp():
            self.say("this terminal runs nothing but the console: there is no shell to go back to", "warn")
            return
        self.action_suspend_process()

    # ---- the terminal: what overrides Textual

    def act_repaint(self) -> None:
        """Send every cell again: something else has written on this terminal."""
        self.forget_painted()
        self.refresh(layout=True)

    def forget_painted(self) -> None:
        """Nobody knows what stands on the terminal."""
        self._picture.forget()

    def on_resize(self) -> None:
        """Terminals move what stands on them when their size changes, each in its own way."""
        self._picture.forget()

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        is_sent = self._running and not self._closed and not self.is_headless and not self._batch_count
        if is_sent and renderable is not None:
            # A compositor's update is no renderable by name, and is taken for one by Textual itself.
            renderable = cast("RenderableType", self._picture.tightened(renderable, self.size.region))
        super()._display(screen, renderable)

    def crash_folder(self) -> Path | None:
        """Where errors that nobody expected are logged; None where this user has no place of the kind."""
        return state_folder()

    def _fatal_error(self) -> None:
        self._return_code = CRASH_EXIT_CODE
        self._crash_report.log(self._exception)
        self._close_messages_no_wait()

    def panic(self, *renderables: RenderableType) -> None:
        """Take Textual's own way of showing an error, a whole screen of it, to the same calm end."""
        if self._exception is None:
            self._exception = RuntimeError(" ".join(map(str, renderables)))
        self._fatal_error()

    def _print_error_renderables(self) -> None:
        if not self.is_headless:
            self._crash_report.say()

    # ---- once a second

    def _tick(self) -> None:
        self._seconds += 1
        if not self.screen_stack or not self.screen.is_mounted:
            # The console ends, or the screen was put on top in this very moment: there is nothing to draw on.
            return
        clock = f"{utc_now():%H:%M:%S} UTC"
        for header in self.screen.query(HeaderBar):
            header.tick(clock)
        if self._quiet_at and self._seconds >= self._quiet_at:
            self._quiet_at = 0
            self._hush_everywhere()
        if self._seconds % AGES_EVERY_S == 0 and isinstance(self.screen, ConsoleScreen):
            self.screen.tick()
            self.draw_header()
            self.session.keep()

    def draw_header(self) -> None:
        """Environment, sources, incident: what has changed of them is painted."""
        level_1 = self.screen_stack[0]
        alarm = level_1.alarm_since() if isinstance(level_1, CriticalScreen) else None
        for header in self.screen.query(HeaderBar):
            header.set_state(
                environment=self.environment() or "starting",
                writes=self.opened is not None and self.opened.writes,
                paused=self.live is not None and self.live.paused,
                words=source_words(self.live, self.service, self.glyphs),
                incident=incident_words(self.incidents.reading, self.service, alarm, utc_now(), self.glyphs),
            )


handlers_of(WarRoomApp)
