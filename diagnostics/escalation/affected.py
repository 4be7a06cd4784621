"""Which accounts an issue affects, how large they are and how much of each: what notices and the impact score need.

Logs name the accounts, `common.accounts` knows their size, and `common` or the client databases the part affected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import and_, case, func, or_, select

from diagnostics.checks.base import Tools, number, plural, share
from diagnostics.failures import FailureKind, SourceFailure
from diagnostics.health.stale import read_stale
from diagnostics.models.evidence import Evidence
from diagnostics.windows import span

if TYPE_CHECKING:
    from diagnostics.catalogue.model import IssueType
    from diagnostics.jobs import Job

BATCH = 100
"""Accounts asked for in one statement."""

DAY_S = 86_400
RESOLUTION = "agent_resolution"
"""Its logs report every resolution, good ones too: whom it affects is read from the agents instead."""


@dataclass(slots=True, frozen=True)
class Named:
    """Accounts that an issue affects, most events first."""

    ids: tuple[int, ...]
    total: int | None
    """How many there are in all, approximate as the logs count them; None where nobody knows."""
    basis: str
    """Where they come from, for a sentence: "named by logs of the last 15 min"."""
    evidence: tuple[Evidence, ...]
    at_least: bool = False
    """There may be further ones: the logs answered in part."""

    @property
    def beyond(self) -> int:
        """Accounts that are counted and not among `ids`."""
        return max(0, (self.total or 0) - len(self.ids))


@dataclass(slots=True, frozen=True)
class Account:
    """What is known of one account."""

    account_id: int
    name: str = ""
    users: int | None = None
    exists: bool = True


@dataclass(slots=True)
class Shares:
    """The part of each account that is affected, 0 to 1."""

    of: dict[int, float] = field(default_factory=dict)
    words: dict[int, str] = field(default_factory=dict)
    """How each part was counted, e.g. "12 of 47 agents"."""
    evidence: tuple[Evidence, ...] = ()
    note: str = ""
    """Why there are none, or not all."""


def named_accounts(tools: Tools, issue: IssueType, extra: Iterable[int] = ()) -> Named:
    """Accounts the issue affects now, and the `extra` ones before them; at most as many as the catalogue weighs.

    Raises SourceFailure.
    """
    most = tools.catalogue.impact.most_accounts
    total: int | None
    if issue.name == RESOLUTION:
        stale = read_stale(tools)
        ids = [account for account, _ in stale.worst]
        total, basis, evidence, partial = stale.accounts, "with stale agents", stale.evidence, False
    else:
        query = tools.catalogue.queries[issue.query].datadog
        counts = tools.logs.counts(query, tools.window_s)
        # Nobody in the window is an answer; asking for names would cost a second request.
        found = tools.logs.accounts(query, tools.window_s, most) if counts.accounts else None
        ids = list(found.ids) if found is not None else []
        total, partial = counts.accounts, counts.partial or (found is not None and found.partial)
        evidence = (counts.evidence, *((found.evidence,) if found is not None else ()))
        basis = f"named by logs of the last {span(tools.window_s)}"
    first = [account for account in dict.fromkeys(extra) if account not in ids]
    whole = None if total is None else max(total, len(ids)) + len(first)
    return Named((*first, *ids)[:most], whole, basis, evidence, partial)


def read_accounts(tools: Tools, ids: Sequence[int]) -> tuple[dict[int, Account], tuple[Evidence, ...]]:
    """Names and sizes, in batches; an account that is not there is said to be. Raises SourceFailure."""
    found: dict[int, Account] = {}
    evidence: list[Evidence] = []
    for wanted in batches(sorted(set(ids))):
        rows, part = _sizes(tools, wanted)
        found |= rows
        evidence.append(part)
    return {one: found.get(one, Account(one, exists=False)) for one in ids}, tuple(evidence)


def _sizes(tools: Tools, wanted: tuple[int, ...]) -> tuple[dict[int, Account], Evidence]:
    accounts = tools.table("accounts")
    columns = tools.catalogue.schema_map.tables["accounts"].columns
    # The columns that may be missing, from the most telling on; without any of them an account is its number.
    for names in (("name", "user_count"), ("user_count",), ("name",), ()):
        if not set(names) <= set(columns):
            continue
        statement = select(accounts.c.id.label("id"), *(accounts.c[name].label(name) for name in names))
        try:
            rows = tools.common(f"account sizes {len(names)} {wanted}", statement.where(accounts.c.id.in_(wanted)))
        except SourceFailure as failure:
            if failure.kind is not FailureKind.NOT_MAPPED or not names:
                raise
            continue
        return {number(row, "id"): _account(row) for row in rows.rows}, rows.evidence
    raise AssertionError  # the id alone is always mapped


def _account(row: dict[str, object]) -> Account:
    users = row.get("user_count")
    known = isinstance(users, int | float) and users >= 0
    return Account(number(row, "id"), str(row.get("name") or ""), int(users) if known else None)  # type: ignore[call-overload]


def read_shares(tools: Tools, issue: IssueType, ids: Sequence[int], job: Job | None = None) -> Shares:
    """How much of each account is affected, where the issue says what to count; a failure is a note."""
    ask = _SHARES.get(issue.name)
    if ask is None:
        return Shares(note="What part of an account it affects is not known for this issue.")
    if not ids:
        return Shares()
    try:
        return ask(tools, tuple(sorted(set(ids))), job)
    except SourceFailure as failure:
        return Shares(note=f"What part of each account is affected is not known: {failure.headline()}.")


def _tokens(tools: Tools, ids: tuple[int, ...], _job: Job | None) -> Shares:
    """Credentials that are missing or expired."""
    auth = tools.table("zillow_auth")
    held = auth.c.encrypted_refresh_token.is_not(None)
    now = tools.now().replace(microsecond=0)
    broken = case((or_(~held, and_(held, auth.c.expires_at < now)), 1), else_=0)
    shares = Shares()
    for wanted in batches(ids):
        statement = (
            select(auth.c.account_id.label("account_id"), func.count().label("total"), func.sum(broken).label("part"))
            .where(auth.c.account_id.in_(wanted))
            .group_by(auth.c.account_id)
        )
        rows = tools.common(f"broken tokens of {wanted}", statement)
        _add(shares, rows.rows, "credentials without a valid token")
        shares.evidence = (*shares.evidence, rows.evidence)
    return shares


def _connections(tools: Tools, ids: tuple[int, ...], _job: Job | None) -> Shares:
    """Connections that are not healthy, among those with an integration id."""
    users = tools.table("zillow_sync_users")
    sick = case((or_(users.c.problem_at.is_not(None), users.c.connection_health_status != "healthy"), 1), else_=0)
    shares = Shares()
    for wanted in batches(ids):
        statement = (
            select(users.c.account_id.label("account_id"), func.count().label("total"), func.sum(sick).label("part"))
            .where(and_(users.c.account_id.in_(wanted), users.c.zillow_integration_id.is_not(None)))
            .group_by(users.c.account_id)
        )
        rows = tools.common(f"sick connections of {wanted}", statement)
        _add(shares, rows.rows, "connections that are not healthy")
        shares.evidence = (*shares.evidence, rows.evidence)
    return shares


def _deals(tools: Tools, ids: tuple[int, ...], job: Job | None) -> Shares:
    """Deals of the last day that did not sync."""
    from diagnostics.fleet.questions import UNSYNCED_COUNTS  # noqa: PLC0415  # it loads SQLAlchemy

    answer = tools.answers.get(
        ("fleet", "unsynced of", ids),
        tools.parts.settings.fleet.refresh_s,
        lambda: tools.parts.fleet.ask(UNSYNCED_COUNTS(DAY_S), job=job, accounts=ids),
    )
    shares = Shares(evidence=tuple(answer.evidence[:2]))
    rows: list[dict[str, object]] = [
        {
            "account_id": one.account_id,
            "total": sum(number(row, "total") for row in one.rows),
            "part": sum(number(row, "unsynced") for row in one.rows),
        }
        for one in answer.rows
    ]
    _add(shares, rows, "deals of the last day not synced")
    if not answer.coverage.is_complete:
        shares.note = f"Deals were counted in {answer.coverage.words()}."
    return shares


def _agents(tools: Tools, ids: tuple[int, ...], _job: Job | None) -> Shares:
    """Agents that are INFERRED or UNMATCHED although their user holds a valid token."""
    from diagnostics.health.resolution import counts_of_everybody  # noqa: PLC0415  # beside the answer it shares

    stale = read_stale(tools)
    worst = dict(stale.worst)
    totals = {
        one.account_id: sum(number(row, "count") for row in one.rows)
        for one in counts_of_everybody(tools).rows
        if one.account_id in ids
    }
    # The list of the worst is bounded: beyond it, having none is not known.
    listed_all = stale.accounts <= len(stale.worst)
    rows: list[dict[str, object]] = [
        {"account_id": one, "total": total, "part": worst.get(one, 0)}
        for one, total in totals.items()
        if one in worst or listed_all
    ]
    shares = Shares(evidence=stale.evidence[:2])
    _add(shares, rows, "agents that could be CONNECTED")
    return shares


_SHARES: dict[str, Callable[[Tools, tuple[int, ...], Job | None], Shares]] = {
    "oauth_failure": _tokens,
    "connection_health": _connections,
    "transaction_sync": _deals,
    RESOLUTION: _agents,
}
"""Rate limiting is not here: it refuses all calls of an account alike, and no table says how many it made."""


def _add(shares: Shares, rows: Iterable[dict[str, object]], what: str) -> None:
    for row in rows:
        account, total, part = number(row, "account_id"), number(row, "total"), number(row, "part")
        of_whole = share(part, total)
        if of_whole is not None:
            shares.of[account] = of_whole / 100.0
            shares.words[account] = f"{part:,} of {total:,} {what}"


def batches(ids: Sequence[int], size: int = BATCH) -> Iterator[tuple[int, ...]]:
    """`ids` in parts of at most `size`."""
    for start in range(0, len(ids), size):
        yield tuple(ids[start : start + size])


def size_words(account: Account) -> str:
    """Such as "Acme (14009), 5,200 users"."""
    name = f"{account.name} ({account.account_id})" if account.name else f"account {account.account_id}"
    return f"{name}, {'size not known' if account.users is None else plural(account.users, 'user')}"
