"""The output filter on segments."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.app import App
from textual.color import Color

from tui.terminal.output_filter import OutputFilter, install_output_filter

BLACK = Color(0, 0, 0)


def filtered(*texts: str) -> list[str]:
    """The texts behind the filter."""
    return [segment.text for segment in OutputFilter().apply([Segment(text) for text in texts], BLACK)]


def test_ordinary_text_passes_as_the_same_list() -> None:
    segments = [Segment("plain"), Segment(" │ ▁▂█ äöü 漢字 "), Segment("e\u0301")]
    assert OutputFilter().apply(segments, BLACK) is segments


def test_controls_and_bidirectional_overrides_go_and_the_width_stays() -> None:
    (text,) = filtered("a\x1b[31mb\x07c\u202ed\x9be\u2066f")
    assert text == "a[31mbcdef"


def test_blanks_of_other_alphabets_stay() -> None:
    assert filtered("a\u00a0b\u3000c") == ["a\u00a0b\u3000c"]


def test_a_link_that_carries_a_sequence_is_removed_and_an_honest_one_kept() -> None:
    hostile = Segment("here", Style(link="http://x\x1b\\\x1b]52;c;cHduZWQ=\x07"))
    honest = Segment("there", Style(link="https://fub.datadoghq.com/logs"))
    first, second = OutputFilter().apply([hostile, honest], BLACK)
    assert first.style is not None
    assert first.style.link is None
    assert second.style is not None
    assert second.style.link == "https://fub.datadoghq.com/logs"


async def test_it_is_installed_once() -> None:
    app: App[None] = App()
    install_output_filter(app)
    install_output_filter(app)
    assert sum(isinstance(existing, OutputFilter) for existing in app.get_line_filters()) == 1
