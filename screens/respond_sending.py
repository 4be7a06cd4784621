"""Sending what a preview shows: the word, the reason where one is needed, one confirmation, and nothing twice."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widgets import Input

from diagnostics.failures import SourceFailure, UserError
from diagnostics.models.entries import IncidentStatus, Purpose
from diagnostics.now import utc_now
from diagnostics.text import clean
from screens.line_entry import EntryInput, LineEntry
from screens.respond_actions import RespondActions
from screens.respond_rows import CANCEL, DELIVERIES, SEND
from widgets.line_view import LineView

if TYPE_CHECKING:
    from diagnostics.models.incidents import Incident
    from diagnostics.models.triage import Refusal
    from diagnostics.service import Diagnostics
    from widgets.rows import Tone

STRAY_ENTER_S = 1.0
"""An Enter so soon after the line was left is the second half of a double one, and does not leave the screen."""


class WordInput(EntryInput):
    """Where the word is typed. Esc takes it away and sends nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "cancel", show=False, id="respond.cancel"),
    ]

    def action_cancel(self) -> None:
        """Nothing is sent."""
        if isinstance(self.screen, RespondSending):
            self.screen.close_input("cancelled; nothing was sent")


class RespondSending(RespondActions):
    """The half of the screen that sends."""

    typing = False
    _entered_at = float("-inf")
    """When the line for the word was last left with Enter."""

    @property
    def takes_typing(self) -> bool:  # type: ignore[override]  # true while the word is being typed
        """Letters are letters while the word is being typed."""
        return self.typing

    @property
    def steps(self) -> LineView:
        """Cancel, and what else there is."""
        return self.query_one("#respond-steps", LineView)

    @property
    def entry(self) -> WordInput:
        """The line to type."""
        return self.query_one(WordInput)

    def look_at_ages(self) -> None:
        """Given by the screen."""
        raise NotImplementedError

    @property
    def is_preparing(self) -> bool:
        """True while a preview is being made."""
        return self._running_job is not None and self._running_job.is_running

    # ---- sending

    def act_open(self) -> None:
        """Cancel, or the step under the cursor; in the text, what is under the cursor there."""
        if self.focused is self.body:
            self.open_row()
            return
        step = self.steps.cursor_key
        if self.state.confirming:
            self.room.say("it is being written into the journal; esc leaves, and it goes on", "muted")
        elif step == DELIVERIES:
            self.open_deliveries()
        elif step == SEND:
            self._ask_word()
        elif time.monotonic() - self._entered_at >= STRAY_ENTER_S:
            self.dismiss()

    def _ask_word(self) -> None:
        """Open the line for the word, or say what stands in the way of it."""
        state, now = self.state, utc_now()
        waiting = self.is_preparing
        if not waiting and (state.proposal is None or state.is_old(now)):
            self.prepare(doing="measuring again" if state.proposal is not None else "")
            waiting = True
        if waiting:
            self.open_input("the line is ready; the word counts once the preview is here")
        elif state.unreasoned() and not state.blocking:
            self._ask_reason()
        elif obstacle := state.obstacle(now):
            # The line opens all the same: whoever types the word by heart must not press seven other keys.
            self.place_on_stale()
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
        self.room.push_room_screen(
            LineEntry(
                f"why {self.state.incident_id} is resolved all the same",
                "the reason, for the timeline and the review",
                keep,
                explain=[f"{len(unmet)} exit criteria are not met:", *lines],
            )
        )

    def open_input(self, said: str, tone: Tone = "") -> None:
        """The line for the word."""
        self.typing = True
        self.add_class("-typing")
        self.entry.value = ""
        self.call_later(self._focus_entry)
        self.room.say(said, tone)
        self.draw()

    def _focus_entry(self) -> None:
        if self.message_queue_size:
            self.call_later(self._focus_entry)
        elif self.typing:
            self.set_focus(self.entry)

    def close_input(self, said: str, tone: Tone = "muted") -> None:
        """Away with the line; Cancel is under the cursor again."""
        self.typing = False
        self.remove_class("-typing")
        self.entry.value = ""
        self.steps.place(CANCEL)
        self.steps.focus()
        self.draw()
        if said:
            self.room.say(said, tone)

    @on(Input.Submitted)
    def word_typed(self, message: Input.Submitted | None = None) -> None:
        """The word was typed: it counts only for a preview that is on screen, complete and not old."""
        if message is not None:
            message.stop()
        self.look_at_ages()
        state, proposal, said = self.state, self.state.proposal, self.entry.value.strip()
        if state.confirming or state.declared is not None or not self.typing:
            return
        if not said:
            self.close_input("nothing was typed and nothing was sent")
            self._entered_at = time.monotonic()
        elif self.is_preparing or proposal is None or not state.seen:
            self.room.say("the preview is not here yet: nothing was sent; enter again once you have seen it", "warn")
        elif state.is_old(utc_now()):
            self.prepare(doing="measuring again")
            self.room.say("the numbers grew old meanwhile: nothing was sent; look at the new ones, then enter", "warn")
        elif state.unreasoned() and not state.blocking:
            self.close_input("")
            self._ask_reason()
        elif obstacle := state.obstacle(utc_now()):
            self.close_input(f"nothing was sent: {obstacle}", "warn")
            self._entered_at = time.monotonic()
        elif said != proposal.word:
            self.room.say(f"that is not the word {proposal.word!r}; nothing was sent", "warn")
        else:
            self._confirm(said)

    def _confirm(self, said: str) -> None:
        service, state = self.room.service, self.state
        proposal = state.proposal
        if service is None or proposal is None:
            return
        state.confirming = True
        self.close_input("")
        accepted = frozenset(state.accepted)
        self.room.ask(
            lambda: self._written(service, service.notices.confirm(proposal, said, accepted)),
            self._confirmed,
            doing="writing it into the journal",
            failed=self._not_confirmed,
        )

    def _written(self, service: Diagnostics, answer: Incident | Refusal) -> Incident | Refusal:
        """In a thread: a resolution that was told is also one in the journal."""
        from diagnostics.models.incidents import Incident  # noqa: PLC0415  # in a thread, after the first paint

        state = self.state
        if state.purpose is not Purpose.RESOLUTION or not isinstance(answer, Incident):
            return answer
        if answer.status is IncidentStatus.RESOLVED:
            return answer
        unmet = tuple(one.id for one in state.prepared.unmet) if state.prepared is not None else ()
        why = state.overruled or clean(state.words.get("verification", ""), limit=400)
        try:
            after = service.incidents.set_status(answer.id, IncidentStatus.RESOLVED, why, unmet)
        except (SourceFailure, UserError) as failure:
            # The notice is confirmed: a failure here must not look as if it were not.
            said = failure.headline() if isinstance(failure, SourceFailure) else failure.problem
            state.aftermath = (
                f"the notice is confirmed, but {answer.id} is not resolved in the journal: {said}; u does it"
            )
            return answer
        return answer.model_copy(update={"status": after.status})

    def _not_confirmed(self) -> None:
        self.state.confirming = False
        self.draw()

    def _confirmed(self, answer: Incident | Refusal) -> None:
        from diagnostics.models.incidents import Incident  # noqa: PLC0415

        if not isinstance(answer, Incident):
            self._not_confirmed()
            from screens.refusals import RefusalScreen  # noqa: PLC0415  # only who is refused pays for it

            self.room.push_room_screen(RefusalScreen(answer))
            return
        self.state.confirmed(answer)
        self._entered_at = time.monotonic()
        self.room.incident_changed()
        self.room.say(f"{answer.id}: confirmed; leaving is safe, the console delivers it", "pass")
        self.draw()
        self.body.scroll_to(y=0, animate=False)
        self.steps.place(CANCEL)
        if self.focused is not self.steps:
            self.steps.focus()
