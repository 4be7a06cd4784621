"""First response to OAuth failures: are the tokens there and valid, and is the OAuth application in order?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, case, func, select

from diagnostics.checks.base import Check, FleetCheck, moment, number, share, switched, worst
from diagnostics.core.context import Context
from diagnostics.core.words import about, capital, form, listed, percent, plural, sentence
from diagnostics.models.triage import Finding, Status, TriageRequest

if TYPE_CHECKING:
    from diagnostics.catalogue.model import Threshold
    from diagnostics.sources.mysql.databases import Rows

FLEET_CAVEAT = "A token that nobody has used since it expired counts as expired, although its next use may refresh it."
NOT_TRIED = "Whether Zillow accepts a token is not tried: the console reads and never calls Zillow with it."


class TokenStatus(Check):
    """Counts tokens that are missing, expired or about to expire: everywhere, or user by user of one account."""

    id = "token_status"
    title = "Do users hold valid OAuth tokens?"
    name = "expired tokens"

    def answer(self, context: Context, request: TriageRequest) -> Finding:
        """Fleet-wide without an account or user, else user by user."""
        if request.account_id is None and request.user_id is None:
            return self._fleet(context)
        return self._users(context, request)

    def _fleet(self, context: Context) -> Finding:
        now = context.now()
        auth = context.table("zillow_auth")
        held = auth.c.encrypted_refresh_token.is_not(None)
        expired = and_(held, auth.c.expires_at < now)
        statement = select(
            func.count().label("credentials"),
            func.sum(case((held, 1), else_=0)).label("held"),
            func.sum(case((expired, 1), else_=0)).label("expired"),
            func.sum(case((and_(expired, auth.c.expires_at >= now - timedelta(hours=1)), 1), else_=0)).label("lately"),
            func.sum(
                case((and_(held, auth.c.expires_at >= now, auth.c.expires_at < now + timedelta(hours=24)), 1), else_=0)
            ).label("soon"),
            func.count(func.distinct(case((expired, auth.c.account_id)))).label("accounts"),
        ).select_from(auth)
        rows = context.common("token fleet", statement, caveat=FLEET_CAVEAT)
        counts = rows.rows[0] if rows.rows else {}
        total, held_count = number(counts, "credentials"), number(counts, "held")
        if total == 0:
            return self.finding(
                Status.NO_DATA,
                "zillow_auth holds no credentials at all.",
                next_step="Make sure that the schema map points at the right table: warroom doctor.",
                evidence=rows.evidence,
            )
        missing, gone = total - held_count, number(counts, "expired")
        return self._judged(
            context,
            missing=(missing, total),
            expired=(gone, held_count),
            evidence=rows,
            details=(
                f"expired within the last hour: {number(counts, 'lately'):,}",
                f"expiring in the next 24 h: {number(counts, 'soon'):,}",
                f"accounts with expired tokens: {number(counts, 'accounts'):,}",
                f"credentials without a token: {missing:,} of {total:,}",
                NOT_TRIED,
            ),
            scope="",
        )

    def _users(self, context: Context, request: TriageRequest) -> Finding:
        auth = context.table("zillow_auth")
        held = case((auth.c.encrypted_refresh_token.is_not(None), 1), else_=0)
        statement = select(
            auth.c.account_id.label("account_id"),
            auth.c.user_id.label("user_id"),
            held.label("held"),
            auth.c.expires_at.label("expires_at"),
            auth.c.updated_at.label("updated_at"),
        )
        if request.account_id is not None:
            statement = statement.where(auth.c.account_id == request.account_id)
        if request.user_id is not None:
            statement = statement.where(auth.c.user_id == request.user_id)
        rows = context.common(f"tokens {request.account_id} {request.user_id}", statement)
        scope = _scope(request)
        if not rows.rows:
            return self.finding(
                Status.NO_DATA,
                f"There are no OAuth credentials for {scope} in zillow_auth.",
                next_step="The user has to connect to Zillow; an account on the legacy connection has rows in "
                "zillow_sync_users only.",
                evidence=rows.evidence,
            )
        now = context.now()
        missing = sum(not row["held"] for row in rows.rows)
        gone = sum(_is_expired(row, now) for row in rows.rows)
        return self._judged(
            context,
            missing=(missing, len(rows.rows)),
            expired=(gone, len(rows.rows) - missing),
            evidence=rows,
            details=(*_user_lines(context, rows.rows, now), NOT_TRIED),
            scope=f" for {scope}",
            alone=self._alone(context, rows.rows, missing + gone, now),
        )

    def _alone(self, context: Context, rows: tuple[dict[str, object], ...], broken: int, now: datetime) -> Status:
        """A share is a rule for many. To the few that were asked about, each token that does not work is a loss."""
        if broken:
            return Status.FAIL if broken == len(rows) else Status.WARN
        rule = context.catalogue.thresholds["token_age_hours"]
        return worst(*(rule.judge(age) for row in rows if (age := _age_hours(row, now)) is not None), Status.PASS)

    def _judged(
        self,
        context: Context,
        *,
        missing: tuple[int, int],
        expired: tuple[int, int],
        evidence: Rows,
        details: tuple[str, ...],
        scope: str,
        alone: Status | None = None,
    ) -> Finding:
        rules = context.catalogue.thresholds
        expired_share, missing_share = share(*expired), share(*missing)
        statuses = [rules["token_missing_share"].judge(missing_share), *([] if alone is None else [alone])]
        if expired_share is not None:
            statuses.append(rules["token_expiry_share"].judge(expired_share))
        status = worst(*statuses)
        partly = " (the first ones read)" if evidence.truncated else ""
        return self.finding(
            status,
            f"{expired[0]:,} of {plural(expired[1], 'token')}{scope} {form(expired[0], 'has', 'have')} expired "
            f"({percent(expired_share)}); "
            f"{_tokens_held(missing, missing_share)}{partly}.",
            value=None if expired_share is None else round(expired_share, 2),
            unit="%",
            limit=_token_limit(rules, status, expired_share, missing_share),
            remark=f"{expired[0]:,} of {expired[1]:,}, {missing[0]:,} without a token",
            threshold=f"expired {rules['token_expiry_share'].rule()}; missing {rules['token_missing_share'].rule()}"
            + ("" if alone is None else f"; any of them warning, all critical; age {rules['token_age_hours'].rule()}"),
            next_step=_token_advice(status, missing[0], expired[0]),
            evidence=evidence.evidence,
            details=details,
        )


def _token_limit(rules: Mapping[str, Threshold], status: Status, expired: float | None, missing: float | None) -> str:
    """The limit that decided: that on expired tokens, unless it is the one on missing ones."""
    held, absent = rules["token_expiry_share"], rules["token_missing_share"]
    if expired is not None and held.judge(expired) is not status and absent.judge(missing) is status:
        return f"missing {absent.limit(status)}"
    return held.limit(status)


class OAuthApplication(FleetCheck):
    """Looks at the rows of oauth_applications that belong to Zillow: active, with redirect address and scopes.

    Where Zillow's authorisation address is set, it has to answer too.
    """

    id = "oauth_application"
    title = "Is the OAuth application set up?"
    name = "OAuth app"

    def look(self, context: Context) -> Finding:
        """Fail when no Zillow application is active or one that is lacks its redirect address or scopes."""
        applications = context.table("oauth_applications")
        statement = select(
            applications.c.id.label("id"),
            applications.c.name.label("name"),
            applications.c.redirect_uri.label("redirect_uri"),
            applications.c.scopes.label("scopes"),
            applications.c.is_active.label("is_active"),
        ).where(func.lower(applications.c.name).like("%zillow%"))
        rows = context.common(
            "oauth applications",
            statement,
            caveat="Only rows whose name mentions Zillow are looked at.",
        )
        if not rows.rows:
            return self.finding(
                Status.NO_DATA,
                "No row of oauth_applications mentions Zillow in its name.",
                next_step="Check the schema map (warroom doctor), then the table by hand.",
                evidence=rows.evidence,
            )
        active = [row for row in rows.rows if row["is_active"]]
        unread = [row for row in rows.rows if row["is_active"] is None]
        broken = [row for row in active if _lacks(row)]
        failed = bool(broken) or not (active or unread)
        undecided = not failed and (not active or any(map(_lacks, unread)))
        advice = ""
        if failed:
            advice = "Compare the row with the application at Zillow; a wrong row stops every authorisation."
        elif undecided:
            advice = "Run warroom doctor: it says what is_active is in this database."
        summary = (
            f"Of {plural(len(unread), 'Zillow OAuth application')}, is_active says neither yes nor no."
            if undecided
            else _application_summary(len(rows.rows), len(active), broken)
        )
        status = Status.FAIL if failed else Status.NO_DATA if undecided else Status.PASS
        if context.settings.zillow.authorization_url:
            address = context.authorization.answering()
            status, advice = worst(status, address.status), advice or address.next_step
            summary = f"{summary} {address.summary}"
        return self.finding(
            status,
            summary,
            value=None if undecided else len(active) - len(broken),
            unit="in order",
            limit="at least 1",
            remark=_short_of(len(rows.rows), undecided=undecided, active=len(active), broken=broken),
            threshold="every active one has redirect_uri and scopes, and at least one is active",
            next_step=advice,
            evidence=rows.evidence,
            details=[_application_line(row) for row in rows.rows],
        )


def _short_of(total: int, *, undecided: bool, active: int, broken: list[dict[str, object]]) -> str:
    if undecided:
        return "is_active says neither yes nor no"
    if broken:
        return f"{len(broken):,} without {', '.join(sorted({part for row in broken for part in _lacks(row)}))}"
    return "active, with address and scopes" if active else f"none of {total:,} active"


def _application_summary(total: int, active: int, broken: list[dict[str, object]]) -> str:
    if not active:
        return f"None of {plural(total, 'Zillow OAuth application')} is active."
    if broken:
        lacking = ", ".join(sorted({part for row in broken for part in _lacks(row)}))
        return f"{plural(len(broken), 'active Zillow OAuth application')} without {lacking}."
    return f"{plural(active, 'Zillow OAuth application')} active, with redirect address and scopes."


def _scope(request: TriageRequest) -> str:
    parts = []
    if request.user_id is not None:
        parts.append(f"user {request.user_id}")
    if request.account_id is not None:
        parts.append(f"account {request.account_id}")
    return " of ".join(parts)


def _is_expired(row: dict[str, object], now: datetime) -> bool:
    expires = moment(row, "expires_at")
    return bool(row["held"]) and expires is not None and expires < now


def _age_hours(row: dict[str, object], now: datetime) -> float | None:
    """Hours since a token was updated; None where there is no token, or the row does not say."""
    updated = moment(row, "updated_at")
    return (now - updated).total_seconds() / 3_600 if row["held"] and updated is not None else None


def _user_lines(context: Context, rows: tuple[dict[str, object], ...], now: datetime) -> Iterator[str]:
    """One line a user, the worst first: no token, then expired longest ago, then expiring soonest."""

    def urgency(row: dict[str, object]) -> tuple[bool, float]:
        expires = moment(row, "expires_at")
        return bool(row["held"]), expires.timestamp() if expires else float("inf")

    for row in sorted(rows, key=urgency):
        who = f"user {row['user_id']} (account {row['account_id']})"
        updated = moment(row, "updated_at")
        age = f", updated {about((now - updated).total_seconds())} ago" if updated else ", never updated"
        yield f"{who}: {_token_state(row, now)}{age}{_age_remark(context, row, now)}"


def _age_remark(context: Context, row: dict[str, object], now: datetime) -> str:
    rule, age = context.catalogue.thresholds["token_age_hours"], _age_hours(row, now)
    if age is None:
        return ""
    if rule.judge(age) is not Status.PASS:
        return f" (old: {rule.rule()})"
    return f" (note: over {rule.healthy:g} h)" if rule.healthy is not None and age > rule.healthy else ""


def _token_state(row: dict[str, object], now: datetime) -> str:
    expires = moment(row, "expires_at")
    if not row["held"]:
        return "no token: must connect again"
    if expires is None:
        return "token without an expiry"
    if expires < now:
        return f"expired {about((now - expires).total_seconds())} ago"
    return f"valid for {about((expires - now).total_seconds())}"


def _tokens_held(missing: tuple[int, int], missing_share: float | None) -> str:
    """How many credentials are without a token, as a sentence's half."""
    without, of = missing
    if of and not without:
        return f"all {plural(of, 'credential')} have a token" if of > 1 else "the credential has a token"
    return (
        f"{without:,} of {plural(of, 'credential')} {form(without, 'has', 'have')} no token ({percent(missing_share)})"
    )


def _token_advice(status: Status, missing: int, expired: int) -> str:
    if status is Status.PASS and not missing and not expired:
        return ""
    advice = []
    if missing:
        advice.append("users without a token must connect to Zillow again")
    if expired:
        advice.append("for expired tokens look at why refreshing fails (query oauth_failures; rate limiting first)")
    if not advice:
        advice.append("look at why tokens that old have not been refreshed (query oauth_failures)")
    text = "; ".join(advice)
    return sentence(capital(text))


def _lacks(row: dict[str, object]) -> tuple[str, ...]:
    return tuple(name for name in ("redirect_uri", "scopes") if not str(row[name] or "").strip())


def _application_line(row: dict[str, object]) -> str:
    state = switched(row["is_active"], "active", "inactive")
    lacks = _lacks(row)
    return f"{row['name']} (id {row['id']}): {state}" + (f", without {listed(lacks)}" if lacks else "")
