"""One level deeper from an account: a row in full, and the diagnoses of its users, agents and deals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from diagnostics.core.document import GAP, Asked, Block, Document, Heading, Text, facts
from diagnostics.core.time import utc_now
from diagnostics.models.accounts import OAuthUser
from diagnostics.oauth.document import oauth_document
from diagnostics.sync.document import resolution_document
from diagnostics.triage.document import conclusion_blocks, finding_document
from screens.account.deal_finding import show_unsynced
from screens.document import DocumentScreen
from screens.listing import Listing, ListingScreen, Why
from screens.why import Open, evidence_of, why_figure, why_finding
from widgets import wording
from widgets.paged_rows import Column, heading, item_row, lay_out, stamp
from widgets.row import Piece, Row, fit, row, wrap, wrapped
from widgets.rows.account import HISTORY_COLUMNS, STALE_COLUMNS, connection_piece, figure_rows, finding_rows
from widgets.rows.document import Draw, Drawn
from widgets.wording import since

if TYPE_CHECKING:
    from diagnostics.models.accounts import AccountSummary, ConnectionRow, HistoryRow, OAuthDiagnosis
    from diagnostics.models.deals import ResolutionDiagnosis
    from diagnostics.models.evidence import Evidence
    from diagnostics.models.figures import Page
    from diagnostics.models.health import Resolution
    from diagnostics.models.triage import Finding
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
                self.host.open_document(finding_document(finding))

        screen = ListingScreen(oauth_listing(diagnosis, open_key))
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
                self.host.open_document(finding_document(finding))

        self.host.push_console_screen(ListingScreen(resolution_listing(diagnosis, open_key)))

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

FIELD = 20
"""Cells of the name of a column."""


def _fields(*pairs: tuple[str, str]) -> list[Block]:
    return facts(*((label, text or "—") for label, text in pairs), width=FIELD)


def _moment(at: datetime | None, now: datetime, glyphs: Glyphs) -> str:
    return "" if at is None else f"{stamp(at, now, glyphs)} UTC, {_ago(at, now)}"


def _ago(at: datetime, now: datetime) -> str:
    ago = since(at, now)
    return ago if at > now else f"{ago} ago"


def _user(user_id: int | None) -> tuple[str, str]:
    return "user", str(user_id) if user_id is not None else "no user"


def agent_document(
    agent: Any,  # noqa: ANN401  # an AgentRow or a StaleAgent: the fields that both hold are read
    oauth: OAuthDiagnosis | None,
    history: Page[HistoryRow] | None,
    now: datetime,
    glyphs: Glyphs,
) -> Document:
    """One agent; its user's token and changes of resolution once they have answered."""
    updated = getattr(agent, "updated_at", None) or getattr(agent, "agent_updated_at", None)
    blocks = _fields(
        ("agent", str(agent.agent_id)),
        ("name", agent.name),
        ("e-mail", getattr(agent, "email", "")),
        _user(agent.user_id),
        ("resolution", agent.method_name),
        ("agent row updated", _moment(updated, now, glyphs)),
    )
    if agent.user_id is None:
        blocks += [GAP, Text("No user is set on this agent, so there is no token to compare it with.", "muted")]
    else:
        asking = Text("… asking", "muted")
        blocks.append(Heading(f"credentials of user {agent.user_id}"))
        blocks += [*conclusion_blocks(oauth.conclusion), _brief(oauth.findings)] if oauth is not None else [asking]
        blocks.append(Heading(f"changes of resolution of user {agent.user_id}"))
        blocks += _history(history, agent.user_id) if history is not None else [asking]
    return Document(f"agent {agent.agent_id}", blocks)


def _brief(findings: Sequence[Finding]) -> Block:
    return Drawn(lambda width, glyphs: finding_rows(findings, width=width, glyphs=glyphs, most=3))


def _table_rows(
    columns: Sequence[Column], items: Sequence[Any], key: Callable[[int], str], width: int, glyphs: Glyphs
) -> list[Row]:
    """Items under the heads of their columns; each row has the key of its number."""
    layout, now = lay_out(columns, width), utc_now()
    rows = [heading(layout, glyphs)]
    return rows + [item_row(item, layout, key=key(at), glyphs=glyphs, now=now) for at, item in enumerate(items)]


def _change_rows(entries: Sequence[HistoryRow], width: int, glyphs: Glyphs) -> list[Row]:
    return _table_rows(HISTORY_COLUMNS, entries, lambda at: f"change:{entries[at].id}", width, glyphs)


def _history(history: Page[HistoryRow], user_id: int) -> list[Block]:
    own = [entry for entry in history.rows if entry.user_id == user_id]
    among = "all" if history.after is None else "the newest"
    searched = Text(f"{len(own):,} among {among} changes recorded for the account", "muted")
    changes = Drawn(lambda width, glyphs: _change_rows(own, width, glyphs) if own else ())
    return [searched, changes, Asked(history.evidence)]


def connection_document(one: ConnectionRow, evidence: Sequence[Evidence], now: datetime, glyphs: Glyphs) -> Document:
    """One sync connection with everything its row holds."""
    since = _moment(one.problem_at, now, glyphs) if one.problem_at is not None else "no problem is recorded"
    blocks = [
        Drawn(lambda _width, glyphs: [row(connection_piece(one.state, glyphs), f"  sync user {one.sync_user_id}")]),
        GAP,
        *_fields(
            ("problem", one.problem),
            ("problem since", since),
            _user(one.user_id),
            ("e-mail at Zillow", one.email),
            ("ZUID", one.zuid),
            ("integration", one.integration or "none: the connection is disabled"),
            ("integration enabled", "" if one.is_enabled is None else "yes" if one.is_enabled else "no"),
            ("leads", "" if one.leads is None else f"{one.leads:,}"),
            ("last agent sync", _moment(one.last_agent_sync_at, now, glyphs)),
            ("last verified", _moment(one.last_verified_at, now, glyphs)),
            ("migration", one.migration or "moved, or not to be judged"),
        ),
        Asked(evidence),
    ]
    return Document(f"connection {one.sync_user_id}", blocks)


def change_document(entry: HistoryRow, evidence: Sequence[Evidence], now: datetime, glyphs: Glyphs) -> Document:
    """One change of a user's resolution."""
    when = _moment(entry.at, now, glyphs)
    blocks = _fields(
        _user(entry.user_id), ("from", entry.old), ("to", entry.new), ("reason", entry.reason), ("when", when)
    )
    return Document(f"change {entry.id}", [*blocks, Asked(evidence)])


# ---- diagnoses


def oauth_listing(diagnosis: OAuthDiagnosis, open_key: Open) -> Listing:
    """zillow-oauth-diagnosis of an account or of one of its users; `open_key` gets `finding:N` and `user:ID`."""
    found, figures = diagnosis.findings, diagnosis.consistency

    def why(key: str) -> Why | None:
        if key in {"", "conclusion"}:
            return "OAuth diagnosis", diagnosis.conclusion.sentence, evidence_of(found)
        return why_finding(found, key) or why_figure(figures, key)

    drawings: dict[str, Draw] = {
        "findings": lambda width, glyphs: finding_rows(found, width=width, glyphs=glyphs, most=4),
        "figures": lambda width, glyphs: figure_rows(figures, width=min(width, 76), glyphs=glyphs),
        "users": lambda width, glyphs: _user_rows(diagnosis.users, width, glyphs),
    }
    document = oauth_document(diagnosis)
    crumb = f"OAuth of {f'user {diagnosis.user_id}' if diagnosis.user_id is not None else 'every user'}"
    return Listing(document.title, crumb, document.blocks, open_key, frozenset({"finding", "user"}), why, drawings)


def _user_rows(users: Sequence[OAuthUser], width: int, glyphs: Glyphs) -> list[Row]:
    rows: list[Row] = []
    for user in users:
        verdict = glyphs.text(user.verdict.replace("_", " "))
        lines = wrap(glyphs.text(user.sentence), max(12, width - 36), most=2)
        head = (fit(str(user.user_id), 9, right=True), "  ", Piece(fit(verdict, 23), "warn"), "  ")
        rows.append(row(*head, lines[0], key=f"user:{user.user_id}"))
        rows += [row(" " * 36, line) for line in lines[1:]]
    return rows


def resolution_listing(diagnosis: ResolutionDiagnosis, open_key: Open) -> Listing:
    """Agent resolution of one account, every stale agent named; `open_key` gets `stale:N` and `finding:N`."""
    found, distribution, stale = diagnosis.findings, diagnosis.distribution, diagnosis.stale
    shares = distribution.evidence if distribution is not None else ()

    def why(key: str) -> Why | None:
        if key.startswith("share:") and distribution is not None:
            return "resolution of this account", diagnosis.conclusion.sentence, shares
        title = f"agent resolution of account {diagnosis.account_id}"
        whole = [*evidence_of(found), *shares]
        return why_finding(found, key) or (title, diagnosis.conclusion.sentence, whole)

    drawings: dict[str, Draw] = {
        "findings": lambda width, glyphs: finding_rows(found, width=width, glyphs=glyphs, most=4),
        "stale": lambda width, glyphs: _table_rows(STALE_COLUMNS, stale, "stale:{}".format, width, glyphs),
        "changes": lambda width, glyphs: _change_rows(diagnosis.transitions, width, glyphs),
        "shares": lambda width, glyphs: share_rows(distribution, width, glyphs) if distribution is not None else (),
    }
    document, opens = resolution_document(diagnosis), frozenset({"stale", "finding"})
    return Listing(document.title, "resolution", document.blocks, open_key, opens, why, drawings)


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
        # Of a small account the distance alone may be beyond the limit that the word says it keeps.
        note = f"   {glyphs.text(share.note)}" if share.note else ""
        state = Piece(status.text, status.tone)
        rows.append(row(line, (fit(beside, 36), "muted"), state, (note, "muted"), key=f"share:{share.method}"))
    for count, what in ((distribution.retired, "the retired method 2"), (distribution.unclear, "no known method")):
        if count:
            whose = "agent holds" if count == 1 else "agents hold"
            rows += wrapped(glyphs.text(f"{glyphs.warned} {count:,} {whose} {what}: in no share"), width, "warn")
    return rows
