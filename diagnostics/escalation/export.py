"""An incident as JSON: the record, every entry as it stands in the journal, its investigations, the journal's head."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from diagnostics.escalation.review_figures import Interval, intervals
from diagnostics.models.entries import Entry
from diagnostics.models.incidents import Incident
from diagnostics.models.investigations import Investigation

FORMAT, VERSION = "warroom incident", 1


@dataclass(slots=True, frozen=True)
class Exported:
    """What goes into the file."""

    incident: Incident
    entries: tuple[Entry, ...]
    investigations: tuple[Investigation, ...]
    investigation_entries: Mapping[str, Sequence[Entry]]
    head_seq: int
    head_hash: str
    written_at: datetime


def export_json(material: Exported) -> str:
    """The file as text, UTF-8, indented; moments in ISO 8601, hashes as the journal has them."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "written_at": material.written_at.isoformat(),
        "journal": {"seq": material.head_seq, "hash": material.head_hash},
        "incident": material.incident.model_dump(mode="json"),
        "times": [_interval(one) for one in intervals(material.entries)],
        "entries": [one.model_dump(mode="json") for one in material.entries],
        "investigations": [
            {
                "record": one.model_dump(mode="json"),
                "entries": [entry.model_dump(mode="json") for entry in material.investigation_entries[one.id]],
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
