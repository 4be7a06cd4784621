"""Whom the console's own files belong to, and who else may read or write them: for the start, and for the doctor.

What is the console's own is closed to others at the start (`secure`). What a person keeps for it, its settings and
secrets, is changed in one respect: nobody but its owner and its group goes on reading a secret. The rest has the
command that mends it, for that person to type; where others can write what the console would obey, it does not start.
"""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import stat
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from diagnostics.config.secrets import LazySecret
from diagnostics.config.settings import SECRETS
from diagnostics.core.failures import UserError
from diagnostics.core.masking import has_password
from diagnostics.core.private import close_folder

if TYPE_CHECKING:
    from diagnostics.config.settings import Settings

OWN_NAMES = ("state.db", "state.db-wal", "state.db-shm", "warroom.log", "warroom.log.1", "crashes")
"""What the console makes in `state_dir`; further files stand behind the folder's own door."""
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
    is_foreign: bool
    """Somebody else owns it, can write it or can put another one in its place: what it says may be theirs."""
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
    for name in OWN_NAMES:
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
        return Exposure(
            place, f"{place.path} belongs to user {found.st_uid}, and not to you ({mine})", is_foreign=True, command=""
        )
    barred = _GROUP | _OTHERS if place.private else _WRITE
    if found.st_uid != mine:
        # What an administrator keeps for a team is read through its group.
        barred &= ~0o050
    loose = stat.S_IMODE(found.st_mode) & barred
    if loose:
        who = "everybody on this machine" if loose & _OTHERS else "its group"
        may = " and ".join(word for word, bits in (("read", _READ), ("written", _WRITE)) if loose & bits) or "entered"
        wanted = ("700" if kind == "folder" else "600") if place.private else "go-w"
        command = _command(f"chmod {wanted} {path}", found, mine)
        is_foreign = bool(loose & _WRITE) and not (who == "its group" and _is_alone_in(found.st_gid))
        return Exposure(place, f"{place.path} can be {may} by {who}", is_foreign, command)
    # In a folder with the sticky bit, as the system's temporary one, only the owner of a file may replace it.
    if around.st_mode & stat.S_IWOTH and not around.st_mode & stat.S_ISVTX:
        above = place.path.resolve().parent
        problem = f"everybody on this machine may put another {kind} in place of {place.path}: {above} is open to all"
        return Exposure(place, problem, True, _command(f"chmod o-w {shlex.quote(str(above))}", around, mine))
    return None


def secure(settings: Settings) -> tuple[str, ...]:
    """Close to others what belongs to this user, and return a sentence for each thing that was open.

    Raises UserError where what the console would obey, or write its memory into, is another user's or can be written
    by others. Sockets and folders are closed like files.
    """
    told: list[str] = []
    # What cannot be closed, on a disk that can only be read, is looked at below like all else.
    with suppress(OSError):
        told += (f"{path} was open to others, and is closed" for path in close_folder(settings.state_dir, OWN_NAMES))
    for place in places(settings):
        found = exposure(place)
        if found is not None and not found.is_foreign and place.private and not place.own and _unread_by_all(place):
            told.append(f"{found.problem}: it is closed to everybody but its owner and its group")
            found = exposure(place)
        if found is not None and found.is_foreign:
            raise UserError(found.problem, where=place.name, next_step=found.remedy)
    return tuple(told)


def _unread_by_all(place: Place) -> bool:
    """Take from everybody on this machine what they may do with a secret of this user's; whether there was anything.

    Its group keeps what it has: a team may read its settings through it.
    """
    try:
        found = place.path.stat()
        if found.st_uid != os.geteuid() or not found.st_mode & _OTHERS:
            return False
        place.path.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS)
    except OSError:
        return False
    return True


def exposures(settings: Settings) -> tuple[Exposure, ...]:
    """Everything of `places` that others could read or change."""
    return tuple(found for place in places(settings) if (found := exposure(place)) is not None)


def _is_alone_in(group: int) -> bool:
    """Whether it is the group that many systems give each user, whose files are then writable for it (umask 002)."""
    try:
        mine, found = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
    except KeyError:
        return False
    return found.gr_gid == mine.pw_gid and found.gr_name == mine.pw_name and set(found.gr_mem) <= {mine.pw_name}


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
