"""The stories as they happened: the 47 agents of account 14009, and one deal for every error code."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from diagnostics.catalogue import load_catalogue
from diagnostics.config.layers import load_settings
from diagnostics.models.conclusions import Confidence
from diagnostics.service import Diagnostics
from sandbox.launch import start_sandbox
from sandbox.stories.account_list import DEAL_ELIGIBLE, ERROR_CODE_DEALS, STALE_AGENTS

LIMITS = ("search=1000/10", "aggregate=1000/10")


@pytest.fixture(
    scope="module",
    params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)],
)
def service(request: pytest.FixtureRequest) -> Iterator[Diagnostics]:
    url = request.getfixturevalue("mariadb").root_url if request.param == "mariadb" else None
    with start_sandbox("healthy", database_url=url, rate_limits=LIMITS, ready_timeout_s=60) as sandbox:
        settings = load_settings(flags=sandbox.flags(), environ={}).settings
        with Diagnostics.open(settings, load_catalogue()) as opened:
            yield opened


@pytest.mark.parametrize(("code", "place"), ERROR_CODE_DEALS.items())
def test_each_deals_verdict_is_the_code_it_was_built_with(
    service: Diagnostics, code: str, place: tuple[int, int]
) -> None:
    account, deal = place
    answer = service.deals.diagnose(deal, account)
    assert (answer.error_code, answer.conclusion.code) == (code, code)
    # Each fails at its own gate alone.
    assert [gate.error_code for gate in answer.gates if gate.error_code] == [code]
    bulk = service.deals.unsynced(account)
    grouped = {one: group.error_code for group in bulk.groups for one in group.deals}
    if answer.header.synced_at is None and code != "deal_id_missing":
        assert grouped[account, deal] == code
    else:
        assert (account, deal) not in grouped


def test_the_deal_with_one_agent_for_each_path_shows_the_whole_matrix(service: Diagnostics) -> None:
    answer = service.deals.diagnose(DEAL_ELIGIBLE, STALE_AGENTS)
    assert answer.conclusion.code == "already_synced"
    paths = {(one.legacy_profile, one.oauth, one.modern_agent, one.sync_agent) for one in answer.agents}
    assert paths == {
        (True, False, False, False),
        (False, True, False, False),
        (False, False, True, False),
        (False, False, False, True),
    }


def test_exactly_47_agents_of_account_14009_are_stale(service: Diagnostics) -> None:
    answer = service.deals.resolution(STALE_AGENTS)
    assert (answer.conclusion.code, answer.conclusion.confidence) == ("agents_stale", Confidence.STANDARD)
    assert "47 of" in answer.conclusion.sentence
    assert len({agent.agent_id for agent in answer.stale}) == 47
    # The history of transitions was written by the same incident and names the same users.
    fallen = {row.user_id for row in answer.transitions if row.reason == "stale zillow_agents row kept"}
    assert {agent.user_id for agent in answer.stale} == fallen
    assert {agent.method_name for agent in answer.stale} == {"INFERRED"}


def test_no_other_account_of_a_quiet_day_is_called_stale(service: Diagnostics) -> None:
    for account in (75_172, 12_345, 30_511):
        assert service.deals.resolution(account).conclusion.code == "consistent"
