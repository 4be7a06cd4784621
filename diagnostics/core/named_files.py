"""Text as new files, beside which nothing is lost: readable by their owner only, whole or not there at all."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from diagnostics.core.failures import UserError
from diagnostics.core.private import new_file, private_folder

MOST_NAMES = 100
"""Files of one name and one second."""

_NAME = re.compile(r"[^A-Za-z0-9-]+")


def write_new(path: Path, text: str) -> None:
    """Write `text` to a file that is not there yet.

    Raises UserError where the name is taken, where there is no room, and where nothing can be written.
    """
    try:
        _write_all({path: text})
    except FileExistsError:
        raise UserError(
            "the file is there already, and is left as it is",
            where=str(path),
            accepted="the name of a new file",
            next_step="choose another name, or move that file away first",
        ) from None
    except OSError as error:
        raise _not_written(path, error) from None


def write_named(folder: Path, name: str, texts: Mapping[str, str], moment: datetime) -> tuple[Path, ...]:
    """Write each text to a new file `NAME-DATE-TIME.SUFFIX` in `folder`; `texts` are by suffix. Returns their paths.

    All of them bear the same name, and none overwrites anything. Raises UserError when the folder takes no file; what
    was begun is taken away again.
    """
    base = f"{_NAME.sub('-', name).strip('-') or 'record'}-{moment:%Y%m%d-%H%M%S}"
    try:
        private_folder(folder)
        for attempt in range(MOST_NAMES):
            stem = f"{base}-{attempt}" if attempt else base
            paths = {suffix: folder / f"{stem}.{suffix}" for suffix in texts}
            if any(path.exists() for path in paths.values()):
                continue
            try:
                _write_all({path: texts[suffix] for suffix, path in paths.items()})
            except FileExistsError:
                # Somebody else took one of the names in this moment.
                continue
            return tuple(paths.values())
    except OSError as error:
        raise _not_written(folder, error) from None
    raise UserError(
        f"{MOST_NAMES} such files of one second already exist", where=str(folder), next_step="try again in a second"
    )


def _write_all(texts: Mapping[Path, str]) -> None:
    """All or none. Raises OSError; FileExistsError where a name is taken."""
    written: list[Path] = []
    try:
        for path, text in texts.items():
            handle = new_file(path)
            written.append(path)
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                # What is said to be written is still there after the machine has lost its power.
                os.fsync(file.fileno())
    except OSError:
        # Half of a table looks like all of it.
        for path in written:
            path.unlink(missing_ok=True)
        raise


def _not_written(path: Path, error: OSError) -> UserError:
    return UserError(
        f"the file could not be written: {error.strerror}",
        where=str(path),
        accepted="a folder with room, to which you may write",
        next_step="copy it with y instead, or set state_dir",
    )
