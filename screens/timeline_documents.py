"""One entry of the journal in full: every field, the hashes that chain it, and what corrected it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from diagnostics.models.evidence import Evidence
from diagnostics.text import clean
from screens.base import Document
from screens.documents import evidence_rows
from widgets.rows import BLANK, Row, labelled, plain, row, wrap

if TYPE_CHECKING:
    from diagnostics.models.incidents import TimelineLine
    from widgets.glyphs import Glyphs

LABEL = 16


def evidence_of_entry(line: TimelineLine) -> tuple[Evidence, ...]:
    """Every question that the entry's figures were taken from, each once."""
    return tuple(dict.fromkeys(_evidence(line.entry.body)))


def _evidence(value: object) -> list[Evidence]:
    if isinstance(value, Evidence):
        return [value]
    if isinstance(value, tuple):
        return [found for one in value for found in _evidence(one)]
    fields = getattr(type(value), "model_fields", None)
    if fields is None:
        return []
    return [found for name in fields for found in _evidence(getattr(value, name))]


def entry_document(line: TimelineLine, correction: str, signs: Glyphs) -> Document:
    """Nothing is left out: what a person needs, then what proves that it was not altered."""
    entry = line.entry

    def build(width: int) -> list[Row]:
        rows = [row((text, "strong")) for text in wrap(signs.text(line.text), width)]
        if correction:
            rows += labelled("corrected", signs.text(correction), width, label_width=LABEL, tone="warn")
        rows += [BLANK, row(("what was written", "title"))]
        for name, value in _fields(entry.body):
            rows += labelled(name, signs.text(value), width, label_width=LABEL)
        rows += [BLANK, row(("the entry", "title"))]
        for name, value in (
            ("number", f"{entry.seq} of the whole journal"),
            ("record", entry.stream),
            ("written at", f"{entry.at:%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC, by the clock of the console that wrote it"),
            ("by", "the console itself" if entry.actor == "console" else entry.actor),
            ("at console", entry.console),
            ("kind", entry.body.kind),
            ("key", entry.key),
            ("hash before", entry.previous),
            ("hash", entry.hash),
        ):
            rows += labelled(name, signs.text(clean(value, limit=500)), width, label_width=LABEL)
        found = evidence_of_entry(line)
        return rows + (evidence_rows(found, width, signs) if found else [])

    return Document(
        f"entry {entry.seq} {signs.separator} {entry.body.kind.replace('_', ' ')}", build, plain(build(100))
    )


def _fields(body: Any) -> list[tuple[str, str]]:  # noqa: ANN401  # any body
    """Name and value of everything that was written, except what stands elsewhere on the page."""
    said: list[tuple[str, str]] = []
    for name in type(body).model_fields:
        value = getattr(body, name)
        if name == "kind" or isinstance(value, Evidence) or value in ("", None, ()):
            continue
        label = name.replace("_", " ")
        for one in _parts(value):
            said.append((label, one))
            label = ""
    return said or [("", "nothing more")]


def _parts(value: object) -> list[str]:
    """A value as lines; of several things, one a line."""
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if isinstance(value, datetime):
        return [f"{value:%Y-%m-%d %H:%M:%S} UTC"]
    if isinstance(value, dict):
        return [clean(f"{name}: {one}", limit=2_000) for name, one in value.items()] or ["none"]
    if isinstance(value, tuple):
        return [part for one in value for part in _parts(one)]
    shown = getattr(value, "shown", None)
    if isinstance(shown, str):
        title = getattr(value, "title", "") or getattr(value, "name", "")
        stale = getattr(value, "stale", "")
        return [clean(f"{title}: {shown}{f' ({stale})' if stale else ''}", limit=2_000)]
    return [clean(str(value), limit=8_000)]
