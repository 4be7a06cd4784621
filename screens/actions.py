"""The action registry: one list that feeds the keys, the palette, the help screen, the footer and the user's keymap.

A key does the same thing on every screen. A screen offers an action by having a method `act_<name>`; the application is
asked when the screen has none. `handlers_of` is the one answer to which class offers what; it holds every such method
against this list when its class is made, so that a misspelt handler ends the import.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from textual.binding import Binding

from diagnostics.core.failures import UserError


@dataclass(slots=True, frozen=True)
class Action:
    """Something a person can do with one key."""

    name: str
    keys: str
    """Default keys, comma-separated, in Textual's spelling."""
    shown: str
    """The key as people write it."""
    word: str
    """One word for the footer."""
    sentence: str
    """One line for the help screen and the palette."""
    where: str = ""
    """The screens it belongs to, and how to get there; empty for one that has an answer everywhere."""


_EXPLORER = "the log explorer; L opens it"
_LISTS = "tasks, timeline and investigations; e, T and 3 open them"

ACTIONS: tuple[Action, ...] = (
    Action("open", "enter", "enter", "open", "Open what is under the cursor: detail is one Enter away."),
    Action("back", "escape", "esc", "back", "Back to where you were; nothing is lost."),
    Action("why", "w", "w", "why", "Where this number comes from: the exact query, its window, age, cost and rows."),
    Action("escalation", "e", "e", "escalate", "Whom to tell, and what must be done within five minutes."),
    Action("history_back", "less_than_sign", "<", "back", "Back through the screens you have been on."),
    Action("history_forward", "greater_than_sign", ">", "forward", "Forward again."),
    Action("filter", "slash", "/", "filter", "Filter the lines in the log pane, in Datadog's search syntax."),
    Action("window", "t", "t", "window", "Next time window: 5m, 15m, 1h, 4h, 24h."),
    Action("pause", "space", "space", "pause", "Pause or resume live updates."),
    Action("refresh", "r", "r", "refresh", "Ask every source of this screen again, now."),
    Action(
        "sort",
        "s",
        "s",
        "sort",
        "Another order; where rows are read by their key, only those with something wrong.",
        where="an account; a opens one",
    ),
    Action("run", "x", "x", "run", "Run the check under the cursor again, or the step, where that is permitted."),
    Action("copy", "y", "y", "copy", "Copy what is under the cursor to your terminal's clipboard."),
    Action("plain", "Y", "Y", "plain text", "Show it as plain text, for terminals that take no copy."),
    Action("logs", "l", "l", "logs", "To the log lines of this issue."),
    Action("link", "o", "o", "link", "The link to the same query in the Datadog web application."),
    Action("older", "O", "O", "older", "Load older log lines."),
    Action("follow", "f", "f", "follow", "Follow the newest log line."),
    Action("next_error", "right_square_bracket", "]", "next error", "To the next error in the log pane."),
    Action("previous_error", "left_square_bracket", "[", "previous error", "To the previous error in the log pane."),
    Action("explore", "L", "L", "explore", "The log explorer on the query in view: histogram, values, patterns."),
    Action("zoom_in", "plus,equals_sign", "+", "zoom in", "A quarter of the time, around the cursor.", where=_EXPLORER),
    Action("zoom_out", "minus", "-", "zoom out", "Back out, and at last to four times the time.", where=_EXPLORER),
    Action("patterns", "p", "p", "patterns", "Group similar messages; enter opens an example.", where=_EXPLORER),
    Action(
        "facets",
        "v",
        "v",
        "values",
        "The most frequent values of attributes; enter adds one to the query.",
        where=_EXPLORER,
    ),
    Action("correlate", "C", "C", "correlate", "Follow this line's correlation id over all services.", where=_EXPLORER),
    Action("pin", "m", "m", "pin", "Keep this for the incident's review; in the log explorer, pin the line."),
    Action(
        "merge",
        "M",
        "M",
        "merge",
        "This incident was the same as another one, and goes on there.",
        where="the list of incidents; :incidents opens it",
    ),
    Action("pins", "P", "P", "pins", "The pinned lines.", where=_EXPLORER),
    Action("save", "S", "S", "save", "Give the query in view a name.", where=_EXPLORER),
    Action("export", "E", "E", "export", "Write the pinned lines, or all shown, to a file.", where=_EXPLORER),
    Action("level_critical", "1", "1", "critical", "Level 1: critical issues, act now."),
    Action("level_health", "2", "2", "health", "Level 2: system health."),
    Action("level_investigate", "3", "3", "investigate", "Level 3: investigation."),
    Action("account", "a", "a", "account", "Go to an account: its tokens, by account id."),
    Action("deal", "d", "d", "deal", "Go to a deal: why it does not sync, by deal id."),
    Action("notify", "n", "n", "notify", "Tell the team: preview, then send. Without an incident it declares one."),
    Action("claim", "c", "c", "claim", "The roles of the incident: claim one, take one over, give one back."),
    Action(
        "status",
        "u",
        "u",
        "status",
        "Move on: the incident's status; on the timeline, correct an entry; on an investigation, judge.",
    ),
    Action("snooze", "z", "z", "remind later", "No reminders of the next update for a quarter of an hour."),
    Action("timeline", "T", "T", "timeline", "The timeline of the incident, entry by entry."),
    Action("handoff", "H", "H", "hand off", "The hand-off note for the next commander."),
    Action("new", "N", "N", "add", "Add what this screen holds: a task, a note, a hypothesis.", where=_LISTS),
    Action("accept", "A", "A", "accept", "Accept an old figure as it is.", where="the preview of a notice; n opens it"),
    Action("command", "colon", ":", "command", "Every action and guide by name."),
    Action("next_pane", "tab", "tab", "pane", "To the next pane."),
    Action("previous_pane", "shift+tab", "shift+tab", "pane", "To the previous pane."),
    Action("repaint", "ctrl+l", "ctrl+l", "repaint", "Paint the screen anew, after something else wrote on it."),
    Action("suspend", "ctrl+z", "ctrl+z", "suspend", "Put the console into the background; `fg` brings it back."),
    Action("help", "question_mark", "?", "help", "The keys and the meaning of this screen."),
    Action("quit", "q", "q", "quit", "Leave the console; from a screen on top, one step out."),
    Action("leave", "ctrl+q", "ctrl+q", "leave", "Leave the console from anywhere."),
)

MOVES: tuple[tuple[str, str, str], ...] = (
    ("row.down", "j / down", "One row down."),
    ("row.up", "k / up", "One row up."),
    ("row.first", "g / home", "To the first row."),
    ("row.last", "G / end", "To the last row; in the log pane, to the newest line."),
    ("row.page_down", "ctrl+d", "Half a page down."),
    ("row.page_up", "ctrl+u", "Half a page up."),
)
"""Keys of the panes themselves, remappable by the same ids."""


TYPED_INTO = frozenset({"command", "account", "deal"})
"""Actions that open a line to type into. They run before any other key is passed on, so that what is typed quickly, or
pasted, reaches the line and not the screen below; while something is being typed they are letters like others."""


def bindings() -> list[Binding]:
    """One binding per action, each with its name as the id that a keymap remaps."""
    return [
        Binding(
            item.keys,
            f"act('{item.name}')",
            item.word,
            show=False,
            id=item.name,
            priority=item.name in TYPED_INTO,
        )
        for item in ACTIONS
    ]


_BY_NAME = {item.name: item for item in ACTIONS}

HANDLER = "act_"
"""Prefix of a handler's name."""


def find(name: str) -> Action:
    """The action with this name; raises KeyError."""
    return _BY_NAME[name]


Handler = Callable[[Any], None]
"""Answers an action: called with the screen, or the application, that offers it."""


@cache
def handlers_of(owner: type) -> Mapping[str, Handler]:
    """The actions that a class offers: its own and its inherited handlers, by the name of the action.

    Raises TypeError for a method that looks like a handler and that no key can call.
    """
    found: dict[str, Handler] = {}
    for base in reversed(owner.__mro__):
        found |= _defined_in(base)
    return MappingProxyType(found)


@cache
def _defined_in(owner: type) -> dict[str, Handler]:
    found: dict[str, Handler] = {}
    for attribute, handler in vars(owner).items():
        if not attribute.startswith(HANDLER):
            continue
        name, where = attribute.removeprefix(HANDLER), f"{owner.__module__}.{owner.__qualname__}.{attribute}"
        if name not in _BY_NAME:
            raise TypeError(f"{where} answers no action of the registry")
        if not inspect.isfunction(handler) or len(inspect.signature(handler).parameters) != 1:
            raise TypeError(f"{where} must be a method that takes no argument")
        found[name] = handler
    return found


def checked_keymap(keymap: Mapping[str, str]) -> dict[str, str]:
    """The user's keymap, each name known and no key taken twice; raises UserError otherwise."""
    known = {item.name for item in ACTIONS} | {name for name, _, _ in MOVES}
    taken: dict[str, str] = {}
    for name, keys in keymap.items():
        if name not in known:
            raise UserError(
                f"unknown action {name!r} in the keymap",
                where="[ui.keymap] in the settings",
                accepted=", ".join(sorted(known)),
                next_step="press ? in the console for the list of actions",
            )
        for key in keys.split(","):
            if key in taken:
                raise UserError(
                    f"key {key!r} is given to both {taken[key]!r} and {name!r}",
                    where="[ui.keymap] in the settings",
                    accepted="one action per key",
                    next_step="give one of the two another key",
                )
            taken[key] = name
    return dict(keymap)
