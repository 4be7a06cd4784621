"""One account: above its tabs what is wrong and its figures, and the columns of users, agents, connections, history.

And the columns of many accounts at once: those that an issue affects.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rich.cells import cell_len

from diagnostics.core.words import form
from widgets import wording
from widgets.glyphs import Glyphs
from widgets.paged_rows import STAMP, Column, either, said, stamp, when, whole
from widgets.row import Piece, Row, Tone, column, fit, row, wrap
from widgets.wording import since

if TYPE_CHECKING:
    from diagnostics.models.accounts import AccountHeader, AccountSummary, AgentRow, HistoryRow, UserRow
    from diagnostics.models.deals import StaleAgent
    from diagnostics.models.figures import Figure
    from diagnostics.models.incidents import AffectedAccount
    from diagnostics.models.triage import Finding

STATE = 14
"""Cells of glyph and word of a state, at most."""


def account_title(header: AccountHeader | None, account_id: int, glyphs: Glyphs) -> str:
    """Who the account is, for the title bar."""
    if header is None:
        return f"account {account_id}"
    size = glyphs.missing if header.user_count is None else f"{header.user_count:,}"
    parts = [
        f"account {header.account_id}",
        header.name or "no name",
        header.status or "no status",
        f"{size} {form(header.user_count or 0, 'user')}",
    ]
    return f" {glyphs.separator} ".join(parts)


def header_rows(
    header: AccountHeader, *, width: int, now: datetime, glyphs: Glyphs, connections_known: bool = True
) -> tuple[list[Row], list[Row]]:
    """Since when it is unhealthy, and where its client database is: the second part goes below what is wrong where
    there is no room for both in one line. `connections_known` is False while its connections could not be read."""
    if not connections_known:
        health = Piece("not known whether a connection has a problem", "muted")
    elif header.unhealthy_since is None:
        health = Piece("no connection is in error", "muted")
    else:
        moment = stamp(header.unhealthy_since, now, glyphs)
        health = Piece(f"unhealthy since {moment} UTC ({since(header.unhealthy_since, now)})", "warn")
    if not header.db_database:
        # Without it agents and deals cannot be known: never below.
        missing = Piece("no client database is named for this account: agents and deals are not known", "warn")
        return [row(health, key="header"), row((fit(missing.text, width), "warn"))], []
    where = Piece(f"client database {header.db_database} on {header.db_host or 'no host'}", "muted")
    if cell_len(health.text) + cell_len(where.text) + 3 <= width:
        return [row(health, (f" {glyphs.separator} ", "muted"), where, key="header")], []
    return [row((fit(health.text, width), health.tone), key="header")], [row((fit(where.text, width), where.tone))]


def finding_rows(
    findings: Sequence[Finding], *, width: int, glyphs: Glyphs, most: int = 2, brief: bool = False, stale: bool = False
) -> list[Row]:
    """Findings in the order given, each with its state as a word, of `most` lines; `brief` keeps what is well short."""
    rows: list[Row] = []
    states = [wording.status_piece(finding.status, glyphs) for finding in findings]
    head_width = max((cell_len(state.text) + 2 for state in states), default=STATE)
    for place, (finding, status) in enumerate(zip(findings, states, strict=True)):
        lines_at_most = 1 if brief and str(finding.status) == "pass" else most
        lines = wrap(glyphs.text(finding.summary), max(12, width - head_width), most=lines_at_most)
        head = column(status.text, head_width, "muted" if stale else status.tone)
        quiet = str(finding.status) in {"no_data", "unreachable"} or stale
        tone: Tone = "muted" if quiet else ""
        rows.append(row(*head, (lines[0], tone), key=f"finding:{place}"))
        rows += [row(" " * head_width, (line, tone)) for line in lines[1:]]
    return rows


def figure_rows(figures: Sequence[Figure], *, width: int, glyphs: Glyphs, stale: bool = False) -> list[Row]:
    """One figure a row: title, value, and its state where it is not simply well."""
    values = [glyphs.text(figure.shown) for figure in figures]
    most = min(max((cell_len(value) for value in values), default=0), max(8, width // 2))
    rows: list[Row] = []
    for figure, value in zip(figures, values, strict=True):
        status = wording.status_piece(figure.status, glyphs)
        # Why a figure did not load has no room here: Why says it, and a finding.
        word = status.text if figure.failure or str(figure.status) != "no_data" else ""
        room = width - most - 2 - 14
        title = fit(glyphs.text(figure.title), max(8, room))
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


def packed_figures(figures: Sequence[Figure], *, width: int, glyphs: Glyphs) -> list[Row]:
    """Several figures a row for narrow terminals, none cut in two; Why on a row answers for all in it."""
    rows: list[Row] = []
    pieces: list[Piece] = []
    ids: list[str] = []
    used = 0

    def finish() -> None:
        if ids:
            rows.append(row(*pieces, key=f"figures:{','.join(ids)}"))

    for figure in figures:
        glyph = wording.status_glyph(figure.status, glyphs) if str(figure.status) in {"warn", "fail"} else ""
        text = glyphs.text(f"{figure.title} {figure.shown}{' ' + glyph if glyph else ''}")
        text = fit(text, min(cell_len(text), width))
        gap = f" {glyphs.separator} " if ids else ""
        if ids and used + len(gap) + cell_len(text) > width:
            finish()
            pieces, ids, used, gap = [], [], 0, ""
        tone = wording.status_tone(figure.status) if glyph else ""
        pieces += [Piece(gap, "muted"), Piece(text, tone if figure.value is not None else "muted")]
        ids.append(figure.id)
        used += len(gap) + cell_len(text)
    finish()
    return rows


def summary_rows(
    summary: AccountSummary, *, width: int, now: datetime, glyphs: Glyphs, figures: bool, stale: bool
) -> list[Row]:
    """Header, findings and, where they have no pane of their own, figures; then notes."""
    counted = [figure for figure in summary.figures if figure.id == "connections_error"]
    known = all(figure.value is not None for figure in counted)
    rows, below = header_rows(summary.header, width=width, now=now, glyphs=glyphs, connections_known=known)
    found = finding_rows(summary.findings, width=width, glyphs=glyphs, brief=True, stale=stale)
    rows += found or [row(("nothing has been judged on this account", "muted"))]
    if figures:
        rows += packed_figures(summary.figures, width=width, glyphs=glyphs)
    for place, note in enumerate(summary.notes):
        lines = wrap(glyphs.text(note), width - 2, most=2)
        rows += [
            row((f"{glyphs.warned} " if not n else "  ", "warn"), (line, ""), key=f"note:{place}" if not n else None)
            for n, line in enumerate(lines)
        ]
    return rows + below


# ---- users: credentials and connection side by side

CONNECTION_TONES: dict[str, Tone] = {"healthy": "pass", "warning": "warn", "error": "fail", "disabled": "warn"}


def connection_piece(state: str, glyphs: Glyphs) -> Piece:
    """Glyph and word of a connection's state."""
    glyph = {"healthy": glyphs.passed, "warning": glyphs.warned, "error": glyphs.failed, "disabled": glyphs.warned}
    known = glyph.get(state, glyphs.no_data)
    return Piece(f"{known} {state or 'none'}", CONNECTION_TONES.get(state, "muted"))


def _verdict(user: UserRow, glyphs: Glyphs, _now: datetime) -> Piece:
    if not user.verdict:
        return Piece(f"{glyphs.no_data} not judged", "muted")
    if user.is_wrong:
        return Piece(f"{glyphs.failed} {user.verdict}", "fail")
    if user.verdict == "ok":
        return Piece(f"{glyphs.passed} ok", "pass")
    # Nothing is wrong with it, which is not the same as well: legacy only, no integration yet, nothing known.
    return Piece(f"{glyphs.ring} {user.verdict}", "muted")


def _name(user: UserRow, glyphs: Glyphs, _now: datetime) -> Piece:
    if user.is_in_client is False:
        return Piece("orphan", "warn")
    return Piece(user.name or glyphs.missing, "" if user.name else "muted")


def _token(user: UserRow, glyphs: Glyphs, now: datetime) -> Piece:
    if user.has_token is None:
        return Piece(glyphs.missing, "muted")
    if not user.has_token:
        return Piece("missing", "warn")
    if user.expires_at is None:
        return Piece("no expiry", "warn")
    return Piece("expired", "fail") if user.expires_at <= now else Piece("valid")


def _zuids(user: UserRow, glyphs: Glyphs, _now: datetime) -> Piece:
    if user.auth_zuid and user.sync_zuid:
        return Piece("agree") if user.auth_zuid == user.sync_zuid else Piece("differ", "fail")
    return Piece(glyphs.missing, "muted")


USER_COLUMNS = (
    Column("verdict", _verdict, 22, 28),
    Column("user", whole(lambda user: user.user_id), 8, right=True),
    Column("name", _name, 16, 30, wish=18),
    Column("token", _token, 9),
    Column("records", said(lambda user: user.pattern), 9, rank=5),
    Column("connection", lambda user, glyphs, _now: connection_piece(user.connection, glyphs), 10, 12),
    Column("expires", when(lambda user: user.expires_at), STAMP, rank=2),
    Column("ZUIDs", _zuids, 6, rank=3),
    Column("enabled", either(lambda user: user.is_enabled), 7, rank=4),
    Column("token updated", when(lambda user: user.token_updated_at), 13, rank=6),
    Column("problem since", when(lambda user: user.problem_at), 13, rank=6),
    Column("problem", said(lambda user: user.problem, "muted"), 24, 60, rank=7),
    Column("e-mail", said(lambda user: user.email, "muted"), 20, 34, rank=8),
)


# ---- agents: how each was resolved, and whether that agrees with its user's token

METHOD_TONES: dict[str, Tone] = {"CONNECTED": "pass", "INFERRED": "", "UNMATCHED": "warn"}


def _agent_state(agent: AgentRow, glyphs: Glyphs, _now: datetime) -> Piece:
    if agent.is_wrong:
        return Piece(f"{glyphs.failed} stale", "fail")
    if agent.method_name == "CONNECTED":
        return Piece(f"{glyphs.passed} ok", "pass")
    if agent.method_name not in METHOD_TONES:
        return Piece(f"{glyphs.warned} in no share", "warn")
    if agent.user_id is None:
        return Piece(f"{glyphs.ring} no user", "muted")
    if agent.has_token is None:
        return Piece(f"{glyphs.no_data} not judged", "muted")
    return Piece(f"{glyphs.ring} no token", "muted")


def _agent_method(agent: AgentRow, _glyphs: Glyphs, _now: datetime) -> Piece:
    return Piece(agent.method_name, METHOD_TONES.get(agent.method_name, "warn"))


AGENT_COLUMNS = (
    Column("state", _agent_state, 13),
    Column("method", _agent_method, 10),
    Column("agent", whole(lambda agent: agent.agent_id), 8, right=True),
    Column("name", said(lambda agent: agent.name), 16, 32),
    Column("user", whole(lambda agent: agent.user_id), 8, right=True),
    Column("token", either(lambda agent: agent.has_token), 5),
    Column("ZUID", either(lambda agent: agent.has_zuid), 4, rank=3),
    Column("updated", when(lambda agent: agent.updated_at), STAMP, rank=2),
    Column("teams", whole(lambda agent: agent.teams), 5, rank=4, right=True),
    Column("e-mail", said(lambda agent: agent.email, "muted"), 22, 60, rank=5),
)


def _stale_method(agent: StaleAgent, glyphs: Glyphs, _now: datetime) -> Piece:
    return Piece(f"{glyphs.failed} {agent.method_name}", "fail")


STALE_COLUMNS = (
    Column("stale as", _stale_method, 11),
    Column("agent", whole(lambda agent: agent.agent_id), 8, right=True),
    Column("user", whole(lambda agent: agent.user_id), 8, right=True),
    Column("name", said(lambda agent: agent.name), 12, 30),
    Column("agent updated", when(lambda agent: agent.agent_updated_at), 13),
    Column("token updated", when(lambda agent: agent.token_updated_at), 13),
)


# ---- sync connections

CONNECTION_COLUMNS = (
    Column("state", lambda one, glyphs, _now: connection_piece(one.state, glyphs), 11),
    Column("sync user", whole(lambda one: one.sync_user_id), 9, right=True),
    Column("user", whole(lambda one: one.user_id), 8, right=True),
    Column("enabled", either(lambda one: one.is_enabled), 7),
    Column("problem since", when(lambda one: one.problem_at), 13),
    Column("problem", said(lambda one: one.problem), 18, 64, wish=49),
    Column("leads", said(lambda one: "" if one.leads is None else f"{one.leads:,}"), 7, rank=3, right=True),
    Column("agent sync", when(lambda one: one.last_agent_sync_at), STAMP, rank=4),
    Column("verified", when(lambda one: one.last_verified_at), STAMP, rank=5),
    Column("migration", said(lambda one: one.migration), 9, rank=2),
    Column("integration", said(lambda one: one.integration, "muted"), 12, 20, rank=6),
    Column("ZUID", said(lambda one: one.zuid, "muted"), 10, 14, rank=7),
    Column("e-mail", said(lambda one: one.email, "muted"), 20, 34, rank=8),
)


# ---- history of resolutions


def _change(entry: HistoryRow, glyphs: Glyphs, _now: datetime) -> Piece:
    arrow = ">" if glyphs.ascii_only else "→"
    tones: dict[str, Tone] = {"CONNECTED": "pass", "UNMATCHED": "warn"}
    return Piece(f"{entry.old or glyphs.missing} {arrow} {entry.new or glyphs.missing}", tones.get(entry.new, ""))


HISTORY_COLUMNS = (
    Column("when", when(lambda entry: entry.at), STAMP),
    Column("user", whole(lambda entry: entry.user_id), 8, right=True),
    Column("resolution", _change, 23),
    Column("reason", said(lambda entry: entry.reason), 20, 110),
    Column("row", whole(lambda entry: entry.id), 10, rank=2, right=True),
)


# ---- accounts affected

DAY = timedelta(days=1)


def _number(value: float | None, glyphs: Glyphs, text: str = "") -> Piece:
    return Piece(glyphs.missing, "muted") if value is None else Piece(text or f"{value:,.0f}")


def _share(one: AffectedAccount, glyphs: Glyphs, _now: datetime) -> Piece:
    return _number(one.share, glyphs, f"{100 * (one.share or 0.0):,.0f} %")


def _minute(at: datetime | None, now: datetime, glyphs: Glyphs) -> str:
    """To the minute, which is all that is known; with its day where that is not clear."""
    if at is None:
        return glyphs.missing
    return f"{at:%H:%M}" if now - at < DAY else f"{at:%d %b}"


def _first(one: AffectedAccount, glyphs: Glyphs, now: datetime) -> Piece:
    # Where it was there in the first step of the window, it may have begun before.
    early = "≤" if one.began_before else ""
    return Piece(f"{early}{_minute(one.first_seen, now, glyphs)}", "" if one.first_seen else "muted")


def _last(one: AffectedAccount, glyphs: Glyphs, now: datetime) -> Piece:
    return Piece(_minute(one.last_seen, now, glyphs), "" if one.last_seen else "muted")


def _synced(one: AffectedAccount, glyphs: Glyphs, _now: datetime) -> Piece:
    if not one.synced:
        return Piece(glyphs.missing, "muted")
    return Piece(one.synced, "pass" if one.synced == "yes" else "muted" if one.synced == "none" else "warn")


AFFECTED_COLUMNS: tuple[Column, ...] = (
    Column(
        "account",
        lambda one, _glyphs, _now: Piece(str(one.account_id), "key"),
        7,
        name="account",
        value=lambda one: one.account_id,
        most=10,
    ),
    Column("name", said(lambda one: one.name), 22, most=48, name="name", value=lambda one: one.name),
    Column(
        "users",
        lambda one, glyphs, _now: _number(one.size, glyphs),
        7,
        right=True,
        name="users",
        value=lambda one: one.size,
    ),
    Column(
        "impact",
        lambda one, glyphs, _now: _number(one.impact, glyphs, f"{one.impact:,.1f}"),
        8,
        right=True,
        rank=2,
        name="impact",
        value=lambda one: one.impact,
    ),
    Column("share", _share, 6, right=True, rank=4, name="share", value=lambda one: one.share),
    Column(
        "events",
        lambda one, glyphs, _now: _number(one.events, glyphs),
        7,
        right=True,
        name="events",
        value=lambda one: one.events,
    ),
    Column("first seen", _first, 10, rank=3, name="first_seen", value=lambda one: one.first_seen),
    Column("last seen", _last, 9, rank=7, name="last_seen", value=lambda one: one.last_seen),
    Column("sync", _synced, 10, rank=5, name="synced", value=lambda one: one.synced),
    Column(
        "kind of failure",
        said(lambda one: one.kinds[0][0] if len(one.kinds) == 1 else one.kind_words),
        16,
        most=120,
        rank=6,
        wish=16,
        name="kind",
        value=lambda one: one.kinds[0][0] if one.kinds else None,
    ),
    Column(
        "counted",
        said(lambda one: one.share_words),
        18,
        most=60,
        rank=8,
        name="counted",
        value=lambda one: one.share_words,
    ),
)
"""Ranks: what is left at 60 columns is account, name, users and events."""
