"""What the failure of a request that writes means for a delivery: surely not there, perhaps there, or no use trying."""

from __future__ import annotations

from diagnostics.escalation.couriers import NotDelivered, Outcome
from diagnostics.failures import Sent, SourceFailure


def not_delivered(failure: SourceFailure) -> NotDelivered:
    """The outcome of a failure.

    Definite: no connection came about, a rate limit refused it, or its secret could not be read. Permanent: refused,
    and refused again until somebody mends something. Ambiguous: everything else, such as silence, a broken connection,
    an error inside the service or an answer that cannot be read, because the service may have stored it before.
    """
    return NotDelivered(outcome_of(failure), failure.reason, remedy=failure.remedy, retry_after_s=failure.retry_after)


def outcome_of(failure: SourceFailure) -> Outcome:
    """In the journal's words."""
    if failure.sent is not Sent.NOT_SENT:
        return "ambiguous"
    return "permanent" if failure.lasting else "definite"
