"""`warroom setup`: asks for what the console needs, tests each answer, writes the settings file."""

from __future__ import annotations

import os
from argparse import Namespace

from diagnostics.core.failures import UserError
from diagnostics.core.time import utc_now
from tui.cli.exit_codes import ExitCode
from tui.options import Options


def run(options: Options, _given: Namespace | None) -> int:
    """Run the dialogue; 0 where a file was written, 130 where it was cancelled, 3 where nothing was to be written."""
    from tui.setup.dialogue import dialogue, in_a_terminal  # noqa: PLC0415  # the whole service comes with it
    from tui.setup.lines import Cancelled, tell  # noqa: PLC0415  # as above
    from tui.setup.settings_file import target  # noqa: PLC0415  # as above

    if options.sandbox is not None:
        raise UserError("a sandbox needs no settings", where="--sandbox", next_step="warroom setup, without it")
    if not in_a_terminal():
        raise UserError(
            "setup asks questions, and standard input or output is not a terminal",
            accepted="a terminal: a shell, ssh -t, tmux",
            next_step="or write the file by hand (docs/configuration.md) and run: warroom config check",
        )
    path = target(options.config, os.environ)
    try:
        return ExitCode.HEALTHY if dialogue(path, utc_now()) else ExitCode.REFUSED
    except (Cancelled, KeyboardInterrupt):
        tell(["", "Cancelled: nothing was written."])
        return ExitCode.INTERRUPTED
