"""The team's poller: takes events that are pending and due, delivers each, and writes down what it was answered.

It claims events before it delivers them (`processing`), as several pollers have to. A 429 counts as an attempt: with
fewer than three the event is put off, else it has failed; with twelve it is lost. So are the rows of `nov17`.
"""

from __future__ import annotations

import http.client
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sandbox.recovery.zillow import LIMITED, TAKEN
from sandbox.rows.webhook_rows import PUT_OFF_S

if TYPE_CHECKING:
    from sandbox.stores.filling import Store

Deliver = Callable[[int, float], tuple[int, int | None]]
"""Event and moment to status and Retry-After; raises OSError where nobody answers."""

PUT_OFF = 3
"""An event with fewer attempts is put off after a 429; with so many it has failed."""
MOST_ATTEMPTS = 12

PAGE = 200
EVERY_S = 0.25

_DUE = "status = 'pending' AND next_attempt_at <= {} ORDER BY next_attempt_at, id LIMIT {}"


class Poller:
    """`step` is one look; `start` has a thread take them."""

    def __init__(self, store: Store, deliver: Deliver, now_s: Callable[[], float] = time.time) -> None:
        self._store = store
        self._deliver = deliver
        self._now_s = now_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="poller", daemon=True)

    def start(self) -> None:
        """Begin to poll."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait until nothing is being delivered any more."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def step(self, now: float) -> int:
        """Claim what is due, deliver it, write it down; how many events it was."""
        taken = self.claim(now)
        answers = [self.deliver(event, attempts, max(due, min(now, due + EVERY_S))) for event, attempts, due in taken]
        self.write_down(answers)
        return len(taken)

    def claim(self, now: float) -> Sequence[tuple[int, int, float]]:
        """Id, attempts and moment of events that are due; they are `processing` from now on."""
        where = _DUE.format(f"'{_text(now)}'", PAGE)
        with self._store.writer() as cursor:
            cursor.execute(f"SELECT id, attempts, next_attempt_at FROM zillow_webhook_events WHERE {where}")  # noqa: S608  # our own words
            found = [(int(row[0]), int(row[1]), _seconds(row[2])) for row in cursor.fetchall()]
            if found:
                ids = ", ".join(str(event) for event, _, _ in found)
                cursor.execute(f"UPDATE zillow_webhook_events SET status = 'processing' WHERE id IN ({ids})")  # noqa: S608  # numbers
        return found

    def deliver(self, event: int, attempts: int, at: float) -> tuple[int, str]:
        """Deliver one event; its id, and what becomes of its row."""
        try:
            status, wait = self._deliver(event, at)
        except OSError:
            status, wait = 0, None
        return event, _became(attempts + 1, status, wait, at)

    def write_down(self, answers: Sequence[tuple[int, str]]) -> None:
        """Write the answers down. Killed before, the events stay `processing`, whatever they were answered."""
        if not answers:
            return
        with self._store.writer() as cursor:
            for event, became in answers:
                where = f"WHERE id = {event} AND status = 'processing'"
                cursor.execute(f"UPDATE zillow_webhook_events SET {became} {where}")  # noqa: S608  # our own words and numbers

    def _run(self) -> None:
        complained = False
        while not self._ended.wait(EVERY_S):
            try:
                while self.step(self._now_s()) == PAGE and not self._ended.is_set():
                    pass
                complained = False
            except Exception as failure:  # noqa: BLE001  # whatever a driver raises, the thread must outlive it
                if not complained:
                    sys.stderr.write(f"the poller stands still: {failure}\n")
                complained = True


def _became(attempts: int, status: int, wait: int | None, at: float) -> str:
    counted = f"attempts = {attempts}, http_status = {status or 'NULL'}"
    if status == TAKEN:
        return f"status = 'delivered', {counted}, last_error = NULL, processed_at = '{_text(at)}'"
    error = "HTTP 429 Too Many Requests" if status == LIMITED else f"HTTP {status}" if status else "no answer"
    error += f"; Retry-After: {wait}" if wait is not None else ""
    later = f"next_attempt_at = '{_text(at + PUT_OFF_S)}'"
    if attempts >= MOST_ATTEMPTS:
        became = f"status = 'lost', processed_at = '{_text(at)}'"
    elif status == LIMITED and attempts < PUT_OFF:
        became = f"status = 'pending', {later}"
    else:
        became = f"status = 'failed', {later}"
    return f"{became}, {counted}, last_error = '{error}'"


def over_http(base_url: str, path: str) -> Deliver:
    """Deliver over HTTP, with one connection that is kept."""
    place = urlsplit(base_url)
    kept: list[http.client.HTTPConnection] = []

    def deliver(event: int, _at: float) -> tuple[int, int | None]:
        if not kept:
            kept.append(http.client.HTTPConnection(place.hostname or "", place.port, timeout=10))
        try:
            kept[0].request("POST", f"{path}/{event}", body=b"{}", headers={"content-type": "application/json"})
            answer = kept[0].getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            kept.pop().close()
            raise ConnectionError from None
        wait = answer.headers.get("retry-after")
        return answer.status, int(wait) if wait is not None and wait.isdecimal() else None

    return deliver


def _text(at: float) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at)).strftime("%Y-%m-%d %H:%M:%S.%f")


def _seconds(value: object) -> float:
    at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return at.replace(tzinfo=UTC).timestamp()
