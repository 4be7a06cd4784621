"""The tabs of an account: what each asks, how its rows stand in columns, and what it knows between two paints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from widgets import wording
from widgets.paged_rows import Column, Layout, heading, item_row, lay_out
from widgets.row import BLANK, Row, Tone, fit, row, wrap
from widgets.rows.account import AGENT_COLUMNS, CONNECTION_COLUMNS, HISTORY_COLUMNS, USER_COLUMNS
from widgets.rows.deal import DEAL_COLUMNS
from widgets.tab_bar import Tab

if TYPE_CHECKING:
    from diagnostics.accounts.service import AccountService
    from diagnostics.models.evidence import Evidence
    from diagnostics.models.figures import Page
    from diagnostics.models.readings import Reading
    from widgets.glyphs import Glyphs

PAGE = 100
"""Rows asked for at a time."""

Ask = Callable[["AccountService", int, str | None, bool], "Page[Any]"]


@dataclass(slots=True, frozen=True)
class TabKind:
    """One tab that holds rows."""

    tab: Tab
    columns: tuple[Column, ...]
    key: Callable[[Any], str]
    ask: Ask
    empty: str
    """Sentence for an empty tab."""
    needs_client: bool = False
    wrong: str = ""
    """Description of the filter for wrong rows; empty where nothing can be wrong."""


LOGS = Tab("logs", "Logs", "Logs")

KINDS: Mapping[str, TabKind] = {
    "users": TabKind(
        Tab("users", "Users & OAuth", "Users & OAuth"),
        USER_COLUMNS,
        lambda user: f"user:{user.user_id}",
        lambda accounts, account, after, wrong: accounts.users(account, after=after, limit=PAGE, only_wrong=wrong),
        "no user, no token and no connection is known for this account",
        wrong="users whose credentials or connection are wrong",
    ),
    "agents": TabKind(
        Tab("agents", "Agents", "Agents & resolution"),
        AGENT_COLUMNS,
        lambda agent: f"agent:{agent.agent_id}",
        lambda accounts, account, after, wrong: accounts.agents(account, after=after, limit=PAGE, only_wrong=wrong),
        "the client database holds no Zillow agent of this account",
        needs_client=True,
        wrong="agents that are INFERRED or UNMATCHED although their user holds a valid token",
    ),
    "connections": TabKind(
        Tab("connections", "Connections", "Connections (sync)"),
        CONNECTION_COLUMNS,
        lambda one: f"connection:{one.sync_user_id}",
        lambda accounts, account, after, wrong: accounts.connections(
            account, after=after, limit=PAGE, only_wrong=wrong
        ),
        "this account has no sync connection",
        wrong="connections with a problem, or disabled",
    ),
    "deals": TabKind(
        Tab("deals", "Deals", "Deals"),
        DEAL_COLUMNS,
        lambda deal: f"deal:{deal.deal_id}",
        lambda accounts, account, after, wrong: accounts.deals(account, after=after, limit=PAGE, only_unsynced=wrong),
        "the client database holds no deal of this account",
        needs_client=True,
        wrong="deals that have not synced",
    ),
    "history": TabKind(
        Tab("history", "History", "History of resolutions"),
        HISTORY_COLUMNS,
        lambda entry: f"change:{entry.id}",
        lambda accounts, account, after, _wrong: accounts.history(account, after=after, limit=PAGE),
        "no change of a resolution is recorded for this account",
    ),
}

ORDER = ("users", "agents", "connections", "deals", "logs", "history")

TABS: tuple[Tab, ...] = tuple(KINDS[name].tab if name in KINDS else LOGS for name in ORDER)

WITHOUT_CLIENT = (
    "Users & OAuth, connections, logs and history do not live in the client database: their tabs go on working."
)


@dataclass(slots=True)
class TabState:
    """Everything one tab knows: rows read so far, how they were read, and where the reader stood."""

    kind: TabKind
    live_key: str = ""
    """Key of the live reading of its first page; empty before the tab was opened."""
    reading: Reading[Page[Any]] | None = None
    items: dict[str, Any] = field(default_factory=dict)
    """Rows by key, in the order of the source."""
    pages: list[tuple[Evidence, ...]] = field(default_factory=list)
    page_of: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    after: str | None = None
    total: int | None = None
    asking_more: bool = False
    more_failure: str = ""
    only_wrong: bool = False
    filter_text: str = ""
    cursor_key: str | None = None
    top: int = 0
    _drawn: dict[str, tuple[Any, Row]] = field(default_factory=dict)
    _drawn_for: tuple[int, date] | None = None
    _layout: Layout = ()

    # ---- answers

    def start_over(self, live_key: str) -> None:
        """Another question: what was read belongs to the one before."""
        self.live_key = live_key
        self.reading, self.after, self.total = None, None, None
        self.items, self.pages, self.page_of, self.notes = {}, [], {}, []
        self.asking_more, self.more_failure = False, ""
        self.cursor_key, self.top = None, 0
        self._drawn.clear()

    def take(self, reading: Reading[Page[Any]]) -> bool:
        """Take the newest first page; False when it is older than the one held."""
        held = self.reading
        if held is not None and reading.sequence < held.sequence:
            return False
        same_page = held is not None and held.value is reading.value
        self.reading = reading
        if reading.value is not None and not same_page:
            self._take_first(reading.value)
        return True

    def _take_first(self, page: Page[Any]) -> None:
        """Put a first page over the rows read before; rows of later pages stay behind it."""
        fresh = {self.kind.key(item): item for item in page.rows}
        before = list(self.items)
        anchor = next((key for key in reversed(list(fresh)) if key in self.items), None)
        behind = before[before.index(anchor) + 1 :] if anchor is not None and len(self.pages) > 1 else []
        kept = {key: self.items[key] for key in behind if key not in fresh}
        self.items = {**fresh, **kept}
        if not kept:
            self.after, self.pages, self.notes = page.after, [], []
            self.page_of = {}
        self.pages[:1] = [page.evidence]
        self.page_of.update(dict.fromkeys(fresh, 0))
        self.total = page.total
        self.notes = [*page.notes, *(note for note in self.notes if note not in page.notes)]

    def add(self, page: Page[Any]) -> None:
        """Take a further page."""
        self.asking_more, self.more_failure = False, ""
        for item in page.rows:
            key = self.kind.key(item)
            self.items[key] = item
            self.page_of[key] = len(self.pages)
        self.pages.append(page.evidence)
        self.notes += [note for note in page.notes if note not in self.notes]
        self.after = page.after
        self.total = page.total if page.total is not None else self.total

    def evidence_of(self, key: str | None) -> tuple[Evidence, ...]:
        """Evidence of the page on which a row was read; of the first one for any other key."""
        place = self.page_of.get(key or "", 0)
        return self.pages[place] if place < len(self.pages) else ()

    # ---- words

    @property
    def is_answered(self) -> bool:
        """True once there is something to show, even if it is old."""
        return self.reading is not None and self.reading.value is not None

    def amount(self) -> str:
        """How much of the list has been read."""
        if not self.is_answered:
            return ""
        read = len(self.items)
        if self.after is None:
            return f"all {read:,}" if read else "none"
        return f"{read:,} of ~{self.total:,}" if self.total is not None else f"{read:,} and more"

    def status(self, now: datetime) -> tuple[str, Tone]:
        """For the end of the tab bar: how much, how old."""
        reading = self.reading
        if reading is None or str(reading.freshness) == "loading":
            return "asking…", ""
        if reading.value is None:
            return "failed", "warn"
        age = wording.aged(reading, now)
        wrong = "only wrong · " if self.only_wrong else ""
        if wording.is_stale(reading):
            return f"{wrong}{self.amount()} · stale {age}", "warn"
        return f"{wrong}{self.amount()} · {age}", ""

    # ---- rows

    def heading(self, width: int, glyphs: Glyphs) -> Row:
        self._prepare(width, None)
        return heading(self._layout, glyphs)

    def _prepare(self, width: int, day: date | None) -> None:
        wanted = (width, day or (self._drawn_for[1] if self._drawn_for else date.min))
        if wanted != self._drawn_for:
            self._drawn_for = wanted
            self._drawn.clear()
            self._layout = lay_out(self.kind.columns, width)

    def rows(self, *, width: int, now: datetime, glyphs: Glyphs, lead: Sequence[Row] = ()) -> list[Row]:
        """State, notes, what leads further, the rows themselves, and what lies beyond them."""
        self._prepare(width, now.date())
        rows = [*self._state_rows(width, glyphs, now)]
        if not self.is_answered:
            return rows
        rows += lead
        for place, note in enumerate(self.notes):
            lines = wrap(glyphs.text(note), width - 2, most=2)
            rows += [
                row(
                    f"{glyphs.warned} " if not number else "  ",
                    (line, "warn"),
                    key=f"note:{place}" if not number else None,
                )
                for number, line in enumerate(lines)
            ]
        shown = self._item_rows(glyphs, now)
        if self.reading is not None and wording.is_stale(self.reading):
            # What is old turns dim, and keeps its words.
            shown = [row((item.text, "muted"), key=item.key) for item in shown]
        rows += shown or [row((glyphs.text(self._empty_words()), "muted"), key="empty")]
        return rows + self._tail_rows(width, glyphs)

    def _item_rows(self, glyphs: Glyphs, now: datetime) -> list[Row]:
        rows: list[Row] = []
        wanted = self.filter_text.lower()
        for key, item in self.items.items():
            drawn = self._drawn.get(key)
            if drawn is None or drawn[0] is not item:
                drawn = (item, item_row(item, self._layout, key=key, glyphs=glyphs, now=now))
                self._drawn[key] = drawn
            if not wanted or wanted in searchable(item, drawn[1]):
                rows.append(drawn[1])
        return rows

    def _empty_words(self) -> str:
        if self.filter_text:
            return f"no row that has been read holds {self.filter_text!r}; esc takes the filter away"
        if self.only_wrong:
            return f"nothing here: no {self.kind.wrong}; s shows all rows again"
        return self.kind.empty

    def _state_rows(self, width: int, glyphs: Glyphs, now: datetime) -> list[Row]:
        reading = self.reading
        if reading is None or (reading.value is None and str(reading.freshness) == "loading"):
            return [row((f"{glyphs.waiting} asking; nothing has answered yet", "muted"), key="state")]
        if reading.value is None:
            head = f"{glyphs.unreachable} not loaded: {reading.failure or 'no answer'}"
            rows = [row((line, "warn"), key="state" if not n else None) for n, line in enumerate(wrap(head, width))]
            for text in (reading.remedy, WITHOUT_CLIENT if self.kind.needs_client else ""):
                if text:
                    rows += [BLANK, *(row((line, "muted")) for line in wrap(glyphs.text(text), width))]
            return rows
        if wording.is_stale(reading):
            age = wording.aged(reading, now)
            text = f"{glyphs.warned} stale: asked {age} ago, and since then {reading.failure or 'no newer answer'}"
            return [
                row((line, "warn"), key="state" if not n else None) for n, line in enumerate(wrap(text, width, most=2))
            ]
        return []

    def _tail_rows(self, width: int, glyphs: Glyphs) -> list[Row]:
        if self.after is None:
            return []
        tone: Tone = "muted"
        if self.asking_more:
            words = f"{glyphs.waiting} more: asking for the next {PAGE}"
        elif self.more_failure:
            words, tone = f"{glyphs.waiting} more could not be read: {self.more_failure}; enter asks again", "warn"
        else:
            words = f"{glyphs.waiting} more: {self.amount()} read; enter reads on"
        return [row((fit(glyphs.text(words), width), tone), key="more")]


def searchable(item: Any, drawn: Row) -> str:  # noqa: ANN401  # any row model
    """Everything that a row says, also what its columns have no room for, in lower case."""
    values = (str(value) for value in item.model_dump().values() if isinstance(value, str | int))
    return f"{drawn.text} {' '.join(values)}".lower()
