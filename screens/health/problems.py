"""All connections with a problem, newest or longest-standing first, page by page; Enter goes to the account."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on

from diagnostics.core.time import utc_now
from screens.list_screen import ListScreen
from widgets.line_view import LineView
from widgets.row import BLANK, Row, fit, row
from widgets.rows.connections import problem_row

if TYPE_CHECKING:
    from diagnostics.health.connections import Order
    from diagnostics.models.evidence import Evidence
    from diagnostics.models.figures import Page
    from diagnostics.models.health import ConnectionProblem

PAGE = 100
"""Rows asked for at a time."""

TITLES = {"newest": "connection problems, newest first", "longest": "connection problems, longest-standing first"}


class ProblemsScreen(ListScreen):
    """A list that grows by a page when its end is reached. Rows read stay; asking again starts over."""

    hint_names: ClassVar[tuple[str, ...]] = ("open", "older", "why", "refresh", "copy", "back", "help")
    ends_blank = False

    def __init__(self, order: Order) -> None:
        super().__init__()
        self.order: Order = order
        self.problems: dict[int, ConnectionProblem] = {}
        self.evidence: list[Evidence] = []
        self.notes: list[str] = []
        self.after: str | None = None
        self.failure = ""
        self.asking = False

    def read(self) -> None:
        """Ask for the first page."""
        self.ask_page(None)

    def crumb(self) -> str:
        return f"problems, {self.order}"

    def tick(self) -> None:
        self.draw()

    # ---- pages

    def ask_page(self, after: str | None) -> None:
        """Ask for the rows that follow `after`; None starts over."""
        service = self.host.service
        if self.asking or service is None:
            return
        self.asking = True
        self.host.ask(
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

    def heading(self) -> str:
        """Which problems, and how many have been read."""
        more = " and more" if self.after is not None else ""
        state = self.failure or ("asking" if self.asking else f"{len(self.problems):,}{more}")
        return f"{TITLES[self.order]} · {state}"

    def rows(self, width: int) -> list[Row]:
        """Problems, then what is wrong with their rows."""
        glyphs, now = self.host.glyphs, utc_now()
        rows = [
            problem_row(problem, order=self.order, width=width, now=now, glyphs=glyphs)
            for problem in self.problems.values()
        ]
        if not rows and not self.asking and not self.failure:
            rows.append(row(("no connection has a problem", "muted")))
        if self.notes:
            rows.append(BLANK)
        rows += [row((glyphs.text(fit(note, width)), "muted"), key=f"note:{at}") for at, note in enumerate(self.notes)]
        return rows

    # ---- keys

    def act_open(self) -> None:
        """To the account of the problem under the cursor."""
        kind, name = self.key_under_cursor()
        number = name.rpartition(":")[2]
        problem = self.problems.get(int(number)) if kind == "problem" and number.isdigit() else None
        if problem is not None:
            self.host.navigate(f"account {problem.account_id}")

    def act_older(self) -> None:
        """The next page."""
        if self.after is None:
            self.host.say("these are all", "muted")
            return
        self.ask_page(self.after)

    def act_refresh(self) -> None:
        """From the first page again."""
        if self.host.service is not None:
            self.host.service.forget_answers()
        self.ask_page(None)

    def act_why(self) -> None:
        """The questions behind the pages read so far."""
        summary = f"{len(self.problems):,} connections with a problem have been read"
        self.open_why((TITLES[self.order], summary, self.evidence))
