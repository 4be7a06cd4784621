"""Accounts affected: one row each with name, size, part affected, first and last event, kind of failure, sync.

Logs name the accounts; `common` and the client databases say the rest. What a source does not say stays unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, case, func, select

from diagnostics.checks.base import number
from diagnostics.core.context import Context
from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.words import plural, span
from diagnostics.health.stale import read_stale
from diagnostics.incident.assess.impact import (
    RESOLUTION,
    Account,
    Shares,
    batches,
    read_accounts,
    read_shares,
    weigh,
)
from diagnostics.incident.incidents import issue_named
from diagnostics.models.evidence import Evidence
from diagnostics.models.incidents import AffectedAccount, AffectedAccounts
from diagnostics.signals.counts import MOST_SEEN, UNNAMED

if TYPE_CHECKING:
    from diagnostics.catalogue.model import IssueType
    from diagnostics.core.waiting import Job
    from diagnostics.signals.counts import AccountsSeen

Tell = Callable[[AffectedAccounts], object]

MOST_LISTED = MOST_SEEN
"""Accounts of one list."""

CLIENT_SIDE = frozenset({"transaction_sync"})
"""Issues whose part affected is counted in the client databases: for the accounts that are weighed only."""

Kinds = Mapping[int, tuple[tuple[str, int], ...]]


@dataclass(slots=True)
class _Known:
    """What has been read so far."""

    ids: tuple[int, ...]
    total: int | None
    at_least: bool
    basis: str
    seen: AccountsSeen | None = None
    accounts: dict[int, Account] = field(default_factory=dict)
    has_sizes: bool = False
    shares: Shares = field(default_factory=Shares)
    syncing: Mapping[int, tuple[int, int]] | None = None
    """(connections, those that sync) by account; None where that was not read."""
    kinds: Kinds = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)


def read_affected(
    context: Context,
    issue_type: str,
    severity: str | None = None,
    window_s: int | None = None,
    *,
    tell: Tell | None = None,
    job: Job | None = None,
    kinds: bool = True,
    known_s: float | None = None,
) -> AffectedAccounts:
    """The accounts that an issue affects now, those that weigh most first.

    `kinds` of failure cost one more of Datadog's scarce aggregates. Names that the logs gave here within the last
    `known_s` seconds are taken as they are, and not asked for. `tell` gets what is known while something is still
    asked. Raises SourceFailure where nobody can say which accounts they are, and UserError for an unknown issue or
    severity. Every other part that fails is a note.
    """
    issue = issue_named(context.catalogue, issue_type)
    grave = severity or issue.severities[0]
    if grave not in issue.severities:
        raise UserError(
            f"{issue.title} has no severity {grave!r}", accepted=", ".join(issue.severities), next_step="leave it out"
        )
    seconds = window_s or context.window_s
    known = _of_agents(context) if issue.name == RESOLUTION else _of_logs(context, issue, seconds, known_s)
    facet = context.catalogue.queries[issue.query].kind if kinds and issue.name != RESOLUTION else ""
    pending = ["sizes", "parts affected", "sync", *(["kinds of failure"] if facet else [])]

    def answer() -> AffectedAccounts:
        return _answer(context, issue, grave, seconds, known, tuple(pending))

    def done(part: str) -> None:
        pending.remove(part)
        if tell is not None and pending:
            tell(answer())

    if tell is not None:
        tell(answer())
    _read_sizes(context, known)
    done("sizes")
    _read_parts(context, issue, known, job)
    done("parts affected")
    _read_sync(context, known)
    done("sync")
    if facet:
        _read_kinds(context, issue, seconds, facet, known)
        done("kinds of failure")
    return answer()


def _of_agents(context: Context) -> _Known:
    stale = read_stale(context)
    partial = not stale.coverage.is_complete
    known = _Known(tuple(account for account, _ in stale.worst), stale.accounts, partial, "with stale agents")
    known.evidence += stale.evidence
    if partial:
        known.notes.append(f"Agents were read in {stale.coverage.words()}: there may be more.")
    return known


def _of_logs(context: Context, issue: IssueType, window_s: int, known_s: float | None) -> _Known:
    query = context.catalogue.queries[issue.query].datadog
    known_before = None if known_s is None else context.logs.known_accounts_seen(query, window_s, MOST_LISTED, known_s)
    seen = known_before or context.logs.accounts_seen(query, window_s, MOST_LISTED)
    ids = tuple(one.account_id for one in seen.accounts)
    basis = f"named by logs of the last {span(window_s)}"
    total: int | None = len(ids)
    if not ids and (seen.unnamed or seen.partial):
        # Events without an account concern somebody; logs that are late or partial may still name one.
        total, basis = None, UNNAMED if seen.unnamed else basis
    known = _Known(ids, total, seen.partial or seen.is_cut or seen.unnamed > 0, basis, seen)
    if seen.is_cut:
        _count_all(context, issue, window_s, known)
    known.evidence.append(seen.evidence)
    if seen.unnamed and ids:
        known.notes.append(f"{plural(seen.unnamed, 'event')} name no account: whom they concern is not known.")
    if seen.doubt:
        known.notes.append(f"{seen.doubt[0].upper()}{seen.doubt[1:]}.")
    return known


def _count_all(context: Context, issue: IssueType, window_s: int, known: _Known) -> None:
    """How many accounts there are where not all of them are named."""
    known.notes.append(f"The {MOST_LISTED:,} accounts with most events are listed: the logs name no more at a time.")
    try:
        counts = context.logs.counts(context.catalogue.queries[issue.query].datadog, window_s)
    except SourceFailure as failure:
        known.notes.append(f"How many there are in all is not known: {failure.headline()}.")
        return
    known.total = max(counts.accounts or 0, len(known.ids))
    known.evidence.append(counts.evidence)


def _read_sizes(context: Context, known: _Known) -> None:
    try:
        known.accounts, evidence = read_accounts(context, known.ids)
    except SourceFailure as failure:
        known.notes.append(f"Names and sizes of accounts are not known: {failure.headline()}.")
        return
    known.has_sizes = True
    known.evidence += evidence
    strangers = [one for one in known.accounts.values() if not one.exists]
    if strangers:
        known.notes.append(f"{plural(len(strangers), 'account')} not in common.accounts.")


def _read_parts(context: Context, issue: IssueType, known: _Known, job: Job | None) -> None:
    most = context.catalogue.impact.most_accounts
    ids = known.ids[:most] if issue.name in CLIENT_SIDE else known.ids
    known.shares = read_shares(context, issue, ids, job)
    known.evidence += known.shares.evidence
    if known.shares.note:
        known.notes.append(known.shares.note)
    if len(ids) < len(known.ids):
        known.notes.append(
            f"The part affected was counted for the {plural(len(ids), 'account')} with most events only."
        )


def _read_sync(context: Context, known: _Known) -> None:
    """Sync connections of each account, and those that are enabled and healthy."""
    users = context.table("zillow_sync_users")
    well = and_(users.c.zillow_integration_enabled.is_(True), users.c.connection_health_status == "healthy")
    found: dict[int, tuple[int, int]] = dict.fromkeys(known.ids, (0, 0))
    try:
        for wanted in batches(sorted(known.ids)):
            statement = (
                select(
                    users.c.account_id.label("account_id"),
                    func.count().label("total"),
                    func.sum(case((well, 1), else_=0)).label("part"),
                )
                .where(users.c.account_id.in_(wanted))
                .group_by(users.c.account_id)
            )
            rows = context.common(f"sync of accounts {wanted}", statement)
            found |= {number(row, "account_id"): (number(row, "total"), number(row, "part")) for row in rows.rows}
            known.evidence.append(rows.evidence)
    except SourceFailure as failure:
        known.notes.append(f"Whether accounts sync is not known: {failure.headline()}.")
        return
    known.syncing = found


def _read_kinds(context: Context, issue: IssueType, window_s: int, facet: str, known: _Known) -> None:
    if not known.ids:
        return
    query = context.catalogue.queries[issue.query].datadog
    try:
        known.kinds, evidence = context.logs.kinds_of_accounts(query, window_s, facet, MOST_LISTED)
    except SourceFailure as failure:
        known.notes.append(f"Kinds of failure are not known: {failure.headline()}.")
        return
    known.evidence.append(evidence)
    if not known.kinds:
        known.notes.append(f"No event carries {facet}: kinds of failure are not known.")


def _answer(  # noqa: PLR0917  # what every row is made of
    context: Context, issue: IssueType, severity: str, window_s: int, known: _Known, pending: tuple[str, ...]
) -> AffectedAccounts:
    rules = context.catalogue.impact
    weight = rules.severities.get(severity)
    if weight is None:
        raise UserError(f"there is no weight for the severity {severity!r}", accepted=", ".join(rules.severities))
    seen = {one.account_id: one for one in known.seen.accounts} if known.seen is not None else {}
    first_step = None if known.seen is None else known.seen.start + timedelta(seconds=known.seen.step_s)
    rows: list[AffectedAccount] = []
    for account_id in known.ids:
        account = known.accounts.get(account_id, Account(account_id))
        weighed = weigh(rules, severity, weight, account, known.shares)
        events = seen.get(account_id)
        connections = known.syncing.get(account_id) if known.syncing is not None else None
        row = AffectedAccount(
            issue=issue.name,
            account_id=account_id,
            impact=weighed.score,
            why=weighed.why,
            name=account.name,
            size=account.users,
            exists=account.exists if known.has_sizes else None,
            share=weighed.share,
            share_words=known.shares.words.get(account_id, ""),
            kinds=known.kinds.get(account_id, ()),
        )
        if events is not None:
            row = replace(
                row,
                events=events.events,
                first_seen=events.first,
                last_seen=events.last,
                began_before=_is_before(events.first, first_step),
            )
        if connections is not None:
            row = replace(row, connections=connections[0], syncing=connections[1])
        rows.append(row)
    return AffectedAccounts(
        issue=issue.name,
        severity=severity,
        window_s=window_s,
        rows=tuple(ranked(rows)),
        total=known.total,
        at_least=known.at_least,
        basis=known.basis,
        taken_at=context.now(),
        step_s=60 if known.seen is None else known.seen.step_s,
        notes=(*known.notes, *((rules.note,) if rules.note else ())),
        pending=pending,
        evidence=tuple(dict.fromkeys(known.evidence)),
    )


def _is_before(first: datetime | None, first_step: datetime | None) -> bool:
    return first is not None and first_step is not None and first < first_step


def ranked(rows: Iterable[AffectedAccount]) -> list[AffectedAccount]:
    """Those that weigh most first; of equal weight, those with most events."""
    return sorted(rows, key=lambda one: (-one.impact, -(one.events or 0), one.account_id))
