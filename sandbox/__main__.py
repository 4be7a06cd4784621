"""`python -m sandbox serve --scenario NAME` and `python -m sandbox list`; `warroom sandbox …` delegates here."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from diagnostics.failures import SourceFailure, UserError
from sandbox import scenarios
from sandbox.faults import KINDS, SCOPES
from sandbox.story import DEFAULT_SEED

BAD_USAGE = 64
UNREACHABLE = 4


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    try:
        options = _parser().parse_args(argv)
        if options.command == "list":
            return _list()
        from sandbox.serve import serve  # noqa: PLC0415  # a list of scenarios needs no web server

        return serve(options)
    except UserError as error:
        sys.stderr.write("\n".join(error.lines()) + "\n")
        return BAD_USAGE
    except SourceFailure as failure:
        sys.stderr.write(f"error: {failure}\n" + (f"next: {failure.remedy}\n" if failure.remedy else ""))
        return UNREACHABLE


def _list() -> int:
    for name, description in scenarios().items():
        sys.stdout.write(f"{name:<15} {description}\n")
    return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]  # the base class exits with 2, which means "warning found" here
        raise UserError(message, where=self.prog, next_step=f"{self.prog} --help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="sandbox", description="Stand-ins of the outside world for the Zillow War Room.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="show the scenarios")
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
        help=f"[SCOPE=]KIND[:SECONDS]; kinds: {', '.join(KINDS)}; scopes: {', '.join(SCOPES)}; may be repeated",
    )
    serve.add_argument(
        "--rate-limit", action="append", default=[], metavar="SPEC", help="ENDPOINT=REQUESTS/SECONDS, e.g. search=3/10"
    )
    serve.add_argument("--parent-pipe", action="store_true", help="stop when standard input ends")
    return parser


if __name__ == "__main__":
    sys.exit(main())
