"""A table of 10,000 accounts affected: opened, sorted, filtered and grouped, in the console without a terminal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.figures import Figure, Target, median

ROWS = 10_000
SIZE = (120, 40)


def run(quick: bool) -> list[Figure]:
    """Each from the answer in hand to the frame that is laid out; the slowest of the columns counts for sorting."""
    return asyncio.run(_measured(2 if quick else 5))


def _rows() -> tuple[Any, ...]:
    from diagnostics.models.incidents import AffectedAccount  # noqa: PLC0415  # the product, where it is measured

    now = datetime(2025, 11, 17, 14, 0, tzinfo=UTC)
    return tuple(
        AffectedAccount(
            issue="rate_limiting",
            account_id=10_000 + number,
            impact=float(number * 7_919 % 1_201),
            why="large 20 × incident 10",
            name=f"{('Foxhall', 'Riverside', 'Granite', '青山')[number % 4]} Realty {number * 31 % 9_973}",
            size=None if number % 11 == 0 else number * 37 % 5_003,
            exists=True,
            events=number * 13 % 4_001,
            share=number % 100 / 100,
            first_seen=now - timedelta(seconds=number % 900),
            last_seen=now,
            kinds=((("pushLead", "fetchUserInfo", "createTransaction")[number % 3], 5),),
            connections=10,
            syncing=number % 11,
        )
        for number in range(ROWS)
    )


async def _measured(repeats: int) -> list[Figure]:
    from textual.app import App, ComposeResult  # noqa: PLC0415

    from widgets.glyphs import UNICODE  # noqa: PLC0415
    from widgets.rows.account import AFFECTED_COLUMNS  # noqa: PLC0415
    from widgets.table import DrawnRows, Table, TableView, table_layout  # noqa: PLC0415

    class Bench(App[None]):
        def compose(self) -> ComposeResult:
            yield TableView(id="rows")

    rows, times = _rows(), dict[str, list[float]]()
    now = datetime(2025, 11, 17, 14, 0, tzinfo=UTC)
    app = Bench()
    async with app.run_test(size=SIZE) as pilot:
        view = app.query_one(TableView)

        def show(table: Table) -> None:
            layout = table_layout(table, SIZE[0] - 4)
            view.show_table(DrawnRows(table, layout, width=SIZE[0] - 4, glyphs=UNICODE, now=now))

        async def timed(name: str, work: Callable[[], object]) -> None:
            begin = time.perf_counter()
            work()
            await pilot.pause()
            times.setdefault(name, []).append((time.perf_counter() - begin) * 1_000)

        def opened() -> Table:
            made = Table(AFFECTED_COLUMNS, lambda one: f"account:{one.account_id}")
            made.take(rows)
            show(made)
            return made

        for _ in range(repeats):
            made: list[Table] = []
            await timed("open", lambda made=made: made.append(opened()))  # type: ignore[misc]
            table = made[0]
            for column in AFFECTED_COLUMNS:

                def sort(name: str = column.name, table: Table = table) -> None:
                    table.sort(name)
                    show(table)

                await timed(f"sort {column.name}", sort)
            await timed("to the last row", view.action_cursor_last)
            for name, how in (("filter", {"filter_text": "river 12"}), ("group", {"grouped_by": "kind"})):

                def look(how: dict[str, str] = how, table: Table = table) -> None:
                    table.set(filter_text="", grouped_by="")
                    table.set(**how)
                    show(table)

                await timed(name, look)
    slowest = max((name for name in times if name.startswith("sort ")), key=lambda name: median(times[name]))
    return [
        Figure(f"{ROWS:,} accounts affected: open", "ms", median(times["open"]), target=Target(300)),
        Figure(f"{ROWS:,} accounts affected: sort", "ms", median(times[slowest]), target=Target(100), note=slowest[5:]),
        Figure(f"{ROWS:,} accounts affected: filter", "ms", median(times["filter"])),
        Figure(f"{ROWS:,} accounts affected: group", "ms", median(times["group"])),
        Figure(f"{ROWS:,} accounts affected: to the last row", "ms", median(times["to the last row"])),
    ]
