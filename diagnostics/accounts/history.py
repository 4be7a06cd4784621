"""Changes of resolution, newest first. Source: common.zillow_connection_logs, by its index on account and time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, or_, select

from diagnostics.accounts.keys import MOST_LOOKED_AT, as_pair, microseconds, moment_of, pair_key, rows_of
from diagnostics.checks.base import moment
from diagnostics.core.words import plural
from diagnostics.models.accounts import HistoryRow
from diagnostics.models.figures import Page
from diagnostics.oauth.client_side import METHODS
from diagnostics.oauth.records import whole, with_welcome, words

if TYPE_CHECKING:
    from sqlalchemy import Select

    from diagnostics.core.context import Context
    from diagnostics.sources.mysql.databases import Rows

_NEEDED = ("id", "user_id", "old_resolution", "new_resolution", "created_at")
_WELCOME = ("change_reason",)


def history_page(
    context: Context, account_id: int, after: str | None, limit: int, user_id: int | None = None
) -> Page[HistoryRow]:
    """One page. Raises AccountUnknown, UserError, SourceFailure.

    The index knows nothing of users: of one user, a bounded number of the account's changes is looked through, and
    `after` goes on behind the last of them.
    """
    key, rows = pair_key(after), rows_of(limit)
    looked_at = rows if user_id is None else MOST_LOOKED_AT
    context.databases.account(account_id)
    table = context.table("zillow_connection_logs")

    def ask(welcome: tuple[str, ...]) -> Rows:
        names = (*_NEEDED, *(name for name in welcome if name in table.c))
        statement: Select[Any] = select(*(table.c[name].label(name) for name in names)).where(
            table.c.account_id == account_id
        )
        if key is not None:
            at, row = key
            if at is None:
                # NULL comes last where the newest come first.
                statement = statement.where(table.c.created_at.is_(None), table.c.id < row)
            else:
                then = moment_of(at)
                earlier = or_(table.c.created_at < then, and_(table.c.created_at == then, table.c.id < row))
                statement = statement.where(
                    or_(and_(table.c.created_at <= then, earlier), table.c.created_at.is_(None))
                )
        ordered = statement.order_by(table.c.created_at.desc(), table.c.id.desc())
        return context.read_common(ordered.limit(looked_at + 1))

    found = with_welcome(ask, _WELCOME)
    read = tuple(map(_change, found.rows[:looked_at]))
    own = tuple(one for one in read if user_id is None or one.user_id == user_id)
    shown, last = own[:rows], read[-1] if len(found.rows) > looked_at else None
    notes = list(_notes(context, shown))
    if len(own) > rows:
        last = shown[-1]
    elif user_id is not None and last is not None:
        notes.append(f"{plural(len(read), 'change')} of the account were looked at; there are older ones.")
    return Page(
        rows=shown,
        after=None if last is None else as_pair(microseconds(last.at), last.id),
        evidence=(found.evidence.model_copy(update={"rows": len(read)}),),
        notes=tuple(notes),
    )


def _change(row: dict[str, object]) -> HistoryRow:
    return HistoryRow(
        id=whole(row["id"]) or 0,
        user_id=whole(row["user_id"]),
        old=_method(row["old_resolution"]),
        new=_method(row["new_resolution"]),
        reason=words(row.get("change_reason")),
        at=moment(row, "created_at"),
    )


def _method(value: object) -> str:
    """The method's name; a first resolution has no old one."""
    method = whole(value)
    return "none" if method is None else METHODS.get(method, f"unknown {method}")


def _notes(context: Context, rows: tuple[HistoryRow, ...]) -> list[str]:
    skew = context.catalogue.thresholds["clock_skew_seconds"].warning or 0.0
    now = context.now()
    notes = []
    future = sum(row.at is not None and (row.at - now).total_seconds() > skew for row in rows)
    if future:
        notes.append(
            f"{plural(future, 'change')} dated in the future: a clock disagrees, and they stand first wrongly."
        )
    undated = sum(row.at is None for row in rows)
    if undated:
        notes.append(f"{plural(undated, 'change')} without a date: they stand last.")
    nobody = sum(row.user_id is None for row in rows)
    if nobody:
        notes.append(f"{plural(nobody, 'change')} on this page name no user.")
    retired = sum("retired" in row.old + row.new for row in rows)
    if retired:
        notes.append(f"{plural(retired, 'change')} on this page from or to the retired method 2.")
    return notes
