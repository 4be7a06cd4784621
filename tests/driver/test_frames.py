"""Tight frames show the same picture with fewer bytes."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
import textual.screen
from rich.console import Console
from rich.segment import Segment
from textual._compositor import ChopsUpdate, Compositor, CompositorUpdate
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from tests.emulator import Emulator
from tui.terminal.frames import DirtyCompositor, Picture, TightUpdate, ask_only_what_changed, boundary, ending

WIDTH, HEIGHT = 60, 12


class Rows(Widget):
    """Rows of text; `put` changes some cells of one and repaints only those."""

    CAN_FOCUS = False
    DEFAULT_CSS = "Rows { width: 1fr; height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self.rows = [f"row {number:>2} 漢字 é {'x' * 30}".ljust(WIDTH) for number in range(HEIGHT)]

    def render_line(self, y: int) -> Strip:
        text = self.rows[y] if y < len(self.rows) else ""
        return Strip([Segment(text[:9]), Segment(text[9:])]).adjust_cell_length(self.size.width)

    def put(self, y: int, at: int, text: str) -> None:
        """Write `text` at character `at`, and repaint that many cells from there."""
        row = self.rows[y]
        self.rows[y] = row[:at] + text + row[at + len(text) :]
        begin = Strip([Segment(row[:at])]).cell_length
        self.refresh(Region(begin, y, Strip([Segment(text)]).cell_length, 1))


class Recorder(App[None]):
    """Renders each frame both ways into two terminals."""

    ENABLE_COMMAND_PALETTE = False
    CSS = "#left { width: 20; } Screen { layout: horizontal; }"

    def __init__(self) -> None:
        super().__init__()
        self.plain, self.tight = Emulator(WIDTH, HEIGHT), Emulator(WIDTH, HEIGHT)
        self.plain_bytes = self.tight_bytes = 0
        self.updates = 0
        self.layouts: list[int] = []
        """Bytes of each frame that came of a layout, as it was tightened."""
        self.picture = Picture()

    def compose(self) -> ComposeResult:
        yield Rows()
        yield Rows()

    def _display(self, screen: Screen[Any], renderable: Any) -> None:  # noqa: ANN401  # as the base class
        super()._display(screen, renderable)
        if not isinstance(renderable, CompositorUpdate) or self._batch_count:
            return
        plain = renderable.render_segments(self.console).encode()
        update = self.picture.tightened(renderable, self.size.region)
        assert isinstance(update, CompositorUpdate)
        tight = update.render_segments(self.console).encode()
        if isinstance(renderable, ChopsUpdate):
            self.updates += 1
            self.plain_bytes += len(plain)
            self.tight_bytes += len(tight)
        else:
            self.layouts.append(len(tight))
        # A terminal turns the line feed of a raw program into a carriage return and a line feed.
        self.plain.feed(plain.replace(b"\n", b"\r\n"))
        self.tight.feed(tight.replace(b"\n", b"\r\n"))


@pytest.mark.parametrize("widget", [0, 1])
async def test_the_picture_is_the_same_and_smaller(widget: int) -> None:
    app = Recorder()
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        rows = list(app.query(Rows))[widget]
        for y, at, text in [(0, 20, "12"), (3, 7, "漢"), (4, 8, "ab"), (5, 0, "R"), (6, 28, "end"), (7, 10, "é漢")]:
            rows.put(y, at, text)
            await pilot.pause()
            assert app.tight.lines() == app.plain.lines()
            assert [app.tight.faces(row) for row in range(HEIGHT)] == [app.plain.faces(row) for row in range(HEIGHT)]
        rows.put(1, 22, "a")
        rows.put(9, 24, "b")
        await pilot.pause()
        assert app.tight.lines() == app.plain.lines()
    assert app.updates >= 6
    assert app.tight_bytes < app.plain_bytes


async def test_a_layout_sends_only_the_rows_that_are_not_there_already() -> None:
    app = Recorder()
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        rows = next(iter(app.query(Rows)))
        rows.put(2, 20, "12")
        await pilot.pause()
        app.layouts.clear()
        rows.rows[5] = "another row".ljust(WIDTH)
        app.refresh(layout=True)
        await pilot.pause()
        assert app.tight.lines() == app.plain.lines()
        # Row 5 is new, and of row 2 a part was sent on its own; the other ten stand there.
        assert len(app.layouts) == 1
        changed = app.layouts[0]
        app.picture.forget()
        app.refresh(layout=True)
        await pilot.pause()
        assert app.tight.lines() == app.plain.lines()
        assert changed < app.layouts[-1] / 4


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_the_picture_stays_the_same(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  # the same steps every time
    app = Recorder()
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        for _ in range(60):
            panes = list(app.screen.query(Rows))
            match chance.randrange(5):
                case 0:
                    app.refresh(layout=True)
                case 1 if len(app.screen_stack) < 3:
                    screen = Screen[None]()
                    await app.push_screen(screen)
                    await screen.mount(Rows(), Rows())
                case 2 if len(app.screen_stack) > 1:
                    app.pop_screen()
                case _:
                    for _ in range(chance.randrange(1, 4)):
                        # Behind the wide characters and within the pane: others would move without being repainted.
                        text = chance.choice(["1", "é", "some text", " "])
                        chance.choice(panes).put(chance.randrange(HEIGHT), chance.randrange(14, 18), text)
            await pilot.pause()
            assert app.tight.lines() == app.plain.lines()
            assert [app.tight.faces(row) for row in range(HEIGHT)] == [app.plain.faces(row) for row in range(HEIGHT)]


async def test_another_screen_on_top_shows_all_of_its_rows() -> None:
    app = Recorder()
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        for screen in (Screen[None](), Screen[None]()):
            await app.push_screen(screen)
            await screen.mount(Rows())
            await pilot.pause()
            assert app.tight.lines() == app.plain.lines()
        app.pop_screen()
        await pilot.pause()
        assert app.tight.lines() == app.plain.lines()


@pytest.mark.parametrize(
    ("cell", "expected"), [(0, 0), (3, 3), (7, 7), (8, 7), (9, 9), (10, 9), (11, 11), (12, 12), (40, 17)]
)
def test_a_piece_begins_where_a_character_begins(cell: int, expected: int) -> None:
    strip = Strip([Segment("plain "), Segment(" 漢字"), Segment(" e\u0301 end")])
    assert boundary(strip, cell) == expected


@pytest.mark.parametrize(
    ("first", "last", "painted"), [(0, 7, "plain 漢"), (7, 9, "漢字"), (8, 11, "字 "), (0, 6, "plain ")]
)
def test_a_part_that_ends_within_a_wide_character_paints_all_of_it(first: int, last: int, painted: str) -> None:
    strip = Strip([Segment("plain 漢字"), Segment(" end")])
    update = TightUpdate([{0: strip}], [(0, first, last)], [[strip.cell_length]])
    sent = update.render_segments(Console(color_system=None))
    assert re.sub(r"\x1b\[[0-9;]*H", "", sent) == painted


@pytest.mark.parametrize(("cell", "expected"), [(0, 0), (6, 6), (7, 8), (8, 8), (9, 10), (10, 10), (14, 14), (20, 20)])
def test_a_piece_ends_where_a_character_ends(cell: int, expected: int) -> None:
    assert ending(Strip([Segment("plain 漢字"), Segment(" end")]), cell) == expected


class Layers(App[None]):
    """Panes beside each other, and one that lies over two of them."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { layers: below above; layout: horizontal; }
    #left { width: 20; layer: below; } #right { width: 1fr; layer: below; }
    #over { layer: above; width: 16; height: 4; offset: 12 3; }
    """

    def compose(self) -> ComposeResult:
        yield from (Counting(id="left"), Counting(id="right"), Counting(id="over"))


class Counting(Widget):
    """Rows that carry its name, and how often they were asked for."""

    asked = 0

    def render_line(self, y: int) -> Strip:
        return Strip([Segment(f"{self.id} {y} 漢字 ".ljust(60, "."))]).adjust_cell_length(self.size.width)

    def render_lines(self, crop: Region) -> list[Strip]:
        self.asked += 1
        return super().render_lines(crop)


@pytest.fixture
def textuals_compositor() -> Iterator[None]:
    """Textual's own class again afterwards."""
    before = vars(textual.screen)["Compositor"]
    yield
    vars(textual.screen)["Compositor"] = before


async def test_only_panes_that_changed_are_asked_and_the_picture_is_textuals(textuals_compositor: None) -> None:
    ask_only_what_changed()
    app = Layers()
    async with app.run_test(size=(WIDTH, HEIGHT)):
        ours = app.screen._compositor
        assert type(ours) is DirtyCompositor
        rng = random.Random(7)  # noqa: S311  # no secret
        corners = [Region(0, 0, 20, 1), Region(14, 4, 4, 1), Region(30, 11, 9, 1), Region(10, 2, 30, 6)]
        for number in range(60):
            regions = corners[:number] if number < 5 else rng.sample(_REGIONS, rng.randint(1, 4))
            if not regions:
                continue
            pictures = []
            for painted in (DirtyCompositor.render_partial_update, Compositor.render_partial_update):
                ours._dirty_regions = set(regions)
                update = painted(ours)
                assert isinstance(update, ChopsUpdate)
                tight = TightUpdate(update.chops, update.spans, update.chop_ends)
                pictures.append([(x, y, piece.text) for x, y, piece in tight.pieces()])
            assert pictures[0] == pictures[1], regions
        panes = {pane.id: pane for pane in app.query(Counting)}
        for pane in panes.values():
            pane.asked = 0
        ours._dirty_regions = {Region(0, 0, 5, 1), Region(2, 10, 5, 1)}
        ours.render_partial_update()
        assert {name: pane.asked for name, pane in panes.items()} == {"left": 1, "right": 0, "over": 0}


_REGIONS = [
    Region(x, y, width, height) for x in (0, 11, 19, 25, 50) for y in (0, 3, 6) for width in (1, 9) for height in (1, 3)
]
