"""The query as a tree. Positions are kept for messages and do not take part in equality.

    And(Term(service, fub), Not(Term(@message, *rate*limit*)))

Every node is frozen and hashable, so that a compiled query can be cached by its tree.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import Enum, StrEnum


class FieldKind(StrEnum):
    """What a term looks at."""

    FREE_TEXT = "free text"
    """The reserved message, `@title`, `@error.message` and `@error.stack`, word by word, in any letter case."""
    FULL_TEXT = "full text"
    """`*:` — the message and every attribute, word by word, in any letter case."""
    RESERVED = "reserved"
    """`service:`, `status:`, `host:`, `source:`, `trace_id:`, `message:` and `tags:`, in any letter case."""
    TAG = "tag"
    """`env:prod` — a tag, in any letter case."""
    ATTRIBUTE = "attribute"
    """`@path` — a custom attribute, letter case counts."""


STATUSES = ("emergency", "alert", "critical", "error", "warn", "notice", "info", "debug", "ok")
"""The statuses a log can have. Source: Datadog, status remapper."""

RESERVED_NAMES = ("service", "status", "host", "source", "trace_id", "message", "tags")


@dataclass(frozen=True, slots=True)
class Field:
    """What a term looks at, and under which name. `name` is unescaped and without `@` or the colon."""

    kind: FieldKind
    name: str = ""

    def __str__(self) -> str:
        prefix = "@" if self.kind is FieldKind.ATTRIBUTE else ""
        return f"{prefix}{self.name}" if self.name else self.kind.value


FREE_TEXT = Field(FieldKind.FREE_TEXT)
FULL_TEXT = Field(FieldKind.FULL_TEXT)


class Wildcard(Enum):
    """A piece of a pattern that stands for other characters. Not a string: an escaped `\\*` must never equal it."""

    ANY = "*"
    """Any number of characters, also none."""
    ONE = "?"
    """Exactly one character."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A value to be met exactly: an escaped or plain word, or a phrase."""

    text: str


@dataclass(frozen=True, slots=True)
class Glob:
    """A value with wildcards. Literal pieces are unescaped, never empty and never adjacent; `**` has become `*`."""

    pieces: tuple[str | Wildcard, ...]


@dataclass(frozen=True, slots=True)
class Exists:
    """`@x:*` — there is a value, whatever it is."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`@a:>=500`. Numeric when `bound` is a number, by code point otherwise."""

    operator: str
    """One of `>`, `>=`, `<`, `<=`."""
    bound: str


@dataclass(frozen=True, slots=True)
class Range:
    """`[1 TO 5]`, `{1 TO 5}` or mixed; None is an open end (`*`)."""

    lower: str | None
    upper: str | None
    includes_lower: bool = True
    includes_upper: bool = True


Value = Literal | Glob | Exists | Comparison | Range


@dataclass(frozen=True, slots=True)
class MatchAll:
    """The empty query, `*` and `*:*`."""


@dataclass(frozen=True, slots=True)
class Term:
    """One field held against one value."""

    field: Field
    value: Value
    column: int = dataclasses.field(default=0, compare=False, repr=False)
    length: int = dataclasses.field(default=0, compare=False, repr=False)
    quoted: bool = dataclasses.field(default=False, compare=False, repr=False)
    """The value was written in quotation marks; matters to notes only."""


@dataclass(frozen=True, slots=True)
class Cidr:
    """`CIDR(@ip,10.0.0.0/8,…)` — an address inside one of the networks."""

    field: Field
    networks: tuple[str, ...]
    """IPv4 or IPv6 networks in their normal form, such as `10.0.0.0/8`."""
    column: int = dataclasses.field(default=0, compare=False, repr=False)
    length: int = dataclasses.field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Not:
    """Excludes what the child selects."""

    child: Node


@dataclass(frozen=True, slots=True)
class And:
    """All children select the event. At least two, none of them an `And`."""

    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one child selects the event. At least two, none of them an `Or`."""

    children: tuple[Node, ...]


Node = MatchAll | Term | Cidr | Not | And | Or


def conjunction(nodes: list[Node]) -> Node:
    """Return the nodes joined by AND, flattened; one node stands for itself."""
    flat: list[Node] = []
    for node in nodes:
        flat.extend(node.children if isinstance(node, And) else (node,))
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def disjunction(nodes: list[Node]) -> Node:
    """Return the nodes joined by OR, flattened; one node stands for itself."""
    flat: list[Node] = []
    for node in nodes:
        flat.extend(node.children if isinstance(node, Or) else (node,))
    return flat[0] if len(flat) == 1 else Or(tuple(flat))
