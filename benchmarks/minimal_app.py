"""The yardstick: the smallest Textual application that looks like one. Every figure stands beside this one's."""

from __future__ import annotations

from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.widgets import DataTable, Footer, Header


class MinimalApp(App[None]):
    """A header, a footer and a table of twenty rows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("q", "quit", "Quit"),
        ("j", "move(1)", "Down"),
        ("k", "move(-1)", "Up"),
    ]

    def compose(self) -> ComposeResult:
        """Header, table, footer."""
        yield Header()
        yield DataTable[str](cursor_type="row")
        yield Footer()

    def on_mount(self) -> None:
        """Fill the table."""
        table: DataTable[str] = self.query_one(DataTable)
        table.add_columns("time", "level", "service", "message")
        for number in range(20):
            table.add_row(f"14:03:{number:02}", "error", "fub-worker", f"HTTP 429 Too Many Requests, event {number}")

    def action_move(self, rows: int) -> None:
        """Move the cursor as the arrow keys do."""
        table: DataTable[str] = self.query_one(DataTable)
        if rows > 0:
            table.action_cursor_down()
        else:
            table.action_cursor_up()


if __name__ == "__main__":
    MinimalApp().run(mouse=False)
