"""The escalation panel: the incident, the people, the clock. What somebody with a manager on the phone wants to see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Protocol, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from diagnostics.core.sanitizer import clean
from diagnostics.core.time import utc_now
from diagnostics.incident import document as parts
from screens import addresses
from screens.base import ConsoleScreen, ReadingArrived
from screens.incident.writer import IncidentWriter
from screens.incident_follower import IncidentFollower, IssueWatch
from screens.redraw import Redraw
from widgets.footer_bar import FooterBar
from widgets.header_bar import HeaderBar
from widgets.incident_view import Alarm, IncidentView
from widgets.line_view import LineView
from widgets.row import Row, plain, row, titled
from widgets.rows import escalation as layout

if TYPE_CHECKING:
    from diagnostics.models.evidence import Evidence
    from diagnostics.models.incidents import Step
    from widgets.incident_view import IssueView


class WatchState(IssueWatch, Protocol):
    """The issues of level 1, and the one under its cursor."""

    issues: tuple[str, ...]
    selected: str


class Level1(Protocol):
    """The screen at the bottom of all, which knows what burns."""

    state: WatchState

    def alarms(self) -> list[tuple[str, Alarm]]:
        """Issue types that the team has to be told of."""

    def first_notice(self) -> str:
        """A first notice to paste by hand."""

    def act_why(self) -> None:
        """The evidence of the issue in view."""


class EscalationScreen(ConsoleScreen):
    """The answer, then one section for each thing that a commander asks about; what is needed first comes first."""

    answers = "What must be done now, by whom, and what is still missing?"

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (layout.WIDE, "-wide")]  # noqa: RUF012  # Textual's own name and type

    DEFAULT_CSS = """
    EscalationScreen .title { height: 1; scrollbar-size-vertical: 0; }
    EscalationScreen #answer { height: 4; scrollbar-size-vertical: 0; }
    EscalationScreen #sections { height: 1fr; }
    EscalationScreen #first { width: 1fr; }
    EscalationScreen #second { width: 1fr; display: none; }
    EscalationScreen.-wide #second { display: block; }
    """

    hint_names: ClassVar[tuple[str, ...]] = (
        "notify", "run", "claim", "open", "backlog", "snooze", "status", "why", "new", "link", "next_pane", "back",
        "help",
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._redraw = Redraw(self, {"panel": self._draw_panes})
        self.follower = IncidentFollower(self.host, self._redraw.soon)
        self.all_steps = False
        """A person has opened the checklist on a small terminal."""

    # ---- construction

    def compose(self) -> ComposeResult:
        """The answer above, the sections below in one or two columns."""
        glyphs = self.host.glyphs
        yield HeaderBar(glyphs=glyphs, clock=f"{utc_now():%H:%M:%S} UTC")
        yield LineView(glyphs=glyphs, cursor=False, id="panel-title").add_class("title")
        yield LineView(glyphs=glyphs, id="answer")
        with Horizontal(id="sections"):
            yield LineView(glyphs=glyphs, id="first")
            yield LineView(glyphs=glyphs, id="second")
        yield FooterBar(glyphs=glyphs)

    def on_mount(self) -> None:
        """The first frame shows everything that is known already."""
        self.follower.begin()
        self.query_one("#first", LineView).focus()
        self.query_one(FooterBar).set_hints(self.host.hints())
        self.follower.ask_lines()
        self.draw()

    def on_resize(self) -> None:
        """Columns fold or unfold once the size is settled."""
        self.call_after_refresh(self.draw)

    def service_opened(self) -> None:
        self.draw()

    def crumb(self) -> str:
        """The incident, or what the panel is."""
        return self.follower.incident.id if self.follower.incident is not None else "escalation"

    def place(self) -> str:
        """The line that opens the panel again."""
        return "escalation"

    def issue_in_view(self) -> tuple[str, str] | None:
        """Issue and severity of the incident; without one, the screens below say."""
        incident = self.follower.incident
        return (incident.issue_type, incident.severity) if incident is not None else None

    def runbook(self) -> str:
        """The issue that the panel is about."""
        return self._issue()

    def shown_readings(self) -> Iterable[str]:
        """The assessment of the incident; without one, how much of each issue there is."""
        if self.follower.incident is not None:
            yield "assessment"
        else:
            yield from (f"pulse:{issue}" for issue in self.level_1.state.issues)

    # ---- readings

    @on(ReadingArrived)
    def take_reading(self, message: ReadingArrived) -> None:
        """Keep it and draw what it changes."""
        before = self.follower.incident
        if self.follower.take(message.reading):
            self.follower.ask_lines()
            if (before is None) is not (self.follower.incident is None):
                self.host.look_again()
            self._redraw.soon()
        elif message.reading.key.startswith("pulse:") and self.follower.incident is None:
            self._redraw.soon()

    def tick(self) -> None:
        """Clocks move on; nothing else does."""
        self.follower.ask_lines()
        self.draw()

    # ---- what is in view

    @property
    def level_1(self) -> Level1:
        """The screen below all others."""
        return cast("Level1", self.app.screen_stack[0])

    def _issue(self) -> str:
        if self.follower.incident is not None:
            return self.follower.incident.issue_type
        known = self.host.catalogue.issues if self.host.catalogue is not None else {}
        for screen in reversed(self.app.screen_stack):
            found = screen.issue_in_view() if isinstance(screen, ConsoleScreen) and screen is not self else None
            if found is not None and found[0] in known:
                return found[0]
        return self.level_1.state.selected

    def view(self) -> IncidentView | IssueView | None:
        """The incident or the issue that is drawn; None before the sources are open."""
        catalogue, service = self.host.catalogue, self.host.service
        if catalogue is None or service is None:
            return None
        now = utc_now()
        found = self.follower.view(catalogue, service, now, self.level_1.alarms())
        return found or self.follower.issue_view(catalogue, self.level_1.state, self._issue(), now)

    # ---- drawing

    def draw(self) -> None:
        """Lay out every pane; the views repaint the differences."""
        self._redraw.now()

    def _draw_panes(self) -> None:
        if not self.size.width:
            return
        glyphs, size, found = self.host.glyphs, self.size, self.view()
        title = glyphs.text(titled(self.host.trail(), self.crumb(), size.width))
        self.query_one("#panel-title", LineView).show((row((title, "bar")),))
        if found is None:
            waiting = row(("opening the sources; nothing is known of incidents yet", "muted"))
            self.query_one("#answer", LineView).show((waiting,))
            return
        self._draw_answer(layout.answer(found, self.follower.problem(), size.width - 4, glyphs))
        self._draw_sections(found, size.height - 3 - len(self.query_one("#answer", LineView).rows))

    def _draw_answer(self, rows: list[Row]) -> None:
        view = self.query_one("#answer", LineView)
        if len(rows) != len(view.rows):
            view.styles.height = len(rows)
        view.show(rows)

    def _draw_sections(self, found: IncidentView | IssueView, height: int) -> None:
        glyphs, wide = self.host.glyphs, self.size.width >= layout.WIDE
        # Marker, scroll bar, and one column between the text and either.
        width = (self.size.width // 2 if wide else self.size.width) - 5
        second: list[Row] = []
        if isinstance(found, IncidentView):
            if wide:
                first, second = layout.two_columns(found, width, height, glyphs)
            else:
                first = layout.one_column(found, width, height, glyphs, all_steps=self.all_steps)
        else:
            first, second = layout.issue_columns(found, width, glyphs)
            first = first if wide else layout.issue_column(first, second)
        self.query_one("#first", LineView).show(layout.padded(first, height))
        self.query_one("#second", LineView).show(layout.padded(second, height) if wide else ())

    # ---- what is under the cursor

    def _step(self, name: str) -> Step | None:
        found = self.view()
        return next((one for one in found.steps if one.id == name), None) if found is not None else None

    # ---- in

    def act_open(self) -> None:
        """Open the row under the cursor: its screen, or all of it."""
        kind, name = self.key_under_cursor()
        incident = self.follower.incident
        if kind == "incident":
            self._switch(name)
        elif kind == "incidents":
            self.host.navigate(addresses.IncidentsAt())
        elif kind in {"notice", "begin", "issue", "people", "alarm"} and incident is None:
            self.host.say("n: declare the incident and notify the team, once you confirm")
        elif kind == "step":
            self._open_step(name)
        elif kind == "problem":
            self.open_text("the journal", self.follower.problem())
        elif incident is not None:
            self._open_section(incident.id, kind, name)
        else:
            self.act_why()

    def _open_section(self, incident_id: str, kind: str, name: str) -> None:
        go = self.host.navigate
        opens: Mapping[str, Callable[[], None]] = {
            "status": partial(go, addresses.StatusAt(incident_id)),
            "title": partial(go, addresses.StatusAt(incident_id)),
            "update": self._open_deliveries,
            "notice": self._open_deliveries,
            "roles": partial(go, addresses.ClaimAt()),
            "role": partial(go, addresses.ClaimAt()),
            "steps": self._fold_steps,
            "criteria": self._open_criteria,
            "criterion": partial(self._open_criteria, name),
            "deliveries": self._open_deliveries,
            "delivery": self._open_deliveries,
            "tasks": partial(go, addresses.TasksAt(incident_id)),
            "task": partial(go, addresses.TasksAt(incident_id)),
            "scope": self._open_affected,
            "proposal": self._open_scope,
            "impact": self.act_why,
            "timeline": partial(go, addresses.TimelineAt(incident_id)),
            "line": partial(go, addresses.TimelineAt(incident_id)),
            "follow_up": partial(self._open_follow_up, name),
            "follow_ups": partial(self._open_follow_up, ""),
        }
        if kind == "alarm":
            self.host.say("1 shows it; with the cursor on it, n tells the team and declares an incident of its own")
        elif kind in opens:
            opens[kind]()

    def _open_deliveries(self) -> None:
        incident = self.follower.incident
        if incident is not None and incident.deliveries:
            self.host.navigate(addresses.DeliveriesAt(incident.id))
        else:
            self.host.say("nothing was sent yet; n shows what would be sent, and sends it once you confirm")

    def _open_step(self, name: str) -> None:
        step = self._step(name)
        if step is not None:
            self.host.open_document(parts.step_document(step, self.follower.incident))

    def _open_criteria(self, name: str = "") -> None:
        found = self.follower.assessment
        doubt = self.follower.doubt(utc_now())
        if found is None:
            self.host.say(f"the exit criteria are not known: {doubt}", "warn")
            return
        chosen = [one for one in found.criteria if name in {"", one.id}]
        self.host.open_document(parts.criteria_document(chosen, doubt))

    def _open_affected(self) -> None:
        """The accounts behind the number of the scope; without any, what is in it, which `w` shows in any case."""
        incident = self.follower.incident
        if incident is not None and any(one.until is None for one in incident.accounts):
            self.host.navigate("affected")
        else:
            self._open_scope()

    def _open_scope(self) -> None:
        incident, found = self.follower.incident, self.follower.assessment
        if incident is not None:
            proposals = found.proposals if found is not None else ()
            made = parts.scope_document(incident, proposals, utc_now())
            self.host.open_document(made)

    def _open_follow_up(self, name: str) -> None:
        incident = self.follower.incident
        follow_ups = incident.follow_ups if incident is not None else ()
        chosen = next((one for one in follow_ups if name in {"", one.scheduled.follow_up}), None)
        if chosen is not None:
            self.host.open_document(parts.follow_up_document(chosen))

    def _fold_steps(self) -> None:
        self.all_steps = not self.all_steps
        self.draw()

    def _switch(self, name: str) -> None:
        service = self.host.service
        if service is not None:
            incidents = service.incidents
            self.host.ask(
                lambda: incidents.choose(name),
                lambda _: self.host.incident_changed(),
                doing=f"bringing {name} into view",
            )

    # ---- why

    def act_why(self) -> None:
        """Evidence behind the row under the cursor."""
        kind, name = self.key_under_cursor()
        found = self.follower.assessment
        if kind == "status" and found is not None:
            self.host.open_document(parts.tier_document(found.tier))
        elif kind == "impact" and found is not None and found.impact is not None:
            self.host.open_document(parts.impact_document(found.impact))
        elif kind == "step":
            self._open_step(name)
        elif kind in {"criteria", "criterion"}:
            self._open_criteria(name)
        elif kind in {"scope", "proposal"}:
            self._open_scope()
        elif kind == "follow_up":
            self._open_follow_up(name)
        elif kind == "delivery":
            self._why_delivery(name)
        elif self.follower.incident is None:
            # Without an incident every row of the panel is about the issue in view.
            self.level_1.act_why()
        else:
            self.host.say("this row holds no number of its own; Y shows the whole panel as text", "muted")

    def _why_delivery(self, name: str) -> None:
        incident = self.follower.incident
        chosen = next((one for one in incident.deliveries if one.delivery == name), None) if incident else None
        if chosen is None:
            return
        evidence: list[Evidence] = [one.evidence for one in chosen.figures if one.evidence is not None]
        figures = "; ".join(f"{one.name} {one.shown}" for one in chosen.figures)
        summary = f"{chosen.title or chosen.purpose.value.replace('_', ' ')}: {figures or 'no figures in it'}"
        self.open_why((clean(chosen.named, limit=120), summary, evidence))

    # ---- doing

    def _writer(self) -> IncidentWriter | None:
        service, incident = self.host.service, self.follower.incident
        if service is None or incident is None:
            self.host.say("no incident is declared yet; n declares one and notifies the team", "muted")
            return None
        return IncidentWriter(self.host, service.incidents, incident.id, self.follower.keep)

    def act_run(self) -> None:
        """Tick or untick the step under the cursor; add what seems affected; do without a criterion."""
        (kind, name), writer = self.key_under_cursor(), self._writer()
        incident, found = self.follower.incident, self.follower.assessment
        if writer is None or incident is None:
            return
        step = self._step(name) if kind == "step" else None
        proposals = {f"proposal:{one.what}:{one.name}": one for one in found.proposals} if found is not None else {}
        task = next((one for one in incident.tasks if kind == "task" and one.task == name), None)
        if step is not None:
            writer.tick(step)
        elif f"{kind}:{name}" in proposals:
            writer.enter_scope(proposals[f"{kind}:{name}"])
        elif kind == "criterion" and found is not None and any(one.id == name for one in found.criteria):
            writer.waive(name)
        elif task is not None:
            writer.close_task(task)
        else:
            self.host.say("x ticks a step, closes a task, adds what seems affected, or waives a criterion", "muted")

    def act_new(self) -> None:
        """A task where the cursor is on tasks, else a line for the timeline."""
        writer = self._writer()
        if writer is None:
            return
        if self.key_under_cursor()[0] in {"tasks", "task"}:
            writer.add_task()
        else:
            writer.note()

    # ---- links, copies, panes

    def act_link(self) -> None:
        """The link of the delivery under the cursor, else all links."""
        kind, name = self.key_under_cursor()
        incident = self.follower.incident
        found = [one for one in incident.deliveries if one.link] if incident is not None else []
        if kind == "delivery":
            found = [one for one in found if one.delivery == name]
        if not found:
            self.host.say("no link is known here yet", "muted")
            return
        text = "\n\n".join(f"{clean(one.named, limit=120)}\n{one.link}" for one in found)
        self.open_text("links", text)

    def act_copy(self) -> None:
        """The panel as text; without an incident, the first notice to paste by hand."""
        self.host.copy(self._text())

    def act_plain(self) -> None:
        """The same as plain text that the terminal itself can select."""
        self.open_plain(self._text())

    def _text(self) -> str:
        if self.follower.incident is None:
            return self.level_1.first_notice()
        names = ("#answer", "#first", "#second") if self.has_class("-wide") else ("#answer", "#first")
        rows = [item for name in names for item in (*self.query_one(name, LineView).rows, Row(()))]
        return plain(rows).rstrip()

    def act_refresh(self) -> None:
        """Look at the journal and at the live world now."""
        if self.host.live is not None:
            self.host.live.refresh("incident")
            self.host.live.refresh("assessment")
            self.host.say("asking again; the panel keeps what it shows until the answers come")
