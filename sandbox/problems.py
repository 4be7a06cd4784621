"""What a request can do wrong, worded as the real service words it.

The frame `input_validation_error(Field '…' is invalid: …)` and the sentences of 403 and 429 are the service's own as
observed; the details after the colon are ours.
"""

from __future__ import annotations


class Rejected(Exception):  # noqa: N818  # the service rejects; nothing is broken here
    """A request that is answered with `status` and `{"errors": [sentence]}`."""

    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None) -> None:
        self.status = status
        self.sentence = sentence
        self.headers = headers or {}
        super().__init__(sentence)


def invalid(field: str, reason: str) -> Rejected:
    """Return the answer to a field that cannot be used."""
    return Rejected(400, f"input_validation_error(Field '{field}' is invalid: {reason})")


def forbidden() -> Rejected:
    """Return the answer to missing or wrong keys."""
    return Rejected(403, "Forbidden")
