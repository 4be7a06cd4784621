"""Parts of an incident in full: step, criterion, tier, impact, scope, follow-up, delivery, entry of the journal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from diagnostics.core.sanitizer import clean
from diagnostics.core.time import utc_now
from diagnostics.core.words import age
from diagnostics.models.evidence import Evidence
from screens.base import Document
from screens.documents import evidence_rows
from widgets import wording
from widgets.row import BLANK, Row, labelled, plain, row, wrap, wrapped
from widgets.rows.incident import criterion_words
from widgets.rows.notices import channel_word, outcome, purpose_word, state_piece

if TYPE_CHECKING:
    from diagnostics.models.incidents import (
        Affected,
        Criterion,
        Delivery,
        FollowUp,
        Impact,
        Incident,
        ScopeProposal,
        Step,
        Tier,
        TimelineLine,
    )
    from widgets.glyphs import Glyphs

LABEL, ENTRY_LABEL = 14, 16
MOST_ACCOUNTS = 200


def document(
    title: str, build: Callable[[int], Sequence[Row]], glyphs: Glyphs, evidence: Sequence[Evidence] = ()
) -> Document:
    """Rows, then what their numbers rest on."""

    def whole(width: int) -> list[Row]:
        return [*build(width), *(evidence_rows(evidence, width, glyphs) if evidence else ())]

    return Document(title, whole, plain(whole(100)), evidence=tuple(evidence))


def _lines(text: str, width: int, glyphs: Glyphs, tone: str = "") -> list[Row]:
    return wrapped(glyphs.text(text), width, tone)  # type: ignore[arg-type]  # a tone's name


def step_document(step: Step, incident: Incident | None, glyphs: Glyphs) -> Document:
    """One step of the first response: what it asks, who did it, how the console sees it."""
    record = step.record

    def build(width: int) -> list[Row]:
        rows = [*_lines(step.text, width, glyphs, "strong"), BLANK]
        if record is not None:
            by = "seen by the console" if record.by_console else f"ticked by {record.by}"
            rows += labelled("done", f"{record.at:%d %b %H:%M:%S} UTC, {by}", width, label_width=LABEL, tone="pass")
            if record.text:
                rows += labelled("said", glyphs.text(record.text), width, label_width=LABEL)
        else:
            rows += labelled("done", "not yet; x ticks it", width, label_width=LABEL)
        if step.minutes is not None:
            rows += labelled("within", f"{step.minutes} min of the declaration", width, label_width=LABEL)
        rule = f"the console ticks it by {step.rule.replace('_', ' ')}" if step.rule else "only people can tick it"
        if step.rule.startswith("check:"):
            rule = f"{step.rule.replace('_', ' ')} informs it; that it was done, people tick"
        rows += labelled("rule", rule, width, label_width=LABEL)
        if step.note:
            rows += labelled("note", glyphs.text(step.note), width, label_width=LABEL)
        return rows

    evidence = (record.evidence,) if record is not None and record.evidence is not None else ()
    name = f"{incident.id} {glyphs.separator} " if incident is not None else ""
    return document(f"{name}step {glyphs.text(step.id.replace('_', ' '))}", build, glyphs, evidence)


def criteria_document(criteria: Sequence[Criterion], doubt: str, glyphs: Glyphs) -> Document:
    """Every exit criterion, or one: how far it is and why."""

    def build(width: int) -> list[Row]:
        rows = _lines(doubt, width, glyphs, "warn") if doubt else []
        for one in criteria:
            rows += [row(wording.status_piece(one.status, glyphs), f"  {glyphs.text(one.title)}"), BLANK]
            rows += labelled("now", glyphs.text(one.shown), width, label_width=LABEL, tone="strong")
            if words := criterion_words(one):
                rows += labelled("how far", glyphs.text(words), width, label_width=LABEL)
            if one.since is not None:
                rows += labelled("since", f"{one.since:%d %b %H:%M:%S} UTC", width, label_width=LABEL)
            if one.note:
                rows += labelled("note", glyphs.text(one.note), width, label_width=LABEL)
            rows.append(BLANK)
        return rows or [row(("no exit criteria are known for this issue", "muted"))]

    evidence = tuple(item for one in criteria for item in one.evidence)
    return document("exit criteria" if len(criteria) != 1 else glyphs.text(criteria[0].title), build, glyphs, evidence)


def tier_document(tier: Tier, glyphs: Glyphs) -> Document:
    """The alert tier, the rule that decided, and those that did not."""

    def build(width: int) -> list[Row]:
        rows = [row((f"tier {tier.tier}", "title")), BLANK]
        rows += labelled("decided by", glyphs.text(tier.rule), width, label_width=LABEL, tone="strong")
        rows += labelled("asks for", glyphs.text(tier.answer), width, label_width=LABEL, tone="accent")
        if tier.others:
            rows += [BLANK, row(("looked at, and did not decide", "title"))]
            rows += [line for one in tier.others for line in _lines(one, width, glyphs)]
        return rows

    return document(f"alert tier {tier.tier}", build, glyphs, tier.evidence)


def impact_document(impact: Impact, glyphs: Glyphs) -> Document:
    """The impact score, account by account."""

    def build(width: int) -> list[Row]:
        rows = [*_lines(impact.words, width, glyphs, "strong")]
        rows += labelled("score", f"{impact.score:,.1f}, limit {impact.limit:,.0f}", width, label_width=LABEL)
        rows += labelled("answered", impact.coverage.words(), width, label_width=LABEL)
        rows += [line for note in impact.notes for line in _lines(note, width, glyphs, "muted")]
        rows.append(BLANK)
        for one in impact.accounts[:MOST_ACCOUNTS]:
            name = f"{one.account_id} {one.name}".strip()
            rows.append(row((f"{one.score:>10,.1f}  ", "strong"), glyphs.text(name)))
            rows += [row((f"            {line}", "muted")) for line in wrap(glyphs.text(one.why), max(20, width - 12))]
        if len(impact.accounts) > MOST_ACCOUNTS:
            rows.append(row((f"and {len(impact.accounts) - MOST_ACCOUNTS:,} accounts of less weight", "muted")))
        return rows

    return document(f"impact {impact.score:,.0f}", build, glyphs, impact.evidence)


def scope_document(incident: Incident, proposals: Sequence[ScopeProposal], now: datetime, glyphs: Glyphs) -> Document:
    """Systems and accounts with the intervals in which they were affected, and what seems to belong to them."""

    def interval(one: Affected) -> str:
        end = f"{one.until:%d %b %H:%M}" if one.until is not None else "now"
        why = f" · {one.why}" if one.why else ""
        return f"{one.since:%d %b %H:%M} – {end} UTC{why}"

    def build(width: int) -> list[Row]:
        rows: list[Row] = []
        for title, among in (("systems", incident.systems), ("accounts", incident.accounts)):
            rows.append(row((title, "title"), (f"  {sum(one.until is None for one in among):,} affected now", "muted")))
            for one in among[:MOST_ACCOUNTS]:
                rows += labelled(glyphs.text(one.name), glyphs.text(interval(one)), width, label_width=18)
            if len(among) > MOST_ACCOUNTS:
                rows.append(row((f"and {len(among) - MOST_ACCOUNTS:,} more", "muted")))
            rows.append(BLANK)
        if proposals:
            rows.append(row(("seem to be affected too; x in the panel adds them", "title")))
            for proposal in proposals:
                rows += labelled(glyphs.text(proposal.name), glyphs.text(proposal.why), width, label_width=18)
        return rows

    evidence = tuple(item for one in proposals for item in one.evidence)
    return document(f"{incident.id} {glyphs.separator} scope as of {now:%H:%M} UTC", build, glyphs, evidence)


def follow_up_document(follow_up: FollowUp, glyphs: Glyphs) -> Document:
    """One follow-up: what was planned, and what came of it."""
    planned, run = follow_up.scheduled, follow_up.run

    def build(width: int) -> list[Row]:
        rows = [*_lines(planned.text, width, glyphs, "strong"), BLANK]
        rows += labelled("due", f"{planned.due_at:%d %b %H:%M} UTC", width, label_width=LABEL)
        rows += labelled("planned by", glyphs.text(follow_up.scheduled_by), width, label_width=LABEL)
        if planned.owner:
            rows += labelled("owner", glyphs.text(planned.owner), width, label_width=LABEL)
        how = f"the console runs {planned.check.replace('_', ' ')}" if planned.check else "a person looks"
        rows += labelled("how", glyphs.text(how), width, label_width=LABEL)
        if run is not None:
            rows += [BLANK, row(wording.status_piece(run.status, glyphs), f"  {glyphs.text(run.summary)}")]
        return rows

    evidence = (run.evidence,) if run is not None and run.evidence is not None else ()
    return document(f"follow-up {planned.follow_up}", build, glyphs, evidence)


# ---- a delivery


def delivery_document(delivery: Delivery, glyphs: Glyphs) -> Document:
    """Everything about one delivery: who, when, what, with which numbers."""

    def build(width: int) -> list[Row]:
        now = utc_now()
        what = f"{channel_word(delivery.channel)} {glyphs.separator} {purpose_word(delivery.purpose)}"
        rows = [row(state_piece(delivery, glyphs), f"  {glyphs.text(what)}"), BLANK]
        attempts = f"{delivery.attempts}"
        if delivery.attempted_at is not None:
            by = f" by {clean(delivery.attempted_by, limit=120)}" if delivery.attempted_by else ""
            attempts += f", the newest at {delivery.attempted_at:%H:%M:%S} UTC{by}"
        confirmed = f"{delivery.confirmed_at:%d %b %H:%M:%S} UTC by {clean(delivery.confirmed_by, limit=120)}"
        for label, text in (
            ("became", outcome(delivery, now)),
            ("remedy", delivery.remedy if delivery.state != "sent" else ""),
            ("to", delivery.destination),
            ("for", str(delivery.audience)),
            ("confirmed", confirmed),
            ("attempts", attempts),
            ("receipt", delivery.receipt),
            ("link", delivery.link),
            ("our own key", delivery.token),
        ):
            if text:
                rows += labelled(label, glyphs.text(clean(text, limit=2_000)), width, label_width=14)
        rows += [BLANK, row(("its text", "title"))]
        if delivery.title:
            rows += wrapped(glyphs.text(clean(delivery.title, limit=400)), width, "strong")
        rows += wrapped(glyphs.text(clean(delivery.text, multiline=True)), width)
        if delivery.figures:
            rows += [BLANK, row(("its numbers", "title"))]
        for one in delivery.figures:
            old = f", {age(one.taken_at, delivery.confirmed_at)} old when confirmed" if one.taken_at else ""
            stale = f"; {one.stale}" if one.stale else ""
            text = glyphs.text(clean(f"{one.shown}{old}{stale}", limit=400))
            rows += labelled(f"{one.name.replace('_', ' ')} ", text, width, label_width=24)
        return rows + (
            evidence_rows([one.evidence for one in delivery.figures if one.evidence is not None], width, glyphs)
            if delivery.figures
            else []
        )

    title = f"delivery {delivery.delivery} {glyphs.separator} {channel_word(delivery.channel)}"
    return Document(title, build, clean(delivery.text, multiline=True))


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


def entry_document(line: TimelineLine, correction: str, glyphs: Glyphs) -> Document:
    """Nothing is left out: what a person needs, then what proves that it was not altered."""
    entry = line.entry

    def build(width: int) -> list[Row]:
        rows = wrapped(glyphs.text(line.text), width, "strong")
        if correction:
            rows += labelled("corrected", glyphs.text(correction), width, label_width=ENTRY_LABEL, tone="warn")
        rows += [BLANK, row(("what was written", "title"))]
        for name, value in _fields(entry.body):
            rows += labelled(name, glyphs.text(value), width, label_width=ENTRY_LABEL)
        rows += [BLANK, row(("the entry", "title"))]
        for name, value in (
            ("number", f"{entry.seq} of the whole journal"),
            ("record", entry.stream),
            ("written at", f"{entry.at:%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC, by the clock of the console that wrote it"),
            ("by", "the console itself" if entry.actor == "console" else entry.actor),
            ("at console", entry.console),
            ("kind", entry.body.kind),
            ("key", entry.key),
            ("hash before", entry.previous),
            ("hash", entry.hash),
        ):
            rows += labelled(name, glyphs.text(clean(value, limit=500)), width, label_width=ENTRY_LABEL)
        found = evidence_of_entry(line)
        return rows + (evidence_rows(found, width, glyphs) if found else [])

    return Document(
        f"entry {entry.seq} {glyphs.separator} {entry.body.kind.replace('_', ' ')}", build, plain(build(100))
    )


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
