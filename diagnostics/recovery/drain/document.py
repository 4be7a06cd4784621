"""A drain as a document: how it stands first, then the pace, then its lists."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from diagnostics.core.document import Block, Document, Fact, Heading, Note, Result, Text, facts
from diagnostics.core.time import dated
from diagnostics.core.words import about, plural
from diagnostics.models.status import Status
from diagnostics.recovery.drain.record import RECENT
from diagnostics.recovery.drain.report import AGAIN, DrainView, Listed
from diagnostics.recovery.ladder import RUNGS

if TYPE_CHECKING:
    from diagnostics.recovery.drain.report import DrainReport

STANDING = {
    "carried": (Status.PASS, "under way"),
    "paused": (Status.WARN, "PAUSED"),
    "stopping": (Status.WARN, "STOPPING: what was handed over is waited for"),
    "stopped": (Status.WARN, "STOPPED"),
    "done": (Status.PASS, "DONE"),
    "not_carried": (Status.FAIL, "NOT CARRIED: no console has written of it lately"),
}

TITLES = {
    "delivered": "delivered",
    "failed": "failed",
    "lost": "lost for good: attempts used up",
    "lost_in_worker": "lost in a worker: not ended in time",
    "nobody_knows": "nobody can tell whether they were sent",
    "moved_on": "moved on by themselves before their turn",
    "under_way": "under way",
    "never_sent": "never sent",
    "failed_anew": "failed since: received since the start, not in the plan",
}

SAMPLE = 5


def drain_document(report: DrainReport, now: datetime, *, may_write: bool) -> Document:
    """All of it, for the screen and for the command line."""
    seen = report.view
    return Document(
        title=f"{seen.name}: {plural(seen.events, 'event')}",
        blocks=tuple(_blocks(report, now, may_write=may_write)),
        place=f"recovery {seen.name}",
        about=("zillow-incident-recovery", f"{seen.name} · {seen.environment}"),
        taken_at=now,
    )


def headline(seen: DrainView) -> str:
    """How it stands, in one line: for a panel."""
    ended = seen.events - seen.share("waiting", "intended", "under_way")
    share = f"{100 * ended / seen.events:.0f} %" if seen.events else "100 %"
    rate = "" if seen.delivered_per_s is None or seen.is_over else f", {seen.delivered_per_s:,.1f}/s"
    left = "" if seen.eta_s is None else f", ETA {about(seen.eta_s)}"
    return f"{seen.name} {STANDING[seen.standing][1].partition(':')[0]} {share}{rate}{left}"


def _blocks(report: DrainReport, now: datetime, *, may_write: bool) -> Iterator[Block]:
    seen = report.view
    status, word = STANDING[seen.standing]
    yield Result(status, word + (f": {seen.why}" if seen.why else ""))
    yield Fact("progress", _progress(seen), "strong")
    yield Fact("rate", _rate(seen, now))
    yield Fact("answered 429", _limited(seen), "warn" if (seen.limited_share or 0) > 0.01 else "")
    if seen.paused_until is not None:
        yield Fact("paused until", f"{seen.paused_until:%H:%M:%S} UTC, said by the server", "warn")
    if seen.broken_until is not None:
        text = f"{seen.broken_until:%H:%M:%S} UTC, then one event on trial: a tenth or more failed, not by the rate"
        yield Fact("broken until", text, "warn")
    if not seen.is_over:
        yield Fact("ETA", _eta(seen))
    if seen.rung is not None and not seen.is_over:
        yield Fact(
            "first events", f"rung {seen.rung + 1} of {len(RUNGS)}: {plural(RUNGS[seen.rung], 'event')}, then wait"
        )
    yield Fact("losses", _losses(seen), "fail" if seen.share("lost", "unheard", "unknown") else "")
    yield Fact("started", f"by {seen.started_by} at {dated(seen.started_at, now)} UTC, of plan {seen.plan_id}")
    yield Fact("carried by", f"{'this console' if seen.is_here else seen.carried_by}; last entry {_ago(seen, now)}")
    yield from (Note(note) for note in seen.notes)
    yield Heading("what became of them")
    for one in (*report.lists, *(() if report.failed_anew is None else (report.failed_anew,))):
        yield from _list(one, seen)
    yield from (Note(doubt) for doubt in report.doubts)
    yield Heading("carried by")
    yield from facts(*seen.declares)
    yield from _next(report, may_write=may_write)


def _progress(seen: DrainView) -> str:
    waiting = seen.share("waiting", "intended")
    return (
        f"{seen.share('delivered'):,} of {seen.events:,} delivered; {seen.share('under_way'):,} under way,"
        f" {waiting:,} not sent"
    )


def _rate(seen: DrainView, now: datetime) -> str:
    if seen.delivered_per_s is not None:
        done = f"{seen.delivered_per_s:,.1f}/s delivered over the last minute"
    elif seen.share("delivered") and now - seen.started_at < RECENT:
        done = "too soon to say how many a second"
    else:
        done = "nothing was delivered in the last minute"
    allowed = "" if seen.rate is None or seen.is_over else f"; {seen.rate:,.1f}/s allowed"
    # What was seen is no limit: a pace beyond it is no mistake.
    named = "limit" if seen.limit_is_named else "most seen"
    limit = "limit not known" if seen.limit is None else f"{named} {seen.limit:,.1f}/s"
    bound = f", throttled to {seen.throttle:g}/s" if seen.throttle else ""
    return f"{done}{allowed} ({limit}{bound})"


def _limited(seen: DrainView) -> str:
    total = seen.share("limited")
    if seen.limited_share is None:
        return f"nothing ended in the last minute; {total:,} in all"
    return f"{100 * seen.limited_share:.1f} % of the last minute, {total:,} in all"


def _eta(seen: DrainView) -> str:
    if seen.eta_s is None:
        return "not known"
    return f"{about(seen.eta_s)} at the rate of the last minute"


def _losses(seen: DrainView) -> str:
    parts = [
        f"{count:,} {words}"
        for name, words in (("lost", "lost for good"), ("unheard", "lost in a worker"), ("unknown", "nobody can tell"))
        if (count := seen.share(name))
    ]
    return ", ".join(parts) or "none"


def _ago(seen: DrainView, now: datetime) -> str:
    age = max(0.0, (now - seen.last_at).total_seconds())
    return f"{about(age)} ago"


def _list(one: Listed, seen: DrainView) -> Iterator[Block]:
    if not one.events and one.name not in {"delivered", "never_sent"}:
        return
    yield Fact(f"{one.events:,}", TITLES[one.name], width=12)
    for cause in one.causes[:10]:
        yield Text(f"{cause.events:,}  {cause.cause}", indent=14)
    if one.name in AGAIN and one.events and (seen.is_over or one.name == "failed_anew"):
        such = ", ".join(map(str, one.ids[:SAMPLE]))
        yield Text(f"such as {such}; plan again: warroom recover plan --carrier {seen.carrier}", "muted", indent=14)
        yield Text(f"--from {seen.name} --list {one.name}", "muted", indent=14)


def _next(report: DrainReport, *, may_write: bool) -> Iterator[Block]:
    seen = report.view
    if seen.is_over:
        return
    if not may_write:
        yield Note("this console has no writer: it can watch, and change nothing")
        return
    yield Heading("next")
    if not seen.is_here:
        yield Fact(
            "carry on", f'warroom recover resume {seen.name} --confirm "{seen.events} {seen.environment}"', "accent"
        )
    for verb in ("pause", "throttle", "stop"):
        rate = " --rate N" if verb == "throttle" else ""
        yield Fact(verb, f"warroom recover {verb} {seen.name}{rate}", "accent")
