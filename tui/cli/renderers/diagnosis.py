"""Diagnoses as JSON, plain text and Markdown, in the style of triages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from diagnostics.models.accounts import OAuthDiagnosis
from diagnostics.models.deals import AgentPath, ConfigurationChange, DealDiagnosis, ResolutionDiagnosis, UnsyncedDeals
from tui.cli.output import WORD_WIDTH, WORDS, Style
from tui.cli.renderers import triage as render

if TYPE_CHECKING:
    from diagnostics.models.conclusions import Conclusion
    from diagnostics.models.triage import Finding

Diagnosis = OAuthDiagnosis | DealDiagnosis | UnsyncedDeals | ResolutionDiagnosis

MOST_LINES = 50
"""Users or agents named in text and Markdown; JSON has them all."""


def as_json(answers: tuple[Diagnosis, ...]) -> str:
    """One document for one answer, a list for several; keys in the order of the models, ASCII only."""
    documents = [{"diagnosis": _name(answer), **_document(answer)} for answer in answers]
    return json.dumps(documents[0] if len(documents) == 1 else documents, indent=2, ensure_ascii=True)


def _document(answer: Diagnosis) -> dict[str, Any]:
    found: dict[str, Any] = answer.model_dump(mode="json")
    if "findings" in found:
        found["findings"] = [render.finding_document(finding) for finding in getattr(answer, "findings", ())]
    return found


def as_text(answers: Iterable[Diagnosis], *, style: Style) -> Iterator[str]:
    """For a person: the conclusion, what it rests on, then everything that was looked at."""
    for place, answer in enumerate(answers):
        if place:
            yield ""
        yield f"{_name(answer)}  {_about(answer)}"
        conclusion: Conclusion | None = getattr(answer, "conclusion", None)
        if conclusion is not None:
            yield from _conclusion_text(conclusion, style)
        for line in _figures(answer):
            yield from style.block(f"- {line}", indent=2)
        yield ""
        for status, line in _gates(answer):
            yield from style.block(line, indent=WORD_WIDTH + 2, first=f"{style.status(status)}  ")
        for finding in _findings(answer):
            yield from render.finding_text(finding, style)
        for heading, lines in _lists(answer):
            yield from ("", f"{heading}:")
            for line in lines:
                yield from style.block(line, indent=2)
        for note in answer.notes:
            yield from style.block(f"note: {note}")
        yield f"taken: {answer.taken_at:%Y-%m-%d %H:%M:%S} UTC"


def _conclusion_text(conclusion: Conclusion, style: Style) -> Iterator[str]:
    yield from style.block(conclusion.sentence)
    yield from style.block(f"conclusion: {conclusion.code}, {_confidence(conclusion)}")
    if conclusion.next_step:
        yield from style.block(f"next: {conclusion.next_step}")
    for doubt in conclusion.overturned_by:
        yield from style.block(f"would be overturned by: {doubt}")


def as_markdown(answers: Iterable[Diagnosis]) -> Iterator[str]:
    """For a ticket or a message."""
    for place, answer in enumerate(answers):
        if place:
            yield ""
        yield f"# {_name(answer)}: {render.escaped(_about(answer))}"
        conclusion: Conclusion | None = getattr(answer, "conclusion", None)
        if conclusion is not None:
            yield from ("", f"**{render.escaped(conclusion.sentence)}**", "")
            yield f"- conclusion: `{conclusion.code}`, {render.escaped(_confidence(conclusion))}"
            yield from (f"- would be overturned by: {render.escaped(doubt)}" for doubt in conclusion.overturned_by)
            if conclusion.next_step:
                yield f"- next: {render.escaped(conclusion.next_step)}"
        yield from (f"- {render.escaped(line)}" for line in _figures(answer))
        yield from _table(answer)
        for heading, lines in _lists(answer):
            yield from ("", f"## {heading}", "", *(f"- {render.escaped(line)}" for line in lines))
        if answer.notes:
            yield from ("", "## Notes", "", *(f"- {render.escaped(note)}" for note in answer.notes))
        yield from render.evidence_markdown(_findings(answer))
        yield from ("", f"Taken: {answer.taken_at:%Y-%m-%d %H:%M:%S} UTC")


def _table(answer: Diagnosis) -> Iterator[str]:
    rows = [(WORDS[status], line, "") for status, line in _gates(answer)]
    rows += [
        (WORDS[finding.status], f"{finding.check}: {finding.summary}", finding.threshold)
        for finding in _findings(answer)
    ]
    if rows:
        yield from ("", "| status | finding | rule |", "| --- | --- | --- |")
        yield from ("| " + " | ".join(render.escaped(cell or "—") for cell in row) + " |" for row in rows)


def _name(answer: Diagnosis) -> str:
    return "zillow-oauth-diagnosis" if isinstance(answer, OAuthDiagnosis) else "zillow-sync-diagnosis"


def _about(answer: Diagnosis) -> str:
    if isinstance(answer, OAuthDiagnosis):
        return f"account {answer.account_id}" + (f"  user {answer.user_id}" if answer.user_id is not None else "")
    if isinstance(answer, DealDiagnosis):
        return f"deal {answer.header.deal_id}  account {answer.header.account_id}"
    if isinstance(answer, UnsyncedDeals):
        return f"deals that do not sync  account {answer.account_id}"
    return f"agents  account {answer.account_id}"


def _confidence(conclusion: Conclusion) -> str:
    how = "inferred" if conclusion.is_inference else "observed"
    return f"confidence {conclusion.confidence} ({', '.join(conclusion.sources) or 'no source'}), {how}"


def _findings(answer: Diagnosis) -> tuple[Finding, ...]:
    return () if isinstance(answer, UnsyncedDeals) else answer.findings


def _gates(answer: Diagnosis) -> Iterator[tuple[str, str]]:
    """The gates of a deal, by their status."""
    if isinstance(answer, DealDiagnosis):
        for gate in answer.gates:
            yield gate.status, f"{gate.id}: {gate.summary}" + (f" ({gate.error_code})" if gate.error_code else "")


def _figures(answer: Diagnosis) -> Iterator[str]:
    if isinstance(answer, OAuthDiagnosis):
        for figure in answer.consistency:
            yield f"{figure.title}: {figure.shown}" + (f" ({figure.note})" if figure.note else "")
    elif isinstance(answer, UnsyncedDeals):
        yield f"{answer.total:,} not synced, {answer.examined:,} judged"
        for group in answer.groups:
            yield f"{group.error_code or 'eligible'}: {group.count:,} ({group.title})"


def _lists(answer: Diagnosis) -> Iterator[tuple[str, list[str]]]:
    if isinstance(answer, OAuthDiagnosis) and answer.users and answer.user_id is None:
        lines = [f"user {user.user_id}: {user.sentence}" for user in answer.users]
        yield "users with something wrong, worst first", _first(lines)
    elif isinstance(answer, ResolutionDiagnosis) and answer.stale:
        lines = [f"agent {one.agent_id} (user {one.user_id}): {one.method_name}" for one in answer.stale]
        yield "agents that are resolved wrongly", _first(lines)
    elif isinstance(answer, DealDiagnosis):
        if answer.agents:
            yield "agents on the deal", [_agent(agent) for agent in answer.agents]
        if answer.configuration:
            yield "configuration", [_change(change) for change in answer.configuration]
    elif isinstance(answer, UnsyncedDeals):
        for group in answer.groups:
            deals = [f"deal {deal} of account {account}" for account, deal in group.deals]
            yield group.error_code or "eligible", _first(deals)


def _agent(agent: AgentPath) -> str:
    paths = (
        ("legacy profile", agent.legacy_profile),
        ("OAuth", agent.oauth),
        ("modern agent", agent.modern_agent),
        ("legacy sync agent", agent.sync_agent),
    )
    words = {True: "yes", False: "no", None: "not known"}
    told = ", ".join(f"{name} {words[holds]}" for name, holds in paths)
    return f"user {agent.user_id}{f' {agent.name}' if agent.name else ''}: {told}"


def _change(change: ConfigurationChange) -> str:
    at = f"{change.at:%Y-%m-%d %H:%M} UTC: " if change.at else ""
    return f"{at}{change.what} ({change.source})"


def _first(lines: list[str]) -> list[str]:
    more = len(lines) - MOST_LINES
    return lines if more <= 0 else [*lines[:MOST_LINES], f"… and {more:,} more"]
