"""Many deals, and the agents of an account, as rows to go on from. Data in, rows out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from screens.diagnosis_documents import (
    LABEL,
    Open,
    conclusion_rows,
    evidence_of,
    note_rows,
    paragraph,
    section,
    why_finding,
)
from screens.listing import Listing, Why
from widgets import wording
from widgets.account_rows import HISTORY_COLUMNS, STALE_COLUMNS, finding_rows
from widgets.deal_rows import short_code
from widgets.paged_rows import heading, item_row, lay_out
from widgets.rows import BLANK, Piece, Row, Tone, fit, labelled, row, wrap

if TYPE_CHECKING:
    from diagnostics.models.deals import DealHeader, ResolutionDiagnosis, UnsyncedDeals, UnsyncedGroup
    from diagnostics.models.evidence import Evidence
    from diagnostics.models.health import Resolution
    from widgets.glyphs import Glyphs

# ---- many deals


def candidates_listing(deal_id: int, found: Sequence[DealHeader], signs: Glyphs, open_key: Open) -> Listing:
    """Several accounts hold a deal with this id; `open_key` gets `candidate:ACCOUNT`."""

    def build(width: int) -> list[Row]:
        rows = paragraph(
            f"{len(found)} accounts hold a deal {deal_id}: deal ids are unique in one account only. Which one is it?",
            width,
            "strong",
        )
        rows.append(BLANK)
        for header in found:
            name = signs.text(header.account_name or signs.missing)
            deal = signs.text(f"{header.name or 'no name'} {signs.separator} {header.stage or 'no stage'}")
            room = max(10, width - 10 - 26 - 4)
            rows.append(
                row(
                    (fit(str(header.account_id), 10, right=True), "strong"),
                    "  ",
                    fit(name, 26),
                    "  ",
                    (fit(deal, room), "muted"),
                    key=f"candidate:{header.account_id}",
                )
            )
        return rows

    title = f"deal {deal_id} {signs.separator} which account?"
    return Listing(title, f"deal {deal_id}?", build, open_key, frozenset({"candidate"}))


def unsynced_listing(unsynced: UnsyncedDeals, signs: Glyphs, open_key: Open) -> Listing:
    """Unsynced deals by cause, largest group first; `open_key` gets `group:N`."""
    where = f"account {unsynced.account_id}" if unsynced.account_id is not None else "all accounts"

    def build(width: int) -> list[Row]:
        judged = f"{unsynced.total:,} deals of {where} have not synced"
        if unsynced.examined < unsynced.total:
            judged += f"; {unsynced.examined:,} of them were judged, the rest is counted only"
        rows = paragraph(judged, width, "strong" if unsynced.total else "muted", key="total")
        if unsynced.coverage is not None and not unsynced.coverage.is_complete:
            rows += paragraph(signs.text(f"{signs.warned} {unsynced.coverage.words()} answered"), width, "warn")
            for gap in unsynced.coverage.gaps:
                rows += paragraph(signs.text(f"  {gap.count:,} {unsynced.coverage.unit}: {gap.reason}"), width, "warn")
        rows += note_rows(unsynced.notes, width, signs)
        rows.append(BLANK)
        for place, group in enumerate(unsynced.groups):
            rows += _group_rows(place, group, width, signs)
        return rows

    def why(_key: str) -> Why | None:
        return f"unsynced deals of {where}", f"{unsynced.total:,} deals with synced_at null", unsynced.evidence

    title = f"why deals do not sync {signs.separator} {unsynced.taken_at:%H:%M:%S} UTC"
    return Listing(title, "unsynced deals", build, open_key, frozenset({"group"}), why)


def _group_rows(place: int, group: UnsyncedGroup, width: int, signs: Glyphs) -> list[Row]:
    code = short_code(group.error_code) if group.error_code else "eligible"
    lines = wrap(signs.text(group.title), max(12, width - 30))
    count = Piece(fit(f"{group.count:,}", 7, right=True), "strong")
    tone: Tone = "fail" if group.error_code else "warn"
    rows = [row(count, "  ", (fit(code, 19), tone), "  ", lines[0], key=f"group:{place}")]
    rows += [row(" " * 30, line) for line in lines[1:]]
    rows += [row(" " * 30, (line, "accent")) for line in wrap(signs.text(group.next_step), max(12, width - 30)) if line]
    return rows


def group_listing(group: UnsyncedGroup, evidence: Sequence[Evidence], signs: Glyphs, open_key: Open) -> Listing:
    """The deals of one cause; `open_key` gets `pair:ACCOUNT:DEAL`."""

    def build(width: int) -> list[Row]:
        rows = paragraph(signs.text(group.title), width, "strong")
        if group.error_code:
            rows.append(row(("fails with  ", "muted"), (group.error_code, "code")))
        if group.next_step:
            rows += labelled("next", signs.text(group.next_step), width, label_width=LABEL, tone="accent")
        named = len(group.deals)
        shown = f"all {named:,}" if named >= group.count else f"the newest {named:,} of {group.count:,}"
        rows += [BLANK, row((f"{shown}; enter opens a deal", "muted"))]
        rows += [
            row(
                ("deal ", "muted"),
                (fit(str(deal), 12), "strong"),
                (f"account {account}", "muted"),
                key=f"pair:{account}:{deal}",
            )
            for account, deal in group.deals
        ]
        return rows

    title = (
        f"{short_code(group.error_code) if group.error_code else 'eligible'} {signs.separator} {group.count:,} deals"
    )
    return Listing(
        title, "one cause", build, open_key, frozenset({"pair"}), lambda _key: (title, group.title, evidence)
    )


# ---- resolution


def resolution_listing(
    diagnosis: ResolutionDiagnosis, signs: Glyphs, open_key: Open, now: Callable[[], datetime]
) -> Listing:
    """Agent resolution of one account, every stale agent named; `open_key` gets `stale:N` and `finding:N`."""

    def build(width: int) -> list[Row]:
        rows = conclusion_rows(diagnosis.conclusion, width, signs)
        rows += note_rows(diagnosis.notes, width, signs)
        if diagnosis.distribution is not None:
            rows += section(f"resolution of all agents of account {diagnosis.account_id}")
            rows += share_rows(diagnosis.distribution, width, signs)
        if diagnosis.stale:
            rows += section(
                f"all {len(diagnosis.stale):,} stale agents: not CONNECTED although the user holds a valid token"
            )
            layout = lay_out(STALE_COLUMNS, width)
            rows.append(heading(layout, signs))
            rows += [
                item_row(agent, layout, key=f"stale:{place}", signs=signs, now=now())
                for place, agent in enumerate(diagnosis.stale)
            ]
        if diagnosis.findings:
            rows += section("checks")
            rows += finding_rows(diagnosis.findings, width=width, signs=signs, most=4)
        if diagnosis.transitions:
            rows += section(f"the newest {len(diagnosis.transitions):,} changes of resolution")
            layout = lay_out(HISTORY_COLUMNS, width)
            rows.append(heading(layout, signs))
            rows += [
                item_row(entry, layout, key=f"change:{entry.id}", signs=signs, now=now())
                for entry in diagnosis.transitions
            ]
        return rows

    def why(key: str) -> Why | None:
        if key.startswith("share:") and diagnosis.distribution is not None:
            return "resolution of this account", diagnosis.conclusion.sentence, diagnosis.distribution.evidence
        whole = evidence_of(diagnosis.findings)
        if diagnosis.distribution is not None:
            whole += diagnosis.distribution.evidence
        return why_finding(diagnosis.findings, key) or (
            f"agent resolution of account {diagnosis.account_id}",
            diagnosis.conclusion.sentence,
            whole,
        )

    title = f"agent resolution {signs.separator} {diagnosis.taken_at:%H:%M:%S} UTC"
    return Listing(title, "resolution", build, open_key, frozenset({"stale", "finding"}), why)


def share_rows(distribution: Resolution, width: int, signs: Glyphs) -> list[Row]:
    """Method, agents, share, baseline and distance, with the state as a word."""
    rows: list[Row] = []
    for share in distribution.shares:
        status = wording.status_piece(share.status, signs)
        part = signs.missing if share.share is None else f"{share.share:.2f} %"
        drift = signs.missing if share.drift is None else f"{share.drift:+.2f} points"
        line = (
            f"{fit(share.method, 11)}{fit(wording.count(share.count, signs), 9, right=True)}{fit(part, 11, right=True)}"
        )
        beside = f"   usual {share.baseline:.2f} %, {drift}"
        rows.append(row(line, (fit(beside, 36), "muted"), (status.text, status.tone), key=f"share:{share.method}"))
    for count, what in ((distribution.retired, "the retired method 2"), (distribution.unclear, "no known method")):
        if count:
            whose = "agent holds" if count == 1 else "agents hold"
            rows += paragraph(signs.text(f"{signs.warned} {count:,} {whose} {what}: in no share"), width, "warn")
    return rows
