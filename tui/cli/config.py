"""`warroom config`: which settings are in force and where each comes from; whether settings and catalogue are sound."""

from __future__ import annotations

from argparse import Namespace

from diagnostics.catalogue import validate_queries
from diagnostics.core.sanitizer import clean
from diagnostics.core.words import plural
from tui.cli.exit_codes import ExitCode
from tui.cli.output import say
from tui.opening import Prepared, prepare
from tui.options import Options


def run(options: Options, given: Namespace) -> int:
    """Show what is in force, or check it; mistakes are raised, warnings of a check make exit code 2."""
    prepared = prepare(options)
    try:
        return _show(prepared) if given.what == "show" else _check(prepared)
    finally:
        prepared.stop()


def _show(prepared: Prepared) -> ExitCode:
    """Print the effective settings, secrets masked, and what the team's catalogue overrides."""
    overrides = {name: origin for name, origin in prepared.catalogue.origins.items() if origin != "built in"}
    say(prepared.loaded.lines())
    entries = plural(len(prepared.catalogue.origins), "entry", "entries")
    say(["", f"catalogue: {len(overrides):,} of {entries} overridden"])
    say(clean(f"{name}   # {origin}", limit=2_000) for name, origin in overrides.items())
    return ExitCode.HEALTHY


def _check(prepared: Prepared) -> ExitCode:
    """Read settings, keymap and catalogue and parse every query."""
    from screens.actions import checked_keymap  # noqa: PLC0415  # it brings a part of Textual, which no command needs

    loaded = prepared.loaded
    validate_queries(prepared.catalogue)
    checked_keymap(loaded.settings.ui.keymap)
    say(
        clean(line, limit=2_000)
        for line in (
            f"settings: in order ({loaded.settings.config_path or 'no file'})",
            f"catalogue: in order ({loaded.settings.catalogue or 'built in'})",
            *(f"warning: {warning}" for warning in loaded.warnings),
        )
    )
    return ExitCode.WARNING if loaded.warnings else ExitCode.HEALTHY
