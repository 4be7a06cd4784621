"""What Enter, Why and Run open on an account: diagnoses, details, evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from diagnostics.now import utc_now
from screens import documents
from screens.base import RoomScreen
from screens.diagnosis_documents import oauth_listing, why_figure, why_finding
from screens.listing import ListingScreen, Why
from screens.row_documents import agent_document, change_document, connection_document
from widgets.line_view import LineView
from widgets.log_list import LogList
from widgets.rows import Row, row

if TYPE_CHECKING:
    from collections.abc import Callable

    from diagnostics.models.accounts import AccountSummary, OAuthDiagnosis
    from diagnostics.models.deals import ResolutionDiagnosis, UnsyncedDeals
    from diagnostics.models.events import LogPage
    from diagnostics.models.figures import Figure
    from diagnostics.models.readings import Reading
    from screens.account_tabs import TabState


STALE_CHECK = "account_agents"
"""The summary's finding that counts agents whose resolution does not agree with their user's token."""


class AccountOpening(RoomScreen):
    """One level deeper, whatever is under the cursor."""

    account_id: int
    number: int
    tab: str
    tabs: dict[str, TabState]
    summary: Reading[AccountSummary] | None
    log_reading: Reading[LogPage] | None

    # ---- given by the screen

    def draw(self) -> None:
        """Given by the screen."""

    def draw_soon(self, *panes: str) -> None:
        """Given by the screen."""

    def figures(self, summary: AccountSummary) -> tuple[Figure, ...]:
        """Given by the screen."""
        return summary.figures

    def open_tab(self, name: str) -> None:
        """Given by the screen."""

    def watch_rows(self, name: str) -> None:
        """Given by the screen."""

    def read_on(self, state: TabState) -> None:
        """Given by the screen."""

    # ---- where am I

    def row_key(self) -> str:
        """Key of the row under the cursor."""
        view = self.focused
        return view.cursor_key or "" if isinstance(view, LineView) else ""

    def _known(self) -> AccountSummary | None:
        return self.summary.value if self.summary is not None else None

    def _figure(self, name: str) -> Figure | None:
        """The summary's figure with this id."""
        known = self._known()
        return next((one for one in known.figures if one.id == name), None) if known is not None else None

    # ---- rows that lead further

    def lead_rows(self, tab: str) -> list[Row]:
        """The diagnosis of a whole tab, as its first row."""
        if tab == "agents":
            known = self._known()
            stale = (
                next((one for one in known.findings if one.check == STALE_CHECK), None) if known is not None else None
            )
            if stale is None or not isinstance(stale.value, int):
                return [self._lead("resolution", "which agents are stale, and since when", strong=False)]
            if not stale.value:
                return [self._lead("resolution", "no agent is stale: how they were resolved", strong=False)]
            return [self._lead("resolution", f"{stale.value:,} agents stale: name every one", strong=True)]
        if tab == "deals":
            figure = self._figure("deals_unsynced")
            if figure is None or not figure.value:
                return [self._lead("unsynced", "why deals do not sync, by cause", strong=False)]
            return [self._lead("unsynced", f"why {figure.shown} deals are not synced, by cause", strong=True)]
        return []

    def _lead(self, name: str, words: str, *, strong: bool) -> Row:
        step = self.room.signs.step
        return row((f"{step} {words}", "warn" if strong else "accent"), ("   enter", "key"), key=f"bulk:{name}")

    # ---- in

    def act_open(self) -> None:
        """One level deeper, whatever is under the cursor."""
        if isinstance(self.focused, LogList):
            self.focused.action_open()
            return
        kind, _, name = self.row_key().partition(":")
        opener: Callable[[str], None] | None = {
            "finding": self._open_finding,
            "bulk": self._open_bulk,
            "user": lambda word: self.diagnose_oauth(int(word)),
            "agent": self._open_agent,
            "connection": self._open_connection,
            "deal": self._open_deal,
            "change": self._open_change,
            "note": self._open_note,
            "more": lambda _word: self.read_on(self.tabs[self.tab]),
        }.get(kind)
        if opener is not None:
            opener(name)
        else:
            self.act_why()

    def _open_finding(self, name: str) -> None:
        known = self._known()
        if known is not None and int(name) < len(known.findings):
            self.room.open_document(documents.finding_document(known.findings[int(name)], self.room.signs))

    def _open_note(self, name: str) -> None:
        known = self._known()
        notes = list(known.notes) if known is not None and self.focused_pane() != "rows" else self.tabs[self.tab].notes
        if int(name) < len(notes):
            self.room.open_document(documents.text_document("about this data", notes[int(name)], self.room.signs))

    def focused_pane(self) -> str:
        """Given by the screen."""
        return ""

    def _item(self, key: str) -> Any:  # noqa: ANN401  # a row of the tab in view, whichever that is
        return self.tabs[self.tab].items.get(key) if self.tab in self.tabs else None

    def _open_agent(self, name: str) -> None:
        agent = self._item(f"agent:{name}")
        if agent is not None:
            self._open_agent_row(agent)

    def _open_agent_row(self, agent: Any) -> None:  # noqa: ANN401  # an AgentRow or a StaleAgent
        """The row at once; its user's token and history as soon as they answer."""
        from screens.document import DocumentScreen  # noqa: PLC0415

        screen = DocumentScreen(agent_document(agent, None, None, utc_now(), self.room.signs))
        self.room.push_room_screen(screen)
        service, account, user = self.room.service, self.account_id, agent.user_id
        if service is None or user is None:
            return

        def show(found: tuple[OAuthDiagnosis, Any]) -> None:
            if screen.is_attached:
                screen.replace(agent_document(agent, *found, utc_now(), self.room.signs))

        self.room.ask(
            lambda: (service.accounts.oauth(account, user), service.accounts.history(account, user_id=user)),
            show,
            doing=f"token and history of user {user}",
        )

    def _open_connection(self, name: str) -> None:
        item = self._item(f"connection:{name}")
        if item is not None:
            evidence = self.tabs[self.tab].evidence_of(f"connection:{name}")
            self.room.open_document(connection_document(item, evidence, utc_now(), self.room.signs))

    def _open_change(self, name: str) -> None:
        item = self._item(f"change:{name}")
        if item is not None:
            evidence = self.tabs[self.tab].evidence_of(f"change:{name}")
            self.room.open_document(change_document(item, evidence, utc_now(), self.room.signs))

    def _open_deal(self, name: str) -> None:
        self.open_deal(int(name), self.account_id)

    def open_deal(self, deal_id: int, account_id: int) -> None:
        """One deal on its own screen."""
        from screens.deal import DealScreen  # noqa: PLC0415  # only readers of deals pay for it

        self.room.push_room_screen(DealScreen(deal_id, account_id))

    # ---- diagnoses

    def act_run(self) -> None:
        """The diagnosis of the whole account; on a row that leads to another one, that one."""
        kind, _, name = self.row_key().partition(":")
        if kind == "bulk":
            self._open_bulk(name)
        else:
            self.diagnose_oauth(None)

    def diagnose_oauth(self, user_id: int | None, host: RoomScreen | None = None) -> None:
        """zillow-oauth-diagnosis of a user, or of everybody; `host` is the screen on top, which shows the progress."""
        service, account = self.room.service, self.account_id
        if service is None:
            self.room.say("the sources are still opening; try again in a moment", "warn")
            return
        whom = f"user {user_id}" if user_id is not None else f"account {account}"
        (host or self).start_job(
            lambda job: service.accounts.oauth(account, user_id, job),
            self._show_oauth,
            doing=f"OAuth diagnosis of {whom}",
        )

    def _show_oauth(self, diagnosis: OAuthDiagnosis) -> None:
        def open_key(key: str) -> None:
            kind, _, name = key.partition(":")
            if kind == "user":
                self.diagnose_oauth(int(name), screen)
            elif kind == "finding":
                finding = diagnosis.findings[int(name)]
                self.room.open_document(documents.finding_document(finding, self.room.signs))

        screen = ListingScreen(oauth_listing(diagnosis, self.room.signs, open_key))
        self.room.push_room_screen(screen)

    def _open_bulk(self, name: str) -> None:
        service, account = self.room.service, self.account_id
        if service is None:
            self.room.say("the sources are still opening; try again in a moment", "warn")
        elif name == "resolution":
            self.start_job(
                lambda job: service.deals.resolution(account, job),
                self._show_resolution,
                doing=f"resolution of account {account}",
            )
        else:
            self.start_job(
                lambda job: service.deals.unsynced(account, None, job),
                self._show_unsynced,
                doing=f"unsynced deals of account {account}",
            )

    def _show_resolution(self, diagnosis: ResolutionDiagnosis) -> None:
        from screens.bulk_documents import resolution_listing  # noqa: PLC0415

        def open_key(key: str) -> None:
            kind, _, name = key.partition(":")
            if kind == "stale":
                self._open_agent_row(diagnosis.stale[int(name)])
            elif kind == "finding":
                finding = diagnosis.findings[int(name)]
                self.room.open_document(documents.finding_document(finding, self.room.signs))

        self.room.push_room_screen(ListingScreen(resolution_listing(diagnosis, self.room.signs, open_key, utc_now)))

    def _show_unsynced(self, unsynced: UnsyncedDeals) -> None:
        from screens.deal_finding import show_unsynced  # noqa: PLC0415

        show_unsynced(self.room, unsynced)

    # ---- why

    def act_why(self) -> None:
        """Evidence behind what is under the cursor."""
        found = self._why()
        if found is None:
            self.room.say("nothing has answered yet here, so there is no evidence to show", "muted")
            return
        self.room.open_document(documents.evidence_document(*found, self.room.signs))

    def _why(self) -> Why | None:
        key, known = self.row_key(), self._known()
        if self.focused_pane() != "rows":
            if known is None:
                return None
            return (
                why_finding(known.findings, key)
                or why_figure(self.figures(known), key)
                or (f"account {self.account_id}", f"account {known.header.name}", known.header.evidence)
            )
        if self.tab == "logs":
            page = self.log_reading.value if self.log_reading is not None else None
            return (
                ("log lines", "the newest answer behind the log lines", [page.evidence]) if page is not None else None
            )
        state = self.tabs[self.tab]
        if not state.is_answered:
            return None
        view = self.focused
        current = view.current.text.strip() if isinstance(view, LineView) and view.current is not None else ""
        words = f"{state.kind.tab.long_title}: {state.amount()}"
        return words, current, state.evidence_of(key)
