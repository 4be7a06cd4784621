"""Time windows: their ends, and how they read in evidence and in pane titles."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from diagnostics.models.evidence import utc_now

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


def window_ending(window_s: float, end: datetime | None = None) -> tuple[datetime, datetime]:
    """Start and end, both aware UTC, of the `window_s` seconds that end at `end` (default: now)."""
    last = (end or utc_now()).astimezone(UTC)
    return last - timedelta(seconds=window_s), last


def span(seconds: float) -> str:
    """A length of time for a person: "45 s", "15 min", "1 h 30 min", "24 h", "15 d"."""
    whole = max(0, round(seconds))
    if whole < 2 * _MINUTE and whole != _MINUTE:
        return f"{whole} s"
    days, rest = divmod(whole, _DAY)
    if rest == 0 and days >= 2:
        return f"{days} d"
    hours, rest = divmod(whole, _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count)


def window_text(start: datetime, end: datetime, *, now: datetime | None = None) -> str:
    """A window as evidence states it: "last 15 min, to 14:03:22 UTC"; the date is named when it is not today's."""
    last = end.astimezone(UTC)
    today = (now or utc_now()).astimezone(UTC).date()
    moment = f"{last:%H:%M:%S}" if last.date() == today else f"{last:%Y-%m-%d %H:%M:%S}"
    return f"last {span((end - start).total_seconds())}, to {moment} UTC"
