"""First response to rate limiting: how often Zillow refuses, what waits behind it, and what may be lost."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from diagnostics.checks.base import Check, FleetCheck, asked_as, share, worst
from diagnostics.core.context import Context
from diagnostics.core.failures import SourceFailure
from diagnostics.core.words import about, percent, plural, sentence, span
from diagnostics.models.events import LogEvent
from diagnostics.models.triage import Finding, Status
from diagnostics.signals.pulses import of_counts
from diagnostics.signals.webhook_backlog import WAITING, Backlog, Flow, read_backlog, read_flow

_RETRY_AFTER = re.compile(r"retry[ _-]?after\W{0,4}(\d{1,6})", re.IGNORECASE)
_PLACE = re.compile(r" \(| in |:")
"""What follows the Retry-After itself: why it is not known, or where none was."""

_RETRY_AFTER_NAMES = ("retry_after", "retryAfter", "Retry-After", "retry-after")


class RateLimitRate(FleetCheck):
    """HTTP 429 answers from Zillow a minute, lately, and the Retry-After that came with them."""

    id = "rate_limit_rate"
    title = "How often does Zillow answer HTTP 429?"
    name = "429 answers"

    def look(self, context: Context) -> Finding:
        """Judge the busier of the last two complete minutes against the catalogue's rate."""
        rule = context.catalogue.thresholds["rate_limit_per_minute"]
        query = context.catalogue.queries["rate_limited"].datadog
        counts = context.logs.counts(query, context.window_s)
        rate = counts.recent_minute
        if rate is None:
            return self.finding(
                Status.NO_DATA,
                sentence(counts.doubt or "the window holds no complete minute"),
                threshold=rule.rule(),
                limit=rule.limit(Status.NO_DATA),
                remark=counts.doubt or "no complete minute",
                next_step=_rate_advice(Status.NO_DATA),
                evidence=counts.evidence,
            )
        status = of_counts(rule.judge(float(rate)), partial=counts.partial)
        retry_after = _retry_after(context, query) if counts.count else "no Retry-After: no HTTP 429 in the window"
        accounts = "" if counts.accounts is None else f" in {plural(counts.accounts, 'account')}"
        return self.finding(
            status,
            f"{rate:,} HTTP 429 a minute {counts.until}, {counts.count or 0:,} in the last {span(context.window_s)}"
            f"{accounts}; {retry_after}.{f' {counts.doubt}.' if counts.doubt else ''}",
            value=rate,
            unit="/min",
            threshold=rule.rule(),
            limit=rule.limit(status),
            remark=", ".join(filter(None, (_PLACE.split(retry_after)[0], counts.doubt))),
            next_step=_rate_advice(status),
            evidence=counts.evidence,
            details=(
                f"busiest minute of the window: {max((*counts.per_minute, *counts.filling)):,}",
                f"mean over the window: {(counts.count or 0) / (context.window_s / 60):,.1f} a minute",
            ),
        )


class WebhookBacklog(FleetCheck):
    """Webhook events that wait for delivery, against the limit beyond which permanent loss is likely."""

    id = "webhook_backlog"
    title = "How many webhook events wait for delivery?"
    name = "webhook backlog"

    def look(self, context: Context) -> Finding:
        """Judge pending, processing and failed events of the last 24 hours together."""
        rule = context.catalogue.thresholds["webhook_backlog"]
        backlog = read_backlog(context)
        if not backlog.any_received:
            return _nothing_received(self, backlog, rule.rule())
        status = rule.judge(float(backlog.waiting))
        oldest = backlog.oldest_minutes(context.now())
        risk = ": HIGH RISK of permanent loss" if status is Status.FAIL else ""
        age = "" if oldest is None else f", the oldest for {about(oldest * 60)}"
        return self.finding(
            status,
            f"{plural(backlog.waiting, 'webhook event')} wait for delivery{age} ({rule.rule()}{risk}).",
            value=backlog.waiting,
            unit="events",
            threshold=rule.rule(),
            limit=rule.limit(status),
            remark="" if oldest is None else f"oldest {about(oldest * 60)}",
            next_step="Call the team now, then look at data_loss_risk and prepare the batch retry."
            if status is Status.FAIL
            else "",
            evidence=backlog.evidence,
            details=[f"{name}: {backlog.by_status.get(name, 0):,}" for name in WAITING],
        )


class DataLossRisk(FleetCheck):
    """Low, medium or high, from the backlog, its age, what is lost already, and arrivals against deliveries."""

    id = "data_loss_risk"
    title = "How likely is permanent loss of events?"
    name = "risk of loss"

    def look(self, context: Context) -> Finding:
        """High beyond a critical limit, medium beyond a warning or after a loss, else low."""
        rules = context.catalogue.thresholds
        backlog = read_backlog(context)
        limits = (rules["webhook_backlog"].rule(), rules["oldest_pending_minutes"].rule())
        threshold = f"backlog {limits[0]}; oldest {limits[1]}; any event lost"
        if not backlog.any_received:
            return _nothing_received(self, backlog, threshold)
        flow = _flow(context)
        oldest = backlog.oldest_minutes(context.now())
        statuses = [rules["webhook_backlog"].judge(float(backlog.waiting))]
        if oldest is not None:
            statuses.append(rules["oldest_pending_minutes"].judge(oldest))
        elif not backlog.age_is_known(context.now()):
            statuses.append(Status.NO_DATA)
        if backlog.lost:
            statuses.append(Status.WARN)
        status = worst(*statuses)
        risk = {Status.PASS: "low", Status.WARN: "medium"}.get(status, "high")
        return self.finding(
            status,
            f"{risk.upper()} risk of permanent loss: {plural(backlog.lost, 'event')} lost for good, "
            f"{backlog.waiting:,} waiting{'' if status is Status.PASS else ', ' + _outlook(backlog, flow)}.",
            value=risk,
            threshold=threshold,
            limit=_risk_limit(context, backlog, oldest, status),
            remark=f"{backlog.lost:,} lost, {_outlook(backlog, flow)}",
            next_step=""
            if status is Status.PASS
            else "Tell the team how many events are at risk; do not purge any queue.",
            evidence=backlog.evidence,
            details=_loss_details(backlog, flow, oldest),
        )


class BatchRetry(FleetCheck):
    """Events that a batch retry would replay. Replaying changes production, which this console does not do."""

    id = "batch_retry"
    title = "What would a batch retry replay?"
    name = "batch retry"

    def look(self, context: Context) -> Finding:
        """Warn while more waits than ordinary flow explains, and say who may replay it."""
        backlog = read_backlog(context)
        rules = context.catalogue.thresholds
        threshold = f"backlog {rules['webhook_backlog'].rule()}; oldest {rules['oldest_pending_minutes'].rule()}"
        if not backlog.any_received:
            return _nothing_received(self, backlog, threshold)
        pending, failed = (backlog.by_status.get(name, 0) for name in ("pending", "failed"))
        waiting = pending + failed
        oldest = backlog.oldest_minutes(context.now())
        known = backlog.age_is_known(context.now())
        late = not known or (oldest is not None and rules["oldest_pending_minutes"].judge(oldest) is not Status.PASS)
        if rules["webhook_backlog"].judge(float(backlog.waiting)) is Status.PASS and not late:
            return self.finding(
                Status.PASS,
                f"Nothing to set up: {plural(waiting, 'waiting event')} and none of them late.",
                value=waiting,
                unit="events",
                threshold=threshold,
                remark="none of them late, nothing to set up",
                evidence=backlog.evidence,
            )
        return self.finding(
            Status.WARN,
            f"A batch retry would replay {plural(waiting, 'event')}: {pending:,} pending and {failed:,} failed. "
            "It changes production, and triage only reads: nothing has been set up.",
            value=waiting,
            unit="events",
            threshold=threshold,
            remark="to replay, nothing started",
            next_step=f"Ask {context.catalogue.contact.line()} to replay in paced batches once the HTTP 429 rate has "
            "fallen; give them this count and the Retry-After.",
            evidence=backlog.evidence,
            details=(
                f"under way and left alone: {backlog.by_status.get('processing', 0):,}",
                f"lost and not replayable: {backlog.lost:,}",
                f"share of failed events among those to replay: {percent(share(failed, waiting))}",
            ),
        )


def _nothing_received(check: Check, backlog: Backlog, threshold: str) -> Finding:
    return check.finding(
        Status.NO_DATA,
        "zillow_webhook_events holds nothing received in the last 24 h, so an empty backlog means nothing.",
        threshold=threshold,
        remark="nothing received in 24 h",
        next_step="Check that webhooks arrive at all, and that the schema map names the right table: warroom doctor.",
        evidence=backlog.evidence,
    )


def _risk_limit(context: Context, backlog: Backlog, oldest: float | None, decided: Status) -> str:
    """Which of the limits decided: that of the backlog, that of the oldest event, or that something is lost already."""
    waiting, age = (context.catalogue.thresholds[name] for name in ("webhook_backlog", "oldest_pending_minutes"))
    if decided is not Status.PASS and waiting.judge(float(backlog.waiting)) is decided:
        return f"backlog {waiting.limit(decided)}"
    known = backlog.age_is_known(context.now())
    judged = age.judge(oldest) if oldest is not None else Status.PASS if known else Status.NO_DATA
    if decided is not Status.PASS and judged is decided:
        return f"oldest {age.limit(decided)}"
    return "any lost"


def _rate_advice(status: Status) -> str:
    match status:
        case Status.PASS:
            return ""
        case Status.NO_DATA:
            return "Ask again in a moment, or search for HTTP 429 by hand."
        case _:
            return "Stop bulk jobs against Zillow; let the workers honour Retry-After before anything is replayed."


def _flow(context: Context) -> Flow | SourceFailure:
    """How fast the backlog comes and goes tells when it is over; what waits is at risk without that, too."""
    try:
        return read_flow(context)
    except SourceFailure as failure:
        return failure


def _outlook(backlog: Backlog, flow: Flow | SourceFailure) -> str:
    if backlog.waiting == 0:
        return "nothing to drain"
    if isinstance(flow, SourceFailure):
        return "arrivals and deliveries not known"
    minutes = flow.minutes_to_empty(backlog.waiting)
    return "not draining" if minutes is None else f"empty in {about(minutes * 60)} at this rate"


def _loss_details(backlog: Backlog, flow: Flow | SourceFailure, oldest: float | None) -> Iterator[str]:
    if isinstance(flow, SourceFailure):
        yield f"arrivals and deliveries not known: {flow.headline()}"
    else:
        yield f"arriving: {flow.arriving:,.1f} a minute, over the last 5 min"
        yield f"delivered: {flow.draining:,.1f} a minute, over the last 5 min"
        yield f"time to empty: {_outlook(backlog, flow)}"
    yield f"oldest waiting event: {'none' if oldest is None else span(oldest * 60)}"
    yield f"events past saving (status lost): {backlog.lost:,}"
    if isinstance(flow, Flow):
        yield from asked_as(backlog.evidence, (flow.evidence,))


def _retry_after(context: Context, query: str) -> str:
    """The newest Retry-After among recent log lines; the count stands without it when the search fails."""
    try:
        page = context.logs.newest(query, context.window_s)
    except SourceFailure as failure:
        return f"Retry-After not known ({failure.headline()})"
    found = next((seconds for event in page.events if (seconds := retry_after_of(event)) is not None), None)
    return "no Retry-After in recent log lines" if found is None else f"last Retry-After {found:g} s"


def retry_after_of(event: LogEvent) -> float | None:
    """The Retry-After that one log event names, seconds: as an attribute, a header or in its texts."""
    for place in _places(event.attributes):
        for name in _RETRY_AFTER_NAMES:
            value = place.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                return float(value)
            if isinstance(value, str) and value.strip().isdecimal() and value.isascii():
                return float(value)
    texts = [event.message, *(text for place in _places(event.attributes) for text in place.values())]
    for text in texts:
        if isinstance(text, str) and (match := _RETRY_AFTER.search(text)):
            return float(match.group(1))
    return None


def _places(attributes: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    for name in ("context", "http"):
        place = attributes.get(name)
        if isinstance(place, Mapping):
            yield place
            headers = place.get("headers")
            if isinstance(headers, Mapping):
                yield headers
    yield attributes
