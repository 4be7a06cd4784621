"""Deals that were never synced, by cause: of one account, or of a window over all accounts.

Deals are judged set by set, with the statements and the judgement of a single diagnosis. How many are judged is
bounded; the rest is only counted, and said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, or_, select

from diagnostics.checks.base import moment, number
from diagnostics.core.context import Context
from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.waiting import Job
from diagnostics.core.words import form, plural, sentence
from diagnostics.fleet.questions import UNSYNCED_COUNTS
from diagnostics.models.deals import UnsyncedDeals, UnsyncedGroup
from diagnostics.models.evidence import Evidence
from diagnostics.models.figures import Coverage, Gap
from diagnostics.signals.counts import DAY_S
from diagnostics.sync.configuration import IGNORE_CREATION, read_flags
from diagnostics.sync.deals import BATCH, Asking
from diagnostics.sync.gates import AccountFacts, DealFacts, judge, read_account, read_facts
from diagnostics.sync.verdict import ELIGIBLE, NOT_KNOWN, DealVerdict

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from diagnostics.catalogue import Catalogue
    from diagnostics.core.context import Question
    from diagnostics.fleet.fleet import FleetAnswer

MOST_COUNTED = 100_000
"""Counting stops here: a larger count would read a larger part of the table and say no more."""


@dataclass(slots=True, frozen=True)
class JudgedDeal:
    """One deal and what it would fail with."""

    account_id: int
    deal_id: int
    created_at: datetime | None
    verdict: DealVerdict
    has_agents: bool


@dataclass(slots=True)
class UnsyncedBatch:
    """Unsynced deals of one account, judged."""

    account_id: int
    judged: list[JudgedDeal] = field(default_factory=list)
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
) -> UnsyncedBatch:
    """The unsynced deals of one account, newest first, at most `most` of them judged. A failure is part of it."""
    batch, asking = UnsyncedBatch(account_id), Asking(context, account_id)
    try:
        _count(batch, asking, since)
        shared = read_account(asking)
        batch.evidence += [*shared.connections.evidence, *shared.systems.evidence]
        for page in _pages(asking, since, most, batch):
            if job.is_over:
                batch.is_cut = True
                break
            _judge_page(batch, asking, page, shared)
            # Deals that were made since the count belong to the total as well.
            batch.total = max(batch.total, len(batch.judged))
            if report:
                job.report(len(batch.judged), batch.total, "deals")
    except SourceFailure as failure:
        batch.failure = failure
    except UserError:
        # The account has left common.accounts since it was counted: there is nothing of it to judge.
        batch.is_cut = True
    flags = asking.part(lambda: read_flags(asking))
    state = next((flag for flag in flags.value or () if flag.name == IGNORE_CREATION), None)
    batch.ignores_creation = None if state is None else state.decides
    return batch


def _judge_page(batch: UnsyncedBatch, asking: Asking, page: Sequence[int], shared: AccountFacts) -> None:
    first = not batch.judged
    for facts in read_facts(asking, page, shared):
        # Synced, or deleted, since the page was read: it is no unsynced deal any more.
        if facts.deal is None or facts.deal.synced_at is not None:
            batch.total = max(0, batch.total - 1)
            continue
        batch.judged.append(
            JudgedDeal(batch.account_id, facts.deal_id, facts.deal.created_at, judge(facts), bool(facts.agents))
        )
        batch.nameless += 0 if facts.crew.value is None else facts.crew.value.nameless
        batch.orphans += sum(agent.is_orphan for agent in facts.agents)
        if first:
            batch.evidence += _evidence_of(facts)
            first = False


def _evidence_of(facts: DealFacts) -> tuple[Evidence, ...]:
    """How one batch was asked: the others were asked alike."""
    paths = facts.paths.evidence if facts.paths else ()
    return (*facts.asked, *facts.crew.evidence, *facts.contacts.evidence, *paths)


def _count(batch: UnsyncedBatch, asking: Asking, since: datetime | None) -> None:
    """How many there are, counted no further than `MOST_COUNTED`."""
    deals = asking.context.table("deals")
    unsynced = select(deals.c.id).where(_unsynced(asking, since)).limit(MOST_COUNTED + 1).subquery()
    answer = asking.client("unsynced deals counted", select(func.count().label("deals")).select_from(unsynced))
    found = number(answer.rows[0], "deals") if answer.rows else 0
    batch.total, batch.is_lower_bound = min(found, MOST_COUNTED), found > MOST_COUNTED
    batch.evidence.append(answer.evidence)


def _pages(asking: Asking, since: datetime | None, most: int, batch: UnsyncedBatch) -> Iterator[tuple[int, ...]]:
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
            batch.evidence.append(answer.evidence)
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
    """Rows after the last one of a page. A comparison of pairs would not use the index; written out it does."""
    deals = asking.context.table("deals")
    before = deals.c.id < number(last, "id")
    at = moment(last, "created_at")
    if not by_moment or at is None:
        return before
    return and_(deals.c.created_at <= at, or_(deals.c.created_at < at, before))


MOST_EXAMINED = 5_000
"""Deals judged of one account."""

MOST_EXAMINED_EACH = 500
"""Deals judged of each account when all are asked."""

MOST_EXAMINED_IN_ALL = 20_000
"""Deals judged over all accounts; no further account is begun beyond it."""

MOST_ACCOUNTS = 200
"""Accounts whose deals are judged when all are asked: those with the most unsynced deals."""

MOST_LISTED = 200
"""Deals named under one cause."""

MOST_FAILURES_NAMED = 5

MOST_EVIDENCE = 40
"""Statements shown behind one answer; all accounts are asked alike."""

WORKERS = 4
"""Accounts judged at the same time, and never more than the fleet's cap per host."""

FLEET_WINDOW_S = DAY_S
"""The window over all accounts where none is given."""

TITLES = {
    ELIGIBLE: "Eligible, and not synced yet",
    NOT_KNOWN: "Not known: a part of what decides could not be read",
}


def unsynced_deals(
    context: Context, account_id: int | None = None, window_s: int | None = None, job: Job | None = None
) -> UnsyncedDeals:
    """The deals with `synced_at` null by cause.

    Raises SourceFailure when nothing at all could be read or the job was cancelled before anything was, AccountUnknown.
    """
    work = job or Job()
    if account_id is None:
        return _of_fleet(context, FLEET_WINDOW_S if window_s is None else window_s, work)
    return _of_account(context, account_id, window_s, work)


def _of_account(context: Context, account_id: int, window_s: int | None, job: Job) -> UnsyncedDeals:
    context.databases.account(account_id)
    now = context.now()
    since = None if window_s is None else now - timedelta(seconds=window_s)
    batch = judge_account(context, account_id, since, MOST_EXAMINED, job, report=True)
    if batch.failure is not None and not batch.judged:
        raise batch.failure
    return _answer(context.catalogue, [batch], account_id, window_s, now, coverage=None)


def _of_fleet(context: Context, window_s: int, job: Job) -> UnsyncedDeals:
    """Counts from every account first; then the accounts with the most unsynced deals, judged a few at a time."""

    now = context.now()
    since = now - timedelta(seconds=window_s)
    counted = context.fleet.ask(UNSYNCED_COUNTS(window_s), job=job)
    totals = _totals(counted)
    chosen = sorted((account for account, count in totals.items() if count), key=lambda one: (-totals[one], one))
    batches = list(_in_turn(context, chosen[:MOST_ACCOUNTS], since, job))
    coverage = _with_failures(counted.coverage, batches)
    for batch in batches:
        # Deals made or synced since the count move the total of their account, not the whole.
        totals[batch.account_id] = batch.total if batch.failure is None else totals[batch.account_id]
    answer = _answer(context.catalogue, batches, None, window_s, now, coverage=coverage)
    left_out = len(chosen) - len(batches)
    notes = [*answer.notes, *counted.notes]
    if left_out > 0:
        verb = form(left_out, "was", "were")
        notes.append(f"{plural(left_out, 'further account')} with unsynced deals {verb} counted and not judged.")
    evidence = (*counted.evidence, *answer.evidence)[:MOST_EVIDENCE]
    return answer.model_copy(update={"notes": tuple(notes), "evidence": evidence, "total": sum(totals.values())})


def _totals(counted: FleetAnswer) -> dict[int, int]:
    totals: dict[int, int] = {}
    for account in counted.rows:
        totals[account.account_id] = sum(number(row, "unsynced") for row in account.rows)
    return totals


def _in_turn(context: Context, accounts: Sequence[int], since: datetime, job: Job) -> Iterator[UnsyncedBatch]:
    """The batches of these accounts as they are done; ends early when the job does."""
    workers = max(1, min(WORKERS, context.settings.fleet.per_host))
    pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="unsynced")
    waiting: set[Future[UnsyncedBatch]] = set()
    left, done, examined = list(reversed(accounts)), 0, 0
    try:
        while (left and not job.is_over) or waiting:
            while left and len(waiting) < workers and not job.is_over:
                waiting.add(pool.submit(judge_account, context, left.pop(), since, MOST_EXAMINED_EACH, job))
            finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for one in finished:
                done, examined = done + 1, examined + len(one.result().judged)
                job.report(done, len(accounts), "accounts judged")
                yield one.result()
            if examined >= MOST_EXAMINED_IN_ALL:
                left.clear()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _with_failures(coverage: Coverage, batches: Iterable[UnsyncedBatch]) -> Coverage:
    """The coverage of the count, with the accounts that were counted and then could not be judged."""
    failed: dict[str, list[int]] = {}
    for batch in batches:
        if batch.failure is not None:
            failed.setdefault(batch.failure.headline(), []).append(batch.account_id)
    gaps = [
        Gap(
            reason=f"counted, not judged: {reason}",
            count=len(accounts),
            examples=tuple(f"account {account}" for account in accounts[:3]),
        )
        for reason, accounts in failed.items()
    ]
    missing = sum(gap.count for gap in gaps)
    return coverage.model_copy(
        update={"answered": max(0, coverage.answered - missing), "gaps": (*coverage.gaps, *gaps)}
    )


def _answer(
    catalogue: Catalogue,
    batches: Sequence[UnsyncedBatch],
    account_id: int | None,
    window_s: int | None,
    now: datetime,
    *,
    coverage: Coverage | None,
) -> UnsyncedDeals:
    by_code: dict[str, list[JudgedDeal]] = {}
    for batch in batches:
        for one in batch.judged:
            by_code.setdefault(one.verdict.error_code, []).append(one)
    groups = [_group(catalogue, code, deals) for code, deals in by_code.items()]
    evidence = tuple(one for batch in batches for one in batch.evidence)
    return UnsyncedDeals(
        account_id=account_id,
        window_s=window_s,
        groups=tuple(sorted(groups, key=lambda group: (-group.count, group.error_code))),
        total=sum(batch.total for batch in batches),
        examined=sum(len(batch.judged) for batch in batches),
        coverage=coverage,
        evidence=evidence[:MOST_EVIDENCE],
        notes=tuple(_notes(batches)),
        taken_at=now,
    )


def _group(catalogue: Catalogue, code: str, deals: list[JudgedDeal]) -> UnsyncedGroup:
    deals.sort(key=lambda one: (one.created_at.timestamp() if one.created_at else 0.0, one.deal_id), reverse=True)
    known = next((one for one in catalogue.known_messages.values() if one.text == code), None)
    step = known.remedy if known else ""
    if code == ELIGIBLE:
        step = "Look for failed jobs (query sync_worker_errors) and held mutexes; an update of a deal starts a sync."
    elif code == NOT_KNOWN:
        first = deals[0].verdict.unknown[0]
        step = f"{first.gate} {first.line}. Ask again when the source answers: warroom doctor."
    empty = sum(not one.has_agents for one in deals) if code == "agent_verification_failed" else 0
    if empty:
        step = f"{plural(empty, 'of them has', 'of them have')} nobody on them: assign an agent first. {step}"
    return UnsyncedGroup(
        error_code=code,
        title=TITLES.get(code) or (known.meaning if known else code),
        count=len(deals),
        deals=tuple((one.account_id, one.deal_id) for one in deals[:MOST_LISTED]),
        next_step=step,
    )


def _notes(batches: Sequence[UnsyncedBatch]) -> Iterator[str]:
    """Biases of the numbers, with their effect."""
    examined, total = sum(len(batch.judged) for batch in batches), sum(batch.total for batch in batches)
    bounds = [batch for batch in batches if batch.is_lower_bound]
    if bounds:
        yield f"Counting stopped at {MOST_COUNTED:,} deals of an account: the total is a lower bound."
    if examined < total:
        rest = total - examined
        verb = form(rest, "was", "were")
        yield f"{plural(rest, 'older deal')} {verb} counted and not judged: the groups leave them out."
    for batch in batches:
        if (old := next((one for one in batch.evidence if one.is_old), None)) is not None:
            yield sentence(f"Account {batch.account_id} as of then: {old.caveat.partition(';')[0]}")
    cut = sum(batch.is_cut for batch in batches)
    if cut:
        yield f"Judging ended early in {plural(cut, 'account')}: cancelled, out of time, or the account is gone."
    for batch in [batch for batch in batches if batch.failure is not None][:MOST_FAILURES_NAMED]:
        why = batch.failure.headline() if batch.failure else ""
        yield f"Account {batch.account_id} was judged as far as {plural(len(batch.judged), 'deal')}: {why}."
    ignoring = [batch for batch in batches if batch.ignores_creation]
    eligible = sum(one.verdict.error_code == ELIGIBLE for batch in ignoring for one in batch.judged)
    if eligible:
        where = "the account" if len(batches) == 1 else plural(len(ignoring), "account")
        waiting = plural(eligible, "eligible deal")
        yield f"{IGNORE_CREATION} is on for {where}: {waiting} will not sync by being created."
    orphans, nameless = sum(batch.orphans for batch in batches), sum(batch.nameless for batch in batches)
    if orphans:
        yield f"{plural(orphans, 'agent')} on these deals without a row in users: judged by the id alone."
    if nameless:
        yield f"{plural(nameless, 'row')} of deal_agents without a user on these deals: not counted as agents."
