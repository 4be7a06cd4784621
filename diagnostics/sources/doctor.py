"""Every source, line by line as it is found out: Datadog, databases, Slack, the console's own state, optional ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from diagnostics.core.failures import SourceFailure
from diagnostics.models.doctor import DoctorLine
from diagnostics.models.status import Status
from diagnostics.sources.slack import SOURCE, Slack, SlackFailure

if TYPE_CHECKING:
    from diagnostics.catalogue.model import Contact
    from diagnostics.config.settings import Settings
    from diagnostics.core.context import Context
    from diagnostics.models.evidence import Evidence


NEEDED = ("chat:write", "channels:history")
"""Scopes: to write, and to find again what was written."""

PRIVATE = {"channels:history": "groups:history"}
"""In place of it, for a private channel."""


def inspect_all(context: Context, account_ids: tuple[int, ...] = ()) -> Iterator[DoctorLine]:
    """What each source says of itself, and of the client databases of these accounts. Raises nothing."""
    limits, settings = context.catalogue.thresholds, context.settings
    yield from context.datadog.inspect(
        monitor_tag=context.catalogue.contact.monitor_tag,
        clock_skew_s=limits["clock_skew_seconds"].warning or 0.0,
        incidents=settings.writes.tracking and settings.escalation.datadog_incidents,
    )
    yield from context.databases.inspect(account_ids, replica_lag_s=limits["replica_lag_seconds"].warning or 0.0)
    yield from inspect_slack(settings, context.catalogue.contact)
    yield _state(context)
    yield _journal(context)
    yield _optional("redis", settings.redis.url, context.mutexes.ping, "mutexes of the sync workers are not shown")
    yield _optional(
        "analytics",
        settings.analytics.url,
        context.fleet.ping_analytics,
        "system-wide questions go to the client databases",
    )


def _state(context: Context) -> DoctorLine:
    state = context.state
    if state.is_lasting:
        place = "the shared database of state.url" if context.settings.state.url else str(context.settings.state_dir)
        return DoctorLine(source="state", subject="kept", status=Status.PASS, detail=f"in {place}")
    return DoctorLine(
        source="state",
        subject="kept",
        status=Status.WARN,
        detail=f"in memory only, until this console ends: {state.problem}",
        remedy="make state_dir writable, or set state.url; counts and recent places begin anew until then",
    )


def _journal(context: Context) -> DoctorLine:
    """How long it is and who writes; whether every entry is as it was written, `warroom journal verify` tells."""
    journal = context.journal
    try:
        begin = time.monotonic()
        head = journal.head()
        took_ms = (time.monotonic() - begin) * 1_000
    except SourceFailure as failure:
        return _failed("state", "journal", failure)
    detail = f"{head.seq:,} entries; you write as {journal.person}"
    if not journal.problem:
        return DoctorLine(source="state", subject="journal", status=Status.PASS, detail=detail, latency_ms=took_ms)
    if context.state.is_lasting:
        return DoctorLine(
            source="state",
            subject="journal",
            status=Status.FAIL,
            detail=f"{detail}. {journal.problem}",
            remedy="run warroom journal verify, and tell the owner of the place that holds it",
        )
    return DoctorLine(
        source="state",
        subject="journal",
        status=Status.WARN,
        detail=f"{detail}; other consoles do not see them, and they end with this one",
        remedy="they are taken along when the place comes back before this console ends; export what matters",
    )


def _optional(source: str, url: str | None, ask: Callable[[], Evidence], without: str) -> DoctorLine:
    if url is None:
        return DoctorLine(
            source=source, subject="configured", status=Status.NO_DATA, detail=f"no {source}.url is set: {without}"
        )
    try:
        evidence = ask()
    except SourceFailure as failure:
        return _failed(source, "reachable", failure)
    return DoctorLine(
        source=source, subject="reachable", status=Status.PASS, detail=evidence.query, latency_ms=evidence.took_ms
    )


def _failed(source: str, subject: str, failure: SourceFailure) -> DoctorLine:
    return DoctorLine(
        source=source,
        subject=subject,
        status=Status.UNREACHABLE if failure.is_transient else Status.FAIL,
        detail=f"{failure.headline()}: {failure.reason}",
        remedy=failure.remedy,
    )


def inspect_slack(settings: Settings, contact: Contact) -> Iterator[DoctorLine]:
    """Whether notices can reach the team from here. It asks who the token is, and sends no message. Raises nothing."""
    slack = settings.slack
    if not settings.writes.notices:
        yield _slack_line("permitted", Status.WARN, "writes.notices is off: notices are shown, and not sent")
    if slack.bot_token is None:
        yield _without_token(settings)
        return
    source = Slack(slack)
    try:
        yield from _slack_token(source)
        yield _slack_channel(source, slack.channel or contact.channel)
    except SlackFailure as failure:
        yield _failed(SOURCE, "reachable", failure)
    finally:
        source.close()


def _without_token(settings: Settings) -> DoctorLine:
    if settings.slack.webhook_url is None:
        return _slack_line(
            "configured",
            Status.NO_DATA,
            "neither slack.bot_token nor slack.webhook_url is set: notices are pasted by hand",
        )
    return _slack_line(
        "webhook",
        Status.NO_DATA,
        "set; it cannot be tried without sending a message, and a message without an answer is not found again",
        remedy="a bot token (slack.bot_token) can be tried, and finds its messages again",
    )


def _slack_token(source: Slack) -> Iterator[DoctorLine]:
    started = time.monotonic()
    who = source.identity()
    took_ms = 1_000 * (time.monotonic() - started)
    yield _slack_line("reachable", Status.PASS, f"the token is {who.user} of {who.team}", latency_ms=took_ms)
    if who.scopes is None:
        yield _slack_line("scopes", Status.NO_DATA, "Slack did not say what the token may do")
        return
    missing = [one for one in NEEDED if one not in who.scopes and PRIVATE.get(one) not in who.scopes]
    if missing:
        yield _slack_line(
            "scopes",
            Status.FAIL if "chat:write" in missing else Status.WARN,
            f"missing: {', '.join(missing)}",
            remedy="give the app these scopes and install it anew",
        )
    else:
        yield _slack_line("scopes", Status.PASS, ", ".join(who.scopes))


def _slack_channel(source: Slack, channel: str) -> DoctorLine:
    """By name it has to be looked up before messages in it can be found again."""
    try:
        found = source.channel_id(channel)
    except SlackFailure as failure:
        if failure.error == "missing_scope":
            return _slack_line(
                "channel",
                Status.WARN,
                f"{channel} is a name, and the token may not look up its id: messages are not found again",
                remedy="set slack.channel to the channel's id, or add the scope channels:read",
            )
        return _failed(SOURCE, "channel", failure)
    shown = channel if found == channel else f"{channel} is {found}"
    return _slack_line("channel", Status.PASS, shown)


def _slack_line(
    subject: str, status: Status, detail: str, *, remedy: str = "", latency_ms: float | None = None
) -> DoctorLine:
    return DoctorLine(
        source=SOURCE, subject=subject, status=status, detail=detail, remedy=remedy, latency_ms=latency_ms
    )
