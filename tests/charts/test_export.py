"""The same chart as files."""

from __future__ import annotations

import re
from datetime import timedelta
from xml.etree import ElementTree  # of our own making

from diagnostics.charts.export import chart_markdown, chart_svg, chart_text
from diagnostics.charts.models import ChartMark
from diagnostics.charts.plot import Drawing
from tests.charts.examples import END, LIMITS, chart

SVG = "{http://www.w3.org/2000/svg}"
EVIL = 'INC-7 <script>alert("x")</script> | ``` [a](b) \x1b[31m'
LOUD = chart(
    [1.0] * 6 + [None, None] + [400.0] * 8,
    limits=LIMITS,
    marks=(ChartMark(at=END - timedelta(minutes=8), kind="declared", text=EVIL),),
)


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314  # of our own making


def test_markdown_holds_the_curve_its_values_its_limits_and_its_questions() -> None:
    text = chart_markdown(LOUD, Drawing())

    assert text.startswith("# Rate limiting: log lines a minute\n")
    curve = re.search(r"```text\n(.*?)\n```", text, re.DOTALL)
    assert curve is not None
    assert "incident 5 ┤" in curve.group(1)
    assert len(curve.group(1).splitlines()) == 20
    assert "| 13:44 | 1 /min |" in text
    assert "| 13:50 | not known |" in text
    assert "| 13:59 | 400 /min | incident |" in text
    assert "incident \\> 5 /min" in text
    assert "2 of 16 steps not known" in text
    assert "`service:fub *429*`" in text


def test_text_of_people_is_no_markup_in_any_file() -> None:
    markdown, svg = chart_markdown(LOUD, Drawing()), chart_svg(LOUD, Drawing())

    assert "<script>" not in markdown.replace("\\<script\\>", "")
    assert "<script>" not in svg
    assert "\x1b" not in markdown + svg + chart_text(LOUD, Drawing())


def test_the_picture_is_one_document_with_the_line_broken_where_nothing_is_known() -> None:
    picture = parsed(chart_svg(LOUD, Drawing()))

    paths = [one.attrib["d"] for one in picture.iter(f"{SVG}path")]
    assert [path.count("M") for path in paths] == [2]
    assert len([one for one in picture.iter(f"{SVG}rect") if one.get("class") == "gap"]) == 2
    words = [one.text for one in picture.iter(f"{SVG}text")]
    assert {"usual 1 /min", "high 2 /min", "incident 5 /min"} <= set(words)
    assert "13:50" in words
    assert not [one for one in picture.iter() if one.tag.endswith(("script", "image", "use"))]
    assert "log scale" in picture.attrib["aria-label"]


def test_a_chart_of_which_nothing_is_known_can_be_written_too() -> None:
    empty = chart([None] * 5)

    assert "not known" in chart_markdown(empty, Drawing())
    assert parsed(chart_svg(empty, Drawing())).tag == f"{SVG}svg"
    assert chart_text(chart([]), Drawing())


def test_the_text_for_a_pipe_is_ascii_where_that_is_asked_for() -> None:
    shown = chart_text(LOUD.model_copy(update={"marks": ()}), Drawing(ascii_only=True))

    assert "?" in shown
    assert shown.splitlines()[1:18]
