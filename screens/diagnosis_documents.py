"""Diagnoses of one user, account or deal, as rows to read and to go on from. Data in, rows out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from screens.listing import Listing, Why
from widgets.account_rows import figure_rows, finding_rows
from widgets.deal_rows import gate_rows, path_rows, strip_row
from widgets.paged_rows import stamp
from widgets.rows import BLANK, Piece, Row, Tone, fit, labelled, row, wrap

if TYPE_CHECKING:
    from diagnostics.models.accounts import OAuthDiagnosis
    from diagnostics.models.conclusions import Conclusion
    from diagnostics.models.deals import DealDiagnosis, DealHeader
    from diagnostics.models.evidence import Evidence
    from diagnostics.models.figures import Figure
    from diagnostics.models.triage import Finding
    from widgets.glyphs import Glyphs

LABEL = 14

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

Open = Callable[[str], object]


def section(title: str) -> list[Row]:
    """A blank line and a title."""
    return [BLANK, row((title, "title"))]


def paragraph(text: str, width: int, tone: Tone = "", *, key: str | None = None) -> list[Row]:
    """A wrapped sentence; the first line holds the key."""
    return [row((line, tone), key=key if not n else None) for n, line in enumerate(wrap(text, width))]


def note_rows(notes: Iterable[str], width: int, signs: Glyphs) -> list[Row]:
    """What is wrong with the data itself."""
    rows: list[Row] = []
    for place, note in enumerate(notes):
        lines = wrap(signs.text(note), width - 2)
        rows += [
            row(f"{signs.warned} " if not n else "  ", (line, "warn"), key=f"note:{place}" if not n else None)
            for n, line in enumerate(lines)
        ]
    return rows


def conclusion_rows(conclusion: Conclusion, width: int, signs: Glyphs) -> list[Row]:
    """The one sentence first, then what to do, how sure it is, and what would overturn it."""
    return sentence_rows(conclusion, width, signs) + certainty_rows(conclusion, width, signs)


def sentence_rows(conclusion: Conclusion, width: int, signs: Glyphs) -> list[Row]:
    """The one sentence, and what to do."""
    tone: Tone = "pass" if conclusion.code in WELL else TONES.get(conclusion.code, "fail")
    rows = paragraph(signs.text(conclusion.sentence), width, tone, key="conclusion")
    if conclusion.next_step:
        rows += labelled("next", signs.text(conclusion.next_step), width, label_width=LABEL, tone="accent")
    return rows


def certainty_rows(conclusion: Conclusion, width: int, signs: Glyphs) -> list[Row]:
    """How sure it is, and what would overturn it."""
    sure = CONFIDENCE.get(str(conclusion.confidence), str(conclusion.confidence))
    if conclusion.sources:
        sure += f" ({', '.join(conclusion.sources)})"
    if conclusion.is_inference:
        sure += "; inferred, not observed"
    rows = labelled("confidence", signs.text(sure), width, label_width=LABEL)
    for place, text in enumerate(conclusion.overturned_by):
        rows += labelled("wrong if" if not place else "", signs.text(text), width, label_width=LABEL, tone="muted")
    return rows


def evidence_of(findings: Iterable[Finding]) -> list[Evidence]:
    """Every question behind these findings, each once."""
    seen: dict[tuple[str, str], Evidence] = {}
    for finding in findings:
        if finding.evidence is not None:
            seen.setdefault((finding.evidence.source, finding.evidence.query), finding.evidence)
    return list(seen.values())


def why_finding(findings: Sequence[Finding], key: str) -> Why | None:
    """Evidence behind the finding that a row `finding:N` stands for."""
    kind, _, place = key.partition(":")
    if kind != "finding" or not place.isdigit() or int(place) >= len(findings):
        return None
    finding = findings[int(place)]
    return finding.title, finding.summary, [finding.evidence] if finding.evidence else []


def why_figure(figures: Sequence[Figure], key: str) -> Why | None:
    """Evidence behind the figures that a row `figure:ID` or `figures:ID,ID` stands for."""
    kind, _, names = key.partition(":")
    if kind not in {"figure", "figures"}:
        return None
    chosen = [figure for figure in figures if figure.id in names.split(",")]
    lines = [" · ".join(part for part in _figure_words(figure) if part) for figure in chosen]
    evidence = {(item.source, item.query): item for figure in chosen for item in figure.evidence}
    title = chosen[0].title if len(chosen) == 1 else "figures"
    return (title, "\n".join(lines), list(evidence.values())) if chosen else None


def _figure_words(figure: Figure) -> tuple[str, ...]:
    covered = figure.coverage.words() if figure.coverage is not None else ""
    against = f"held against {figure.threshold}" if figure.threshold else ""
    return (
        f"{figure.title}: {figure.shown}",
        str(figure.status).replace("_", " "),
        against,
        covered,
        figure.note,
        figure.failure,
    )


# ---- OAuth


def oauth_listing(diagnosis: OAuthDiagnosis, signs: Glyphs, open_key: Open) -> Listing:
    """zillow-oauth-diagnosis of an account or of one of its users; `open_key` gets `finding:N` and `user:ID`."""
    who = f"user {diagnosis.user_id}" if diagnosis.user_id is not None else "every user"

    def build(width: int) -> list[Row]:
        rows = conclusion_rows(diagnosis.conclusion, width, signs)
        rows += labelled("about", f"account {diagnosis.account_id}, {who}", width, label_width=LABEL, tone="muted")
        rows += note_rows(diagnosis.notes, width, signs)
        rows += section("checks")
        rows += finding_rows(diagnosis.findings, width=width, signs=signs, most=4)
        if diagnosis.consistency:
            rows += section("consistency, account-wide")
            rows += figure_rows(diagnosis.consistency, width=min(width, 76), signs=signs)
        return rows + _wrong_users(diagnosis, width, signs)

    def why(key: str) -> Why | None:
        if key in {"", "conclusion"}:
            return "OAuth diagnosis", diagnosis.conclusion.sentence, evidence_of(diagnosis.findings)
        return why_finding(diagnosis.findings, key) or why_figure(diagnosis.consistency, key)

    title = f"OAuth diagnosis of {who} {signs.separator} {diagnosis.taken_at:%H:%M:%S} UTC"
    return Listing(title, f"OAuth of {who}", build, open_key, frozenset({"finding", "user"}), why)


def _wrong_users(diagnosis: OAuthDiagnosis, width: int, signs: Glyphs) -> list[Row]:
    if not diagnosis.users:
        return []
    named, in_all = len(diagnosis.users), diagnosis.users_in_all
    beyond = f", the worst {named:,} of {in_all:,}" if in_all is not None and in_all > named else ""
    rows = section(f"users with something wrong{beyond}")
    for user in diagnosis.users:
        verdict = user.verdict.replace("_", " ")
        lines = wrap(signs.text(user.sentence), max(12, width - 36), most=2)
        number, named_so = Piece(fit(str(user.user_id), 9, right=True)), Piece(fit(signs.text(verdict), 23), "warn")
        rows.append(row(number, "  ", named_so, "  ", lines[0], key=f"user:{user.user_id}"))
        rows += [row(" " * 36, line) for line in lines[1:]]
    return rows


# ---- one deal


def deal_rows(diagnosis: DealDiagnosis, *, width: int, now: datetime, signs: Glyphs, stale: bool = False) -> list[Row]:
    """The sentence why, the gates, the paths of every agent, what was configured lately, findings and notes."""
    rows: list[Row] = []
    if diagnosis.error_code:
        rows.append(row(("fails with  ", "muted"), (diagnosis.error_code, "fail"), key="code"))
    rows += sentence_rows(diagnosis.conclusion, width, signs)
    rows += section("eligibility, in the order of the sync")
    strip = strip_row(diagnosis.gates, width=width, signs=signs)
    if strip is not None:
        rows += [strip, BLANK]
    rows += gate_rows(diagnosis.gates, width=width, signs=signs, stale=stale)
    rows += section("agents on the deal, and the four paths that can verify each")
    if diagnosis.agents:
        rows += path_rows(diagnosis.agents, width=width, signs=signs)
    else:
        rows.append(row(("no agent of this deal was read; the gate above says whether it has none", "muted")))
    rows += section("how sure this is")
    rows += certainty_rows(diagnosis.conclusion, width, signs)
    rows += note_rows(diagnosis.notes, width, signs)
    rows += section("configured lately")
    for place, change in enumerate(diagnosis.configuration):
        when = fit(stamp(change.at, now, signs), LABEL)
        lines = wrap(signs.text(f"{change.what} ({change.source})"), width - LABEL)
        rows.append(row((when, "muted"), lines[0], key=f"change:{place}"))
        rows += [row(" " * LABEL, line) for line in lines[1:]]
    if not diagnosis.configuration:
        rows.append(row(("no recent change is recorded that bears on this deal", "muted")))
    if diagnosis.findings:
        rows += section("findings")
        rows += finding_rows(diagnosis.findings, width=width, signs=signs, most=4, stale=stale)
    rows += section("the deal itself")
    return rows + header_rows(diagnosis.header, width=width, now=now, signs=signs)


def header_rows(header: DealHeader, *, width: int, now: datetime, signs: Glyphs) -> list[Row]:
    """The deal's own row, and the way to its account."""
    account = (
        f"{header.account_id} {signs.separator} {header.account_name}" if header.account_name else header.account_id
    )
    rows = [row((fit("account", LABEL), "muted"), signs.text(str(account)), ("   enter", "key"), key="account")]
    for label, text in (
        ("stage", header.stage),
        ("property", header.property_id),
        ("transaction", header.zillow_transaction_id),
        ("synced", stamp(header.synced_at, now, signs) if header.synced_at else "never"),
        ("created", stamp(header.created_at, now, signs)),
        ("updated", stamp(header.updated_at, now, signs)),
    ):
        rows += labelled(label, signs.text(text or signs.missing), width, label_width=LABEL)
    return rows


def deal_why(diagnosis: DealDiagnosis, key: str) -> Why:
    """Evidence behind a row of `deal_rows`; behind the whole diagnosis where a row has none of its own."""
    kind, _, name = key.partition(":")
    for gate in diagnosis.gates:
        wanted = "agents" if kind == "agent" else name if kind == "gate" else ""
        if gate.id == wanted:
            code = f" Fails with {gate.error_code}." if gate.error_code else ""
            return gate.title, f"{gate.summary}{code}", gate.evidence
    found = why_finding(diagnosis.findings, key)
    if found is not None:
        return found
    everything = {(item.source, item.query): item for gate in diagnosis.gates for item in gate.evidence}
    everything |= {(item.source, item.query): item for item in diagnosis.evidence}
    return f"deal {diagnosis.header.deal_id}", diagnosis.conclusion.sentence, list(everything.values())
