"""The one error of the search syntax: what is wrong, and exactly where."""

from __future__ import annotations

from diagnostics.core.failures import UserError


class QuerySyntaxError(UserError):
    """A query that cannot be read.

    `column` counts characters from 0, `length` is how many are concerned (at least 1, so that a caret has a place even
    at the end of the text). Sentences meant for people count columns from 1, as editors do.
    """

    def __init__(self, message: str, *, column: int, length: int = 1, accepted: str = "", next_step: str = "") -> None:
        self.message = message
        self.column = column
        self.length = max(1, length)
        super().__init__(message, where=f"column {column + 1} of the query", accepted=accepted, next_step=next_step)
