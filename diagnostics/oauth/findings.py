"""The checks of zillow-oauth-diagnosis as findings, in the order in which they are read. Tally in, findings out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from diagnostics.checks.base import about, finding, plural, share
from diagnostics.models.status import Status
from diagnostics.models.triage import Finding
from diagnostics.oauth.connection_findings import connection_findings
from diagnostics.oauth.tally import Tally
from diagnostics.oauth.users import (
    AUTH_ONLY,
    BOTH,
    NONE,
    SYNC_ONLY,
)
from diagnostics.oauth.wording import nothing, some

if TYPE_CHECKING:
    from diagnostics.catalogue.model import Threshold

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


def findings(tally: Tally) -> Iterator[Finding]:
    """Every check that rows of `common` can answer."""
    yield _pattern(tally)
    yield _token(tally)
    yield _expiry(tally)
    yield _age(tally)
    yield from connection_findings(tally)


def _pattern(tally: Tally) -> Finding:
    counts = tally.patterns
    known = tally.users - counts[NONE]
    if tally.user_id is not None:
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
        value=pattern if tally.user_id is not None else known,
        threshold="both or auth only: V2; sync only: legacy or V2; none: neither",
        next_step=next_step,
        evidence=tally.evidence("auth"),
        details=[
            *(f"{one}: {SERVICES[one]}" for one in (BOTH, AUTH_ONLY, SYNC_ONLY) if tally.user_id is None),
            *_also(tally, "sync"),
        ],
    )


def _token(tally: Tally) -> Finding:
    rule = tally.rules.catalogue.thresholds["token_missing_share"]
    missing = tally.tokens.counts["missing"]
    return finding(
        "oauth_token",
        "Is a refresh token stored?",
        _status(missing, tally.credentials, rule),
        nothing(tally)
        or (
            ("No refresh token is stored." if missing else "A refresh token is stored.")
            if tally.user_id is not None
            else f"{missing:,} of {plural(tally.credentials, 'credential')} hold no refresh token."
        ),
        value=missing if tally.credentials else None,
        unit="missing",
        threshold=f"any of them warning; all, or {rule.rule()}",
        next_step="Each user without a token must connect to Zillow again." if missing else "",
        evidence=tally.evidence("auth"),
        details=[
            *tally.tokens.of("missing"),
            "The token itself is never read; only whether it is there.",
            *((LEGACY_REMARK,) if tally.patterns[SYNC_ONLY] else ()),
        ],
    )


def _expiry(tally: Tally) -> Finding:
    rule = tally.rules.catalogue.thresholds["token_expiry_share"]
    counts = tally.tokens.counts
    expired, held = counts["expired"], tally.credentials - counts["missing"]
    status = _status(expired, held, rule)
    if status is Status.PASS and counts["no expiry"]:
        status = Status.WARN
    summary = (
        _one_expiry(tally)
        if tally.user_id is not None
        else f"{expired:,} of {plural(held, 'token')} have expired, {counts['margin']:,} are within the refresh margin"
        f"{some(counts['no expiry'], 'name no expiry')}."
    )
    return finding(
        "oauth_expiry",
        "Is the token valid?",
        status,
        nothing(tally) or summary,
        value=expired if held else None,
        unit="expired",
        threshold=f"expired once expires_at has passed, refreshed {tally.rules.margin_s:g} s before; {rule.rule()}",
        next_step="Find out why refreshing fails: rate limiting first, then a withdrawn token (query oauth_failures)."
        if expired
        else "",
        evidence=tally.evidence("auth"),
        details=tally.tokens.of("expired", "no expiry", "margin"),
    )


def _one_expiry(tally: Tally) -> str:
    auth = tally.last.auth if tally.last else None
    left = auth.expires_in_s(tally.rules.now) if auth is not None and auth.has_token else None
    if left is None:
        return "There is no expiry to look at."
    if left <= 0:
        return f"The token expired {about(-left)} ago and has not been refreshed."
    if left <= tally.rules.margin_s:
        return f"The token expires in {left:.0f} s, within the refresh margin: it is about to be refreshed."
    return f"The token is valid for {about(left)}."


def _age(tally: Tally) -> Finding:
    rule = tally.rules.catalogue.thresholds["token_age_hours"]
    old, noted, never = (tally.ages.counts[name] for name in ("old", "noted", "never"))
    status = Status.NO_DATA if tally.oldest_h is None else Status.WARN if old or never else Status.PASS
    oldest = "" if tally.oldest_h is None else f"; the oldest {about(tally.oldest_h * 3_600)} ago"
    return finding(
        "oauth_age",
        "When was the token last updated?",
        status,
        nothing(tally) or f"{plural(old, 'old token')}, {noted:,} worth a note{some(never, 'without a time')}{oldest}.",
        value=None if tally.oldest_h is None else round(tally.oldest_h, 1),
        unit="h",
        threshold=f"> {rule.healthy or 0:g} h note, {rule.rule()}",
        next_step="Look at why tokens that old have not been refreshed." if old else "",
        evidence=tally.evidence("auth"),
        details=tally.ages.of("old", "noted", "never"),
    )


def _status(bad: int, of: int, rule: Threshold) -> Status:
    """A share is a rule for many; to whoever is asked about, each that does not work is a loss."""
    if not of:
        return Status.NO_DATA
    if not bad:
        return Status.PASS
    return Status.FAIL if bad == of else max(rule.judge(share(bad, of)), Status.WARN, key=_GRAVITY.index)


_GRAVITY = (Status.PASS, Status.NO_DATA, Status.WARN, Status.FAIL)


def _also(tally: Tally, kind: str) -> tuple[str, ...]:
    evidence = tally.evidence(kind)
    return () if evidence is None else (f"asked as: {evidence.source}: {evidence.query}",)
