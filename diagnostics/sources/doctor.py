"""Examination of each source, line by line as it is found out, and of the console's own state."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from diagnostics.core.failures import SourceFailure
from diagnostics.models.doctor import DoctorLine
from diagnostics.models.status import Status
from diagnostics.sources.jira import Jira
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
    """Lines of each source, and of the client databases of these accounts. Raises nothing."""
    limits, settings = context.catalogue.thresholds, context.settings
    yield from context.datadog.inspect(
        monitor_tag=context.catalogue.contact.monitor_tag,
        clock_skew_s=limits["clock_skew_seconds"].warning or 0.0,
        incidents=settings.writes.tracking and settings.escalation.datadog_incidents,
    )
    yield from context.databases.inspect(account_ids, replica_lag_s=limits["replica_lag_seconds"].warning or 0.0)
    yield from inspect_slack(settings, context.catalogue.contact)
    yield _jira(settings)
    yield _state(context)
    yield _journal(context)
    yield _optional("redis", settings.redis.url, context.mutexes.ping, "mutexes of the sync workers are not shown")
    yield _optional(
        "analytics",
        settings.analytics.url,
        context.fleet.ping_analytics,
        "system-wide questions go to the client databases",
    )
    yield _authorization(context)


def _jira(settings: Settings) -> DoctorLine:
    source = Jira(settings.jira)
    try:
        return _optional("jira", settings.jira.url, source.probe, "issues are opened by hand")
    finally:
        source.close()


def _authorization(context: Context) -> DoctorLine:
    said = context.authorization.answering()
    if said.evidence is None:
        return DoctorLine.of("zillow", "authorisation", said.status, said.summary)
    return DoctorLine.of(
        "zillow", "authorisation", said.status, said.summary, said.next_step, latency_ms=said.evidence.took_ms
    )


def _state(context: Context) -> DoctorLine:
    state = context.state
    if state.is_lasting:
        place = "the shared database of state.url" if context.settings.state.url else str(context.settings.state_dir)
        return DoctorLine.of("state", "kept", Status.PASS, f"in {place}")
    return DoctorLine.of(
        "state",
        "kept",
        Status.WARN,
        f"in memory only, until this console ends: {state.problem}",
        "make state_dir writable, or set state.url; counts and recent places begin anew until then",
    )


def _journal(context: Context) -> DoctorLine:
    """How long it is and who writes; whether every entry is as it was written, `warroom journal verify` tells."""
    journal = context.journal
    try:
        begin = time.monotonic()
        if journal.unread is not None:
            raise journal.unread
        head = journal.head()
        took_ms = (time.monotonic() - begin) * 1_000
    except SourceFailure as failure:
        return _failed("state", "journal", failure)
    detail = f"{head.seq:,} entries; you write as {journal.person}"
    if not journal.problem:
        return DoctorLine.of("state", "journal", Status.PASS, detail, latency_ms=took_ms)
    if context.state.is_lasting:
        return DoctorLine.of(
            "state",
            "journal",
            Status.FAIL,
            f"{detail}. {journal.problem}",
            "run warroom journal verify, and tell the owner of the place that holds it",
        )
    return DoctorLine.of(
        "state",
        "journal",
        Status.WARN,
        f"{detail}; other consoles do not see them, and they end with this one",
        "they are taken along when the place comes back before this console ends; export what matters",
    )


def _optional(source: str, url: str | None, ask: Callable[[], Evidence], without: str) -> DoctorLine:
    if url is None:
        return DoctorLine.of(source, "configured", Status.NO_DATA, f"no {source}.url is set: {without}")
    try:
        evidence = ask()
    except SourceFailure as failure:
        return _failed(source, "reachable", failure)
    return DoctorLine.of(source, "reachable", Status.PASS, evidence.query, latency_ms=evidence.took_ms)


def _failed(source: str, subject: str, failure: SourceFailure) -> DoctorLine:
    status = Status.UNREACHABLE if failure.is_transient else Status.FAIL
    return DoctorLine.of(source, subject, status, f"{failure.headline()}: {failure.reason}", failure.remedy)


def inspect_slack(settings: Settings, contact: Contact) -> Iterator[DoctorLine]:
    """Whether notices can reach the team from here. It asks who the token is, and sends no message. Raises nothing."""
    slack = settings.slack
    if not settings.writes.notices:
        yield DoctorLine.of(SOURCE, "permitted", Status.WARN, "writes.notices is off: notices are shown, and not sent")
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
        return DoctorLine.of(
            SOURCE,
            "configured",
            Status.NO_DATA,
            "neither slack.bot_token nor slack.webhook_url is set: notices are pasted by hand",
        )
    return DoctorLine.of(
        SOURCE,
        "webhook",
        Status.NO_DATA,
        "set; it cannot be tried without sending a message, and a message without an answer is not found again",
        remedy="a bot token (slack.bot_token) can be tried, and finds its messages again",
    )


def _slack_token(source: Slack) -> Iterator[DoctorLine]:
    started = time.monotonic()
    who = source.identity()
    took_ms = 1_000 * (time.monotonic() - started)
    yield DoctorLine.of(SOURCE, "reachable", Status.PASS, f"the token is {who.user} of {who.team}", latency_ms=took_ms)
    if who.scopes is None:
        yield DoctorLine.of(SOURCE, "scopes", Status.NO_DATA, "Slack did not say what the token may do")
        return
    missing = [one for one in NEEDED if one not in who.scopes and PRIVATE.get(one) not in who.scopes]
    if missing:
        yield DoctorLine.of(
            SOURCE,
            "scopes",
            Status.FAIL if "chat:write" in missing else Status.WARN,
            f"missing: {', '.join(missing)}",
            remedy="give the app these scopes and install it anew",
        )
    else:
        yield DoctorLine.of(SOURCE, "scopes", Status.PASS, ", ".join(who.scopes))


def _slack_channel(source: Slack, channel: str) -> DoctorLine:
    """By name it has to be looked up before messages in it can be found again."""
    try:
        found = source.channel_id(channel)
    except SlackFailure as failure:
        if failure.error == "missing_scope":
            return DoctorLine.of(
                SOURCE,
                "channel",
                Status.WARN,
                f"{channel} is a name, and the token may not look up its id: messages are not found again",
                remedy="set slack.channel to the channel's id, or add the scope channels:read",
            )
        return _failed(SOURCE, "channel", failure)
    shown = channel if found == channel else f"{channel} is {found}"
    return DoctorLine.of(SOURCE, "channel", Status.PASS, shown)
