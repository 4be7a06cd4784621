"""One budget for everybody: learnt from headers, shared by threads, waited for in order, never overspent."""

from __future__ import annotations

import threading

import pytest

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.models.datadog import Compute
from diagnostics.sources.budgets import Budgets
from diagnostics.sources.datadog import Datadog
from tests.datadog.conftest import END, START, Connect
from tests.datadog.server import DatadogServer, Reply, budget
from tests.datadog.test_time_limits import Asking


class Clock:
    """Time that stands still until told."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def budgets(clock: Clock) -> Budgets:
    return Budgets("datadog", {"search": (3, 10.0), "aggregate": (2, 10.0)}, clock=clock)


def spend(budgets: Budgets, name: str, headers: dict[str, str] | None = None) -> None:
    with budgets.reserve(name, 0) as slot:
        slot.learn(headers or {})


def left(budgets: Budgets) -> dict[str, tuple[int, int, bool]]:
    return {budget.name: (budget.remaining, budget.limit, budget.observed) for budget in budgets.budgets()}


def refusal(budgets: Budgets, name: str) -> SourceFailure:
    with pytest.raises(SourceFailure) as failed:
        budgets.reserve(name, 0)
    return failed.value


def test_before_the_first_header_a_cautious_assumption_holds(budgets: Budgets, clock: Clock) -> None:
    assert left(budgets) == {"search": (3, 3, False), "aggregate": (2, 2, False)}
    for _ in range(3):
        spend(budgets, "search")
    failure = refusal(budgets, "search")
    assert failure.kind is FailureKind.RATE_LIMITED
    assert failure.retry_after == 10
    assert failure.headline().endswith(": waiting its turn, 10 s (3 per 10 s)")
    assert left(budgets)["aggregate"] == (2, 2, False), "search and aggregate are counted apart"
    clock.now += 10
    spend(budgets, "search")


def test_the_services_headers_replace_the_assumption(budgets: Budgets, clock: Clock) -> None:
    spend(budgets, "search", budget(limit=300, remaining=298, reset=1_800, period=3_600, name="logs_list"))
    assert left(budgets) == {"logs_list": (298, 300, True), "aggregate": (2, 2, False)}
    spend(budgets, "search", budget(limit=300, remaining=0, reset=1_700, period=3_600, name="logs_list"))
    assert refusal(budgets, "search").retry_after == 1_700
    clock.now += 1_700
    spend(budgets, "search")
    assert left(budgets)["logs_list"] == (299, 300, True)


def test_operations_that_the_service_counts_together_share_one_budget(budgets: Budgets) -> None:
    spend(budgets, "search", budget(limit=5, remaining=4, reset=9, name="logs"))
    spend(budgets, "aggregate", budget(limit=5, remaining=3, reset=9, name="logs"))
    assert left(budgets) == {"logs": (3, 5, True)}
    for name in ("search", "aggregate", "search"):
        spend(budgets, name)
    assert refusal(budgets, "aggregate").kind is FailureKind.RATE_LIMITED


def test_an_operation_without_an_assumption_is_limited_once_the_service_says_so(budgets: Budgets) -> None:
    for _ in range(50):
        spend(budgets, "monitors")
    assert "monitors" not in left(budgets)
    spend(budgets, "monitors", budget(limit=100, remaining=0, reset=5))
    assert refusal(budgets, "monitors").retry_after == 5


def test_others_spending_the_same_budget_are_noticed(budgets: Budgets) -> None:
    spend(budgets, "search", budget(limit=3, remaining=2, reset=9))
    spend(budgets, "search", budget(limit=3, remaining=0, reset=8))
    assert refusal(budgets, "search").retry_after == 8


def test_requests_under_way_are_taken_off_what_the_service_says_is_left(budgets: Budgets) -> None:
    with budgets.reserve("search", 0) as first, budgets.reserve("search", 0):
        first.learn(budget(limit=3, remaining=2, reset=9))
        assert left(budgets)["search"][0] == 1


def test_an_answer_that_was_overtaken_gives_nothing_back(budgets: Budgets) -> None:
    with budgets.reserve("search", 0) as slow:
        spend(budgets, "search", budget(limit=3, remaining=1, reset=9))
        slow.learn(budget(limit=3, remaining=2, reset=9))
    assert left(budgets)["search"][0] <= 1


def test_a_refusal_empties_the_budget_until_the_time_it_names(budgets: Budgets, clock: Clock) -> None:
    with budgets.reserve("search", 0) as slot:
        slot.learn({}, refused=True, refused_for_s=4.0)
    assert refusal(budgets, "search").retry_after == 4
    clock.now += 4
    spend(budgets, "search")


@pytest.mark.parametrize("nonsense", ["-1", "nan", "inf", "x", "1e308", "", "\x1b[31m"])
def test_nonsensical_headers_change_nothing(budgets: Budgets, nonsense: str) -> None:
    names = ("Limit", "Remaining", "Reset", "Period")
    spend(budgets, "search", {f"X-RateLimit-{name}": nonsense for name in names})
    assert left(budgets)["search"] == (2, 3, False)


def test_a_budgets_name_is_cleaned(budgets: Budgets) -> None:
    spend(budgets, "search", budget(limit=3, remaining=2, reset=9, name="logs\x1b]52;c;aGk=\x07list"))
    assert all(name.isprintable() for name in left(budgets))


def test_names_that_change_with_every_answer_do_not_pile_up(budgets: Budgets) -> None:
    for number in range(20):
        spend(budgets, "search", budget(limit=100, remaining=90, reset=9, name=f"name-{number}"))
    assert len(left(budgets)) == 2


def test_waiters_are_served_in_the_order_they_came() -> None:
    budgets = Budgets("datadog", {"search": (1, 0.05)})
    served: list[int] = []
    guard = threading.Lock()

    def take(number: int) -> None:
        with budgets.reserve("search", 30), guard:
            served.append(number)

    threads: list[threading.Thread] = []
    for number in range(6):
        thread = threading.Thread(target=take, args=(number,), daemon=True)
        thread.start()
        threads.append(thread)
        while thread.is_alive() and len(budgets._windows["search"].queue) + len(served) <= number:
            thread.join(0.001)
    for thread in threads:
        thread.join(20)
    assert served == sorted(served)
    assert len(served) == 6


def test_a_waiter_who_would_come_too_late_is_told_at_once(budgets: Budgets) -> None:
    spend(budgets, "search", budget(limit=1, remaining=0, reset=5, period=10))
    with pytest.raises(SourceFailure) as failed:
        budgets.reserve("search", 4.9)
    assert failed.value.retry_after == 5


def test_threads_together_stay_within_what_the_service_allows(server: DatadogServer, connect: Connect) -> None:
    datadog = connect(total_timeout_s=30)
    server.limit = (3, 0.25)
    datadog.search("*", start=START, end=END)
    asking = [Asking(datadog) for _ in range(11)]
    assert [one.result() for one in asking] == [None] * 11
    assert len(server.seen) == 12
    assert server.refusals == 0


def test_a_storm_of_429_never_exceeds_the_bound_of_retries(server: DatadogServer, connect: Connect) -> None:
    datadog = connect(total_timeout_s=20)
    server.always = Reply({"errors": ["Too many"]}, 429, budget(limit=50, remaining=0, reset=0.02, period=0.02))
    asking = [Asking(datadog) for _ in range(8)]
    assert {one.result() for one in asking} == {FailureKind.RATE_LIMITED}
    assert len(server.seen) <= 8 * 3


def test_search_and_aggregate_show_their_budgets_in_this_order(server: DatadogServer, datadog: Datadog) -> None:
    server.next.append(
        Reply({"data": []}, headers=budget(limit=3, remaining=2, reset=8, name="logs_public_search_api"))
    )
    datadog.search("*", start=START, end=END)
    datadog.aggregate("*", start=START, end=END, computes=(Compute(),))
    search, aggregate = datadog.budgets()
    assert (search.name, search.limit, search.remaining, search.observed) == ("logs_public_search_api", 3, 2, True)
    assert (aggregate.limit, aggregate.remaining, aggregate.observed) == (2, 1, False)
    assert search.period_s == 10
