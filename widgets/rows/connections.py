"""Connections by state, and their problems: the newest, which may be spreading, and the longest-standing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from diagnostics.core.words import DAY_S, age, short
from diagnostics.health.document import state_of, state_tone
from widgets.paged_rows import Column, said, whole
from widgets.row import BLANK, Piece, Row, column, fit, row

if TYPE_CHECKING:
    from diagnostics.models.figures import Figure
    from diagnostics.models.health import ConnectionHealth, ConnectionProblem
    from widgets.glyphs import Glyphs

AGE = 7
ACCOUNT = 8
STATE = 9
NAME = 22
LABEL = 8
SHORT = {"warning": "warn", "disabled": "off"}
"""States in the room of a narrow pane."""

WIDE = 60
"""From so many cells on, a problem row names state and account."""

LISTS = 9
"""From so many rows on, newest and longest-standing problems are two lists with titles."""


def standing(since: datetime | None, now: datetime) -> str:
    """For how long a problem has stood: minutes, hours, then days; a dash where the row does not say."""
    if since is None:
        return "—"
    seconds = int((now - since).total_seconds())
    if seconds < 0:
        return "ahead"
    return short(seconds - seconds % DAY_S) if seconds >= 2 * DAY_S else age(since, now)


def counts_row(counts: Sequence[Figure], *, width: int, glyphs: Glyphs, stale: bool) -> Row:
    """How many connections are in which state, what is wrong first where room is short."""
    wide = width >= WIDE
    order = list(counts) if wide else sorted(counts, key=lambda figure: _SHORT_ORDER.get(state_of(figure), 9))[:4]
    pieces: list[Piece] = []
    for figure in order:
        state = state_of(figure)
        if state == "unclear" and not figure.value:
            continue
        amount = glyphs.missing if figure.value is None else figure.shown
        tone = state_tone(state) if figure.value else "muted"
        gap = "  " if wide else " "
        word = state if wide else SHORT.get(state, state)
        pieces += [
            Piece(gap if pieces else ""),
            Piece(f"{word} "),
            Piece(glyphs.text(amount), "muted" if stale else tone),
        ]
    return row(*pieces, key="counts")


_SHORT_ORDER = {"error": 0, "warning": 1, "healthy": 2, "disabled": 3}


def connection_rows(
    health: ConnectionHealth, *, width: int, height: int, now: datetime, glyphs: Glyphs, stale: bool
) -> list[Row]:
    """Counts, then problems, at least `height` rows. A small pane labels each problem, a larger one has two lists."""
    rows = [counts_row(health.counts, width=width, glyphs=glyphs, stale=stale)]
    lists = (
        ("newest", "newest problems", health.newest),
        ("longest", "longest-standing problems", health.longest),
    )

    def drawn(order: str, among: Sequence[ConnectionProblem], label: str = "") -> list[Row]:
        return [
            problem_row(one, order=order, width=width, now=now, glyphs=glyphs, label=label, stale=stale)
            for one in among
        ]

    if width < WIDE or height < LISTS:
        # As many of each as the pane shows; the rest follows for who scrolls.
        each = max(1, (height - 1) // 2)
        for part in (slice(each), slice(each, None)):
            for order, _, among in lists:
                rows += drawn(order, among[part], order)
    else:
        room = max(1, (height - LISTS + 4) // 2)
        for order, title, among in lists:
            rows += [BLANK, row((title, "title"), ("   enter lists all", "muted"), key=f"problems:{order}")]
            rows += drawn(order, among[:room]) or [row(("none", "muted"))]
    return [*rows, *(BLANK for _ in range(height - len(rows)))]


def problem_row(
    problem: ConnectionProblem,
    *,
    order: str,
    width: int,
    now: datetime,
    glyphs: Glyphs,
    label: str = "",
    stale: bool = False,
) -> Row:
    """For how long, which account, in which state, and what the row says."""
    pieces = [
        Piece(fit(label, LABEL) if label else "", "muted"),
        Piece(fit(glyphs.text(standing(problem.problem_at, now)), AGE - 1, right=True), "strong"),
        Piece("  "),
    ]
    used = (LABEL if label else 0) + AGE + 1
    if width >= WIDE:
        who = f"{problem.account_id} {problem.account_name}".rstrip()
        pieces += [
            Piece(fit(glyphs.text(who), NAME - 1) + " ", "key"),
            *column(glyphs.text(problem.state), STATE, "muted" if stale else state_tone(problem.state)),
        ]
        used += NAME + STATE
    else:
        pieces.append(Piece(fit(str(problem.account_id), ACCOUNT), "key"))
        used += ACCOUNT
    pieces.append(Piece(fit(glyphs.text(problem.message or "no message"), max(0, width - used))))
    return row(*pieces, key=f"problem:{order}:{problem.sync_user_id}")


def _since(problem: ConnectionProblem, glyphs: Glyphs, now: datetime) -> Piece:
    return Piece(glyphs.text(standing(problem.problem_at, now)), "strong")


PROBLEM_COLUMNS: tuple[Column, ...] = (
    Column("for", _since, 6, right=True, name="since", value=lambda one: one.problem_at),
    Column(
        "account",
        lambda one, _glyphs, _now: Piece(str(one.account_id), "key"),
        7,
        name="account",
        value=lambda one: one.account_id,
    ),
    Column(
        "name", said(lambda one: one.account_name), 16, most=20, rank=2, name="name", value=lambda o: o.account_name
    ),
    Column(
        "state",
        lambda one, glyphs, _now: Piece(glyphs.text(one.state), state_tone(one.state)),
        9,
        name="state",
        value=lambda one: one.state,
    ),
    Column("user", whole(lambda one: one.user_id), 8, right=True, rank=3, name="user", value=lambda one: one.user_id),
    Column("message", said(lambda one: one.message), 20, most=240, name="message", value=lambda one: one.message),
)
"""Connections with a problem, where they have a screen to themselves."""
