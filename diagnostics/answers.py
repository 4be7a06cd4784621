"""Answers shared for a few seconds: panes and checks that ask the same thing at the same time cost one request."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from diagnostics.failures import FailureKind, SourceFailure

T = TypeVar("T")

LONGEST_WAIT_S = 60.0
"""Every source ends within its own time limits; this only guards against a source that breaks that promise."""


@dataclass(slots=True, eq=False)
class _Answer:
    """One question under way or answered. Written before `done` is set, read after."""

    done: threading.Event = field(default_factory=threading.Event)
    value: Any = None
    error: BaseException | None = None
    answered_at: float = 0.0
    keep_s: float = 0.0
    """The longest that anybody has been content with it."""


class SharedAnswers:
    """A small single-flight cache. Failures reach everybody who waited and are not kept."""

    def __init__(self, *, most: int = 256, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._answers: OrderedDict[Hashable, _Answer] = OrderedDict()

    def get(self, key: Hashable, fresh_s: float, ask: Callable[[], T]) -> T:
        """The answer to `key`: one not older than `fresh_s` seconds, the one under way, or a new one from `ask`.

        Raises what `ask` raises, or SourceFailure (timed out) when another thread's asking never ends.
        """
        with self._lock:
            answer = self._answers.get(key)
            mine = answer is None or self._is_older(answer, fresh_s)
            if answer is None or mine:
                self._forget_expired()
                answer = self._answers[key] = _Answer()
                self._answers.move_to_end(key)
                self._forget_oldest()
            answer.keep_s = max(answer.keep_s, fresh_s)
        if mine:
            self._ask(key, answer, ask)
        elif not answer.done.wait(LONGEST_WAIT_S):
            raise SourceFailure(FailureKind.TIMED_OUT, "console", "the same question, asked before, has no answer yet")
        if answer.error is not None:
            raise answer.error
        return cast("T", answer.value)

    def forget(self) -> None:
        """Let every answer go, so that the next asker asks anew. A question under way is not asked twice."""
        with self._lock:
            for key in [key for key, answer in self._answers.items() if answer.done.is_set()]:
                del self._answers[key]

    def _ask(self, key: Hashable, answer: _Answer, ask: Callable[[], T]) -> None:
        try:
            answer.value = ask()
            answer.answered_at = self._clock()
        except BaseException as error:  # whoever waits for this answer must be woken, whatever ended it; raised again
            answer.error = error
            with self._lock:
                if self._answers.get(key) is answer:
                    del self._answers[key]
            raise
        finally:
            answer.done.set()

    def _is_older(self, answer: _Answer, than_s: float) -> bool:
        return answer.done.is_set() and self._clock() - answer.answered_at > than_s

    def _forget_expired(self) -> None:
        for key in [key for key, answer in self._answers.items() if self._is_older(answer, answer.keep_s)]:
            del self._answers[key]

    def _forget_oldest(self) -> None:
        while len(self._answers) > self._most:
            self._answers.popitem(last=False)
