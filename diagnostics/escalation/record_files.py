"""Records as files: what was written stays, a second writing gets another name."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from diagnostics.failures import UserError

_NAME = re.compile(r"[^A-Za-z0-9-]+")
ATTEMPTS = 100


def write_record(folder: Path, name: str, texts: Mapping[str, str], *, now: datetime | None = None) -> tuple[Path, ...]:
    """Write each text to a new file `NAME-DATE-TIME.SUFFIX` in `folder`, readable by its owner only; their paths.

    All of them bear the same name, and none overwrites anything. Raises UserError when the folder takes no file; what
    was begun is taken away again.
    """
    moment = now or datetime.now(UTC)
    base = f"{_NAME.sub('-', name).strip('-') or 'record'}-{moment:%Y%m%d-%H%M%S}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
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
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
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
