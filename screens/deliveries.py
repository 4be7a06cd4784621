"""Every delivery of an incident: what was sent, what waits, what nobody knows; and what a person decides about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from textual import on
from textual.app import ComposeResult

from diagnostics.now import utc_now
from diagnostics.text import clean
from screens import documents
from screens.base import Document, ReadingArrived, RoomScreen
from screens.documents import evidence_rows
from screens.line_entry import LineEntry
from widgets import wording
from widgets.footer_bar import FooterBar, Hint
from widgets.line_view import LineView
from widgets.notice_rows import READABLE, channel_word, delivery_rows, headline, outcome, purpose_word, state_piece
from widgets.rows import BLANK, Row, labelled, plain, row, titled, wrap

if TYPE_CHECKING:
    from diagnostics.models.incidents import Delivery, Incident
    from widgets.glyphs import Glyphs

Outcome = Literal["arrived", "given_up", "send_again"]

DECISIONS: dict[str, tuple[Outcome, str]] = {
    "arrived": ("arrived", "somebody has seen it there"),
    "send again": ("send_again", "it is not there: the console sends it once more"),
    "give up": ("given_up", "nobody sends it; it stays here as not sent"),
}
"""What is typed, what it is called in the journal, and what it means."""

HINTS = (
    Hint("enter", "in full"),
    Hint("x", "settle"),
    Hint("r", "look again"),
    Hint("y", "copy text"),
    Hint("o", "link"),
    Hint("w", "why"),
    Hint("esc", "back"),
    Hint("?", "help"),
)


def may_settle(delivery: Delivery) -> tuple[str, ...]:
    """The words that are accepted for a delivery as it stands now."""
    if delivery.state == "uncertain":
        return ("arrived", "send again", "give up")
    words = {
        "failed": ("send again", "arrived", "give up"),
        "given_up": ("send again",),
        "queued": ("give up",),
        "retrying": ("give up", "arrived"),
        # Left behind by a console that ended; the desk says so where somebody is still at it.
        "sending": ("arrived", "give up"),
    }
    return words.get(delivery.state, ())


class DeliveriesScreen(RoomScreen):
    """Title, how it stands with all of them, one block each."""

    DEFAULT_CSS = """
    DeliveriesScreen #deliveries-title { height: 1; scrollbar-size-vertical: 0; }
    DeliveriesScreen #deliveries-body { height: 1fr; }
    """

    def __init__(self, incident_id: str) -> None:
        super().__init__()
        self.incident_id = incident_id
        self.incident: Incident | None = None
        self.problem = ""
        self._deciding = False

    def compose(self) -> ComposeResult:
        """Title, deliveries, keys."""
        signs = self.room.signs
        yield LineView(signs=signs, cursor=False, id="deliveries-title")
        yield LineView(signs=signs, id="deliveries-body")
        yield FooterBar(signs=signs)

    def on_mount(self) -> None:
        """Read what stands in the journal."""
        self.body.focus()
        self.query_one(FooterBar).set_hints(HINTS)
        self.read()

    def service_opened(self) -> None:
        """The sources are open now."""
        self.read()

    @property
    def body(self) -> LineView:
        """The deliveries."""
        return self.query_one("#deliveries-body", LineView)

    def on_resize(self) -> None:
        """Lines are wrapped for the width."""
        self.draw()

    def tick(self) -> None:
        """Ages and pauses go on."""
        self.draw()

    def crumb(self) -> str:
        """What this is."""
        return "deliveries"

    def place(self) -> str:
        """The line that opens it again."""
        return "deliveries"

    def shown_readings(self) -> tuple[str, ...]:
        """The incident."""
        return ("incident",)

    # ---- reading

    def read(self) -> None:
        """The incident as it is now."""
        service = self.room.service
        if service is not None:
            self.room.ask(
                lambda: service.incidents.get(self.incident_id),
                self.take,
                doing="reading the deliveries",
                failed=self._unread,
            )

    def _unread(self) -> None:
        self.problem = "the journal could not be read; r tries it again" if self.incident is None else ""
        self.draw()

    def take(self, incident: Incident) -> None:
        """A state of the incident; an older one than what is shown is dropped."""
        if self.incident is None or incident.last_seq >= self.incident.last_seq:
            self.incident, self.problem = incident, ""
            self.draw()

    @on(ReadingArrived)
    def incident_arrived(self, message: ReadingArrived) -> None:
        """The journal has something new."""
        service, following = self.room.service, message.reading.value
        if message.reading.key != "incident" or service is None or following is None:
            return
        seen = following.incident
        if seen is not None and seen.id == self.incident_id:
            self.take(seen)
        elif self.incident is None or following.seq > self.incident.last_seq:
            self.room.quietly(lambda: service.incidents.get(self.incident_id), self.take)

    # ---- drawing

    def draw(self) -> None:
        """Everything for the present width."""
        signs, width = self.room.signs, max(20, self.size.width)
        what = f"deliveries {signs.separator} {clean(self.incident_id, limit=40)}"
        self.query_one("#deliveries-title", LineView).show(
            (row((signs.text(titled(self.room.trail(), what, width)), "bar")),)
        )
        self.body.show([*self._rows(min(width - 4, READABLE), signs), BLANK])

    def _rows(self, width: int, signs: Glyphs) -> list[Row]:
        incident = self.incident
        if incident is None:
            return [row((self.problem or "reading the journal", "fail" if self.problem else "muted"))]
        if not incident.deliveries:
            said = "Nothing has been sent or waits to be sent. n tells people."
            return [row((line, "muted")) for line in wrap(said, width)]
        text, tone = headline(incident.deliveries, incident.id)
        rows = [row((line, tone)) for line in wrap(signs.text(text), width)]
        now = utc_now()
        for one in sorted(incident.deliveries, key=lambda item: item.is_settled and item.state == "sent"):
            rows += [BLANK, *delivery_rows(one, width, now, signs)]
            words = may_settle(one)
            if words and one.state not in {"queued", "sending"}:
                said = f"x settles it: {', '.join(words)}"
                rows.append(row(" " * 5, (said, "muted"), key=f"delivery:{one.delivery}+settle"))
        return rows

    def under(self) -> Delivery | None:
        """The delivery under the cursor."""
        name = (self.body.cursor_key or "").removeprefix("delivery:").partition("+")[0]
        deliveries = self.incident.deliveries if self.incident is not None else ()
        return next((one for one in deliveries if one.delivery == name), None)

    def _none(self) -> None:
        self.room.say("no delivery is under the cursor", "muted")

    # ---- keys

    def act_open(self) -> None:
        """The delivery in full."""
        delivery = self.under()
        if delivery is None:
            self._none()
        else:
            self.room.open_document(delivery_document(delivery, self.room.signs))

    def act_why(self) -> None:
        """What its numbers rest on; it stands in the text."""
        self.act_open()

    def act_copy(self) -> None:
        """Its text, for people to paste by hand."""
        delivery = self.under()
        if delivery is None:
            self._none()
        else:
            self.room.copy(clean(delivery.text, multiline=True))

    def act_plain(self) -> None:
        """Its text as plain text that the terminal itself can select."""
        delivery = self.under()
        text = clean(delivery.text, multiline=True) if delivery is not None else plain(self.body.rows)
        self.room.open_document(documents.text_document("plain text, to select", text, self.room.signs))

    def act_link(self) -> None:
        """Where it can be seen."""
        delivery = self.under()
        if delivery is None or not delivery.link:
            self.room.say("the service gave no link for it", "muted")
        else:
            link = clean(delivery.link, limit=2_000)
            self.room.open_document(documents.text_document("link", link, self.room.signs))

    def act_refresh(self) -> None:
        """Read the journal again, and have the console look at once whether something is due."""
        self.room.incident_changed()
        self.read()

    def act_run(self) -> None:
        """Decide about a delivery that the console cannot decide about."""
        delivery = self.under()
        if delivery is None:
            self._none()
            return
        accepted = may_settle(delivery)
        if not accepted:
            self.room.say(f"{delivery.delivery} has arrived; there is nothing to settle", "muted")
            return

        def check(text: str) -> str:
            word = text.partition(":")[0].strip().lower()
            if word in accepted:
                return ""
            return f"{word!r} is not accepted; accepted: {', '.join(accepted)}, and a reason behind a colon if you like"

        def decide(text: str) -> None:
            word, _, why = text.partition(":")
            self._write(delivery, DECISIONS[word.strip().lower()][0], why.strip(), f"settling {delivery.delivery}")

        what = f"{channel_word(delivery.channel)} to {clean(delivery.destination, limit=80)}"
        explain = [f"{what}: {outcome(delivery, utc_now())}", clean(delivery.remedy, limit=300)]
        explain += [f"{word}: {DECISIONS[word][1]}." for word in accepted]
        explain.append("Look at the place itself first: sending again what has arrived tells people twice.")
        self.room.push_room_screen(
            LineEntry(
                f"settle {delivery.delivery} of {self.incident_id}",
                f"type {' or '.join(accepted)}; then : and why",
                decide,
                check=check,
                explain=[one for one in explain if one],
                confirms=True,
            )
        )

    def _write(self, delivery: Delivery, decided: str, why: str, doing: str) -> None:
        service = self.room.service
        if service is None or self._deciding:
            return
        # What a person saw may have moved on meanwhile: the decision is about that state, and no other one.
        current = self.incident
        now = next((one for one in current.deliveries if one.delivery == delivery.delivery), None) if current else None
        if now is None or now.state != delivery.state:
            self.room.say(f"{delivery.delivery} has moved on meanwhile; look again, then decide", "warn")
            return
        self._deciding = True

        def done(incident: Incident) -> None:
            self._deciding = False
            self.take(incident)
            self.room.incident_changed()
            self.room.say(f"{delivery.delivery}: {decided.replace('_', ' ')}", "pass")

        def failed() -> None:
            self._deciding = False

        self.room.ask(
            lambda: service.notices.settle(self.incident_id, delivery.delivery, cast("Outcome", decided), why),
            done,
            doing=doing,
            failed=failed,
        )


def delivery_document(delivery: Delivery, signs: Glyphs) -> Document:
    """Everything about one delivery: who, when, what, with which numbers."""

    def build(width: int) -> list[Row]:
        now = utc_now()
        what = f"{channel_word(delivery.channel)} {signs.separator} {purpose_word(delivery.purpose)}"
        rows = [row(state_piece(delivery, signs), f"  {signs.text(what)}"), BLANK]
        attempts = f"{delivery.attempts}"
        if delivery.attempted_at is not None:
            by = f" by {clean(delivery.attempted_by, limit=120)}" if delivery.attempted_by else ""
            attempts += f", the newest at {delivery.attempted_at:%H:%M:%S} UTC{by}"
        confirmed = f"{delivery.confirmed_at:%d %b %H:%M:%S} UTC by {clean(delivery.confirmed_by, limit=120)}"
        for label, text in (
            ("became", outcome(delivery, now)),
            ("remedy", delivery.remedy if delivery.state != "sent" else ""),
            ("to", delivery.destination),
            ("for", str(delivery.audience)),
            ("confirmed", confirmed),
            ("attempts", attempts),
            ("receipt", delivery.receipt),
            ("link", delivery.link),
            ("our own key", delivery.token),
        ):
            if text:
                rows += labelled(label, signs.text(clean(text, limit=2_000)), width, label_width=14)
        rows += [BLANK, row(("its text", "title"))]
        if delivery.title:
            rows += [row((line, "strong")) for line in wrap(signs.text(clean(delivery.title, limit=400)), width)]
        rows += [row(line) for line in wrap(signs.text(clean(delivery.text, multiline=True)), width)]
        if delivery.figures:
            rows += [BLANK, row(("its numbers", "title"))]
        for one in delivery.figures:
            age = f", {wording.age(one.taken_at, delivery.confirmed_at)} old when confirmed" if one.taken_at else ""
            stale = f"; {one.stale}" if one.stale else ""
            text = signs.text(clean(f"{one.shown}{age}{stale}", limit=400))
            rows += labelled(f"{one.name.replace('_', ' ')} ", text, width, label_width=24)
        return rows + (
            evidence_rows([one.evidence for one in delivery.figures if one.evidence is not None], width, signs)
            if delivery.figures
            else []
        )

    title = f"delivery {delivery.delivery} {signs.separator} {channel_word(delivery.channel)}"
    return Document(title, build, clean(delivery.text, multiline=True))
