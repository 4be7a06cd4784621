"""Which of many cases `make test` runs; `make matrix` runs the others.

The draw hangs on a seed that stands in the first lines of every run. `WARROOM_SAMPLES=20251203 make test` draws anew;
the same seed always draws the same.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet

VARIABLE = "WARROOM_SAMPLES"
SEED = os.environ.get(VARIABLE, "").strip() or "20251117"

KINDS = ("sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb))
"""The kinds of database that a fixture offers by these names."""


def sampled(values: Sequence[Any], keep: int, named: str = "") -> list[Any]:
    """The values as parameters of a test, all but `keep` of them marked for the matrix; the same ones for one seed.

    Groups with a name draw each for themselves, so that not all of them take the first. Cases of several parameters
    are written as `pytest.param`.
    """
    draw = Random(f"{SEED} {named}" if named or not SEED.isdecimal() else int(SEED))  # noqa: S311  # cases, not secrets
    kept = set(draw.sample(range(len(values)), keep))
    return [value if number in kept else _in_matrix(value) for number, value in enumerate(values)]


def _in_matrix(value: Any) -> ParameterSet:  # noqa: ANN401  # whatever a test takes
    if isinstance(value, ParameterSet):
        return pytest.param(*value.values, marks=[*value.marks, pytest.mark.matrix], id=value.id)
    return pytest.param(value, marks=pytest.mark.matrix)


def on_one_kind(fixture: str, named: str) -> pytest.MarkDecorator:
    """For a test of seconds: its fixture on one kind of database, drawn by the seed, and on the other in the matrix."""
    return pytest.mark.parametrize(fixture, sampled(KINDS, 1, named), indirect=True)
