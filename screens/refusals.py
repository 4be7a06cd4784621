"""Refusals in full: which rule fired, what is accepted, how to check access, where else to look, whom to call."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.message import Message

from diagnostics.core.document import Heading, Text
from diagnostics.core.words import plural
from diagnostics.sources.document import doctor_blocks
from diagnostics.triage.document import refusal_document
from screens import addresses
from screens.list_screen import ListScreen
from widgets.footer_bar import Hint
from widgets.row import BLANK, Piece, Row, fit, plain, row, wrap, wrapped
from widgets.rows.document import document_rows

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.core.waiting import Job
    from diagnostics.models.doctor import DoctorLine
    from diagnostics.models.triage import Refusal
    from diagnostics.service import Diagnostics
    from diagnostics.triage.refusals import RefusalCondition
    from widgets.row import Tone

NAMED = re.compile(r"warroom (triage|guide|doctor)\b([^;]*)")
OPTION = re.compile(r"--(issue|severity|account-id|deal-id)[ =](\S+)")
STARTS_WITH = re.compile(r"^(\w+)(?: --severity (\w+)|:|$)")


class DoctorSaid(Message, bubble=False):
    """One line of the access check. Posted from its thread."""

    def __init__(self, run: int, line: DoctorLine) -> None:
        super().__init__()
        self.run = run
        self.line = line


def console_line(text: str, issues: Sequence[str] = ()) -> str:
    """The `:` line of what a sentence names: a command of ours, or an issue type of the matrix; empty without one."""
    named = NAMED.search(text)
    if named is None:
        start = STARTS_WITH.match(text)
        if start is None or start.group(1) not in issues:
            return ""
        return " ".join(("triage", start.group(1), start.group(2) or "")).strip()
    verb, rest = named.groups()
    if verb == "guide":
        words = rest.replace(".", " ").split()
        return f"guide {words[0]}" if words else ""
    if verb == "doctor":
        return "doctor"
    given = {name: value.rstrip(".,") for name, value in OPTION.findall(rest)}
    if "issue" not in given:
        return ""
    words = ["triage", given["issue"], given.get("severity", "")]
    words += [f"{name}={given[f'{name}-id']}" for name in ("account", "deal") if f"{name}-id" in given]
    return " ".join(word for word in words if word)


class GuidanceScreen(ListScreen):
    """Rows of guidance: steps that can be opened, and the access check written out below them, line by line."""

    margin = 5
    footer_keys: ClassVar[tuple[Hint, ...]] = (
        Hint("enter", "open"),
        Hint("x", "check access"),
        Hint("n", "escalate to people"),
        Hint("y", "copy"),
        Hint("esc", "back"),
        Hint("?", "help"),
    )

    def __init__(self) -> None:
        super().__init__()
        self.doctor: list[DoctorLine] = []
        self.check_state = ""
        """How the access check stands; empty before it was asked for."""
        self.opens: dict[str, Callable[[], object]] = {}
        """Action by key of the row."""
        self._run = 0
        self._items = 0

    def read(self) -> None:
        """Rows can be opened once the catalogue is known."""
        self.draw()

    # ---- said by the screens

    def upper_rows(self, width: int) -> list[Row]:
        """Rows above the access check."""
        raise NotImplementedError

    def channel_text(self) -> str:
        """Text for the clipboard and the channel."""
        raise NotImplementedError

    def escalate(self) -> None:
        """Begin to tell people."""
        raise NotImplementedError

    # ---- drawing

    def rows(self, width: int) -> list[Row]:
        """Everything, each line with a key, so that the arrows walk through all of the text."""
        self.opens, self._items = {}, 0
        rows = self.upper_rows(width)
        rows += self.access_rows(width)
        return [item if item.key else Row(item.pieces, f"line:{at}") for at, item in enumerate(rows)]

    def section(self, title: str) -> list[Row]:
        """Rows of one section under its heading."""
        return [BLANK, row((self.host.glyphs.text(title), "title"))]

    def item(self, text: str, width: int, opens: Callable[[], object] | None = None, tone: Tone = "") -> list[Row]:
        """One step; with `opens` it says that Enter goes there."""
        glyphs = self.host.glyphs
        self._items += 1
        key = f"item:{self._items}"
        space = width - 4 - (8 if opens is not None else 0)
        lines = wrap(glyphs.text(text), space)
        mark = Piece(fit(f" {glyphs.step}", 4), "accent" if opens is not None else "muted")
        tail = (("   enter", "key"),) if opens is not None else ()
        if opens is not None:
            self.opens[key] = opens
        first = row(mark, (fit(lines[0], space) if tail else lines[0], tone), *tail, key=key)
        return [first, *(row("    ", (line, tone)) for line in lines[1:])]

    def goes(self, line: str) -> Callable[[], object] | None:
        """Action that runs one `:` line; the access check stays on this screen."""
        if not line:
            return None
        return self.act_run if line == "doctor" else partial(self.host.command, line)

    def access_rows(self, width: int) -> list[Row]:
        """The access check: how to run it, or what it has said so far."""
        glyphs = self.host.glyphs
        rows = self.section(f"access check{f' {glyphs.separator} {self.check_state}' if self.check_state else ''}")
        if not self.check_state:
            rows += self.item("Test every source from here, line by line: x.", width, self.act_run)
        rows += document_rows(doctor_blocks(self.doctor, within=True), width, glyphs)
        return rows

    # ---- the access check

    def act_run(self) -> None:
        """Run the access check in this screen."""
        service = self.host.service
        if service is None:
            self.host.say("the sources are still opening; try again in a moment", "warn")
            return
        run = self._run + 1
        if not self.start_job(partial(self._examine, service, run), self._examined, doing="access check"):
            return
        self._run, self.doctor, self.check_state = run, [], "running"
        self.draw()
        self.call_after_refresh(self._show_end)

    def _examine(self, service: Diagnostics, run: int, job: Job) -> bool:
        """Whether it came to its end. In the asking thread: each line is shown as it is found out."""
        for number, line in enumerate(service.doctor(), 1):
            if job.is_over:
                return False
            job.report(number, None, "lines")
            if self.is_attached:
                self.post_message(DoctorSaid(run, line))
        return True

    @on(DoctorSaid)
    def doctor_said(self, message: DoctorSaid) -> None:
        """One more line; those of a run that was ended are dropped."""
        if message.run != self._run:
            return
        self.doctor.append(message.line)
        self.draw()
        self._show_end()

    def _show_end(self) -> None:
        if self.check_state == "running":
            self.body.scroll_end(animate=False)

    def _examined(self, complete: bool) -> None:
        # The lines were posted before the answer, so they have arrived.
        bad = sum(str(line.status) in {"fail", "unreachable"} for line in self.doctor)
        amount = plural(len(self.doctor), "line")
        said = f"{amount}, {bad} to fix" if bad else f"{amount}, nothing to fix"
        self.check_state = said if complete else f"ended because you asked for it, after {amount}"
        self.draw()
        self.host.say(f"access check: {self.check_state}", "warn" if bad else "")

    # ---- keys

    def act_open(self) -> None:
        """Where the line under the cursor leads."""
        opens = self.opens.get(self.body.cursor_key or "")
        if opens is None:
            self.host.say("x checks access, n escalates to people", "muted")
            return
        opens()

    def act_notify(self) -> None:
        """Escalate to people."""
        self.escalate()

    def act_copy(self) -> None:
        """A text for the channel."""
        self.host.copy(self.channel_text())

    def act_plain(self) -> None:
        """Everything as plain text that the terminal itself can select."""
        text = f"{self.channel_text()}\n\n{plain(self.rows(100))}"
        self.draw()
        self.open_plain(text)

    def act_why(self) -> None:
        """Nothing more to show: the evidence stands in the refusal."""
        self.host.say("what was asked of each source stands with its finding; x asks every source again", "muted")

    def declare_by_hand(self) -> None:
        """Where no issue of the matrix fits, a person says what it is."""
        self.host.navigate(addresses.DeclareAt())


class RefusalScreen(GuidanceScreen):
    """One refusal."""

    answers = "Why does the console not answer this, and what do I do instead?"

    def __init__(self, refusal: Refusal) -> None:
        super().__init__()
        self.refusal = refusal

    def crumb(self) -> str:
        """The word for the breadcrumbs."""
        return "refused"

    def issue_in_view(self) -> tuple[str, str] | None:
        """The issue that was asked about, where the matrix knows it."""
        catalogue = self.host.catalogue
        known = catalogue is not None and self.refusal.issue_type in catalogue.issues
        return (self.refusal.issue_type, self.refusal.severity or "") if known else None

    def heading(self) -> str:
        """The question that was refused."""
        asked = self.refusal.issue_type.replace("_", " ") or "a question"
        return f"refused {self.host.glyphs.separator} {asked}"

    def upper_rows(self, width: int) -> list[Row]:
        """Rule, what was missing, what may have been meant, what is accepted, steps, another way, whom to call."""
        refusal, glyphs = self.refusal, self.host.glyphs
        catalogue = self.host.catalogue
        issues = tuple(catalogue.issues) if catalogue is not None else ()
        rule = str(refusal.rule).replace("_", " ")
        rows = [row(("refused", "warn"), (f"  {rule}", "title"), (f"   {refusal.taken_at:%H:%M:%S} UTC", "muted"))]
        for block in refusal_document(refusal).blocks:
            match block:
                case Text(text, tone, indent=indent) if indent:
                    rows += self.item(text, width, self.goes(console_line(text, issues)), tone)
                case Heading("whom to call"):
                    rows += self._another_way(catalogue, width) if catalogue is not None else []
                    rows += document_rows([block], width, glyphs)
                case Text(text) if text == refusal.contact:
                    rows += document_rows([block], width, glyphs)
                    said = "Escalate to people: n. Nothing is sent before you have seen and typed it."
                    rows += self.item(said, width, self.escalate)
                case _:
                    rows += document_rows([block], width, glyphs)
        return rows

    def _another_way(self, catalogue: Catalogue, width: int) -> list[Row]:
        issue = catalogue.issues.get(self.refusal.issue_type)
        if issue is None:
            return []
        query = catalogue.queries[issue.query].datadog
        rows = self.section("another way to investigate")
        rows += self.item(f"The log explorer: {query}", width, self.goes(f"logs {query}"))
        rows += self.item(
            f"The steps by hand: guide immediate-actions, {issue.title}", width, self.goes("guide immediate-actions")
        )
        rows += self.item(
            "Level 3: open investigations, past incidents, what threatens", width, self.goes("level investigate")
        )
        return rows

    def channel_text(self) -> str:
        """For the team's channel: what was asked, why there is no answer, what was tried."""
        refusal = self.refusal
        asked = " ".join(part for part in (refusal.issue_type, refusal.severity or "") if part)
        lines = [
            f"The war room console refused: {str(refusal.rule).replace('_', ' ')} ({refusal.taken_at:%H:%M} UTC).",
            f"Asked: {asked or 'nothing that it knows'}",
            f"Why: {refusal.missing}",
        ]
        lines += [f"May be meant: {'; '.join(refusal.candidates)}"] if refusal.candidates else []
        lines += [f"{one.title}: {one.summary}" for one in refusal.findings]
        silent = [f"{one.source}, {one.subject}: {one.detail}" for one in self.doctor if str(one.status) != "pass"]
        lines += [f"Access check: {'; '.join(silent)}"] if silent else []
        return "\n".join([*lines, "Who can say more?", refusal.contact])

    def escalate(self) -> None:
        """A first notice with issue and severity as far as the matrix knows them, else a declaration by hand."""
        catalogue = self.host.catalogue
        issue = catalogue.issues.get(self.refusal.issue_type) if catalogue is not None else None
        if issue is None:
            self.declare_by_hand()
            return
        given = self.refusal.severity
        severity = given if given in issue.severities else None
        self.host.navigate(addresses.RespondAt(issue_type=issue.name, severity=severity))


class RefusalsScreen(GuidanceScreen):
    """The six conditions under which the console answers with guidance instead of a guess."""

    answers = "When does the console hand over, and what must be ready before?"

    def crumb(self) -> str:
        """The word for the breadcrumbs."""
        return "refusals"

    def place(self) -> str:
        """The line that opens it again."""
        return "refusals"

    def heading(self) -> str:
        return f"refusals {self.host.glyphs.separator} the six conditions"

    def upper_rows(self, width: int) -> list[Row]:
        """Each condition with when it fires, what is accepted and what to do."""
        catalogue, glyphs = self.host.catalogue, self.host.glyphs
        if catalogue is None:
            return [row(("the catalogue is still being read", "muted"))]
        said = "The console never guesses. It refuses under six conditions, and always says what would be accepted."
        rows = wrapped(glyphs.text(said), width, "strong")
        issues = tuple(catalogue.issues)
        for number, condition in enumerate(_conditions(catalogue), 1):
            rows += [BLANK, row((f"{number} ", "muted"), (str(condition.rule).replace("_", " "), "title"))]
            rows += [row("  ", (line, "")) for line in wrap(glyphs.text(condition.when), width - 2)]
            rows.append(row(("  accepted", "muted")))
            for text in condition.accepted:
                rows += self.item(text, width, self.goes(console_line(text, issues)))
            rows.append(row(("  what to do", "muted")))
            for text in condition.guidance:
                rows += self.item(text, width, self.goes(console_line(text)))
        rows += self.section("whom to call")
        contact = catalogue.contact
        rows += wrapped(glyphs.text(contact.line()), width, "accent")
        rows += wrapped(glyphs.text(contact.escalation), width)
        return rows

    def channel_text(self) -> str:
        """The conditions as text."""
        catalogue = self.host.catalogue
        if catalogue is None:
            return ""
        return "\n".join(f"{str(one.rule).replace('_', ' ')}: {one.when}" for one in _conditions(catalogue))

    def escalate(self) -> None:
        """Declare by hand."""
        self.declare_by_hand()


def _conditions(catalogue: Catalogue) -> tuple[RefusalCondition, ...]:
    from diagnostics.triage.refusals import Refusals  # noqa: PLC0415  # after the first paint

    return Refusals(catalogue).conditions()
