"""zillow-oauth-diagnosis, from the question to the answer: sources are asked at the same time, and may each fail."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diagnostics.checks.base import finding, plural, sentence
from diagnostics.checks.oauth_failure import OAuthApplication
from diagnostics.core.failures import SourceFailure, TurnAwaited
from diagnostics.core.time import utc_now
from diagnostics.core.waiting import aside
from diagnostics.health.counters import read_counters
from diagnostics.models.accounts import OAuthDiagnosis
from diagnostics.models.figures import Figure
from diagnostics.models.status import Status
from diagnostics.models.triage import Finding, TriageRequest
from diagnostics.oauth.client_side import methods_of, users_by_id
from diagnostics.oauth.conclusion import Client, conclude, primary_code
from diagnostics.oauth.findings import findings
from diagnostics.oauth.log_signs import LogSigns, query_of, read_signs
from diagnostics.oauth.records import ONCE, rows_without_user
from diagnostics.oauth.tally import Tally
from diagnostics.oauth.users import NONE, PATTERNS, one_user, walk_users
from diagnostics.oauth.verdicts import CODES, CONSISTENT, Rules

if TYPE_CHECKING:
    from diagnostics.core.context import Context
    from diagnostics.core.waiting import Job

MOST_USERS = 100_000
"""Users of one account that are read at most; the largest account has a tenth of that."""

LAST_S = 3_600
"""Window of the refresh metrics."""


def diagnose(context: Context, account_id: int, user_id: int | None = None, job: Job | None = None) -> OAuthDiagnosis:
    """The diagnosis. Raises AccountUnknown for an account that is not there; a silent source becomes a finding."""
    tally = Tally(account_id, Rules(context.catalogue, context.now()), user_id)
    with aside(3, "oauth") as pool:
        logs = pool.submit(read_signs, context, account_id, user_id)
        request = TriageRequest(issue_type="oauth_failure", account_id=account_id)
        application = pool.submit(OAuthApplication().run, context, request)
        metrics = pool.submit(_metrics_finding, context)
        return _answer(context, tally, _Aside(logs, application, metrics), job)


@dataclass(slots=True, frozen=True)
class _Aside:
    """Questions that are asked while the rows are read."""

    logs: Future[LogSigns]
    application: Future[Finding]
    metrics: Future[Finding]


def _answer(context: Context, tally: Tally, aside: _Aside, job: Job | None) -> OAuthDiagnosis:
    notes: list[str] = []
    found: list[Finding] = []
    clients = _ClientSide(context, tally)
    try:
        context.databases.account(tally.account_id)
        _read(context, tally, clients, job)
    except SourceFailure as failure:
        tally.is_complete, tally.stopped = False, failure.headline()
        found.append(_unanswered("oauth_records", "What is stored about the credentials?", failure))
    if tally.users:
        found += findings(tally)
    found.append(clients.finding())
    signs = aside.logs.result()
    found += [_log_finding(context, tally, signs), aside.metrics.result(), aside.application.result(), _endpoint()]
    if not tally.is_complete:
        notes.append(f"Not everything was read: {tally.stopped}.")
    agents = clients.agents(primary_code(tally))
    return OAuthDiagnosis(
        account_id=tally.account_id,
        user_id=tally.user_id,
        conclusion=conclude(tally, signs, agents),
        findings=tuple(found),
        consistency=tuple(_figures(tally)) if tally.user_id is None else (),
        users=tally.wrong(),
        users_in_all=tally.users - tally.patterns[NONE] if tally.is_complete else None,
        notes=(*notes, *clients.notes),
        taken_at=utc_now(),
    )


def _read(context: Context, tally: Tally, clients: _ClientSide, job: Job | None) -> None:
    """Walk over the account, or read its one user."""
    if tally.user_id is not None:
        user, asked = one_user(context, tally.account_id, tally.user_id)
        tally.asked("auth", asked[0])
        tally.asked("sync", asked[1])
        tally.add((user,), orphans=clients.orphans((tally.user_id,), has_records=user.pattern != NONE))
        return
    after: int | None = None
    while True:
        step = walk_users(context, tally.account_id, after=after, limit=ONCE)
        tally.asked("auth", step.evidence[0])
        tally.asked("sync", step.evidence[1])
        ids = tuple(user.user_id for user in step.users)
        tally.add(step.users, orphans=clients.orphans(ids, has_records=True))
        after = step.after
        if job is not None:
            job.report(tally.users, None if after is not None else tally.users, "users")
        if after is None:
            break
        if (job is not None and job.is_over) or tally.users >= MOST_USERS:
            tally.is_complete = False
            cancelled = job is not None and job.is_cancelled
            tally.stopped = f"ended after {plural(tally.users, 'user')}" + (" as you asked" if cancelled else "")
            break
    for table in ("zillow_auth", "zillow_sync_users"):
        count, _ = rows_without_user(context, table, tally.account_id)
        for _ in range(count):
            tally.orphans.note("nobody", f"a row of {table} names no user; it is in no count of users")


class _ClientSide:
    """The client database of one account, asked until it fails once."""

    def __init__(self, context: Context, tally: Tally) -> None:
        self._context = context
        self._tally = tally
        self._failure: SourceFailure | None = None
        self._read = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """What its silence means for the answer."""
        if self._failure is None:
            return ()
        why = f"{self._failure.headline()}: {self._failure.reason}."
        return (f"{why} Whether these users still exist was not checked, and this database supports no conclusion.",)

    def orphans(self, users: tuple[int, ...], *, has_records: bool) -> frozenset[int]:
        """Those of `users` that it does not hold; none of them when it does not answer."""
        if self._failure is not None or not users:
            return frozenset()
        try:
            found = users_by_id(self._context, self._tally.account_id, users)
        except SourceFailure as failure:
            self._failure = failure
            return frozenset()
        self._tally.asked("client", found.evidence)
        self._read += len(users)
        missing = frozenset(users) - found.by_id.keys()
        if missing and not has_records:
            self._tally.orphans.note("stranger", "")
        return missing if has_records else frozenset()

    def agents(self, code: str) -> Client:
        """The resolution of the affected users' agents."""
        users = self._tally.affected.get(code, [])
        if self._failure is not None or not users:
            return Client()
        try:
            methods, _ = methods_of(self._context, self._tally.account_id, users)
        except SourceFailure as failure:
            self._failure = failure
            return Client()
        return Client(methods)

    def finding(self) -> Finding:
        """Whether the client database holds the users."""
        title = "Does the client database hold these users?"
        if self._failure is not None:
            return _unanswered("oauth_client", title, self._failure)
        orphans = self._tally.orphans.counts["orphan"] + self._tally.orphans.counts["stranger"]
        status = Status.NO_DATA if not self._read else Status.FAIL if orphans else Status.PASS
        return finding(
            "oauth_client",
            title,
            status,
            self._summary(orphans),
            value=orphans if self._read else None,
            unit="orphans",
            next_step="Find out whether they were removed: their credentials were left behind." if orphans else "",
            evidence=self._tally.evidence("client"),
            details=self._tally.orphans.of("orphan"),
        )

    def _summary(self, orphans: int) -> str:
        if not self._read:
            return "There was nobody to look for."
        if self._tally.user_id is not None:
            return f"The client database holds {'no such' if orphans else 'the'} user."
        return f"{orphans:,} of {plural(self._read, 'user')} with records are not in the client database."


def _log_finding(context: Context, tally: Tally, signs: LogSigns) -> Finding:
    title = "What do the last 24 hours of logs say?"
    if signs.failure is not None:
        return _unanswered("oauth_logs", title, signs.failure)
    known = sum(signs.known.values())
    whose = "that name this user" if tally.user_id is not None else "of this account"
    cut = " Only the newest page was read." if signs.cut else ""
    messages = context.catalogue.known_messages
    told = "; ".join(f'{count:,} × "{messages[name].text}"' for name, count in signs.known.most_common())
    return finding(
        "oauth_logs",
        title,
        Status.WARN if known else Status.NO_DATA if signs.cut else Status.PASS,
        f"{plural(signs.events, 'OAuth or connection event')} {whose}"
        + (f"; messages whose meaning is known: {told}." if known else ", none with a message whose meaning is known.")
        + cut,
        value=known,
        unit="events",
        next_step=" ".join(messages[name].remedy for name, _ in signs.known.most_common(2)),
        evidence=signs.evidence,
        details=(*signs.lines, f"query: {query_of(context.catalogue, tally.account_id, tally.user_id)}"),
    )


def _metrics_finding(context: Context) -> Finding:
    """Token refreshes of all accounts together: the metrics name no account."""
    title = "Do token refreshes fail everywhere?"
    try:
        counters = read_counters(context)
    except SourceFailure as failure:
        return _unanswered("oauth_refresh_metrics", title, failure)
    failed = counters.failed_share("token_refresh_failed", "token_requested", LAST_S)
    rule = context.catalogue.thresholds["token_success"]
    success = None if failed is None else 100.0 - failed
    return finding(
        "oauth_refresh_metrics",
        title,
        rule.judge(success),
        "Nothing was reported in the last hour."
        if success is None
        else f"{success:.2f} % of all accounts' token requests of the last hour succeeded.",
        value=None if success is None else round(success, 2),
        unit="%",
        threshold=rule.rule(),
        next_step=""
        if rule.judge(success) in {Status.PASS, Status.NO_DATA}
        else "Look at level 2: it is not one account.",
        evidence=counters.evidence,
        details=("The metrics carry no account: they tell a local problem from a general one.",),
    )


def _endpoint() -> Finding:
    return finding(
        "oauth_endpoint",
        "Does Zillow's authorisation endpoint answer?",
        Status.NO_DATA,
        "Not checked: the console never calls Zillow.",
        next_step="Open the authorisation page in a browser; an answer of any kind shows that it is reachable.",
    )


def _figures(tally: Tally) -> Iterator[Figure]:
    """Users by record pattern and by verdict. A number that rests on a part of the account says so."""
    with_records = tally.users - tally.patterns[NONE]
    note = "" if tally.is_complete else f"of the first {plural(with_records, 'user')} only"
    evidence = tuple(one for kind in ("auth", "sync") if (one := tally.evidence(kind)) is not None)

    def figure(id_: str, title: str, count: int, status: Status) -> Figure:
        known = bool(evidence)
        return Figure(
            id=id_,
            title=title,
            value=count if known else None,
            shown=f"{count:,}" if known else "—",
            unit="users",
            status=status if known else Status.NO_DATA,
            note=note,
            failure="" if known else tally.stopped,
            taken_at=tally.rules.now,
            evidence=evidence,
        )

    for pattern in PATTERNS[:-1]:
        yield figure(f"pattern_{pattern.replace(' ', '_')}", pattern, tally.patterns[pattern], Status.PASS)
    for name, code in CODES.items():
        count = tally.verdicts[name]
        if name == CONSISTENT or (count and name != "not_known"):
            status = Status.FAIL if code.breaks else Status.WARN if code.is_wrong else Status.PASS
            yield figure(f"verdict_{name}", code.words, count, status)


def _unanswered(check: str, title: str, failure: SourceFailure) -> Finding:
    status = Status.NO_DATA if isinstance(failure, TurnAwaited) else Status.UNREACHABLE
    return finding(
        check,
        title,
        status,
        sentence(f"{failure.headline()}: {failure.reason}"),
        next_step=failure.remedy,
    )
