"""Client databases that are copies and stand still: no all-clear rests on them, and an idle account is not doubted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.models.status import Status
from diagnostics.models.triage import Triage, TriageRequest
from diagnostics.signals.data_age import client_age
from diagnostics.sources.mysql.replica import Replica
from tests.service.world import ACCOUNT, DEAL, World, ago

SYNC, AGENTS = (
    TriageRequest(issue_type="transaction_sync", account_id=ACCOUNT, deal_id=DEAL),
    TriageRequest(issue_type="agent_resolution", account_id=ACCOUNT),
)


@pytest.fixture
def well(world: World) -> World:
    """An account where everything is in order, and whose newest row is three hours old."""
    methods = [1] * 93 + [3] * 32 + [4] * 75
    agents: list[dict[str, object]] = [
        {"account_id": ACCOUNT, "user_id": user, "encrypted_zuid": "z", "resolution_method": method}
        for user, method in enumerate(methods, 1)
    ]
    world.client(ACCOUNT, "zillow_agents", *(agent | {"updated_at": ago(hours=3)} for agent in agents))
    for user in (1, 2):
        world.client(ACCOUNT, "users", {"id": user, "account_id": ACCOUNT, "status": "active"})
    world.deal(1, values={"created_at": ago(hours=5), "synced_at": ago(hours=4), "zillow_transaction_id": "z"})
    world.sync_ready()
    world.tokens({"user_id": 1})
    return world


def changed(world: World, at: datetime, old: int = 1, new: int = 3) -> None:
    """`common` records that an agent of the account is resolved in another way."""
    row = {"account_id": ACCOUNT, "user_id": 1, "old_resolution": old, "new_resolution": new, "created_at": at}
    world.common("zillow_connection_logs", row)


def statuses(world: World) -> dict[str, Status]:
    """Status of each check that reads the account's client database."""
    found: dict[str, Status] = {}
    for request in (SYNC, AGENTS):
        triage = world.service.triage(request)
        assert isinstance(triage, Triage)
        found |= {one.check: one.status for one in triage.findings}
    of_clients = ("deal_agent_count", "deal_agent_resolution", "deal_eligibility", "resolution_distribution")
    return {name: found[name] for name in (*of_clients, "resolution_integrity")}


def test_an_idle_account_is_not_doubted_and_the_age_of_its_rows_is_said(well: World) -> None:
    changed(well, ago(hours=3, minutes=5))
    changed(well, ago(minutes=1), old=1, new=1)
    repaired = {"old_resolution": 3, "new_resolution": 1, "change_reason": "warroom REP-1 agent 7"}
    well.common(
        "zillow_connection_logs", {"account_id": ACCOUNT, "user_id": 1, "created_at": ago(minutes=1), **repaired}
    )
    assert set(statuses(well).values()) == {Status.PASS}
    found = well.service.check("deal_agent_count", SYNC)
    assert found.evidence is not None
    assert not found.evidence.is_old
    assert found.evidence.caveat.endswith("its newest row is 3 h old, and nothing shows that it should be newer")


@pytest.mark.honesty(
    "a client database is a copy that is hours behind, and common records a newer change of one of its agents",
    "no data, with how far it is behind; what fails still fails",
)
def test_a_copy_that_lacks_what_common_records_gives_no_all_clear(well: World) -> None:
    changed(well, ago(minutes=1))
    assert set(statuses(well).values()) == {Status.NO_DATA}
    found = well.service.check("resolution_integrity", AGENTS)
    assert found.value is None
    assert "client 14009 is at least 2 h 59 min behind (limit > 600 s warning" in found.summary
    assert found.evidence is not None
    assert found.evidence.newest_at == client_age(well.service.context, ACCOUNT).newest
    deal = well.service.deals.diagnose(DEAL, ACCOUNT)
    assert "Whether its next update would pass is not known" in deal.conclusion.sentence
    assert {str(gate.status) for gate in deal.gates if gate.id in {"property", "agents", "sync_system"}} == {"no_data"}
    resolution = well.service.deals.resolution(ACCOUNT)
    assert resolution.conclusion.code == "not_known"
    assert {one.status for one in resolution.findings} == {Status.NO_DATA}
    unsynced = well.service.deals.unsynced(ACCOUNT)
    assert any(
        "Account 14009 as of then: client 14009 is at least 2 h 59 min behind" in note for note in unsynced.notes
    )
    summary = well.service.accounts.summary(ACCOUNT)
    assert summary.notes[0].startswith("Client 14009 is at least 2 h 59 min behind")
    agents = {one.check: one.status for one in summary.findings}
    assert agents["account_agents"] is Status.NO_DATA


def test_what_fails_in_old_rows_still_fails_and_a_deal_that_is_not_there_is_not_missing(well: World) -> None:
    changed(well, ago(minutes=1))
    well.deal(deal_id=DEAL + 1)
    empty = well.service.check("deal_agent_count", SYNC.model_copy(update={"deal_id": DEAL + 1}))
    assert (empty.status, empty.value) == (Status.FAIL, None)
    missing = well.service.deals.diagnose(DEAL + 2, ACCOUNT)
    assert missing.conclusion.code == "not_known"


@pytest.mark.honesty("a client database's server is a replica that is behind, or has stopped", "no data, with the lag")
@pytest.mark.parametrize(
    ("behind_s", "words"), [(10_800, "is a replica that is 3 h behind"), (None, "is a replica that has stopped")]
)
def test_a_replica_that_says_that_it_is_behind_gives_no_all_clear(
    well: World, monkeypatch: pytest.MonkeyPatch, behind_s: int | None, words: str
) -> None:
    monkeypatch.setattr(well.databases, "replica", lambda _account: Replica(behind_s))
    assert set(statuses(well).values()) == {Status.NO_DATA}
    assert words in well.service.check("deal_agent_count", SYNC).summary


@pytest.mark.parametrize("copies", [None, Replica(30), SourceFailure(FailureKind.DENIED, "client", "no grant")])
def test_a_replica_in_time_or_one_that_may_not_be_asked_is_not_doubted(
    well: World, monkeypatch: pytest.MonkeyPatch, copies: Replica | SourceFailure | None
) -> None:
    def replica(_account: int) -> Replica | None:
        if isinstance(copies, SourceFailure):
            raise copies
        return copies

    monkeypatch.setattr(well.databases, "replica", replica)
    assert set(statuses(well).values()) == {Status.PASS}


def test_rows_of_the_future_hide_no_lag(well: World) -> None:
    well.client(ACCOUNT, "deals", {"id": 9, "account_id": ACCOUNT, "created_at": datetime.now(UTC) + timedelta(days=1)})
    changed(well, ago(minutes=1))
    changed(well, datetime.now(UTC) + timedelta(days=2))
    assert client_age(well.service.context, ACCOUNT).until is not None


def test_how_old_a_client_is_costs_one_statement_to_each_database_a_minute(
    well: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    for name in ("read_client", "read_common"):
        real = getattr(well.databases, name)

        def counted(*given: object, real: object = real, name: str = name, **more: object) -> object:
            asked.append(name)
            return real(*given, **more)  # type: ignore[operator]

        monkeypatch.setattr(well.databases, name, counted)
    for _ in range(3):
        client_age(well.service.context, ACCOUNT)
    assert asked.count("read_client") == 1
    assert asked.count("read_common") <= 2
