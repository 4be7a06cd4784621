"""Level 1 and the panel against their models, in every scenario and at three sizes: a value, a unit, a limit, a step,
a route and a contact stand whole among the cells that are painted. A text that ends at the edge of its pane fails too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from rich.cells import set_cell_size
from textual.pilot import Pilot
from textual.widget import Widget

from diagnostics.models.readings import Pulse
from diagnostics.models.triage import Finding
from sandbox.launch import start_sandbox
from sandbox.stories.scenario import SCENARIOS
from screens.critical.screen import NARROW, CriticalScreen
from screens.incident.panel import EscalationScreen
from tests.console.rest import answered, on_top, rest, until
from tests.console.rooms import MakeApp, settle
from tests.console.scripted import ScriptedService
from tests.console.test_account_sandbox import GENEROUS, config, console
from tests.sampling import sampled
from tui.app import WarRoomApp
from widgets.incident_view import catalogue_steps
from widgets.line_view import LineView

SIZES = ((80, 24), (120, 40), (200, 60))


def painted(app: WarRoomApp, *panes: str) -> str:
    """The cells of these panes as they stand on screen, wrapped lines joined; what does not fit a pane is not there."""
    strips = app.screen._compositor.render_strips()
    words: list[str] = []
    for name in panes:
        region = app.screen.query_one(name, Widget).region
        words += (
            "".join(part.text for part in strips[y].crop(region.x, region.right))
            for y in range(region.y, region.bottom)
        )
    return " ".join(" ".join(words).split())


def scrolled(app: WarRoomApp, *panes: str) -> str:
    """The same of panes that scroll: every row, cut off at the edge of its pane."""
    rows: list[str] = []
    for name in panes:
        view = app.screen.query_one(name, LineView)
        rows += (set_cell_size(row.text, view.text_width()) for row in view.rows if view.display)
    return " ".join(" ".join(rows).split())


def of_pulse(pulse: Pulse) -> Iterator[str]:
    minutes = {300: "5 min", 900: "15 min", 3_600: "1 h"}[pulse.window_s]
    yield f"— in {minutes}" if pulse.count is None else f"{pulse.count:,} in {minutes}"
    if pulse.ratio is not None:
        yield f"{pulse.ratio:.1f}× usual" if pulse.ratio < 99.95 else f"{pulse.ratio:,.0f}× usual"
    if pulse.accounts is not None:
        yield f"{pulse.accounts:,} account{'' if pulse.accounts == 1 else 's'}"


def of_finding(finding: Finding) -> Iterator[str]:
    yield finding.name
    yield finding.limit
    value, unit = finding.value, finding.unit
    if isinstance(value, str):
        yield value if "_" in value or finding.status != "fail" else value.upper()
    elif value is None or (value == 0 and finding.status == "no_data"):
        yield "unreachable" if finding.status == "unreachable" else "no data"
    else:
        written = f"{value:.2f}" if isinstance(value, float) else f"{value:,}"
        yield f"{written} {unit[:-1] if value == 1 and unit in {'events', 'agents'} else unit}".strip()


def of_level_1(screen: CriticalScreen) -> Iterator[str]:
    """Everything that the issue in view and its neighbours have to say, worked out from the readings."""
    state, catalogue = screen.state, screen.host.catalogue
    assert catalogue is not None
    for issue in state.issues:
        pulse = state.pulse(issue)
        if pulse is not None and pulse.value is not None and not pulse.value.log_failure:
            yield from of_pulse(pulse.value)
        severity = state.severity(issue)
        if severity not in {"ok", "judging", "unknown"}:
            yield severity.upper()
    found = [
        reading.value for check in state.checks[state.selected] if (reading := state.finding(state.selected, check))
    ]
    steps = []
    for finding in filter(None, found):
        yield from of_finding(finding)
        steps += [(finding.status != "fail", finding.next_step)] if finding.status in {"fail", "warn"} else []
    if state.severity(state.selected) not in {"ok", "judging", "unknown"} and any(step for _, step in steps):
        yield next(step for _, step in sorted(steps, key=lambda one: one[0]) if step)
    rollup = state.readings["rollup"].value
    assert rollup is not None
    yield from (figure.shown for figure in rollup.figures if figure.value is not None)
    yield catalogue.issues[state.selected].route
    yield from (catalogue.contact.manager, catalogue.contact.channel)


def of_side(screen: CriticalScreen) -> Iterator[str]:
    """What stands beside it where no incident is open: the people, the route and the title of each step."""
    catalogue, issue = screen.host.catalogue, screen.state.selected
    assert catalogue is not None
    who = catalogue.contact
    yield from (who.manager, who.channel, who.team, who.project, catalogue.issues[issue].route)
    yield from (step.named for step in catalogue_steps(catalogue, issue, screen.state.severity(issue)))


def missing(model: Iterator[str], text: str) -> list[str]:
    return [words for words in model if " ".join(words.split()) not in text]


async def look(pilot: Pilot[Any], *, most: int = 3) -> None:
    """Compare level 1 and the panel with what they are drawn from: each issue in each size, or one in the smallest."""
    app = cast("WarRoomApp", pilot.app)
    screen = cast("CriticalScreen", app.screen)
    for issue in screen.state.issues[:most]:
        screen.state.chosen_by_person = True
        screen.select(issue)
        for width, height in SIZES if most > 1 else SIZES[:1]:
            await pilot.resize_terminal(width, height)
            await rest(pilot)
            screen.draw()
            await rest(pilot)
            text = painted(app, "#issues", "#rollup", "#detail", *(["#side"] if width >= NARROW else []))
            assert missing(of_level_1(screen), text) == [], (issue, width, text)
            if width >= NARROW:
                assert missing(of_side(screen), scrolled(app, "#escalation")) == [], (issue, width)
            await panel(pilot, screen)


async def panel(pilot: Pilot[Any], level_1: CriticalScreen) -> None:
    """The panel of the issue in view, at the present size."""
    app = cast("WarRoomApp", pilot.app)
    await pilot.press("e")
    await on_top(pilot, EscalationScreen)
    text = scrolled(app, "#answer", "#first", "#second")
    assert missing(of_side(level_1), text) == [], (level_1.state.selected, app.size)
    await pilot.press("escape")
    await until(pilot, lambda: app.screen is level_1)


@pytest.mark.parametrize("quiet", [False, pytest.param(True, marks=pytest.mark.matrix)], ids=["burning", "quiet"])
async def test_on_level_1_and_the_panel_nothing_that_counts_is_cut(make_app: MakeApp, quiet: bool) -> None:
    app = make_app(ScriptedService(quiet=quiet))
    async with app.run_test(size=SIZES[0]) as pilot:
        await settle(pilot)
        await look(pilot)


@pytest.mark.parametrize("most", [1, pytest.param(3, marks=pytest.mark.matrix)])
@pytest.mark.parametrize("name", sampled(sorted(SCENARIOS), 1))
async def test_nothing_that_counts_is_cut_in_a_scenario(
    name: str, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with start_sandbox(name, rate_limits=GENEROUS) as sandbox:
        async with console(config(sandbox), tmp_path, monkeypatch, SIZES[0]) as pilot:
            screen = cast("CriticalScreen", pilot.app.screen)
            await answered(pilot, screen.shown_readings, besides=True)
            pilot.app.live.pause()  # type: ignore[attr-defined]  # the model holds still while it is compared
            await look(pilot, most=most)
