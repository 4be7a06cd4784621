"""Whether issues can be opened from here: address, login, project, permissions, issue type, create screen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.words import listed
from diagnostics.models.doctor import DoctorLine
from diagnostics.models.triage import Status
from diagnostics.sources.doctor.steps import Step
from diagnostics.sources.jira import OURS, PERMISSIONS, REPORTER, SOURCE, Jira, JiraField
from diagnostics.sources.proxies import route_of

if TYPE_CHECKING:
    from diagnostics.catalogue.model import Contact
    from diagnostics.config.settings import Settings

_NONE = "no jira.url is set: issues are opened by hand"
_OFF = "writes.tracking is off: issues are shown, and not opened"


def steps(settings: Settings, contact: Contact, opened: Callable[[Jira], Jira]) -> list[Step]:
    """Each stands on the one before. `opened` is given the client, for closing it."""
    if settings.jira.url is None:
        return [Step(SOURCE, "configured", lambda: (_line("configured", Status.NO_DATA, _NONE),))]
    site = _Site(
        opened(Jira(settings.jira, route_of(settings.network))),
        settings.jira.project or contact.project,
        settings.jira.issue_type,
    )
    order: list[tuple[str, Callable[[], Iterable[DoctorLine]]]] = [
        ("reachable", site.reachable),
        ("login", site.login),
        ("project", site.project),
        ("permissions", site.permissions),
        ("issue type", site.issue_type),
        ("required fields", site.required),
        ("labels", site.labels),
    ]
    found = (
        []
        if settings.writes.tracking
        else [Step(SOURCE, "permitted", lambda: (_line("permitted", Status.WARN, _OFF),))]
    )
    ground: tuple[tuple[str, str], ...] = (("settings", "jira.token"), ("settings", "network"))
    for subject, ask in order:
        found.append(Step(SOURCE, subject, ask, ground))
        # What a screen holds does not stand on what it requires.
        ground = ((SOURCE, "issue type"),) if subject in {"issue type", "required fields"} else ((SOURCE, subject),)
    return found


class _Site:
    """One project of one site; what was asked once is told by several lines."""

    def __init__(self, source: Jira, project: str, issue_type: str) -> None:
        self._source = source
        self._project = project
        self._type = issue_type
        self._refused: SourceFailure | None = None
        self._allowed: dict[str, bool] = {}
        self._screen: tuple[JiraField, ...] = ()

    def reachable(self) -> Iterable[DoctorLine]:
        """Whether a Jira answers at this address."""
        try:
            evidence = self._source.probe()
        except SourceFailure as failure:
            if failure.kind not in {FailureKind.DENIED, FailureKind.NOT_CONFIGURED}:
                raise
            self._refused = failure
            answers = failure.kind is FailureKind.DENIED
            return (_line("reachable", Status.PASS, "it answers"),) if answers else ()
        return (_line("reachable", Status.PASS, "it answers", latency_ms=evidence.took_ms),)

    def login(self) -> Iterable[DoctorLine]:
        """Whether e-mail and token are accepted."""
        if self._refused is not None:
            raise self._refused
        return (_line("login", Status.PASS, "accepted"),)

    def project(self) -> Iterable[DoctorLine]:
        """Whether the account sees it."""
        try:
            self._allowed = dict(self._source.permissions(self._project))
        except SourceFailure as failure:
            if failure.kind is not FailureKind.REJECTED:
                raise
            remedy = "set jira.project to the key of a project, or let the account of jira.email see it"
            told = f"{self._project} is not there, or the account may not see it ({failure.reason})"
            return (_line("project", Status.FAIL, told, remedy),)
        return (_line("project", Status.PASS, self._project),)

    def permissions(self) -> Iterable[DoctorLine]:
        """Whether the account may read, open and comment."""
        lacks = [name for key, name in PERMISSIONS.items() if not self._allowed.get(key)]
        if lacks:
            remedy = f"give the account of jira.email the permission {listed(lacks)} in {self._project}"
            return (_line("permissions", Status.FAIL, f"missing in {self._project}: {listed(lacks)}", remedy),)
        return (_line("permissions", Status.PASS, listed(PERMISSIONS.values())),)

    def issue_type(self) -> Iterable[DoctorLine]:
        """Whether the project has it, and what its create screen holds."""
        types = self._source.issue_types(self._project)
        if self._type not in types:
            has = listed(list(types)[:12]) or "none that the account may create"
            remedy = f"set jira.issue_type to a type that {self._project} has"
            told = f"{self._project} has no issue type {self._type}; it has {has}"
            return (_line("issue type", Status.FAIL, told, remedy),)
        self._screen = self._source.create_fields(self._project, types[self._type])
        return (_line("issue type", Status.PASS, self._type),)

    def required(self) -> Iterable[DoctorLine]:
        """Whether it wants fields that the console does not fill in."""
        wanted = [one for one in self._screen if one.required and one.id not in {*OURS, REPORTER}]
        if not wanted:
            return (_line("required fields", Status.PASS, "none beside those that the console fills in"),)
        shown = listed(one.name if one.name == one.id else f"{one.name} ({one.id})" for one in wanted)
        remedy = f"make {shown} optional for {self._type}, or set jira.issue_type to a type without it"
        return (_line("required fields", Status.FAIL, f"{self._type} wants {shown}, which nobody fills in", remedy),)

    def labels(self) -> Iterable[DoctorLine]:
        """Whether our label can be set while an issue is created."""
        if any(one.id == "labels" for one in self._screen):
            return (_line("labels", Status.PASS, "on the create screen"),)
        told = f"the field Labels is not on the create screen of {self._type}: issues are opened without our label"
        remedy = "put Labels on that screen (project settings, Screens); until then our key stands in the description"
        return (_line("labels", Status.WARN, told, remedy),)


def _line(
    subject: str, status: Status, detail: str, remedy: str = "", *, latency_ms: float | None = None
) -> DoctorLine:
    return DoctorLine.of(SOURCE, subject, status, detail, remedy, latency_ms=latency_ms)
