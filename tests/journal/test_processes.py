"""Consoles that write to one journal at the same time, and are killed: what was acknowledged is there exactly once.

`python -m benchmarks journal` measures the same, and what a poll and an append cost in a long journal.
"""

from __future__ import annotations

import pytest

from tests.journal.places import JournalPlace
from tests.journal.writing import STREAM, Writer, key_of, write_together
from tests.sampling import on_one_kind


@on_one_kind("place", "killed writers")
@pytest.mark.parametrize(
    ("writers", "entries", "kills"), [(3, 300, 1), pytest.param(8, 1_000, 3, marks=pytest.mark.matrix)]
)
def test_what_killed_consoles_acknowledged_is_there_once_and_in_order(
    place: JournalPlace, writers: int, entries: int, kills: int
) -> None:
    place.journal().head()
    crowd, _ = write_together(place.state, place.folder, writers=writers, entries=entries, kills=kills)
    check(place, crowd)


def check(place: JournalPlace, crowd: list[Writer]) -> None:
    """Everything once, in the order of each writer, under the number that it was told, in a chain that holds."""
    assert [writer.complaints for writer in crowd] == [""] * len(crowd)
    assert all(writer.lives > 1 for writer in crowd)
    assert [writer.said_twice for writer in crowd] == [[]] * len(crowd)
    journal = place.journal()
    written = journal.stream(STREAM)
    keys = [entry.key for entry in written]
    assert len(keys) == len(set(keys)) == sum(writer.entries for writer in crowd)
    seqs = {entry.key: entry.seq for entry in written}
    for writer in crowd:
        own = [seqs[key_of(writer.number, index)] for index in range(writer.entries)]
        assert own == sorted(own)
        assert writer.acknowledged == dict(enumerate(own))
    assert [entry.seq for entry in written] == list(range(1, len(written) + 1))
    found = journal.verify()
    assert (found.entries, found.flaws) == (len(written), ())
