"""The pane of a chart: what a refresh costs on the wire, and that the cells are those of a fresh picture."""

from __future__ import annotations

from typing import Any

import pytest
from textual._compositor import ChopsUpdate, CompositorUpdate
from textual.app import App, ComposeResult
from textual.screen import Screen

from diagnostics.charts.plot import Drawing
from tests.charts.scripted import burst
from tests.emulator import Emulator
from tui.terminal.frames import Picture
from widgets.chart_view import ChartView, chart_rows, differing
from widgets.glyphs import ASCII, UNICODE

HOUR_S, QUARTER_S = 3_600, 900


class Pane(App[None]):
    """One chart, whose frames are counted and painted on a terminal."""

    ENABLE_COMMAND_PALETTE = False

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.terminal = Emulator(*size)
        self.picture = Picture()
        self.sent: list[int] = []

    def compose(self) -> ComposeResult:
        yield ChartView(glyphs=UNICODE)

    def _display(self, screen: Screen[Any], renderable: Any) -> None:  # noqa: ANN401  # as the base class
        super()._display(screen, renderable)
        if not isinstance(renderable, CompositorUpdate) or self._batch_count:
            return
        tight = self.picture.tightened(renderable, self.size.region)
        assert isinstance(tight, CompositorUpdate)
        text = tight.render_segments(self.console).encode()
        if isinstance(renderable, ChopsUpdate):
            self.sent.append(len(text))
        self.terminal.feed(text.replace(b"\n", b"\r\n"))


@pytest.mark.parametrize(
    ("size", "window_s", "drawing"),
    [((120, 38), QUARTER_S, Drawing()), ((200, 58), HOUR_S, Drawing(braille=True)), ((80, 22), HOUR_S, Drawing())],
)
async def test_a_new_minute_costs_less_than_two_kilobytes(
    size: tuple[int, int], window_s: int, drawing: Drawing
) -> None:
    app = Pane(size)
    async with app.run_test(size=size) as pilot:
        view = app.query_one(ChartView)
        view.put(burst(window_s), drawing)
        await pilot.pause()
        costs = []
        for minute in range(1, 9):
            app.sent.clear()
            view.put(burst(window_s, minutes_later=minute), drawing)
            await pilot.pause()
            costs.append(sum(app.sent))
        shown = [line.rstrip() for line in app.terminal.lines()]
        rows, _ = chart_rows(
            burst(window_s, minutes_later=8),
            width=size[0] - 2,
            height=size[1],
            drawing=drawing,
            cursor=None,
            glyphs=UNICODE,
        )
    assert shown == [row.text.rstrip() for row in rows]
    assert 0 < sorted(costs)[-2] <= 2_000
    # Once an eighth of the window the whole curve moves to the left.
    assert max(costs) <= (2_000 if size[0] <= 120 else 8_000)


def test_changes_far_from_each_other_are_told_apart() -> None:
    assert differing("abcdefghijklmnop", "abXdefghijklmnYp") == [(2, 3), (14, 15)]
    assert differing("abcdefgh", "aXcdeXgh") == [(1, 6)]
    assert differing("same", "same") == []


@pytest.mark.parametrize("height", [10, 18, 40, 100])
@pytest.mark.parametrize("width", [40, 78, 198])
def test_the_pane_is_filled_exactly_and_no_row_is_wider(width: int, height: int) -> None:
    for glyphs in (UNICODE, ASCII):
        drawing = Drawing(ascii_only=glyphs.ascii_only)
        rows, _ = chart_rows(burst(HOUR_S), width=width, height=height, drawing=drawing, cursor=None, glyphs=glyphs)
        assert len(rows) == height
        assert all(len(row.text) <= width for row in rows)
        assert not glyphs.ascii_only or all(row.text.replace("…", "~").isascii() for row in rows)
