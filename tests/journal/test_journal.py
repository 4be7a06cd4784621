"""The journal as its users know it: what is appended is there, once, in order, and nobody overwrites anybody."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from diagnostics.core.failures import UserError
from diagnostics.incident.journal import Conflict, Journal
from diagnostics.models.entries import (
    Body,
    Channel,
    Corrected,
    DeliveryConfirmed,
    Measured,
    MeasuredFigure,
    Noted,
    Purpose,
    Unknown,
)
from diagnostics.models.evidence import Evidence
from diagnostics.store.journal_rows import NewestEntry
from tests.journal.places import JournalPlace, declared, notes


def texts(entries: object) -> list[str]:
    """Texts of notes."""
    return [entry.body.text for entry in entries if isinstance(entry.body, Noted)]  # type: ignore[attr-defined]  # entries


def test_what_one_console_appends_another_reads_in_order(place: JournalPlace) -> None:
    one, other = place.journal("ana"), place.journal("ben")
    opened = one.open("INC", [declared(), *notes("first")])
    other.append("INC-1", notes("second", "third"))
    assert [entry.seq for entry in opened] == [1, 2]
    entries = one.stream("INC-1")
    assert [entry.seq for entry in entries] == [1, 2, 3, 4]
    assert texts(entries) == ["first", "second", "third"]
    assert [entry.actor for entry in entries] == ["ana", "ana", "ben", "ben"]
    assert entries == other.stream("INC-1") == one.since(0)
    assert other.head() == NewestEntry(4, entries[-1].hash)
    assert [entry.previous for entry in entries[1:]] == [entry.hash for entry in entries[:-1]]


def test_an_empty_journal_has_a_head_and_nothing_else(place: JournalPlace) -> None:
    journal = place.journal()
    assert journal.head().seq == 0
    assert journal.since(0) == journal.stream("INC-1") == journal.page("INC-1") == ()
    assert journal.streams("INC") == ()
    assert journal.problem == ""


def test_each_prefix_counts_for_itself_and_the_newest_comes_first(place: JournalPlace) -> None:
    journal = place.journal()
    for _ in range(11):
        journal.open("INC", [declared()])
    journal.open("INV", notes("why"))
    assert journal.streams("INC") == tuple(f"INC-{number}" for number in range(11, 0, -1))
    assert journal.streams("INV") == ("INV-1",)


def test_consoles_that_declare_at_the_same_moment_get_different_numbers(place: JournalPlace) -> None:
    got: list[str] = []

    def declare(journal: Journal) -> None:
        for _ in range(5):
            got.append(journal.open("INC", [declared(), *notes("x")])[0].stream)

    threads = [threading.Thread(target=declare, args=(place.journal(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(got) == sorted(f"INC-{number}" for number in range(1, 21))


def test_pages_are_newest_first_and_follow_each_other(place: JournalPlace) -> None:
    journal = place.journal()
    journal.open("INC", notes(*(str(number) for number in range(7))))
    journal.open("INC", notes("another incident"))
    journal.append("INC-1", notes("7"))
    first = journal.page("INC-1", most=3)
    assert texts(first) == ["7", "6", "5"]
    assert texts(journal.page("INC-1", before=first[-1].seq, most=3)) == ["4", "3", "2"]
    assert texts(journal.stream("INC-1", after=6)) == ["6", "7"]
    assert texts(journal.since(7)) == ["another incident", "7"]
    assert texts(journal.since(0, most=2)) == ["0", "1"]


def test_long_streams_are_read_whole(place: JournalPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diagnostics.incident.journal.PAGE", 10)
    journal = place.journal()
    journal.open("INC", notes(*(str(number) for number in range(40))))
    assert texts(journal.stream("INC-1")) == [str(number) for number in range(40)]


def test_a_decision_about_the_past_is_refused_with_what_happened_since(place: JournalPlace) -> None:
    one, other = place.journal("ana"), place.journal("ben")
    seen = one.open("INC", [declared()])[-1].seq
    other.open("INC", [declared("elsewhere")])
    other.append("INC-1", notes("quicker"))
    with pytest.raises(Conflict) as conflict:
        one.append("INC-1", notes("slower", "still slower"), expect=seen)
    assert texts(conflict.value.entries_since) == ["quicker"]
    assert one.head().seq == 3
    one.append("INC-1", notes("knows better"), expect=conflict.value.entries_since[-1].seq)
    one.append("INC-2", notes("entries of other streams do not matter"), expect=2)
    one.append("INC-3", notes("nobody was here"), expect=0)
    with pytest.raises(Conflict):
        one.append("INC-3", notes("somebody was"), expect=0)


def test_a_key_that_is_there_is_not_written_twice(place: JournalPlace) -> None:
    one, other = place.journal("ana"), place.journal("ben")
    first = one.append("INC-1", notes("once"), keys=["D1:sent"], expect=0)
    again = other.append("INC-1", notes("twice"), keys=["D1:sent"], expect=0)
    assert again == first
    mixed = other.append("INC-1", notes("twice", "new"), keys=["D1:sent", "D2:sent"])
    assert texts(mixed) == ["once", "new"]
    strange = "ключ with spaces " * 40
    assert one.append("INC-1", notes("a"), keys=[strange]) == other.append("INC-1", notes("b"), keys=[strange])
    assert [entry.seq for entry in one.stream("INC-1")] == [1, 2, 3]
    begun = one.open("INC", notes("c"), keys=["open"])
    assert one.open("INC", notes("d"), keys=["open"]) == begun
    assert other.open("INC", notes("d", "e"), keys=["open", "and more"]) == begun
    assert one.streams("INC") == ("INC-2", "INC-1")


def test_a_number_behind_which_none_is_left_keeps_nobody_from_declaring(place: JournalPlace) -> None:
    journal = place.journal()
    journal.append("INC-999999999", notes("a stranger's"))
    assert [journal.open("INC", notes("ours"))[0].stream for _ in range(2)] == ["INC-1", "INC-2"]


def test_keys_that_a_server_would_take_for_equal_are_different(place: JournalPlace) -> None:
    journal = place.journal()
    journal.append("INC-1", notes("1", "2", "3", "4"), keys=["key", "KEY", "key ", "kéy"])
    assert texts(journal.stream("INC-1")) == ["1", "2", "3", "4"]


def test_several_entries_are_written_all_or_none(place: JournalPlace) -> None:
    journal = place.journal()
    with pytest.raises(UserError, match="too long"):
        journal.append("INC-1", notes("short", "x" * 200_001))
    figure = MeasuredFigure(id="health", title="Health", value=float("nan"), shown="—")
    with pytest.raises(UserError, match="no number"):
        journal.append("INC-1", [*notes("a"), Measured(occasion="declared", figures=(figure,))])
    assert journal.append("INC-1", []) == ()
    assert journal.head().seq == 0


def test_text_passes_the_gate_before_it_is_hashed_and_lines_are_kept(place: JournalPlace) -> None:
    journal = place.journal("a\x1b[31mna\n")
    entry = journal.append("INC-1", notes("one\ntwo\x1b]52;c;eA==\x07 \u202e cafe\u0301 🏠"), actor="zo\u0308e\x07")[0]
    assert entry.body == Noted(text="one\ntwo\ufffd \ufffd café 🏠")
    assert entry.actor == "zöe\ufffd"
    assert journal.append("INC-1", notes("x"))[0].actor == "a\ufffdna"
    assert place.journal().stream("INC-1")[0] == entry
    assert journal.verify().flaws == ()


def test_every_field_comes_back_as_it_was_written(place: JournalPlace) -> None:
    journal = place.journal()
    moment = datetime(2026, 11, 17, 3, 4, 5, 678_901, tzinfo=UTC)
    evidence = Evidence(source="datadog", query="service:fub", started_at=moment, took_ms=12.625, rows=None)
    figure = MeasuredFigure(id="health", title="Health", value=None, shown="—", taken_at=moment, evidence=evidence)
    bodies: list[Body] = [
        Measured(occasion="declared", figures=(figure,)),
        DeliveryConfirmed(
            delivery="D1",
            token="t",
            channel=Channel.SLACK,
            purpose=Purpose.FIRST_NOTICE,
            text="*a*\n",
            fields={"severity": "b"},
        ),
        Corrected(seq=1, text="No."),
    ]
    journal.append("INC-1", bodies)
    assert [entry.body for entry in place.journal().stream("INC-1")] == bodies


def test_what_a_newer_console_wrote_is_kept_and_shown_as_unknown(place: JournalPlace) -> None:
    journal = place.journal()
    journal.append("INC-1", notes("before"))
    place.run(
        "UPDATE warroom_journal SET kind = ?, body = ?", ("war_declared", '{"kind":"war_declared","x":"\\u001b"}')
    )
    body = journal.stream("INC-1")[0].body
    assert body == Unknown(kind="war_declared", text='{"kind":"war_declared","x":"\\u001b"}')
    for damaged in ('{"kind":"noted"}', "[", '{"kind":"merged","into":"INC-2"}', "{" * 3_000):
        place.run("UPDATE warroom_journal SET kind = 'noted', body = ?", (damaged,))
        assert isinstance(journal.stream("INC-1")[0].body, Unknown)
    place.run("UPDATE warroom_journal SET body = ?", ('{"kind":"noted","text":"a\\u001b[31mb"}',))
    assert journal.stream("INC-1")[0].body == Noted(text="a\ufffdb")


def test_threads_of_one_console_may_write_at_the_same_time(place: JournalPlace) -> None:
    journal = place.journal()
    threads = [
        threading.Thread(target=lambda: [journal.append("INC-1", notes("x")) for _ in range(10)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert journal.verify().entries == 40
    assert journal.verify().is_sound
