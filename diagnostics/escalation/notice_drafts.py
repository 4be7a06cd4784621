"""The drafts of one proposal: which channels, which text, and why one cannot go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from diagnostics.escalation.notice_markdown import to_plain
from diagnostics.escalation.rendering import Rendered, Value, render, template_for
from diagnostics.models.entries import Audience, Channel, IncidentStatus, Purpose
from diagnostics.models.notices import Draft
from diagnostics.models.status import NOTIFY_SEVERITIES

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.escalation.couriers import Courier
    from diagnostics.escalation.notice_values import Subject
    from diagnostics.models.incidents import Incident
    from diagnostics.settings import Settings

_NAMES = {Channel.SLACK: "Slack", Channel.DATADOG_INCIDENT: "a Datadog incident", Channel.JIRA: "a Jira issue"}
_TRACKERS = (Channel.DATADOG_INCIDENT, Channel.JIRA)
_NOTICES = (Purpose.FIRST_NOTICE, Purpose.UPDATE, Purpose.RESOLUTION)


class Drafts:
    """Writes drafts; asks nobody."""

    def __init__(self, settings: Settings, catalogue: Catalogue, couriers: Sequence[Courier]) -> None:
        self._settings, self._catalogue = settings, catalogue
        self._couriers: Mapping[Channel, Courier] = {one.channel: one for one in couriers}

    def of(
        self, subject: Subject, values: Mapping[str, Value], purpose: Purpose, audience: Audience, text: str = ""
    ) -> tuple[Draft, ...]:
        """What one confirmation would send: the notice, tracking that is missing, notes on what is tracked."""
        rendered = render(template_for(purpose, audience), self._catalogue, values)
        drafts = []
        if purpose in _NOTICES:
            drafts.append(self._draft(Channel.SLACK, purpose, audience, subject=subject, rendered=rendered))
        if purpose is not Purpose.NOTE:
            tracking = render("tracking", self._catalogue, values)
            drafts += [
                self._draft(one, Purpose.TRACKING, Audience.RESPONDERS, subject=subject, rendered=tracking)
                for one in _TRACKERS
                if is_missing(subject.incident, one)
            ]
        if purpose in {Purpose.UPDATE, Purpose.RESOLUTION, Purpose.NOTE} and audience is Audience.RESPONDERS:
            note = Rendered(text, (), ()) if purpose is Purpose.NOTE and text else rendered
            state = "resolved" if purpose is Purpose.RESOLUTION else ""
            drafts += [
                self._draft(one, Purpose.NOTE, Audience.RESPONDERS, subject=subject, rendered=note, state=state)
                for one in _TRACKERS
                if not is_missing(subject.incident, one)
            ]
        return tuple(drafts)

    def permits(self, channel: Channel) -> bool:
        """Whether the settings let this console write there."""
        writes = self._settings.writes
        return writes.notices if channel is Channel.SLACK else writes.tracking

    def reachable(self, channel: Channel) -> bool:
        """Whether it is configured, permitted or not."""
        courier = self._couriers.get(channel)
        return courier is not None and not courier.problem()

    def _draft(
        self,
        channel: Channel,
        purpose: Purpose,
        audience: Audience,
        *,
        subject: Subject,
        rendered: Rendered,
        state: str = "",
    ) -> Draft:
        courier = self._couriers.get(channel)
        return Draft(
            channel=channel,
            purpose=purpose,
            audience=audience,
            destination=courier.destination if courier is not None else _NAMES[channel],
            title=subject.title,
            text=rendered.text if channel is Channel.SLACK else to_plain(rendered.text),
            fields=self._fields(channel, purpose, audience, subject, state),
            figures=rendered.figures,
            problem=self._problem(channel),
            notes=rendered.notes,
        )

    def _problem(self, channel: Channel) -> str:
        courier = self._couriers.get(channel)
        if courier is None:
            return f"this console cannot reach {_NAMES[channel]}"
        if courier.problem():
            return courier.problem()
        if self.permits(channel):
            return ""
        setting = "writes.notices" if channel is Channel.SLACK else "writes.tracking"
        return f"{setting} is off: this console may not write there; set {setting} = true, or write it by hand"

    def _fields(
        self, channel: Channel, purpose: Purpose, audience: Audience, subject: Subject, state: str
    ) -> dict[str, str]:
        """What couriers read beside the text; a key stands only where it says something."""
        given = {
            "severity": subject.severity,
            "issue_type": subject.issue_type,
            "state": state or _state(subject.incident),
            "impact": self._catalogue.issues[subject.issue_type].impact,
        }
        mention = self._settings.slack.mention
        calls = purpose is Purpose.FIRST_NOTICE and audience is Audience.RESPONDERS and channel is Channel.SLACK
        if mention and calls and subject.severity in NOTIFY_SEVERITIES:
            given["mention"] = mention
        return given


def is_missing(incident: Incident | None, channel: Channel) -> bool:
    """Whether nothing was opened, or confirmed to be opened, in this tracking service."""
    opened = incident.deliveries if incident is not None else ()
    return not any(
        one.channel is channel and one.purpose is Purpose.TRACKING and one.state != "given_up" for one in opened
    )


def _state(incident: Incident | None) -> str:
    """In Datadog's words, which the other couriers read as well."""
    if incident is None:
        return "active"
    if incident.status is IncidentStatus.RESOLVED:
        return "resolved"
    return "stable" if incident.status is IncidentStatus.MONITORING else "active"
