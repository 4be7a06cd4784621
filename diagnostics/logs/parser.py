"""Text to tree."""

from __future__ import annotations

from diagnostics.logs.errors import QuerySyntaxError
from diagnostics.logs.scanner import scan
from diagnostics.logs.tree import MatchAll, Node


def parse(text: str) -> Node:
    """Return the tree of a query in Datadog's log search syntax; an empty query selects everything.

    Raises QuerySyntaxError with the column of the first mistake. Source of the syntax: Datadog, "Log Search Syntax".
    """
    lexemes = scan(text)
    if not lexemes:
        return MatchAll()
    problems = [lexeme.problem for lexeme in lexemes if lexeme.problem is not None]
    if problems:
        first = min(problems, key=lambda problem: problem.column)
        raise QuerySyntaxError(
            first.message,
            column=first.column,
            length=first.length,
            accepted=first.accepted,
            next_step=first.next_step,
        )
    # lark costs more than everything else here together, and a console that shows no filter never needs it.
    from diagnostics.logs.grammar import read  # noqa: PLC0415

    return read(text)
