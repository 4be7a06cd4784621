"""A selection of log lines as a file: JSON lines, CSV or Markdown."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson

from diagnostics.core.failures import UserError
from diagnostics.core.private import new_file, private_folder
from diagnostics.core.sanitizer import clean
from diagnostics.models.events import LogEvent

FORMS = ("jsonl", "csv", "markdown")
_SUFFIX = {"jsonl": "jsonl", "csv": "csv", "markdown": "md"}

_FORMULA = re.compile(
    r"""
    (?: (?<=[;\t\r\n]) | ^ )                # a cell begins, where the separator is a semicolon or a tab too
    (?= [\s"']* [=+\-@\uff1d\uff0b\uff0d\uff20] | [\t\r\n] )
    """,
    re.VERBOSE,
)
"""Where a spreadsheet would begin to compute: https://owasp.org/www-community/attacks/CSV_Injection.

Log messages come from anywhere. Full-width signs are taken for their narrow ones, and which sign separates cells is a
matter of the reader's country: a message `x;=1+1` is two cells to many.
"""


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
    moment = now or datetime.now(UTC)
    try:
        private_folder(folder)
        for attempt in range(100):
            name = f"logs-{moment:%Y%m%d-%H%M%S}{f'-{attempt}' if attempt else ''}.{_SUFFIX[form]}"
            try:
                handle = new_file(folder / name)
            except FileExistsError:
                continue
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            return folder / name
    except OSError as error:
        raise UserError(
            f"the lines could not be written: {error.strerror}",
            where=str(folder),
            accepted="a folder with room, to which you may write",
            next_step="copy the lines with y instead, or set state_dir",
        ) from None
    raise UserError("a hundred exports in one second already exist", where=str(folder), next_step="try again")


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
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("timestamp", "status", "service", "host", "message", "id", "attributes"))
    for event in events:
        attributes = orjson.dumps(dict(event.attributes), option=orjson.OPT_SORT_KEYS).decode()
        cells = (_moment(event), event.status, event.service, event.host, event.message, event.id, attributes)
        writer.writerow([_FORMULA.sub("'", cell) for cell in cells])
    return text.getvalue()


def _markdown(events: Iterable[LogEvent], query: str) -> str:
    lines = ["| time (UTC) | status | service | message |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {_moment(event)} | {_cell(event.status)} | {_cell(event.service)} | {_cell(event.message)} |"
        for event in events
    ]
    head = f"Query: {_code(query)}\n\n" if query else ""
    return head + "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """One cell: a message must neither end it nor become markup."""
    shown = clean(text, limit=2_000).replace("\\", "\\\\")
    for sign in "|`*_[]<>":
        shown = shown.replace(sign, f"\\{sign}")
    return shown


def _code(text: str) -> str:
    """Code in backticks, with more of them than the text holds in a row."""
    longest = max((len(run) for run in "".join(c if c == "`" else " " for c in text).split()), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {text} {fence}"
