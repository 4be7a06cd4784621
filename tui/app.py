"""The application: paints first, opens the sources in a thread, and hands readings to the screen on top."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual import on
from textual.app import App
from textual.binding import BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input

from diagnostics.failures import SourceFailure, UserError
from diagnostics.now import utc_now
from diagnostics.text import clean
from screens.actions import ACTIONS, TYPED_INTO, bindings, check_handlers, checked_keymap, find
from screens.base import Document, ReadingArrived, RoomScreen
from screens.critical import CriticalScreen
from tui.crash import CRASH_EXIT_CODE, CalmCrash, as_problem
from tui.history import History
from tui.incidents import IncidentActions
from tui.leaving import Leaving
from tui.levels import LevelActions
from tui.options import Options
from tui.session import Going
from tui.terminal import theme
from tui.terminal.clipboard import copy_sequence, load_into_tmux
from tui.terminal.driver import WarRoomDriver
from tui.terminal.frames import TightFrames
from widgets.footer_bar import FooterBar, Hint
from widgets.glyphs import glyphs
from widgets.header_bar import HeaderBar
from widgets.rows import Tone

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.live import Live
    from diagnostics.models.readings import Reading
    from diagnostics.service import Diagnostics
    from screens.addresses import Address
    from tui.opening import Opened

Answer = TypeVar("Answer")

NOTICE_S = 6.0
"""How long a notice stays at the bottom."""

OPEN_LATEST_S = 0.4
"""When the sources are opened although the first frame may not be out."""

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


class WarRoomApp(LevelActions, IncidentActions, Going, Leaving, TightFrames, CalmCrash, App[int]):
    """The Zillow War Room."""

    TITLE = "Zillow War Room"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = list(bindings())

    def __init__(self, options: Options) -> None:
        self.manners = theme.manners(theme=options.theme, ascii_only=options.ascii)
        # Textual chooses its filter for NO_COLOR here, before a theme can be set: without the hint it would turn the
        # terminal's own colours into black on black.
        super().__init__(driver_class=WarRoomDriver, ansi_color=True if self.manners.native_colours else None)
        self.ansi_color = None
        self.options = options
        self.signs = glyphs(self.manners.ascii_only)
        self.service: Diagnostics | None = None
        self.live: Live | None = None
        self.catalogue: Catalogue | None = None
        self.opened: Opened | None = None
        self.problem: UserError | SourceFailure | None = None
        self.crashed = False
        self._opening = False
        self.history = History()
        self._seconds = 0
        self._quiet_at = 0
        for item in (theme.DARK, theme.LIGHT):
            self.register_theme(item)
        self.theme = self.manners.theme
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
            import diagnostics.live  # noqa: F401, PLC0415
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
        from diagnostics.live import Live  # noqa: PLC0415  # imported by the opening thread already

        self.service = message.opened.diagnostics
        self.catalogue = self.service.catalogue
        self.live = Live(self._emit)
        self._apply_preferences()
        self.live.watch("sources", self.service.sources, every_s=10.0)
        self.follow_incidents()
        for screen in self.screen_stack:
            if isinstance(screen, RoomScreen):
                screen.service_opened()
        self.look_again()
        self.draw_header()
        self.open_on_triage()
        self.find_session()
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

    def end(self) -> None:
        """Close live questions, sources and the stand-ins. Called after the terminal is restored."""
        self.end_session()
        self.end_incident_work()
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
            self.incident_followed(message.reading)
            return
        for screen in self.screen_stack:
            if isinstance(screen, RoomScreen):
                screen.post_message(ReadingArrived(message.reading))

    def look_again(self) -> None:
        """Only what the screen on top shows is asked for."""
        if self.live is not None and isinstance(self.screen, RoomScreen):
            self.live.look(["sources", "incident", *self.screen.shown_readings()])

    def navigate(self, address: Address | str) -> None:
        """Open what stands at an address, on top."""
        if isinstance(address, str):
            self.command(address)
            return
        from tui.navigation import screen_at  # noqa: PLC0415  # after the first paint

        self.push_room_screen(screen_at(address))

    def push_room_screen(self, screen: RoomScreen) -> None:
        """Put a screen on top; the covered one stops asking until it is seen again."""
        self.push_screen(screen, self._dismissed)
        self.call_after_refresh(self.uncovered)

    def _dismissed(self, _result: None) -> None:
        self.call_after_refresh(self.uncovered)

    def uncovered(self) -> None:
        """Another screen is on top than before."""
        self.arrived()
        if isinstance(self.screen, RoomScreen):
            self.tell_of_incident(self.screen)
        self.look_again()
        self.draw_header()

    # ---- what screens may ask of the room

    def ask(
        self,
        work: Callable[[], Answer],
        then: Callable[[Answer], None],
        *,
        doing: str,
        failed: Callable[[], None] | None = None,
    ) -> None:
        """Run `work` in a thread and `then` on the event loop; failures become a calm notice, then `failed`."""
        self.say(f"{doing}{self.signs.ellipsis}", "muted")

        def lost(words: str, tone: Tone) -> None:
            self.say(f"{doing}: {words}", tone)
            if failed is not None:
                failed()

        def run() -> None:
            try:
                answer = work()
            except (SourceFailure, UserError) as problem:
                words = problem.headline() if isinstance(problem, SourceFailure) else " ".join(problem.lines())
                self.deliver(lambda: lost(words, "warn"))
                return
            except Exception as unexpected:  # noqa: BLE001  # logged and said; the console goes on
                said = " ".join(as_problem(unexpected, self.crash_folder()).lines())
                self.deliver(lambda: lost(said, "fail"))
                return
            self.deliver(lambda: then(answer))

        threading.Thread(target=run, name=doing, daemon=True).start()

    def deliver(self, then: Callable[[], None]) -> None:
        """Run `then` on the event loop; callable from any thread, and dropped once the console has ended."""
        if self.is_running:
            self.post_message(Answered(then))

    @on(Answered)
    def _answered(self, message: Answered) -> None:
        self._footer(lambda footer: footer.hush())
        message.then()

    def say(self, text: str, tone: Tone = "") -> None:
        """Show one line at the bottom for a few seconds."""
        self._quiet_at = self._seconds + int(NOTICE_S)
        self._footer(lambda footer: footer.say(self.signs.text(clean(text, limit=400)), tone))

    def _footer(self, use: Callable[[FooterBar], None]) -> None:
        for footer in self.screen.query(FooterBar):
            use(footer)

    def copy(self, text: str) -> None:
        """Put text on the terminal's clipboard, or show it plainly when it is too long for that."""
        from screens import documents  # noqa: PLC0415

        sequence = copy_sequence(text)
        if sequence is None or self._driver is None:
            self.open_document(documents.text_document("to copy: select with your terminal", text, self.signs))
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

    def open_document(self, document: Document) -> None:
        """Show something to read, on top."""
        from screens.document import DocumentScreen  # noqa: PLC0415

        self.push_room_screen(DocumentScreen(document))

    def hints(self) -> tuple[Hint, ...]:
        """The footer's keys for the screen on top."""
        screen = self.screen
        if isinstance(screen, RoomScreen) and screen.hint_names:
            return tuple(Hint(item.shown, item.word) for item in map(find, screen.hint_names))
        chosen = [
            item
            for item in sorted(ACTIONS, key=lambda action: action.hint)
            if item.hint and (hasattr(screen, f"act_{item.name}") or hasattr(self, f"act_{item.name}"))
        ]
        if not isinstance(screen, CriticalScreen):
            offered = {name for name in ("open", "filter", "copy") if hasattr(screen, f"act_{name}")}
            chosen = [item for item in ACTIONS if item.name in {"back", "help", *offered}]
        return tuple(Hint(item.shown, item.word) for item in chosen)

    # ---- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key that comes first everywhere is a letter where somebody types."""
        if action == "act" and parameters[0] in TYPED_INTO:
            return not isinstance(self.focused, Input) and not getattr(self.screen, "takes_typing", False)
        return super().check_action(action, parameters)

    def action_act(self, name: str) -> None:
        """Every key arrives here: the screen answers if it can, else the application."""
        screen = self.screen
        if isinstance(screen, CriticalScreen):
            screen.touched()
        handler = getattr(screen, f"act_{name}", None) or getattr(self, f"act_{name}", None)
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

    # ---- once a second

    def _tick(self) -> None:
        self._seconds += 1
        clock = f"{utc_now():%H:%M:%S} UTC"
        for header in self.screen.query(HeaderBar):
            header.tick(clock)
        if self._quiet_at and self._seconds >= self._quiet_at:
            self._quiet_at = 0
            self._footer(lambda footer: footer.hush())
        if self._seconds % AGES_EVERY_S == 0 and isinstance(self.screen, RoomScreen):
            self.screen.tick()
            self.draw_header()
            self.keep_session()

    def draw_header(self) -> None:
        """Environment, sources, incident: what has changed of them is painted."""
        from tui.header import incident_words, source_words  # noqa: PLC0415

        level_1 = self.screen_stack[0]
        alarm = level_1.alarm_since() if isinstance(level_1, CriticalScreen) else None
        for header in self.screen.query(HeaderBar):
            header.set_state(
                environment=self.opened.environment if self.opened is not None else "starting",
                paused=self.live is not None and self.live.paused,
                words=source_words(self.live, self.service, self.signs),
                incident=incident_words(self._followed, self.service, alarm, utc_now(), self.signs),
            )


for _part in (WarRoomApp, LevelActions, IncidentActions, Going):
    check_handlers(_part)


def run_console(options: Options) -> int:
    """Run the console; the exit code. Problems are said on stderr after the terminal is restored."""
    from tui.console import run  # noqa: PLC0415
    from tui.preferences import with_preferences  # noqa: PLC0415

    return run(WarRoomApp(with_preferences(options)))
