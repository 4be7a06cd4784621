"""The `:` grammar: actions by name, and verbs with arguments."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from diagnostics.core.failures import UserError
from diagnostics.core.words import listed, short
from screens.actions import ACTIONS
from screens.log_screen import WINDOWS
from tui.commands import console, diagnosis, explorer, incident, tables
from tui.terminal import theme

if TYPE_CHECKING:
    from diagnostics.catalogue import Catalogue
    from tui.commands.verb import CommandApp

_FAMILIES = (diagnosis, console, explorer, tables, incident)

VERBS = {verb.name: verb for family in _FAMILIES for verb in family.VERBS}

_ACTION_NAMES = tuple(item.name for item in ACTIONS)


SYNONYMS = {
    "slack": "notify",
    "page": "notify",
    "tell": "notify",
    "oncall": "escalation",
    "contact": "escalation",
    "resolve": "status",
    "diagnose": "account",
}
"""Other people's words for an action or a verb; what stands behind them goes on with it."""


def entries(catalogue: Catalogue | None) -> list[tuple[str, str]]:
    """Every line the palette offers, with what it does. Verbs that need an argument end in a space."""
    lines = [(item.name.replace("_", " "), item.sentence) for item in ACTIONS if item.name not in {"open", "command"}]
    lines += [(verb.line, verb.sentence) for verb in VERBS.values() if verb.sentence]
    said = {item.name: item.sentence for item in ACTIONS} | {one.name: one.sentence for one in VERBS.values()}
    lines += [(name, f"= {own}: {said[own]}") for name, own in SYNONYMS.items()]
    lines += [(f"window {short(seconds)}", "time window of level 1") for seconds in WINDOWS]
    lines += [(f"theme {name}", "colours for this session") for name in theme.NAMES]
    if catalogue is not None:
        lines += [(f"guide {name}", "open this guide") for name in catalogue.guide_names()]
        lines += [(f"triage {name}", f"triage: {issue.title}") for name, issue in catalogue.issues.items()]
    return lines


def run_command(app: CommandApp, line: str) -> None:
    """Run one line; raises UserError with what is accepted."""
    words = line.split()
    if not words:
        return
    own = SYNONYMS.get(words[0])
    if own is not None:
        words[0] = own
        line = " ".join(words)
    action, name = "_".join(words), words[0]
    if action in _ACTION_NAMES:
        app.action_act(action)
        return
    verb = VERBS.get(name)
    if verb is None:
        near = difflib.get_close_matches(name, [*VERBS, *_ACTION_NAMES], n=3)
        raise UserError(
            f"unknown command {name!r}",
            accepted=", ".join([*VERBS, "or the name of an action"]),
            next_step=f"did you mean {listed(near, 'or')}?" if near else "press : and type a part of what you want",
        )
    verb.run(app, line.strip().removeprefix(name).strip())
