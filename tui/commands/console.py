"""The `:` lines about the console itself: its sources, guides, window and colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostics.core.document import Document, Markdown
from diagnostics.core.failures import UserError
from diagnostics.core.words import short
from diagnostics.sources.document import doctor_document, sources_document
from screens import addresses as to
from screens.critical.screen import CriticalScreen
from screens.log_screen import WINDOWS
from tui.commands.verb import CommandApp, Verb, opened
from tui.terminal import theme

if TYPE_CHECKING:
    from diagnostics.models.doctor import DoctorLine


def _backlog(app: CommandApp, rest: str) -> None:
    if rest:
        raise UserError("backlog takes no argument", next_step=":backlog")
    app.navigate(to.BacklogAt())


def _chart(app: CommandApp, rest: str) -> None:
    """`chart NAME [WINDOW]`: without a name, what there are charts of."""
    charts = opened(app).charts
    *words, last = rest.split() or [""]
    windows = {short(seconds): seconds for one in charts.names() for seconds in one.windows_s}
    window = windows.get(last) if words else None
    known = charts.named(" ".join(words) if window is not None else rest)
    if window is not None and window not in known.windows_s:
        raise UserError(
            f"{known.name} has no chart over {last}",
            accepted=", ".join(short(one) for one in known.windows_s),
            next_step=f"chart {known.name}",
        )
    app.navigate(to.ChartAt(known.name, window))


def _recovery(app: CommandApp, rest: str) -> None:
    words = rest.split()
    if len(words) > 1:
        raise UserError("which recovery?", accepted="recovery, or recovery DRN-N", next_step="recovery DRN-1")
    app.navigate(to.DrainAt(words[0].upper() if words else ""))


def _preventive(app: CommandApp, rest: str) -> None:
    if rest:
        raise UserError("preventive takes no argument", next_step=":preventive")
    app.show_leading()


def _sources(app: CommandApp, rest: str) -> None:
    """The evidence behind the header."""
    if rest:
        raise UserError("sources takes no argument", next_step=":sources")
    service = app.service
    if service is None:
        app.say("the sources are still opening; try again in a moment", "warn")
        return
    app.ask(
        lambda: (service.sources(), service.budgets()),
        lambda found: app.open_document(sources_document(*found)),
        doing="asking the sources",
    )


def _doctor(app: CommandApp, rest: str) -> None:
    """Test every source and show what it says, line by line."""
    if rest:
        raise UserError("doctor takes no argument here", next_step="warroom doctor --account-id N, on the command line")
    service = app.service
    if service is None:
        app.say("the sources are still opening; try again in a moment", "warn")
        return

    def show(lines: list[DoctorLine]) -> None:
        app.open_document(doctor_document(lines))

    app.ask(lambda: list(service.doctor()), show, doing="testing every source")


def _guide(app: CommandApp, rest: str) -> None:
    if app.catalogue is None:
        raise UserError("the catalogue is still being read", next_step="try again in a moment")
    if not rest:
        raise UserError("which guide?", accepted=", ".join(app.catalogue.guide_names()), next_step="guide NAME")
    guide = app.catalogue.guide(rest.split(maxsplit=1)[0])
    title = f"guide · {guide.title} ({guide.origin})"
    app.open_document(Document(title, [Markdown(guide.markdown)], f"guide {guide.name}", copy=guide.markdown))


def _window(app: CommandApp, rest: str) -> None:
    names = {short(seconds): seconds for seconds in WINDOWS}
    name = rest.partition(" ")[0]
    if name not in names:
        raise UserError("which window?", accepted=", ".join(names), next_step="window 15m")
    if isinstance(app.screen, CriticalScreen):
        app.screen.set_window(names[name])


def _theme(app: CommandApp, rest: str) -> None:
    name = rest.partition(" ")[0]
    if name not in theme.NAMES:
        raise UserError("which theme?", accepted=", ".join(theme.NAMES), next_step="theme NAME")
    app.set_theme(name)


VERBS = (
    Verb("recovery", "a recovery: plan it, carry it out, pause, resume, throttle, stop: recovery DRN-1", _recovery),
    Verb("backlog", "the webhook backlog: does it get better, when is it empty, what is lost", _backlog),
    Verb("chart ", "a number over time, with its limits: chart rate_limiting 1h, chart token_success", _chart),
    Verb("preventive", "what will fail next: the leading indicators of level 2", _preventive),
    Verb("sources", "the evidence behind the header: last answers, latencies, rate limits", _sources),
    Verb("doctor", "test every source: reachable, permitted, mapped, read-only", _doctor),
    Verb("guide ", "", _guide),
    Verb("window ", "", _window),
    Verb("theme ", "", _theme),
)
