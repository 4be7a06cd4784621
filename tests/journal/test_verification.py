"""Whatever is done to the journal past the program is found, and named with its entry."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from diagnostics.core.failures import FailureKind, SourceFailure, UserError
from diagnostics.core.waiting import Job, Progress
from diagnostics.incident.journal import Journal
from diagnostics.sources.mysql import engines
from diagnostics.store import journal_rows
from diagnostics.store.journal_rows import NOTHING_BEFORE, EntryDraft
from tests.journal.places import JournalPlace, notes

ENTRIES = 9
COLUMNS = {
    "stream": "INC-8",
    "kind": "merged",
    "entry_key": "another",
    "at_us": 5,
    "actor": "mallory",
    "console": "elsewhere:1:1",
    "body": '{"kind":"noted","text":"nothing happened"}',
    "previous": "0" * 63 + "1",
    "hash": "f" * 64,
}


@pytest.fixture
def journal(place: JournalPlace) -> Journal:
    """A journal of nine entries, written one by one, whose console has gone without a checkpoint."""
    journal = place.journal(folder=place.folder / "elsewhere")
    for number in range(ENTRIES):
        journal.append("INC-1", notes(f"note {number + 1}"))
    return journal


@pytest.fixture
def fresh(place: JournalPlace, journal: Journal) -> Journal:
    """A console of another machine, which has seen nothing of it yet."""
    assert journal.head().seq == ENTRIES
    return place.journal(folder=place.folder / "fresh")


def flaws(journal: Journal) -> tuple[str, ...]:
    """The flaws found; a journal with flaws is not sound."""
    found = journal.verify()
    assert found.is_sound is (found.flaws == ())
    return found.flaws


def only(journal: Journal, *patterns: str) -> None:
    """These flaws and no others, in this order."""
    found = flaws(journal)
    assert len(found) == len(patterns), found
    for flaw, pattern in zip(found, patterns, strict=True):
        assert re.search(pattern, flaw), found


def test_an_untouched_journal_is_sound(fresh: Journal) -> None:
    found = fresh.verify()
    assert (found.entries, found.flaws, found.head) == (ENTRIES, (), fresh.head().hash)
    assert found.evidence.rows == ENTRIES
    assert found.evidence.source == "state"


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("seq", [1, 5, ENTRIES])
def test_a_column_that_was_altered_is_found_in_any_entry(
    place: JournalPlace, fresh: Journal, column: str, seq: int
) -> None:
    place.run(f"UPDATE warroom_journal SET {column} = ? WHERE seq = ?", (COLUMNS[column], seq))  # noqa: S608  # ours
    found = flaws(fresh)
    assert any(flaw.startswith(f"entry {seq}: altered") for flaw in found), found
    if column != "hash":
        assert len(found) == 1


def test_a_number_that_was_altered_is_found(place: JournalPlace, fresh: Journal) -> None:
    place.run("UPDATE warroom_journal SET seq = 40 WHERE seq = 4")
    found = flaws(fresh)
    assert found[0] == "entry 4: missing"
    assert any("entries 10 to 39: missing" in flaw for flaw in found)
    assert any(flaw.startswith("entry 40: inserted") for flaw in found)


@pytest.mark.parametrize(
    ("seqs", "words"),
    [
        ((1,), "^entry 1: missing$"),
        ((4, 5, 6), "^entries 4 to 6: missing, 3"),
        ((9,), "^entry 9: missing, cut off at the end"),
        ((7, 8, 9), "^entries 7 to 9: missing, cut off at the end"),
    ],
    ids=["first", "middle", "last", "tail"],
)
def test_entries_that_were_deleted_are_found(
    place: JournalPlace, fresh: Journal, seqs: tuple[int, ...], words: str
) -> None:
    for seq in seqs:
        place.run("DELETE FROM warroom_journal WHERE seq = ?", (seq,))
    only(fresh, words)


def test_a_journal_that_goes_on_after_its_tail_was_cut_shows_the_gap(place: JournalPlace, fresh: Journal) -> None:
    place.run("DELETE FROM warroom_journal WHERE seq > 7")
    assert fresh.append("INC-1", notes("later"))[0].seq == 10
    only(fresh, "^entries 8 to 9: missing")


def test_everything_being_gone_is_found(place: JournalPlace, fresh: Journal) -> None:
    place.run("DELETE FROM warroom_journal")
    only(fresh, "^entries 1 to 9: missing, cut off")


def insert(place: JournalPlace, seq: int, previous: str) -> str:
    """An entry that is well made in itself; returns its hash."""
    body = '{"kind":"noted","text":"I was always here"}'
    draft = EntryDraft("INC-1", "noted", f"forged {seq}", 5, "ana", "bastion:1:1", body)
    mark = journal_rows.chained(previous, seq, draft)
    place.run(
        "INSERT INTO warroom_journal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (seq, draft.stream, draft.kind, draft.key, 5, draft.actor, draft.console, body, previous, mark),
    )
    return mark


def hash_of(place: JournalPlace, seq: int) -> str:
    return str(place.run("SELECT hash FROM warroom_journal WHERE seq = ?", (seq,))[0][0])


def test_an_entry_put_in_behind_the_newest_is_found_and_keeps_nobody_from_writing(
    place: JournalPlace, fresh: Journal
) -> None:
    insert(place, 10, hash_of(place, 9))
    only(fresh, "^entry 10: inserted behind the newest entry that the head row knows, 9$")
    assert fresh.append("INC-1", notes("goes on"))[0].seq == 11
    only(fresh, "^entry 11: does not follow entry 10")


def test_an_entry_put_in_the_place_of_another_is_found(place: JournalPlace, fresh: Journal) -> None:
    place.run("DELETE FROM warroom_journal WHERE seq = 5")
    insert(place, 5, hash_of(place, 4))
    only(fresh, "^entry 6: does not follow entry 5: one of the two was replaced or inserted")


def test_an_entry_put_in_between_is_found_with_all_that_it_moved(place: JournalPlace, fresh: Journal) -> None:
    for seq in range(ENTRIES, 4, -1):
        place.run("UPDATE warroom_journal SET seq = ? WHERE seq = ?", (seq + 1, seq))
    insert(place, 5, hash_of(place, 4))
    found = flaws(fresh)
    for seq in range(6, ENTRIES + 2):
        assert f"entry {seq}: reordered, it was written as entry {seq - 1}" in found


def test_an_entry_before_the_first_is_found(place: JournalPlace, fresh: Journal) -> None:
    insert(place, 0, NOTHING_BEFORE)
    only(fresh, "^entry 0: inserted, numbers begin with 1$")


@pytest.mark.parametrize(("one", "other"), [(2, 3), (1, 9), (3, 7)])
def test_entries_that_changed_places_are_found(place: JournalPlace, fresh: Journal, one: int, other: int) -> None:
    for now, then in ((one, 99), (other, one), (99, other)):
        place.run("UPDATE warroom_journal SET seq = ? WHERE seq = ?", (then, now))
    found = flaws(fresh)
    assert f"entry {one}: reordered, it was written as entry {other}" in found
    assert f"entry {other}: reordered, it was written as entry {one}" in found


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE warroom_journal_head SET seq = 12", "^entries 10 to 12: missing, cut off at the end \\(or the head"),
        ("UPDATE warroom_journal_head SET seq = 7", "^head row: changed, it names entry 7|inserted behind"),
        ("UPDATE warroom_journal_head SET hash = 'f'", "^head row: changed, or entry 9 was replaced"),
        ("DELETE FROM warroom_journal_head", "^head row: missing"),
    ],
)
def test_a_head_row_that_was_changed_is_found(place: JournalPlace, fresh: Journal, statement: str, words: str) -> None:
    place.run(statement)
    assert any(re.search(words, flaw) for flaw in flaws(fresh))


def test_a_head_row_that_was_removed_keeps_nobody_from_writing_and_leaves_a_trace(
    place: JournalPlace, fresh: Journal
) -> None:
    place.run("DELETE FROM warroom_journal_head")
    assert fresh.head().seq == ENTRIES
    assert fresh.append("INC-1", notes("goes on", "and on"))[0].seq == 10
    assert fresh.head().seq == 11
    only(fresh, "^entry 10: does not follow entry 9: the head row had been removed")


def rewrite(place: JournalPlace, first: int) -> None:
    """As somebody would who knows how the chain is made: change an entry and every hash after it, head included."""
    place.run("UPDATE warroom_journal SET body = ? WHERE seq = ?", ('{"kind":"noted","text":"all is well"}', first))
    previous = hash_of(place, first - 1)
    for seq, *said in place.run(
        "SELECT seq, stream, kind, entry_key, at_us, actor, console, body FROM warroom_journal"
        " WHERE seq >= ? ORDER BY seq",
        (first,),
    ):
        mark = journal_rows.chained(previous, seq, EntryDraft(*said))
        place.run("UPDATE warroom_journal SET previous = ?, hash = ? WHERE seq = ?", (previous, mark, seq))
        previous = mark
    place.run("UPDATE warroom_journal_head SET hash = ?", (previous,))


def test_a_chain_rewritten_up_to_its_end_is_found_by_a_machine_that_saw_it(
    place: JournalPlace, journal: Journal, fresh: Journal, tmp_path: Path
) -> None:
    assert fresh.verify().is_sound
    rewrite(place, 4)
    stranger = place.journal(folder=tmp_path / "stranger").verify()
    assert stranger.is_sound
    assert "seen nothing of it before" in stranger.evidence.caveat
    only(fresh, "^entry 9: not the one that this machine has seen at 20.*rewritten up to its end")
    # What it saw is not forgotten by looking once more, by writing, or by ending.
    fresh.append("INC-1", notes("more"))
    fresh.close()
    later = place.journal(folder=place.folder / "fresh")
    later.head()
    assert "entry 9, which this machine has seen, is another one" in later.problem
    only(later, "^entry 9: not the one")
    assert journal.head().seq == 10


def test_a_journal_cut_together_with_its_head_is_found_by_a_machine_that_saw_it(
    place: JournalPlace, fresh: Journal
) -> None:
    assert fresh.verify().is_sound
    place.run("DELETE FROM warroom_journal WHERE seq > 3")
    place.run("UPDATE warroom_journal_head SET seq = 3, hash = ?", (hash_of(place, 3),))
    only(fresh, "^entry 9: missing, and this machine has seen it")


def test_each_place_has_its_own_checkpoint_and_a_damaged_one_is_none(place: JournalPlace, fresh: Journal) -> None:
    assert fresh.verify().is_sound
    (file,) = (place.folder / "fresh").glob("journal-seen-*.json")
    assert file.stat().st_mode & 0o077 == 0
    assert "secret" not in file.read_text()
    file.write_text('{"seq": "many"')
    assert fresh.verify().is_sound
    assert '"seq": 9' in file.read_text()


def test_a_long_journal_is_read_in_pages_with_progress_and_can_be_cancelled(
    fresh: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diagnostics.incident.verification.PAGE", 2)
    told: list[Progress] = []
    assert fresh.verify(Job(told.append)).entries == ENTRIES
    assert [(one.done, one.total, one.unit) for one in told][:2] == [(2, 9, "entries"), (4, 9, "entries")]
    job = Job(lambda _: job.cancel())
    with pytest.raises(SourceFailure) as cancelled:
        fresh.verify(job)
    assert cancelled.value.kind is FailureKind.CANCELLED


def test_very_many_flaws_are_counted(place: JournalPlace, fresh: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diagnostics.incident.verification.MOST_FLAWS", 3)
    place.run("UPDATE warroom_journal SET actor = 'mallory'")
    found = flaws(fresh)
    assert len(found) == 4
    assert found[-1] == "and 6 more"


# ---- what stands outside of it


@pytest.mark.parametrize("kept", ["journal 7:{hash}", "7:{hash}", "{hash}"])
def test_a_journal_that_goes_on_from_where_a_notice_says_it_ended_is_sound(
    place: JournalPlace, fresh: Journal, kept: str
) -> None:
    found = fresh.verify(against=kept.format(hash=hash_of(place, 7)[:16]))
    assert found.is_sound, found.flaws
    assert found.evidence.caveat.startswith("What lies behind ")


def test_a_chain_rewritten_up_to_its_end_is_found_by_what_a_notice_says(place: JournalPlace, fresh: Journal) -> None:
    anchor = f"7:{hash_of(place, 7)[:16]}"
    rewrite(place, 5)
    assert fresh.verify().is_sound, "the chain itself does not tell"
    flaws_found = fresh.verify(against=anchor).flaws
    assert flaws_found[-1].startswith(f"entry {anchor}: not in this journal, although it ended there once")


@pytest.mark.parametrize("wrong", ["7", "abc", "7:xyz", "-1:0123456789abcdef"])
def test_what_is_no_end_of_a_journal_is_refused(fresh: Journal, wrong: str) -> None:
    with pytest.raises(UserError, match="is no end of a journal"):
        fresh.verify(against=wrong)


def test_the_hash_of_another_entry_does_not_do(place: JournalPlace, fresh: Journal) -> None:
    assert not fresh.verify(against=f"6:{hash_of(place, 7)[:16]}").is_sound


def test_a_head_table_that_was_dropped_reads_as_tampering(place: JournalPlace, fresh: Journal) -> None:
    place.run("DROP TABLE warroom_journal_head")
    assert any(re.search("^head row: missing", flaw) for flaw in flaws(fresh))
    assert fresh.head().seq == ENTRIES


@pytest.mark.honesty("somebody wrote a cell of megabytes into the journal", "its beginning is read, and it is a flaw")
def test_an_entry_larger_than_any_console_writes_costs_little_and_is_a_flaw(
    place: JournalPlace, journal: Journal, fresh: Journal
) -> None:
    place.run("UPDATE warroom_journal SET body = ? WHERE seq = 5", ["x" * 3_000_000])
    with place.store().read(journal=True) as connection:
        (row,) = journal_rows.after(connection, 4, 1)
    assert len(row.body) == 2_000_000
    only(fresh, r"entry 5\b.*")
    assert len(journal.since(0)) == ENTRIES


@pytest.mark.mariadb
def test_a_page_that_is_larger_than_is_read_at_once_is_read_in_parts(
    mariadb_place: JournalPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = mariadb_place.journal()
    journal.append("INC-1", notes(*("x" * 1_000 for _ in range(40))))
    monkeypatch.setattr(engines, "MOST_BYTES", 20_000)
    assert [entry.seq for entry in journal.since(0)] == list(range(1, 41))
    assert len(journal.stream("INC-1")) == 40
    found = journal.verify()
    assert (found.is_sound, found.entries) == (True, 40)
