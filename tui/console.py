"""Around the application: signals, crash log, and what is said once the terminal is whole again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from diagnostics.failures import UserError
from tui.crash import install_crash_hooks
from tui.terminal.driver import missing_terminal

if TYPE_CHECKING:
    from tui.app import WarRoomApp


def run(app: WarRoomApp) -> int:
    """Run the application to its end and close everything it opened; the exit code."""
    missing = missing_terminal()
    if missing:
        raise UserError(
            missing,
            accepted="a terminal: run it in a shell, over `ssh -t`, or in tmux",
            next_step="for scripts and pipes: warroom triage --issue … --format json",
        )
    install_crash_hooks(app.crash_folder)
    try:
        app.run(mouse=app.options.mouse)
    finally:
        app.end()
    problem = app.problem
    if problem is not None:
        lines = (
            problem.lines()
            if isinstance(problem, UserError)
            else [f"error: {problem.headline()}: {problem.reason}", f"next: {problem.remedy}"]
        )
        sys.stderr.write("\n".join(lines) + "\n")
    return app.return_code or 0
