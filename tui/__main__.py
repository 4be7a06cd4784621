"""The `warroom` command."""

from __future__ import annotations

import gc
import logging
import os
import sys

INTERRUPTED = 130


def main() -> int:
    """Run the command line; return the exit code."""
    # What is imported stays: with the interpreter's own pace a tenth of the start was looking for garbage among it.
    gc.set_threshold(20_000, 20, 50)
    from tui.cli.main import run  # noqa: PLC0415  # `python -X importtime -m tui` then shows what the start costs

    code = run(sys.argv[1:])
    if code == INTERRUPTED:
        # An interrupt that meets Python inside `exec` of a text, as while a dataclass is made, is remembered by the
        # interpreter although it was handled, and replaces the exit code at its end. Everything is closed by now.
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


if __name__ == "__main__":
    sys.exit(main())
