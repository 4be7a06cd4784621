"""Carries confirmed notices to Slack.

Reads of a delivery: `text` (Markdown), `token` (travels in the message's metadata, by which it is found again), the
field "mention" (Slack ids that are called), and when it was confirmed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.incident.channels.base import (
    ANCHOR,
    SITE,
    CannotLook,
    NotDelivered,
    Receipt,
    SearchReach,
    looked_for_since,
    not_delivered,
)
from diagnostics.incident.notices.texts import to_mrkdwn
from diagnostics.models.entries import Channel
from diagnostics.sources.proxies import route_of
from diagnostics.sources.slack import OTHER_WORKSPACE, Posted, Slack, SlackFailure

if TYPE_CHECKING:
    from diagnostics.catalogue.model import Contact
    from diagnostics.config.settings import Settings
    from diagnostics.models.incidents import Delivery, Incident

BY_WEBHOOK = ", by webhook"
"""Behind a channel's name: what the webhook was made for, whatever the settings call it."""

_CANNOT_READ = frozenset(
    {
        "missing_scope",
        "no_permission",
        "not_in_channel",
        "channel_not_found",
        "access_denied",
        "not_allowed_token_type",
        "too_many",
    }
)


class SlackDeliveryChannel:
    """With a bot's token where there is one, through the incoming webhook otherwise. Blocking and thread-safe."""

    channel = Channel.SLACK

    def __init__(self, settings: Settings, contact: Contact) -> None:
        self._settings = settings.slack
        self._contact = contact.channel
        self._channel = settings.slack.channel or contact.channel
        self._trusted = tuple(one for one in (settings.datadog.web_url, settings.jira.url) if one)
        self._slack = Slack(settings.slack, route_of(settings.network))

    @property
    def way(self) -> str:
        """How it sends: "token", "webhook", or nothing. What a webhook sent cannot be found with a token."""
        if self._settings.bot_token is not None:
            return "token"
        return "webhook" if self._settings.webhook_url is not None else ""

    @property
    def destination(self) -> str:
        """The channel; a webhook writes to the one that it was made for, whatever the settings say."""
        return f"{self._channel}{BY_WEBHOOK}" if self.way == "webhook" else self._channel

    @property
    def site(self) -> str:
        """The workspace, as far as Slack has been asked: the token knows it, and no setting."""
        known = self._slack.workspace
        return known.words if known is not None else ""

    def learn(self) -> None:
        """Ask Slack for the workspace, once. Raises `SourceFailure`."""
        if self.way and self._slack.workspace is None:
            self._slack.learn()

    def carries(self, delivery: Delivery) -> bool:
        """The channels that this console's own settings and catalogue name: a token reaches every other one too.

        A webhook reaches only its own, and nobody else knows which that is. Of another workspace, none.
        """
        known, confirmed = self._slack.workspace, _workspace_of(delivery)
        if known is not None and confirmed and known.id != confirmed:
            return False
        by_webhook = self.way == "webhook" or delivery.destination.endswith(BY_WEBHOOK)
        own = {"", self.destination} if by_webhook else {"", self.destination, self._contact}
        return delivery.destination in own

    def problem(self) -> str:
        """Why Slack cannot be used from here; empty when it can. Asks nobody."""
        if self.way:
            return ""
        return "Slack is not configured: set slack.bot_token, or slack.webhook_url; until then, paste the text by hand"

    def send(self, delivery: Delivery, incident: Incident) -> Receipt:
        """Send it once. Raises `NotDelivered`."""
        text = self.message(delivery, incident)
        try:
            if self.way == "webhook":
                self._slack.post_webhook(text, _workspace_of(delivery))
                return Receipt("")
            posted = self._slack.post(self._channel_of(delivery), text, delivery.token, _workspace_of(delivery))
        except SlackFailure as failure:
            if failure.error == OTHER_WORKSPACE:
                # Another console may carry it; where none does, this one closes it with both names.
                raise NotDelivered("definite", failure.reason, remedy=failure.remedy) from None
            raise not_delivered(failure) from None
        return self._receipt(posted)

    def find(self, delivery: Delivery, incident: Incident) -> Receipt | None:  # noqa: ARG002  # the protocol's
        """The message with this token, or None. Raises `CannotLook`, `SourceFailure`."""
        with self._looking(delivery):
            posted = next(self._carrying(delivery), None)
        return None if posted is None else self._receipt(posted)

    def sight(self, delivery: Delivery) -> SearchReach:
        """Up to the newest message that the channel's history shows. Raises `CannotLook`, `SourceFailure`."""
        with self._looking(delivery):
            return SearchReach(self._slack.newest(self._channel_of(delivery)))

    def twins(self, delivery: Delivery) -> tuple[Receipt, ...]:
        """Every message with this token. Raises `CannotLook`, `SourceFailure`."""
        with self._looking(delivery):
            return tuple(map(self._receipt, self._carrying(delivery)))

    def _channel_of(self, delivery: Delivery) -> str:
        """The channel that was confirmed: another console's settings do not move it."""
        return delivery.destination or self._channel

    def _carrying(self, delivery: Delivery) -> Iterator[Posted]:
        return self._slack.carrying(self._channel_of(delivery), delivery.token, looked_for_since(delivery))

    @contextmanager
    def _looking(self, delivery: Delivery) -> Iterator[None]:
        if self.way != "token":
            raise CannotLook(
                "a webhook cannot read what it wrote",
                remedy="look in the channel, and say here whether it arrived; slack.bot_token could look by itself",
            )
        try:
            self._slack.expect(_workspace_of(delivery))
            yield
        except SlackFailure as failure:
            if failure.error in _CANNOT_READ or failure.kind is FailureKind.DENIED:
                raise CannotLook(
                    failure.reason, remedy="look in the channel yourself; the scope channels:history lets the bot look"
                ) from None
            raise

    def close(self) -> None:
        """End what is under way."""
        self._slack.close()

    def message(self, delivery: Delivery, incident: Incident) -> str:
        """The message: who is called, the text as it was confirmed, and the incident's number."""
        called = " ".join(_mention(one) for one in delivery.fields.get("mention", "").split(",") if one)
        text = to_mrkdwn(delivery.text, self._trusted)
        marks = [one for one in (incident.id, delivery.fields.get(ANCHOR, "")) if one and one not in delivery.text]
        number = f"\n\n_{' · '.join(marks)}_" if marks else ""
        return f"{called}\n{text}{number}" if called else f"{text}{number}"

    def _receipt(self, posted: Posted) -> Receipt:
        try:
            link = self._slack.permalink(posted) if posted.ts else ""
        except SourceFailure:
            # The message is there; only its address for people is not known.
            link = ""
        return Receipt(posted.ts, link)


def _workspace_of(delivery: Delivery) -> str:
    """The id of the workspace that was confirmed with it; empty where nobody knew it then."""
    return delivery.fields.get(SITE, "").rpartition("(")[2].rstrip(")")


def _mention(identity: str) -> str:
    return f"<!subteam^{identity}>" if identity.startswith("S") else f"<@{identity}>"
