"""What the outside world of a kept sandbox received, in a file: the next process that serves the world goes on from it.

Written before the answer to whatever was stored is sent, so that no console believes in a message that a killed
sandbox has lost; counts of requests and of webhook events since then are written at the end alone.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from diagnostics.core.failures import UserError
from sandbox.server.recorder import KINDS
from sandbox.server.world import World
from sandbox.stories.story import OUTSIDE, replace_private


class Memory:
    """The file of one world. Loads it into the world when made; raises `UserError` where it cannot be read."""

    def __init__(self, world: World, directory: Path) -> None:
        self._world = world
        self._path = directory / OUTSIDE
        try:
            self._load(json.loads(self._path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            pass
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise UserError(
                f"what Slack, Jira and Datadog received cannot be read: {type(error).__name__}: {error}",
                where=str(self._path),
                accepted="the file as a sandbox wrote it",
                next_step=f"warroom sandbox reset {world.story.name} starts the world over",
            ) from None
        self._kept = self._mark()

    def keep(self) -> None:
        """Write the file if something was stored, or forgotten, since it was written last."""
        if (mark := self._mark()) != self._kept and self.write():
            self._kept = mark

    def write(self) -> bool:
        """Write the file anew, whole or not at all; say so where it cannot be."""
        try:
            replace_private(self._path, json.dumps(self._wire()))
        except OSError as error:
            sys.stderr.write(f"what Slack, Jira and Datadog received could not be kept: {error}\n")
            return False
        return True

    def _mark(self) -> tuple[int, ...]:
        world = self._world
        return (*(len(world.recorder.stored[kind]) for kind in KINDS), len(world.created.monitors))

    def _wire(self) -> dict[str, Any]:
        world = self._world
        return {
            "recorded": world.recorder.wire(),
            "channels": {channel.id: channel.messages for channel in world.slack.channels},
            "issues": world.jira.issues,
            "incidents": world.incidents.incidents,
            "monitors": world.created.monitors,
            "events": {
                "requests": dict(world.zillow.requests),
                "effects": dict(world.zillow.effects),
                "limited": world.zillow.limited,
            },
        }

    def _load(self, kept: dict[str, Any]) -> None:
        world = self._world
        recorded = dict(kept["recorded"])
        world.recorder.requests.update(recorded.pop("requests"))
        world.recorder.stored.update({kind: list(recorded[kind]) for kind in KINDS})
        for channel in world.slack.channels:
            channel.messages.extend(kept["channels"].get(channel.id, []))
        world.jira.issues.extend(kept["issues"])
        world.jira.comments_made = len(recorded["comments"])
        world.incidents.incidents.extend(kept["incidents"])
        world.created.monitors.extend(kept["monitors"])
        events = kept["events"]
        world.zillow.requests = Counter({int(event): count for event, count in events["requests"].items()})
        world.zillow.effects = Counter({int(event): count for event, count in events["effects"].items()})
        world.zillow.limited = int(events["limited"])


def remembering(served: ASGIApp, memory: Memory) -> ASGIApp:
    """Return the application, which writes down what was stored before it says that it was."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                memory.keep()
            await send(message)

        await served(scope, receive, sent)

    return answer
