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
from typing import TextIO, cast

from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.sanitizer import clean
from tui.cli.arguments import options_of, parsed
from tui.cli.exit_codes import ExitCode
from tui.cli.output import Answers, NotWritten
from tui.options import Options


def run(arguments: Sequence[str]) -> int:
    """Run one command (or the console) and return its exit code. Never raises."""
    _open_closed_streams()
    _never_fail_on_encoding()
    stdout = sys.stdout
    sys.stdout = cast("TextIO", Answers(stdout))
    try:
        code = _run(list(arguments))
    except Exception as error:  # noqa: BLE001  # the last resort: logged, and said calmly
        code = _report(error)
    finally:
        sys.stdout = stdout
    if problem := _log_problem():
        _complain([f"warning: {problem}"], ExitCode.HEALTHY)
    return code


def _run(arguments: list[str]) -> int:
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
    except UserError as error:
        return _complain(error.lines(), ExitCode.USAGE)
    except SourceFailure as failure:
        return _complain(failure.lines(), ExitCode.UNREACHABLE)
    except KeyboardInterrupt:
        return _complain(["interrupted"], ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # The reader has had enough, as `head` does: whoever looks at the code learns that it is none of an answer.
        _drop_stdout()
        return ExitCode.BROKEN_PIPE
    except NotWritten as error:
        _drop_stdout()
        said = f"error: standard output could not be written: {error.strerror}"
        return _complain(
            [said, "next: the answer is lost, and what was done stands; ask again into a place with room"],
            ExitCode.NOT_WRITTEN,
        )
    return code


def _drop_stdout() -> None:
    """Python would complain about the rest once more while it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _dispatch(arguments: list[str]) -> int:
    if arguments[:1] == ["sandbox"]:
        return _sandbox(arguments[1:])
    try:
        given = parsed(arguments)
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
        return _console(options)
    # The parser knows the names: each is a module beside this one.
    run_command: Callable[[Options, Namespace], int] = import_module(f"tui.cli.{given.command}").run
    return run_command(options, given)


def _console(options: Options) -> int:
    from tui.setup.first_run import first_run, is_configured  # noqa: PLC0415  # no command needs it

    if not is_configured(options):
        chosen = first_run(options)
        if isinstance(chosen, ExitCode):
            return chosen
        options = chosen
    if options.plain:
        from tui.plain import run_plain  # noqa: PLC0415  # it needs no Textual

        return run_plain(options)
    from tui.console import run_console  # noqa: PLC0415  # Textual is for the console alone

    return run_console(options)


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


def _log_problem() -> str:
    log_file = sys.modules.get("tui.log_file")
    return "" if log_file is None else str(log_file.log_problem())


def _open_closed_streams() -> None:
    """Give standard streams that are closed (`>&-`) a file that takes nothing.

    Python has none then, and the next file that is opened would get the number of standard output, and with it what
    anything writes there.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free is this one. Reading gives nothing; writing fails as it does to a file that
            # was opened to be read.
            opened = os.open(os.devnull, os.O_RDWR if name == "stderr" else os.O_RDONLY)
            os.set_inheritable(opened, True)
            if getattr(sys, name) is None:
                setattr(sys, name, os.fdopen(opened, "r" if name == "stdin" else "w", closefd=False))


def _report(error: Exception) -> int:
    from tui.crash import report_crash, state_folder  # noqa: PLC0415  # only a crash needs it

    return report_crash(error, state_folder())


def _never_fail_on_encoding() -> None:
    """A terminal without UTF-8 gets question marks instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
