"""Where a database is: the URL of a setting, and an account's place put into it.

A value out of `common.accounts` may become one component of an address and never more: each is matched against what a
host, a database or a user can be called, and the address is put together from components, not from text.
"""

from __future__ import annotations

import ipaddress
import re

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.sanitizer import clean
from diagnostics.models.evidence import Frozen
from diagnostics.sources.mysql.failures import not_configured

SQLITE_DRIVERS = frozenset({"sqlite", "sqlite+pysqlite"})
_MYSQL_DRIVERS = frozenset({"mysql", "mariadb", "mysql+pymysql", "mariadb+pymysql"})
_QUERY_KEYS = frozenset({"charset", "unix_socket"})
_SLOT = re.compile(r"\{([^{}]*)\}")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}(?:\.[A-Za-z0-9][A-Za-z0-9_-]{0,62})*\.?")
_NAMES = {
    "db_database": (re.compile(r"[A-Za-z0-9_][A-Za-z0-9_$-]{0,63}"), "letters, digits, _, $ and -, at most 64"),
    "db_user": (re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.$@-]{0,79}"), "letters, digits, _, ., $, @ and -, at most 80"),
}
_ACCOUNT_SLOTS = ("db_host", "db_database", "db_user")
_ACCEPTED_SLOTS = "{db_host}, {db_database}, {db_user} and {account_id}"


SUSPENDED = "suspended"
"""The status of an account whose customer may not work; the databases stay."""


class AccountPlace(Frozen):
    """Who an account is and where its database is. Source: common.accounts."""

    id: int
    name: str
    """Empty where the team's table has no such column, like `status`."""
    status: str
    db_host: str
    db_database: str
    db_user: str
    user_count: int | None

    @property
    def is_suspended(self) -> bool:
        """Whether the customer may not work at present; the databases stay."""
        return self.status.strip().lower() == SUSPENDED

    @property
    def standing(self) -> str:
        """A sentence for whoever looks at the account, where its status explains what is seen; else empty."""
        if not self.is_suspended:
            return ""
        return f"Account {self.id} is suspended (common.accounts): a sync that stands still may be meant."


def is_known_driver(url: URL) -> bool:
    """True for the databases whose sessions this program guards itself: MySQL, MariaDB and SQLite files."""
    return url.drivername in _MYSQL_DRIVERS | SQLITE_DRIVERS


def parse_url(text: str | None, source: str, setting: str) -> URL:
    """The URL in a setting; raises `SourceFailure` (not configured), which does not quote it."""
    if not text:
        raise not_configured(
            source, f"{setting} is not set", f"set {setting}, for example mysql+pymysql://reader@db.example/fub"
        )
    try:
        url: URL | None = make_url(text)
    except (ArgumentError, ValueError):
        url = None
    if url is None or not is_known_driver(url):
        raise not_configured(
            source,
            f"{setting} is not a URL of a supported database",
            "accepted: mysql+pymysql://user@host:port/database and sqlite:////absolute/path.db",
        )
    unknown = sorted(set(url.query) - _QUERY_KEYS)
    if unknown:
        raise not_configured(
            source,
            f"{setting} has options that are not accepted: {', '.join(unknown)}",
            f"accepted: {', '.join(sorted(_QUERY_KEYS))}; encryption is set with {setting.rpartition('.')[0]}.tls",
        )
    return url


def fill(template: URL, place: AccountPlace, source: str) -> URL:
    """An account's place put into the components of a URL; raises `SourceFailure` for a value that is no such thing."""

    def filled(text: str | None) -> str | None:
        return None if text is None else _SLOT.sub(lambda found: _slot(found[1], place, source), text)

    query = {
        key: tuple(filled(part) or "" for part in value) if isinstance(value, tuple) else filled(value) or ""
        for key, value in template.query.items()
    }
    return URL.create(
        template.drivername,
        filled(template.username),
        template.password,
        filled(template.host),
        template.port,
        filled(template.database),
        query,
    )


class ClientAddresses:
    """The template of client databases' addresses, read once and filled for many accounts."""

    def __init__(self, template: str | None, source: str = "client databases") -> None:
        """Raises `SourceFailure` (not configured) for a template that cannot be used."""
        self._template = parse_url(template, source, "databases.client_url")
        self._serving = self._template._replace(database=None)
        self._slots = _slots(self._template)
        self._by_account = "account_id" in _slots(self._serving)
        self._servers: dict[tuple[str, str, int], URL] = {}

    @property
    def is_files(self) -> bool:
        """True where every account has a file of its own and there is no server."""
        return self._template.drivername in SQLITE_DRIVERS

    def missing(self, place: AccountPlace) -> tuple[str, ...]:
        """Columns of `common.accounts` that the address needs and that are empty for this account."""
        return tuple(name for name in _ACCOUNT_SLOTS if name in self._slots and not getattr(place, name).strip())

    def server(self, place: AccountPlace) -> URL:
        """Host, port and login, without a database; the same object for accounts that share them.

        Raises `SourceFailure` (malformed) for a value that is no such thing.
        """
        key = (place.db_host, place.db_user, place.id if self._by_account else 0)
        if key not in self._servers:
            self._servers[key] = fill(self._serving, place, f"client {place.id}")
        return self._servers[key]

    def database(self, place: AccountPlace) -> str:
        """The name of the account's database, or the path of its file; raises as `server`."""
        source = f"client {place.id}"
        name = _SLOT.sub(lambda found: _slot(found[1], place, source), self._template.database or "")
        if not name:
            raise not_configured(source, "databases.client_url names no database", f"accepted: {_ACCEPTED_SLOTS}")
        return name

    def file(self, place: AccountPlace) -> URL:
        """The whole address of an account's file; raises as `server`."""
        return fill(self._template, place, f"client {place.id}")


def _slots(url: URL) -> frozenset[str]:
    parts = [url.username, url.host, url.database]
    for value in url.query.values():
        parts += value if isinstance(value, tuple) else (value,)
    return frozenset(name for part in parts if part for name in _SLOT.findall(part))


def _slot(name: str, place: AccountPlace, source: str) -> str:
    if name == "account_id":
        return str(int(place.id))
    if name == "db_host":
        return _host(place.db_host, source)
    if name not in _NAMES:
        raise not_configured(
            source, f"databases.client_url has the slot {{{clean(name, limit=40)}}}", f"accepted: {_ACCEPTED_SLOTS}"
        )
    pattern, accepted = _NAMES[name]
    value = str(getattr(place, name))
    if not pattern.fullmatch(value):
        raise _misplaced(source, name, value, accepted)
    return value


def _host(value: str, source: str) -> str:
    if len(value) <= 253 and _HOST.fullmatch(value):
        return value
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        pass
    raise _misplaced(source, "db_host", value, "a host name or an IP address, without a port")


def _misplaced(source: str, column: str, value: str, accepted: str) -> SourceFailure:
    shown = repr(clean(value, limit=60)) if value else "empty"
    return SourceFailure(
        FailureKind.MALFORMED,
        source,
        f"{column} of this account in common.accounts is {shown}, which is refused; accepted: {accepted}",
        remedy="correct the row in common.accounts, or the mapping of accounts in the catalogue's schema.toml",
    )
