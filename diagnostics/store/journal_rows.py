"""The journal's rows: how they are chained, written and read. Statements only; transactions are given.

Each entry holds the hash of the one before, and its own hash over that and everything else it says. What is hashed is
exactly what stands in the columns, so that any reader can compute it again:

    sha256 of the JSON array [previous, seq, stream, kind, key, at_us, actor, console, body], written without spaces,
    in ASCII; `body` is the text of the column.

`carry` takes a journal along: what was written while only the memory was there goes into the lasting one. Every entry
keeps its key, its actor, its console and its time, and is chained anew. A number such as INC-1 that the lasting journal
has given to somebody else in the meantime cannot be kept; the incident goes on under the next free one, and a line of
its timeline says so.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection, case, func, select, update
from sqlalchemy.exc import DBAPIError

from diagnostics.store.failures import StateTooLarge, is_missing_table
from diagnostics.store.schema import JOURNAL, JOURNAL_HEAD, MOST_BODY

NOTHING_BEFORE = "0" * 64
"""Previous hash of the first entry."""

HEAD_ID = 1
_TOGETHER = 400
"""Keys named in one statement; old builds of SQLite take 999 parameters."""

_COLUMNS = (
    JOURNAL.c.seq,
    JOURNAL.c.stream,
    JOURNAL.c.kind,
    JOURNAL.c.entry_key,
    JOURNAL.c.at_us,
    JOURNAL.c.actor,
    JOURNAL.c.console,
    # Of what is longer the beginning, whose hash then does not fit: one cell must not cost the memory of all.
    case(
        (func.length(JOURNAL.c.body) > MOST_BODY, func.substr(JOURNAL.c.body, 1, MOST_BODY)), else_=JOURNAL.c.body
    ).label("body"),
    JOURNAL.c.previous,
    JOURNAL.c.hash,
)


@dataclass(slots=True, frozen=True)
class EntryDraft:
    """An entry without its place in the chain."""

    stream: str
    kind: str
    key: str
    at_us: int
    actor: str
    console: str
    body: str
    """Canonical JSON: sorted, without spaces, ASCII."""


@dataclass(slots=True, frozen=True)
class JournalRow:
    """One entry as its columns have it; SQLite does not mind what type a stranger wrote."""

    seq: int
    stream: str
    kind: str
    key: str
    at_us: int
    actor: str
    console: str
    body: str
    previous: str
    hash: str

    def digest(self, seq: int | None = None) -> str:
        """The hash it must have, or would have under another number."""
        return chained(
            self.previous,
            self.seq if seq is None else seq,
            EntryDraft(self.stream, self.kind, self.key, self.at_us, self.actor, self.console, self.body),
        )


@dataclass(slots=True, frozen=True)
class NewestEntry:
    """The end of the chain."""

    seq: int
    hash: str

    @property
    def anchor(self) -> str:
        """The same for people, short: "journal 214:9f86d081884c7d65"."""
        return f"journal {self.seq}:{self.hash[:16]}"


def canonical(value: object) -> str:
    """JSON in the one form that is stored and hashed; raises ValueError for what is no number."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, sort_keys=True, separators=(",", ":"))


def chained(previous: str, seq: int, draft: EntryDraft) -> str:
    """The hash of an entry, hexadecimal."""
    said = [previous, seq, draft.stream, draft.kind, draft.key, draft.at_us, draft.actor, draft.console, draft.body]
    # `default`: a stranger may have written bytes into a column of SQLite; no honest hash comes of it.
    return hashlib.sha256(json.dumps(said, separators=(",", ":"), default=repr).encode()).hexdigest()


def lock(connection: Connection) -> NewestEntry:
    """Keep other writers out until this transaction ends, and say where the chain ends now."""
    # An UPDATE first: on a server, what a transaction reads before it holds the lock would be the past.
    held = connection.execute(update(JOURNAL_HEAD).where(JOURNAL_HEAD.c.id == HEAD_ID).values(seq=JOURNAL_HEAD.c.seq))
    highest = select(func.max(JOURNAL.c.seq)).scalar_subquery()
    if not held.rowcount:
        # Somebody removed the row. Nobody is kept from writing during an incident; that the new entry does not follow
        # the one before it is the trace that `verify` finds.
        connection.execute(JOURNAL_HEAD.insert().values(id=HEAD_ID, seq=0, hash=NOTHING_BEFORE))
    seq, found, top = connection.execute(
        select(JOURNAL_HEAD.c.seq, JOURNAL_HEAD.c.hash, highest).where(JOURNAL_HEAD.c.id == HEAD_ID)
    ).one()
    # Numbers beyond the head were put in by a stranger: the chain goes on behind them, and shows it.
    return NewestEntry(max(_whole(seq), _whole(top)), str(found))


def put(connection: Connection, newest: NewestEntry, drafts: Sequence[EntryDraft]) -> tuple[JournalRow, ...]:
    """Write entries behind the newest one; the transaction holds the lock."""
    rows, seq, before = [], newest.seq, newest.hash
    for draft in drafts:
        seq += 1
        mark = chained(before, seq, draft)
        rows.append(
            JournalRow(
                seq,
                draft.stream,
                draft.kind,
                draft.key,
                draft.at_us,
                draft.actor,
                draft.console,
                draft.body,
                before,
                mark,
            )
        )
        before = mark
    if rows:
        connection.execute(JOURNAL.insert(), [_values(row) for row in rows])
        connection.execute(update(JOURNAL_HEAD).where(JOURNAL_HEAD.c.id == HEAD_ID).values(seq=seq, hash=before))
    return tuple(rows)


def _values(row: JournalRow) -> dict[str, object]:
    return {
        "seq": row.seq,
        "stream": row.stream,
        "kind": row.kind,
        "entry_key": row.key,
        "at_us": row.at_us,
        "actor": row.actor,
        "console": row.console,
        "body": row.body,
        "previous": row.previous,
        "hash": row.hash,
    }


def head(connection: Connection) -> NewestEntry | None:
    """The head row; None where somebody removed it, or its table."""
    try:
        found = connection.execute(select(JOURNAL_HEAD.c.seq, JOURNAL_HEAD.c.hash).where(JOURNAL_HEAD.c.id == HEAD_ID))
    except DBAPIError as error:
        if not is_missing_table(error):
            raise
        return None
    row = found.one_or_none()
    return None if row is None else NewestEntry(_whole(row[0]), str(row[1]))


def last(connection: Connection) -> NewestEntry:
    """The newest entry that is there, whatever the head row says."""
    found = connection.execute(select(JOURNAL.c.seq, JOURNAL.c.hash).order_by(JOURNAL.c.seq.desc()).limit(1))
    row = found.one_or_none()
    return NewestEntry(0, NOTHING_BEFORE) if row is None else NewestEntry(int(row[0]), str(row[1]))


def hash_at(connection: Connection, seq: int) -> str | None:
    """The hash that entry has; None where it is missing."""
    found = connection.execute(select(JOURNAL.c.hash).where(JOURNAL.c.seq == seq)).scalar()
    return None if found is None else str(found)


def by_keys(connection: Connection, keys: Iterable[str]) -> dict[str, JournalRow]:
    """The entries that have these keys."""
    found: dict[str, JournalRow] = {}
    for some in _portions(keys):
        for row in connection.execute(select(*_COLUMNS).where(JOURNAL.c.entry_key.in_(some))):
            found[row[3]] = _row(row)
    return found


def newest_of(connection: Connection, stream: str) -> int:
    """Number of a stream's newest entry; 0 for an empty one."""
    return int(connection.execute(select(func.max(JOURNAL.c.seq)).where(JOURNAL.c.stream == stream)).scalar() or 0)


def streams(connection: Connection, prefix: str) -> tuple[str, ...]:
    """Names of the streams of a prefix, the one that was opened last first."""
    opened = func.min(JOURNAL.c.seq)
    wanted = (
        select(JOURNAL.c.stream)
        .where(JOURNAL.c.stream > f"{prefix}-", JOURNAL.c.stream < f"{prefix}.")
        .group_by(JOURNAL.c.stream)
        .order_by(opened.desc())
    )
    return tuple(str(row[0]) for row in connection.execute(wanted))


def number_of(stream: str) -> int:
    """7 for INC-7; 0 for a name that has no number."""
    digits = stream.rpartition("-")[2]
    return int(digits) if digits.isascii() and digits.isdigit() else 0


def after(connection: Connection, seq: int | None, most: int, stream: str | None = None) -> tuple[JournalRow, ...]:
    """Entries behind `seq`, oldest first; None begins with the first."""
    wanted = select(*_COLUMNS).order_by(JOURNAL.c.seq).limit(max(0, most))
    if seq is not None:
        wanted = wanted.where(JOURNAL.c.seq > seq)
    if stream is not None:
        wanted = wanted.where(JOURNAL.c.stream == stream)
    return tuple(_row(row) for row in connection.execute(wanted))


def page_after(
    reading: Callable[[], AbstractContextManager[Connection]], seq: int | None, most: int, stream: str | None = None
) -> tuple[tuple[JournalRow, ...], bool]:
    """Entries behind `seq`, oldest first, and whether these are all; fewer where `most` are more than is read at once.

    `reading` begins a transaction. Raises `SourceFailure`.
    """
    while True:
        try:
            with reading() as connection:
                rows = after(connection, seq, most, stream)
        except StateTooLarge:
            if most == 1:
                raise
            most = max(1, most // 8)
        else:
            return rows, len(rows) < most


def before(connection: Connection, seq: int | None, most: int, stream: str) -> tuple[JournalRow, ...]:
    """A stream's entries before `seq`, newest first; None begins with the newest."""
    wanted = select(*_COLUMNS).where(JOURNAL.c.stream == stream).order_by(JOURNAL.c.seq.desc()).limit(max(0, most))
    if seq is not None:
        wanted = wanted.where(JOURNAL.c.seq < seq)
    return tuple(_row(row) for row in connection.execute(wanted))


def _row(columns: Iterable[Any]) -> JournalRow:
    return JournalRow(*columns)


def _portions(keys: Iterable[str]) -> Iterator[list[str]]:
    left = iter(keys)
    while some := list(islice(left, _TOGETHER)):
        yield some


def _whole(value: object) -> int:
    """0 for what is no number: SQLite lets a stranger write anything into any column."""
    return value if isinstance(value, int) else 0


_NAMES = ("into", "other", "incident")
"""Fields of a body that name another stream."""


def carry(rows: Sequence[JournalRow], connection: Connection) -> dict[str, str]:
    """Write them behind what is there; returns old name to new name of what had to be renamed.

    What is there already, because an earlier attempt ended without an answer, is not written once more.
    """
    end = lock(connection)
    there = by_keys(connection, (row.key for row in rows))
    names = _names(rows, there, connection)
    renamed = {old: new for old, new in names.items() if old != new}
    # Entries that point to others have to be written after these, and know their new numbers.
    seqs = {row.seq: there[row.key].seq for row in rows if row.key in there}
    for row in rows:
        if row.key in there:
            continue
        draft = EntryDraft(
            names[row.stream], row.kind, row.key, row.at_us, row.actor, row.console, _body(row.body, renamed, seqs)
        )
        (written,) = put(connection, end, [draft])
        end = NewestEntry(written.seq, written.hash)
        seqs[row.seq] = written.seq
    notes = [_note(old, new, rows) for old, new in renamed.items()]
    known = by_keys(connection, (note.key for note in notes))
    put(connection, end, [note for note in notes if note.key not in known])
    return renamed


def _names(rows: Iterable[JournalRow], there: dict[str, JournalRow], connection: Connection) -> dict[str, str]:
    names: dict[str, str] = {}
    wanted = [row.stream for row in rows]
    for row in rows:
        if row.stream in names:
            continue
        if row.key in there:
            names[row.stream] = there[row.key].stream
        elif newest_of(connection, row.stream):
            prefix = row.stream.rpartition("-")[0]
            taken = (*streams(connection, prefix), *wanted, *names.values())
            numbers = [number_of(one) for one in taken if one.rpartition("-")[0] == prefix]
            names[row.stream] = f"{prefix}-{max(numbers) + 1}"
        else:
            names[row.stream] = row.stream
    return names


def _body(body: str, renamed: dict[str, str], seqs: dict[int, int]) -> str:
    said = json.loads(body)
    for field in _NAMES:
        if said.get(field) in renamed:
            said[field] = renamed[said[field]]
    if said.get("kind") == "corrected":
        said["seq"] = seqs.get(said["seq"], said["seq"])
    return canonical(said)


def _note(old: str, new: str, rows: Sequence[JournalRow]) -> EntryDraft:
    first = next(row for row in rows if row.stream == old)
    text = (
        f"This was {old} while the console had its journal in memory only. The lasting journal had given that number"
        f" to somebody else, so it goes on as {new}. What was sent before names it {old}."
    )
    body = canonical({"kind": "noted", "text": text})
    return EntryDraft(new, "noted", f"{first.key}:renamed", time.time_ns() // 1_000, "console", first.console, body)
