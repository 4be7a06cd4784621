"""The incident in view: followed in the journal on every screen, worked for in the background, told about by keys."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from screens.base import ConsoleScreen, ReadingArrived, ScreenHost

if TYPE_CHECKING:
    from collections.abc import Callable

    from diagnostics.incident.worker import Worker
    from diagnostics.live.watches import Live
    from diagnostics.models.incidents import Following, Incident
    from diagnostics.models.readings import Reading
    from diagnostics.service import Diagnostics
    from screens import addresses as to
    from tui.navigation import Navigator

SNOOZE_MINUTES = 15

ASSESS_EVERY_S = 30.0


class IncidentInView:
    """Follows the journal once the sources are open, delivers what was confirmed, and writes what keys ask for."""

    def __init__(self, host: ScreenHost, navigator: Navigator) -> None:
        self.reading: Reading[Following] | None = None
        """The newest look at the journal."""
        self._host = host
        self._navigator = navigator
        self._worker: Worker | None = None
        self._assessed = ""
        """The incident that the reading "assessment" is about."""

    @property
    def incident(self) -> Incident | None:
        """The incident in view."""
        reading = self.reading
        return reading.value.incident if reading is not None and reading.value is not None else None

    # ---- following

    def start(self, service: Diagnostics, live: Live) -> None:
        """Look at the journal, and begin the background work."""
        from diagnostics.incident.worker import Worker  # noqa: PLC0415  # after the first paint

        every_s = service.settings.escalation.follow_s
        live.watch("incident", service.incidents.following, every_s=every_s, source="state", steady=True)
        self._worker = Worker(service)
        self._worker.start()

    def close(self) -> None:
        """End the background work; what was confirmed and not delivered is in the journal."""
        if self._worker is not None:
            self._worker.close()

    def arrived(self, reading: Reading[Following]) -> None:
        """A look at the journal has come back; screens hear of it only when something is new."""
        before, self.reading = self.reading, reading
        if before is not None and (before.value, before.failure) == (reading.value, reading.failure):
            return
        self._assess_another()
        for screen in self._navigator.screens:
            screen.post_message(ReadingArrived(reading))
        self._host.draw_header()

    def tell(self, screen: ConsoleScreen) -> None:
        """A screen that has just come on top hears what is known."""
        if self.reading is not None:
            screen.post_message(ReadingArrived(self.reading))

    def _assess_another(self) -> None:
        """The assessment follows the incident in view."""
        service, live = self._host.service, self._host.live
        name = self.incident.id if self.incident is not None else ""
        if service is None or live is None or name == self._assessed:
            return
        self._assessed = name
        if name:
            live.watch("assessment", partial(service.assessments.assess, name), every_s=ASSESS_EVERY_S)
        else:
            live.unwatch("assessment")
        self._host.look_again()

    def changed(self) -> None:
        """Something was written: follow it at once, and deliver what was confirmed."""
        if self._host.live is not None:
            self._host.live.refresh("incident")
            self._host.live.refresh("assessment")
        if self._worker is not None:
            self._worker.wake()

    # ---- keys

    def open(self, doing: str, address: Callable[[str], to.Address]) -> None:
        """Open a screen about the incident in view; without one, say what begins one."""
        incident = self._with_incident(doing)
        if incident is not None:
            self._host.navigate(address(incident.id))

    def notify(self) -> None:
        """Tell the team: an update of the incident in view, or the first notice of the issue in view."""
        from diagnostics.models.entries import Purpose  # noqa: PLC0415  # after the first paint
        from screens import addresses as to  # noqa: PLC0415  # after the first paint

        if self._host.service is None:
            self._host.say("the sources are still opening; try again in a moment", "warn")
            return
        issue, incident = self._issue_in_view(), self.incident
        if incident is not None and incident.is_open and (issue is None or issue[0] == incident.issue_type):
            notices = [one for one in incident.deliveries if one.purpose not in {Purpose.TRACKING, Purpose.NOTE}]
            told = any(one.state not in {"failed", "given_up"} for one in notices)
            purpose = Purpose.UPDATE if told else Purpose.FIRST_NOTICE
            self._host.navigate(to.RespondAt(incident=incident.id, purpose=purpose))
        elif issue is None or not self._in_matrix(*issue):
            self._host.navigate(to.DeclareAt(issue[0] if issue is not None else None))
        else:
            self._host.navigate(to.RespondAt(*issue))

    def _issue_in_view(self) -> tuple[str, str] | None:
        """Issue that the screens speak of, from the top down; level 1 always has an answer."""
        found = (screen.issue_in_view() for screen in reversed(self._navigator.screens))
        return next((issue for issue in found if issue is not None), None)

    def _in_matrix(self, issue_type: str, severity: str) -> bool:
        catalogue = self._host.catalogue
        issue = catalogue.issues.get(issue_type) if catalogue is not None else None
        return issue is not None and severity in issue.severities

    @property
    def unknown(self) -> str:
        """Why nobody knows whether an incident is open; empty where it is known."""
        reading = self.reading
        if reading is None or not reading.failure or self.incident is not None:
            return ""
        return f"it is not known whether an incident is open: {reading.failure}"

    def _with_incident(self, doing: str) -> Incident | None:
        if self.unknown:
            self._host.say(f"{doing}: {self.unknown}", "warn")
        elif self.incident is None:
            self._host.say(f"{doing}: no incident is open; n declares one and tells the team", "muted")
        return self.incident

    def pin(self, screen: ConsoleScreen) -> None:
        """Keep what is in view on a screen as evidence of the incident."""
        incident, service = self._with_incident("pin"), self._host.service
        if incident is None or service is None:
            return
        pin = screen.pin_in_view()
        if pin is None:
            self._host.say("nothing here can be pinned; w shows the evidence of a number, and m pins that", "muted")
            return
        title, text, evidence = pin
        self._write(
            lambda: service.incidents.pin(incident.id, title[:200], text[:4_000], evidence=evidence),
            lambda changed: self._host.say(f"kept as {changed.pins[-1].pinned.pin} of {changed.id}", "pass"),
            "pinning",
        )

    def snooze(self) -> None:
        """No reminders for a while; the promise itself stays."""
        incident, service = self._with_incident("remind later"), self._host.service
        if incident is None or service is None:
            return
        said = f"no reminders for {SNOOZE_MINUTES} minutes; the time of the next update stays as it was"
        self._write(
            lambda: service.incidents.snooze(incident.id, SNOOZE_MINUTES),
            lambda _changed: self._host.say(said),
            "remind later",
        )

    def _write(self, work: Callable[[], Incident], say: Callable[[Incident], None], doing: str) -> None:
        def done(changed: Incident) -> None:
            say(changed)
            self.changed()

        self._host.ask(work, done, doing=doing)
