"""The documents of the console: evidence, findings, refusals, guides, help. Data in, rows out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from diagnostics.models.status import FIRST_NOTICE_MINUTES
from screens.base import Document
from widgets import wording
from widgets.row import BLANK, Piece, Row, Tone, fit, labelled, plain, row, wrap

if TYPE_CHECKING:
    from diagnostics.models.doctor import DoctorLine
    from diagnostics.models.evidence import Evidence
    from diagnostics.models.readings import Budget, SourceState
    from diagnostics.models.triage import Finding, Triage
    from widgets.glyphs import Glyphs

LABEL = 14


def _paragraph(text: str, width: int, tone: Tone = "") -> list[Row]:
    return [row((line, tone)) for line in wrap(text, width)]


def _section(title: str) -> list[Row]:
    return [BLANK, row((title, "title"))]


def _document(title: str, build: Callable[[int], Sequence[Row]]) -> Document:
    return Document(title, build, plain(build(100)))


def evidence_rows(items: Sequence[Evidence], width: int, glyphs: Glyphs) -> list[Row]:
    """Where numbers come from, one block a question."""
    rows: list[Row] = []
    for item in items:
        rows += _section(f"asked of {item.source}")
        rows += [row((line, "code")) for line in wrap(item.query, width)]
        took = f"{item.started_at:%H:%M:%S} UTC, took {item.took_ms:,.0f} ms, "
        amount = "rows not stated" if item.rows is None else f"{item.rows:,} {'row' if item.rows == 1 else 'rows'} read"
        for label, text in (
            ("window", item.window or "the present state"),
            ("ran at", took + amount),
            ("wrong if", item.caveat),
        ):
            if text:
                rows += labelled(label, glyphs.text(text), width, label_width=LABEL)
    if not rows:
        rows = _paragraph("No question has been asked yet for this number, so there is no evidence to show.", width)
    return rows


def evidence_document(title: str, summary: str, items: Sequence[Evidence], glyphs: Glyphs) -> Document:
    """What `w` opens: the number, then every question behind it."""
    document = _document(
        f"why {glyphs.separator} {title}",
        lambda width: [*_paragraph(glyphs.text(summary), width, "strong"), *evidence_rows(items, width, glyphs)],
    )
    return replace(document, evidence=tuple(items))


def finding_document(finding: Finding, glyphs: Glyphs, *, doubt: str = "") -> Document:
    """One check's answer in full; `doubt` says that it is old, and why."""

    def build(width: int) -> list[Row]:
        rows = [row(wording.status_piece(finding.status, glyphs), f"  {finding.title}")]
        if doubt:
            rows += [BLANK, *_paragraph(glyphs.text(doubt), width, "warn")]
        rows += [BLANK, *_paragraph(glyphs.text(finding.summary), width, "strong")]
        if finding.value is not None:
            value = f"{finding.value:,}" if isinstance(finding.value, int) else str(finding.value)
            rows += labelled("value", f"{value} {finding.unit}".rstrip(), width, label_width=LABEL)
        if finding.threshold:
            rows += labelled("held against", glyphs.text(finding.threshold), width, label_width=LABEL)
        if finding.next_step:
            rows += labelled("next", glyphs.text(finding.next_step), width, label_width=LABEL, tone="accent")
        if finding.details:
            rows += _section("in detail")
            for line in finding.details:
                rows += _paragraph(glyphs.text(line), width)
        return rows + evidence_rows([finding.evidence] if finding.evidence else [], width, glyphs)

    return _document(f"check {glyphs.separator} {finding.check.replace('_', ' ')}", build)


def triage_document(triage: Triage, glyphs: Glyphs) -> Document:
    """A whole triage: severity, findings, route."""

    def build(width: int) -> list[Row]:
        how = "assessed from the findings" if triage.assessed else "as given"
        rows = [row((triage.severity.upper(), wording.severity_tone(triage.severity)), f"  {how}"), BLANK]
        rows += labelled("what it means", glyphs.text(triage.meaning), width, label_width=16)
        rows += labelled("impact", glyphs.text(triage.impact), width, label_width=16)
        route = triage.route.name if triage.route.available else f"{triage.route.name} (not available in this version)"
        rows += labelled("hand over to", glyphs.text(route), width, label_width=16)
        if triage.notify:
            rows += labelled(
                "notify",
                f"tell the team and open tracking within {FIRST_NOTICE_MINUTES} minutes",
                width,
                label_width=16,
            )
        for note in triage.notes:
            rows += labelled("note", glyphs.text(note), width, label_width=16)
        for finding in triage.findings:
            rows += [BLANK, row(wording.status_piece(finding.status, glyphs), (f"  {finding.title}", "title"))]
            rows += _paragraph(glyphs.text(finding.summary), width)
            if finding.next_step:
                rows += labelled("next", glyphs.text(finding.next_step), width, label_width=LABEL, tone="accent")
            for line in finding.details:
                rows += _paragraph(glyphs.text(line), width, "muted")
            rows += evidence_rows([finding.evidence] if finding.evidence else [], width, glyphs)
        return rows

    scope = f" account {triage.account_id}" if triage.account_id else ""
    scope += f" deal {triage.deal_id}" if triage.deal_id else ""
    return _document(f"triage {glyphs.separator} {triage.issue_type.replace('_', ' ')}{scope}", build)


def sources_document(states: Sequence[SourceState], budgets: Sequence[Budget], glyphs: Glyphs) -> Document:
    """Where the header's figures come from: each source's last answer, each rate limit as the service said it."""

    def build(width: int) -> list[Row]:
        rows: list[Row] = []
        for state in states:
            took = "" if state.latency_ms is None else f", answered in {state.latency_ms:,.1f} ms"
            when = "never" if state.checked_at is None else f"{state.checked_at:%H:%M:%S} UTC"
            rows += [BLANK, row(wording.status_piece(state.status, glyphs), f"  {state.name}")]
            rows += labelled("last asked", f"{when}{took}", width, label_width=LABEL)
            rows += labelled("says", glyphs.text(state.detail or "nothing more"), width, label_width=LABEL)
        rows += _section("what is left of the rate limits")
        for budget in budgets:
            source = "as its headers said" if budget.observed else "assumed: no header has been seen yet"
            amount = f"{budget.remaining} of {budget.limit} per {budget.period_s:g} s"
            line = f"{amount}, resets {budget.resets_at:%H:%M:%S} UTC, {source}"
            rows += labelled(budget.name, glyphs.text(line), width, label_width=26)
        return rows

    return _document("sources", build)


def doctor_document(lines: Sequence[DoctorLine], glyphs: Glyphs) -> Document:
    """Every source, line by line, with what to do about each failure."""

    def build(width: int) -> list[Row]:
        rows: list[Row] = []
        source = ""
        for line in lines:
            if line.source != source:
                source = line.source
                rows += _section(source)
            status = wording.status_piece(line.status, glyphs)
            took = "" if line.latency_ms is None else f"  ({line.latency_ms:,.0f} ms)"
            head = Piece(fit(status.text, 15), status.tone)
            text = glyphs.text(f"{line.subject}: {line.detail}{took}")
            for index, part in enumerate(wrap(text, width - 15)):
                rows.append(row(head if index == 0 else " " * 15, part))
            if line.remedy:
                rows += [row(" " * 15, (part, "accent")) for part in wrap(glyphs.text(line.remedy), width - 15)]
        return rows

    return _document(f"doctor {glyphs.separator} every source", build)


def help_document(keys: Sequence[tuple[str, str]], reading: Sequence[str], runbook: str, glyphs: Glyphs) -> Document:
    """The keys of the screen on top, how to read it, and the runbook of the issue in view."""
    from widgets.rows.markdown import markdown_rows  # noqa: PLC0415  # only readers of guides pay for Rich's Markdown

    def build(width: int) -> list[Row]:
        rows = [row(("keys of this screen", "title"))]
        for key, sentence in keys:
            lines = wrap(glyphs.text(sentence), width - 12)
            rows += [row((fit(key if not n else "", 12), "key"), line) for n, line in enumerate(lines)]
        rows += _section("how to read it")
        for line in reading:
            rows += labelled(f" {glyphs.separator}", glyphs.text(line), width, label_width=3)
        if runbook:
            rows += [BLANK, *markdown_rows(glyphs.text(runbook), width, glyphs)]
        return rows

    return _document("help", build)


def text_document(title: str, text: str, glyphs: Glyphs) -> Document:
    """Plain paragraphs."""
    return Document.of_text(title, text, glyphs)


def markdown_document(title: str, markdown: str, glyphs: Glyphs) -> Document:
    """A guide. Markdown is laid out by Rich, imported here because only readers of guides pay for it."""
    from widgets.rows.markdown import markdown_rows  # noqa: PLC0415

    return Document(title, lambda width: markdown_rows(glyphs.text(markdown), width, glyphs), markdown)
