"""The sources as documents: their last answers and rate limits, and what the access check says of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from diagnostics.core.document import GAP, Block, Cell, Document, Fact, Heading, Line, Result, State, facts
from diagnostics.core.words import plural

if TYPE_CHECKING:
    from diagnostics.models.doctor import DoctorLine
    from diagnostics.models.readings import Budget, SourceState

BUDGET = 26
"""Cells of the name of a rate limit."""


def sources_document(states: Sequence[SourceState], budgets: Sequence[Budget]) -> Document:
    """Where the header's figures come from: each source's last answer, each rate limit as the service said it."""
    blocks: list[Block] = []
    for state in states:
        took = "" if state.latency_ms is None else f", answered in {state.latency_ms:,.1f} ms"
        when = "never" if state.checked_at is None else f"{state.checked_at:%H:%M:%S} UTC"
        blocks += [GAP, State(state.status, state.name)]
        blocks += facts(("last asked", f"{when}{took}"), ("says", state.detail or "nothing more"))
    blocks.append(Heading("what is left of the rate limits"))
    for budget in budgets:
        source = "as its headers said" if budget.observed else "assumed: no header has been seen yet"
        amount = f"{budget.remaining} of {budget.limit} per {budget.period_s:g} s"
        line = f"{amount}, resets {budget.resets_at:%H:%M:%S} UTC, {source}"
        blocks.append(Fact(budget.name, line, width=BUDGET))
    return Document("sources", blocks)


def doctor_document(lines: Sequence[DoctorLine]) -> Document:
    """What to mend first, then every source, line by line, with what to do about each failure."""
    first = doctor_summary(lines)
    return Document("doctor · every source", [Result(first.status, first.detail, first.remedy), *doctor_blocks(lines)])


def doctor_summary(lines: Sequence[DoctorLine]) -> DoctorLine:
    """The line to mend first and how many are not asked because of it; or that there is nothing to mend."""
    from diagnostics.models.doctor import NOT_ASKED, DoctorLine  # noqa: PLC0415  # after the first paint
    from diagnostics.models.status import Status  # noqa: PLC0415  # as above

    bad = [line for line in lines if str(line.status) in {"warn", "fail", "unreachable"}]
    amount = plural(len(lines), "line")
    if not bad:
        return DoctorLine.of("doctor", "summary", Status.PASS, f"nothing to fix, {amount}")
    first = bad[0]
    name = f"{first.source} {first.subject}"
    unasked = sum(line.detail.startswith(f"{NOT_ASKED}{name}") for line in lines)
    because = f"; {plural(unasked, 'line')} not asked because of it" if unasked else ""
    further = f"; {len(bad) - 1} more to fix" if len(bad) > 1 else ""
    told = f"fix first: {name}: {first.detail}{because}{further}"
    return DoctorLine.of("doctor", "summary", first.status, told, first.remedy)


def doctor_blocks(lines: Iterable[DoctorLine], *, within: bool = False) -> list[Block]:
    """The lines source by source; `within` a part of another text they are set in, without room between the sources."""
    blocks: list[Block] = []
    for source, its_lines in groupby(lines, lambda line: line.source):
        blocks.append(Line([Cell(f" {source}", "title")]) if within else Heading(source))
        for line in its_lines:
            took = "" if line.latency_ms is None else f"  ({line.latency_ms:,.0f} ms)"
            said = f"{line.subject}: {line.detail}{took}"
            blocks.append(Result(line.status, said, line.remedy, indent=2 if within else 0))
    return blocks
