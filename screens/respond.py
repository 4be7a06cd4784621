"""Telling people: everything one confirmation will do, seen first, typed then, and followed until it has arrived.

Cancel is under the cursor. The typed word is accepted only while the whole preview is on screen; keys that come while
it is being prepared are kept, and do what they say once it is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import ComposeResult

from diagnostics.failures import FailureKind, SourceFailure, UserError
from diagnostics.models.entries import Audience, Purpose
from diagnostics.now import utc_now
from diagnostics.text import clean
from screens.base import ReadingArrived
from screens.respond_rows import body_rows, rank_lines, steps_of
from screens.respond_sending import RespondSending, WordInput
from screens.respond_state import NotPrepared, Prepared, RespondState
from widgets.footer_bar import FooterBar, Hint
from widgets.line_view import LineView
from widgets.notice_rows import READABLE, step_rows
from widgets.rows import BLANK, row, titled

if TYPE_CHECKING:
    from diagnostics.jobs import Job
    from diagnostics.models.incidents import Criterion, Incident
    from diagnostics.models.notices import Proposal
    from diagnostics.service import Diagnostics

HINTS = (
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

LIMIT_S = 60.0
"""A preparation ends after so long; what did not answer is a dash."""


class RespondScreen(RespondSending):
    """The preview, Cancel under the cursor, below it the step that asks for the word; then what became of it."""

    DEFAULT_CSS = """
    RespondScreen #respond-title { height: 1; scrollbar-size-vertical: 0; }
    RespondScreen #respond-body { height: 1fr; }
    RespondScreen #respond-steps { height: 3; scrollbar-size-vertical: 0; }
    RespondScreen WordInput, RespondScreen WordInput:focus {
        display: none; width: 1fr; border: none; height: 1; padding: 0 1; background: $panel;
    }
    RespondScreen.-typing WordInput { display: block; }
    RespondScreen:ansi WordInput { background: ansi_default; }
    """

    hint_names: ClassVar[tuple[str, ...]] = (
        "open", "refresh", "accept", "why", "copy", "sort", "next_pane", "back", "help",
    )  # fmt: skip

    def __init__(  # each one is a part of what is to be said
        self,
        *,
        issue_type: str | None = None,
        severity: str | None = None,
        incident: str | None = None,
        purpose: Purpose = Purpose.FIRST_NOTICE,
        audience: Audience = Audience.RESPONDERS,
        words: Mapping[str, str] | None = None,
        systems: Sequence[str] = (),
        accounts: Sequence[int] = (),
    ) -> None:
        super().__init__()
        self.state = RespondState(
            issue_type, severity, incident, purpose, audience, dict(words or {}), tuple(systems), tuple(accounts)
        )
        self._asking = 0
        """Number of the newest preparation; an answer to an older one is dropped."""

    # ---- layout

    def compose(self) -> ComposeResult:
        """Title, preview, steps, the line to type, keys."""
        signs = self.room.signs
        yield LineView(signs=signs, cursor=False, id="respond-title")
        yield LineView(signs=signs, id="respond-body")
        steps = LineView(signs=signs, id="respond-steps")
        steps.show(self._steps(70))
        yield steps
        yield WordInput(placeholder="type the word that stands above, then enter; esc sends nothing", max_length=80)
        yield FooterBar(signs=signs)

    def on_mount(self) -> None:
        """Cancel is under the cursor, unless somebody was quicker."""
        # A blinking cursor is two repaints a second over SSH, for nothing.
        self.entry.cursor_blink = False
        self.query_one(FooterBar).set_hints(HINTS)
        self.call_later(self._give_keys)
        if self.room.service is not None:
            self.prepare()

    def service_opened(self) -> None:
        """The sources are open now."""
        self.prepare()

    def _give_keys(self) -> None:
        """Focus once every key that came before has been dealt with: a later one must not overtake them."""
        if self.message_queue_size:
            self.call_later(self._give_keys)
        elif self.focused is None:
            self.set_focus(self.entry if self.typing else self.steps)

    def on_key(self, event: events.Key) -> None:
        """Whoever knows the keys is ahead of the focus: `n`, down, enter and the word arrive in their order."""
        if self.focused is not None and not (self.typing and self.focused is not self.entry):
            return
        if self.typing and event.is_printable and event.character is not None:
            event.stop()
            self.entry.insert_text_at_cursor(event.character)
        elif self.typing and event.key == "enter":
            event.stop()
            self.word_typed()
        elif event.key in {"down", "j", "up", "k"} and not self.typing:
            event.stop()
            self.steps.place(self.step_keys()[-1 if event.key in {"down", "j"} else 0])

    @property
    def body(self) -> LineView:
        """The preview, and later what became of it."""
        return self.query_one("#respond-body", LineView)

    def on_resize(self) -> None:
        """Lines are wrapped for the width."""
        self.draw()

    def tick(self) -> None:
        """Ages go on; a preview grows old."""
        self.draw()

    def crumb(self) -> str:
        """What this is."""
        return {Purpose.UPDATE: "update", Purpose.RESOLUTION: "resolution"}.get(self.state.purpose, "notify")

    def shown_readings(self) -> tuple[str, ...]:
        """The incident, while its deliveries are followed."""
        return ("incident",)

    def step_keys(self) -> list[str]:
        """The steps there are now."""
        return [item.key for item in self.steps.rows if item.key is not None]

    def draw(self) -> None:
        """Everything for the present width."""
        if not self.is_mounted:
            return
        self.look_at_ages()
        signs, width, now = self.room.signs, max(20, self.size.width), utc_now()
        title = signs.text(titled(self.room.trail(), self._title(), width))
        self.query_one("#respond-title", LineView).show((row((title, "bar")),))
        rows = body_rows(self.state, self.fields(), min(width - 4, READABLE), now, signs, waiting=self.is_preparing)
        self.body.show([*rows, BLANK])
        self.steps.show(self._steps(width - 4))

    def look_at_ages(self) -> None:
        """Numbers that were fresh when they were measured grow old while they are read."""
        service, proposal = self.room.service, self.state.proposal
        if service is not None and proposal is not None and self.state.declared is None:
            self.state.age(service.notices.stale(proposal))

    def _title(self) -> str:
        state, separator = self.state, self.room.signs.separator
        what = {
            Purpose.FIRST_NOTICE: "first notice",
            Purpose.UPDATE: f"update for {state.audience}",
            Purpose.RESOLUTION: f"resolution for {state.audience}",
        }.get(state.purpose, str(state.purpose))
        about = state.incident_id or (state.issue_type or "").replace("_", " ")
        return f"{what} {separator} {clean(about, limit=60)}" if about else what

    def _steps(self, width: int) -> list[Any]:
        return step_rows(steps_of(self.state, utc_now(), typing=self.typing), width, self.room.signs)

    # ---- preparing

    def prepare(self, *, doing: str = "") -> None:
        """Ask for a preview in a thread; Esc ends it. What is on screen stays until the new one is there."""
        service = self.room.service
        if service is None or self.state.confirming or self.state.declared is not None:
            return
        if self._running_job is not None and self.is_preparing:
            # A newer wish replaces the older one; its answer would be of words and numbers that nobody wants any more.
            self._running_job.drop()
        self._asking += 1
        number = self._asking
        self.state.seen = False
        self.start_job(
            lambda job: self._prepared(service, job),
            lambda answer: self._arrived(number, answer),
            doing=doing or "preparing what would be sent",
            limit_s=LIMIT_S,
        )
        self.draw()

    def _prepared(self, service: Diagnostics, job: Job) -> Prepared | NotPrepared:
        """In a thread: the proposal, and what a resolution needs besides."""
        state = self.state
        try:
            incident = service.incidents.get(state.incident_id) if state.incident_id else None
            proposal = self._proposed(service, job)
            unmet: tuple[Criterion, ...] = ()
            if incident is not None and state.purpose is Purpose.RESOLUTION:
                found = service.assessments.assess(incident.id, job)
                unmet = tuple(one for one in found.criteria if not one.is_met)
        except SourceFailure as failure:
            if failure.kind is FailureKind.CANCELLED and job.is_cancelled:
                return NotPrepared("you ended the preparation; nothing was sent", "r prepares it again")
            return NotPrepared(failure.headline(), f"{failure.reason}. {failure.remedy}".strip())
        except UserError as problem:
            return NotPrepared(problem.problem, " ".join(problem.lines()[1:]))
        return Prepared(proposal, incident, unmet)

    def _proposed(self, service: Diagnostics, job: Job) -> Proposal:
        """The first one, or the same one anew: it keeps its key, so that confirming it again sends nothing twice."""
        state, before = self.state, self.state.proposal
        if before is not None:
            gone = {name for name, _, _ in self.fields() if name not in state.words}
            words = {name: text for name, text in (before.words | state.words).items() if name not in gone}
            changed = before.model_copy(update={"words": words, "audience": state.audience})
            return service.notices.refresh(changed, job)
        return service.notices.propose(
            issue_type=state.issue_type,
            severity=state.severity,
            incident=state.incident_id,
            purpose=state.purpose,
            audience=state.audience,
            words=dict(state.words),
            job=job,
        )

    def _arrived(self, number: int, answer: Prepared | NotPrepared) -> None:
        if number != self._asking or self.state.declared is not None:
            return
        if isinstance(answer, NotPrepared):
            self.state.problem = answer
            self.draw()
            return
        self.state.take(answer)
        self.draw()
        self.call_after_refresh(self._painted, number)
        self._rank()
        self._onto_clipboard()
        if self.state.blocking:
            self.place_on_stale()

    def _painted(self, number: int) -> None:
        """The whole preview has been on screen: from now on the word counts."""
        if number != self._asking:
            return
        self.state.seen = True
        obstacle = self.state.obstacle(utc_now())
        if not self.typing:
            return
        if obstacle:
            self.room.say(f"the preview is here, and blocked: {obstacle}; esc leaves the line", "warn")
        else:
            word = self.state.proposal.word if self.state.proposal is not None else ""
            self.room.say(f"the preview is here: read it; the word {word!r} and enter sends it")
        self.draw()

    def _rank(self) -> None:
        """Tier and impact stand in the preview as soon as they are known; they hold nothing up."""
        service, proposal = self.room.service, self.state.proposal
        if service is None or proposal is None or proposal.incident:
            return

        def known(lines: tuple[str, ...]) -> None:
            self.state.rank = lines
            self.draw()

        self.room.quietly(lambda: rank_lines(service, proposal), known)

    def _onto_clipboard(self) -> None:
        """Where Slack cannot be used, the text is on the clipboard at once, to be pasted by hand."""
        draft, state = self.state.slack_draft, self.state
        if draft is not None and draft.problem and draft.text and not state.copied:
            state.copied = True
            self.room.copy(clean(draft.text, multiline=True))

    def action_cancel_job(self) -> None:
        """Esc while it is being prepared ends the preparation, and the wish to send with it."""
        super().action_cancel_job()
        if self.typing:
            self.close_input("cancelled; nothing was sent")
        self.draw()

    # ---- following

    @on(ReadingArrived)
    def incident_arrived(self, message: ReadingArrived) -> None:
        """The journal has something new: what became of what was confirmed."""
        declared, service = self.state.declared, self.room.service
        following = message.reading.value
        if message.reading.key != "incident" or declared is None or service is None or following is None:
            return
        seen = following.incident
        if seen is not None and seen.id == declared.id:
            self._followed(seen)
        elif following.seq > declared.last_seq:
            self.room.quietly(lambda: service.incidents.get(declared.id), self._followed)

    def _followed(self, incident: Incident) -> None:
        failed_before = {one.delivery for one in self.state.deliveries if one.state == "failed"}
        if not self.state.followed(incident):
            return
        self.draw()
        lost = [one for one in self.state.deliveries if one.state == "failed" and one.delivery not in failed_before]
        for one in lost:
            if str(one.channel) == "slack":
                self.room.copy(clean(one.text, multiline=True))
