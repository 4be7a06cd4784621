"""`python -m sandbox serve --scenario NAME`, `… list`, `… reset` and `… scale`; `warroom sandbox …` delegates here."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from diagnostics.core.failures import SourceFailure, UserError
from sandbox import scenarios
from sandbox.server.faults import KINDS, SCOPES, WHOLE_WORLD
from sandbox.stores.client_faults import CLIENT_KINDS
from sandbox.stores.row_faults import ROW_KINDS
from sandbox.stories.story import DEFAULT_SEED

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

BAD_USAGE = 64
UNREACHABLE = 4


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    # What is imported and told stays: with the interpreter's own pace an eighth of the start was looking for garbage.
    gc.set_threshold(20_000, 20, 50)
    try:
        options = _parser().parse_args(argv)
        if options.command == "list":
            return _list()
        if options.command == "reset":
            from sandbox.kept import reset  # noqa: PLC0415  # as below

            sys.stdout.write("".join(f"{line}\n" for line in reset(options.scenario)))
            return 0
        if options.command == "scale":
            from sandbox.scale import scale  # noqa: PLC0415  # as below

            return scale(options)
        from sandbox.serve import serve  # noqa: PLC0415  # a list of scenarios needs no web server

        return serve(options)
    except UserError as error:
        sys.stderr.write("\n".join(error.lines()) + "\n")
        return BAD_USAGE
    except SourceFailure as failure:
        sys.stderr.write(f"error: {failure}\n" + (f"next: {failure.remedy}\n" if failure.remedy else ""))
        return UNREACHABLE


def _list() -> int:
    listed = scenarios()
    wide = max(map(len, listed))
    for name, description in listed.items():
        sys.stdout.write(f"{name:<{wide}}  {description}\n")
    return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]  # the base class exits with 2, which means "warning found" here
        raise UserError(message, where=self.prog, next_step=f"{self.prog} --help")

    def print_help(self, file: SupportsWrite[str] | None = None) -> None:
        # argparse's own way keeps silent where the help cannot be written.
        (file or sys.stdout).write(self.format_help())


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="sandbox", description="Stand-ins of the outside world for the Zillow War Room.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="show the scenarios")
    reset = commands.add_parser("reset", help="start kept sandboxes over: story, journal and outside world together")
    reset.add_argument("scenario", nargs="?", metavar="SCENARIO", help="see `list`; all that are kept without it")
    _scale_options(commands.add_parser("scale", help="fill databases with as much as benchmarks need"))
    serve = commands.add_parser("serve", help="serve one scenario until interrupted")
    serve.add_argument("--scenario", required=True, metavar="NAME", help="see `list`")
    serve.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 picks a free one (default)")
    serve.add_argument(
        "--directory",
        type=Path,
        help="where files go; kept at the end, and a sandbox started again there resumes its story",
    )
    serve.add_argument(
        "--database-url",
        metavar="URL",
        help="MariaDB or MySQL administrator's URL; also WARROOM_SANDBOX_DATABASE_URL, which keeps a password off the "
        "command line; SQLite files without it",
    )
    serve.add_argument("--schema-prefix", default="warroom", metavar="NAME", help="begins every schema name (warroom)")
    serve.add_argument("--seed", type=int, default=DEFAULT_SEED, help="another seed gives another world")
    serve.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="SPEC",
        help=f"[SCOPE=]KIND[:SECONDS or NAME][/COUNT]; kinds: {', '.join(KINDS)}; scopes: {', '.join(SCOPES)}; "
        f"of the whole world: {'; '.join(KINDS[kind] for kind in WHOLE_WORLD)}; "
        f"of client databases: {'; '.join(CLIENT_KINDS.values())}; "
        f"of the rows: {'; '.join(ROW_KINDS.values())}; may be repeated",
    )
    serve.add_argument(
        "--rate-limit", action="append", default=[], metavar="SPEC", help="ENDPOINT=REQUESTS/SECONDS, e.g. search=3/10"
    )
    serve.add_argument(
        "--zillow",
        default="20/20/5",
        metavar="SPEC",
        help="what Zillow takes of webhook events: RATE/BURST/LIVE a second, LIVE of it taken by others (20/20/5)",
    )
    serve.add_argument("--analytics", action="store_true", help="add a stand-in of the analytics engine")
    serve.add_argument(
        "--analytics-behind",
        type=int,
        default=0,
        metavar="SECONDS",
        help="show there what was so long before the start",
    )
    serve.add_argument(
        "--held-by",
        type=Path,
        metavar="FILE",
        help="stop when nobody holds a lock on FILE (flock); what the outside world received is kept in --directory",
    )
    serve.add_argument("--parent-pipe", action="store_true", help="stop when standard input ends")
    serve.add_argument(
        "--secrets-pipe", action="store_true", help="take secrets as JSON from the first line of standard input"
    )
    return parser


def _scale_options(scale: argparse.ArgumentParser) -> None:
    scale.add_argument(
        "--directory", type=Path, required=True, help="where console.toml and the login's password go; SQLite files too"
    )
    scale.add_argument(
        "--database-url",
        metavar="URL",
        help="MariaDB or MySQL administrator's URL; also WARROOM_SANDBOX_DATABASE_URL; SQLite files without it",
    )
    scale.add_argument("--schema-prefix", default="scale", metavar="NAME", help="begins every schema name (scale)")
    scale.add_argument("--remove", action="store_true", help="take away what an earlier run made, and make nothing")
    for name, usual, what in (
        ("rows", 1_000_000, "lead events"),
        ("accounts", 100, "accounts, each with a client database"),
        ("agents", 10, "agents of every account but the first"),
        ("agents-in-one", 10_000, "agents of the first account"),
        ("deals", 5, "deals of every account but the first"),
        ("deals-in-one", 20_000, "deals of the first account"),
        ("webhooks", 100_000, "webhook events"),
        ("seed", 1, "another seed gives other moments and tokens"),
    ):
        scale.add_argument(f"--{name}", type=int, default=usual, metavar="N", help=f"{what} ({usual:,})")


if __name__ == "__main__":
    sys.exit(main())
