"""Hostile text: what a log line or a row may carry to harm a terminal or a careless program."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

LONG = 10_000
"""Characters of the longest hostile line."""

SHORT = (
    "\x1b[2J\x1b[31m",  # CSI: clear the screen, change the colour
    "\x1b]52;c;cm0gLXJmIH4=\x07",  # OSC 52: put text on the clipboard
    "\x1b]0;owned\x1b\\",  # OSC 0: rename the window
    "\x9b31m\x9d52;c;AAAA\x9c",  # the same in 8-bit controls
    "\x1bP1;2|x\x1b\\\x1bc",  # DCS, then a full reset
    "\u202egnp.exe\u2066 \u200b\ufeff",  # bidirectional override and isolate, zero width
    "[/foo][A=http://x [bold red]",  # text that looks like markup
    "\r\n\t\x00\x08\x7f",
    "e" + "\u0301" * 40,  # a pile of combining marks
)


def spoil(value: object, pieces: Iterator[str] | None = None) -> object:
    """Return a JSON-like tree with hostile text in every string value; about every eighth is 10,000 characters long.

    Keys and numbers stay, so that the answer still has its shape.
    """
    pieces = pieces or cycle(SHORT)
    if isinstance(value, str):
        piece = next(pieces)
        # Which ones are long follows from the text itself, so the same answer is spoilt in the same way again.
        stretch = "A" * LONG if SHORT.index(piece) == len(value) % 8 else ""
        return f"{piece}{value}{piece}{stretch}"
    if isinstance(value, dict):
        return {key: spoil(item, pieces) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [spoil(item, pieces) for item in value]
    return value


def spoil_events(page: dict[str, object]) -> dict[str, object]:
    """Return a search answer with hostile text in every string field of every event but its id and its moment."""
    pieces = cycle(SHORT)
    events = page.get("data")
    if not isinstance(events, list):
        return page
    spoiled = []
    for event in events:
        attributes = {
            name: value if name == "timestamp" else spoil(value, pieces) for name, value in event["attributes"].items()
        }
        spoiled.append({**event, "attributes": attributes})
    return {**page, "data": spoiled}


def spoil_buckets(answer: dict[str, object]) -> dict[str, object]:
    """Return an aggregate answer with hostile text in the values of its facets."""
    data = answer.get("data")
    if not isinstance(data, dict) or "buckets" not in data:
        return answer
    pieces = cycle(SHORT)
    buckets = [{**bucket, "by": spoil(bucket["by"], pieces)} for bucket in data["buckets"]]
    return {**answer, "data": {"buckets": buckets}}


def spoil_incidents(answer: dict[str, object]) -> dict[str, object]:
    """Return Datadog's incidents with hostile text before and after what people wrote; ids and states stay."""
    pieces = cycle(SHORT)

    def walk(value: object) -> object:
        if isinstance(value, list):
            return [walk(item) for item in value]
        if isinstance(value, dict):
            written = {"title", "customer_impact_scope"}
            return {key: spoil(item, pieces) if key in written else walk(item) for key, item in value.items()}
        return value

    return {key: walk(value) for key, value in answer.items()}


def spoil_words(value: object, spared: frozenset[str], pieces: Iterator[str] | None = None) -> object:
    """Return a JSON-like tree with hostile text in every string, except under the `spared` keys."""
    pieces = pieces or cycle(SHORT)
    if isinstance(value, dict):
        return {key: item if key in spared else spoil_words(item, spared, pieces) for key, item in value.items()}
    if isinstance(value, list):
        return [spoil_words(item, spared, pieces) for item in value]
    return spoil(value, pieces)


def spoil_monitors(monitors: list[dict[str, object]]) -> list[dict[str, object]]:
    """Return monitors with hostile text in what people wrote; states and dates stay what the service defines."""
    pieces = cycle(SHORT)
    written = {"name", "message", "query", "tags"}
    return [
        {key: spoil(value, pieces) if key in written else value for key, value in monitor.items()}
        for monitor in monitors
    ]
