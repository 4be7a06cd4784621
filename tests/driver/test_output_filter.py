"""The second fence on segments."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.color import Color

from tui.terminal.output_filter import Fence, install_fence

BLACK = Color(0, 0, 0)


def fenced(*texts: str) -> list[str]:
    """The texts after the fence."""
    return [segment.text for segment in Fence().apply([Segment(text) for text in texts], BLACK)]


def test_ordinary_text_passes_as_the_same_list() -> None:
    segments = [Segment("plain"), Segment(" │ ▁▂█ äöü 漢字 "), Segment("e\u0301")]
    assert Fence().apply(segments, BLACK) is segments


def test_controls_and_bidirectional_overrides_go_and_the_width_stays() -> None:
    (text,) = fenced("a\x1b[31mb\x07c\u202ed\x9be\u2066f")
    assert text == "a[31mbcdef"


def test_blanks_of_other_alphabets_stay() -> None:
    assert fenced("a\u00a0b\u3000c") == ["a\u00a0b\u3000c"]


def test_a_link_that_carries_a_sequence_is_removed_and_an_honest_one_kept() -> None:
    hostile = Segment("here", Style(link="http://x\x1b\\\x1b]52;c;cHduZWQ=\x07"))
    honest = Segment("there", Style(link="https://fub.datadoghq.com/logs"))
    first, second = Fence().apply([hostile, honest], BLACK)
    assert first.style is not None
    assert first.style.link is None
    assert second.style is not None
    assert second.style.link == "https://fub.datadoghq.com/logs"


async def test_it_is_installed_once() -> None:
    app: App[None] = App()
    install_fence(app)
    install_fence(app)
    assert sum(isinstance(existing, Fence) for existing in app.get_line_filters()) == 1
