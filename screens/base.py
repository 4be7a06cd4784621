"""Base of all screens, and the host they stand in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, cast

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen

from screens.actions import find, handlers_of
from widgets.line_view import LineView

if TYPE_CHECKING:
    from textual.widget import Widget

    from diagnostics.catalogue import Catalogue
    from diagnostics.core.document import Document
    from diagnostics.core.waiting import Job
    from diagnostics.live.watches import Live
    from diagnostics.models.evidence import Evidence
    from diagnostics.models.readings import Reading
    from diagnostics.service import Diagnostics
    from screens.addresses import Address
    from screens.job_line import RunningJob
    from widgets.footer_bar import Hint
    from widgets.glyphs import Glyphs
    from widgets.row import Tone

Answer = TypeVar("Answer")

Why = tuple[str, str, Sequence["Evidence"]]
"""Title, summary and evidence of one number."""


class ScreenHost(Protocol):
    """The application as screens see it. Before the sources are open, `service` is None."""

    service: Diagnostics | None
    live: Live | None
    catalogue: Catalogue | None
    glyphs: Glyphs

    @property
    def screen(self) -> Screen[Any]:
        """The screen on top."""

    def ask(
        self,
        work: Callable[[], Answer],
        then: Callable[[Answer], None],
        *,
        doing: str,
        failed: Callable[[], None] | None = None,
    ) -> None:
        """Run `work` in a thread and `then` on the event loop; failures become a calm notice, then `failed`."""

    def quietly(self, work: Callable[[], Answer], then: Callable[[Answer], None]) -> None:
        """Run `work` in a thread and `then` on the event loop, for conveniences that fail without a word."""

    def palette(self, start: str, proposed: str = "") -> None:
        """Open the palette with a line begun, and `proposed` behind it, which typing replaces."""

    def say(self, text: str, tone: Tone = "") -> None:
        """Show one line at the bottom for a few seconds."""

    def copy(self, text: str) -> None:
        """Put text on the terminal's clipboard."""

    def open_document(self, document: Document) -> None:
        """Show something to read, on top."""

    def open_text(self, title: str, text: str) -> None:
        """Show plain paragraphs, on top."""

    def navigate(self, address: Address | str) -> None:
        """Open what stands at an address, on top: one of `screens.addresses`, or a `:` line such as "account 14009"."""

    def push_console_screen(self, screen: ConsoleScreen) -> None:
        """Put a screen on top; the covered one stops asking. For lists, texts and lines to type that were made here."""

    def hints(self) -> tuple[Hint, ...]:
        """The footer's keys for the screen on top."""

    def look_again(self) -> None:
        """The screen on top shows other readings than before."""

    def command(self, line: str) -> None:
        """Run one line of the `:` grammar."""

    def draw_header(self) -> None:
        """Draw the header anew: environment, sources, incident, the five minutes."""

    def incident_changed(self) -> None:
        """Something was written about an incident: follow it at once, and deliver what was confirmed."""

    def trail(self) -> str:
        """Breadcrumbs of the screens below the one on top, such as "critical › account 14009 › "; empty on level 1."""


class ReadingArrived(Message, bubble=False):
    """A live reading changed. Posted from the live threads, handled by the screen that shows it."""

    def __init__(self, reading: Reading[Any]) -> None:
        super().__init__()
        self.reading = reading


class ConsoleScreen(Screen[None]):
    """A screen of the war room. It names the readings it shows, so that covered screens stop asking."""

    AUTO_FOCUS = ""

    takes_typing = False
    """True where letters are letters from the first moment on, also before a line has the focus."""

    answers: ClassVar[str] = ""
    """The question of a person that this screen answers, the first line of its help."""

    hint_names: ClassVar[tuple[str, ...]] = ()
    """Actions that the footer names on this screen, most useful first; empty leaves the choice to the application."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # The same id as the action's, so that who remaps the way out remaps this too. Offered while a job runs only.
        Binding("escape", "cancel_job", "cancel", show=False, id="back"),
    ]

    _running_job: RunningJob[Any] | None = None

    def __init_subclass__(cls, **arguments: Any) -> None:  # noqa: ANN401  # Textual's own
        super().__init_subclass__(**arguments)
        handlers_of(cls)
        for name in cls.hint_names:
            find(name)

    @property
    def host(self) -> ScreenHost:
        """The application, seen through what a screen may ask of it."""
        return cast("ScreenHost", self.app)

    def shown_readings(self) -> Iterable[str]:
        """Keys of the live readings that this screen shows now."""
        return ()

    def service_opened(self) -> None:
        """The sources are open: `host.service` and `host.live` are set. Called once, on the event loop."""

    def tick(self) -> None:
        """Called about once a second while this screen is on top."""

    def offers(self, action: str) -> bool:
        """Whether this screen answers an action by itself, as it is now."""
        handler = handlers_of(type(self)).get(action)
        if handler in {ConsoleScreen.act_next_pane, ConsoleScreen.act_previous_pane}:
            return len(self.focus_chain) > 1
        return handler is not None

    def crumb(self) -> str:
        """Word or two for the breadcrumbs."""
        return ""

    def query_in_view(self) -> str:
        """The Datadog query behind the lines on this screen; empty where there are none."""
        return ""

    def place(self) -> str:
        """The `:` line that opens this screen again; empty for one that cannot be come back to by itself."""
        return ""

    def issue_in_view(self) -> tuple[str, str] | None:
        """Issue type and severity (may be empty) of what is in view; None where the screen is about no issue."""
        return None

    def pin_in_view(self) -> tuple[str, str, Evidence | None] | None:
        """Title, text and evidence of what can be kept for the incident's review; None where there is nothing."""
        return None

    def runbook(self) -> str:
        """The section of the guide *immediate actions* that belongs to what is in view; empty where none does."""
        return ""

    def memory(self) -> dict[str, object]:
        """Settings a person made here, for a session that is come back to: JSON types only."""
        return {}

    def recall(self, memory: Mapping[str, object]) -> None:
        """Set again what `memory` gave; whatever does not fit any more is left as it is."""

    # ---- panes and rows

    def act_next_pane(self) -> None:
        """Focus the next pane."""
        self.focus_next()

    def act_previous_pane(self) -> None:
        """Focus the previous pane."""
        self.focus_previous()

    def focus_in_turn(self, wanted: Callable[[], Widget | None]) -> None:
        """Focus once every key that came before has been dealt with: a later one must not overtake them."""
        if self.message_queue_size:
            self.call_later(self.focus_in_turn, wanted)
        elif (widget := wanted()) is not None:
            self.set_focus(widget)

    @property
    def cursor_view(self) -> LineView | None:
        """The rows that the keys speak of: those with the focus."""
        return self.focused if isinstance(self.focused, LineView) else None

    def key_under_cursor(self) -> tuple[str, str]:
        """Kind and name of the row under the cursor, from its key "kind:name"; empty where there is none."""
        view = self.cursor_view
        kind, _, name = (view.cursor_key or "" if view is not None else "").partition(":")
        return kind, name

    def subject_under_cursor(self) -> Mapping[str, int]:
        """Ids of what the row under the cursor is about, by "account" and "deal"; empty where it names none."""
        kind, name = self.key_under_cursor()
        return {kind: int(name)} if kind in {"account", "deal"} and name.isascii() and name.isdigit() else {}

    def text_under_cursor(self) -> str:
        """The row under the cursor as text; empty where there is none."""
        view = self.cursor_view
        return view.current.text.strip() if view is not None and view.current is not None else ""

    def open_why(self, found: Why | None) -> None:
        """Show the evidence behind a number; None says that there is none."""
        from diagnostics.triage.document import evidence_document  # noqa: PLC0415  # after the first paint

        if found is None:
            self.host.say("this row holds no number of its own", "muted")
        else:
            self.host.open_document(evidence_document(*found))

    def open_text(self, title: str, text: str) -> None:
        """Show plain paragraphs on top."""
        self.host.open_text(title, text)

    def open_plain(self, text: str) -> None:
        """Show text on top for terminals that take no copy: they can select it themselves."""
        self.open_text("plain text, to select", text)

    # ---- long questions

    def start_job(
        self,
        work: Callable[[Job], Answer],
        then: Callable[[Answer], None],
        *,
        doing: str,
        limit_s: float | None = None,
    ) -> bool:
        """Ask something long in a thread: the footer says how far it is, Esc ends it, leaving the screen drops it.

        `then` gets the answer on the event loop once this screen is on top. Failures become a calm notice. One at a
        time: False, with a notice, when another one is still under way.
        """
        from screens.job_line import RunningJob  # noqa: PLC0415  # few screens ask long questions

        if self._running_job is not None and self._running_job.is_running:
            self.host.say(f"{self._running_job.doing} is still under way; esc cancels it", "warn")
            return False
        self._running_job = RunningJob(self, work, then, doing=doing, limit_s=limit_s)
        self._running_job.start()
        return True

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Esc belongs to a long question while one is under way, and to the application otherwise."""
        if action == "cancel_job":
            return self._running_job is not None and self._running_job.is_running
        return super().check_action(action, parameters)

    def action_cancel_job(self) -> None:
        """End the long question that is under way."""
        if self._running_job is not None:
            self._running_job.cancel()

    def on_screen_resume(self) -> None:
        """An answer that came while this screen was covered is shown now."""
        if self._running_job is not None:
            self.call_after_refresh(self._running_job.deliver)

    def on_unmount(self) -> None:
        """Nobody waits for the long question any more."""
        if self._running_job is not None and self._running_job.is_running:
            self._running_job.drop()
