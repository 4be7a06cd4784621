"""The panel over a real journal: a console whose clock is the journal's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from textual.pilot import Pilot

from tests.console.incident_rooms import IncidentWorld, incident_world
from tests.console.rest import rest, until
from tests.console.rooms import CLOCKS as SHARED_CLOCKS
from tests.console.rooms import MakeApp, settle
from tests.console.scripted_escalation import ScriptedAssessments
from tui.app import WarRoomApp
from widgets.line_view import LineView

CLOCKS = (
    *SHARED_CLOCKS,
    "screens.incident.panel",
    "screens.incident.claim",
    "screens.incident.tasks",
    "screens.incident.writer",
)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[IncidentWorld]:
    """A journal of one's own; every clock on screen is its clock."""
    made = incident_world(tmp_path)
    for module in CLOCKS:
        monkeypatch.setattr(f"{module}.utc_now", made.clock)
    yield made
    made.close()


def console(make_app: MakeApp, world: IncidentWorld, **changes: object) -> WarRoomApp:
    """A console on this world."""
    given = {"assessments": ScriptedAssessments(world), **changes}
    options = given.pop("options", None)
    return make_app(world.service(**given), options=options)


async def in_view(pilot: Pilot[int], world: IncidentWorld) -> None:
    """Wait until the console shows what the journal holds, with its assessment and the tail of the timeline."""
    app = cast("WarRoomApp", pilot.app)
    seq = world.journal.head().seq

    def seen() -> bool:
        reading = app.live.last("incident") if app.live is not None else None
        return reading is not None and reading.value is not None and reading.value.seq >= seq

    await until(pilot, seen)
    if app.incident is not None:
        await until(pilot, lambda: app.live is not None and app.live.last("assessment") is not None)
    await rest(pilot)


@asynccontextmanager
async def panel(
    make_app: MakeApp, world: IncidentWorld, size: tuple[int, int] = (120, 40), **changes: object
) -> AsyncIterator[Pilot[int]]:
    """The panel, opened with its key."""
    app = console(make_app, world, **changes)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await in_view(pilot, world)
        await pilot.press("e")
        await until(pilot, lambda: shown(pilot))
        await in_view(pilot, world)
        yield pilot


def shown(pilot: Pilot[int]) -> str:
    """Everything that the screen on top shows, as text."""
    views = pilot.app.screen.query(LineView)
    return "\n".join(item.text for view in views if view.display for item in view.rows)


async def go_to(pilot: Pilot[int], key: str) -> None:
    """Put the cursor on a row of the panel."""
    for view in pilot.app.screen.query(LineView):
        if view.has_cursor and any(item.key == key for item in view.rows):
            view.focus()
            view.place(key)
            await pilot.pause()
            return
    raise AssertionError(
        f"no row {key}: {[item.key for view in pilot.app.screen.query(LineView) for item in view.rows]}"
    )
