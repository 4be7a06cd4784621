"""Rows of the `common` database, as plain tuples in the order of the tables' columns."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

from sqlalchemy import Table

from sandbox.rows import schema
from sandbox.stories.account_list import STALE_AGENTS, StoryAccount, account_list
from sandbox.stories.anomalies import AHEAD_S, DANGLING_SYNC_USER, numeric_zuid
from sandbox.stories.population import CONNECTED, INFERRED, INSTALLED_AFTER_S, STALE, UNMATCHED, Person, Population
from sandbox.stories.scenario import LEAD_EVENTS_PER_HOUR
from sandbox.stories.story import Story

Cells = tuple[Any, ...]
Stamp = Callable[[float], str]
"""Turns seconds relative to the start into a moment as both kinds of database read it."""
_DAY_S = 86_400


@lru_cache(maxsize=2)
def stamps(story: Story) -> Stamp:
    """Return the function that writes moments; few are distinct, so each is formatted once for all tables."""
    known: dict[int, str] = {}
    days: dict[int, str] = {}

    def stamp(seconds: float) -> str:
        whole = int(seconds)
        text = known.get(whole)
        if text is None:
            # Sixty thousand moments lie on a few hundred days.
            day, second = divmod(story.anchor + whole, _DAY_S)
            date = days.get(day)
            if date is None:
                date = days[day] = story.moment(whole).date().isoformat()
            minute, second = divmod(second, 60)
            text = known[whole] = f"{date} {minute // 60:02d}:{minute % 60:02d}:{second:02d}.000000"
        return text

    return stamp


def account_rows(story: Story, place: Callable[[StoryAccount], tuple[str, str, str]]) -> Iterator[Cells]:
    """`accounts`; `place` says host, database and login of each."""
    for account in account_list(story.seed):
        yield (account.id, account.name, account.status, *place(account), account.users)


def auth_rows(story: Story, population: Population, stamp: Stamp) -> Iterator[Cells]:
    """`zillow_auth`: one row for every token, and two rows whose token is missing."""
    rng, odd = random.Random(f"auth:{story.seed}"), population.anomalies
    holders = [person for person in population.everyone() if person.token]
    without = {holders[len(holders) // 3].user_id, holders[2 * len(holders) // 3].user_id}
    for number, person in enumerate(holders):
        created = -rng.randrange(20 * 86_400, 400 * 86_400)
        # Chosen: tokens are renewed within a day as a rule; one in forty is older, one in 400 over a week.
        age = 3_600 * (rng.randrange(1, 20) if number % 40 else rng.randrange(30, 160) if number % 400 else 200)
        valid_for = rng.randrange(6 * 3_600, 30 * 86_400)
        expires = valid_for if person.expired_s is None else -person.expired_s
        age = age if person.expired_s is None else max(age, person.expired_s + 3_600)
        token = None if person.user_id in without else f"v2:{rng.getrandbits(128):032x}"
        if person.authorised_s is not None:
            created, age = -person.authorised_s, person.authorised_s
        if person.refreshed_s is not None:
            age = person.refreshed_s
        updated = AHEAD_S if person.user_id == odd.refreshed_tomorrow else max(created, -age)
        # Whose onboarding was never mended is not linked: at that time there was nothing to link to.
        link = DANGLING_SYNC_USER if person.user_id == odd.dangling else person.sync_user_id
        yield (
            11_001 + number,
            person.account.id,
            person.user_id,
            _zuid(person, odd.auth_without_zuid, {odd.numeric_auth, odd.numeric_both}),
            token,
            stamp(expires),
            None if person.mended_after_s == -1 else link,
            stamp(created),
            stamp(updated),
        )


def _zuid(person: Person, without: int, numeric: set[int]) -> str | None:
    """A ZUID as a row holds it: encoded as a rule, numeric in a few old rows, and missing in one."""
    if person.user_id == without:
        return None
    return numeric_zuid(person.user_id) if person.user_id in numeric else person.zuid


def sync_user_rows(story: Story, population: Population, stamp: Stamp) -> Iterator[Cells]:
    """`zillow_sync_users`: 1,000 with an integration id, 500 without."""
    rng, odd = random.Random(f"sync:{story.seed}"), population.anomalies
    for person in population.everyone():
        if person.sync_user_id is None:
            continue
        mismatch = person.sync_user_id % 300 == 7 and person.user_id not in {odd.numeric_both, odd.sync_without_zuid}
        zuid = _zuid(person, odd.sync_without_zuid, {odd.numeric_sync, odd.numeric_both})
        leads, synced_s, verified_s = (
            rng.choice((0, 3, 12, 40, 180)),
            rng.randrange(600, 86_400),
            rng.randrange(60, 7_200),
        )
        created_s = rng.randrange(30 * 86_400, 700 * 86_400)
        if person.mended_after_s is not None and person.authorised_s is not None:
            created_s = person.authorised_s - (
                INSTALLED_AFTER_S if person.mended_after_s < 0 else person.mended_after_s
            )
            leads, synced_s, verified_s = 0, min(synced_s, created_s), min(verified_s, created_s)
        yield (
            person.sync_user_id,
            person.account.id,
            person.user_id,
            f"X1-ZU{person.user_id:08d}" if mismatch else zuid,
            f"agent{person.user_id}@example.com",
            f"zim-{person.sync_user_id:06d}" if person.integrated else None,
            int(person.integrated and person.enabled),
            person.health,
            None if person.problem_s is None else stamp(-person.problem_s),
            person.problem or None,
            leads,
            None if person.mended_after_s == -1 else stamp(-synced_s),
            stamp(-verified_s),
            stamp(-created_s),
        )


def connection_log_rows(story: Story, population: Population, stamp: Stamp) -> Iterator[Cells]:
    """`zillow_connection_logs`: a month of transitions, the 47 of account 14009, and the cascade's."""
    rng = random.Random(f"logs:{story.seed}")
    people = [person for person in population.everyone() if person.resolution]
    moments = sorted(-rng.randrange(3 * 86_400, 30 * 86_400) for _ in range(600))
    entries: list[tuple[int, Person, int, int, str]] = [
        (moment, rng.choice(people), *rng.choice(((4, 3), (3, 1), (4, 1), (1, 4))), "agent sync") for moment in moments
    ]
    stale = [person for person in population.by_account[STALE_AGENTS] if person.resolution == INFERRED][:STALE]
    # Fact: unnoticed for two days. Chosen: one job did it within a few minutes.
    entries += [
        (-2 * 86_400 + n * 4, p, CONNECTED, INFERRED, "stale zillow_agents row kept") for n, p in enumerate(stale)
    ]
    entries += [
        (-(person.expired_s or 0) + 120, person, CONNECTED, UNMATCHED, "token expired, identity could not be confirmed")
        for person in disconnected(story, population)
    ]
    entries += [
        (-p.changed_s, p, p.was, p.resolution, DRIFT_REASONS[p.resolution]) for p in people if p.changed_s is not None
    ]
    if story.name == "account_148261":
        entries += [(-(p.problem_s or 0), p, CONNECTED, CONNECTED, p.problem) for p in population.disabled]
    ahead = [p for p in people if p.user_id == population.anomalies.changed_tomorrow]
    entries += [(AHEAD_S, p, UNMATCHED, CONNECTED, "agent sync") for p in ahead]
    entries.sort(key=lambda entry: entry[0])
    for number, (moment, person, old, new, reason) in enumerate(entries):
        yield (900_001 + number, person.account.id, person.user_id, old, new, reason, stamp(moment))


DRIFT_REASONS = {
    INFERRED: "userInfo without encoded ZUID; inferred from the team",
    UNMATCHED: "userInfo without encoded ZUID; no match by team, e-mail or name",
}
"""Why agents drift (chosen): Zillow's answer lacks what the resolver needs for those who have no token of their own."""

DISCONNECTED = 160


def disconnected(story: Story, population: Population) -> list[Person]:
    """Who lost the CONNECTED resolution two minutes after the token ran out; only in the cascade (chosen: 160)."""
    if story.name != "oauth_cascade":
        return []
    fallen = [
        p for p in population.everyone() if p.expired_s and 300 < p.expired_s < 3_600 and p.resolution == CONNECTED
    ]
    return sorted(fallen, key=lambda each: each.turn)[:DISCONNECTED]


LEAD_EVENT_FIRST = 7_000_001
"""Id of the first lead event, a day before the start; the others follow without a gap."""


def lead_event_rows(story: Story, people: list[Person], stamp: Stamp) -> Iterator[Cells]:
    """`zillow_lead_events_log`: a day of lead events, 500 an hour, with the scenario's failures in the last hour."""
    sync_ids = sorted(person.sync_user_id for person in people if person.integrated and person.sync_user_id)
    for number in range(24 * LEAD_EVENTS_PER_HOUR):
        yield lead_event_row(story, number, sync_ids, stamp)[1]


def lead_event_row(story: Story, number: int, sync_ids: list[int], stamp: Stamp) -> tuple[float, Cells]:
    """Return one lead event and its moment, seconds from the start; the last hour's failures repeat."""
    hour, within = divmod(number, LEAD_EVENTS_PER_HOUR)
    failed = lead_failed(story, within, last_hour=hour >= 23)
    moment = -86_400 + (number + 0.5) * 3_600 / LEAD_EVENTS_PER_HOUR
    return moment, (
        LEAD_EVENT_FIRST + number,
        sync_ids[number * 31 % len(sync_ids)],
        ("lead.created", "lead.updated", "lead.assigned")[number % 3],
        "failed" if failed else "success",
        lead_error(story, last_hour=hour >= 23) if failed else None,
        stamp(moment),
    )


def lead_failed(story: Story, within: int, *, last_hour: bool) -> bool:
    """Return whether the lead event with this number within its hour failed; evenly spread."""
    usual = 6
    if not last_hour or story.scenario.lead_failures_per_hour == usual:
        return within * usual // LEAD_EVENTS_PER_HOUR != (within + 1) * usual // LEAD_EVENTS_PER_HOUR
    # The incident is 40 minutes old: its failures lie in the last two thirds of the hour.
    calm = LEAD_EVENTS_PER_HOUR // 3
    failures, span = story.scenario.lead_failures_per_hour, LEAD_EVENTS_PER_HOUR - calm
    at = within - calm
    return at >= 0 and at * failures // span != (at + 1) * failures // span


def lead_error(story: Story, *, last_hour: bool) -> str:
    """The error of a failed lead event."""
    if last_hour and story.name == "nov17":
        return "HTTP 429 Too Many Requests"
    if last_hour and story.name == "oauth_cascade":
        return "Zillow OAuth Refresh token invalid"
    return "Zillow data API answered 502"


def oauth_application_rows() -> list[Cells]:
    """`oauth_applications`: the one in use, and its inactive predecessor."""
    redirect, scopes = "https://app.followupboss.com/oauth/zillow/callback", "openid profile leads transactions"
    return [
        (1, "Follow Up Boss for Zillow (2021)", "fub-zillow-legacy", redirect, "openid profile", 0),
        (2, "Follow Up Boss for Zillow", "fub-zillow", redirect, scopes, 1),
    ]


def feature_flag_rows() -> list[Cells]:
    """`feature_flags`: NULL is everyone."""
    return [
        (1, None, "zillow-oauth-pkce", 1),
        (2, None, "enhanced_fub_deal_fields", 0),
        (3, STALE_AGENTS, "enhanced_fub_deal_fields", 1),
        (4, None, "zillow-ignore-transaction-creation-events", 0),
        (5, 75_172, "zillow-oauth-pkce", 0),
    ]


def common_rows(
    story: Story, population: Population, place: Callable[[StoryAccount], tuple[str, str, str]]
) -> Iterator[tuple[Table, Iterable[Cells]]]:
    """Yield every small table of `common` with its rows; the webhook events come separately."""
    people, stamp = population.everyone(), stamps(story)
    yield schema.ACCOUNTS, account_rows(story, place)
    yield schema.ZILLOW_AUTH, auth_rows(story, population, stamp)
    yield schema.ZILLOW_SYNC_USERS, sync_user_rows(story, population, stamp)
    yield schema.ZILLOW_CONNECTION_LOGS, connection_log_rows(story, population, stamp)
    yield schema.ZILLOW_LEAD_EVENTS_LOG, lead_event_rows(story, people, stamp)
    yield schema.OAUTH_APPLICATIONS, oauth_application_rows()
    yield schema.FEATURE_FLAGS, feature_flag_rows()
