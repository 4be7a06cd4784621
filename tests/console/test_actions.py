"""One registry feeds keys, help, palette and keymap."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from diagnostics.catalogue import load_catalogue
from diagnostics.core.failures import UserError
from screens.account.screen import AccountScreen
from screens.actions import ACTIONS, MOVES, checked_keymap, handlers_of
from screens.base import ConsoleScreen
from screens.chart import ChartScreen
from screens.critical.screen import CriticalScreen
from screens.explorer.screen import ExplorerScreen
from screens.incident.incidents import IncidentsScreen
from screens.incident.respond import RespondScreen
from screens.incident.tasks import TasksScreen
from screens.incident.timeline import TimelineScreen
from screens.investigate.record import InvestigationScreen
from screens.recovery.drain import DrainScreen
from screens.table_screen import TableScreen
from tui.app import WarRoomApp

KEY = re.compile(r"`([^`]+)`")
DO_NOT_ARRIVE = {"ctrl+m", "ctrl+i", "ctrl+h", "ctrl+a", "ctrl+b"}


def test_no_key_is_given_to_two_actions() -> None:
    keys = [key for action in ACTIONS for key in action.keys.split(",")]
    assert len(keys) == len(set(keys))


def test_no_action_sits_on_a_key_that_never_arrives_over_ssh_and_tmux() -> None:
    assert not {key for action in ACTIONS for key in action.keys.split(",")} & DO_NOT_ARRIVE


def test_every_action_is_answered_on_level_1() -> None:
    unanswered = [
        action.name
        for action in ACTIONS
        if not action.where
        and action.name not in handlers_of(CriticalScreen)
        and action.name not in handlers_of(WarRoomApp)
    ]
    assert unanswered == []


def test_an_action_that_belongs_to_certain_screens_is_answered_there() -> None:
    screens: dict[str, tuple[type, ...]] = {
        "the log explorer": (ExplorerScreen,),
        "the log explorer and charts": (ExplorerScreen, ChartScreen),
        "an account": (AccountScreen,),
        "tasks, timeline and investigations": (TasksScreen, TimelineScreen, InvestigationScreen),
        "the preview of a notice": (RespondScreen,),
        "the list of incidents": (IncidentsScreen,),
        "a table": (TableScreen,),
        "a recovery that goes on": (DrainScreen,),
        "a table or an account": (TableScreen, AccountScreen),
        "the log explorer or a table": (ExplorerScreen, TableScreen),
        "a table, the log explorer or a chart": (TableScreen, ExplorerScreen, ChartScreen),
    }
    for action in ACTIONS:
        if action.where:
            for screen in screens[action.where.partition(";")[0]]:
                assert action.name in handlers_of(screen), action.name


def test_a_misspelt_handler_ends_the_import() -> None:
    with pytest.raises(TypeError, match="act_opne answers no action"):
        type("Misspelt", (ConsoleScreen,), {"act_opne": lambda _self: None})


def test_a_handler_that_no_key_can_call_ends_the_import() -> None:
    with pytest.raises(TypeError, match="takes no argument"):
        type("Asking", (ConsoleScreen,), {"act_open": lambda _self, _key: None})


def test_a_keymap_with_an_unknown_action_is_refused_with_the_accepted_ones() -> None:
    with pytest.raises(UserError, match="unknown action 'fly'") as error:
        checked_keymap({"fly": "f1"})
    assert "refresh" in error.value.accepted


def test_a_keymap_that_uses_a_key_twice_is_refused() -> None:
    with pytest.raises(UserError, match="given to both"):
        checked_keymap({"refresh": "f5", "pause": "f5"})


@pytest.mark.parametrize(
    ("keymap", "said"),
    [
        ({"quit": "foo"}, "'foo', given to 'quit', is no key"),
        ({"quit": ""}, "is given no key"),
        ({"quit": "j"}, "'j', given to 'quit', moves the cursor"),
        ({"refresh": "pagedown"}, "moves the cursor"),
        ({"quit": "w"}, "'w', given to 'quit', is that of 'why'"),
        ({"quit": "ctrl+q"}, "is that of 'leave'"),
        ({"quit": "/"}, "'slash', given to 'quit', is that of 'filter'"),
        ({"quit": "f10,w"}, "is that of 'why'"),
        ({"row.down": "q"}, "'q', given to 'row.down', is that of 'quit'"),
        ({"quit": "ctrl+m"}, "cannot be told from enter"),
        ({"quit": "ctrl+i"}, "cannot be told from tab"),
        ({"quit": "ctrl+["}, "cannot be told from escape"),
        ({"quit": "ctrl+h"}, "cannot be told from backspace"),
        ({"quit": "alt+x"}, "cannot be told from escape and 'x'"),
        ({"quit": "shift+q"}, "is written 'Q'"),
        ({"quit": "ctrl+1"}, "is no key that a terminal sends"),
        ({"quit": "f99"}, "is no key that a terminal sends"),
    ],
)
def test_a_keymap_that_cannot_work_is_refused_in_words(keymap: dict[str, str], said: str) -> None:
    with pytest.raises(UserError) as error:
        checked_keymap(keymap)
    assert said in error.value.problem
    assert "ui.keymap" in error.value.where


@pytest.mark.parametrize(
    ("keymap", "taken"),
    [
        ({"quit": "f10"}, {"quit": "f10"}),
        ({"quit": "ctrl+x , Q"}, {"quit": "ctrl+x,Q"}),
        ({"quit": "\\"}, {"quit": "backslash"}),
        ({"quit": "ctrl+\\"}, {"quit": "ctrl+backslash"}),
        # Two actions change places.
        ({"why": "e", "escalation": "w"}, {"why": "e", "escalation": "w"}),
        ({"row.down": "f7,j", "row.up": "f8"}, {"row.down": "f7,j", "row.up": "f8"}),
        # The keys that everything has by default.
        ({action.name: action.keys for action in ACTIONS}, {action.name: action.keys for action in ACTIONS}),
    ],
)
def test_a_keymap_that_works_is_taken_in_the_terminals_spelling(keymap: dict[str, str], taken: dict[str, str]) -> None:
    assert checked_keymap(keymap) == taken


def test_the_quick_reference_lists_exactly_the_keys_of_the_registry() -> None:
    section = load_catalogue().guide_section("quick-reference", "keys")
    listed = {key for line in section.splitlines() if line.startswith("| `") for key in KEY.findall(line.split("|")[1])}
    movers = {"j", "k", "g", "G", "ctrl+d", "ctrl+u"}
    assert listed - movers == {action.shown for action in ACTIONS}
    assert movers == {shown.split(" / ")[0] for _, shown, _ in MOVES}


def test_a_footer_names_the_key_that_the_registry_gives_to_the_word() -> None:
    keys: dict[str, set[str]] = {}
    for action in ACTIONS:
        keys.setdefault(action.word, set()).add(action.shown)
    root = Path(__file__).parents[2] / "screens"
    named = [
        (path.name, *map(str, words))
        for path in sorted(root.rglob("*.py"))
        for words in re.findall(r'Hint\("([^"]+)", "([^"]+)"\)', path.read_text())
    ]
    assert len(named) > 100
    # Enter opens whatever is under the cursor, and is called by what that is.
    wrong = [one for one in named if one[1] != "enter" and one[2] in keys and one[1] not in keys[one[2]]]
    assert wrong == []
