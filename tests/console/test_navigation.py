"""Going anywhere: history, breadcrumbs, completion of recents, and the session that broke off."""

from __future__ import annotations

from datetime import UTC, datetime

from screens.document import DocumentScreen
from screens.palette import ranked
from tests.console.rest import on_top, rest
from tests.console.rooms import MakeApp, settle
from tests.console.scripted import ScriptedService
from tui.app import WarRoomApp
from tui.navigation import MOST, History

ENTRIES = [
    ("account ", "one account, by id"),
    ("theme dark", "colours for this session"),
    ("doctor", "test every source"),
]
SEEN = [("account 14009", "Harbor & Pine Realty"), ("deal 12345 14009", "Maple Street 4")]


def names(typed: str) -> list[str]:
    return [name for name, _ in ranked(ENTRIES, typed, SEEN)]


def test_going_somewhere_new_forgets_what_lay_ahead() -> None:
    history = History()
    for lines in (("health",), ("account 14009",), ("account 14009", "deal 12345 14009")):
        history.visit(lines)
    assert history.back() == ("account 14009",)
    assert history.back() == ("health",)
    assert history.forward() == ("account 14009",)
    history.visit(("deal 777 75172",))
    assert history.forward() is None
    assert history.back() == ("account 14009",)


def test_the_beginning_of_history_is_level_1_and_there_is_nothing_before_it() -> None:
    history = History()
    history.visit(("health",))
    history.visit(("health",))
    assert history.back() == ()
    assert history.back() is None
    assert history.here == ()


def test_history_keeps_the_newest_steps() -> None:
    history = History()
    for number in range(MOST + 50):
        history.visit((f"account {number + 1}",))
    steps = 0
    while history.back() is not None:
        steps += 1
    assert steps == MOST - 1
    assert history.here == ("account 51",)


def test_places_seen_lately_stand_first_and_are_found_by_name() -> None:
    assert names("") == ["account 14009", "deal 12345 14009", "account ", "theme dark", "doctor"]
    assert names("account")[:2] == ["account 14009", "account "]
    assert names("harbor") == ["account 14009"]
    assert names("maple") == ["deal 12345 14009"]


def test_completion_is_fuzzy_but_not_foolish() -> None:
    assert names("acc14") == ["account 14009"]
    assert names("thdk") == ["theme dark"]
    assert names("zzq") == []


async def test_the_session_that_broke_off_is_come_back_to(make_app: MakeApp) -> None:
    from diagnostics.store.recents import ConsoleSession  # noqa: PLC0415

    service = ScriptedService()
    service.recents.session = ConsoleSession(
        user="anybody",
        host="bastion",
        pid=1,
        environment="PROD",
        lines=("guide quick-reference",),
        memories=({"issue": "transaction_sync", "window_s": 3600, "filter": "service:fub"}, {}),
        at=datetime(2025, 11, 17, 13, 58, tzinfo=UTC),
    )
    app = make_app(service)
    async with app.run_test(size=(120, 40)) as pilot:
        await on_top(pilot, DocumentScreen)
        await pilot.press("escape")
        await settle(pilot)
        level_1 = app.screen_stack[0].memory()  # type: ignore[attr-defined]  # level 1
        assert level_1 == {"issue": "transaction_sync", "window_s": 3600, "filter": "service:fub", "lines": False}


async def test_a_session_with_memories_that_fit_nothing_opens_level_1_as_ever(make_app: MakeApp) -> None:
    from diagnostics.store.recents import ConsoleSession  # noqa: PLC0415

    service = ScriptedService()
    service.recents.session = ConsoleSession(
        user="anybody",
        host="bastion",
        pid=1,
        environment="PROD",
        lines=(),
        memories=({"issue": "no_such_issue", "window_s": 7, "filter": 12},),
        at=datetime(2025, 11, 17, 13, 58, tzinfo=UTC),
    )
    app = make_app(service)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert len(app.screen_stack) == 1
        assert app.screen_stack[0].memory()["window_s"] == 900  # type: ignore[attr-defined]  # level 1


async def test_documents_show_the_way_back(make_app: MakeApp) -> None:
    app = make_app(ScriptedService())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("w")
        await rest(pilot)
        assert isinstance(app, WarRoomApp)
        assert app.trail().startswith("rate limiting")
        title = app.screen.query_one("#screen-title")
        assert "rate limiting › why" in title.rows[0].text  # type: ignore[attr-defined]  # a LineView
