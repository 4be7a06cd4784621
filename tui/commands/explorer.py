"""The `:` lines of the log explorer: open a query, save it, list what is saved, export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.core.failures import UserError
from diagnostics.core.sanitizer import clean
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


def _correlate(app: CommandApp, rest: str) -> None:
    """Every line that bears an id, under any of the names that ids go by."""
    from diagnostics.logs import bind  # noqa: PLC0415  # the parser, after the first paint
    from diagnostics.models.events import CORRELATION_PATHS  # noqa: PLC0415

    words = rest.split()
    if len(words) != 1:
        raise UserError("which correlation id?", accepted="correlate ID", next_step="correlate c-000123, for example")
    paths = [path for name in CORRELATION_PATHS for path in (name, f"context.{name}")]
    query = " OR ".join(bind(f"@{path}:{{value}}", value=words[0]) for path in paths)
    opened(app)
    app.navigate(to.ExplorerAt(query, window_s=CORRELATED_S, about=f"correlation {clean(words[0], limit=40)}"))


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


CORRELATED_S = 4 * 3_600
"""Window in which an id that was typed is looked for."""

VERBS = (
    Verb("logs ", "the log explorer on a query: logs service:fub status:error", _logs),
    Verb("correlate ", "every log line that bears a correlation id, over all services", _correlate),
    Verb("queries", "saved queries; enter asks one", _queries),
    Verb("save ", "in the log explorer: give the query in view a name", lambda app, rest: _explorer(app).save(rest)),
)
