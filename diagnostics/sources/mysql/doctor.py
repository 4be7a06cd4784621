"""The doctor for databases: reachable, permitted, mapped, read-only, indexed, up to date, and what to do about each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import Table, TextClause, select

from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.core.sanitizer import clean
from diagnostics.core.words import plural
from diagnostics.models.doctor import DoctorLine
from diagnostics.models.triage import Status
from diagnostics.sources.doctor.steps import Step, examined
from diagnostics.sources.mysql import own_texts
from diagnostics.sources.mysql.column_types import mistyped
from diagnostics.sources.mysql.replica import Replica, read_replica
from diagnostics.sources.mysql.runner import Answer
from diagnostics.sources.mysql.statements import Statement
from diagnostics.sources.mysql.tables import Kind, Tables

if TYPE_CHECKING:
    from diagnostics.catalogue.model import TableMap

_SAMPLE = 3
_MOST_ROLES = 20
_INDEXES: dict[str, tuple[tuple[str, ...], ...]] = {
    "zillow_lead_events_log": (("created_at",),),
    "zillow_webhook_events": (("status", "received_at"),),
}
"""Leading columns, by the console's names, without which a statement's cost grows with its table."""

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


class DoctorDatabases(Protocol):
    """What the doctor needs of the databases."""

    def ask(
        self,
        account_id: int | None,
        statement: Statement,
        *,
        limit: int | None = None,
        before: TextClause | None = None,
    ) -> Answer:
        """An answer from the shared database (None) or from one account's, in a session that `before` has changed."""

    def table(self, logical: str) -> Table:
        """A mapped table."""


class Doctor:
    """Examines each database with statements that any reader may send."""

    def __init__(self, databases: DoctorDatabases, tables: Tables, *, replica_lag_s: float) -> None:
        self._databases = databases
        self._tables = tables
        self._replica_lag_s = replica_lag_s

    def steps(self, account_ids: tuple[int, ...], *ground: tuple[str, str]) -> list[Step]:
        """Steps of the shared database, then those of the client databases, which need what it holds."""
        reachable = ("common", "reachable")
        found = self._patient(None).steps(*ground)
        if not account_ids:
            return [*found, Step("client", "sample of accounts", self._sampled, (reachable,), _none_is_left)]
        for account_id in account_ids:
            found += self._patient(account_id).steps(reachable)
        return found

    def _patient(self, account_id: int | None) -> _Patient:
        return _Patient(self._databases, self._tables, account_id, self._replica_lag_s)

    def _sampled(self) -> Iterator[DoctorLine]:
        account_ids = self._sample()
        if not account_ids:
            yield DoctorLine.of("client", "sample of accounts", Status.NO_DATA, "common.accounts is empty")
        yield from examined([step for account_id in account_ids for step in self._patient(account_id).steps()])

    def _sample(self) -> tuple[int, ...]:
        key = self._databases.table("accounts").c["id"]
        # The newest accounts: the oldest are the likeliest to have been closed.
        rows = self._databases.ask(None, select(key).order_by(key.desc()), limit=_SAMPLE).rows
        return tuple(found for row in rows if isinstance(found := row["id"], int))


def _none_is_left(lines: Sequence[DoctorLine]) -> bool:
    """Whether no database of the sample can be asked: one account that is broken breaks its own only."""
    return not any(line.subject == "reachable" and line.status is Status.PASS for line in lines)


class _Patient:
    """One database under examination."""

    def __init__(
        self, databases: DoctorDatabases, tables: Tables, account_id: int | None, replica_lag_s: float
    ) -> None:
        self._databases = databases
        self._tables = tables
        self._account_id = account_id
        self._replica_lag_s = replica_lag_s
        self._kind: Kind = "common" if account_id is None else "client"
        self._source = "common" if account_id is None else f"client {account_id}"
        self._is_sqlite = False
        self._columns: dict[str, dict[str, str]] = {}
        """Tables to their columns to their types, all lower case."""

    def steps(self, *ground: tuple[str, str]) -> list[Step]:
        """Its steps; `ground` has to have passed before it is asked at all."""
        reachable = ((self._source, "reachable"),)
        return [
            Step(self._source, "reachable", self._reachable, ground),
            Step(self._source, "read-only session", self._session, reachable),
            Step(self._source, "permitted", self._permitted, reachable),
            Step(self._source, "tables", self._mapped, reachable),
            Step(self._source, "indexes", self._indexed, (*reachable, (self._source, "tables"))),
            Step(self._source, "replica lag", self._lag, reachable),
        ]

    def _reachable(self) -> Iterator[DoctorLine]:
        try:
            self._ask(own_texts.PING)
            ping = self._ask(own_texts.PING)
        except UserError as unknown:
            yield self._line("account", Status.FAIL, f"{unknown.problem} in {unknown.where}", unknown.next_step)
            return
        self._is_sqlite = ping.version.startswith("SQLite")
        if self._is_sqlite:
            # A constant is answered without a look at the file.
            self._ask(own_texts.COLUMNS_SQLITE.bindparams(names=[""]))
        yield DoctorLine.of(self._source, "reachable", Status.PASS, "it answers", latency_ms=round(ping.took_ms, 3))
        yield self._version(ping)

    def _ask(self, statement: Statement, before: TextClause | None = None) -> Answer:
        return self._databases.ask(self._account_id, statement, before=before)

    def _line(self, subject: str, status: Status, detail: str, remedy: str = "") -> DoctorLine:
        return DoctorLine.of(self._source, subject, status, detail, remedy)

    def _version(self, ping: Answer) -> DoctorLine:
        if ping.limited:
            return self._line("server version", Status.PASS, ping.version)
        return self._line(
            "server version",
            Status.WARN,
            f"{ping.version}: this server cannot end a statement at a time limit by itself",
            "the console ends overlong statements with KILL QUERY; MySQL 5.7.8 or MariaDB 10.1 do it themselves",
        )

    def _session(self) -> Iterator[DoctorLine]:
        if self._is_sqlite:
            yield self._line("read-only session", Status.PASS, "the file is opened read-only")
            return
        found = {str(name): str(value) for name, value in _pairs(self._ask(own_texts.SESSION))}
        read_only = found.get("transaction_read_only", found.get("tx_read_only", ""))
        zone, mode, most = (found.get(name, "unknown") for name in ("time_zone", "sql_mode", "sql_select_limit"))
        # The limit as servers print "none": 2^64 - 1, and 2^32 - 1 on some.
        if read_only in {"ON", "1"} and zone == "+00:00" and not mode and most.isdigit() and int(most) >= 2**32 - 1:
            yield self._line("read-only session", Status.PASS, "the session refuses writes and speaks UTC")
            return
        yield self._line(
            "read-only session",
            Status.FAIL,
            f"not as the console set it up: read-only {read_only or 'unknown'}, time zone {zone or 'unknown'}, "
            f"sql_mode {mode or 'empty'}, sql_select_limit {most}",
            "a proxy in between may hand over connections with the settings of others: connect to the server itself",
        )

    def _permitted(self) -> Iterator[DoctorLine]:
        if self._is_sqlite:
            yield self._line("permitted", Status.PASS, "SQLite has no grants; this connection cannot write")
            return
        permissions = self._permissions()
        if permissions.writes:
            yield self._line(
                "permitted",
                Status.FAIL,
                f"this login could write: {_listed(permissions.writes)}",
                "ask for a login with GRANT SELECT and nothing more; only the grant is a true boundary",
            )
        elif permissions.unread_roles:
            yield self._line(
                "permitted",
                Status.WARN,
                f"the grants of these roles could not be read: {_listed(permissions.unread_roles)}",
                "ask the database team whether they allow more than SELECT",
            )
        else:
            yield self._line("permitted", Status.PASS, "this login can read and cannot write")
        if permissions.files:
            yield self._line(
                "file privilege",
                Status.FAIL,
                f"this login can read and write files of the server's machine: {_listed(permissions.files)}",
                "REVOKE FILE: a read-only session does not prevent SELECT … INTO OUTFILE",
            )
        else:
            yield self._line("file privilege", Status.PASS, "none")
        if permissions.doubtful:
            yield self._line(
                "other privileges",
                Status.WARN,
                f"more than reading needs: {_listed(permissions.doubtful)}",
                "ask for them to be revoked",
            )

    def _permissions(self) -> Permissions:
        grants, roles = parse_grants(_first_cells(self._ask(own_texts.GRANTS)))
        unread = list(roles[_MOST_ROLES:])
        for role in roles[:_MOST_ROLES]:
            quoted = quote_role(role)
            if quoted is None:
                unread.append(role)
                continue
            try:
                # A login may ask for a role's grants only while it plays it; nested roles are then included.
                more, _ = parse_grants(_first_cells(self._ask(own_texts.GRANTS, before=own_texts.play_role(quoted))))
            except SourceFailure as failure:
                if failure.is_transient:
                    raise
                unread.append(role)
            else:
                grants += more
        return judge(grants, tuple(unread))

    def _mapped(self) -> Iterator[DoctorLine]:
        mappings = self._tables.of(self._kind)
        if not mappings:
            return
        statement = own_texts.COLUMNS_SQLITE if self._is_sqlite else own_texts.COLUMNS_MYSQL
        names = sorted({mapping.name for mapping in mappings})
        for row in self._ask(statement.bindparams(names=names)).rows:
            table, column, written = (str(value).lower() for value in row.values())
            self._columns.setdefault(table, {})[column] = written
        for mapping in mappings:
            yield self._table(mapping)
            yield from self._types(mapping)

    def _types(self, mapping: TableMap) -> Iterator[DoctorLine]:
        wrong = mistyped(mapping, self._columns.get(mapping.name.lower(), {}))
        if wrong:
            yield self._line(
                f"types of {mapping.logical}",
                Status.FAIL if any(one.misleads for one in wrong) else Status.WARN,
                _listed(one.sentence for one in wrong),
                f"set a column of the expected type in section [{mapping.logical}.columns] of the catalogue's "
                "schema.toml, or ask the database team for a view; until then do not trust what is read from it",
            )

    def _table(self, mapping: TableMap) -> DoctorLine:
        subject = f"table {mapping.logical}"
        present = self._columns.get(mapping.name.lower())
        called = mapping.name if mapping.name != mapping.logical else "it"
        if present is None:
            assumed = " (its name is assumed)" if mapping.assumed else ""
            return self._line(
                subject,
                Status.FAIL,
                f"{called} is not there, or this login may not see it{assumed}",
                f"set name in section [{mapping.logical}] of the catalogue's schema.toml, or ask for GRANT SELECT",
            )
        absent = {key: real for key, real in mapping.columns.items() if real.lower() not in present}
        needed = {key: real for key, real in absent.items() if key not in mapping.optional}
        if not absent:
            return self._line(subject, Status.PASS, f"{plural(len(mapping.columns), 'column')} present")
        listed = _listed(real if real == key else f"{real} (for {key})" for key, real in (needed or absent).items())
        return self._line(
            subject,
            Status.FAIL if needed else Status.WARN,
            f"{'missing' if needed else 'missing, and optional'}: {listed}",
            f"set {', '.join(needed or absent)} in section [{mapping.logical}.columns] of the catalogue's schema.toml",
        )

    def _indexed(self) -> Iterator[DoctorLine]:
        statement = own_texts.INDEXES_SQLITE if self._is_sqlite else own_texts.INDEXES_MYSQL
        for logical, wanted in _INDEXES.items():
            mapping = self._tables.mapping(logical)
            if mapping is None or mapping.database != self._kind or mapping.name.lower() not in self._columns:
                continue
            found: dict[str, list[str]] = {}
            for index, column in _pairs(self._ask(statement.bindparams(name=mapping.name))):
                found.setdefault(str(index), []).append(str(column).lower())
            for keys in wanted:
                real = [mapping.columns[key] for key in keys if key in mapping.columns]
                yield self._index(mapping, real, list(found.values()))

    def _index(self, mapping: TableMap, columns: list[str], found: list[list[str]]) -> DoctorLine:
        listed = ", ".join(columns)
        if any(index[: len(columns)] == [column.lower() for column in columns] for index in found):
            return self._line(f"index {mapping.logical}", Status.PASS, f"begins with ({listed})")
        return self._line(
            f"index {mapping.logical}",
            Status.WARN,
            f"no index begins with ({listed}): statements would read the whole table, and time out on a large one",
            f"ask the database team for an index on {mapping.name} ({listed})",
        )

    def _lag(self) -> Iterator[DoctorLine]:
        if self._is_sqlite:
            return
        try:
            replica = read_replica(self._ask)
        except SourceFailure as failure:
            if failure.kind is not FailureKind.DENIED:
                raise
            yield self._line(
                "replica lag",
                Status.NO_DATA,
                "this login may not see the replica's state",
                "ask for REPLICATION CLIENT (MySQL) or REPLICA MONITOR (MariaDB), which allow no writing",
            )
            return
        yield lag_line(self._source, replica, self._replica_lag_s)


def lag_line(source: str, replica: Replica | None, largest_s: float) -> DoctorLine:
    """What a server says of its copying, for a reader who minds more than `largest_s` seconds; None copies nothing."""
    if replica is None:
        return DoctorLine.of(source, "replica lag", Status.PASS, "not a replica")
    behind_s = replica.behind_s
    if behind_s is None:
        return DoctorLine.of(
            source,
            "replica lag",
            Status.FAIL,
            "replication has stopped: what this server shows is of the past",
            "read from another replica, and tell the database team",
        )
    detail = f"{behind_s} s behind its source"
    if behind_s <= largest_s:
        return DoctorLine.of(source, "replica lag", Status.PASS, detail)
    return DoctorLine.of(source, "replica lag", Status.WARN, detail, "numbers of the last minutes are incomplete here")


def _first_cells(answer: Answer) -> list[str]:
    return [str(next(iter(row.values()))) for row in answer.rows if row]


def _pairs(answer: Answer) -> list[tuple[object, object]]:
    return [(first, second) for first, second, *_ in (tuple(row.values()) for row in answer.rows)]


def _listed(items: Iterable[str], most: int = 8) -> str:
    every = list(items)
    return ", ".join(every[:most]) + (f" and {len(every) - most} more" if len(every) > most else "")


# ---- What SHOW GRANTS says a login may do. A read-only session can be lifted by the session itself; a grant cannot.
# Only privilege names and the objects they are on leave this module: the lines also hold password hashes.


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
