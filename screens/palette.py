"""The palette: every action, guide and verb by name; Enter runs it, Esc leaves without a trace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.fuzzy import FuzzySearch
from textual.widgets import Input
from textual.widgets.input import Selection

from screens.base import ConsoleScreen
from widgets.footer_bar import FooterBar, Hint
from widgets.line_view import LineView
from widgets.row import Row, fit, row
from widgets.sanitized_input import SanitizedInput

LABEL = 34
"""Cells of a match's name at most; the sentence beside it takes the rest."""


def ranked(entries: list[tuple[str, str]], typed: str, recent: Sequence[tuple[str, str]] = ()) -> list[tuple[str, str]]:
    """Entries for what was typed: those that begin with it, then those that hold every word, then fuzzy matches.

    Places seen lately stand before everything else that matches equally well.
    """
    text = typed.strip().lower()
    if not text:
        return [*recent, *entries]
    wanted = text.split()
    fuzzy = FuzzySearch(case_sensitive=False)
    scored: list[tuple[float, int, tuple[str, str]]] = []
    for place, (name, sentence) in enumerate([*recent, *entries]):
        words = f"{name} {sentence}".lower()
        if name.lower().startswith(text):
            grade = 3.0
        elif all(word in words for word in wanted):
            grade = 2.0 + 0.5 * all(word in name.lower() for word in wanted)
        else:
            score, _ = fuzzy.match(text, words[:200])
            # A handful of letters found anywhere in a sentence is no match; runs of them are.
            grade = min(1.0, score / 100) if score >= 1.5 * len(text) else 0.0
        if grade:
            scored.append((-grade, place, (name, sentence)))
    return [entry for _, _, entry in sorted(scored, key=lambda one: one[:2])]


class PaletteScreen(ConsoleScreen):
    """One line to type, and what it can become."""

    answers = "What can be done or opened from here, by name?"

    takes_typing = True

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

    def __init__(self, entries: list[tuple[str, str]], start: str, proposed: str = "") -> None:
        super().__init__()
        self.entries = entries
        self.start = start
        self.proposed = proposed
        """Stands behind the start and is selected: enter takes it, a letter replaces it."""
        self.recent: tuple[tuple[str, str], ...] = ()
        """Places seen lately, newest first; they arrive after the screen."""

    def offer(self, recent: Sequence[tuple[str, str]]) -> None:
        """Offer places seen lately as well."""
        self.recent = tuple(recent)
        if self.is_attached:
            self.draw()

    def compose(self) -> ComposeResult:
        """The line, the matches, the keys."""
        glyphs = self.host.glyphs
        yield SanitizedInput(
            value=self.start + self.proposed,
            placeholder="an action, guide NAME, account ID, deal ID",
            select_on_focus=False,
        )
        yield LineView(glyphs=glyphs, id="palette-matches")
        yield FooterBar(glyphs=glyphs)

    def on_mount(self) -> None:
        entry = self.query_one(Input)
        entry.selection = Selection(len(self.start), len(self.start) + len(self.proposed))
        self.call_later(self.focus_in_turn, lambda: entry)
        hints = (Hint("enter", "run"), Hint("tab", "complete"), Hint("up/down", "choose"), Hint("esc", "back"))
        self.query_one(FooterBar).set_hints(hints)
        self.call_after_refresh(self.draw)

    @on(Input.Changed)
    def typed(self) -> None:
        """Find matches after each letter."""
        self.draw()

    def draw(self) -> None:
        matches = ranked(self.entries, self.query_one(Input).value, self.recent)
        view = self.query_one("#palette-matches", LineView)
        width = view.text_width()
        label = min(LABEL, max(24, width // 3))
        rows: list[Row] = [
            row(
                (fit(name, label), "key"),
                (self.host.glyphs.text(fit(sentence, max(0, width - label))), "muted"),
                key=name,
            )
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
        names = {name.strip() for name, _ in (*self.recent, *self.entries)}
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
        host = self.host
        self.app.call_later(host.command, typed)
