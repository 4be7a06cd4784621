"""Refusals in full: what is accepted, what can be opened, the access check in place, and one key to people."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot

from diagnostics.models.doctor import DoctorLine
from diagnostics.models.triage import Refusal, RefusalRule, Status, TriageRequest
from diagnostics.triage.refusals import Refusals
from screens.incident.declare import DeclareScreen
from screens.incident.respond import RespondScreen
from screens.refusals import RefusalScreen, RefusalsScreen, console_line
from tests.console.rest import until
from tests.console.rooms import MakeApp
from tests.console.scripted import ScriptedService
from tests.console.scripted_investigations import on_screen, opened_sources, showing, shown
from tests.shipped import shipped_catalogue

CATALOGUE = shipped_catalogue()
REFUSALS = Refusals(CATALOGUE)


class Examined(ScriptedService):
    """Its access check says one line, then waits until it is told to go on."""

    go_on: threading.Event

    def doctor(self) -> Iterator[DoctorLine]:
        yield DoctorLine(source="common", subject="reachable", status=Status.PASS, detail="yes", latency_ms=2.0)
        self.go_on.wait(10)
        yield DoctorLine(
            source="datadog", subject="permitted", status=Status.FAIL, detail="no", remedy="ask for logs_read_data"
        )


def refusal(**changes: Any) -> Refusal:  # noqa: ANN401  # fields of the refusal
    request = TriageRequest(issue_type="rate_limiting", severity="incident")
    found = REFUSALS.missing_context(
        request,
        CATALOGUE.issues["rate_limiting"],
        "Deal 12345 exists in 2 accounts, and no account was given.",
        candidates=["account 14009: warroom triage --issue transaction_sync --account-id 14009 --deal-id 12345"],
    )
    return found.model_copy(update=changes)


@asynccontextmanager
async def refused(
    make_app: MakeApp, what: Refusal | None = None, service: ScriptedService | None = None
) -> AsyncIterator[Pilot[Any]]:
    app = make_app(service or ScriptedService())
    async with app.run_test(size=(120, 60)) as pilot:
        await opened_sources(pilot)
        app.push_console_screen(RefusalScreen(what or refusal()))
        await on_screen(pilot, RefusalScreen)
        yield pilot


def screen(pilot: Pilot[Any]) -> RefusalScreen:
    found = pilot.app.screen
    assert isinstance(found, RefusalScreen)
    return found


def place_on(pilot: Pilot[Any], words: str) -> None:
    chosen = next(row.key for row in screen(pilot).body.rows if row.key and words in row.text)
    screen(pilot).body.place(chosen)


async def test_it_says_the_rule_what_was_missing_what_is_accepted_and_whom_to_call(make_app: MakeApp) -> None:
    async with refused(make_app):
        pass
    async with refused(make_app) as pilot:
        await showing(pilot, "missing context", "Deal 12345 exists in 2 accounts", "did you mean", "accepted")
        await showing(pilot, "another way to investigate", "whom to call", CATALOGUE.contact.channel, "access check")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("account 14009:", "triage transaction_sync account=14009 deal=12345"),
        ("The log explorer:", "logs "),
        ("warroom guide immediate-actions", "guide immediate-actions"),
    ],
)
async def test_enter_goes_where_the_line_leads(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, words: str, line: str
) -> None:
    async with refused(make_app) as pilot:
        ran: list[str] = []
        monkeypatch.setattr(pilot.app, "command", ran.append)
        screen(pilot).draw()
        place_on(pilot, words)
        await pilot.press("enter")
        assert ran
        assert ran[0].startswith(line)


async def test_the_access_check_is_written_line_by_line_into_the_same_screen(make_app: MakeApp) -> None:
    service = Examined()
    service.go_on = threading.Event()
    async with refused(make_app, service=service) as pilot:
        await pilot.press("x")
        await showing(pilot, "running", "reachable: yes")
        assert "permitted" not in shown(pilot)
        service.go_on.set()
        await showing(pilot, "permitted: no", "ask for logs_read_data", "2 lines, 1 to fix")
        assert "permitted: no" in screen(pilot).channel_text()


async def test_the_access_check_ends_with_escape_and_the_screen_stays(make_app: MakeApp) -> None:
    service = Examined()
    service.go_on = threading.Event()
    async with refused(make_app, service=service) as pilot:
        await pilot.press("x")
        await showing(pilot, "reachable: yes")
        await pilot.press("escape")
        service.go_on.set()
        await showing(pilot, "ended because you asked for it")
        assert isinstance(pilot.app.screen, RefusalScreen)


async def test_n_tells_people_with_the_issue_that_is_known(make_app: MakeApp) -> None:
    async with refused(make_app) as pilot:
        await pilot.press("n")
        await on_screen(pilot, RespondScreen)
        found = pilot.app.screen
        assert isinstance(found, RespondScreen)
        assert (found.state.issue_type, found.state.severity) == ("rate_limiting", "incident")


async def test_n_declares_by_hand_where_the_matrix_knows_no_such_issue(make_app: MakeApp) -> None:
    unknown = REFUSALS.issue_type_unknown(TriageRequest(issue_type="everything is slow"))
    async with refused(make_app, unknown) as pilot:
        await pilot.press("n")
        await on_screen(pilot, DeclareScreen)


async def test_y_copies_a_text_for_the_channel(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    async with refused(make_app) as pilot:
        copied: list[str] = []
        monkeypatch.setattr(pilot.app, "copy", copied.append)
        await pilot.press("y")
        assert "missing context" in copied[0]
        assert "Deal 12345 exists in 2 accounts" in copied[0]
        assert CATALOGUE.contact.channel in copied[0]


async def test_the_six_conditions_stand_together_with_guidance(make_app: MakeApp) -> None:
    app = make_app(ScriptedService())
    async with app.run_test(size=(120, 200)) as pilot:
        await opened_sources(pilot)
        app.command("refusals")
        await on_screen(pilot, RefusalsScreen)
        await showing(pilot, *(str(rule).replace("_", " ") for rule in RefusalRule), "the six conditions")
        await pilot.press("n")
        await on_screen(pilot, DeclareScreen)


async def test_before_the_sources_are_open_it_says_so(make_app: MakeApp) -> None:
    app = make_app(None)
    async with app.run_test(size=(120, 40)) as pilot:
        app.push_console_screen(RefusalScreen(refusal()))
        await on_screen(pilot, RefusalScreen)
        await pilot.press("x")
        await until(pilot, lambda: "the sources are still opening" in shown(pilot))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("oauth_failure --severity critical", "triage oauth_failure critical"),
        ("oauth_failure: critical, high, normal", "triage oauth_failure"),
        ("oauth_failure", "triage oauth_failure"),
        ("Read the steps: warroom guide immediate-actions (section OAuth).", "guide immediate-actions"),
        ("Check what this console can reach and read: warroom doctor.", "doctor"),
        (
            "account 7: warroom triage --issue transaction_sync --account-id 7 --deal-id 9",
            "triage transaction_sync account=7 deal=9",
        ),
        ("Write in the channel first.", ""),
    ],
)
def test_what_a_sentence_names_becomes_a_line_of_the_console(text: str, line: str) -> None:
    assert console_line(text, tuple(CATALOGUE.issues)) == line


def test_every_condition_of_the_refusals_has_its_guidance() -> None:
    found = REFUSALS.conditions()
    assert [one.rule for one in found] == list(RefusalRule)
    assert all(one.when and one.accepted and len(one.guidance) >= 3 for one in found)
