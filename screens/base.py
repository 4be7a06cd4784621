"""What every screen may rely on: the room it stands in, and the manners all screens share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from textual.message import Message
from textual.screen import Screen

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.live import Live
    from diagnostics.models.readings import Reading
    from diagnostics.service import Diagnostics
    from widgets.footer_bar import Hint
    from widgets.glyphs import Glyphs
    from widgets.rows import Row, Tone

Answer = TypeVar("Answer")


@dataclass(slots=True, frozen=True)
class Document:
    """Something to read: evidence, a finding, a refusal, a guide. Rows are built for a width."""

    title: str
    build: Callable[[int], Sequence[Row]]
    copy_text: str
    """What `y` puts on the clipboard."""


class Room(Protocol):
    """What the application offers its screens. Before the sources are open, `service` is None."""

    service: Diagnostics | None
    live: Live | None
    catalogue: Catalogue | None
    signs: Glyphs

    def ask(
        self,
        work: Callable[[], Answer],
        then: Callable[[Answer], None],
        *,
        doing: str,
        failed: Callable[[], None] | None = None,
    ) -> None:
        """Run `work` in a thread and `then` on the event loop; failures become a calm notice, then `failed`."""

    def say(self, text: str, tone: Tone = "") -> None:
        """Show one line at the bottom for a few seconds."""

    def copy(self, text: str) -> None:
        """Put text on the terminal's clipboard."""

    def open_document(self, document: Document) -> None:
        """Show something to read, on top."""

    def push_room_screen(self, screen: RoomScreen) -> None:
        """Put a screen on top; the covered one stops asking."""

    def hints(self) -> tuple[Hint, ...]:
        """The footer's keys for the screen on top."""

    def look_again(self) -> None:
        """The screen on top shows other readings than before."""

    def command(self, line: str) -> None:
        """Run one line of the `:` grammar."""


class ReadingArrived(Message, bubble=False):
    """A live reading changed. Posted from the live threads, handled by the screen that shows it."""

    def __init__(self, reading: Reading[Any]) -> None:
        super().__init__()
        self.reading = reading


class RoomScreen(Screen[None]):
    """A screen of the war room. It names the readings it shows, so that covered screens stop asking."""

    AUTO_FOCUS = ""

    @property
    def room(self) -> Room:
        """The application, seen through what a screen may ask of it."""
        return cast("Room", self.app)

    def shown_readings(self) -> Iterable[str]:
        """Keys of the live readings that this screen shows now."""
        return ()

    def service_opened(self) -> None:
        """The sources are open: `room.service` and `room.live` are set. Called once, on the event loop."""

    def tick(self) -> None:
        """Called about once a second while this screen is on top."""
