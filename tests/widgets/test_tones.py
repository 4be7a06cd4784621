"""Tones that everybody can read: contrast as WCAG 2.2 measures it, and severities for eyes that see red as green."""

from __future__ import annotations

from itertools import combinations

import pytest
from textual.theme import Theme

from tui.terminal.theme import CONTRAST, CONTRAST_LIGHT, OWN, SAFE, SAFE_LIGHT
from widgets.glyphs import ASCII, UNICODE
from widgets.line_view import _VARIABLES, _from_theme

Linear = tuple[float, float, float]

# Machado, Oliveira and Fernandes, 2009, severity 1.0, for linear light.
PROTANOPIA = ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998))
DEUTERANOPIA = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881))
XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
WHITE = (0.9505, 1.0, 1.089)


def colours(theme: Theme) -> dict[str, str]:
    """The colour of each tone, and of the ground."""
    variables = theme.to_color_system().generate()
    styles = _from_theme(tuple((name, variables.get(name, "")) for name in _VARIABLES))
    found = {tone: style.color.name for tone, style in styles.items() if style.color is not None}
    return {**found, "ground": theme.background or ""}


def linear(colour: str) -> Linear:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return red, green, blue


def through(matrix: tuple[Linear, Linear, Linear], light: Linear) -> Linear:
    red, green, blue = (sum(a * b for a, b in zip(row, light, strict=True)) for row in matrix)
    return red, green, blue


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((through(XYZ, linear(colour))[1] for colour in (one, other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def lab(light: Linear) -> Linear:
    parts = [max(0.0, part) / white for part, white in zip(through(XYZ, light), WHITE, strict=True)]
    x, y, z = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in parts)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def apart(one: str, other: str, eye: tuple[Linear, Linear, Linear]) -> float:
    """How far two colours are from each other to this eye (CIE 1976); some 2.3 can just be told apart."""
    seen = (lab(through(eye, linear(colour))) for colour in (one, other))
    return float(sum((a - b) ** 2 for a, b in zip(*seen, strict=True)) ** 0.5)


TEXT = ("fail", "warn", "pass", "muted", "title", "accent", "key", "code")


@pytest.mark.parametrize("theme", OWN, ids=lambda theme: theme.name)
def test_text_stands_out_from_its_ground(theme: Theme) -> None:
    found = colours(theme)
    least = 7.0 if theme in (CONTRAST, CONTRAST_LIGHT) else 4.5
    low = {tone: round(contrast(found[tone], found["ground"]), 1) for tone in TEXT}
    assert {tone: ratio for tone, ratio in low.items() if ratio < least} == {}


@pytest.mark.parametrize("eye", [PROTANOPIA, DEUTERANOPIA], ids=["protanopia", "deuteranopia"])
@pytest.mark.parametrize("theme", [SAFE, SAFE_LIGHT], ids=lambda theme: theme.name)
def test_severities_differ_for_eyes_that_see_red_as_green(theme: Theme, eye: tuple[Linear, Linear, Linear]) -> None:
    found = colours(theme)
    near = {
        pair: round(apart(found[pair[0]], found[pair[1]], eye)) for pair in combinations(("fail", "warn", "pass"), 2)
    }
    assert {pair: distance for pair, distance in near.items() if distance < 15} == {}


def test_the_measure_finds_what_it_is_for() -> None:
    # Red and olive are all but one colour to a deuteranope, and far from each other to anybody else.
    everybody = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    assert apart("#c04040", "#6a6a00", DEUTERANOPIA) < apart("#c04040", "#6a6a00", everybody) / 2
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)


@pytest.mark.honesty("no data, on a terminal that draws ASCII only", "a question mark and the words; never a 0")
def test_no_data_in_ascii_is_no_zero() -> None:
    assert ASCII.no_data == ASCII.text(UNICODE.no_data) == "?"
    signs = (ASCII.passed, ASCII.failed, ASCII.no_data, ASCII.waiting)
    assert len(set(signs)) == len(signs)
    assert not any(sign.isdigit() for sign in signs)
