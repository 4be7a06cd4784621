"""ZUIDs of both types, compared after normalising, with the difference of types named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnostics.oauth.zuids import Agreement, ZuidType, compare, zuid


@pytest.mark.parametrize(
    ("one", "other", "agreement", "types_differ"),
    [
        ("X1-ZU00000042", "X1-ZU00000042", Agreement.MATCH, False),
        ("X1-ZU00000042", "X1-ZU42", Agreement.MATCH, False),
        ("X1-ZU00000042", "X1-ZU00000043", Agreement.MISMATCH, False),
        ("42", 42, Agreement.MATCH, False),
        ("0042", "42", Agreement.MATCH, False),
        ("42", "X1-ZU00000042", Agreement.MATCH, True),
        ("43", "X1-ZU00000042", Agreement.MISMATCH, True),
        ("42", "X1-ZUz9fk3q", Agreement.UNCLEAR, True),
        ("X1-ZUz9fk3q", "X1-ZUz9fk3q", Agreement.MATCH, False),
        ("X1-ZUz9fk3q", "X1-ZUZ9fk3q", Agreement.MISMATCH, False),
        (None, "42", Agreement.MISSING_ONE, False),
        (" ", "42", Agreement.MISSING_ONE, False),
        (None, "", Agreement.MISSING_BOTH, False),
        ("someone@example.com", "42", Agreement.UNCLEAR, True),
    ],
)
def test_two_zuids(one: object, other: object, agreement: Agreement, types_differ: bool) -> None:
    compared = compare(one, other)
    assert (compared.agreement, compared.types_differ) == (agreement, types_differ)
    assert bool(compared.note) is types_differ


def test_the_note_names_both_types() -> None:
    assert compare("42", "X1-ZU42").note == "one is of the type number, the other of the type X1-ZU"


@given(st.text(max_size=40))
def test_any_text_is_read_and_equals_itself_or_is_nothing(text: str) -> None:
    agreement = compare(text, text).agreement
    assert agreement is (Agreement.MISSING_BOTH if zuid(text).type is ZuidType.NONE else Agreement.MATCH)


@given(st.one_of(st.text(max_size=12), st.integers(0, 10**9)), st.one_of(st.text(max_size=12), st.integers(0, 10**9)))
def test_the_order_does_not_matter(one: object, other: object) -> None:
    assert compare(one, other).agreement is compare(other, one).agreement
