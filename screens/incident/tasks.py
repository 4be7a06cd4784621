"""Tasks of an incident: what, by whom, until when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from diagnostics.core.time import utc_now
from screens.incident.base import IncidentScreen
from screens.incident.writer import IncidentWriter
from widgets.row import BLANK, Row, row, wrapped
from widgets.rows.incident import task_order, task_row

if TYPE_CHECKING:
    from diagnostics.models.incidents import Incident, Task


class TasksScreen(IncidentScreen):
    """All tasks of an incident: the open ones by urgency, then what is done."""

    answers = "What is left to do, by whom, and until when?"

    hint_names: ClassVar[tuple[str, ...]] = ("open", "new", "status", "claim", "copy", "back", "help")

    what = "tasks"
    fills = True

    def incident_rows(self, incident: Incident, width: int) -> Sequence[Row]:
        """Each task with who and until when."""
        said = "enter marks done or open again; N adds; u changes words, @name or time; c makes it yours"
        rows = [*wrapped(said, width, "muted"), BLANK]
        if not incident.tasks:
            return [*rows, row(("nothing is to be done yet", "muted"))]
        tasks = sorted(incident.tasks, key=task_order)
        return rows + [task_row(task, utc_now(), width, self.host.glyphs) for task in tasks]

    def _under_cursor(self) -> Task | None:
        name = (self.body.cursor_key or "").removeprefix("task:")
        incident = self.incident
        return next((one for one in incident.tasks if one.task == name), None) if incident is not None else None

    # ---- keys

    def _with_task(self, use: Callable[[IncidentWriter, Task], None]) -> None:
        task, writer = self._under_cursor(), self.writer()
        if task is not None and writer is not None:
            use(writer, task)

    def act_open(self) -> None:
        """Close the task, or open it again."""
        self._with_task(IncidentWriter.close_task)

    act_run = act_open

    def act_claim(self) -> None:
        """The task under the cursor is one's own."""
        self._with_task(IncidentWriter.take_task)

    def act_new(self) -> None:
        """Type a further task."""
        writer = self.writer()
        if writer is not None:
            writer.add_task()

    def act_status(self) -> None:
        """Change the task under the cursor by a typed line."""
        self._with_task(IncidentWriter.rewrite_task)
