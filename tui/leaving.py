"""The ways out: one step, the console as a whole, into the background."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from tui.app import WarRoomApp


class Leaving:
    """Mixed into the application."""

    @property
    def _app(self) -> WarRoomApp:
        return cast("WarRoomApp", self)

    def act_back(self) -> None:
        """Out, one step."""
        if len(self._app.screen_stack) > 1:
            self._app.screen.dismiss()

    def act_quit(self) -> None:
        """Leave; from a screen on top, one step out, as pagers have taught everybody's fingers."""
        if len(self._app.screen_stack) > 1:
            self.act_back()
            return
        self._app.exit(return_code=0)

    def act_leave(self) -> None:
        """Leave from wherever one is."""
        self._app.exit(return_code=0)

    def action_help_quit(self) -> None:
        """Ctrl+C is a habit, not an answer."""
        self._app.say("q leaves the console", "muted")

    def act_repaint(self) -> None:
        """Send every cell again: something else has written on this terminal."""
        self._app.forget_painted()
        self._app.refresh(layout=True)

    def act_suspend(self) -> None:
        """Into the background; `fg` brings it back."""
        if os.getsid(0) == os.getpgrp():
            self._app.say("this terminal runs nothing but the console: there is no shell to go back to", "warn")
            return
        self._app.action_suspend_process()
