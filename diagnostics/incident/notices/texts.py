"""The text of a notice: the team's templates filled with values, each number bound to the reading it was taken from.

Values come from the journal, the catalogue, the figures and people's words. What a person wrote for a placeholder
stands above what the console would say; it is no figure, and is not checked. A template that cannot be filled never
holds a notice up: the built-in text is used, and the reader is told.

Templates are Markdown. Text from outside can stand in it: a log line, the name of an account. Slack reads `<!channel>`
and `<@U…>` as calls and `<https://…|text>` as links, so every `&`, `<` and `>` is escaped first. Links are made only to
addresses of our own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from diagnostics.catalogue.texts import built_in_template, fill_template
from diagnostics.core.failures import UserError
from diagnostics.core.sanitizer import clean
from diagnostics.core.time import SERVICE_TIME, dated
from diagnostics.core.words import left_out, span
from diagnostics.incident.assess.checklists import HAND_OVER, happened
from diagnostics.models.entries import Audience, BoundFigure, IncidentStatus, MeasuredFigure, Purpose
from diagnostics.models.figures import NOT_KNOWN_YET, UNKNOWN

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.models.incidents import Incident

NOT_KNOWN = "not known"

LONGEST_VALUE = 4_000

_OF_AUDIENCE = {
    Audience.RESPONDERS: "update",
    Audience.STAKEHOLDERS: "update_stakeholders",
    Audience.EXECUTIVES: "update_executives",
}
_OLD = "old: "

MOST_FIGURES = 6
"""Named in the line of figures; the measuring has them all."""

MOST_LINES = 30
"""Of a timeline in a message; the review has it all."""

OWN_PLACEHOLDER = ("accounts_affected", "large_accounts", "data_loss_risk")
"""Figures that are not repeated in the line of figures."""

_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
# Each ends before whatever could begin the next one, so that no letter is looked at by more than one beginning.
_BOLD = re.compile(r"\*\*(?=\S)((?:[^*\n]|\*(?!\*))+)(?<=\S)\*\*")
_HEADING = re.compile(r"^#{1,6} ++([^\n]++)$", re.MULTILINE)
_BULLET = re.compile(r"^( *)[-*] +", re.MULTILINE)
_LINK = re.compile(r"\[([^\[\]\n]{1,300})\]\((https?://[^\s()<>]{1,2000})\)|(?<![\w(])(https?://[^\s<>|`]{1,2000})")


def _heading(line: re.Match[str]) -> str:
    """The words of a heading, without the marks that may close it."""
    return line[1].rstrip(" ").rstrip("#").rstrip(" ") or line[1]


# ---- templates, and figures in them


@dataclass(slots=True, frozen=True)
class TextValue:
    """The text for one placeholder, and the figures in it."""

    text: str
    figures: tuple[BoundFigure, ...] = ()


@dataclass(slots=True, frozen=True)
class Rendered:
    """One text, the figures that it shows, and what its reader must know."""

    text: str
    figures: tuple[BoundFigure, ...]
    notes: tuple[str, ...]


def template_for(purpose: Purpose, audience: Audience) -> str:
    """Name of the template of a purpose and an audience. Only responders get a first notice of their own."""
    match purpose:
        case Purpose.TRACKING:
            return "tracking"
        case Purpose.RESOLUTION:
            return "resolution"
        case Purpose.FIRST_NOTICE if audience is Audience.RESPONDERS:
            return "first_notice"
        case _:
            return _OF_AUDIENCE[audience]


def render(name: str, catalogue: Catalogue, values: Mapping[str, TextValue]) -> Rendered:
    """The template `name` filled, at most as long as the catalogue allows. Raises nothing."""
    longest = catalogue.delivery.longest_text
    template = catalogue.templates.get(name, "")
    try:
        return _filled(template, values, longest, ())
    except (LookupError, ValueError, UserError) as problem:
        origin = clean(catalogue.origins.get(f"templates.{name}", "templates"), limit=300)
        what = clean(str(problem).strip("'\""), limit=120) or "it is empty"
        note = f"The template {name} ({origin}) could not be filled: {what}. The built-in text is used."
    try:
        return _filled(built_in_template(name), values, longest, (note,))
    except (LookupError, ValueError, UserError):
        # The installation itself is damaged: everything that is known, line by line, is still a notice.
        lines = "\n\n".join(f"{key.replace('_', ' ')}: {value.text}" for key, value in values.items())
        figures = tuple(figure for value in values.values() for figure in value.figures)
        return Rendered(_cut(lines, longest, values), _once(figures), (note, "The built-in text is missing as well."))


def _filled(template: str, values: Mapping[str, TextValue], longest: int, notes: tuple[str, ...]) -> Rendered:
    if not template.strip():
        raise LookupError("it is empty")
    shown: list[BoundFigure] = []

    def value_of(name: str) -> str:
        value = values.get(name)
        if value is None:
            raise LookupError(f"nobody fills {{{name}}}")
        shown.extend(value.figures)
        return value.text

    text = fill_template(template, value_of).strip()
    if len(text) > longest:
        notes = (*notes, f"The text was cut: it had {len(text):,} characters, and {longest:,} are allowed.")
    return Rendered(_cut(text, longest, values), _once(shown), notes)


def _cut(text: str, longest: int, values: Mapping[str, TextValue]) -> str:
    """The text, or its beginning with how much is missing and where a reader finds it."""
    if len(text) <= longest:
        return text
    incident = values["incident"].text if "incident" in values else ""
    show = f"warroom incident show {incident}" if incident and " " not in incident else "warroom incident show"

    def note(kept: int) -> str:
        return (
            f"\n\n(cut here: {left_out(kept, len(text))}; figures, steps and timeline stand whole in the war room:"
            f" {show})"
        )

    # No count is longer than that of a text of which nothing is kept.
    kept = max(0, longest - len(note(0)))
    return text[:kept] + note(kept)


def _once(figures: list[BoundFigure] | tuple[BoundFigure, ...]) -> tuple[BoundFigure, ...]:
    return tuple({figure.name: figure for figure in reversed(figures)}.values())[::-1]


def said(text: str, *, otherwise: str = NOT_KNOWN) -> TextValue:
    """Words of a person or the catalogue, which are no figure."""
    return TextValue(clean(text, limit=LONGEST_VALUE, multiline=True).strip() or otherwise)


def measured(figure: MeasuredFigure | None, name: str, bind: Callable[[MeasuredFigure], BoundFigure]) -> TextValue:
    """One figure by its own placeholder; "not known" where nobody measured it."""
    if figure is None:
        return TextValue(NOT_KNOWN)
    bound = bind(figure).model_copy(update={"name": name})
    return TextValue(bound.shown, (bound,))


def bound(figure: MeasuredFigure, *, now: datetime, good_s: float) -> BoundFigure:
    """A figure as a message shows it: no data is "not known", never 0, and what failed or is old is said to be so."""
    evidence = figure.evidence
    shown = clean(figure.shown, limit=500)
    if figure.value is None or shown in {"", UNKNOWN}:
        shown = NOT_KNOWN_YET if shown == NOT_KNOWN_YET else NOT_KNOWN
    taken_at = figure.taken_at or (evidence.started_at if evidence is not None else None)
    made = BoundFigure(
        name=figure.id,
        shown=shown,
        reading=f"{evidence.source}: {figure.title}" if evidence is not None else figure.title,
        taken_at=taken_at,
        evidence=evidence,
        stale=_failed(figure),
    )
    return made if made.stale else aged(made, now=now, good_s=good_s)


def aged(figure: BoundFigure, *, now: datetime, good_s: float) -> BoundFigure:
    """The same figure with why it is old by now, or why it is not. What failed stays as it is."""
    if figure.taken_at is None:
        return figure
    age = (now - figure.taken_at).total_seconds()
    if age > good_s:
        why = f"{_OLD}{span(age)} old, good for {span(good_s)}"
    elif age < -good_s:
        why = f"{_OLD}taken at {figure.taken_at:%H:%M:%S} UTC, which is yet to come: this machine's clock has changed"
    elif figure.stale.startswith(_OLD):
        why = ""
    else:
        return figure
    return figure.model_copy(update={"stale": why})


def by_wrong_clock(figure: BoundFigure, catalogue: Catalogue) -> BoundFigure:
    """The same figure, doubted while this machine's clock differs from the services' beyond the catalogue's limit."""
    doubt = SERVICE_TIME.doubt(catalogue.thresholds["clock_skew_seconds"].warning or 0.0)
    return figure.model_copy(update={"stale": doubt}) if doubt and not figure.stale else figure


def _failed(figure: MeasuredFigure) -> str:
    if figure.value is not None:
        late = figure.evidence if figure.evidence is not None and figure.evidence.newest_at is not None else None
        # A number that may still rise and calls nobody reads as an all-clear wherever it is sent.
        return f"more may come: {late.caveat}" if late is not None and figure.status == "no_data" else ""
    if figure.status == "unreachable":
        why = figure.evidence.caveat if figure.evidence is not None else ""
        return f"it could not be read: {why or 'the source did not answer'}"
    if figure.taken_at is None and figure.evidence is None and figure.shown != NOT_KNOWN_YET:
        return "it could not be read"
    return ""


# ---- what stands in place of each placeholder


@dataclass(slots=True, frozen=True)
class NoticeSubject:
    """The subject of a notice: an incident, or one that would be declared."""

    issue_type: str
    severity: str
    title: str
    began_at: datetime | None
    detected_at: datetime | None
    systems: tuple[str, ...]
    incident: Incident | None = None


@dataclass(slots=True, frozen=True)
class Basis:
    """The sources of all values, at one moment."""

    catalogue: Catalogue
    subject: NoticeSubject
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
        return by_wrong_clock(bound(figure, now=self.now, good_s=self.good_s), self.catalogue)


def values(basis: Basis) -> dict[str, TextValue]:
    """Every placeholder that any template may hold."""
    made = {**_subject(basis), **_live(basis), **_work(basis), **_after(basis), **_contact(basis)}
    return made | {name: said(text) for name, text in basis.words.items() if name in made and text.strip()}


def _subject(basis: Basis) -> dict[str, TextValue]:
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
        "route": said(_route(issue.route, incident)),
        "query": said(basis.query),
        "query_link": said(basis.query_link, otherwise=""),
        "next_update_at": said(_next_update(basis)),
    }


def _live(basis: Basis) -> dict[str, TextValue]:
    line = [one for one in basis.measured if one.id not in OWN_PLACEHOLDER][:MOST_FIGURES]
    figures = tuple(map(basis.bind, line))
    words = [f"{one.title} {figure.shown}" for one, figure in zip(line, figures, strict=True)]
    return {
        **{name: measured(basis.figure(name), name, basis.bind) for name in OWN_PLACEHOLDER},
        "degradation": _degradation(basis),
        "figures": TextValue("; ".join(clean(one, limit=600) for one in words), figures)
        if words
        else TextValue(NOT_KNOWN),
    }


def _degradation(basis: Basis) -> TextValue:
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
    return TextValue("; ".join(words), tuple(figures)) if words else TextValue(NOT_KNOWN)


def _work(basis: Basis) -> dict[str, TextValue]:
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


def _after(basis: Basis) -> dict[str, TextValue]:
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


def _contact(basis: Basis) -> dict[str, TextValue]:
    contact = basis.catalogue.contact
    return {"team": said(contact.team), "manager": said(contact.manager), "channel": said(contact.channel)}


def _route(route: str, incident: Incident | None) -> str:
    """The specialist route, and whether it was handed over: that the matrix names it is no hand-over."""
    steps = incident.steps if incident is not None else ()
    record = next((one for one in steps if one.step == HAND_OVER and not one.by_console), None)
    if record is None:
        return f"{route} (not handed over yet)"
    return f"{route} (handed over {_moment(record.at)}, as {record.by} says)"


def _steps_done(basis: Basis) -> str:
    incident = basis.subject.incident
    if incident is None:
        return ""
    checklist = basis.catalogue.checklists.get(incident.issue_type)
    known = checklist.steps if checklist is not None else {}
    steps = [(one.at, happened(one, known.get(one.step))) for one in incident.steps]
    tasks = [
        (one.done_at, f"task done: {one.text.rstrip('.')} ({one.done_by})")
        for one in incident.tasks
        if one.done_at is not None
    ]
    done = sorted([*steps, *tasks])
    beside = (basis.now, *(at for at, _ in done))
    return "; ".join(f"{dated(at, before)} UTC {text}" for (at, text), before in zip(done, beside, strict=False))


def _criteria(basis: Basis) -> str:
    """Exit criteria that were seen to hold, waived or overruled, from the journal."""
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
    overruled = []
    if incident.unmet:
        names = ", ".join(titles.get(one, one.replace("_", " ")) for one in incident.unmet)
        overruled = [f"not met when it was resolved: {names} ({incident.resolved_why or 'no reason recorded'})"]
    return "; ".join([*held, *waived, *overruled])


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


def _started(subject: NoticeSubject) -> str:
    if subject.began_at is not None:
        return _moment(subject.began_at)
    return f"unknown; first seen {_moment(subject.detected_at)}" if subject.detected_at else "unknown"


def _elapsed(basis: Basis) -> TextValue:
    """Since it began, or was noticed. It is no measurement, and grows old like one."""
    subject, incident = basis.subject, basis.subject.incident
    since = subject.began_at or subject.detected_at or (incident.declared_at if incident is not None else None)
    if since is None:
        return TextValue(NOT_KNOWN)
    until = incident.resolved_at if incident is not None and incident.resolved_at is not None else basis.now
    shown = (
        span(60 * ((until - since).total_seconds() // 60))
        if until - since >= timedelta(minutes=2)
        else "less than 2 min"
    )
    return TextValue(shown, (BoundFigure(name="elapsed", shown=shown, taken_at=basis.now),))


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


# ---- Markdown as others read it


def escape(text: str) -> str:
    """`text` so that Slack reads no mention, no link and no entity in it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def to_mrkdwn(markdown: str, trusted: Sequence[str] = ()) -> str:
    """The same text in Slack's own mark-up. Addresses that begin with one of `trusted` become links, no others."""
    parts, last = [], 0
    for code in _CODE.finditer(markdown):
        parts += [_marked(markdown[last : code.start()], trusted), escape(code.group())]
        last = code.end()
    parts.append(_marked(markdown[last:], trusted))
    return "".join(parts).strip()


def _marked(text: str, trusted: Sequence[str]) -> str:
    done, last = [], 0
    for link in _LINK.finditer(text):
        label, named, bare = link.groups()
        address = (named or bare).rstrip(".,;:!?") if bare else named
        rest = link.group()[len(address) :] if bare else ""
        done.append(_styled(text[last : link.start()]))
        last = link.end()
        if _is_trusted(address, trusted):
            shown = f"|{escape(label).replace('|', '/')}" if label else ""
            done.append(f"<{escape(address).replace('|', '%7C')}{shown}>{rest}")
        else:
            done.append(escape(link.group()))
    done.append(_styled(text[last:]))
    return "".join(done)


def _styled(text: str) -> str:
    text = escape(text)
    text = _HEADING.sub(lambda line: f"*{_heading(line)}*", text)
    text = _BULLET.sub("\\1\u2022 ", text)
    return _BOLD.sub(r"*\1*", text)


def _is_trusted(address: str, trusted: Sequence[str]) -> bool:
    # The address ends or goes on with a slash: https://host.example must not trust https://host.example.evil.
    return any(
        address == one or address.startswith((f"{one}/", f"{one}?", f"{one}#")) for one in map(_bare, trusted) if one
    )


def _bare(address: str) -> str:
    return address.rstrip("/")


def to_plain(markdown: str) -> str:
    """The same text without mark-up, for services that show it as it is."""
    text = _HEADING.sub(_heading, markdown)
    text = _LINK.sub(lambda link: link.group() if link.group(3) else f"{link.group(1)}: {link.group(2)}", text)
    return _BOLD.sub(r"\1", text).strip()
