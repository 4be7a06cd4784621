"""Screens of one table: sorted, filtered, grouped, with chosen columns, copied and exported. One mechanism for all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from diagnostics.core.failures import UserError
from diagnostics.core.named_files import write_named, write_new
from diagnostics.core.table_text import FORMS
from diagnostics.core.time import utc_now
from diagnostics.core.words import plural
from screens.list_screen import FilteredScreen, ListScreen
from widgets.footer_bar import Hint
from widgets.line_view import LineView
from widgets.row import Row, fit, row, wrap
from widgets.row_filter import RowFilter
from widgets.table import GROUP, DrawnRows, Table, TableView, table_heading, table_layout

if TYPE_CHECKING:
    from textual.widget import Widget

    from widgets.paged_rows import Column, Layout

MOST_NOTES = 3

TABLE_KEYS = (
    Hint("/", "filter"),
    Hint("s", "sort"),
    Hint("←→", "column"),
    Hint("p", "group"),
    Hint("V", "columns"),
    Hint("E", "export"),
)
"""What every footer of a table names."""


class TableScreen(FilteredScreen):
    """A title bar, notes, the heading of a table, its rows, keys.

    A screen says `columns`, `key_of`, `items()`, `heading()` and `open_item()`; it may say `notes()`, `empty_words()`,
    `export_name`. It calls `take_items` whenever its rows are others.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "column(-1)", "column", show=False, id="table.left"),
        Binding("right", "column(1)", "column", show=False, id="table.right"),
    ]

    DEFAULT_CSS = """
    TableScreen #table-notes { height: auto; max-height: 3; padding: 0 2; scrollbar-size-vertical: 0; }
    TableScreen #table-heading { height: 1; padding: 0 2; scrollbar-size-vertical: 0; }
    """

    columns: ClassVar[tuple[Column, ...]] = ()
    export_name: ClassVar[str] = "table"
    footer_keys: ClassVar[tuple[Hint, ...]] = (
        Hint("enter", "open"),
        *TABLE_KEYS,
        Hint("w", "why"),
        Hint("?", "help"),
    )

    def __init__(self) -> None:
        super().__init__()
        self.table = Table(self.columns, self.key_of)

    def panes(self) -> Iterable[Widget]:
        """Notes, heading, rows, and the line for the filter."""
        glyphs = self.host.glyphs
        yield LineView(glyphs=glyphs, cursor=False, id="table-notes")
        yield LineView(glyphs=glyphs, cursor=False, id="table-heading")
        yield TableView(glyphs=glyphs, id="screen-body")
        yield RowFilter(glyphs=glyphs)

    def subject_under_cursor(self) -> Mapping[str, int]:
        """The account that the row under the cursor is about."""
        account = getattr(self.view.item, "account_id", None)
        return {"account": account} if isinstance(account, int) else {}

    # ---- said by the screen

    def key_of(self, item: Any) -> str:  # noqa: ANN401  # any row model
        """The key of a row, "kind:name"."""
        raise NotImplementedError

    def open_item(self, item: Any) -> None:  # noqa: ANN401
        """Open what stands behind a row."""
        raise NotImplementedError

    def notes(self) -> Sequence[tuple[str, bool]]:
        """Sentences above the table, and whether each is a warning."""
        return ()

    def empty_words(self) -> str:
        """What is said where there is no row; empty while nobody knows."""
        return ""

    # ---- drawing

    @property
    def view(self) -> TableView:
        """The rows."""
        return self.query_one("#screen-body", TableView)

    def take_items(self, items: Sequence[Any]) -> None:
        """Show these rows."""
        self.table.take(items)
        self.draw()

    def layout_now(self) -> Layout:
        """The columns on screen."""
        return table_layout(self.table, self.row_width())

    def draw(self) -> None:
        """Lay out title, notes, heading and the rows on screen."""
        if not self.is_attached or not self.size.width or not self.query("#screen-body"):
            return
        self.table.set_filter(self.filter_text)
        self.draw_title()
        width, glyphs = self.row_width(), self.host.glyphs
        self._draw_notes(width)
        layout = self.layout_now()
        self.query_one("#table-heading", LineView).show((table_heading(self.table, layout, glyphs),))
        self.view.show_table(DrawnRows(self.table, layout, width=width, glyphs=glyphs, now=utc_now()))

    def _draw_notes(self, width: int) -> None:
        glyphs = self.host.glyphs
        notes = [(line, warns) for text, warns in self.notes() for line in wrap(glyphs.text(text), width)]
        if not self.table.order():
            narrowed = self.filter_text or self.table.within
            empty = "no row fits; esc takes the filter away" if narrowed and self.table.items else self.empty_words()
            notes = [(glyphs.text(line), False) for line in wrap(empty, width) if line] + notes
        shown = notes[:MOST_NOTES]
        if len(notes) > MOST_NOTES:
            shown[-1] = (fit(f"{shown[-1][0]} … w shows all", width).rstrip(), shown[-1][1])
        view = self.query_one("#table-notes", LineView)
        if view.styles.height is None or view.styles.height.value != len(shown):
            view.styles.height = len(shown)
        view.display = bool(shown)
        view.show([row((text, "warn" if warns else "muted")) for text, warns in shown])

    def rows(self, width: int) -> Sequence[Row]:
        """The rows as they are drawn at a width."""
        layout, glyphs = table_layout(self.table, width), self.host.glyphs
        return DrawnRows(self.table, layout, width=width, glyphs=glyphs, now=utc_now())

    def described(self) -> str:
        """How the rows are looked at, for the title bar; empty for as they came."""
        said = self.table.sentence()
        return f" · {said}" if said else ""

    # ---- keys

    def act_open(self) -> None:
        """What stands under the cursor: a row, or the rows of a group."""
        item = self.view.item
        kind, name = self.key_under_cursor()
        if item is None:
            return
        if kind == GROUP:
            self.table.set(within=(self.table.grouped_by, name), grouped_by="")
            self.draw()
        else:
            self.open_item(item)

    def act_back(self) -> None:
        """Out of a group, out of the groups, out of the filter, then out of the screen."""
        if self.table.within is not None:
            self.table.set(grouped_by=self.table.within[0], within=None)
        elif self.table.grouped_by:
            self.table.set(grouped_by="")
        else:
            super().act_back()
            return
        self.draw()

    def action_column(self, by: int) -> None:
        """The column beside the one under the cursor."""
        self.table.move(by, self.layout_now())
        self.draw()

    def _column_under_cursor(self) -> str:
        names = [column.name for column, _ in self.layout_now()]
        if self.table.at in names:
            return self.table.at
        return names[0] if names else self.columns[0].name

    def act_sort(self) -> None:
        """By the column under the cursor; once more turns it round."""
        self.sort(self._column_under_cursor())

    def sort(self, name: str, direction: str = "") -> None:
        """By the column with this name. Raises UserError."""
        self._known(name)
        self.table.set(grouped_by="")
        self.table.sort(name)
        if direction:
            self.table.set(descending=direction == "down")
        self.draw()
        self.view.action_cursor_first()

    def act_patterns(self) -> None:
        """Rows that say the same in the column under the cursor, together; once more takes that back."""
        self.group("" if self.table.grouped_by else self._column_under_cursor())

    def group(self, name: str) -> None:
        """Group by the column with this name; empty takes it back. Raises UserError."""
        if name:
            self._known(name)
        self.table.set(grouped_by=name, within=None)
        self.draw()

    def act_numbers(self) -> None:
        """Numbers of rows, or none."""
        self.table.set(numbers=not self.table.numbers)
        self.draw()

    def act_columns(self) -> None:
        """Choose the columns."""
        self.host.push_console_screen(ColumnsScreen(self.table, self.draw))

    def choose_columns(self, names: Sequence[str]) -> None:
        """Show these columns in this order; none shows those that fit. Raises UserError."""
        for name in names:
            self._known(name)
        self.table.set(chosen=tuple(names))
        self.draw()

    def _known(self, name: str) -> None:
        names = [one.name for one in self.columns]
        if name not in names:
            raise UserError(f"there is no column {name!r}", accepted=", ".join(names), next_step="V lists the columns")

    # ---- copying and writing

    def copied(self, what: str, form: str) -> str:
        """The row, the cell or the table as text. Raises UserError."""
        if what == "table":
            return self.table.text(form)
        item = self.view.item
        if item is None:
            raise UserError("no row is under the cursor", next_step="move it there with j and k")
        names = [self._column_under_cursor()] if what == "cell" and not self.table.grouped_by else []
        if names and form == "text":
            return self.table.cell(item, names[0])
        return self.table.text(form, [item], names)

    def act_plain(self) -> None:
        """The whole table as plain text that the terminal itself can select."""
        self.open_plain(self.table.text("text"))

    def act_export(self) -> None:
        """Ask for the form of the file."""
        self.host.palette("export ")

    def export(self, form: str, file: str = "") -> None:
        """Write the rows shown to a new file: in the state folder, or where `file` says. Raises UserError."""
        if form not in FORMS:
            raise UserError(f"there is no form {form!r}", accepted=", ".join(FORMS), next_step="export csv")
        service = self.host.service
        if service is None:
            raise UserError("the sources are still opening", next_step="try again in a moment")
        rows = len(self.table.order())
        if not rows:
            raise UserError("there is no row to export", next_step="take the filter away, or ask again with r")
        folder, written = service.settings.state_dir / "exports", self.table.prepared()

        def write() -> Path:
            text = written(form)
            if not file:
                return write_named(folder, self.export_name, {FORMS[form]: text}, utc_now())[0]
            path = Path(file).expanduser()
            write_new(path, text)
            return path

        self.host.ask(
            write,
            lambda path: self.host.say(f"{plural(rows, 'row')} written to {path}", "pass"),
            doing=f"exporting {plural(rows, 'row')}",
        )

    # ---- coming back

    def memory(self) -> dict[str, object]:
        """How the table is looked at."""
        table = self.table
        return {
            "filter": self.filter_text,
            "sorted_by": table.sorted_by,
            "descending": table.descending,
            "columns": list(table.chosen),
            "numbers": table.numbers,
        }

    def recall(self, memory: Mapping[str, object]) -> None:
        """Look at it that way again; columns that are gone are left out."""
        names = {one.name for one in self.columns}
        text, by, chosen = memory.get("filter"), memory.get("sorted_by"), memory.get("columns")
        if isinstance(text, str):
            self.filter_text = text
        if isinstance(by, str) and by in names:
            self.table.set(sorted_by=by, descending=memory.get("descending") is True)
        if isinstance(chosen, list):
            self.table.set(chosen=tuple(name for name in chosen if name in names))
        self.table.set(numbers=memory.get("numbers") is True)
        self.draw()


class ColumnsScreen(ListScreen):
    """The columns of a table: enter shows or hides one."""

    answers = "Which columns does the table show?"

    footer_keys: ClassVar[tuple[Hint, ...]] = (
        Hint("enter", "show or hide"),
        Hint("r", "as they fit"),
        Hint("esc", "back"),
        Hint("?", "help"),
    )

    def __init__(self, table: Table, changed: Callable[[], None]) -> None:
        super().__init__()
        self.table = table
        self.changed = changed

    def crumb(self) -> str:
        return "columns"

    def heading(self) -> str:
        """What is chosen."""
        return f"columns {self.host.glyphs.separator} {len(self.table.chosen) or 'those that fit'}"

    def rows(self, width: int) -> Sequence[Row]:
        """One column a row."""
        shown = {one.name for one in self.table.wanted()}
        return [
            row(
                (f"[{'x' if one.name in shown else ' '}] ", "accent"),
                fit(self.host.glyphs.text(one.title), max(8, width - 4)),
                key=f"column:{one.name}",
            )
            for one in self.table.columns
        ]

    def act_open(self) -> None:
        """Show or hide the column under the cursor; one is always left."""
        _, name = self.key_under_cursor()
        shown = [one.name for one in self.table.wanted()]
        wanted = [one for one in shown if one != name] if name in shown else [*shown, name]
        order = [one.name for one in self.table.columns]
        if not wanted:
            self.host.say("one column has to stay", "warn")
            return
        self._choose(tuple(sorted(wanted, key=order.index)))

    def act_run(self) -> None:
        """As enter."""
        self.act_open()

    def act_refresh(self) -> None:
        """Those that fit, as at first."""
        self._choose(())

    def _choose(self, names: tuple[str, ...]) -> None:
        everything = tuple(one.name for one in self.table.columns)
        self.table.set(chosen=() if names == everything else names)
        self.draw()
        self.changed()
