"""The grammar at work: rules into nodes, and why it stopped, in words. The only module that imports lark."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken, v_args
from lark.lexer import Lexer

from diagnostics.logs.errors import QuerySyntaxError
from diagnostics.logs.lexemes import Lexeme, LexemeKind, number, phrase_text, unescape, word_value
from diagnostics.logs.scanner import scan
from diagnostics.logs.tree import (
    FREE_TEXT,
    FULL_TEXT,
    RESERVED_NAMES,
    And,
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
    Or,
    Range,
    Term,
    Value,
    Wildcard,
    conjunction,
    disjunction,
)
from diagnostics.logs.units import ATTRIBUTES as UNITS
from diagnostics.logs.units import has_unit, in_unit_of
from diagnostics.logs.words import words_of


@dataclass(frozen=True, slots=True)
class Written:
    """A value with the place where it was written."""

    value: Value
    column: int
    length: int
    quoted: bool = False


MAX_GAPS = 64
"""Runs of `?` between literal pieces of one value."""

MAX_PATTERN_WORDS = 32
"""Words of one text term that holds a wildcard; phrases have no such bound."""

_MESSAGE = Field(FieldKind.RESERVED, "message")

MAX_PATH_DEPTH = 32
"""Levels of one attribute path; a log nests to 24 at most."""


def field_named(token: str, column: int) -> Field:
    """Return the field that a lexeme such as `@http.url:`, `service:` or `*:` names, or raise where it names none."""
    name = token[:-1]
    if name == "*":
        return FULL_TEXT
    if name.startswith("@"):
        return attribute_named(name, column)
    name = unescape(name).lower()
    return Field(FieldKind.RESERVED if name in RESERVED_NAMES else FieldKind.TAG, name)


def attribute_named(name: str, column: int) -> Field:
    """Return the attribute that `@http.url` names, or raise where it names none."""
    if name == "@" or isinstance(word_value(name), Glob):
        raise QuerySyntaxError(f"{name} does not name one attribute", column=column, length=len(name), accepted="@name")
    path = unescape(name[1:])
    if path.count(".") >= MAX_PATH_DEPTH:
        raise QuerySyntaxError(
            "the attribute lies too deep",
            column=column,
            length=len(name),
            accepted=f"at most {MAX_PATH_DEPTH} names joined by dots",
        )
    return Field(FieldKind.ATTRIBUTE, path)


def network(text: str, column: int) -> str:
    """Return one network in its normal form, or raise where the text is none."""
    try:
        return str(ipaddress.ip_network(unescape(text), strict=False))
    except ValueError as error:
        raise QuerySyntaxError(
            f"{text} is not a network",
            column=column,
            length=len(text),
            accepted="an IPv4 or IPv6 network such as 10.0.0.0/8 or 2001:db8::/32",
        ) from error


def _check_field(term: Term) -> None:
    """Raise when this kind of value says nothing about this kind of field."""
    if not isinstance(term.value, Comparison | Range) or term.field.kind in (FieldKind.ATTRIBUTE, FieldKind.TAG):
        return
    form = "comparison" if isinstance(term.value, Comparison) else "range"
    if term.field.kind is FieldKind.RESERVED:
        message = f"a {form} cannot be held against {term.field}, which is text"
    else:
        message = f"a {form} needs an attribute, and none is named"
    raise QuerySyntaxError(
        message,
        column=term.column,
        length=term.length,
        accepted="@name:>=500, @name:[1 TO 5]",
        next_step="put @name: directly before it",
    )


def bound(token: str, column: int, *, open_end: bool) -> str | None:
    """Return the value of one end, None for an open one."""
    if token.startswith('"'):
        return phrase_text(token)
    value = word_value(token)
    if isinstance(value, Literal):
        return value.text
    if open_end and value.pieces == (Wildcard.ANY,):
        return None
    raise QuerySyntaxError(
        f"{token} has a wildcard where one value is needed",
        column=column,
        length=len(token),
        accepted="a number or a text" + (", or * alone for an open end" if open_end else ""),
        next_step=r"write \* for the character",
    )


def range_value(opening: str, lower: str | None, upper: str | None, closing: str, place: tuple[int, int]) -> Range:
    """Return a range whose two ends are of one kind, or raise."""

    def counts(end: str) -> bool:
        return number(end) is not None or has_unit(end)

    if lower is not None and upper is not None and counts(lower) != counts(upper):
        raise QuerySyntaxError(
            "one end of the range is a number and the other is not",
            column=place[0],
            length=place[1],
            accepted="[1 TO 5], [a TO c], [1 TO *]",
        )
    return Range(lower, upper, opening == "[", closing == "]")


def on_field(node: Node, field: Field) -> Node:
    """Return the group `node` held against `field`; raise where the group already names fields of its own."""
    if isinstance(node, And | Or):
        return type(node)(tuple(on_field(child, field) for child in node.children))
    if isinstance(node, Not):
        return Not(on_field(node.child, field))
    if isinstance(node, Term) and node.field == FREE_TEXT:
        return replace(node, field=field)
    column, length = (node.column, node.length) if isinstance(node, Term | Cidr) else (0, 1)
    raise QuerySyntaxError(
        f"the group on {field} holds a term that names a field of its own",
        column=column,
        length=length,
        accepted="values only, such as @name:(one OR two)",
        next_step="close the group before it",
    )


def _check_pattern(term: Term) -> None:
    """Raise for a pattern whose matching could take long: wildcards that leave very many places to try."""
    if not isinstance(term.value, Glob):
        return
    pieces = term.value.pieces
    gaps = sum(1 for piece, after in pairwise(pieces) if piece is Wildcard.ONE and isinstance(after, str))
    is_text = term.field.kind in (FieldKind.FREE_TEXT, FieldKind.FULL_TEXT) or term.field == _MESSAGE
    if gaps <= MAX_GAPS and not (is_text and len(words_of(term.value)) > MAX_PATTERN_WORDS):
        return
    raise QuerySyntaxError(
        "the pattern has too many wildcards between its pieces",
        column=term.column,
        length=term.length,
        accepted=f"at most {MAX_GAPS} gaps of ? in a value, and {MAX_PATTERN_WORDS} words in a text with wildcards",
        next_step="leave out pieces, or put plain words in quotation marks",
    )


def finished(node: Node) -> Node:
    """Return the tree with `*` and `*:*` as MatchAll, every value checked against its field."""
    if isinstance(node, And | Or):
        return type(node)(tuple(finished(child) for child in node.children))
    if isinstance(node, Not):
        return Not(finished(node.child))
    if isinstance(node, Term):
        if isinstance(node.value, Exists) and node.field.kind in (FieldKind.FREE_TEXT, FieldKind.FULL_TEXT):
            return MatchAll()
        _check_field(node)
        _check_pattern(node)
        return _without_units(node)
    return node


def _without_units(term: Term) -> Term:
    """Return the term with its bounds in the unit of the attribute; raise for a unit that is not known of it."""
    value = term.value
    if term.field.kind is not FieldKind.ATTRIBUTE or not isinstance(value, Comparison | Range):
        return term
    ends = [value.bound] if isinstance(value, Comparison) else [value.lower, value.upper]
    plain: list[str | None] = []
    for end in ends:
        converted = end if end is None or not has_unit(end) else in_unit_of(term.field.name, end)
        if end is not None and converted is None:
            raise QuerySyntaxError(
                f"in which unit {term.field} is logged is not known, so {end} cannot be compared",
                column=term.column,
                length=term.length,
                accepted="a number; a unit of time for " + ", ".join(f"@{name} ({own})" for name, own in UNITS.items()),
                next_step=f"write the number as the logs carry it, such as {term.field}:>2000",
            )
        plain.append(converted)
    if isinstance(value, Comparison):
        return replace(term, value=replace(value, bound=plain[0] or ""))
    return replace(term, value=replace(value, lower=plain[0], upper=plain[1]))


def word_or_existence(text: str) -> Value:
    """Return the value of an unquoted word; `*` alone asks for existence."""
    value = word_value(text)
    if isinstance(value, Glob) and value.pieces == (Wildcard.ANY,):
        return Exists()
    return value


_TERM = "a term, a phrase, @name:value or a group"
_OPERATORS = (LexemeKind.AND, LexemeKind.OR, LexemeKind.NOT, LexemeKind.MINUS)


def explained(lexemes: list[Lexeme], index: int) -> QuerySyntaxError:
    """Return the error for a query whose lexeme number `index` (their count: the end) fits no rule."""
    inside = _open_form(lexemes[:index])
    if inside is not None:
        return _malformed_form(inside, lexemes, index)
    before = lexemes[index - 1] if index else None
    if before is not None and before.kind in _OPERATORS:
        return QuerySyntaxError(
            f"{before.text} has nothing on its right",
            column=before.start,
            length=len(before.text),
            accepted=_TERM,
            next_step=f'write what belongs there, or "{before.text}" for the word itself',
        )
    if index == len(lexemes):
        end = before.end if before is not None else 0
        return QuerySyntaxError("the query ends too early", column=end, accepted=_TERM)
    here = lexemes[index]
    if here.kind in (LexemeKind.AND, LexemeKind.OR):
        return QuerySyntaxError(
            f"{here.text} has nothing on its left",
            column=here.start,
            length=len(here.text),
            accepted=_TERM,
            next_step=f'remove it, or write "{here.text}" for the word itself',
        )
    if here.kind is LexemeKind.CLOSE and before is not None:
        return QuerySyntaxError(
            "the parentheses hold nothing",
            column=before.start,
            length=here.end - before.start,
            accepted=_TERM,
            next_step="remove them, or write what belongs inside",
        )
    return QuerySyntaxError(
        f"{here.text} is not expected here", column=here.start, length=len(here.text), accepted=_TERM
    )


def _open_form(lexemes: list[Lexeme]) -> Lexeme | None:
    """Return the range or function that is still open after these lexemes. Neither can hold another."""
    for lexeme in reversed(lexemes):
        if lexeme.kind in (LexemeKind.RANGE_OPEN, LexemeKind.CIDR):
            return lexeme
        if lexeme.kind not in (
            LexemeKind.WORD,
            LexemeKind.PHRASE,
            LexemeKind.TO,
            LexemeKind.NAME,
            LexemeKind.NETWORK,
            LexemeKind.COMMA,
        ):
            return None
    return None


def _malformed_form(opening: Lexeme, lexemes: list[Lexeme], index: int) -> QuerySyntaxError:
    closing = lexemes[index] if index < len(lexemes) else lexemes[-1]
    if opening.kind is LexemeKind.RANGE_OPEN:
        closing = next((lexeme for lexeme in lexemes[index:] if lexeme.kind is LexemeKind.RANGE_CLOSE), closing)
        return QuerySyntaxError(
            "a range needs a lower end, the word TO and an upper end",
            column=opening.start,
            length=closing.end - opening.start,
            accepted="[1 TO 5], {1 TO 5}, [1 TO *]",
        )
    return QuerySyntaxError(
        "CIDR needs one attribute and at least one network, parted by commas",
        column=closing.start,
        length=len(closing.text),
        accepted="CIDR(@name,10.0.0.0/8)",
    )


_GRAMMAR = Path(__file__).with_name("grammar.lark")


class _ScannerLexer(Lexer):
    """Hands the scanner's lexemes to lark."""

    def __init__(self, _configuration: object) -> None:
        pass

    def lex(self, text: str) -> Iterator[Token]:  # type: ignore[override]  # lark's documented form for lexers of one's own
        for lexeme in scan(text):
            yield Token(lexeme.kind.value, lexeme.text, start_pos=lexeme.start, end_pos=lexeme.end)


def _column(token: Token) -> int:
    return token.start_pos or 0


@v_args(inline=True)
class _Builder(Transformer[Token, Node]):
    """Turns each rule into nodes as the parser reduces it, so that no syntax tree is kept and nothing recurses."""

    def start(self, node: Node) -> Node:
        return finished(node)

    def disjunction(self, *nodes: Node) -> Node:
        return disjunction(list(nodes))

    def conjunction(self, *nodes: Node) -> Node:
        return conjunction(list(nodes))

    def negation(self, node: Node) -> Node:
        return Not(node)

    def group(self, node: Node) -> Node:
        return node

    def bare_term(self, written: Written) -> Node:
        return Term(FREE_TEXT, written.value, written.column, written.length, written.quoted)

    def field_term(self, field: Token, written: Written) -> Node:
        column = _column(field)
        length = written.column + written.length - column
        return Term(field_named(field, column), written.value, column, length, written.quoted)

    def field_group(self, field: Token, node: Node) -> Node:
        return on_field(node, field_named(field, _column(field)))

    def cidr(self, function: Token, name: Token, *networks: Token) -> Node:
        column = _column(function)
        last = networks[-1]
        normal = tuple(network(item, _column(item)) for item in networks)
        return Cidr(attribute_named(name, _column(name)), normal, column, _column(last) + len(last) - column)

    def word(self, token: Token) -> Written:
        return Written(word_or_existence(token), _column(token), len(token))

    def phrase(self, token: Token) -> Written:
        return Written(Literal(phrase_text(token)), _column(token), len(token), quoted=True)

    def comparison(self, operator: Token, end: Token) -> Written:
        value = Comparison(str(operator), bound(end, _column(end), open_end=False) or "")
        column = _column(operator)
        return Written(value, column, _column(end) + len(end) - column)

    def range(self, opening: Token, lower: Token, upper: Token, closing: Token) -> Written:
        column = _column(opening)
        place = (column, _column(closing) + 1 - column)
        ends = [bound(end, _column(end), open_end=True) for end in (lower, upper)]
        return Written(range_value(opening, ends[0], ends[1], closing, place), *place)

    def bound(self, token: Token) -> Token:
        return token


@cache
def _parser() -> Lark:
    return Lark(
        _GRAMMAR.read_text(encoding="utf-8"),
        parser="lalr",
        lexer=_ScannerLexer,
        transformer=_Builder(),
    )


def read(text: str) -> Node:
    """Return the tree of a non-empty query without lexical problems; raises QuerySyntaxError."""
    read_tree: Callable[[str], Any] = _parser().parse
    try:
        tree: Node = read_tree(text)
    except UnexpectedInput as error:
        raise _explained(text, error) from None
    return tree


def _explained(text: str, error: UnexpectedInput) -> QuerySyntaxError:
    lexemes = scan(text)
    token = error.token if isinstance(error, UnexpectedToken) else None
    index = len(lexemes)
    if token is not None and token.type != "$END":
        index = next((place for place, lexeme in enumerate(lexemes) if lexeme.start == token.start_pos), index)
    return explained(lexemes, index)
