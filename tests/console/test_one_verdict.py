"""Level 1 and triage of the same moment say the same, and no advertised key leads nowhere, in every story."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from textual.pilot import Pilot

from diagnostics.config.layers import load_settings
from diagnostics.core.time import utc_now
from diagnostics.models.readings import Freshness, Reading
from diagnostics.models.triage import Finding, Triage, TriageRequest
from diagnostics.service import Diagnostics
from sandbox.launch import SandboxProcess, start_sandbox
from sandbox.stories.scenario import SCENARIOS
from screens.account.screen import AccountScreen
from screens.account.tabs import ORDER
from screens.critical.state import CriticalState
from screens.incident.respond import RespondScreen
from tests.console.account_rooms import press, text_on
from tests.console.rest import answered, rest, until
from tests.contradictions import Shown, contradictions, facts
from tests.dead_ends import PLACES, dead_ends
from tests.sampling import sampled
from tests.shipped import shipped_catalogue
from tui.app import WarRoomApp
from tui.options import Options
from widgets.glyphs import UNICODE
from widgets.rows.issues import IssueLine, issue_row

WINDOW_S = 900
ISSUES = ("rate_limiting", "oauth_failure", "transaction_sync")


def level_1(service: Diagnostics) -> CriticalState:
    """What level 1 makes of every pulse and every check of this moment."""
    shown = CriticalState(
        issues=ISSUES,
        rows=service.catalogue.issues,
        checks={issue: service.console_checks(issue) for issue in ISSUES},
        selected=ISSUES[0],
    )
    now = utc_now()
    for issue in ISSUES:
        query = service.query_for(issue)
        service.context.logs.baselines.settled(query, WINDOW_S, 30.0)
        pulse = service.pulse(issue, WINDOW_S)
        shown.take(Reading(key=f"pulse:{issue}", freshness=Freshness.FRESH, value=pulse, taken_at=now), now)
        for check in shown.checks[issue]:
            found: Finding = service.console_check(issue, check)
            key = f"check:{issue}:{check}"
            shown.take(Reading[Finding](key=key, freshness=Freshness.FRESH, value=found, taken_at=now), now)
    return shown


@pytest.fixture(scope="module", params=sampled(tuple(SCENARIOS), 1))
def story(request: pytest.FixtureRequest) -> Iterator[SandboxProcess]:
    """The stand-ins on one story, which every test here only looks at."""
    limits = ("search=1000/10", "aggregate=1000/10")
    with start_sandbox(request.param, rate_limits=limits, ready_timeout_s=120.0) as sandbox:
        yield sandbox


@pytest.mark.honesty(
    "contradictions on one screen: the word of level 1, its checks, and the triage of the same moment",
    "one word; never ok over a check that fails or warns",
)
def test_level_1_its_checks_and_a_triage_of_the_same_moment_agree(story: SandboxProcess, tmp_path: Path) -> None:
    settings = load_settings(flags={**story.flags(), "state_dir": str(tmp_path)}, environ={}).settings
    with Diagnostics.open(settings, shipped_catalogue()) as service:
        shown = level_1(service)
        for issue in ISSUES:
            found = [shown.finding(issue, check) for check in shown.checks[issue]]
            wrong = {str(one.value.status) for one in found if one is not None and one.value} & {"fail", "warn"}
            verdict = shown.verdict(issue)
            assert verdict is not None
            line = IssueLine(issue, issue, shown.pulse(issue), verdict=verdict)
            text = issue_row(line, width=160, now=utc_now(), glyphs=UNICODE).text
            assert (verdict.severity == "ok") <= (not wrong), text
            if issue == "transaction_sync":
                continue  # a triage of it is about one deal
            triage = service.triage(TriageRequest(issue_type=issue))
            assert isinstance(triage, Triage)
            assert triage.known_severity == verdict.severity, text
            assert set(triage.decided_by) == set(verdict.decided_by), text


LEAST = 8
"""Quantities that every story shows in more than one place; fewer would mean that the patterns are out of date."""

ACCOUNTS = {"account_14009": 14009, "account_75172": 75172, "account_148261": 148261}


async def screens(pilot: Pilot[int], story: str) -> list[Shown]:
    """Every screen that shows figures, one after the other in one console, as text."""
    app = cast("WarRoomApp", pilot.app)
    level_1 = cast("Any", app.screen_stack[0])
    shown: list[Shown] = []

    async def arrived(about: str = "") -> None:
        screen = cast("Any", app.screen)
        if hasattr(screen, "shown_readings"):
            await answered(pilot, screen.shown_readings)
        await rest(pilot)
        shown.append(Shown(about, text_on(pilot).splitlines()))

    # What is usual is measured behind the first answers, and a severity waits for it.
    service = cast("Any", app.service)
    for issue in ISSUES:
        service.context.logs.baselines.settled(service.query_for(issue), WINDOW_S, 30.0)
    await press(pilot, "r")
    await until(pilot, lambda: "judging" not in {level_1.state.severity(issue) for issue in ISSUES})
    await arrived()
    for line, about in (
        ("triage rate_limiting", "rate limiting"),
        ("triage oauth_failure", "oauth failure"),
        ("refusals", ""),
        ("level_health", ""),
    ):
        app.command(line)
        await rest(pilot)
        await arrived(about)
        await press(pilot, "escape")
    await press(pilot, "w")
    await arrived()
    await press(pilot, "escape")
    app.command("deal 12345 14009")
    await rest(pilot)
    await arrived("deal 12345")
    await press(pilot, "escape")
    account = ACCOUNTS.get(story, 14009)
    app.command(f"account {account}")
    await rest(pilot)
    assert isinstance(app.screen, AccountScreen)
    for _ in ORDER:
        await arrived(f"account {account}")
        await press(pilot, "tab")
    if level_1.state.severity(ISSUES[0]) == "incident":
        await press(pilot, *["escape"] * len(app.screen_stack))
        await press(pilot, "n", "down", "enter")
        respond = cast("RespondScreen", app.screen)
        await until(pilot, lambda: respond.state.proposal is not None and respond.state.seen)
        await arrived("rate limiting")
        assert respond.state.proposal is not None
        await press(pilot, *respond.state.proposal.word, "enter")
        await until(pilot, lambda: respond.state.declared is not None)
        await until(pilot, lambda: all(one.is_settled for one in respond.state.deliveries))
        await press(pilot, "escape")
        await until(pilot, lambda: "tier 3" in text_on(pilot))
        await arrived()
        for line in ("timeline", "handoff", "review"):
            app.command(line)
            await until(pilot, lambda line=line: line in text_on(pilot).lower().replace("-", ""))  # type: ignore[misc]
            await arrived("rate limiting")
            await press(pilot, "escape")
    return shown


@pytest.mark.honesty(
    "contradictions on one screen: a quantity that stands in two places, in every story",
    "the same number, word or moment everywhere; never none of what is counted elsewhere, never ok beyond its limit",
)
async def test_no_screen_contradicts_itself_or_another(
    story: SandboxProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "WARROOM_STATE_DIR"):
        monkeypatch.setenv(variable, str(tmp_path))
    app = WarRoomApp(Options(config=story.directory / "console.toml"))
    try:
        async with app.run_test(size=(160, 60)) as pilot:
            await until(pilot, lambda: app.service is not None)
            shown = await screens(pilot, str(story.flags()["environment"]).removeprefix("SANDBOX "))
    finally:
        app.end()
    quantities = Counter(fact.quantity for screen in shown for fact in facts(screen))
    assert sum(count > 1 for count in quantities.values()) >= LEAST, quantities  # else the comparison has gone blind
    found = contradictions(*shown)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("place", sampled(PLACES, 2))
async def test_no_advertised_key_leads_nowhere(
    story: SandboxProcess, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "WARROOM_STATE_DIR"):
        monkeypatch.setenv(variable, str(tmp_path))
    app = WarRoomApp(Options(config=story.directory / "console.toml"))
    copied: list[str] = []
    monkeypatch.setattr(app, "copy", copied.append)
    try:
        async with app.run_test(size=(160, 60)) as pilot:
            await until(pilot, lambda: app.service is not None)
            found = await dead_ends(pilot, (place,), copied)
    finally:
        app.end()
    assert not found, "\n".join(found)
