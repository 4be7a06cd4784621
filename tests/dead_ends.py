"""Keys that a footer advertises and that lead nowhere: pressed one by one, on one screen after the other."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from textual.widgets import Input, TextArea

from screens.actions import ACTIONS
from screens.base import ConsoleScreen
from tests.console.rest import answered, rest, until
from widgets.footer_bar import FooterBar
from widgets.line_view import LineView

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tui.app import WarRoomApp

PLACES = (
    *("", "level_health", "level_investigate", "escalation", "incidents", "affected rate_limiting"),
    *("affected oauth_failure", "backlog", "account 14009", "deal 12345 14009", "logs service:fub", "refusals"),
    *("sources", "guide quick-reference", "reconcile 14009", "triage rate_limiting", "queries"),
)
"""`:` lines of the screens that keys are pressed on; the empty one is level 1."""

NOWHERE = (
    *("nothing stands behind", "nothing to do on this screen", "belongs to ", "there is no step to run"),
    *("holds no number", "has no number", "no row is under"),
)
"""What is said where a key leads nowhere."""

LEAVING = frozenset({"q", "ctrl+q", "ctrl+z"})
"""They end the console, or put it into the background."""

WITHOUT_A_TRACE = frozenset({"f", "ctrl+l", "esc"})
"""They may rightly change nothing: the newest line is followed, the screen is painted, there is nothing to leave."""

LOOKS = 40
"""How often it is looked whether a key has done something: what it opens may be imported first."""

_KEYS = {action.shown: action.keys.split(",")[0] for action in ACTIONS} | {
    "left/right": "right",
    "←→": "right",
    "up/down": "down",
}


def advertised(pilot: Pilot[int]) -> list[tuple[str, str]]:
    """Keys in the footer of the screen on top, each as it is shown and as it is pressed."""
    hints = [hint for bar in pilot.app.screen.query(FooterBar) for hint in bar.hints]
    shown = [hint.key for hint in hints if hint.key not in LEAVING]
    return [(key, _KEYS[key]) for key in shown if key in _KEYS]


def state(pilot: Pilot[int]) -> tuple[object, ...]:
    """What a key can change: the screen, its text without its numbers, which grow old, the cursors, the focus."""
    screen = pilot.app.screen
    views = list(screen.query(LineView))
    rows = [row for view in views if view.id != "footer" for row in view.rows[:200]]
    text = tuple((re.sub(r"\d+", "", piece.text), piece.tone) for row in rows for piece in row.pieces)
    focus = getattr(pilot.app.focused, "id", None)
    return id(screen), text, tuple(view.cursor_key for view in views), tuple(v.scroll_offset.y for v in views), focus


async def go_to(pilot: Pilot[int], line: str) -> None:
    """Level 1, then the screen that a line opens, with its answers."""
    app = cast("WarRoomApp", pilot.app)
    app.navigator.to_critical()
    await rest(pilot)
    if isinstance(app.focused, Input | TextArea):
        # A line that a key has opened takes the next keys as its text.
        await pilot.press("escape")
        await rest(pilot)
    if line:
        app.command(line)
        await until(pilot, lambda: len(app.screen_stack) > 1)
    screen = cast("Any", app.screen)
    if isinstance(screen, ConsoleScreen):
        await answered(pilot, screen.shown_readings)
    await rest(pilot)


async def dead_ends(pilot: Pilot[int], places: Sequence[str], copied: Sequence[str]) -> list[str]:
    """Every key of every place that led nowhere, with what was said. `copied` grows by what is copied."""
    return [found async for found in _dead_ends(pilot, places, copied)]


async def _dead_ends(pilot: Pilot[int], places: Sequence[str], copied: Sequence[str]) -> AsyncIterator[str]:
    app, heard = cast("Any", pilot.app), list[str]()
    said_by_app = app.say

    def say(text: str, tone: str = "") -> None:
        heard.append(text)
        said_by_app(text, tone)

    # Heard where it is said: a notice may be over before everything that a key asked for has answered.
    app.say = say
    for place in places:
        await go_to(pilot, place)
        keys = advertised(pilot)
        assert keys, f"{place!r} advertises no key"
        for shown, key in keys:
            heard.clear()
            before, copies = state(pilot), len(copied)
            await pilot.press(key)
            for _ in range(LOOKS):
                await rest(pilot)
                after, said = state(pilot), " ".join(heard)
                if before != after or said or len(copied) != copies:
                    break
                await pilot.pause(0.05)
            nowhere = any(words in said for words in NOWHERE)
            silent = before == after and not said and len(copied) == copies and shown not in WITHOUT_A_TRACE
            if nowhere or silent:
                yield f"{place or 'level 1'}: {shown}: {said or 'nothing happens'}"
            if before != after:
                await go_to(pilot, place)
