"""What the keys of the escalation do, from every screen: the panel, telling the team, roles, level 3."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from screens.base import ReadingArrived, RoomScreen
from screens.critical import CriticalScreen

if TYPE_CHECKING:
    from diagnostics.escalation.worker import Worker
    from diagnostics.models.incidents import Following, Incident
    from diagnostics.models.readings import Reading
    from tui.app import WarRoomApp

SNOOZE_MINUTES = 15

ASSESS_EVERY_S = 30.0


class IncidentActions:
    """Mixed into the application."""

    _worker: Worker | None = None
    _followed: Reading[Following] | None = None
    _assessed: str = ""
    """The incident that the reading "assessment" is about."""

    @property
    def _app(self) -> WarRoomApp:
        return cast("WarRoomApp", self)

    # ---- following

    def follow_incidents(self) -> None:
        """Called once the sources are open: look at the journal, and do the background work."""
        app = self._app
        service, live = app.service, app.live
        if service is None or live is None:
            return
        from diagnostics.escalation.worker import Worker  # noqa: PLC0415  # after the first paint

        live.watch("incident", service.incidents.following, every_s=service.settings.escalation.follow_s, steady=True)
        self._worker = Worker(service)
        self._worker.start()

    def end_incident_work(self) -> None:
        """The console ends; what was confirmed and not delivered is in the journal."""
        if self._worker is not None:
            self._worker.close()

    def incident_followed(self, reading: Reading[Following]) -> None:
        """A look at the journal has come back; screens hear of it only when something is new."""
        app = self._app
        before = self._followed
        self._followed = reading
        if before is not None and (before.value, before.failure) == (reading.value, reading.failure):
            return
        self._assess_another()
        for screen in app.screen_stack:
            if isinstance(screen, RoomScreen):
                screen.post_message(ReadingArrived(reading))
        app.draw_header()

    def tell_of_incident(self, screen: RoomScreen) -> None:
        """A screen that has just come on top hears what is known."""
        if self._followed is not None:
            screen.post_message(ReadingArrived(self._followed))

    def _assess_another(self) -> None:
        """The assessment follows the incident in view."""
        app = self._app
        service, live, incident = app.service, app.live, self.incident
        name = incident.id if incident is not None else ""
        if service is None or live is None or name == self._assessed:
            return
        self._assessed = name
        if name:
            live.watch("assessment", partial(service.assessments.assess, name), every_s=ASSESS_EVERY_S)
        else:
            live.unwatch("assessment")
        app.look_again()

    def incident_changed(self) -> None:
        """Something was written: follow it at once, and deliver what was confirmed."""
        app = self._app
        if app.live is not None:
            app.live.refresh("incident")
            app.live.refresh("assessment")
        if self._worker is not None:
            self._worker.wake()

    @property
    def incident(self) -> Incident | None:
        """The incident in view."""
        reading = self._followed
        return reading.value.incident if reading is not None and reading.value is not None else None

    # ---- keys

    def act_escalation(self) -> None:
        """The panel, from anywhere; a second press goes back."""
        from screens.escalation import EscalationScreen  # noqa: PLC0415  # the first paint must not pay for it

        app = self._app
        if isinstance(app.screen, EscalationScreen):
            app.screen.dismiss()
            return
        app.push_room_screen(EscalationScreen())

    def act_notify(self) -> None:
        """Tell the team: an update of the incident in view, or the first notice of the issue in view."""
        from diagnostics.models.entries import Purpose  # noqa: PLC0415
        from screens.respond import RespondScreen  # noqa: PLC0415

        app = self._app
        if app.service is None:
            app.say("the sources are still opening; try again in a moment", "warn")
            return
        issue, incident = self._issue_in_view(), self.incident
        if incident is not None and incident.is_open and (issue is None or issue[0] == incident.issue_type):
            notices = [one for one in incident.deliveries if one.purpose not in {Purpose.TRACKING, Purpose.NOTE}]
            told = any(one.state not in {"failed", "given_up"} for one in notices)
            purpose = Purpose.UPDATE if told else Purpose.FIRST_NOTICE
            app.push_room_screen(RespondScreen(incident=incident.id, purpose=purpose))
            return
        if issue is None or not self._in_matrix(*issue):
            from screens.declare import DeclareScreen  # noqa: PLC0415

            app.push_room_screen(DeclareScreen(issue_type=issue[0] if issue is not None else None))
            return
        app.push_room_screen(RespondScreen(issue_type=issue[0], severity=issue[1]))

    def _in_matrix(self, issue_type: str, severity: str) -> bool:
        catalogue = self._app.catalogue
        issue = catalogue.issues.get(issue_type) if catalogue is not None else None
        return issue is not None and severity in issue.severities

    def _issue_in_view(self) -> tuple[str, str] | None:
        """What the screens speak of, from the top down; level 1 always has an answer."""
        for screen in reversed(self._app.screen_stack):
            if isinstance(screen, CriticalScreen):
                return screen.state.selected, screen.state.severity(screen.state.selected)
            if isinstance(screen, RoomScreen) and (issue := screen.issue_in_view()) is not None:
                return issue
        return None

    def _with_incident(self, doing: str) -> Incident | None:
        incident = self.incident
        if incident is None:
            self._app.say(f"{doing}: no incident is open; n declares one and tells the team", "muted")
        return incident

    def act_claim(self) -> None:
        """Roles of the incident in view."""
        if self._with_incident("claim") is not None:
            from screens.claim import ClaimScreen  # noqa: PLC0415

            self._app.push_room_screen(ClaimScreen())

    def act_status(self) -> None:
        """Move the incident in view on."""
        incident = self._with_incident("status")
        if incident is not None:
            from screens.status import StatusScreen  # noqa: PLC0415

            self._app.push_room_screen(StatusScreen(incident.id))

    def act_pin(self) -> None:
        """Keep what is in view as evidence of the incident."""
        app, incident = self._app, self._with_incident("pin")
        service, screen = app.service, app.screen
        if incident is None or service is None or not isinstance(screen, RoomScreen):
            return
        pin = screen.pin_in_view()
        if pin is None:
            app.say("nothing here can be pinned; w shows the evidence of a number, and m pins that", "muted")
            return
        title, text, evidence = pin

        def done(changed: Incident) -> None:
            app.say(f"kept as {changed.pins[-1].pinned.pin} of {changed.id}", "pass")
            self.incident_changed()

        app.ask(
            lambda: service.incidents.pin(incident.id, title[:200], text[:4_000], evidence=evidence),
            done,
            doing="pinning",
        )

    def act_timeline(self) -> None:
        """The timeline of the incident in view."""
        incident = self._with_incident("timeline")
        if incident is not None:
            from screens.timeline import TimelineScreen  # noqa: PLC0415

            self._app.push_room_screen(TimelineScreen(incident.id))

    def act_handoff(self) -> None:
        """The hand-off note of the incident in view."""
        incident = self._with_incident("hand-off")
        if incident is not None:
            self._app.command(f"handoff {incident.id}")

    def act_snooze(self) -> None:
        """No reminders for a while; the promise itself stays."""
        app, incident = self._app, self._with_incident("remind later")
        service = app.service
        if incident is None or service is None:
            return

        def done(_incident: Incident) -> None:
            app.say(f"no reminders for {SNOOZE_MINUTES} minutes; the time of the next update stays as it was")
            self.incident_changed()

        app.ask(lambda: service.incidents.snooze(incident.id, SNOOZE_MINUTES), done, doing="remind later")

    def act_level_investigate(self) -> None:
        """Level 3, from anywhere: where one is already on it, nothing moves."""
        from screens.investigate import InvestigateScreen  # noqa: PLC0415

        app = self._app
        there = next((screen for screen in app.screen_stack if isinstance(screen, InvestigateScreen)), None)
        while len(app.screen_stack) > 1 and app.screen is not there:
            app.pop_screen()
        if there is not None:
            app.call_after_refresh(app.uncovered)
        else:
            app.push_room_screen(InvestigateScreen())
