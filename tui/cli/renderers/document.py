"""The neutral document as plain text and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from diagnostics.core.document import GAP, Block, Check, Document, Fact, Heading, Line, Note, Result, State, Text, flat
from diagnostics.core.sanitizer import clean
from diagnostics.core.words import plural
from diagnostics.models.evidence import Evidence
from diagnostics.models.triage import ASKED_AS
from tui.cli.output import WORD_WIDTH, WORDS, Style

BESIDE = WORD_WIDTH + 2
"""Columns before what stands beside a status."""


def as_text(documents: Iterable[Document], style: Style, *, evidence: bool = True) -> Iterator[str]:
    """For a person: what matters first, in the order of the document; without `evidence`, no query behind a check."""
    for place, document in enumerate(documents):
        if place:
            yield ""
        yield "  ".join(part for part in document.about if part)
        after: Block | None = None
        for block in flat(document.blocks):
            if isinstance(block, Check | Result) and not isinstance(after, Check | Result | Heading):
                yield ""
            yield from _text(block, style, evidence=evidence)
            after = block
        if document.taken_at is not None:
            yield from ("", f"taken: {document.taken_at:%Y-%m-%d %H:%M:%S} UTC")


def _text(block: Block, style: Style, *, evidence: bool) -> Iterator[str]:
    match block:
        case Text(text, indent=indent) if text and block is not GAP:
            yield from style.block(text, indent=indent)
        case Heading(text):
            yield from ("", f"{text}:")
        case Fact(label) if said := fact_words(block):
            yield from style.block(f"{label}: {said}")
        case Line(cells):
            yield from style.block("".join(cell.text.ljust(cell.width) for cell in cells).rstrip())
        case Note(text):
            yield from style.block(f"note: {text}")
        case State(status, title):
            yield from style.block(f"{status} ({title})")
        case Result(status, text):
            yield from style.block(text, indent=BESIDE, first=f"{style.status(status)}  ")
        case Check(finding):
            first = f"{style.status(finding.status)}  "
            yield from style.block(f"{finding.check}: {finding.summary}", indent=BESIDE, first=first)
            why = f"why: {evidence_line(finding.evidence)}" if evidence and finding.evidence is not None else ""
            rule = f"rule: {finding.threshold}" if finding.threshold else ""
            step = f"next: {finding.next_step}" if finding.next_step else ""
            details = [one for one in finding.details if evidence or not one.startswith(ASKED_AS)]
            for line in (rule, step, *(f"- {detail}" for detail in details), why):
                yield from style.block(line, indent=BESIDE) if line else ()


def fact_words(fact: Fact) -> str:
    """A fact with what is said aside."""
    return f"{fact.text} ({fact.aside})" if fact.text and fact.aside else fact.text or fact.aside


def evidence_line(evidence: Evidence) -> str:
    """Evidence on one line: source, query, window, when, how long, how many rows."""
    parts = [
        evidence.source,
        evidence.query,
        evidence.window,
        f"{evidence.started_at:%H:%M:%S} UTC",
        f"{evidence.took_ms:,.0f} ms",
        "" if evidence.rows is None else plural(evidence.rows, "row"),
        f"caveat: {evidence.caveat}" if evidence.caveat else "",
    ]
    return " | ".join(part for part in parts if part)


def as_markdown(documents: Iterable[Document]) -> Iterator[str]:
    """For a ticket or a message: facts and checks first, then every list, then what was asked."""
    for place, document in enumerate(documents):
        if place:
            yield ""
        yield f"# {': '.join(escaped(part) for part in document.about if part)}"
        for kind, lines in groupby(filter(None, map(_markdown, flat(document.blocks))), lambda one: one[0]):
            yield from ("", *CHECKS) if kind == "check" else ()
            for at, (_, line) in enumerate(lines):
                # A paragraph stands by itself; what is alike stands together.
                yield from ("",) if kind == "text" or (not at and kind != "check") else ()
                yield line
        checks = [block.finding for block in flat(document.blocks) if isinstance(block, Check)]
        for title, texts in (
            *((f"{one.check} in detail", one.details) for one in checks),
            ("Next", [one.next_step for one in checks if one.next_step]),
        ):
            yield from ("", f"## {escaped(title)}", "", *(f"- {escaped(text)}" for text in texts)) if texts else ()
        proven = [(one.check, one.evidence) for one in checks if one.evidence is not None]
        yield from ("", "## Evidence") if proven else ()
        for check, evidence in proven:
            fence = "````" if "```" in evidence.query else "```"
            around = evidence_line(evidence.model_copy(update={"query": ""}))
            yield from ("", escaped(f"{check}: {around}"), "", fence, clean(evidence.query, limit=8_000), fence)
        if document.taken_at is not None:
            yield from ("", f"Taken: {document.taken_at:%Y-%m-%d %H:%M:%S} UTC")


CHECKS = ("| status | finding | rule |", "| --- | --- | --- |")


def _markdown(block: Block) -> tuple[str, str] | None:  # noqa: PLR0911  # a table: one entry a block
    """Kind of a line, and the line; None for what Markdown leaves out."""
    match block:
        case Text(text, tone, indent=indent) if text and block is not GAP:
            bold = "" if tone in {"", "muted", "code"} else "**"
            return ("list", f"- {escaped(text)}") if indent else ("text", f"{bold}{escaped(text)}{bold}")
        case Heading(text):
            return ("text", f"## {escaped(text)}")
        case Fact(label) if said := fact_words(block):
            return ("list", f"- {escaped(label)}: {escaped(said)}")
        case Line(cells):
            return ("list", f"- {escaped(''.join(cell.text for cell in cells))}")
        case Note(text):
            return ("list", f"- note: {escaped(text)}")
        case State(status, title):
            return ("list", f"- {escaped(f'{status} ({title})')}")
        case Result(status, text):
            return ("check", _cells(status, text))
        case Check(finding):
            return ("check", _cells(finding.status, f"{finding.check}: {finding.summary}", finding.threshold))
    return None


def _cells(status: str, text: str, rule: str = "") -> str:
    return f"| {WORDS[status]} | {escaped(text)} | {escaped(rule or '—')} |"


def escaped(text: str) -> str:
    """Text that Markdown takes for text."""
    escaped = clean(text, limit=8_000)
    for special in "\\`*_[]<>|#":
        escaped = escaped.replace(special, f"\\{special}")
    return escaped
