"""The `:` lines of the log explorer: open a query, save it, list what is saved, export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.core.failures import UserError
from screens import addresses as to
from tui.commands.verb import CommandApp, Verb, opened
from tui.navigation import explorer_on

if TYPE_CHECKING:
    from diagnostics.models.explorer import SavedQuery
    from screens.explorer.screen import ExplorerScreen


def _explorer(app: CommandApp) -> ExplorerScreen:
    explorer = explorer_on(app.screen)
    if explorer is None:
        raise UserError("this belongs to the log explorer", next_step="press L on a screen with log lines, then again")
    return explorer


def _logs(app: CommandApp, query: str) -> None:
    from diagnostics.logs import parse  # noqa: PLC0415  # the parser, after the first paint

    window = opened(app).settings.refresh.window_s
    if query:
        parse(query)
    app.navigate(to.ExplorerAt(query or "*", window_s=window))


def _queries(app: CommandApp, _rest: str) -> None:
    from screens.explorer.documents import saved_listing  # noqa: PLC0415  # with its models, after the first paint

    service = opened(app)

    def open_query(saved: SavedQuery) -> None:
        app.screen.dismiss()
        explorer = explorer_on(app.screen)
        if explorer is not None:
            explorer.open_saved(saved)
        else:
            app.navigate(to.ExplorerAt(saved.query, window_s=saved.window_s))

    app.ask(
        service.explorer.saved,
        lambda saved: app.navigate(to.ListingAt(saved_listing(saved, open_query))),
        doing="reading the saved queries",
    )


VERBS = (
    Verb("logs ", "the log explorer on a query: logs service:fub status:error", _logs),
    Verb("queries", "saved queries; enter asks one", _queries),
    Verb("save ", "in the log explorer: give the query in view a name", lambda app, rest: _explorer(app).save(rest)),
)
