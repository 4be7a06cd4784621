"""What the keys do on a preview: this half answers about what is under the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.models.entries import Audience, Purpose
from diagnostics.now import utc_now
from diagnostics.text import clean
from screens import documents
from screens.base import RoomScreen
from screens.line_entry import LineEntry
from screens.respond_state import WORDS
from widgets import wording
from widgets.line_view import LineView
from widgets.notice_rows import channel_word
from widgets.rows import plain

if TYPE_CHECKING:
    from diagnostics.models.entries import BoundFigure
    from screens.respond_state import RespondState

LONGEST_TITLE = 200

FIELDS = (
    ("title", "title", "one line: what is broken, for whom"),
    ("summary", "summary", "what it means for customers, in a sentence or two"),
)


class RespondActions(RoomScreen):
    """Actions by name, `act_<name>` as the registry calls them."""

    state: RespondState

    # ---- given by the screen

    def prepare(self, *, doing: str = "") -> None:
        """Given by the screen."""
        raise NotImplementedError

    def draw(self) -> None:
        """Given by the screen."""
        raise NotImplementedError

    @property
    def body(self) -> LineView:
        """Given by the screen."""
        raise LookupError

    # ---- what is under the cursor

    def _under(self) -> tuple[str, str]:
        """Kind and name of the row under the cursor of the text."""
        kind, _, rest = (self.body.cursor_key or "").partition(":")
        return kind, rest.partition("+")[0]

    def _figure(self) -> BoundFigure | None:
        kind, name = self._under()
        return next((one for one in self.state.figures if one.name == name), None) if kind == "figure" else None

    def open_row(self) -> None:
        """Enter on a row of the text: write the words, or show in full what is there."""
        kind, name = self._under()
        if kind == "edit":
            self.edit(name)
        elif kind in {"text", "title"}:
            self._open_text(int(name.partition(":")[0]))
        elif kind == "delivery":
            self.open_deliveries()
        else:
            self.act_why()

    def _open_text(self, number: int) -> None:
        proposal = self.state.proposal
        if proposal is None or number >= len(proposal.drafts):
            return
        draft = proposal.drafts[number]
        title = f"{channel_word(draft.channel)} to {clean(draft.destination, limit=80)}"
        self.room.open_document(documents.text_document(title, clean(draft.text, multiline=True), self.room.signs))

    def open_deliveries(self) -> None:
        """Everything that was sent in this incident, to settle what nobody knows."""
        from screens.deliveries import DeliveriesScreen  # noqa: PLC0415  # few have to

        if self.state.incident_id is not None:
            self.room.push_room_screen(DeliveriesScreen(self.state.incident_id))

    # ---- words

    def fields(self) -> tuple[tuple[str, str, str], ...]:
        """What can be written here."""
        own = WORDS.get(self.state.purpose, ())
        return own if self.state.incident_id is not None else (*FIELDS, *own)

    def edit(self, name: str) -> None:
        """Write one of the texts' words; the preview is made anew with them."""
        found = next((one for one in self.fields() if one[0] == name), None)
        proposal = self.state.proposal
        if found is None or self.state.declared is not None:
            self.room.say("this is the incident's own; the status screen (u) changes it", "muted")
            return
        _, label, meaning = found
        given = getattr(proposal, name, "") if proposal is not None and name in {"title", "summary"} else ""
        most = LONGEST_TITLE if name == "title" else 2_000

        def check(text: str) -> str:
            if not text and name == "title":
                return f"a title is needed: {meaning}"
            return f"{len(text):,} characters; at most {most:,} are accepted" if len(text) > most else ""

        def keep(text: str) -> None:
            if text:
                self.state.words[name] = text
            else:
                self.state.words.pop(name, None)
            self.prepare(doing="writing it into the texts")

        about = self.state.incident_id or "this notice"
        self.room.push_room_screen(
            LineEntry(
                f"{label} of {about}",
                meaning,
                keep,
                check=check,
                start=self.state.words.get(name, given),
                explain=(f"{meaning[:1].upper()}{meaning[1:]}.", "It is sent as you write it, after the confirmation."),
            )
        )

    # ---- keys

    def act_refresh(self) -> None:
        """Measure everything anew; what people wrote stays."""
        if self.state.declared is not None:
            self.room.say("it is confirmed; what becomes of it is shown by itself", "muted")
        elif not self.state.confirming:
            self.prepare(doing="measuring again")

    def act_accept(self) -> None:
        """Accept the old number under the cursor, and go to the next one."""
        figure = self._figure()
        if figure is None or not figure.stale:
            old = next(iter(self.state.blocking), None)
            if old is None:
                self.room.say("no number is old", "muted")
                return
            self.body.place(f"figure:{old.name}")
            self.room.say("the cursor is on an old number now; A accepts this one as it is", "warn")
            return
        if self.state.is_old(utc_now()):
            self.room.say("the whole preview is old; r measures again", "warn")
            return
        self.state.accept(figure.name)
        self.draw()
        self.place_on_stale()
        left = len(self.state.blocking)
        said = f"; {left} left" if left else "; nothing else is old"
        self.room.say(f"{figure.name.replace('_', ' ')} {clean(figure.shown, limit=40)} accepted as it is{said}")

    def place_on_stale(self) -> None:
        """The cursor of the text goes to the first number that blocks."""
        old = next(iter(self.state.blocking), None)
        if old is not None:
            self.body.place(f"figure:{old.name}")

    def act_why(self) -> None:
        """Where the number under the cursor comes from; elsewhere, all of them."""
        figure = self._figure()
        figures = (figure,) if figure is not None else self.state.figures
        asked = [one.evidence for one in figures if one.evidence is not None]
        if not figures:
            self.room.say("no number stands in these texts", "muted")
            return
        if figure is None:
            title, said = (
                "the numbers in these texts",
                "; ".join(f"{one.name.replace('_', ' ')} {one.shown}" for one in figures),
            )
        else:
            title = figure.name.replace("_", " ")
            said = f"{figure.shown}, {wording.age(figure.taken_at, utc_now())} old. {figure.stale}".strip()
        document = documents.evidence_document(title, clean(said, limit=2_000), asked, self.room.signs)
        self.room.open_document(document)

    def act_copy(self) -> None:
        """The text for people to paste by hand."""
        proposal = self.state.proposal
        if proposal is None or not proposal.fallback:
            self.room.say("there is no text yet", "muted")
            return
        self.room.copy(clean(proposal.fallback, multiline=True))

    def act_plain(self) -> None:
        """The whole preview as plain text that the terminal itself can select."""
        proposal = self.state.proposal
        text = clean(proposal.fallback, multiline=True) if proposal is not None else plain(self.body.rows)
        self.room.open_document(documents.text_document("plain text, to select", text, self.room.signs))

    def act_sort(self) -> None:
        """For whom: another audience needs another amount of it."""
        state = self.state
        if state.declared is not None or state.confirming:
            self.room.say("it is confirmed", "muted")
            return
        if state.purpose is Purpose.FIRST_NOTICE:
            self.room.say("a first notice is for the responders; updates have audiences", "muted")
            return
        order = list(Audience)
        state.audience = order[(order.index(state.audience) + 1) % len(order)]
        self.prepare(doing=f"writing it for {state.audience}")

    def act_next_pane(self) -> None:
        """Between the text and the steps."""
        self.focus_next()

    def act_previous_pane(self) -> None:
        """Between the text and the steps."""
        self.focus_previous()
