"""Files and folders that belong to their user alone, whatever the umask, and wherever somebody else laid a trap.

A folder that every user may write in, as the system's temporary one, may hold links and folders that another user put
where the console was expected to write: nothing of theirs is followed, written to or deleted.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path

FOLDER_MODE = 0o700
FILE_MODE = 0o600
_OPEN = 0o077
"""What group and others may do."""
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def private_folder(folder: Path) -> Path:
    """`folder`, made with every folder above it that is missing, each 0700; one that is there already stays as it is.

    Raises OSError: NotADirectoryError, PermissionError where it belongs to another user.
    """
    missing = [folder]
    for above in folder.parents:
        if above.exists():
            break
        missing.append(above)
    for one in reversed(missing):
        _make(one)
    found = folder.stat()
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    if found.st_uid not in {os.geteuid(), 0}:
        raise PermissionError(errno.EPERM, f"it belongs to another user ({found.st_uid})", str(folder))
    return folder


def close_folder(folder: Path, names: Iterable[str] = ()) -> tuple[Path, ...]:
    """Take away what group and others may do with a folder of this user's, and with what bears `names` in it.

    Returns what was open. Links are left alone, and so is what belongs to another user, the folder that everybody may
    write in (it has the sticky bit) and the home folder: these are not the console's. Raises OSError.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if found.st_uid != os.geteuid() or found.st_mode & stat.S_ISVTX:
            return ()
        closed = []
        if found.st_mode & _OPEN and folder.resolve() != _home():
            os.fchmod(descriptor, stat.S_IMODE(found.st_mode) & ~_OPEN)
            closed.append(folder)
        # Behind the folder's own door nobody puts another file in place of one that was just looked at.
        closed += [folder / name for name in names if _closes(descriptor, name)]
    finally:
        os.close(descriptor)
    return tuple(closed)


def _closes(folder: int, name: str) -> bool:
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    if stat.S_ISLNK(found.st_mode) or found.st_uid != os.geteuid() or not found.st_mode & _OPEN:
        return False
    os.chmod(name, stat.S_IMODE(found.st_mode) & ~_OPEN, dir_fd=folder)
    return True


def _home() -> Path | None:
    try:
        return Path.home().resolve()
    except (RuntimeError, OSError):
        return None


def _make(folder: Path) -> None:
    try:
        folder.mkdir(FOLDER_MODE)
    except FileExistsError:
        return
    # A umask can only take away: with 0777 the folder would be closed to its owner too.
    if stat.S_IMODE(folder.lstat().st_mode) != FOLDER_MODE:
        folder.chmod(FOLDER_MODE)


def new_file(path: Path | str, *, folder: int | None = None) -> int:
    """A descriptor for writing to a new file, 0600; `folder` is a descriptor that `path` is relative to.

    Raises FileExistsError where anything bears the name already, a link that leads nowhere too; else OSError.
    """
    descriptor = os.open(path, _NEW, FILE_MODE, dir_fd=folder)
    try:
        os.fchmod(descriptor, FILE_MODE)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def appended_file(path: Path) -> int:
    """A descriptor for writing at the end of a file, made 0600 where there is none.

    Raises PermissionError for a link, for what is no regular file, and for another user's; else OSError.
    """
    try:
        descriptor = new_file(path)
    except FileExistsError:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise _foreign(path) from None
            raise
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_nlink > 1:
            raise _foreign(path)
        if stat.S_IMODE(found.st_mode) & ~FILE_MODE:
            os.fchmod(descriptor, FILE_MODE)
        os.set_blocking(descriptor, True)
        os.lseek(descriptor, 0, os.SEEK_END)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _foreign(path: Path) -> PermissionError:
    return PermissionError(errno.EPERM, "it is a link, or not a file of your own", str(path))


class OwnFolder:
    """A folder held by its descriptor, so that nobody puts another one in its place between two looks at it.

    A context manager. Raises OSError where it cannot be had: PermissionError for a link, for what another user owns
    and for what others may write in.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.descriptor = -1

    def __enter__(self) -> OwnFolder:
        path = private_folder(self._path)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except NotADirectoryError:
            raise _foreign(path) from None
        found = os.fstat(descriptor)
        if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            os.close(descriptor)
            raise _foreign(path)
        self.descriptor = descriptor
        return self

    def __exit__(self, *_error: object) -> None:
        os.close(self.descriptor)

    def own_files(self) -> list[str]:
        """Names of the regular files that belong to this user, sorted; links are none."""
        names = []
        with os.scandir(self.descriptor) as entries:
            for entry in entries:
                found = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid():
                    names.append(entry.name)
        return sorted(names)

    def remove(self, name: str) -> None:
        """Take one file away, whoever else may have done so."""
        try:
            os.unlink(name, dir_fd=self.descriptor)
        except FileNotFoundError:
            return
