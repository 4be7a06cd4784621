"""A repair writes what was planned, once, only where the world is as it was, and can be taken back row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection

from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.incident.journal import Journal
from diagnostics.models.repairs import RepairPlanned, RepairStarted, RowImaged
from diagnostics.reconcile.plans import seal_of, sealed
from diagnostics.sources.mysql.addresses import AccountPlace
from diagnostics.sources.mysql.writer import Writer
from tests.reconcile.account import ACCOUNT, CLIENT, PASSWORD, STALE, StaleAccount
from tests.sampling import on_one_kind

# ---- what was built for


def test_report_47_plan_47_apply_47_undo_47(either: StaleAccount) -> None:
    before = either.shelf.execute(CLIENT, "SELECT id, resolution_method, updated_at FROM zillow_agents ORDER BY id")
    first = either.service.report(ACCOUNT)
    assert (first.persistent, len(first.unconfirmed), first.noise) == ((), 47, None)
    either.later(61)
    report = either.service.report(ACCOUNT)
    assert (len(report.persistent), report.passing, report.noise) == (47, (), 0.0)
    record = either.service.plan(ACCOUNT, STALE)
    assert len(record.plan.rows) == 47
    assert either.methods() == {**dict.fromkeys(range(1, 48), 3), 900: 1}
    done = either.service.apply(record.name, "47 PROD")
    assert done.counts == {"mended": 47}
    assert either.methods() == {**dict.fromkeys(range(1, 48), 1), 900: 1}
    assert either.audits() == [(agent, 3, 1, f"warroom {record.name} agent {agent}") for agent in range(1, 48)]
    undo = either.service.plan_undo(record.name)
    assert either.service.apply(undo.name, "47 PROD").counts == {"mended": 47}
    after = either.shelf.execute(CLIENT, "SELECT id, resolution_method, updated_at FROM zillow_agents ORDER BY id")
    assert [tuple(map(str, row)) for row in after] == [tuple(map(str, row)) for row in before]
    assert len(either.audits()) == 94


@on_one_kind("either", "changed meanwhile")
def test_3_changed_meanwhile_are_reported_and_2_changed_before_the_undo_are_said(either: StaleAccount) -> None:
    record = either.planned()
    either.someone_changes(5, 6)
    either.shelf.execute(CLIENT, "DELETE FROM zillow_agents WHERE id = 7")
    done = either.service.apply(record.name, either.words)
    # The fresh reading before the start has them in other cells, or not at all.
    assert done.counts["mended"] == 44
    assert sum(done.counts.values()) == 47
    assert {row: one.outcome for row, one in done.outcomes.items() if one.outcome != "mended"} == {
        5: "changed_since",
        6: "changed_since",
        7: "no_longer_differs",
    }
    either.someone_changes(10, 11)
    undo = either.service.plan_undo(record.name)
    assert len(undo.plan.rows) == 42
    assert [line.partition(":")[0] for line in undo.plan.left_out] == ["10", "11"]
    assert either.service.apply(undo.name, "42 PROD").counts == {"mended": 42}
    methods = either.methods()
    assert (methods[1], methods[5], methods[10]) == (3, 3, 1)


# ---- doors that stay shut


def test_without_a_second_reading_a_minute_later_nothing_is_planned(account: StaleAccount) -> None:
    account.service.report(ACCOUNT)
    account.later(59)
    with pytest.raises(UserError, match="two readings"):
        account.service.plan(ACCOUNT, STALE)


def test_a_difference_that_came_between_the_readings_is_not_planned(account: StaleAccount) -> None:
    account.service.report(ACCOUNT)
    account.shelf.agent(ACCOUNT, 50, 1, 4)
    account.someone_changes(2)
    account.later(61)
    report = account.service.report(ACCOUNT)
    assert {one.row for one in report.persistent} == {"1", "3", "4"}
    assert {(one.key, one.what) for one in report.passing} == {
        (f"stale_agent 50 of account {ACCOUNT}", "came"),
        (f"stale_agent 2 of account {ACCOUNT}", "changed"),
    }
    assert report.noise == pytest.approx(2 / 5)


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        (lambda account: account.later(31 * 60), "expired"),
        (lambda account: account.later(-3_600), "future"),
        (lambda account: account.service.apply("REP-1", account.words), "is done"),
    ],
)
def test_a_plan_that_is_stale_or_used_is_refused_and_stays_readable(
    account: StaleAccount, prepare: Callable[[StaleAccount], object], says: str
) -> None:
    record = account.planned()
    prepare(account)
    methods = account.methods()
    with pytest.raises(UserError, match=says):
        account.service.apply(record.name, account.words)
    assert account.methods() == methods
    assert len(account.service.show(record.name).plan.rows) == 4


@pytest.mark.parametrize("words", ["", "yes", "4", "PROD", "3 PROD", "4 STAGING", "4 prod"])
def test_other_words_confirm_nothing(account: StaleAccount, words: str) -> None:
    record = account.planned()
    with pytest.raises(UserError, match="confirmation"):
        account.service.apply(record.name, words)
    assert set(account.methods().values()) == {1, 3}
    assert account.service.show(record.name).started is None


def test_a_plan_of_another_environment_is_refused(account: StaleAccount) -> None:
    record = account.planned()
    elsewhere = account.console(account.settings(environment="STAGING"))
    with pytest.raises(UserError, match="PROD"):
        elsewhere.apply(record.name, "4 STAGING")


def test_a_plan_edited_by_hand_is_refused(account: StaleAccount) -> None:
    record = account.planned()
    rows = tuple(row.model_copy(update={"after": {"resolution_method": 4}}) for row in record.plan.rows)
    forged = record.plan.model_copy(update={"rows": rows})
    assert seal_of(forged) != forged.seal
    entries = account.context().journal.open("REP", [forged])
    with pytest.raises(UserError, match="seal"):
        account.service.apply(entries[0].stream, account.words)
    assert set(account.methods().values()) == {1, 3}


@pytest.mark.parametrize(
    "change",
    [
        {"after": {"resolution_method": 4}},
        {"after": {"resolution_method": 1, "user_id": 900}},
        {"after": {"email": "somebody@else.example"}},
        {"before": {"resolution_method": 3}},
    ],
)
@pytest.mark.parametrize("undoes", ["", "REP-1"])
def test_a_plan_with_a_fitting_seal_writes_only_what_a_repair_may_write(
    account: StaleAccount, change: dict[str, dict[str, object]], undoes: str
) -> None:
    record = account.planned()
    rows = tuple(row.model_copy(update=change) for row in record.plan.rows)
    forged = sealed(record.plan.model_copy(update={"rows": rows, "undoes": undoes}))
    entries = account.context().journal.open("REP", [forged])
    with pytest.raises(UserError, match="no approved repair"):
        account.service.apply(entries[0].stream, account.words)
    assert set(account.methods().values()) == {1, 3}


def test_an_image_that_somebody_appended_is_not_obeyed(account: StaleAccount) -> None:
    record = account.planned()
    journal = account.context().journal
    row = record.plan.rows[0]
    forged = RowImaged(row=row.row, before=row.before, after={**row.before, "user_id": 900, "resolution_method": 1})
    journal.append(record.name, [RepairStarted(seal=record.plan.seal, confirmed=account.words), forged])
    with pytest.raises(UserError, match="no approved repair"):
        account.service.resume(record.name, account.words)
    assert set(account.methods().values()) == {1, 3}


def test_with_a_journal_that_ends_with_the_console_nothing_is_written(account: StaleAccount) -> None:
    # A file stands where the folder of the state should be: the console's memory ends with it.
    (account.folder / "a file").touch()
    console = account.console(account.settings(state_dir=account.folder / "a file"))
    console.report(ACCOUNT)
    account.later(61)
    record = console.plan(ACCOUNT, STALE)
    with pytest.raises(UserError, match="ends with this console"):
        console.apply(record.name, account.words)
    assert set(account.methods().values()) == {1, 3}
    assert account.audits() == []


@pytest.mark.parametrize("change", ["no permission", "no login"])
def test_without_a_writer_nothing_can_be_written(account: StaleAccount, change: str) -> None:
    record = account.planned()
    settings = account.settings()
    if change == "no permission":
        settings = settings.model_copy(update={"writes": settings.writes.model_copy(update={"repairs": False})})
    else:
        settings = settings.model_copy(update={"databases": settings.databases.model_copy(update={"writer": None})})
    console = account.console(settings)
    assert not console.may_write
    for door in (console.apply, console.resume):
        with pytest.raises(UserError, match="no writer"):
            door(record.name, account.words)
    assert set(account.methods().values()) == {1, 3}


@pytest.mark.mariadb
@pytest.mark.parametrize("rights", ["SELECT", "SELECT, UPDATE, DELETE", "ALL PRIVILEGES"])
def test_a_login_with_too_few_or_too_many_rights_writes_nothing(on_server: StaleAccount, rights: str) -> None:
    assert on_server.server is not None
    record = on_server.planned()
    on_server.server.create_user(on_server.user, PASSWORD, schemas=[on_server.shelf.name_of(CLIENT)], privileges=rights)
    with pytest.raises(SourceFailure) as refused:
        on_server.service.apply(record.name, on_server.words)
    assert refused.value.source == f"client {ACCOUNT} (writer)"
    assert PASSWORD not in str(refused.value)
    assert set(on_server.methods().values()) == {1, 3}


def test_what_a_trigger_turns_into_something_else_is_undone_and_said(account: StaleAccount) -> None:
    account.shelf.execute(
        CLIENT,
        "CREATE TRIGGER meddles AFTER UPDATE ON zillow_agents WHEN new.id = 3 AND new.resolution_method = 1"
        " BEGIN UPDATE zillow_agents SET resolution_method = 4 WHERE id = new.id; END",
    )
    record = account.planned()
    with pytest.raises(SourceFailure, match="read back"):
        account.service.apply(record.name, account.words)
    # Its whole transaction: none of the chunk is half done.
    assert account.methods() == {1: 3, 2: 3, 3: 3, 4: 3, 900: 1}


def test_a_token_that_expired_since_keeps_its_agent_as_it_is(account: StaleAccount) -> None:
    record = account.planned()
    account.shelf.execute("common", "UPDATE zillow_auth SET expires_at = '2020-01-01 00:00:00' WHERE user_id = 2")
    done = account.service.apply(record.name, account.words)
    assert done.counts == {"mended": 3, "no_longer_differs": 1}
    assert account.methods()[2] == 3


def test_two_consoles_cannot_start_one_plan(account: StaleAccount) -> None:
    record = account.planned()
    other = account.console()
    account.service.apply(record.name, account.words)
    with pytest.raises(UserError, match="used once"):
        other.apply(record.name, account.words)
    assert len(account.audits()) == 4


# ---- killed anywhere


class Killed(BaseException):
    """The process is gone."""


class Steps:
    """Everything that lasts: writing to the journal, and to either database. Ends the process at one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.passed = 0
        self.kill_at: int | None = None
        append, begin = Journal.append, Writer.begin

        def appending(journal: Journal, *given: object, **named: object) -> object:
            self.step()
            written = append(journal, *given, **named)  # type: ignore[arg-type]  # handed on as it came
            self.step()
            return written

        @contextmanager
        def beginning(writer: Writer, place: AccountPlace | None) -> Iterator[Connection]:
            with begin(writer, place) as connection:
                yield connection
                self.step()
            self.step()

        monkeypatch.setattr(Journal, "append", appending)
        monkeypatch.setattr(Writer, "begin", beginning)

    def step(self) -> None:
        """One more; perhaps the last."""
        self.passed += 1
        if self.passed == self.kill_at:
            raise Killed


def test_killed_at_any_step_it_goes_on_and_writes_nothing_twice(
    account: StaleAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diagnostics.reconcile.repair.FIRST_CHUNK", 2)
    account.shelf.execute(CLIENT, "CREATE TABLE written (id INTEGER)")
    account.shelf.execute(
        CLIENT,
        "CREATE TRIGGER counts AFTER UPDATE ON zillow_agents BEGIN INSERT INTO written VALUES (new.id); END",
    )
    record = account.planned()
    account.later(1)
    steps = Steps(monkeypatch)
    points = 0
    while (done := account.console().show(record.name)).ended is None:
        # One step further each time, until it comes to its end.
        steps.passed, steps.kill_at = 0, 1 + points % 11
        points += 1
        assert points < 100
        console = account.console()
        try:
            begun = done.started is not None
            (console.resume if begun else console.apply)(record.name, account.words)
        except Killed:
            continue
    assert points >= 8
    assert done.counts == {"mended": 4}
    assert account.methods() == {1: 1, 2: 1, 3: 1, 4: 1, 900: 1}
    assert sorted(account.shelf.execute(CLIENT, "SELECT id FROM written")) == [(1,), (2,), (3,), (4,)]
    assert sorted(row[0] for row in account.audits()) == [1, 2, 3, 4]  # type: ignore[type-var]  # ids
    stream = account.context().journal.stream(record.name)
    assert isinstance(stream[0].body, RepairPlanned)


def test_without_an_image_in_the_journal_no_row_is_written(
    account: StaleAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = account.planned()
    append = Journal.append

    def full(journal: Journal, stream: str, bodies: object, **named: object) -> object:
        kinds = {body.kind for body in bodies}  # type: ignore[attr-defined]  # bodies of entries
        if "row_imaged" in kinds:
            raise SourceFailure("unreachable", "state", "no space left on the disk")  # type: ignore[arg-type]  # a kind
        return append(journal, stream, bodies, **named)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(Journal, "append", full)
    with pytest.raises(SourceFailure, match="no space"):
        account.service.apply(record.name, account.words)
    assert set(account.methods().values()) == {1, 3}
    assert account.audits() == []
