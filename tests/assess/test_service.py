"""An incident against the live world: the night of 17 November, measured, judged and observed by several consoles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Thread

import pytest

from diagnostics.config.layers import load_settings
from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.time import utc_now
from diagnostics.core.waiting import Job
from diagnostics.health.service import HealthService
from diagnostics.incident.assess.assessments import AssessmentService
from diagnostics.incident.assess.impact import read_accounts, read_impact, read_shares
from diagnostics.incident.assess.readings import measure
from diagnostics.incident.incidents import IncidentService
from diagnostics.models.entries import MeasuredFigure
from diagnostics.models.status import Status
from diagnostics.models.triage import TriageRequest
from diagnostics.service import Diagnostics
from sandbox.launch import SandboxProcess, start_sandbox
from sandbox.stories.account_list import INTEGRATION_DISABLED, STALE_AGENTS
from tests.contexts import with_members
from tests.mariadb import MariaDB
from tests.shipped import shipped_catalogue

NO_LIMIT = tuple(f"{endpoint}=100000/1" for endpoint in ("search", "aggregate", "metrics"))


@pytest.fixture(scope="module")
def nov17() -> Iterator[SandboxProcess]:
    with start_sandbox("nov17", rate_limits=NO_LIMIT, ready_timeout_s=120) as sandbox:
        yield sandbox


def opened(sandbox: SandboxProcess, state: Path, **changed: object) -> Diagnostics:
    flags = {**sandbox.flags(), "state_dir": state, **changed}
    return Diagnostics.open(load_settings(flags=flags, environ={}).settings, shipped_catalogue())


@pytest.fixture
def service(nov17: SandboxProcess, tmp_path: Path) -> Iterator[Diagnostics]:
    with opened(nov17, tmp_path) as made:
        yield made


def by_id(figures: tuple[MeasuredFigure, ...]) -> dict[str, MeasuredFigure]:
    return {one.id: one for one in figures}


def declared(service: Diagnostics, issue: str = "rate_limiting", severity: str = "incident") -> str:
    return service.incidents.declare(title="tried", issue_type=issue, severity=severity).id


def test_the_figures_of_17_november_are_measured_with_their_evidence(service: Diagnostics) -> None:
    figures = by_id(service.assessments.measure("rate_limiting"))
    assert tuple(figures) == service.catalogue.issues["rate_limiting"].figures
    assert figures["webhook_backlog"].value == 212_631
    assert figures["health"].shown == "94.20 %"
    assert figures["events_lost"].value == 2
    assert figures["data_loss_risk"].value == "high"
    assert isinstance(figures["rate_limited_per_minute"].value, int)
    assert figures["rate_limited_per_minute"].value > 100
    assert isinstance(figures["accounts_affected"].value, int)
    assert "users" in str(figures["large_accounts"].value)
    for one in figures.values():
        assert one.evidence is not None
        assert one.evidence.query
        assert one.taken_at is not None


def test_what_the_journal_shows_to_be_done_ticks_itself_without_a_source(nov17: SandboxProcess, tmp_path: Path) -> None:
    with opened(nov17, tmp_path, **{"datadog.api_url": "http://127.0.0.1:9"}) as service:
        name = declared(service)
        rules = {one.rule for one in service.assessments.checklist("rate_limiting", "incident")}
        role = next(rule for rule in sorted(rules) if rule.startswith("role:")).removeprefix("role:")
        service.assessments.tick_seen(name)
        before = {one.step for one in service.incidents.get(name).steps}
        service.incidents.claim(name, role, "ann")
        service.assessments.tick_seen(name)
        service.assessments.tick_seen(name)
        (made,) = (one for one in service.incidents.get(name).steps if one.step not in before)
        assert (made.by_console, "ann is" in made.text) == (True, True)


@pytest.mark.parametrize("issue", ["oauth_failure", "transaction_sync", "agent_resolution", "connection_health"])
def test_every_issue_is_measured(service: Diagnostics, issue: str) -> None:
    figures = by_id(service.assessments.measure(issue))
    assert tuple(figures) == service.catalogue.issues[issue].figures
    assert [one.id for one in figures.values() if one.status == Status.UNREACHABLE.value] == []


def test_a_source_that_is_gone_gives_the_dash_and_says_why(nov17: SandboxProcess, tmp_path: Path) -> None:
    with opened(nov17, tmp_path, **{"datadog.api_url": "http://127.0.0.1:9"}) as service:
        figures = by_id(service.assessments.measure("rate_limiting"))
        assert figures["webhook_backlog"].value == 212_631
        for name in ("rate_limited_per_minute", "accounts_affected", "users_affected", "token_success"):
            lost = figures[name]
            assert (lost.value, lost.shown, lost.status) == (None, "—", "unreachable")
            assert lost.evidence is not None
            assert "datadog" in lost.evidence.caveat
        with pytest.raises(SourceFailure):
            service.assessments.impact("rate_limiting", "incident")
        assessment = service.assessments.assess(declared(service))
        assert assessment.impact is None
        assert any("datadog" in line for line in assessment.failures)
        assert assessment.tier.tier == 3
        rate = next(one for one in assessment.criteria if one.id == "rate")
        assert (rate.status, rate.shown, rate.held_s) == (Status.UNREACHABLE, "—", None)


@pytest.mark.honesty(
    "Datadog holds its answers back while a notice is wanted",
    "what was read here before, with its age; the rest is not known yet, and never 0",
)
def test_a_notice_is_proposed_at_once_of_what_was_read_here(nov17: SandboxProcess, tmp_path: Path) -> None:
    with opened(nov17, tmp_path) as service:
        context, window_s = service.context, service.context.window_s
        query = context.catalogue.queries[context.catalogue.issues["rate_limiting"].query].datadog
        counted = context.logs.counts(query, window_s)
        affected = service.assessments.affected("rate_limiting", "incident", kinds=False)
        assert counted.accounts
        nov17.set_faults("aggregate=slow:8")
        try:
            # The next pulse waits: what the last one gave is known all the same.
            counts = partial(context.logs.counts, query, window_s, fresh_s=0.0)
            waits = Thread(target=failing, args=(counts,), daemon=True)
            waits.start()
            proposal = service.notices.propose(issue_type="rate_limiting", severity="incident", at_once=True)
            assert waits.is_alive()
        finally:
            nov17.clear_faults()
        known = by_id(proposal.measured)
        assert known["accounts_affected"].value == counted.accounts
        assert known["rate_limited_per_minute"].value == counted.recent_minute
        assert known["rate_limited_per_minute"].taken_at == counted.evidence.data_at
        assert set(proposal.accounts) <= {one.account_id for one in affected.rows}
        assert proposal.accounts
        never_read = known["api_p95"]
        assert (never_read.value, never_read.shown, never_read.taken_at) == (None, "not known yet", None)
        assert [one.name for one in service.notices.stale(proposal)] == []
        fresh = service.notices.refresh(proposal)
        assert fresh.key == proposal.key
        assert isinstance(by_id(fresh.measured)["api_p95"].value, int | float)
        assert [one.id for one in fresh.measured if one.shown == "not known yet"] == []


def test_words_are_written_into_a_notice_without_asking_anything(
    service: Diagnostics, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposal = service.notices.propose(issue_type="rate_limiting", severity="incident")
    asked: list[str] = []
    for source, names in (
        (service.context.datadog, ("aggregate", "search", "metrics")),
        (service.context.databases, ("read_common", "read_client")),
    ):
        for name in names:
            monkeypatch.setattr(source, name, lambda *_, name=name, **__: asked.append(name))
    words = {"title": "Zillow refuses every call", "eta": "17:40 UTC"}
    rewritten = service.notices.rewrite(proposal.model_copy(update={"words": words}))
    assert asked == []
    assert (rewritten.title, rewritten.key) == ("Zillow refuses every call", proposal.key)
    assert "17:40 UTC" in rewritten.fallback
    assert (rewritten.measured, rewritten.accounts) == (proposal.measured, proposal.accounts)
    assert set(rewritten.notes) == set(proposal.notes)
    taken = {one.name: one.taken_at for one in proposal.drafts[0].figures if one.evidence is not None}
    assert {one.name: one.taken_at for one in rewritten.drafts[0].figures if one.evidence is not None} == taken


def failing(ask: Callable[[], object]) -> None:
    """Ask, and let a source fail."""
    with suppress(SourceFailure):
        ask()


COUNTED = ("rate_limited_per_minute", "zillow_requests", "events_in_window", "accounts_affected", "users_affected")


@pytest.mark.honesty(
    "partial answers over live HTTP 429: the answer warns of an unknown index, timed out, or has no figure",
    "rate_limit_rate and every figure counted from logs is no data or unreachable, never a pass or 0",
)
@pytest.mark.parametrize("fault", ["warnings:unknown_index", "nofigure", "aggregate=nofigure"])
def test_an_answer_that_counts_nothing_is_no_all_clear(nov17: SandboxProcess, tmp_path: Path, fault: str) -> None:
    nov17.set_faults(fault)
    try:
        with opened(nov17, tmp_path) as service:
            finding = service.check("rate_limit_rate", TriageRequest(issue_type="rate_limiting"))
            assert finding.status in {Status.NO_DATA, Status.UNREACHABLE}
            for issue in ("rate_limiting", "oauth_failure", "transaction_sync"):
                figures = by_id(service.assessments.measure(issue))
                for name in figures.keys() & set(COUNTED):
                    assert figures[name].status in {Status.NO_DATA.value, Status.UNREACHABLE.value}, (issue, name)
            assert service.pulse("rate_limiting", 900).status is not Status.PASS
    finally:
        nov17.clear_faults()


@pytest.mark.parametrize("fault", ["warnings:slow_index", "warnings:timeout"])
def test_a_partial_count_that_is_grave_stays_grave(nov17: SandboxProcess, tmp_path: Path, fault: str) -> None:
    nov17.set_faults(fault)
    try:
        with opened(nov17, tmp_path) as service:
            finding = service.check("rate_limit_rate", TriageRequest(issue_type="rate_limiting"))
            assert finding.status is Status.FAIL
            assert finding.evidence is not None
            assert "slow_index" in finding.evidence.caveat or "timed out" in finding.evidence.caveat
    finally:
        nov17.clear_faults()


def test_without_the_database_nothing_is_zero(nov17: SandboxProcess, tmp_path: Path) -> None:
    missing = f"sqlite:///{tmp_path / 'nothing.db'}"
    with opened(nov17, tmp_path, **{"databases.common_url": missing}) as service:
        figures = by_id(service.assessments.measure("rate_limiting"))
        for name in ("health", "deviation", "sync_events", "webhook_backlog", "oldest_pending_s", "events_lost"):
            assert (figures[name].value, figures[name].shown) == (None, "—")


def test_an_unknown_issue_is_refused_and_a_cancelled_job_ends(service: Diagnostics) -> None:
    with pytest.raises(UserError, match="no issue type"):
        service.assessments.measure("rate_limit")
    job = Job()
    job.cancel()
    with pytest.raises(SourceFailure):
        service.assessments.measure("oauth_failure", job)


def test_a_job_without_time_leaves_figures_without_values(service: Diagnostics) -> None:
    figures = measure(service.context, service.health, "rate_limiting", Job(limit_s=0.0))
    assert {one.value for one in figures if one.status == "no_data"} <= {None}
    assert len(figures) == len(service.catalogue.issues["rate_limiting"].figures)


def test_the_impact_of_17_november_needs_a_commander_and_explains_every_account(service: Diagnostics) -> None:
    impact = service.assessments.impact("rate_limiting", "incident", accounts=(STALE_AGENTS,))
    assert impact.proposes_command
    assert impact.score > 1_000
    assert STALE_AGENTS in {one.account_id for one in impact.accounts}
    assert all("× incident 10 ×" in one.why for one in impact.accounts)
    assert impact.coverage.is_complete
    tier = service.assessments.tier("rate_limiting", "incident", impact, service.assessments.measure("rate_limiting"))
    assert (tier.tier, "risk of data loss" in tier.rule) == (3, True)
    assert impact.words in tier.others


def test_more_accounts_than_are_weighed_are_covered_and_not_silent(service: Diagnostics) -> None:
    few = service.catalogue.impact.model_copy(update={"most_accounts": 5})
    context = with_members(service.context, catalogue=service.catalogue.model_copy(update={"impact": few}))
    impact = read_impact(context, "rate_limiting", "incident")
    assert impact.coverage.answered == 5
    assert impact.coverage.asked > 5
    assert impact.coverage.gaps[0].reason == "beyond the 5 that are weighed"
    assert impact.words.startswith("impact at least ")


def test_observing_ticks_what_has_happened_once_over_many_consoles(service: Diagnostics) -> None:
    incident = declared(service)
    service.incidents.claim(incident, "incident_commander", "ana")
    service.incidents.enter_scope(incident, "system", "ZillowSyncUser")
    before = service.incidents.get(incident).entries
    consoles = [
        AssessmentService(service.context, IncidentService(service.context), HealthService(service.context))
        for _ in range(4)
    ]
    with ThreadPoolExecutor(max_workers=4) as pool:
        tuple(pool.map(lambda assessments: assessments.observe(incident), consoles))
    found = service.incidents.get(incident)
    ticked = {one.step for one in found.steps}
    # The checks answered too: a reading is no deed.
    assert ticked == {"commander", "scope"}
    assert all(one.by_console and one.by == "console" and one.text for one in found.steps)
    assert found.entries == before + len(ticked)


def test_a_step_that_a_person_took_back_is_not_ticked_again(service: Diagnostics) -> None:
    incident = declared(service)
    service.incidents.claim(incident, "incident_commander", "ana")
    service.assessments.observe(incident)
    service.incidents.untick(incident, "commander", "she is on a train")
    seen = {one.id: one for one in service.assessments.observe(incident).steps}
    assert seen["commander"].record is None
    assert seen["commander"].note == "seen: ana is incident commander"
    assert seen["backlog"].record is None
    assert seen["backlog"].note.startswith("read: 212,631")


def test_assessing_writes_nothing(service: Diagnostics) -> None:
    incident = declared(service)
    service.assessments.assess(incident)
    assert service.incidents.get(incident).entries == 1
    assert service.context.state.recall("exit_criterion_hold") == ()


class _Turning:
    """A world in which one criterion holds: backlog at most 500,000, for two minutes; and a clock that tests move."""

    def __init__(self, service: Diagnostics) -> None:
        criteria = service.catalogue.exit_criteria["rate_limiting"]
        backlog = criteria.criteria["backlog"].model_copy(update={"limit": 500_000.0, "hold_minutes": 2.0})
        changed = criteria.model_copy(update={"criteria": {"backlog": backlog}, "longest_gap_s": 60.0})
        catalogue = service.catalogue.model_copy(update={"exit_criteria": {"rate_limiting": changed}})
        self.service, self.ahead, self.begun = service, 0.0, utc_now()
        self.context = with_members(service.context, catalogue=catalogue, now=self.now)

    def now(self) -> datetime:
        return self.begun + timedelta(seconds=self.ahead)

    def assessments(self) -> AssessmentService:
        """A console that has just been started."""
        assessments = AssessmentService(
            self.context, self.service.incidents, self.service.health, clock=lambda: self.ahead
        )
        measured = assessments._ask

        def moved(*given: object) -> object:
            world = measured(*given)  # type: ignore[arg-type]
            figures = {name: one.model_copy(update={"taken_at": self.now()}) for name, one in world.figures.items()}
            return replace(world, figures=figures)

        assessments._ask = moved  # type: ignore[method-assign,assignment]
        return assessments


def test_a_criterion_is_journalled_when_it_has_held_and_when_nobody_could_tell_any_more(
    service: Diagnostics,
) -> None:
    incident = declared(service)
    turning = _Turning(service)
    first = turning.assessments()
    one = first.observe(incident).criteria[0]
    assert (one.status, one.held_s, one.needs_s) == (Status.WARN, 0.0, 120.0)
    turning.ahead = 50.0
    assert first.observe(incident).criteria[0].held_s == 50.0
    turning.ahead = 100.0
    # A restart, and another console: the hold goes on.
    assert turning.assessments().observe(incident).criteria[0].note.startswith("held 100 s of 2 min")
    turning.ahead = 150.0
    met = turning.assessments().observe(incident).criteria[0]
    assert met.status is Status.PASS
    turning.assessments().observe(incident)
    kinds = [line.kind for line in service.incidents.timeline(incident).rows]
    assert kinds.count("criterion_met") == 1
    record = service.incidents.get(incident).criteria[0]
    assert record.met_since == met.since
    turning.ahead = 400.0
    again = turning.assessments().observe(incident).criteria[0]
    assert (again.status, again.held_s) == (Status.WARN, 0.0)
    assert "nobody could tell for" in again.note
    kinds = [line.kind for line in service.incidents.timeline(incident).rows]
    assert kinds.count("criterion_broken") == 1
    assert service.incidents.get(incident).criteria[0].met_since is None


def test_an_incident_that_is_over_is_looked_at_and_not_written_to(service: Diagnostics) -> None:
    incident = declared(service)
    service.incidents.set_status(incident, "resolved", "it was a drill")  # type: ignore[arg-type]
    before = service.incidents.get(incident).entries
    assessment = service.assessments.observe(incident)
    assert service.incidents.get(incident).entries == before
    assert assessment.proposals == ()
    assert assessment.next_update_at is None


@pytest.fixture(scope="module")
def on_mariadb(mariadb: MariaDB) -> Iterator[SandboxProcess]:
    with start_sandbox(
        "oauth_cascade",
        database_url=mariadb.root_url,
        schema_prefix="assess",
        rate_limits=NO_LIMIT,
        ready_timeout_s=120,
    ) as sandbox:
        yield sandbox


@pytest.mark.mariadb
def test_sizes_and_shares_are_read_in_batches_on_mariadb(on_mariadb: SandboxProcess, tmp_path: Path) -> None:
    with opened(on_mariadb, tmp_path) as service:
        ids = [STALE_AGENTS, INTEGRATION_DISABLED, *range(900_000, 900_550)]
        known, evidence = read_accounts(service.context, ids)
        assert len(evidence) == 2
        assert known[STALE_AGENTS].users == 612
        assert not known[900_000].exists
        for issue in ("oauth_failure", "connection_health", "transaction_sync", "agent_resolution"):
            shares = read_shares(service.context, service.catalogue.issues[issue], ids)
            assert all(0.0 <= one <= 1.0 for one in shares.of.values())
            assert shares.evidence, issue
        assert by_id(service.assessments.measure("rate_limiting"))["webhook_backlog"].value == 164
