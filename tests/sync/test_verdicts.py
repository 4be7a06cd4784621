"""Each deal's verdict is the code it was built with, and one deal is judged exactly as thousands are."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import product

import pytest

from diagnostics.core.context import Context
from diagnostics.models.triage import TriageRequest
from diagnostics.sync.deals import Asking
from diagnostics.sync.gates import judge, read_facts
from diagnostics.sync.verdict import ERROR_ORDER, DealVerdict
from tests.sampling import on_one_kind, sampled
from tests.sync.rows import Shelf, naive

WHOLE, WITHOUT_SYSTEM, WITHOUT_CONNECTION, BARE = 14009, 75172, 148261, 30511
ACCOUNTS = {WHOLE: (True, True), WITHOUT_SYSTEM: (False, True), WITHOUT_CONNECTION: (True, False), BARE: (False, False)}
"""Whether the account has an active data-sync system and an active connection."""

MOMENT = naive(datetime(2026, 1, 1, tzinfo=UTC))

PROFILE, TOKEN, MODERN, OLD, NOBODY, EMPTY_TOKEN, EMPTY_ZUID = range(1, 8)
VERIFIED = {PROFILE, TOKEN, MODERN, OLD}

CREWS: tuple[tuple[int, ...], ...] = (
    (),
    (NOBODY,),
    (PROFILE,),
    (TOKEN,),
    (MODERN,),
    (OLD,),
    (NOBODY, EMPTY_TOKEN, EMPTY_ZUID),
    (NOBODY, OLD),
)


def populate(shelf: Shelf) -> None:
    """Four accounts, in each the same users: one for every path, and three whom no path verifies."""
    for account, (has_system, has_connection) in ACCOUNTS.items():
        shelf.account(account)
        shelf.users(account, *range(1, 8), profile=[PROFILE])
        shelf.token(account, TOKEN)
        shelf.token(account, EMPTY_TOKEN, held=False)
        shelf.agent(account, 1, MODERN, 1)
        shelf.agent(account, 2, EMPTY_ZUID, 4, zuid=None)
        shelf.client(account, "zillow_sync_agents", {"account_id": account, "user_id": OLD})
        shelf.system(account, active=has_system)
        shelf.system(account, name="bishop")
        shelf.connection(account, 1, active=has_connection)
        shelf.connection(account, 2, problem=True)
    # The same user ids in another account verify nobody here.
    shelf.token(999, NOBODY)


def expected(account: int, crew: tuple[int, ...], contacts: int, *, has_property: bool, lost_id: bool) -> str:
    """The first code in the order of the domain, worked out without the code under test."""
    has_system, has_connection = ACCOUNTS[account]
    fails = {
        "sync_system_missing": not has_system,
        "zillow_transaction_id_missing": lost_id,
        "agent_verification_failed": not VERIFIED & set(crew),
        "contact_sync_missing": not (contacts and has_connection),
        "property_missing": not has_property,
    }
    return next((code for code in ERROR_ORDER if fails.get(code)), "")


@on_one_kind("shelf", "every combination")
def test_every_combination_of_conditions_is_judged_alike_one_by_one_and_in_bulk(shelf: Shelf) -> None:
    populate(shelf)
    built: dict[int, dict[int, str]] = {account: {} for account in ACCOUNTS}
    unsynced: dict[int, dict[int, str]] = {account: {} for account in ACCOUNTS}
    states = ((False, None), (True, "ztx"), (True, None))
    deal_id = 0
    for account in ACCOUNTS:
        for crew, contacts, has_property, (synced, transaction) in product(CREWS, (0, 2), (True, False), states):
            deal_id += 1
            shelf.deal(
                account,
                deal_id,
                agents=crew,
                contacts=contacts,
                has_property=has_property,
                synced=synced,
                transaction=transaction,
            )
            lost = synced and transaction is None
            code = expected(account, crew, contacts, has_property=has_property, lost_id=lost)
            built[account][deal_id] = code
            if not synced:
                unsynced[account][deal_id] = code
    everybody = {code for codes in built.values() for code in codes.values()}
    assert everybody == {*ERROR_ORDER, ""} - {"deal_id_missing"}
    for account, codes in built.items():
        bulk = judge_deals(shelf.service.context, account, tuple(codes))
        assert {deal: verdict.error_code for deal, verdict in bulk.items()} == codes
        answer = shelf.service.deals.unsynced(account)
        grouped = {deal: group.error_code for group in answer.groups for _, deal in group.deals}
        assert grouped == unsynced[account]
        assert (answer.total, answer.examined) == (len(grouped), len(grouped))
        # One by one costs two dozen statements each: a sample that holds every code that occurs.
        rng = random.Random(account)  # noqa: S311  # a sample that can be drawn again
        sample = {code: rng.choice([deal for deal, one in codes.items() if one == code]) for code in codes.values()}
        for code, deal in sample.items():
            assert shelf.service.deals.diagnose(deal, account).error_code == code


def judge_deals(context: Context, account_id: int, deal_ids: Sequence[int]) -> dict[int, DealVerdict]:
    """The verdict on deals that are read together."""
    return {facts.deal_id: judge(facts) for facts in read_facts(Asking(context, account_id), deal_ids)}


@on_one_kind("shelf", "random deals")
@pytest.mark.parametrize("seed", sampled([1, 2, 3], 1))
def test_random_deals_are_judged_alike_one_by_one_and_in_bulk(shelf: Shelf, seed: int) -> None:
    populate(shelf)
    rng = random.Random(seed)  # noqa: S311  # deals that can be drawn again
    deals: dict[int, tuple[int, str]] = {}
    for deal_id in rng.sample(range(1, 10_000), 40):
        account = rng.choice(tuple(ACCOUNTS))
        crew = tuple(rng.sample(range(1, 8), rng.randrange(0, 5)))
        contacts, has_property, lost = rng.randrange(0, 3), rng.random() < 0.6, rng.random() < 0.3
        shelf.deal(account, deal_id, agents=crew, contacts=contacts, has_property=has_property, synced=lost)
        deals[deal_id] = (account, expected(account, crew, contacts, has_property=has_property, lost_id=lost))
    for account in ACCOUNTS:
        mine = [deal for deal, (home, _) in deals.items() if home == account]
        bulk = judge_deals(shelf.service.context, account, mine)
        for deal in mine:
            alone = shelf.service.deals.diagnose(deal, account)
            assert alone.error_code == bulk[deal].fails_with == deals[deal][1]
            failing = [gate.error_code for gate in alone.gates if gate.error_code]
            assert set(failing) == {one.code for one in bulk[deal].failing}


def test_a_deal_that_is_not_there_fails_with_its_own_code_in_both(shelf: Shelf) -> None:
    populate(shelf)
    assert shelf.service.deals.diagnose(404, WHOLE).error_code == "deal_id_missing"
    assert judge_deals(shelf.service.context, WHOLE, [404])[404].error_code == "deal_id_missing"


def test_the_check_of_the_first_response_says_what_the_diagnosis_says(shelf: Shelf) -> None:
    populate(shelf)
    for number, (crew, has_property) in enumerate(product(CREWS, (True, False)), 1):
        shelf.deal(WHOLE, number, agents=crew, has_property=has_property)
        request = TriageRequest(issue_type="transaction_sync", account_id=WHOLE, deal_id=number)
        finding = shelf.service.check("deal_eligibility", request)
        code = shelf.service.deals.diagnose(number, WHOLE).error_code
        assert finding.value == (code or "eligible")


def test_a_set_of_deals_costs_as_many_statements_as_one(shelf: Shelf) -> None:
    populate(shelf)
    for deal_id in range(1, 200):
        shelf.deal(WHOLE, deal_id, agents=CREWS[deal_id % len(CREWS)])
    sent = shelf.statements()
    judge_deals(shelf.service.context, WHOLE, [1])
    for_one = len(sent)
    sent.clear()
    judge_deals(shelf.service.context, WHOLE, range(1, 200))
    assert len(sent) <= for_one + 4, "one statement a table, however many deals; a crew of one may skip the paths"


def test_ids_beyond_one_batch_are_read_in_several(shelf: Shelf) -> None:
    populate(shelf)
    shelf.client(
        WHOLE,
        "deals",
        *(
            {
                "id": deal_id,
                "account_id": WHOLE,
                "name": "n",
                "stage": "s",
                "property_id": deal_id % 2 or None,
                "created_at": MOMENT,
                "updated_at": MOMENT,
            }
            for deal_id in range(1, 1_202)
        ),
    )
    shelf.client(WHOLE, "deal_agents", *({"deal_id": deal, "user_id": TOKEN} for deal in range(1, 1_202)))
    shelf.client(WHOLE, "deals_contacts", *({"deal_id": deal, "contact_id": 1} for deal in range(1, 1_202)))
    answer = shelf.service.deals.unsynced(WHOLE)
    assert {group.error_code: group.count for group in answer.groups} == {"": 601, "property_missing": 600}
    assert (answer.total, answer.examined) == (1_201, 1_201)
    assert answer.groups[0].deals[0] == (WHOLE, 1_201)
    assert len(answer.groups[0].deals) == 200
