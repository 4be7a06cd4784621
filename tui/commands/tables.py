"""The `:` lines of tables: accounts affected, and how a table is sorted, grouped, copied and written to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.core.failures import UserError
from screens import addresses as to
from tui.commands.verb import CommandApp, Verb, opened
from tui.navigation import explorer_on, table_on

if TYPE_CHECKING:
    from screens.table_screen import TableScreen

COPIED = ("row", "cell", "table")
DIRECTIONS = ("up", "down")


def _table(app: CommandApp) -> TableScreen:
    table = table_on(app.screen)
    if table is None:
        raise UserError(
            "this belongs to a table", next_step="i lists the accounts affected; press it, then say it again"
        )
    return table


def _affected(app: CommandApp, rest: str) -> None:
    words, catalogue = rest.split(), opened(app).catalogue
    if len(words) > 1 or (words and words[0] not in catalogue.issues):
        raise UserError(
            f"there is no issue type {rest!r}",
            accepted=", ".join(catalogue.issues),
            next_step="affected rate_limiting, for example",
        )
    if words:
        app.navigate(to.AffectedAt(words[0]))
    else:
        app.action_act("affected")


def _copy(app: CommandApp, rest: str) -> None:
    from diagnostics.core.table_text import FORMS  # noqa: PLC0415  # with the first table, and not before

    words = rest.split()
    what, form = (*words, *("row", "text")[len(words) :])[:2]
    if len(words) > 2 or what not in COPIED or form not in FORMS:
        raise UserError(
            f"copy {rest!r} is not understood",
            accepted=f"copy {'|'.join(COPIED)} [{'|'.join(FORMS)}]",
            next_step="copy table csv, for example",
        )
    app.copy(_table(app).copied(what, form))


def _columns(app: CommandApp, rest: str) -> None:
    names = rest.replace(",", " ").split()
    _table(app).choose_columns(() if names == ["all"] else names)


def _sort(app: CommandApp, rest: str) -> None:
    words = rest.split()
    if not 1 <= len(words) <= 2 or (len(words) == 2 and words[1] not in DIRECTIONS):
        raise UserError(
            f"sort {rest!r} is not understood", accepted="sort COLUMN [up|down]", next_step="sort users down"
        )
    _table(app).sort(words[0], words[1] if len(words) == 2 else "")


def _group(app: CommandApp, rest: str) -> None:
    _table(app).group("" if rest == "none" else rest)


def _export(app: CommandApp, rest: str) -> None:
    form, _, file = rest.partition(" ")
    table = table_on(app.screen)
    if table is not None:
        table.export(form, file.strip())
        return
    explorer = explorer_on(app.screen)
    if explorer is None:
        raise UserError(
            "there is nothing here to export", next_step="press i for accounts affected, or L for log lines, then again"
        )
    explorer.export(rest)


VERBS = (
    Verb("affected ", "accounts affected by an issue, those that weigh most first: affected rate_limiting", _affected),
    Verb("copy ", "of a table: copy row, copy cell, copy table; as text, csv, json or markdown", _copy),
    Verb("columns ", "of a table: the columns to show, or all: columns account name users", _columns),
    Verb("sort ", "a table by a column: sort users down", _sort),
    Verb("group ", "rows of a table that say the same: group kind; group none takes it back", _group),
    Verb("export ", "rows or log lines to a new file: export csv, json, markdown, jsonl, or export csv FILE", _export),
)
