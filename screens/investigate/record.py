"""One investigation: what may be the cause, what speaks for and against it, and how sure anybody may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult

from diagnostics.core.document import GAP, WIDE, Asked, Document, Text, facts
from diagnostics.core.failures import SourceFailure
from diagnostics.core.time import utc_now
from screens.base import ConsoleScreen, ReadingArrived
from screens.investigate.editor import InvestigationEditor
from widgets.footer_bar import FooterBar, Hint
from widgets.header_bar import HeaderBar
from widgets.line_view import LineView
from widgets.paged_rows import stamp
from widgets.row import BLANK, Row, plain, row, titled, wrap
from widgets.rows.hypotheses import detail_rows, hypothesis_row
from widgets.wording import since

if TYPE_CHECKING:
    from diagnostics.models.incidents import Pin
    from diagnostics.models.investigations import Hypothesis, Investigation, Weighed
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


class InvestigationScreen(ConsoleScreen):
    """Hypotheses above, the one under the cursor in full below. It follows what other consoles write."""

    answers = "What is the cause, what speaks for it, and what against it?"

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
        self.editor = InvestigationEditor(self.host, investigation_id, self.taken)
        self.pins: tuple[Pin, ...] = ()
        self.failure = ""
        self._asking = False
        self._recalled = ""
        """Key of the row that was in view before the connection dropped, until it has been read."""
        self._journal_seq = 0

    # ---- construction

    def compose(self) -> ComposeResult:
        """Header, question, hypotheses, one of them in full, keys."""
        glyphs = self.host.glyphs
        yield HeaderBar(glyphs=glyphs, clock=f"{utc_now():%H:%M:%S} UTC")
        yield LineView(glyphs=glyphs, cursor=False, id="investigation-title").add_class("title")
        yield LineView(glyphs=glyphs, cursor=False, id="question")
        yield LineView(glyphs=glyphs, id="hypotheses")
        yield LineView(glyphs=glyphs, cursor=False, id="hypothesis-title").add_class("title")
        yield LineView(glyphs=glyphs, id="hypothesis")
        yield FooterBar(glyphs=glyphs)

    def on_mount(self) -> None:
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
        return self.query_one("#hypotheses", LineView)

    @property
    def detail_view(self) -> LineView:
        """The one under the cursor."""
        return self.query_one("#hypothesis", LineView)

    def crumb(self) -> str:
        return self.investigation_id

    def place(self) -> str:
        """The line that opens it again."""
        return f"investigation {self.investigation_id}"

    def memory(self) -> dict[str, object]:
        return {"hypothesis": self.list_view.cursor_key or ""}

    def recall(self, memory: Mapping[str, object]) -> None:
        """The hypothesis in view again, once it has been read."""
        key = memory.get("hypothesis")
        if isinstance(key, str):
            self._recalled = key
            self.draw()

    # ---- reading

    def ask(self) -> None:
        """Read it, and the pins of its incident."""
        service = self.host.service
        if service is None or self._asking:
            return
        self._asking = True
        name = self.investigation_id
        self.host.ask(lambda: _read(service, name), self._arrived, doing=f"reading {name}", failed=self._failed)

    def _arrived(self, found: tuple[Investigation, tuple[Pin, ...]]) -> None:
        self._asking, self.failure = False, ""
        self.taken(found[0], found[1])

    def _failed(self) -> None:
        self._asking = False
        self.failure = "not read; r asks again"
        self.draw()

    def taken(self, investigation: Investigation, pins: tuple[Pin, ...] | None = None) -> None:
        """Take its newest state; an answer older than the one shown is dropped."""
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
        service = self.host.service
        if reading.key != "incident" or reading.value is None or service is None or self.investigation is None:
            return
        if reading.value.seq != self._journal_seq:
            self._journal_seq = reading.value.seq
            name = self.investigation_id
            self.host.quietly(lambda: _read_quietly(service, name), self._read_again)

    def _read_again(self, found: tuple[Investigation, tuple[Pin, ...]] | None) -> None:
        if found is None:
            self._journal_seq = 0
        elif (found[0], found[1]) != (self.investigation, self.pins):
            self.taken(found[0], found[1])

    # ---- drawing

    def tick(self) -> None:
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
        if not self.is_attached:
            return
        glyphs, width = self.host.glyphs, max(40, self.size.width)
        self._draw_title()
        found = self.investigation
        self.query_one("#question", LineView).show(self._question(width - 3))
        if found is None:
            self.list_view.show(())
        else:
            rows = [hypothesis_row(one, width=width - 4, glyphs=glyphs) for one in found.hypotheses]
            self.list_view.show(rows or [row(("no hypothesis yet; N adds the first one", "muted"))])
            # A list forgets a row that it does not have: the one that was in view is put there once it is read.
            recalled, self._recalled = self._recalled, ""
            self.list_view.place(recalled)
        self._draw_detail()

    def _question(self, width: int) -> list[Row]:
        glyphs, found = self.host.glyphs, self.investigation
        if found is None:
            return [row((self.failure or "reading", "warn" if self.failure else "muted"))]
        rows = [row((line, "strong")) for line in wrap(glyphs.text(found.question), width, most=2)]
        if found.conclusion:
            rows += [
                row((line, "accent")) for line in wrap(glyphs.text(f"concluded: {found.conclusion}"), width, most=2)
            ]
        return rows

    def _draw_title(self) -> None:
        if not self.is_attached:
            return
        glyphs, found, now = self.host.glyphs, self.investigation, utc_now()
        state = self.failure or "reading"
        if found is not None:
            closed = found.closed_at is not None
            state = f"closed {stamp(found.closed_at, now, glyphs)}" if closed else f"open {since(found.opened_at, now)}"
            parts = [
                found.incident,
                f"account {found.account_id}" if found.account_id else "",
                f"by {found.opened_by}",
                state,
            ]
            state = f" {glyphs.separator} ".join(part for part in parts if part)
        text = titled(self.host.trail(), f"{self.investigation_id} {glyphs.separator} {state}", self.size.width)
        self.query_one("#investigation-title", LineView).show((row((glyphs.text(text), "bar")),))

    def _draw_detail(self) -> None:
        glyphs, one, width = self.host.glyphs, self.current(), max(40, self.size.width)
        name = one.hypothesis if one is not None else "hypothesis"
        text = titled("", f"{name} {glyphs.separator} for and against", width)
        self.query_one("#hypothesis-title", LineView).show((row((glyphs.text(text), "bar")),))
        if one is None:
            self.detail_view.show(())
            return
        pins = self._unweighed_pins(one)
        self.detail_view.show([*detail_rows(one, pins, width=width - 5, now=utc_now(), glyphs=glyphs), BLANK])

    def _unweighed_pins(self, one: Hypothesis) -> tuple[Pin, ...]:
        """Pins of the incident that have not been weighed for this hypothesis yet."""
        texts = {item.item.text for item in (*one.speaks_for, *one.speaks_against)}
        return tuple(pin for pin in self.pins if not any(pin.pinned.title in text for text in texts))

    # ---- where am I

    def _in_detail(self) -> bool:
        return self.focused is self.detail_view

    def item(self) -> Weighed | None:
        """The evidence under the cursor, where the detail has the keys."""
        kind, _, name = (self.detail_view.cursor_key or "").partition(":")
        one = self.current()
        if kind != "item" or one is None or not self._in_detail():
            return None
        return next((item for item in (*one.speaks_for, *one.speaks_against) if item.item.item == name), None)

    def pin(self) -> Pin | None:
        """The pin of the incident under the cursor, where the detail has the keys."""
        kind, _, name = (self.detail_view.cursor_key or "").partition(":")
        if kind != "pin" or not self._in_detail():
            return None
        return next((pin for pin in self.pins if pin.pinned.pin == name), None)

    def _is_open(self) -> bool:
        found = self.investigation
        if found is None:
            self.host.say("it has not been read yet", "muted")
            return False
        if found.closed_at is not None:
            self.host.say(f"{found.id} is closed: nobody adds to it any more; N on level 3 opens another one", "warn")
            return False
        return True

    # ---- in, around

    def act_open(self) -> None:
        """From the list into the detail; there, the evidence in full, or a pin to weigh."""
        item, pin, one = self.item(), self.pin(), self.current()
        if not self._in_detail():
            if one is None:
                self.act_new()
            else:
                self.detail_view.focus()
        elif pin is not None and one is not None:
            if self._is_open():
                self.editor.weigh(one, pin)
        elif item is not None:
            self.host.open_document(item_document(item))

    def act_new(self) -> None:
        """Among the hypotheses another one, in the detail evidence for or against the one in view."""
        one = self.current()
        if not self._is_open():
            return
        if self._in_detail() and one is not None:
            self.editor.weigh(one, self.pin())
        else:
            self.editor.add_hypothesis()

    def act_status(self) -> None:
        """Actions on the hypothesis or the evidence under the cursor."""
        if self._is_open() and self.investigation is not None:
            self.editor.judge(self.investigation, self.current(), self.item())

    def act_back(self) -> None:
        """Out of the detail, then out of the screen."""
        if self._in_detail():
            self.list_view.focus()
            return
        self.dismiss()

    def act_next_pane(self) -> None:
        """Between the list and the detail."""
        (self.list_view if self._in_detail() else self.detail_view).focus()

    def act_previous_pane(self) -> None:
        """Between the list and the detail."""
        self.act_next_pane()

    def act_refresh(self) -> None:
        self.ask()
        self.host.say("asking again; what stands here stays until the answer comes")

    def act_why(self) -> None:
        """The question behind the evidence under the cursor, else behind all of the hypothesis."""
        item, pin, one = self.item(), self.pin(), self.current()
        if pin is not None and pin.pinned.evidence is not None:
            self.open_why((f"pin {pin.pinned.pin}", pin.pinned.title, [pin.pinned.evidence]))
        elif item is not None:
            found = item.item.evidence
            if found is None:
                self.host.say(f"{item.item.item} was typed by {item.by}: no question of ours stands behind it", "muted")
            else:
                self.open_why((item.item.item, item.item.text, [found]))
        elif one is not None:
            counted = (*one.speaks_for, *one.speaks_against)
            asked = [each.item.evidence for each in counted if each.item.evidence is not None]
            self.open_why((one.hypothesis, f"{one.confidence}: {one.confidence_why}", asked))

    def act_copy(self) -> None:
        """The evidence under the cursor, else the hypothesis with all that speaks for and against it."""
        item, one = self.item(), self.current()
        if item is not None:
            self.host.copy(item.item.text)
        elif one is not None:
            self.host.copy(hypothesis_text(one))

    def act_plain(self) -> None:
        """Everything as plain text that the terminal itself can select."""
        self.open_plain(plain((*self.list_view.rows, *self.detail_view.rows)))


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


# ---- what opens from here


def item_document(item: Weighed) -> Document:
    """What it says, which side it is on, how it is known, who said it, and the question behind it."""
    weighed = item.item
    blocks = [
        Text(weighed.text, "strong"),
        GAP,
        *facts(
            ("speaks", f"{weighed.side} {weighed.hypothesis}"),
            ("label", str(weighed.label)),
            ("how known", "inferred, not observed: it counts as no source" if weighed.inferred else "observed"),
            ("source", weighed.source),
            ("weighed by", f"{item.by}, {item.at:%Y-%m-%d %H:%M:%S} UTC"),
            ("withdrawn", item.withdrawn_why),
            width=WIDE,
        ),
    ]
    if weighed.evidence is None:
        blocks += [GAP, Text("No question of this console stands behind it: a person said it.", "muted")]
    else:
        blocks.append(Asked([weighed.evidence]))
    return Document(f"evidence · {weighed.item}", blocks)


def hypothesis_text(one: Hypothesis) -> str:
    """A hypothesis for a channel: how sure, what speaks for and against it, what would overturn it."""
    lines = [
        f"{one.hypothesis}: {one.statement}",
        f"confidence: {one.confidence} ({len(one.sources)} independent sources)",
        f"overturned by: {one.overturned_by or 'not said'}",
    ]
    for title, items in (("for", one.speaks_for), ("against", one.speaks_against)):
        for item in items:
            if not item.withdrawn_why:
                inferred = ", inference" if item.item.inferred else ""
                lines.append(f"{title} ({item.item.label}{inferred}, {item.item.source}): {item.item.text}")
    return "\n".join(lines)
