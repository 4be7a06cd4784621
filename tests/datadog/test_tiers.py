"""Storage tiers: what was asked, and the tier that may hold the lines and was not asked."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from diagnostics.config.layers import load_settings
from diagnostics.core.failures import UserError
from diagnostics.core.time import utc_now
from diagnostics.models.datadog import Compute
from diagnostics.models.evidence import Evidence
from diagnostics.models.triage import Status
from diagnostics.sources.datadog import Datadog
from diagnostics.sources.datadog.tiers import FlexTier, Tiers
from diagnostics.sources.doctor.steps import examined
from tests.datadog.conftest import Connect
from tests.datadog.server import DatadogServer, Reply, index

UNKNOWN = "asked: indexes, whether a flex tier holds more is not known"
OF_OLD = "asked: indexes, not the flex tier, which may hold lines older than 3 days"
OF_ANY_AGE = "asked: indexes, not the flex tier, which may hold more"
FORBIDDEN = Reply({"errors": ["Forbidden"]}, 403)


def listed(*indexes: dict[str, Any]) -> Reply:
    """The answer of GET /api/v1/logs/config/indexes: an object with the list under `indexes`."""
    return Reply({"indexes": list(indexes)})


def asked(datadog: Datadog, days: float = 0.01) -> tuple[Evidence, Evidence]:
    """Evidence of a search and of a count that find nothing, over a window that began `days` ago."""
    now = utc_now()
    start = now - timedelta(days=days)
    found = datadog.search("*", start=start, end=now)
    counted = datadog.aggregate("*", start=start, end=now, computes=(Compute(),))
    assert (found.events, found.partial, counted.buckets[0].values, counted.partial) == ((), False, (0.0,), False)
    return found.evidence, counted.evidence


def caveats(datadog: Datadog, days: float = 0.01) -> set[str]:
    return {evidence.caveat for evidence in asked(datadog, days)}


def test_every_question_names_the_tier_that_it_asks(server: DatadogServer, datadog: Datadog) -> None:
    asked(datadog)
    assert [seen.body["filter"]["storage_tier"] for seen in server.seen] == ["indexes", "indexes"]


@pytest.mark.honesty(
    "partial answers: lines may lie in a flex tier, which was not asked, and the answer is empty or 0",
    "the evidence says which tier was asked and which was not, wherever that tier can hold lines of the window",
)
@pytest.mark.parametrize(
    ("indexes", "recent", "week"),
    [
        ([index()], "", ""),
        ([index(standard=3, flex=30)], "", OF_OLD),
        ([index(standard=15, flex=0), index(standard=3, flex=30), index(standard=7, flex=60)], "", OF_OLD),
        ([index(standard=0, flex=30)], OF_ANY_AGE, OF_ANY_AGE),
        # The list as Datadog's Terraform provider recorded it, before there was a flex tier: absence is not zero.
        ([index(flex=None)], UNKNOWN, UNKNOWN),
        ([index(flex=None), index()], UNKNOWN, UNKNOWN),
        ([index(flex=None), index(standard=3, flex=30)], OF_ANY_AGE, OF_ANY_AGE),
        ([], UNKNOWN, UNKNOWN),
    ],
)
def test_a_tier_that_may_hold_lines_and_was_not_asked_is_said(
    server: DatadogServer, datadog: Datadog, indexes: list[dict[str, Any]], recent: str, week: str
) -> None:
    server.indexes = listed(*indexes)
    assert caveats(datadog) == {recent}
    assert caveats(datadog, days=7) == {week}
    assert server.index_reads == 1, "it is read once, not with every answer"


@pytest.mark.honesty(
    "partial answers: the key may not read the index configuration",
    "the setting datadog.flex_tier counts, without it the flex tier is not known; the refusal is remembered",
)
@pytest.mark.parametrize(
    ("setting", "caveat"), [({}, UNKNOWN), ({"flex_tier": "yes"}, OF_ANY_AGE), ({"flex_tier": "no"}, "")]
)
def test_where_the_configuration_may_not_be_read_the_setting_counts(
    server: DatadogServer, connect: Connect, setting: dict[str, str], caveat: str
) -> None:
    server.indexes = FORBIDDEN
    datadog = connect(**setting)
    assert caveats(datadog) == caveats(datadog) == {caveat}
    assert server.index_reads == 1


def test_the_configuration_outranks_the_setting(server: DatadogServer, connect: Connect) -> None:
    server.indexes = listed(index(standard=0, flex=30))
    assert caveats(connect(flex_tier="no")) == {OF_ANY_AGE}


def test_the_configuration_is_read_again_after_an_hour_and_not_before() -> None:
    moments = iter((0.0, 3_599.0, 3_600.0, 3_600.0))
    read = iter((FlexTier(False), FlexTier(True)))
    tiers = Tiers(lambda: next(read), "unknown", clock=lambda: next(moments))
    assert [tiers.flex().exists for _ in range(3)] == [False, False, True]


def test_an_answer_is_not_held_back_by_a_configuration_that_is_slow_to_come() -> None:
    told = threading.Event()

    def read() -> FlexTier:
        assert told.wait(20.0)
        return FlexTier(False)

    tiers = Tiers(read, "unknown")
    assert tiers.flex(0.0).caveat(utc_now()) == UNKNOWN
    told.set()
    assert tiers.flex().caveat(utc_now()) == ""


def test_nothing_is_read_before_a_log_question_is_answered(server: DatadogServer, datadog: Datadog) -> None:
    datadog.validate()
    datadog.monitors("team:zyno")
    assert server.index_reads == 0


@pytest.mark.parametrize(
    ("indexes", "setting", "said"),
    [
        (listed(index()), {}, (Status.PASS, "there is no flex tier, says the index configuration")),
        (
            listed(index(standard=3, flex=30)),
            {},
            (Status.WARN, "lines older than 3 days, says the index configuration"),
        ),
        (FORBIDDEN, {}, (Status.NO_DATA, "is not known: the key may not read the index configuration")),
        (FORBIDDEN, {"flex_tier": "no"}, (Status.PASS, "there is no flex tier, says the setting datadog.flex_tier")),
        (Reply(raw=b"<html>"), {}, (Status.NO_DATA, "is not known: ")),
    ],
)
def test_the_doctor_says_one_line_about_tiers(
    server: DatadogServer, connect: Connect, indexes: Reply, setting: dict[str, str], said: tuple[Status, str]
) -> None:
    status, words = said
    server.indexes = indexes
    (line,) = [line for line in examined(connect(**setting).examination()) if line.subject == "storage tiers"]
    assert (line.status, line.detail.startswith("asked: indexes")) == (status, True)
    assert words in line.detail
    assert bool(line.remedy) is (status is not Status.PASS)


def test_a_setting_that_is_none_of_the_three_is_refused() -> None:
    with pytest.raises(UserError) as refused:
        load_settings(flags={}, environ={"WARROOM_DATADOG__FLEX_TIER": "true"})
    assert "yes, no or unknown" in str(refused.value.accepted)
