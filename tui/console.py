"""Around the application: signals, crash log, and what is said once the terminal is whole again."""

from __future__ import annotations

import os
import sys

from diagnostics.core.failures import UserError
from tui.app import WarRoomApp
from tui.crash import install_crash_hooks
from tui.heap import share_one_heap
from tui.options import Options
from tui.preferences import with_preferences
from tui.terminal.driver import missing_terminal


def run_console(options: Options) -> int:
    """Build the console as the person prefers it to look, and run it; the exit code."""
    for stale in ("COLUMNS", "LINES"):
        # Exported by a shell that has been resized since. Rich believes them, and the driver the terminal: the screen
        # would be laid out for the one and the other in turn, without end.
        os.environ.pop(stale, None)
    return run(WarRoomApp(with_preferences(options)))


def run(app: WarRoomApp) -> int:
    """Run the application to its end and close everything it opened; the exit code.

    Problems are said on standard error, after the terminal is restored. Raises UserError where there is no terminal.
    """
    missing = missing_terminal()
    if missing:
        raise UserError(
            missing,
            accepted="a terminal: run it in a shell, over `ssh -t`, in tmux or in GNU screen",
            next_step="where TERM is wrong: TERM=xterm-256color warroom; "
            "for scripts and pipes: warroom triage --issue … --format json",
        )
    install_crash_hooks(app.crash_folder)
    share_one_heap()
    try:
        app.run(mouse=app.options.mouse)
    finally:
        app.end()
    if app.problem is not None:
        sys.stderr.write("\n".join(app.problem.lines()) + "\n")
    return app.return_code or 0
