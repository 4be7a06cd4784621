"""Attribute trees kept as compact JSON until somebody looks inside.

Measured reason: one log event of the 429 storm costs 3 kB as nested dictionaries, and the console may hold 100,000. As
text it costs half a kilobyte, and opening one takes two microseconds.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from typing import Any

import orjson


class LazyJson(Mapping[str, Any]):
    """A read-only mapping of JSON values. Every read opens it; the last one opened stays open for the next read."""

    __slots__ = ("_raw", "has_text")

    _last: tuple[LazyJson, dict[str, Any]] | None = None
    """Shared by all: one query asks one event for several attributes in a row. Replaced whole, so threads may race."""

    def __init__(self, raw: bytes, *, has_text: bool = True) -> None:
        self._raw = raw
        self.has_text = has_text
        """Whether a key at the top is one that free text searches; known without opening it."""

    def open(self) -> dict[str, Any]:
        """The tree as dictionaries and lists. Not to be changed."""
        last = LazyJson._last
        if last is not None and last[0] is self:
            return last[1]
        tree: dict[str, Any] = orjson.loads(self._raw)
        LazyJson._last = (self, tree)
        return tree

    def lacks(self, needle: bytes) -> bool:
        """Whether `needle`, lower case, is anywhere in it in no letter case. Not opened.

        False may also mean that it takes a closer look: lower case beyond ASCII may become ASCII.
        """
        return self._raw.isascii() and needle not in self._raw.lower()

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401  # what JSON holds
        """The value at `key`, or `default`."""
        return self.open().get(key, default)

    def values(self) -> ValuesView[Any]:
        """The values at the top."""
        return self.open().values()

    def items(self) -> ItemsView[str, Any]:
        """The keys and values at the top."""
        return self.open().items()

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401  # what JSON holds
        return self.open()[key]

    def __contains__(self, key: object) -> bool:
        return key in self.open()

    def __iter__(self) -> Iterator[str]:
        return iter(self.open())

    def __len__(self) -> int:
        return len(self.open())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, LazyJson):
            return self._raw == other._raw or self.open() == other.open()
        return isinstance(other, Mapping) and self.open() == dict(other)

    __hash__ = None  # type: ignore[assignment]  # equal to dictionaries, which have none

    def __repr__(self) -> str:
        return repr(self.open())


def has_text(tree: Mapping[str, Any]) -> bool:
    """Whether a key at the top may lead to `title`, `error.message` or `error.stack`."""
    # Spelled out: a loop over the four costs more than a search in a message.
    return "error" in tree or "title" in tree or "error.message" in tree or "error.stack" in tree


def lazy(tree: dict[str, Any]) -> Mapping[str, Any]:
    """`tree` as lazy JSON; as it is when it holds what compact JSON cannot (integers beyond 64 bits)."""
    try:
        # Copied: what the encoder returns sits in a buffer twice its size, which shrinking does not give back.
        return LazyJson(bytes(memoryview(orjson.dumps(tree))), has_text=has_text(tree))
    except TypeError:
        return tree


class Sharing:
    """One copy of each short text that keeps coming back: services, hosts, messages, tags. Forgets all when full."""

    __slots__ = ("_known", "_most")

    def __init__(self, most: int = 20_000) -> None:
        self._known: dict[Any, Any] = {}
        self._most = most

    def text(self, text: str) -> str:
        """The first copy seen of this text."""
        if len(text) > 300:
            return text
        if len(self._known) >= self._most:
            self._known.clear()
        return self._known.setdefault(text, text)  # type: ignore[no-any-return]  # equal keys are texts

    def texts(self, texts: tuple[str, ...]) -> tuple[str, ...]:
        """The first copy seen of this tuple of texts."""
        if len(self._known) >= self._most:
            self._known.clear()
        return self._known.setdefault(texts, texts)  # type: ignore[no-any-return]  # equal keys are tuples of texts
