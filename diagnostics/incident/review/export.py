"""An incident's record as files: as JSON, with every entry and its hashes; what was written stays.

The JSON holds the record, every entry as it stands in the journal, its investigations, and the journal's head. A second
writing gets another name.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from diagnostics.core.failures import UserError
from diagnostics.core.private import new_file, private_folder
from diagnostics.incident.review.figures import Interval, Material, intervals

if TYPE_CHECKING:
    from diagnostics.models.entries import Entry
    from diagnostics.store.journal_rows import NewestEntry

FORMAT, VERSION = "warroom incident", 1

_NAME = re.compile(r"[^A-Za-z0-9-]+")
ATTEMPTS = 100


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


def write_record(folder: Path, name: str, texts: Mapping[str, str], *, now: datetime | None = None) -> tuple[Path, ...]:
    """Write each text to a new file `NAME-DATE-TIME.SUFFIX` in `folder`, readable by its owner only; their paths.

    All of them bear the same name, and none overwrites anything. Raises UserError when the folder takes no file; what
    was begun is taken away again.
    """
    moment = now or datetime.now(UTC)
    base = f"{_NAME.sub('-', name).strip('-') or 'record'}-{moment:%Y%m%d-%H%M%S}"
    try:
        private_folder(folder)
        for attempt in range(ATTEMPTS):
            stem = f"{base}-{attempt}" if attempt else base
            paths = {suffix: folder / f"{stem}.{suffix}" for suffix in texts}
            if any(path.exists() for path in paths.values()):
                continue
            if _write_all({path: texts[suffix] for suffix, path in paths.items()}):
                return tuple(paths.values())
    except OSError as error:
        raise UserError(
            f"the record could not be written: {error.strerror}",
            where=str(folder),
            accepted="a folder with room, to which you may write",
            next_step="copy the text with y instead, or set state_dir",
        ) from None
    raise UserError(f"{ATTEMPTS} such files of one second already exist", where=str(folder), next_step="try again")


def _write_all(texts: Mapping[Path, str]) -> bool:
    """All or none; False when somebody else took one of the names in this moment."""
    written: list[Path] = []
    try:
        for path, text in texts.items():
            handle = new_file(path)
            written.append(path)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                # A record that is said to be written is still there after the machine has lost its power.
                os.fsync(file.fileno())
    except FileExistsError:
        _remove(written)
        return False
    except OSError:
        _remove(written)
        raise
    return True


def _remove(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
