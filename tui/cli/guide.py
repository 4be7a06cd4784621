"""`warroom guide`: the texts that responders open mid-incident, as Markdown."""

from __future__ import annotations

from argparse import Namespace

from diagnostics.catalogue import load_catalogue
from diagnostics.config.layers import load_settings
from diagnostics.core.sanitizer import clean
from tui.cli.exit_codes import ExitCode
from tui.cli.output import say
from tui.options import Options


def run(options: Options, given: Namespace) -> int:
    """Print one guide, or the names there are. Raises UserError for an unknown name."""
    settings = load_settings(options.config, {"catalogue": options.catalogue}).settings
    catalogue = load_catalogue(settings.catalogue)
    if given.name is None:
        say(f"{guide:<20} {clean(catalogue.guide(guide).title)}" for guide in catalogue.guide_names())
        return ExitCode.HEALTHY
    say([clean(catalogue.guide(given.name).markdown, limit=200_000, multiline=True).rstrip("\n")])
    return ExitCode.HEALTHY
