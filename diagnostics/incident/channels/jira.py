"""Carries confirmed tracking to Jira.

Reads of a delivery: `title` (summary), `text` (description, or the words of a comment; plain), `token` (in the label
`warroom-TOKEN` of an issue, by which it is found again, and in the last line of a comment) and the field "of" (the key
of the issue, for a note).

An issue is opened once and commented on; moving it through its project's workflow is left to people, because every
project has its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.core.words import listed
from diagnostics.incident.channels.base import NotDelivered, Receipt, looked_for_since, looking, sending
from diagnostics.models.entries import Channel, Purpose
from diagnostics.sources.http import travels_unencrypted
from diagnostics.sources.jira import LONGEST_TEXT, Jira

if TYPE_CHECKING:
    from diagnostics.catalogue.model import Contact
    from diagnostics.config.settings import Settings
    from diagnostics.models.incidents import Delivery, Incident


class JiraDeliveryChannel:
    """Blocking and thread-safe."""

    channel = Channel.JIRA

    def __init__(self, settings: Settings, contact: Contact) -> None:
        self._settings = settings
        self._project = settings.jira.project or contact.project
        self._jira = Jira(settings.jira)

    @property
    def destination(self) -> str:
        """The project."""
        return f"Jira {self._project}"

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
        what = _label(delivery) if delivery.purpose is Purpose.TRACKING else _mark(delivery)
        with looking(f"in Jira for {what}"):
            return self._look(delivery)

    def close(self) -> None:
        """End what is under way."""
        self._jira.close()

    def _create(self, delivery: Delivery, incident: Incident) -> str:
        words = delivery.title or incident.title
        made = self._jira.create(
            project=self._project,
            issue_type=self._settings.jira.issue_type,
            summary=words if incident.id in words else f"{incident.id} {words}",
            text=delivery.text,
            labels=(_label(delivery),),
        )
        return made.key

    def _comment(self, delivery: Delivery) -> Receipt:
        key = delivery.fields.get("of", "")
        if not key:
            raise NotDelivered("permanent", "it names no Jira issue that it would be written to")
        mark = _mark(delivery)
        # Cut before Jira's limit does it, so that our key always stands.
        words = delivery.text[: LONGEST_TEXT - len(mark) - 2]
        made = self._jira.comment(key, f"{words}\n\n{mark}")
        return self._commented(key, made.id)

    def _look(self, delivery: Delivery) -> Receipt | None:
        if delivery.purpose is Purpose.TRACKING:
            found = self._jira.labelled(_label(delivery))
            return self._issue(found[0].key) if found else None
        key = delivery.fields.get("of", "")
        since = looked_for_since(delivery)
        there = (one for one in self._jira.comments(key, since) if _mark(delivery) in one.text) if key else iter(())
        one = next(there, None)
        return None if one is None else self._commented(key, one.id)

    def _issue(self, key: str) -> Receipt:
        return Receipt(key, f"{self._settings.jira.url}/browse/{key}")

    def _commented(self, key: str, identity: str) -> Receipt:
        return Receipt(identity, f"{self._settings.jira.url}/browse/{key}?focusedCommentId={identity}")


def _label(delivery: Delivery) -> str:
    return f"warroom-{delivery.token}"


def _mark(delivery: Delivery) -> str:
    """How our key stands in a comment: between brackets, so that no key is the beginning of another one."""
    return f"[warroom-{delivery.token}]"
