"""The multi-account impact score: size × severity × part affected of each account, added up, and explained."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from diagnostics.checks.base import Tools, plural
from diagnostics.escalation.affected import Account, Named, Shares, named_accounts, read_accounts, read_shares
from diagnostics.failures import SourceFailure, UserError
from diagnostics.models.evidence import Evidence
from diagnostics.models.figures import Coverage, Gap
from diagnostics.models.incidents import AccountImpact, Impact

if TYPE_CHECKING:
    from diagnostics.catalogue.model import IssueType
    from diagnostics.catalogue.response import ImpactRules
    from diagnostics.jobs import Job

SHOWN_GAPS = 5


def issue_named(tools: Tools, issue_type: str) -> IssueType:
    """The row of the matrix. Raises UserError."""
    issue = tools.catalogue.issues.get(issue_type)
    if issue is None:
        raise UserError(f"there is no issue type {issue_type!r}", accepted=", ".join(tools.catalogue.issues))
    return issue


def read_impact(
    tools: Tools, issue_type: str, severity: str, accounts: Iterable[int] = (), job: Job | None = None
) -> Impact:
    """The score now. Raises SourceFailure where nobody knows which accounts are affected, and UserError.

    Sizes and parts that are not known are replaced by the catalogue's stand-ins, and said to be; they are never 0.
    """
    issue = issue_named(tools, issue_type)
    named = named_accounts(tools, issue, accounts)
    notes: list[str] = []
    evidence = list(named.evidence)
    known: dict[int, Account] = {}
    try:
        known, parts = read_accounts(tools, named.ids)
        evidence += parts
    except SourceFailure as failure:
        notes.append(f"Sizes of accounts are not known: {failure.headline()}.")
    shares = read_shares(tools, issue, named.ids, job)
    evidence += shares.evidence
    notes += [shares.note] if shares.note else []
    return score(tools.catalogue.impact, severity, named, known, shares, evidence=evidence, notes=notes)


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
