"""An incident's record as JSON, with every entry and its hashes.

The JSON holds the record, every entry as it stands in the journal, its investigations, and the journal's head.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from diagnostics.incident.review.figures import Interval, Material, intervals

if TYPE_CHECKING:
    from diagnostics.models.entries import Entry
    from diagnostics.store.journal_rows import NewestEntry

FORMAT, VERSION = "warroom incident", 1


def export_json(material: Material, head: NewestEntry, investigation_entries: Mapping[str, Sequence[Entry]]) -> str:
    """The file as text, UTF-8, indented; moments in ISO 8601, hashes as the journal has them."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "written_at": material.written_at.isoformat(),
        "journal": {"seq": head.seq, "hash": head.hash},
        "incident": material.incident.model_dump(mode="json"),
        "times": [_interval(one) for one in intervals(material.entries)],
        "entries": [one.model_dump(mode="json") for one in material.entries],
        "investigations": [
            {
                "record": one.model_dump(mode="json"),
                "entries": [entry.model_dump(mode="json") for entry in investigation_entries[one.id]],
            }
            for one in material.investigations
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _interval(one: Interval) -> dict[str, object]:
    return {
        "title": one.title,
        "seconds": one.seconds,
        "from_entry": one.begins.seq if one.begins is not None else None,
        "to_entry": one.ends.seq if one.ends is not None else None,
        "basis": one.basis,
    }
