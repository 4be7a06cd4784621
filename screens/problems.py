"""All connections with a problem, newest or longest-standing first, page by page; Enter goes to the account."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import on
from textual.app import ComposeResult

from diagnostics.core.time import utc_now
from screens import documents
from screens.base import RoomScreen
from widgets.connection_rows import problem_row
from widgets.footer_bar import FooterBar
from widgets.line_view import LineView
from widgets.rows import BLANK, Row, fit, plain, row

if TYPE_CHECKING:
    from diagnostics.models.evidence import Evidence
    from diagnostics.models.figures import Page
    from diagnostics.models.health import ConnectionProblem

PAGE = 100
"""Rows asked for at a time."""

Order = Literal["newest", "longest"]

TITLES = {"newest": "connection problems, newest first", "longest": "connection problems, longest-standing first"}


class ProblemsScreen(RoomScreen):
    """A list that grows by a page when its end is reached. Rows read stay; asking again starts over."""

    DEFAULT_CSS = """
    ProblemsScreen .title { height: 1; scrollbar-size-vertical: 0; }
    ProblemsScreen #problems { height: 1fr; }
    """

    hint_names: ClassVar[tuple[str, ...]] = ("open", "older", "why", "refresh", "copy", "back", "help")

    def __init__(self, order: Order) -> None:
        super().__init__()
        self.order: Order = order
        self.problems: dict[int, ConnectionProblem] = {}
        self.evidence: list[Evidence] = []
        self.notes: list[str] = []
        self.after: str | None = None
        self.failure = ""
        self.asking = False

    def compose(self) -> ComposeResult:
        """Title bar, what is wrong with rows, the rows, keys."""
        signs = self.room.signs
        yield LineView(signs=signs, cursor=False, id="problems-title").add_class("title")
        yield LineView(signs=signs, id="problems")
        yield FooterBar(signs=signs)

    def on_mount(self) -> None:
        """Ask for the first page."""
        self.query_one("#problems", LineView).focus()
        self.query_one(FooterBar).set_hints(self.room.hints())
        self.ask_page(None)

    def on_resize(self) -> None:
        """Rows are laid out for the width."""
        self.draw()

    def crumb(self) -> str:
        """What this is."""
        return f"problems, {self.order}"

    def tick(self) -> None:
        """Ages move on."""
        self.draw()

    # ---- pages

    def ask_page(self, after: str | None) -> None:
        """Ask for the rows that follow `after`; None starts over."""
        service = self.room.service
        if self.asking or service is None:
            return
        self.asking = True
        self.room.ask(
            lambda: service.health.problems(self.order, after, PAGE),
            partial(self._arrived, after),
            doing="asking for connection problems",
            failed=self._failed,
        )

    def _arrived(self, after: str | None, page: Page[ConnectionProblem]) -> None:
        self.asking, self.failure = False, ""
        if after is None:
            self.problems, self.evidence, self.notes = {}, [], []
        self.problems |= {problem.sync_user_id: problem for problem in page.rows}
        self.evidence += page.evidence
        self.notes += [note for note in page.notes if note not in self.notes]
        self.after = page.after
        self.draw()

    def _failed(self) -> None:
        self.asking = False
        self.failure = "no answer; r asks again"
        self.draw()

    @on(LineView.Moved)
    def moved(self, message: LineView.Moved) -> None:
        """The last row brings the next page."""
        keys = [item.key for item in message.view.rows if item.key is not None]
        if keys and message.key == keys[-1] and self.after is not None:
            self.ask_page(self.after)

    # ---- drawing

    def draw(self) -> None:
        """The rows read so far."""
        if not self.is_attached:
            return
        signs, width = self.room.signs, max(20, self.size.width)
        more = " and more" if self.after is not None else ""
        state = self.failure or ("asking" if self.asking else f"{len(self.problems):,}{more}")
        title = signs.text(f" {self.room.trail()}{TITLES[self.order]} · {state}")
        self.query_one("#problems-title", LineView).show((row((fit(title, width), "bar")),))
        self.query_one("#problems", LineView).show(self.rows(width - 4))

    def rows(self, width: int) -> list[Row]:
        """Problems, then what is wrong with their rows."""
        signs, now = self.room.signs, utc_now()
        rows = [
            problem_row(problem, order=self.order, width=width, now=now, signs=signs)
            for problem in self.problems.values()
        ]
        if not rows and not self.asking and not self.failure:
            rows.append(row(("no connection has a problem", "muted")))
        if self.notes:
            rows.append(BLANK)
        rows += [row((signs.text(fit(note, width)), "muted"), key=f"note:{at}") for at, note in enumerate(self.notes)]
        return rows

    # ---- keys

    def _current(self) -> ConnectionProblem | None:
        kind, _, rest = (self.query_one("#problems", LineView).cursor_key or "").partition(":")
        number = rest.rpartition(":")[2]
        return self.problems.get(int(number)) if kind == "problem" and number.isdigit() else None

    def act_open(self) -> None:
        """To the account of the problem under the cursor."""
        problem = self._current()
        if problem is not None:
            self.room.command(f"account {problem.account_id}")

    def act_older(self) -> None:
        """The next page."""
        if self.after is None:
            self.room.say("these are all", "muted")
            return
        self.ask_page(self.after)

    def act_refresh(self) -> None:
        """From the first page again."""
        if self.room.service is not None:
            self.room.service.forget_answers()
        self.ask_page(None)

    def act_why(self) -> None:
        """The questions behind the pages read so far."""
        summary = f"{len(self.problems):,} connections with a problem have been read"
        document = documents.evidence_document(TITLES[self.order], summary, self.evidence, self.room.signs)
        self.room.open_document(document)

    def act_copy(self) -> None:
        """The row under the cursor."""
        current = self.query_one("#problems", LineView).current
        if current is not None:
            self.room.copy(current.text.strip())

    def act_plain(self) -> None:
        """Everything read, as plain text."""
        self.room.open_document(
            documents.text_document("plain text, to select", plain(self.rows(100)), self.room.signs)
        )
