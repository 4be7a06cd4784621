"""The explorer's query line: a filter line that also offers attributes and values as one types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from widgets.line_view import LineView
from widgets.log.query_input import FilterLine, QueryInput
from widgets.row import Row, fit, row

if TYPE_CHECKING:
    from diagnostics.models.explorer import Completions

MOST_SHOWN = 6

Complete = Callable[[str, int], "Completions"]


class CompletingInput(QueryInput):
    """A query input with keys for the offers below it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "take", "complete", show=False, priority=True, id="query.complete"),
        Binding("ctrl+n", "offer(1)", "next offer", show=False, id="query.next"),
        Binding("ctrl+p", "offer(-1)", "offer before", show=False, id="query.previous"),
    ]

    @dataclass
    class Taken(Message):
        """The offer under the cursor is to be taken."""

    @dataclass
    class Walked(Message):
        """Another offer is to be chosen."""

        by: int

    def action_take(self) -> None:
        """Take the offer under the cursor."""
        self.post_message(self.Taken())

    def action_offer(self, by: int) -> None:
        """Choose another offer."""
        self.post_message(self.Walked(by))


class QueryEditor(FilterLine):
    """Label, input, hints, and the offers. It judges and offers; whoever mounts it applies."""

    LABEL: ClassVar[str] = "query  "
    INPUT: ClassVar[type[QueryInput]] = CompletingInput
    KEYS: ClassVar[str] = " Enter ask  Esc back  Tab complete  ctrl+n/p choose  Up/Down earlier queries"

    DEFAULT_CSS = """
    QueryEditor { height: auto; max-height: 9; }
    QueryEditor > #query-offers { height: auto; max-height: 6; }
    """

    def __init__(self, *, ascii: bool = False, id: str | None = None) -> None:  # noqa: A002
        super().__init__(ascii=ascii, id=id)
        self.complete: Complete | None = None
        """Set by whoever mounts it."""
        self.offers: Completions | None = None
        self._chosen = 0

    def compose(self) -> ComposeResult:
        """The line as ever, and the offers under it."""
        yield from super().compose()
        yield LineView(glyphs=self.glyphs, cursor=False, id="query-offers")

    @on(Input.Changed)
    def _typed(self, _event: Input.Changed) -> None:
        self._offer()

    @on(CompletingInput.Taken)
    def _taken(self, event: CompletingInput.Taken) -> None:
        event.stop()
        offers = self.offers
        if offers is None or not offers.options:
            return
        text = self.input.value
        chosen = offers.options[self._chosen].text
        ending = "" if chosen.endswith(":") else " "
        # Typing goes on behind the offer, where a space already stands or is put.
        rest = text[offers.end :].removeprefix(ending)
        self.input.value = f"{text[: offers.start]}{chosen}{ending}{rest}"
        self.input.cursor_position = offers.start + len(chosen) + len(ending)

    @on(CompletingInput.Walked)
    def _walked(self, event: CompletingInput.Walked) -> None:
        event.stop()
        if self.offers is not None and self.offers.options:
            self._chosen = (self._chosen + event.by) % len(self.offers.options)
            self._show_offers()

    def _offer(self) -> None:
        if not self.is_open or self.complete is None:
            return
        self.offers = self.complete(self.input.value, self.input.cursor_position)
        self._chosen = 0
        self._show_offers()

    def _show_offers(self) -> None:
        options = self.offers.options if self.offers is not None else ()
        first = (
            max(0, min(self._chosen - MOST_SHOWN + 1, len(options) - MOST_SHOWN)) if self._chosen >= MOST_SHOWN else 0
        )
        width = max(20, self.size.width)
        rows: list[Row] = []
        for index, option in enumerate(options[first : first + MOST_SHOWN], first):
            mark = self.glyphs.step if index == self._chosen else " "
            text = fit(option.text, min(48, width - 20))
            rows.append(
                row(
                    (f"       {mark} ", "accent"),
                    (text, "strong" if index == self._chosen else ""),
                    (f"  {option.note}", "muted"),
                )
            )
        self.query_one("#query-offers", LineView).show(rows)
