"""Why the grammar stopped, in words. Everything a single lexeme can get wrong has been said before, by the scanner."""

from __future__ import annotations

from diagnostics.logs.errors import QuerySyntaxError
from diagnostics.logs.lexemes import Kind, Lexeme

_TERM = "a term, a phrase, @name:value or a group"
_OPERATORS = (Kind.AND, Kind.OR, Kind.NOT, Kind.MINUS)


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
    if here.kind in (Kind.AND, Kind.OR):
        return QuerySyntaxError(
            f"{here.text} has nothing on its left",
            column=here.start,
            length=len(here.text),
            accepted=_TERM,
            next_step=f'remove it, or write "{here.text}" for the word itself',
        )
    if here.kind is Kind.CLOSE and before is not None:
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
        if lexeme.kind in (Kind.RANGE_OPEN, Kind.CIDR):
            return lexeme
        if lexeme.kind not in (Kind.WORD, Kind.PHRASE, Kind.TO, Kind.NAME, Kind.NETWORK, Kind.COMMA):
            return None
    return None


def _malformed_form(opening: Lexeme, lexemes: list[Lexeme], index: int) -> QuerySyntaxError:
    closing = lexemes[index] if index < len(lexemes) else lexemes[-1]
    if opening.kind is Kind.RANGE_OPEN:
        closing = next((lexeme for lexeme in lexemes[index:] if lexeme.kind is Kind.RANGE_CLOSE), closing)
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
