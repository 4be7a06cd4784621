"""The top line in little room: what is wrong stays in sight, whatever else is due."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult

from widgets.glyphs import UNICODE
from widgets.header_bar import HeaderBar, SourceWord
from widgets.line_view import LineView
from widgets.row import Piece

SKEWED = "this machine's clock is 20 min ahead of the services'"
DUE = ((Piece("first notice due 4 min", "warn"),), (Piece("due 4 min", "warn"),))


class Bar(App[None]):
    """The header alone."""

    def compose(self) -> ComposeResult:
        yield HeaderBar(glyphs=UNICODE, clock="10:08:01 UTC")


@pytest.mark.parametrize("width", [80, 100, 120, 200])
@pytest.mark.parametrize("incident", [(), DUE], ids=["nothing due", "a notice is due"])
async def test_a_source_that_is_wrong_is_in_sight_at_every_width(
    width: int, incident: tuple[tuple[Piece, ...], ...]
) -> None:
    words = (
        SourceWord("db", "", "pass", ("1 ms",)),
        SourceWord("datadog", "▲", "warn", ("logs of fub-richdesk 6 min 3 s late",), "dd"),
        SourceWord("clock", "▲", "warn", (SKEWED,)),
    )
    async with Bar().run_test(size=(width, 3)) as pilot:
        bar = pilot.app.query_one(HeaderBar)
        bar.set_state(environment="SANDBOX nov17", paused=False, words=words, incident=incident)
        await pilot.pause()
        line = bar.query_one("#header-state", LineView).rows[0].text
    shown = line[: width - len("10:08:01 UTC" if width >= 150 else "10:08 UTC" if width >= 105 else "10:08") - 2]
    for words_in_sight in ("SANDBOX nov17", "db ", "▲ ", "clock ▲", *(["due 4 min"] if incident else [])):
        assert words_in_sight in shown
