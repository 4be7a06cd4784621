"""What the keys do on level 1. The screen draws; this half answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from textual.timer import Timer

from diagnostics.core.time import utc_now
from screens import documents
from screens.log_screen import WINDOW_REST_S, WINDOWS, LogScreen, window_after
from widgets import wording
from widgets.line_view import LineView
from widgets.log_list import LogList
from widgets.log_pane import LogPane

if TYPE_CHECKING:
    from diagnostics.models.evidence import Evidence
    from diagnostics.models.readings import Pulse, Reading
    from diagnostics.models.triage import Finding, Refusal, Route
    from screens.critical_state import CriticalState

NARROW = 110
"""Below this many columns the escalation panel folds away behind its key."""


class CriticalActions(LogScreen):
    """Actions by name, `act_<name>` as the registry calls them."""

    state: CriticalState
    log_key: str
    _window_timer: Timer | None = None

    # ---- where am I

    def _row_key(self) -> str:
        view = self.focused
        return view.cursor_key or "" if isinstance(view, LineView) else ""

    def _finding_in_view(self) -> Reading[Finding] | None:
        kind, _, check = self._row_key().partition(":")
        return self.state.finding(self.state.selected, check) if kind == "check" else None

    def watch_pulses(self) -> None:
        """Given by the screen."""

    def watch_logs(self) -> None:
        """Given by the screen."""

    def draw(self) -> None:
        """Given by the screen."""

    def crumb(self) -> str:
        """The issue in view."""
        return self.state.selected.replace("_", " ")

    def query_in_view(self) -> str:
        """The selected issue's query, with the filter in force."""
        service, text = self.room.service, self.query_one(LogPane).filter_text
        query = service.query_for(self.state.selected) if service is not None else ""
        return f"{query} {text}".strip()

    def memory(self) -> dict[str, object]:
        """Issue, window and filter, where a person chose them."""
        chosen = {"issue": self.state.selected} if self.state.chosen_by_person else {}
        return {**chosen, "window_s": self.state.window_s, "filter": self.query_one(LogPane).filter_text}

    def recall(self, memory: Mapping[str, object]) -> None:
        """Choose them again; an issue or a window that is not offered any more is left alone."""
        window, issue, text = memory.get("window_s"), memory.get("issue"), memory.get("filter")
        if isinstance(issue, str) and issue in self.state.issues:
            self.state.chosen_by_person = True
            self.state.selected = issue
        if isinstance(window, int) and window in WINDOWS and window != self.state.window_s:
            self.state.window_s = window
            self.watch_pulses()
        self.watch_logs()
        if isinstance(text, str) and text:
            self.query_one(LogPane).set_filter(text)
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
        elif place == "escalation":
            from screens.escalation import EscalationScreen  # noqa: PLC0415  # the first paint must not pay for it

            self.room.push_room_screen(EscalationScreen())

    def _open_detail_row(self) -> None:
        kind, _, name = self._row_key().partition(":")
        service = self.room.service
        if service is None:
            return
        if kind == "route":
            self._hand_over(service.open_route(self.state.selected))
        elif kind == "check":
            reading = self.state.finding(self.state.selected, name)
            if reading is None or reading.value is None:
                self.room.say("this check has not answered yet; r asks again", "warn")
                return
            doubt = self._notice_doubt(reading, utc_now()).strip()
            self.room.open_document(documents.finding_document(reading.value, self.room.signs, doubt=doubt))

    def _hand_over(self, answer: Route | Refusal) -> None:
        from diagnostics.models.triage import Refusal  # noqa: PLC0415
        from screens.routes import open_route  # noqa: PLC0415

        if isinstance(answer, Refusal):
            self._open_refusal(answer)
        else:
            open_route(self.room, answer, self.state.selected, self.state.window_s)

    def _open_refusal(self, refusal: Refusal) -> None:
        from screens.refusals import RefusalScreen  # noqa: PLC0415  # only who is refused pays for it

        self.room.push_room_screen(RefusalScreen(refusal))

    def act_back(self) -> None:
        """Out of a pane to the list."""
        if self.focused_pane() == "logs" and self.query_one(LogList).filter_text:
            self.query_one(LogPane).set_filter("")
            return
        self.query_one("#issues", LineView).focus()

    # ---- evidence and copying

    def act_why(self) -> None:
        """Evidence for the number under the cursor."""
        title, summary, items = self._evidence()
        self.room.open_document(documents.evidence_document(title, summary, items, self.room.signs))

    def _evidence(self) -> tuple[str, str, list[Evidence]]:
        place, issue = self.focused_pane(), self.state.selected
        if place == "logs":
            reading = self.state.readings.get(self.log_key)
            page = reading.value if reading is not None else None
            found = [page.evidence] if page is not None else []
            return "log lines", f"{issue.replace('_', ' ')}: the newest answer behind the log pane", found
        finding = self._finding_in_view() if place == "detail" else None
        if finding is not None and finding.value is not None:
            value = finding.value
            summary = value.summary + self._notice_doubt(finding, utc_now())
            return value.check.replace("_", " "), summary, [value.evidence] if value.evidence else []
        pulse = self.state.pulse(issue)
        if pulse is None or pulse.value is None:
            failure = pulse.failure if pulse is not None else ""
            return issue.replace("_", " "), failure or "nothing has answered yet", []
        value_now = pulse.value
        count = wording.count(value_now.count, self.room.signs)
        usual = "nothing is usual" if value_now.usual is None else f"usual is {value_now.usual:,.0f}"
        window = wording.duration(value_now.window_s)
        summary = f"{count} events in {window}, {usual} (median of the day before); severity {value_now.severity}"
        return issue.replace("_", " "), " · ".join([summary, *value_now.findings]), list(value_now.evidence)

    def act_copy(self) -> None:
        """Copy what is under the cursor."""
        place = self.focused_pane()
        if place == "logs":
            event = self.query_one(LogPane).current
            text = event.message if event is not None else ""
        elif place == "escalation":
            text = self.first_notice()
        else:
            finding = self._finding_in_view() if place == "detail" else None
            if finding is not None and finding.value is not None:
                text = finding.value.summary + self._notice_doubt(finding, utc_now())
            else:
                text = self._row_text()
        if text:
            self.room.copy(text)

    def _row_text(self) -> str:
        view = self.focused
        current = view.current if isinstance(view, LineView) else None
        return current.text.strip() if current is not None else ""

    def first_notice(self) -> str:
        """A first notice with the figures in view, to be pasted by hand where nothing can be sent."""
        catalogue, issue, now = self.room.catalogue, self.state.selected, utc_now()
        if catalogue is None:
            return ""
        model = catalogue.issues[issue]
        pulse = self.state.pulse(issue)
        lines = [f"{model.title}: {self.state.severity(issue).upper()}, as of {now:%H:%M} UTC"]
        if pulse is not None and pulse.value is not None:
            lines.append(self._notice_figures(pulse.value) + self._notice_doubt(pulse, now))
        for key, reading in self.state.readings.items():
            if key.startswith(f"check:{issue}:") and reading.value is not None:
                lines.append(f"- {reading.value.summary}{self._notice_doubt(reading, now)}")
        return "\n".join([*lines, f"route: {model.route}", f"contact: {catalogue.contact.manager}"])

    def _notice_figures(self, pulse: Pulse) -> str:
        window = wording.duration(pulse.window_s)
        count = "not known" if pulse.count is None else f"{pulse.count:,}"
        accounts = "not known" if pulse.accounts is None else f"{pulse.accounts:,}"
        headline = f"{pulse.headline}; " if pulse.headline else ""
        return f"{headline}events in {window}: {count}; accounts: {accounts}"

    def _notice_doubt(self, reading: Reading[Any], now: datetime) -> str:
        if not wording.is_stale(reading):
            return ""
        return f" (OLD: asked {wording.age(wording.asked_at(reading), now)} ago; {reading.failure})"

    def act_plain(self) -> None:
        """What `y` would copy, as plain text that the terminal itself can select."""
        place = self.focused_pane()
        text = self.first_notice() if place == "escalation" else self._row_text()
        event = self.query_one(LogPane).current if place == "logs" else None
        shown = event.message if event is not None else text
        self.room.open_document(documents.text_document("plain text, to select", shown, self.room.signs))

    # ---- live

    def act_window(self) -> None:
        """Next time window for pulses and lines."""
        self.set_window(window_after(self.state.window_s))

    def set_window(self, seconds: int) -> None:
        """Show another time window, in seconds."""
        self.state.window_s = seconds
        self.room.say(f"window: last {wording.duration(self.state.window_s)}")
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
        if self.room.live is not None and self.room.service is not None:
            self.room.service.forget_answers()
            self.room.live.refresh(None)
            self.room.say("asking again; panes keep what they show until the answers come")

    def act_run(self) -> None:
        """Run the check under the cursor again; a step that changes production is refused."""
        kind, _, name = self._row_key().partition(":")
        live, service = self.room.live, self.room.service
        if live is None or service is None:
            return
        if kind == "route":
            self._hand_over(service.open_route(self.state.selected))
        elif kind == "check" and name == "batch_retry":
            self._open_refusal(service.request_change("batch_retry"))
        elif kind == "check":
            service.forget_answers()
            live.refresh(f"check:{self.state.selected}:{name}")
            self.room.say(f"running {name.replace('_', ' ')} again")
        else:
            self.room.say("put the cursor on a check (enter, then j and k), then x runs it again", "warn")

    def act_link(self) -> None:
        """The same query in the web application."""
        service = self.room.service
        if service is not None:
            link = service.log_link(service.query_for(self.state.selected), window_s=self.state.window_s)
            self.room.open_document(documents.text_document("link to the same query", link, self.room.signs))
