"""Whether notices can reach the team from here: address, token, scopes, channel, membership. It sends no message."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from diagnostics.core.failures import FailureKind
from diagnostics.models.doctor import DoctorLine
from diagnostics.models.triage import Status
from diagnostics.sources.doctor.steps import Step
from diagnostics.sources.proxies import route_of
from diagnostics.sources.slack import SOURCE, Identity, Slack, SlackChannel, SlackFailure

if TYPE_CHECKING:
    from diagnostics.catalogue.model import Contact
    from diagnostics.config.settings import Settings


NEEDED = ("chat:write", "channels:history")
"""Scopes: to write, and to find again what was written."""

PRIVATE = {"channels:history": "groups:history"}
"""In place of it, for a private channel."""

_NEITHER = "neither slack.bot_token nor slack.webhook_url is set: notices are pasted by hand"
_OFF = "writes.notices is off: notices are shown, and not sent"


def steps(settings: Settings, contact: Contact, opened: Callable[[Slack], Slack]) -> list[Step]:
    """What is examined follows the way that the settings choose. `opened` is given each client, for closing it."""
    slack = settings.slack
    found = (
        [] if settings.writes.notices else [Step(SOURCE, "permitted", lambda: (_line("permitted", Status.WARN, _OFF),))]
    )
    if slack.bot_token is None and slack.webhook_url is None:
        return [*found, Step(SOURCE, "configured", lambda: (_line("configured", Status.NO_DATA, _NEITHER),))]
    source = opened(Slack(slack, route_of(settings.network)))
    if slack.bot_token is None:
        return [
            *found,
            Step(
                SOURCE,
                "webhook",
                lambda: _webhook(source),
                (("settings", "slack.webhook_url"), ("settings", "network")),
            ),
        ]
    bot = _Bot(source, slack.channel or contact.channel)
    reachable, token, channel = (SOURCE, "reachable"), (SOURCE, "token"), (SOURCE, "channel")
    return [
        *found,
        Step(*reachable, bot.reachable, (("settings", "slack.bot_token"), ("settings", "network"))),
        Step(*token, bot.token, (reachable,)),
        Step(SOURCE, "scopes", bot.scopes, (token,)),
        Step(*channel, bot.channel, (token,)),
        Step(SOURCE, "member", bot.member, (channel,)),
    ]


class _Bot:
    """The way by token; what was asked once is told by several lines."""

    def __init__(self, source: Slack, channel: str) -> None:
        self._source = source
        self._channel = channel
        self._who: Identity | None = None
        self._refused: SlackFailure | None = None
        self._found: SlackChannel | None = None

    def reachable(self) -> Iterable[DoctorLine]:
        """Whether Slack answers at this address, in its own manner."""
        started = time.monotonic()
        try:
            self._who = self._source.identity()
        except SlackFailure as failure:
            if not failure.error and failure.kind is not FailureKind.NOT_CONFIGURED:
                raise
            if failure.kind is FailureKind.RATE_LIMITED:
                raise
            self._refused = failure
            return (_line("reachable", Status.PASS, "it answers"),)
        took_ms = 1_000 * (time.monotonic() - started)
        return (_line("reachable", Status.PASS, "it answers", latency_ms=took_ms),)

    def token(self) -> Iterable[DoctorLine]:
        """Whose it is."""
        if self._refused is not None:
            raise self._refused
        who = self._who
        assert who is not None  # noqa: S101  # this step stands on the one that sets it
        return (_line("token", Status.PASS, f"it is {who.user} of {who.team}"),)

    def scopes(self) -> Iterable[DoctorLine]:
        """What it may do."""
        has = self._who.scopes if self._who is not None else None
        if has is None:
            return (_line("scopes", Status.NO_DATA, "Slack did not say what the token may do"),)
        missing = [one for one in NEEDED if one not in has and PRIVATE.get(one) not in has]
        if not missing:
            return (_line("scopes", Status.PASS, ", ".join(has)),)
        status = Status.FAIL if "chat:write" in missing else Status.WARN
        lost = "nothing can be sent" if status is Status.FAIL else "what was sent cannot be found again"
        remedy = f"give the app the scope {' and '.join(missing)} (OAuth & Permissions), and reinstall it"
        return (_line("scopes", status, f"{', '.join(missing)} is missing: {lost}", remedy),)

    def channel(self) -> Iterable[DoctorLine]:
        """Whether it is there and takes messages."""
        try:
            self._found = found = self._source.channel(self._channel)
        except SlackFailure as failure:
            if failure.error != "missing_scope":
                raise
            told = f"the token may not look at {self._channel}: whether it is there is not known"
            by_name = "" if self._source.is_id(self._channel) else "set slack.channel to the channel's id, or "
            return (_line("channel", Status.WARN, told, f"{by_name}add the scope channels:read"),)
        shown = self._channel if found.id == self._channel else f"{self._channel} is {found.id}"
        if found.is_archived:
            remedy = "unarchive it, or set slack.channel to another one"
            return (_line("channel", Status.FAIL, f"{shown}, and it is archived: it takes no messages", remedy),)
        return (_line("channel", Status.PASS, shown),)

    def member(self) -> Iterable[DoctorLine]:
        """Whether the bot is in it: it may write to no other, unless it has chat:write.public."""
        found = self._found
        has = self._who.scopes if self._who is not None else None
        if found is None or found.is_member is None:
            return (_line("member", Status.NO_DATA, f"whether the bot is in {self._channel} is not known"),)
        if found.is_member:
            return (_line("member", Status.PASS, f"the bot is in {self._channel}"),)
        name = self._who.user if self._who is not None else "NAME"
        remedy = f"invite it: type /invite @{name} in {self._channel}"
        if has is not None and "chat:write.public" in has:
            told = f"the bot is not in {self._channel}: it can write there, and cannot find again what it wrote"
            return (_line("member", Status.WARN, told, remedy),)
        return (_line("member", Status.FAIL, f"the bot is not in {self._channel}: it may not write there", remedy),)


def _webhook(source: Slack) -> Iterator[DoctorLine]:
    took_ms = source.try_webhook()
    yield _line(
        "webhook",
        Status.PASS,
        "it answers, and refuses an empty message as it should; what is sent through it is not found again",
        latency_ms=took_ms,
    )


def _line(
    subject: str, status: Status, detail: str, remedy: str = "", *, latency_ms: float | None = None
) -> DoctorLine:
    return DoctorLine.of(SOURCE, subject, status, detail, remedy, latency_ms=latency_ms)
