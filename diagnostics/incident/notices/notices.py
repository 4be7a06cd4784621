"""Notices and tracking: proposed with fresh figures, confirmed by a person, delivered exactly once.

Proposing and confirming send nothing. Confirming writes the declaration and every delivery in one append, so that
either all of it was decided or none; the outbox carries it out from there, on whichever console comes first.
"""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.masking import mask_secrets
from diagnostics.core.sanitizer import clean
from diagnostics.core.time import window_ending
from diagnostics.core.waiting import ask_together
from diagnostics.core.words import listed
from diagnostics.incident.assess.readings import AT_ONCE_S, LONGEST_S
from diagnostics.incident.channels.base import may_write, setting_of, site_of
from diagnostics.incident.incidents import LONGEST_TITLE, Ending, check_severity, issue_named, status_changes
from diagnostics.incident.notices.outbox import Outbox
from diagnostics.incident.notices.texts import (
    Basis,
    NoticeSubject,
    Rendered,
    TextValue,
    aged,
    by_wrong_clock,
    render,
    template_for,
    to_plain,
    values,
)
from diagnostics.incident.records import checked_moment
from diagnostics.models.entries import (
    Audience,
    Body,
    BoundFigure,
    Channel,
    DeliveryConfirmed,
    IncidentStatus,
    Measured,
    MeasuredFigure,
    Purpose,
)
from diagnostics.models.evidence import shared_fields
from diagnostics.models.figures import NOT_KNOWN_YET
from diagnostics.models.notices import Draft, Proposal
from diagnostics.models.status import NOTIFY_SEVERITIES
from diagnostics.models.triage import Refusal, RefusalRule

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.config.settings import Settings
    from diagnostics.core.context import Context
    from diagnostics.core.waiting import Job
    from diagnostics.incident.assess.assessments import AssessmentService
    from diagnostics.incident.channels.base import DeliveryChannel
    from diagnostics.incident.incidents import IncidentService
    from diagnostics.models.incidents import Incident

MOST_ACCOUNTS = 20
"""Accounts that enter the scope with the declaration; more are proposed afterwards."""

LEARNS_S = 0.5
"""How long a proposal waits for a service to say where a channel writes."""

LEARNS_AT_ONCE_S = 0.1
"""The same for a proposal that is wanted at once; the next one knows it."""

_NAMES = {Channel.SLACK: "Slack", Channel.DATADOG_INCIDENT: "a Datadog incident", Channel.JIRA: "a Jira issue"}
_TRACKERS = (Channel.DATADOG_INCIDENT, Channel.JIRA)
_NOTICES = (Purpose.FIRST_NOTICE, Purpose.UPDATE, Purpose.RESOLUTION)


class NoticeService:
    """Blocking and thread-safe. Raises `SourceFailure` (of the journal only) and `UserError`."""

    def __init__(
        self,
        context: Context,
        incidents: IncidentService,
        assessments: AssessmentService,
        channels: Sequence[DeliveryChannel],
        *,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._context = context
        self._incidents = incidents
        self._channels = tuple(channels)
        self._drafts = Drafts(context.settings, context.catalogue, channels)
        self._proposals = Proposals(context, incidents, assessments, self._drafts)
        self._outbox = Outbox(context, incidents, channels, steady=steady)
        self._confirming = threading.Lock()
        self._confirmed: dict[str, str] = {}
        """Key of each proposal that was confirmed here, and its incident."""

    @property
    def channels(self) -> tuple[DeliveryChannel, ...]:
        """The channels of this console, Slack first."""
        return self._channels

    # ---- proposing

    def propose(
        self,
        *,
        issue_type: str | None = None,
        severity: str | None = None,
        incident: str | None = None,
        purpose: Purpose = Purpose.FIRST_NOTICE,
        audience: Audience = Audience.RESPONDERS,
        words: Mapping[str, str] | None = None,
        job: Job | None = None,
        at_once: bool = False,
    ) -> Proposal:
        """The consequences of one confirmation, with figures measured now. Raises UserError outside the matrix.

        `at_once` takes half a second at most: with the figures that this console has read while they are good for a
        message, and those that answer meanwhile; any other is "not known yet". `refresh` measures all of them.
        Without `incident` it declares one. `words` are what people wrote, by placeholder;
        beside those: `title`, `summary`, `began_at`, `detected_at` (ISO 8601) and, for a note, `text`.
        What a source does not answer is told in the proposal, and raises nothing.
        """
        self._learn(LEARNS_AT_ONCE_S if at_once else LEARNS_S)
        given = {name: clean(text, limit=4_000, multiline=True) for name, text in (words or {}).items()}
        asked = ProposalRequest(purpose, audience, given, uuid.uuid4().hex, job, at_once=at_once)
        if incident is not None:
            return self._proposals.about(self._incidents.get(incident), asked)
        return self._proposals.new(issue_type, severity, asked)

    def refresh(self, proposal: Proposal, job: Job | None = None) -> Proposal:
        """The same with figures measured anew; what people wrote is kept, and so is what confirming it twice means."""
        return self._anew(proposal, job)

    def rewrite(self, proposal: Proposal) -> Proposal:
        """The same in other words or for another audience, as they stand in it now. Measures nothing."""
        return self._anew(proposal, None, keeps=proposal)

    def _anew(self, proposal: Proposal, job: Job | None, keeps: Proposal | None = None) -> Proposal:
        words = dict(proposal.words)
        if not proposal.incident and proposal.detected_at is not None:
            words.setdefault("detected_at", proposal.detected_at.isoformat())
        asked = ProposalRequest(proposal.purpose, proposal.audience, words, proposal.key, job, keeps=keeps)
        if proposal.incident:
            return self._proposals.about(self._incidents.get(proposal.incident), asked)
        return self._proposals.new(proposal.issue_type, proposal.severity, asked)

    def _learn(self, wait_s: float) -> None:
        """Have channels ask where they write, which only the service knows; a proposal waits for it but a moment."""

        def learn(channel: DeliveryChannel) -> None:
            with suppress(SourceFailure):
                channel.learn()

        unknown = [one for one in self._channels if not one.problem() and not one.site]
        asking = [threading.Thread(target=learn, args=(one,), name="where it writes", daemon=True) for one in unknown]
        for thread in asking:
            thread.start()
        until = time.monotonic() + wait_s
        for thread in asking:
            thread.join(max(0.0, until - time.monotonic()))

    # ---- confirming

    def confirm(
        self,
        proposal: Proposal,
        typed: str,
        accept_stale: frozenset[str] = frozenset(),
        ending: Ending | None = None,
    ) -> Incident | Refusal:
        """Decide it: declare where there is no incident yet, and enqueue every draft that can go. Sends nothing.

        `accept_stale`: names of old figures that may be sent as they are. `ending`: the incident is resolved with it,
        in the same transaction, so that people are not told of an end that was not written down. Confirming a proposal
        again changes nothing.
        Raises UserError: the word, stale figures, an incident declared meanwhile; SourceFailure: the journal.
        """
        with self._confirming:
            done = self._confirmed.get(proposal.key)
            if done is not None:
                return self._incidents.get(done)
            if typed.strip() != proposal.word:
                raise UserError(f"what was typed is not {proposal.word!r}: nothing was sent", accepted=proposal.word)
            refusal = self._not_permitted(proposal)
            if refusal is not None:
                return refusal
            self._check_figures(proposal, accept_stale)
            incident = (
                self._extend(proposal, accept_stale, ending)
                if proposal.incident
                else self._begin(proposal, accept_stale)
            )
            self._confirmed[proposal.key] = incident.id
            return incident

    def _begin(self, proposal: Proposal, accept_stale: frozenset[str]) -> Incident:
        before = self._told_before(proposal)
        if before is not None:
            return before
        # Somebody at another console may have declared it while this one was being read.
        told = {note.partition(" ")[0] for note in proposal.notes}
        for note in self._proposals.already_open(proposal.issue_type):
            if note.partition(" ")[0] not in told:
                raise UserError(
                    f"meanwhile, {note}", next_step="refresh to see it here, then confirm to declare another one"
                )
        return self._incidents.declare(
            title=proposal.title,
            issue_type=proposal.issue_type,
            severity=proposal.severity,
            summary=proposal.summary,
            began_at=proposal.began_at,
            detected_at=proposal.detected_at,
            systems=proposal.systems,
            accounts=proposal.accounts,
            measured=proposal.measured,
            more=self._confirmations(proposal, proposal.sendable, 0, accept_stale),
            key=proposal.key,
        )

    def _told_before(self, proposal: Proposal) -> Incident | None:
        """The incident that this very proposal declared before its answer was lost."""
        for line in self._incidents.lines():
            if line.issue_type == proposal.issue_type and line.declared_at >= proposal.made_at - timedelta(days=1):
                incident = self._incidents.get(line.id)
                if any(one.token.startswith(proposal.key) for one in incident.deliveries):
                    return incident
        return None

    def _extend(self, proposal: Proposal, accept_stale: frozenset[str], ending: Ending | None) -> Incident:
        if not proposal.sendable:
            reasons = "; ".join(dict.fromkeys(one.problem for one in proposal.drafts)) or "everything is there already"
            raise UserError(
                f"nothing can be sent from here: {reasons}", next_step="copy the text, and paste it by hand"
            )

        def decision(incident: Incident) -> Sequence[Body]:
            if any(one.token.startswith(proposal.key) for one in incident.deliveries):
                return ()
            if ending is not None:
                return (
                    *told(incident),
                    *status_changes(incident, IncidentStatus.RESOLVED, ending.why, ending.unmet),
                )
            return told(incident)

        def told(incident: Incident) -> Sequence[Body]:
            # Tracking that somebody else has confirmed meanwhile is not opened a second time.
            drafts = [
                one
                for one in proposal.sendable
                if one.purpose is not Purpose.TRACKING or is_missing(incident, one.channel)
            ]
            if not drafts:
                return ()
            confirmed = self._confirmations(proposal, drafts, len(incident.deliveries), accept_stale)
            figures = (Measured(occasion=proposal.purpose.value, figures=proposal.measured),)
            return (*(figures if proposal.measured else ()), *confirmed)

        return self._incidents.decide(proposal.incident, decision)

    def _confirmations(
        self, proposal: Proposal, drafts: Sequence[Draft], before: int, accept_stale: frozenset[str]
    ) -> tuple[DeliveryConfirmed, ...]:
        return tuple(
            DeliveryConfirmed(
                **shared_fields(draft, DeliveryConfirmed)
                | {"figures": tuple(map(self._now, draft.figures)), "fields": self._site(draft) | draft.fields},
                delivery=f"D{before + number}",
                token=f"{proposal.key}-{number}",
                accepted_stale=tuple(
                    one.name for one in draft.figures if self._now(one).stale and one.name in accept_stale
                ),
            )
            for number, draft in enumerate(drafts, start=1)
        )

    def _site(self, draft: Draft) -> dict[str, str]:
        """The service that is confirmed with it: another console's may be another one."""
        return site_of(next((one for one in self._channels if one.channel is draft.channel), None))

    def _now(self, figure: BoundFigure) -> BoundFigure:
        made = aged(figure, now=self._context.now(), good_s=self._context.settings.escalation.figures_good_s)
        return by_wrong_clock(made, self._context.catalogue)

    def stale(self, proposal: Proposal) -> tuple[BoundFigure, ...]:
        """Figures that block sending at this moment: what was fresh when it was proposed may be old by now."""
        figures = {one.name: self._now(one) for draft in proposal.sendable for one in draft.figures}
        return tuple(one for one in figures.values() if one.stale)

    def _check_figures(self, proposal: Proposal, accept_stale: frozenset[str]) -> None:
        blocking = [one for one in self.stale(proposal) if one.name not in accept_stale]
        if blocking:
            named = "; ".join(f"{one.name} ({one.shown}): {one.stale}" for one in blocking[:5])
            more = f"; and {len(blocking) - 5} more" if len(blocking) > 5 else ""
            raise UserError(
                f"nothing was sent, because figures in the text are not fresh: {named}{more}",
                accepted="fresh figures, or each old one accepted by name",
                next_step="refresh, or accept them as they are",
            )

    def _not_permitted(self, proposal: Proposal) -> Refusal | None:
        """The refusal where the settings forbid what the proposal would send, or all that it could."""
        forbidden = [
            one
            for one in proposal.drafts
            if not may_write(self._context.settings, one.channel) and self._drafts.reachable(one.channel)
        ]
        if not any(one in proposal.sendable for one in forbidden) and (proposal.sendable or not forbidden):
            return None
        contact = self._context.catalogue.contact
        settings = dict.fromkeys(setting_of(one.channel) for one in forbidden)
        return Refusal(
            rule=RefusalRule.SAFETY_CONCERN,
            issue_type=proposal.issue_type,
            severity=proposal.severity,
            missing=f"This would write to the outside world, and {listed(settings)} is off.",
            accepted=tuple(f"{name} = true, in the configuration file" for name in settings),
            guidance=(
                "Nothing was declared and nothing was sent.",
                "Copy the text of the notice and paste it by hand; it is complete.",
                "Declare the incident without notices: warroom incident declare.",
                f"When in doubt, do not wait: {contact.line()}.",
            ),
            contact=contact.line(),
            taken_at=self._context.now(),
        )

    # ---- delivering

    def deliver(self, job: Job | None = None) -> int:
        """One pass over what is due; returns how many deliveries were sent or looked for. Raises SourceFailure."""
        return self._outbox.deliver(job)

    def waiting(self) -> bool:
        """Whether something may be delivered without a person. Cheap, and raises nothing."""
        return self._outbox.waiting()

    def report_twins(self) -> None:
        """Write into the timeline what was sent twice after all. Raises SourceFailure of the journal."""
        self._outbox.report_twins()

    def settle(self, incident_id: str, delivery: str, outcome: str, why: str = "") -> Incident:
        """A person decides about a delivery: "arrived", "send_again" or "given_up". Raises UserError."""
        return self._outbox.settle(incident_id, delivery, outcome, why)

    def close(self) -> None:
        """Close the channels."""
        for channel in self._channels:
            channel.close()


# ---- proposals


@dataclass(slots=True, frozen=True)
class ProposalRequest:
    """How somebody asked for a proposal."""

    purpose: Purpose
    audience: Audience
    words: Mapping[str, str]
    """Words of people, cleaned, by placeholder or by the other names that `propose` takes."""
    key: str
    job: Job | None = None
    at_once: bool = False
    """Only what is known at once."""
    keeps: Proposal | None = None
    """The proposal whose figures, accounts and notes are kept; nothing is asked then."""


@dataclass(slots=True, frozen=True)
class Found:
    """What the sources say for a proposal."""

    measured: tuple[MeasuredFigure, ...]
    trouble: tuple[str, ...]
    """Notes on what could not be measured."""
    accounts: tuple[int, ...]
    notes: tuple[str, ...]


class Proposals:
    """Asks sources and the journal; writes nothing."""

    def __init__(
        self, context: Context, incidents: IncidentService, assessments: AssessmentService, drafts: Drafts
    ) -> None:
        self._context = context
        self._incidents = incidents
        self._assessments = assessments
        self._drafts = drafts

    def new(self, issue_type: str | None, severity: str | None, asked: ProposalRequest) -> Proposal:
        """A first notice that declares an incident. Raises UserError outside the matrix."""
        words = asked.words
        issue = issue_named(self._context.catalogue, issue_type or "")
        if not severity:
            raise UserError("no severity is given", accepted=", ".join(issue.severities))
        check_severity(issue, severity)
        found = self._find(issue.name, severity, asked)
        subject = NoticeSubject(
            issue_type=issue.name,
            severity=severity,
            title=clean(words.get("title", "").strip() or _title(issue.title, issue.impact), limit=LONGEST_TITLE),
            began_at=self._moment(words, "began_at"),
            detected_at=self._moment(words, "detected_at") or self._context.now(),
            systems=tuple(one.name for one in self._context.catalogue.systems.values() if issue.query in one.queries),
        )
        if asked.keeps is not None:
            return self._proposal(subject, replace(asked, purpose=Purpose.FIRST_NOTICE), found)
        number = "The incident gets its number when it is confirmed; it is written below the message."
        return self._proposal(
            subject,
            replace(asked, purpose=Purpose.FIRST_NOTICE),
            replace(found, notes=(*self._open_notes(issue.name), *found.notes, number)),
        )

    def _moment(self, words: Mapping[str, str], name: str) -> datetime | None:
        text = words.get(name, "").strip()
        return checked_moment(text, name, self._context.now()) if text else None

    def _open_notes(self, issue_type: str) -> tuple[str, ...]:
        """What is open already, or why nobody knows: the text can be pasted by hand all the same."""
        try:
            return self.already_open(issue_type)
        except SourceFailure as failure:
            return (f"NOT KNOWN whether this is declared already: {failure.reason}; {failure.remedy}.",)

    def about(self, incident: Incident, asked: ProposalRequest) -> Proposal:
        """A notice, tracking or a note for an incident that is there. Raises UserError."""
        if incident.merged_into:
            raise UserError(
                f"{incident.id} goes on as {incident.merged_into}", next_step=f"write about {incident.merged_into}"
            )
        if asked.purpose is Purpose.NOTE and not asked.words.get("text", "").strip():
            raise UserError("a note without words", accepted="words with text")
        subject = NoticeSubject(
            issue_type=incident.issue_type,
            severity=incident.severity,
            title=incident.title,
            began_at=incident.began_at,
            detected_at=incident.detected_at,
            systems=tuple(one.name for one in incident.systems if one.until is None)
            or tuple(dict.fromkeys(one.name for one in incident.systems)),
            incident=incident,
        )
        return self._proposal(subject, asked, self._find(incident.issue_type, None, asked))

    def _proposal(self, subject: NoticeSubject, asked: ProposalRequest, found: Found) -> Proposal:
        words, measured = asked.words, found.measured
        query = self._context.catalogue.queries[self._context.catalogue.issues[subject.issue_type].query].datadog
        start, end = window_ending(self._context.window_s, self._context.now())
        good_s = self._context.settings.escalation.figures_good_s
        now = self._context.now()
        basis = Basis(
            catalogue=self._context.catalogue,
            subject=subject,
            measured=measured,
            words=words,
            query=query,
            query_link=self._context.datadog.link(query, start=start, end=end),
            now=now,
            good_s=good_s,
        )
        drafts = self._drafts.of(subject, values(basis), asked.purpose, asked.audience, words.get("text", ""))
        incident = subject.incident
        of_drafts = [note for draft in drafts for note in draft.notes]
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
            accounts=found.accounts,
            drafts=drafts,
            measured=measured,
            notes=tuple(dict.fromkeys((*found.notes, *found.trouble, *of_drafts))),
            made_at=now,
            good_until=oldest + timedelta(seconds=good_s),
            purpose=asked.purpose,
            audience=asked.audience,
            words=dict(words),
            key=asked.key,
        )

    def _find(self, issue_type: str, severity: str | None, asked: ProposalRequest) -> Found:
        """Figures, and accounts where a severity is given; or what the last proposal found."""
        kept = asked.keeps
        if kept is not None:
            of_texts = {note for draft in kept.drafts for note in draft.notes}
            return Found(kept.measured, (), kept.accounts, tuple(note for note in kept.notes if note not in of_texts))
        asks: dict[str, Callable[[], Any]] = {}
        if severity is not None:
            asks["accounts"] = lambda: self._accounts(issue_type, severity, asked)
        asks["figures"] = lambda: self._measure(issue_type, asked)
        answers: dict[str, Any] = {}
        if asked.at_once:
            answers = ask_together(asks, AT_ONCE_S + 0.2, asked.job)
        else:
            # One after the other: figures take the names that the accounts were asked for, and Datadog's turns are few.
            for name, ask in asks.items():
                answers |= ask_together({name: ask}, LONGEST_S + 1.0, asked.job)
        figures, accounts = answers["figures"], answers.get("accounts", ((), ()))
        if isinstance(figures, SourceFailure):
            figures = _unmeasured(figures)
        if isinstance(accounts, SourceFailure):
            accounts = _unnamed(None if asked.at_once else accounts)
        return Found(*figures, *accounts)

    def _measure(self, issue_type: str, asked: ProposalRequest) -> tuple[tuple[MeasuredFigure, ...], tuple[str, ...]]:
        measure = self._assessments.known if asked.at_once else self._assessments.measure
        try:
            measured = tuple(measure(issue_type, asked.job))
        except SourceFailure as failure:
            # A notice without figures is better than none: each stands there as not known.
            return _unmeasured(failure)
        without = [
            f"{one.title} ({one.evidence.caveat})" if one.evidence is not None and one.evidence.caveat else one.title
            for one in measured
            if one.value is None and one.shown != NOT_KNOWN_YET
        ]
        return measured, (f"Without a value now: {'; '.join(without)}.",) if without else ()

    def _accounts(
        self, issue_type: str, severity: str, asked: ProposalRequest
    ) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """The accounts that the issue affects, those that weigh most first, and how many of all they are."""
        try:
            if asked.at_once:
                found = self._assessments.known_affected(issue_type, severity, asked.job)
            else:
                found = self._assessments.affected(issue_type, severity, kinds=False)
        except SourceFailure as failure:
            return _unnamed(failure)
        if found is None:
            return _unnamed(None)
        if found.total is None:
            return (), (f"Accounts affected: not known ({found.basis}). Add them to the scope later.",)
        chosen = tuple(row.account_id for row in found.rows[:MOST_ACCOUNTS])
        whole = len(chosen) == found.total and not found.at_least
        return chosen, () if whole else (f"Accounts in the scope: {found.heaviest(MOST_ACCOUNTS)}.",)

    def already_open(self, issue_type: str) -> tuple[str, ...]:
        """One sentence about each incident of this type that is open; it begins with the incident's number."""
        return tuple(
            f"{one.id} is open for this issue type ({one.title}): send an update there instead of declaring another."
            for one in self._incidents.lines()
            if one.is_open and one.issue_type == issue_type
        )


def _unmeasured(failure: SourceFailure) -> tuple[tuple[MeasuredFigure, ...], tuple[str, ...]]:
    return (), (f"Nothing could be measured: {failure.headline()}: {failure.reason}",)


def _unnamed(failure: SourceFailure | None) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Without accounts, and why; None where nobody has said yet which they are."""
    if failure is None:
        return (), ("Which accounts are affected is not known yet. Add them to the scope later, or wait here.",)
    return (), (f"Which accounts are affected is not known: {failure.headline()}. Add them to the scope later.",)


def _title(issue: str, impact: str) -> str:
    """e.g. "Rate limiting: sync is suspended"."""
    head = re.split(r"[;.]", impact, maxsplit=1)[0].strip()
    return f"{issue}: {head[:1].lower()}{head[1:]}"


# ---- drafts: which channels, which text, and why one cannot go


class Drafts:
    """Writes drafts; asks nobody."""

    def __init__(self, settings: Settings, catalogue: Catalogue, channels: Sequence[DeliveryChannel]) -> None:
        self._settings, self._catalogue = settings, catalogue
        self._channels: Mapping[Channel, DeliveryChannel] = {one.channel: one for one in channels}

    def of(
        self,
        subject: NoticeSubject,
        values: Mapping[str, TextValue],
        purpose: Purpose,
        audience: Audience,
        text: str = "",
    ) -> tuple[Draft, ...]:
        """The drafts of one confirmation: the notice, tracking that is missing, notes on what is tracked."""
        rendered = render(template_for(purpose, audience), self._catalogue, values)
        drafts = []
        if purpose in _NOTICES:
            drafts.append(self._draft(Channel.SLACK, purpose, audience, subject=subject, rendered=rendered))
        if purpose is not Purpose.NOTE:
            tracking = render("tracking", self._catalogue, values)
            drafts += [
                self._draft(one, Purpose.TRACKING, Audience.RESPONDERS, subject=subject, rendered=tracking)
                for one in _TRACKERS
                if is_missing(subject.incident, one)
            ]
        if purpose in {Purpose.UPDATE, Purpose.RESOLUTION, Purpose.NOTE} and audience is Audience.RESPONDERS:
            note = Rendered(text, (), ()) if purpose is Purpose.NOTE and text else rendered
            state = "resolved" if purpose is Purpose.RESOLUTION else ""
            drafts += [
                self._draft(one, Purpose.NOTE, Audience.RESPONDERS, subject=subject, rendered=note, state=state)
                for one in _TRACKERS
                if not is_missing(subject.incident, one)
            ]
        return tuple(drafts)

    def reachable(self, channel: Channel) -> bool:
        """Whether it is configured, permitted or not."""
        found = self._channels.get(channel)
        return found is not None and not found.problem()

    def _draft(
        self,
        channel: Channel,
        purpose: Purpose,
        audience: Audience,
        *,
        subject: NoticeSubject,
        rendered: Rendered,
        state: str = "",
    ) -> Draft:
        found = self._channels.get(channel)
        text, kinds = mask_secrets(rendered.text if channel is Channel.SLACK else to_plain(rendered.text))
        title, more = mask_secrets(subject.title)
        masked = tuple(f"a secret was masked in this text: {kind}" for kind in dict.fromkeys((*kinds, *more)))
        return Draft(
            channel=channel,
            purpose=purpose,
            audience=audience,
            destination=found.destination if found is not None else _NAMES[channel],
            title=title,
            text=text,
            # What is confirmed is what was shown: a token that is exchanged meanwhile moves nothing.
            fields=site_of(found) | self._fields(channel, purpose, audience, subject, state),
            figures=rendered.figures,
            problem=self._problem(channel),
            notes=(*rendered.notes, *masked),
        )

    def _problem(self, channel: Channel) -> str:
        found = self._channels.get(channel)
        if found is None:
            return f"this console cannot reach {_NAMES[channel]}"
        if found.problem():
            return found.problem()
        if may_write(self._settings, channel):
            return ""
        setting = setting_of(channel)
        return f"{setting} is off: this console may not write there; set {setting} = true, or write it by hand"

    def _fields(
        self, channel: Channel, purpose: Purpose, audience: Audience, subject: NoticeSubject, state: str
    ) -> dict[str, str]:
        """Fields that channels read beside the text; a key stands only where it says something."""
        given = {
            "severity": subject.severity,
            "issue_type": subject.issue_type,
            "state": state or _tracked_state(subject.incident),
            "impact": self._catalogue.issues[subject.issue_type].impact,
        }
        mention = self._settings.slack.mention
        calls = purpose is Purpose.FIRST_NOTICE and audience is Audience.RESPONDERS and channel is Channel.SLACK
        if mention and calls and subject.severity in NOTIFY_SEVERITIES:
            given["mention"] = mention
        return given


def is_missing(incident: Incident | None, channel: Channel) -> bool:
    """Whether nothing was opened, or confirmed to be opened, in this tracking service."""
    opened = incident.deliveries if incident is not None else ()
    return not any(
        one.channel is channel and one.purpose is Purpose.TRACKING and one.state != "given_up" for one in opened
    )


def _tracked_state(incident: Incident | None) -> str:
    """In Datadog's words, which the other channels read as well."""
    if incident is None:
        return "active"
    if incident.status is IncidentStatus.RESOLVED:
        return "resolved"
    return "stable" if incident.status is IncidentStatus.MONITORING else "active"
