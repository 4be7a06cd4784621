"""One level deeper from an account: a row in full, and the diagnoses of its users, agents and deals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from diagnostics.core.time import utc_now
from diagnostics.core.words import form
from screens import documents
from screens.account.deal_finding import show_unsynced
from screens.base import Document
from screens.diagnosis_documents import (
    LABEL,
    Open,
    conclusion_rows,
    evidence_of,
    note_rows,
    paragraph,
    section,
    why_figure,
    why_finding,
)
from screens.document import DocumentScreen
from screens.documents import evidence_rows
from screens.listing import Listing, ListingScreen, Why
from widgets import wording
from widgets.paged_rows import heading, item_row, lay_out, stamp
from widgets.row import BLANK, Piece, Row, fit, labelled, plain, row, wrap
from widgets.rows.account import HISTORY_COLUMNS, STALE_COLUMNS, connection_piece, figure_rows, finding_rows
from widgets.wording import since

if TYPE_CHECKING:
    from diagnostics.models.accounts import AccountSummary, ConnectionRow, HistoryRow, OAuthDiagnosis
    from diagnostics.models.deals import ResolutionDiagnosis
    from diagnostics.models.evidence import Evidence
    from diagnostics.models.figures import Page
    from diagnostics.models.health import Resolution
    from diagnostics.service import Diagnostics
    from screens.base import ConsoleScreen, ScreenHost
    from widgets.glyphs import Glyphs

STALE_CHECK = "account_agents"
"""The summary's finding that counts agents whose resolution does not agree with their user's token."""


class AccountDetails:
    """Asks for what an account's rows lead to, and opens it on top. `screen` shows the progress of long questions."""

    def __init__(self, screen: ConsoleScreen, account_id: int) -> None:
        self.screen = screen
        self.account_id = account_id

    @property
    def host(self) -> ScreenHost:
        """The application, as its screens see it."""
        return self.screen.host

    def _service(self) -> Diagnostics | None:
        """The open sources, or a notice that they are not open yet."""
        if self.host.service is None:
            self.host.say("the sources are still opening; try again in a moment", "warn")
        return self.host.service

    # ---- one row

    def open_agent(self, agent: Any) -> None:  # noqa: ANN401  # an AgentRow or a StaleAgent
        """The row at once; its user's token and history as soon as they answer."""
        screen = DocumentScreen(agent_document(agent, None, None, utc_now(), self.host.glyphs))
        self.host.push_console_screen(screen)
        service, account, user = self.host.service, self.account_id, agent.user_id
        if service is None or user is None:
            return

        def show(found: tuple[OAuthDiagnosis, Any]) -> None:
            if screen.is_attached:
                screen.replace(agent_document(agent, *found, utc_now(), self.host.glyphs))

        self.host.ask(
            lambda: (service.accounts.oauth(account, user), service.accounts.history(account, user_id=user)),
            show,
            doing=f"token and history of user {user}",
        )

    def open_connection(self, one: ConnectionRow, evidence: Sequence[Evidence]) -> None:
        """A sync connection with everything its row holds."""
        self.host.open_document(connection_document(one, evidence, utc_now(), self.host.glyphs))

    def open_change(self, entry: HistoryRow, evidence: Sequence[Evidence]) -> None:
        """A change of a user's resolution."""
        self.host.open_document(change_document(entry, evidence, utc_now(), self.host.glyphs))

    # ---- diagnoses

    def diagnose_oauth(self, user_id: int | None, asker: ConsoleScreen | None = None) -> None:
        """zillow-oauth-diagnosis of a user, or of everybody; `asker` is the screen on top, which shows the progress."""
        service, account = self._service(), self.account_id
        if service is None:
            return
        whom = f"user {user_id}" if user_id is not None else f"account {account}"
        (asker or self.screen).start_job(
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
                self.host.open_document(documents.finding_document(finding, self.host.glyphs))

        screen = ListingScreen(oauth_listing(diagnosis, self.host.glyphs, open_key))
        self.host.push_console_screen(screen)

    def diagnose_resolution(self) -> None:
        """How the agents of the account are resolved, every stale one named."""
        service, account = self._service(), self.account_id
        if service is not None:
            self.screen.start_job(
                lambda job: service.deals.resolution(account, job),
                self._show_resolution,
                doing=f"resolution of account {account}",
            )

    def _show_resolution(self, diagnosis: ResolutionDiagnosis) -> None:
        def open_key(key: str) -> None:
            kind, _, name = key.partition(":")
            if kind == "stale":
                self.open_agent(diagnosis.stale[int(name)])
            elif kind == "finding":
                finding = diagnosis.findings[int(name)]
                self.host.open_document(documents.finding_document(finding, self.host.glyphs))

        self.host.push_console_screen(ListingScreen(resolution_listing(diagnosis, self.host.glyphs, open_key, utc_now)))

    def diagnose_unsynced(self) -> None:
        """The account's deals that have not synced, by cause."""
        service, account = self._service(), self.account_id
        if service is not None:
            self.screen.start_job(
                lambda job: service.deals.unsynced(account, None, job),
                lambda unsynced: show_unsynced(self.host, unsynced),
                doing=f"unsynced deals of account {account}",
            )


def lead_rows(tab: str, summary: AccountSummary | None, glyphs: Glyphs) -> list[Row]:
    """The diagnosis of a whole tab as its first row; `summary` is None as long as it has not answered."""
    if tab == "agents":
        findings = summary.findings if summary is not None else ()
        stale = next((one.value for one in findings if one.check == STALE_CHECK), None)
        words = "which agents are stale, and since when"
        if isinstance(stale, int):
            words = f"{stale:,} agents stale: name every one" if stale else "no agent is stale: how they were resolved"
        return [_lead("resolution", words, glyphs, strong=isinstance(stale, int) and stale > 0)]
    if tab == "deals":
        figures = summary.figures if summary is not None else ()
        unsynced = next((one for one in figures if one.id == "deals_unsynced"), None)
        strong = unsynced is not None and bool(unsynced.value)
        words = "why deals do not sync, by cause"
        if unsynced is not None and strong:
            words = f"why {unsynced.shown} deals are not synced, by cause"
        return [_lead("unsynced", words, glyphs, strong=strong)]
    return []


def _lead(name: str, words: str, glyphs: Glyphs, *, strong: bool) -> Row:
    return row((f"{glyphs.step} {words}", "warn" if strong else "accent"), ("   enter", "key"), key=f"bulk:{name}")


# ---- one row in full

Fields = Sequence[tuple[str, str]]


def _document(title: str, build: Callable[[int], Sequence[Row]]) -> Document:
    return Document(title, build, plain(build(100)))


def _fields(fields: Fields, width: int, glyphs: Glyphs) -> list[Row]:
    rows: list[Row] = []
    for label, text in fields:
        rows += labelled(label, glyphs.text(text or glyphs.missing), width, label_width=LABEL + 6)
    return rows


def _moment(at: datetime | None, now: datetime, glyphs: Glyphs) -> str:
    return glyphs.missing if at is None else f"{stamp(at, now, glyphs)} UTC, {_ago(at, now)}"


def _ago(at: datetime, now: datetime) -> str:
    ago = since(at, now)
    return ago if at > now else f"{ago} ago"


def agent_document(
    agent: Any,  # noqa: ANN401  # an AgentRow or a StaleAgent: the fields that both hold are read
    oauth: OAuthDiagnosis | None,
    history: Page[HistoryRow] | None,
    now: datetime,
    glyphs: Glyphs,
) -> Document:
    """One agent; its user's token and changes of resolution once they have answered."""
    updated = getattr(agent, "updated_at", None) or getattr(agent, "agent_updated_at", None)

    def build(width: int) -> list[Row]:
        rows = _fields(
            (
                ("agent", str(agent.agent_id)),
                ("name", agent.name),
                ("e-mail", getattr(agent, "email", "")),
                ("user", str(agent.user_id) if agent.user_id is not None else "no user"),
                ("resolution", agent.method_name),
                ("agent row updated", _moment(updated, now, glyphs)),
            ),
            width,
            glyphs,
        )
        if agent.user_id is None:
            text = "No user is set on this agent, so there is no token to compare it with."
            return [*rows, BLANK, *(row((line, "muted")) for line in wrap(text, width))]
        rows += section(f"credentials of user {agent.user_id}")
        if oauth is None:
            rows.append(row((f"{glyphs.waiting} asking", "muted")))
        else:
            rows += conclusion_rows(oauth.conclusion, width, glyphs)
            rows += finding_rows(oauth.findings, width=width, glyphs=glyphs, most=3)
        rows += section(f"changes of resolution of user {agent.user_id}")
        if history is None:
            return [*rows, row((f"{glyphs.waiting} asking", "muted"))]
        rows += _history_rows(history, agent.user_id, width, now, glyphs)
        return rows + evidence_rows(history.evidence, width, glyphs)

    return _document(f"agent {agent.agent_id}", build)


def _history_rows(history: Page[HistoryRow], user_id: int, width: int, now: datetime, glyphs: Glyphs) -> list[Row]:
    own = [entry for entry in history.rows if entry.user_id == user_id]
    among = "all" if history.after is None else "the newest"
    searched = f"{len(own):,} among {among} changes recorded for the account"
    rows = [row((searched, "muted"))]
    if own:
        layout = lay_out(HISTORY_COLUMNS, width)
        rows.append(heading(layout, glyphs))
        rows += [item_row(entry, layout, key=f"change:{entry.id}", glyphs=glyphs, now=now) for entry in own]
    return rows


def connection_document(one: ConnectionRow, evidence: Sequence[Evidence], now: datetime, glyphs: Glyphs) -> Document:
    """One sync connection with everything its row holds."""

    def build(width: int) -> list[Row]:
        since = _moment(one.problem_at, now, glyphs) if one.problem_at is not None else "no problem is recorded"
        rows = [row(connection_piece(one.state, glyphs), f"  sync user {one.sync_user_id}"), BLANK]
        rows += _fields((("problem", one.problem), ("problem since", since)), width, glyphs)
        enabled = glyphs.missing if one.is_enabled is None else "yes" if one.is_enabled else "no"
        rows += _fields(
            (
                ("user", str(one.user_id) if one.user_id is not None else "no user"),
                ("e-mail at Zillow", one.email),
                ("ZUID", one.zuid),
                ("integration", one.integration or "none: the connection is disabled"),
                ("integration enabled", enabled),
                ("leads", glyphs.missing if one.leads is None else f"{one.leads:,}"),
                ("last agent sync", _moment(one.last_agent_sync_at, now, glyphs)),
                ("last verified", _moment(one.last_verified_at, now, glyphs)),
                ("migration", one.migration or "moved, or not to be judged"),
            ),
            width,
            glyphs,
        )
        return rows + evidence_rows(evidence, width, glyphs)

    return _document(f"connection {one.sync_user_id}", build)


def change_document(entry: HistoryRow, evidence: Sequence[Evidence], now: datetime, glyphs: Glyphs) -> Document:
    """One change of a user's resolution."""

    def build(width: int) -> list[Row]:
        fields = (
            ("user", str(entry.user_id) if entry.user_id is not None else "no user"),
            ("from", entry.old),
            ("to", entry.new),
            ("reason", entry.reason),
            ("when", _moment(entry.at, now, glyphs)),
        )
        return [*_fields(fields, width, glyphs), *evidence_rows(evidence, width, glyphs)]

    return _document(f"change {entry.id}", build)


# ---- OAuth


def oauth_listing(diagnosis: OAuthDiagnosis, glyphs: Glyphs, open_key: Open) -> Listing:
    """zillow-oauth-diagnosis of an account or of one of its users; `open_key` gets `finding:N` and `user:ID`."""
    who = f"user {diagnosis.user_id}" if diagnosis.user_id is not None else "every user"

    def build(width: int) -> list[Row]:
        rows = conclusion_rows(diagnosis.conclusion, width, glyphs)
        rows += labelled("about", f"account {diagnosis.account_id}, {who}", width, label_width=LABEL, tone="muted")
        rows += note_rows(diagnosis.notes, width, glyphs)
        rows += section("checks")
        rows += finding_rows(diagnosis.findings, width=width, glyphs=glyphs, most=4)
        if diagnosis.consistency:
            rows += section("consistency, account-wide")
            rows += figure_rows(diagnosis.consistency, width=min(width, 76), glyphs=glyphs)
        return rows + _wrong_users(diagnosis, width, glyphs)

    def why(key: str) -> Why | None:
        if key in {"", "conclusion"}:
            return "OAuth diagnosis", diagnosis.conclusion.sentence, evidence_of(diagnosis.findings)
        return why_finding(diagnosis.findings, key) or why_figure(diagnosis.consistency, key)

    title = f"OAuth diagnosis of {who} {glyphs.separator} {diagnosis.taken_at:%H:%M:%S} UTC"
    return Listing(title, f"OAuth of {who}", build, open_key, frozenset({"finding", "user"}), why)


def _wrong_users(diagnosis: OAuthDiagnosis, width: int, glyphs: Glyphs) -> list[Row]:
    if not diagnosis.users:
        return []
    named, in_all = len(diagnosis.users), diagnosis.users_in_all
    beyond = f", the worst {named:,} of {in_all:,}" if in_all is not None and in_all > named else ""
    rows = section(f"users with something wrong{beyond}")
    for user in diagnosis.users:
        verdict = user.verdict.replace("_", " ")
        lines = wrap(glyphs.text(user.sentence), max(12, width - 36), most=2)
        number, named_so = Piece(fit(str(user.user_id), 9, right=True)), Piece(fit(glyphs.text(verdict), 23), "warn")
        rows.append(row(number, "  ", named_so, "  ", lines[0], key=f"user:{user.user_id}"))
        rows += [row(" " * 36, line) for line in lines[1:]]
    return rows


# ---- resolution


def resolution_listing(
    diagnosis: ResolutionDiagnosis, glyphs: Glyphs, open_key: Open, now: Callable[[], datetime]
) -> Listing:
    """Agent resolution of one account, every stale agent named; `open_key` gets `stale:N` and `finding:N`."""

    def build(width: int) -> list[Row]:
        rows = conclusion_rows(diagnosis.conclusion, width, glyphs)
        rows += note_rows(diagnosis.notes, width, glyphs)
        if diagnosis.distribution is not None:
            rows += section(f"resolution of all agents of account {diagnosis.account_id}")
            rows += share_rows(diagnosis.distribution, width, glyphs)
        if diagnosis.stale:
            rows += section(
                f"all {len(diagnosis.stale):,} stale agents: not CONNECTED although the user holds a valid token"
            )
            layout = lay_out(STALE_COLUMNS, width)
            rows.append(heading(layout, glyphs))
            rows += [
                item_row(agent, layout, key=f"stale:{place}", glyphs=glyphs, now=now())
                for place, agent in enumerate(diagnosis.stale)
            ]
        if diagnosis.findings:
            rows += section("checks")
            rows += finding_rows(diagnosis.findings, width=width, glyphs=glyphs, most=4)
        if diagnosis.transitions:
            rows += section(f"the newest {len(diagnosis.transitions):,} changes of resolution")
            layout = lay_out(HISTORY_COLUMNS, width)
            rows.append(heading(layout, glyphs))
            rows += [
                item_row(entry, layout, key=f"change:{entry.id}", glyphs=glyphs, now=now())
                for entry in diagnosis.transitions
            ]
        return rows

    def why(key: str) -> Why | None:
        if key.startswith("share:") and diagnosis.distribution is not None:
            return "resolution of this account", diagnosis.conclusion.sentence, diagnosis.distribution.evidence
        whole = evidence_of(diagnosis.findings)
        if diagnosis.distribution is not None:
            whole += diagnosis.distribution.evidence
        return why_finding(diagnosis.findings, key) or (
            f"agent resolution of account {diagnosis.account_id}",
            diagnosis.conclusion.sentence,
            whole,
        )

    title = f"agent resolution {glyphs.separator} {diagnosis.taken_at:%H:%M:%S} UTC"
    return Listing(title, "resolution", build, open_key, frozenset({"stale", "finding"}), why)


def share_rows(distribution: Resolution, width: int, glyphs: Glyphs) -> list[Row]:
    """Method, agents, share, baseline and distance, with the state as a word."""
    rows: list[Row] = []
    for share in distribution.shares:
        status = wording.status_piece(share.status, glyphs)
        part = glyphs.missing if share.share is None else f"{share.share:.2f} %"
        drift = glyphs.missing if share.drift is None else f"{share.drift:+.2f} points"
        figure = fit(wording.count(share.count, glyphs), 9, right=True)
        line = f"{fit(share.method, 11)}{figure}{fit(part, 11, right=True)}"
        beside = f"   usual {share.baseline:.2f} %, {drift}"
        rows.append(row(line, (fit(beside, 36), "muted"), (status.text, status.tone), key=f"share:{share.method}"))
    for count, what in ((distribution.retired, "the retired method 2"), (distribution.unclear, "no known method")):
        if count:
            whose = form(count, "agent holds", "agents hold")
            rows += paragraph(glyphs.text(f"{glyphs.warned} {count:,} {whose} {what}: in no share"), width, "warn")
    return rows
