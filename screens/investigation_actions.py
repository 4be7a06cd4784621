"""What people do to an investigation: add hypotheses, weigh evidence, judge, name the root cause, close."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from screens import documents
from screens.base import RoomScreen
from screens.investigation_documents import choices_listing, hypothesis_text, item_document
from widgets.line_view import LineView
from widgets.rows import plain

if TYPE_CHECKING:
    from diagnostics.incident.investigations import InvestigationDesk
    from diagnostics.models.evidence import Evidence
    from diagnostics.models.incidents import Pin
    from diagnostics.models.investigations import Hypothesis, Investigation, Weighed

ROOT_CAUSE = "root cause"
"""What has to be typed before a hypothesis is named as the cause: the review will say it to everybody."""

SIDES = ("for", "against")
INFERENCE = "inference"


def side_and_label(text: str, labels: tuple[str, ...]) -> tuple[str, str, bool] | str:
    """Read such as "against statistical inference"; missing words are the defaults. A text says what is wrong."""
    side, label, inferred = "for", "direct", False
    for word in text.casefold().replace(",", " ").split():
        if word in SIDES:
            side = word
        elif word in {INFERENCE, "inferred"}:
            inferred = True
        else:
            near = [one for one in labels if one.startswith(word)]
            if len(near) != 1:
                return f"{word!r} is none of: for, against, {', '.join(labels)}, {INFERENCE}"
            label = near[0]
    return side, label, inferred


def labels() -> tuple[str, ...]:
    """The kinds of evidence."""
    from diagnostics.models.entries import EvidenceLabel  # noqa: PLC0415

    return tuple(str(one) for one in EvidenceLabel)


class InvestigationActions(RoomScreen):
    """Actions by name, `act_<name>` as the registry calls them."""

    investigation_id: str
    investigation: Investigation | None
    pins: tuple[Pin, ...]

    # ---- given by the screen

    @property
    def list_view(self) -> LineView:
        """Given by the screen."""
        raise LookupError

    @property
    def detail_view(self) -> LineView:
        """Given by the screen."""
        raise LookupError

    def current(self) -> Hypothesis | None:
        """Given by the screen."""
        raise LookupError

    def taken(self, investigation: Investigation, pins: tuple[Pin, ...] | None = None) -> None:
        """Given by the screen."""

    def ask(self) -> None:
        """Given by the screen."""

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
            self.room.say("it has not been read yet", "muted")
            return False
        if found.closed_at is not None:
            self.room.say(f"{found.id} is closed: nobody adds to it any more; N on level 3 opens another one", "warn")
            return False
        return True

    # ---- writing

    def _line(
        self,
        title: str,
        placeholder: str,
        then: Callable[[str], None],
        *,
        check: Callable[[str], str] | None = None,
        start: str = "",
        explain: tuple[str, ...] = (),
        confirms: bool = False,
    ) -> None:
        from screens.line_entry import LineEntry, any_words  # noqa: PLC0415  # only who writes pays for it

        self.room.push_room_screen(
            LineEntry(
                title, placeholder, then, check=check or any_words, start=start, explain=explain, confirms=confirms
            )
        )

    def _write(
        self, typed: dict[str, str], work: Callable[[InvestigationDesk], Investigation], said: str, doing: str
    ) -> None:
        """Write; what was typed, by title, stands there again when it fails."""
        from screens.line_entry import bring_back  # noqa: PLC0415

        service = self.room.service
        if service is None:
            return

        def done(investigation: Investigation) -> None:
            for title in typed:
                bring_back(self.room, title, "")
            self.taken(investigation)
            self.room.incident_changed()
            self.room.say(said, "pass")

        def failed() -> None:
            for title, text in typed.items():
                bring_back(self.room, title, text)

        self.room.ask(lambda: work(service.investigations), done, doing=doing, failed=failed)

    # ---- adding

    def act_new(self) -> None:
        """Among the hypotheses another one, in the detail evidence for or against the one in view."""
        if not self._is_open():
            return
        if self._in_detail() and self.current() is not None:
            self.weigh(self.pin())
        else:
            self.add_hypothesis()

    def add_hypothesis(self) -> None:
        """What may be the cause, then what would show that it is wrong."""
        from screens.line_entry import bring_back  # noqa: PLC0415

        name = self.investigation_id
        first, second = f"{name}: a hypothesis", f"{name}: what would overturn it"

        def stated(statement: str) -> None:
            # Who leaves at the second line finds the first one again.
            bring_back(self.room, first, statement)
            self._line(
                second,
                "the observation that would show that it is wrong",
                lambda text: self._write(
                    {first: statement, second: text},
                    lambda desk: desk.add_hypothesis(name, statement, text),
                    "hypothesis added",
                    "adding the hypothesis",
                ),
                explain=(statement, "A hypothesis that nothing could overturn explains nothing."),
            )

        self._line(first, "what may be the cause, one sentence", stated)

    def weigh(self, pin: Pin | None = None) -> None:
        """Evidence: what it says, its side and label, where it comes from. A pin brings all of them along."""
        one = self.current()
        if one is None:
            self.room.say("add a hypothesis first: N among the hypotheses", "muted")
            return
        title = f"{self.investigation_id} {one.hypothesis}: evidence"
        start = pin.pinned.title if pin is not None else ""
        if pin is not None and pin.pinned.text and pin.pinned.text != pin.pinned.title:
            start = f"{pin.pinned.title}: {pin.pinned.text}"
        self._line(
            title if pin is None else f"{title} from pin {pin.pinned.pin}",
            "what was seen, with its numbers",
            partial(
                self._weigh_side, one.hypothesis, pin, title if pin is None else f"{title} from pin {pin.pinned.pin}"
            ),
            start=start,
            explain=(f"{one.hypothesis}: {one.statement}",),
        )

    def _weigh_side(self, hypothesis: str, pin: Pin | None, title: str, text: str) -> None:
        from screens.line_entry import bring_back  # noqa: PLC0415

        bring_back(self.room, title, text)
        kinds = labels()
        start = "for direct"
        if pin is not None:
            start = f"for {pin.pinned.label}{f' {INFERENCE}' if pin.pinned.inferred else ''}"

        def check(words: str) -> str:
            read = side_and_label(words, kinds)
            return read if isinstance(read, str) else ""

        second = f"{hypothesis}: side and label"
        self._line(
            second,
            "for or against; direct, circumstantial, statistical or experimental; inference where it is one",
            lambda words: self._weigh_source(hypothesis, pin, {title: text, second: words}),
            check=check,
            start=start,
            explain=(
                text,
                "direct: seen as it happened. circumstantial: fits, and other causes would fit as well.",
                "statistical: counts or rates. experimental: somebody changed something and looked.",
                "An inference counts as no source of its own.",
            ),
        )

    def _weigh_source(self, hypothesis: str, pin: Pin | None, typed: dict[str, str]) -> None:
        text, words = typed.values()
        read = side_and_label(words, labels())
        if isinstance(read, str):
            return
        evidence = pin.pinned.evidence if pin is not None else None

        def write(source: str) -> None:
            self._send_evidence(hypothesis, read, {**typed, third: source}, evidence)

        third = f"{hypothesis}: source of the evidence"
        self._line(
            third,
            "datadog, common, client 14009, a customer: sources are counted once each",
            write,
            start=evidence.source if evidence is not None else "",
            explain=(text, "Three independent sources make a conclusion strict, two standard, one preliminary."),
        )

    def _send_evidence(
        self,
        hypothesis: str,
        read: tuple[str, str, bool],
        typed: dict[str, str],
        evidence: Evidence | None,
    ) -> None:
        from diagnostics.models.entries import EvidenceLabel  # noqa: PLC0415

        side, label, inferred = read
        text, _, source = typed.values()
        self._write(
            typed,
            lambda desk: desk.weigh(
                self.investigation_id,
                hypothesis,
                "for" if side == "for" else "against",
                EvidenceLabel(label),
                text,
                source,
                inferred=inferred,
                evidence=evidence,
            ),
            f"it speaks {side} {hypothesis}",
            "weighing the evidence",
        )

    # ---- judging

    def act_status(self) -> None:
        """What can be done with the hypothesis or the evidence under the cursor."""
        from screens.listing import ListingScreen  # noqa: PLC0415

        if not self._is_open() or self.investigation is None:
            return
        one, item = self.current(), self.item()
        choices: list[tuple[str, str, Callable[[], None]]] = []
        if item is not None and not item.withdrawn_why:
            name = item.item.item
            choices.append((f"withdraw {name}", "it turned out not to be evidence", partial(self.withdraw, name)))
        if one is not None:
            choices += self._judgements(one)
        choices.append(("close the investigation", "with a conclusion; nobody adds to it any more", self.close_it))
        about = (
            item.item.text if item is not None else one.statement if one is not None else self.investigation.question
        )
        listing = choices_listing(self.investigation_id, about, choices, self.room)
        self.room.push_room_screen(ListingScreen(listing))

    def _judgements(self, one: Hypothesis) -> list[tuple[str, str, Callable[[], None]]]:
        name = one.hypothesis
        found: list[tuple[str, str, Callable[[], None]]] = []
        if one.standing != "root_cause":
            found.append(
                (
                    f"name {name} as the root cause",
                    f"needs {ROOT_CAUSE!r} typed, and why",
                    partial(self.name_cause, one),
                )
            )
        if one.standing != "rejected":
            found.append((f"reject {name}", "say what overturned it", partial(self._stand, one, "rejected")))
        if one.standing != "open":
            found.append((f"open {name} again", "say why", partial(self._stand, one, "open")))
        found.append(
            (f"reword {name}", "the words before stay in the journal", partial(self._reword, one, "statement"))
        )
        found.append((f"what would overturn {name}", "say it anew", partial(self._reword, one, "overturned_by")))
        return found

    def _stand(self, one: Hypothesis, standing: str) -> None:
        verb = "reject" if standing == "rejected" else "open again"
        title = f"{self.investigation_id}: {verb} {one.hypothesis}"
        self._line(
            title,
            "why: what was seen" if standing == "rejected" else "why it is worth looking at again",
            lambda why: self._write(
                {title: why},
                lambda desk: desk.change(self.investigation_id, one.hypothesis, "standing", standing, why),
                f"{one.hypothesis} is {standing}",
                f"writing that {one.hypothesis} is {standing}",
            ),
            explain=(one.statement, f"overturned by: {one.overturned_by}"),
        )

    def _reword(self, one: Hypothesis, field: str) -> None:
        is_statement = field == "statement"
        title = f"{self.investigation_id} {one.hypothesis}: {'its words' if is_statement else 'what would overturn it'}"
        self._line(
            title,
            "one sentence",
            lambda text: self._write(
                {title: text},
                lambda desk: desk.change(
                    self.investigation_id, one.hypothesis, "statement" if is_statement else "overturned_by", text
                ),
                f"{one.hypothesis} is reworded",
                "rewording",
            ),
            start=one.statement if is_statement else one.overturned_by,
        )

    def name_cause(self, one: Hypothesis) -> None:
        """The typed words, then why."""
        title = f"{self.investigation_id}: {one.hypothesis} as the root cause"
        missing = (
            "" if one.confidence in {"strict", "standard"} else " Fewer than two independent sources speak for it."
        )

        def write(why: str) -> None:
            self._write(
                {f"{title}, why": why},
                lambda desk: desk.name_root_cause(self.investigation_id, one.hypothesis, why),
                f"{one.hypothesis} is the root cause",
                "naming the root cause",
            )

        def confirmed(_words: str) -> None:
            self._line(f"{title}, why", "what makes it certain enough", write, explain=(one.statement,))

        self._line(
            title,
            f"type {ROOT_CAUSE}",
            confirmed,
            check=lambda words: "" if words.casefold() == ROOT_CAUSE else f"type {ROOT_CAUSE} to name it; esc leaves",
            explain=(one.statement, f"Confidence: {one.confidence}, {len(one.sources)} sources.{missing}"),
            confirms=True,
        )

    def withdraw(self, item: str) -> None:
        """It is no evidence."""
        title = f"{self.investigation_id}: withdraw {item}"
        self._line(
            title,
            "why it is no evidence after all",
            lambda why: self._write(
                {title: why},
                lambda desk: desk.withdraw(self.investigation_id, item, why),
                f"{item} is withdrawn",
                f"withdrawing {item}",
            ),
        )

    def close_it(self) -> None:
        """With a conclusion."""
        found = self.investigation
        if found is None:
            return
        title = f"{found.id}: conclusion"
        cause = found.root_cause
        self._line(
            title,
            "what was found, or why nobody looks any further",
            lambda text: self._write(
                {title: text}, lambda desk: desk.close(found.id, text), f"{found.id} is closed", "closing"
            ),
            start=f"{cause.statement}" if cause is not None else "",
            explain=(found.question, "" if cause is not None else "No root cause has been named."),
        )

    # ---- in, around, evidence, copying

    def act_open(self) -> None:
        """From the list into the detail; there, the evidence in full, or a pin to weigh."""
        item, pin = self.item(), self.pin()
        if not self._in_detail():
            if self.current() is None:
                self.act_new()
            else:
                self.detail_view.focus()
        elif pin is not None:
            if self._is_open():
                self.weigh(pin)
        elif item is not None:
            self.room.open_document(item_document(item, self.room.signs))

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
        """Read it again."""
        self.ask()

    def act_why(self) -> None:
        """The question behind the evidence under the cursor, else behind all of the hypothesis."""
        item, pin, one = self.item(), self.pin(), self.current()
        if pin is not None and pin.pinned.evidence is not None:
            self._show_why(f"pin {pin.pinned.pin}", pin.pinned.title, [pin.pinned.evidence])
        elif item is not None:
            found = item.item.evidence
            if found is None:
                self.room.say(f"{item.item.item} was typed by {item.by}: no question of ours stands behind it", "muted")
            else:
                self._show_why(item.item.item, item.item.text, [found])
        elif one is not None:
            counted = (*one.speaks_for, *one.speaks_against)
            asked = [each.item.evidence for each in counted if each.item.evidence is not None]
            self._show_why(one.hypothesis, f"{one.confidence}: {one.confidence_why}", asked)

    def _show_why(self, title: str, summary: str, found: list[Evidence]) -> None:
        self.room.open_document(documents.evidence_document(title, summary, found, self.room.signs))

    def act_copy(self) -> None:
        """The evidence under the cursor, else the hypothesis with all that speaks for and against it."""
        item, one = self.item(), self.current()
        if item is not None:
            self.room.copy(item.item.text)
        elif one is not None:
            self.room.copy(hypothesis_text(one))

    def act_plain(self) -> None:
        """Everything as plain text that the terminal itself can select."""
        text = plain((*self.list_view.rows, *self.detail_view.rows))
        self.room.open_document(documents.text_document("plain text, to select", text, self.room.signs))
