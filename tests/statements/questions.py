"""Every question that a screen or a command may put to the service, as one catalogue; and what it would be without.

Names begin with the door and the method, `accounts.users`, and go on with what tells one question from the next.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache, partial
from typing import Any, Literal, cast

from diagnostics.charts.plot import Drawing
from diagnostics.checks.base import FleetCheck
from diagnostics.checks.connection_health import ProactiveMonitoring
from diagnostics.checks.registry import CHECKS
from diagnostics.core.context import Lazy
from diagnostics.core.time import utc_now
from diagnostics.core.waiting import Job
from diagnostics.fleet import questions as fleet_questions
from diagnostics.fleet.fleet import Fleet
from diagnostics.fleet.models import FleetQuestion
from diagnostics.incident.review.follow_ups import FollowUps
from diagnostics.models.reconcile import DifferenceKind, Scope
from diagnostics.models.triage import TriageRequest
from diagnostics.reconcile.plans import confirmation, sealed
from diagnostics.reconcile.service import ReconcileService
from diagnostics.recovery.carriers.base import Fate, Item
from diagnostics.recovery.carriers.registry import make
from diagnostics.recovery.drain.entries import DrainStarted
from diagnostics.recovery.drain.record import DrainRecord
from diagnostics.recovery.plan import canonical_of, find
from diagnostics.service import Diagnostics
from diagnostics.signals.webhook_backlog import read_backlog
from diagnostics.sources.mysql.writer import Writer
from diagnostics.store.identity import common_identity
from diagnostics.store.recents import ConsoleSession, Recent
from diagnostics.store.rollups import SyncRollup
from diagnostics.store.samples import Samples
from sandbox.stories.account_list import (
    DEAL_AMBIGUOUS,
    DEAL_ELIGIBLE,
    DEAL_WITHOUT_AGENTS,
    ERROR_CODE_DEALS,
    INSTALLATION_RACE,
    INTEGRATION_DISABLED,
    STALE_AGENTS,
)
from tests.contexts import with_members
from tests.statements.growing import DEALS, FIRST

BIG = STALE_AGENTS
"""The account that was grown."""
SMALL = INTEGRATION_DISABLED
USER = FIRST + 17
HOUR_S, DAY_S = 3_600, 86_400

EVERYBODY = "everybody"
"""A question about the whole system: it may read whole what holds a row for every connection."""
ONE = "one account"
"""A question about an account or a deal: it may not."""


@dataclass(slots=True, frozen=True)
class Question:
    """One question, and about how much it is."""

    name: str
    scope: str
    ask: Callable[[], object]

    @property
    def method(self) -> str:
        """Such as `accounts.users`."""
        return self.name.split(" ")[0]


@dataclass(slots=True, frozen=True)
class Consoles:
    """One world as consoles with different settings see it."""

    plain: Diagnostics
    with_analytics: Diagnostics
    with_redis: Diagnostics


OF_DEALS = "transaction_sync"
"""The issue whose checks read deals."""
SAMPLE = "rate_limiting"
"""The issue whose incident is told of where one stands for all."""


def catalogue(consoles: Consoles, *, whole: bool) -> Iterator[Question]:
    """Every question; unless `whole`, without those that only name another issue or another subject of the same."""
    service = consoles.plain
    yield from _accounts(service)
    yield from _deals(service)
    yield from _reconcile(service)
    yield from _checks(service, whole=whole)
    yield from _triage(service, whole=whole)
    yield from _health(service)
    yield from _fleet(service)
    yield from _escalation(service, whole=whole)
    yield Question("recovery.backlog", EVERYBODY, service.recovery.backlog)
    yield Question("recovery.plan", EVERYBODY, partial(service.recovery.plan, rate=200.0))
    yield Question("recovery.show", EVERYBODY, service.recovery.show)
    yield from _charts(service)
    yield Question("recovery.drains", EVERYBODY, partial(_handed_over, service))
    yield from _memory(service)
    yield from _logs(service)
    yield from _sources(service)
    yield from _elsewhere(consoles)


def _charts(service: Diagnostics) -> Iterator[Question]:
    charts = service.charts
    yield Question("charts.names", EVERYBODY, charts.names)
    yield Question("charts.named", EVERYBODY, partial(charts.named, "backlog"))
    read = partial(charts.read, "webhook_backlog", 7_200)
    yield Question("charts.read", EVERYBODY, read)
    # Read when it is asked: what is heard while the catalogue is made belongs to no question.
    yield Question("charts.export", EVERYBODY, lambda: charts.export(read(), Drawing()))


def _accounts(service: Diagnostics) -> Iterator[Question]:
    accounts = service.accounts

    def paged(ask: Callable[..., Any], **how: Any) -> Callable[[], object]:  # noqa: ANN401  # whatever the page takes
        """The first page and the one after it."""

        def pages() -> object:
            first = ask(BIG, None, 50, **how)
            return first.after and ask(BIG, first.after, 50, **how)

        return pages

    yield Question("accounts.summary", ONE, lambda: accounts.summary(BIG))
    yield Question("accounts.summary of a small one", ONE, lambda: accounts.summary(SMALL))
    for wrong in (False, True):
        words = " wrong" if wrong else ""
        yield Question(f"accounts.users{words}", ONE, paged(accounts.users, only_wrong=wrong))
        yield Question(f"accounts.agents{words}", ONE, paged(accounts.agents, only_wrong=wrong))
        yield Question(f"accounts.connections{words}", ONE, paged(accounts.connections, only_wrong=wrong))
        yield Question(f"accounts.deals{words}", ONE, paged(accounts.deals, only_unsynced=wrong))
        yield Question(
            f"accounts.users late{words}", ONE, partial(accounts.users, BIG, str(USER), 50, only_wrong=wrong)
        )
        yield Question(
            f"accounts.deals late{words}",
            ONE,
            partial(accounts.deals, BIG, str(FIRST + DEALS // 2), 50, only_unsynced=wrong),
        )
    yield Question("accounts.agents late", ONE, lambda: accounts.agents(BIG, str(USER), 50))
    yield Question("accounts.history", ONE, paged(accounts.history))
    yield Question("accounts.history of a user", ONE, paged(accounts.history, user_id=1))
    yield Question("accounts.behaviour", ONE, lambda: accounts.behaviour(BIG))
    yield Question("accounts.oauth", ONE, lambda: accounts.oauth(BIG, None, Job()))
    yield Question("accounts.oauth of a user", ONE, lambda: accounts.oauth(BIG, USER, Job()))
    yield Question("accounts.oauth disabled", ONE, lambda: accounts.oauth(SMALL))
    yield Question("accounts.oauth installing", ONE, lambda: accounts.oauth(INSTALLATION_RACE))
    yield Question("accounts.log_query", ONE, lambda: accounts.log_query(BIG))


def _deals(service: Diagnostics) -> Iterator[Question]:
    deals = service.deals
    known = {"eligible": (BIG, DEAL_ELIGIBLE), "without agents": (BIG, DEAL_WITHOUT_AGENTS), **ERROR_CODE_DEALS}
    known |= {"grown": (BIG, FIRST + 40), "grown and synced": (BIG, FIRST + 41)}
    for name, (account, deal) in known.items():
        yield Question(f"deals.diagnose {name}", ONE, partial(deals.diagnose, deal, account))
    for deal in (DEAL_WITHOUT_AGENTS, DEAL_AMBIGUOUS):
        yield Question(f"deals.find {deal}", ONE, partial(deals.find, deal))
    yield Question("deals.unsynced of an account", ONE, lambda: deals.unsynced(BIG, None, Job()))
    yield Question("deals.unsynced of an account's day", ONE, lambda: deals.unsynced(BIG, DAY_S))
    yield Question("deals.unsynced of everybody", EVERYBODY, lambda: deals.unsynced(None, DAY_S, Job()))
    yield Question("deals.resolution", ONE, lambda: deals.resolution(BIG, Job()))
    yield Question("deals.resolution of a small one", ONE, lambda: deals.resolution(SMALL))


def _reconcile(service: Diagnostics) -> Iterator[Question]:
    """The stale agents of one account: read twice, planned, written and taken back, in the world that is tried."""
    at = [utc_now()]
    reconcile = ReconcileService(with_members(service.context, now=lambda: at[0]))

    def words(name: str) -> str:
        return confirmation(reconcile.show(name).plan)

    def some() -> object:
        """A plan for three of them: each row is several statements, and all rows are alike."""
        at[0] += timedelta(seconds=61)
        plan = reconcile.plan(BIG, DifferenceKind.STALE_AGENT).plan
        few = sealed(plan.model_copy(update={"rows": plan.rows[:3]}))
        return service.journal.open("REP", [few])

    def report() -> object:
        at[0] += timedelta(seconds=61)
        return reconcile.report(BIG, Job())

    def of_deal() -> object:
        return reconcile.report(Scope(account_id=BIG, deal_id=DEAL_ELIGIBLE), Job())

    def of_system() -> object:
        return reconcile.report(Scope(system="ZillowAgent"), Job())

    def everywhere() -> object:
        at[0] += timedelta(seconds=61)
        return reconcile.plan_system("ZillowAgent", DifferenceKind.STALE_AGENT, Job())

    def nobody_waits() -> object:
        job = Job()
        job.cancel()
        return reconcile.report_twice(BIG, job)

    yield Question("reconcile.report", ONE, report)
    yield Question("reconcile.report_twice", ONE, nobody_waits)
    yield Question("reconcile.plan", ONE, some)
    yield Question("reconcile.report of a deal", ONE, of_deal)
    yield Question("reconcile.deal", ONE, lambda: reconcile.deal(DEAL_WITHOUT_AGENTS))
    yield Question("reconcile.show", ONE, lambda: reconcile.show("REP-2"))
    yield Question("reconcile.repairs", ONE, reconcile.repairs)
    yield Question("reconcile.may_write", ONE, lambda: reconcile.may_write)
    yield Question("reconcile.apply", ONE, lambda: reconcile.apply("REP-2", words("REP-2")))
    yield Question("reconcile.resume", ONE, lambda: reconcile.resume("REP-2", words("REP-2")))
    yield Question("reconcile.plan_undo", ONE, lambda: reconcile.plan_undo("REP-2"))
    yield Question("reconcile.apply of the taking back", ONE, lambda: reconcile.apply("REP-3", words("REP-3")))
    yield Question("reconcile.report of a system", EVERYBODY, of_system)
    yield Question("reconcile.plan_system", EVERYBODY, everywhere)


def _handed_over(service: Diagnostics) -> object:
    """A drain that was begun, and what its carrier does with two of the events that wait."""
    context = service.context
    view = service.recovery.plan(rate=200.0, carrier="flip")
    kept = find(context, view.plan.plan_id)
    started = DrainStarted(
        plan=canonical_of(view.plan),
        digest=view.digest,
        members=tuple(map(str, cast("list[str]", kept.payload["members"]))),
        carrier="flip",
        environment=context.settings.environment,
        confirmed="",
        token="told",
    )
    name = context.journal.open("DRN", [started])[0].stream
    record = DrainRecord(name, context.journal.stream(name))
    secret = context.settings.databases.writer
    assert secret is not None
    carrier = make(context, Writer(context.databases, secret), name, view.plan)
    carrier.check()
    items = [Item(at, one.event, one.status, one.attempts) for at, one in enumerate(record.events[:2])]
    marks = carrier.prepare(items).marks
    marked = [replace(item, mark=marks[item.position], due=utc_now()) for item in items if item.position in marks]
    assert carrier.room() >= len(marked) > 0
    assert carrier.give(marked) == {}
    assert set(carrier.find_out(marked).values()) == {Fate.GIVEN}
    carrier.look(marked)
    carrier.close()
    return service.recovery.drains.report(name), service.recovery.drains.used_by(view.digest)


def _requests(issue: str) -> dict[str, TriageRequest]:
    """Requests by the ids they name."""
    return {
        "": TriageRequest(issue_type=issue),
        "account": TriageRequest(issue_type=issue, account_id=BIG),
        "deal": TriageRequest(issue_type=issue, deal_id=DEAL_WITHOUT_AGENTS),
        "account and deal": TriageRequest(issue_type=issue, account_id=BIG, deal_id=DEAL_ELIGIBLE),
        "user": TriageRequest(issue_type=issue, account_id=BIG, user_id=USER),
    }


def _checks(service: Diagnostics, *, whole: bool) -> Iterator[Question]:
    issues = service.catalogue.issues
    for check, made in CHECKS.items():
        everybody = isinstance(made, FleetCheck | ProactiveMonitoring)
        issue = next((name for name, one in issues.items() if check in one.checks), next(iter(issues)))
        for what, request in _requests(issue).items():
            if what == "deal" and not (whole or issue == OF_DEALS):
                continue  # it reads what it reads where nothing is named
            # A check that may be about one account looks at everybody when it is given none.
            scope = EVERYBODY if everybody or request.account_id is None else ONE
            yield Question(f"check {check} {what}".strip(), scope, partial(service.check, check, request))
    for name in issues:
        for check in service.console_checks(name):
            yield Question(f"console_check {name} {check}", EVERYBODY, partial(service.console_check, name, check))


def _triage(service: Diagnostics, *, whole: bool) -> Iterator[Question]:
    for name in service.catalogue.issues:
        yield Question(f"pulse {name}", EVERYBODY, partial(service.pulse, name, 900))
        yield Question(f"named_accounts {name}", EVERYBODY, partial(service.named_accounts, name, 900))
        yield Question(f"console_checks {name}", EVERYBODY, partial(service.console_checks, name))
        yield Question(f"open_route {name}", EVERYBODY, partial(service.open_route, name))
        yield Question(f"query_for {name}", EVERYBODY, partial(service.query_for, name))
        requests = _requests(name)
        for what, request in requests.items() if whole else [("account and deal", requests["account and deal"])]:
            for preventive in (False, True) if whole or name == SAMPLE else (False,):
                asked = request.model_copy(update={"preventive": preventive})
                words = f"triage {name} {what}{' preventive' if preventive else ''}"
                # Triage always looks at the whole system too; its single checks are held to more above.
                yield Question(words, EVERYBODY, partial(service.triage, asked))
    request = TriageRequest(issue_type="rate_limiting")
    yield Question("classify", EVERYBODY, lambda: service.classify(request))
    yield Question("request_change", EVERYBODY, lambda: service.request_change("batch_retry"))


def _health(service: Diagnostics) -> Iterator[Question]:
    health = service.health
    yield Question("health.overview", EVERYBODY, health.overview)
    yield Question("health.kpis", EVERYBODY, health.kpis)
    yield Question("health.rollup", EVERYBODY, health.rollup)
    yield Question("rollup", EVERYBODY, service.rollup)
    yield Question("health.connections", EVERYBODY, health.connections)
    yield Question("health.resolution", EVERYBODY, lambda: health.resolution(Job()))
    yield Question("health.systems", EVERYBODY, health.systems)
    yield Question("health.leading", EVERYBODY, health.leading)
    yield Question("health.samples", EVERYBODY, health.samples)
    yield Question("health.indicators", EVERYBODY, health.indicators)
    orders: tuple[Literal["newest", "longest"], ...] = ("newest", "longest")
    for order in orders:

        def pages(order: Literal["newest", "longest"]) -> object:
            first = health.problems(order, None, 20)
            return first.after and health.problems(order, first.after, 20)

        yield Question(f"health.problems {order}", EVERYBODY, partial(pages, order))
    indicator = health.indicators()[0]
    yield Question("health.monitor_draft", EVERYBODY, lambda: health.monitor_draft(indicator))
    yield Question(
        "health.create_monitor",
        EVERYBODY,
        lambda: health.create_monitor(health.monitor_draft(indicator), "not its name"),
    )


def _escalation(service: Diagnostics, *, whole: bool) -> Iterator[Question]:
    """An incident's questions to the live world. Nothing is confirmed, so nothing is sent."""
    assessments, incidents = service.assessments, service.incidents
    for name, issue in service.catalogue.issues.items():
        worst = issue.severities[0]
        yield Question(f"assessments.measure {name}", EVERYBODY, partial(assessments.measure, name))
        yield Question(
            f"assessments.impact {name}", EVERYBODY, partial(assessments.impact, name, worst, accounts=(BIG, SMALL))
        )
        yield Question(f"assessments.affected {name}", EVERYBODY, partial(assessments.affected, name))
        yield Question(f"assessments.known {name}", EVERYBODY, partial(assessments.known, name))
        yield Question(
            f"assessments.known_affected {name}", EVERYBODY, partial(assessments.known_affected, name, worst)
        )
        yield Question(f"assessments.tier {name}", EVERYBODY, partial(assessments.tier, name, worst, None, ()))
        yield Question(f"assessments.checklist {name}", EVERYBODY, partial(assessments.checklist, name, worst))
        if not (whole or name == SAMPLE):
            continue
        incident = incidents.declare(
            title=f"tried: {name}", issue_type=name, severity=worst, systems=("ZillowSyncUser",), accounts=(BIG,)
        )
        yield Question(f"assessments.assess {name}", EVERYBODY, partial(assessments.assess, incident.id))
        yield Question(f"assessments.observe {name}", EVERYBODY, partial(assessments.observe, incident.id))
        yield Question(f"assessments.tick_seen {name}", EVERYBODY, partial(assessments.tick_seen, incident.id))
        yield from _telling(service, name, worst, incident.id)


def _telling(service: Diagnostics, issue: str, severity: str, incident: str) -> Iterator[Question]:
    notices, reviews = service.notices, service.reviews

    def propose(**how: Any) -> Any:  # noqa: ANN401  # what a notice is about
        return notices.propose(issue_type=issue, severity=severity, **how)

    proposed = cache(propose)

    yield Question(f"notices.propose {issue}", EVERYBODY, propose)
    yield Question(f"notices.propose of {issue}", EVERYBODY, lambda: propose(incident=incident))
    yield Question(f"notices.refresh {issue}", EVERYBODY, lambda: notices.refresh(proposed()))
    yield Question(f"notices.rewrite {issue}", EVERYBODY, lambda: notices.rewrite(proposed()))
    yield Question(f"notices.confirm {issue}", EVERYBODY, lambda: notices.confirm(proposed(), "not the word"))
    yield Question(f"notices.stale {issue}", EVERYBODY, lambda: notices.stale(proposed()))
    yield Question(f"notices.waiting {issue}", EVERYBODY, notices.waiting)
    yield Question(f"notices.deliver {issue}", EVERYBODY, notices.deliver)
    yield Question(f"notices.report_twins {issue}", EVERYBODY, notices.report_twins)
    yield Question(f"notices.settle {issue}", EVERYBODY, lambda: notices.settle(incident, "D1", "given_up", "tried"))
    yield Question(f"notices.channels {issue}", EVERYBODY, lambda: notices.channels)
    yield Question(f"reviews.handoff {issue}", EVERYBODY, partial(reviews.handoff, incident))
    yield Question(f"reviews.review {issue}", EVERYBODY, partial(reviews.review, incident))
    yield Question(f"reviews.export {issue}", EVERYBODY, partial(reviews.export, incident))
    check = service.catalogue.issues[issue].checks[0]
    due = utc_now() - timedelta(minutes=1)
    follow_ups = reviews.follow_ups

    def schedule() -> object:
        return follow_ups.schedule(incident, "look again", due, check=check)

    def record() -> object:
        schedule()
        return follow_ups.record(incident, "F1", "pass", "seen")

    yield Question(f"reviews.follow_ups.schedule {issue}", EVERYBODY, schedule)
    yield Question(f"reviews.follow_ups.record {issue}", EVERYBODY, record)
    yield Question(f"reviews.follow_ups.run_due {issue}", EVERYBODY, follow_ups.run_due)


def _fleet(service: Diagnostics) -> Iterator[Question]:
    fleet = service.context.fleet
    yield Question("fleet.account_list", EVERYBODY, fleet.account_list)
    for name, question in shipped_fleet_questions().items():
        yield Question(f"fleet.ask {name}", EVERYBODY, partial(fleet.ask, question))
        yield Question(f"fleet.ask {name} of some", EVERYBODY, partial(fleet.ask, question, accounts=(BIG, SMALL)))


def shipped_fleet_questions() -> dict[str, FleetQuestion]:
    """By name; one that needs a window gets a day."""
    found: dict[str, FleetQuestion] = {}
    for name, value in vars(fleet_questions).items():
        if isinstance(value, FleetQuestion):
            found[name] = value
        elif name.isupper() and callable(value):
            found[name] = value(DAY_S)
    return found


def _memory(service: Diagnostics) -> Iterator[Question]:
    """The rollups and samples that screens read through `health.overview`, and what only the console's memory knows."""
    rollup = SyncRollup(service.context)
    now = utc_now()
    yield Question("rollup.refresh", EVERYBODY, lambda: rollup.refresh(Job()))
    yield Question("rollup.refresh again", EVERYBODY, rollup.refresh)
    yield Question("rollup.widen", EVERYBODY, lambda: rollup.widen(Job(), 2 * DAY_S))
    yield Question("rollup.hours", EVERYBODY, lambda: rollup.hours(now - timedelta(days=2)))
    for name in ("since", "notes", "evidence"):
        yield Question(f"rollup.{name}", EVERYBODY, partial(getattr, rollup, name))
    samples = Samples(service.context.state, source=common_identity(service.settings.databases))
    yield Question("samples.note", EVERYBODY, lambda: samples.note("tried", 1.0, now))
    yield Question("samples.note_all", EVERYBODY, lambda: samples.note_all({"tried": 2.0, "other": None}, now))
    yield Question("samples.course", EVERYBODY, lambda: samples.course("tried", now - timedelta(hours=3)))
    recents = service.recents
    session = ConsoleSession("somebody", "somewhere", 1, "", ("account 1",), ({},), now)
    yield Question("recents.note", EVERYBODY, lambda: recents.note("account", "account 1", "one"))
    yield Question("recents.recent", EVERYBODY, recents.recent)
    yield Question("recents.forget", EVERYBODY, lambda: recents.forget(Recent("account", "account 1", "one", now)))
    yield Question("recents.keep_session", EVERYBODY, lambda: recents.keep_session(session))
    yield Question("recents.broken_off", EVERYBODY, lambda: recents.broken_off("somebody", "elsewhere", ""))
    yield Question("recents.end_session", EVERYBODY, lambda: recents.end_session(session))


def _logs(service: Diagnostics) -> Iterator[Question]:
    explorer = service.explorer
    end = utc_now()
    start = end - timedelta(minutes=15)
    window: dict[str, Any] = {"start": start, "end": end}
    query = service.query_for("rate_limiting")
    events = service.logs(service.query_for("oauth_failure"), window_s=DAY_S).events
    carrying = next((event for event in events if _carries(event.attributes)), None)
    yield Question("logs", EVERYBODY, lambda: service.logs(query, window_s=900))
    yield Question("known_lag_s", EVERYBODY, lambda: service.known_lag_s(query))
    yield Question("learn_time", EVERYBODY, lambda: service.learn_time(1.0))
    yield Question("log_link", EVERYBODY, lambda: service.log_link(query, window_s=900))
    yield Question("explorer.page", EVERYBODY, lambda: explorer.page(query, **window))
    yield Question("explorer.histogram", EVERYBODY, lambda: explorer.histogram(query, **window))
    yield Question("explorer.facet", EVERYBODY, lambda: explorer.facet(query, "service", **window))
    yield Question("explorer.follow", EVERYBODY, lambda: carrying and explorer.follow(carrying))
    yield Question("explorer.completer", EVERYBODY, lambda: explorer.completer(_counter()))
    yield Question("explorer.link", EVERYBODY, lambda: explorer.link(query, **window))
    yield Question("explorer.export", EVERYBODY, lambda: explorer.export(events, "jsonl"))
    yield Question("explorer.save", EVERYBODY, lambda: explorer.save("a name", query, 900))
    yield Question("explorer.saved", EVERYBODY, explorer.saved)
    yield Question("explorer.forget", EVERYBODY, lambda: explorer.forget("a name"))


def _carries(attributes: Any) -> bool:  # noqa: ANN401  # JSON
    return "correlation_id" in str(attributes)


def _counter() -> Any:  # noqa: ANN401  # FacetCounter, whose constructor is its own business
    from diagnostics.explorer.facets import FacetCounter  # noqa: PLC0415

    return FacetCounter()


def _sources(service: Diagnostics) -> Iterator[Question]:
    yield Question("sources", EVERYBODY, service.sources)
    yield Question("budgets", EVERYBODY, service.budgets)
    yield Question("doctor", EVERYBODY, lambda: tuple(service.doctor()))
    yield Question("doctor of an account", EVERYBODY, lambda: tuple(service.doctor((BIG,))))
    yield Question("guide", EVERYBODY, lambda: service.guide(next(iter(service.catalogue.guides))))
    yield Question("forget_answers", EVERYBODY, service.forget_answers)


def _elsewhere(consoles: Consoles) -> Iterator[Question]:
    """Questions asked only with an analytics engine, with the workers' mutexes, or when nothing has happened."""
    asked = consoles.with_analytics
    for name, question in shipped_fleet_questions().items():
        yield Question(f"fleet.ask {name} by analytics", EVERYBODY, partial(asked.context.fleet.ask, question))
    yield Question("fleet.ping_analytics", EVERYBODY, asked.context.fleet.ping_analytics)
    yield Question("health.resolution by analytics", EVERYBODY, asked.health.resolution)
    yield Question("doctor with analytics", EVERYBODY, lambda: tuple(asked.doctor()))
    deals = consoles.with_redis.deals
    for deal in (DEAL_WITHOUT_AGENTS, DEAL_ELIGIBLE):
        yield Question(f"deals.diagnose with mutexes {deal}", ONE, partial(deals.diagnose, deal, BIG))
    later = with_members(consoles.plain.context, now=lambda: utc_now() + timedelta(days=3))
    yield Question("check webhook_backlog in quiet times", EVERYBODY, lambda: read_backlog(later))


NOT_ASKED = {"open", "close", "journal", "fleet.close", "notices.close"}
"""Methods that open, close or hand out and ask nothing."""

OWN_JOURNAL = {"incidents", "investigations"}
"""Services that ask the journal, which is the console's own, and no source."""


def public_methods(service: Diagnostics) -> set[str]:
    """Everything that a caller may call, by the names that the catalogue uses."""
    journaled = {
        name for name, value in vars(Diagnostics).items() if isinstance(value, Lazy) and name[0] != "_"
    } - OWN_JOURNAL
    doors = {f"{name}.": type(getattr(service, name)) for name in journaled}
    doors["reviews.follow_ups."] = FollowUps
    doors |= {"": Diagnostics, "rollup.": SyncRollup, "samples.": Samples, "fleet.": Fleet}
    found = {
        f"{door}{name}"
        for door, kind in doors.items()
        for name, value in vars(kind).items()
        if not name.startswith("_") and not isinstance(value, Lazy)
        if inspect.isroutine(value) or isinstance(value, property)
    }
    return found - NOT_ASKED
