"""Telling people: everything one confirmation will do, seen first, typed then, and followed until it has arrived.

Cancel is under the cursor. The typed word is accepted only while the whole preview is on screen; keys that come while
it is being prepared are kept, and do what they say once it is there.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from diagnostics.core.sanitizer import clean
from diagnostics.core.time import utc_now
from diagnostics.core.words import age, capital
from diagnostics.models.entries import Audience, Purpose
from diagnostics.models.incidents import Incident
from screens import addresses
from screens.base import ReadingArrived
from screens.incident.base import ASKED_ONCE, unmet_words
from screens.incident.respond_rows import CANCEL, DELIVERIES, SEND, body_rows, measuring_words, steps_of
from screens.incident.respond_sending import Sending
from screens.incident.respond_state import WORDS, NotPrepared, PreparedNotice, RespondState
from screens.incident_follower import IncidentFollower
from screens.line_entry import EntryInput, LineEntry
from screens.list_screen import ListScreen
from widgets.footer_bar import Hint
from widgets.line_view import LineView
from widgets.row import plain
from widgets.rows.notices import READABLE, channel_word, step_rows

if TYPE_CHECKING:
    from diagnostics.models.entries import BoundFigure
    from diagnostics.models.notices import Proposal
    from diagnostics.models.triage import Refusal
    from widgets.row import Row, Tone

LIMIT_S = 60.0
"""A preparation ends after so long; what did not answer is a dash."""

STRAY_ENTER_S = 1.0
"""An Enter so soon after the line was left is the second half of a double one, and does not leave the screen."""

CHANGED_S = 1.0
"""An Enter so soon after the texts changed was meant for what stood there before."""

LONGEST_TITLE = 200

FIELDS = (
    ("title", "title", "one line: what is broken, for whom"),
    ("summary", "summary", "what it means for customers, in a sentence or two"),
)
"""Name, label and meaning of what can be written while there is no incident yet."""


class ConfirmInput(EntryInput):
    """Where the word is typed. Esc takes it away and sends nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "cancel", show=False, id="respond.cancel"),
    ]


class RespondScreen(ListScreen):
    """The preview, Cancel under the cursor, below it the step that asks for the word; then what became of it."""

    answers = "What would be sent, to whom, and are its numbers fresh?"

    DEFAULT_CSS = """
    RespondScreen #respond-steps { height: 3; scrollbar-size-vertical: 0; }
    RespondScreen ConfirmInput, RespondScreen ConfirmInput:focus {
        display: none; width: 1fr; border: none; height: 1; padding: 0 1; background: $panel;
    }
    RespondScreen.-typing ConfirmInput { display: block; }
    RespondScreen:ansi ConfirmInput { background: ansi_default; }
    """

    footer_keys: ClassVar[tuple[Hint, ...]] = (
        Hint("enter", "open"),
        Hint("tab", "text/steps"),
        Hint("r", "refresh"),
        Hint("A", "accept"),
        Hint("w", "why"),
        Hint("y", "copy"),
        Hint("s", "audience"),
        Hint("esc", "back"),
        Hint("?", "help"),
    )

    def __init__(  # each one is a part of what is to be said
        self,
        *,
        issue_type: str | None = None,
        severity: str | None = None,
        incident: str | None = None,
        purpose: Purpose | None = None,
        audience: Audience | None = None,
        words: Mapping[str, str] | None = None,
        systems: Sequence[str] = (),
        accounts: Sequence[int] = (),
    ) -> None:
        super().__init__()
        purpose, audience = purpose or Purpose.FIRST_NOTICE, audience or Audience.RESPONDERS
        self.state = RespondState(
            issue_type, severity, incident, purpose, audience, dict(words or {}), tuple(systems), tuple(accounts)
        )
        self.follower: IncidentFollower | None = None
        """Follows what was confirmed; None before that."""
        self.typing = False
        """The line for the word is open."""
        self._asking = 0
        """Number of the newest preparation; an answer to an older one is dropped."""
        self._shown = 0
        """Number of the newest preview on screen."""
        self._wording = 0
        """How often words or audience were changed; what was prepared before is written anew."""
        self._latest: PreparedNotice | None = None
        """The newest answer of the service."""
        self._changed_at = float("-inf")
        """When the texts last changed under somebody who is typing the word."""
        self._entered_at = float("-inf")
        """When the line for the word was last left with Enter."""

    # ---- layout

    def panes(self) -> Iterable[Widget]:
        """Preview, steps, the line to type."""
        yield from super().panes()
        steps = LineView(glyphs=self.host.glyphs, id="respond-steps")
        steps.show(self._steps(70))
        yield steps
        yield ConfirmInput(
            self._cancel_word, placeholder="type the word that stands above, then enter; esc sends nothing", most=80
        )

    def take_keys(self) -> None:
        """Cancel is under the cursor, unless somebody was quicker."""
        self.call_later(self.focus_in_turn, self._wants_keys)

    def read(self) -> None:
        self.prepare()

    def _wants_keys(self) -> Widget | None:
        return self.entry if self.typing else self.steps if self.focused is None else None

    @property
    def takes_typing(self) -> bool:  # type: ignore[override]  # true while the word is being typed
        """Letters are letters while the word is being typed."""
        return self.typing

    @property
    def steps(self) -> LineView:
        """Cancel, and what else there is."""
        return self.query_one("#respond-steps", LineView)

    @property
    def entry(self) -> ConfirmInput:
        """The line to type."""
        return self.query_one(ConfirmInput)

    @property
    def is_preparing(self) -> bool:
        """True while a preview is being made."""
        return self._running_job is not None and self._running_job.is_running

    def tick(self) -> None:
        """Ages go on; a preview grows old."""
        self.draw()

    def crumb(self) -> str:
        """The word for the breadcrumbs."""
        return {Purpose.UPDATE: "update", Purpose.RESOLUTION: "resolution"}.get(self.state.purpose, "notify")

    def shown_readings(self) -> tuple[str, ...]:
        """The incident, while its deliveries are followed."""
        return ("incident",)

    def fields(self) -> tuple[tuple[str, str, str], ...]:
        """Name, label and meaning of each text that a person can write here."""
        own = WORDS.get(self.state.purpose, ())
        return own if self.state.incident_id is not None else (*FIELDS, *own)

    def draw(self) -> None:
        """Everything for the present width."""
        self._look_at_ages()
        reads = self.is_attached and (self.focused is self.body or self.body.scroll_offset.y > 0)
        stood = self._cursor_line() if reads else None
        super().draw()
        if stood is not None and (stands := self._cursor_line()) is not None and stands != stood:
            # Rows that came or went above it: what somebody reads stays where it is.
            self.body.scroll_to(y=self.body.scroll_offset.y + stands - stood, animate=False)
        if self.is_attached:
            self.steps.show(self._steps(self.size.width - self.margin))

    def row_width(self) -> int:
        """No longer than can be read."""
        return min(super().row_width(), READABLE)

    def rows(self, width: int) -> Sequence[Row]:
        """The preview, and later what became of it."""
        return body_rows(self.state, self.fields(), width, utc_now(), self.host.glyphs, waiting=self.is_preparing)

    def _look_at_ages(self) -> None:
        """Numbers that were fresh when they were measured grow old while they are read."""
        service, proposal = self.host.service, self.state.proposal
        if service is not None and proposal is not None and self.state.declared is None:
            self.state.age(service.notices.stale(proposal))

    def heading(self) -> str:
        """The kind of notice and its subject."""
        state, separator = self.state, self.host.glyphs.separator
        what = {
            Purpose.FIRST_NOTICE: "first notice",
            Purpose.UPDATE: f"update for {state.audience}",
            Purpose.RESOLUTION: f"resolution for {state.audience}",
        }.get(state.purpose, str(state.purpose))
        about = state.incident_id or (state.issue_type or "").replace("_", " ")
        measuring = measuring_words(state, waiting=self.is_preparing)
        return f" {separator} ".join(filter(None, (what, clean(about, limit=60), measuring)))

    def _steps(self, width: int) -> list[Any]:
        return step_rows(steps_of(self.state, utc_now(), typing=self.typing), width, self.host.glyphs)

    # ---- preparing

    def prepare(self, *, doing: str = "") -> None:
        """Ask for a preview in a thread; Esc ends it. What is on screen stays until the new one is there."""
        service = self.host.service
        if service is None or self.state.confirming or self.state.declared is not None:
            return
        if self._running_job is not None and self.is_preparing:
            # A newer wish replaces the older one; its answer would be of words and numbers that nobody wants any more.
            self._running_job.drop()
        self._asking += 1
        number, wording, sending = self._asking, self._wording, Sending(service, self.state)
        fields, is_first = self._names(), self.state.proposal is None
        if is_first or self.state.is_old(utc_now()):
            self.state.seen = False
        self.start_job(
            lambda job: sending.begin(job) if is_first else sending.prepare(fields, job),
            lambda answer: self._arrived(number, wording, answer),
            doing=doing or "preparing what would be sent",
            limit_s=LIMIT_S,
        )
        self.draw()

    def _names(self) -> list[str]:
        return [name for name, _, _ in self.fields()]

    def _arrived(self, number: int, wording: int, answer: PreparedNotice | NotPrepared) -> None:
        if number != self._asking or self.state.confirming or self.state.declared is not None:
            return
        if isinstance(answer, NotPrepared):
            self.state.problem = answer
            self.draw()
            return
        self._latest = answer
        if wording == self._wording:
            self._show(answer)
        else:
            self._rewrite()
        if answer.at_once:
            self.prepare(doing="measuring")
        else:
            self._rank(answer.proposal)

    def _reword(self, doing: str) -> None:
        """The texts anew, with what a person wrote and for whom; nothing is measured for it."""
        if self._latest is None:
            self.prepare(doing=doing)
            return
        self._wording += 1
        self.state.seen = False
        self._rewrite(doing)
        self.draw()

    def _rewrite(self, doing: str = "writing it into the texts") -> None:
        service, latest, wording, fields = self.host.service, self._latest, self._wording, self._names()
        if service is None or latest is None:
            return
        sending = Sending(service, self.state)

        def written(answer: PreparedNotice | NotPrepared) -> None:
            # Who changed either meanwhile has it written again.
            if wording != self._wording or latest is not self._latest or self.state.declared is not None:
                return
            if isinstance(answer, NotPrepared):
                self.state.problem = answer
                self.draw()
                return
            self._latest = answer
            self._show(answer)

        self.host.ask(lambda: sending.rewrite(latest, fields), written, doing=doing)

    def _show(self, answer: PreparedNotice) -> None:
        """A newer preview in place of the one on screen; the cursor stays where somebody reads."""
        before = [one.text for one in self.state.proposal.drafts] if self.state.proposal is not None else []
        self.state.take(answer)
        self.draw()
        self._shown += 1
        self.call_after_refresh(self._painted, self._shown)
        if self.typing and before and before != [one.text for one in answer.proposal.drafts]:
            self._changed_at = time.monotonic()
        self._onto_clipboard()
        if self.focused is not self.body:
            self._place_on_stale()

    def _cursor_line(self) -> int | None:
        key = self.body.cursor_key
        return next((at for at, one in enumerate(self.body.rows) if one.key is not None and one.key == key), None)

    def _painted(self, shown: int) -> None:
        """The whole preview has been on screen: from now on the word counts."""
        if shown != self._shown:
            return
        self.state.seen = True
        obstacle = self.state.obstacle(utc_now())
        if not self.typing:
            return
        if obstacle:
            self.host.say(f"the preview is here, and blocked: {obstacle}; esc leaves the line", "warn")
        else:
            word = self.state.proposal.word if self.state.proposal is not None else ""
            is_new = time.monotonic() - self._changed_at >= CHANGED_S
            what = "the preview is here: read it" if is_new else "fresh numbers stand in the texts: look again"
            self.host.say(f"{what}; the word {word!r} and enter sends it")
        self.draw()

    def _rank(self, proposal: Proposal) -> None:
        """Tier and impact stand in the preview as soon as they are known; they hold nothing up."""
        service = self.host.service
        if service is None or proposal.incident:
            return
        sending = Sending(service, self.state)

        def known(lines: tuple[str, ...]) -> None:
            self.state.rank = lines
            self.draw()

        self.host.quietly(lambda: sending.rank(proposal), known)

    def _onto_clipboard(self) -> None:
        """Where Slack cannot be used, the text is on the clipboard at once, to be pasted by hand."""
        draft, state = self.state.slack_draft, self.state
        if draft is not None and draft.problem and draft.text and not state.copied:
            state.copied = True
            self.host.copy(clean(draft.text, multiline=True))

    def action_cancel_job(self) -> None:
        """Esc while it is being prepared ends the preparation, and the wish to send with it."""
        super().action_cancel_job()
        if self.typing:
            self._cancel_word()
        self.draw()

    # ---- the word

    def act_open(self) -> None:
        """Cancel, or the step under the cursor; in the text, what is under the cursor there."""
        if self.focused is self.body:
            self._open_row()
            return
        step = self.steps.cursor_key
        if self.state.confirming:
            self.host.say("it is being written into the journal; esc leaves, and it goes on", "muted")
        elif step == DELIVERIES:
            self._open_deliveries()
        elif step == SEND:
            self._ask_word()
        elif time.monotonic() - self._entered_at >= STRAY_ENTER_S:
            self.dismiss()

    def _ask_word(self) -> None:
        """Open the line for the word, or say what stands in the way of it."""
        state, now = self.state, utc_now()
        waiting = self.is_preparing and (state.proposal is None or not state.seen)
        if not self.is_preparing and (state.proposal is None or state.is_old(now)):
            self.prepare(doing="measuring again" if state.proposal is not None else "")
            waiting = True
        if waiting:
            self.open_input("the line is ready; the word counts once the preview is here")
        elif state.unreasoned() and not state.blocking:
            self._ask_reason()
        elif obstacle := state.obstacle(now):
            # The line opens all the same: whoever types the word by heart must not press seven other keys.
            self._place_on_stale()
            self.open_input(f"blocked: {obstacle}; esc leaves the line", "warn")
        else:
            self.open_input("read it, then type the word; an empty line sends nothing")

    def _ask_reason(self) -> None:
        unmet = self.state.unreasoned()

        def keep(text: str) -> None:
            self.state.overruled = text
            self.draw()
            self.open_input("the reason is kept; read it, then type the word")

        lines = [f"{one.title}: {one.shown}. {one.note}".strip() for one in unmet]
        self.host.push_console_screen(
            LineEntry(
                f"why {self.state.incident_id} is resolved all the same",
                "the reason, for the timeline and the review",
                keep,
                explain=[f"{unmet_words(len(unmet))}:", *lines, ASKED_ONCE],
            )
        )

    def open_input(self, said: str, tone: Tone = "") -> None:
        """The line for the word."""
        self.typing = True
        self.add_class("-typing")
        self.entry.value = ""
        self.call_later(self.focus_in_turn, self._wants_keys)
        self.host.say(said, tone)
        self.draw()

    def close_input(self, said: str, tone: Tone = "muted") -> None:
        """Away with the line; Cancel is under the cursor again."""
        self.typing = False
        self.remove_class("-typing")
        self.entry.value = ""
        self.steps.place(CANCEL)
        self.steps.focus()
        self.draw()
        if said:
            self.host.say(said, tone)

    def _cancel_word(self) -> None:
        self.close_input("cancelled; nothing was sent")

    @on(Input.Submitted)
    def word_typed(self, message: Input.Submitted | None = None) -> None:
        """The word was typed: it counts only for a preview that is on screen, complete and not old."""
        if message is not None:
            message.stop()
        self._look_at_ages()
        state, proposal, said = self.state, self.state.proposal, self.entry.value.strip()
        if state.confirming or state.declared is not None or not self.typing:
            return
        if not said:
            self.close_input("nothing was typed and nothing was sent")
            self._entered_at = time.monotonic()
        elif proposal is None or not state.seen:
            self.host.say("the preview is not here yet: nothing was sent; enter again once you have seen it", "warn")
        elif state.is_old(utc_now()):
            self.prepare(doing="measuring again")
            self.host.say("the numbers grew old meanwhile: nothing was sent; look at the new ones, then enter", "warn")
        elif state.unreasoned() and not state.blocking:
            self.close_input("")
            self._ask_reason()
        elif obstacle := state.obstacle(utc_now()):
            self.close_input(f"nothing was sent: {obstacle}", "warn")
            self._entered_at = time.monotonic()
        elif time.monotonic() - self._changed_at < CHANGED_S:
            self.host.say("the texts have changed just now: nothing was sent; look at them, then enter", "warn")
        elif said != proposal.word:
            # What was refused is not left to be corrected letter by letter: the whole word is typed.
            self.entry.value = ""
            self.host.say(f"type {proposal.word} to confirm; nothing was sent", "warn")
        else:
            self._confirm(said)

    def _confirm(self, said: str) -> None:
        service, state = self.host.service, self.state
        proposal = state.proposal
        if service is None or proposal is None:
            return
        state.confirming = True
        if self._running_job is not None and self.is_preparing:
            # What is confirmed is what was seen.
            self._running_job.drop()
        self.close_input("")
        sending, accepted = Sending(service, state), frozenset(state.accepted)
        self.host.ask(
            lambda: sending.confirm(proposal, said, accepted),
            self._confirmed,
            doing="writing it into the journal",
            failed=self._not_confirmed,
        )

    def _not_confirmed(self) -> None:
        self.state.confirming = False
        self.draw()

    def _confirmed(self, answer: Incident | Refusal) -> None:
        if not isinstance(answer, Incident):
            self._not_confirmed()
            self.host.navigate(addresses.RefusalAt(answer))
            return
        self.state.confirmed(answer)
        self.follower = IncidentFollower(self.host, self._followed, answer.id)
        self.follower.keep(answer)
        self._entered_at = time.monotonic()
        self.host.incident_changed()
        self.host.say(f"{answer.id}: confirmed; leaving is safe, the console delivers it", "pass")
        self.draw()
        self.body.scroll_to(y=0, animate=False)
        self.steps.place(CANCEL)
        if self.focused is not self.steps:
            self.steps.focus()

    # ---- following

    @on(ReadingArrived)
    def take_reading(self, message: ReadingArrived) -> None:
        """The journal has something new: what became of what was confirmed."""
        if self.follower is not None:
            self.follower.take(message.reading)

    def _followed(self) -> None:
        incident = self.follower.incident if self.follower is not None else None
        failed_before = {one.delivery for one in self.state.deliveries if one.state == "failed"}
        if incident is None or not self.state.followed(incident):
            return
        self.draw()
        for one in self.state.deliveries:
            if one.state == "failed" and one.delivery not in failed_before and str(one.channel) == "slack":
                self.host.copy(clean(one.text, multiline=True))

    # ---- the text

    def _figure(self) -> BoundFigure | None:
        kind, name = self.key_under_cursor()
        chosen = name.partition("+")[0] if kind == "figure" else ""
        return next((one for one in self.state.figures if one.name == chosen), None)

    def _open_row(self) -> None:
        """Enter on a row of the text: write the words, or show in full what is there."""
        kind, name = self.key_under_cursor()
        if kind == "edit":
            self._edit(name.partition("+")[0])
        elif kind in {"text", "title"}:
            self._open_text(int(name.partition(":")[0]))
        elif kind == "delivery":
            self._open_deliveries()
        else:
            self.act_why()

    def _open_text(self, number: int) -> None:
        proposal = self.state.proposal
        if proposal is None or number >= len(proposal.drafts):
            return
        draft = proposal.drafts[number]
        where = clean(f"{draft.destination} {draft.fields.get('site', '')}".strip(), limit=120)
        title = f"{channel_word(draft.channel)} to {where}"
        self.open_text(title, clean(draft.text, multiline=True))

    def _open_deliveries(self) -> None:
        """Everything that was sent in this incident, to settle what nobody knows."""
        if self.state.incident_id is not None:
            self.host.navigate(addresses.DeliveriesAt(self.state.incident_id))

    def _edit(self, name: str) -> None:
        """Write one of the texts' words; the preview is made anew with them."""
        found = next((one for one in self.fields() if one[0] == name), None)
        proposal = self.state.proposal
        if found is None or self.state.declared is not None:
            self.host.say("this is the incident's own; the status screen (u) changes it", "muted")
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
            self._reword("writing it into the texts")

        about = self.state.incident_id or "this notice"
        self.host.push_console_screen(
            LineEntry(
                f"{label} of {about}",
                meaning,
                keep,
                check=check,
                start=self.state.words.get(name, given),
                explain=(f"{capital(meaning)}.", "It is sent as you write it, after the confirmation."),
            )
        )

    # ---- keys

    def act_refresh(self) -> None:
        """Measure everything anew; what people wrote stays."""
        if self.state.declared is not None:
            self.host.say("it is confirmed; what becomes of it is shown by itself", "muted")
        elif not self.state.confirming:
            self.prepare(doing="measuring again")

    def act_accept(self) -> None:
        """Accept the old number under the cursor, and go to the next one."""
        figure = self._figure()
        if figure is None or not figure.stale:
            if self._place_on_stale():
                self.host.say("the cursor is on an old number now; A accepts this one as it is", "warn")
            else:
                self.host.say("no number is old", "muted")
            return
        if self.state.is_old(utc_now()):
            self.host.say("the whole preview is old; r measures again", "warn")
            return
        self.state.accept(figure.name)
        self.draw()
        self._place_on_stale()
        left = len(self.state.blocking)
        said = f"; {left} left" if left else "; nothing else is old"
        self.host.say(f"{figure.name.replace('_', ' ')} {clean(figure.shown, limit=40)} accepted as it is{said}")

    def _place_on_stale(self) -> bool:
        """The cursor of the text goes to the first number that blocks; False where none does."""
        old = next(iter(self.state.blocking), None)
        if old is not None:
            self.body.place(f"figure:{old.name}")
        return old is not None

    def act_why(self) -> None:
        """Where the number under the cursor comes from; elsewhere, all of them."""
        figure = self._figure()
        figures = (figure,) if figure is not None else self.state.figures
        asked = [one.evidence for one in figures if one.evidence is not None]
        if not figures:
            self.host.say("no number stands in these texts", "muted")
            return
        if figure is None:
            title = "the numbers in these texts"
            said = "; ".join(f"{one.name.replace('_', ' ')} {one.shown}" for one in figures)
        else:
            title = figure.name.replace("_", " ")
            said = f"{figure.shown}, {age(figure.taken_at, utc_now())} old. {figure.stale}".strip()
        self.open_why((title, clean(said, limit=2_000), asked))

    def act_copy(self) -> None:
        """The text for people to paste by hand."""
        proposal = self.state.proposal
        if proposal is None or not proposal.fallback:
            self.host.say("there is no text yet", "muted")
            return
        self.host.copy(clean(proposal.fallback, multiline=True))

    def act_plain(self) -> None:
        """The whole preview as plain text that the terminal itself can select."""
        proposal = self.state.proposal
        self.open_plain(clean(proposal.fallback, multiline=True) if proposal is not None else plain(self.body.rows))

    def act_sort(self) -> None:
        """For whom: another audience needs another amount of it."""
        state = self.state
        if state.declared is not None or state.confirming:
            self.host.say("it is confirmed", "muted")
            return
        if state.purpose is Purpose.FIRST_NOTICE:
            self.host.say("a first notice is for the responders; updates have audiences", "muted")
            return
        order = list(Audience)
        state.audience = order[(order.index(state.audience) + 1) % len(order)]
        self._reword(f"writing it for {state.audience}")
