"""Every address leads to a screen that can be made of its fields."""

from __future__ import annotations

import inspect

import pytest

from screens import addresses
from screens.base import ConsoleScreen
from screens.critical.screen import CriticalScreen
from screens.health.screen import HealthScreen
from screens.investigate.screen import InvestigateScreen
from tui.navigation import screen_class

KINDS = [
    one
    for one in vars(addresses).values()
    if isinstance(one, type) and issubclass(one, addresses.Address) and not one.__subclasses__()
]
"""Every address that nothing else is derived from."""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_address_names_a_screen_that_takes_its_fields(kind: type[addresses.Address]) -> None:
    found = screen_class(kind)
    assert issubclass(found, ConsoleScreen)
    assert found.__name__ == kind.__name__.removesuffix("At") + "Screen"
    taken = inspect.signature(found).parameters
    given: set[str] = set(getattr(kind, "__dataclass_fields__", ()))
    assert given <= set(taken)
    needed = [name for name, one in taken.items() if one.default is inspect.Parameter.empty]
    assert set(needed) <= given


def test_every_screen_says_which_question_it_answers_in_one_line_of_its_own() -> None:
    levels: tuple[type[ConsoleScreen], ...] = (CriticalScreen, HealthScreen, InvestigateScreen)
    screens = [*levels, *map(screen_class, KINDS)]
    questions = {one.__name__: vars(one).get("answers", "") for one in screens}
    assert {name: said for name, said in questions.items() if not said.endswith("?") or len(said) > 76} == {}
    assert len(set(questions.values())) == len(screens)
