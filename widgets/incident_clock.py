"""The clocks of an incident in words: how long it has lasted, when the first notice and the next update are due.

Words move once a minute, and in steps of five seconds only within the last minute, so that an idle console is silent on
the wire.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from diagnostics.core.words import STEP_S, stepped
from diagnostics.models.status import FIRST_NOTICE_MINUTES, NOTIFY_SEVERITIES

if TYPE_CHECKING:
    from diagnostics.models.incidents import Delivery, Incident
    from widgets.row import Tone

State = Literal["due", "overdue", "snoozed"]


@dataclass(slots=True, frozen=True)
class PromiseClock:
    """One promise and how it stands."""

    state: State
    at: datetime
    """When it is, or was, due."""
    span: str
    """How long until then, or since then, e.g. "12 min"."""
    tone: Tone


def elapsed(since: datetime, until: datetime) -> str:
    """Hours and minutes between two moments, "00:14"; with days before them where there are any."""
    minutes = max(0, int((until - since).total_seconds())) // 60
    days, minutes = divmod(minutes, 1440)
    clock = f"{minutes // 60:02d}:{minutes % 60:02d}"
    return f"{days} d {clock}" if days else clock


def promise(due: datetime, now: datetime, snoozed_until: datetime | None = None) -> PromiseClock:
    """How a promise stands: it is due, overdue, or overdue while nobody wants to be reminded."""
    seconds = (due - now).total_seconds()
    if seconds > 0:
        # Rounded up: five minutes that have just begun are five, and the last second is not none at all.
        ahead = seconds + STEP_S - 1 if seconds < 60 - STEP_S else seconds
        return PromiseClock("due", due, stepped(ahead), "warn" if seconds < 60 else "strong")
    if snoozed_until is not None and now < snoozed_until:
        return PromiseClock("snoozed", due, stepped(-seconds), "warn")
    return PromiseClock("overdue", due, stepped(-seconds), "fail")


def moment(at: datetime, now: datetime) -> str:
    """A moment as people say it: "14:25" today, "18 Nov 14:25" on another day."""
    return f"{at:%H:%M}" if at.date() == now.date() else f"{at:%d %b %H:%M}"


def notice_due(incident: Incident) -> datetime | None:
    """When the first notice is due; None where none is, or where it has arrived."""
    if not incident.is_open or incident.severity not in NOTIFY_SEVERITIES or incident.notified_at is not None:
        return None
    first_sign = min(incident.declared_at, incident.detected_at or incident.declared_at)
    return first_sign + timedelta(minutes=FIRST_NOTICE_MINUTES)


def first_notice(incident: Incident) -> Delivery | None:
    """The delivery that told the team first: the first that arrived, else the newest one that was confirmed."""
    slack = [one for one in incident.deliveries if one.channel.value == "slack"]
    arrived = [one for one in slack if one.sent_at is not None]
    if arrived:
        return min(arrived, key=lambda one: (one.sent_at is None, one.sent_at))
    return slack[-1] if slack else None


def notice_clock(incident: Incident, now: datetime) -> PromiseClock | None:
    """The five-minute clock, until the first notice has arrived."""
    due = notice_due(incident)
    return None if due is None else promise(due, now)


def update_clock(incident: Incident, next_update_at: datetime | None, now: datetime) -> PromiseClock | None:
    """The promise of the next update; None where none is promised."""
    if next_update_at is None or not incident.is_open:
        return None
    return promise(next_update_at, now, incident.snoozed_until)
