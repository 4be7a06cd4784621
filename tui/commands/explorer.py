"""The `:` lines of the log explorer: open a query, save it, list what is saved, export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.failures import UserError

if TYPE_CHECKING:
    from diagnostics.models.explorer import SavedQuery
    from screens.explorer import ExplorerScreen
    from tui.app import WarRoomApp

ENTRIES = (
    ("logs ", "the log explorer on a query: logs service:fub status:error"),
    ("queries", "saved queries; enter asks one"),
    ("save ", "in the log explorer: give the query in view a name"),
    ("export ", "in the log explorer: export jsonl, export csv or export markdown"),
)
VERBS = ("logs", "queries", "save", "export")

__all__ = ["ENTRIES", "VERBS", "run"]


def run(app: WarRoomApp, verb: str, rest: str) -> None:
    """Run one of `VERBS`; `rest` is the line behind the verb as it was typed. Raises UserError."""
    if verb == "logs":
        _logs(app, rest)
    elif verb == "queries":
        _queries(app)
    elif verb == "save":
        _explorer(app).save(rest)
    else:
        _explorer(app).export(rest)


def _explorer(app: WarRoomApp) -> ExplorerScreen:
    from screens.explorer import ExplorerScreen  # noqa: PLC0415  # after the first paint

    if not isinstance(app.screen, ExplorerScreen):
        raise UserError("this belongs to the log explorer", next_step="press L on a screen with log lines, then again")
    return app.screen


def _logs(app: WarRoomApp, query: str) -> None:
    from diagnostics.logs import parse  # noqa: PLC0415
    from screens.explorer import ExplorerScreen  # noqa: PLC0415

    if app.service is None:
        raise UserError("the sources are still opening", next_step="try again in a moment")
    if query:
        parse(query)
    window = app.service.settings.refresh.window_s
    app.push_room_screen(ExplorerScreen(query or "*", window_s=window))


def _queries(app: WarRoomApp) -> None:
    from screens.explorer import ExplorerScreen  # noqa: PLC0415
    from screens.explorer_documents import saved_listing  # noqa: PLC0415
    from screens.listing import ListingScreen  # noqa: PLC0415

    service = app.service
    if service is None:
        raise UserError("the sources are still opening", next_step="try again in a moment")

    def open_query(saved: SavedQuery) -> None:
        app.pop_screen()
        if isinstance(app.screen, ExplorerScreen):
            app.screen.open_saved(saved)
            app.call_after_refresh(app.uncovered)
        else:
            app.push_room_screen(ExplorerScreen(saved.query, window_s=saved.window_s))

    app.ask(
        service.explorer.saved,
        lambda saved: app.push_room_screen(ListingScreen(saved_listing(saved, app.signs, open_query))),
        doing="reading the saved queries",
    )
