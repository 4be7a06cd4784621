"""Deals judged set by set: the statements and the judgement of a single diagnosis, over pages of one account."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, or_, select

from diagnostics.checks.base import moment, number
from diagnostics.core.context import Context
from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.waiting import Job
from diagnostics.models.evidence import Evidence
from diagnostics.sync.configuration import IGNORE_CREATION, read_flags
from diagnostics.sync.deals import BATCH, Asking
from diagnostics.sync.gates import AccountFacts, DealFacts, judge, read_account, read_facts
from diagnostics.sync.verdict import Verdict

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from diagnostics.core.context import Question

MOST_COUNTED = 100_000
"""Counting stops here: a larger count would read a larger part of the table and say no more."""


@dataclass(slots=True, frozen=True)
class Judged:
    """One deal and what it would fail with."""

    account_id: int
    deal_id: int
    created_at: datetime | None
    verdict: Verdict
    has_agents: bool


@dataclass(slots=True)
class Lot:
    """What was found out about the unsynced deals of one account."""

    account_id: int
    judged: list[Judged] = field(default_factory=list)
    total: int = 0
    is_lower_bound: bool = False
    is_cut: bool = False
    """It ended before its bound was reached: cancelled, or out of time."""
    ignores_creation: bool | None = None
    nameless: int = 0
    """Rows of deal_agents without a user, on the judged deals."""
    orphans: int = 0
    """Agents without a row in users, on the judged deals."""
    evidence: list[Evidence] = field(default_factory=list)
    failure: SourceFailure | None = None


def judge_account(
    context: Context, account_id: int, since: datetime | None, most: int, job: Job, *, report: bool = False
) -> Lot:
    """The unsynced deals of one account, newest first, at most `most` of them judged. A failure is part of the lot."""
    lot, asking = Lot(account_id), Asking(context, account_id)
    try:
        _count(lot, asking, since)
        shared = read_account(asking)
        lot.evidence += [*shared.connections.evidence, *shared.systems.evidence]
        for page in _pages(asking, since, most, lot):
            if job.is_over:
                lot.is_cut = True
                break
            _judge_page(lot, asking, page, shared)
            # Deals that were made since the count belong to the total as well.
            lot.total = max(lot.total, len(lot.judged))
            if report:
                job.report(len(lot.judged), lot.total, "deals")
    except SourceFailure as failure:
        lot.failure = failure
    except UserError:
        # The account has left common.accounts since it was counted: there is nothing of it to judge.
        lot.is_cut = True
    flags = asking.part(lambda: read_flags(asking))
    state = next((flag for flag in flags.value or () if flag.name == IGNORE_CREATION), None)
    lot.ignores_creation = None if state is None or state.contradicts else bool(state.is_on)
    return lot


def judge_deals(context: Context, account_id: int, deal_ids: Sequence[int]) -> dict[int, Verdict]:
    """The verdict on each of these deals of one account, synced or not. Raises SourceFailure, AccountUnknown."""
    return {facts.deal_id: judge(facts) for facts in read_facts(Asking(context, account_id), deal_ids)}


def _judge_page(lot: Lot, asking: Asking, page: Sequence[int], shared: AccountFacts) -> None:
    first = not lot.judged
    for facts in read_facts(asking, page, shared):
        # Synced, or deleted, since the page was read: it is no unsynced deal any more.
        if facts.deal is None or facts.deal.synced_at is not None:
            lot.total = max(0, lot.total - 1)
            continue
        lot.judged.append(
            Judged(lot.account_id, facts.deal_id, facts.deal.created_at, judge(facts), bool(facts.agents))
        )
        lot.nameless += 0 if facts.crew.value is None else facts.crew.value.nameless
        lot.orphans += sum(agent.is_orphan for agent in facts.agents)
        if first:
            lot.evidence += _evidence_of(facts)
            first = False


def _evidence_of(facts: DealFacts) -> tuple[Evidence, ...]:
    """How one batch was asked: the others were asked alike."""
    paths = facts.paths.evidence if facts.paths else ()
    return (*facts.asked, *facts.crew.evidence, *facts.contacts.evidence, *paths)


def _count(lot: Lot, asking: Asking, since: datetime | None) -> None:
    """How many there are, counted no further than `MOST_COUNTED`."""
    deals = asking.context.table("deals")
    unsynced = select(deals.c.id).where(_unsynced(asking, since)).limit(MOST_COUNTED + 1).subquery()
    answer = asking.client("unsynced deals counted", select(func.count().label("deals")).select_from(unsynced))
    found = number(answer.rows[0], "deals") if answer.rows else 0
    lot.total, lot.is_lower_bound = min(found, MOST_COUNTED), found > MOST_COUNTED
    lot.evidence.append(answer.evidence)


def _pages(asking: Asking, since: datetime | None, most: int, lot: Lot) -> Iterator[tuple[int, ...]]:
    """Ids of unsynced deals, newest first, page by page along a key; at most `most` in all."""
    deals = asking.context.table("deals")
    order = [deals.c.id.desc()] if since is None else [deals.c.created_at.desc(), deals.c.id.desc()]
    last: dict[str, object] | None = None
    left = most
    while left > 0:
        wanted = _unsynced(asking, since)
        if last is not None:
            wanted = and_(wanted, _beyond(asking, last, by_moment=since is not None))
        statement: Question = select(deals.c.id.label("id"), deals.c.created_at.label("created_at")).where(wanted)
        size = min(BATCH, left)
        answer = asking.client("unsynced deals", statement.order_by(*order).limit(size))
        if last is None:
            lot.evidence.append(answer.evidence)
        if not answer.rows:
            return
        yield tuple(number(row, "id") for row in answer.rows)
        last = answer.rows[-1]
        left -= len(answer.rows)
        if len(answer.rows) < size:
            return


def _unsynced(asking: Asking, since: datetime | None) -> ColumnElement[bool]:
    deals = asking.context.table("deals")
    never = deals.c.synced_at.is_(None)
    return never if since is None else and_(never, deals.c.created_at >= since)


def _beyond(asking: Asking, last: dict[str, object], *, by_moment: bool) -> ColumnElement[bool]:
    """What follows the last row of a page. A comparison of pairs would not use the index; written out it does."""
    deals = asking.context.table("deals")
    before = deals.c.id < number(last, "id")
    at = moment(last, "created_at")
    if not by_moment or at is None:
        return before
    return and_(deals.c.created_at <= at, or_(deals.c.created_at < at, before))
