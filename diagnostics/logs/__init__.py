"""Datadog's log search syntax as a small language: parse, check, colour, quote, and test events by the 100,000.

    predicate = compile_query("service:fub status:error -@message:*rate*limit*")
    shown = [event for event in events if predicate(event)]

Nothing here is slow to import; lark is loaded by the first `parse` of a query that is not empty.
"""

from diagnostics.logs.errors import QuerySyntaxError
from diagnostics.logs.highlight import Span, SpanKind, highlight
from diagnostics.logs.notes import Note, notes
from diagnostics.logs.parser import parse
from diagnostics.logs.predicate import Predicate, compile_query, matches
from diagnostics.logs.quoting import bind, quote, to_text
from diagnostics.logs.scanner import MAX_QUERY_LENGTH
from diagnostics.logs.tree import (
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
)

__all__ = [
    "MAX_QUERY_LENGTH",
    "And",
    "Cidr",
    "Comparison",
    "Exists",
    "Field",
    "FieldKind",
    "Glob",
    "Literal",
    "MatchAll",
    "Node",
    "Not",
    "Note",
    "Or",
    "Predicate",
    "QuerySyntaxError",
    "Range",
    "Span",
    "SpanKind",
    "Term",
    "Value",
    "Wildcard",
    "bind",
    "compile_query",
    "highlight",
    "matches",
    "notes",
    "parse",
    "quote",
    "to_text",
]
