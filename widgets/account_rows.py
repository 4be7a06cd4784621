"""One account above its tabs: where it lives, since when it is unhealthy, what is wrong, and its figures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rich.cells import cell_len

from widgets import wording
from widgets.paged_rows import cell, span, stamp
from widgets.rows import Piece, Row, Tone, fit, row, wrap

if TYPE_CHECKING:
    from diagnostics.models.accounts import AccountHeader, AccountSummary
    from diagnostics.models.figures import Figure
    from diagnostics.models.triage import Finding
    from widgets.glyphs import Glyphs

STATE = 14
"""Cells of sign and word of a state, at most."""


def account_title(header: AccountHeader | None, account_id: int, signs: Glyphs) -> str:
    """Who the account is, for the title bar."""
    if header is None:
        return f"account {account_id}"
    size = signs.missing if header.user_count is None else f"{header.user_count:,}"
    parts = [f"account {header.account_id}", header.name or "no name", header.status or "no status", f"{size} users"]
    return f" {signs.separator} ".join(parts)


def header_rows(
    header: AccountHeader, *, width: int, now: datetime, signs: Glyphs, connections_known: bool = True
) -> tuple[list[Row], list[Row]]:
    """Since when it is unhealthy, and where its client database is: the second part goes below what is wrong where
    there is no room for both in one line. `connections_known` is False while its connections could not be read."""
    if not connections_known:
        health = Piece("not known whether a connection has a problem", "muted")
    elif header.unhealthy_since is None:
        health = Piece("no connection with a problem is known", "muted")
    else:
        since = stamp(header.unhealthy_since, now, signs)
        health = Piece(f"unhealthy since {since} UTC ({span(header.unhealthy_since, now)})", "warn")
    if not header.db_database:
        # Without it agents and deals cannot be known: never below.
        missing = Piece("no client database is named for this account: agents and deals are not known", "warn")
        return [row(health, key="header"), row((fit(missing.text, width), "warn"))], []
    where = Piece(f"client database {header.db_database} on {header.db_host or 'no host'}", "muted")
    if cell_len(health.text) + cell_len(where.text) + 3 <= width:
        return [row(health, (f" {signs.separator} ", "muted"), where, key="header")], []
    return [row((fit(health.text, width), health.tone), key="header")], [row((fit(where.text, width), where.tone))]


def finding_rows(
    findings: Sequence[Finding], *, width: int, signs: Glyphs, most: int = 2, brief: bool = False, stale: bool = False
) -> list[Row]:
    """Findings in the order given, each with its state as a word, of `most` lines; `brief` keeps what is well short."""
    rows: list[Row] = []
    states = [wording.status_piece(finding.status, signs) for finding in findings]
    head_width = max((cell_len(state.text) + 2 for state in states), default=STATE)
    for place, (finding, status) in enumerate(zip(findings, states, strict=True)):
        lines_at_most = 1 if brief and str(finding.status) == "pass" else most
        lines = wrap(signs.text(finding.summary), max(12, width - head_width), most=lines_at_most)
        head = cell(status.text, "muted" if stale else status.tone, head_width)
        quiet = str(finding.status) in {"no_data", "unreachable"} or stale
        tone: Tone = "muted" if quiet else ""
        rows.append(row(*head, (lines[0], tone), key=f"finding:{place}"))
        rows += [row(" " * head_width, (line, tone)) for line in lines[1:]]
    return rows


def figure_rows(figures: Sequence[Figure], *, width: int, signs: Glyphs, stale: bool = False) -> list[Row]:
    """One figure a row: title, value, and its state where it is not simply well."""
    values = [signs.text(figure.shown) for figure in figures]
    most = min(max((cell_len(value) for value in values), default=0), max(8, width // 2))
    rows: list[Row] = []
    for figure, value in zip(figures, values, strict=True):
        status = wording.status_piece(figure.status, signs)
        # Why a figure did not load has no room here: Why says it, and a finding.
        word = status.text if figure.failure or str(figure.status) != "no_data" else ""
        room = width - most - 2 - 14
        title = fit(signs.text(figure.title), max(8, room))
        rows.append(
            row(
                title,
                (fit(value, most, right=True), "muted" if stale or figure.value is None else "strong"),
                "  ",
                (fit(word, 14), "muted" if stale else status.tone),
                key=f"figure:{figure.id}",
            )
        )
    return rows


def packed_figures(figures: Sequence[Figure], *, width: int, signs: Glyphs) -> list[Row]:
    """Several figures a row for narrow terminals, none cut in two; Why on a row answers for all in it."""
    rows: list[Row] = []
    pieces: list[Piece] = []
    ids: list[str] = []
    used = 0

    def finish() -> None:
        if ids:
            rows.append(row(*pieces, key=f"figures:{','.join(ids)}"))

    for figure in figures:
        sign = wording.status_sign(figure.status, signs) if str(figure.status) in {"warn", "fail"} else ""
        text = signs.text(f"{figure.title} {figure.shown}{' ' + sign if sign else ''}")
        text = fit(text, min(cell_len(text), width))
        gap = f" {signs.separator} " if ids else ""
        if ids and used + len(gap) + cell_len(text) > width:
            finish()
            pieces, ids, used, gap = [], [], 0, ""
        tone = wording.status_tone(figure.status) if sign else ""
        pieces += [Piece(gap, "muted"), Piece(text, tone if figure.value is not None else "muted")]
        ids.append(figure.id)
        used += len(gap) + cell_len(text)
    finish()
    return rows


def summary_rows(
    summary: AccountSummary, *, width: int, now: datetime, signs: Glyphs, figures: bool, stale: bool
) -> list[Row]:
    """Header, findings and, where they have no pane of their own, figures; then notes."""
    counted = [figure for figure in summary.figures if figure.id == "connections_error"]
    known = all(figure.value is not None for figure in counted)
    rows, below = header_rows(summary.header, width=width, now=now, signs=signs, connections_known=known)
    found = finding_rows(summary.findings, width=width, signs=signs, brief=True, stale=stale)
    rows += found or [row(("nothing has been judged on this account", "muted"))]
    if figures:
        rows += packed_figures(summary.figures, width=width, signs=signs)
    for place, note in enumerate(summary.notes):
        lines = wrap(signs.text(note), width - 2, most=2)
        rows += [
            row((f"{signs.warned} " if not n else "  ", "warn"), (line, ""), key=f"note:{place}" if not n else None)
            for n, line in enumerate(lines)
        ]
    return rows + below
