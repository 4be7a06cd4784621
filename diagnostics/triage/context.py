"""The account and the deal a question is about: given, found in recent logs or in what was seen, or refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from diagnostics.checks.base import Tools
from diagnostics.checks.transaction_sync import candidate_line, recent_zero_agent_deals
from diagnostics.deals import read_deal
from diagnostics.failures import SourceFailure, UserError
from diagnostics.log_questions import DAY_S
from diagnostics.models.triage import Refusal, TriageRequest
from diagnostics.seen import SeenDeal
from diagnostics.triage.refusals import Refusals

if TYPE_CHECKING:
    from diagnostics.catalogue.model import IssueType

MOST_CANDIDATES = 10


@dataclass(slots=True)
class Context:
    """A request with everything its checks need, and what was decided on the way."""

    request: TriageRequest
    notes: list[str] = field(default_factory=list)


def complete(tools: Tools, issue: IssueType, request: TriageRequest) -> Context | Refusal:
    """Complete the request's context, or refuse. Ids are taken to be in range; only names and places are asked for."""
    refusals = Refusals(tools.catalogue)
    context = Context(request)
    if request.account_id is not None:
        refused = _account_exists(tools, refusals, issue, context)
        if refused is not None:
            return refused
    if "deal" in issue.needs:
        refused = _deal(tools, refusals, issue, context)
        if refused is not None:
            return refused
    elif request.deal_id is not None:
        context.notes.append(f"The checks of {issue.name} look at no deal; deal {request.deal_id} was not used.")
    if "account" in issue.needs and context.request.account_id is None:
        return refusals.missing_context(
            request, issue, f"{issue.name} is a question about one account, and none was given."
        )
    return context


def newest_reported_deal(tools: Tools, query: str) -> SeenDeal | None:
    """The deal that logs, or what this console has seen, reported last without agents; None when there is none.

    Raises SourceFailure when the logs give no answer and nothing was seen either.
    """
    try:
        deals = recent_zero_agent_deals(tools, query, tools.window_s, 1)
    except SourceFailure:
        deals = tools.seen.without_agents(1)
        if not deals:
            raise
    return next(iter(deals or tools.seen.without_agents(1)), None)


def _account_exists(tools: Tools, refusals: Refusals, issue: IssueType, context: Context) -> Refusal | None:
    account_id = context.request.account_id
    assert account_id is not None  # noqa: S101  # for the type checker: asked only with an account
    try:
        tools.databases.account(account_id)
    except UserError:
        return refusals.missing_context(
            context.request,
            issue,
            f"There is no account {account_id} in common.accounts.",
            first_steps=("Check the number; an account of another environment is not in this database.",),
        )
    except SourceFailure as failure:
        context.notes.append(f"Whether account {account_id} exists could not be checked ({failure.headline()}).")
    return None


def _deal(tools: Tools, refusals: Refusals, issue: IssueType, context: Context) -> Refusal | None:
    request = context.request
    if request.deal_id is None:
        return _refuse_with_candidates(tools, refusals, issue, request)
    if request.account_id is None:
        refused = _find_account(tools, refusals, issue, context, request.deal_id)
        if refused is not None:
            return refused
    return _deal_exists(tools, refusals, issue, context)


def _refuse_with_candidates(tools: Tools, refusals: Refusals, issue: IssueType, request: TriageRequest) -> Refusal:
    """No deal was given: name those that logs reported without agents."""
    steps: tuple[str, ...] = ()
    try:
        deals = recent_zero_agent_deals(tools, tools.catalogue.queries[issue.query].datadog, DAY_S, MOST_CANDIDATES)
    except SourceFailure as failure:
        deals = tools.seen.without_agents(MOST_CANDIDATES)
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


def sightings(tools: Tools, deal_id: int) -> Sightings:
    """The accounts that logs of the last day, or this console, have named with the deal. Raises nothing."""
    from diagnostics.logs import bind  # noqa: PLC0415  # the query language loads when it is needed

    seen = tools.seen.accounts(deal_id)
    try:
        query = bind(tools.catalogue.queries["deal_lookup"].datadog, deal_id=deal_id)
        named = tools.logs.accounts(query, DAY_S)
    except SourceFailure as failure:
        return Sightings(set(), seen, failure=failure)
    return Sightings(set(named.ids), seen, partial=named.partial)


def _find_account(tools: Tools, refusals: Refusals, issue: IssueType, context: Context, deal_id: int) -> Refusal | None:
    """Look for the account of a deal; one is used and said, several, none or perhaps not all are refused."""
    request = context.request
    met = sightings(tools, deal_id)
    accounts = met.accounts
    if len(accounts) == 1 and not met.partial:
        account_id = accounts[0]
        context.request = request.model_copy(update={"account_id": account_id})
        context.notes.append(f"The account of deal {deal_id} was not given; {met.where()}: {account_id}.")
        return None
    perhaps_more = "Datadog gave a partial answer: there may be further accounts." if met.partial else ""
    if accounts:
        exists = "1 account" if len(accounts) == 1 else f"{len(accounts)} accounts"
        return refusals.missing_context(
            request,
            issue,
            f"Deal {deal_id} exists in {exists}, and no account was given. {perhaps_more}".rstrip(),
            candidates=[
                f"account {account_id}: {_command(issue, SeenDeal(deal_id, account_id, 0, without_agents=False))}"
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


def _deal_exists(tools: Tools, refusals: Refusals, issue: IssueType, context: Context) -> Refusal | None:
    request = context.request
    if request.account_id is None or request.deal_id is None:
        return None
    try:
        deal, _ = read_deal(tools, request.account_id, request.deal_id)
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


def _command(issue: IssueType, deal: SeenDeal) -> str:
    account = "" if deal.account_id is None else f" --account-id {deal.account_id}"
    return f"warroom triage --issue {issue.name}{account} --deal-id {deal.deal_id}"
