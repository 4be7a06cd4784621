"""The action registry: one list that feeds the keys, the palette, the help screen, the footer and the user's keymap.

A key does the same thing on every screen. A screen offers an action by having a method `act_<name>`; the application is
asked when the screen has none. `handlers_of` is the one answer to which class offers what; it holds every such method
against this list when its class is made, so that a misspelt handler ends the import.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from textual.binding import Binding
from textual.keys import Keys, _character_to_key

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
_TABLES = "a table; i opens that of the accounts affected"
_WRITTEN = "the log explorer and charts; L and D open them"
_RECOVERY = "a recovery that goes on; :recovery opens it"
_LISTS = "tasks, timeline and investigations; e, T and 3 open them"

ACTIONS: tuple[Action, ...] = (
    Action("open", "enter", "enter", "open", "Open what is under the cursor: detail is one Enter away."),
    Action("back", "escape", "esc", "back", "Back to where you were; nothing is lost."),
    Action("why", "w", "w", "why", "Where this number comes from: the exact query, its window, age, cost and rows."),
    Action("escalation", "e", "e", "escalate", "Whom to tell, and what must be done within five minutes."),
    Action("history_back", "less_than_sign", "<", "back", "Back through the screens you have been on."),
    Action("history_forward", "greater_than_sign", ">", "forward", "Forward again."),
    Action(
        "filter",
        "slash",
        "/",
        "filter",
        "Filter log lines, in Datadog's search syntax, or rows of a list; in a text, find words.",
    ),
    Action("window", "t", "t", "window", "Next time window: 5m, 15m, 1h, 4h, 24h."),
    Action("pause", "space", "space", "pause", "Pause or resume live updates."),
    Action("refresh", "r", "r", "refresh", "Ask every source of this screen again, now."),
    Action(
        "sort",
        "s",
        "s",
        "sort",
        "Sort a table by the column under the cursor; on an account, only rows with something wrong.",
        where="a table or an account; i lists accounts, a opens one",
    ),
    Action("chart", "D", "D", "chart", "The number under the cursor over time; on a chart, another drawing of it."),
    Action("run", "x", "x", "run", "Run the check under the cursor again, or the step, where that is permitted."),
    Action("copy", "y", "y", "copy", "Copy what is under the cursor to your terminal's clipboard."),
    Action("plain", "Y", "Y", "plain text", "Show it as plain text, for terminals that take no copy."),
    Action("logs", "l", "l", "logs", "To the log lines of this issue."),
    Action("link", "o", "o", "link", "The link to the same query in the Datadog web application."),
    Action("older", "O", "O", "older", "Load older log lines."),
    Action("follow", "f", "f", "follow", "Follow the newest log line."),
    Action(
        "next_error",
        "right_square_bracket",
        "]",
        "next error",
        "To the next error in the log pane; in a text, to the next place that was found.",
    ),
    Action(
        "previous_error",
        "left_square_bracket",
        "[",
        "previous error",
        "To the previous error in the log pane; in a text, to the place before.",
    ),
    Action("explore", "L", "L", "explore", "The log explorer on the query in view: histogram, values, patterns."),
    Action(
        "zoom_in",
        "plus,equals_sign",
        "+",
        "zoom in",
        "A shorter time; in the log explorer, around the cursor.",
        where=_WRITTEN,
    ),
    Action("zoom_out", "minus", "-", "zoom out", "Back out, to a longer time.", where=_WRITTEN),
    Action(
        "patterns",
        "p",
        "p",
        "group",
        "Group similar messages; in a table, rows that say the same in the column under the cursor.",
        where="the log explorer or a table; L and i open them",
    ),
    Action("columns", "V", "V", "columns", "Choose the columns of a table.", where=_TABLES),
    Action("numbers", "number_sign", "#", "numbers", "Number the rows of a table.", where=_TABLES),
    Action(
        "facets",
        "v",
        "v",
        "values",
        "The most frequent values of attributes; enter adds one to the query.",
        where=_EXPLORER,
    ),
    Action(
        "correlate",
        "C",
        "C",
        "correlate",
        "Follow a line's correlation id over all services, or one that is typed.",
    ),
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
    Action(
        "export",
        "E",
        "E",
        "export",
        "Write the rows of a table, log lines or a chart to a new file.",
        where="a table, the log explorer or a chart; i, L and D open them",
    ),
    Action("level_critical", "1", "1", "critical", "Level 1: critical issues, act now."),
    Action("level_health", "2", "2", "health", "Level 2: system health."),
    Action("level_investigate", "3", "3", "investigate", "Level 3: investigation."),
    Action("account", "a", "a", "account", "Go to an account: its tokens, by account id."),
    Action("deal", "d", "d", "deal", "Go to a deal: why it does not sync, by deal id."),
    Action(
        "affected", "i", "i", "accounts hit", "Accounts affected by the issue in view, those that weigh most first."
    ),
    Action("backlog", "b", "b", "backlog", "The webhook backlog: does it get better, when is it empty, what is lost."),
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
    Action("hold", "Z", "Z", "pause", "Pause the recovery: nothing more is handed over.", where=_RECOVERY),
    Action("go_on", "R", "R", "resume", "Have the recovery go on, with the first rung.", where=_RECOVERY),
    Action("throttle", "B", "B", "throttle", "Bound the rate of the recovery.", where=_RECOVERY),
    Action("stop", "X", "X", "stop", "End the recovery; what was handed over is waited for.", where=_RECOVERY),
    Action("command", "colon", ":", "command", "Every action and guide by name."),
    Action("next_pane", "tab", "tab", "pane", "To the next pane."),
    Action("previous_pane", "shift+tab", "shift+tab", "pane", "To the previous pane."),
    Action("repaint", "ctrl+l", "ctrl+l", "redraw", "Redraw the screen, after something else wrote on it."),
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


PANE_KEYS = frozenset(
    {"j", "k", "g", "G", "h", "up", "down", "left", "right", "home", "end", "pageup", "pagedown", "ctrl+d", "ctrl+u"}
)
"""Keys that panes keep for moving, whatever else is remapped."""

NEVER_SENT: Mapping[str, str] = MappingProxyType(
    {"ctrl+m": "enter", "ctrl+i": "tab", "ctrl+left_square_bracket": "escape", "ctrl+h": "backspace"}
)
"""Keys for which a terminal sends what it sends for another one."""

_UNTOLD = frozenset({"alt", "meta", "super", "hyper"})
_CONTROL = re.compile(r"ctrl\+(?:[a-z]|backslash|right_square_bracket|circumflex_accent|underscore|at|space)")


def checked_keymap(keymap: Mapping[str, str]) -> dict[str, str]:
    """The user's keymap with its keys in Textual's spelling: actions known, keys that arrive, none taken twice.

    Raises UserError otherwise, also where a key is still that of an action which has kept its own.
    """
    known = {item.name: item.keys for item in ACTIONS} | {name: shown.replace(" / ", ",") for name, shown, _ in MOVES}
    given: dict[str, list[str]] = {}
    for name, keys in keymap.items():
        if name not in known:
            raise _mistake(
                f"unknown action {name!r} in the keymap",
                accepted=", ".join(sorted(known)),
                next_step="press ? in the console for the list of actions",
            )
        given[name] = [_spelled(key) for key in keys.split(",")]
        for key in given[name]:
            _check_key(name, key)
    # Those that were given first: of two that want one key, it is these that can be changed.
    taken: dict[str, str] = {}
    for name in (*given, *(name for name in known if name not in given)):
        for key in given.get(name) or known[name].split(","):
            other = taken.setdefault(key, name)
            if other != name:
                raise _mistake(
                    f"key {key!r} is given to both {other!r} and {name!r}"
                    if name in given
                    else f"key {key!r}, given to {other!r}, is that of {name!r}",
                    accepted="one action per key",
                    next_step=f"give one of the two another key: [ui.keymap] {name} = …",
                )
    return {name: ",".join(keys) for name, keys in given.items()}


def _check_key(name: str, key: str) -> None:
    """Raise UserError for what is no key, for one that never arrives, and for one that a pane keeps to itself."""
    modifiers, _, last = key.rpartition("+")
    problem = ""
    if not key:
        problem = f"action {name!r} is given no key"
    elif key in NEVER_SENT:
        problem = f"key {key!r} of {name!r} cannot be told from {NEVER_SENT[key]}: terminals send the same for both"
    elif _UNTOLD & set(modifiers.split("+")):
        problem = f"key {key!r} of {name!r} cannot be told from escape and {last!r}: terminals send the same for both"
    elif modifiers == "shift" and len(last) == 1:
        problem = f"key {key!r} of {name!r} is written {last.upper()!r}"
    elif not _is_key(key):
        problem = f"{key!r}, given to {name!r}, is no key that a terminal sends"
    elif key in PANE_KEYS and not name.startswith("row."):
        problem = f"key {key!r}, given to {name!r}, moves the cursor in every list"
    if problem:
        raise _mistake(
            problem,
            accepted="a letter, a digit or a sign; f1 to f12; ctrl+ and a letter other than h, i and m; "
            "enter, tab, escape, space, backspace, delete, insert",
            next_step="choose another key, or leave the action out to keep its own",
        )


def _is_key(key: str) -> bool:
    if key.startswith("ctrl+") and _CONTROL.fullmatch(key):
        return True
    return key in _NAMED or (len(key) == 1 and key.isprintable())


_NAMED = frozenset(
    {str(key.value) for key in Keys if "<" not in key.value and not re.match(r"ctrl\+(?:shift\+)?.$", key.value)}
    | {_character_to_key(character) for character in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"}
)


def _spelled(key: str) -> str:
    """A key as Textual spells it: signs by their names."""
    key = key.strip()
    modifiers, plus, last = key.rpartition("+")
    if len(key) == 1 or not last:
        return _character_to_key(key[-1:]) if len(key) == 1 else key
    return f"{modifiers}{plus}{_character_to_key(last) if len(last) == 1 else last}"


def _mistake(problem: str, *, accepted: str, next_step: str) -> UserError:
    return UserError(problem, where="[ui.keymap] in the settings", accepted=accepted, next_step=next_step)
