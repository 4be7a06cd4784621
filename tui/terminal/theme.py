"""The console's themes, and which one a terminal gets.

Colour carries severity only. On terminals with 16 colours, or where colour is unwanted, the terminal's own palette is
used: it is what the person at the other end has made readable, and it costs a third of the bytes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from textual.theme import Theme

DARK = Theme(
    name="war-room-dark",
    primary="#5b9bd5",
    secondary="#8fb8de",
    accent="#7fc8c2",
    warning="#e5b454",
    error="#f0716b",
    success="#6cc48a",
    foreground="#d7dce2",
    background="#10141a",
    surface="#161b22",
    panel="#232b36",
    dark=True,
)
LIGHT = Theme(
    name="war-room-light",
    primary="#1f5f9f",
    secondary="#34618e",
    accent="#0b6e69",
    warning="#8a5a00",
    error="#b3261e",
    success="#1b6e3c",
    foreground="#1c2733",
    background="#fbfbf9",
    surface="#f2f3f0",
    panel="#dfe4e8",
    dark=False,
)

CONTRAST = Theme(
    name="war-room-contrast",
    primary="#7fc4ff",
    secondary="#b8dcff",
    accent="#8ff0e6",
    warning="#ffd75f",
    error="#ff9d96",
    success="#8ff0a8",
    foreground="#ffffff",
    background="#000000",
    surface="#0a0a0a",
    panel="#303030",
    dark=True,
)
CONTRAST_LIGHT = Theme(
    name="war-room-contrast-light",
    primary="#003a70",
    secondary="#12365c",
    accent="#00403c",
    warning="#523500",
    error="#8a0000",
    success="#004a20",
    foreground="#000000",
    background="#ffffff",
    surface="#f4f4f4",
    panel="#d0d0d0",
    dark=False,
)
SAFE = Theme(
    name="war-room-safe",
    primary="#5b9bd5",
    secondary="#8fb8de",
    accent="#b9c4d0",
    warning="#f0e442",
    error="#ff7a1a",
    success="#56b4e9",
    foreground="#d7dce2",
    background="#10141a",
    surface="#161b22",
    panel="#232b36",
    dark=True,
)
SAFE_LIGHT = Theme(
    name="war-room-safe-light",
    primary="#1f5f9f",
    secondary="#34618e",
    accent="#4a5560",
    warning="#b38c00",
    error="#a0004d",
    success="#0072b2",
    foreground="#1c2733",
    background="#fbfbf9",
    surface="#f2f3f0",
    panel="#dfe4e8",
    dark=False,
)
"""Red and green are one colour to one man in twelve: vermilion, yellow and blue are three (Okabe and Ito)."""

OWN = (DARK, LIGHT, CONTRAST, CONTRAST_LIGHT, SAFE, SAFE_LIGHT)
"""Themes that the application brings."""

NAMES: Mapping[str, str] = {
    "dark": DARK.name,
    "light": LIGHT.name,
    "contrast": CONTRAST.name,
    "contrast-light": CONTRAST_LIGHT.name,
    "safe": SAFE.name,
    "safe-light": SAFE_LIGHT.name,
    "16": "ansi-dark",
    "16-light": "ansi-light",
}
"""Names that a person may say, each with the theme it means."""


@dataclass(slots=True, frozen=True)
class TerminalCapabilities:
    """The palette and the characters that this terminal can draw."""

    theme: str
    ascii_only: bool

    @property
    def native_colours(self) -> bool:
        """True when the terminal's own palette is used."""
        return self.theme.startswith("ansi-")


def capabilities(
    environ: Mapping[str, str] | None = None, *, theme: str | None, ascii_only: bool
) -> TerminalCapabilities:
    """Read what the terminal can draw from the environment: colours and character set."""
    environ = os.environ if environ is None else environ
    utf8 = draws_utf_8(environ)
    return TerminalCapabilities(
        theme=NAMES[theme] if theme is not None and theme in NAMES else _automatic(environ),
        ascii_only=ascii_only or not utf8 or environ.get("TERM") in {"linux", "vt100", "dumb"},
    )


_COERCED = frozenset({"C.UTF-8", "C.utf8", "UTF-8"})
"""What Python puts into LC_CTYPE where it finds the C locale, or one that this host does not have (PEP 538)."""


def draws_utf_8(environ: Mapping[str, str]) -> bool:
    """Whether the locale says that the terminal takes UTF-8; one that says nothing is taken to.

    Python hides a LANG of C by setting LC_CTYPE for itself before anybody can look: beside a LANG that says something
    else it is Python's word and not the person's.
    """
    kind, language = environ.get("LC_CTYPE", ""), environ.get("LANG", "")
    locale = environ.get("LC_ALL") or (language if kind in _COERCED and language else kind or language)
    return not locale or "utf-8" in locale.lower() or "utf8" in locale.lower()


def _automatic(environ: Mapping[str, str]) -> str:
    if "NO_COLOR" in environ:
        return NAMES["16"]
    term, deep = environ.get("TERM", ""), environ.get("COLORTERM", "")
    rich_enough = deep in {"truecolor", "24bit"} or "256color" in term or "direct" in term
    return NAMES["dark"] if rich_enough else NAMES["16"]
