"""Similar messages as one pattern: what varies is masked, and what then still differs in few words is merged.

The way is that of Drain (He et al., 2017) with the clusters of one message length in one list. The kept library for it
brings a persistence layer and its own masking; these two steps are what a page of lines needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from diagnostics.models.events import LogEvent
from diagnostics.models.explorer import LEVELS, Pattern, level_of

SIMILAR = 0.85
"""Share of equal words from which two messages of one length are one pattern: which call failed must not be merged."""

MOST_WORDS = 60
"""Words of a message that are compared; the rest seldom tells messages apart."""

MOST_LETTERS = 4_000
"""Letters of a message that are looked at: sixty words, however long."""

MOST_CLUSTERS = 400
"""Of one length; beyond, messages without a pattern are gathered under one that says so."""

SAMPLES = 5
ANY_WORD = "<*>"
OTHERS = "(messages without a common pattern)"

_MASKS = (
    (re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"), "<id>"),
    (re.compile(r"\bX1-ZU\w+"), "<id>"),
    # From the beginning of a run only, and nothing given back: tried from each of its letters, a line of one long run
    # would cost their square.
    (re.compile(r"(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)++"), "<address>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"), "<address>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r'"[^"]*"'), "<text>"),
    (re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b"), "<id>"),
    (re.compile(r"(?<![\w<])-?\d+(?:[.,]\d+)*"), "<number>"),
    (re.compile(r"(?<=[A-Za-z_])[-_]\d+\b"), "-<number>"),
)

_KEPT_NUMBERS = re.compile(r"\b(HTTP|status|code)( |=|:)<number>")
_STATUS = re.compile(r"\b(?:HTTP|status|code)[ =:](\d{3})\b")


def masked(message: str) -> str:
    """The message with its variable parts replaced; an HTTP status is no variable part, it tells messages apart."""
    message = message[:MOST_LETTERS]
    statuses = _STATUS.findall(message)
    for mask, word in _MASKS:
        message = mask.sub(word, message)
    kept = iter(statuses)
    return _KEPT_NUMBERS.sub(lambda found: f"{found[1]}{found[2]}{next(kept, '<number>')}", message)


@dataclass(slots=True)
class _Cluster:
    """Messages of one pattern so far."""

    words: list[str]
    count: int = 0
    level: str = "info"
    first_ms: int = 0
    last_ms: int = 0
    services: dict[str, None] = field(default_factory=dict)
    samples: list[LogEvent] = field(default_factory=list)

    def alike(self, words: Sequence[str]) -> float:
        same = sum(mine == other for mine, other in zip(self.words, words, strict=True))
        return same / max(1, len(words))

    def take(self, event: LogEvent, words: Sequence[str]) -> None:
        if list(words) != self.words:
            pairs = zip(self.words, words, strict=True)
            self.words = [mine if mine == other else ANY_WORD for mine, other in pairs]
        self.count += 1
        self.level = min(self.level, level_of(event.status), key=LEVELS.index)
        self.first_ms = min(self.first_ms or event.timestamp_ms, event.timestamp_ms)
        self.last_ms = max(self.last_ms, event.timestamp_ms)
        self.services.setdefault(event.service)
        self.samples.append(event)
        if len(self.samples) > 4 * SAMPLES:
            self._keep_newest()

    def pattern(self) -> Pattern:
        self._keep_newest()
        return Pattern(
            template=" ".join(self.words),
            count=self.count,
            level=self.level,
            services=tuple(self.services),
            first_ms=self.first_ms,
            last_ms=self.last_ms,
            samples=tuple(self.samples),
        )

    def _keep_newest(self) -> None:
        self.samples = sorted(self.samples, key=lambda event: -event.timestamp_ms)[:SAMPLES]


def patterns(events: Iterable[LogEvent]) -> tuple[Pattern, ...]:
    """The patterns of these events' messages, most frequent first. Every event is in exactly one."""
    exact: dict[str, _Cluster] = {}
    by_length: dict[int, list[_Cluster]] = {}
    others = _Cluster([OTHERS])
    for event in events:
        text = masked(event.message)
        known = exact.get(text)
        words = text.split()[:MOST_WORDS]
        if known is None:
            known = _place(by_length.setdefault(len(words), []), words)
            if known is None:
                others.take(event, others.words)
                continue
            exact[text] = known
        known.take(event, words)
    found = [cluster for clusters in by_length.values() for cluster in clusters]
    if others.count:
        found.append(others)
    return tuple(sorted((one.pattern() for one in found), key=lambda one: (-one.count, one.template)))


def _place(clusters: list[_Cluster], words: list[str]) -> _Cluster | None:
    """The cluster that is most alike, or a new one; None when there are too many to make another."""
    best = max(clusters, key=lambda cluster: cluster.alike(words), default=None)
    if best is not None and best.alike(words) >= SIMILAR:
        return best
    if len(clusters) >= MOST_CLUSTERS:
        return None
    cluster = _Cluster(list(words))
    clusters.append(cluster)
    return cluster
