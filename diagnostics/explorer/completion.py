"""Completion of a query as it is typed: attributes first, then their values, both as seen in the loaded lines."""

from __future__ import annotations

import re
from collections.abc import Iterable

from diagnostics.core.failures import UserError
from diagnostics.core.words import plural
from diagnostics.explorer.facets import RESERVED, FacetCounter
from diagnostics.logs import quote
from diagnostics.models.explorer import Completion, Completions

MOST = 12

_WORD_END = re.compile(r"[\s()]")
_FIELD = re.compile(r"(?P<minus>-?)(?P<name>@?[\w.$/\[\]-]+):(?P<value>.*)", re.DOTALL)
_ATTRIBUTE = re.compile(r"@[\w.]+")

STATUSES = ("error", "warn", "info", "critical", "debug")
OPERATORS = ("AND", "OR")


def known_attributes(queries: Iterable[str]) -> tuple[str, ...]:
    """Attributes that the catalogue's queries name: they are offered before any line is loaded."""
    return tuple(dict.fromkeys(name for query in queries for name in _ATTRIBUTE.findall(query)))


class Completer:
    """Ways to go on with a query at a cursor. Pure; never raises for any text."""

    def __init__(self, counter: FacetCounter, known: Iterable[str] = ()) -> None:
        self._counter = counter
        self._known = tuple(known)

    def complete(self, text: str, cursor: int) -> Completions:
        """Completions of the word that ends at `cursor`, best first."""
        cursor = max(0, min(cursor, len(text)))
        start = _word_start(text, cursor)
        word = text[start:cursor]
        field = _FIELD.fullmatch(word)
        if field is not None:
            at = cursor - len(field["value"])
            return Completions(at, cursor, self._values(field["name"], field["value"]))
        minus = word.startswith("-")
        return Completions(start + minus, cursor, self._fields(word[minus:]))

    def _fields(self, typed: str) -> tuple[Completion, ...]:
        wanted = typed.casefold().lstrip("@")
        seen = self._counter.names()
        names = dict.fromkeys((*seen, *RESERVED, *self._known))
        options = [
            Completion(f"{name}:", self._seen(name) if name in seen else "")
            for name in sorted(names, key=lambda name: not name.lstrip("@").casefold().startswith(wanted))
            if wanted in name.casefold() and (not typed.startswith("@") or name.startswith("@"))
        ]
        options += [Completion(word) for word in OPERATORS if typed and word.startswith(typed)]
        return tuple(options[:MOST])

    def _seen(self, name: str) -> str:
        values = self._counter.values(name)
        return f"{plural(len(values), 'value')} seen"

    def _values(self, name: str, typed: str) -> tuple[Completion, ...]:
        wanted = typed.casefold().lstrip('("')
        found = list(self._counter.values(name))
        if name == "status":
            found += [(status, 0) for status in STATUSES if status not in {value for value, _ in found}]
        options: list[Completion] = []
        for value, count in sorted(found, key=lambda one: not one[0].casefold().startswith(wanted)):
            if wanted not in value.casefold():
                continue
            try:
                options.append(Completion(quote(value), plural(count, "line") if count else ""))
            except UserError:
                # A value that no query can carry is no way to go on.
                continue
            if len(options) == MOST:
                break
        return tuple(options)


def _word_start(text: str, cursor: int) -> int:
    """Where the word under the cursor begins; inside quotation marks, where its field does."""
    in_quotes, opened = False, 0
    for column, letter in enumerate(text[:cursor]):
        if letter == '"' and text[column - 1 : column] != "\\":
            in_quotes = not in_quotes
            opened = column
    end = opened if in_quotes else cursor
    boundaries = [found.end() for found in _WORD_END.finditer(text[:end])]
    return boundaries[-1] if boundaries else 0
