"""Waiting for the console instead of for time: until something is true, or until nothing is under way any more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import pytest
from textual._compositor import Compositor
from textual.app import App
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.message_pump import MessagePump
from textual.pilot import Pilot
from textual.screen import Screen

from tui.app import WarRoomApp

LONGEST_S = 60.0
"""Only a console that will never come to rest takes so long, even on a machine that is busy with other things."""

SOON_S = 2.0
"""A timer that is further away than this belongs to the clock, and not to what has just been done."""

STANDING = (
    "MainThread",
    "live-",
    "escalation-",
    "asyncio",
    "execnet",
    "Dummy",
    "textual",
    "Thread-",
    "database",
    "drain ",
)
"""Threads that stand for as long as the console runs, by the beginning of their names."""


_render_update = Compositor.render_update


@pytest.fixture(autouse=True)
def frames_at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose a frame where the console has come to rest, and not at each of the dozens of changes on the way there.

    Without a terminal nobody sees those, and they were a third of what a test of the console cost.
    """
    monkeypatch.setattr(Compositor, "render_update", _only_whole)


_parse_rules = Stylesheet._parse_rules
_PARSED: dict[tuple[object, ...], list[RuleSet]] = {}


@pytest.fixture(autouse=True)
def sheets_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parse a style sheet once for each theme, and not in every application: hundreds of them have the same."""
    monkeypatch.setattr(Stylesheet, "_parse_rules", _parsed)


def _parsed(sheet: Stylesheet, css: str, *where: object, **how: object) -> list[RuleSet]:
    """The rules, which nothing changes once they are parsed; they hang on the text and on the theme's variables."""
    key = (css, where, *sorted(how.items()), *sorted(sheet._variables.items()))
    if key not in _PARSED:
        _PARSED[key] = _parse_rules(sheet, css, *where, **how)  # type: ignore[arg-type]  # as it was called
    return _PARSED[key]


def _only_whole(
    compositor: Compositor, full: bool = False, screen_stack: list[Screen[Any]] | None = None, simplify: bool = False
) -> object:
    """The whole screen where a picture is taken of it. Otherwise nothing: what has changed stays marked as changed."""
    return _render_update(compositor, full, screen_stack, simplify) if full else None


def _paint(app: App[Any]) -> None:
    """Compose the frame that is due, and hand it to the application as Textual does."""
    compositor = app.screen._compositor
    if compositor._dirty_regions:
        app._display(app.screen, _render_update(compositor, screen_stack=app._background_screens))


async def until(pilot: Pilot[Any], condition: Callable[[], object]) -> None:
    """Wait until something is true on screen; fails when it does not come true."""
    latest = time.monotonic() + LONGEST_S
    while not condition():
        assert time.monotonic() < latest, "it did not come true"
        await pilot.pause(0.01)
    await pilot.pause()


Kind = TypeVar("Kind", bound=Screen[Any])


async def on_top(pilot: Pilot[Any], kind: type[Kind]) -> Kind:
    """Wait until a screen of this kind is on top and has nothing more to do; its answer may come from a thread."""
    await until(pilot, lambda: isinstance(pilot.app.screen, kind))
    await rest(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, kind)
    return screen


async def appeared(pilot: Pilot[Any], kind: type[Screen[Any]]) -> None:
    """Wait until a screen of this kind is on top and drawn, whatever it still waits for."""
    await until(pilot, lambda: isinstance(pilot.app.screen, kind))
    await drawn(pilot)


async def answered(pilot: Pilot[Any], keys: Callable[[], Iterable[str]], *, besides: bool = False) -> None:
    """Wait until each of these live readings has answered or failed, and is drawn; with `besides` others may go on."""

    def have() -> bool:
        live = pilot.app.live if isinstance(pilot.app, WarRoomApp) else None
        last = [live.last(key) for key in keys()] if live is not None else [None]
        return all(one is not None and str(one.freshness) != "loading" for one in last)

    await until(pilot, have)
    await (drawn(pilot) if besides else rest(pilot))


async def rest(pilot: Pilot[Any]) -> None:
    """Wait until nothing is under way: no question, no answer on its way, no timer about to fire, nothing to draw."""
    await _until_none(pilot, lambda: [*_asked(pilot.app), *_to_draw(pilot.app)])


async def drawn(pilot: Pilot[Any]) -> None:
    """Wait until all is drawn that there is; questions may be under way, which a test keeps waiting on purpose."""
    await _until_none(pilot, lambda: list(_to_draw(pilot.app)))


async def _until_none(pilot: Pilot[Any], reasons: Callable[[], list[str]]) -> None:
    latest = time.monotonic() + LONGEST_S
    quiet = 0
    while quiet < 2:
        await pilot.pause()
        found = reasons()
        quiet = 0 if found else quiet + 1
        assert time.monotonic() < latest, f"the console does not come to rest: {', '.join(found)}"
    _paint(pilot.app)


def _asked(app: Any) -> Iterator[str]:  # noqa: ANN401  # any application
    if isinstance(app, WarRoomApp) and app.live is not None:
        live = app.live
        with live._condition:
            if live._busy or live._outbox or any(one.forced and not one.running for one in live._watches.values()):
                yield "a live question"
    for thread in threading.enumerate():
        if not thread.name.startswith(STANDING):
            yield f"thread {thread.name!r}"


def _to_draw(app: Any) -> Iterator[str]:  # noqa: ANN401  # any application
    for node in (app, *(node for screen in app.screen_stack for node in screen.walk_children(with_self=True))):
        yield from _pending(node)
    screen = app.screen
    if screen._layout_required or screen._repaint_required or screen._dirty_widgets or screen._callbacks:
        yield "something to be drawn"


def _pending(node: MessagePump) -> Iterator[str]:
    if node.message_queue_size:
        yield f"a message for {node!r}"
    for timer in node._timers:
        task = timer._task
        if timer._repeat == 0 and timer._interval <= SOON_S and task is not None and not task.done():
            yield f"a timer of {node!r}"
