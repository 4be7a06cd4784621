"""Waiting for what comes to pass by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest


def wait_until(condition: Callable[[], object]) -> None:
    """Ask again and again, for twenty seconds at most."""
    pause = threading.Event()
    for _ in range(1_000):
        if condition():
            return
        pause.wait(0.02)
    pytest.fail("it never came to pass")
