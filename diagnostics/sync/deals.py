"""Deals as the sync sees them, read set by set: their rows, the agents and contacts on them, and their account.

Two kinds of database are read, never in one statement: deals, agents and contacts in the account's client database,
OAuth credentials and sync connections in `common`. A set of deals costs as many statements as one deal does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Generic, TypeVar

from sqlalchemy import and_, func, select

from diagnostics.checks.base import moment, number
from diagnostics.core.context import Context
from diagnostics.core.failures import SourceFailure
from diagnostics.models.evidence import Evidence

if TYPE_CHECKING:
    from diagnostics.core.context import Question
    from diagnostics.sources.mysql.databases import Rows

T = TypeVar("T")

CONNECTION_CAVEAT = "Which connection a contact came through is not recorded: any active one of the account counts."

BATCH = 500
"""Ids in one IN list: a round trip each, and a statement that any server's packet limit carries."""

_SYSTEM = "zillow"


@dataclass(slots=True, frozen=True)
class Deal:
    """The deal's own row. Source: client deals."""

    id: int
    account_id: int | None
    """As the row says; it should be the account whose database holds it."""
    property_id: object
    zillow_transaction_id: str
    synced_at: datetime | None
    name: str = ""
    stage: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def has_property(self) -> bool:
        """False for null, and for the 0 and the empty text that some imports write instead of null."""
        return self.property_id not in {None, "", 0, "0"}


@dataclass(slots=True, frozen=True)
class Crew:
    """Who is on a deal. Source: client deal_agents."""

    users: tuple[int, ...] = ()
    """Each once, ascending."""
    nameless: int = 0
    """Rows that name no user: nobody can be verified by them."""


@dataclass(slots=True, frozen=True)
class Contacts:
    """Contacts on a deal. Source: client deals_contacts."""

    found: int = 0
    nameless: int = 0
    """Rows that name no contact; not counted."""


@dataclass(slots=True, frozen=True)
class SyncConnections:
    """Sync connections of the account. Source: common.zillow_sync_users."""

    total: int
    active: int
    """With an integration id, enabled and without a problem."""
    unread: int = 0
    """The same, but the flag says neither enabled nor disabled."""


@dataclass(slots=True, frozen=True)
class Systems:
    """Data-sync systems for Zillow of the account. Source: client data_sync_systems."""

    active: tuple[str, ...]
    inactive: tuple[str, ...]
    unread: tuple[str, ...] = ()
    """With a switch that says neither."""


@dataclass(slots=True, frozen=True)
class Part(Generic[T]):
    """One thing that was read, or why it could not be."""

    value: T | None
    evidence: tuple[Evidence, ...] = ()
    failure: SourceFailure | None = None


class Asking:
    """The databases of one account, asked for one purpose.

    `shared` answers are kept for a few seconds for whoever asks the same; large sets are not worth the memory. A source
    that has failed in a way that the next question would meet too is not asked again.
    """

    def __init__(self, context: Context, account_id: int, *, shared: bool = False) -> None:
        self.context = context
        self.account_id = account_id
        self._shared = shared
        self._failed: dict[str, SourceFailure] = {}

    def client(self, name: str, statement: Question, *, caveat: str = "") -> Rows:
        """Ask the account's client database. Raises SourceFailure, AccountUnknown."""
        context, account_id = self.context, self.account_id
        if self._shared:
            return self._ask("client", lambda: context.client(account_id, name, statement, caveat=caveat))
        return self._ask("client", lambda: context.read_client(account_id, statement, caveat=caveat))

    def common(self, name: str, statement: Question, *, window: str = "", caveat: str = "") -> Rows:
        """Ask the shared database about this account. Raises SourceFailure."""
        context, key = self.context, f"{name} of {self.account_id}"
        if self._shared:
            return self._ask("common", lambda: context.common(key, statement, window=window, caveat=caveat))
        return self._ask("common", lambda: context.read_common(statement, window=window, caveat=caveat))

    def batches(
        self, name: str, ids: Iterable[int], statement: Callable[[Sequence[int]], Question], *, common: bool = False
    ) -> tuple[tuple[dict[str, object], ...], tuple[Evidence, ...]]:
        """All rows for these ids, in as many round trips as it takes; a batch whose answer was cut is halved."""
        ask = self.common if common else self.client
        rows: list[dict[str, object]] = []
        evidence: list[Evidence] = []
        waiting = list(_chunks(sorted(set(ids)), BATCH))
        while waiting:
            batch = waiting.pop(0)
            answer = ask(f"{name} {batch}", statement(batch))
            if answer.truncated and len(batch) > 1:
                middle = len(batch) // 2
                waiting[:0] = [batch[:middle], batch[middle:]]
                continue
            rows += answer.rows
            evidence.append(answer.evidence)
        return tuple(rows), tuple(evidence)

    def part(self, read: Callable[[], tuple[T, tuple[Evidence, ...]]]) -> Part[T]:
        """The value of `read`, or its failure as a part that is not known."""
        try:
            value, evidence = read()
        except SourceFailure as failure:
            return Part(None, failure=failure)
        return Part(value, evidence)

    def _ask(self, place: str, ask: Callable[[], Rows]) -> Rows:
        if (known := self._failed.get(place)) is not None:
            raise known
        try:
            return ask()
        except SourceFailure as failure:
            if failure.is_transient:
                self._failed[place] = failure
            raise


def _chunks(ids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


def read_deals(asking: Asking, deal_ids: Iterable[int]) -> tuple[dict[int, Deal], tuple[Evidence, ...]]:
    """The deals of these ids that the account's database holds. Raises SourceFailure, AccountUnknown."""
    deals = asking.context.table("deals")
    names = ("id", "account_id", "property_id", "zillow_transaction_id", "synced_at", "created_at", "updated_at")
    columns = [deals.c[name].label(name) for name in names]
    columns += [deals.c[name].label(name) for name in ("name", "stage") if name in deals.c]
    rows, evidence = asking.batches("deals", deal_ids, lambda ids: select(*columns).where(deals.c.id.in_(ids)))
    found = (deal_of_row(row) for row in rows)
    return {deal.id: deal for deal in found}, evidence


def deal_of_row(row: dict[str, object]) -> Deal:
    """A deal from a row with the console's column names."""
    account = row.get("account_id")
    return Deal(
        id=number(row, "id"),
        account_id=account if isinstance(account, int) else None,
        property_id=row.get("property_id"),
        zillow_transaction_id=_text(row, "zillow_transaction_id"),
        synced_at=moment(row, "synced_at"),
        name=_text(row, "name"),
        stage=_text(row, "stage"),
        created_at=moment(row, "created_at"),
        updated_at=moment(row, "updated_at"),
    )


def read_deal(context: Context, account_id: int, deal_id: int) -> tuple[Deal | None, Evidence]:
    """The deal, or None when the account's database has none of that id. Raises SourceFailure, AccountUnknown."""
    found, evidence = read_deals(Asking(context, account_id, shared=True), (deal_id,))
    return found.get(deal_id), evidence[0]


def read_crews(asking: Asking, deal_ids: Iterable[int]) -> tuple[dict[int, Crew], tuple[Evidence, ...]]:
    """Who is on each deal; a deal without rows is not in the answer. Raises SourceFailure."""
    agents = asking.context.table("deal_agents")
    columns = (agents.c.deal_id.label("deal_id"), agents.c.user_id.label("user_id"))
    rows, evidence = asking.batches(
        "deal agents", deal_ids, lambda ids: select(*columns).where(agents.c.deal_id.in_(ids))
    )
    users: dict[int, set[int]] = {}
    nameless: dict[int, int] = {}
    for row in rows:
        deal_id, user = number(row, "deal_id"), row["user_id"]
        users.setdefault(deal_id, set())
        if isinstance(user, int):
            users[deal_id].add(user)
        else:
            nameless[deal_id] = nameless.get(deal_id, 0) + 1
    return {deal: Crew(tuple(sorted(found)), nameless.get(deal, 0)) for deal, found in users.items()}, evidence


def read_contacts(asking: Asking, deal_ids: Iterable[int]) -> tuple[dict[int, Contacts], tuple[Evidence, ...]]:
    """Contacts on each deal; a deal without rows is not in the answer. Raises SourceFailure."""
    contacts = asking.context.table("deals_contacts")

    def statement(ids: Sequence[int]) -> Question:
        return (
            select(
                contacts.c.deal_id.label("deal_id"),
                func.count().label("all_rows"),
                func.count(contacts.c.contact_id).label("found"),
            )
            .where(contacts.c.deal_id.in_(ids))
            .group_by(contacts.c.deal_id)
        )

    rows, evidence = asking.batches("deal contacts", deal_ids, statement)
    counted = {
        number(row, "deal_id"): Contacts(number(row, "found"), number(row, "all_rows") - number(row, "found"))
        for row in rows
    }
    return counted, evidence


def read_connections(asking: Asking) -> tuple[SyncConnections, tuple[Evidence, ...]]:
    """How many of the account's sync connections are active. Raises SourceFailure."""
    users = asking.context.table("zillow_sync_users")
    well = and_(users.c.zillow_integration_id.is_not(None), users.c.problem_at.is_(None))
    counted = select(func.count()).select_from(users).where(users.c.account_id == asking.account_id)
    statement = select(
        counted.scalar_subquery().label("total"),
        *(
            counted.where(well, users.c.zillow_integration_enabled.is_(state)).scalar_subquery().label(name)
            for name, state in (("active", True), ("unread", None))
        ),
    )
    rows = asking.common("connections", statement, caveat=CONNECTION_CAVEAT)
    counts = rows.rows[0] if rows.rows else {}
    return SyncConnections(*(number(counts, name) for name in ("total", "active", "unread"))), (rows.evidence,)


def read_systems(asking: Asking) -> tuple[Systems, tuple[Evidence, ...]]:
    """The account's data-sync systems for Zillow. Raises SourceFailure."""
    systems = asking.context.table("data_sync_systems")
    statement = select(systems.c.system.label("system"), systems.c.is_active.label("is_active")).where(
        systems.c.account_id == asking.account_id
    )
    rows = asking.client("sync systems", statement)
    named = [(_text(row, "system"), row["is_active"]) for row in rows.rows]
    zillow = [(name, switch) for name, switch in named if _SYSTEM in name.casefold()]
    found = (tuple(name for name, switch in zillow if switch is state) for state in (True, False, None))
    return Systems(*found), (rows.evidence,)


def _text(row: dict[str, object], name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(value)
