"""zillow-oauth-diagnosis, from the question to the answer: sources are asked at the same time, and may each fail."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diagnostics.checks.base import finding
from diagnostics.checks.oauth_failure import OAuthApplication
from diagnostics.core.failures import SourceFailure, TurnAwaited
from diagnostics.core.time import utc_now
from diagnostics.core.waiting import aside
from diagnostics.core.words import capital, plural, sentence
from diagnostics.health.counters import read_counters
from diagnostics.models.accounts import OAuthDiagnosis
from diagnostics.models.conclusions import Conclusion, Confidence
from diagnostics.models.figures import Figure
from diagnostics.models.status import Status
from diagnostics.models.triage import Finding, TriageRequest
from diagnostics.oauth.aggregate import OAuthAggregate
from diagnostics.oauth.client_side import CONNECTED, methods_of, users_by_id
from diagnostics.oauth.findings import enablement_findings, findings
from diagnostics.oauth.log_indicators import MOST_EVENTS, LogIndicators, query_of, read_indicators
from diagnostics.oauth.records import ONCE, rows_without_user
from diagnostics.oauth.users import NONE, PATTERNS, SYNC_ONLY, one_user, walk_users
from diagnostics.oauth.verdicts import CODES, CONSISTENT, GRAVITY, MESSAGE_CODES, NOT_KNOWN, Rules
from diagnostics.oauth.wording import subject

if TYPE_CHECKING:
    from diagnostics.core.context import Context
    from diagnostics.core.waiting import Job
    from diagnostics.oauth.aggregate import OAuthAggregate
    from diagnostics.oauth.log_indicators import LogIndicators


@dataclass(slots=True, frozen=True)
class Saying:
    """How one verdict reads as a conclusion."""

    sentence: str
    next_step: str
    overturned_by: tuple[str, ...]


_AGAIN = "a newer row: read it again after a minute"
SAYINGS = {
    "token_missing": Saying(
        "no refresh token is stored",
        "Each of these users must connect to Zillow again.",
        (_AGAIN, "a schema map that points at the wrong token column (warroom doctor)"),
    ),
    "token_expired": Saying(
        "the token has expired and was not refreshed",
        "Look for rate limiting first, then for a withdrawn token; users whose token is withdrawn connect again.",
        ("a refresh that succeeds at the next use: a token that nobody uses may expire without harm", _AGAIN),
    ),
    "refresh_refused": Saying(
        "Zillow refuses the refresh token",
        "The user must connect to Zillow again.",
        ("a refresh that succeeded after the newest refusal", "a problem text that was never cleared"),
    ),
    "integration_disabled": Saying(
        "integration disabled in Premier Agent, although the credentials are valid",
        "The customer enables the integration in Zillow Premier Agent; nothing has to be done to the tokens.",
        (
            "a Zillow call of one of these users that succeeds",
            "the customer seeing the integration switched on in Premier Agent: then the flag here is stale",
        ),
    ),
    "installation_race": Saying(
        "installation incomplete: OAuth was completed, and the integration did not follow (installation race)",
        "Run the installation again with growing pauses between attempts, then look for an integration id.",
        (
            "an integration id that appears by itself: then it was still under way",
            "the customer never having installed",
        ),
    ),
    "rate_limited": Saying(
        "Zillow limits or refuses the requests of the connection; the credentials are probably fine",
        "Go on with rate limiting: warroom triage --issue rate_limiting.",
        ("HTTP 429 having ended while the problem stays",),
    ),
    "connection_error": Saying(
        "the connection has a problem that its rows do not explain",
        "Open the account's logs around the moment of the problem.",
        ("a newer verification that clears problem_at",),
    ),
    "expiry_unknown": Saying(
        "a token is held, and nothing says until when", "Look at why expires_at is NULL.", (_AGAIN,)
    ),
    "link_dangling": Saying(
        "the credentials link to a connection that is not theirs",
        "Let the user connect again, which writes a new link.",
        ("the linked connection living in another environment",),
    ),
    "zuid_mismatch": Saying(
        "credentials and connection name different Zillow users",
        "Find out which Zillow user is the right one; leads may go to the wrong person meanwhile.",
        ("the two ZUIDs being two spellings of one user",),
    ),
    "zuid_unclear": Saying(
        "the two ZUIDs are of types that cannot be compared",
        "Compare them by hand: /v1/userInfo answers with both types.",
        ("both being of one type",),
    ),
    "zuid_missing": Saying(
        "a ZUID is missing", "Let the user connect again; identity cannot be compared until then.", (_AGAIN,)
    ),
    "orphan": Saying(
        "credentials or connections of users that the client database does not hold",
        "Find out whether these users were removed or moved; their rows in common were left behind.",
        ("the client database being behind or restored from an old copy",),
    ),
    "not_integrated": Saying(
        "a token is held, and no integration was set up",
        "Ask whether the user ever installed the integration.",
        (_AGAIN,),
    ),
    "legacy_only": Saying(
        "only legacy connections, without credentials of their own: the legacy token service applies",
        "Nothing is broken by that; see the migration priorities.",
        ("a problem that the connection has not noticed yet: whether a legacy token works is not stored",),
    ),
    CONSISTENT: Saying(
        "the stored credentials are consistent: tokens are there, valid, and agree with their connections",
        "Look elsewhere: rate limiting, transaction sync, agent resolution.",
        (
            "a call with one of these tokens that Zillow refuses: the console never tries one",
            "an OAuth failure of this account in the logs after now",
        ),
    ),
}


@dataclass(slots=True)
class Client:
    """The client database's part of a conclusion."""

    methods: dict[int, set[int | None]] | None = None
    """Resolution methods of the affected users' agents; None when they were not read."""


def primary_code(aggregate: OAuthAggregate) -> str:
    """The verdict that the conclusion is about."""
    if not aggregate.users or aggregate.users == aggregate.patterns[NONE]:
        return NOT_KNOWN
    for breaks in (True, False):
        wrong = [
            name for name, code in CODES.items() if code.is_wrong and code.breaks is breaks and aggregate.verdicts[name]
        ]
        if wrong:
            return min(wrong, key=lambda name: (-aggregate.verdicts[name], GRAVITY[name]))
    if aggregate.users - aggregate.patterns[NONE] == aggregate.patterns[SYNC_ONLY]:
        return "legacy_only"
    if aggregate.user_id is not None and aggregate.verdicts["not_integrated"]:
        return "not_integrated"
    return CONSISTENT


def conclude(aggregate: OAuthAggregate, indicators: LogIndicators, client: Client) -> Conclusion:
    """The conclusion. Where nothing is stored, or nothing could be read, it is "not known", never a guess."""
    code = _with_logs(primary_code(aggregate), aggregate, indicators)
    if code == NOT_KNOWN:
        return not_known(aggregate, indicators)
    saying = SAYINGS[code]
    sources = tuple(_sources(code, aggregate, indicators, client))
    count = aggregate.verdicts[code]
    who = subject(aggregate)
    of_all = aggregate.users - aggregate.patterns[NONE]
    partly = (
        "" if aggregate.is_complete else f" Only the first {plural(of_all, 'user')} were read ({aggregate.stopped})."
    )
    healthy = not CODES[code].is_wrong
    if aggregate.user_id is not None or healthy or not count:
        sentence = f"{capital(who)}: {saying.sentence}.{_others(code, aggregate)}{partly}"
    else:
        sentence = (
            f"{count:,} of {plural(of_all, 'user')} of {who}: {saying.sentence}.{_others(code, aggregate)}{partly}"
        )
    confidence = _CONFIDENCE[min(len(sources), 3)]
    if not aggregate.is_complete and healthy:
        confidence = Confidence.PRELIMINARY
    return Conclusion(
        code=code,
        sentence=sentence,
        confidence=confidence,
        sources=sources,
        is_inference=CODES[code].is_inference and not _is_said(code, aggregate, indicators),
        overturned_by=(*saying.overturned_by, *_doubts(code, indicators)),
        next_step=saying.next_step,
    )


def _is_said(code: str, aggregate: OAuthAggregate, indicators: LogIndicators) -> bool:
    """A row or a log line names this cause itself."""
    return any(MESSAGE_CODES.get(name) == code for name in (*aggregate.known, *indicators.known))


def not_known(aggregate: OAuthAggregate, indicators: LogIndicators) -> Conclusion:
    """Conclusion where neither credentials nor connections were found or could be read."""
    logs = (
        f" Its logs name known messages {sum(indicators.known.values()):,} times in the last 24 h."
        if indicators.known
        else ""
    )
    why = aggregate.stopped or "neither credentials nor a connection are stored"
    return Conclusion(
        code=NOT_KNOWN,
        sentence=f"Not known what holds for {subject(aggregate)}: {why}.{logs}",
        confidence=Confidence.NONE,
        overturned_by=("a row in zillow_auth or zillow_sync_users, under this account and user",),
        next_step="Make sure of the account and the user; then ask a person who knows the account.",
    )


_CONFIDENCE = (Confidence.NONE, Confidence.PRELIMINARY, Confidence.STANDARD, Confidence.STRICT)


def _with_logs(code: str, aggregate: OAuthAggregate, indicators: LogIndicators) -> str:
    """Of one user: a refusal that is newer than the credentials overrides rows that look well."""
    auth = aggregate.last.auth if aggregate.last is not None else None
    newest = indicators.newest("refresh_refused")
    if aggregate.user_id is None or auth is None or newest is None or CODES[code].is_wrong:
        return code
    renewed = auth.updated_at is not None and auth.updated_at.timestamp() * 1_000 > newest
    return code if renewed or code == NOT_KNOWN else "refresh_refused"


def _sources(code: str, aggregate: OAuthAggregate, indicators: LogIndicators, client: Client) -> Iterator[str]:
    # A verdict taken from the logs alone has no row behind it.
    if aggregate.verdicts[code] or code in {CONSISTENT, "legacy_only"}:
        yield "common"
    if _client_agrees(code, aggregate, client):
        yield f"client {aggregate.account_id}"
    if _logs_agree(code, indicators):
        yield "datadog"


def _client_agrees(code: str, aggregate: OAuthAggregate, client: Client) -> bool:
    """Whether the agents of most affected users look the way this cause would leave them."""
    if client.methods is None:
        return False
    if code == "orphan":
        return bool(aggregate.orphans.counts["orphan"])
    users = aggregate.affected.get(code, [])
    read = [client.methods[user] for user in users if user in client.methods]
    connected = sum(CONNECTED in methods for methods in read)
    if not read:
        return False
    if code in {CONSISTENT, "integration_disabled", "installation_race"}:
        # OAuth itself was completed: that is what CONNECTED says.
        return 2 * connected > len(read)
    if code in {"token_missing", "token_expired", "refresh_refused"}:
        return 2 * (len(read) - connected) > len(read)
    return False


def _logs_agree(code: str, indicators: LogIndicators) -> bool:
    if indicators.failure is not None:
        return False
    if code == CONSISTENT:
        return not indicators.known and indicators.is_whole
    return indicators.count(code) > 0 or (
        code in {"token_expired", "token_missing"} and indicators.count("refresh_refused") > 0
    )


def _others(code: str, aggregate: OAuthAggregate) -> str:
    others = [
        f"{count:,} {CODES[name].words}"
        for name, count in sorted(aggregate.verdicts.items(), key=lambda one: GRAVITY[one[0]])
        if name != code and CODES[name].is_wrong
    ]
    if aggregate.user_id is not None or not others:
        return ""
    return f" Other users: {', '.join(others)}."


def _doubts(code: str, indicators: LogIndicators) -> Iterator[str]:
    if code == CONSISTENT and indicators.known:
        count = sum(indicators.known.values())
        yield f"the known messages in the account's logs ({count:,} in 24 h), if they are about it"
    if indicators.failure is not None:
        yield f"the account's logs, which were not read ({indicators.failure.headline()})"


MOST_USERS = 100_000
"""Users of one account that are read at most; the largest account has a tenth of that."""

LAST_S = 3_600
"""Window of the refresh metrics."""


def diagnose(context: Context, account_id: int, user_id: int | None = None, job: Job | None = None) -> OAuthDiagnosis:
    """The diagnosis. Raises AccountUnknown for an account that is not there; a silent source becomes a finding."""
    aggregate = OAuthAggregate(account_id, Rules(context.catalogue, context.now()), user_id)
    with aside(4, "oauth") as pool:
        logs = pool.submit(read_indicators, context, account_id, user_id)
        request = TriageRequest(issue_type="oauth_failure", account_id=account_id)
        application = pool.submit(OAuthApplication().run, context, request)
        metrics = pool.submit(_metrics_finding, context)
        endpoint = pool.submit(_endpoint_finding, context)
        return _answer(context, aggregate, _Aside(logs, application, metrics, endpoint), job)


def switch_findings(context: Context, account_id: int, user_id: int | None = None) -> tuple[Finding, ...]:
    """For a triage of the account or one of its users: is the integration on, and do connections state a problem?

    Raises SourceFailure. Source: `common`.
    """
    aggregate = OAuthAggregate(account_id, Rules(context.catalogue, context.now()), user_id)
    _read(context, aggregate, None, None)
    found = tuple(enablement_findings(aggregate))
    if aggregate.is_complete:
        return found
    return tuple(
        one.model_copy(update={"status": Status.NO_DATA, "summary": f"{one.summary} Not everything was read."})
        if one.status is Status.PASS
        else one
        for one in found
    )


@dataclass(slots=True, frozen=True)
class _Aside:
    """Questions that are asked while the rows are read."""

    logs: Future[LogIndicators]
    application: Future[Finding]
    metrics: Future[Finding]
    endpoint: Future[Finding]


def _answer(context: Context, aggregate: OAuthAggregate, aside: _Aside, job: Job | None) -> OAuthDiagnosis:
    notes: list[str] = []
    found: list[Finding] = []
    clients = _ClientSide(context, aggregate)
    try:
        notes += filter(None, [context.databases.account(aggregate.account_id).standing])
        _read(context, aggregate, clients, job)
    except SourceFailure as failure:
        aggregate.is_complete, aggregate.stopped = False, failure.headline()
        found.append(_unanswered("oauth_records", "What is stored about the credentials?", failure))
    if aggregate.users:
        found += findings(aggregate)
    found.append(clients.finding())
    indicators = aside.logs.result()
    found += [
        _log_finding(context, aggregate, indicators),
        aside.metrics.result(),
        aside.application.result(),
        aside.endpoint.result(),
    ]
    if not aggregate.is_complete:
        notes.append(f"Not everything was read: {aggregate.stopped}.")
    agents = clients.agents(primary_code(aggregate))
    return OAuthDiagnosis(
        account_id=aggregate.account_id,
        user_id=aggregate.user_id,
        conclusion=conclude(aggregate, indicators, agents),
        findings=tuple(found),
        consistency=tuple(_figures(aggregate)) if aggregate.user_id is None else (),
        users=aggregate.wrong(),
        users_in_all=aggregate.users - aggregate.patterns[NONE] if aggregate.is_complete else None,
        notes=(*notes, *clients.notes),
        taken_at=utc_now(),
    )


def _read(context: Context, aggregate: OAuthAggregate, clients: _ClientSide | None, job: Job | None) -> None:
    """Walk over the account, or read its one user; without `clients` nobody asks whether the users still exist."""
    if aggregate.user_id is not None:
        user, asked = one_user(context, aggregate.account_id, aggregate.user_id)
        aggregate.asked("auth", asked[0])
        aggregate.asked("sync", asked[1])
        has_records = user.pattern != NONE
        gone = frozenset[int]() if clients is None else clients.orphans((user.user_id,), has_records=has_records)
        aggregate.add((user,), orphans=gone)
        return
    after: int | None = None
    while True:
        step = walk_users(context, aggregate.account_id, after=after, limit=ONCE)
        aggregate.asked("auth", step.evidence[0])
        aggregate.asked("sync", step.evidence[1])
        ids = tuple(user.user_id for user in step.users)
        gone = frozenset() if clients is None else clients.orphans(ids, has_records=True)
        aggregate.add(step.users, orphans=gone)
        after = step.after
        if job is not None:
            job.report(aggregate.users, None if after is not None else aggregate.users, "users")
        if after is None:
            break
        if (job is not None and job.is_over) or aggregate.users >= MOST_USERS:
            aggregate.is_complete = False
            cancelled = job is not None and job.is_cancelled
            aggregate.stopped = f"ended after {plural(aggregate.users, 'user')}" + (
                " as you asked" if cancelled else ""
            )
            break
    for table in ("zillow_auth", "zillow_sync_users"):
        count, _ = rows_without_user(context, table, aggregate.account_id)
        for _ in range(count):
            aggregate.orphans.note("nobody", f"a row of {table} names no user; it is in no count of users")


class _ClientSide:
    """The client database of one account, asked until it fails once."""

    def __init__(self, context: Context, aggregate: OAuthAggregate) -> None:
        self._context = context
        self._aggregate = aggregate
        self._failure: SourceFailure | None = None
        self._read = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """Effect of its silence on the answer."""
        if self._failure is None:
            return ()
        why = f"{self._failure.headline()}: {self._failure.reason}."
        return (f"{why} Whether these users still exist was not checked, and this database supports no conclusion.",)

    def orphans(self, users: tuple[int, ...], *, has_records: bool) -> frozenset[int]:
        """Those of `users` that it does not hold; none of them when it does not answer."""
        if self._failure is not None or not users:
            return frozenset()
        try:
            found = users_by_id(self._context, self._aggregate.account_id, users)
        except SourceFailure as failure:
            self._failure = failure
            return frozenset()
        self._aggregate.asked("client", found.evidence)
        self._read += len(users)
        missing = frozenset(users) - found.by_id.keys()
        if missing and not has_records:
            self._aggregate.orphans.note("stranger", "")
        return missing if has_records else frozenset()

    def agents(self, code: str) -> Client:
        """The resolution of the affected users' agents."""
        users = self._aggregate.affected.get(code, [])
        if self._failure is not None or not users:
            return Client()
        try:
            methods, _ = methods_of(self._context, self._aggregate.account_id, users)
        except SourceFailure as failure:
            self._failure = failure
            return Client()
        return Client(methods)

    def finding(self) -> Finding:
        """Whether the client database holds the users."""
        title = "Does the client database hold these users?"
        if self._failure is not None:
            return _unanswered("oauth_client", title, self._failure)
        orphans = self._aggregate.orphans.counts["orphan"] + self._aggregate.orphans.counts["stranger"]
        status = Status.NO_DATA if not self._read else Status.FAIL if orphans else Status.PASS
        return finding(
            "oauth_client",
            title,
            status,
            self._summary(orphans),
            value=orphans if self._read else None,
            unit="orphans",
            next_step="Find out whether they were removed: their credentials were left behind." if orphans else "",
            evidence=self._aggregate.evidence("client"),
            details=self._aggregate.orphans.of("orphan"),
        )

    def _summary(self, orphans: int) -> str:
        if not self._read:
            return "There was nobody to look for."
        if self._aggregate.user_id is not None:
            return f"The client database holds {'no such' if orphans else 'the'} user."
        return f"{orphans:,} of {plural(self._read, 'user')} with records are not in the client database."


def _log_finding(context: Context, aggregate: OAuthAggregate, indicators: LogIndicators) -> Finding:
    title = "What do the last 24 hours of logs say?"
    if indicators.failure is not None:
        return _unanswered("oauth_logs", title, indicators.failure)
    known = sum(indicators.known.values())
    whose = "that name this user" if aggregate.user_id is not None else "of this account"
    cut = f" Only the newest {MOST_EVENTS} were read." if indicators.cut else ""
    cut += " Datadog gave a partial answer: there may be more." if indicators.partial else ""
    messages = context.catalogue.known_messages
    told = "; ".join(f'{count:,} × "{messages[name].text}"' for name, count in indicators.known.most_common())
    return finding(
        "oauth_logs",
        title,
        Status.WARN if known else Status.PASS if indicators.is_whole else Status.NO_DATA,
        f"{plural(indicators.events, 'OAuth or connection event')} {whose}"
        + (f"; messages whose meaning is known: {told}." if known else ", none with a message whose meaning is known.")
        + cut,
        value=known,
        unit="events",
        next_step=" ".join(messages[name].remedy for name, _ in indicators.known.most_common(2)),
        evidence=indicators.evidence,
        details=(*indicators.lines, f"query: {query_of(context.catalogue, aggregate.account_id, aggregate.user_id)}"),
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


def _endpoint_finding(context: Context) -> Finding:
    said = context.authorization.answering()
    return finding(
        "oauth_endpoint",
        "Does Zillow's authorisation endpoint answer?",
        said.status,
        said.summary,
        next_step=said.next_step,
        evidence=said.evidence,
    )


def _figures(aggregate: OAuthAggregate) -> Iterator[Figure]:
    """Users by record pattern and by verdict. A number that rests on a part of the account says so."""
    with_records = aggregate.users - aggregate.patterns[NONE]
    note = "" if aggregate.is_complete else f"of the first {plural(with_records, 'user')} only"
    evidence = tuple(one for kind in ("auth", "sync") if (one := aggregate.evidence(kind)) is not None)

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
            failure="" if known else aggregate.stopped,
            taken_at=aggregate.rules.now,
            evidence=evidence,
        )

    for pattern in PATTERNS[:-1]:
        yield figure(f"pattern_{pattern.replace(' ', '_')}", pattern, aggregate.patterns[pattern], Status.PASS)
    for name, code in CODES.items():
        count = aggregate.verdicts[name]
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
