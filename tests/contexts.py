"""Contexts of a service under test."""

from __future__ import annotations

import copy

from diagnostics.core.context import Context


def with_members(context: Context, **members: object) -> Context:
    """The same context with other members, such as `now` or `catalogue`; what is opened already is shared."""
    other = copy.copy(context)
    vars(other).update(members)
    return other
