"""The journal: eight consoles that write 1,000 entries each and are killed; a poll and an append in long journals."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, NotAvailable, Target, median, p95

if TYPE_CHECKING:
    from diagnostics.incident.journal import Journal
    from tests.journal.places import JournalPlace

WRITERS, ENTRIES, KILLS = 8, 1_000, 3
SHORT, LONG = 10, 10_000


def run(quick: bool) -> list[Figure]:
    """Both kinds of database; a run whose journal is not what was acknowledged raises AssertionError."""
    figures: list[Figure] = []
    for kind, opened in (("SQLite", _sqlite), ("MariaDB", _mariadb)):
        with opened() as place:
            figures += _together(kind, place(), ENTRIES // 10 if quick else ENTRIES)
            figures += _long(kind, place(), place(), rounds=50 if quick else 300)
    return figures


def _together(kind: str, place: JournalPlace, entries: int) -> list[Figure]:
    from tests.journal.test_processes import check  # noqa: PLC0415  # it needs pytest
    from tests.journal.writing import write_together  # noqa: PLC0415

    place.journal().head()
    crowd, seconds = write_together(place.state, place.folder, writers=WRITERS, entries=entries, kills=KILLS)
    check(place, crowd)
    lives = sum(writer.lives for writer in crowd)
    total = WRITERS * entries
    note = f"{WRITERS} consoles, {lives - WRITERS} killed; every acknowledged entry there once, chain verified"
    return [Figure(f"{total:,} single appends, {kind}", "s", seconds, note=note)]


def _long(kind: str, short: JournalPlace, long: JournalPlace, *, rounds: int) -> list[Figure]:
    from tests.journal.places import notes  # noqa: PLC0415  # it costs what the other benchmarks measure

    journals = [short.journal(), long.journal()]
    for journal, size in zip(journals, (SHORT, LONG), strict=True):
        for first in range(0, size, 500):
            journal.append("INC-1", notes(*(f"note {number}" for number in range(first, min(size, first + 500)))))
    polls: list[list[float]] = [[], []]
    appends: list[list[float]] = [[], []]
    # Turn by turn, so that whatever else the machine does falls on both.
    for number in range(rounds):
        for journal, poll, append in zip(journals, polls, appends, strict=True):
            poll.append(_timed(journal.head))
            append.append(_timed(_appending(journal, number)))
    whole = _timed(lambda: journals[1].stream("INC-1"))
    verified = _timed(journals[1].verify)
    sizes = f"{LONG:,} entries beside {SHORT}"
    return [
        Figure(f"poll of the head, {sizes}, {kind}", "ms", median(polls[1]), median(polls[0]), Target(2.0, ratio=True)),
        Figure(
            f"append, {sizes}, {kind}",
            "ms",
            median(appends[1]),
            median(appends[0]),
            Target(2.0, ratio=True),
            f"p95 {p95(appends[1]):.1f} ms",
        ),
        Figure(f"reading a stream of {LONG:,} entries, {kind}", "ms", whole),
        Figure(f"verifying {LONG:,} entries, {kind}", "ms", verified),
    ]


def _appending(journal: Journal, number: int) -> Callable[[], object]:
    from tests.journal.places import notes  # noqa: PLC0415

    return lambda: journal.append("INC-1", notes(f"one more {number}"))


def _timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1_000


@contextmanager
def _sqlite() -> Iterator[Callable[[], JournalPlace]]:
    from tests.journal.places import SQLitePlace  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder, _closing() as made:
        yield lambda: made(SQLitePlace(Path(tempfile.mkdtemp(dir=folder))))


@contextmanager
def _mariadb() -> Iterator[Callable[[], JournalPlace]]:
    from tests.journal.places import MariaDBPlace  # noqa: PLC0415
    from tests.mariadb import MariaDBUnavailable, private_mariadb  # noqa: PLC0415

    try:
        # As a server is set up that loses nothing: the log is written to the disk at every commit.
        with (
            private_mariadb("--innodb-flush-log-at-trx-commit=1") as server,
            tempfile.TemporaryDirectory() as folder,
            _closing() as made,
        ):
            yield lambda: made(MariaDBPlace(Path(tempfile.mkdtemp(dir=folder)), server))
    except MariaDBUnavailable as error:
        raise NotAvailable(str(error)) from error


@contextmanager
def _closing() -> Iterator[Callable[[JournalPlace], JournalPlace]]:
    places: list[JournalPlace] = []

    def keep(place: JournalPlace) -> JournalPlace:
        places.append(place)
        return place

    try:
        yield keep
    finally:
        for place in places:
            place.close()
