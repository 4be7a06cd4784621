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
        return Term(building.field_named(field), written.value, column, length, written.quoted)

    def field_group(self, field: Token, node: Node) -> Node:
        return building.on_field(node, building.field_named(field))

    def cidr(self, function: Token, name: Token, *networks: Token) -> Node:
        column = _column(function)
        last = networks[-1]
        normal = tuple(building.network(item, _column(item)) for item in networks)
        return Cidr(building.field_named(name), normal, column, _column(last) + len(last) - column)

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
    """Say in words why the grammar stopped where it did."""
    token = error.token if isinstance(error, UnexpectedToken) else None
    ended = token is None or token.type == "$END"
    column = len(text.rstrip()) if token is None or ended else _column(token)
    before = [lexeme for lexeme in scan(text) if lexeme.start < column]
    previous = before[-1] if before else None
    if any(lexeme.kind == "RANGE_OPEN" for lexeme in before) and before[-1].kind in (
        "RANGE_OPEN",
        "WORD",
        "_TO",
        "PHRASE",
    ):
        opening = [lexeme for lexeme in before if lexeme.kind == "RANGE_OPEN"][-1]
        return QuerySyntaxError(
            "a range needs a lower end, the word TO and an upper end",
            column=opening.start,
            length=column + (len(token) if token is not None and not ended else 0) - opening.start,
            accepted="[1 TO 5], {1 TO 5}, [1 TO *]",
        )
    if (
        any(lexeme.kind == "CIDR" for lexeme in before)
        and previous is not None
        and previous.kind
        in (
            "CIDR",
            "NAME",
            "NETWORK",
            "_COMMA",
        )
    ):
        return QuerySyntaxError(
            "CIDR needs one attribute and at least one network, parted by commas",
            column=column,
            length=len(token) if token is not None and not ended else 1,
            accepted="CIDR(@name,10.0.0.0/8)",
        )
    if previous is not None and previous.kind in ("_AND", "_OR", "_NOT", "_MINUS"):
        return QuerySyntaxError(
            f"{previous.text} has nothing on its right",
            column=previous.start,
            length=len(previous.text),
            accepted="a term, a phrase or a group",
            next_step=f'write what belongs there, or "{previous.text}" for the word itself',
        )
    if token is not None and token.type in ("_AND", "_OR"):
        return QuerySyntaxError(
            f"{token} has nothing on its left",
            column=column,
            length=len(token),
            accepted="a term, a phrase or a group",
            next_step=f'remove it, or write "{token}" for the word itself',
        )
    if token is not None and token.type == "_CLOSE":
        return QuerySyntaxError(
            "the parentheses hold nothing",
            column=previous.start if previous else column,
            length=column + 1 - (previous.start if previous else column),
            accepted="a term, a phrase or a group",
            next_step="remove them, or write what belongs inside",
        )
    return QuerySyntaxError(
        f"{token} is not expected here" if token is not None and not ended else "the query ends too early",
        column=column,
        length=len(token) if token is not None and not ended else 1,
        accepted="a term, a phrase, @name:value or a group",
    )
