"""The analytics engine's stand-in: tables of a story's client databases and of `common`, all accounts in one place.

It holds what the story's own databases hold, to the row. An engine that is behind holds what they held earlier: rows of
the time since are missing, and rows changed since are as they were before, as far as the story knows what that was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from sqlalchemy import Column, Index, MetaData, Table

from sandbox.rows import schema
from sandbox.rows.client_rows import ClientRows
from sandbox.rows.common_rows import Cells, auth_rows, stamps, sync_user_rows
from sandbox.stories.account_list import account_list
from sandbox.stories.population import Population, populate
from sandbox.stories.story import ANALYTICS_TABLES, Story

ANALYTICS = MetaData()


def _copied(table: Table) -> Table:
    # An engine of this kind has no keys; the index stands for its partitions.
    columns = [Column(column.name, column.type, nullable=True) for column in table.columns]
    return Table(table.name, ANALYTICS, *columns, Index(f"analytics_{table.name}_account", "account_id"))


_AGENTS, _AUTH, _SYNC_USERS, _DEALS = map(
    _copied, (schema.ZILLOW_AGENTS, schema.ZILLOW_AUTH, schema.ZILLOW_SYNC_USERS, schema.DEALS)
)

Rewind = Callable[[dict[str, object], str], bool]
"""Puts one row back to a moment, given as it stands in rows; False when the row was not there yet."""


def analytics_contents(story: Story, behind_s: int) -> Iterator[tuple[Table, Iterable[Cells]]]:
    """Yield every table with its rows, `behind_s` seconds before the start; 0 is the databases as they are."""
    population, stamp = populate(story), stamps(story)
    clients = [dict(_tables(story, population, number)) for number in range(len(account_list(story.seed)))]
    sources: list[tuple[Table, Iterable[Cells], Rewind]] = [
        (_AGENTS, (row for tables in clients for row in tables["zillow_agents"]), _agents_rewind(story, population)),
        (_AUTH, auth_rows(story, population, stamp), _rewind_row),
        (_SYNC_USERS, sync_user_rows(story, population, stamp), _rewind_connection),
        (_DEALS, (row for tables in clients for row in tables["deals"]), _rewind_deal),
    ]
    for table, rows, rewind in sources:
        yield table, _rewound(table, rows, rewind, stamp(-behind_s)) if behind_s else rows


def _tables(story: Story, population: Population, number: int) -> Iterator[tuple[str, list[Cells]]]:
    """Yield the two tables of one account that the engine holds."""
    # All tables are made in their order: they share one source of chance.
    for table, rows in ClientRows(story, account_list(story.seed)[number], population).tables():
        made = list(rows)
        if table.name in ANALYTICS_TABLES:
            yield table.name, made


def _rewound(table: Table, rows: Iterable[Cells], rewind: Rewind, cut: str) -> Iterator[Cells]:
    names = [column.name for column in table.columns]
    for row in rows:
        values = dict(zip(names, row, strict=True))
        if rewind(values, cut):
            yield tuple(values.values())


def _rewind_row(values: dict[str, object], cut: str) -> bool:
    """A row with `created_at` and `updated_at`: before it was changed, its moment of change was an earlier one."""
    if str(values["created_at"]) > cut:
        return False
    if str(values["updated_at"]) > cut:
        values["updated_at"] = cut
    return True


def _agents_rewind(story: Story, population: Population) -> Rewind:
    """Agents whose resolution changed since are as they were resolved before."""
    stamp = stamps(story)
    before = {
        person.user_id: (stamp(-person.changed_s), person.was)
        for person in population.everyone()
        if person.changed_s is not None
    }

    def rewind(values: dict[str, object], cut: str) -> bool:
        user = values["user_id"]
        changed, was = before.get(user, ("", 0)) if isinstance(user, int) else ("", 0)
        if changed > cut:
            values["resolution_method"] = was
        return _rewind_row(values, cut)

    return rewind


def _rewind_connection(values: dict[str, object], cut: str) -> bool:
    """A connection whose problem came since had none; it was checked and synced at that moment at the latest."""
    if str(values["created_at"]) > cut:
        return False
    if values["problem_at"] is not None and str(values["problem_at"]) > cut:
        values.update(connection_health_status="healthy", problem_at=None, problem_msg=None)
    for name in ("last_agent_sync_at", "last_verified_at"):
        if values[name] is not None and str(values[name]) > cut:
            values[name] = cut
    return True


def _rewind_deal(values: dict[str, object], cut: str) -> bool:
    """A deal that was synced since had not been synced, and Zillow had not named its transaction."""
    if values["synced_at"] is not None and str(values["synced_at"]) > cut:
        values.update(synced_at=None, zillow_transaction_id=None)
    return _rewind_row(values, cut)
