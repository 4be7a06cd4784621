"""One investigation: what may be the cause, what speaks for and against it, and how sure anybody may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult

from diagnostics.core.failures import SourceFailure
from diagnostics.core.time import utc_now
from screens.base import ReadingArrived
from screens.investigation_actions import InvestigationActions
from widgets.footer_bar import FooterBar, Hint
from widgets.header_bar import HeaderBar
from widgets.hypothesis_rows import detail_rows, hypothesis_row
from widgets.line_view import LineView
from widgets.paged_rows import span, stamp
from widgets.rows import BLANK, Row, row, titled, wrap

if TYPE_CHECKING:
    from diagnostics.models.incidents import Pin
    from diagnostics.models.investigations import Hypothesis, Investigation
    from diagnostics.service import Diagnostics

HINTS = (
    Hint("enter", "open"),
    Hint("N", "add"),
    Hint("u", "judge"),
    Hint("w", "why"),
    Hint("tab", "pane"),
    Hint("y", "copy"),
    Hint("esc", "back"),
    Hint("?", "help"),
)


class InvestigationScreen(InvestigationActions):
    """Hypotheses above, the one under the cursor in full below. It follows what other consoles write."""

    DEFAULT_CSS = """
    InvestigationScreen .title { height: 1; scrollbar-size-vertical: 0; }
    InvestigationScreen #question { height: auto; max-height: 4; padding: 0 1; }
    InvestigationScreen #hypotheses { height: auto; max-height: 35%; min-height: 2; }
    InvestigationScreen #hypothesis { height: 1fr; }
    """

    hint_names: ClassVar[tuple[str, ...]] = ("open", "why", "next_pane", "copy", "back", "help")

    def __init__(self, investigation_id: str) -> None:
        super().__init__()
        self.investigation_id = investigation_id
        self.investigation: Investigation | None = None
        self.pins: tuple[Pin, ...] = ()
        self.failure = ""
        self._asking = False
        self._journal_seq = 0

    # ---- construction

    def compose(self) -> ComposeResult:
        """Header, question, hypotheses, one of them in full, keys."""
        signs = self.room.signs
        yield HeaderBar(signs=signs, clock=f"{utc_now():%H:%M:%S} UTC")
        yield LineView(signs=signs, cursor=False, id="investigation-title").add_class("title")
        yield LineView(signs=signs, cursor=False, id="question")
        yield LineView(signs=signs, id="hypotheses")
        yield LineView(signs=signs, cursor=False, id="hypothesis-title").add_class("title")
        yield LineView(signs=signs, id="hypothesis")
        yield FooterBar(signs=signs)

    def on_mount(self) -> None:
        """Read it."""
        self.list_view.focus()
        self.query_one(FooterBar).set_hints(HINTS)
        self.ask()

    def on_resize(self) -> None:
        """Rows are laid out for the width."""
        self.draw()

    def service_opened(self) -> None:
        """The journal can be read."""
        self.ask()

    @property
    def list_view(self) -> LineView:
        """The hypotheses."""
        return self.query_one("#hypotheses", LineView)

    @property
    def detail_view(self) -> LineView:
        """The one under the cursor."""
        return self.query_one("#hypothesis", LineView)

    def crumb(self) -> str:
        """What this is."""
        return self.investigation_id

    def place(self) -> str:
        """The line that opens it again."""
        return f"investigation {self.investigation_id}"

    def memory(self) -> dict[str, object]:
        """The hypothesis in view."""
        return {"hypothesis": self.list_view.cursor_key or ""}

    def recall(self, memory: Mapping[str, object]) -> None:
        """The hypothesis in view again, once it has been read."""
        key = memory.get("hypothesis")
        if isinstance(key, str):
            self.list_view.cursor_key = key

    # ---- reading

    def ask(self) -> None:
        """Read it, and the pins of its incident."""
        service = self.room.service
        if service is None or self._asking:
            return
        self._asking = True
        name = self.investigation_id
        self.room.ask(lambda: _read(service, name), self._arrived, doing=f"reading {name}", failed=self._failed)

    def _arrived(self, found: tuple[Investigation, tuple[Pin, ...]]) -> None:
        self._asking, self.failure = False, ""
        self.taken(found[0], found[1])

    def _failed(self) -> None:
        self._asking = False
        self.failure = "not read; r asks again"
        self.draw()

    def taken(self, investigation: Investigation, pins: tuple[Pin, ...] | None = None) -> None:
        """What is known of it now; an older answer than the one shown is dropped."""
        held = self.investigation
        if held is None or held.last_seq <= investigation.last_seq:
            self.investigation = investigation
        if pins is not None:
            self.pins = pins
        self.draw()

    @on(ReadingArrived)
    def take_reading(self, message: ReadingArrived) -> None:
        """The journal has moved on: this record may have."""
        reading = message.reading
        service = self.room.service
        if reading.key != "incident" or reading.value is None or service is None or self.investigation is None:
            return
        if reading.value.seq != self._journal_seq:
            self._journal_seq = reading.value.seq
            name = self.investigation_id
            self.room.quietly(lambda: _read_quietly(service, name), self._read_again)

    def _read_again(self, found: tuple[Investigation, tuple[Pin, ...]] | None) -> None:
        if found is None:
            self._journal_seq = 0
        elif (found[0], found[1]) != (self.investigation, self.pins):
            self.taken(found[0], found[1])

    # ---- drawing

    def tick(self) -> None:
        """Ages move on."""
        self._draw_title()

    @on(LineView.Moved)
    def moved(self, message: LineView.Moved) -> None:
        """Another hypothesis under the cursor."""
        if message.view is self.list_view:
            self.detail_view.cursor_key = None
            self._draw_detail()
            self.detail_view.scroll_to(y=0, animate=False)

    def current(self) -> Hypothesis | None:
        """The hypothesis in view."""
        name = (self.list_view.cursor_key or "").partition(":")[2]
        known = self.investigation.hypotheses if self.investigation is not None else ()
        return next((one for one in known if one.hypothesis == name), None)

    def draw(self) -> None:
        """Lay out everything."""
        if not self.is_attached:
            return
        signs, width = self.room.signs, max(40, self.size.width)
        self._draw_title()
        found = self.investigation
        self.query_one("#question", LineView).show(self._question(width - 3))
        if found is None:
            self.list_view.show(())
        else:
            rows = [hypothesis_row(one, width=width - 4, signs=signs) for one in found.hypotheses]
            self.list_view.show(rows or [row(("no hypothesis yet; N adds the first one", "muted"))])
        self._draw_detail()

    def _question(self, width: int) -> list[Row]:
        signs, found = self.room.signs, self.investigation
        if found is None:
            return [row((self.failure or "reading", "warn" if self.failure else "muted"))]
        rows = [row((line, "strong")) for line in wrap(signs.text(found.question), width, most=2)]
        if found.conclusion:
            rows += [
                row((line, "accent")) for line in wrap(signs.text(f"concluded: {found.conclusion}"), width, most=2)
            ]
        return rows

    def _draw_title(self) -> None:
        if not self.is_attached:
            return
        signs, found, now = self.room.signs, self.investigation, utc_now()
        state = self.failure or "reading"
        if found is not None:
            closed = found.closed_at is not None
            state = f"closed {stamp(found.closed_at, now, signs)}" if closed else f"open {span(found.opened_at, now)}"
            parts = [
                found.incident,
                f"account {found.account_id}" if found.account_id else "",
                f"by {found.opened_by}",
                state,
            ]
            state = f" {signs.separator} ".join(part for part in parts if part)
        text = titled(self.room.trail(), f"{self.investigation_id} {signs.separator} {state}", self.size.width)
        self.query_one("#investigation-title", LineView).show((row((signs.text(text), "bar")),))

    def _draw_detail(self) -> None:
        signs, one, width = self.room.signs, self.current(), max(40, self.size.width)
        name = one.hypothesis if one is not None else "hypothesis"
        text = titled("", f"{name} {signs.separator} for and against", width)
        self.query_one("#hypothesis-title", LineView).show((row((signs.text(text), "bar")),))
        if one is None:
            self.detail_view.show(())
            return
        pins = self._unweighed_pins(one)
        self.detail_view.show([*detail_rows(one, pins, width=width - 5, now=utc_now(), signs=signs), BLANK])

    def _unweighed_pins(self, one: Hypothesis) -> tuple[Pin, ...]:
        """Pins of the incident that have not been weighed for this hypothesis yet."""
        texts = {item.item.text for item in (*one.speaks_for, *one.speaks_against)}
        return tuple(pin for pin in self.pins if not any(pin.pinned.title in text for text in texts))


# ---- in the asking thread


def _read(service: Diagnostics, name: str) -> tuple[Investigation, tuple[Pin, ...]]:
    found = service.investigations.get(name)
    return found, service.incidents.get(found.incident).pins if found.incident else ()


def _read_quietly(service: Diagnostics, name: str) -> tuple[Investigation, tuple[Pin, ...]] | None:
    try:
        return _read(service, name)
    except SourceFailure:
        # The header says that the journal cannot be read; the next look at it tries again.
        return None
