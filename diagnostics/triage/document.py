"""A triage, a finding, a conclusion, and the evidence of one number as documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from diagnostics.core.document import GAP, WIDE, Asked, Block, Check, Document, Fact, Heading, State, Text, Tone
from diagnostics.core.words import plural
from diagnostics.models.status import FIRST_NOTICE_MINUTES, NOTIFY_SEVERITIES, Status
from diagnostics.models.triage import Finding, Refusal, Triage
from diagnostics.signals.severity import OK

if TYPE_CHECKING:
    from diagnostics.models.conclusions import Conclusion
    from diagnostics.models.evidence import Evidence


NOTICE = f"tell the team and open tracking within {FIRST_NOTICE_MINUTES} minutes"

GRAVE = (Status.FAIL, Status.WARN)
"""Findings that make a verdict, the gravest first."""

WELL = frozenset({"consistent", "already_synced"})
"""Codes of conclusions that say that nothing is wrong."""

TONES: Mapping[str, Tone] = {"not_known": "muted", "eligible": "warn", "sync_running": "warn"}
"""Of conclusions that are neither well nor a fault that somebody has found."""

CONFIDENCE = {
    "strict": "strict: three independent sources agree",
    "standard": "standard: two independent sources agree",
    "preliminary": "preliminary: one source says so",
    "none": "none: no source could say",
}


def doubted(doubt: str) -> list[Block]:
    """Why what follows may not hold any more; nothing where it holds."""
    return [Text(doubt, "warn"), GAP] if doubt else []


def evidence_document(title: str, summary: str, evidence: Sequence[Evidence]) -> Document:
    """A number, then every question behind it."""
    return Document(f"why · {title}", [Text(summary, "strong"), Asked(tuple(evidence))])


def finding_document(finding: Finding, *, doubt: str = "") -> Document:
    """One check's answer in full; `doubt` says that it is old, and why."""
    value = f"{finding.value:,}" if isinstance(finding.value, int) else f"{finding.value}"
    value = "" if finding.value is None else f"{value} {finding.unit}".rstrip()
    blocks: list[Block] = [State(finding.status, finding.title), GAP, *doubted(doubt), Text(finding.summary, "strong")]
    blocks += [Fact("value", value), Fact("held against", finding.threshold)]
    blocks.append(Fact("next", finding.next_step, "accent"))
    if finding.details:
        blocks += [Heading("in detail"), *map(Text, finding.details)]
    blocks.append(Asked([finding.evidence] if finding.evidence else []))
    return Document(f"check · {finding.check.replace('_', ' ')}", blocks)


def judged(triage: Triage) -> tuple[str, str]:
    """Severity as it is shown, and where it comes from."""
    severity, how = triage.severity, "assessed from the findings" if triage.assessed else "as given"
    if triage.assessed and triage.known_severity == OK and not triage.missing:
        # The row of the matrix has no "ok": its mildest word is filed, and would contradict level 1 if it were shown.
        return OK, f"{how}; filed as {triage.severity}, the mildest of its row"
    return severity, how


def verdict(answer: Triage | Refusal) -> tuple[str, str]:
    """The answer in one sentence, and the next step; the step is empty where there is nothing to do."""
    if isinstance(answer, Refusal):
        return f"REFUSED ({answer.rule}): {answer.missing}", answer.guidance[0] if answer.guidance else answer.contact
    word = judged(answer)[0].upper()
    gravest = next((one for status in GRAVE for one in answer.findings if one.status is status), None)
    if gravest is not None:
        return f"{word}: {gravest.summary}", gravest.next_step or f"Hand over to {answer.route.name}."
    if answer.missing:
        amount = plural(len(answer.missing), "answer")
        return f"{word}, as far as is known: {amount} missing: {', '.join(answer.missing)}", "warroom doctor"
    return f"{word}: {plural(len(answer.findings), 'check')} without a finding", ""


def brief(answer: Triage | Refusal) -> str:
    """The verdict on one line: what, how bad, what next, who takes it over."""
    said, step = verdict(answer)
    if isinstance(answer, Refusal):
        return f"{answer.issue_type} {said} next: {step}"
    route = f" route: {answer.route.name}" + ("" if answer.route.available else " (not available in this version)")
    return f"{answer.issue_type}{_scope(answer)} {said}{f' next: {step}' if step else ''}{route}"


def _scope(triage: Triage) -> str:
    scope = f" account {triage.account_id}" if triage.account_id else ""
    return scope + (f" deal {triage.deal_id}" if triage.deal_id else "")


def triage_document(triage: Triage, contact: str = "") -> Document:
    """A whole triage: severity, findings, route; `contact` is whom to tell."""
    available = triage.route.available
    route = triage.route.name if available else f"{triage.route.name} (not available in this version)"
    severity, how = judged(triage)
    blocks = [
        State(severity, how),
        GAP,
        Fact("what it means", triage.meaning, width=WIDE),
        Fact("impact", triage.impact, width=WIDE),
        Fact("hand over to", route, width=WIDE, aside="" if available else triage.route.reason),
        *([Fact("notify", NOTICE, width=WIDE, aside=contact)] if triage.notify else []),
        *(Fact("note", note, width=WIDE) for note in triage.notes),
        *map(Check, triage.findings),
    ]
    scope = _scope(triage)
    return Document(
        f"triage · {triage.issue_type.replace('_', ' ')}{scope}",
        blocks,
        issue=(triage.issue_type, triage.severity),
        about=(triage.issue_type, f"level {triage.level}{scope}"),
        taken_at=triage.taken_at,
    )


def answer_document(answer: Triage | Refusal, contact: str) -> Document:
    """The triage, or why there is none."""
    return triage_document(answer, contact) if isinstance(answer, Triage) else refusal_document(answer)


def is_stated_notice(refusal: Refusal) -> bool:
    """Whether the caller said that people must be told: that holds whatever the sources say, where the word stands."""
    unclassified = str(refusal.rule) in {"issue_type_unknown", "severity_mismatch"}
    return refusal.severity in NOTIFY_SEVERITIES and not unclassified


def refusal_document(refusal: Refusal) -> Document:
    """What was missing, what may have been meant, what is accepted, what to do, whom to call, what was found."""
    blocks: list[Block] = [Text(refusal.missing, "strong")]
    if is_stated_notice(refusal):
        blocks.append(Fact("notify", "", aside=f"{NOTICE}: {refusal.contact}"))
    if refusal.candidates:
        blocks += [Heading("did you mean"), *(Text(one, "strong", indent=2) for one in refusal.candidates)]
    for title, lines in (("accepted", refusal.accepted), ("what to do", refusal.guidance)):
        blocks += [Heading(title), *(Text(line, indent=2) for line in lines)] if lines else []
    blocks += [Heading("whom to call"), Text(refusal.contact, "accent"), *map(Check, refusal.findings)]
    rule = str(refusal.rule)
    return Document(f"refused · {rule}", blocks, about=("REFUSED", rule), taken_at=refusal.taken_at)


def conclusion_blocks(conclusion: Conclusion) -> list[Block]:
    """The one sentence first, then what to do, how sure it is, and what would overturn it."""
    return [*sentence_blocks(conclusion), *certainty_blocks(conclusion)]


def code_of(conclusion: Conclusion) -> Block:
    """The stable code of a conclusion, for surfaces that are read by scripts and tickets as well."""
    return Fact("conclusion", "", aside=conclusion.code)


def sentence_blocks(conclusion: Conclusion) -> list[Block]:
    """The one sentence, and what to do."""
    tone: Tone = "pass" if conclusion.code in WELL else TONES.get(conclusion.code, "fail")
    return [Text(conclusion.sentence, tone, key="conclusion"), Fact("next", conclusion.next_step, "accent")]


def certainty_blocks(conclusion: Conclusion) -> list[Block]:
    """How sure it is, and what would overturn it."""
    sure = CONFIDENCE.get(str(conclusion.confidence), str(conclusion.confidence))
    if conclusion.sources:
        sure += f" ({', '.join(conclusion.sources)})"
    if conclusion.is_inference:
        sure += "; inferred, not observed"
    doubts = zip(("unless", *[""] * len(conclusion.overturned_by)), conclusion.overturned_by, strict=False)
    return [Fact("confidence", sure), *(Fact(label, doubt, "muted") for label, doubt in doubts)]
