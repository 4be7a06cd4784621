"""First view of an account: header, findings, figures. Every count is bounded, so size does not matter.

Nothing here waits for Datadog: the behaviour score is asked for apart, and shown here once it is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import TimeoutError as StillWaiting
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, func, literal, select

from diagnostics.checks.base import finding, moment, number
from diagnostics.core.failures import SourceFailure
from diagnostics.core.waiting import SETTLE_S, StillAsking, aside
from diagnostics.core.words import about, capital, form, plural, sentence
from diagnostics.health.figures import unless_old
from diagnostics.models.accounts import AccountHeader, AccountSummary
from diagnostics.models.evidence import Evidence
from diagnostics.models.figures import UNKNOWN, Figure
from diagnostics.models.status import Status
from diagnostics.models.triage import Finding
from diagnostics.oauth.client_side import INFERRED, METHODS, UNMATCHED, has_client_database, no_client_database

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from diagnostics.core.context import Context, Question
    from diagnostics.sources.mysql.databases import AccountPlace, Rows


LOOKED_AT = 250
"""Credentials and connections that the summary looks at; the OAuth diagnosis reads them all."""

HOLDERS = 100
"""Connected users whose agents the summary looks at: their ids travel from one database to the other."""

MOST_COUNTED = 1_000
"""Agents of one method and unsynced deals are counted up to here: "1,000+"."""


@dataclass(slots=True, frozen=True)
class _Count:
    """How one count is shown."""

    id: str
    title: str
    name: str
    """Column of the answer."""
    bad: Status
    """Its state when it is not zero."""
    note: str = ""


_TOKENS = (
    _Count("credentials", "Credentials", "total", Status.PASS),
    _Count("tokens_missing", "Tokens missing", "missing", Status.WARN),
    _Count("tokens_expired", "Tokens expired", "expired", Status.WARN),
    _Count("tokens_soon", "Expire in 24 h", "soon", Status.PASS),
)
_CONNECTIONS = (
    _Count("connections_healthy", "Connections healthy", "healthy", Status.PASS),
    _Count("connections_warning", "Connections warning", "warning", Status.WARN),
    _Count("connections_error", "Connections error", "error", Status.FAIL),
    _Count("connections_disabled", "Connections disabled", "disabled", Status.PASS),
)
_UNSYNCED = _Count("deals_unsynced", "Deals not synced", "unsynced", Status.WARN)


@dataclass(slots=True, frozen=True)
class CountRow:
    """One row of counts, or why there is none."""

    row: dict[str, object]
    evidence: Evidence | None = None
    failure: SourceFailure | None = None

    def count(self, name: str) -> int | None:
        """A count; None where the question got no answer."""
        return None if self.failure is not None else number(self.row, name)


@dataclass(slots=True, frozen=True)
class AccountCounts:
    """Everything that a summary is made of, taken at one moment."""

    place: AccountPlace
    now: datetime
    auths: CountRow
    syncs: CountRow
    agents: CountRow
    deals: CountRow
    stale: CountRow


def read_counts(
    context: Context, account_id: int, tell: Callable[[AccountCounts], object] | None = None
) -> AccountCounts:
    """The counts. Raises AccountUnknown, and SourceFailure where `common.accounts` does not answer; nothing else.

    `tell` gets those of `common` where the client database, which is asked at the same time, has not answered yet.
    """
    now = context.now()
    place = context.databases.account(account_id)
    with aside(1, "client database") as clients:
        asked = clients.submit(_client_counts, context, account_id, now)
        pending = CountRow({}, failure=StillAsking(f"client {account_id}", None))
        counts = AccountCounts(
            place=place,
            now=now,
            auths=_asked(
                lambda: context.common(f"summary tokens {account_id}", _auth_counts(context, account_id, now))
            ),
            syncs=_asked(
                lambda: context.common(f"summary connections {account_id}", _sync_counts(context, account_id))
            ),
            agents=pending,
            deals=pending,
            stale=pending,
        )
        try:
            agents, deals, stale = asked.result(None if tell is None else SETTLE_S)
        except StillWaiting:
            if tell is not None:
                tell(counts)
            agents, deals, stale = asked.result()
    return replace(counts, agents=agents, deals=deals, stale=stale)


def _client_counts(context: Context, account_id: int, now: datetime) -> tuple[CountRow, CountRow, CountRow]:
    """Agents, deals and agents that should have been resolved."""
    agents = _client(context, account_id, "summary agents", _agent_counts)
    if agents.failure is not None and agents.failure.is_transient:
        # A client host that does not answer costs its time limit once, not once a question.
        return agents, agents, agents
    return agents, _client(context, account_id, "summary deals", _deal_counts), _stale(context, account_id, now)


def _auth_counts(context: Context, account_id: int, now: datetime) -> Question:
    """Counts over the account's first credentials, each beside the connection of its user: both are in `common`."""
    auth, sync = context.table("zillow_auth"), context.table("zillow_sync_users")
    first = (
        select(
            auth.c.user_id.label("user_id"),
            auth.c.expires_at.label("expires_at"),
            auth.c.updated_at.label("updated_at"),
            auth.c.created_at.label("created_at"),
            case((auth.c.encrypted_refresh_token.is_not(None), 1), else_=0).label("held"),
        )
        .where(auth.c.account_id == account_id)
        .order_by(auth.c.user_id, auth.c.id)
        .limit(LOOKED_AT)
        .subquery("looked_at")
    )
    held = first.c.held == 1
    integrated = select(literal(1)).where(
        sync.c.account_id == account_id,
        sync.c.user_id == first.c.user_id,
        sync.c.zillow_integration_id.is_not(None),
    )
    off, unread = (integrated.where(sync.c.zillow_integration_enabled.is_(state)).exists() for state in (False, None))
    recent, overdue = _installation(context, now)
    counts: dict[str, ColumnElement[bool]] = {
        "missing": first.c.held == 0,
        "expired": and_(held, first.c.expires_at <= now),
        "undated": and_(held, first.c.expires_at.is_(None)),
        "soon": and_(held, first.c.expires_at > now, first.c.expires_at <= now + timedelta(hours=24)),
        "disabled": and_(held, first.c.expires_at > now, off),
        "unread": and_(held, first.c.expires_at > now, unread, ~off),
        "incomplete": and_(held, first.c.created_at > recent, first.c.created_at <= overdue, ~integrated.exists()),
        "future": first.c.updated_at > now + timedelta(seconds=_skew(context)),
    }
    return select(
        func.count().label("total"),
        *(func.sum(case((condition, 1), else_=0)).label(name) for name, condition in counts.items()),
    ).select_from(first)


def _sync_counts(context: Context, account_id: int) -> Question:
    """States of the account's first connections, and the oldest problem among them."""
    sync = context.table("zillow_sync_users")
    first = (
        select(
            sync.c.zillow_integration_id.label("integration"),
            sync.c.connection_health_status.label("health"),
            sync.c.problem_at.label("problem_at"),
            sync.c.problem_msg.label("problem"),
        )
        .where(sync.c.account_id == account_id)
        .order_by(sync.c.user_id, sync.c.id)
        .limit(LOOKED_AT)
        .subquery("looked_at")
    )
    integrated, problem = first.c.integration.is_not(None), first.c.problem_at.is_not(None)
    well = and_(integrated, ~problem)
    counts: dict[str, ColumnElement[bool]] = {
        "disabled": ~integrated,
        "stuck": and_(~integrated, first.c.problem.is_not(None), first.c.problem != ""),
        "error": and_(integrated, (problem | (first.c.health == "error"))),
        "warning": and_(well, first.c.health == "warning"),
        "healthy": and_(well, first.c.health == "healthy"),
    }
    return select(
        func.count().label("total"),
        func.min(case((and_(integrated, problem), first.c.problem_at))).label("since"),
        *(func.sum(case((condition, 1), else_=0)).label(name) for name, condition in counts.items()),
    ).select_from(first)


def _agent_counts(context: Context) -> Question:
    """Agents by method, each counted in the index up to a bound; one column a method."""
    agents = context.table("zillow_agents")
    return select(
        *(
            _at_most(agents.c.resolution_method, agents.c.resolution_method == method).label(f"method_{method}")
            for method in METHODS
        )
    )


def _deal_counts(context: Context) -> Question:
    deals = context.table("deals")
    some = select(deals.c.id).limit(1).subquery()
    return select(
        _at_most(deals.c.synced_at, deals.c.synced_at.is_(None)).label("unsynced"),
        select(func.count()).select_from(some).scalar_subquery().label("any"),
    )


def _at_most(column: Any, condition: ColumnElement[bool]) -> Any:  # noqa: ANN401  # SQLAlchemy's columns have no short type
    """How many rows meet the condition, at most one more than the bound."""
    some = select(column).where(condition).limit(MOST_COUNTED + 1).subquery()
    return select(func.count()).select_from(some).scalar_subquery()


def _stale(context: Context, account_id: int, now: datetime) -> CountRow:
    """Agents that are INFERRED or UNMATCHED although their user, among the first that were looked at, is connected."""
    auth = context.table("zillow_auth")
    valid = (
        select(auth.c.user_id.label("user_id"))
        .where(auth.c.account_id == account_id, auth.c.encrypted_refresh_token.is_not(None), auth.c.expires_at > now)
        .order_by(auth.c.user_id)
        .limit(HOLDERS)
    )

    def ask() -> Rows:
        if not has_client_database(context, account_id):
            raise no_client_database(account_id)
        holders = context.common(f"summary holders {account_id}", valid)
        users = [row["user_id"] for row in holders.rows]
        agents = context.table("zillow_agents")
        counted = select(func.count().label("stale")).where(
            agents.c.user_id.in_(users), agents.c.resolution_method.in_((INFERRED, UNMATCHED))
        )
        return context.client(account_id, "summary stale", counted.add_columns(literal(len(users)).label("users")))

    return _asked(ask)


def _client(context: Context, account_id: int, name: str, statement: Callable[[Context], Question]) -> CountRow:
    def ask() -> Rows:
        if not has_client_database(context, account_id):
            raise no_client_database(account_id)
        return context.client(account_id, name, statement(context))

    return _asked(ask)


def _asked(ask: Callable[[], Rows]) -> CountRow:
    try:
        rows = ask()
    except SourceFailure as failure:
        return CountRow({}, failure=failure)
    return CountRow(rows.rows[0] if rows.rows else {}, rows.evidence)


def _installation(context: Context, now: datetime) -> tuple[datetime, datetime]:
    """Credentials made between the two, and still without an integration, are an installation that did not end."""
    rules = context.catalogue.thresholds
    days, minutes = rules["installation_recent_days"].warning or 0.0, rules["installation_minutes"].warning or 0.0
    return now - timedelta(days=days), now - timedelta(minutes=minutes)


def _skew(context: Context) -> float:
    return context.catalogue.thresholds["clock_skew_seconds"].warning or 0.0


def figures(counts: AccountCounts, behaviour: Figure | None) -> Iterator[Figure]:
    """Users, tokens, connections by state, agents by method, unsynced deals, behaviour."""
    users = counts.place.user_count
    yield Figure(
        id="users",
        title="Users",
        value=users,
        shown=UNKNOWN if users is None else f"{users:,}",
        unit="users",
        status=Status.NO_DATA if users is None else Status.PASS,
        note="as common.accounts says",
        taken_at=counts.now,
    )
    for one in _TOKENS:
        yield _looked_at(one, counts.auths)
    for one in _CONNECTIONS:
        yield _looked_at(one, counts.syncs)
    for method, name in METHODS.items():
        retired = name.startswith("retired")
        id_ = f"agents_{name.lower().replace(' ', '_')}"
        note = "in no share of the distribution" if retired else ""
        shown = _Count(id_, f"Agents {name}", f"method_{method}", Status.WARN if retired else Status.PASS, note)
        yield _bounded(shown, counts.agents)
    yield _bounded(_UNSYNCED, counts.deals)
    yield behaviour or Figure(
        id="behaviour",
        title="Behaviour",
        value=None,
        shown=UNKNOWN,
        unit="score",
        note="not asked yet: it needs the logs of two weeks",
    )


def counted(count: int) -> str:
    """A count that stops at the bound."""
    return f"{MOST_COUNTED:,}+" if count > MOST_COUNTED else f"{count:,}"


def _looked_at(one: _Count, asked: CountRow) -> Figure:
    """A count among the first rows of the account."""
    total = asked.count("total")
    is_part = total is not None and total >= LOOKED_AT
    count = asked.count(one.name)
    shown = UNKNOWN if count is None else f"{count:,}+" if is_part and one.name == "total" else f"{count:,}"
    return _figure(one, asked, count, shown, f"of the first {LOOKED_AT:,} only" if is_part else "")


def _bounded(one: _Count, asked: CountRow) -> Figure:
    """A count that stops at the bound."""
    count = asked.count(one.name)
    return _figure(
        one,
        asked,
        None if count is None else min(count, MOST_COUNTED),
        UNKNOWN if count is None else counted(count),
        f"counted up to {MOST_COUNTED:,}" if count is not None and count > MOST_COUNTED else "",
    )


def _figure(one: _Count, asked: CountRow, value: int | None, shown: str, partly: str) -> Figure:
    return Figure(
        id=one.id,
        title=one.title,
        value=value,
        shown=shown,
        status=unless_old(
            one.bad
            if value
            else Status.NO_DATA
            if value is None or (partly and one.bad is not Status.PASS)
            else Status.PASS,
            () if asked.evidence is None else (asked.evidence,),
        ),
        note="; ".join(text for text in (partly, one.note) if text),
        failure=asked.failure.headline() if asked.failure else "",
        taken_at=asked.evidence.started_at if asked.evidence else None,
        evidence=() if asked.evidence is None else (asked.evidence,),
    )


_GRAVITY = (Status.FAIL, Status.UNREACHABLE, Status.WARN, Status.NO_DATA, Status.PASS)
_WELL = frozenset({"", "active"})


def summary(
    context: Context,
    account_id: int,
    behaviour: Figure | None,
    tell: Callable[[AccountSummary], object] | None = None,
) -> AccountSummary:
    """The summary. Raises AccountUnknown, and SourceFailure where `common.accounts` does not answer.

    `tell` gets what `common` says, where the client database has not answered yet.
    """

    def so_far(counts: AccountCounts) -> None:
        if tell is not None:
            tell(_summary(context, counts, behaviour))

    return _summary(context, read_counts(context, account_id, None if tell is None else so_far), behaviour)


def _summary(context: Context, counts: AccountCounts, behaviour: Figure | None) -> AccountSummary:
    found = [
        *_place_findings(counts.place),
        *_token_findings(context, counts.auths),
        *_connection_findings(counts.syncs, counts.now),
        *_client_findings(counts.agents, counts.deals, counts.stale),
    ]
    found.sort(key=lambda one: _GRAVITY.index(one.status))
    return AccountSummary(
        header=_header(counts.place, counts.syncs),
        findings=tuple(found),
        figures=tuple(figures(counts, behaviour)),
        notes=tuple(_notes(counts.place.id, counts.auths, counts.syncs, counts.agents)),
    )


def _header(place: AccountPlace, syncs: CountRow) -> AccountHeader:
    return AccountHeader(
        account_id=place.id,
        name=place.name,
        status=place.status,
        user_count=place.user_count,
        db_host=place.db_host,
        db_database=place.db_database,
        unhealthy_since=moment(syncs.row, "since"),
        evidence=tuple(one for one in (syncs.evidence,) if one is not None),
    )


def _place_findings(place: AccountPlace) -> Iterator[Finding]:
    title = "Is the account in order?"
    if not place.db_database:
        yield finding(
            "account_place",
            title,
            Status.FAIL,
            "common.accounts names no client database: users, agents and deals cannot be read.",
            next_step="Find out whether the account was ever provisioned.",
        )
    if place.status.casefold() not in _WELL:
        yield finding(
            "account_status",
            title,
            Status.WARN,
            f"The account's status is {place.status!r}.",
            value=place.status,
            threshold="active",
            next_step="Ask customer success before anything is repaired for it.",
        )


def _token_findings(context: Context, auths: CountRow) -> Iterator[Finding]:
    title = "Do users hold valid OAuth tokens?"
    if auths.failure is not None:
        yield _unanswered("account_tokens", title, auths.failure)
        return
    total = number(auths.row, "total")
    if not total:
        yield finding(
            "account_tokens", title, Status.NO_DATA, "There are no OAuth credentials.", evidence=auths.evidence
        )
        return
    of = _of(total, "credential")
    yield _broken_tokens(auths, title, total, of)
    yield from _switched_off(auths, of)
    yield from _incomplete_installations(context, auths, of)
    yield from _dated_ahead(context, auths, of)


def _broken_tokens(auths: CountRow, title: str, total: int, of: str) -> Finding:
    missing, expired, undated = (number(auths.row, name) for name in ("missing", "expired", "undated"))
    bad = missing + expired
    return finding(
        "account_tokens",
        title,
        Status.FAIL if bad == total else Status.WARN if bad or undated else _quiet(total),
        _tokens_words(of, missing, expired, undated),
        value=bad,
        unit="broken",
        threshold="any of them warning, all critical",
        next_step="Open users & OAuth, only those with something wrong." if bad else "",
        evidence=auths.evidence,
    )


def _tokens_words(of: str, missing: int, expired: int, undated: int) -> str:
    """How many of the credentials lack a token, or a valid one."""
    parts = [f"{missing:,} {form(missing, 'has', 'have')} no token"] if missing else []
    parts += [f"{expired:,} {form(expired, 'has', 'have')} expired"] if expired else []
    parts += [f"{undated:,} {form(undated, 'names', 'name')} no expiry"] if undated else []
    return f"Of {of}, {', '.join(parts)}." if parts else f"No token is missing or expired among {of}."


def _switched_off(auths: CountRow, of: str) -> Iterator[Finding]:
    disabled = number(auths.row, "disabled")
    if disabled:
        yield finding(
            "account_integration",
            "Is the integration switched on?",
            Status.FAIL,
            f"Of {of}, {disabled:,} are valid while the integration is disabled in Premier Agent.",
            value=disabled,
            unit="disabled",
            threshold="a valid token with the integration enabled",
            next_step="The customer enables the integration in Zillow Premier Agent.",
            evidence=auths.evidence,
        )
    elif unread := number(auths.row, "unread"):
        yield finding(
            "account_integration",
            "Is the integration switched on?",
            Status.NO_DATA,
            f"Of {of}, {unread:,} have a connection whose switch says neither on nor off.",
            threshold="a valid token with the integration enabled",
            next_step="Run warroom doctor: it says what zillow_integration_enabled is in this database.",
            evidence=auths.evidence,
        )


def _incomplete_installations(context: Context, auths: CountRow, of: str) -> Iterator[Finding]:
    incomplete = number(auths.row, "incomplete")
    if incomplete:
        yield finding(
            "account_installation",
            "Was the installation completed after OAuth?",
            Status.FAIL,
            f"Of {of}, {incomplete:,} were made lately and still have no integration: an installation race.",
            value=incomplete,
            unit="incomplete",
            threshold=f"no integration {context.catalogue.thresholds['installation_minutes'].rule()}",
            next_step="Run the installation again with growing pauses between attempts.",
            evidence=auths.evidence,
        )


def _dated_ahead(context: Context, auths: CountRow, of: str) -> Iterator[Finding]:
    future = number(auths.row, "future")
    if future:
        yield finding(
            "account_clocks",
            "Do the clocks agree?",
            Status.WARN,
            f"Of {of}, {future:,} were updated at a time that is yet to come.",
            value=future,
            unit="rows",
            threshold=context.catalogue.thresholds["clock_skew_seconds"].rule(),
            next_step="Ages computed from these rows are wrong: compare the hosts' clocks.",
            evidence=auths.evidence,
        )


def _connection_findings(syncs: CountRow, now: datetime) -> Iterator[Finding]:
    title = "Are the sync connections healthy?"
    if syncs.failure is not None:
        yield _unanswered("account_connections", title, syncs.failure)
        return
    total, errors, warnings, healthy, disabled = (
        number(syncs.row, name) for name in ("total", "error", "warning", "healthy", "disabled")
    )
    unclear = total - disabled - errors - warnings - healthy
    status = Status.FAIL if errors else Status.WARN if warnings or unclear else _quiet(total)
    if total == disabled:
        # None of them can be healthy: that none is in error is no all-clear.
        status = Status.NO_DATA
    since = moment(syncs.row, "since")
    oldest = "" if since is None else f"; the oldest problem began {about((now - since).total_seconds())} ago"
    yield finding(
        "account_connections",
        title,
        status,
        f"Of {_of(total, 'connection')}, {errors:,} are in error, {warnings:,} in warning"
        + (f", {disabled:,} disabled" if disabled else "")
        + (f", {unclear:,} in a state that is missing or unknown" if unclear else "")
        + f"{oldest}."
        if total
        else "There is no sync connection.",
        value=errors if total else None,
        unit="errors",
        threshold="error: an integration id and a problem",
        next_step="Open sync connections, only those with something wrong."
        if errors or unclear
        else "An account whose connections are all disabled has to connect in Premier Agent."
        if total and total == disabled
        else "",
        evidence=syncs.evidence,
    )
    stuck = number(syncs.row, "stuck")
    if stuck:
        yield finding(
            "account_stuck",
            "Are there connections that were never set up?",
            Status.WARN,
            f"Of {_of(total, 'connection')}, {stuck:,} have a problem and no integration id: onboarding is incomplete.",
            value=stuck,
            unit="connections",
            threshold="none",
            next_step="Run the OAuth diagnosis; where it finds an installation race, install again.",
            evidence=syncs.evidence,
        )


def _client_findings(agents: CountRow, deals: CountRow, stale: CountRow) -> Iterator[Finding]:
    title = "Does the client database answer?"
    failure = agents.failure or deals.failure
    if failure is not None:
        yield _unanswered("account_client", title, failure)
    count = stale.count("stale")
    if count is not None:
        holders = number(stale.row, "users")
        first = f"; the first {HOLDERS:,} holders of one were looked at" if holders >= HOLDERS else ""
        yield finding(
            "account_agents",
            "Are agents resolved as their tokens say?",
            Status.FAIL if count else Status.NO_DATA if first or not holders else Status.PASS,
            _stale_words(count, holders, first),
            value=count if count or (holders and not first) else None,
            unit="agents",
            threshold="none",
            next_step="Open agents & resolution, only those with something wrong." if count else "",
            evidence=stale.evidence,
        )
    unsynced = deals.count("unsynced")
    if unsynced is not None and not deals.count("any"):
        yield finding("account_deals", "Do deals sync?", Status.NO_DATA, "There are no deals.", evidence=deals.evidence)
    elif unsynced is not None:
        yield finding(
            "account_deals",
            "Do deals sync?",
            Status.WARN if unsynced else Status.PASS,
            f"{counted(unsynced)} {form(unsynced, 'deal has', 'deals have')} never been synced."
            if unsynced
            else "Every deal has been synced.",
            value=unsynced,
            unit="deals",
            threshold="none",
            next_step="Open deals, only those that are not synced: each states the code it would fail with."
            if unsynced
            else "",
            evidence=deals.evidence,
        )


def _stale_words(count: int, holders: int, first: str) -> str:
    if not holders:
        return "No user holds a valid token: there is nothing to compare agents with; expired tokens do not count."
    if not count:
        return f"No agent is INFERRED or UNMATCHED while its user holds a valid token{first}."
    return (
        f"{plural(count, 'agent')} INFERRED or UNMATCHED although the user holds a valid token "
        f"(agents of users with an expired one are not counted{first})."
    )


def _quiet(total: int) -> Status:
    """Nothing is wrong with the rows that were looked at, which is an all-clear only where there are no others."""
    return Status.NO_DATA if total >= LOOKED_AT else Status.PASS


def _notes(account_id: int, auths: CountRow, syncs: CountRow, agents: CountRow) -> Iterator[str]:
    old = next((one.evidence for one in (agents, syncs) if one.evidence is not None and one.evidence.is_old), None)
    if old is not None:
        yield sentence(f"{capital(old.caveat.partition(';')[0])}: what is read from it is of then")
    for asked, what in ((auths, "credentials"), (syncs, "connections")):
        if number(asked.row, "total") >= LOOKED_AT:
            yield (
                f"Account {account_id} may hold more than {LOOKED_AT:,} {what}: what is said here rests on the first "
                f"{LOOKED_AT:,}; the OAuth diagnosis reads them all."
            )


def _of(total: int, what: str) -> str:
    """`3 credentials`, or `the first 500 credentials` where there may be more."""
    return f"the first {total:,} {what}s" if total >= LOOKED_AT else plural(total, what)


def _unanswered(check: str, title: str, failure: SourceFailure) -> Finding:
    return finding(
        check,
        title,
        Status.NO_DATA if isinstance(failure, StillAsking) else Status.UNREACHABLE,
        sentence(f"{failure.headline()}: {failure.reason}"),
        next_step=failure.remedy,
    )
