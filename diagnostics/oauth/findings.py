"""The checks of zillow-oauth-diagnosis as findings in reading order. An aggregate in, findings out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from diagnostics.checks.base import finding, share
from diagnostics.core.words import about, plural
from diagnostics.models.status import Status
from diagnostics.models.triage import ASKED_AS, Finding
from diagnostics.oauth.aggregate import (
    BROKEN,
    DISABLED,
    ENABLED,
    LEGACY,
    NO_CONNECTION,
    NOT_INTEGRATED,
    UNREAD,
    OAuthAggregate,
)
from diagnostics.oauth.users import (
    AUTH_ONLY,
    BOTH,
    LINK_DANGLING,
    LINK_ELSEWHERE,
    LINK_SET,
    LINK_UNSET,
    NONE,
    SYNC_ONLY,
)
from diagnostics.oauth.wording import nothing, one_of, some
from diagnostics.oauth.zuids import Agreement

if TYPE_CHECKING:
    from diagnostics.catalogue.model import Threshold

MODERN_KEY, LEGACY_KEY = "zillow-auth-token-{account}-{user}-{auth}", "zillow-token-{account}-{user}-{sync_user}"


def connection_findings(aggregate: OAuthAggregate) -> Iterator[Finding]:
    """In the order in which they are read."""
    yield _zuid(aggregate)
    yield _link(aggregate)
    yield _enablement(aggregate)
    yield _installation(aggregate)
    yield _migration(aggregate)
    yield _problems(aggregate)
    yield _cache_keys(aggregate)
    yield _bad_rows(aggregate)


def _zuid(aggregate: OAuthAggregate) -> Finding:
    counts = aggregate.zuids.counts
    match, mismatch = counts[Agreement.MATCH.value], counts[Agreement.MISMATCH.value]
    missing = counts[Agreement.MISSING_ONE.value] + counts[Agreement.MISSING_BOTH.value]
    unclear, types = counts[Agreement.UNCLEAR.value], counts["types differ"]
    compared = match + mismatch + missing + unclear
    status = Status.PASS if compared else Status.NO_DATA
    if mismatch:
        status = Status.FAIL
    elif missing or unclear:
        status = Status.WARN
    return finding(
        "oauth_zuid",
        "Do credentials and connection name the same Zillow user?",
        status,
        one_of(aggregate, counts, "ZUIDs", "types differ")
        or f"{match:,} match, {mismatch:,} differ, {missing:,} without a ZUID"
        f"{some(unclear, 'cannot be compared')}{some(types, 'pairs of different types')}."
        if compared
        else "There are no two ZUIDs to compare.",
        value=mismatch if compared else None,
        unit="different",
        threshold="numbers and X1-ZU with digits are compared as numbers; other X1-ZU only with their like",
        next_step="Leads may go to the wrong person: let the user connect again, then compare." if mismatch else "",
        evidence=aggregate.evidence("sync"),
        details=aggregate.zuids.of(
            Agreement.MISMATCH.value,
            Agreement.MISSING_ONE.value,
            Agreement.MISSING_BOTH.value,
            Agreement.UNCLEAR.value,
            "types differ",
        ),
    )


def _link(aggregate: OAuthAggregate) -> Finding:
    counts = aggregate.links.counts
    broken = counts[LINK_DANGLING] + counts[LINK_ELSEWHERE]
    unset_with_both = (
        counts[LINK_UNSET]
        if aggregate.user_id is None
        else int(bool(counts[LINK_UNSET]) and bool(aggregate.patterns[BOTH]))
    )
    status = Status.NO_DATA if not aggregate.credentials else Status.WARN if broken else Status.PASS
    if aggregate.user_id is not None and unset_with_both:
        status = Status.WARN
    return finding(
        "oauth_link",
        "Do the credentials link to a connection?",
        status,
        nothing(aggregate)
        or one_of(aggregate, counts, "zillow_sync_user_id")
        or f"{counts[LINK_SET]:,} linked, {counts[LINK_UNSET]:,} not linked, {counts[LINK_DANGLING]:,} dangling"
        f"{some(counts[LINK_ELSEWHERE], 'linked to somebody else')}.",
        value=broken if aggregate.credentials else None,
        unit="dangling",
        threshold="zillow_sync_user_id names a connection of the same user, or is NULL where there is none",
        next_step="A dangling link outlived its connection: connecting again writes a new one." if broken else "",
        evidence=aggregate.evidence("sync"),
        details=aggregate.links.of(LINK_DANGLING, LINK_ELSEWHERE),
    )


def enablement_findings(aggregate: OAuthAggregate) -> Iterator[Finding]:
    """Findings of a triage of one account beside its tokens."""
    yield _enablement(aggregate)
    yield _problems(aggregate)


def _enablement(aggregate: OAuthAggregate) -> Finding:
    counts = aggregate.enablement.counts
    disabled, broken = counts[DISABLED], counts[BROKEN]
    known = sum(counts.values()) - counts[NO_CONNECTION]
    unread = counts[UNREAD]
    status = Status.FAIL if disabled or broken else Status.NO_DATA if unread or not known else Status.PASS
    shown = (ENABLED, DISABLED, BROKEN, LEGACY, NOT_INTEGRATED, *([UNREAD] if unread else []))
    told = ", ".join(f"{counts[one]:,} {one}" for one in shown)
    next_step = ""
    if disabled:
        next_step = "The customer enables the integration in Zillow Premier Agent."
    elif broken:
        next_step = "Each of these users must connect to Zillow again: the integration is on and has no token."
    elif unread:
        next_step = "Run warroom doctor: it says what zillow_integration_enabled is in this database."
    return finding(
        "oauth_enablement",
        "Is the integration switched on?",
        status,
        (one_of(aggregate, counts, "Enablement") or f"{told}.")
        if known
        else "There is no connection that could be switched on.",
        value=disabled + broken if known and status is not Status.NO_DATA else None,
        unit="broken",
        threshold="token and enabled is consistent; token but disabled is switched off in Premier Agent; "
        "enabled but no token is broken",
        next_step=next_step,
        evidence=aggregate.evidence("sync"),
        details=aggregate.enablement.of(DISABLED, BROKEN, UNREAD),
    )


def _installation(aggregate: OAuthAggregate) -> Finding:
    races, waiting = (aggregate.installation.counts[one] for one in ("installation_race", "not_integrated"))
    rules = aggregate.rules.catalogue.thresholds
    status = Status.NO_DATA if not aggregate.credentials else Status.FAIL if races else Status.PASS
    return finding(
        "oauth_installation",
        "Was the installation completed after OAuth?",
        status,
        nothing(aggregate)
        or (
            f"{plural(races, 'user')} completed OAuth without the installation being completed"
            f"{some(waiting, 'without an integration for other reasons')}."
            if races
            else f"No sign of an installation race{some(waiting, 'without an integration')}."
        ),
        value=races if aggregate.credentials else None,
        unit="incomplete",
        threshold=f"no integration id {rules['installation_minutes'].rule()} after OAuth, "
        f"within {rules['installation_recent_days'].warning or 0:g} days of it, or a row that says so",
        next_step="Run the installation again with growing pauses between attempts." if races else "",
        evidence=aggregate.evidence("sync"),
        details=aggregate.installation.of("installation_race", "not_integrated"),
    )


def _migration(aggregate: OAuthAggregate) -> Finding:
    counts = aggregate.migrations.counts
    total = sum(counts.values())
    unread = ("not known",) if counts["not known"] else ()
    told = ", ".join(f"{counts[one]:,} {one}" for one in ("HIGH", "MEDIUM", "LOW", "skip", *unread))
    return finding(
        "oauth_migration",
        "Who is still to be moved to the modern token service?",
        Status.PASS if aggregate.users else Status.NO_DATA,
        f"{plural(total, 'sync-only user')}: {told}." if total else "Nobody: there is no sync-only user.",
        value=total,
        unit="sync only",
        threshold="HIGH: enabled, > 10 leads, no problem; MEDIUM: enabled, leads; LOW: enabled; else skip",
        next_step="Begin with HIGH: each of them connects to Zillow once." if counts["HIGH"] else "",
        evidence=aggregate.evidence("sync"),
        details=aggregate.migrations.of("HIGH", "MEDIUM"),
    )


def _problems(aggregate: OAuthAggregate) -> Finding:
    known, unknown = aggregate.problems.counts["known"], aggregate.problems.counts["unknown"]
    messages = aggregate.rules.catalogue.known_messages
    told = "; ".join(f'{count:,} × "{messages[name].text}"' for name, count in aggregate.known.most_common())
    status = Status.NO_DATA if not aggregate.evidence("sync") else Status.FAIL if known else Status.WARN
    if status is Status.WARN and not unknown:
        status = Status.PASS
    steps = [messages[name].remedy for name, _ in aggregate.known.most_common(2)]
    return finding(
        "oauth_problems",
        "What do the connections say about themselves?",
        status,
        f"{plural(known + unknown, 'connection')} with a problem{f': {told}' if told else ''}"
        f"{some(unknown, 'with a text nobody has explained')}."
        if known or unknown
        else "No connection states a problem.",
        value=known + unknown,
        unit="problems",
        next_step=" ".join(steps) or ("Open the logs of the account." if unknown else ""),
        evidence=aggregate.evidence("sync"),
        details=aggregate.problems.of("known", "unknown"),
    )


def _cache_keys(aggregate: OAuthAggregate) -> Finding:
    keys = list(_keys(aggregate))
    return finding(
        "oauth_cache_keys",
        "Which cache keys are worth a look?",
        Status.NO_DATA,
        "The cache is not read by this console. The keys: "
        + (", ".join(keys) if keys else f"{MODERN_KEY} (modern), {LEGACY_KEY} (legacy)")
        + ".",
        next_step="A token in the cache outlives a change of the credentials for a while: look whether it is there.",
        details=(
            "modern: zillow-auth-token-{account}-{user}-{id of zillow_auth}",
            "legacy: zillow-token-{account}-{user}-{id of zillow_sync_users}",
            "A cached value is a secret: nobody prints it.",
        ),
    )


def _keys(aggregate: OAuthAggregate) -> Iterator[str]:
    user = aggregate.last
    if aggregate.user_id is None or user is None:
        return
    for auth in user.auths:
        yield MODERN_KEY.format(account=user.account_id, user=user.user_id, auth=auth.id)
    for sync in user.syncs:
        yield LEGACY_KEY.format(account=user.account_id, user=user.user_id, sync_user=sync.id)


def _bad_rows(aggregate: OAuthAggregate) -> Finding:
    crowds, future = sum(aggregate.crowds.counts.values()), aggregate.clocks.counts["future"]
    nobody = aggregate.orphans.counts["nobody"]
    said = [
        text
        for count, text in (
            (crowds, f"{plural(crowds, 'user')} with more than one row"),
            (future, f"{plural(future, 'row')} dated in the future"),
            (nobody, f"{plural(nobody, 'row')} without a user"),
        )
        if count
    ]
    return finding(
        "oauth_rows",
        "Are the rows themselves in order?",
        Status.WARN if said else Status.PASS if aggregate.evidence("auth") else Status.NO_DATA,
        f"{'; '.join(said)}." if said else "No duplicate, undated or unowned row was found.",
        value=crowds + future + nobody,
        unit="rows",
        threshold=f"clocks: {aggregate.rules.catalogue.thresholds['clock_skew_seconds'].rule()}",
        next_step="Ages and expiries of rows from a wrong clock are wrong by as much: compare the hosts' clocks."
        if future
        else "",
        evidence=aggregate.evidence("auth"),
        details=[
            *aggregate.clocks.of("future"),
            *aggregate.crowds.of("credentials", "connections"),
            *aggregate.orphans.of("nobody"),
        ],
    )


V2, LEGACY_SERVICE = "the modern token service (V2)", "the legacy token service"
SERVICES = {
    BOTH: f"{V2} applies; {LEGACY_SERVICE} could fall back on the connection",
    AUTH_ONLY: f"only {V2} applies, which reads ZillowAuth",
    SYNC_ONLY: f"{LEGACY_SERVICE} applies, which reads ZillowSyncUser alone; V2 handles it too",
    NONE: "no token service applies: there is nothing to get a token from",
}
TODO = {
    BOTH: "",
    AUTH_ONLY: "",
    SYNC_ONLY: "Move the user to the modern service: connecting to Zillow once is enough.",
    NONE: "The user connects to Zillow, if that is what is wanted.",
}
LEGACY_REMARK = "Whether a legacy connection's own token works is not stored here; its problems are the only sign."


def findings(aggregate: OAuthAggregate) -> Iterator[Finding]:
    """Every check that rows of `common` can answer."""
    yield _pattern(aggregate)
    yield _token(aggregate)
    yield _expiry(aggregate)
    yield _age(aggregate)
    yield from connection_findings(aggregate)


def _pattern(aggregate: OAuthAggregate) -> Finding:
    counts = aggregate.patterns
    known = aggregate.users - counts[NONE]
    if aggregate.user_id is not None:
        pattern = BOTH if counts[BOTH] else AUTH_ONLY if counts[AUTH_ONLY] else SYNC_ONLY if counts[SYNC_ONLY] else NONE
        summary = f"Record pattern: {pattern}; {SERVICES[pattern]}."
        next_step = TODO[pattern]
    else:
        pattern = BOTH if known else NONE
        summary = f"Of {plural(known, 'user')} with records: " + ", ".join(
            f"{counts[one]:,} {one}" for one in (BOTH, AUTH_ONLY, SYNC_ONLY)
        )
        summary += "." if known else "; neither credentials nor a connection are stored."
        next_step = TODO[SYNC_ONLY].replace("the user", "sync-only users") if counts[SYNC_ONLY] else ""
    return finding(
        "oauth_pattern",
        "Which records exist, and which token service applies?",
        Status.NO_DATA if not known else Status.PASS,
        summary,
        value=pattern if aggregate.user_id is not None else known,
        threshold="both or auth only: V2; sync only: legacy or V2; none: neither",
        next_step=next_step,
        evidence=aggregate.evidence("auth"),
        details=[
            *(f"{one}: {SERVICES[one]}" for one in (BOTH, AUTH_ONLY, SYNC_ONLY) if aggregate.user_id is None),
            *_also(aggregate, "sync"),
        ],
    )


def _token(aggregate: OAuthAggregate) -> Finding:
    rule = aggregate.rules.catalogue.thresholds["token_missing_share"]
    missing = aggregate.tokens.counts["missing"]
    return finding(
        "oauth_token",
        "Is a refresh token stored?",
        _status(missing, aggregate.credentials, rule),
        nothing(aggregate)
        or (
            ("No refresh token is stored." if missing else "A refresh token is stored.")
            if aggregate.user_id is not None
            else f"{missing:,} of {plural(aggregate.credentials, 'credential')} hold no refresh token."
        ),
        value=missing if aggregate.credentials else None,
        unit="missing",
        threshold=f"any of them warning; all, or {rule.rule()}",
        next_step="Each user without a token must connect to Zillow again." if missing else "",
        evidence=aggregate.evidence("auth"),
        details=[
            *aggregate.tokens.of("missing"),
            "The token itself is never read; only whether it is there.",
            *((LEGACY_REMARK,) if aggregate.patterns[SYNC_ONLY] else ()),
        ],
    )


def _expiry(aggregate: OAuthAggregate) -> Finding:
    rule = aggregate.rules.catalogue.thresholds["token_expiry_share"]
    counts = aggregate.tokens.counts
    expired, held = counts["expired"], aggregate.credentials - counts["missing"]
    status = _status(expired, held, rule)
    if status is Status.PASS and counts["no expiry"]:
        status = Status.WARN
    summary = (
        _one_expiry(aggregate)
        if aggregate.user_id is not None
        else f"{expired:,} of {plural(held, 'token')} have expired, {counts['margin']:,} are within the refresh margin"
        f"{some(counts['no expiry'], 'name no expiry')}."
    )
    return finding(
        "oauth_expiry",
        "Is the token valid?",
        status,
        nothing(aggregate) or summary,
        value=expired if held else None,
        unit="expired",
        threshold=f"expired once expires_at has passed, refreshed {aggregate.rules.margin_s:g} s before; {rule.rule()}",
        next_step="Find out why refreshing fails: rate limiting first, then a withdrawn token (query oauth_failures)."
        if expired
        else "",
        evidence=aggregate.evidence("auth"),
        details=aggregate.tokens.of("expired", "no expiry", "margin"),
    )


def _one_expiry(aggregate: OAuthAggregate) -> str:
    auth = aggregate.last.auth if aggregate.last else None
    left = auth.expires_in_s(aggregate.rules.now) if auth is not None and auth.has_token else None
    if left is None:
        return "There is no expiry to look at."
    if left <= 0:
        return f"The token expired {about(-left)} ago and has not been refreshed."
    if left <= aggregate.rules.margin_s:
        return f"The token expires in {left:.0f} s, within the refresh margin: it is about to be refreshed."
    return f"The token is valid for {about(left)}."


def _age(aggregate: OAuthAggregate) -> Finding:
    rule = aggregate.rules.catalogue.thresholds["token_age_hours"]
    old, noted, never = (aggregate.ages.counts[name] for name in ("old", "noted", "never"))
    status = Status.NO_DATA if aggregate.oldest_h is None else Status.WARN if old or never else Status.PASS
    oldest = "" if aggregate.oldest_h is None else f"; the oldest {about(aggregate.oldest_h * 3_600)} ago"
    return finding(
        "oauth_age",
        "When was the token last updated?",
        status,
        nothing(aggregate)
        or f"{plural(old, 'old token')}, {noted:,} worth a note{some(never, 'without a time')}{oldest}.",
        value=None if aggregate.oldest_h is None else round(aggregate.oldest_h, 1),
        unit="h",
        threshold=f"> {rule.healthy or 0:g} h note, {rule.rule()}",
        next_step="Look at why tokens that old have not been refreshed." if old else "",
        evidence=aggregate.evidence("auth"),
        details=aggregate.ages.of("old", "noted", "never"),
    )


def _status(bad: int, of: int, rule: Threshold) -> Status:
    """A share is a rule for many; to whoever is asked about, each that does not work is a loss."""
    if not of:
        return Status.NO_DATA
    if not bad:
        return Status.PASS
    return Status.FAIL if bad == of else max(rule.judge(share(bad, of)), Status.WARN, key=_GRAVITY.index)


_GRAVITY = (Status.PASS, Status.NO_DATA, Status.WARN, Status.FAIL)


def _also(aggregate: OAuthAggregate, kind: str) -> tuple[str, ...]:
    evidence = aggregate.evidence(kind)
    return () if evidence is None else (f"{ASKED_AS}{evidence.source}: {evidence.query}",)
