"""Which accounts an issue affects, how large they are and how much of each; and the multi-account score of it.

Logs name the accounts, `common.accounts` knows their size, and `common` or the client databases the part affected. The
score is size × severity × part affected of each account, added up, and explained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import case, func, or_, select

from diagnostics.checks.base import number, share
from diagnostics.core.context import Context
from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.core.words import plural, span
from diagnostics.fleet.questions import UNSYNCED_COUNTS
from diagnostics.health.resolution import counts_of_everybody
from diagnostics.health.stale import read_stale
from diagnostics.incident.incidents import issue_named
from diagnostics.models.evidence import Evidence
from diagnostics.models.figures import Coverage, Gap
from diagnostics.models.incidents import AccountImpact, Impact
from diagnostics.signals.counts import KEEP_SAMPLES_S, MOST_SEEN, UNNAMED, Accounts

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Table

    from diagnostics.catalogue.model import IssueType
    from diagnostics.catalogue.response import ImpactRules
    from diagnostics.core.waiting import Job

BATCH = 500
"""Accounts asked for in one statement."""

DAY_S = 86_400
SHOWN_GAPS = 5
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
    def is_whole(self) -> bool:
        """Whether an account that is not among them is not affected, as far as logs and rows can say."""
        return self.total is not None and not self.at_least

    @property
    def beyond(self) -> int:
        """Accounts that are counted and not among `ids`."""
        return max(0, (self.total or 0) - len(self.ids))


@dataclass(slots=True, frozen=True)
class Account:
    """One account: its name and its size."""

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


def named_accounts(context: Context, issue: IssueType, extra: Iterable[int] = ()) -> Named:
    """Accounts the issue affects now, and the `extra` ones before them; at most as many as the catalogue weighs.

    Raises SourceFailure.
    """
    most = context.catalogue.impact.most_accounts
    total: int | None
    if issue.name == RESOLUTION:
        stale = read_stale(context)
        ids = [account for account, _ in stale.worst]
        total, basis, evidence, partial = stale.accounts, "with stale agents", stale.evidence, False
    else:
        query = context.catalogue.queries[issue.query].datadog
        counts = context.logs.counts(query, context.window_s)
        # Nobody in the window is an answer; asking for names would cost a second request, unless somebody just has.
        seen = context.logs.known_accounts_seen(query, context.window_s, MOST_SEEN, KEEP_SAMPLES_S)
        found: Accounts | None = None
        if counts.accounts and seen is not None and seen.accounts:
            found = Accounts(tuple(one.account_id for one in seen.accounts), seen.evidence, seen.partial)
        elif counts.accounts:
            found = context.logs.accounts(query, context.window_s, most)
        ids = list(found.ids) if found is not None else []
        total, partial = counts.accounts, counts.partial or (found is not None and found.partial)
        evidence = (counts.evidence, *((found.evidence,) if found is not None else ()))
        basis = f"named by logs of the last {span(context.window_s)}"
        if total is None and counts.count:
            basis = UNNAMED
    first = [account for account in dict.fromkeys(extra) if account not in ids]
    whole = None if total is None else max(total, len(ids)) + len(first)
    return Named((*first, *ids)[:most], whole, basis, evidence, partial)


def known_accounts(context: Context, issue: IssueType, most_s: float) -> Named | None:
    """As `named_accounts`, of what the logs told this console within the last `most_s` seconds. Asks nothing.

    None where they told nothing; accounts that were counted and not named stay unnamed.
    """
    query, most = context.catalogue.queries[issue.query].datadog, context.catalogue.impact.most_accounts
    counts = context.logs.known_counts(query, context.window_s, most_s)
    found = context.logs.known_accounts(query, context.window_s, most, most_s)
    seen = context.logs.known_accounts_seen(query, context.window_s, MOST_SEEN, most_s)
    if issue.name == RESOLUTION or (counts is None and seen is None):
        return None
    ids = () if seen is None else tuple(one.account_id for one in seen.accounts)
    total = len(ids) if ids else None
    basis = f"named by logs of the last {span(context.window_s)}"
    parts = [] if seen is None else [seen.evidence]
    partial = seen is not None and (seen.partial or seen.is_cut or seen.unnamed > 0)
    if counts is not None:
        if found is not None and counts.accounts:
            ids, parts, partial = found.ids, [found.evidence], found.partial
        total, partial = counts.accounts, partial or counts.partial
        parts.insert(0, counts.evidence)
        if total is None and counts.count:
            basis = UNNAMED
    whole = None if total is None else max(total, len(ids))
    return Named(ids[:most], whole, basis, tuple(parts), partial)


def read_accounts(context: Context, ids: Sequence[int]) -> tuple[dict[int, Account], tuple[Evidence, ...]]:
    """Names and sizes, in batches; an account that is not there is said to be. Raises SourceFailure."""
    found: dict[int, Account] = {}
    evidence: list[Evidence] = []
    for wanted in batches(sorted(set(ids))):
        rows, part = _sizes(context, wanted)
        found |= rows
        evidence.append(part)
    return {one: found.get(one, Account(one, exists=False)) for one in ids}, tuple(evidence)


def _sizes(context: Context, wanted: tuple[int, ...]) -> tuple[dict[int, Account], Evidence]:
    accounts = context.table("accounts")
    columns = context.catalogue.schema_map.tables["accounts"].columns
    # The columns that may be missing, from the most telling on; without any of them an account is its number.
    for names in (("name", "user_count"), ("user_count",), ("name",), ()):
        if not set(names) <= set(columns):
            continue
        statement = select(accounts.c.id.label("id"), *(accounts.c[name].label(name) for name in names))
        try:
            rows = context.common(f"account sizes {len(names)} {wanted}", statement.where(accounts.c.id.in_(wanted)))
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


def read_shares(context: Context, issue: IssueType, ids: Sequence[int], job: Job | None = None) -> Shares:
    """How much of each account is affected, where the issue says what to count; a failure is a note."""
    ask = _SHARES.get(issue.name)
    if ask is None:
        return Shares(note="What part of an account it affects is not known for this issue.")
    if not ids:
        return Shares()
    try:
        return ask(context, tuple(sorted(set(ids))), job)
    except SourceFailure as failure:
        return Shares(note=f"What part of each account is affected is not known: {failure.headline()}.")


def _tokens(context: Context, ids: tuple[int, ...], _job: Job | None) -> Shares:
    """Credentials that are missing or expired."""
    auth = context.table("zillow_auth")
    held = auth.c.encrypted_refresh_token.is_not(None)
    now = context.now().replace(microsecond=0)
    broken = or_(~held, held & (auth.c.expires_at < now))
    return _counted(context, "broken tokens", ids, auth, broken, "credentials without a valid token")


def _connections(context: Context, ids: tuple[int, ...], _job: Job | None) -> Shares:
    """Connections that are not healthy, among those with an integration id."""
    users = context.table("zillow_sync_users")
    sick = or_(users.c.problem_at.is_not(None), users.c.connection_health_status != "healthy")
    among = users.c.zillow_integration_id.is_not(None)
    return _counted(context, "sick connections", ids, users, sick, "connections that are not healthy", among)


def _counted(  # noqa: PLR0917  # one statement, in the order of its parts
    context: Context,
    question: str,
    ids: tuple[int, ...],
    table: Table,
    part: ColumnElement[bool],
    what: str,
    *among: ColumnElement[bool],
) -> Shares:
    """Rows of each account in `table`, and those of them for which `part` holds."""
    shares = Shares()
    affected = func.sum(case((part, 1), else_=0))
    for wanted in batches(ids):
        statement = (
            select(table.c.account_id.label("account_id"), func.count().label("total"), affected.label("part"))
            .where(table.c.account_id.in_(wanted), *among)
            .group_by(table.c.account_id)
        )
        rows = context.common(f"{question} of {wanted}", statement)
        _add(shares, rows.rows, what)
        shares.evidence = (*shares.evidence, rows.evidence)
    return shares


def _deals(context: Context, ids: tuple[int, ...], job: Job | None) -> Shares:
    """Deals of the last day that did not sync."""
    answer = context.answers.get(
        ("fleet", "unsynced of", ids),
        context.settings.fleet.refresh_s,
        lambda: context.fleet.ask(UNSYNCED_COUNTS(DAY_S), job=job, accounts=ids),
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


def _agents(context: Context, ids: tuple[int, ...], _job: Job | None) -> Shares:
    """Agents that are INFERRED or UNMATCHED although their user holds a valid token."""
    stale = read_stale(context)
    worst = dict(stale.worst)
    totals = {
        one.account_id: sum(number(row, "count") for row in one.rows)
        for one in counts_of_everybody(context).rows
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


_SHARES: dict[str, Callable[[Context, tuple[int, ...], Job | None], Shares]] = {
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


# ---- the score


def read_impact(
    context: Context, issue_type: str, severity: str, accounts: Iterable[int] = (), job: Job | None = None
) -> Impact:
    """The score now. Raises SourceFailure where nobody knows which accounts are affected, and UserError.

    Sizes and parts that are not known are replaced by the catalogue's stand-ins, and said to be; they are never 0.
    """
    issue = issue_named(context.catalogue, issue_type)
    named = named_accounts(context, issue, accounts)
    notes: list[str] = []
    evidence = list(named.evidence)
    known: dict[int, Account] = {}
    try:
        known, parts = read_accounts(context, named.ids)
        evidence += parts
    except SourceFailure as failure:
        notes.append(f"Sizes of accounts are not known: {failure.headline()}.")
    shares = read_shares(context, issue, named.ids, job)
    evidence += shares.evidence
    notes += [shares.note] if shares.note else []
    return score(context.catalogue.impact, severity, named, known, shares, evidence=evidence, notes=notes)


def score(
    rules: ImpactRules,
    severity: str,
    named: Named,
    known: dict[int, Account],
    shares: Shares,
    *,
    evidence: Iterable[Evidence] = (),
    notes: Iterable[str] = (),
) -> Impact:
    """Weigh what was read. Raises UserError for a severity without a weight."""
    weight = rules.severities.get(severity)
    if weight is None:
        raise UserError(f"there is no weight for the severity {severity!r}", accepted=", ".join(rules.severities))
    weighed = [weigh(rules, severity, weight, known.get(account, Account(account)), shares) for account in named.ids]
    weighed.sort(key=lambda one: (-one.score, one.account_id))
    total = sum(one.score for one in weighed)
    coverage = _coverage(rules, named)
    said = list(notes)
    unknown = [one for one in weighed if one.share is None]
    if unknown and not any("not known" in note for note in said):
        said.append(f"The part affected of {plural(len(unknown), 'account')} is not known.")
    missing = sorted(one.account_id for one in known.values() if not one.exists)
    if missing:
        shown = ", ".join(map(str, missing[:SHOWN_GAPS])) + (" …" if len(missing) > SHOWN_GAPS else "")
        said.append(f"Not in common.accounts: {shown}.")
    if named.at_least:
        said.append("Datadog answered for a part of its logs: there may be more accounts.")
    said += [rules.note] if rules.note else []
    return Impact(
        score=round(total, 1),
        limit=rules.limit,
        accounts=tuple(weighed),
        coverage=coverage,
        proposes_command=total > rules.limit,
        words=_words(rules, total, named, coverage),
        evidence=tuple(dict.fromkeys(evidence)),
        notes=tuple(said),
    )


def weigh(rules: ImpactRules, severity: str, weight: float, account: Account, shares: Shares) -> AccountImpact:
    """One account's part of the score, with the multiplication in words."""
    band = rules.band(account.users)
    size = rules.sizes[band].weight
    part = shares.of.get(account.account_id)
    used = rules.unknown_share if part is None else min(1.0, max(0.0, part))
    result = size * weight * used
    users = "size not known, taken for" if account.users is None else f"{plural(account.users, 'user')},"
    affected = (
        f"part affected not known, taken for {used:g}"
        if part is None
        else f"{used:.2f} affected ({shares.words.get(account.account_id, 'counted')})"
    )
    return AccountImpact(
        account_id=account.account_id,
        name=account.name,
        size=account.users,
        size_weight=size,
        severity_weight=weight,
        share=part if part is None else used,
        score=round(result, 2),
        why=f"{users} {band} {size:g} × {severity} {weight:g} × {affected} = {result:,.1f}",
    )


def _coverage(rules: ImpactRules, named: Named) -> Coverage:
    asked = max(len(named.ids), named.total or 0)
    beyond = asked - len(named.ids)
    reason = f"beyond the {rules.most_accounts:,} that are weighed" if len(named.ids) >= rules.most_accounts else ""
    gaps = (Gap(reason=reason or "counted by the logs and not named", count=beyond),) if beyond else ()
    return Coverage(answered=len(named.ids), asked=asked, gaps=gaps)


def _words(rules: ImpactRules, total: float, named: Named, coverage: Coverage) -> str:
    if not named.ids and not coverage.asked:
        return f"no account is {named.basis}" if named.total is not None else "which accounts are affected is not known"
    at_least = "at least " if not coverage.is_complete or named.at_least else ""
    beyond = "" if coverage.is_complete else f" ({coverage.words()} weighed)"
    verdict = (
        f"above {rules.limit:,.0f}: an incident commander is needed"
        if total > rules.limit
        else f"not above {rules.limit:,.0f}"
        + (", as far as is known" if not coverage.is_complete or named.at_least else "")
    )
    return f"impact {at_least}{total:,.0f} over {plural(len(named.ids), 'account')}{beyond}, {verdict}"
