"""Which of many cases `make test` runs; `make matrix` runs the others."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

SEED = 20251117


def sampled(values: Sequence[Any], keep: int) -> list[Any]:
    """The values as parameters of a test, all but `keep` of them marked for the matrix; the same ones every time."""
    kept = set(Random(SEED).sample(range(len(values)), keep))  # noqa: S311  # cases, not secrets
    return [
        value if number in kept else pytest.param(value, marks=pytest.mark.matrix)
        for number, value in enumerate(values)
    ]
