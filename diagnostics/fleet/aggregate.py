"""Answers so far: rows account by account, and the reasons why others are missing."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from diagnostics.core.failures import FailureKind
from diagnostics.core.words import form
from diagnostics.fleet.batches import ASKED, AskedAccount, Batch
from diagnostics.fleet.models import AccountRows, FleetQuestion
from diagnostics.models.figures import Coverage, Gap
from diagnostics.sources.mysql.addresses import AccountPlace
from diagnostics.sources.mysql.runner import Answer

EXAMPLES = 5
_MOST_REASONS = 200
_OTHER_REASONS = "other reasons"


class FleetAggregate:
    """Kept by several workers at once. Once closed it takes nothing more."""

    def __init__(self, question: FleetQuestion) -> None:
        self._question = question
        self._lock = threading.Lock()
        self._closed = False
        self._parts: dict[int, list[dict[str, object]]] = {}
        """Rows of accounts that are not read to their end."""
        self._ready: deque[AccountRows] = deque()
        self._settled: set[int] = set()
        self._reasons: dict[str, list[str]] = {}
        self._missing: Counter[str] = Counter()
        self._kinds: Counter[FailureKind] = Counter()
        self.remarks = Remarks(question)
        self.answered = 0
        self.trips = 0
        self.rows = 0

    @property
    def settled(self) -> int:
        """Accounts that answered or will not."""
        return len(self._settled)

    def take(self, batch: Batch, answer: Answer) -> list[AskedAccount]:
        """Note one answer; returns the accounts that hold further rows, with the key to go on from."""
        found: dict[int, list[dict[str, object]]] = {asked.place.id: [] for asked in batch.accounts}
        for row in answer.rows:
            of = row.pop(ASKED, None)
            if isinstance(of, int) and of in found:
                found[of].append(row)
        with self._lock:
            if self._closed:
                return []
            self.trips += 1
            self.rows += len(answer.rows)
            further = (self._settle(asked, found[asked.place.id]) for asked in batch.accounts)
            return [asked for asked in further if asked is not None]

    @property
    def commonest_kind(self) -> FailureKind:
        """Why most of the missing accounts are missing."""
        common = self._kinds.most_common(1)
        return common[0][0] if common else FailureKind.UNREACHABLE

    def fail(self, places: Iterable[AccountPlace], reason: str, kind: FailureKind, detail: str = "") -> None:
        """Note that these accounts do not answer. `detail` stands beside each example."""
        with self._lock:
            if self._closed:
                return
            for place in places:
                if place.id not in self._settled:
                    self._settled.add(place.id)
                    self._kinds[kind] += 1
                    self._parts.pop(place.id, None)
                    self._note(reason, place, detail)

    def lack(self, unknown: Iterable[int]) -> None:
        """Note ids that are no accounts."""
        for account_id in unknown:
            self._settled.add(account_id)
            self._kinds[FailureKind.REJECTED] += 1
            self._add("not in common.accounts", str(account_id))

    def ready(self) -> Iterator[AccountRows]:
        """Accounts completed since the last call, each once and whole."""
        while self._ready:
            yield self._ready.popleft()

    def close(self) -> None:
        """Drop later answers."""
        with self._lock:
            self._closed = True

    def coverage(self, asked: int) -> Coverage:
        """How much of what was asked is known."""
        with self._lock:
            commonest = self._missing.most_common()
            gaps = [
                Gap(reason=reason, count=count, examples=tuple(self._reasons[reason]))
                for reason, count in sorted(commonest, key=lambda pair: pair[0] == _OTHER_REASONS)
            ]
            return Coverage(answered=self.answered, asked=asked, gaps=tuple(gaps))

    def _settle(self, asked: AskedAccount, rows: list[dict[str, object]]) -> AskedAccount | None:
        question, place = self._question, asked.place
        whole = self._parts.setdefault(place.id, [])
        last = rows[-1].get(question.page_by) if question.page_by and len(rows) >= question.page else None
        whole += (row for row in map(dict, rows) if self.remarks.belongs(place.id, row))
        if isinstance(last, int) and len(whole) < question.most_rows:
            return replace(asked, after=last)
        del self._parts[place.id]
        self.remarks.note(place, whole, is_cut=last is not None or len(whole) > question.most_rows)
        self._settled.add(place.id)
        self.answered += 1
        self._ready.append(AccountRows(place.id, ordered(whole[: question.most_rows])))
        return None

    def _note(self, reason: str, place: AccountPlace, detail: str) -> None:
        if place.is_suspended:
            reason = f"suspended account: {reason}"
        self._add(reason, f"{place.id}: {detail}" if detail else str(place.id))

    def _add(self, reason: str, example: str) -> None:
        if reason not in self._reasons and len(self._reasons) >= _MOST_REASONS:
            reason = _OTHER_REASONS
        self._missing[reason] += 1
        examples = self._reasons.setdefault(reason, [])
        if len(examples) < EXAMPLES:
            examples.append(example)


class Remarks:
    """Defects of rows that were read, with their effect. To be called by one thread at a time."""

    def __init__(self, question: FleetQuestion) -> None:
        self._question = question
        self._named: dict[str, dict[int, int]] = {}
        """Defect, account, number of rows concerned."""
        self._asides: Counter[str] = Counter()
        self.homes: dict[int, object] = {}
        """Where each account's database is. Of accounts that share one, the rows of the others are no fault."""

    def belongs(self, account_id: int, row: dict[str, object]) -> bool:
        """Whether a row is this account's, by the account that it names; what is not is left out and noted."""
        question = self._question
        for label, _ in question.asides:
            value = row.pop(label, None)
            self._asides[label] += value if isinstance(value, int) else 0
        if "account_id" not in row:
            return True
        owner = row.pop("account_id")
        if owner == account_id:
            return True
        if not isinstance(owner, int) or self.homes.get(owner, owner) != self.homes.get(account_id):
            self.add("without an account" if owner is None else "of another account", account_id, row)
        return False

    def add(self, what: str, account_id: int, row: dict[str, object]) -> None:
        """Note a row that is left out."""
        counts = self._named.setdefault(what, {})
        counts[account_id] = counts.get(account_id, 0) + self._question.measured((row,))

    def note(self, place: AccountPlace, rows: Sequence[dict[str, object]], *, is_cut: bool) -> None:
        """Look at one account's whole answer."""
        question = self._question
        measured = question.measured(tuple(rows))
        if is_cut or (question.most_measured is not None and measured > question.most_measured):
            self._named.setdefault("cut", {})[place.id] = measured
        if place.is_suspended:
            self._named.setdefault("suspended", {})[place.id] = measured

    def notes(self) -> list[str]:
        """Each remark as a sentence."""
        unit = self._question.unit
        lines = []
        for what in ("without an account", "of another account"):
            if counts := self._named.get(what):
                lines.append(
                    f"{sum(counts.values()):,} {unit} {what} are in the databases of {accounts_of(counts)}: "
                    "they are left out of every number."
                )
        if counts := self._named.get("cut"):
            most = self._question.most_measured or self._question.most_rows
            lines.append(f"More than {most:,} {unit} are in {accounts_of(counts)}: counting stops there.")
        if counts := self._named.get("suspended"):
            total = f"{sum(counts.values()):,}"
            lines.append(
                f"{total} {unit} are of {accounts_of(counts, 'suspended ')}: they are counted like the others."
            )
        for label, sentence in self._question.asides:
            if self._asides[label]:
                lines.append(sentence.format(count=f"{self._asides[label]:,}"))
        return lines


def accounts_of(accounts: Iterable[int], kind: str = "") -> str:
    """Such as "2 accounts (14009, 75172)"; a few are named."""
    ids = sorted(accounts)
    named = ", ".join(str(account) for account in ids[:EXAMPLES])
    word = form(len(ids), "account")
    return f"{len(ids):,} {kind}{word} ({named}{', …' if len(ids) > EXAMPLES else ''})"


def ordered(rows: Iterable[dict[str, object]]) -> tuple[dict[str, object], ...]:
    """In the order of their values, so that one answer compares with another row by row."""
    return tuple(sorted(rows, key=_order))


def _order(row: dict[str, object]) -> list[Any]:
    return [(value is not None, type(value).__name__, value) for value in row.values()]
