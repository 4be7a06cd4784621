"""What is to be done, by whom, until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from diagnostics.failures import UserError
from diagnostics.now import utc_now
from diagnostics.text import clean
from screens.escalation_follow import FollowingScreen
from widgets.incident_rows import task_order, task_row
from widgets.rows import BLANK, Row, row, wrap

if TYPE_CHECKING:
    from diagnostics.escalation.desk import IncidentDesk
    from diagnostics.models.incidents import Incident, Task
    from screens.base import Room

UNITS = {"m": 60, "h": 3_600, "d": 86_400}
ACCEPTED = "words, @name for who does it, +30m, +2h, +1d or 14:30 (UTC) for until when; @- and +0 take them away"
LONGEST_AHEAD = timedelta(days=366)


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
    """What is wrong with a typed line; empty when it can be taken."""
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


def add_task(room: Room, desk: IncidentDesk, incident_id: str) -> None:
    """Ask for a task and add it. What was typed is kept where it cannot be written."""
    from screens.line_entry import LineEntry, send  # noqa: PLC0415

    title = f"task for {incident_id}"

    def add(line: str) -> None:
        typed = typed_task(line)
        due_at = typed.due_at(utc_now())

        def added(_incident: Incident) -> None:
            room.say("added", "pass")
            room.incident_changed()

        send(
            room, title, line, lambda: desk.add_task(incident_id, typed.text, typed.owner or "", due_at),
            added, doing="adding the task",
        )  # fmt: skip

    def check(line: str) -> str:
        return line_check(line, needs_words=True)

    room.push_room_screen(LineEntry(title, "call the customer @cl.nolen +30m", add, check=check, explain=(ACCEPTED,)))


class TasksScreen(FollowingScreen):
    """All tasks of an incident: the open ones by urgency, then what is done."""

    hint_names: ClassVar[tuple[str, ...]] = ("open", "new", "status", "claim", "copy", "back", "help")

    what = "tasks"

    def rows(self, incident: Incident, width: int) -> Sequence[Row]:
        """Each task with who and until when."""
        said = "enter marks done or open again; N adds; u changes words, @name or time; c makes it yours"
        rows = [row((line, "muted")) for line in wrap(said, width)] + [BLANK]
        if not incident.tasks:
            return [*rows, row(("nothing is to be done yet", "muted"))]
        tasks = sorted(incident.tasks, key=task_order)
        return rows + [task_row(task, utc_now(), width, self.room.signs) for task in tasks]

    def _under_cursor(self) -> Task | None:
        name = (self.body.cursor_key or "").removeprefix("task:")
        incident = self.incident
        return next((one for one in incident.tasks if one.task == name), None) if incident is not None else None

    # ---- keys

    def act_open(self) -> None:
        """Done, or open again."""
        task = self._under_cursor()
        if task is not None:
            self._change(task, "done", "no" if task.done_at is not None else "yes")

    act_run = act_open

    def act_claim(self) -> None:
        """The task under the cursor is one's own."""
        task, desk = self._under_cursor(), self.desk
        if task is not None and desk is not None:
            self._change(task, "owner", desk.person)

    def act_new(self) -> None:
        """Something else to do."""
        incident, desk = self.incident, self.desk
        if incident is not None and desk is not None:
            add_task(self.room, desk, incident.id)

    def act_status(self) -> None:
        """Change the task under the cursor by a typed line."""
        task, incident, desk = self._under_cursor(), self.incident, self.desk
        if task is None or incident is None or desk is None:
            return
        from screens.line_entry import LineEntry, send  # noqa: PLC0415

        title, name, incident_id = f"{incident.id} {task.task}: {task.text}", task.task, incident.id

        def change(line: str) -> None:
            typed = typed_task(line)
            due_at = typed.due_at(utc_now())

            def work() -> Incident:
                after = desk.get(incident_id)
                if typed.owner is not None:
                    after = desk.change_task(incident_id, name, "owner", typed.owner)
                if typed.due is not None:
                    after = desk.change_task(incident_id, name, "due_at", due_at.isoformat() if due_at else "")
                if typed.text:
                    after = desk.change_task(incident_id, name, "text", typed.text)
                return after

            send(
                self.room, title, line, work, lambda _: self.room.incident_changed(), doing=f"changing {name}",
            )  # fmt: skip

        self.room.push_room_screen(
            LineEntry(
                title,
                "@name, +30m, 14:30, or other words",
                change,
                check=lambda line: line_check(line, needs_words=False),
                explain=(ACCEPTED,),
            )
        )

    def _change(self, task: Task, field: str, value: str) -> None:
        incident, desk = self.incident, self.desk
        if incident is None or desk is None:
            return
        words = {("done", "yes"): "done", ("done", "no"): "open again"}.get((field, value), f"{value}'s")
        self.write(
            lambda: desk.change_task(incident.id, task.task, field, value),
            lambda _: self.room.say(f"{task.task} is {words}", "pass"),
            doing=f"changing {task.task}",
        )
