"""What is said where nothing is configured, and the three ways on. Light: it stands before the first paint."""

from __future__ import annotations

import os
import sys
import termios
import tty
from collections.abc import Mapping
from dataclasses import replace

from diagnostics.config.paths import CONFIG_VARIABLE, PREFIX, config_folder, config_path
from diagnostics.core.sanitizer import clean
from tui.cli.exit_codes import ExitCode
from tui.options import Options

SCENARIO = "nov17"
"""What the sandbox replays for somebody who is here for the first time."""

_SECTIONS = ("DATADOG__", "DATABASES__", "ANALYTICS__", "REDIS__", "STATE__", "SLACK__", "JIRA__", "ZILLOW__")
_OF_DATADOG = ("DD_API_KEY", "DD_APP_KEY")
_END = "\x04"
"""Ctrl+D, where lines are not put together by the terminal."""

_NEEDS = """\
What it needs        in the file                 or in the environment
  Datadog keys       datadog.api_key, .app_key   DD_API_KEY, DD_APP_KEY
  Datadog site       datadog.api_url             DD_SITE
  shared database    databases.common_url        WARROOM_DATABASES__COMMON_URL
  account databases  databases.client_url        WARROOM_DATABASES__CLIENT_URL
  their password     databases.password_command  WARROOM_DATABASES__PASSWORD
Optional: Slack, Jira, Redis, a journal that the team shares (state.url).
Any of it can be left out: what is not configured is shown as no data."""

_KEYS = f"""\
  s  try the sandbox: built-in stand-ins, no settings   warroom --sandbox {SCENARIO}
  w  set it up: asks, tests each answer, writes it      warroom setup
  q  quit"""


def is_configured(options: Options, environ: Mapping[str, str] | None = None) -> bool:
    """Whether a sandbox or a file is named or there, or a variable says where a source is. Raises UserError."""
    variables = os.environ if environ is None else environ
    if options.sandbox is not None or config_path(options.config, variables) is not None:
        return True
    # Variables are read whatever their case; one that is empty counts as not given.
    sources = tuple(f"{PREFIX}{section}" for section in _SECTIONS)
    return any(value and (name in _OF_DATADOG or name.startswith(sources)) for name, value in variables.items())


def explained(environ: Mapping[str, str]) -> list[str]:
    """The screen: 20 lines of at most 79 columns, but for a path that is longer."""
    folder = config_folder(environ)
    place = clean(str(folder / "config.toml"), limit=1_000) if folder is not None else "none: HOME is not set"
    return [
        "Zillow War Room: nothing is configured yet",
        "",
        "No settings file is there. Its usual place:",
        f"  {place}",
        f"  (another one: --config FILE, or {CONFIG_VARIABLE}=FILE)",
        "",
        *_NEEDS.splitlines(),
        "",
        *_KEYS.splitlines(),
    ]


def first_run(options: Options) -> Options | ExitCode:
    """Explain, and return how the console shall start, or the exit code. Without a terminal nothing is asked."""
    lines = explained(os.environ)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        sys.stderr.write("\n".join(["error: nothing is configured", *lines[2:]]) + "\n")
        return ExitCode.USAGE
    chosen = _chosen(lines)
    if chosen == "s":
        return replace(options, sandbox=SCENARIO)
    if chosen == "w":
        from tui.cli.setup import run  # noqa: PLC0415  # only who chose it pays for it

        return ExitCode(run(options, None))
    return ExitCode.USAGE


def _chosen(lines: list[str]) -> str:
    """Show them and wait for `s`, `w` or `q`, without its Enter; empty where the terminal went away."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        # Before anything shows, and without throwing away what is typed already: no key is lost.
        tty.setcbreak(descriptor, termios.TCSANOW)
        sys.stdout.write("\n".join(lines) + "\n\n")
        sys.stdout.flush()
        while True:
            key = os.read(descriptor, 1).decode("ascii", errors="replace").lower()
            if key in {"s", "w", "q", "", _END}:
                return key.strip(_END)
    except (OSError, KeyboardInterrupt):
        return ""
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
