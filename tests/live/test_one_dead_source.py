"""One source that hangs keeps nobody else waiting: neither other questions, nor the rest of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from diagnostics.checks.registry import CHECKS
from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.waiting import StillAsking, as_they_come
from diagnostics.health.figures import LastKnown, failed, figure
from diagnostics.live.lanes import CHECK_LANES, pulse_lane
from diagnostics.live.watches import WORKERS, Live
from diagnostics.models.datadog import Aggregate
from diagnostics.models.readings import Freshness, SourceState
from diagnostics.models.status import Status
from diagnostics.models.triage import TriageRequest
from diagnostics.sources.mysql.databases import Rows, Said
from tests.live.test_live import DEADLINE_S, Board
from tests.service.world import ACCOUNT, DEAL, World
from tests.shipped import shipped_catalogue


class Gate:
    """What hangs until it is opened."""

    def __init__(self) -> None:
        self.reached = threading.Semaphore(0)
        self._open = threading.Event()

    def __call__(self, *_: object) -> None:
        self.reached.release()
        assert self._open.wait(DEADLINE_S), "the gate was never opened"

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.open()


@pytest.fixture
def world(tmp_path: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A deal that would sync, beside a Datadog that takes every question and never answers."""
    made = World(tmp_path)
    made.deal(1)
    made.client(ACCOUNT, "users", {"id": 1, "name": "Ana"})
    made.tokens({"user_id": 1})
    made.sync_ready()
    newest_logs = made.datadog._newest_logs

    def late(*asked: Any) -> Aggregate:  # noqa: ANN401  # as the method takes
        gate()
        return newest_logs(*asked)

    monkeypatch.setattr(made.datadog, "_ask", gate)
    monkeypatch.setattr(made.datadog, "_newest_logs", late)
    yield made
    gate.open()
    made.close()


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def live(board: Board) -> Iterator[Live]:
    running = Live(board)
    yield running
    running.close()


def meanwhile(ask: Callable[[Callable[[Any], object]], object], gate: Gate) -> Any:  # noqa: ANN401  # as the question answers
    """What a question tells before the gate is opened."""
    told: Queue[Any] = Queue()
    asking = threading.Thread(target=lambda: ask(told.put), daemon=True)
    asking.start()
    first = told.get(timeout=DEADLINE_S)
    gate.open()
    asking.join(DEADLINE_S)
    assert not asking.is_alive()
    return first


@pytest.mark.honesty(
    "One source hangs: it takes every question and never answers",
    "Its own panes say so; every other answers as quickly as alone",
)
def test_a_source_that_hangs_keeps_its_own_questions_waiting_and_no_others(
    live: Live, board: Board, gate: Gate
) -> None:
    hanging = [f"logs {number}" for number in range(2 * WORKERS)]
    for key in hanging:
        live.watch(key, gate, every_s=1.0, source="datadog")
    live.look(hanging)
    for _ in range(WORKERS):
        assert gate.reached.acquire(timeout=DEADLINE_S)
    live.watch("headline", lambda: 97, every_s=60.0, source="common")
    live.watch("journal", lambda: "quiet", every_s=60.0, source="state", steady=True)
    live.watch("deal", lambda: 12, every_s=60.0)
    live.look([*hanging, "headline", "journal", "deal"])
    answered = {board.next(Freshness.FRESH).key for _ in range(3)}
    assert answered == {"headline", "journal", "deal"}
    assert not gate.reached.acquire(blocking=False), "more of one source at once than it has workers"


def test_a_question_of_several_sources_that_hangs_keeps_no_other_of_its_kind_waiting(
    live: Live, board: Board, gate: Gate
) -> None:
    hanging = [f"several {number}" for number in range(3 * WORKERS)]
    for key in hanging:
        live.watch(key, gate, every_s=1.0)
    live.look(hanging)
    for _ in hanging:
        assert gate.reached.acquire(timeout=DEADLINE_S)
    live.watch("one more", lambda: 1, every_s=60.0)
    live.look([*hanging, "one more"])
    assert board.next(Freshness.FRESH).key == "one more"


def test_what_is_known_so_far_is_emitted_while_the_rest_is_asked_for(live: Live, board: Board, gate: Gate) -> None:
    def ask(tell: Callable[[tuple[int, ...]], object]) -> tuple[int, ...]:
        tell((1,))
        gate()
        return (1, 2)

    live.watch_growing("a", ask, every_s=60.0)
    live.look(["a"])
    assert board.next(Freshness.FRESH).value == (1,)
    gate.open()
    assert board.next(Freshness.FRESH).value == (1, 2)


def test_what_is_told_of_a_question_that_was_replaced_is_dropped(live: Live, board: Board, gate: Gate) -> None:
    tells: Queue[Callable[[str], object]] = Queue()

    def ask(tell: Callable[[str], object]) -> str:
        tells.put(tell)
        gate()
        return "old"

    live.watch_growing("a", ask, every_s=60.0)
    live.look(["a"])
    late = tells.get(timeout=DEADLINE_S)
    live.watch("a", lambda: "new", every_s=60.0)
    late("old so far")
    assert board.next(Freshness.FRESH).value == "new"


def test_parts_are_told_of_as_they_come_and_returned_in_their_order(gate: Gate) -> None:
    told: Queue[dict[str, int]] = Queue()

    def ask(name: str) -> int:
        if name == "slow":
            gate()
        return len(name)

    answers: Queue[tuple[int, ...]] = Queue()
    asking = threading.Thread(
        target=lambda: answers.put(as_they_come(ask, ("slow", "quick"), "part", told.put)), daemon=True
    )
    asking.start()
    assert told.get(timeout=DEADLINE_S) == {"quick": 5}
    gate.open()
    assert answers.get(timeout=DEADLINE_S) == (4, 5)


@pytest.mark.parametrize("check_id", CHECK_LANES)
def test_a_check_asks_no_other_source_than_the_one_whose_workers_run_it(tmp_path: Path, check_id: str) -> None:
    world = World(tmp_path)
    try:
        world.tokens({"user_id": 1})
        world.service.check(check_id, TriageRequest(issue_type="oauth_failure"))
        asks_datadog, asks_common = bool(world.datadog.asked or world.datadog.newest_asked), world.databases.said
        sources = {"datadog"} if asks_datadog else set()
        sources |= {"common"} if asks_common.lately()[0] else set()
        assert sources == {CHECK_LANES[check_id]}
        assert check_id in CHECKS
    finally:
        world.close()


def test_only_the_pulse_beside_which_the_backlog_stands_asks_two_sources() -> None:
    lanes = {issue: pulse_lane(issue) for issue in shipped_catalogue().issues}
    assert [issue for issue, lane in lanes.items() if lane != "datadog"] == ["rate_limiting"]


def test_the_rows_of_a_deal_do_not_wait_for_its_logs(world: World, gate: Gate) -> None:
    first = meanwhile(lambda tell: world.service.deals.diagnose(DEAL, ACCOUNT, tell), gate)
    logs = next(finding for finding in first.findings if finding.check == "deal_logs")
    assert (logs.status, logs.summary) == (Status.NO_DATA, "Logs were not read: datadog: being asked.")
    assert first.agents[0].is_verified
    assert len(first.gates) > 5


def test_figures_of_the_database_do_not_wait_for_those_of_datadog(world: World, gate: Gate) -> None:
    first = meanwhile(lambda tell: world.service.health.kpis(("token_success", "webhook_latency_p95"), tell=tell), gate)
    token, webhooks = first
    assert (token.status, token.failure, token.value) == (Status.NO_DATA, "being asked", None)
    assert webhooks.failure == ""


def test_what_was_known_stands_while_it_is_asked_again() -> None:
    known, rule = LastKnown(), shipped_catalogue().thresholds["api_p95"]
    taken = datetime(2025, 11, 17, 14, 3, tzinfo=UTC)
    known.beside((figure("api_p95", rule, 120.0).model_copy(update={"taken_at": taken}),))
    pending = failed("api_p95", rule, StillAsking("datadog", None)).model_copy(update={"failure": "being asked"})
    (shown,) = known.beside((pending,))
    assert (shown.value, shown.status, shown.failure) == (120.0, Status.PASS, "")
    assert shown.note.startswith("As of 14:03:00 UTC, being asked again.")


def test_the_header_says_what_the_database_is_while_datadog_hangs(world: World, gate: Gate) -> None:
    first: tuple[SourceState, ...] = meanwhile(world.service.sources, gate)
    states = {state.name: state for state in first}
    assert states["common"].status is Status.PASS
    assert (states["datadog"].status, states["datadog"].detail.partition(" ")[0]) == (Status.NO_DATA, "asking")


def test_the_summary_of_an_account_does_not_wait_for_its_client_database(
    tmp_path: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path)
    try:
        world.tokens({"user_id": 1})
        read = world.databases.read_client

        def late(*asked: Any, **how: Any) -> Rows:  # noqa: ANN401  # as the method takes
            gate()
            return read(*asked, **how)

        monkeypatch.setattr(world.databases, "read_client", late)
        first = meanwhile(lambda tell: world.service.accounts.summary(ACCOUNT, tell), gate)
    finally:
        gate.open()
        world.close()
    found = {finding.check: finding for finding in first.findings}
    assert found["account_client"].status is Status.NO_DATA
    assert "being asked" in found["account_client"].summary
    assert next(figure for figure in first.figures if figure.id == "credentials").value == 1


@pytest.mark.honesty(
    "A database answers a ping, and no question",
    "The header says what its questions say: not that it is well",
)
@pytest.mark.parametrize(
    ("answered", "failed", "status"),
    [(3, 0, Status.PASS), (0, 3, Status.UNREACHABLE), (2, 1, Status.WARN), (0, 0, Status.PASS)],
)
def test_a_database_is_as_well_as_its_questions_say(tmp_path: Path, answered: int, failed: int, status: Status) -> None:
    world = World(tmp_path)
    try:
        for _ in range(answered):
            world.databases.said.note(None)
        for _ in range(failed):
            world.databases.said.note(SourceFailure(FailureKind.TIMED_OUT, "common", "no answer within 5 s"))
        common = next(state for state in world.service.sources() if state.name == "common")
        assert common.status is status
        assert ("1 of 3 questions unanswered" in common.detail) == (status is Status.WARN)
    finally:
        world.close()


def test_what_a_question_said_is_forgotten_after_a_while() -> None:
    now = [0.0]
    said = Said(within_s=60.0, clock=lambda: now[0])
    said.note(SourceFailure(FailureKind.TIMED_OUT, "common", "no answer within 5 s"))
    assert len(said.lately()[1]) == 1
    now[0] = 61.0
    assert said.lately() == (0, ())
