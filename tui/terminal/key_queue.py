"""Keys and pastes in the order they were typed: each is handed out when the one before it has had its whole effect.

Textual hands a key to the widget that has the focus at that moment, and keys bound with priority are run before it.
Keys that arrive in one burst, over a slow line or from a paste, are then handed out before the first of them has opened
its screen and moved the focus: letters overtake each other, Tab and Enter overtake letters.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from textual import events

if TYPE_CHECKING:
    from textual.app import App
    from textual.dom import DOMNode
    from textual.message_pump import MessagePump

LONGEST_WAIT: Final = 1.0
"""Seconds that a key waits for the one before it. A handler that hangs must not deafen the console."""

ROUNDS: Final = 40
"""Times that everything a key goes through is looked at again, before the next one is handed out all the same."""


class KeyQueue:
    """Hands keys to an application, one at a time. All methods are called on its event loop."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._waiting: deque[events.Key | events.Paste] = deque()
        self._task: asyncio.Task[None] | None = None

    def put(self, event: events.Key | events.Paste) -> None:
        """Hand `event` out: at once where no other is under way, else in its turn."""
        self._waiting.append(event)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._hand_out())

    async def _hand_out(self) -> None:
        while self._waiting and self._app.is_running:
            await self._app._post_message(self._waiting.popleft())  # as Textual's own driver does
            try:
                async with asyncio.timeout(LONGEST_WAIT):
                    await self._settled()
            except TimeoutError:
                continue

    async def _settled(self) -> None:
        """Return when the application and whatever has the focus have nothing left to do."""
        for _ in range(ROUNDS):
            path = self._path()
            for pump in path:
                await _caught_up(pump)
            if path == self._path() and not any(pump.message_queue_size for pump in path):
                return

    def _path(self) -> list[MessagePump]:
        """The application, and the way of a key from the focus up to it."""
        node: DOMNode | None = self._app.focused or (self._app.screen if self._app.screen_stack else None)
        path: list[MessagePump] = [self._app]
        while node is not None:
            path.append(node)
            node = node.parent
        return path


async def _caught_up(pump: MessagePump) -> None:
    """Return when `pump` has dealt with everything that was in its queue at the call."""
    if not pump.is_running and not pump.is_attached:
        return
    reached = asyncio.Event()
    if pump.call_later(reached.set):
        await reached.wait()
