"""Verdict on one user's credentials: a code, a few words, a sentence. Pure: rows in, verdict out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from diagnostics.core.words import about
from diagnostics.models.status import Status
from diagnostics.oauth.users import AUTH_ONLY, BOTH, LINK_DANGLING, LINK_ELSEWHERE, NONE, SYNC_ONLY, UserRecords
from diagnostics.oauth.zuids import Agreement, compare

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.oauth.records import AuthRecord, SyncRecord

CONSISTENT, NOT_KNOWN = "consistent", "not_known"


@dataclass(slots=True, frozen=True)
class Code:
    """One kind of verdict."""

    name: str
    words: str
    is_wrong: bool = True
    breaks: bool = False
    """The user's sync does not work while this holds."""
    is_inference: bool = False


CODES = {
    code.name: code
    for code in (
        Code("token_missing", "token missing", breaks=True),
        Code("token_expired", "expired", breaks=True),
        Code("refresh_refused", "token refused", breaks=True),
        Code("integration_disabled", "integration disabled", breaks=True),
        Code("installation_race", "installation incomplete", breaks=True, is_inference=True),
        Code("rate_limited", "rate limited", breaks=True),
        Code("connection_error", "connection error", breaks=True),
        Code("expiry_unknown", "no expiry"),
        Code("link_dangling", "link dangling"),
        Code("zuid_mismatch", "ZUIDs differ"),
        Code("zuid_unclear", "ZUIDs not comparable"),
        Code("zuid_missing", "ZUID missing"),
        Code("orphan", "no such user"),
        Code("not_integrated", "no integration", is_wrong=False),
        Code("legacy_only", "legacy only", is_wrong=False),
        Code(CONSISTENT, "ok", is_wrong=False),
        Code(NOT_KNOWN, "none", is_wrong=False),
    )
}
"""Worst first."""

GRAVITY = {name: place for place, name in enumerate(CODES)}

MESSAGE_CODES = {
    "refresh_token_invalid": "refresh_refused",
    "integration_disabled": "integration_disabled",
    "cannot_retrieve_access_token": "rate_limited",
    "installation_incomplete": "installation_race",
    "onboarding_incomplete": "installation_race",
    "onboarding_gave_up": "installation_race",
}
"""Known messages of the catalogue to the verdict they stand for."""


@dataclass(slots=True, frozen=True)
class UserVerdict:
    """Verdict on one user."""

    code: str
    sentence: str

    @property
    def words(self) -> str:
        """One or two words for a table."""
        return CODES[self.code].words

    @property
    def is_wrong(self) -> bool:
        """Something has to be done."""
        return CODES[self.code].is_wrong


@dataclass(slots=True, frozen=True)
class Rules:
    """The catalogue's limits at one moment."""

    catalogue: Catalogue
    now: datetime

    @property
    def margin_s(self) -> float:
        """The services refresh a token this many seconds before it expires."""
        return self.catalogue.thresholds["token_refresh_margin"].warning or 0.0

    @property
    def skew_s(self) -> float:
        """A row dated later than now by more than this was written by another clock."""
        return self.catalogue.thresholds["clock_skew_seconds"].warning or 0.0

    def is_in_future(self, at: datetime | None) -> bool:
        """A moment that has not come yet, in a column that records what has happened."""
        return at is not None and (at - self.now).total_seconds() > self.skew_s

    def message_code(self, text: str) -> str | None:
        """The verdict that a problem's text stands for, None where nobody knows it."""
        known = {MESSAGE_CODES[one.id] for one in self.catalogue.messages_in(text) if one.id in MESSAGE_CODES}
        if known:
            return min(known, key=GRAVITY.__getitem__)
        return "rate_limited" if "429" in text else None

    def installing(self, auth: AuthRecord) -> bool | None:
        """True while an installation may still be under way, False when it is overdue, None when it is long ago."""
        if auth.created_at is None:
            return None
        age_s = (self.now - auth.created_at).total_seconds()
        if self.catalogue.thresholds["installation_recent_days"].judge(age_s / 86_400) is not Status.PASS:
            return None
        return self.catalogue.thresholds["installation_minutes"].judge(age_s / 60) is Status.PASS


def judge(user: UserRecords, rules: Rules) -> UserVerdict:
    """The gravest thing that holds for this user."""
    return min(_all(user, rules), key=lambda verdict: GRAVITY[verdict.code])


def zuid_agreement(user: UserRecords) -> tuple[Agreement | None, str]:
    """How the two sides' ZUIDs stand to each other, with the note on types; None where there is only one side."""
    auth, sync = user.auth, user.sync
    if auth is None or sync is None:
        return None, ""
    compared = compare(auth.zuid, sync.zuid)
    return compared.agreement, compared.note


def migration(user: UserRecords, rules: Rules) -> str:
    """Priority of moving a sync-only user to the modern token service: HIGH, MEDIUM, LOW, skip; empty where moved."""
    sync = user.sync
    if user.pattern != SYNC_ONLY or sync is None:
        return ""
    return sync_migration(sync, rules)


def sync_migration(sync: SyncRecord, rules: Rules) -> str:
    """The same of a connection whose user is known to hold no credentials."""
    if not sync.is_enabled:
        return "not known" if sync.is_enabled is None else "skip"
    status = rules.catalogue.thresholds["migration_leads"].judge(None if sync.leads is None else float(sync.leads))
    if status is Status.FAIL and sync.problem_at is None:
        return "HIGH"
    return "MEDIUM" if status in {Status.FAIL, Status.WARN} else "LOW"


def _all(user: UserRecords, rules: Rules) -> Iterator[UserVerdict]:
    if user.pattern == NONE:
        yield UserVerdict(NOT_KNOWN, "Neither credentials nor a connection are stored.")
        return
    yield UserVerdict(CONSISTENT, _well(user))
    auth, sync = user.auth, user.sync
    if auth is not None:
        yield from _token(auth, rules)
        yield from _installation(auth, sync, rules)
    if sync is not None:
        yield from _connection(auth, sync, rules)
    yield from _agreement(user)


def _well(user: UserRecords) -> str:
    if user.pattern == AUTH_ONLY:
        return "A valid token, and no legacy connection: the modern token service alone applies."
    return "The token is valid, and credentials and connection agree."


def _token(auth: AuthRecord, rules: Rules) -> Iterator[UserVerdict]:
    if not auth.has_token:
        yield UserVerdict(
            "token_missing", "The credentials hold no refresh token: the user must connect to Zillow again."
        )
        return
    left = auth.expires_in_s(rules.now)
    if left is None:
        yield UserVerdict("expiry_unknown", "A token is held, and nothing says until when.")
    elif left <= 0:
        yield UserVerdict("token_expired", f"The token expired {about(-left)} ago, and refreshing has not renewed it.")


def _installation(auth: AuthRecord, sync: SyncRecord | None, rules: Rules) -> Iterator[UserVerdict]:
    """Credentials without an integration: a race when the row says so or the time fits, else only a remark."""
    if not auth.has_token or (sync is not None and sync.integration):
        return
    lack = "no connection exists" if sync is None else "its connection has no integration id"
    said = sync is not None and rules.message_code(sync.problem) == "installation_race"
    installing = rules.installing(auth)
    if said or installing is False:
        why = f"its row says: {sync.problem}" if said and sync is not None else "it should have been there long since"
        yield UserVerdict("installation_race", f"OAuth was completed but onboarding was not: {lack}; {why}.")
    elif installing:
        yield UserVerdict(
            "not_integrated", f"OAuth was completed a moment ago and {lack} yet: the installation may run."
        )
    elif sync is not None:
        yield UserVerdict(
            "not_integrated", "A token is held, and the connection has no integration id: it is disabled."
        )


def _connection(auth: AuthRecord | None, sync: SyncRecord, rules: Rules) -> Iterator[UserVerdict]:
    if auth is None:
        off = {True: "", False: ", and it is switched off", None: ", whose switch says neither on nor off"}[
            sync.is_enabled
        ]
        yield UserVerdict("legacy_only", f"A legacy connection without credentials of its own{off}.")
    if not sync.integration:
        return
    code = rules.message_code(sync.problem)
    if auth is not None and auth.has_token and (sync.is_enabled is False or code == "integration_disabled"):
        yield UserVerdict(
            "integration_disabled", "The credentials are valid, but the integration is disabled in Premier Agent."
        )
    if sync.problem_at is None and sync.state != "error":
        return
    said = f": {sync.problem}" if sync.problem else ""
    since = "" if sync.problem_at is None else f" for {about((rules.now - sync.problem_at).total_seconds())}"
    named = code if code in {"refresh_refused", "rate_limited"} else "connection_error"
    yield UserVerdict(named, f"The connection has had a problem{since}{said}.")


def _agreement(user: UserRecords) -> Iterator[UserVerdict]:
    auth, sync = user.auth, user.sync
    if auth is not None and user.link in {LINK_DANGLING, LINK_ELSEWHERE}:
        what = "which does not exist" if user.link == LINK_DANGLING else "which belongs to somebody else"
        yield UserVerdict("link_dangling", f"The credentials link to connection {auth.link}, {what}.")
    agreement, note = zuid_agreement(user)
    types = f" ({note})" if note else ""
    if agreement is Agreement.MISMATCH and auth is not None and sync is not None:
        yield UserVerdict(
            "zuid_mismatch", f"Credentials and connection name different Zillow users: {auth.zuid}, {sync.zuid}{types}."
        )
    elif agreement is Agreement.UNCLEAR:
        yield UserVerdict("zuid_unclear", f"The two ZUIDs cannot be compared{types}.")
    elif agreement in {Agreement.MISSING_ONE, Agreement.MISSING_BOTH}:
        yield UserVerdict("zuid_missing", f"The ZUID is {agreement}.")
    elif user.pattern != BOTH and not (auth or sync).zuid:  # type: ignore[union-attr]  # one of the two is there
        yield UserVerdict("zuid_missing", "The row names no Zillow user (ZUID is NULL).")
