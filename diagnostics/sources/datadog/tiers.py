"""Storage tiers of logs: which one is asked, and whether another may hold lines that are then not found.

An index keeps lines in its standard tier for some days and, where flex storage is bought, longer or only in its flex
tier. A question names one tier; ours name the indexes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from diagnostics.core.failures import FailureKind, SourceFailure
from diagnostics.core.time import utc_now
from diagnostics.core.waiting import failing_typed

ASKED = "indexes"
"""The standard tier, as `storage_tier` of a question names it."""
_KEPT_S = 3_600.0
"""How long what was read stands, a refusal too: the configuration changes a few times a year."""
WAIT_S = 0.3
"""How long an answer that is there already waits for it."""


@dataclass(slots=True, frozen=True)
class FlexTier:
    """Whether logs may be in a flex tier, and who says so."""

    exists: bool | None
    """None: not known."""
    standard_days: int = 0
    """Days for which every line is in the standard tier too; 0 where that is not known or never the case."""
    basis: str = "the index configuration"
    """Who says so; where nobody does, why the index configuration does not."""

    def caveat(self, start: datetime) -> str:
        """For evidence of a window that begins at `start` (aware); empty where no other tier can hold its lines."""
        if self.exists is None:
            return f"asked: {ASKED}, whether a flex tier holds more is not known"
        if not self.exists or (self.standard_days and start >= utc_now() - timedelta(days=self.standard_days)):
            return ""
        return f"asked: {ASKED}, not the flex tier, which may hold {self.what}"

    @property
    def what(self) -> str:
        """What the flex tier may hold alone."""
        return f"lines older than {self.standard_days} days" if self.standard_days else "more"


class Tiers:
    """What is known of the tiers of one organisation. Thread-safe.

    The index configuration is read beside the first answer that needs it, then once an hour at most; where the key may
    not read it, or it does not say, the setting `datadog.flex_tier` counts.
    """

    def __init__(
        self, read: Callable[[], FlexTier], setting: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._clock = clock
        self._set = {"yes": True, "no": False}.get(setting)
        self._lock = threading.Lock()
        self._known: FlexTier | None = None
        self._read_again_at = 0.0
        self._reading: threading.Thread | None = None

    def flex(self, wait_s: float | None = None) -> FlexTier:
        """What is known; waits `wait_s` seconds while it is read, None for as long as that takes. Raises nothing."""
        with self._lock:
            if self._reading is None and (self._known is None or self._clock() >= self._read_again_at):
                self._reading = threading.Thread(target=self._ask, name="tiers", daemon=True)
                self._reading.start()
            reading = self._reading
        if reading is not None:
            reading.join(wait_s)
        with self._lock:
            return self._known or FlexTier(self._set, basis="it is being read")

    def _ask(self) -> None:
        try:
            known = failing_typed(self._read, "the index configuration")
        except SourceFailure as failure:
            denied = failure.kind is FailureKind.DENIED
            reason = "the key may not read the index configuration" if denied else failure.reason
            known = FlexTier(self._set, basis=reason if self._set is None else "the setting datadog.flex_tier")
        with self._lock:
            self._known = known
            self._read_again_at = self._clock() + _KEPT_S
            self._reading = None
