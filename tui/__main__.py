"""The `warroom` command."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line; return the exit code."""
    from tui.cli import run  # noqa: PLC0415  # `python -X importtime -m tui` then shows what the start costs

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
