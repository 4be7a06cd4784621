"""Writing into the journal of an incident from a screen: decisions by a key, words by a typed line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, cast

from diagnostics.core.failures import UserError
from diagnostics.core.sanitizer import clean
from diagnostics.core.time import utc_now
from screens.line_entry import any_words, write_line

if TYPE_CHECKING:
    from diagnostics.incident.incidents import IncidentService
    from diagnostics.models.incidents import Incident, ScopeProposal, Step, Task
    from screens.base import ScreenHost
    from widgets.row import Tone

UNITS = {"m": 60, "h": 3_600, "d": 86_400}
ACCEPTED = "words, @name for who does it, +30m, +2h, +1d or 14:30 (UTC) for until when; @- and +0 take them away"
LONGEST_AHEAD = timedelta(days=366)

Said = str | Callable[["Incident"], str]
"""The notice once it is written; empty for none."""


@dataclass(slots=True, frozen=True)
class IncidentWriter:
    """Writes into one incident's journal in a thread; the console follows at once. Failures are said, words kept."""

    host: ScreenHost
    incidents: IncidentService
    incident_id: str
    written: Callable[[Incident], None]
    """Gets the incident as it is after each writing, on the event loop."""

    def write(
        self,
        work: Callable[[], Incident],
        said: Said,
        *,
        doing: str,
        tone: Tone = "pass",
        refused: Callable[[UserError], None] | None = None,
        ended: Callable[[], None] = lambda: None,
        failed: Callable[[], None] = lambda: None,
    ) -> None:
        """Run `work` in a thread. `refused` takes what the record has against it, such as who was quicker.

        `ended` is called first, whatever came of it.
        """

        def guarded() -> Incident | UserError:
            try:
                return work()
            except UserError as problem:
                if refused is None:
                    raise
                return problem

        def lost() -> None:
            ended()
            failed()

        def done(answer: Incident | UserError) -> None:
            ended()
            if not isinstance(answer, UserError):
                self._done(answer, said, tone)
            elif refused is not None:
                refused(answer)
                self.host.incident_changed()

        self.host.ask(guarded, done, doing=doing, failed=lost)

    def write_line(
        self,
        title: str,
        placeholder: str,
        work: Callable[[str], Incident],
        said: Said = "",
        *,
        doing: str,
        check: Callable[[str], str] = any_words,
        explain: Sequence[str] = (),
    ) -> None:
        """Ask for a line and write it; what could not be written stands there again the next time."""
        write_line(
            self.host,
            title,
            placeholder,
            work,
            lambda incident: self._done(incident, said, "pass"),
            doing=doing,
            check=check,
            explain=explain,
        )

    def _done(self, incident: Incident, said: Said, tone: Tone) -> None:
        self.written(incident)
        self.host.incident_changed()
        words = said if isinstance(said, str) else said(incident)
        if words:
            self.host.say(words, tone)

    # ---- the timeline

    def note(self) -> None:
        """A line for the timeline."""
        self.write_line(
            f"note for {self.incident_id}",
            "what was seen, decided or done",
            lambda text: self.incidents.note(self.incident_id, text),
            doing="writing the note",
        )

    # ---- steps, scope, criteria

    def tick(self, step: Step) -> None:
        """Tick a step of the first response, or open it again."""
        if step.record is not None:
            self.write(
                lambda: self.incidents.untick(self.incident_id, step.id),
                "open again; the tick stays in the timeline",
                doing="opening the step again",
            )
            return

        def said(after: Incident) -> str:
            record = next((one for one in after.steps if one.step == step.id), None)
            if record is not None and (record.by_console or record.by != self.incidents.person):
                who = "the console" if record.by_console else record.by
                return f"{who} was quicker: ticked at {record.at:%H:%M:%S} UTC"
            return "ticked; x opens it again"

        self.write(lambda: self.incidents.tick(self.incident_id, step.id), said, doing="ticking the step")

    def enter_scope(self, proposal: ScopeProposal) -> None:
        """Add what seems affected to the scope."""
        what = cast("Literal['system', 'account']", proposal.what)
        self.write(
            lambda: self.incidents.enter_scope(self.incident_id, what, proposal.name, why=proposal.why),
            f"{proposal.name} is in the scope",
            doing="adding to the scope",
        )

    def waive(self, criterion: str) -> None:
        """Do without an exit criterion, with a reason."""
        self.write_line(
            f"do without {criterion.replace('_', ' ')} in {self.incident_id}",
            "why it is not needed; the review will show it",
            lambda why: self.incidents.waive(self.incident_id, criterion, why),
            doing="doing without a criterion",
        )

    # ---- tasks

    def add_task(self) -> None:
        """Ask for a task and add it."""

        def work(line: str) -> Incident:
            typed = typed_task(line)
            return self.incidents.add_task(self.incident_id, typed.text, typed.owner or "", typed.due_at(utc_now()))

        self.write_line(
            f"task for {self.incident_id}",
            "call the customer @cl.nolen +30m",
            work,
            "added",
            doing="adding the task",
            check=lambda line: line_check(line, needs_words=True),
            explain=(ACCEPTED,),
        )

    def rewrite_task(self, task: Task) -> None:
        """Change a task by a typed line: its words, who does it, until when."""
        name = task.task

        def work(line: str) -> Incident:
            typed = typed_task(line)
            due_at = typed.due_at(utc_now())
            after = self.incidents.get(self.incident_id)
            if typed.owner is not None:
                after = self.incidents.change_task(self.incident_id, name, "owner", typed.owner)
            if typed.due is not None:
                after = self.incidents.change_task(
                    self.incident_id, name, "due_at", due_at.isoformat() if due_at else ""
                )
            if typed.text:
                after = self.incidents.change_task(self.incident_id, name, "text", typed.text)
            return after

        self.write_line(
            f"{self.incident_id} {name}: {task.text}",
            "@name, +30m, 14:30, or other words",
            work,
            doing=f"changing {name}",
            check=lambda line: line_check(line, needs_words=False),
            explain=(ACCEPTED,),
        )

    def close_task(self, task: Task) -> None:
        """Close the task, or open it again."""
        value, said = ("no", "open again") if task.done_at is not None else ("yes", "done")
        self._change_task(task, "done", value, said)

    def take_task(self, task: Task) -> None:
        """Make the task one's own."""
        self._change_task(task, "owner", self.incidents.person, f"{self.incidents.person}'s")

    def _change_task(self, task: Task, field: str, value: str, said: str) -> None:
        self.write(
            lambda: self.incidents.change_task(self.incident_id, task.task, field, value),
            f"{task.task} is {said}",
            doing=f"changing {task.task}",
        )


# ---- the words of a task


@dataclass(slots=True, frozen=True)
class TypedTask:
    """A typed line taken apart. None is what the line says nothing of; empty is what it takes away."""

    text: str
    owner: str | None = None
    due: str | None = None
    """The word as it was typed, e.g. "+30m"."""

    def due_at(self, now: datetime) -> datetime | None:
        """When it is due; None where it is not. Raises UserError."""
        return due_moment(self.due, now) if self.due else None


def typed_task(line: str) -> TypedTask:
    """Take a line apart: "@name" and a time may stand anywhere in it. Raises UserError for a second one of either."""
    words: list[str] = []
    owner: str | None = None
    due: str | None = None
    for word in line.split():
        if word.startswith("@") and len(word) > 1:
            if owner is not None:
                raise UserError("two people for one task", accepted=ACCEPTED)
            owner = "" if word == "@-" else word[1:]
        elif _is_due(word):
            if due is not None:
                raise UserError("two times for one task", accepted=ACCEPTED)
            due = "" if word == "+0" else word
        else:
            words.append(word)
    return TypedTask(" ".join(words), owner, due)


def _is_due(word: str) -> bool:
    if word.startswith("+") and word[1:2].isdigit():
        return True
    hours, colon, minutes = word.partition(":")
    return bool(colon) and hours.isdigit() and minutes.isdigit() and len(minutes) == len("00")


def due_moment(word: str, now: datetime) -> datetime:
    """`+30m`, `+2h`, `+1d`, or `14:30` UTC, which is tomorrow where it has passed today. Raises UserError."""
    if word.startswith("+") and word[1:-1].isdigit() and word[-1] in UNITS and len(word) < len("+100000m"):
        ahead = timedelta(seconds=int(word[1:-1]) * UNITS[word[-1]])
        if ahead <= LONGEST_AHEAD:
            return now + ahead
    try:
        clock = datetime.strptime(word, "%H:%M")  # noqa: DTZ007  # only its hours and minutes are used
    except ValueError:
        raise UserError(f"{clean(word, limit=40)!r} is no time", accepted="+30m, +2h, +1d, or 14:30 in UTC") from None
    at = now.replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0)
    return at if at > now else at + timedelta(days=1)


def line_check(line: str, *, needs_words: bool) -> str:
    """Why a typed line cannot be taken; empty when it can."""
    try:
        typed = typed_task(line)
        typed.due_at(utc_now())
    except UserError as problem:
        return " ".join(problem.lines())
    if needs_words and not typed.text:
        return "what is to be done? some words are needed"
    if not typed.text and typed.owner is None and typed.due is None:
        return f"nothing was typed; {ACCEPTED}"
    return ""
