"""The journal: everything that was decided and done during incidents, in one order, shared by all consoles.

Entries are only added. An append is one transaction, all or none; it is acknowledged by returning, after the place has
it for good (SQLite with `synchronous = FULL`, InnoDB's own log). Each entry has a key, so that an append whose commit
ended without an answer is recognised when it is tried once more, and stands there exactly once.
"""

from __future__ import annotations

import hashlib
import json
import logging
import random
import re
import secrets
import threading
import time
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Literal

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection

from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.masking import mask_secrets
from diagnostics.core.sanitizer import clean
from diagnostics.core.time import utc_now
from diagnostics.core.words import plural
from diagnostics.incident.seals import SEALED, Seals, proof_of
from diagnostics.incident.verification import ChainGuard
from diagnostics.models.entries import Body, Entry, Proof, Unknown
from diagnostics.store import journal_rows
from diagnostics.store.failures import SOURCE, Unanswered
from diagnostics.store.journal_rows import EntryDraft, JournalRow, NewestEntry, canonical
from diagnostics.store.schema import MOST_BODY, MOST_NAME

if TYPE_CHECKING:
    from diagnostics.core.waiting import Job
    from diagnostics.models.incidents import Verification
    from diagnostics.store.store import StateStore

logger = logging.getLogger(__name__)

PAGE = 1_000
"""Entries read in one transaction."""

LOOK_AGAIN_S = 10.0
"""How long an append that ended without an answer is asked after."""

MOST_TEXT = 200_000
"""Characters of one text; more is refused, because what is cut off would be lost without a word."""

_SHOWN_UNKNOWN = 2_000
_UNREAD = (
    "; ask the team whether an incident is open before you declare one, and tell people by hand meanwhile, with the"
    " text of `warroom notify --preview`"
)
_KEY = re.compile(r"[!-~]{1,191}")
_ESCAPED = re.compile(r"\\[bfrtu]")
_STREAM = re.compile(r"[A-Z]{2,8}-[1-9][0-9]{0,8}")
_LAST_NUMBER = 999_999_999
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Conflict(Exception):  # noqa: N818  # a state of the world
    """The stream has moved on since it was read; nothing was written.

    `entries_since` are the entries behind the expected one, oldest first. None of them: the stream is shorter than
    expected, because another place holds the journal now (`Journal.generation`), and everything has to be read anew.
    """

    def __init__(self, entries_since: tuple[Entry, ...]) -> None:
        self.entries_since = entries_since
        super().__init__(f"{plural(len(entries_since), 'entry was', 'entries were')} written meanwhile")


class _Moved(Exception):  # noqa: N818  # how a transaction is left
    def __init__(self, rows: tuple[JournalRow, ...]) -> None:
        self.rows = rows


class Journal:
    """Safe for several threads and for any number of consoles. Blocking; raises `SourceFailure` (source "state")."""

    def __init__(self, state: StateStore, *, person: str, console: str, now: Callable[[], datetime] = utc_now) -> None:
        self._state = state
        self._seals = Seals(state.settings, state.folder)
        self.person = stored_name(person, MOST_NAME) or "unknown"
        self.console = stored_name(console, MOST_NAME) or "unknown"
        self._now = now
        self._guard = ChainGuard(state, now)
        self._lock = threading.Lock()
        self._renames: dict[str, str] = {}

    # Writing.

    def append(
        self,
        stream: str,
        bodies: Sequence[Body],
        *,
        expect: int | None = None,
        keys: Sequence[str] | None = None,
        actor: str | None = None,
    ) -> tuple[Entry, ...]:
        """Write entries behind the newest one, all or none, and return them as they stand.

        `expect`: newest `seq` of this stream as the caller knows it, 0 for an empty one; raises `Conflict` when it has
        moved on. `keys`: one for each body; an entry that has one already is returned instead of written once more.
        `actor`: None is the person of this console. Raises `UserError` for text that is too long.
        """
        name = _checked(stream)
        self._refuse_renamed(name)

        def place(connection: Connection) -> str:
            if expect is not None and journal_rows.newest_of(connection, name) != expect:
                raise _Moved(journal_rows.after(connection, expect, PAGE, name))
            return name

        return self._write(place, self._drafts(bodies, keys, actor))

    def open(
        self,
        prefix: Literal["INC", "INV", "REP", "DRN"],
        bodies: Sequence[Body],
        *,
        keys: Sequence[str] | None = None,
        actor: str | None = None,
    ) -> tuple[Entry, ...]:
        """Begin a new stream under the next number of its prefix; all entries are of one transaction.

        Where one of the `keys` is there already, that stream was begun before: nothing is written, and the entries of
        it that have one of the keys are returned.
        """

        def place(connection: Connection) -> str:
            # Names that no console gives, or behind which none is left, must not keep anybody from declaring.
            names = filter(_STREAM.fullmatch, journal_rows.streams(connection, prefix))
            numbers = (number for number in map(journal_rows.number_of, names) if number < _LAST_NUMBER)
            return _checked(f"{prefix}-{max(numbers, default=0) + 1}")

        return self._write(place, self._drafts(bodies, keys, actor), begins=True)

    # Reading.

    def head(self) -> NewestEntry:
        """The newest entry: one row read by its key."""
        with self._state.read(journal=True) as connection:
            found = journal_rows.head(connection) or journal_rows.last(connection)
        self._guard.note(found.seq, found.hash)
        return found

    def since(self, seq: int, most: int = PAGE) -> tuple[Entry, ...]:
        """Entries of all streams behind `seq`, oldest first, at most `most`."""
        read: list[journal_rows.JournalRow] = []
        while len(read) < most:
            page, is_end = journal_rows.page_after(self._reading, seq, most - len(read))
            read += page
            if is_end:
                break
            seq = read[-1].seq
        return _entries(read)

    def stream(self, stream: str, after: int = 0) -> tuple[Entry, ...]:
        """All entries of one stream behind `after`, oldest first; empty for a stream that nobody opened."""
        read: list[Entry] = []
        while True:
            rows, is_end = journal_rows.page_after(self._reading, after, PAGE, stream)
            read += _entries(rows)
            if is_end:
                return tuple(read)
            after = rows[-1].seq

    def first(self, stream: str) -> Entry | None:
        """The entry that a stream began with; None for one that nobody opened."""
        with self._state.read(journal=True) as connection:
            rows = journal_rows.after(connection, 0, 1, stream)
        return _entry(rows[0]) if rows else None

    def page(self, stream: str, before: int | None = None, most: int = 100) -> tuple[Entry, ...]:
        """Entries of one stream before `before`, newest first; None begins with the newest."""
        with self._state.read(journal=True) as connection:
            rows = journal_rows.before(connection, before, most, stream)
        return _entries(rows)

    def _reading(self) -> AbstractContextManager[Connection]:
        return self._state.read(journal=True)

    def streams(self, prefix: str) -> tuple[str, ...]:
        """Names of the streams of a prefix, the one opened last first."""
        with self._state.read(journal=True) as connection:
            return journal_rows.streams(connection, prefix)

    def verify(self, job: Job | None = None, against: str = "") -> Verification:
        """Read everything and compute every hash again; progress is reported in entries, and it can be cancelled.

        `against`: see `ChainGuard.verify`.
        """
        return self._guard.verify(job, against)

    def secret(self) -> tuple[str, str]:
        """Which secret confirmations are signed with: see `Seals.examined`."""
        return self._seals.examined()

    def doubt(self, proofs: tuple[Proof, ...]) -> tuple[str, str]:
        """Why nothing may leave because of these entries, and the remedy; empty where they are proven."""
        return self._seals.doubt(proofs)

    def close(self) -> None:
        """Write down what was seen of it. Raises nothing."""
        self._guard.close()

    @property
    def problem(self) -> str:
        """The trouble with the journal or its place, for people; empty when all is well. Opens the place."""
        return self._state.problem or self._guard.problem

    @property
    def is_lasting(self) -> bool:
        """False when the journal ends with this process. Opens the place."""
        return self._state.is_lasting

    @property
    def may_be_read(self) -> bool:
        """True where the lasting journal can be read, also where it cannot be written. Opens the place."""
        return self._state.may_read_journal

    @property
    def unread(self) -> SourceFailure | None:
        """Why nobody knows what others wrote; None where it is known. Opens the place.

        What this console itself has in memory can be read all the same.
        """
        failure = self._state.unread
        if failure is None:
            return None
        return SourceFailure(
            failure.kind,
            SOURCE,
            f"the journal cannot be read, and what it holds is not known: {failure.reason}",
            remedy=f"{failure.remedy}{_UNREAD}",
        )

    @property
    def generation(self) -> int:
        """Rises when the journal moves to another place, such as back from memory: what was read before is void."""
        return self._state.generation

    def take_renames(self) -> dict[str, str]:
        """Old to new name of streams that lost their number when they were taken along from memory.

        Until this was asked for, nothing is appended to an old name: it now belongs to another incident.
        """
        self._learn_renames()
        with self._lock:
            renames, self._renames = self._renames, {}
        return renames

    # How writing is done.

    def _drafts(self, bodies: Sequence[Body], keys: Sequence[str] | None, actor: str | None) -> list[EntryDraft]:
        if keys is not None and len(keys) != len(bodies):
            raise ValueError("one key for each entry")
        who = self.person if actor is None else stored_name(actor, MOST_NAME) or "unknown"
        at_us = (self._now() - _EPOCH) // timedelta(microseconds=1)
        named = [secrets.token_hex(16) for _ in bodies] if keys is None else [stored_key(key) for key in keys]
        drafts = [
            EntryDraft("", body.kind, key, at_us, who, self.console, body_text(body))
            for body, key in zip(bodies, named, strict=True)
        ]
        if any(draft.kind in SEALED for draft in drafts):
            self._seals.make_ready()
            for draft in drafts:
                self._seals.remember(draft)
        return drafts

    def _write(
        self, place: Callable[[Connection], str], drafts: Sequence[EntryDraft], *, begins: bool = False
    ) -> tuple[Entry, ...]:
        if not drafts:
            return ()

        def work(connection: Connection) -> tuple[JournalRow, ...]:
            newest = journal_rows.lock(connection)
            there = journal_rows.by_keys(connection, {draft.key for draft in drafts})
            missing = {draft.key: draft for draft in drafts if draft.key not in there}
            if missing and not (begins and there):
                stream = place(connection)
                written = journal_rows.put(
                    connection, newest, [self._seals.sealed(replace(one, stream=stream)) for one in missing.values()]
                )
                there |= {row.key: row for row in written}
            return tuple(there[draft.key] for draft in drafts if draft.key in there)

        try:
            rows = self._transact(work, [draft.key for draft in drafts])
        except _Moved as moved:
            raise Conflict(_entries(moved.rows)) from None
        self._guard.note(rows[-1].seq, rows[-1].hash)
        return _entries(rows)

    def _transact(
        self, work: Callable[[Connection], tuple[JournalRow, ...]], keys: Sequence[str]
    ) -> tuple[JournalRow, ...]:
        """`work`, once more when nobody knows whether it was done: it finds by the keys what is there already."""
        ends = time.monotonic() + LOOK_AGAIN_S
        unanswered: SourceFailure | None = None
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._state.transact(work, journal=True)
            except Unanswered as failure:
                unanswered = failure
            except SourceFailure as failure:
                if unanswered is None:
                    raise
                unanswered = failure
            if time.monotonic() > ends:
                raise self._unknown(unanswered, keys)
            time.sleep(random.uniform(0.05, 0.1) * min(attempt, 10))  # noqa: S311  # apart from others, no secret

    def _unknown(self, failure: SourceFailure, keys: Sequence[str]) -> SourceFailure:
        """How it ended: with nothing written, where that is certain."""
        try:
            with self._state.read(journal=True) as connection:
                is_there = bool(journal_rows.by_keys(connection, keys))
            # A file's commit is over when its statement is; a server may still be at it.
            is_certain = not is_there and not self._state.name.startswith("server ")
        except SourceFailure:
            is_certain = False
        if is_certain:
            return SourceFailure(failure.kind, SOURCE, f"{failure.reason}; nothing was written", remedy=failure.remedy)
        return SourceFailure(
            failure.kind,
            SOURCE,
            f"{failure.reason}; it is unknown yet whether the entry was written",
            remedy="look at the timeline before you say it once more",
        )

    # Streams that lost their number.

    def _learn_renames(self) -> None:
        renames = self._state.take_renames()
        if renames:
            logger.warning("journal: %s", ", ".join(f"{old} goes on as {new}" for old, new in renames.items()))
            with self._lock:
                self._renames |= renames

    def _refuse_renamed(self, stream: str) -> None:
        _ = self._state.generation  # coming back from memory happens here, and not between this look and the writing
        self._learn_renames()
        with self._lock:
            new = self._renames.get(stream)
        if new is not None:
            raise UserError(
                f"{stream} goes on as {new}: its number was taken while this console had its journal in memory only",
                next_step=f"open {new} and say it there",
            )


def _checked(stream: str) -> str:
    if not _STREAM.fullmatch(stream):
        raise ValueError(f"no name of a stream: {stream!r}")
    return stream


def _entries(rows: Sequence[JournalRow]) -> tuple[Entry, ...]:
    return tuple(map(_entry, rows))


def _entry(row: JournalRow) -> Entry:
    try:
        at = _EPOCH + timedelta(microseconds=row.at_us)
    except (OverflowError, TypeError):
        at = _EPOCH
    return Entry.model_construct(
        seq=row.seq,
        stream=stored_name(row.stream, 32),
        at=at,
        actor=stored_name(row.actor, MOST_NAME),
        console=stored_name(row.console, MOST_NAME),
        key=str(row.key),
        body=read_body(row.kind, row.body),
        previous=str(row.previous),
        hash=str(row.hash),
        proof=proof_of(EntryDraft(row.stream, row.kind, row.key, row.at_us, row.actor, row.console, row.body)),
    )


# ---- entries as text


@cache
def _adapter() -> TypeAdapter[Body]:
    return TypeAdapter(Body)


def body_text(body: Body) -> str:
    """The body as it is stored: its texts cleaned and normalised (NFC), lines kept. Raises `UserError`."""
    try:
        written = canonical(_each_text(body.model_dump(mode="json"), _kept))
    except ValueError:
        raise UserError("a figure that is no number cannot be kept in the journal") from None
    if len(written) > MOST_BODY:
        raise UserError("this is too long for the journal", accepted=f"{MOST_BODY:,} bytes for one entry")
    return written


def read_body(kind: str, text: str) -> Body | Unknown:
    """The body as its column has it; `Unknown` for a kind of a newer console, and for what cannot be read."""
    try:
        if not isinstance(text, str):
            raise TypeError(type(text).__name__)  # SQLite lets a stranger write bytes
        if text.isascii() and text.isprintable() and not _ESCAPED.search(text):
            body = _adapter().validate_json(text)
        else:
            body = _adapter().validate_python(_each_text(json.loads(text), _cleaned))
        if body.kind == kind:
            return body
    except (ValueError, TypeError, RecursionError, ValidationError):
        pass
    return Unknown(kind=clean(str(kind), limit=64), text=clean(str(text), limit=_SHOWN_UNKNOWN))


def stored_name(text: object, most: int) -> str:
    """A person, console or stream as it is stored: one line, normalised, cleaned."""
    return clean(unicodedata.normalize("NFC", str(text)), limit=most).strip()


def stored_key(key: str) -> str:
    """A key as an index can hold it: as it is where that is possible, otherwise its hash."""
    if _KEY.fullmatch(key):
        return key
    return "sha256:" + hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def _kept(text: str) -> str:
    normal = text if text.isascii() else unicodedata.normalize("NFC", text)
    if len(normal) > MOST_TEXT:
        raise UserError("this text is too long for the journal", accepted=f"{MOST_TEXT:,} characters")
    # The last door before entries are for good, and before deliveries leave: whoever wrote the body.
    return mask_secrets(_cleaned(normal))[0]


def _cleaned(text: str) -> str:
    """A shared database is written by others: what comes back passes the gate once more."""
    return clean(text, limit=2 * MOST_TEXT, multiline=True)


def _each_text(value: object, change: Callable[[str], str]) -> object:
    """The same tree with its texts changed, and its names cleaned."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {clean(str(name), limit=512): _each_text(inner, change) for name, inner in value.items()}
    if isinstance(value, list):
        return [_each_text(inner, change) for inner in value]
    return value
