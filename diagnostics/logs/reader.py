"""The grammar at work. The only module that imports lark; `parse` imports it on first use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken, v_args
from lark.lexer import Lexer

from diagnostics.logs import building
from diagnostics.logs.building import Written
from diagnostics.logs.errors import QuerySyntaxError
from diagnostics.logs.explaining import explained
from diagnostics.logs.lexemes import phrase_text
from diagnostics.logs.scanner import scan
from diagnostics.logs.tree import FREE_TEXT, Cidr, Comparison, Literal, Node, Not, Term, conjunction, disjunction

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
        return building.finished(node)

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
        return Term(building.field_named(field, column), written.value, column, length, written.quoted)

    def field_group(self, field: Token, node: Node) -> Node:
        return building.on_field(node, building.field_named(field, _column(field)))

    def cidr(self, function: Token, name: Token, *networks: Token) -> Node:
        column = _column(function)
        last = networks[-1]
        normal = tuple(building.network(item, _column(item)) for item in networks)
        return Cidr(building.attribute_named(name, _column(name)), normal, column, _column(last) + len(last) - column)

    def word(self, token: Token) -> Written:
        return Written(building.word_or_existence(token), _column(token), len(token))

    def phrase(self, token: Token) -> Written:
        return Written(Literal(phrase_text(token)), _column(token), len(token), quoted=True)

    def comparison(self, operator: Token, end: Token) -> Written:
        value = Comparison(str(operator), building.bound(end, _column(end), open_end=False) or "")
        column = _column(operator)
        return Written(value, column, _column(end) + len(end) - column)

    def range(self, opening: Token, lower: Token, upper: Token, closing: Token) -> Written:
        column = _column(opening)
        place = (column, _column(closing) + 1 - column)
        ends = [building.bound(end, _column(end), open_end=True) for end in (lower, upper)]
        return Written(building.range_value(opening, ends[0], ends[1], closing, place), *place)

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
