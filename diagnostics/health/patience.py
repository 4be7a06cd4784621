"""Long questions beside quick ones: a table of figures must not wait a minute for the one that asks every account."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from diagnostics.failures import FailureKind, SourceFailure
from diagnostics.jobs import Job, Progress

logger = logging.getLogger(__name__)

Value = TypeVar("Value")


class StillAsking(SourceFailure):
    """The question is under way, and nobody waits for it; nothing has failed."""

    def __init__(self, source: str, progress: Progress | None) -> None:
        total = "" if progress is None or progress.total is None else f" of {progress.total:,}"
        self.so_far = "" if progress is None else f", {progress.done:,}{total} {progress.unit}".rstrip()
        super().__init__(
            FailureKind.TIMED_OUT,
            source,
            f"still being asked{self.so_far}",
            remedy="It shows by itself when the answer is there.",
        )

    def headline(self) -> str:
        """Such as "all accounts: being asked, 512 of 6,864 accounts"."""
        return f"{self.source}: being asked{self.so_far}"


@dataclass(slots=True, eq=False)
class _Question:
    done: threading.Event = field(default_factory=threading.Event)
    value: Any = None
    error: Exception | None = None
    progress: Progress | None = None


class Patience:
    """Runs long questions on daemon threads, each once at a time, and waits for them as long as the asker likes.

    It keeps no answers: `ask` shares and keeps them itself, so that an asker with time gets the same ones.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, _Question] = {}

    def get(self, key: Hashable, source: str, ask: Callable[[Job], Value], patience_s: float | None) -> Value:
        """The answer to `ask`; raises StillAsking when it takes longer than `patience_s` seconds, or what `ask` raises.

        None waits for as long as `ask` takes.
        """
        if patience_s is None:
            return ask(Job())
        with self._lock:
            question = self._under_way.get(key)
            if question is None:
                question = self._under_way[key] = _Question()
                threading.Thread(target=self._run, args=(key, question, ask), name=f"asking {key}", daemon=True).start()
        if not question.done.wait(patience_s):
            raise StillAsking(source, question.progress)
        if question.error is not None:
            raise question.error
        return cast("Value", question.value)

    def _run(self, key: Hashable, question: _Question, ask: Callable[[Job], Any]) -> None:
        def report(progress: Progress) -> None:
            question.progress = progress

        try:
            question.value = ask(Job(report))
        except SourceFailure as failure:
            question.error = failure
        except Exception as error:  # a thread of its own: whoever waits must be woken and told
            logger.exception("the question %s failed unexpectedly", key)
            question.error = SourceFailure(
                FailureKind.MALFORMED, "console", f"the console met an error of its own ({type(error).__name__})"
            )
        finally:
            with self._lock:
                del self._under_way[key]
            question.done.set()
