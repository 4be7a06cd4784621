"""What SHOW GRANTS says a login may do. A read-only session can be lifted by the session itself; a grant cannot.

Only privilege names and the objects they are on leave this module: the lines also hold password hashes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from diagnostics.text import clean

_QUOTED = re.compile(r"`(?:[^`]|``)*`|'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"")
_COLUMNS = re.compile(r"\([^()]*\)")
_GRANT = re.compile(r"GRANT (?P<what>.+?) ON (?:(?:TABLE|PROCEDURE|FUNCTION|PACKAGE|PACKAGE BODY) )?(?P<where>\S+) TO ")
_ROLES = re.compile(r"GRANT (?P<roles>(?:(?! ON ).)+?) TO ")
_ROLE_NAME = re.compile(r"[A-Za-z0-9_.$-]{1,80}")
_ROLE_HOST = re.compile(r"[A-Za-z0-9_.$%:/-]{1,255}")

_READING = frozenset(
    {
        "USAGE",
        "SELECT",
        "SHOW VIEW",
        "SHOW DATABASES",
        "SHOW CREATE ROUTINE",
        "SHOW_ROUTINE",
        "PROCESS",
        "REPLICATION CLIENT",
        "BINLOG MONITOR",
        "SLAVE MONITOR",
        "REPLICA MONITOR",
    }
)
_DOUBTFUL = frozenset(
    {
        "LOCK TABLES",
        "CREATE TEMPORARY TABLES",
        "EXECUTE",
        "REFERENCES",
        "REPLICATION SLAVE",
        "REPLICATION REPLICA",
        "BACKUP_ADMIN",
        "INNODB_REDO_LOG_ARCHIVE",
        "XA_RECOVER_ADMIN",
    }
)
"""Writes no row by itself, and is more than reading needs. Every privilege in neither set is taken for writing."""


@dataclass(slots=True, frozen=True)
class Grant:
    """Some privileges on one object."""

    privileges: tuple[str, ...]
    """Upper case, without the columns they may be limited to."""
    on: str
    """As the server writes it, e.g. *.* or `fub`.*"""
    can_grant: bool

    @property
    def everywhere(self) -> bool:
        """True for a grant on the whole server."""
        return self.on == "*.*"


@dataclass(slots=True, frozen=True)
class Permissions:
    """What a login may do beyond reading, each entry as "PRIVILEGE on object"."""

    writes: tuple[str, ...]
    files: tuple[str, ...]
    """FILE: reading and writing files of the server's machine, which no read-only session prevents."""
    doubtful: tuple[str, ...]
    unread_roles: tuple[str, ...] = ()
    """Roles whose own grants could not be read."""


def parse_grants(lines: Iterable[str]) -> tuple[tuple[Grant, ...], tuple[str, ...]]:
    """The grants in the lines of SHOW GRANTS, and the roles they name, each as name or name@host.

    Lines that take something away again (MySQL's partial REVOKE) are left out: the answer errs towards "could write".
    """
    grants: list[Grant] = []
    roles: list[str] = []
    for line in lines:
        masked = _mask(line)
        if found := _GRANT.match(masked):
            grants.append(
                Grant(
                    _privileges(masked[slice(*found.span("what"))]),
                    clean(line[slice(*found.span("where"))], limit=160),
                    "WITH GRANT OPTION" in masked[found.end() :].upper(),
                )
            )
        elif found := _ROLES.match(masked):
            start, end = found.span("roles")
            roles += _split_roles(line[start:end], masked[start:end])
        elif masked.upper().startswith("GRANT "):
            # A form nobody has seen yet must not pass for harmless.
            grants.append(Grant(("UNKNOWN",), "?", False))
    return tuple(grants), tuple(roles)


def judge(grants: Iterable[Grant], unread_roles: tuple[str, ...] = ()) -> Permissions:
    """Sort the privileges by what they would allow."""
    writes: list[str] = []
    files: list[str] = []
    doubtful: list[str] = []
    for grant in grants:
        for privilege in grant.privileges:
            entry = f"{privilege} on {grant.on}"
            if privilege == "FILE" or (privilege in {"ALL", "ALL PRIVILEGES"} and grant.everywhere):
                files.append(entry)
            if privilege in _DOUBTFUL:
                doubtful.append(entry)
            elif privilege not in _READING and privilege != "FILE":
                writes.append(entry)
        if grant.can_grant:
            doubtful.append(f"GRANT OPTION on {grant.on}")
    once = [tuple(dict.fromkeys(found)) for found in (writes, files, doubtful)]
    return Permissions(once[0], once[1], once[2], unread_roles)


def quote_role(role: str) -> str | None:
    """A role as it may be written into `SET ROLE …`; None when its name is too unusual to be put there."""
    name, _, host = role.partition("@")
    if not _ROLE_NAME.fullmatch(name) or (host and not _ROLE_HOST.fullmatch(host)):
        return None
    return f"`{name}`@`{host}`" if host else f"`{name}`"


def _mask(line: str) -> str:
    """The line with everything quoted blanked out, so that a table called ` ON ` cannot lead the parser astray."""
    return _QUOTED.sub(lambda found: "`" + "x" * (len(found[0]) - 2) + "`", line)


def _privileges(masked: str) -> tuple[str, ...]:
    # Column lists go first: their commas separate columns, not privileges.
    names = _COLUMNS.sub("", masked).upper().split(",")
    return tuple(" ".join(name.split()) for name in names if name.strip())


def _split_roles(text: str, masked: str) -> list[str]:
    roles = []
    start = 0
    for position in [index for index, letter in enumerate(masked) if letter == ","] + [len(masked)]:
        part = text[start:position].strip()
        start = position + 1
        if part:
            roles.append("@".join(_unquote(piece) for piece in _pieces(part)))
    return roles


def _pieces(part: str) -> list[str]:
    at = _mask(part).find("@")
    return [part] if at < 0 else [part[:at], part[at + 1 :]]


def _unquote(piece: str) -> str:
    if len(piece) >= 2 and piece[0] == piece[-1] and piece[0] in "`'\"":
        return piece[1:-1].replace(piece[0] * 2, piece[0])
    return piece
