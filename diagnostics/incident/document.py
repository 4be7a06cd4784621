"""Parts of an incident in full: step, criterion, tier, impact, scope, follow-up, entry of the journal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from diagnostics.core.document import GAP, WIDE, Asked, Block, Cell, Document, Fact, Heading, Line, State, Text, facts
from diagnostics.core.sanitizer import clean
from diagnostics.core.words import plural
from diagnostics.models.evidence import Evidence

if TYPE_CHECKING:
    from diagnostics.models.incidents import (
        Affected,
        Criterion,
        FollowUp,
        Impact,
        Incident,
        ScopeProposal,
        Step,
        Tier,
        TimelineLine,
    )

MOST_ACCOUNTS = 200
NAME = 18
"""Cells of the name of what is affected."""


def document(title: str, blocks: Sequence[Block], evidence: Sequence[Evidence] = (), copy: str = "") -> Document:
    """What is said, then what its numbers rest on, where they rest on anything."""
    return Document(title, [*blocks, *([Asked(tuple(evidence))] if evidence else [])], copy=copy)


def step_document(step: Step, incident: Incident | None) -> Document:
    """One step of the first response: what it asks, who did it, how the console sees it."""
    record = step.record
    done, said = Fact("done", "not yet; x ticks it"), ""
    if record is not None:
        by = "seen by the console" if record.by_console else f"ticked by {record.by}"
        done, said = Fact("done", f"{record.at:%d %b %H:%M:%S} UTC, {by}", "pass"), record.text
    within = f"{step.minutes} min of the declaration" if step.minutes is not None else ""
    rule = f"the console ticks it by {step.rule.replace('_', ' ')}" if step.rule else "only people can tick it"
    if step.rule.startswith("check:"):
        rule = f"{step.rule.replace('_', ' ')} informs it; that it was done, people tick"
    further = facts(("said", said), ("within", within), ("rule", rule), ("note", step.note))
    evidence = (record.evidence,) if record is not None and record.evidence is not None else ()
    name = f"{incident.id} · " if incident is not None else ""
    blocks = [Text(step.text, "strong"), GAP, done, *further]
    return document(f"{name}step: {step.title or step.id.replace('_', ' ')}", blocks, evidence)


def how_far(criterion: Criterion) -> str:
    """How far it is: held, and for how much longer it has to hold."""
    if criterion.waived_by:
        return f"waived by {criterion.waived_by}"
    needs = criterion.needs_s
    if criterion.held_s is not None and needs:
        return f"held {int(criterion.held_s // 60)} of {int(needs // 60)} min"
    return criterion.note if str(criterion.status) in {"no_data", "unreachable"} else ""


def criteria_document(criteria: Sequence[Criterion], doubt: str) -> Document:
    """Every exit criterion, or one: how far it is and why."""
    blocks: list[Block] = [Text(doubt, "warn")]
    for one in criteria:
        since = f"{one.since:%d %b %H:%M:%S} UTC" if one.since is not None else ""
        blocks += [State(one.status, one.title), GAP, Fact("now", one.shown, "strong")]
        blocks += [*facts(("how far", how_far(one)), ("since", since), ("note", one.note)), GAP]
    if not criteria and not doubt:
        blocks.append(Text("no exit criteria are known for this issue", "muted"))
    evidence = tuple(item for one in criteria for item in one.evidence)
    return document("exit criteria" if len(criteria) != 1 else criteria[0].title, blocks, evidence)


def tier_document(tier: Tier) -> Document:
    """The alert tier, the rule that decided, and those that did not."""
    blocks: list[Block] = [Text(f"tier {tier.tier}", "title"), GAP]
    blocks += [Fact("decided by", tier.rule, "strong"), Fact("asks for", tier.answer, "accent")]
    if tier.others:
        blocks += [Heading("looked at, and did not decide"), *map(Text, tier.others)]
    return document(f"alert tier {tier.tier}", blocks, tier.evidence)


def impact_document(impact: Impact) -> Document:
    """The impact score, account by account."""
    score = f"{impact.score:,.1f}, limit {impact.limit:,.0f}"
    blocks: list[Block] = [Text(impact.words, "strong")]
    blocks += facts(("score", score), ("answered", impact.coverage.words()))
    blocks += [*(Text(note, "muted") for note in impact.notes), GAP]
    for one in impact.accounts[:MOST_ACCOUNTS]:
        name = f"{one.account_id} {one.name}".strip()
        blocks += [Line((Cell(f"{one.score:>10,.1f}  ", "strong"), Cell(name))), Text(one.why, "muted", indent=12)]
    if len(impact.accounts) > MOST_ACCOUNTS:
        blocks.append(Text(f"and {plural(len(impact.accounts) - MOST_ACCOUNTS, 'account')} of less weight", "muted"))
    return document(f"impact {impact.score:,.0f}", blocks, impact.evidence)


def _interval(one: Affected) -> str:
    end = f"{one.until:%d %b %H:%M}" if one.until is not None else "now"
    why = f" · {one.why}" if one.why else ""
    return f"{one.since:%d %b %H:%M} – {end} UTC{why}"


def scope_document(incident: Incident, proposals: Sequence[ScopeProposal], now: datetime) -> Document:
    """Systems and accounts with the intervals in which they were affected, and what seems to belong to them."""
    blocks: list[Block] = []
    for title, among in (("systems", incident.systems), ("accounts", incident.accounts)):
        affected = f"  {sum(one.until is None for one in among):,} affected now"
        blocks.append(Line((Cell(title, "title"), Cell(affected, "muted"))))
        blocks += facts(*((one.name, _interval(one)) for one in among[:MOST_ACCOUNTS]), width=NAME)
        more = f"and {len(among) - MOST_ACCOUNTS:,} more" if len(among) > MOST_ACCOUNTS else ""
        blocks += [Text(more, "muted"), GAP]
    if proposals:
        blocks.append(Text("seem to be affected too; x in the panel adds them", "title"))
        blocks += facts(*((proposal.name, proposal.why) for proposal in proposals), width=NAME)
    evidence = tuple(item for one in proposals for item in one.evidence)
    return document(f"{incident.id} · scope as of {now:%H:%M} UTC", blocks, evidence)


def follow_up_document(follow_up: FollowUp) -> Document:
    """One follow-up: what was planned, and what came of it."""
    planned, run = follow_up.scheduled, follow_up.run
    blocks = [
        Text(planned.text, "strong"),
        GAP,
        *facts(
            ("due", f"{planned.due_at:%d %b %H:%M} UTC"),
            ("planned by", follow_up.scheduled_by),
            ("owner", planned.owner),
            ("how", f"the console runs {planned.check.replace('_', ' ')}" if planned.check else "a person looks"),
        ),
        *([GAP, State(run.status, run.summary)] if run is not None else []),
    ]
    evidence = (run.evidence,) if run is not None and run.evidence is not None else ()
    return document(f"follow-up {planned.follow_up}", blocks, evidence)


# ---- an entry of the journal


def evidence_of_entry(line: TimelineLine) -> tuple[Evidence, ...]:
    """Every question that the entry's figures were taken from, each once."""
    return tuple(dict.fromkeys(_evidence(line.entry.body)))


def _evidence(value: object) -> list[Evidence]:
    if isinstance(value, Evidence):
        return [value]
    if isinstance(value, tuple):
        return [found for one in value for found in _evidence(one)]
    fields = getattr(type(value), "model_fields", None)
    if fields is None:
        return []
    return [found for name in fields for found in _evidence(getattr(value, name))]


def entry_document(line: TimelineLine, correction: str) -> Document:
    """Nothing is left out: what a person needs, then what proves that it was not altered."""
    entry = line.entry
    own = (
        ("number", f"{entry.seq} of the whole journal"),
        ("record", entry.stream),
        ("written at", f"{entry.at:%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC, by the clock of the console that wrote it"),
        ("by", "the console itself" if entry.actor == "console" else entry.actor),
        ("at console", entry.console),
        ("kind", entry.body.kind),
        ("key", entry.key),
        ("hash before", entry.previous),
        ("hash", entry.hash),
    )
    blocks = [
        Text(line.text, "strong"),
        Fact("corrected", correction, "warn", width=WIDE),
        Heading("what was written"),
        *facts(*_fields(entry.body), width=WIDE),
        Heading("the entry"),
        *facts(*((name, clean(value, limit=500)) for name, value in own), width=WIDE),
    ]
    return document(f"entry {entry.seq} · {entry.body.kind.replace('_', ' ')}", blocks, evidence_of_entry(line))


def _fields(body: Any) -> list[tuple[str, str]]:  # noqa: ANN401  # any body
    """Name and value of everything that was written, except what stands elsewhere on the page."""
    said: list[tuple[str, str]] = []
    for name in type(body).model_fields:
        value = getattr(body, name)
        if name == "kind" or isinstance(value, Evidence) or value in ("", None, ()):
            continue
        label = name.replace("_", " ")
        for one in _parts(value):
            said.append((label, one))
            label = ""
    return said or [("", "nothing more")]


def _parts(value: object) -> list[str]:
    """A value as lines; of several things, one a line."""
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if isinstance(value, datetime):
        return [f"{value:%Y-%m-%d %H:%M:%S} UTC"]
    if isinstance(value, dict):
        return [clean(f"{name}: {one}", limit=2_000) for name, one in value.items()] or ["none"]
    if isinstance(value, tuple):
        return [part for one in value for part in _parts(one)]
    shown = getattr(value, "shown", None)
    if isinstance(shown, str):
        title = getattr(value, "title", "") or getattr(value, "name", "")
        stale = getattr(value, "stale", "")
        return [clean(f"{title}: {shown}{f' ({stale})' if stale else ''}", limit=2_000)]
    return [clean(str(value), limit=8_000)]
