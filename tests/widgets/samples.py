"""Log events and a small application for the widget tests."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeVar

from rich.console import RenderableType
from rich.segment import Segment
from textual._compositor import CompositorUpdate
from textual.app import App, ComposeResult
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

from diagnostics.models.events import LogEvent

Kind = TypeVar("Kind", bound=Message)

START_MS = 1_763_388_000_000
"""17 November 2025, 14:00:00 UTC."""

_MESSAGES = (
    "HTTP 429 Too Many Requests POST /v1/leads retry_after=30 attempt=%d",
    "Zillow OAuth Refresh token invalid for user %d",
    "webhook event queued, %d pending",
    "transaction %d created",
)
_LEVELS = ("info", "info", "info", "info", "warn", "error", "debug", "notice")
_SERVICES = ("fub-worker", "fub-api", "fub", "fub-resque", "fub-richdesk")


def event(number: int, **changes: object) -> LogEvent:
    """One calm event; `number` is its place in time, a second apart from the next."""
    fields: dict[str, object] = {
        "id": f"id-{number}",
        "timestamp_ms": START_MS + number * 1000,
        "service": "fub-worker",
        "status": "info",
        "message": f"message {number}",
        "attributes": {"context": {"account_id": 14009}},
    }
    return LogEvent(**{**fields, **changes})  # type: ignore[arg-type]  # the tests' own keywords


def many(count: int, first: int = 0, *, apart_ms: int = 40) -> list[LogEvent]:
    """Events as a busy hour has them, oldest first, the same for the same arguments."""
    chance = random.Random(first)  # noqa: S311  # seeded sample data
    return [
        LogEvent(
            id=f"id-{number}",
            timestamp_ms=START_MS + number * apart_ms,
            service=chance.choice(_SERVICES),
            status=chance.choice(_LEVELS),
            message=chance.choice(_MESSAGES) % chance.randrange(100_000),
            host="i-0a1b2c",
            tags=("env:prod", "team:zyno"),
            attributes={"context": {"account_id": chance.choice((75172, 14009, 148261))}},
        )
        for number in range(first, first + count)
    ]


class Stage(App[None]):
    """An application with one widget in it. `sent` is what a real terminal would have been sent, frame by frame."""

    ENABLE_COMMAND_PALETTE = False

    def __init__(self, actor: Widget) -> None:
        super().__init__()
        self.actor = actor
        self.sent: list[str] = []
        self.on_paint: Callable[[], None] | None = None

    def compose(self) -> ComposeResult:
        """The widget alone."""
        yield self.actor

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        # A headless application draws nothing, so what it would have drawn is rendered here.
        super()._display(screen, renderable)
        drawn: object = renderable
        if isinstance(drawn, CompositorUpdate) and not self._batch_count:
            self.sent.append(drawn.render_segments(self.console))
            if self.on_paint is not None:
                self.on_paint()

    @property
    def bytes_sent(self) -> int:
        """Bytes of all frames so far."""
        return sum(len(frame.encode()) for frame in self.sent)


class Heard:
    """A message hook that keeps every message once, although each widget on its way reports it."""

    def __init__(self, *kinds: type[Message]) -> None:
        self.kinds = kinds
        self.messages: list[Message] = []

    def __call__(self, message: Message) -> None:
        """Keep the message if it is of a kind asked for."""
        if isinstance(message, self.kinds) and not any(message is known for known in self.messages):
            self.messages.append(message)

    def of(self, kind: type[Kind]) -> list[Kind]:
        """The messages of one kind, in order."""
        return [message for message in self.messages if isinstance(message, kind)]


def rows(app: App[None]) -> list[str]:
    """The screen as text, without the spaces at the ends of rows."""
    strips = app.screen._compositor.render_strips()  # what export_screenshot itself reads
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


def segments(app: App[None], y: int) -> list[Segment]:
    """One row of the screen with its styles."""
    return list(app.screen._compositor.render_strips()[y])
