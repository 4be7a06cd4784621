"""All connections with a problem, newest or longest-standing first, page by page; Enter goes to the account.

A table: sorted and grouped are the rows that have been read, and the title says whether there are more.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on

from diagnostics.core.words import plural
from screens.table_screen import TABLE_KEYS, TableScreen
from widgets.footer_bar import Hint
from widgets.paged_rows import PagedRows
from widgets.rows.connections import PROBLEM_COLUMNS

if TYPE_CHECKING:
    from diagnostics.health.connections import Order
    from diagnostics.models.evidence import Evidence
    from diagnostics.models.figures import Page
    from diagnostics.models.health import ConnectionProblem

PAGE = 100
"""Rows asked for at a time."""

TITLES = {"newest": "connection problems, newest first", "longest": "connection problems, longest-standing first"}


class ProblemsScreen(TableScreen):
    """A list that grows by a page when its end is reached. Rows read stay; asking again starts over."""

    answers = "Which connections have a problem, and since when?"

    columns = PROBLEM_COLUMNS
    export_name = "connection-problems"
    footer_keys: ClassVar[tuple[Hint, ...]] = (
        Hint("enter", "account"),
        Hint("O", "older"),
        *TABLE_KEYS,
        Hint("w", "why"),
        Hint("?", "help"),
    )

    def __init__(self, order: Order) -> None:
        super().__init__()
        self.order: Order = order
        self.problems: dict[int, ConnectionProblem] = {}
        self.evidence: list[Evidence] = []
        self.notes_of_rows: list[str] = []
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
            self.problems, self.evidence, self.notes_of_rows = {}, [], []
        self.problems |= {problem.sync_user_id: problem for problem in page.rows}
        self.evidence += page.evidence
        self.notes_of_rows += [note for note in page.notes if note not in self.notes_of_rows]
        self.after = page.after
        self.take_items(tuple(self.problems.values()))

    def _failed(self) -> None:
        self.asking = False
        self.failure = "no answer; r asks again"
        self.draw()

    @on(PagedRows.EndNear)
    def end_near(self) -> None:
        """The last rows bring the next page; of groups there is no next one."""
        if self.after is not None and not self.table.grouped_by:
            self.ask_page(self.after)

    # ---- drawing

    def heading(self) -> str:
        """Which problems, how many have been read, and how they are looked at."""
        more = " and more" if self.after is not None else ""
        state = self.failure or ("asking" if self.asking and not self.problems else f"{len(self.problems):,}{more}")
        return f"{TITLES[self.order]} · {state}{self.described()}"

    def notes(self) -> Sequence[tuple[str, bool]]:
        """What is wrong with rows, and what a sorted or grouped part of the list is not."""
        said = [(note, False) for note in self.notes_of_rows]
        if self.after is not None and self.table.sentence():
            words = f"Of the {len(self.problems):,} that have been read; there are more (O reads on)."
            return [(words, True), *said]
        return said

    def empty_words(self) -> str:
        """None, only where that is known."""
        return "" if self.asking or self.failure else "no connection has a problem"

    # ---- rows

    def key_of(self, item: ConnectionProblem) -> str:
        return f"problem:{item.sync_user_id}"

    def open_item(self, item: ConnectionProblem) -> None:
        """To the account of the problem."""
        self.host.navigate(f"account {item.account_id}")

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
        self.host.say("asking again; what stands here stays until the answer comes")

    def act_why(self) -> None:
        """The questions behind the pages read so far."""
        summary = f"{plural(len(self.problems), 'connection')} with a problem, as far as read"
        self.open_why((TITLES[self.order], summary, self.evidence))
