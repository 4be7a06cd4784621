"""Every delivery of an incident: what was sent, what waits, what is uncertain; and what a person decides about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from diagnostics.core.document import GAP, Asked, Block, Cell, Document, Fact, Heading, Line, Text, facts
from diagnostics.core.sanitizer import clean
from diagnostics.core.time import utc_now
from diagnostics.core.words import age, listed
from screens.incident.base import READING_AGAIN, IncidentScreen
from screens.line_entry import LineEntry
from widgets.footer_bar import Hint
from widgets.glyphs import Glyphs
from widgets.row import BLANK, Row, plain, row, wrapped
from widgets.rows.notices import (
    BELOW,
    READABLE,
    channel_word,
    delivery_rows,
    headline,
    outcome,
    purpose_word,
    state_piece,
)

if TYPE_CHECKING:
    from diagnostics.models.incidents import Delivery, Incident

Outcome = Literal["arrived", "given_up", "send_again"]

DECISIONS: dict[str, tuple[Outcome, str]] = {
    "arrived": ("arrived", "somebody has seen it there"),
    "send again": ("send_again", "it is not there: the console sends it once more"),
    "give up": ("given_up", "nobody sends it; it stays here as not sent"),
}
"""By the typed word: the outcome in the journal, and its meaning."""


def may_settle(delivery: Delivery) -> tuple[str, ...]:
    """The words that are accepted for a delivery as it stands now."""
    if delivery.state == "uncertain":
        return ("arrived", "send again", "give up")
    words = {
        "failed": ("send again", "arrived", "give up"),
        "given_up": ("send again",),
        "queued": ("give up",),
        "retrying": ("give up", "arrived"),
        # Left behind by a console that ended; the service says so where somebody is still at it.
        "sending": ("arrived", "give up"),
    }
    return words.get(delivery.state, ())


class DeliveriesScreen(IncidentScreen):
    """How it stands with all of them, one block each."""

    answers = "Did every notice arrive, and which one needs a decision?"

    what = "deliveries"
    footer_keys: ClassVar[tuple[Hint, ...]] = (
        Hint("enter", "in full"),
        Hint("x", "resolve"),
        Hint("r", "look again"),
        Hint("y", "copy text"),
        Hint("o", "link"),
        Hint("w", "why"),
        Hint("esc", "back"),
        Hint("?", "help"),
    )

    def __init__(self, incident_id: str) -> None:
        super().__init__(incident_id)
        self._deciding = False

    def read(self) -> None:
        """The incident as it is now."""
        self.follower.read(doing="reading the deliveries")

    def place(self) -> str:
        """The line that opens it again."""
        return f"deliveries {self.follower.incident_id}"

    def shown_readings(self) -> tuple[str, ...]:
        return ("incident",)

    # ---- drawing

    def heading(self) -> str:
        return f"deliveries {self.host.glyphs.separator} {clean(self.follower.incident_id, limit=40)}"

    def row_width(self) -> int:
        """No longer than can be read."""
        return min(super().row_width(), READABLE)

    def incident_rows(self, incident: Incident, width: int) -> Sequence[Row]:
        """How it stands, then each delivery; those that need somebody come first."""
        glyphs = self.host.glyphs
        if not incident.deliveries:
            said = "Nothing has been sent or waits to be sent. n tells people."
            return wrapped(said, width, "muted")
        text, tone = headline(incident.deliveries, incident.id)
        rows = wrapped(glyphs.text(text), width, tone)
        now = utc_now()
        for one in sorted(incident.deliveries, key=lambda item: item.is_settled and item.state == "sent"):
            rows += [BLANK, *delivery_rows(one, width, now, glyphs)]
            words = may_settle(one)
            if words and one.state not in {"queued", "sending"}:
                said = f"x resolves it: {', '.join(words)}"
                rows.append(row(" " * BELOW, (said, "muted"), key=f"delivery:{one.delivery}+settle"))
        return rows

    def under(self) -> Delivery | None:
        """The delivery under the cursor."""
        return self._named(self.key_under_cursor()[1].partition("+")[0])

    def _named(self, name: str) -> Delivery | None:
        deliveries = self.incident.deliveries if self.incident is not None else ()
        return next((one for one in deliveries if one.delivery == name), None)

    def _with_delivery(self, use: Callable[[Delivery], None]) -> None:
        delivery = self.under()
        if delivery is None:
            self.host.say("no delivery is under the cursor", "muted")
        else:
            use(delivery)

    # ---- keys

    def act_open(self) -> None:
        """The delivery in full."""
        self._with_delivery(lambda one: self.host.open_document(delivery_document(one, self.host.glyphs)))

    act_why = act_open

    def act_copy(self) -> None:
        """Its text, for people to paste by hand."""
        self._with_delivery(lambda one: self.host.copy(clean(one.text, multiline=True)))

    def act_plain(self) -> None:
        """Its text as plain text that the terminal itself can select."""
        delivery = self.under()
        self.open_plain(clean(delivery.text, multiline=True) if delivery is not None else plain(self.body.rows))

    def act_link(self) -> None:
        """Where it can be seen."""
        delivery = self.under()
        if delivery is None or not delivery.link:
            self.host.say("the service gave no link for it", "muted")
        else:
            self.open_text("link", clean(delivery.link, limit=2_000))

    def act_refresh(self) -> None:
        """Read the journal again, and have the console look at once whether something is due."""
        self.host.incident_changed()
        self.read()
        self.host.say(READING_AGAIN)

    def act_run(self) -> None:
        """Decide about a delivery that the console cannot decide about."""
        self._with_delivery(self._ask_decision)

    def _ask_decision(self, delivery: Delivery) -> None:
        accepted = may_settle(delivery)
        if not accepted:
            self.host.say(f"{_name(delivery)} has arrived; there is nothing to resolve", "muted")
            return

        def check(text: str) -> str:
            word = text.partition(":")[0].strip().lower()
            if word in accepted:
                return ""
            return f"{word!r} is not accepted; accepted: {', '.join(accepted)}, and a reason behind a colon if you like"

        def decide(text: str) -> None:
            word, _, why = text.partition(":")
            self._settle(delivery, DECISIONS[word.strip().lower()][0], why.strip())

        what = f"{channel_word(delivery.channel)} to {clean(delivery.destination, limit=80)}"
        explain = [f"{what}: {outcome(delivery, utc_now())}", clean(delivery.remedy, limit=300)]
        explain += [f"{word}: {DECISIONS[word][1]}." for word in accepted]
        explain.append("Look at the place itself first: sending again what has arrived tells people twice.")
        self.host.push_console_screen(
            LineEntry(
                f"settle {_name(delivery)} of {delivery.confirmed_at:%H:%M} UTC, {self.follower.incident_id}",
                f"type {listed(accepted, 'or')}; then : and why",
                decide,
                check=check,
                explain=[one for one in explain if one],
                confirms=True,
            )
        )

    def _settle(self, delivery: Delivery, decided: Outcome, why: str) -> None:
        service, writer, name = self.host.service, self.writer(), delivery.delivery
        if service is None or writer is None or self._deciding:
            return
        # What a person saw may have moved on meanwhile: the decision is about that state, and no other one.
        now = self._named(name)
        if now is None or now.state != delivery.state:
            self.host.say(f"{_name(delivery)} has moved on meanwhile; look again, then decide", "warn")
            return
        self._deciding = True

        def ended() -> None:
            self._deciding = False

        writer.write(
            lambda: service.notices.settle(writer.incident_id, name, decided, why),
            f"{_name(delivery)}: {decided.replace('_', ' ')}",
            doing=f"settling {_name(delivery)}",
            ended=ended,
        )


def _name(delivery: Delivery) -> str:
    """The delivery in words; its number in the journal says nothing to a person."""
    return clean(delivery.named, limit=120)


def delivery_document(delivery: Delivery, glyphs: Glyphs) -> Document:
    """Everything about one delivery: who, when, what, with which numbers."""
    attempts = f"{delivery.attempts}"
    if delivery.attempted_at is not None:
        by = f" by {clean(delivery.attempted_by, limit=120)}" if delivery.attempted_by else ""
        attempts += f", the newest at {delivery.attempted_at:%H:%M:%S} UTC{by}"
    own = (
        ("became", outcome(delivery, utc_now())),
        ("remedy", delivery.remedy if delivery.state != "sent" else ""),
        ("to", f"{delivery.destination} {delivery.fields.get('site', '')}".strip()),
        ("for", str(delivery.audience)),
        ("confirmed", f"{delivery.confirmed_at:%d %b %H:%M:%S} UTC by {clean(delivery.confirmed_by, limit=120)}"),
        ("attempts", attempts),
        ("receipt", delivery.receipt),
        ("link", delivery.link),
        ("our own key", delivery.token),
    )
    state, text = state_piece(delivery, glyphs), clean(delivery.text, multiline=True)
    what = f"  {channel_word(delivery.channel)} · {purpose_word(delivery.purpose)}"
    blocks: list[Block] = [
        Line((Cell(state.text, state.tone), Cell(what))),
        GAP,
        *facts(*((label, clean(said, limit=2_000)) for label, said in own)),
        Heading("its text"),
        Text(clean(delivery.title, limit=400), "strong"),
        Text(text),
    ]
    if delivery.figures:
        blocks.append(Heading("its numbers"))
        for one in delivery.figures:
            old = f", {age(one.taken_at, delivery.confirmed_at)} old when confirmed" if one.taken_at else ""
            shown = clean(f"{one.shown}{old}{f'; {one.stale}' if one.stale else ''}", limit=400)
            blocks.append(Fact(f"{one.name.replace('_', ' ')} ", shown, width=24))
        blocks.append(Asked([one.evidence for one in delivery.figures if one.evidence is not None]))
    return Document(_name(delivery), blocks, copy=text)
