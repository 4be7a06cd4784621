"""Zillow user ids come in two types: plain numbers, and `X1-ZU…`. Here they are compared, and their types named.

`X1-ZU` followed by digits is taken for the number it ends in, leading zeros aside. Any other `X1-ZU…` is an encoding
that the console cannot read: against a number it is neither equal nor different, and that is what it says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

_PREFIX = "X1-ZU"
_DIGITS = re.compile(r"[0-9]{1,40}")


class ZuidType(StrEnum):
    """Form of a ZUID."""

    NONE = "none"
    NUMBER = "number"
    ENCODED = "X1-ZU"
    OTHER = "other"


class Agreement(StrEnum):
    """How two ZUIDs of one user stand to each other."""

    MATCH = "match"
    MISMATCH = "mismatch"
    MISSING_ONE = "missing on one side"
    MISSING_BOTH = "missing on both sides"
    UNCLEAR = "types that cannot be compared"


@dataclass(slots=True, frozen=True)
class Zuid:
    """One ZUID as its row holds it, and as it is compared."""

    text: str
    type: ZuidType
    number: int | None
    """The number that it is or ends in; None where there is none to read."""


@dataclass(slots=True, frozen=True)
class ZuidComparison:
    """Result of comparing two ZUIDs."""

    agreement: Agreement
    types_differ: bool
    note: str = ""
    """The difference of types in words; empty where there is none."""


def zuid(value: object) -> Zuid:
    """Read a ZUID from a cell. NULL, an empty text and blanks are none."""
    text = "" if value is None else str(value).strip()
    if not text:
        return Zuid("", ZuidType.NONE, None)
    if _DIGITS.fullmatch(text):
        return Zuid(text, ZuidType.NUMBER, int(text))
    if text[: len(_PREFIX)].upper() == _PREFIX:
        rest = text[len(_PREFIX) :]
        return Zuid(text, ZuidType.ENCODED, int(rest) if _DIGITS.fullmatch(rest) else None)
    return Zuid(text, ZuidType.OTHER, None)


def compare(one: object, other: object) -> ZuidComparison:
    """Whether two ZUIDs name the same Zillow user."""
    first, second = zuid(one), zuid(other)
    missing = (first.type is ZuidType.NONE) + (second.type is ZuidType.NONE)
    if missing:
        return ZuidComparison(Agreement.MISSING_BOTH if missing > 1 else Agreement.MISSING_ONE, types_differ=False)
    if first.type is second.type:
        same = first.text == second.text or (first.number is not None and first.number == second.number)
        return ZuidComparison(Agreement.MATCH if same else Agreement.MISMATCH, types_differ=False)
    note = f"one is of the type {first.type.value}, the other of the type {second.type.value}"
    if first.number is None or second.number is None:
        return ZuidComparison(Agreement.UNCLEAR, types_differ=True, note=note)
    same = first.number == second.number
    return ZuidComparison(Agreement.MATCH if same else Agreement.MISMATCH, types_differ=True, note=note)
