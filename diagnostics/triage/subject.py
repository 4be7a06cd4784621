"""The account and the deal a question is about: given, found in recent logs or in what was seen, or refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from diagnostics.checks.registry import check_named
from diagnostics.checks.transaction_sync import candidate_line, recent_zero_agent_deals
from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.words import plural
from diagnostics.models.triage import Finding, Refusal, TriageRequest
from diagnostics.signals.counts import DAY_S
from diagnostics.signals.deal_index import LoggedDeal
from diagnostics.sync.deals import read_deal
from diagnostics.triage.refusals import Refusals

if TYPE_CHECKING:
    from diagnostics.catalogue.model import IssueType
    from diagnostics.core.context import Context

MOST_CANDIDATES = 10


@dataclass(slots=True)
class TriageSubject:
    """A request with everything its checks need, and what was decided on the way."""

    request: TriageRequest
    notes: list[str] = field(default_factory=list)


def complete(context: Context, issue: IssueType, request: TriageRequest) -> TriageSubject | Refusal:
    """Complete the request's context, or refuse. Ids are taken to be in range; only names and places are asked for."""
    refusals = Refusals(context.catalogue)
    subject = TriageSubject(request)
    if request.account_id is not None:
        refused = _account_exists(context, refusals, issue, subject)
        if refused is not None:
            return refused
    if "deal" in issue.needs:
        refused = _deal(context, refusals, issue, subject)
        if refused is not None:
            return refused
    elif request.deal_id is not None:
        subject.notes.append(f"The checks of {issue.name} look at no deal; deal {request.deal_id} was not used.")
    if "account" in issue.needs and subject.request.account_id is None:
        return refusals.missing_context(
            request, issue, f"{issue.name} is a question about one account, and none was given."
        )
    return subject


def newest_reported_deal(context: Context, query: str) -> LoggedDeal | None:
    """The deal that logs, or what this console has seen, reported last without agents; None when there is none.

    Raises SourceFailure when the logs give no answer and nothing was seen either.
    """
    try:
        deals = recent_zero_agent_deals(context, query, context.window_s, 1)
    except SourceFailure:
        deals = context.deal_index.without_agents(1)
        if not deals:
            raise
    return next(iter(deals or context.deal_index.without_agents(1)), None)


def check_of_newest(context: Context, issue: IssueType, check_id: str) -> Finding:
    """One check of an issue with no account or deal given: where it needs a deal, of the one reported last.

    A source's failure is a finding too. Raises UserError for an unknown check.
    """
    check, request = check_named(check_id), TriageRequest(issue_type=issue.name)
    if "deal" in issue.needs and check_id != "zero_agent_deals":
        try:
            deal = newest_reported_deal(context, context.catalogue.queries[issue.query].datadog)
        except SourceFailure as failure:
            return check.unanswered(failure)
        if deal is not None:
            request = request.model_copy(update={"account_id": deal.account_id, "deal_id": deal.deal_id})
    return check.run(context, request)


def _account_exists(context: Context, refusals: Refusals, issue: IssueType, subject: TriageSubject) -> Refusal | None:
    account_id = subject.request.account_id
    assert account_id is not None  # noqa: S101  # for the type checker: asked only with an account
    try:
        subject.notes += filter(None, [context.databases.account(account_id).standing])
    except UserError:
        return refusals.missing_context(
            subject.request,
            issue,
            f"There is no account {account_id} in common.accounts.",
            first_steps=("Check the number; an account of another environment is not in this database.",),
        )
    except SourceFailure as failure:
        subject.notes.append(f"Whether account {account_id} exists could not be checked ({failure.headline()}).")
    return None


def _deal(context: Context, refusals: Refusals, issue: IssueType, subject: TriageSubject) -> Refusal | None:
    request = subject.request
    if request.deal_id is None:
        return _refuse_with_candidates(context, refusals, issue, request)
    if request.account_id is None:
        refused = _find_account(context, refusals, issue, subject, request.deal_id)
        if refused is not None:
            return refused
    return _deal_exists(context, refusals, issue, subject)


def _refuse_with_candidates(context: Context, refusals: Refusals, issue: IssueType, request: TriageRequest) -> Refusal:
    """No deal was given: name those that logs reported without agents."""
    steps: tuple[str, ...] = ()
    try:
        deals = recent_zero_agent_deals(context, context.catalogue.queries[issue.query].datadog, DAY_S, MOST_CANDIDATES)
    except SourceFailure as failure:
        deals = context.deal_index.without_agents(MOST_CANDIDATES)
        steps = (f"Candidates were not looked for in the logs ({failure.headline()}).",)
    if request.account_id is not None:
        deals = tuple(deal for deal in deals if deal.account_id == request.account_id)
    return refusals.missing_context(
        request,
        issue,
        f"{issue.name} is a question about one deal, and none was given.",
        candidates=[f"{candidate_line(deal)}: {_command(issue, deal)}" for deal in deals],
        first_steps=steps,
    )


@dataclass(slots=True)
class Sightings:
    """Where a deal whose account was not given has been met."""

    logged: set[int]
    seen: frozenset[int]
    failure: SourceFailure | None = None
    """Why the logs could not be asked."""
    partial: bool = False
    """The logs answered in part: there may be further accounts."""

    @property
    def accounts(self) -> list[int]:
        """Every account, ascending."""
        return sorted(self.logged | self.seen)

    def where(self) -> str:
        """Who says so, when there is one account."""
        if self.logged:
            return "the logs of the last 24 h name one"
        silent = "which the logs could not be asked about" if self.failure else "and no log of the last 24 h names it"
        return f"this console has seen it in one, {silent}"


def sightings(context: Context, deal_id: int) -> Sightings:
    """The accounts that logs of the last day, or this console, have named with the deal. Raises nothing."""
    from diagnostics.logs import bind  # noqa: PLC0415  # the query language loads when it is needed

    seen = context.deal_index.accounts(deal_id)
    try:
        query = bind(context.catalogue.queries["deal_lookup"].datadog, deal_id=deal_id)
        named = context.logs.accounts(query, DAY_S)
    except SourceFailure as failure:
        return Sightings(set(), seen, failure=failure)
    return Sightings(set(named.ids), seen, partial=named.partial)


def _find_account(
    context: Context, refusals: Refusals, issue: IssueType, subject: TriageSubject, deal_id: int
) -> Refusal | None:
    """Look for the account of a deal; one is used and said, several, none or perhaps not all are refused."""
    request = subject.request
    met = sightings(context, deal_id)
    accounts = met.accounts
    if len(accounts) == 1 and not met.partial:
        account_id = accounts[0]
        subject.request = request.model_copy(update={"account_id": account_id})
        subject.notes.append(f"The account of deal {deal_id} was not given; {met.where()}: {account_id}.")
        return None
    perhaps_more = "Datadog gave a partial answer: there may be further accounts." if met.partial else ""
    if accounts:
        exists = plural(len(accounts), "account")
        return refusals.missing_context(
            request,
            issue,
            f"Deal {deal_id} exists in {exists}, and no account was given. {perhaps_more}".rstrip(),
            candidates=[
                f"account {account_id}: {_command(issue, LoggedDeal(deal_id, account_id, 0, without_agents=False))}"
                for account_id in accounts[:MOST_CANDIDATES]
            ],
        )
    if met.failure is not None:
        return refusals.system_access(
            request,
            issue,
            f"The account of deal {deal_id} was not given and could not be looked up ({met.failure.headline()}); "
            "give --account-id.",
        )
    return refusals.missing_context(
        request,
        issue,
        f"No account was given, and no log of the last 24 h names deal {deal_id}. {perhaps_more}".rstrip(),
        first_steps=("Give the account as well: --account-id.",),
    )


def _deal_exists(context: Context, refusals: Refusals, issue: IssueType, subject: TriageSubject) -> Refusal | None:
    request = subject.request
    if request.account_id is None or request.deal_id is None:
        return None
    try:
        deal, _ = read_deal(context, request.account_id, request.deal_id)
    except UserError:
        return refusals.missing_context(request, issue, f"There is no account {request.account_id} in common.accounts.")
    except SourceFailure:
        # The checks meet the same failure, and report it with its remedy.
        return None
    if deal is not None:
        return None
    return refusals.missing_context(
        request,
        issue,
        f"The client database of account {request.account_id} has no deal {request.deal_id}.",
        first_steps=("Check both numbers; leave the account out to have the deal looked for in recent logs.",),
    )


def _command(issue: IssueType, deal: LoggedDeal) -> str:
    account = "" if deal.account_id is None else f" --account-id {deal.account_id}"
    return f"warroom triage --issue {issue.name}{account} --deal-id {deal.deal_id}"
