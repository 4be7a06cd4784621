"""Accounts affected by an issue, those that weigh most first: how large, how much of each, since when, what fails."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on

from diagnostics.core.time import utc_now
from diagnostics.core.words import short
from screens.addresses import ExplorerAt
from screens.base import ReadingArrived
from screens.log_screen import window_after
from screens.table_screen import TABLE_KEYS, TableScreen
from widgets import wording
from widgets.footer_bar import Hint
from widgets.rows.account import AFFECTED_COLUMNS

if TYPE_CHECKING:
    from diagnostics.models.incidents import AffectedAccount, AffectedAccounts
    from diagnostics.models.readings import Reading

EVERY_S = 60.0
"""Two or three of Datadog's scarce aggregates each time."""

_numbers = itertools.count(1)


class AffectedScreen(TableScreen):
    """One row an account. Enter opens the account, l and L its log lines of this issue."""

    answers = "Which accounts are hit, and which of them weigh most?"

    columns = AFFECTED_COLUMNS
    export_name = "accounts-affected"
    footer_keys: ClassVar[tuple[Hint, ...]] = (
        Hint("enter", "account"),
        Hint("l", "its logs"),
        *TABLE_KEYS,
        Hint("t", "window"),
        Hint("w", "why"),
        Hint("?", "help"),
    )

    def __init__(self, issue_type: str, severity: str | None = None, window_s: int = 0) -> None:
        super().__init__()
        self.issue_type = issue_type
        self.severity = severity
        self.window_s = window_s
        self.key = f"affected:{next(_numbers)}"
        self.reading: Reading[AffectedAccounts] | None = None

    # ---- asking

    def read(self) -> None:
        """Watch the accounts of the present window."""
        service, live = self.host.service, self.host.live
        if service is None or live is None:
            return
        self.window_s = self.window_s or service.settings.refresh.window_s
        issue, severity, window_s = self.issue_type, self.severity, self.window_s
        live.watch_growing(
            self.key,
            lambda tell: service.assessments.affected(issue, severity, window_s, tell=tell),
            every_s=EVERY_S,
        )
        self.host.look_again()

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        if self.host.live is not None:
            self.host.live.unwatch(self.key)

    def shown_readings(self) -> Iterable[str]:
        """The accounts."""
        yield self.key

    @on(ReadingArrived)
    def take_reading(self, message: ReadingArrived) -> None:
        """Keep the newest; rows that are known stay while it is asked again."""
        reading = message.reading
        if reading.key != self.key or (self.reading is not None and reading.sequence < self.reading.sequence):
            return
        before, self.reading = self.answer, reading
        if self.answer is not None and self.answer is not before:
            self.take_items(self.answer.rows)
        else:
            self.draw()

    @property
    def answer(self) -> AffectedAccounts | None:
        """What is known; None while nothing is."""
        return None if self.reading is None else self.reading.value

    def tick(self) -> None:
        """The age moves on."""
        self.draw_title()

    # ---- words

    def _title(self) -> str:
        catalogue = self.host.catalogue
        issue = None if catalogue is None else catalogue.issues.get(self.issue_type)
        return issue.title if issue is not None else self.issue_type.replace("_", " ")

    def heading(self) -> str:
        """Whom, how many, in which window, how old, and in which order."""
        answer, reading = self.answer, self.reading
        window = f"last {short(self.window_s)}" if self.window_s else ""
        if answer is None or reading is None:
            failed = reading is not None and bool(reading.failure)
            state = "not known" if failed else "asking"
            return f"accounts affected · {self._title()} · {state}"
        aged = wording.aged(reading, utc_now())
        stale = "stale " if wording.is_stale(reading) else ""
        asking = f" · asking: {', '.join(answer.pending)}" if answer.pending else ""
        order = self.described() or " · by impact"
        return f"{answer.words()} · {self._title()} · {window} · {stale}{aged} old{order}{asking}"

    def notes(self) -> Sequence[tuple[str, bool]]:
        """What the list does not say, and why."""
        reading, answer = self.reading, self.answer
        said: list[tuple[str, bool]] = []
        if reading is not None and reading.failure:
            said.append((f"Not read: {reading.failure}. {reading.remedy}".strip(), True))
        if answer is not None:
            if answer.total is None:
                said.append((f"Accounts affected: not known. {answer.basis[0].upper()}{answer.basis[1:]}.", True))
            elif answer.total > len(answer.rows):
                said.append((f"{answer.words()} are listed, those with most events.", True))
            said += [(note, False) for note in answer.notes]
        return said

    def empty_words(self) -> str:
        """None, only where that is known."""
        answer = self.answer
        if answer is None:
            return "" if self.reading is not None and self.reading.failure else "asking; nothing has answered yet"
        return f"no account is {answer.basis}" if answer.total == 0 and not answer.at_least else ""

    def crumb(self) -> str:
        return "accounts affected"

    def place(self) -> str:
        """The line that opens it again."""
        return f"affected {self.issue_type}"

    def issue_in_view(self) -> tuple[str, str]:
        """The issue that affects them."""
        return self.issue_type, self.severity or ""

    def runbook(self) -> str:
        return self.issue_type

    # ---- rows

    def key_of(self, item: AffectedAccount) -> str:
        return f"account:{item.account_id}"

    def open_item(self, item: AffectedAccount) -> None:
        """To the account."""
        self.host.navigate(f"account {item.account_id}")

    def query_in_view(self) -> str:
        """The issue's query, and the account under the cursor."""
        service = self.host.service
        if service is None:
            return ""
        query = service.query_for(self.issue_type)
        kind, name = self.key_under_cursor()
        return f"{query} @context.account_id:{name}" if kind == "account" else query

    def act_logs(self) -> None:
        """Log lines of the issue that name the account under the cursor."""
        self.host.navigate(ExplorerAt(self.query_in_view(), window_s=self.window_s))

    def act_window(self) -> None:
        """The next time window."""
        self.window_s = window_after(self.window_s)
        self.read()
        self.draw()

    def act_refresh(self) -> None:
        """Ask again, now."""
        if self.host.service is not None and self.host.live is not None:
            self.host.service.forget_answers()
            self.host.live.refresh(self.key)
            self.host.say("asking again; the list stays until the answers come")

    def act_why(self) -> None:
        """What the row under the cursor weighs, and the questions behind the list."""
        answer = self.answer
        if answer is None:
            self.open_why(None)
            return
        item: Any = self.view.item
        row = getattr(item, "why", "")
        summary = f"{answer.words()} {answer.basis}. " + (f"{item.account_id}: {row}. " if row else "")
        summary += " ".join(answer.notes)
        self.open_why(("accounts affected", summary, answer.evidence))
