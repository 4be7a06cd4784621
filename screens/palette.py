"""The palette: every action, guide and verb by name; Enter runs it, Esc leaves without a trace."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from screens.base import RoomScreen
from widgets.footer_bar import FooterBar, Hint
from widgets.line_view import LineView
from widgets.rows import Row, fit, row


def ranked(entries: list[tuple[str, str]], typed: str) -> list[tuple[str, str]]:
    """Entries that hold every typed word, those that begin with the text first."""
    wanted = typed.lower().split()
    found = [entry for entry in entries if all(word in f"{entry[0]} {entry[1]}".lower() for word in wanted)]
    return sorted(
        found, key=lambda entry: (not entry[0].startswith(typed.lower()), not all(w in entry[0] for w in wanted))
    )


class PaletteScreen(RoomScreen):
    """One line to type, and what it can become."""

    DEFAULT_CSS = """
    PaletteScreen Input, PaletteScreen Input:focus {
        width: 1fr; border: none; height: 1; padding: 0 1; background: $panel;
    }
    PaletteScreen #palette-matches { height: 1fr; }
    PaletteScreen:ansi Input { background: ansi_default; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,ctrl+n", "next", "next", show=False, priority=True, id="palette.next"),
        Binding("up,ctrl+p", "previous", "previous", show=False, priority=True, id="palette.previous"),
        Binding("tab", "complete", "complete", show=False, priority=True, id="palette.complete"),
    ]

    def __init__(self, entries: list[tuple[str, str]], start: str) -> None:
        super().__init__()
        self.entries = entries
        self.start = start

    def compose(self) -> ComposeResult:
        """The line, the matches, the keys."""
        signs = self.room.signs
        yield Input(value=self.start, placeholder="an action, guide NAME, account ID, deal ID", select_on_focus=False)
        yield LineView(signs=signs, id="palette-matches")
        yield FooterBar(signs=signs)

    def on_mount(self) -> None:
        """Ready to type."""
        entry = self.query_one(Input)
        # A blinking cursor is two repaints a second over SSH, for nothing.
        entry.cursor_blink = False
        entry.focus()
        entry.cursor_position = len(self.start)
        hints = (Hint("enter", "run"), Hint("tab", "complete"), Hint("up/down", "choose"), Hint("esc", "back"))
        self.query_one(FooterBar).set_hints(hints)
        self.call_after_refresh(self.draw)

    @on(Input.Changed)
    def typed(self) -> None:
        """Another letter, other matches."""
        self.draw()

    def draw(self) -> None:
        """The matches, best first."""
        matches = ranked(self.entries, self.query_one(Input).value)
        view = self.query_one("#palette-matches", LineView)
        width = view.text_width()
        rows: list[Row] = [
            row((fit(name, 24), "key"), (self.room.signs.text(fit(sentence, max(0, width - 24))), "muted"), key=name)
            for name, sentence in matches[:200]
        ]
        view.cursor_key = None
        view.show(rows or [row(("nothing has that name; enter runs the line as typed", "muted"))])
        view.refresh()

    def action_next(self) -> None:
        """The next match."""
        self.query_one("#palette-matches", LineView).action_cursor_down()

    def action_previous(self) -> None:
        """The match before."""
        self.query_one("#palette-matches", LineView).action_cursor_up()

    def action_complete(self) -> None:
        """Take the match under the cursor into the line."""
        key = self.query_one("#palette-matches", LineView).cursor_key
        if key is not None:
            entry = self.query_one(Input)
            entry.value = key
            entry.cursor_position = len(key)

    @on(Input.Submitted)
    def run_line(self) -> None:
        """Run the typed line, or the match under the cursor when the line names nothing by itself."""
        typed = self.query_one(Input).value
        key = self.query_one("#palette-matches", LineView).cursor_key
        names = {name.strip() for name, _ in self.entries}
        verb = typed.split()[0] if typed.split() else ""
        complete = typed.strip() in names or (
            len(typed.split()) > 1 and f"{verb} " in {name for name, _ in self.entries}
        )
        if not complete and key is not None:
            if key.endswith(" "):
                self.action_complete()
                return
            typed = key
        self.dismiss()
        room = self.room
        self.app.call_later(room.command, typed)
