"""Long questions of a screen: how far they are, said at the bottom, and Esc that ends them.

The answering thread only writes a number into a slot; a timer on the event loop looks at it four times a second, so
that a job over thousands of databases costs the terminal four short lines a second at most, and a finished one nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.waiting import Job, Progress
from widgets.footer_bar import FooterBar

if TYPE_CHECKING:
    from textual.timer import Timer

    from screens.base import ConsoleScreen

Answer = TypeVar("Answer")

LOOK_EVERY_S = 0.25
"""How often progress is looked at."""


def progress_words(doing: str, progress: Progress | None) -> str:
    """Such as "OAuth diagnosis: 1,234 of 6,864 accounts"; without a total only how many are done."""
    if progress is None or (progress.total is None and not progress.done):
        return f"{doing}: asking"
    unit = f" {progress.unit}" if progress.unit else ""
    if progress.total is None:
        return f"{doing}: {progress.done:,}{unit} so far"
    return f"{doing}: {progress.done:,} of {progress.total:,}{unit}"


class RunningJob(Generic[Answer]):
    """One long question of one screen, from its start to its answer. Used on the event loop only."""

    def __init__(
        self,
        screen: ConsoleScreen,
        work: Callable[[Job], Answer],
        then: Callable[[Answer], None],
        *,
        doing: str,
        limit_s: float | None,
    ) -> None:
        self.screen = screen
        self.doing = doing
        self.job = Job(self._note, limit_s=limit_s)
        self.is_running = True
        self._work = work
        self._then = then
        self._progress: Progress | None = None
        self._answers: list[Answer] = []
        """Empty, or the answer that waits for the screen to be seen again."""
        self._dropped = threading.Event()
        self._timer: Timer | None = None

    def start(self) -> None:
        """Begin the question in a thread."""
        self.screen.host.ask(self._run, self._answered, doing=self.doing, failed=self._ended)
        for footer in self.screen.query(FooterBar):
            # The standing line says it, with progress.
            footer.hush()
        self._draw()
        self._timer = self.screen.set_interval(LOOK_EVERY_S, self._draw)

    def cancel(self) -> None:
        """Ask it to end: what was found so far may still be answered. A second time: drop whatever comes."""
        if not self.job.is_cancelled:
            self.job.cancel()
            self._draw()
            return
        self.drop()
        self.screen.host.say(f"{self.doing}: ended; nothing was kept")

    def drop(self) -> None:
        """End it and forget its answer."""
        self.job.cancel()
        self._dropped.set()
        self._answers.clear()
        self._ended()

    def deliver(self) -> None:
        """Hand over an answer that came while the screen was covered."""
        if self._answers:
            self._then(self._answers.pop())

    # ---- in the asking thread

    def _note(self, progress: Progress) -> None:
        self._progress = progress

    def _run(self) -> list[Answer]:
        """The answer in a list; the empty one when nobody waits for it any more."""
        try:
            return [self._work(self.job)]
        except SourceFailure as failure:
            if self._dropped.is_set() or (failure.kind is FailureKind.CANCELLED and self.job.is_cancelled):
                return []
            raise

    # ---- on the event loop

    def _answered(self, answers: list[Answer]) -> None:
        if self._dropped.is_set():
            return
        self._ended()
        if not answers:
            self.screen.host.say(f"{self.doing}: ended because you asked for it")
            return
        self._answers = answers
        if self.screen.app.screen is self.screen:
            self.deliver()
        else:
            self.screen.host.say(f"{self.doing}: the answer is there; go back to see it")

    def _ended(self) -> None:
        self.is_running = False
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        for footer in self.screen.query(FooterBar):
            footer.stand("")

    def _draw(self) -> None:
        if not self.is_running:
            return
        separator = self.screen.host.glyphs.separator
        keys = "ending; esc again drops it" if self.job.is_cancelled else "esc cancels"
        words = self.screen.host.glyphs.text(f"{progress_words(self.doing, self._progress)} {separator} {keys}")
        for footer in self.screen.query(FooterBar):
            footer.stand(words)
