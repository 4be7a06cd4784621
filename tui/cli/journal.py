"""`warroom journal verify`: is every entry as it was written?"""

from __future__ import annotations

import sys
from argparse import Namespace

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.waiting import Job, Progress
from tui.cli.exit_codes import ExitCode
from tui.cli.output import Style, say
from tui.cli.renderers import incident as render
from tui.cli.renderers.triage import json_text
from tui.opening import open_service
from tui.options import Options


def run(options: Options, given: Namespace) -> int:
    """Read everything, and print what is wrong with which entry. Exit code 1 when something is."""
    with open_service(options) as opened:
        journal = opened.diagnostics.journal
        if not journal.may_be_read:
            raise SourceFailure(
                FailureKind.UNREACHABLE,
                "state",
                f"there is no journal to verify: {journal.problem}",
                remedy="make the place that holds it usable, and verify again",
            )
        found = journal.verify(Job(_progress if sys.stderr.isatty() else None), given.against)
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    if given.format == "json":
        say([json_text({"outcome": "verification", "is_sound": found.is_sound, **found.model_dump(mode="json")})])
    else:
        say(render.verification_lines(found, Style.of_stdout()))
    return ExitCode.HEALTHY if found.is_sound else ExitCode.CRITICAL


def _progress(progress: Progress) -> None:
    sys.stderr.write(f"\r{progress.done:,} of {progress.total or 0:,} {progress.unit}")
    sys.stderr.flush()
