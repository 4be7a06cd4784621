"""The `:` grammar: actions by name, and a few verbs with arguments."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from diagnostics.failures import UserError
from screens import documents
from screens.actions import ACTIONS
from screens.critical import CriticalScreen
from screens.log_screen import WINDOWS
from tui.commands import explorer as explorer_commands
from tui.commands import incident as incident_commands
from tui.terminal import theme
from widgets import wording

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from diagnostics.models.triage import TriageRequest
    from tui.app import WarRoomApp

VERBS = ("triage", "account", "deal", "preventive", "guide", "window", "theme", "sources", "doctor")


def entries(catalogue: Catalogue | None) -> list[tuple[str, str]]:
    """Every line the palette offers, with what it does. Verbs that need an argument end in a space."""
    lines = [(item.name.replace("_", " "), item.sentence) for item in ACTIONS if item.name not in {"open", "command"}]
    lines += [
        ("account ", "one account: what is wrong, users, agents, connections, deals, logs: account 14009"),
        ("deal ", "why a deal does not sync, by id: deal 12345, or with its account: deal 12345 14009"),
        ("triage ", "a triage by name: triage rate_limiting incident"),
        ("preventive", "what will fail next: the leading indicators of level 2"),
        ("sources", "the evidence behind the header: last answers, latencies, rate limits"),
        ("doctor", "test every source: reachable, permitted, mapped, read-only"),
    ]
    lines += explorer_commands.ENTRIES
    lines += incident_commands.ENTRIES
    lines += [(f"window {wording.duration(seconds)}", "time window of level 1") for seconds in WINDOWS]
    lines += [(f"theme {name}", "colours for this session") for name in theme.NAMES]
    if catalogue is not None:
        lines += [(f"guide {name}", "open this guide") for name in catalogue.guide_names()]
        lines += [(f"triage {name}", f"triage: {issue.title}") for name, issue in catalogue.issues.items()]
    return lines


def run_command(app: WarRoomApp, line: str) -> None:
    """Run one line; raises UserError with what is accepted."""
    words = line.split()
    if not words:
        return
    action = "_".join(words)
    if any(item.name == action for item in ACTIONS):
        app.action_act(action)
        return
    verb, rest = words[0], words[1:]
    if verb in explorer_commands.VERBS:
        # A query is handed over as it was typed: spaces inside quotation marks are part of it.
        explorer_commands.run(app, verb, line.strip().removeprefix(verb).strip())
        return
    if verb in incident_commands.VERBS:
        incident_commands.run(app, verb, line.strip().removeprefix(verb).strip())
        return
    runner = _RUNNERS.get(verb)
    if runner is None:
        known = [*VERBS, *explorer_commands.VERBS, *incident_commands.VERBS]
        near = difflib.get_close_matches(verb, [*known, *(item.name for item in ACTIONS)], n=3)
        raise UserError(
            f"unknown command {verb!r}",
            accepted=", ".join([*known, "or the name of an action"]),
            next_step=f"did you mean {' or '.join(near)}?" if near else "press : and type a part of what you want",
        )
    runner(app, rest)


def _guide(app: WarRoomApp, rest: list[str]) -> None:
    if app.catalogue is None:
        raise UserError("the catalogue is still being read", next_step="try again in a moment")
    if not rest:
        raise UserError("which guide?", accepted=", ".join(app.catalogue.guide_names()), next_step="guide NAME")
    guide = app.catalogue.guide(rest[0])
    title = f"guide {app.signs.separator} {guide.title} ({guide.origin})"
    document = documents.markdown_document(title, guide.markdown, app.signs)
    app.open_document(replace(document, place=f"guide {guide.name}"))


def _theme(app: WarRoomApp, rest: list[str]) -> None:
    if not rest or rest[0] not in theme.NAMES:
        raise UserError("which theme?", accepted=", ".join(theme.NAMES), next_step="theme NAME")
    app.set_theme(rest[0])


def _window(app: WarRoomApp, rest: list[str]) -> None:
    names = {wording.duration(seconds): seconds for seconds in WINDOWS}
    if not rest or rest[0] not in names:
        raise UserError("which window?", accepted=", ".join(names), next_step="window 15m")
    screen = app.screen
    if isinstance(screen, CriticalScreen):
        screen.set_window(names[rest[0]])


def _number(name: str, word: str) -> int:
    try:
        value = int(word)
    except ValueError:
        value = 0
    if value <= 0:
        raise UserError(
            f"{name} {word!r} is not an id", accepted="a positive whole number", next_step=f"{name} 14009, for example"
        )
    return value


def _request(issue: str, severity: str | None, account: int | None, deal: int | None) -> TriageRequest:
    from diagnostics.models.triage import TriageRequest  # noqa: PLC0415

    return TriageRequest(issue_type=issue, severity=severity, account_id=account, deal_id=deal)


def _account(app: WarRoomApp, rest: list[str]) -> None:
    if len(rest) != 1:
        raise UserError("which account?", accepted="account ID", next_step="account 14009, for example")
    from screens.account import AccountScreen  # noqa: PLC0415  # only its readers pay for it

    app.push_room_screen(AccountScreen(_number("account", rest[0])))


def _deal(app: WarRoomApp, rest: list[str]) -> None:
    if len(rest) not in {1, 2}:
        raise UserError("which deal?", accepted="deal ID [ACCOUNT]", next_step="deal 12345 14009, for example")
    deal = _number("deal", rest[0])
    if len(rest) == 2:
        from screens.deal import DealScreen  # noqa: PLC0415  # only its readers pay for it

        app.push_room_screen(DealScreen(deal, _number("account", rest[1])))
        return
    from screens.deal_finding import find_deal  # noqa: PLC0415

    find_deal(app, deal)


def _triage(app: WarRoomApp, rest: list[str]) -> None:
    if not rest:
        raise UserError(
            "which issue?",
            accepted="triage ISSUE [SEVERITY] [account=ID] [deal=ID]",
            next_step="triage rate_limiting incident, for example",
        )
    severity, account, deal = None, None, None
    for word in rest[1:]:
        name, equals, value = word.partition("=")
        if not equals:
            severity = word
        elif name == "account":
            account = _number(name, value)
        elif name == "deal":
            deal = _number(name, value)
        else:
            raise UserError(f"unknown argument {word!r}", accepted="SEVERITY, account=ID, deal=ID")
    app.triage(_request(rest[0], severity, account, deal))


def _doctor(app: WarRoomApp, rest: list[str]) -> None:
    if rest:
        raise UserError("doctor takes no argument here", next_step="warroom doctor --account-id N, on the command line")
    app.doctor()


def _preventive(app: WarRoomApp, rest: list[str]) -> None:
    if rest:
        raise UserError("preventive takes no argument", next_step=":preventive")
    app.preventive()


def _sources(app: WarRoomApp, rest: list[str]) -> None:
    if rest:
        raise UserError("sources takes no argument", next_step=":sources")
    app.sources()


_RUNNERS: dict[str, Callable[[WarRoomApp, list[str]], None]] = {
    "guide": _guide,
    "theme": _theme,
    "window": _window,
    "account": _account,
    "deal": _deal,
    "triage": _triage,
    "doctor": _doctor,
    "sources": _sources,
    "preventive": _preventive,
}
