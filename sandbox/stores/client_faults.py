"""Faults of client databases: what can be missing between `common.accounts` and an account's rows.

They are put in force and ended like the faults of the HTTP side, at start or while the sandbox runs, and are undone
when a sandbox takes over a directory in which one was in force.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from diagnostics.core.failures import UserError
from sandbox.stories.account_list import CLIENT_HOSTS, SECOND_OF_777, StoryAccount, account_list
from sandbox.stories.story import write_private

if TYPE_CHECKING:
    from sandbox.stores.filling import Store
    from sandbox.stories.story import Story

CLIENT_KINDS = {
    "client_host_down": f"client_host_down:NUMBER, the databases of host 1 to {CLIENT_HOSTS} are gone (files only)",
    "client_missing": "client_missing:ACCOUNT, the account's db_host and db_database are empty",
    "client_table_missing": "client_table_missing:ACCOUNT, its zillow_agents is not there",
}
LOST_TABLE = "zillow_agents"
_AWAY_TABLE = "zillow_agents_away"
_SPEC = re.compile(r"(client_[a-z_]+)(?::(\d{1,9}))?")
_RECORD = "client_faults.json"


@dataclass(slots=True, frozen=True)
class ClientFault:
    """One fault; `number` is a host's or an account's."""

    kind: str
    number: int

    @property
    def spec(self) -> str:
        """The fault as it is written."""
        return f"{self.kind}:{self.number}"


def is_client_fault(spec: str) -> bool:
    """Return whether a specification is meant for a client database."""
    return spec.partition(":")[0] in CLIENT_KINDS


def parse_client_fault(spec: str, seed: int) -> ClientFault:
    """Read `KIND[:NUMBER]`; raises `UserError` that says what is accepted."""
    parsed = _SPEC.fullmatch(spec)
    kind, number = parsed.groups() if parsed else ("", None)
    if kind == "client_host_down":
        fault = ClientFault(kind, int(number or 1))
        known = 1 <= fault.number <= CLIENT_HOSTS
    else:
        fault = ClientFault(kind, int(number or SECOND_OF_777))
        known = kind in CLIENT_KINDS and fault.number in {account.id for account in account_list(seed)}
    if not known:
        raise UserError(
            f"{spec!r} is not a fault of a client database",
            where="--fault",
            accepted="; ".join(CLIENT_KINDS.values()),
            next_step=f"for example --fault client_host_down:2, --fault client_missing:{SECOND_OF_777}",
        )
    return fault


class ClientFaults:
    """The client databases' faults that are in force. Safe to call from any thread."""

    def __init__(self, story: Story, store: Store, directory: Path) -> None:
        self._story = story
        self._store = store
        self._record = directory / _RECORD
        self._active: list[ClientFault] = []
        self._lock = threading.Lock()

    def heal(self) -> None:
        """Undo what an earlier process left in force in the same directory."""
        try:
            left = [ClientFault(str(kind), int(number)) for kind, number in json.loads(self._record.read_text("utf-8"))]
        except (OSError, ValueError, TypeError):
            return
        with self._lock:
            self._active = left
            self._end(left)

    def set(self, spec: str) -> None:
        """Put a fault in force; harmless when it is. Raises `UserError`, and what the store raises."""
        fault = parse_client_fault(spec, self._story.seed)
        if fault.kind == "client_host_down" and not self._store.can_hide_clients:
            raise UserError(
                "all client databases are on one server, so none of their hosts can be taken away",
                where=spec,
                accepted="this fault where the databases are SQLite files",
                next_step="stop the server itself, or start the sandbox without --database-url",
            )
        with self._lock:
            if fault not in self._active:
                self._active.append(fault)
                # Recorded first: a process that dies here leaves a record of what may have to be undone.
                self._keep()
                for account in self._accounts(fault):
                    self._break(fault.kind, account)

    def clear(self, spec: str = "") -> None:
        """End one fault, all of a kind, or all."""
        with self._lock:
            self._end([fault for fault in self._active if spec in {"", fault.kind, fault.spec}])

    def specs(self) -> list[str]:
        """All faults in force, as written."""
        return [fault.spec for fault in self._active]

    def _end(self, faults: Iterable[ClientFault]) -> None:
        for fault in faults:
            for account in self._accounts(fault):
                self._mend(fault.kind, account)
            self._active = [each for each in self._active if each != fault]
        self._keep()

    def _keep(self) -> None:
        write_private(self._record, json.dumps([[fault.kind, fault.number] for fault in self._active]))

    def _accounts(self, fault: ClientFault) -> list[StoryAccount]:
        accounts = account_list(self._story.seed)
        if fault.kind == "client_host_down":
            return [account for account in accounts if account.index % CLIENT_HOSTS == fault.number - 1]
        return [account for account in accounts if account.id == fault.number]

    def _break(self, kind: str, account: StoryAccount) -> None:
        if kind == "client_host_down":
            self._store.hide_client(account)
        elif kind == "client_missing":
            self._place(account, "", "")
        else:
            self._rename(account, LOST_TABLE, _AWAY_TABLE)

    def _mend(self, kind: str, account: StoryAccount) -> None:
        if kind == "client_host_down":
            self._store.show_client(account)
        elif kind == "client_missing":
            self._place(account, *self._store.place(account)[:2])
        elif self._has(account, _AWAY_TABLE):
            self._rename(account, _AWAY_TABLE, LOST_TABLE)

    def _place(self, account: StoryAccount, host: str, database: str) -> None:
        """Write where an account's database is; both come from the account list."""
        with self._store.writer() as cursor:
            cursor.execute(
                f"UPDATE accounts SET db_host = '{host}', db_database = '{database}' WHERE id = {account.id:d}"  # noqa: S608  # our own names; the two kinds of driver have no marker in common
            )

    def _rename(self, account: StoryAccount, old: str, new: str) -> None:
        with self._store.client_writer(account) as cursor:
            cursor.execute(f"ALTER TABLE {old} RENAME TO {new}")

    def _has(self, account: StoryAccount, table: str) -> bool:
        with self._store.client_writer(account) as cursor:
            cursor.execute(
                "SELECT name FROM sqlite_master" if self._store.can_hide_clients else "SHOW TABLES",
            )
            return table in {str(row[0]) for row in cursor.fetchall()}
