"""Random queries as trees, random events, and text as hostile as it comes."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from diagnostics.core.sanitizer import clean
from diagnostics.logs import (
    Cidr,
    Comparison,
    Exists,
    Field,
    FieldKind,
    Glob,
    Literal,
    MatchAll,
    Node,
    Not,
    Range,
    Term,
    Value,
    Wildcard,
)
from diagnostics.logs.lexemes import number
from diagnostics.logs.tree import FREE_TEXT, FULL_TEXT, RESERVED_NAMES, conjunction, disjunction
from diagnostics.models.events import LogEvent

AWKWARD = 'abAB1 05.*?"\\:()[]{}<>-+=!&|#@,~^/_“”\u00a0é\u0130TORANDCIDR'

awkward_text = st.text(st.sampled_from(AWKWARD), max_size=12)
any_text = st.one_of(awkward_text, st.text(max_size=20))
"""Whatever a person may paste, controls and lone surrogates included."""


def _is_clean(text: str) -> bool:
    return clean(text, limit=len(text) + 1) == text


clean_text = any_text.filter(_is_clean)
"""Characters that an event can hold after the sanitizer, and that a query can carry."""

short = st.text(st.sampled_from("abAB1.-_ "), max_size=5)
"""Few characters, so that queries and events meet."""

plain = st.one_of(short, clean_text)
numbers = st.one_of(st.integers(-50, 50), st.integers(), st.floats(allow_nan=False, allow_infinity=False, width=32))
number_texts = numbers.map(str).filter(lambda text: number(text) is not None)

networks = st.sampled_from(["10.0.0.0/8", "192.168.0.0/16", "0.0.0.0/0", "13.4.5.6/32", "2001:db8::/32", "::/0"])
addresses = st.sampled_from(["10.1.2.3", "192.168.0.9", "13.4.5.6", "2001:db8::1", "::1", "999.1.1.1", "10.1", "", "x"])


def _normal(pieces: list[str | Wildcard]) -> Glob | None:
    kept: list[str | Wildcard] = []
    for piece in pieces:
        last = kept[-1] if kept else None
        if isinstance(piece, str) and isinstance(last, str):
            kept[-1] = last + piece
        elif piece and not (piece is Wildcard.ANY and last is Wildcard.ANY):
            kept.append(piece)
    has_wildcard = any(isinstance(piece, Wildcard) for piece in kept)
    return Glob(tuple(kept)) if has_wildcard and kept != [Wildcard.ANY] else None


literals = st.builds(Literal, st.one_of(plain, number_texts, st.sampled_from(["true", "false"])))
_pieces = st.lists(st.one_of(st.sampled_from(list(Wildcard)), plain), min_size=1, max_size=5)
globs: st.SearchStrategy[Glob] = _pieces.map(_normal).flatmap(lambda glob: st.just(glob) if glob else st.nothing())
comparisons = st.builds(Comparison, st.sampled_from([">", ">=", "<", "<="]), st.one_of(number_texts, plain))


def _one_kind(value: Range) -> bool:
    if value.lower is None or value.upper is None:
        return True
    return (number(value.lower) is None) == (number(value.upper) is None)


_ends = st.one_of(st.none(), number_texts, plain)
ranges = st.builds(Range, _ends, _ends, st.booleans(), st.booleans()).filter(_one_kind)

attribute_names = st.one_of(
    st.sampled_from(["a", "b", "a.b", "a.b.c", "b.a", "message", "trace_id"]), clean_text.filter(bool)
)
tag_names = st.one_of(st.sampled_from(["env", "a", "and"]), clean_text.filter(bool)).filter(
    lambda name: name == name.lower() and name not in RESERVED_NAMES and name not in ("_exists_", "_missing_")
)
attributes = attribute_names.map(lambda name: Field(FieldKind.ATTRIBUTE, name))
tags = tag_names.map(lambda name: Field(FieldKind.TAG, name))
reserved = st.sampled_from(RESERVED_NAMES).map(lambda name: Field(FieldKind.RESERVED, name))


def _term(fields: st.SearchStrategy[Field], *values: st.SearchStrategy[Any]) -> st.SearchStrategy[Node]:
    return st.builds(Term, fields, st.one_of(*values))


_exists: st.SearchStrategy[Value] = st.just(Exists())
term_values: st.SearchStrategy[Value] = st.one_of(literals, globs, _exists, comparisons, ranges)
leaves: st.SearchStrategy[Node] = st.one_of(
    st.just(MatchAll()),
    _term(st.sampled_from([FREE_TEXT, FULL_TEXT]), literals, globs),
    _term(reserved, literals, globs, _exists),
    _term(st.one_of(attributes, tags), literals, globs, _exists, comparisons, ranges),
    st.builds(Cidr, attributes, st.lists(networks, min_size=1, max_size=3).map(tuple)),
)


def _grow(children: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    several = st.lists(children, min_size=2, max_size=4)
    return st.one_of(st.builds(Not, children), several.map(conjunction), several.map(disjunction))


trees: st.SearchStrategy[Node] = st.recursive(leaves, _grow, max_leaves=8)

scalars = st.one_of(st.none(), st.booleans(), numbers, plain, addresses)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "b", "c", "a.b", "b.c", ""]), inner, max_size=3),
    ),
    max_leaves=8,
)
events = st.builds(
    LogEvent,
    id=st.just("event"),
    timestamp_ms=st.just(0),
    service=st.one_of(st.sampled_from(["fub", "FUB", ""]), short),
    status=st.sampled_from(["error", "warn", "info"]),
    message=plain,
    host=short,
    tags=st.lists(
        st.one_of(st.sampled_from(["env:prod", "Env:a", "a:1", "a:b", "source:a", "b"]), plain), max_size=4
    ).map(tuple),
    attributes=st.dictionaries(
        st.sampled_from(["a", "b", "a.b", "a.b.c", "message", "trace_id", "dd", "source"]), values, max_size=4
    ),
)
