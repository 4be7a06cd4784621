"""What disagrees in one deal, or in one system over all accounts: the scope, its two readings, and its plans."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from diagnostics.core.failures import UserError
from diagnostics.models.reconcile import SYSTEM_KINDS, DifferenceKind, Scope
from diagnostics.reconcile.differences import read_scope
from tests.reconcile.account import ACCOUNT, STALE, StaleAccount
from tests.sampling import on_one_kind
from tests.sync.rows import agent_row, token_row
from tui.cli.arguments import SYSTEMS
from tui.cli.main import run

OTHER = 555
DEAL = 70
AGENTS = Scope(system="ZillowAgent")
OF_DEAL = Scope(account_id=ACCOUNT, deal_id=DEAL)


def another_account(account: StaleAccount, stale: int = 2) -> None:
    """A second account with stale agents of the same ids."""
    account.shelf.account(OTHER)
    agents = range(1, stale + 1)
    account.shelf.users(OTHER, *agents)
    account.shelf.client(OTHER, "zillow_agents", *(agent_row(OTHER, agent, agent, 4, age=48) for agent in agents))
    account.shelf.common("zillow_auth", *(token_row(OTHER, agent, expires=100.0) for agent in agents))


def a_deal(account: StaleAccount) -> None:
    """An eligible deal that was never synced, with agents 3 and 4 on it, and one more that nobody asks for."""
    shelf = account.shelf
    shelf.system(ACCOUNT)
    shelf.connection(ACCOUNT, 4)
    shelf.execute("common", "UPDATE zillow_sync_users SET zuid = 'z9' WHERE user_id = 4")
    shelf.execute("common", "UPDATE zillow_auth SET zillow_sync_user_id = 777 WHERE user_id = 2")
    shelf.deal(ACCOUNT, DEAL, agents=(3, 4))
    shelf.deal(ACCOUNT, DEAL + 1, agents=(1,))


@on_one_kind("either", "scope of a deal")
def test_a_deal_is_its_own_row_and_the_rows_of_the_users_on_it(either: StaleAccount) -> None:
    a_deal(either)
    snapshot = read_scope(either.context(), OF_DEAL)
    rows = {(one.kind, one.user_id or one.row) for one in snapshot.differences}
    assert rows == {
        (DifferenceKind.STALE_AGENT, 3),
        (DifferenceKind.STALE_AGENT, 4),
        (DifferenceKind.ZUID_MISMATCH, 4),
        (DifferenceKind.NEVER_SYNCED, str(DEAL)),
    }
    assert snapshot.unread == ()


def test_a_deal_is_planned_for_its_own_agents_only(account: StaleAccount) -> None:
    a_deal(account)
    account.service.report(OF_DEAL)
    account.later(61)
    record = account.service.plan(OF_DEAL, STALE)
    assert [row.row for row in record.plan.rows] == [3, 4]
    assert account.service.apply(record.name, "2 PROD").counts == {"mended": 2}
    assert account.methods() == {1: 3, 2: 3, 3: 1, 4: 1, 900: 1}


def test_a_deal_that_is_not_there_is_refused(account: StaleAccount) -> None:
    with pytest.raises(UserError, match=f"no deal {DEAL}"):
        account.service.report(OF_DEAL)


def test_the_readings_of_two_scopes_are_not_held_against_each_other(account: StaleAccount) -> None:
    a_deal(account)
    account.service.report(ACCOUNT)
    account.later(61)
    assert account.service.report(OF_DEAL).earlier_at is None


@on_one_kind("either", "scope of a system")
def test_a_system_is_read_over_all_accounts_and_planned_account_by_account(either: StaleAccount) -> None:
    another_account(either)
    either.service.report(AGENTS)
    either.later(61)
    report = either.service.report(AGENTS)
    of = [one.account_id for one in report.persistent]
    assert (of.count(ACCOUNT), of.count(OTHER), report.noise) == (47, 2, 0.0)
    assert {one.kind for one in report.persistent} == {STALE}
    records = either.service.plan_system("ZillowAgent", STALE)
    assert [(one.plan.account_id, len(one.plan.rows)) for one in records] == [(OTHER, 2), (ACCOUNT, 47)]
    assert either.methods()[1] == 3


def test_an_account_that_does_not_answer_is_named_and_is_no_noise(account: StaleAccount) -> None:
    another_account(account)
    account.service.report(AGENTS)
    account.shelf.execute(f"client_{OTHER}", "DROP TABLE zillow_agents")
    account.later(61)
    report = account.service.report(AGENTS)
    assert {one.account_id for one in report.persistent} == {ACCOUNT}
    assert report.passing == ()
    assert [text.partition(":")[0] for text in report.unread] == [f"resolution of agents, account {OTHER}"]
    records = account.service.plan_system("ZillowAgent", STALE)
    assert [one.plan.account_id for one in records] == [ACCOUNT]


def test_more_accounts_than_a_person_can_confirm_are_not_planned(
    account: StaleAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diagnostics.reconcile.service.MOST_PLANS", 1)
    another_account(account)
    account.service.report(AGENTS)
    account.later(61)
    with pytest.raises(UserError, match="more than one person can confirm"):
        account.service.plan_system("ZillowAgent", STALE)
    assert account.service.repairs() == ()


def test_one_reading_of_a_system_plans_nothing(account: StaleAccount) -> None:
    with pytest.raises(UserError, match="two readings"):
        account.service.plan_system("ZillowAgent", STALE)
    with pytest.raises(UserError, match="one client database"):
        account.service.plan(AGENTS, STALE)


def test_every_system_has_kinds_and_every_kind_of_an_account_but_the_deals_a_system() -> None:
    kinds = [kind for of in SYSTEM_KINDS.values() for kind in of]
    assert sorted(kinds) == sorted(set(DifferenceKind) - {DifferenceKind.NEVER_SYNCED})
    assert tuple(SYSTEM_KINDS) == SYSTEMS


def test_the_command_takes_one_scope(
    account: StaleAccount, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    another_account(account)
    a_deal(account)
    databases = account.shelf.settings.databases
    monkeypatch.setenv("WARROOM_CONFIG", "")
    monkeypatch.setenv("WARROOM_STATE_DIR", str(account.shelf.settings.state_dir))
    monkeypatch.setenv("WARROOM_DATABASES__COMMON_URL", str(databases.common_url))
    monkeypatch.setenv("WARROOM_DATABASES__CLIENT_URL", str(databases.client_url))
    account.at -= timedelta(minutes=5)
    account.service.report(AGENTS)
    assert run(["reconcile", "report", "--system", "ZillowAgent", "--format", "json"]) == 2
    said = json.loads(capsys.readouterr().out)
    assert said["scope"] == {"account_id": None, "deal_id": None, "system": "ZillowAgent"}
    assert len(said["persistent"]) == 6
    assert run(["reconcile", "report", "--account-id", str(ACCOUNT), "--deal-id", str(DEAL)]) == 4
    assert f"warroom reconcile  deal {DEAL} of account {ACCOUNT} · PROD" in capsys.readouterr().out
    for wrong in (["--system", "ZillowAgent", "--account-id", str(ACCOUNT)], []):
        assert run(["reconcile", "report", *wrong]) == 64
        assert "one scope" in capsys.readouterr().err
    assert run(["reconcile", "report", "--deal-id", str(DEAL)]) == 64
    assert f"the account of deal {DEAL} is not known" in capsys.readouterr().err
