"""The protocol of a channel that carries confirmed deliveries to the outside world, and its outcomes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, Protocol

from diagnostics.core.failures import FailureKind, Sent, SourceFailure
from diagnostics.core.time import utc_now
from diagnostics.models.entries import Channel, Purpose

if TYPE_CHECKING:
    from diagnostics.config.settings import Settings
    from diagnostics.models.incidents import Delivery, Incident

DeliveryOutcome = Literal["definite", "ambiguous", "permanent"]

SITE = "site"
"""Field of a delivery: the address of the service that it was confirmed for."""

ANCHOR = "anchor"
"""Field of a delivery as it is sent: where the journal ended then, so that its past can be held against it."""

CLOCKS_DIFFER = timedelta(days=1)
"""Clocks of this machine and of a service are taken to differ by less than this."""


def looked_for_since(delivery: Delivery) -> datetime:
    """From when on a service is searched for what may have been sent.

    A clock that was ahead when it was confirmed, and has been put right since, must not hide what was sent meanwhile.
    """
    return min(delivery.confirmed_at, utc_now()) - CLOCKS_DIFFER


@dataclass(slots=True, frozen=True)
class Receipt:
    """Proof that a delivery arrived."""

    receipt: str
    """The service's own name for it, e.g. a message's time stamp, "ZYN-482"."""
    link: str = ""


@dataclass(slots=True, frozen=True)
class SearchReach:
    """How far a search can see that did not show what was looked for."""

    until: datetime | None = None
    """When the newest thing came about that it shows of the same destination, by the service's clock; None: nothing."""
    is_direct: bool = False
    """The place itself was read, and no index of it: what is not there is not there."""


class NotDelivered(Exception):  # noqa: N818  # an outcome, told by name
    """It was not delivered, or nobody knows.

    `outcome`: definite, it was not taken and may be tried again; ambiguous, it may have been taken; permanent, trying
    again is of no use before somebody mends something.
    """

    def __init__(
        self, outcome: DeliveryOutcome, reason: str, *, remedy: str = "", retry_after_s: float | None = None
    ) -> None:
        self.outcome: DeliveryOutcome = outcome
        self.reason = reason
        self.remedy = remedy
        self.retry_after_s = retry_after_s
        super().__init__(reason)


class CannotLook(Exception):  # noqa: N818  # an outcome, told by name
    """This channel cannot say whether something arrived; a person has to look."""

    def __init__(self, reason: str, *, remedy: str = "") -> None:
        self.reason = reason
        self.remedy = remedy
        super().__init__(reason)


class DeliveryChannel(Protocol):
    """One channel. Blocking, thread-safe; every call has a time limit."""

    @property
    def channel(self) -> Channel:
        """The channel it delivers to."""

    @property
    def destination(self) -> str:
        """Where it goes, for people; never a secret."""

    @property
    def site(self) -> str:
        """Address of the service that the destination is part of; empty where it has one for everybody."""

    def learn(self) -> None:
        """Ask the service for `site` where only it knows that. Raises `SourceFailure`."""

    def problem(self) -> str:
        """Why it cannot be used from here, with the remedy; empty when it can. Asks nobody."""

    def carries(self, delivery: Delivery) -> bool:
        """Whether this console can reach the destination that was confirmed. Asks nobody."""

    def send(self, delivery: Delivery, incident: Incident) -> Receipt:
        """Send it once to the destination that was confirmed, whatever this console's own is.

        It carries `delivery.token` so that it can be found again. Raises `NotDelivered`.
        """

    def find(self, delivery: Delivery, incident: Incident) -> Receipt | None:
        """Whether something with this token is there. Raises `CannotLook`, `SourceFailure`."""

    def sight(self, delivery: Delivery) -> SearchReach:
        """How far the search of `find` sees: that it finds nothing proves nothing by itself. Raises as `find`."""

    def twins(self, delivery: Delivery) -> tuple[Receipt, ...]:
        """Everything that carries this token; more than one where it was sent twice. Raises as `find`."""

    def close(self) -> None:
        """End what is under way."""


def not_delivered(failure: SourceFailure) -> NotDelivered:
    """The outcome of a failure.

    Definite: no connection came about, a rate limit refused it, or its secret could not be read. Permanent: refused,
    and refused again until somebody mends something. Ambiguous: everything else, such as silence, a broken connection,
    an error inside the service or an answer that cannot be read, because the service may have stored it before.
    """
    # Whether a rate limit is waited for, and by whom, is decided by who delivers: the source cannot know.
    remedy = "" if failure.kind is FailureKind.RATE_LIMITED else failure.remedy
    return NotDelivered(outcome_of(failure), failure.reason, remedy=remedy, retry_after_s=failure.retry_after)


def outcome_of(failure: SourceFailure) -> DeliveryOutcome:
    """The outcome as the journal names it."""
    if failure.sent is not Sent.NOT_SENT:
        return "ambiguous"
    return "permanent" if failure.lasting else "definite"


@contextmanager
def sending() -> Iterator[None]:
    """Turn a `SourceFailure` raised within into `NotDelivered`."""
    try:
        yield
    except SourceFailure as failure:
        raise not_delivered(failure) from None


@contextmanager
def looking(for_what: str) -> Iterator[None]:
    """Where a source may not be asked, a person has to look `for_what`: `CannotLook`. Its other failures pass."""
    try:
        yield
    except SourceFailure as failure:
        if failure.kind in {FailureKind.DENIED, FailureKind.REJECTED}:
            raise CannotLook(failure.reason, remedy=f"look {for_what}. {failure.remedy}") from None
        raise


def is_its_site(channel: DeliveryChannel, delivery: Delivery) -> bool:
    """Whether it was confirmed for the service that this console writes to; deliveries of old do not say."""
    return delivery.fields.get(SITE, channel.site) == channel.site


def site_of(channel: DeliveryChannel | None) -> dict[str, str]:
    """The field of a delivery that says for which service it is confirmed; none where that is not known."""
    return {SITE: channel.site} if channel is not None and channel.site else {}


SLACK_ID = re.compile(r"[SUW][A-Z0-9]{2,30}")
"""Groups and people that may be called; never a whole channel."""

LONGEST_TITLE = 1_000


def objection(delivery: Delivery, longest_text: int) -> str:
    """Why it must not leave as it stands in the journal, whoever confirmed it; empty when it may. Asks nobody."""
    if len(delivery.text) > longest_text:
        return f"its text has {len(delivery.text):,} characters of at most {longest_text:,}"
    if len(delivery.title) > LONGEST_TITLE:
        return f"its title has {len(delivery.title):,} characters of at most {LONGEST_TITLE:,}"
    called = [one for one in delivery.fields.get("mention", "").split(",") if one]
    if any(not SLACK_ID.fullmatch(one) for one in called):
        return "it calls something that is no Slack id of a person or a group"
    if called and (delivery.channel is not Channel.SLACK or delivery.purpose is not Purpose.FIRST_NOTICE):
        return "it calls people, which a first notice to Slack alone does"
    return ""


def setting_of(channel: Channel) -> str:
    """The setting that lets a console write there."""
    return "writes.notices" if channel is Channel.SLACK else "writes.tracking"


def may_write(settings: Settings, channel: Channel) -> bool:
    """Whether the settings let this console write there."""
    return settings.writes.notices if channel is Channel.SLACK else settings.writes.tracking
