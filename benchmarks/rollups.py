"""Counting sync events: what a refresh costs in a table, and in one of ten times as many rows, on a private MariaDB."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import Figure, NotAvailable, Target, median

MILLION = 1_000_000
EVENTS_PER_S = 5.6
"""3.4 million events a week, as in production."""

BETWEEN_S = 30
"""Seconds between two refreshes of a level that somebody looks at."""

_OPTIONS = ("--innodb-buffer-pool-size=192M", "--innodb-log-file-size=96M")
_BATCH = 250_000


def run(quick: bool) -> list[Figure]:
    """Fill a small and a large table, and let a console count each."""
    try:
        from tests.mariadb import MariaDBUnavailable, private_mariadb  # noqa: PLC0415  # missing pieces are reported
    except ImportError as error:
        raise NotAvailable(f"a private MariaDB server: {error}") from error
    small = MILLION // 10 if quick else MILLION
    try:
        with private_mariadb(*_OPTIONS) as server, tempfile.TemporaryDirectory() as folder:
            tables = []
            for name, rows in (("small", small), ("large", 10 * small)):
                place = Path(folder) / name
                place.mkdir()
                tables.append(_Table(place, server, rows))
            try:
                return _figures(*tables, rounds=10 if quick else 40)
            finally:
                for table in tables:
                    table.close()
    except MariaDBUnavailable as error:
        raise NotAvailable(str(error)) from error


def _figures(small: _Table, large: _Table, *, rounds: int) -> list[Figure]:
    names = f"{large.rows // 1_000:,}k rows beside {small.rows // 1_000:,}k"
    whole = [table.timed(table.count_everything) for table in (small, large)]
    first = [table.timed(table.rollup.refresh) for table in (small, large)]
    for table in (small, large):
        table.settle()
    # Turn by turn, so that whatever else the machine does falls on both.
    for _ in range(rounds):
        for table in (small, large):
            table.refresh()
    wide = [table.timed(table.rollup.widen) for table in (small, large)]
    statements = large.statements / rounds
    return [
        Figure(
            f"refresh, {names}",
            "ms",
            median(large.took),
            median(small.took),
            Target(1.2, ratio=True),
            f"{statements:.0f} statements, {int(BETWEEN_S * EVENTS_PER_S)} new rows",
        ),
        Figure("first count, the recent hours", "ms", first[1], first[0], note="says since when"),
        Figure("widening to 24 h, in the background", "ms", wide[1], wide[0]),
        Figure("for comparison: counting every row", "ms", whole[1], whole[0], note="never done by the console"),
    ]


class _Table:
    """One table of sync events, and a console that counts it."""

    def __init__(self, folder: Path, server: object, rows: int) -> None:
        from diagnostics.config.settings import StateSettings  # noqa: PLC0415  # it costs what the other benchmarks measure
        from diagnostics.store.rollups import SyncRollup  # noqa: PLC0415
        from tests.mariadb import MariaDB  # noqa: PLC0415
        from tests.state.events import MariaDBEvents  # noqa: PLC0415

        if not isinstance(server, MariaDB):
            raise TypeError("a private server is needed")
        self.rows = rows
        self.took: list[float] = []
        self.statements = 0
        self._world = MariaDBEvents(folder, server)
        # A file of its own, as a console has it where nothing else is set.
        self._world.state = StateSettings()
        self._last = rows
        self._fill()
        self._context = self._world.context()
        self.rollup = SyncRollup(self._context)

    def settle(self) -> None:
        """Let the first count grow old, so that what follows is the everyday refresh."""
        for _ in range(3):
            self._world.pass_time(300)
            self.rollup.refresh()

    def refresh(self) -> None:
        """Half a minute later: new rows, and a refresh that is timed."""
        self._world.pass_time(BETWEEN_S)
        count = int(BETWEEN_S * EVENTS_PER_S)
        self._insert(self._last + 1, self._last + count)
        self._last += count
        heard = self._world.heard_of(self._context)
        heard.clear()
        self.took.append(self.timed(self.rollup.refresh))
        self.statements += len(heard)

    def timed(self, work: Callable[[], object]) -> float:
        """Milliseconds that `work` takes."""
        begin = time.perf_counter()
        work()
        return (time.perf_counter() - begin) * 1_000

    def count_everything(self) -> None:
        """The full count, which rollups spare."""
        self._world.run(
            "SELECT SUBSTR(CAST(created_at AS CHAR), 1, 13), sync_status, COUNT(*)"
            " FROM zillow_lead_events_log GROUP BY 1, 2"
        )

    def close(self) -> None:
        """Close the console, and drop the table."""
        self._world.close()

    def _fill(self) -> None:
        for first in range(1, self.rows + 1, _BATCH):
            self._insert(first, min(self.rows, first + _BATCH - 1))
        self._world.run("ANALYZE TABLE zillow_lead_events_log")

    def _insert(self, first: int, last: int) -> None:
        # Every id has its moment: the last of the first filling is now, and the others lie before it at an even pace.
        moment = f"UTC_TIMESTAMP() - INTERVAL ROUND(({self.rows} - CAST(seq AS SIGNED)) / {EVENTS_PER_S}) SECOND"
        self._world.run(
            "INSERT INTO zillow_lead_events_log (id, sync_user_id, event_type, sync_status, created_at)"  # noqa: S608  # numbers of ours
            " SELECT seq, seq % 12407, 'lead.created', IF(seq % 83 = 0, 'failed', 'success'),"
            f" LEAST(UTC_TIMESTAMP(), {moment})"
            f" FROM seq_{first}_to_{last}"
        )
