"""How old the rows of the databases are: a copy that stands still answers as quickly as ever, and counts nothing new.

Of `common` the newest row of the tables that are always written to tells: lead events and webhook events. It costs two
reads by primary key a minute. Where neither has a row, or neither is mapped, the age is not known, and nothing is
doubted.

A client database may rest for days because its account does, so its newest row alone proves nothing. It is behind where
its server says that it copies another one and is behind, or where `common` has recorded a change of one of its agents
that is newer than every row it holds. That costs a statement to each of the two databases a minute, and one to the
server. Otherwise the age of the newest row is said, and doubts nothing.
"""

from __future__ import annotations

from concurrent.futures import TimeoutError as StillWaiting
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, or_, select

from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.waiting import aside
from diagnostics.core.words import about, span
from diagnostics.models.status import Status

if TYPE_CHECKING:
    from diagnostics.core.context import Context, Question
    from diagnostics.models.evidence import Evidence
    from diagnostics.sources.mysql.replica import Replica

KEEP_S = 60.0
WAIT_S = 2.0
"""How long rows of a client wait for what `common` knows of it."""

ALWAYS_WRITTEN = {"zillow_lead_events_log": "created_at", "zillow_webhook_events": "received_at"}
"""Tables of `common` that get rows all day, and when each of them was written."""

MOST_CHANGES = 100
"""Records of changes that are looked through for one that is not this console's own."""

OWN_REASON = "warroom "
"""How the reason of a repair of this console begins."""

CLIENT_MOMENTS = (("zillow_agents", "updated_at"), ("deals", "created_at"), ("deals", "synced_at"))
"""Where a client database says when something was written, by columns that have an index."""


@dataclass(slots=True, frozen=True)
class ClientAge:
    """How old the rows of one client database are."""

    newest: datetime | None
    """When its newest row was written; None where that is not known."""
    until: datetime | None = None
    """The moment that its rows speak of, where it is known to be behind."""
    why: str = ""
    """What shows that it is behind."""


def newest_row(context: Context) -> datetime | None:
    """When the newest row of `common` was written; None where that is not known. Raises nothing."""
    return context.answers.get(("newest row",), KEEP_S, lambda: _newest_row(context))


def _newest_row(context: Context) -> datetime | None:
    found: list[datetime] = []
    for name, column in ALWAYS_WRITTEN.items():
        try:
            table = context.table(name)
            statement = select(table.c[column].label("at")).order_by(table.c.id.desc()).limit(1)
            rows = context.databases.read_common(statement).rows
        except (SourceFailure, UserError, KeyError):
            # Whoever counts in this table says what is wrong with it.
            continue
        found += [at for row in rows if isinstance(at := row["at"], datetime)]
    return max(found, default=None)


def of_old_rows(context: Context, evidence: Evidence) -> Evidence:
    """`evidence` of rows of `common`: how old they are, where that is beyond the catalogue's limit."""
    rule, newest = context.catalogue.thresholds["data_age"], newest_row(context)
    if newest is None:
        return evidence
    age_s = (context.now() - newest).total_seconds()
    if rule.judge(age_s) is Status.PASS:
        return evidence
    said = f"the newest row of {evidence.source} is {span(age_s)} old (limit {rule.rule()}): nothing newer is counted"
    return evidence.model_copy(update={"caveat": _joined(said, evidence.caveat), "newest_at": newest})


def client_age(context: Context, account_id: int) -> ClientAge:
    """How old the rows of an account's client database are, and whether it is behind. Raises nothing."""
    return context.answers.get(("client age", account_id), KEEP_S, lambda: _client_age(context, account_id))


def of_old_client(context: Context, account_id: int, evidence: Evidence) -> Evidence:
    """`evidence` of rows of a client database: that it is behind, or how old its newest row is."""
    age, limit_s = client_age(context, account_id), context.catalogue.thresholds["client_data_age"].warning or 0.0
    if age.until is not None:
        said = _joined(age.why, "nothing newer is counted", evidence.caveat)
        return evidence.model_copy(update={"caveat": said, "newest_at": age.until})
    age_s = 0.0 if age.newest is None else (context.now() - age.newest).total_seconds()
    if age_s <= limit_s:
        return evidence
    said = f"its newest row is {about(age_s)} old, and nothing shows that it should be newer"
    return evidence.model_copy(update={"caveat": _joined(evidence.caveat, said)})


def _client_age(context: Context, account_id: int) -> ClientAge:
    rule, now, name = context.catalogue.thresholds["client_data_age"], context.now(), f"client {account_id}"
    newest = _newest_of_client(context, account_id, now)
    copies = _replica(context, account_id)
    if copies is not None and copies.behind_s is None:
        return ClientAge(newest, newest or now, f"the server of {name} is a replica that has stopped copying")
    if copies is not None and copies.behind_s is not None and rule.judge(copies.behind_s) is not Status.PASS:
        why = f"the server of {name} is a replica that is {about(copies.behind_s)} behind (limit {rule.rule()})"
        return ClientAge(newest, now - timedelta(seconds=copies.behind_s), why)
    changed = _newest_change(context, account_id, now) if newest is not None else None
    if newest is None or changed is None:
        return ClientAge(newest)
    missing_s = (changed - newest).total_seconds()
    if rule.judge(missing_s) is Status.PASS:
        return ClientAge(newest)
    why = (
        f"{name} is at least {about(missing_s)} behind (limit {rule.rule()}): common records a change of an agent at "
        f"{changed:%H:%M} UTC, and its newest row is of {newest:%Y-%m-%d %H:%M} UTC"
    )
    return ClientAge(newest, newest, why)


def _newest_of_client(context: Context, account_id: int, now: datetime) -> datetime | None:
    # Rows of the future, which other clocks write, tell nothing of the present.
    try:
        columns = [context.table(table).c[column] for table, column in CLIENT_MOMENTS]
        statement: Question = select(
            *(
                select(func.max(column)).where(column <= now).scalar_subquery().label(f"at_{number}")
                for number, column in enumerate(columns)
            )
        )
        rows = context.databases.read_client(account_id, statement).rows
    except (SourceFailure, UserError, KeyError):
        # Whoever reads it says what is wrong with it.
        return None
    return max((at for row in rows for at in row.values() if isinstance(at, datetime)), default=None)


def _newest_change(context: Context, account_id: int, now: datetime) -> datetime | None:
    """When `common` last recorded that an agent of the account is resolved in another way than before.

    None too where it does not answer soon: rows of a client are not kept waiting by another database.
    """
    if context.databases.said.is_away:
        return None
    with aside(1, "newest change") as asking:
        try:
            return asking.submit(_change_before, context, account_id, now).result(timeout=WAIT_S)
        except StillWaiting:
            return None


def _change_before(context: Context, account_id: int, now: datetime) -> datetime | None:
    try:
        logs = context.table("zillow_connection_logs")
        changed = or_(logs.c.old_resolution != logs.c.new_resolution, logs.c.old_resolution.is_(None))
        of_account = and_(logs.c.account_id == account_id, logs.c.created_at <= now, changed)
        columns = (logs.c.created_at.label("at"), logs.c.change_reason.label("why"))
        statement = select(*columns).where(of_account).order_by(logs.c.created_at.desc()).limit(MOST_CHANGES)
        rows = context.databases.read_common(statement, limit=MOST_CHANGES).rows
    except (SourceFailure, UserError, KeyError):
        return None
    # A repair dates the agent by its plan, and this record by the moment at which it was carried out.
    others = (row["at"] for row in rows if not str(row["why"] or "").startswith(OWN_REASON))
    return next((at for at in others if isinstance(at, datetime)), None)


def _replica(context: Context, account_id: int) -> Replica | None:
    """What the account's server says; None where it is no replica, or this login may not know. Once for a host."""

    def ask() -> Replica | None:
        try:
            return context.databases.replica(account_id)
        except (SourceFailure, UserError):
            return None

    try:
        host = context.databases.account(account_id).db_host
    except (SourceFailure, UserError):
        return None
    return context.answers.get(("replica", host), KEEP_S, ask)


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
