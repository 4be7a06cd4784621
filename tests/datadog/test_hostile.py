"""Whatever the service sends, only clean text of bounded size comes out, and one bad event costs itself alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from diagnostics.models.datadog import Compute, GroupBy
from diagnostics.sources.datadog import Datadog
from tests.datadog.conftest import END, START
from tests.datadog.server import DatadogServer, Reply, log

HOSTILE = "\x1b]52;c;cm0gLXJmIC8=\x07 \x9b31m red \u202egnp.exe \x00\x08 [/foo] [link=http://x]y\u2066 \udce2"


def texts(value: object) -> list[str]:
    """Every string in a tree, keys included."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in texts(part)]
    if isinstance(value, list | tuple):
        return [text for item in value for text in texts(item)]
    if hasattr(value, "__dataclass_fields__"):
        return [text for name in value.__dataclass_fields__ for text in texts(getattr(value, name))]
    return []


def harmless(value: object) -> bool:
    found = texts(value)
    return bool(found) and all(text.isprintable() for text in found)


def test_hostile_text_in_every_field_of_an_event_is_cleaned(server: DatadogServer, datadog: Datadog) -> None:
    hostile = log(service=HOSTILE, status=HOSTILE, host=HOSTILE, message=HOSTILE, tags=[HOSTILE], attributes={})
    hostile["id"] = HOSTILE
    hostile["attributes"]["attributes"] = {HOSTILE: {HOSTILE: [HOSTILE, {HOSTILE: HOSTILE}]}}
    server.next.append(Reply(raw=json.dumps({"data": [hostile]}).encode()))
    page = datadog.search("service:fub", start=START, end=END)
    assert len(page.events) == 1
    assert harmless(page.events)


def test_a_hostile_query_is_sent_as_the_evidence_states_it(server: DatadogServer, datadog: Datadog) -> None:
    page = datadog.search(f"service:fub\n{HOSTILE}", start=START, end=END)
    assert page.evidence.query.isprintable()
    assert server.seen[0].body["filter"]["query"] == page.evidence.query
    assert datadog.link(HOSTILE, start=START, end=END).isascii()
    assert len(datadog.monitors(HOSTILE)) == 0


def test_bytes_that_are_not_utf_8_cost_a_mark_and_not_the_page(server: DatadogServer, datadog: Datadog) -> None:
    body = json.dumps({"data": [log(1, message="caf\0e"), log(2)]}).encode().replace(b"\\u0000", b"\xe9\xff")
    server.next.append(Reply(raw=body))
    page = datadog.search("*", start=START, end=END)
    assert [event.message[:3] for event in page.events] == ["caf", "HTT"]
    assert harmless(page.events)


def test_events_that_cannot_be_read_are_left_out_and_counted(server: DatadogServer, datadog: Datadog) -> None:
    bad: list[Any] = [
        None,
        7,
        "text",
        [],
        {},
        {"id": "x"},
        {"id": 5, "attributes": {"timestamp": "2025-11-17T14:03:22Z"}},
        {"id": "x", "attributes": []},
        log(timestamp="yesterday"),
        log(timestamp=None),  # type: ignore[arg-type]
        log(timestamp=True),  # type: ignore[arg-type]
    ]
    server.next.append(Reply({"data": [*bad[:5], log(1), *bad[5:], log(2)]}))
    page = datadog.search("*", start=START, end=END)
    assert [event.id for event in page.events] == ["AQ000001", "AQ000002"]
    assert page.evidence.caveat == f"{len(bad)} unreadable events left out"


def test_fields_of_the_wrong_type_do_not_lose_the_event(server: DatadogServer, datadog: Datadog) -> None:
    odd = log(1, service=None, status=3, host={"a": 1}, message=["x"], tags="env:prod", attributes=[1])
    server.next.append(Reply({"data": [odd, log(2, tags=[1, "ok", None])]}))
    first, second = datadog.search("*", start=START, end=END).events
    assert (first.service, first.status, first.tags, first.attributes) == ("", "3", (), {})
    assert second.tags == ("ok",)


def test_a_very_long_message_and_very_deep_attributes_are_cut(server: DatadogServer, datadog: Datadog) -> None:
    deep: dict[str, Any] = {"end": 1}
    for _ in range(200):
        deep = {"a": deep}
    server.next.append(Reply({"data": [log(1, message="x" * 1_000_000, attributes=deep, tags=["t"] * 5_000)]}))
    (event,) = datadog.search("*", start=START, end=END).events
    assert len(event.message) == 32_768
    assert len(event.tags) == 256
    json.dumps(dict(event.attributes))


def test_hostile_groups_and_monitors_are_cleaned(server: DatadogServer, datadog: Datadog) -> None:
    facet = "@a"
    server.buckets = [{"by": {HOSTILE: HOSTILE, facet: 3}, "computes": {"c0": 1}}]
    server.monitors = [
        {"id": 1, "name": HOSTILE, "overall_state": HOSTILE, "query": HOSTILE, "tags": [HOSTILE], "message": HOSTILE}
    ]
    answer = datadog.aggregate("*", start=START, end=END, computes=(Compute(),), group_by=(GroupBy(facet),))
    assert harmless([dict(bucket.by) for bucket in answer.buckets])
    assert harmless(datadog.monitors("team:zyno").monitors)


@pytest.mark.parametrize("number", [10**400, -(10**400), 1e308])
def test_absurd_numbers_do_not_break_an_aggregate(server: DatadogServer, datadog: Datadog, number: float) -> None:
    raw = f'{{"data": {{"buckets": [{{"by": {{}}, "computes": {{"c0": {number}}}}}]}}}}'
    server.next.append(Reply(raw=raw.encode()))
    (bucket,) = datadog.aggregate("*", start=START, end=END, computes=(Compute("sum", "@d"),)).buckets
    assert bucket.values[0] == (number if number == 1e308 else None)
