"""One deal: the sentence that says why it does not sync, and every gate, path and change behind that sentence."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from textual import on

from diagnostics.core import document as doc
from diagnostics.core.time import utc_now
from diagnostics.core.words import age
from diagnostics.sync.document import deal_document
from diagnostics.triage.document import finding_document
from screens.addresses import AccountAt
from screens.base import ReadingArrived, Why
from screens.list_screen import ListScreen
from screens.why import why_finding
from widgets import wording
from widgets.footer_bar import Hint
from widgets.line_view import LineView
from widgets.paged_rows import stamp
from widgets.row import BLANK, Row, Tone, plain, row, titled, wrap
from widgets.rows.account import finding_rows
from widgets.rows.deal import PATHS, gate_name, gate_rows, path_rows, strip_row, waiting_rows
from widgets.rows.document import Draw, document_rows

if TYPE_CHECKING:
    from diagnostics.models.deals import AgentPath, DealDiagnosis, DealHeader, Gate
    from diagnostics.models.readings import Reading
    from widgets.glyphs import Glyphs

PIPELINE = ("deal", "property", "agents", "contact", "sync system", "transaction", "mutex")
"""The gates before any has answered, so that the first paint already has the shape of the screen."""

_numbers = itertools.count(1)
"""Each deal screen has a live reading of its own."""


class DealScreen(ListScreen):
    """Conclusion, gates, paths, changes, findings; Enter opens each, Why answers for each."""

    answers = "Why does this deal not sync, and which gate stopped it?"

    DEFAULT_CSS = """
    DealScreen #screen-title { background: $panel; }
    DealScreen:ansi #screen-title { background: ansi_default; }
    """

    has_header = True
    ends_blank = False
    footer_keys = (
        Hint("enter", "open"),
        Hint("w", "why"),
        Hint("r", "diagnose again"),
        Hint("l", "logs of its account"),
        Hint("y", "copy"),
        Hint("esc", "back"),
        Hint("?", "help"),
    )

    def __init__(self, deal_id: int, account_id: int, *, note: str = "") -> None:
        super().__init__()
        self.deal_id = deal_id
        self.account_id = account_id
        self.note = note
        """How the account was found, where nobody named it."""
        self.key = f"deal:{next(_numbers)}"
        self.reading: Reading[DealDiagnosis] | None = None

    def read(self) -> None:
        service, live = self.host.service, self.host.live
        if service is not None and live is not None:
            every_s = service.settings.refresh.checks_s
            live.watch_growing(
                self.key, lambda tell: service.deals.diagnose(self.deal_id, self.account_id, tell), every_s=every_s
            )
            self.host.look_again()

    def on_unmount(self) -> None:
        """Nobody looks at this reading any more."""
        if self.host.live is not None:
            self.host.live.unwatch(self.key)

    def shown_readings(self) -> Iterable[str]:
        yield self.key

    def query_in_view(self) -> str:
        """The log query of its account."""
        service = self.host.service
        return service.accounts.log_query(self.account_id) if service is not None else ""

    def runbook(self) -> str:
        """Guide section for a deal that does not sync."""
        return "transaction_sync"

    def crumb(self) -> str:
        return f"deal {self.deal_id}"

    def place(self) -> str:
        """The line that opens this deal again."""
        return f"deal {self.deal_id} {self.account_id}"

    @on(ReadingArrived)
    def take_reading(self, message: ReadingArrived) -> None:
        """Keep the reading and repaint what it changes."""
        reading = message.reading
        if reading.key == self.key and (self.reading is None or reading.sequence >= self.reading.sequence):
            self.reading = reading
            self.draw()

    # ---- drawing

    def tick(self) -> None:
        self.draw_title()

    def rows(self, width: int) -> list[Row]:
        """How the account was found, and the newest diagnosis, or why there is none."""
        glyphs, reading = self.host.glyphs, self.reading
        note = [row((line, "accent")) for line in wrap(glyphs.text(self.note), width) if self.note]
        if reading is None or reading.value is None:
            return [*note, *self._without_answer(width)]
        stale = wording.is_stale(reading)
        rows = deal_rows(reading.value, width=width, now=utc_now(), glyphs=glyphs, stale=stale)
        if stale:
            text = f"{glyphs.warned} stale: {reading.failure or 'no newer answer'}; what is below is what was known"
            rows = [*(row((line, "warn")) for line in wrap(glyphs.text(text), width, most=2)), *rows]
        return [*note, *rows, BLANK]

    def draw_title(self) -> None:
        """The deal and its account; at the right how old the diagnosis is."""
        glyphs, value, width = self.host.glyphs, self._diagnosis(), self.app.size.width
        parts = [f"deal {self.deal_id}"]
        if value is not None:
            parts += [part for part in (value.header.name, value.header.stage) if part]
        parts.append(f"account {self.account_id}")
        right, tone = self._age()
        right = glyphs.text(f" {right} ")
        left = glyphs.text(titled(self.host.trail(), " · ".join(parts), max(1, width - len(right))))
        self.query_one("#screen-title", LineView).show((row((left, "bar"), (right, tone)),))

    def _diagnosis(self) -> DealDiagnosis | None:
        return self.reading.value if self.reading is not None else None

    def _age(self) -> tuple[str, Tone]:
        reading = self.reading
        if reading is None or (reading.value is None and not reading.failure):
            return "asking…", "bar"
        if reading.value is None:
            return "failed", "warn"
        old = age(reading.value.taken_at, utc_now())
        return (f"stale {old}", "warn") if wording.is_stale(reading) else (old, "bar")

    def _without_answer(self, width: int) -> list[Row]:
        glyphs, reading = self.host.glyphs, self.reading
        if reading is None or not reading.failure:
            words = f"{glyphs.waiting} asking why deal {self.deal_id} does or does not sync; nothing has answered yet"
            return [*(row((line, "muted")) for line in wrap(words, width)), BLANK, *waiting_rows(PIPELINE, glyphs)]
        rows = [row((line, "warn")) for line in wrap(f"{glyphs.unreachable} not diagnosed: {reading.failure}", width)]
        rows += [row((line, "muted")) for line in wrap(glyphs.text(reading.remedy), width) if reading.remedy]
        return [*rows, BLANK, row(("r asks again; esc goes back", "muted"))]

    # ---- keys

    def act_open(self) -> None:
        """One level deeper, whatever is under the cursor."""
        value = self._diagnosis()
        kind, name = self.key_under_cursor()
        if value is None:
            return
        if kind == "gate":
            gate = next((gate for gate in value.gates if gate.id == name), None)
            if gate is not None:
                self.host.open_document(gate_document(gate))
        elif kind == "agent":
            agent = next((agent for agent in value.agents if str(agent.user_id) == name), None)
            if agent is not None:
                self.host.open_document(agent_document(agent))
        elif kind == "finding":
            self.host.open_document(finding_document(value.findings[int(name)]))
        elif kind == "account":
            self.host.navigate(AccountAt(self.account_id))
        else:
            self.act_why()

    def act_why(self) -> None:
        """Evidence behind what is under the cursor."""
        value = self._diagnosis()
        if value is None:
            self.host.say("nothing has answered yet, so there is no evidence to show", "muted")
        else:
            self.open_why(deal_why(value, self.body.cursor_key or ""))

    def act_refresh(self) -> None:
        if self.host.live is not None and self.host.service is not None:
            self.host.service.forget_answers()
            self.host.live.refresh(self.key)
            self.host.say("diagnosing again; the screen keeps what it shows until the answer comes")

    def act_run(self) -> None:
        """Diagnose again."""
        self.act_refresh()

    def act_logs(self) -> None:
        """The log lines of its account."""
        self.host.navigate(AccountAt(self.account_id, tab="logs"))

    def act_plain(self) -> None:
        """Everything as plain text that the terminal itself can select, as it is laid out here."""
        self.open_plain(plain(self.body.rows))


def gate_document(gate: Gate) -> doc.Document:
    """One gate: what was found, what the sync fails with, and every question behind that."""
    found = [doc.Text(gate.summary, "strong"), doc.Fact("fails with", gate.error_code, "code")]
    blocks = [doc.State(gate.status, gate.title), doc.GAP, *found, doc.Asked(gate.evidence)]
    return doc.Document(f"gate · {gate_name(gate)}", blocks)


def agent_document(agent: AgentPath) -> doc.Document:
    """One agent on the deal: each path, what it looks at, what was found."""
    words = {True: "verified by at least one path", False: "NOT verified by any path", None: "not known"}
    tones: dict[bool | None, Tone] = {True: "pass", False: "fail", None: "muted"}
    blocks: list[doc.Block] = [doc.Text(words[agent.is_verified], tones[agent.is_verified]), doc.GAP]
    for name, title, _, looks_at in PATHS:
        found = getattr(agent, name)
        word = "could not be read" if found is None else "yes" if found else "no"
        blocks.append(doc.Fact(title, f"{word}: {looks_at}", width=22))
    blocks += [doc.GAP, doc.Text(agent.note, "warn")] if agent.note else []
    return doc.Document(f"agent · user {agent.user_id} {agent.name}".rstrip(), blocks)


# ---- the diagnosis as rows


def deal_rows(diagnosis: DealDiagnosis, *, width: int, now: datetime, glyphs: Glyphs, stale: bool = False) -> list[Row]:
    """The sentence why, the gates, the paths of every agent, what was configured lately, findings and notes."""
    strip = strip_row(diagnosis.gates, width=width, glyphs=glyphs)
    gates = gate_rows(diagnosis.gates, width=width, glyphs=glyphs, stale=stale)
    changes = [
        doc.Fact(stamp(change.at, now, glyphs), f"{change.what} ({change.source})", key=f"change:{place}")
        for place, change in enumerate(diagnosis.configuration)
    ]
    drawn: dict[str, Sequence[Row]] = {
        "gates": [strip, BLANK, *gates] if strip is not None else gates,
        "agents": path_rows(diagnosis.agents, width=width, glyphs=glyphs) if diagnosis.agents else (),
        "configuration": document_rows(changes, width, glyphs),
        "findings": finding_rows(diagnosis.findings, width=width, glyphs=glyphs, most=4, stale=stale),
    }
    drawings: dict[str, Draw] = {name: partial(_drawn, rows) for name, rows in drawn.items() if rows}
    own = [doc.Heading("the deal itself"), *header_blocks(diagnosis.header, now, glyphs)]
    return document_rows([*deal_document(diagnosis).blocks, *own], width, glyphs, drawings)


def _drawn(rows: Sequence[Row], _width: int, _glyphs: Glyphs) -> Sequence[Row]:
    return rows


def header_blocks(header: DealHeader, now: datetime, glyphs: Glyphs) -> list[doc.Block]:
    """The deal's own row, and the way to its account."""
    account = f"{header.account_id} · {header.account_name}" if header.account_name else str(header.account_id)
    cells = (doc.Cell("account", "muted", doc.LABEL), doc.Cell(account), doc.Cell("   enter", "key"))
    own = (
        ("stage", header.stage),
        ("property", header.property_id),
        ("transaction", header.zillow_transaction_id),
        ("synced", stamp(header.synced_at, now, glyphs) if header.synced_at else "never"),
        ("created", stamp(header.created_at, now, glyphs)),
        ("updated", stamp(header.updated_at, now, glyphs)),
    )
    return [doc.Line(cells, key="account"), *doc.facts(*((label, text or "—") for label, text in own))]


def deal_why(diagnosis: DealDiagnosis, key: str) -> Why:
    """Evidence behind a row of `deal_rows`; behind the whole diagnosis where a row has none of its own."""
    kind, _, name = key.partition(":")
    for gate in diagnosis.gates:
        wanted = "agents" if kind == "agent" else name if kind == "gate" else ""
        if gate.id == wanted:
            code = f" Fails with {gate.error_code}." if gate.error_code else ""
            return gate.title, f"{gate.summary}{code}", gate.evidence
    found = why_finding(diagnosis.findings, key)
    if found is not None:
        return found
    everything = {(item.source, item.query): item for gate in diagnosis.gates for item in gate.evidence}
    everything |= {(item.source, item.query): item for item in diagnosis.evidence}
    return f"deal {diagnosis.header.deal_id}", diagnosis.conclusion.sentence, list(everything.values())
