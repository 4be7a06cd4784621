"""Aggregate of a walk over an account's users; one user is a walk of one step. Memory stays bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from diagnostics.core.words import plural
from diagnostics.models.accounts import OAuthUser
from diagnostics.models.evidence import Evidence
from diagnostics.models.status import Status
from diagnostics.oauth.users import BOTH, LINK_SET, SYNC_ONLY, UserRecords
from diagnostics.oauth.verdicts import GRAVITY, Rules, UserVerdict, judge, migration, zuid_agreement
from diagnostics.oauth.zuids import Agreement

if TYPE_CHECKING:
    from diagnostics.oauth.records import AuthRecord

MOST_SHOWN = 200
"""Users with something wrong that are named; all are counted."""

MOST_EXAMPLES = 12
"""Lines of one kind for a drill-down."""

ENABLED, DISABLED, BROKEN, LEGACY, NO_CONNECTION, NOT_INTEGRATED, UNREAD = (
    "token and enabled",
    "token but disabled",
    "enabled but no token",
    "legacy only",
    "no connection",
    "no integration",
    "not known: the switch says neither on nor off",
)


@dataclass(slots=True)
class Examples:
    """A few lines of each kind, and how many there were."""

    counts: Counter[str] = field(default_factory=Counter)
    lines: dict[str, list[str]] = field(default_factory=dict)

    def note(self, kind: str, line: str) -> None:
        """Count one, and keep its line while there is room."""
        self.counts[kind] += 1
        kept = self.lines.setdefault(kind, [])
        if len(kept) < MOST_EXAMPLES:
            kept.append(line)

    def of(self, *kinds: str) -> tuple[str, ...]:
        """The lines of these kinds, and how many more there were."""
        shown: list[str] = []
        for kind in kinds:
            shown += self.lines.get(kind, [])
            more = self.counts[kind] - len(self.lines.get(kind, []))
            shown += [f"… and {more:,} more ({kind})"] if more > 0 else []
        return tuple(shown)


@dataclass(slots=True)
class OAuthAggregate:
    """Everything that the findings need, from as many users as were read."""

    account_id: int
    rules: Rules
    user_id: int | None = None
    """The one user that was asked about; None for a whole account."""
    users: int = 0
    credentials: int = 0
    is_complete: bool = True
    stopped: str = ""
    """Why it is not complete."""
    last: UserRecords | None = None
    patterns: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    tokens: Examples = field(default_factory=Examples)
    ages: Examples = field(default_factory=Examples)
    oldest_h: float | None = None
    zuids: Examples = field(default_factory=Examples)
    links: Examples = field(default_factory=Examples)
    enablement: Examples = field(default_factory=Examples)
    installation: Examples = field(default_factory=Examples)
    migrations: Examples = field(default_factory=Examples)
    problems: Examples = field(default_factory=Examples)
    known: Counter[str] = field(default_factory=Counter)
    """Known messages in problem_msg, by their id in the catalogue."""
    clocks: Examples = field(default_factory=Examples)
    crowds: Examples = field(default_factory=Examples)
    orphans: Examples = field(default_factory=Examples)
    affected: dict[str, list[int]] = field(default_factory=dict)
    """Some users of each verdict."""
    _wrong: list[OAuthUser] = field(default_factory=list)
    _evidence: dict[str, Evidence] = field(default_factory=dict)
    _statements: Counter[str] = field(default_factory=Counter)

    def add(self, users: Iterable[UserRecords], *, orphans: frozenset[int] = frozenset()) -> None:
        """Add the users of one step; `orphans` are those that the client database does not hold."""
        for user in users:
            self._add(user, is_orphan=user.user_id in orphans)
        if len(self._wrong) > 4 * MOST_SHOWN:
            self._wrong = self._worst()

    def asked(self, kind: str, evidence: Evidence) -> None:
        """Add up the evidence of one kind of statement: the first one is shown, times and rows are summed."""
        self._statements[kind] += 1
        first = self._evidence.get(kind)
        if first is None:
            self._evidence[kind] = evidence
            return
        self._evidence[kind] = first.model_copy(
            update={
                "took_ms": round(first.took_ms + evidence.took_ms, 3),
                "rows": (first.rows or 0) + (evidence.rows or 0),
                "caveat": f"The first of {self._statements[kind]} statements that differ only in where they begin.",
            }
        )

    def evidence(self, kind: str) -> Evidence | None:
        """Of "auth", "sync" or "client" statements; None where none was answered."""
        return self._evidence.get(kind)

    def wrong(self) -> tuple[OAuthUser, ...]:
        """Users with something wrong, worst first, at most `MOST_SHOWN`."""
        return tuple(self._worst())

    def example(self, code: str) -> str:
        """The sentence of the first user with this verdict that is kept."""
        return next((one.sentence for one in self._worst() if one.verdict == code), "")

    def _worst(self) -> list[OAuthUser]:
        return sorted(self._wrong, key=lambda one: (GRAVITY[one.verdict], one.user_id))[:MOST_SHOWN]

    def _add(self, user: UserRecords, *, is_orphan: bool) -> None:
        self.users += 1
        self.last = user
        self.patterns[user.pattern] += 1
        verdict = judge(user, self.rules)
        if is_orphan:
            self.orphans.note("orphan", f"user {user.user_id}: {user.pattern}; {verdict.words}")
            if not verdict.is_wrong:
                verdict = UserVerdict("orphan", "The client database holds no such user.")
        self.verdicts[verdict.code] += 1
        some = self.affected.setdefault(verdict.code, [])
        if len(some) < MOST_SHOWN:
            some.append(user.user_id)
        if verdict.is_wrong:
            self._wrong.append(OAuthUser(user_id=user.user_id, verdict=verdict.code, sentence=verdict.sentence))
        if user.auth is not None:
            self._add_token(user, user.auth)
        self._add_agreement(user)
        self._add_enablement(user, verdict)
        self._add_connection(user)
        self._add_bad_rows(user)

    def _add_token(self, user: UserRecords, auth: AuthRecord) -> None:
        self.credentials += 1
        now = self.rules.now
        if not auth.has_token:
            self.tokens.note("missing", f"user {user.user_id}: no refresh token (credentials {auth.id})")
            return
        left = auth.expires_in_s(now)
        if left is None:
            self.tokens.note("no expiry", f"user {user.user_id}: a token without an expiry")
        elif left <= 0:
            self.tokens.note("expired", f"user {user.user_id}: expired at {_at(auth.expires_at)}")
        elif left <= self.rules.margin_s:
            self.tokens.note("margin", f"user {user.user_id}: within the refresh margin, {left:.0f} s left")
        else:
            self.tokens.counts["valid"] += 1
        if auth.updated_at is None:
            self.ages.note("never", f"user {user.user_id}: no time of update")
            return
        hours = (now - auth.updated_at).total_seconds() / 3_600
        self.oldest_h = hours if self.oldest_h is None else max(self.oldest_h, hours)
        rule = self.rules.catalogue.thresholds["token_age_hours"]
        if rule.judge(hours) is not Status.PASS:
            self.ages.note("old", f"user {user.user_id}: updated {hours:,.0f} h ago")
        elif rule.healthy is not None and hours > rule.healthy:
            self.ages.note("noted", f"user {user.user_id}: updated {hours:,.0f} h ago")

    def _add_agreement(self, user: UserRecords) -> None:
        agreement, types = zuid_agreement(user)
        if agreement is not None and user.auth is not None and user.sync is not None:
            pair = f"user {user.user_id}: {user.auth.zuid or 'NULL'} and {user.sync.zuid or 'NULL'}"
            self.zuids.note(agreement.value, f"{pair}, {agreement.value}{f' ({types})' if types else ''}")
            if types:
                self.zuids.note("types differ", f"{pair}: {types}")
        elif user.pattern != BOTH and not getattr(user.auth or user.sync, "zuid", "-"):
            self.zuids.note(Agreement.MISSING_BOTH.value, f"user {user.user_id}: the only row has no ZUID")
        if user.auth is not None:
            link = user.link
            self.links.note(link, f"user {user.user_id}: zillow_sync_user_id {user.auth.link or 'NULL'}, {link}")
            if link == LINK_SET and len(user.syncs) > 1:
                self.crowds.note(
                    "connections", f"user {user.user_id}: {plural(len(user.syncs), 'connection')}, one is linked"
                )

    def _add_enablement(self, user: UserRecords, verdict: UserVerdict) -> None:
        auth, sync = user.auth, user.sync
        kind = NO_CONNECTION
        if sync is not None and user.pattern == SYNC_ONLY:
            kind = LEGACY
        elif sync is not None and auth is not None:
            if sync.is_enabled is None and sync.integration:
                kind = UNREAD
            elif not auth.has_token:
                kind = BROKEN if sync.is_enabled else DISABLED if sync.integration else NOT_INTEGRATED
            elif sync.integration:
                kind = ENABLED if sync.is_enabled else DISABLED
            else:
                kind = NOT_INTEGRATED
        self.enablement.note(kind, f"user {user.user_id}: {kind}")
        if verdict.code in {"installation_race", "not_integrated"}:
            self.installation.note(verdict.code, f"user {user.user_id}: {verdict.sentence}")
        moving = migration(user, self.rules)
        if moving and sync is not None:
            leads = "leads not known" if sync.leads is None else f"{sync.leads:,} leads"
            self.migrations.note(moving, f"user {user.user_id}: {moving}, {leads}")

    def _add_connection(self, user: UserRecords) -> None:
        sync = user.sync
        if sync is None or not (sync.problem or sync.problem_at):
            return
        known = self.rules.catalogue.messages_in(sync.problem)
        self.known.update(one.id for one in known)
        since = "" if sync.problem_at is None else f" since {_at(sync.problem_at)}"
        kind = "known" if known else "unknown"
        self.problems.note(kind, f"user {user.user_id}{since}: {sync.problem or 'no text'}")

    def _add_bad_rows(self, user: UserRecords) -> None:
        for count, what in ((len(user.auths), "credentials"), (len(user.syncs), "connections")):
            if count > 1:
                self.crowds.note(
                    what, f"user {user.user_id}: {plural(count, 'row')} of {what}; the one that counts is judged"
                )
        moments = [(auth.updated_at, "credentials updated") for auth in user.auths]
        moments += [(sync.problem_at, "problem") for sync in user.syncs]
        for at, what in moments:
            if self.rules.is_in_future(at):
                self.clocks.note("future", f"user {user.user_id}: {what} at {_at(at)}, which is yet to come")


def _at(moment: datetime | None) -> str:
    return "—" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"
