"""What this machine has seen of a journal, kept beside it: who rewrites the whole chain, end included, contradicts it.

One small file in the console's own folder for each journal, with the number and hash of the newest entry seen. It only
ever moves forward, rarely, and only while the journal still has the entry that was seen before.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)


@dataclass(slots=True, frozen=True)
class Seen:
    """The newest entry that a console of this machine saw."""

    seq: int
    hash: str
    at: str = ""
    """When, ISO 8601; empty when nobody knows."""


class Witness:
    """The file of one journal."""

    def __init__(self, folder: Path, place: str) -> None:
        mark = hashlib.sha256(place.encode("utf-8", "replace")).hexdigest()[:12]
        self.path = folder / f"journal-seen-{mark}.json"
        self.place = place

    def read(self) -> Seen | None:
        """What was seen; None where nothing is known, or where the file cannot be read."""
        try:
            said: Any = json.loads(self.path.read_text(encoding="utf-8"))
            return Seen(int(said["seq"]), str(said["hash"]), str(said.get("at", "")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            logger.warning("journal: %s cannot be read; the journal is not compared with it", self.path)
            return None

    def write(self, seen: Seen) -> bool:
        """Replace it in one step; False where the folder takes no files."""
        said = {"place": self.place, "seq": seen.seq, "hash": seen.hash, "at": seen.at}
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix=f"{self.path.name}.", dir=self.path.parent)
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    json.dump(said, file)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(self.path)
            except OSError:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            logger.warning("journal: what was seen of it cannot be kept (%s)", error.strerror)
            return False
        return True
