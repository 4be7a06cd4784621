"""What stands in place of each placeholder: from the journal, the catalogue, the figures and people's words.

What a person wrote for a placeholder stands above what the console would say; it is no figure, and is not checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from diagnostics.escalation.rendering import NOT_KNOWN, NOT_KNOWN_YET, Value, bound, measured, said
from diagnostics.models.entries import BoundFigure, IncidentStatus, MeasuredFigure
from diagnostics.text import clean
from diagnostics.windows import span

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.models.incidents import Incident

MOST_FIGURES = 6
"""Named in the line of figures; the measuring has them all."""

MOST_LINES = 30
"""Of a timeline in a message; the review has it all."""

OWN_PLACEHOLDER = ("accounts_affected", "large_accounts", "data_loss_risk")
"""Figures that are not repeated in the line of figures."""


@dataclass(slots=True, frozen=True)
class Subject:
    """What a notice is about: an incident, or one that would be declared."""

    issue_type: str
    severity: str
    title: str
    began_at: datetime | None
    detected_at: datetime | None
    systems: tuple[str, ...]
    incident: Incident | None = None


@dataclass(slots=True, frozen=True)
class Basis:
    """What the values are made from, at one moment."""

    catalogue: Catalogue
    subject: Subject
    measured: tuple[MeasuredFigure, ...]
    words: Mapping[str, str]
    query: str
    query_link: str
    now: datetime
    good_s: float

    def figure(self, name: str) -> MeasuredFigure | None:
        """A figure by its id."""
        return next((one for one in self.measured if one.id == name), None)

    def bind(self, figure: MeasuredFigure) -> BoundFigure:
        """A figure as a message shows it."""
        return bound(figure, now=self.now, good_s=self.good_s)


def values(basis: Basis) -> dict[str, Value]:
    """Every placeholder that any template may hold."""
    made = {**_subject(basis), **_live(basis), **_work(basis), **_after(basis), **_contact(basis)}
    return made | {name: said(text) for name, text in basis.words.items() if name in made and text.strip()}


def _subject(basis: Basis) -> dict[str, Value]:
    subject, catalogue = basis.subject, basis.catalogue
    issue = catalogue.issues[subject.issue_type]
    incident = subject.incident
    status = incident.status.words if incident is not None else IncidentStatus.DECLARED.words
    return {
        "incident": said(incident.id if incident is not None else "new incident"),
        "title": said(subject.title),
        "issue_title": said(issue.title),
        "severity": said(subject.severity),
        "status": said(status),
        "started_at": said(_started(subject)),
        "resolved_at": said(_moment(incident.resolved_at if incident is not None else None), otherwise=NOT_KNOWN_YET),
        "elapsed": _elapsed(basis),
        "systems": said(", ".join(subject.systems), otherwise=NOT_KNOWN_YET),
        "impact": said(issue.impact),
        "route": said(issue.route),
        "query": said(basis.query),
        "query_link": said(basis.query_link, otherwise=""),
        "next_update_at": said(_next_update(basis)),
    }


def _live(basis: Basis) -> dict[str, Value]:
    line = [one for one in basis.measured if one.id not in OWN_PLACEHOLDER][:MOST_FIGURES]
    figures = tuple(map(basis.bind, line))
    words = [f"{one.title} {figure.shown}" for one, figure in zip(line, figures, strict=True)]
    return {
        **{name: measured(basis.figure(name), name, basis.bind) for name in OWN_PLACEHOLDER},
        "degradation": _degradation(basis),
        "figures": Value("; ".join(clean(one, limit=600) for one in words), figures) if words else Value(NOT_KNOWN),
    }


def _degradation(basis: Basis) -> Value:
    """How much weaker it is, and how much slower where it is: no loss of speed says nothing about what fails."""
    loss, health = basis.figure("performance_loss"), basis.figure("health")
    words: list[str] = []
    figures: list[BoundFigure] = []
    if health is not None:
        figures.append(basis.bind(health))
        usual = basis.catalogue.thresholds["system_health"].healthy_text()
        words.append(f"health {figures[-1].shown}, healthy is {usual}")
    if loss is not None and loss.value:
        figures.append(basis.bind(loss))
        words.append(f"performance down by {figures[-1].shown}")
    return Value("; ".join(words), tuple(figures)) if words else Value(NOT_KNOWN)


def _work(basis: Basis) -> dict[str, Value]:
    incident = basis.subject.incident
    done = _steps_done(basis)
    first = " → ".join(basis.catalogue.issues[basis.subject.issue_type].first_response)
    progress = done
    if incident is not None and not done:
        progress = f"{incident.status.words} since {_moment(incident.status_since)}; no step is recorded yet"
    return {
        "actions_taken": said(done, otherwise=f"nothing is recorded yet; the first response is {first}"),
        "progress": said(progress, otherwise=NOT_KNOWN_YET),
        "eta": said("", otherwise=NOT_KNOWN_YET),
        "steps": said(done, otherwise="nothing is recorded"),
    }


def _after(basis: Basis) -> dict[str, Value]:
    incident = basis.subject.incident
    prevention = [
        one.lesson.text for one in (incident.lessons if incident is not None else ()) if one.lesson.side == "prevention"
    ]
    return {
        "root_cause": said("", otherwise=NOT_KNOWN_YET),
        "confidence": said("", otherwise="not stated"),
        "verification": said(_criteria(basis), otherwise="not stated"),
        "prevention": said("; ".join(prevention), otherwise=NOT_KNOWN_YET),
        "timeline": said(_timeline(incident), otherwise=NOT_KNOWN),
    }


def _contact(basis: Basis) -> dict[str, Value]:
    contact = basis.catalogue.contact
    return {"team": said(contact.team), "manager": said(contact.manager), "channel": said(contact.channel)}


def _steps_done(basis: Basis) -> str:
    incident = basis.subject.incident
    if incident is None:
        return ""
    checklist = basis.catalogue.checklists.get(incident.issue_type)
    texts = {name: step.text for name, step in checklist.steps.items()} if checklist is not None else {}
    steps = [(one.at, texts.get(one.step, one.step.replace("_", " ")).rstrip(".")) for one in incident.steps]
    tasks = [(one.done_at, one.text.rstrip(".")) for one in incident.tasks if one.done_at is not None]
    return "; ".join(text for _, text in sorted([*steps, *tasks]))


def _criteria(basis: Basis) -> str:
    """Exit criteria that were seen to hold, from the journal."""
    incident = basis.subject.incident
    if incident is None:
        return ""
    known = basis.catalogue.exit_criteria.get(incident.issue_type)
    titles = {name: one.title for name, one in known.criteria.items()} if known is not None else {}
    held = [
        f"{titles.get(one.criterion, one.criterion)}: {one.shown}, since {_moment(one.met_since)}"
        for one in incident.criteria
        if one.met_since is not None
    ]
    waived = [
        f"{titles.get(one.criterion, one.criterion)}: waived by {one.waived_by} ({one.waived_why})"
        for one in incident.criteria
        if one.waived_by
    ]
    return "; ".join([*held, *waived])


def _timeline(incident: Incident | None) -> str:
    if incident is None:
        return ""
    lines = [(at, f"{status.words}, by {by}") for at, status, by in incident.statuses]
    lines += [(at, f"severity {severity}") for at, severity in incident.severities[1:]]
    if incident.began_at is not None:
        lines.append((incident.began_at, "it began"))
    lines.sort()
    shown = lines if len(lines) <= MOST_LINES else [*lines[: MOST_LINES - 1], lines[-1]]
    return "\n".join(f"- {_moment(at)} {text}" for at, text in shown)


def _started(subject: Subject) -> str:
    if subject.began_at is not None:
        return _moment(subject.began_at)
    return f"{NOT_KNOWN_YET} (noticed {_moment(subject.detected_at)})" if subject.detected_at else NOT_KNOWN_YET


def _elapsed(basis: Basis) -> Value:
    """Since it began, or was noticed. It is no measurement, and grows old like one."""
    subject, incident = basis.subject, basis.subject.incident
    since = subject.began_at or subject.detected_at or (incident.declared_at if incident is not None else None)
    if since is None:
        return Value(NOT_KNOWN)
    until = incident.resolved_at if incident is not None and incident.resolved_at is not None else basis.now
    shown = (
        span(60 * ((until - since).total_seconds() // 60))
        if until - since >= timedelta(minutes=2)
        else "less than 2 min"
    )
    return Value(shown, (BoundFigure(name="elapsed", shown=shown, taken_at=basis.now),))


def _next_update(basis: Basis) -> str:
    incident = basis.subject.incident
    if incident is not None and not incident.is_open:
        return "none, it is over"
    minutes = incident.cadence_minutes if incident is not None else None
    if minutes is None:
        cadence = basis.catalogue.cadence.get(basis.subject.severity)
        minutes = cadence.minutes if cadence is not None else None
    return NOT_KNOWN_YET if minutes is None else _moment(basis.now + timedelta(minutes=minutes))


def _moment(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"
