"""A table of any length: sorted, filtered and grouped here, drawn line by line as it is scrolled.

`Table` is pure: rows, columns, order. `TableView` draws what is on screen and nothing else, so that ten thousand rows
open as fast as ten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, overload

from rich.cells import cell_len
from textual.geometry import Size

from diagnostics.core.table_text import NOT_KNOWN, Value, table_text
from widgets.glyphs import Glyphs
from widgets.paged_rows import GAP, NEAR, Column, Layout, PagedRows, item_row, lay_out
from widgets.row import Piece, Row, fit, row

GROUP = "group"
"""Kind of the key of a row that stands for several."""

LEAST_NUMBERS = 3


@dataclass(slots=True, frozen=True)
class Group:
    """Rows that say the same in one column."""

    value: str
    """Empty where the column says nothing."""
    rows: int


@dataclass(slots=True)
class Table:
    """Rows of one kind, and how they are looked at. `columns` need names, and values to be sorted by."""

    columns: tuple[Column, ...]
    key: Callable[[Any], str]
    """The key of a row, "kind:name"."""
    items: Sequence[Any] = ()
    chosen: tuple[str, ...] = ()
    """Names of the columns shown, in this order; empty shows those that fit."""
    sorted_by: str = ""
    """Name of a column; empty keeps the order in which the rows came."""
    descending: bool = False
    filter_text: str = ""
    grouped_by: str = ""
    within: tuple[str, str] | None = None
    """Column and value that rows must have: a group that was opened."""
    numbers: bool = False
    at: str = ""
    """Name of the column under the cursor; empty is the first."""
    _order: list[Any] | None = None
    _texts: dict[str, str] = field(default_factory=dict)
    _by_key: dict[str, Any] | None = None
    _values: dict[str, dict[int, Any]] = field(default_factory=dict)
    """By column: what each item is sorted by, under the item's identity; read once for each set of rows."""

    # ---- content

    def take(self, items: Sequence[Any]) -> None:
        """Other rows; how they are looked at stays."""
        self.items = items
        self._texts.clear()
        self._values.clear()
        self._by_key = None
        self._order = None

    def set(self, **how: Any) -> None:  # noqa: ANN401  # fields of this class
        """Look at the rows in another way."""
        for name, value in how.items():
            setattr(self, name, value)
        self._order = None

    def set_filter(self, text: str) -> None:
        """Only rows that hold these words; the same words again cost nothing."""
        if text != self.filter_text:
            self.set(filter_text=text)

    def column(self, name: str) -> Column:
        """The column with this name; the first where there is none."""
        return next((one for one in self.columns if one.name == name), self.columns[0])

    def wanted(self) -> tuple[Column, ...]:
        """The columns to show, before it is known how many fit."""
        by_name = {one.name: one for one in self.columns}
        chosen = tuple(by_name[name] for name in self.chosen if name in by_name)
        return chosen or self.columns

    def order(self) -> list[Any]:
        """The rows that are shown, in order: items, or groups where rows are grouped."""
        if self._order is None:
            shown = self.shown()
            self._order = self._groups(shown) if self.grouped_by else self._sorted(shown)
        return self._order

    def shown(self) -> list[Any]:
        """The items that filter and group leave, in the order in which they came."""
        words = self.filter_text.casefold().split()
        shown = [item for item in self.items if not words or all(word in self._text(item) for word in words)]
        if self.within is not None:
            name, value = self.within
            column = self.column(name)
            shown = [item for item in shown if _said(column, item) == value]
        return shown

    def _text(self, item: Any) -> str:  # noqa: ANN401  # any row model
        """Everything that a row says, also what its columns have no room for."""
        key = self.key(item)
        text = self._texts.get(key)
        if text is None:
            # Moments and fractions are not what people type; writing them costs more than all the rest.
            said = (one.value(item) for one in self.columns if one.value is not None)
            text = self._texts[key] = " ".join(str(one) for one in said if isinstance(one, str | int)).casefold()
        return text

    def _sorted(self, items: list[Any]) -> list[Any]:
        if not self.sorted_by:
            return items
        column = self.column(self.sorted_by)
        if column.value is None:
            return items
        values = self._values.get(column.name)
        if values is None:
            values = self._values[column.name] = _sortable(column.value, self.items)
        # What is not known stands last in either direction: it is neither much nor little.
        known = [item for item in items if id(item) in values]
        unknown = [item for item in items if id(item) not in values] if len(known) < len(items) else []
        known.sort(key=lambda item: values[id(item)], reverse=self.descending)
        return known + unknown

    def item_of(self, key: str) -> Any:  # noqa: ANN401  # any row model
        """The item with this key, also where a filter leaves it out; None where there is none."""
        if self._by_key is None:
            self._by_key = {self.key(item): item for item in self.items}
        return self._by_key.get(key)

    def _groups(self, items: list[Any]) -> list[Group]:
        column, counted = self.column(self.grouped_by), dict[str, int]()
        for item in items:
            said = _said(column, item)
            counted[said] = counted.get(said, 0) + 1
        return [Group(value, rows) for value, rows in sorted(counted.items(), key=lambda one: (-one[1], one[0]))]

    def key_of(self, item: Any) -> str:  # noqa: ANN401  # an item or a group
        """The key of a row, or of a group."""
        return f"{GROUP}:{item.value}" if isinstance(item, Group) else self.key(item)

    # ---- what a person does

    def move(self, by: int, layout: Layout) -> None:
        """The cursor to another column, of those that are on screen."""
        names = [column.name for column, _ in layout]
        at = names.index(self.at) if self.at in names else 0
        self.at = names[max(0, min(len(names) - 1, at + by))] if names else ""

    def sort(self, name: str) -> None:
        """By this column, the largest first where it holds numbers; once more turns it round."""
        again = name == self.sorted_by
        self.set(sorted_by=name, descending=not self.descending if again else self.column(name).right)

    def sentence(self) -> str:
        """How the rows are looked at: "by name down · holds 'ridge'"; empty for as they came."""
        said = []
        if self.grouped_by:
            said.append(f"grouped by {self.column(self.grouped_by).title}")
        elif self.sorted_by:
            column = self.column(self.sorted_by)
            said.append(f"by {column.title} {'down' if self.descending else 'up'}")
        if self.within is not None:
            said.append(f"{self.column(self.within[0]).title} {self.within[1] or 'not known'!r}")
        if self.filter_text:
            said.append(f"holds {self.filter_text!r}")
        return " · ".join(said)

    # ---- text

    def text(self, form: str, items: Sequence[Any] | None = None, names: Sequence[str] = ()) -> str:
        """Rows as text, in one of the forms of a table: those shown in their order, or `items`; all columns or some.

        Raises UserError for another form.
        """
        return self.prepared(items, names)(form)

    def prepared(self, items: Sequence[Any] | None = None, names: Sequence[str] = ()) -> Callable[[str], str]:
        """The same as it is now, written when a form is given: by another thread, where there are many rows."""
        columns = [one for one in self.wanted() if not names or one.name in names]
        rows = list(self.order() if items is None else items)
        if rows and isinstance(rows[0], Group):
            title = self.column(self.grouped_by).name
            return partial(table_text, (title, "rows"), [(group.value or None, group.rows) for group in rows])
        titles = [one.name for one in columns]
        return lambda form: table_text(titles, ([exported(one, item) for one in columns] for item in rows), form)

    def cell(self, item: Any, name: str) -> str:  # noqa: ANN401  # any row model
        """One cell as it is, for a clipboard; a dash where it is not known."""
        return _said(self.column(name), item) or NOT_KNOWN


def _sortable(value: Callable[[Any], Any], items: Sequence[Any]) -> dict[int, Any]:
    """What each item is sorted by, under its identity; those of which it is not known are left out."""
    said = ((id(item), value(item)) for item in items)
    return {
        item: found.casefold() if isinstance(found, str) else found
        for item, found in said
        if found is not None and found != ""
    }


def exported(column: Column, item: Any) -> Value:  # noqa: ANN401  # any row model
    """The value of a cell with types that a file can hold."""
    value = column.value(item) if column.value is not None else None
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _said(column: Column, item: Any) -> str:  # noqa: ANN401  # any row model
    value = exported(column, item)
    return "" if value is None else str(value)


# ---- drawing


def table_layout(table: Table, width: int) -> Layout:
    """The columns that fit into `width` cells, numbers of rows left out."""
    if table.grouped_by:
        return ()
    return lay_out(table.wanted(), max(8, width - number_cells(table)))


def number_cells(table: Table) -> int:
    """Cells of the numbers of rows with the gap behind them; 0 where they are not shown."""
    return max(LEAST_NUMBERS, len(str(len(table.items)))) + GAP if table.numbers else 0


def table_heading(table: Table, layout: Layout, glyphs: Glyphs) -> Row:
    """The line above the rows: the order behind the title of its column, the column of the cursor marked."""
    numbers = number_cells(table)
    lead = [Piece(" " * numbers)] if numbers else []
    if table.grouped_by:
        return row(*lead, (f"{'rows':>8}  {table.column(table.grouped_by).title}", "muted"))
    at = table.at or (layout[0][0].name if layout else "")
    pieces: list[Piece] = []
    for column, cells in layout:
        if pieces:
            pieces.append(Piece(" " * GAP))
        mark = (glyphs.down if table.descending else glyphs.up) if column.name == table.sorted_by else ""
        title = fit(glyphs.text(column.title), min(cells, cell_len(column.title), cells - len(mark))) + mark
        pieces.append(Piece(fit(title, cells, right=column.right), "accent" if column.name == at else "muted"))
    return row(*lead, *pieces)


class DrawnRows(Sequence[Row]):
    """Rows that are drawn when they are looked at."""

    def __init__(self, table: Table, layout: Layout, *, width: int, glyphs: Glyphs, now: datetime) -> None:
        self._table, self._layout, self._width = table, layout, width
        self._glyphs, self._now = glyphs, now
        self._items = table.order()
        self._numbers = number_cells(table)
        self._drawn: dict[int, Row] = {}
        self._table_items = table.items
        self._places: dict[str, int | None] = {}

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Row]: ...
    def __getitem__(self, at: int | slice) -> Row | Sequence[Row]:
        if isinstance(at, slice):
            return [self[place] for place in range(*at.indices(len(self)))]
        if not -len(self) <= at < len(self):
            raise IndexError(at)
        place = at % len(self)
        drawn = self._drawn.get(place)
        if drawn is None:
            drawn = self._drawn[place] = self._draw(place)
        return drawn

    def __iter__(self) -> Iterator[Row]:
        return (self[place] for place in range(len(self)))

    def _draw(self, place: int) -> Row:
        item = self._items[place]
        key = self._table.key_of(item)
        lead = [Piece(f"{place + 1:>{self._numbers - GAP}}", "muted"), Piece(" " * GAP)] if self._numbers else []
        if isinstance(item, Group):
            said = self._glyphs.text(fit(item.value or "not known", max(8, self._width - self._numbers - 10)))
            return row(*lead, f"{item.rows:>8,}  ", (said, "" if item.value else "muted"), key=key)
        drawn = item_row(item, self._layout, key=key, glyphs=self._glyphs, now=self._now)
        return Row((*lead, *drawn.pieces), key) if lead else drawn

    def key_at(self, place: int) -> str:
        """The key of a row, which is not drawn for it."""
        return self._table.key_of(self._items[place])

    def place_of(self, key: str | None) -> int | None:
        """Where the row with this key stands; None where there is none."""
        if key is None:
            return None
        if key not in self._places:
            self._places[key] = self._look_for(key)
        return self._places[key]

    def _look_for(self, key: str) -> int | None:
        """Found by identity where the table still has these rows: ten thousand keys need not be written for one."""
        if self._table.items is self._table_items and not (self._items and isinstance(self._items[0], Group)):
            wanted = self._table.item_of(key)
            if wanted is None:
                return None
            return next((place for place, item in enumerate(self._items) if item is wanted), None)
        return next((place for place, item in enumerate(self._items) if self._table.key_of(item) == key), None)

    def item(self, key: str | None) -> Any:  # noqa: ANN401  # an item or a group
        """What stands behind a key; None where there is nothing."""
        place = self.place_of(key)
        return None if place is None else self._items[place]


class TableView(PagedRows):
    """Rows of a table. Only those on screen are drawn; the cursor knows its place without walking there."""

    drawn: DrawnRows | None = None

    def show_table(self, drawn: DrawnRows) -> None:
        """Show these rows. The cursor stays with its key; where that is gone it goes to the row now in its place."""
        before = self.drawn
        was = before.place_of(self.cursor_key) if before is not None else None
        held = self.cursor_key
        self.rows = self.drawn = drawn
        if drawn.place_of(self.cursor_key) is None:
            self.cursor_key = drawn.key_at(min(was or 0, len(drawn) - 1)) if len(drawn) else None
        place = drawn.place_of(self.cursor_key)
        if before is None or len(before) != len(drawn) or not self.size:
            self.virtual_size = Size(max(1, self.size.width), len(drawn))
            self.refresh()
        else:
            top = self.scroll_offset.y
            for line in range(top, min(top + self.size.height, len(drawn))):
                if before[line] != drawn[line]:
                    self._refresh_difference(line, before[line], drawn[line])
            for at in (was, place):
                if at is not None and (was != place or held != self.cursor_key):
                    self.refresh_line(at)
        if place is not None and self.size.height and place != was:
            self._reveal(place)

    @property
    def item(self) -> Any:  # noqa: ANN401  # an item or a group
        """What stands under the cursor; None where there is nothing."""
        return None if self.drawn is None else self.drawn.item(self.cursor_key)

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        place = self._place()
        return None if place is None or self.drawn is None else self.drawn[place]

    def _place(self) -> int | None:
        return None if self.drawn is None else self.drawn.place_of(self.cursor_key)

    def place(self, key: str) -> None:
        """Put the cursor on the row with this key, if there is one."""
        if key != self.cursor_key and self.drawn is not None and self.drawn.place_of(key) is not None:
            self._move_to(key)

    def _move_to(self, key: str) -> None:
        before, self.cursor_key = self._place(), key
        after = self._place()
        for at in (before, after):
            if at is not None:
                self.refresh_line(at)
        if after is not None:
            self._reveal(after)

    def _step(self, by: int) -> None:
        drawn, place = self.drawn, self._place()
        if drawn is None or place is None:
            return
        target = max(0, min(len(drawn) - 1, place + by))
        if target != place:
            key = drawn.key_at(target)
            self._move_to(key)
            self.post_message(self.Moved(self, key))
        elif abs(by) == 1:
            self.post_message(self.Beyond(self, by > 0))
        if by > 0 and len(drawn) - target <= NEAR:
            self.post_message(self.EndNear(self))

    def _refresh_cursor(self) -> None:
        place = self._place()
        if place is not None:
            self.refresh_line(place)
