"""Carries confirmed tracking to Jira.

Reads of a delivery: `title` (summary), `text` (description, or the words of a comment; plain), `token` (in the label
`warroom-TOKEN` of an issue, by which it is found again, and in the last line of a comment, or of a description where
the project has no labels to set) and the field "of" (the key
of the issue, for a note).

An issue is opened once and commented on; moving it through its project's workflow is left to people, because every
project has its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from diagnostics.core.words import listed
from diagnostics.incident.channels.base import (
    NotDelivered,
    Receipt,
    SearchReach,
    is_its_site,
    looked_for_since,
    looking,
    sending,
)
from diagnostics.models.entries import Channel, Purpose
from diagnostics.sources.http import travels_unencrypted
from diagnostics.sources.jira import Jira, mark
from diagnostics.sources.proxies import route_of

if TYPE_CHECKING:
    from diagnostics.catalogue.model import Contact
    from diagnostics.config.settings import Settings
    from diagnostics.models.incidents import Delivery, Incident


_JIRA = "Jira "
"""Before the project in a destination."""


class JiraDeliveryChannel:
    """Blocking and thread-safe."""

    channel = Channel.JIRA

    def __init__(self, settings: Settings, contact: Contact) -> None:
        self._settings = settings
        self._project = settings.jira.project or contact.project
        self._jira = Jira(settings.jira, route_of(settings.network))

    @property
    def destination(self) -> str:
        """The project."""
        return f"{_JIRA}{self._project}"

    def learn(self) -> None:
        """Nothing: the settings say where it writes."""

    def problem(self) -> str:
        """Why no issue can be opened from here, with the remedy; empty when it can. Asks nobody."""
        if not self._settings.writes.tracking:
            return "opening issues is switched off: set writes.tracking to true"
        jira = self._settings.jira
        if jira.url is None:
            return "Jira is not configured: set jira.url, jira.email and jira.token"
        if travels_unencrypted(jira.url):
            return "jira.url is plain http, and the token would travel unencrypted: use https"
        given = {"jira.email": jira.email, "jira.token": jira.token, "jira.project": self._project}
        missing = listed(name for name, value in given.items() if not value)
        return f"Jira is not configured: set {missing}" if missing else ""

    def send(self, delivery: Delivery, incident: Incident) -> Receipt:
        """Open the issue, or comment on the one that was opened. Raises `NotDelivered`."""
        with sending():
            if delivery.purpose is Purpose.TRACKING:
                return self._issue(self._create(delivery, incident))
            return self._comment(delivery)

    def find(self, delivery: Delivery, incident: Incident) -> Receipt | None:  # noqa: ARG002  # the protocol's
        """The issue with our label, or the comment with our key; None is not yet a proof, because the index lags.

        Raises `CannotLook`, `SourceFailure`.
        """
        what = _label(delivery) if delivery.purpose is Purpose.TRACKING else mark(_label(delivery))
        with looking(f"in Jira for {what}"):
            return self._look(delivery)

    @property
    def site(self) -> str:
        """The Jira of this console."""
        return self._settings.jira.url or ""

    def carries(self, delivery: Delivery) -> bool:
        """On the same site, the project that was confirmed is reached by its key."""
        return is_its_site(self, delivery)

    def sight(self, delivery: Delivery) -> SearchReach:
        """Up to the newest issue of the project that the search shows; the comments of an issue are read themselves."""
        if delivery.purpose is not Purpose.TRACKING:
            return SearchReach(is_direct=True)
        project = self._project_of(delivery)
        with looking(f"in Jira for {_label(delivery)}"):
            return SearchReach(self._jira.newest(project))

    def twins(self, delivery: Delivery) -> tuple[Receipt, ...]:
        """Every issue with our label, or every comment with our key. Raises `CannotLook`, `SourceFailure`."""
        with looking("in Jira"):
            if delivery.purpose is Purpose.TRACKING:
                return tuple(self._issue(one.key) for one in self._jira.marked(_label(delivery)))
            return tuple(self._comments(delivery))

    def close(self) -> None:
        """End what is under way."""
        self._jira.close()

    def _project_of(self, delivery: Delivery) -> str:
        """The project that was confirmed: another console's settings do not move it."""
        confirmed = delivery.destination.removeprefix(_JIRA)
        return confirmed if confirmed and confirmed != delivery.destination else self._project

    def _create(self, delivery: Delivery, incident: Incident) -> str:
        words = delivery.title or incident.title
        made = self._jira.create(
            project=self._project_of(delivery),
            issue_type=self._settings.jira.issue_type,
            summary=words if incident.id in words else f"{incident.id} {words}",
            text=delivery.text,
            label=_label(delivery),
        )
        return made.key

    def _comment(self, delivery: Delivery) -> Receipt:
        key = delivery.fields.get("of", "")
        if not key:
            raise NotDelivered("permanent", "it names no Jira issue that it would be written to")
        made = self._jira.comment(key, delivery.text, mark(_label(delivery)))
        return self._commented(key, made.id)

    def _look(self, delivery: Delivery) -> Receipt | None:
        if delivery.purpose is Purpose.TRACKING:
            found = self._jira.marked(_label(delivery))
            return self._issue(found[0].key) if found else None
        return next(self._comments(delivery), None)

    def _comments(self, delivery: Delivery) -> Iterator[Receipt]:
        key, sought = delivery.fields.get("of", ""), mark(_label(delivery))
        there = self._jira.comments(key, looked_for_since(delivery)) if key else iter(())
        return (self._commented(key, one.id) for one in there if sought in one.text)

    def _issue(self, key: str) -> Receipt:
        return Receipt(key, f"{self._settings.jira.url}/browse/{key}")

    def _commented(self, key: str, identity: str) -> Receipt:
        return Receipt(identity, f"{self._settings.jira.url}/browse/{key}?focusedCommentId={identity}")


def _label(delivery: Delivery) -> str:
    return f"warroom-{delivery.token}"
