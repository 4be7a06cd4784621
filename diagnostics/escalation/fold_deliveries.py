"""What became of each delivery, from its entries."""

from __future__ import annotations

from collections.abc import Sequence

from diagnostics.models import entries as said
from diagnostics.models.entries import Entry
from diagnostics.models.incidents import Delivery

_SETTLED_AS = {"arrived": "sent", "given_up": "given_up", "send_again": "queued"}
_FAILED_AS = {"definite": "retrying", "ambiguous": "uncertain", "permanent": "failed"}


def delivery_entry(deliveries: Sequence[Delivery], entry: Entry) -> list[Delivery]:
    """The deliveries after one more entry about them."""
    body = entry.body
    if isinstance(body, said.DeliveryConfirmed):
        return [*deliveries, _confirmed(entry, body)]
    name = getattr(body, "delivery", "")
    return [_after(one, entry) if one.delivery == name else one for one in deliveries]


def _confirmed(entry: Entry, body: said.DeliveryConfirmed) -> Delivery:
    return Delivery(
        delivery=body.delivery,
        token=body.token,
        channel=body.channel,
        purpose=body.purpose,
        audience=body.audience,
        destination=body.destination,
        title=body.title,
        text=body.text,
        fields=body.fields,
        figures=body.figures,
        confirmed_at=entry.at,
        confirmed_by=entry.actor,
    )


def _after(delivery: Delivery, entry: Entry) -> Delivery:
    body = entry.body
    changes: dict[str, object] = {}
    if isinstance(body, said.DeliveryAttempted):
        changes = {
            "state": "sending",
            "attempts": max(delivery.attempts, body.attempt),
            "attempted_at": entry.at,
            "attempted_by": entry.console,
            "way": body.way,
            "retry_at": None,
        }
    elif isinstance(body, said.DeliverySent):
        # Found twice is still there once: the first finding stays.
        first = delivery.sent_at or entry.at
        changes = {
            "state": "sent",
            "sent_at": first,
            "receipt": body.receipt,
            "link": body.link,
            "found_again": body.found_again,
            "reason": "",
            "remedy": "",
            "retry_at": None,
        }
    elif isinstance(body, said.DeliveryFailed) and delivery.state != "sent":
        changes = {
            "state": _FAILED_AS[body.outcome],
            "reason": body.reason,
            "remedy": body.remedy,
            "retry_at": body.retry_at,
        }
    elif isinstance(body, said.DeliverySettled) and delivery.state != "sent":
        changes = {"state": _SETTLED_AS[body.outcome], "retry_at": None}
        if body.outcome == "arrived":
            changes["sent_at"] = entry.at
    return delivery.model_copy(update=changes) if changes else delivery
