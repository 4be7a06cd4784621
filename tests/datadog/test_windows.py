"""How time windows read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from diagnostics.core.time import window_ending, window_text

NOON = datetime(2025, 11, 17, 14, 3, 22, tzinfo=UTC)


def test_a_window_names_its_length_and_its_end_in_utc() -> None:
    zone = timezone(timedelta(hours=2))
    assert window_text(NOON - timedelta(minutes=15), NOON.astimezone(zone), now=NOON) == "last 15 min, to 14:03:22 UTC"


def test_a_window_of_another_day_names_the_day() -> None:
    text = window_text(NOON - timedelta(hours=1), NOON, now=NOON + timedelta(days=1))
    assert text == "last 1 h, to 2025-11-17 14:03:22 UTC"


def test_a_window_ends_at_the_given_moment() -> None:
    assert window_ending(900, NOON) == (NOON - timedelta(seconds=900), NOON)
