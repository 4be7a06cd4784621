"""The backlog in depth: its course from the rows themselves, where it goes, what is in it, what is past saving."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from rich.cells import cell_len

from diagnostics.models.evidence import Evidence
from diagnostics.models.triage import Refusal
from diagnostics.recovery.backlog import outlook_of, trend_of
from diagnostics.recovery.document import backlog_document, empties, verdict
from diagnostics.recovery.models import BacklogPoint, BacklogReport, Outlook, Trend
from diagnostics.recovery.service import RecoveryService
from diagnostics.signals.webhook_backlog import Flow
from diagnostics.sources.mysql.databases import Databases
from tests.contexts import with_members
from tests.service.world import ACCOUNT, World, ago
from tui.cli.output import Style
from tui.cli.renderers.document import as_text
from widgets.glyphs import ASCII, UNICODE
from widgets.rows.backlog import curve_rows, split_rows

ASKED = Evidence(source="common", query="SELECT", started_at=datetime(2025, 11, 17, tzinfo=UTC), took_ms=1.0)


def event(status: str, received: datetime, processed: datetime | None = None, **further: object) -> dict[str, object]:
    row: dict[str, object] = {"account_id": ACCOUNT, "event_type": "lead.created", "attempts": 0}
    return {**row, "status": status, "received_at": received, "processed_at": processed, **further}


def course(*levels: int | None) -> tuple[BacklogPoint, ...]:
    start = datetime(2025, 11, 17, 3, tzinfo=UTC)
    return tuple(BacklogPoint(at=start + timedelta(minutes=5 * at), waiting=level) for at, level in enumerate(levels))


def test_the_course_counts_what_had_come_and_not_ended(world: World) -> None:
    # 8 events of 102 minutes ago: 5 delivered 52 minutes ago, 1 lost 22 minutes ago, 2 wait still; 4 came lately.
    old = ago(minutes=102)
    world.common(
        "zillow_webhook_events",
        *[event("delivered", old, ago(minutes=52))] * 5,
        event("lost", old, ago(minutes=22)),
        *[event("failed", old)] * 2,
        *[event("pending", ago(minutes=8))] * 4,
        # Came and went between two points of the curve, and long before it.
        event("delivered", ago(minutes=33), ago(minutes=32)),
        event("delivered", ago(hours=7), ago(hours=6)),
    )
    report = world.service.recovery.backlog()
    points = {round((report.taken_at - point.at).total_seconds() / 60): point for point in report.course}
    levels = [points[minute].waiting for minute in (120, 105, 100, 55, 50, 25, 20, 10, 5, 0)]
    assert levels == [0, 0, 8, 8, 3, 3, 2, 2, 6, 6]
    assert {minute: point.ended for minute, point in points.items() if point.ended} == {50: 5, 30: 1, 20: 1}
    assert {minute: point.arrived for minute, point in points.items() if point.arrived} == {100: 8, 30: 1, 5: 4}
    assert (report.waiting, report.lost_total) == (6, 1)


@pytest.mark.parametrize(
    ("levels", "trend", "change"),
    [
        ((900, 1_000, 950, 920, 880), Trend.BETTER, -120),
        ((0, 100, 150, 200, 300), Trend.WORSE, 200),
        # Within 1 %, or five events: a pulse of ordinary traffic is no news.
        ((0, 10_000, 1, 2, 10_100), Trend.STANDS, 100),
        ((0, 20, 1, 2, 25), Trend.STANDS, 5),
        ((0, 20, 1, 2, 0), Trend.EMPTY, -20),
        ((0, None, 1, 2, 9), Trend.NOT_KNOWN, None),
        ((1, 2, 3), Trend.NOT_KNOWN, None),
    ],
)
def test_better_worse_or_neither_is_judged_over_a_quarter_of_an_hour(
    levels: tuple[int | None, ...], trend: Trend, change: int | None
) -> None:
    assert trend_of(course(*levels)) == (trend, change)


@pytest.mark.parametrize(
    ("waiting", "flow", "outlook"),
    [
        # Backlog / (capacity - arrival): 600 events at 30 - 20 a minute are an hour.
        (600, (20.0, 30.0), (Outlook.DRAINING, 3_600.0)),
        (600, (30.0, 30.0), (Outlook.NOT_DRAINING, None)),
        (600, (31.0, 30.0), (Outlook.NOT_DRAINING, None)),
        (600, (0.0, 0.0), (Outlook.NOT_DRAINING, None)),
        (0, (30.0, 30.0), (Outlook.EMPTY, 0.0)),
        (600, None, (Outlook.NOT_KNOWN, None)),
    ],
)
def test_time_to_empty(waiting: int, flow: tuple[float, float] | None, outlook: tuple[Outlook, float | None]) -> None:
    assert outlook_of(waiting, Flow(*flow, ASKED) if flow else None) == outlook


def test_a_backlog_that_nobody_drains_says_so_in_plain_words(world: World) -> None:
    world.common(
        "zillow_webhook_events",
        *[event("pending", ago(minutes=3), attempts=2, http_status=429)] * 30,
        *[event("failed", ago(minutes=90), attempts=5, http_status=503, event_type="agent.updated")] * 10,
        event("delivered", ago(minutes=4), ago(minutes=3)),
        event("lost", ago(hours=3), ago(hours=2), attempts=12, last_error="attempts \x1b[2Jexhausted"),
        event("lost", ago(hours=3), ago(hours=2), http_status=410),
    )
    report = world.service.recovery.backlog()
    assert report.outlook is Outlook.NOT_DRAINING
    assert "not draining" in empties(report)
    assert verdict(report) == "GETS WORSE: 40 events wait, 30 more than 15 min ago."
    assert all(point.waiting is not None and point.waiting >= 40 for point in report.forecast)
    reasons = {one.reason for one in report.lost}
    assert "HTTP 410; after 0 attempts" in reasons
    assert any(one.endswith("exhausted; after 12 attempts") and "\x1b" not in one for one in reasons)
    splits = {split.by: {part.name: part.events for part in split.parts} for split in report.splits}
    assert splits["attempts"] == {"2": 30, "5": 10}
    assert splits["cause"] == {"HTTP 429": 30, "HTTP 503": 10}
    assert splits["type"] == {"lead.created": 30, "agent.updated": 10}
    assert splits["account"] == {f"account {ACCOUNT}": 40}
    assert splits["age"] == {"1 min to 5 min": 30, "1 h to 2 h": 10}
    text = "\n".join(as_text([backlog_document(report)], Style()))
    assert "not draining: no more is delivered than arrives" in text


@pytest.mark.honesty(
    "no webhook event was received in 24 hours, or the rows of common stand still",
    "the backlog's rates, trend and time to empty are not known, and the reason is said",
)
def test_what_nothing_tells_stays_not_known(world: World) -> None:
    empty = world.service.recovery.backlog()
    assert (empty.waiting, empty.trend, empty.outlook) == (None, Trend.NOT_KNOWN, Outlook.NOT_KNOWN)
    assert (empty.arriving_per_min, empty.draining_per_min, empty.forecast) == (None, None, ())
    assert "means nothing" in verdict(empty)

    world.service.forget_answers()
    world.common("zillow_webhook_events", *[event("pending", ago(hours=5))] * 3)
    old = world.service.recovery.backlog()
    assert old.waiting == 3
    assert (old.trend, old.outlook, old.arriving_per_min) == (Trend.NOT_KNOWN, Outlook.NOT_KNOWN, None)
    assert "nothing newer is counted" in verdict(old)


def test_an_event_dated_after_now_has_no_age(world: World) -> None:
    world.common("zillow_webhook_events", event("pending", ago(minutes=-30)))
    report = world.service.recovery.backlog()
    assert report.oldest_age_s is None
    assert any("one of the clocks is wrong" in doubt for doubt in report.doubts)


def test_columns_that_the_schema_map_lacks_are_said_to_be_missing(world: World) -> None:
    world.common("zillow_webhook_events", event("pending", ago(minutes=3)), event("lost", ago(minutes=9)))
    schema = world.catalogue.schema_map
    events = schema.tables["zillow_webhook_events"]
    kept = {name: one for name, one in events.columns.items() if name not in events.optional}
    lesser = schema.model_copy(
        update={"tables": {**schema.tables, "zillow_webhook_events": events.model_copy(update={"columns": kept})}}
    )
    databases = Databases(world.settings.databases, lesser)
    report = RecoveryService(with_members(world.service.context, databases=databases)).backlog()
    databases.close()
    failed = {split.by: split.failure for split in report.splits}
    assert failed["attempts"] == failed["cause"] == "the schema map has no column for it"
    assert (failed["age"], failed["account"], failed["type"]) == ("", "", "")
    assert report.lost[0].reason == "no reason is recorded"


@pytest.mark.parametrize("width", [76, 116, 196])
def test_the_curve_fits_and_says_where_now_is_without_colour(world: World, width: int) -> None:
    world.common(
        "zillow_webhook_events",
        *[event("pending", ago(minutes=3))] * 30,
        *[event("failed", ago(minutes=90))] * 10,
    )
    report = world.service.recovery.backlog()
    for glyphs in (UNICODE, ASCII):
        rows = curve_rows(report, width, 6, glyphs, warning=1_000.0, critical=10_000.0)
        assert all(cell_len(one.text) <= width for one in rows)
        assert all(one.text.count(glyphs.bar) == 2 for one in rows[2:8])
        assert all(cell_len(one.text) <= width for one in split_rows(report, width, glyphs))
    keys = {one.key for one in split_rows(report, width, UNICODE)}
    assert f"account:{ACCOUNT}" in keys


def test_a_curve_of_nothing_is_not_drawn_as_zero() -> None:
    report = BacklogReport(taken_at=datetime(2025, 11, 17, tzinfo=UTC), waiting=None, by_status={})
    assert curve_rows(report, 80, 6, UNICODE, warning=None, critical=None)[-1].text == "backlog over time: not known"


def test_recovery_is_refused_and_what_exists_of_it_is_pointed_to(world: World) -> None:
    refusal = world.service.open_route("rate_limiting")
    assert isinstance(refusal, Refusal)
    assert "which has these parts of it" in refusal.missing
    assert "warroom recover backlog" in refusal.guidance[0]
