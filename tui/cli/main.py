"""The command line: from arguments to an exit code. What a command needs is imported when it is chosen.

Nothing a person or a source can do ends in a traceback: bad usage is said on standard error, errors of the console's
own go to a file.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from importlib import import_module

from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.sanitizer import clean
from tui.cli.arguments import options_of, parser
from tui.cli.exit_codes import ExitCode
from tui.options import Options


def run(arguments: Sequence[str]) -> int:
    """Run one command (or the console) and return its exit code. Never raises."""
    _never_fail_on_encoding()
    try:
        code = _dispatch(list(arguments))
        sys.stdout.flush()
    except UserError as error:
        return _complain(error.lines(), ExitCode.USAGE)
    except SourceFailure as failure:
        return _complain(failure.lines(), ExitCode.UNREACHABLE)
    except KeyboardInterrupt:
        return _complain(["interrupted"], ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # The reader has had enough, as `head` does; Python would complain once more while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.HEALTHY
    except Exception as error:  # noqa: BLE001  # the last resort: logged, and said calmly
        return _report(error)
    return code


def _dispatch(arguments: list[str]) -> int:
    if arguments[:1] == ["sandbox"]:
        return _sandbox(arguments[1:])
    try:
        given = parser().parse_args(arguments)
    except SystemExit:
        # Only --help ends the parser; its mistakes are raised.
        return ExitCode.HEALTHY
    if given.version:
        from importlib.metadata import version  # noqa: PLC0415

        sys.stdout.write(f"warroom {version('zillow-war-room')}\n")
        return ExitCode.HEALTHY
    if given.command == "sandbox":
        raise UserError(
            "flags before `sandbox` have no meaning", where="command line", next_step="warroom sandbox --help"
        )
    options = options_of(given)
    if given.command is None:
        from tui.console import run_console  # noqa: PLC0415  # Textual is for the console alone

        return run_console(options)
    # The parser knows the names: each is a module beside this one.
    run_command: Callable[[Options, Namespace], int] = import_module(f"tui.cli.{given.command}").run
    return run_command(options, given)


def _sandbox(arguments: list[str]) -> int:
    from sandbox.__main__ import main  # noqa: PLC0415  # the stand-ins' server

    try:
        return main(arguments)
    except SystemExit:
        # --help
        return ExitCode.HEALTHY


def _complain(lines: Sequence[str], code: ExitCode) -> ExitCode:
    try:
        sys.stderr.write("".join(f"{clean(line, limit=2_000)}\n" for line in lines))
        sys.stderr.flush()
    except OSError:
        # Nobody listens; the code still tells.
        return code
    return code


def _report(error: Exception) -> int:
    from tui.crash import report_crash, state_folder  # noqa: PLC0415  # only a crash needs it

    return report_crash(error, state_folder())


def _never_fail_on_encoding() -> None:
    """A terminal without UTF-8 gets question marks instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
