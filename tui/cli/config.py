"""`warroom config`: which settings are in force and where each comes from; whether settings and catalogue are sound."""

from __future__ import annotations

from diagnostics.catalogue import validate_queries
from diagnostics.text import clean
from tui.cli.exit_codes import ExitCode
from tui.cli.output import say
from tui.opening import prepare
from tui.options import Options


def show(options: Options) -> int:
    """Print the effective settings, secrets masked, and what the team's catalogue overrides."""
    prepared = prepare(options)
    try:
        overrides = {name: origin for name, origin in prepared.catalogue.origins.items() if origin != "built in"}
        say(prepared.loaded.lines())
        say(["", f"catalogue: {len(overrides):,} of {len(prepared.catalogue.origins):,} entries overridden"])
        say(clean(f"{name}   # {origin}", limit=2_000) for name, origin in overrides.items())
    finally:
        prepared.stop()
    return ExitCode.HEALTHY


def check(options: Options) -> int:
    """Read settings, keymap and catalogue and parse every query; mistakes are raised, warnings make exit code 2."""
    from screens.actions import checked_keymap  # noqa: PLC0415  # it brings a part of Textual, which no command needs

    prepared = prepare(options)
    try:
        validate_queries(prepared.catalogue)
        checked_keymap(prepared.loaded.settings.ui.keymap)
        path = prepared.loaded.settings.config_path
        say([clean(f"settings: in order ({path if path else 'no file'})", limit=2_000)])
        folder = prepared.loaded.settings.catalogue
        say([clean(f"catalogue: in order ({folder if folder else 'built in'})", limit=2_000)])
        warnings = prepared.loaded.warnings
        say(clean(f"warning: {warning}", limit=2_000) for warning in warnings)
    finally:
        prepared.stop()
    return ExitCode.WARNING if warnings else ExitCode.HEALTHY
