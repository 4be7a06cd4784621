"""How the console should look, read before it is drawn: `ui.theme`, `ui.ascii` and `ui.mouse` and nothing else.

The settings as a whole are read and checked after the first paint, with modules that cost ten times as much. A value
that cannot be used counts as not given here, and stops the start there, with the place it stands in.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

from diagnostics.config.paths import PREFIX, THEMES, config_path
from diagnostics.core.failures import UserError
from tui.options import Options

_TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})


def with_preferences(options: Options, environ: Mapping[str, str] | None = None) -> Options:
    """`options`, with what file and environment say where no flag was given. Raises nothing, asks nobody."""
    variables = os.environ if environ is None else environ
    file = _from_file(options, variables)
    named = {name.lower(): value for name, value in variables.items() if name.startswith(PREFIX)}

    def given(name: str) -> object:
        return named.get(f"{PREFIX}ui__{name}".lower()) or file.get(name)

    theme = given("theme")
    return replace(
        options,
        theme=options.theme or (theme if isinstance(theme, str) and theme in THEMES else None),
        ascii=options.ascii or _is_on(given("ascii")),
        mouse=options.mouse or _is_on(given("mouse")),
    )


def _from_file(options: Options, environ: Mapping[str, str]) -> Mapping[str, object]:
    from diagnostics.config.toml import read_toml  # noqa: PLC0415  # only where there is a file to read

    try:
        path = config_path(options.config, environ)
        # A named pipe would keep the console from starting at all.
        section = read_toml(path).data.get("ui") if path is not None and path.is_file() else None
    except (UserError, OSError, ValueError, RuntimeError):
        return {}
    return section if isinstance(section, dict) else {}


def _is_on(value: object) -> bool:
    """True and false as the settings understand them, words included."""
    return str(value).lower() in _TRUE
