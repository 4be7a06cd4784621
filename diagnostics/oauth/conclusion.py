"""One conclusion out of many findings: the cause that stops most users, how sure it is, what would overturn it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diagnostics.checks.base import plural
from diagnostics.models.conclusions import Conclusion, Confidence
from diagnostics.oauth.client_side import CONNECTED
from diagnostics.oauth.users import NONE, SYNC_ONLY
from diagnostics.oauth.verdicts import CODES, CONSISTENT, GRAVITY, MESSAGE_CODES, NOT_KNOWN
from diagnostics.oauth.wording import subject

if TYPE_CHECKING:
    from diagnostics.oauth.log_signs import LogSigns
    from diagnostics.oauth.tally import Tally


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
    """What the client database contributes to a conclusion."""

    methods: dict[int, set[int | None]] | None = None
    """Resolution methods of the affected users' agents; None when they were not read."""


def primary_code(tally: Tally) -> str:
    """The verdict that the conclusion is about."""
    if not tally.users or tally.users == tally.patterns[NONE]:
        return NOT_KNOWN
    for breaks in (True, False):
        wrong = [
            name for name, code in CODES.items() if code.is_wrong and code.breaks is breaks and tally.verdicts[name]
        ]
        if wrong:
            return min(wrong, key=lambda name: (-tally.verdicts[name], GRAVITY[name]))
    if tally.users - tally.patterns[NONE] == tally.patterns[SYNC_ONLY]:
        return "legacy_only"
    if tally.user_id is not None and tally.verdicts["not_integrated"]:
        return "not_integrated"
    return CONSISTENT


def conclude(tally: Tally, signs: LogSigns, client: Client) -> Conclusion:
    """The conclusion. Where nothing is stored, or nothing could be read, it is "not known", never a guess."""
    code = _with_logs(primary_code(tally), tally, signs)
    if code == NOT_KNOWN:
        return not_known(tally, signs)
    saying = SAYINGS[code]
    sources = tuple(_sources(code, tally, signs, client))
    count = tally.verdicts[code]
    who = subject(tally)
    of_all = tally.users - tally.patterns[NONE]
    partly = "" if tally.is_complete else f" Only the first {plural(of_all, 'user')} were read ({tally.stopped})."
    healthy = not CODES[code].is_wrong
    if tally.user_id is not None or healthy or not count:
        sentence = f"{who[0].upper()}{who[1:]}: {saying.sentence}.{_others(code, tally)}{partly}"
    else:
        sentence = f"{count:,} of {plural(of_all, 'user')} of {who}: {saying.sentence}.{_others(code, tally)}{partly}"
    confidence = _CONFIDENCE[min(len(sources), 3)]
    if not tally.is_complete and healthy:
        confidence = Confidence.PRELIMINARY
    return Conclusion(
        code=code,
        sentence=sentence,
        confidence=confidence,
        sources=sources,
        is_inference=CODES[code].is_inference and not _is_said(code, tally, signs),
        overturned_by=(*saying.overturned_by, *_doubts(code, signs)),
        next_step=saying.next_step,
    )


def _is_said(code: str, tally: Tally, signs: LogSigns) -> bool:
    """A row or a log line names this cause itself."""
    return any(MESSAGE_CODES.get(name) == code for name in (*tally.known, *signs.known))


def not_known(tally: Tally, signs: LogSigns) -> Conclusion:
    """What is said where neither credentials nor connections were found or could be read."""
    logs = f" Its logs name known messages {sum(signs.known.values()):,} times in the last 24 h." if signs.known else ""
    why = tally.stopped or "neither credentials nor a connection are stored"
    return Conclusion(
        code=NOT_KNOWN,
        sentence=f"Not known what holds for {subject(tally)}: {why}.{logs}",
        confidence=Confidence.NONE,
        overturned_by=("a row in zillow_auth or zillow_sync_users, under this account and user",),
        next_step="Make sure of the account and the user; then ask a person who knows the account.",
    )


_CONFIDENCE = (Confidence.NONE, Confidence.PRELIMINARY, Confidence.STANDARD, Confidence.STRICT)


def _with_logs(code: str, tally: Tally, signs: LogSigns) -> str:
    """Of one user: a refusal that is newer than the credentials overrides rows that look well."""
    auth = tally.last.auth if tally.last is not None else None
    newest = signs.newest("refresh_refused")
    if tally.user_id is None or auth is None or newest is None or CODES[code].is_wrong:
        return code
    renewed = auth.updated_at is not None and auth.updated_at.timestamp() * 1_000 > newest
    return code if renewed or code == NOT_KNOWN else "refresh_refused"


def _sources(code: str, tally: Tally, signs: LogSigns, client: Client) -> Iterator[str]:
    # A verdict taken from the logs alone has no row behind it.
    if tally.verdicts[code] or code in {CONSISTENT, "legacy_only"}:
        yield "common"
    if _client_agrees(code, tally, client):
        yield f"client {tally.account_id}"
    if _logs_agree(code, signs):
        yield "datadog"


def _client_agrees(code: str, tally: Tally, client: Client) -> bool:
    """Whether the agents of most affected users look the way this cause would leave them."""
    if client.methods is None:
        return False
    if code == "orphan":
        return bool(tally.orphans.counts["orphan"])
    users = tally.affected.get(code, [])
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


def _logs_agree(code: str, signs: LogSigns) -> bool:
    if signs.failure is not None:
        return False
    if code == CONSISTENT:
        return not signs.known and not signs.cut
    return signs.count(code) > 0 or (code in {"token_expired", "token_missing"} and signs.count("refresh_refused") > 0)


def _others(code: str, tally: Tally) -> str:
    others = [
        f"{count:,} {CODES[name].words}"
        for name, count in sorted(tally.verdicts.items(), key=lambda one: GRAVITY[one[0]])
        if name != code and CODES[name].is_wrong
    ]
    if tally.user_id is not None or not others:
        return ""
    return f" Other users: {', '.join(others)}."


def _doubts(code: str, signs: LogSigns) -> Iterator[str]:
    if code == CONSISTENT and signs.known:
        yield f"the known messages in the account's logs ({sum(signs.known.values()):,} in 24 h), if they are about it"
    if signs.failure is not None:
        yield f"the account's logs, which were not read ({signs.failure.headline()})"
