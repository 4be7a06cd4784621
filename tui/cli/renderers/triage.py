"""Triages and refusals as JSON, plain text and Markdown. The JSON is a promise to scripts: docs/triage-json.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from diagnostics.core.sanitizer import clean
from diagnostics.models.evidence import Evidence
from diagnostics.models.readings import Pulse
from diagnostics.models.status import FIRST_NOTICE_MINUTES, NOTIFY_SEVERITIES
from diagnostics.models.triage import Finding, Refusal, RefusalRule, Triage
from tui.cli.output import WORD_WIDTH, WORDS, Style

Answer = Triage | Refusal


def _is_stated_notice(refusal: Refusal) -> bool:
    """Whether the caller said that people must be told: that holds whatever the sources say, where the word stands."""
    unclassified = refusal.rule in {RefusalRule.ISSUE_TYPE_UNKNOWN, RefusalRule.SEVERITY_MISMATCH}
    return refusal.severity in NOTIFY_SEVERITIES and not unclassified


def as_json(answer: Answer) -> str:
    """The answer as one JSON document, keys in a stable order, ASCII only."""
    return json.dumps(document(answer), indent=2, ensure_ascii=True)


def document(answer: Answer) -> dict[str, Any]:
    """The answer as JSON types."""
    findings = [finding_document(finding) for finding in answer.findings]
    if isinstance(answer, Refusal):
        return {
            "outcome": "refusal",
            "issue_type": answer.issue_type,
            "severity": answer.severity,
            "level": None,
            "route": None,
            "notify": _is_stated_notice(answer),
            "findings": findings,
            "refusal": {
                "rule": answer.rule.value,
                "missing": answer.missing,
                "accepted": list(answer.accepted),
                "guidance": list(answer.guidance),
                "contact": answer.contact,
                "candidates": list(answer.candidates),
            },
            "taken_at": answer.taken_at.isoformat(),
        }
    return {
        "outcome": "triage",
        "issue_type": answer.issue_type,
        "severity": answer.severity,
        "level": answer.level,
        "route": {"name": answer.route.name, "available": answer.route.available, "reason": answer.route.reason},
        "notify": answer.notify,
        "findings": findings,
        "refusal": None,
        "taken_at": answer.taken_at.isoformat(),
        "assessed": answer.assessed,
        "account_id": answer.account_id,
        "deal_id": answer.deal_id,
        "meaning": answer.meaning,
        "impact": answer.impact,
        "notes": list(answer.notes),
        "known_severity": answer.known_severity,
        "decided_by": list(answer.decided_by),
        "missing": list(answer.missing),
        "pulse": None if answer.pulse is None else _pulse(answer.pulse),
    }


def _pulse(pulse: Pulse) -> dict[str, Any]:
    return {
        "severity": pulse.severity,
        "status": pulse.status.value,
        "count": pulse.count,
        "window_s": pulse.window_s,
        "usual": pulse.usual,
        "ratio": None if pulse.ratio is None else round(pulse.ratio, 3),
        "accounts": pulse.accounts,
        "reason": pulse.reason,
        "evidence": [_evidence(one) for one in pulse.evidence],
    }


def finding_document(finding: Finding) -> dict[str, Any]:
    """A finding as JSON types."""
    return {
        "check": finding.check,
        "status": finding.status.value,
        "summary": finding.summary,
        "value": finding.value,
        "threshold": finding.threshold,
        "evidence": None if finding.evidence is None else _evidence(finding.evidence),
        "title": finding.title,
        "unit": finding.unit,
        "next_step": finding.next_step,
        "details": list(finding.details),
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "source": evidence.source,
        "query": evidence.query,
        "window": evidence.window,
        "started_at": evidence.started_at.isoformat(),
        "took_ms": round(evidence.took_ms, 3),
        "rows": evidence.rows,
        "caveat": evidence.caveat,
    }


def as_text(answer: Answer, *, contact: str, style: Style) -> Iterator[str]:
    """The answer for a person, what matters first."""
    if isinstance(answer, Refusal):
        yield from _refusal_text(answer, style)
        return
    how = "assessed" if answer.assessed else "given"
    yield f"{answer.issue_type}  {answer.severity} ({how})  level {answer.level}{_subject(answer)}"
    yield from style.block(answer.meaning)
    yield from style.block(f"Impact: {answer.impact}")
    if answer.notify:
        yield from style.block(_notice(contact))
    yield ""
    for finding in answer.findings:
        yield from finding_text(finding, style)
    yield ""
    for note in answer.notes:
        yield from style.block(f"note: {note}")
    away = "" if answer.route.available else f" (not available: {answer.route.reason})"
    yield from style.block(f"route: {answer.route.name}{away}")
    yield f"taken: {answer.taken_at:%Y-%m-%d %H:%M:%S} UTC"


def _refusal_text(refusal: Refusal, style: Style) -> Iterator[str]:
    yield f"REFUSED  {refusal.rule.value}"
    yield from style.block(refusal.missing)
    if _is_stated_notice(refusal):
        yield from style.block(_notice(refusal.contact))
    for heading, lines in (
        ("accepted", refusal.accepted),
        ("candidates", refusal.candidates),
        ("what to do", refusal.guidance),
    ):
        if lines:
            yield f"{heading}:"
        for line in lines:
            yield from style.block(line, indent=2)
    yield from style.block(f"contact: {refusal.contact}")
    yield f"taken: {refusal.taken_at:%Y-%m-%d %H:%M:%S} UTC"


def finding_text(finding: Finding, style: Style) -> Iterator[str]:
    """A finding for a person: its status word, its sentence, the rule, what to do, why."""
    indent = WORD_WIDTH + 2
    yield from style.block(
        f"{finding.check}: {finding.summary}", indent=indent, first=f"{style.status(finding.status)}  "
    )
    if finding.threshold:
        yield from style.block(f"rule: {finding.threshold}", indent=indent)
    if finding.next_step:
        yield from style.block(f"next: {finding.next_step}", indent=indent)
    for detail in finding.details:
        yield from style.block(f"- {detail}", indent=indent)
    if finding.evidence is not None:
        yield from style.block(f"why: {evidence_line(finding.evidence)}", indent=indent)


def _notice(contact: str) -> str:
    return f"NOTIFY: tell the team and open tracking within {FIRST_NOTICE_MINUTES} minutes: {contact}"


def evidence_line(evidence: Evidence) -> str:
    """Evidence on one line: source, query, window, when, how long, how many rows."""
    parts = [
        evidence.source,
        evidence.query,
        evidence.window,
        f"{evidence.started_at:%H:%M:%S} UTC",
        f"{evidence.took_ms:,.0f} ms",
        "" if evidence.rows is None else f"{evidence.rows:,} rows",
        f"caveat: {evidence.caveat}" if evidence.caveat else "",
    ]
    return " | ".join(part for part in parts if part)


def as_markdown(answer: Answer, *, contact: str) -> Iterator[str]:
    """The answer for a ticket or a message."""
    if isinstance(answer, Refusal):
        yield from _refusal_markdown(answer)
        return
    yield f"# {escaped(answer.issue_type)}: {answer.severity}"
    yield ""
    yield escaped(f"{answer.meaning} Impact: {answer.impact}")
    yield ""
    yield f"- severity: {answer.severity} ({'assessed' if answer.assessed else 'given'}), level {answer.level}"
    if subject := _subject(answer).strip():
        yield f"- about: {subject}"
    yield f"- notify: {f'yes, within {FIRST_NOTICE_MINUTES} minutes: {escaped(contact)}' if answer.notify else 'no'}"
    yield f"- route: `{answer.route.name}`{'' if answer.route.available else ' (not available)'}"
    yield f"- taken: {answer.taken_at:%Y-%m-%d %H:%M:%S} UTC"
    yield ""
    yield "| status | check | finding | rule |"
    yield "| --- | --- | --- | --- |"
    for finding in answer.findings:
        cells = (WORDS[finding.status], finding.check, finding.summary, finding.threshold or "—")
        yield "| " + " | ".join(escaped(cell) for cell in cells) + " |"
    yield from _details_markdown(answer)
    yield from _notes_markdown(answer)
    yield from evidence_markdown(answer.findings)


def _details_markdown(answer: Triage) -> Iterator[str]:
    for finding in answer.findings:
        if finding.details:
            lines = [f"- {escaped(line)}" for line in finding.details]
            yield from ("", f"## {escaped(finding.check)} in detail", "", *lines)


def _notes_markdown(answer: Triage) -> Iterator[str]:
    steps = [finding.next_step for finding in answer.findings if finding.next_step]
    for heading, lines in (("Next", steps), ("Notes", answer.notes)):
        if lines:
            yield from ("", f"## {heading}", "", *(f"- {escaped(line)}" for line in lines))


def evidence_markdown(findings: tuple[Finding, ...]) -> Iterator[str]:
    """The evidence of findings, each query in a fence."""
    proven = [finding for finding in findings if finding.evidence is not None]
    if not proven:
        return
    yield from ("", "## Evidence")
    for finding in proven:
        if finding.evidence is not None:
            fence = "````" if "```" in finding.evidence.query else "```"
            yield from ("", escaped(f"{finding.check}: {_circumstances(finding.evidence)}"), "")
            yield from (fence, clean(finding.evidence.query, limit=8_000), fence)


def _circumstances(evidence: Evidence) -> str:
    return evidence_line(evidence.model_copy(update={"query": ""}))


def _refusal_markdown(refusal: Refusal) -> Iterator[str]:
    yield f"# Refused: {refusal.rule.value}"
    yield from ("", escaped(refusal.missing))
    if _is_stated_notice(refusal):
        yield from ("", escaped(_notice(refusal.contact)))
    for heading, lines in (
        ("Accepted", refusal.accepted),
        ("Candidates", refusal.candidates),
        ("What to do", refusal.guidance),
    ):
        if lines:
            yield from ("", f"## {heading}", "", *(f"- {escaped(line)}" for line in lines))
    yield from ("", f"Contact: {escaped(refusal.contact)}", "", f"Taken: {refusal.taken_at:%Y-%m-%d %H:%M:%S} UTC")


def _subject(answer: Triage) -> str:
    account = f"  account {answer.account_id}" if answer.account_id is not None else ""
    deal = f"  deal {answer.deal_id}" if answer.deal_id is not None else ""
    return account + deal


def escaped(text: str) -> str:
    """Text that Markdown takes for text."""
    escaped = clean(text, limit=8_000)
    for special in "\\`*_[]<>|#":
        escaped = escaped.replace(special, f"\\{special}")
    return escaped
