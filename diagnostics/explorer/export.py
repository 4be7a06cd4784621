"""A selection of log lines as a file: JSON lines, CSV or Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson

from diagnostics.core.failures import UserError
from diagnostics.core.named_files import write_named
from diagnostics.core.table_text import csv_text, markdown_text
from diagnostics.models.events import LogEvent

FORMS = ("jsonl", "csv", "markdown")
_SUFFIX = {"jsonl": "jsonl", "csv": "csv", "markdown": "md"}


def export_text(events: Iterable[LogEvent], form: str, *, query: str = "") -> str:
    """The events in one of `FORMS`, in the order given. Raises UserError for another form."""
    if form == "jsonl":
        return "".join(f"{orjson.dumps(_record(event), option=orjson.OPT_SORT_KEYS).decode()}\n" for event in events)
    if form == "csv":
        return _csv(events)
    if form == "markdown":
        return _markdown(events, query)
    raise UserError(f"there is no export form {form!r}", accepted=", ".join(FORMS), next_step="export jsonl")


def write_export(
    folder: Path, events: Sequence[LogEvent], form: str, *, query: str = "", now: datetime | None = None
) -> Path:
    """Write the events to a new file in `folder`, readable by its owner only; returns its path.

    Raises UserError when there is nothing to write, or the folder takes no file.
    """
    if not events:
        raise UserError("there are no lines to export", next_step="load some, or take the filter away")
    text = export_text(events, form, query=query)
    return write_named(folder, "logs", {_SUFFIX[form]: text}, now or datetime.now(UTC))[0]


def _moment(event: LogEvent) -> str:
    moment = datetime.fromtimestamp(event.timestamp_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _record(event: LogEvent) -> dict[str, object]:
    return {
        "id": event.id,
        "timestamp": _moment(event),
        "service": event.service,
        "status": event.status,
        "host": event.host,
        "message": event.message,
        "tags": list(event.tags),
        "attributes": dict(event.attributes),
    }


def _csv(events: Iterable[LogEvent]) -> str:
    def cells(event: LogEvent) -> tuple[str, ...]:
        attributes = orjson.dumps(dict(event.attributes), option=orjson.OPT_SORT_KEYS).decode()
        return _moment(event), event.status, event.service, event.host, event.message, event.id, attributes

    names = ("timestamp", "status", "service", "host", "message", "id", "attributes")
    return csv_text(names, map(cells, events))


def _markdown(events: Iterable[LogEvent], query: str) -> str:
    rows = ((_moment(event), event.status, event.service, event.message) for event in events)
    head = f"Query: {_code(query)}\n\n" if query else ""
    return head + markdown_text(("time (UTC)", "status", "service", "message"), rows)


def _code(text: str) -> str:
    """Code in backticks, with more of them than the text holds in a row."""
    longest = max((len(run) for run in "".join(c if c == "`" else " " for c in text).split()), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {text} {fence}"
