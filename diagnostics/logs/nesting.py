"""Whether parentheses pair up, and whether the query nests deeper than anything honest does."""

from __future__ import annotations

from diagnostics.logs.lexemes import Kind, Lexeme, Problem

MAX_DEPTH = 50
"""Groups and exclusions inside each other. Keeps every later walk over the tree far from the interpreter's limit."""


def check_nesting(lexemes: list[Lexeme]) -> None:
    """Put a problem on every parenthesis without a partner and on the first lexeme that nests too deep."""
    open_groups: list[tuple[Lexeme, int]] = []
    depth = 0
    exclusions = 0
    for lexeme in lexemes:
        kind = lexeme.kind
        if kind in (Kind.MINUS, Kind.NOT):
            exclusions += 1
        elif kind in (Kind.OPEN, Kind.CIDR):
            if lexeme.problem is None:
                open_groups.append((lexeme, exclusions + 1))
                depth += exclusions + 1
            exclusions = 0
        elif kind is Kind.CLOSE and open_groups:
            depth -= open_groups.pop()[1]
            exclusions = 0
        elif kind is Kind.CLOSE:
            lexeme.problem = Problem(
                f"the parenthesis closed at column {lexeme.start + 1} was never opened",
                lexeme.start,
                1,
                next_step=r"open it earlier, remove it, or write \) for the character",
            )
        elif kind is not Kind.FIELD:
            exclusions = 0
        if depth + exclusions > MAX_DEPTH and lexeme.problem is None:
            lexeme.problem = Problem(
                f"the query nests deeper than {MAX_DEPTH} levels",
                lexeme.start,
                len(lexeme.text),
                f"at most {MAX_DEPTH} groups and exclusions inside each other",
                "remove parentheses that change nothing",
            )
            return
    for lexeme, _ in open_groups:
        lexeme.problem = lexeme.problem or Problem(
            f"the parenthesis opened at column {lexeme.end} is never closed",
            lexeme.end - 1,
            1,
            "a closing )",
            r"close it, or write \( for the character",
        )
