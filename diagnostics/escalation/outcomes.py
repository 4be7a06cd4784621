"""What the failure of a request that writes means for a delivery: surely not there, perhaps there, or no use trying."""

from __future__ import annotations

from diagnostics.escalation.couriers import NotDelivered, Outcome
from diagnostics.failures import FailureKind, NeverSent, SourceFailure

_DEFINITE = {FailureKind.RATE_LIMITED, FailureKind.NOT_CONFIGURED}
"""A secret that cannot be read now may be readable later, and without it nothing was sent."""
_PERMANENT = {FailureKind.DENIED, FailureKind.REJECTED, FailureKind.NOT_MAPPED}


def not_delivered(failure: SourceFailure) -> NotDelivered:
    """The outcome of a failure.

    Definite: no connection came about, a rate limit refused it, or its secret could not be read. Permanent: refused,
    and refused again until somebody mends something. Ambiguous: everything else, such as silence, a broken connection,
    an error inside the service or an answer that cannot be read, because the service may have stored it before.
    """
    return NotDelivered(_outcome(failure), failure.reason, remedy=failure.remedy, retry_after_s=failure.retry_after)


def _outcome(failure: SourceFailure) -> Outcome:
    if isinstance(failure, NeverSent) or failure.kind in _DEFINITE:
        return "definite"
    return "permanent" if failure.kind in _PERMANENT else "ambiguous"
