"""Where a page ends and the next one begins. A key that no page gave is a mistake of the caller, and said so."""

from __future__ import annotations

from datetime import UTC, datetime

from diagnostics.core.failures import UserError

MOST_ROWS = 500
"""Rows of one page at most: one statement carries their ids when it asks what belongs to them."""

MOST_LOOKED_AT = 2_000
"""Rows that one call looks at for the wrong ones among them; where they end, the page says so and can be continued."""

_DIGITS = 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rows_of(limit: int) -> int:
    """The number of rows to answer with. Raises UserError."""
    if limit < 1:
        raise UserError(f"a page has at least one row, not {limit}", accepted=f"1 to {MOST_ROWS}")
    return min(limit, MOST_ROWS)


def number_key(after: str | None) -> int | None:
    """A key that is an id. Raises UserError."""
    return None if after is None else _number(after, after)


def pair_key(after: str | None) -> tuple[int | None, int] | None:
    """A key of a value that may be NULL, and an id: `7.12`, `-.12`. Raises UserError."""
    if after is None:
        return None
    value, dot, row = after.partition(".")
    if not dot:
        raise _unknown(after)
    return None if value == "-" else _number(value, after), _number(row, after)


def as_pair(value: int | None, row: int) -> str:
    """The key of a row, to be read by `pair_key`."""
    return f"{'-' if value is None else value}.{row}"


def microseconds(at: datetime | None) -> int | None:
    """A moment as a whole number, to stand in a key."""
    if at is None:
        return None
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment_of(value: int) -> datetime:
    """The moment that a key names. Raises UserError for one outside the calendar."""
    try:
        return datetime.fromtimestamp(value // 1_000_000, UTC).replace(microsecond=value % 1_000_000)
    except (OverflowError, OSError, ValueError):
        raise _unknown(str(value)) from None


def _number(text: str, after: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS):
        raise _unknown(after)
    return int(text)


def _unknown(after: str) -> UserError:
    return UserError(
        f"{after[:60]!r} is not the key of a page",
        accepted="the `after` of the page before, or none for the first page",
    )
