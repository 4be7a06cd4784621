"""Whom the console's own files belong to, and who else may read or write them: for the start, and for the doctor.

Nothing is changed here: what is found has the command that mends it, for a person to type.
"""

from __future__ import annotations

import os
import shlex
import stat
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from diagnostics.config.secrets import LazySecret
from diagnostics.config.settings import SECRETS
from diagnostics.core.masking import has_password

if TYPE_CHECKING:
    from diagnostics.config.settings import Settings

_GROUP, _OTHERS = 0o070, 0o007
_READ, _WRITE = 0o044, 0o022


@dataclass(slots=True, frozen=True)
class Place:
    """A file or folder of the console's, and what must be true of it."""

    name: str
    """For a person: "state_dir", "datadog.api_key_file"."""
    path: Path
    private: bool
    """Nobody but its owner may read it. Without it, nobody but its owner may write it."""
    own: bool = False
    """It has to belong to whoever runs the console; otherwise the system's administrator may own it too."""


@dataclass(slots=True, frozen=True)
class Exposure:
    """What is wrong with one place."""

    place: Place
    problem: str
    """One sentence without its full stop, naming the path."""
    command: str
    """To type; empty where only another user, or an administrator, can mend it."""

    @property
    def remedy(self) -> str:
        """Next step, as a sentence begins."""
        if self.command:
            return self.command
        return f"set {self.place.name} to a place of your own, or ask an administrator to give {self.place.path} to you"


def places(settings: Settings) -> Iterator[Place]:
    """Every file and folder that the settings name, whether it is there or not. Reads no secret."""
    path = settings.config_path
    if path is not None:
        yield Place("the configuration file", path, private=_holds_secret(path))
    for name in SECRETS:
        section, _, key = name.partition(".")
        secret = getattr(getattr(settings, section), key)
        if isinstance(secret, LazySecret) and secret.file is not None:
            yield Place(f"{name}_file", secret.file, private=True)
    if settings.catalogue is not None:
        yield Place("catalogue", settings.catalogue, private=False)
    yield Place("state_dir", settings.state_dir, private=True, own=True)
    for name in ("state.db", "warroom.log", "warroom.log.1"):
        yield Place(name, settings.state_dir / name, private=True, own=True)


def exposure(place: Place, user: int | None = None) -> Exposure | None:
    """Why others could read or change it; None where they cannot, or where it is not there.

    `user` is whose console it is; None is who runs this process. The mode is that of what a link points to, and whoever
    may rename in the folder around it may put another file there.
    """
    mine = os.geteuid() if user is None else user
    try:
        found = place.path.stat()
        around = place.path.resolve().parent.stat()
    except OSError:
        return None
    owners = {mine} if place.own else {mine, 0}
    path, kind = shlex.quote(str(place.path)), "folder" if stat.S_ISDIR(found.st_mode) else "file"
    if found.st_uid not in owners:
        return Exposure(place, f"{place.path} belongs to user {found.st_uid}, and not to you ({mine})", "")
    barred = _GROUP | _OTHERS if place.private else _WRITE
    if found.st_uid != mine:
        # What an administrator keeps for a team is read through its group.
        barred &= ~0o050
    loose = stat.S_IMODE(found.st_mode) & barred
    if loose:
        who = "everybody on this machine" if loose & _OTHERS else "its group"
        may = " and ".join(word for word, bits in (("read", _READ), ("written", _WRITE)) if loose & bits) or "entered"
        wanted = ("700" if kind == "folder" else "600") if place.private else "go-w"
        return Exposure(place, f"{place.path} can be {may} by {who}", _command(f"chmod {wanted} {path}", found, mine))
    # In a folder with the sticky bit, as the system's temporary one, only the owner of a file may replace it.
    if around.st_mode & stat.S_IWOTH and not around.st_mode & stat.S_ISVTX:
        above = place.path.resolve().parent
        problem = f"everybody on this machine may put another {kind} in place of {place.path}: {above} is open to all"
        return Exposure(place, problem, _command(f"chmod o-w {shlex.quote(str(above))}", around, mine))
    return None


def exposures(settings: Settings) -> tuple[Exposure, ...]:
    """Everything of `places` that others could read or change."""
    return tuple(found for place in places(settings) if (found := exposure(place)) is not None)


def _command(command: str, found: os.stat_result, mine: int) -> str:
    return command if mine in {found.st_uid, 0} else f"sudo {command}"


def _holds_secret(path: Path) -> bool:
    """Whether a secret stands in the file itself: one given as a value, or a password in an address."""
    try:
        read = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    sections = [(name, value) for name, value in read.items() if isinstance(value, dict)]
    return any(
        f"{name}.{key}" in SECRETS or (isinstance(value, str) and has_password(value))
        for name, section in sections
        for key, value in section.items()
    )
