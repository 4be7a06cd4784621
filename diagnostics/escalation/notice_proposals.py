"""What one confirmation would do: text, tracking and scope, with figures measured now. Nothing is sent or declared."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from diagnostics.escalation.notice_values import Basis, Subject, values
from diagnostics.failures import SourceFailure, UserError
from diagnostics.models.entries import Audience, MeasuredFigure, Purpose
from diagnostics.models.notices import Proposal
from diagnostics.text import clean
from diagnostics.windows import window_ending

if TYPE_CHECKING:
    from diagnostics.checks.base import Tools
    from diagnostics.escalation.assessments import AssessmentDesk
    from diagnostics.escalation.desk import IncidentDesk
    from diagnostics.escalation.notice_drafts import Drafts
    from diagnostics.jobs import Job
    from diagnostics.models.incidents import Incident

LONGEST_TITLE = 200

WORDS_BESIDE = ("title", "summary", "began_at", "detected_at", "text")
"""Accepted in `words` beside the placeholders; the moments in ISO 8601, `text` for a note."""

MOST_ACCOUNTS = 20
"""Accounts that enter the scope with the declaration; more are proposed afterwards."""


@dataclass(slots=True, frozen=True)
class Asked:
    """How somebody asked for a proposal."""

    purpose: Purpose
    audience: Audience
    words: Mapping[str, str]
    """What people wrote, cleaned, by placeholder, with those of `WORDS_BESIDE`."""
    key: str
    job: Job | None = None


class Proposals:
    """Asks sources and the journal; writes nothing."""

    def __init__(self, tools: Tools, incidents: IncidentDesk, assessments: AssessmentDesk, drafts: Drafts) -> None:
        self._tools = tools
        self._incidents = incidents
        self._assessments = assessments
        self._drafts = drafts

    def new(self, issue_type: str | None, severity: str | None, asked: Asked) -> Proposal:
        """A first notice that declares an incident. Raises UserError outside the matrix."""
        words = asked.words
        issues = self._tools.catalogue.issues
        issue = issues.get(issue_type or "")
        if issue is None:
            raise UserError(f"there is no issue type {clean(issue_type or '', limit=60)!r}", accepted=", ".join(issues))
        if severity not in issue.severities:
            problem = (
                f"{issue.name} has no severity {clean(severity, limit=60)!r}" if severity else "no severity is given"
            )
            raise UserError(problem, accepted=", ".join(issue.severities))
        accounts, notes = self._accounts(issue.query)
        subject = Subject(
            issue_type=issue.name,
            severity=severity,
            title=clean(words.get("title", "").strip() or _title(issue.title, issue.impact), limit=LONGEST_TITLE),
            began_at=_moment(words, "began_at"),
            detected_at=_moment(words, "detected_at") or self._tools.now(),
            systems=tuple(one.name for one in self._tools.catalogue.systems.values() if issue.query in one.queries),
        )
        number = "The incident gets its number when it is confirmed; it is written below the message."
        return self._proposal(
            subject,
            replace(asked, purpose=Purpose.FIRST_NOTICE),
            accounts=accounts,
            notes=(*self.already_open(issue.name), *notes, number),
        )

    def about(self, incident: Incident, asked: Asked) -> Proposal:
        """A notice, tracking or a note for an incident that is there. Raises UserError."""
        if incident.merged_into:
            raise UserError(
                f"{incident.id} goes on as {incident.merged_into}", next_step=f"write about {incident.merged_into}"
            )
        if asked.purpose is Purpose.NOTE and not asked.words.get("text", "").strip():
            raise UserError("a note without words", accepted="words with text")
        subject = Subject(
            issue_type=incident.issue_type,
            severity=incident.severity,
            title=incident.title,
            began_at=incident.began_at,
            detected_at=incident.detected_at,
            systems=tuple(one.name for one in incident.systems if one.until is None)
            or tuple(dict.fromkeys(one.name for one in incident.systems)),
            incident=incident,
        )
        return self._proposal(subject, asked)

    def _proposal(
        self, subject: Subject, asked: Asked, *, accounts: tuple[int, ...] = (), notes: Sequence[str] = ()
    ) -> Proposal:
        words = asked.words
        measured, trouble = self._measure(subject.issue_type, asked.job)
        query = self._tools.catalogue.queries[self._tools.catalogue.issues[subject.issue_type].query].datadog
        start, end = window_ending(self._tools.window_s, self._tools.now())
        good_s = self._tools.parts.settings.escalation.figures_good_s
        now = self._tools.now()
        basis = Basis(
            catalogue=self._tools.catalogue,
            subject=subject,
            measured=measured,
            words=words,
            query=query,
            query_link=self._tools.parts.datadog.link(query, start=start, end=end),
            now=now,
            good_s=good_s,
        )
        drafts = self._drafts.of(subject, values(basis), asked.purpose, asked.audience, words.get("text", ""))
        incident = subject.incident
        oldest = min((one.taken_at for draft in drafts for one in draft.figures if one.taken_at), default=now)
        return Proposal(
            issue_type=subject.issue_type,
            severity=subject.severity,
            title=subject.title,
            incident=incident.id if incident is not None else "",
            summary=words.get("summary", incident.summary if incident is not None else ""),
            began_at=subject.began_at,
            detected_at=subject.detected_at,
            systems=subject.systems,
            accounts=accounts,
            drafts=drafts,
            measured=measured,
            notes=tuple(dict.fromkeys((*notes, *trouble, *(note for draft in drafts for note in draft.notes)))),
            made_at=now,
            good_until=oldest + timedelta(seconds=good_s),
            purpose=asked.purpose,
            audience=asked.audience,
            words=dict(words),
            key=asked.key,
        )

    def _measure(self, issue_type: str, job: Job | None) -> tuple[tuple[MeasuredFigure, ...], tuple[str, ...]]:
        try:
            measured = tuple(self._assessments.measure(issue_type, job))
        except SourceFailure as failure:
            # A notice without figures is better than none: each stands there as not known.
            return (), (f"Nothing could be measured: {failure.headline()}: {failure.reason}",)
        without = [
            f"{one.title} ({one.evidence.caveat})" if one.evidence is not None and one.evidence.caveat else one.title
            for one in measured
            if one.value is None
        ]
        return measured, (f"Without a value now: {'; '.join(without)}.",) if without else ()

    def _accounts(self, query: str) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """The accounts that the issue's log lines name, most lines first."""
        most = self._tools.catalogue.impact.most_accounts
        try:
            found = self._tools.logs.accounts(
                self._tools.catalogue.queries[query].datadog, self._tools.window_s, min(most, MOST_ACCOUNTS)
            )
        except SourceFailure as failure:
            return (), (f"The accounts are not known: {failure.headline()}. Add them to the scope later.",)
        more = (f"Only the first {len(found.ids)} accounts enter the scope; there may be more.",)
        return found.ids, more if found.partial else ()

    def already_open(self, issue_type: str) -> tuple[str, ...]:
        """One sentence about each incident of this type that is open; it begins with the incident's number."""
        return tuple(
            f"{one.id} is open for this issue type ({one.title}): send an update there instead of declaring another."
            for one in self._incidents.lines()
            if one.is_open and one.issue_type == issue_type
        )


def _title(issue: str, impact: str) -> str:
    """e.g. "Rate limiting: sync is suspended"."""
    head = re.split(r"[;.]", impact, maxsplit=1)[0].strip()
    return f"{issue}: {head[:1].lower()}{head[1:]}"


def _moment(words: Mapping[str, str], name: str) -> datetime | None:
    text = words.get(name, "").strip()
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UserError(
            f"{name} is not a moment: {clean(text, limit=60)!r}",
            accepted="ISO 8601 with its offset, such as 2025-11-17T14:03+00:00",
        )
    return moment.astimezone(UTC)
