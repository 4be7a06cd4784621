"""The five answers a check can give. Kept apart so that the first paint can name them without the models."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """The answer of one check. The last two are never green."""

    PASS = "pass"  # noqa: S105  # the word of the field, not a credential
    WARN = "warn"
    FAIL = "fail"
    NO_DATA = "no_data"
    UNREACHABLE = "unreachable"


NOTIFY_SEVERITIES = frozenset({"critical", "incident"})
"""Severities at which the team is told and incident tracking is opened, always."""

FIRST_NOTICE_MINUTES = 5
"""Minutes from the first sign of such a severity until both must have happened."""
