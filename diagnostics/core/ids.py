"""Accepted ids, wherever a person or a log line names one."""

from __future__ import annotations

LARGEST_ID = 2**64 - 1
"""The largest value of a BIGINT UNSIGNED, the widest id column of MySQL and MariaDB."""

ACCEPTED = f"a whole number from 1 to {LARGEST_ID:,}, without separators"


def id_of(text: str) -> int | None:
    """The id that the text spells; None for anything that no id column could hold. Raises nothing."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST_ID))):
        return None
    value = int(text)
    return value if 1 <= value <= LARGEST_ID else None
