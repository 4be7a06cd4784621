"""Level 1: what is on fire, how sure we are, what to do first, whom to tell."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.timer import Timer

from diagnostics.core.time import utc_now
from diagnostics.core.words import age, short
from diagnostics.live.lanes import check_lane, pulse_lane
from diagnostics.models.status import NOTIFY_SEVERITIES
from diagnostics.signals.severity import PULSE
from screens.base import ReadingArrived
from screens.critical.state import SETTLE_S, CriticalState, doubt
from screens.log_screen import WINDOW_REST_S, WINDOWS, LogScreen, window_after
from screens.redraw import Redraw
from widgets import wording
from widgets.critical.checks import IssueDetail, detail
from widgets.critical.patterns import in_order, pattern_note, pattern_rows
from widgets.critical.rollup import rollup_row
from widgets.footer_bar import FooterBar
from widgets.header_bar import HeaderBar
from widgets.line_view import LineView
from widgets.log.list import LogList
from widgets.log.pane import LogPane
from widgets.row import row
from widgets.rows.issues import IssueLine, issue_row, level_title

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.explorer.groups import GroupedLines
    from diagnostics.models.events import LogEvent, LogPage
    from diagnostics.models.explorer import LineGroup
    from diagnostics.models.readings import Reading
    from diagnostics.models.triage import Finding, Route
    from diagnostics.signals.counts import Accounts
    from screens.addresses import AccountAt
    from screens.base import ScreenHost, Why
    from screens.incident_follower import IncidentFollower
    from screens.listing import Listing
    from widgets.incident_view import Alarm

PLACEHOLDERS = (
    ("rate_limiting", "Rate limiting"),
    ("oauth_failure", "OAuth failures"),
    ("transaction_sync", "Transaction sync"),
)
"""Shown before the catalogue is read, so that the first paint already has the shape of the screen."""

REST_S = 0.35
"""The cursor has rested on an issue for so long that its log lines are worth asking for."""

NARROW = 110
"""Below this many columns the escalation panel folds away behind its key."""

MONITORING = "zillow-system-monitoring"
"""The specialist whose place is level 2 as a whole; the others look at one account or deal."""

ROLLUP = "rollup"
"""The reading of levels 2 and 3 in one line."""

PATTERNS = "log-patterns"
"""Id of the pane of patterns."""

BACKLOG = "webhook_backlog"
"""The check whose number has a chart of its own."""

BULK_DEALS = "transaction_sync"
MOST_ACCOUNTS = 20


class CriticalScreen(LogScreen):
    """Three issues, the selected one's checks and route, its live log lines, and the people to tell."""

    answers = "What is on fire now, how bad is it, and whom do I tell?"

    hint_names = ("open", "notify", "why", "escalation", "logs", "filter", "window", "pause", "command", "help")

    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (80, "-narrow"), (110, "-wide"), (150, "-broad"), (190, "-vast")]  # noqa: RUF012  # Textual's own name and type
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (24, "-short"), (32, "-tall")]  # noqa: RUF012

    DEFAULT_CSS = """
    CriticalScreen #body { height: 1fr; }
    CriticalScreen #main { width: 1fr; }
    CriticalScreen .title { height: 1; scrollbar-size-vertical: 0; }
    CriticalScreen #issues { height: 3; }
    CriticalScreen #rollup { height: 1; scrollbar-size-vertical: 0; padding: 0 0 0 2; }
    CriticalScreen #detail { height: 8; }
    CriticalScreen #logs { height: 1fr; }
    CriticalScreen #side { width: 38; display: none; border-left: solid $panel-lighten-1; }
    CriticalScreen #escalation { height: 1fr; padding: 0 0 0 1; }
    CriticalScreen.-ascii #side { border-left: ascii $panel-lighten-1; }
    CriticalScreen.-tall #detail { height: 10; }
    CriticalScreen.-wide #side { display: block; }
    CriticalScreen.-broad #side { display: block; width: 50; }
    CriticalScreen.-vast #side { display: block; width: 64; }
    CriticalScreen.-flat #detail, CriticalScreen.-flat #detail-title { display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.state = CriticalState(issues=tuple(name for name, _ in PLACEHOLDERS), selected=PLACEHOLDERS[0][0])
        self.people: IncidentFollower | None = None
        """The incident in view, once the sources are open."""
        self.last_key_at = 0.0
        self.log_key = "logs:0"
        """Key of the log reading in view. Each question has its own, so that a late answer to another is dropped."""
        self._generation = 0
        self._groups: GroupedLines | None = None
        self._patterns: dict[str, LineGroup] = {}
        """The patterns on screen by their keys, in their order."""
        self._redraw = Redraw(
            self,
            {
                "issues": self._draw_issues,
                "rollup": self._draw_rollup,
                "detail": self._draw_detail,
                "escalation": self._draw_escalation,
                "total": self._draw_total,
                "age": self._draw_lines_age,
            },
        )
        self._switch: Timer | None = None
        self._window_timer: Timer | None = None

    # ---- construction

    def compose(self) -> ComposeResult:
        """Panes of rows; nothing here waits for a source."""
        glyphs = self.host.glyphs
        yield HeaderBar(glyphs=glyphs, clock=f"{utc_now():%H:%M:%S} UTC")
        with Horizontal(id="body"):
            with Vertical(id="main"):
                yield LineView(glyphs=glyphs, cursor=False, id="issues-title").add_class("title")
                yield LineView(glyphs=glyphs, id="issues")
                yield LineView(glyphs=glyphs, cursor=False, id="rollup")
                yield LineView(glyphs=glyphs, cursor=False, id="detail-title").add_class("title")
                yield LineView(glyphs=glyphs, id="detail")
                yield LogPane(ascii=glyphs.ascii_only, grouped=True, id="logs")
            with Vertical(id="side"):
                yield LineView(glyphs=glyphs, cursor=False, id="side-title").add_class("title")
                people = LineView(glyphs=glyphs, cursor=False, id="escalation")
                people.can_focus = True
                yield people
        yield FooterBar(glyphs=glyphs)

    def on_mount(self) -> None:
        """The list has the focus: its question comes first."""
        self.set_class(self.host.glyphs.ascii_only, "-ascii")
        self.query_one("#issues", LineView).focus()
        self.query_one(FooterBar).set_hints(self.host.hints())
        # The very first frame already has the shape of the screen; sizes are settled by the first resize.
        self.draw()

    def on_resize(self) -> None:
        """Rows are laid out for the new width once it is settled."""
        self.call_after_refresh(self.draw)

    def service_opened(self) -> None:
        """Start watching: three pulses, the checks of each level-1 issue, the selected issue's lines."""
        service, live, catalogue = self.host.service, self.host.live, self.host.catalogue
        if service is None or live is None or catalogue is None:
            return
        from screens.incident_follower import IncidentFollower  # noqa: PLC0415  # after the first paint

        self.people = IncidentFollower(self.host, partial(self._redraw.soon, "escalation"))
        issues = tuple(name for name, issue in catalogue.issues.items() if issue.level == 1)
        self.state.issues = issues
        self.state.rows = catalogue.issues
        self.state.checks = {issue: service.console_checks(issue) for issue in issues}
        self.state.window_s = service.settings.refresh.window_s
        if self.state.selected not in issues:
            self.state.selected = issues[0]
        self.watch_pulses()
        for issue in issues:
            for check in self.state.checks[issue]:
                live.watch(
                    f"check:{issue}:{check}",
                    partial(service.console_check, issue, check),
                    every_s=service.settings.refresh.checks_s,
                    source=check_lane(check),
                )
        live.watch(ROLLUP, service.rollup, every_s=service.settings.refresh.checks_s)
        self.watch_logs()
        self.draw()

    def watch_pulses(self) -> None:
        """Ask for the pulses of the present window."""
        service, live = self.host.service, self.host.live
        if service is None or live is None:
            return
        for issue in self.state.issues:
            live.watch(
                f"pulse:{issue}",
                partial(service.pulse, issue, self.state.window_s),
                every_s=service.settings.refresh.pulse_s,
                source=pulse_lane(issue),
            )
        self.host.look_again()

    def watch_logs(self) -> None:
        """Show the selected issue's query in the log pane and follow it."""
        service, live = self.host.service, self.host.live
        if service is None or live is None:
            return
        from diagnostics.explorer.groups import GroupedLines  # noqa: PLC0415
        from diagnostics.live.tail import Tail  # noqa: PLC0415

        query, pane = self.query_in_view(), self.log_pane
        pane.reset()
        pane.show_query(query, short(self.state.window_s))
        self._draw_total()
        live.unwatch(self.log_key)
        self.state.readings.pop(self.log_key, None)
        self._generation += 1
        self.log_key = f"logs:{self._generation}"
        reader = self.reader = Tail(service, query, window_s=self.state.window_s)
        groups = self._groups = GroupedLines(self.state.window_s)

        def newest() -> LogPage:
            page = reader.newest()
            # Grouped where they were asked for: a page of lines is more than a key should wait for.
            groups.take(page.events, int(utc_now().timestamp() * 1_000))
            return page

        live.watch(self.log_key, newest, every_s=service.settings.refresh.logs_s, source="datadog")
        self.host.look_again()

    def shown_readings(self) -> Iterable[str]:
        """Pulses and checks of all issues, which are judged together, and the log lines."""
        yield from (f"pulse:{issue}" for issue in self.state.issues)
        yield from (f"check:{issue}:{check}" for issue, checks in self.state.checks.items() for check in checks)
        yield from (ROLLUP, self.log_key)
        if self.people is not None and self.people.incident is not None and self.size.width >= NARROW:
            yield "assessment"

    # ---- readings

    @on(ReadingArrived)
    def take_reading(self, message: ReadingArrived) -> None:
        """Keep the reading and repaint what it changes."""
        reading = message.reading
        kind = reading.key.partition(":")[0]
        if kind in {"incident", "assessment"}:
            self._take_incident(reading)
            return
        if kind == "logs" and reading.key != self.log_key:
            return
        alarm = self.state.alarm_since()
        if not self.state.take(reading, utc_now()):
            return
        if (self.state.alarm_since() is None) is not (alarm is None):
            # The five minutes begin, or end, in the header at once.
            self.host.draw_header()
        if kind == "logs":
            self.show_lines(reading)
            self._draw_patterns()
            self._draw_lines_age()
        elif kind == ROLLUP:
            self._redraw.soon("rollup")
        elif kind == "pulse":
            self._settle_order()
            self._redraw.soon("issues", "detail", "escalation", "total")
        else:
            self._settle_order()
            self._redraw.soon("issues", "detail", "escalation")

    def _take_incident(self, reading: Reading[Any]) -> None:
        people = self.people
        if people is None:
            return
        before = people.incident
        if people.take(reading):
            if (before is None) is not (people.incident is None):
                self.host.look_again()
            if self.size.width >= NARROW:
                people.ask_lines()
            self._redraw.soon("escalation")

    def _settle_order(self) -> None:
        catalogue = self.host.catalogue
        if catalogue is None or time.monotonic() - self.last_key_at < SETTLE_S:
            return
        self.state.reorder(catalogue)
        worst = self.state.issues[0]
        pulses = [self.state.pulse(issue) for issue in self.state.issues]
        complete = all(pulse is not None and pulse.value is not None for pulse in pulses)
        if not self.state.chosen_by_person and complete and worst != self.state.selected:
            self.select(worst)

    def _draw_lines_age(self) -> None:
        self.show_lines_age(self.state.readings.get(self.log_key))

    def _draw_total(self) -> None:
        self.log_pane.set_total(self._total())

    def _total(self) -> int | None:
        """Lines in the window, which the pulse has counted; with a filter nobody has."""
        pulse = self.state.pulse(self.state.selected)
        if self.log_pane.filter_text or pulse is None or pulse.value is None:
            return None
        return pulse.value.count

    def _draw_patterns(self) -> None:
        """The lines by pattern. While somebody stands among them none changes its place, and new ones come behind."""
        pane, groups = self.log_pane, self._groups
        if groups is None or not pane.grouped:
            return
        found = in_order(groups.groups(), tuple(self._patterns), held=self.focused_pane() == PATTERNS)
        self._patterns = {group.key: group for group in found}
        view = pane.query_one("#log-patterns", LineView)
        width, glyphs = self._width(view), self.host.glyphs
        note = pattern_note(found, self._total(), width=width - 16, glyphs=glyphs)
        pane.show_patterns(pattern_rows(found, width=width, glyphs=glyphs), note)

    # ---- selection

    @on(LineView.Moved)
    def moved(self, message: LineView.Moved) -> None:
        """Moving in the list brings another issue into view."""
        self.touched()
        if message.view.id == "issues" and message.key != self.state.selected:
            self.state.chosen_by_person = True
            self.select(message.key)

    def touched(self) -> None:
        """A person is reading: hold the order of the list for a moment."""
        self.last_key_at = time.monotonic()

    def select(self, issue: str) -> None:
        """Bring an issue into view; its lines are asked for once the cursor rests.

        The cursor is painted first; the panes that follow it are laid out a moment later, so that keys stay quick.
        """
        self.state.selected = issue
        self.query_one("#issues", LineView).place(issue)
        self._redraw.soon("detail", "escalation", "total")
        if self._switch is not None:
            self._switch.stop()
        self._switch = self.set_timer(REST_S, self.watch_logs)

    # ---- drawing

    def tick(self) -> None:
        """Ages move on; nothing else does."""
        self._redraw.soon("issues", "detail", "age", "escalation")

    def draw(self) -> None:
        """Lay out every pane from the state."""
        self._redraw.now()

    def _bar(self, selector: str, text: str) -> None:
        self.query_one(selector, LineView).show((row((self.host.glyphs.text(text), "bar")),))

    def _width(self, view: LineView) -> int:
        if view.size.width:
            return view.text_width()
        return max(20, self.app.size.width - (40 if self.app.size.width >= NARROW else 2))

    def _draw_issues(self) -> None:
        now, glyphs = utc_now(), self.host.glyphs
        view = self.query_one("#issues", LineView)
        width = self._width(view)
        catalogue = self.host.catalogue
        titles = dict(PLACEHOLDERS) if catalogue is None else {k: v.title for k, v in catalogue.issues.items()}
        rows = [
            issue_row(
                IssueLine(
                    issue,
                    titles[issue],
                    self.state.pulse(issue),
                    issue in self.state.rising,
                    self.state.verdict(issue),
                    self._began_at(issue),
                ),
                width=width,
                now=now,
                glyphs=glyphs,
            )
            for issue in self.state.issues
        ]
        view.show(rows)
        view.place(self.state.selected)
        asked = [wording.asked_at(reading) for issue in self.state.issues if (reading := self.state.pulse(issue))]
        oldest = min((moment for moment in asked if moment is not None), default=None)
        aged = f"{age(oldest, now)} old" if oldest is not None else ""
        if self.has_class("-flat"):
            aged = f"{self.size.width}×{self.size.height}: 80×24 shows the checks"
        severities = [] if catalogue is None else [self.state.severity(issue) for issue in self.state.issues]
        title = level_title(severities, self.state.window_s, glyphs, aged=aged, width=width)
        self._bar("#issues-title", title)

    def _draw_rollup(self) -> None:
        view, catalogue = self.query_one("#rollup", LineView), self.host.catalogue
        if catalogue is None:
            return
        usual = f"{catalogue.baselines['system_health'].value:.2f} %"
        width = max(20, view.size.width or self.app.size.width - 2)
        reading = self.state.readings.get(ROLLUP)
        view.show((rollup_row(reading, usual=usual, width=width, glyphs=self.host.glyphs),))

    def _began_at(self, issue: str) -> datetime | None:
        """When the incident in view began, where it is about this issue."""
        incident = self.people.incident if self.people is not None else None
        return incident.began_at if incident is not None and incident.issue_type == issue else None

    def _draw_detail(self) -> None:
        catalogue, service = self.host.catalogue, self.host.service
        view = self.query_one("#detail", LineView)
        issue = self.state.selected
        if catalogue is None or service is None:
            self._bar("#detail-title", " opening the sources")
            view.show((row(("reading the settings and the catalogue; nothing has been asked yet", "muted")),))
            return
        model = catalogue.issues[issue]
        verdict = self.state.verdict(issue)
        # What a check says stands below; what the pulse says does not.
        found = IssueDetail(
            title=model.title,
            severity=self.state.severity(issue),
            impact=model.impact,
            route=model.route,
            checks=tuple((check, self.state.finding(issue, check)) for check in self.state.checks.get(issue, ())),
            contact="" if self.size.width >= NARROW else self._contact(catalogue),
            reason=verdict.reason if verdict is not None and verdict.decided_by == (PULSE,) else "",
            accounts=self.state.accounts(issue),
        )
        title, rows = detail(
            found, width=self._width(view), height=view.size.height, now=utc_now(), glyphs=self.host.glyphs
        )
        view.show(rows)
        self._bar("#detail-title", title)

    def _contact(self, catalogue: Catalogue) -> str:
        """Whom to tell and with which key, where the panel beside it is folded away."""
        who = catalogue.contact
        return f"{who.manager} · {who.channel} · n notifies · e escalation"

    def _draw_escalation(self) -> None:
        view = self.query_one("#escalation", LineView)
        catalogue, service, people = self.host.catalogue, self.host.service, self.people
        if not view.size.width or catalogue is None or service is None or people is None:
            return
        from widgets.rows.escalation import side_rows  # noqa: PLC0415  # with the models, after the first paint

        now = utc_now()
        found = people.view(catalogue, service, now, self.alarms())
        shown = found or people.issue_view(catalogue, self.state, self.state.selected, now)
        self._bar("#side-title", f" ESCALATION{f' · {found.incident.id}' if found is not None else ''}")
        size = view.size
        view.show(
            side_rows(shown, people.problem(), width=view.text_width(), height=size.height, glyphs=self.host.glyphs)
        )

    def alarms(self) -> list[tuple[str, Alarm]]:
        """Issue types that the team has to be told of, each with its title, severity and since when."""
        from widgets.incident_view import Alarm  # noqa: PLC0415  # with the models, after the first paint

        catalogue = self.host.catalogue
        titles = {} if catalogue is None else {name: issue.title for name, issue in catalogue.issues.items()}
        return [
            (issue, Alarm(titles.get(issue, issue), severity, self.state.first_alarm.get(issue)))
            for issue in self.state.issues
            if (severity := self.state.severity(issue)) in NOTIFY_SEVERITIES
        ]

    def issue_in_view(self) -> tuple[str, str]:
        """The issue under the cursor, with its severity."""
        return self.state.selected, self.state.severity(self.state.selected)

    def runbook(self) -> str:
        """The section of the immediate actions about the issue under the cursor."""
        return self.state.selected

    def alarm_since(self) -> datetime | None:
        """When this console first saw what burns now; None where nothing has to be told."""
        return self.state.alarm_since()

    # ---- coming back

    def crumb(self) -> str:
        return self.state.selected.replace("_", " ")

    def query_in_view(self) -> str:
        """The selected issue's query, with the filter in force."""
        service, text = self.host.service, self.log_pane.filter_text
        query = service.query_for(self.state.selected) if service is not None else ""
        return f"{query} ({text})" if " OR " in text else f"{query} {text}".strip()

    def memory(self) -> dict[str, object]:
        """Issue, window and filter, where a person chose them."""
        chosen = {"issue": self.state.selected} if self.state.chosen_by_person else {}
        return {
            **chosen,
            "window_s": self.state.window_s,
            "filter": self.log_pane.filter_text,
            "lines": not self.log_pane.grouped,
        }

    def recall(self, memory: Mapping[str, object]) -> None:
        """Choose them again; an issue or a window that is not offered any more is left alone."""
        window, issue, text = memory.get("window_s"), memory.get("issue"), memory.get("filter")
        if isinstance(issue, str) and issue in self.state.issues:
            self.state.chosen_by_person = True
            self.state.selected = issue
        if isinstance(window, int) and window in WINDOWS and window != self.state.window_s:
            self.state.window_s = window
            self.watch_pulses()
        if memory.get("lines"):
            self.log_pane.set_grouped(False)
        if isinstance(text, str) and text:
            self.log_pane.set_filter(text)
        self.watch_logs()
        self.draw()

    # ---- in and out

    def act_open(self) -> None:
        """One level deeper, whatever is under the cursor."""
        place = self.focused_pane()
        if place == "issues":
            self.query_one("#detail", LineView).focus()
        elif place == "detail":
            self._open_detail_row()
        elif place == "logs":
            self.query_one(LogList).action_open()
        elif place == PATTERNS and (group := self._patterns.get(self.key_under_cursor()[1])) is not None:
            self.open_line(group.newest)
        elif place == "escalation":
            from screens.addresses import EscalationAt  # noqa: PLC0415  # after the first paint

            self.host.navigate(EscalationAt())

    def act_chart(self) -> None:
        """How much there is of the selected issue, minute by minute; on the backlog's check, how the backlog went."""
        kind, name = self.key_under_cursor()
        backlog = self.focused_pane() == "detail" and (kind, name) == ("check", BACKLOG)
        from screens.addresses import ChartAt  # noqa: PLC0415  # after the first paint

        self.host.navigate(ChartAt(BACKLOG if backlog else self.state.selected))

    def _open_detail_row(self) -> None:
        kind, name = self.key_under_cursor()
        if kind == "route":
            self._hand_over()
        elif kind == "impact":
            self.host.navigate("affected")
        elif kind == "check":
            reading = self.state.finding(self.state.selected, name)
            if reading is None or reading.value is None:
                self.host.say("this check has not answered yet; r asks again", "warn")
                return
            from diagnostics.triage.document import finding_document  # noqa: PLC0415  # after the first paint

            old = doubt(reading, utc_now()).strip()
            self.host.open_document(finding_document(reading.value, doubt=old))

    def _hand_over(self) -> None:
        """To the specialist of the issue in view: level 2, or the accounts that its logs name most, to choose from."""
        from diagnostics.models.triage import Refusal  # noqa: PLC0415  # with the models, after the first paint
        from screens.addresses import RefusalAt  # noqa: PLC0415  # after the first paint
        from screens.listing import ListingScreen  # noqa: PLC0415  # after the first paint

        service, host, issue, window_s = self.host.service, self.host, self.state.selected, self.state.window_s
        if service is None:
            return
        route = service.open_route(issue)
        if isinstance(route, Refusal):
            host.navigate(RefusalAt(route))
        elif route.name == MONITORING:
            host.navigate("level health")
        else:

            def choose(found: Accounts) -> None:
                if len(found.ids) == 1 and not found.partial:
                    # Nobody is asked to choose among one.
                    host.navigate(diagnosis_at(issue, found.ids[0]))
                else:
                    host.push_console_screen(ListingScreen(accounts_listing(host, route, issue, found)))

            host.ask(
                lambda: service.named_accounts(issue, window_s, MOST_ACCOUNTS),
                choose,
                doing=f"{route.name}: which account?",
            )

    # ---- lines one by one

    def act_logs(self) -> None:
        """From the patterns to the lines one by one, and back."""
        self.show_one_by_one(self.log_pane.is_grouped or self.focused_pane() != "logs")

    def show_one_by_one(self, wanted: bool = True) -> None:
        """Show each line, or the patterns, and give them the keys."""
        pane = self.log_pane
        pane.set_grouped(not wanted)
        self._draw_patterns()
        pane.focus()

    def act_filter(self) -> None:
        """Filter the lines; what is typed is tried on those that were read, Enter asks for the whole window."""
        self.show_one_by_one()
        super().act_filter()

    @on(LogPane.Filtered)
    def filtered(self) -> None:
        """Ask for the lines of the whole window that pass, and not only for those among the newest."""
        self.watch_logs()

    def narrow(self, term: str) -> None:
        """A term was chosen in an opened line: the lines of the whole window that hold it."""
        self.show_one_by_one()
        super().narrow(term)
        self.watch_logs()

    def act_next_error(self) -> None:
        self.show_one_by_one()
        super().act_next_error()

    def act_previous_error(self) -> None:
        self.show_one_by_one()
        super().act_previous_error()

    def act_older(self) -> None:
        self.show_one_by_one()
        super().act_older()

    def older_arrived(self, events: Sequence[LogEvent]) -> None:
        if self._groups is not None:
            self._groups.take(events, 0)
        super().older_arrived(events)

    def act_back(self) -> None:
        """Out of a pane to the list."""
        if self.focused_pane() == "logs" and self.query_one(LogList).filter_text:
            self.log_pane.set_filter("")
            self.watch_logs()
            return
        self.query_one("#issues", LineView).focus()

    # ---- evidence and copying

    def _finding_in_view(self) -> Reading[Finding] | None:
        kind, check = self.key_under_cursor()
        if kind != "check" or self.focused_pane() != "detail":
            return None
        reading = self.state.finding(self.state.selected, check)
        return reading if reading is not None and reading.value is not None else None

    def act_why(self) -> None:
        """Evidence for the number under the cursor."""
        self.open_why(self._evidence())

    def _evidence(self) -> Why:
        if self.focused_pane() in {"logs", PATTERNS}:
            reading = self.state.readings.get(self.log_key)
            found = [reading.value.evidence] if reading is not None and reading.value is not None else []
            return "log lines", f"{self.crumb()}: the newest answer behind the log pane", found
        finding = self._finding_in_view()
        if finding is None or finding.value is None:
            return self.state.evidence(self.host.glyphs)
        value = finding.value
        summary = value.summary + doubt(finding, utc_now())
        return value.check.replace("_", " "), summary, [value.evidence] if value.evidence else []

    def text_under_cursor(self) -> str:
        """The log line, the check with what bends it, the first notice, or the row."""
        place, finding = self.focused_pane(), self._finding_in_view()
        if place == "logs":
            return self.log_pane.current.message if self.log_pane.current is not None else ""
        if place == "escalation":
            return self.first_notice()
        if finding is not None and finding.value is not None:
            return finding.value.summary + doubt(finding, utc_now())
        return super().text_under_cursor()

    def first_notice(self) -> str:
        """A first notice with the figures in view; empty before the catalogue is read."""
        catalogue = self.host.catalogue
        return self.state.first_notice(catalogue, utc_now()) if catalogue is not None else ""

    def act_copy(self) -> None:
        """Copy what is under the cursor."""
        text = self.text_under_cursor()
        if text:
            self.host.copy(text)

    def act_plain(self) -> None:
        """The row under the cursor as plain text that the terminal itself can select."""
        is_check = self._finding_in_view() is not None
        self.open_plain(super().text_under_cursor() if is_check else self.text_under_cursor())

    # ---- live

    def act_window(self) -> None:
        """Next time window for pulses and lines."""
        self.set_window(window_after(self.state.window_s))

    def set_window(self, seconds: int) -> None:
        """Show another time window, in seconds."""
        self.state.window_s = seconds
        self.host.say(f"window: last {short(self.state.window_s)}")
        self.draw()
        # Walking through the windows spends nothing; resting on one asks.
        if self._window_timer is not None:
            self._window_timer.stop()
        self._window_timer = self.set_timer(WINDOW_REST_S, self._ask_window)

    def _ask_window(self) -> None:
        self.watch_pulses()
        self.watch_logs()

    def act_refresh(self) -> None:
        """Ask everything shown here again."""
        if self.host.live is not None and self.host.service is not None:
            self.host.service.forget_answers()
            self.host.live.refresh(None)
            self.host.say("asking again; panes keep what they show until the answers come")

    def act_run(self) -> None:
        """Run the check under the cursor again; a step that changes production is refused."""
        kind, name = self.key_under_cursor()
        live, service = self.host.live, self.host.service
        if live is None or service is None:
            return
        if kind == "route":
            self._hand_over()
        elif kind == "check" and name == "batch_retry":
            from screens.addresses import RefusalAt  # noqa: PLC0415  # after the first paint

            self.host.navigate(RefusalAt(service.request_change("batch_retry")))
        elif kind == "check":
            service.forget_answers()
            live.refresh(f"check:{self.state.selected}:{name}")
            self.host.say(f"running {name.replace('_', ' ')} again")
        else:
            self.host.say("put the cursor on a check (enter, then j and k), then x runs it again", "warn")

    def act_link(self) -> None:
        """The same query in the web application."""
        service = self.host.service
        if service is not None:
            link = service.log_link(service.query_for(self.state.selected), window_s=self.state.window_s)
            self.open_text("link to the same query", link)


def diagnosis_at(issue: str, account_id: int) -> AccountAt:
    """The specialist's diagnosis of an account, on top of the account that it is about."""
    from screens.addresses import AccountAt  # noqa: PLC0415  # after the first paint

    if issue == BULK_DEALS:
        return AccountAt(account_id, tab="deals", diagnosis="unsynced")
    return AccountAt(account_id, diagnosis="oauth")


def accounts_listing(host: ScreenHost, route: Route, issue: str, found: Accounts) -> Listing:
    """The accounts that the logs name, most events first, and a way to name another one."""
    from diagnostics.core.document import GAP, Block, Text  # noqa: PLC0415  # after the first paint
    from screens.listing import Listing  # noqa: PLC0415  # after the first paint

    named = issue.replace("_", " ")
    blocks: list[Block] = [
        Text(f"name {'a deal' if issue == BULK_DEALS else 'an account'} by its id", "accent", key="other"),
        GAP,
        Text(f"or one of those that the logs of {named} name most", "muted"),
        *(Text(f"account {account}", key=f"account:{account}") for account in found.ids),
        Text("" if found.ids else "no account is named in this window", "muted"),
        Text("there may be further ones: the service answered in part" if found.partial else "", "warn"),
    ]

    def open_row(key: str) -> None:
        kind, _, account = key.partition(":")
        if kind == "account":
            host.navigate(diagnosis_at(issue, int(account)))
        else:
            host.palette("deal " if issue == BULK_DEALS else "account ")

    def why(_key: str) -> Why:
        return f"accounts in {named}", "accounts with matching lines, most first", (found.evidence,)

    return Listing(f"{route.name} · for whom?", route.name, blocks, open_row, frozenset({"account", "other"}), why)
