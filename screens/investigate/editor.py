"""Writing to an investigation: hypotheses, evidence for and against, judgements, the root cause, the conclusion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from diagnostics.core.document import GAP, Cell, Line, Text
from screens.line_entry import LineEntry, any_words, bring_back
from screens.listing import Listing, ListingScreen

if TYPE_CHECKING:
    from diagnostics.incident.investigations import InvestigationService
    from diagnostics.models.evidence import Evidence
    from diagnostics.models.incidents import Pin
    from diagnostics.models.investigations import Hypothesis, Investigation, Weighed
    from screens.base import ScreenHost

Choice = tuple[str, str, Callable[[], None]]
"""Name, sentence and function of one action."""

ROOT_CAUSE = "root cause"
"""Words to type before a hypothesis is named as the cause: the review will say it to everybody."""

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


class InvestigationEditor:
    """Asks a person for the words, one line at a time, and writes them. What was typed is kept where writing fails."""

    def __init__(self, host: ScreenHost, name: str, written: Callable[[Investigation], None]) -> None:
        """`written` gets the record, as it is then, after each entry; `name` is the record's."""
        self.host = host
        self.name = name
        self._written = written

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
        self.host.push_console_screen(
            LineEntry(
                title, placeholder, then, check=check or any_words, start=start, explain=explain, confirms=confirms
            )
        )

    def _write(
        self, typed: dict[str, str], work: Callable[[InvestigationService], Investigation], said: str, doing: str
    ) -> None:
        """Write; what was typed, by title, stands there again when it fails."""
        service = self.host.service
        if service is None:
            return

        def done(investigation: Investigation) -> None:
            for title in typed:
                bring_back(self.host, title, "")
            self._written(investigation)
            self.host.incident_changed()
            self.host.say(said, "pass")

        def failed() -> None:
            for title, text in typed.items():
                bring_back(self.host, title, text)

        self.host.ask(lambda: work(service.investigations), done, doing=doing, failed=failed)

    # ---- adding

    def add_hypothesis(self) -> None:
        """Ask for the possible cause, then for what would show that it is wrong."""
        name = self.name
        first, second = f"{name}: a hypothesis", f"{name}: what would overturn it"

        def stated(statement: str) -> None:
            # Who leaves at the second line finds the first one again.
            bring_back(self.host, first, statement)
            self._line(
                second,
                "the observation that would show that it is wrong",
                lambda text: self._write(
                    {first: statement, second: text},
                    lambda investigations: investigations.add_hypothesis(name, statement, text),
                    "hypothesis added",
                    "adding the hypothesis",
                ),
                explain=(statement, "A hypothesis that nothing could overturn explains nothing."),
            )

        self._line(first, "what may be the cause, one sentence", stated)

    def weigh(self, one: Hypothesis, pin: Pin | None = None) -> None:
        """Evidence: what it says, its side and label, where it comes from. A pin brings all of them along."""
        title = f"{self.name} {one.hypothesis}: evidence{f' from pin {pin.pinned.pin}' if pin is not None else ''}"
        start = pin.pinned.title if pin is not None else ""
        if pin is not None and pin.pinned.text and pin.pinned.text != pin.pinned.title:
            start = f"{pin.pinned.title}: {pin.pinned.text}"
        self._line(
            title,
            "what was seen, with its numbers",
            partial(self._weigh_side, one.hypothesis, pin, title),
            start=start,
            explain=(f"{one.hypothesis}: {one.statement}",),
        )

    def _weigh_side(self, hypothesis: str, pin: Pin | None, title: str, text: str) -> None:
        bring_back(self.host, title, text)
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
            lambda investigations: investigations.weigh(
                self.name,
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

    def judge(self, found: Investigation, one: Hypothesis | None, item: Weighed | None) -> None:
        """Offer what can be done with the evidence or the hypothesis in view, and with the investigation."""
        choices: list[Choice] = []
        about = found.question if one is None else one.statement
        if item is not None:
            about = item.item.text
        if item is not None and not item.withdrawn_why:
            name = item.item.item
            choices.append((f"withdraw {name}", "it turned out not to be evidence", partial(self.withdraw, name)))
        choices += self._judgements(one) if one is not None else []
        closes = partial(self.close, found)
        choices.append(("close the investigation", "with a conclusion; nobody adds to it any more", closes))
        self.host.push_console_screen(ListingScreen(choices_listing(self.name, about, choices, self.host)))

    def _judgements(self, one: Hypothesis) -> list[Choice]:
        name = one.hypothesis
        found: list[Choice] = []
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
        found.append((f"what would overturn {name}", "reword it", partial(self._reword, one, "overturned_by")))
        return found

    def _stand(self, one: Hypothesis, standing: str) -> None:
        verb = "reject" if standing == "rejected" else "open again"
        title = f"{self.name}: {verb} {one.hypothesis}"
        self._line(
            title,
            "why: what was seen" if standing == "rejected" else "why it is worth looking at again",
            lambda why: self._write(
                {title: why},
                lambda investigations: investigations.change(self.name, one.hypothesis, "standing", standing, why),
                f"{one.hypothesis} is {standing}",
                f"writing that {one.hypothesis} is {standing}",
            ),
            explain=(one.statement, f"overturned by: {one.overturned_by}"),
        )

    def _reword(self, one: Hypothesis, field: str) -> None:
        is_statement = field == "statement"
        title = f"{self.name} {one.hypothesis}: {'its words' if is_statement else 'what would overturn it'}"
        self._line(
            title,
            "one sentence",
            lambda text: self._write(
                {title: text},
                lambda investigations: investigations.change(
                    self.name, one.hypothesis, "statement" if is_statement else "overturned_by", text
                ),
                f"{one.hypothesis} is reworded",
                "rewording",
            ),
            start=one.statement if is_statement else one.overturned_by,
        )

    def name_cause(self, one: Hypothesis) -> None:
        """The typed words, then why."""
        title = f"{self.name}: {one.hypothesis} as the root cause"
        missing = (
            "" if one.confidence in {"strict", "standard"} else " Fewer than two independent sources speak for it."
        )

        def write(why: str) -> None:
            self._write(
                {f"{title}, why": why},
                lambda investigations: investigations.name_root_cause(self.name, one.hypothesis, why),
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
        """Withdraw an item of evidence, with a reason."""
        title = f"{self.name}: withdraw {item}"
        self._line(
            title,
            "why it is no evidence after all",
            lambda why: self._write(
                {title: why},
                lambda investigations: investigations.withdraw(self.name, item, why),
                f"{item} is withdrawn",
                f"withdrawing {item}",
            ),
        )

    def close(self, found: Investigation) -> None:
        """Close the record with a conclusion."""
        title = f"{found.id}: conclusion"
        cause = found.root_cause
        self._line(
            title,
            "what was found, or why nobody looks any further",
            lambda text: self._write(
                {title: text},
                lambda investigations: investigations.close(found.id, text),
                f"{found.id} is closed",
                "closing",
            ),
            start=f"{cause.statement}" if cause is not None else "",
            explain=(found.question, "" if cause is not None else "No root cause has been named."),
        )


def choices_listing(name: str, about: str, choices: Sequence[Choice], host: ScreenHost) -> Listing:
    """What can be done, one line each; the list is gone before the chosen thing begins."""
    head = min(36, max(len(title) for title, _, _ in choices) + 2)
    lines = [
        Line((Cell(title, "key", head), Cell(sentence, "muted")), key=f"choice:{at}")
        for at, (title, sentence, _) in enumerate(choices)
    ]
    blocks = (Text(about, "strong", most=3), GAP, *lines)

    def open_row(key: str) -> None:
        _, _, then = choices[int(key.partition(":")[2])]
        host.screen.dismiss()
        host.screen.app.call_later(then)

    return Listing(f"{name} · what to do", "judge", blocks, open_row, frozenset({"choice"}))
