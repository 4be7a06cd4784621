"""What each tone looks like in the theme in force.

Tones are read from the theme's variables and not from CSS component classes: a component class costs one styled node
per view and tone, which with a dozen views was a third of the time to the first paint.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from rich.style import Style
from textual.color import Color

if TYPE_CHECKING:
    from textual.app import App

NATIVE: Mapping[str, Style] = {
    "fail": Style(color="red", bold=True),
    "warn": Style(color="yellow", bold=True),
    "pass": Style(color="green"),
    "muted": Style(dim=True),
    "title": Style(bold=True),
    "accent": Style(color="cyan"),
    "key": Style(bold=True),
    "bar": Style(reverse=True),
    "strong": Style(bold=True),
    "code": Style(color="cyan"),
    "cursor": Style(reverse=True, bold=True),
    "held": Style(bold=True),
}
"""For the terminal's own palette: sixteen colours, or none."""

COLOURLESS: Mapping[str, Style] = {**NATIVE, "fail": Style(bold=True, underline=True)}
"""Without colour a failure is underlined: bold alone also marks titles and the cursor."""


def tone_styles(app: App[object]) -> Mapping[str, Style]:
    """The style of each tone, to be added to a view's own."""
    if app.native_ansi_color:
        return COLOURLESS if app.no_color else NATIVE
    return _from_theme(app.theme, tuple(app.theme_variables.get(name, "") for name in _VARIABLES))


_VARIABLES: tuple[str, ...] = (
    "foreground",
    "background",
    "panel",
    "primary",
    "text-error",
    "text-warning",
    "text-success",
    "text-accent",
    "text-primary",
    "text-secondary",
)


@lru_cache(maxsize=8)
def _from_theme(_theme: str, values: tuple[str, ...]) -> Mapping[str, Style]:
    named = dict(zip(_VARIABLES, values, strict=True))
    background = Color.parse(named["background"])

    def colour(name: str, share: float = 1.0) -> str:
        return background.blend(Color.parse(named[name]), share, alpha=1.0).hex6

    return {
        "fail": Style(color=colour("text-error"), bold=True),
        "warn": Style(color=colour("text-warning"), bold=True),
        "pass": Style(color=colour("text-success")),
        "muted": Style(color=colour("foreground", 0.62)),
        "title": Style(color=colour("foreground"), bold=True),
        "accent": Style(color=colour("text-accent")),
        "key": Style(color=colour("text-primary"), bold=True),
        "bar": Style(color=colour("foreground"), bgcolor=colour("panel")),
        "strong": Style(bold=True),
        "code": Style(color=colour("text-secondary")),
        "cursor": Style(bgcolor=colour("primary", 0.3), bold=True),
        "held": Style(bold=True),
    }
