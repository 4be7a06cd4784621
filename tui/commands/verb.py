"""A verb of the `:` grammar, and what its runners may ask of the application."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from diagnostics.core.failures import UserError
from screens.base import ScreenHost

if TYPE_CHECKING:
    from diagnostics.models.incidents import Incident
    from diagnostics.service import Diagnostics
    from screens.addresses import Address


class CommandApp(ScreenHost, Protocol):
    """The application, seen through what a `:` line may ask of it: what a screen may, and a little more."""

    @property
    def incident(self) -> Incident | None:
        """The incident in view."""

    @property
    def incident_unknown(self) -> str:
        """Why nobody knows whether an incident is open; empty where it is known."""

    def action_act(self, name: str) -> None:
        """Do what the key of an action does."""

    def set_theme(self, name: str) -> None:
        """Change the theme for this session, by one of the names a person may say."""

    def show_leading(self) -> None:
        """Level 2 with the cursor on the leading indicators."""


VerbRunner = Callable[[CommandApp, str], None]
"""Called with the rest of the line as it was typed: spaces inside quotation marks are part of a query."""


@dataclass(slots=True, frozen=True)
class Verb:
    """A word that begins a line. Runners raise UserError with what is accepted."""

    line: str
    """Text that the palette writes: the word, with a space behind it where an argument belongs there."""
    sentence: str
    """Description for the palette; empty where the palette lists every argument instead."""
    run: VerbRunner

    @property
    def name(self) -> str:
        """The word, without the space behind it."""
        return self.line.strip()


def opened(app: ScreenHost) -> Diagnostics:
    """The service. Raises UserError before the sources are open."""
    if app.service is None:
        raise UserError("the sources are still opening", next_step="try again in a moment")
    return app.service


def opens(address: Callable[[CommandApp, str], Address]) -> VerbRunner:
    """A runner that opens a screen, once the sources are open."""

    def run(app: CommandApp, rest: str) -> None:
        opened(app)
        app.navigate(address(app, rest))

    return run
