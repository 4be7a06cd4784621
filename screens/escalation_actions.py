"""What the keys do in the escalation panel. The screen draws; this half answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Literal, cast

from diagnostics.now import utc_now
from screens import documents, escalation_documents
from screens.base import RoomScreen
from widgets.line_view import LineView
from widgets.rows import Row, plain

if TYPE_CHECKING:
    from diagnostics.escalation.desk import IncidentDesk
    from diagnostics.models.evidence import Evidence
    from diagnostics.models.incidents import Criterion, Incident, ScopeProposal, Step
    from screens.critical import CriticalScreen
    from screens.escalation_state import EscalationState


class EscalationActions(RoomScreen):
    """Actions by name, `act_<name>` as the registry calls them."""

    state: EscalationState

    # ---- given by the screen

    def draw(self) -> None:
        """Given by the screen."""

    def critical(self) -> CriticalScreen | None:
        """Given by the screen."""
        raise LookupError

    def checklist(self) -> tuple[Step, ...]:
        """Given by the screen: the steps as they are drawn."""
        raise LookupError

    def shown_rows(self) -> list[Row]:
        """Given by the screen: all rows, for copying."""
        raise LookupError

    # ---- where am I

    def _row_key(self) -> tuple[str, str]:
        view = self.focused
        kind, _, name = (view.cursor_key or "" if isinstance(view, LineView) else "").partition(":")
        return kind, name

    def _desk(self) -> IncidentDesk | None:
        return self.room.service.incidents if self.room.service is not None else None

    def _step(self, name: str) -> Step | None:
        return next((one for one in self.checklist() if one.id == name), None)

    def _criterion(self, name: str) -> Criterion | None:
        found = self.state.assessment
        return next((one for one in found.criteria if one.id == name), None) if found is not None else None

    def _proposal(self, name: str) -> ScopeProposal | None:
        found = self.state.assessment
        proposals = found.proposals if found is not None else ()
        return next((one for one in proposals if f"{one.what}:{one.name}" == name), None)

    # ---- in

    def act_open(self) -> None:
        """What the row under the cursor stands for: its screen, or all of it."""
        kind, name = self._row_key()
        incident = self.state.incident
        if kind == "incident":
            self._switch(name)
        elif kind == "incidents":
            self.room.command("incidents")
        elif kind in {"notice", "begin", "issue", "people", "alarm"} and incident is None:
            self.room.say("n begins: it declares the incident, tells the team and opens tracking, once you confirm")
        elif kind == "step" and (step := self._step(name)) is not None:
            self.room.open_document(escalation_documents.step_document(step, incident, self.room.signs))
        elif kind == "problem":
            text = self.state.problem()
            self.room.open_document(documents.text_document("the journal", text, self.room.signs))
        elif incident is not None:
            self._open_section(kind, name)

    def _open_section(self, kind: str, name: str) -> None:
        opens: Mapping[str, Callable[[], None]] = {
            "status": self._open_status,
            "title": self._open_status,
            "update": self._open_deliveries,
            "notice": self._open_deliveries,
            "roles": self._open_roles,
            "role": self._open_roles,
            "steps": self._fold_steps,
            "criteria": self._open_criteria,
            "criterion": partial(self._open_criteria, name),
            "deliveries": self._open_deliveries,
            "delivery": self._open_deliveries,
            "tasks": self._open_tasks,
            "task": self._open_tasks,
            "scope": self._open_scope,
            "proposal": self._open_scope,
            "impact": self.act_why,
            "timeline": self._open_timeline,
            "line": self._open_timeline,
            "follow_up": partial(self._open_follow_up, name),
            "follow_ups": partial(self._open_follow_up, ""),
        }
        if kind == "alarm":
            self.room.say("1 shows it; with the cursor on it, n tells the team and declares an incident of its own")
        elif kind in opens:
            opens[kind]()

    def _open_status(self) -> None:
        from screens.status import StatusScreen  # noqa: PLC0415

        if self.state.incident is not None:
            self.room.push_room_screen(StatusScreen(self.state.incident.id))

    def _open_deliveries(self) -> None:
        incident = self.state.incident
        if incident is None:
            return
        if not incident.deliveries:
            self.room.say("nothing was sent yet; n shows what would be sent, and sends it once you confirm")
            return
        from screens.deliveries import DeliveriesScreen  # noqa: PLC0415

        self.room.push_room_screen(DeliveriesScreen(incident.id))

    def _open_roles(self) -> None:
        from screens.claim import ClaimScreen  # noqa: PLC0415

        self.room.push_room_screen(ClaimScreen())

    def _open_tasks(self) -> None:
        from screens.tasks import TasksScreen  # noqa: PLC0415

        if self.state.incident is not None:
            self.room.push_room_screen(TasksScreen(self.state.incident.id))

    def _open_timeline(self) -> None:
        from screens.timeline import TimelineScreen  # noqa: PLC0415

        if self.state.incident is not None:
            self.room.push_room_screen(TimelineScreen(self.state.incident.id))

    def _open_criteria(self, name: str = "") -> None:
        found = self.state.assessment
        doubt = self.state.doubt(utc_now())
        if found is None:
            self.room.say(f"the exit criteria are not known: {doubt}", "warn")
            return
        chosen = [one for one in found.criteria if name in {"", one.id}]
        self.room.open_document(escalation_documents.criteria_document(chosen, doubt, self.room.signs))

    def _open_scope(self) -> None:
        incident, found = self.state.incident, self.state.assessment
        if incident is not None:
            proposals = found.proposals if found is not None else ()
            made = escalation_documents.scope_document(incident, proposals, utc_now(), self.room.signs)
            self.room.open_document(made)

    def _open_follow_up(self, name: str) -> None:
        incident = self.state.incident
        follow_ups = incident.follow_ups if incident is not None else ()
        chosen = next((one for one in follow_ups if name in {"", one.scheduled.follow_up}), None)
        if chosen is not None:
            self.room.open_document(escalation_documents.follow_up_document(chosen, self.room.signs))

    def _fold_steps(self) -> None:
        self.state.all_steps = not self.state.all_steps
        self.draw()

    def _switch(self, name: str) -> None:
        desk = self._desk()
        if desk is None:
            return
        self.room.ask(
            lambda: desk.choose(name), lambda _: self.room.incident_changed(), doing=f"bringing {name} into view"
        )

    # ---- why

    def act_why(self) -> None:
        """Evidence behind the row under the cursor."""
        kind, name = self._row_key()
        found, signs = self.state.assessment, self.room.signs
        if kind == "status" and found is not None:
            self.room.open_document(escalation_documents.tier_document(found.tier, signs))
        elif kind == "impact" and found is not None and found.impact is not None:
            self.room.open_document(escalation_documents.impact_document(found.impact, signs))
        elif kind == "step" and (step := self._step(name)) is not None:
            self.room.open_document(escalation_documents.step_document(step, self.state.incident, signs))
        elif kind in {"criteria", "criterion"}:
            self._open_criteria(name)
        elif kind in {"scope", "proposal"}:
            self._open_scope()
        elif kind == "follow_up":
            self._open_follow_up(name)
        elif kind == "delivery":
            self._why_delivery(name)
        elif kind in {"issue", "notice", "begin"} and self.state.incident is None and self.critical() is not None:
            cast("CriticalScreen", self.critical()).act_why()
        else:
            self.room.say("this row holds no number of its own; Y shows the whole panel as text", "muted")

    def _why_delivery(self, name: str) -> None:
        incident = self.state.incident
        chosen = next((one for one in incident.deliveries if one.delivery == name), None) if incident else None
        if chosen is None:
            return
        evidence: list[Evidence] = [one.evidence for one in chosen.figures if one.evidence is not None]
        figures = "; ".join(f"{one.name} {one.shown}" for one in chosen.figures)
        summary = f"{chosen.title or chosen.purpose.value.replace('_', ' ')}: {figures or 'no figures in it'}"
        self.room.open_document(documents.evidence_document(name, summary, evidence, self.room.signs))

    # ---- doing

    def write(self, work: Callable[[], Incident], then: Callable[[Incident], str], *, doing: str) -> None:
        """Write something; `then` words what came of it. The panel follows at once."""

        def done(incident: Incident) -> None:
            self.room.say(then(incident), "pass")
            self.room.incident_changed()

        self.room.ask(work, done, doing=doing)

    def act_run(self) -> None:
        """Tick or untick the step under the cursor; add what seems affected; do without a criterion."""
        kind, name = self._row_key()
        incident, desk = self.state.incident, self._desk()
        if incident is None or desk is None:
            self.room.say("nothing is declared yet; n begins", "muted")
        elif kind == "step" and (step := self._step(name)) is not None:
            self._tick(desk, incident, step)
        elif kind == "proposal" and (proposal := self._proposal(name)) is not None:
            what = cast("Literal['system', 'account']", proposal.what)
            self.write(
                lambda: desk.enter_scope(incident.id, what, proposal.name, why=proposal.why),
                lambda _: f"{proposal.name} is in the scope",
                doing="adding to the scope",
            )
        elif kind == "criterion" and self._criterion(name) is not None:
            self._waive(desk, incident, name)
        elif kind == "task":
            task = next(one for one in incident.tasks if one.task == name)
            value = "no" if task.done_at is not None else "yes"
            said = f"{name} is {'open again' if value == 'no' else 'done'}"
            self.write(lambda: desk.change_task(incident.id, name, "done", value), lambda _: said, doing=said)
        else:
            self.room.say("x ticks a step, closes a task, adds what seems affected, or waives a criterion", "muted")

    def _tick(self, desk: IncidentDesk, incident: Incident, step: Step) -> None:
        if step.record is not None:
            self.write(
                lambda: desk.untick(incident.id, step.id), lambda _: "open again; the tick stays in the timeline",
                doing="opening the step again",
            )  # fmt: skip
            return

        def said(after: Incident) -> str:
            record = next((one for one in after.steps if one.step == step.id), None)
            if record is not None and (record.by_console or record.by != desk.person):
                who = "the console" if record.by_console else record.by
                return f"{who} was quicker: ticked at {record.at:%H:%M:%S} UTC"
            return "ticked; x opens it again"

        self.write(lambda: desk.tick(incident.id, step.id), said, doing="ticking the step")

    def _waive(self, desk: IncidentDesk, incident: Incident, name: str) -> None:
        from screens.line_entry import LineEntry, send  # noqa: PLC0415

        title = f"do without {name.replace('_', ' ')} in {incident.id}"

        def waive(why: str) -> None:
            send(
                self.room, title, why, lambda: desk.waive(incident.id, name, why),
                lambda _: self.room.incident_changed(), doing="doing without a criterion",
            )  # fmt: skip

        self.room.push_room_screen(LineEntry(title, "why it is not needed; the review will show it", waive))

    def act_new(self) -> None:
        """A task where the cursor is on tasks, else a line for the timeline."""
        incident, desk = self.state.incident, self._desk()
        if incident is None or desk is None:
            self.room.say("nothing is declared yet; n begins", "muted")
            return
        if self._row_key()[0] in {"tasks", "task"}:
            from screens.tasks import add_task  # noqa: PLC0415

            add_task(self.room, desk, incident.id)
            return
        from screens.line_entry import LineEntry, send  # noqa: PLC0415

        title = f"note for {incident.id}"

        def note(text: str) -> None:
            send(
                self.room, title, text, lambda: desk.note(incident.id, text),
                lambda _: self.room.incident_changed(), doing="noting",
            )  # fmt: skip

        self.room.push_room_screen(LineEntry(title, "what was seen, decided or done", note))

    # ---- links, copies, panes

    def act_link(self) -> None:
        """The link of the delivery under the cursor, else all links."""
        kind, name = self._row_key()
        incident = self.state.incident
        found = [one for one in incident.deliveries if one.link] if incident is not None else []
        if kind == "delivery":
            found = [one for one in found if one.delivery == name]
        if not found:
            self.room.say("no link is known here yet", "muted")
            return
        text = "\n\n".join(f"{one.receipt or one.destination}\n{one.link}" for one in found)
        self.room.open_document(documents.text_document("links", text, self.room.signs))

    def act_copy(self) -> None:
        """The panel as text; without an incident, the first notice to paste by hand."""
        self.room.copy(self._text())

    def act_plain(self) -> None:
        """The same as plain text that the terminal itself can select."""
        self.room.open_document(documents.text_document("plain text, to select", self._text(), self.room.signs))

    def _text(self) -> str:
        critical = self.critical()
        if self.state.incident is None and critical is not None:
            return critical.first_notice()
        return plain(self.shown_rows()).rstrip()

    def act_refresh(self) -> None:
        """Look at the journal and at the live world now."""
        if self.room.live is not None:
            self.room.live.refresh("incident")
            self.room.live.refresh("assessment")
            self.room.say("asking again; the panel keeps what it shows until the answers come")

    def act_next_pane(self) -> None:
        """Focus the next pane."""
        self.focus_next()

    def act_previous_pane(self) -> None:
        """Focus the previous pane."""
        self.focus_previous()
