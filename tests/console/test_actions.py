"""One registry feeds keys, help, palette and keymap."""

from __future__ import annotations

import re

import pytest

from diagnostics.catalogue import load_catalogue
from diagnostics.core.failures import UserError
from screens.account.screen import AccountScreen
from screens.actions import ACTIONS, MOVES, checked_keymap, handlers_of
from screens.base import ConsoleScreen
from screens.critical.screen import CriticalScreen
from screens.explorer.screen import ExplorerScreen
from screens.incident.incidents import IncidentsScreen
from screens.incident.respond import RespondScreen
from screens.incident.tasks import TasksScreen
from screens.incident.timeline import TimelineScreen
from screens.investigate.record import InvestigationScreen
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
        "an account": (AccountScreen,),
        "tasks, timeline and investigations": (TasksScreen, TimelineScreen, InvestigationScreen),
        "the preview of a notice": (RespondScreen,),
        "the list of incidents": (IncidentsScreen,),
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


def test_the_quick_reference_lists_exactly_the_keys_of_the_registry() -> None:
    section = load_catalogue().guide_section("quick-reference", "keys")
    listed = {key for line in section.splitlines() if line.startswith("| `") for key in KEY.findall(line.split("|")[1])}
    movers = {"j", "k", "g", "G", "ctrl+d", "ctrl+u"}
    assert listed - movers == {action.shown for action in ACTIONS}
    assert movers == {shown.split(" / ")[0] for _, shown, _ in MOVES}
