"""The six refusals: what was missing, what is accepted, how to check access, where else to look, whom to call."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from diagnostics.core.sanitizer import clean
from diagnostics.core.time import utc_now
from diagnostics.core.words import capital, listed, sentence
from diagnostics.models.triage import Finding, Refusal, RefusalRule, Status, TriageRequest

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.catalogue.model import IssueType

GUIDE = "immediate-actions"
"""The guide whose sections belong to the issue types."""

CHECK_ROUTES = "warroom doctor (lines routes)."
CHECK_ACCESS = "Check what this console can reach and read: warroom doctor."

_STEP = re.compile(r"^\d+\.\s+(.*?)(?=^\s*-\s|^\d+\.\s|^\s*$|\Z)", re.MULTILINE | re.DOTALL)
_MOST_STEPS = 6


@dataclass(slots=True, frozen=True)
class RefusalCondition:
    """One of the six conditions, whatever it is met in: for people who want to know before they are refused."""

    rule: RefusalRule
    when: str
    """When it fires, one sentence."""
    accepted: tuple[str, ...]
    guidance: tuple[str, ...]


class Refusals:
    """Builds refusals from the catalogue's words."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def issue_type_unknown(self, request: TriageRequest) -> Refusal:
        """The issue type stands in no row of the matrix."""
        near = near_names(request.issue_type, self._catalogue.issues)
        named = clean(request.issue_type, limit=60) or "(empty)"
        return self._refusal(
            RefusalRule.ISSUE_TYPE_UNKNOWN,
            request,
            missing=f"There is no issue type {named} in the classification matrix.",
            accepted=self.matrix(),
            guidance=(
                *((f"Did you mean {listed(near, 'or')}?",) if near else ()),
                "Read what each issue type means: warroom guide quick-reference.",
                f"Required context: {self._context_needed()}.",
                "When nothing fits, look at the three critical issues together in the console: warroom.",
                CHECK_ACCESS,
                self._escalate(),
            ),
            candidates=near,
        )

    def severity_mismatch(self, request: TriageRequest, issue: IssueType) -> Refusal:
        """The severity stands in another row, or in none."""
        given = clean(request.severity or "", limit=60) or "(empty)"
        elsewhere = tuple(one.name for one in self._catalogue.issues.values() if given in one.severities)
        return self._refusal(
            RefusalRule.SEVERITY_MISMATCH,
            request,
            missing=f"{issue.name} has no severity {given}.",
            accepted=tuple(f"{issue.name} --severity {severity}" for severity in issue.severities),
            guidance=(
                f"Leave the severity out to have it assessed from the findings: warroom triage --issue {issue.name}.",
                *((f"{given} is a severity of {', '.join(elsewhere)}.",) if elsewhere else ()),
                f"Required context: {issue.name} needs {_needs(issue)}.",
                *self._look_elsewhere(issue),
                CHECK_ACCESS,
                self._escalate(),
            ),
        )

    def missing_context(
        self,
        request: TriageRequest,
        issue: IssueType,
        missing: str,
        *,
        candidates: Iterable[str] = (),
        first_steps: Iterable[str] = (),
    ) -> Refusal:
        """An account or a deal that the question needs is absent, impossible, unknown or ambiguous."""
        needs = _needs(issue)
        found = tuple(candidates)
        return self._refusal(
            RefusalRule.MISSING_CONTEXT,
            request,
            missing=missing,
            accepted=(f"{issue.name} needs {needs}; an existing --account-id is always accepted", example(issue)),
            guidance=(
                *first_steps,
                *(("Give one of the candidates.",) if found else ()),
                *self._look_elsewhere(issue),
                CHECK_ACCESS,
                self._escalate(),
            ),
            candidates=found,
        )

    def system_access(
        self, request: TriageRequest, issue: IssueType, missing: str, findings: Iterable[Finding] = ()
    ) -> Refusal:
        """No source that could answer can be reached."""
        kept = tuple(findings)
        failures = dict.fromkeys(
            f"{sentence(finding.summary)} {finding.next_step}".strip()
            for finding in kept
            if finding.status is Status.UNREACHABLE
        )
        return self._refusal(
            RefusalRule.SYSTEM_ACCESS,
            request,
            missing=missing,
            accepted=("at least one source that answers: Datadog, common, or the account's client database",),
            guidance=(*failures, CHECK_ACCESS, *self._look_elsewhere(issue), self._escalate()),
            findings=kept,
        )

    def escalation_blocked(self, request: TriageRequest, issue: IssueType, parts: tuple[str, ...] = ()) -> Refusal:
        """The specialist route exists in the matrix and not in this version of the console, but for some `parts`."""
        route = self._catalogue.routes.get(issue.route)
        purpose = f" ({route.purpose})" if route else ""
        return self._refusal(
            RefusalRule.ESCALATION_BLOCKED,
            request,
            missing=f"The specialist {issue.route}{purpose} is "
            + ("not whole in" if parts else "not part of")
            + " this version of the console"
            + (", which has these parts of it." if parts else "."),
            accepted=(f"the first-response checks of {issue.name}: {', '.join(issue.checks)}",),
            guidance=(
                *parts,
                f"Check which specialist routes this console has, and whether they can read: {CHECK_ROUTES}",
                "Do its first steps by hand, in this order:",
                *self._guide_steps(issue),
                *self._look_elsewhere(issue),
                CHECK_ACCESS,
                self._escalate(),
            ),
        )

    def safety_concern(self, request: TriageRequest, change: str) -> Refusal:
        """A change to production was asked for; triage only reads."""
        issue = self._catalogue.issues.get(request.issue_type)
        named = clean(change, limit=80).replace("_", " ") or "this change"
        has_check = any(change in one.checks for one in self._catalogue.issues.values())
        source = f"the check {change}" if has_check else "the first-response checks"
        return self._refusal(
            RefusalRule.SAFETY_CONCERN,
            request,
            missing=f"{capital(named)} would change production, and triage only reads.",
            accepted=("questions only: triage, checks, logs, guides and doctor",),
            guidance=(
                f"Take the figures and their evidence from {source}, and hand them to the team.",
                *(self._look_elsewhere(issue) if issue else ()),
                "Check that this login could not write even by mistake: warroom doctor.",
                self._escalate(),
            ),
        )

    def conditions(self) -> tuple[RefusalCondition, ...]:
        """The six conditions in the order in which a question meets them, each with what to do."""
        routes = ", ".join(dict.fromkeys(issue.route for issue in self._catalogue.issues.values()))
        needy = [f"{one.name} needs {listed(one.needs)}" for one in self._catalogue.issues.values() if one.needs]
        return (
            self._condition(
                RefusalRule.ISSUE_TYPE_UNKNOWN,
                "The issue type stands in no row of the classification matrix.",
                self.matrix(),
                "Read what each issue type means: warroom guide quick-reference.",
                "When nothing fits, look at the three critical issues together: level 1.",
            ),
            self._condition(
                RefusalRule.SEVERITY_MISMATCH,
                "The severity stands in another row of the matrix, or in none.",
                self.matrix(),
                "Leave the severity out: the console then assesses it from its findings.",
            ),
            self._condition(
                RefusalRule.MISSING_CONTEXT,
                "The question needs an account or a deal, and none was given, none exists, or several fit.",
                tuple(needy) or ("no issue type needs an id",),
                "A deal id alone is looked for in recent logs and in what this console has seen.",
                "Where several accounts fit, the refusal lists them: open the one that is meant.",
            ),
            self._condition(
                RefusalRule.SYSTEM_ACCESS,
                "No source that could answer can be reached, or this login may not read it.",
                ("at least one source that answers: Datadog, common, or the account's client database",),
                "The access check names each source that is silent, and what to do about it.",
                "Sources that do answer can still be asked: the log explorer, an account, level 2.",
            ),
            self._condition(
                RefusalRule.ESCALATION_BLOCKED,
                "The specialist that the matrix hands over to is not part of this console.",
                (f"the specialists of the matrix: {routes}",),
                f"Do the first steps by hand: warroom guide {GUIDE}.",
            ),
            self._condition(
                RefusalRule.SAFETY_CONCERN,
                "A change to production was asked for, and this console only reads there.",
                ("questions only: triage, checks, logs, guides and doctor",),
                "Take the figures and their evidence, and hand them to the team, which makes the change.",
            ),
        )

    def _condition(self, rule: RefusalRule, when: str, accepted: tuple[str, ...], *steps: str) -> RefusalCondition:
        return RefusalCondition(rule, when, accepted, (*steps, CHECK_ACCESS, self._escalate()))

    def matrix(self) -> tuple[str, ...]:
        """Every accepted issue type with its severities, most severe first."""
        return tuple(f"{issue.name}: {', '.join(issue.severities)}" for issue in self._catalogue.issues.values())

    def _context_needed(self) -> str:
        return "; ".join(f"{one.name} needs {_needs(one)}" for one in self._catalogue.issues.values())

    def _look_elsewhere(self, issue: IssueType) -> tuple[str, ...]:
        query = self._catalogue.queries[issue.query]
        return (
            f"Read the steps: warroom guide {GUIDE} (section {issue.title}).",
            f"Search Datadog by hand: {query.datadog}",
        )

    def _guide_steps(self, issue: IssueType) -> tuple[str, ...]:
        """The numbered steps of the issue's own section, one line each."""
        text = self._catalogue.sections.get(GUIDE, {}).get(issue.guide_section, "")
        steps = [" ".join(match.group(1).replace("**", "").split()) for match in _STEP.finditer(text)]
        return tuple(f"{position}. {step}" for position, step in enumerate(steps[:_MOST_STEPS], 1))

    def _escalate(self) -> str:
        return f"When in doubt, do not wait: {self._catalogue.contact.line()}."

    def _refusal(
        self,
        rule: RefusalRule,
        request: TriageRequest,
        *,
        missing: str,
        accepted: tuple[str, ...],
        guidance: tuple[str, ...],
        candidates: tuple[str, ...] = (),
        findings: tuple[Finding, ...] = (),
    ) -> Refusal:
        return Refusal(
            rule=rule,
            issue_type=clean(request.issue_type, limit=120),
            severity=None if request.severity is None else clean(request.severity, limit=120),
            missing=clean(missing, limit=500),
            accepted=accepted,
            guidance=tuple(clean(line, limit=500) for line in guidance),
            contact=self._catalogue.contact.line(),
            candidates=tuple(clean(line, limit=300) for line in candidates),
            findings=findings,
            taken_at=utc_now(),
        )


def _needs(issue: IssueType) -> str:
    return listed(f"--{name}-id (a positive whole number)" for name in issue.needs) or "no id"


def near_names(given: str, names: Iterable[str]) -> tuple[str, ...]:
    """The names that `given` is probably meant to be: part of one, or a few letters away."""
    plain = given.strip().lower().replace("-", "_").replace(" ", "_")
    if not plain:
        return ()
    known = tuple(names)
    inside = [name for name in known if len(plain) >= 4 and (plain in name or name in plain)]
    words = [name for name in known if set(name.split("_")) & {word for word in plain.split("_") if len(word) >= 4}]
    return tuple(dict.fromkeys((*inside, *words, *get_close_matches(plain, known, n=2, cutoff=0.6))))


def example(issue: IssueType) -> str:
    """A command that would be accepted, with ids as an example."""
    ids = {"account": "--account-id 14009", "deal": "--deal-id 12345"}
    needed = ["account", "deal"] if "deal" in issue.needs else list(issue.needs)
    return " ".join(["warroom triage --issue", issue.name, *(ids[name] for name in needed)])
