"""The account service: one account's summary, the pages of its tabs, its behaviour, and the OAuth diagnosis."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from diagnostics.accounts.agents import agents_page
from diagnostics.accounts.behaviour import behaviour
from diagnostics.accounts.connections import connections_page
from diagnostics.accounts.deals_page import deals_page
from diagnostics.accounts.history import history_page
from diagnostics.accounts.summary import summary
from diagnostics.accounts.users import users_page
from diagnostics.logs import bind
from diagnostics.oauth.diagnosis import diagnose

if TYPE_CHECKING:
    from collections.abc import Callable

    from diagnostics.core.context import Context
    from diagnostics.core.waiting import Job
    from diagnostics.models.accounts import (
        AccountSummary,
        AgentRow,
        ConnectionRow,
        DealRow,
        HistoryRow,
        OAuthDiagnosis,
        UserRow,
    )
    from diagnostics.models.figures import Figure, Page

MOST_SCORES = 200
"""Behaviour scores kept, so that a summary can show one without asking Datadog."""


class AccountService:
    """Blocking and thread-safe. Every method raises UserError for an unknown account or key, and SourceFailure."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._scores: OrderedDict[int, Figure] = OrderedDict()

    def summary(self, account_id: int, tell: Callable[[AccountSummary], object] | None = None) -> AccountSummary:
        """Header, findings worst first, figures. A part that a source did not answer is a finding, not an error.

        `tell` gets what `common` says, where the client database has not answered yet.
        """

        with self._lock:
            known = self._scores.get(account_id)
        return summary(self._context, account_id, known, tell)

    def users(
        self, account_id: int, after: str | None = None, limit: int = 100, *, only_wrong: bool = False
    ) -> Page[UserRow]:
        """Users with credentials and connection, by user id. Without the client database: those of `common`."""

        return users_page(self._context, account_id, after, limit, only_wrong=only_wrong)

    def agents(
        self, account_id: int, after: str | None = None, limit: int = 100, *, only_wrong: bool = False
    ) -> Page[AgentRow]:
        """Agents by id; the wrong ones by user. A key belongs to the list that gave it."""

        return agents_page(self._context, account_id, after, limit, only_wrong=only_wrong)

    def connections(
        self, account_id: int, after: str | None = None, limit: int = 100, *, only_wrong: bool = False
    ) -> Page[ConnectionRow]:
        """Sync connections by user."""

        return connections_page(self._context, account_id, after, limit, only_wrong=only_wrong)

    def deals(
        self, account_id: int, after: str | None = None, limit: int = 100, *, only_unsynced: bool = False
    ) -> Page[DealRow]:
        """Deals, the newest id first; unsynced ones with the code they would fail with."""

        return deals_page(self._context, account_id, after, limit, only_unsynced=only_unsynced)

    def history(
        self, account_id: int, after: str | None = None, limit: int = 100, *, user_id: int | None = None
    ) -> Page[HistoryRow]:
        """Changes of resolution, newest first; those of one user among a bounded number of the account's."""

        return history_page(self._context, account_id, after, limit, user_id)

    def behaviour(self, account_id: int) -> Figure:
        """The last 24 hours against the account's own days before; a source that is silent is named in the figure."""

        figure = behaviour(self._context, account_id)
        with self._lock:
            self._scores[account_id] = figure
            self._scores.move_to_end(account_id)
            while len(self._scores) > MOST_SCORES:
                self._scores.popitem(last=False)
        return figure

    def oauth(self, account_id: int, user_id: int | None = None, job: Job | None = None) -> OAuthDiagnosis:
        """zillow-oauth-diagnosis of the account or of one user. Only an unknown account raises (UserError)."""

        return diagnose(self._context, account_id, user_id, job)

    def log_query(self, account_id: int) -> str:
        """The Datadog query of the account's logs, its id bound."""
        return bind(self._context.catalogue.queries["account_logs"].datadog, account_id=account_id)
