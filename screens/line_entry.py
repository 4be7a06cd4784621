"""One line to type, shared by everything that asks a person for words. Nothing typed is ever lost by a failure.

What was left with Esc, refused, or could not be written stands there again when the same line is asked for the next
time; Up brings back what was typed there before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, TypeVar
from weakref import WeakKeyDictionary

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.sanitizer import clean
from screens.base import ConsoleScreen
from widgets.footer_bar import FooterBar, Hint
from widgets.line_view import LineView
from widgets.row import BLANK, Row, Tone, row, titled, wrap, wrapped
from widgets.sanitized_input import SanitizedInput

if TYPE_CHECKING:
    from screens.base import ScreenHost

Answer = TypeVar("Answer")

LONGEST = SanitizedInput.longest

REMEMBERED = 50
"""How many texts of one title Up brings back."""


class _Kept:
    """Texts of one title: the one that has not arrived anywhere, and earlier ones."""

    def __init__(self) -> None:
        self.unsent = ""
        self.earlier: list[str] = []

    def remember(self, text: str) -> None:
        if not text:
            return
        self.earlier = [*(one for one in self.earlier if one != text), text][-REMEMBERED:]


_kept: WeakKeyDictionary[object, dict[str, _Kept]] = WeakKeyDictionary()
"""Per console and title. It ends with the console."""


def _memory(host: ScreenHost, title: str) -> _Kept:
    return _kept.setdefault(host, {}).setdefault(title, _Kept())


def bring_back(host: ScreenHost, title: str, text: str) -> None:
    """Keep a text that could not be written: the next entry of that title starts with it."""
    _memory(host, title).unsent = text


def send(
    host: ScreenHost, title: str, text: str, work: Callable[[], Answer], then: Callable[[Answer], None], *, doing: str
) -> None:
    """`host.ask` for a text that was typed under `title`: when the work fails, the text is kept for the next try."""
    host.ask(work, then, doing=doing, failed=lambda: bring_back(host, title, text))


def any_words(text: str) -> str:
    """The check of entries that accept any words: only nothing at all is wrong."""
    return "" if text else "nothing was typed; some words are needed, or esc leaves"


class EntryInput(SanitizedInput):
    """One line; Up and Down walk through what was typed under the same title before, Esc leaves at once."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "cancel", show=False, id="entry.cancel"),
        Binding("up", "earlier(-1)", "earlier", show=False, id="entry.earlier"),
        Binding("down", "earlier(1)", "later", show=False, id="entry.later"),
    ]

    class Walked(Message):
        """A text that was typed here before is to be brought back."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    def __init__(
        self, left: Callable[[], None], *, value: str = "", placeholder: str = "", most: int = LONGEST
    ) -> None:
        super().__init__(value=value, placeholder=placeholder, select_on_focus=False, max_length=most)
        self.left = left
        """Called before the next key is looked at: that one may be meant for the screen below."""

    def action_cancel(self) -> None:
        """Leave; nothing is sent."""
        self.left()

    def action_earlier(self, by: int) -> None:
        """Ask for an earlier text."""
        self.post_message(self.Walked(by))


def write_line(
    host: ScreenHost,
    title: str,
    placeholder: str,
    work: Callable[[str], Answer],
    then: Callable[[Answer], None],
    *,
    doing: str,
    check: Callable[[str], str] = any_words,
    explain: Sequence[str] = (),
) -> None:
    """Ask for a line, and run `work` on it in a thread; `then` gets the answer on the event loop.

    `work` may raise SourceFailure or UserError: both are said, and the line stands there again when it is asked for
    the next time.
    """

    def typed(text: str) -> None:
        send(host, title, text, lambda: work(text), then, doing=doing)

    host.push_console_screen(LineEntry(title, placeholder, typed, check=check, explain=explain))


class LineEntry(ConsoleScreen):
    """A typed line on top, what is wrong with it below, and what the reader must know.

    `check` says what is wrong with a text and what is accepted, or nothing; `then` gets the text once it is right and
    this screen is gone. A line that is written somewhere is asked for with `write_line`; where several of them are
    written together, `bring_back` keeps each when that fails.
    """

    answers = "Which words are asked for, and what becomes of them?"

    takes_typing = True

    DEFAULT_CSS = """
    LineEntry #entry-title { height: 1; scrollbar-size-vertical: 0; }
    LineEntry EntryInput, LineEntry EntryInput:focus {
        width: 1fr; border: none; height: 1; padding: 0 1; background: $panel;
    }
    LineEntry #entry-verdict { height: 3; padding: 0 1; }
    LineEntry #entry-explain { height: 1fr; padding: 0 1; }
    LineEntry:ansi EntryInput { background: ansi_default; }
    """

    def __init__(
        self,
        title: str,
        placeholder: str,
        then: Callable[[str], None],
        *,
        check: Callable[[str], str] = any_words,
        start: str = "",
        explain: Sequence[str] = (),
        confirms: bool = False,
    ) -> None:
        super().__init__()
        self.title_text = title
        self.placeholder = placeholder
        self.then = then
        self.check = check
        self.start = start
        self.explain = tuple(explain)
        self.confirms = confirms
        """The words confirm something: they are typed anew each time, and nothing of them is kept."""
        self.done = False
        self._refused = ""
        """What was wrong with the text that was entered, until another letter is typed."""
        self._place: int | None = None
        """Which earlier text is shown; None for none of them."""

    # ---- layout

    def compose(self) -> ComposeResult:
        """Title, line, verdict, explanation, keys."""
        glyphs = self.host.glyphs
        begin = self.start if self.confirms else self.memory_of_title.unsent or self.start
        yield LineView(glyphs=glyphs, cursor=False, id="entry-title")
        hint = glyphs.text(clean(self.placeholder, limit=200))
        yield EntryInput(self.leave, value=begin, placeholder=hint)
        yield LineView(glyphs=glyphs, cursor=False, id="entry-verdict")
        yield LineView(glyphs=glyphs, cursor=False, id="entry-explain")
        yield FooterBar(glyphs=glyphs)

    @property
    def entry(self) -> EntryInput:
        """The input of the line."""
        return self.query_one(EntryInput)

    def on_mount(self) -> None:
        self.entry.cursor_position = len(self.entry.value)
        self.call_later(self.focus_in_turn, lambda: self.entry)
        self.query_one(FooterBar).set_hints(
            (Hint("enter", "save"), Hint("↑", "history"), Hint("esc", "leave, nothing is sent"))
        )

    def on_resize(self) -> None:
        """Lines are wrapped for the width."""
        self.draw()

    def crumb(self) -> str:
        return self.title_text

    # ---- the text

    @property
    def memory_of_title(self) -> _Kept:
        """Texts of this title."""
        return _memory(self.host, self.title_text)

    @property
    def text(self) -> str:
        """The text of the line, as it is."""
        return self.entry.value

    @property
    def words(self) -> str:
        """The text of the line, through the gate and without blanks around it."""
        return clean(self.text, limit=LONGEST).strip()

    def put(self, text: str) -> None:
        """Another text, the cursor behind it."""
        self.entry.value = text
        self.entry.cursor_position = len(text)

    @on(Input.Changed)
    def typed(self) -> None:
        """Judge the text after each letter."""
        self._refused = ""
        self.draw()

    @on(EntryInput.Walked)
    def walked(self, message: EntryInput.Walked) -> None:
        """Ask for an earlier text."""
        earlier = self.memory_of_title.earlier
        at = (len(earlier) if self._place is None else self._place) + message.by
        if 0 <= at < len(earlier):
            self._place = at
            self.put(earlier[at])

    def draw(self) -> None:
        """Title, verdict and explanation for the present width."""
        if self.done:
            return
        glyphs, width = self.host.glyphs, max(20, self.size.width)
        title = glyphs.text(titled(self.host.trail(), clean(self.title_text, limit=200), width))
        self.query_one("#entry-title", LineView).show((row((title, "bar")),))
        self.query_one("#entry-verdict", LineView).show(self._verdict(width - 2))
        lines: list[Row] = []
        for paragraph in self.explain:
            lines += wrapped(glyphs.text(clean(paragraph, limit=2_000)), width - 3, "muted")
        self.query_one("#entry-explain", LineView).show([*lines, BLANK])

    def _verdict(self, width: int) -> list[Row]:
        """The verdict of `check`: at once while something stands there, and loudly once it was entered."""
        wrong = self._refused or (self.check(self.words) if self.words else "")
        tone: Tone = "fail" if self._refused else "warn"
        return [
            row((line, tone)) for line in wrap(self.host.glyphs.text(clean(wrong, limit=500)), width, most=3) if line
        ]

    # ---- ends

    @on(Input.Submitted)
    def submit(self) -> None:
        """Take the text, or say what is wrong and keep it."""
        if self.done:
            return
        words = self.words
        if wrong := self.check(words):
            self._refused = wrong
            if self.confirms:
                # A word that confirms is typed whole; what was refused is gone, and why stands below.
                with self.prevent(Input.Changed):
                    self.put("")
            self.draw()
            return
        if not self.confirms:
            self.memory_of_title.remember(words)
        self.memory_of_title.unsent = ""
        self.done = True
        self.dismiss()
        self.app.call_later(self._hand_over, words)

    def _hand_over(self, words: str) -> None:
        """`then`, with what is wrong said and the text kept for the next try."""
        host = self.host
        try:
            self.then(words)
        except (UserError, SourceFailure) as problem:
            said = problem.headline() if isinstance(problem, SourceFailure) else " ".join(problem.lines())
            if not self.confirms:
                bring_back(host, self.title_text, words)
                said = f"{said}; what you typed is kept"
            host.say(said, "warn")

    def leave(self) -> None:
        """Away without sending; what stands there is kept for the next time."""
        if self.done:
            return
        self.done = True
        words = "" if self.confirms or self.words == self.start.strip() else self.words
        self.memory_of_title.unsent = words
        self.dismiss()
        kept = "; what you typed is kept" if words else ""
        self.app.call_later(self.host.say, f"nothing was sent{kept}", "muted")

    def act_back(self) -> None:
        """Esc before the line has the focus."""
        self.leave()
