"""What the doctor says of Slack, line by line. It asks who the token is, and sends no message."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from diagnostics.models.doctor import DoctorLine
from diagnostics.models.status import Status
from diagnostics.sources.slack import SOURCE, Slack, SlackFailure

if TYPE_CHECKING:
    from diagnostics.catalogue.model import Contact
    from diagnostics.settings import Settings

NEEDED = ("chat:write", "channels:history")
"""Scopes: to write, and to find again what was written."""

PRIVATE = {"channels:history": "groups:history"}
"""In place of it, for a private channel."""


def inspect_slack(settings: Settings, contact: Contact) -> Iterator[DoctorLine]:
    """Whether notices can reach the team from here. Raises nothing."""
    slack = settings.slack
    if not settings.writes.notices:
        yield _line("permitted", Status.WARN, "writes.notices is off: notices are shown, and not sent")
    if slack.bot_token is None:
        yield _without_token(settings)
        return
    source = Slack(slack)
    try:
        yield from _token(source)
        yield _channel(source, slack.channel or contact.channel)
    except SlackFailure as failure:
        yield _failed("reachable", failure)
    finally:
        source.close()


def _without_token(settings: Settings) -> DoctorLine:
    if settings.slack.webhook_url is None:
        return _line(
            "configured",
            Status.NO_DATA,
            "neither slack.bot_token nor slack.webhook_url is set: notices are pasted by hand",
        )
    return _line(
        "webhook",
        Status.NO_DATA,
        "set; it cannot be tried without sending a message, and a message without an answer is not found again",
        remedy="a bot token (slack.bot_token) can be tried, and finds its messages again",
    )


def _token(source: Slack) -> Iterator[DoctorLine]:
    started = time.monotonic()
    who = source.identity()
    took_ms = 1_000 * (time.monotonic() - started)
    yield _line("reachable", Status.PASS, f"the token is {who.user} of {who.team}", latency_ms=took_ms)
    if who.scopes is None:
        yield _line("scopes", Status.NO_DATA, "Slack did not say what the token may do")
        return
    missing = [one for one in NEEDED if one not in who.scopes and PRIVATE.get(one) not in who.scopes]
    if missing:
        yield _line(
            "scopes",
            Status.FAIL if "chat:write" in missing else Status.WARN,
            f"missing: {', '.join(missing)}",
            remedy="give the app these scopes and install it anew",
        )
    else:
        yield _line("scopes", Status.PASS, ", ".join(who.scopes))


def _channel(source: Slack, channel: str) -> DoctorLine:
    """By name it has to be looked up before messages in it can be found again."""
    try:
        found = source.channel_id(channel)
    except SlackFailure as failure:
        if failure.error == "missing_scope":
            return _line(
                "channel",
                Status.WARN,
                f"{channel} is a name, and the token may not look up its id: messages are not found again",
                remedy="set slack.channel to the channel's id, or add the scope channels:read",
            )
        return _failed("channel", failure)
    shown = channel if found == channel else f"{channel} is {found}"
    return _line("channel", Status.PASS, shown)


def _failed(subject: str, failure: SlackFailure) -> DoctorLine:
    status = Status.UNREACHABLE if failure.is_transient else Status.FAIL
    return _line(subject, status, f"{failure.headline()}: {failure.reason}", remedy=failure.remedy)


def _line(
    subject: str, status: Status, detail: str, *, remedy: str = "", latency_ms: float | None = None
) -> DoctorLine:
    return DoctorLine(
        source=SOURCE, subject=subject, status=status, detail=detail, remedy=remedy, latency_ms=latency_ms
    )
