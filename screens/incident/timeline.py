"""The journal of one incident, newest first: read page by page, filtered, corrected by new entries, followed live."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.widget import Widget

from diagnostics.core.failures import SourceFailure
from diagnostics.core.time import utc_now
from diagnostics.core.words import plural
from diagnostics.incident.document import entry_document, evidence_of_entry
from screens.base import ReadingArrived
from screens.incident.base import READING_AGAIN
from screens.incident.writer import IncidentWriter
from screens.list_screen import FilteredScreen
from widgets.footer_bar import Hint
from widgets.paged_rows import PagedRows
from widgets.row import Row, row
from widgets.row_filter import RowFilter
from widgets.rows.timeline import TimelineFilter, corrections, timeline_filter, timeline_row

if TYPE_CHECKING:
    from diagnostics.core.waiting import Job
    from diagnostics.incident.incidents import IncidentService
    from diagnostics.models.figures import Page
    from diagnostics.models.incidents import Incident, TimelineLine
    from diagnostics.models.readings import Reading

PAGE = 100
"""Entries read at a time."""

SEARCHED = 500
"""Entries read at a time while a filter looks for some."""

ENOUGH = 100
"""A search through older entries stops at so many that fit, until it is asked to go on."""


class TimelineScreen(FilteredScreen):
    """Entries as they stand in the journal. Nothing is ever changed here: a correction is an entry beside the first."""

    answers = "What happened in this incident, when, and who did it?"

    has_header = True
    ends_blank = False
    footer_keys: ClassVar[tuple[Hint, ...]] = (
        Hint("enter", "open"),
        Hint("/", "filter"),
        Hint("N", "note"),
        Hint("u", "correct"),
        Hint("m", "pin"),
        Hint("w", "why"),
        Hint("O", "older"),
        Hint("y", "copy"),
        Hint("esc", "back"),
        Hint("?", "help"),
    )

    def __init__(self, incident_id: str) -> None:
        super().__init__()
        self.incident_id = incident_id
        self.lines: dict[int, TimelineLine] = {}
        """Entries read so far, by number; newest first."""
        self.after: int | None = None
        """Entries before this one have not been read; None when the first one has been."""
        self.failure = ""
        self._asking = False
        self._journal_seq = 0
        self._built: dict[int, tuple[tuple[object, ...], Row]] = {}

    # ---- construction

    def panes(self) -> Iterable[Widget]:
        """Entries that say when their end is near, and the filter's line."""
        yield PagedRows(glyphs=self.host.glyphs, id="screen-body")
        yield RowFilter(glyphs=self.host.glyphs)

    def read(self) -> None:
        """Ask for the newest page."""
        self.ask_page(None)

    @property
    def _incidents(self) -> IncidentService:
        service = self.host.service
        assert service is not None  # noqa: S101  # nothing is asked before the sources are open
        return service.incidents

    def crumb(self) -> str:
        """The word for the breadcrumbs."""
        return f"{self.incident_id} timeline"

    def place(self) -> str:
        """The line that opens it again."""
        return f"timeline {self.incident_id}"

    def memory(self) -> dict[str, object]:
        return {"filter": self.filter_text}

    def recall(self, memory: Mapping[str, object]) -> None:
        text = memory.get("filter")
        if isinstance(text, str):
            self.set_filter(text)

    # ---- pages

    def ask_page(self, before: int | None) -> None:
        """Read the entries before this one; None reads the newest."""
        if self._asking or self.host.service is None:
            return
        self._asking = True
        incidents, incident = self._incidents, self.incident_id
        self.host.ask(
            lambda: incidents.timeline(incident, before, PAGE),
            self._page_arrived,
            doing=f"reading the timeline of {incident}",
            failed=self._failed,
        )
        self.draw_title()

    def _page_arrived(self, page: Page[TimelineLine]) -> None:
        self._asking, self.failure = False, ""
        self._take(page)
        self.after = _after(page)
        self.draw()

    def _take(self, page: Page[TimelineLine]) -> int:
        """Keep what is new, newest first; how many there were."""
        fresh = {line.seq: line for line in page.rows if line.seq not in self.lines}
        if fresh and self.lines and min(fresh) > max(self.lines):
            self.lines = fresh | self.lines
        elif fresh:
            merged = fresh | self.lines
            self.lines = {seq: merged[seq] for seq in sorted(merged, reverse=True)}
        return len(fresh)

    def _failed(self) -> None:
        self._asking = False
        self.failure = "not read; r asks again"
        self.draw()

    @on(PagedRows.EndNear)
    def end_near(self) -> None:
        """The next page is read before the cursor comes to the end."""
        if self.after is not None and self.filter_text == "":
            self.ask_page(self.after)

    @on(PagedRows.Beyond)
    def beyond(self, message: PagedRows.Beyond) -> None:
        """Down past the last row."""
        if message.down and self.after is not None:
            self.act_older()

    # ---- what other consoles write

    @on(ReadingArrived)
    def take_reading(self, message: ReadingArrived) -> None:
        """The journal has moved on: look whether this incident has, and read what is new."""
        reading = message.reading
        if reading.key == "incident" and reading.value is not None:
            self._journal_moved(reading)

    def _journal_moved(self, reading: Reading[Any]) -> None:
        following = reading.value
        if following is None or following.seq == self._journal_seq or self.host.service is None or not self.lines:
            return
        self._journal_seq = following.seq
        mine: Incident | None = following.incident
        newest = max(self.lines)
        if mine is not None and mine.id == self.incident_id and mine.last_seq <= newest:
            return
        self._catch_up(newest)

    def _catch_up(self, newest: int) -> None:
        incidents, incident = self._incidents, self.incident_id

        def work() -> list[Page[TimelineLine]] | None:
            try:
                return _newer(incidents, incident, newest)
            except SourceFailure:
                # The header says that the journal cannot be read; the next look at it tries again.
                return None

        self.host.quietly(work, self._newer_arrived)

    def _newer_arrived(self, pages: list[Page[TimelineLine]] | None) -> None:
        if pages is None:
            self._journal_seq = 0
            return
        self.failure = ""
        if sum(self._take(page) for page in pages):
            self.draw()

    # ---- the filter

    @property
    def filter(self) -> TimelineFilter:
        """The filter, parsed."""
        return timeline_filter(self.filter_text)

    def act_filter(self) -> None:
        """Type words, kind:noted, by:cl.nolen."""
        super().act_filter()
        self.host.say("words that an entry must hold; kind:noted and by:NAME choose kinds and people", "muted")

    def set_filter(self, text: str) -> None:
        """Show only what fits, and look for it in what has not been read yet."""
        super().set_filter(text)
        if self.filter_text and self.after is not None and len(self._shown()) < ENOUGH:
            self._search()

    def _search(self) -> None:
        """Read older entries until enough fit; esc ends it."""
        before = self.after
        if before is None or self.host.service is None:
            return
        work = partial(_search_older, self._incidents, self.incident_id, before, self.filter)
        self.start_job(work, self._found, doing=f"looking through {self.incident_id}")
        self.draw_title()

    def _found(self, pages: list[Page[TimelineLine]]) -> None:
        for page in pages:
            self._take(page)
        if pages:
            self.after = _after(pages[-1])
        self.draw()

    # ---- drawing

    def tick(self) -> None:
        """Times of yesterday look different today."""
        self.draw()

    def _shown(self) -> list[TimelineLine]:
        chosen, said = self.filter, corrections(tuple(self.lines.values()))
        if chosen.is_empty:
            return list(self.lines.values())
        return [line for line in self.lines.values() if chosen.keeps(line, said.get(line.seq, ""))]

    def draw(self) -> None:
        """The entries read so far; the view keeps its cursor on the entry it stands on."""
        if not self.is_attached:
            return
        view = self.body
        before, top = view.rows, view.scroll_offset.y
        super().draw()
        rows = view.rows
        if top and before and len(rows) > len(before) and rows[0].key != before[0].key:
            # What is being read stays where it is, although newer entries have come above it.
            added = next((at for at, item in enumerate(rows) if item.key == before[0].key), 0)
            view.scroll_to(y=top + added, animate=False)

    def row_width(self) -> int:
        return max(40, self.body.text_width() - 1)

    def rows(self, width: int) -> list[Row]:
        """The entries that fit, newest first; then what lies further back."""
        glyphs, lines = self.host.glyphs, self._shown()
        said = corrections(tuple(self.lines.values()))
        rows = [self._row(line, width, said.get(line.seq, "")) for line in lines]
        if not rows:
            words = self.failure or ("reading" if self._asking else "no entry fits" if self.filter_text else "no entry")
            rows = [row((glyphs.text(words), "warn" if self.failure else "muted"))]
        if self.after is not None:
            more = "older entries: O looks further" if self.filter_text else "older entries: O reads on"
            rows.append(row((glyphs.text(f"{glyphs.down} {more}"), "accent"), key="older"))
        elif self.failure:
            rows.append(row((glyphs.text(self.failure), "warn")))
        return rows

    def _row(self, line: TimelineLine, width: int, correction: str) -> Row:
        today = utc_now()
        state = (width, correction, today.date(), self.host.glyphs.ascii_only)
        held = self._built.get(line.seq)
        if held is None or held[0] != state:
            built = timeline_row(line, width=width, now=today, glyphs=self.host.glyphs, correction=correction)
            held = self._built[line.seq] = (state, built)
        return held[1]

    def heading(self) -> str:
        """How much has been read, and how much of it fits."""
        more = "" if self.after is None else " and older ones"
        amount = f"{plural(len(self.lines), 'entry', 'entries')} read{more}"
        if self.filter_text:
            amount = f"{len(self._shown()):,} of {len(self.lines):,} read fit {self.filter_text!r}{more}"
        state = self.failure or ("reading" if self._asking and not self.lines else amount)
        return f"{self.incident_id} timeline {self.host.glyphs.separator} {state}"

    # ---- keys

    def _current(self) -> TimelineLine | None:
        kind, number = self.key_under_cursor()
        return self.lines.get(int(number)) if kind == "entry" else None

    def _with_entry(self, use: Callable[[TimelineLine], object]) -> None:
        line = self._current()
        if line is None:
            self.host.say("put the cursor on an entry first", "muted")
            return
        use(line)

    def act_open(self) -> None:
        """The entry in full, or older ones."""
        if self.body.cursor_key == "older":
            self.act_older()
            return
        said = corrections(tuple(self.lines.values()))
        self._with_entry(lambda line: self.host.open_document(entry_document(line, said.get(line.seq, ""))))

    def act_older(self) -> None:
        """The next page; with a filter, whatever further back fits."""
        if self.after is None:
            self.host.say("these are all entries", "muted")
        elif self.filter_text:
            self._search()
        else:
            self.ask_page(self.after)

    def act_refresh(self) -> None:
        """Read what is new now."""
        self.host.say(READING_AGAIN)
        if not self.lines:
            self.ask_page(None)
            return
        incidents, incident, newest = self._incidents, self.incident_id, max(self.lines)
        self.host.ask(
            lambda: _newer(incidents, incident, newest),
            self._newer_arrived,
            doing=f"reading what is new in {incident}",
            failed=self._failed,
        )

    def _writer(self) -> IncidentWriter:
        return IncidentWriter(self.host, self._incidents, self.incident_id, self._written)

    def act_new(self) -> None:
        """Type a note."""
        self._writer().note()

    def act_status(self) -> None:
        """Correct the entry under the cursor by a new one."""
        self._with_entry(self._correct)

    def _correct(self, line: TimelineLine) -> None:
        writer = self._writer()
        writer.write_line(
            f"correction of entry {line.seq}",
            "how it really was",
            lambda text: writer.incidents.correct(writer.incident_id, line.seq, text),
            doing="writing the correction",
            explain=(
                f"Entry {line.seq}, {line.at:%H:%M:%S} UTC, by {line.actor}: {line.text}",
                "It stays as it is; the correction is an entry of its own, and is shown beside it.",
            ),
        )

    def act_pin(self) -> None:
        """Keep the entry under the cursor as evidence of the incident."""
        self._with_entry(self._pin)

    def _pin(self, line: TimelineLine) -> None:
        writer, found = self._writer(), evidence_of_entry(line)
        text = f"entry {line.seq}, {line.at:%Y-%m-%d %H:%M:%S} UTC, by {line.actor}: {line.text}"
        evidence = found[0] if found else None
        writer.write(
            lambda: writer.incidents.pin(writer.incident_id, line.text[:200], text, evidence=evidence),
            lambda after: f"kept as evidence {after.pins[-1].pinned.pin if after.pins else ''} of {after.id}",
            doing="pinning the entry",
        )

    def _written(self, _incident: Incident) -> None:
        """Read on at once, not only when the journal is looked at next."""
        self._catch_up(max(self.lines, default=0))

    def act_why(self) -> None:
        """The question behind the entry's figures, where it has one."""
        self._with_entry(self._why)

    def _why(self, line: TimelineLine) -> None:
        found = evidence_of_entry(line)
        if not found:
            self.host.say("this entry holds no number that was asked for; enter opens it in full", "muted")
            return
        self.open_why((f"entry {line.seq}", line.text, found))

    def act_copy(self) -> None:
        """The entry under the cursor."""
        self._with_entry(lambda line: self.host.copy(f"{line.at:%Y-%m-%d %H:%M:%S} UTC  {line.actor}  {line.text}"))


# ---- in the asking thread


def _after(page: Page[TimelineLine]) -> int | None:
    return int(page.after) if page.after is not None else None


def _newer(incidents: IncidentService, incident: str, newest: int) -> list[Page[TimelineLine]]:
    """Pages from the top until what is known already is reached."""
    pages: list[Page[TimelineLine]] = []
    before: int | None = None
    while True:
        page = incidents.timeline(incident, before, PAGE)
        pages.append(page)
        before = _after(page)
        if before is None or page.rows[-1].seq <= newest + 1:
            return pages


def _search_older(
    incidents: IncidentService, incident: str, before: int, chosen: TimelineFilter, job: Job
) -> list[Page[TimelineLine]]:
    """Older pages until enough entries fit, there are no more, or nobody waits any longer."""
    pages: list[Page[TimelineLine]] = []
    found = read = 0
    at: int | None = before
    while at is not None and found < ENOUGH and not job.is_over:
        page = incidents.timeline(incident, at, SEARCHED)
        pages.append(page)
        found += sum(chosen.keeps(line) for line in page.rows)
        read += len(page.rows)
        job.report(read, None, "entries")
        at = _after(page)
    return pages
