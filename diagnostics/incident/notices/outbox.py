"""Confirmed deliveries, carried out exactly once by whichever console comes first.

Every step stands in the journal before it is taken: an attempt is written, against the newest state, before anything
is sent, so that of several consoles one sends. What became of it is written afterwards. An attempt without an outcome
(its console died) and one that ended without an answer are looked for at the service, several times, because services
show what they have stored with a delay. A search that finds nothing proves nothing: it may lag, or its login may not
see the place. What was looked for is sent again only where the search shows something newer than the attempt, or after
the lag that the service documents; otherwise, and where nobody can look, a person decides. What is there twice all the
same is written into the timeline.

How long something has been waiting is measured by this console's own steady clock from when it first saw it: a clock
that jumps may make it wait longer, and never makes it send twice.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from diagnostics.core.failures import SourceFailure, UserError
from diagnostics.core.masking import mask_secrets
from diagnostics.core.sanitizer import clean
from diagnostics.core.words import span
from diagnostics.incident.channels.base import ANCHOR, SITE, CannotLook, NotDelivered, Receipt, may_write, objection
from diagnostics.incident.incidents import INCIDENTS
from diagnostics.incident.records import CONSOLE
from diagnostics.models.entries import (
    Body,
    Channel,
    DeliveryAttempted,
    DeliveryFailed,
    DeliverySent,
    DeliverySettled,
    Noted,
    Purpose,
)

if TYPE_CHECKING:
    from diagnostics.core.context import Context
    from diagnostics.core.waiting import Job
    from diagnostics.incident.channels.base import DeliveryChannel, DeliveryOutcome, SearchReach
    from diagnostics.incident.incidents import IncidentService
    from diagnostics.models.incidents import Delivery, Incident

logger = logging.getLogger(__name__)

SETTLEMENTS: Mapping[str, frozenset[str]] = {
    "arrived": frozenset({"uncertain", "failed", "retrying"}),
    "send_again": frozenset({"uncertain", "failed", "given_up"}),
    "given_up": frozenset({"queued", "retrying", "uncertain", "failed"}),
}
"""Decisions that a person may take, and the states of a delivery that allow them."""

PAGE = 1_000
"""Entries of the journal that are looked through for what is new; behind more than that everything is."""


@dataclass(slots=True)
class _WatchedDelivery:
    """One delivery in one state, since this console first saw it so. Moments of the steady clock."""

    mark: tuple[str, int]
    since: float
    due: float
    looks: int = 0
    """Looks that were answered, and found nothing."""
    failed: int = 0
    """Looks that were not answered."""
    seen_until: datetime | None = None
    """The newest thing that the first search showed, by the service's clock."""


class Outbox:
    """The engine. Thread-safe; one pass at a time within a process."""

    def __init__(
        self,
        context: Context,
        incidents: IncidentService,
        channels: Sequence[DeliveryChannel],
        *,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._context = context
        self._incidents = incidents
        self._channels = {one.channel: one for one in channels}
        self._rules = context.catalogue.delivery
        self._steady = steady
        self._turn = threading.Lock()
        self._index = PendingDeliveries(context, incidents)
        self._watches: dict[tuple[str, str], _WatchedDelivery] = {}
        self._unwritten: dict[tuple[str, str], DeliverySent | DeliveryFailed] = {}
        """Outcomes that the journal would not take; nothing is done about these deliveries before it has."""

    def waiting(self) -> bool:
        """Whether anything may be done without a person. One row read where nothing is new. Raises nothing."""
        try:
            pending = self._index.refresh()
        except (SourceFailure, UserError):
            pending = self._index.known()
        return bool(pending or self._unwritten)

    def deliver(self, job: Job | None = None) -> int:
        """One pass over what is due; returns how many deliveries were sent or looked for. Raises SourceFailure."""
        if not self._turn.acquire(blocking=False):
            return 0
        try:
            self._write_down()
            done = 0
            for name in self._index.refresh():
                for delivery in self._incidents.get(name).deliveries:
                    if done >= self._rules.most_at_once or (job is not None and job.is_over):
                        return done
                    if not delivery.is_settled and (name, delivery.delivery) not in self._unwritten:
                        done += self._advance(name, delivery.delivery)
            return done
        finally:
            self._turn.release()

    def settle(self, incident_id: str, delivery_id: str, outcome: str, why: str = "") -> Incident:
        """A person decides: it arrived, send it again, or give it up. Raises UserError where nothing is to decide."""
        if outcome not in SETTLEMENTS:
            raise UserError(f"a delivery cannot be settled as {outcome!r}", accepted=", ".join(SETTLEMENTS))
        reason = clean(why, limit=1_000).strip()

        def decision(incident: Incident) -> Sequence[Body]:
            delivery = _named(incident, delivery_id)
            if delivery is None:
                names = ", ".join(one.delivery for one in incident.deliveries)
                raise UserError(
                    f"{incident.id} has no delivery {clean(delivery_id, limit=20)!r}", accepted=names or "none yet"
                )
            left = delivery.state == "sending" and self._watch(incident, delivery).since + self._grace <= self._steady()
            if delivery.state not in SETTLEMENTS[outcome] and not (left and outcome != "send_again"):
                raise UserError(
                    f"{delivery.named} is {delivery.state.replace('_', ' ')}: it cannot be settled as"
                    f" {outcome.replace('_', ' ')}",
                    accepted=", ".join(sorted(SETTLEMENTS[outcome])),
                    next_step=f"it is being sent by {delivery.attempted_by}" if delivery.state == "sending" else "",
                )
            return (DeliverySettled(delivery=delivery.delivery, outcome=outcome, why=reason),)

        return self._incidents.decide(incident_id, decision)

    # ---- one delivery

    @property
    def _grace(self) -> float:
        return self._rules.attempt_grace_s

    def _advance(self, name: str, delivery_id: str) -> int:
        """The next step of one delivery, if it is due. Returns 1 when a service was asked."""
        incident = self._incidents.get(name)
        delivery = _named(incident, delivery_id)
        if delivery is None or delivery.is_settled:
            return 0
        watch, now = self._watch(incident, delivery), self._steady()
        if delivery.state == "sending":
            return self._left_behind(incident, delivery) if now >= watch.since + self._grace else 0
        if now < watch.due:
            return 0
        refused = self._refused(delivery)
        if self._channel(delivery) is None or refused is not None:
            left = self._out_of_reach if refused is None else partial(self._left_unsent, refused)
            return left(incident, delivery, watch)
        if delivery.state == "uncertain":
            return self._look(incident, delivery, watch) if delivery.retry_at is not None else 0
        return self._send(incident, delivery)

    def _channel(self, delivery: Delivery) -> DeliveryChannel | None:
        """Who carries it from this console; None where it is not configured, or not permitted."""
        channel = self._usable(delivery)
        return channel if channel is not None and channel.carries(delivery) else None

    def _usable(self, delivery: Delivery) -> DeliveryChannel | None:
        channel = self._channels.get(delivery.channel)
        permitted = may_write(self._context.settings, delivery.channel)
        return channel if channel is not None and permitted and not channel.problem() else None

    def _out_of_reach(self, incident: Incident, delivery: Delivery, watch: _WatchedDelivery) -> int:
        """Confirmed for a destination that this console does not reach: another one may; when none does, a person."""
        channel = self._usable(delivery)
        if channel is None or self._steady() < watch.since + 3 * self._grace:
            return 0
        confirmed = f"{delivery.destination} {delivery.fields.get(SITE, '')}".strip()
        why = (
            f"it was confirmed for {confirmed}, and this console writes to {channel.destination} {channel.site}".strip()
        )
        remedy = f"send it from a console that writes to {confirmed}, or give it up"
        if delivery.state == "uncertain":
            if delivery.retry_at is not None:
                self._hand_over(incident, delivery, why, "look yourself, and say whether it arrived")
        else:
            self._close_unsent(incident, delivery, NotDelivered("permanent", why, remedy=remedy))
        return 0

    def _refused(self, delivery: Delivery) -> NotDelivered | None:
        """Why it is shown and not sent, whatever the journal says; None where it may be sent.

        The journal is a record and no authority: who confirmed it is proven at this moment, and each field looked at.
        """
        why, remedy = self._context.journal.doubt(delivery.proofs)
        if not why:
            why, remedy = objection(delivery, self._rules.longest_text), "write it again, or give it up"
        return NotDelivered("permanent", why, remedy=remedy) if why else None

    def _left_unsent(
        self, obstacle: NotDelivered, incident: Incident, delivery: Delivery, watch: _WatchedDelivery
    ) -> int:
        """Shown and not sent: another console may be able to prove who confirmed it; when none does, a person."""
        if self._steady() < watch.since + 3 * self._grace:
            return 0
        if delivery.state != "uncertain":
            self._close_unsent(incident, delivery, obstacle)
        elif delivery.retry_at is not None:
            self._hand_over(incident, delivery, obstacle.reason, "look yourself, and say whether it arrived")
        return 0

    def _watch(self, incident: Incident, delivery: Delivery) -> _WatchedDelivery:
        mark = (delivery.state, delivery.attempts)
        found = self._watches.get((incident.id, delivery.delivery))
        if found is None or found.mark != mark:
            now = self._steady()
            pause = 0.0
            if delivery.retry_at is not None:
                pause = (delivery.retry_at - self._context.now()).total_seconds()
            # A clock that jumped may claim any pause: none is longer than the longest that the rules know.
            most = max(self._rules.longest_retry_after_s, *self._rules.retry_pauses_s, *self._rules.look_pauses_s)
            found = _WatchedDelivery(mark, now, now + min(max(0.0, pause), most))
            self._watches[incident.id, delivery.delivery] = found
        return found

    # ---- sending

    def _send(self, incident: Incident, delivery: Delivery) -> int:
        """Claim the next attempt, then send. Of several consoles, the one whose claim was written sends."""
        channel = self._channel(delivery)
        if channel is None:
            return 0
        refused = self._refused(delivery)
        carried, obstacle = self._prepared(incident, delivery) if refused is None else (None, refused)
        if obstacle is not None:
            self._close_unsent(incident, delivery, obstacle)
            return 0
        if carried is None:
            return 0
        claimed = False
        steady, wall = self._steady(), self._context.now()
        attempt = delivery.attempts + 1

        def claim(newest: Incident) -> Sequence[Body]:
            nonlocal claimed
            claimed = _unchanged(newest, delivery)
            way = str(getattr(channel, "way", ""))
            return (DeliveryAttempted(delivery=delivery.delivery, attempt=attempt, way=way),) if claimed else ()

        newest = self._incidents.decide(incident.id, claim, actor=CONSOLE)
        if not claimed:
            return 0
        body: DeliverySent | DeliveryFailed
        elapsed = max(self._steady() - steady, (self._context.now() - wall).total_seconds())
        if elapsed > self._grace / 2:
            # This process stood still after its claim: by now another console may have taken it over.
            reason = f"the console stood still for {span(elapsed)} before it could send"
            body = self._failed(delivery, attempt, NotDelivered("definite", reason))
        else:
            body = self._carry(channel, carried, newest, attempt)
        self._write(incident.id, body)
        return 1

    def _prepared(self, incident: Incident, delivery: Delivery) -> tuple[Delivery | None, NotDelivered | None]:
        """The delivery as the channel needs it, or why it is not sent; neither while it waits for something."""
        if delivery.state == "queued" and not delivery.reason and self._is_old(delivery):
            # One that a person asked to be sent again keeps the reason of its last failure, and is sent.
            words = f"it was confirmed more than {span(60 * self._rules.give_up_after_minutes)} ago, and never sent"
            return None, NotDelivered("permanent", words, remedy="send it again if it is still true, or give it up")
        if delivery.purpose is not Purpose.NOTE or delivery.fields.get("of"):
            return delivery, None
        opened = [
            one
            for one in incident.deliveries
            if one.channel is delivery.channel and one.purpose is Purpose.TRACKING and one.state != "given_up"
        ]
        if not opened:
            words = "what it is a note on was never opened"
            return None, NotDelivered("permanent", words, remedy="give it up, or open tracking and write it again")
        sent = next((one for one in opened if one.state == "sent" and one.receipt), None)
        if sent is None:
            return None, None
        return delivery.model_copy(update={"fields": {**delivery.fields, "of": sent.receipt}}), None

    def _close_unsent(self, incident: Incident, delivery: Delivery, obstacle: NotDelivered) -> None:
        self._write_if_unchanged(incident, delivery, self._failed(delivery, delivery.attempts, obstacle))

    def _carry(
        self, channel: DeliveryChannel, delivery: Delivery, incident: Incident, attempt: int
    ) -> DeliverySent | DeliveryFailed:
        """Send, and say what became of it."""
        try:
            return _sent(delivery, attempt, channel.send(self._anchored(_masked(delivery, incident)), incident))
        except NotDelivered as failure:
            return self._failed(delivery, attempt, failure)
        except SourceFailure as failure:
            told = NotDelivered("ambiguous", failure.reason, remedy=failure.remedy, retry_after_s=failure.retry_after)
            return self._failed(delivery, attempt, told)
        except Exception:  # whatever went wrong, it may have been sent: that has to be written down
            logger.exception("a delivery failed unexpectedly")
            told = NotDelivered("ambiguous", "the console met an error of its own; its log file has the details")
            return self._failed(delivery, attempt, told)

    def _anchored(self, delivery: Delivery) -> Delivery:
        """With the end of the journal: what is outside of it can be held against it later."""
        try:
            anchor = self._context.journal.head().anchor
        except SourceFailure:
            return delivery
        if delivery.channel is not Channel.SLACK:
            return delivery.model_copy(update={"text": f"{delivery.text}\n\n{anchor}"})
        return delivery.model_copy(update={"fields": {**delivery.fields, ANCHOR: anchor}})

    def _failed(self, delivery: Delivery, attempt: int, failure: NotDelivered) -> DeliveryFailed:
        """The entry about a failure: when it is tried again, or that a person has to decide."""
        outcome: DeliveryOutcome = failure.outcome
        reason, remedy, retry_at = failure.reason, failure.remedy, None
        if outcome == "definite":
            pause = max(_nth(self._rules.retry_pauses_s, attempt - 1), failure.retry_after_s or 0.0)
            ended = self._ends(delivery, attempt, failure, pause)
            if ended:
                outcome, reason = "permanent", f"{reason}; {ended}"
                remedy = "; ".join(one for one in (remedy, "send it again, or give it up") if one)
            else:
                retry_at = self._in(pause)
                remedy = remedy or "it is tried again by itself"
        elif outcome == "ambiguous":
            retry_at = self._in(self._rules.look_pauses_s[0])
        return DeliveryFailed(
            delivery=delivery.delivery,
            attempt=attempt,
            outcome=outcome,
            reason=clean(reason, limit=500),
            remedy=clean(remedy, limit=500),
            retry_at=retry_at,
        )

    def _ends(self, delivery: Delivery, attempt: int, failure: NotDelivered, pause: float) -> str:
        """Why it is not tried again by itself; empty when it is."""
        if (failure.retry_after_s or 0.0) > self._rules.longest_retry_after_s:
            return f"the service asks to wait {span(failure.retry_after_s or 0.0)}, which is left to you"
        if attempt >= self._rules.most_attempts:
            return f"not tried any more after {attempt} attempts"
        if self._is_old(delivery, pause):
            return f"not tried any more {span(60 * self._rules.give_up_after_minutes)} after its confirmation"
        return ""

    def _is_old(self, delivery: Delivery, ahead_s: float = 0.0) -> bool:
        age = (self._context.now() - delivery.confirmed_at).total_seconds()
        return age + ahead_s > 60 * self._rules.give_up_after_minutes

    def _in(self, seconds: float) -> datetime:
        return self._context.now() + timedelta(seconds=seconds)

    # ---- looking

    def _left_behind(self, incident: Incident, delivery: Delivery) -> int:
        """An attempt without an outcome: from now on it is looked for."""
        if self._channel(delivery) is None and self._steady() < self._watch(incident, delivery).since + 3 * self._grace:
            # Another console may be able to look; when none does, a person has to know.
            return 0
        told = NotDelivered("ambiguous", f"{delivery.attempted_by or 'a console'} began to send it and never said how")
        body = self._failed(delivery, delivery.attempts, told)
        if self._channel(delivery) is None:
            body = body.model_copy(update={"retry_at": None, "remedy": "look yourself, and say whether it arrived"})
        self._write_if_unchanged(incident, delivery, body)
        return 0

    def _look(self, incident: Incident, delivery: Delivery, watch: _WatchedDelivery) -> int:
        """Look for it at the service: there, surely not there, not yet known, or nobody can tell."""
        channel = self._channel(delivery)
        if channel is None:
            return 0
        try:
            if delivery.way != str(getattr(channel, "way", "")):
                raise CannotLook(
                    f"it was sent another way ({delivery.way or 'unknown'}), which cannot be looked through from here",
                    remedy="look yourself, and say whether it arrived",
                )
            receipt = channel.find(delivery, incident)
            sight = None
            if receipt is None and (not watch.looks or watch.looks + 1 >= len(self._rules.look_pauses_s)):
                sight = channel.sight(delivery)
        except CannotLook as failure:
            self._hand_over(incident, delivery, failure.reason, failure.remedy)
        except SourceFailure as failure:
            watch.failed += 1
            watch.due = self._steady() + max(_nth(self._rules.look_pauses_s, watch.failed), failure.retry_after or 0.0)
            if watch.failed >= self._rules.most_looks:
                # The source's remedy speaks of questions, which it asks again; looking has ended here.
                self._hand_over(incident, delivery, f"looking for it failed too: {failure.reason}", "")
        except Exception:  # a channel that breaks must not end the pass
            logger.exception("looking for a delivery failed unexpectedly")
            watch.failed += 1
            watch.due = self._steady() + _nth(self._rules.look_pauses_s, watch.failed)
        else:
            if receipt is not None:
                self._write(incident.id, _sent(delivery, delivery.attempts, receipt, found_again=True))
            else:
                self._not_found(incident, delivery, watch, sight)
        return 1

    def _not_found(
        self, incident: Incident, delivery: Delivery, watch: _WatchedDelivery, sight: SearchReach | None
    ) -> None:
        watch.looks += 1
        pauses = self._rules.look_pauses_s
        unproven = "" if sight is None else _unproven(delivery, watch, sight)
        if watch.looks < len(pauses):
            watch.due = self._steady() + pauses[watch.looks]
            return
        lag_s = self._rules.search_lag_s.get(delivery.channel.value)
        if unproven and lag_s is not None and self._steady() < watch.since + lag_s:
            watch.due = self._steady() + pauses[-1]
            return
        if unproven and (lag_s is None or watch.seen_until is None):
            why = f"looked for {watch.looks} times and not found, which proves nothing: {unproven}"
            remedy = f"look in {delivery.destination or 'the service'} yourself, and say whether it arrived"
            self._hand_over(incident, delivery, why, remedy)
            return
        # Surely not there: the same as if it had never been sent.
        told = NotDelivered("definite", f"it did not arrive (looked {watch.looks} times; before: {delivery.reason})")
        ended = self._ends(delivery, delivery.attempts, told, 0.0)
        if ended:
            obstacle = NotDelivered("permanent", f"{told.reason}; {ended}", remedy="send it again, or give it up")
            self._close_unsent(incident, delivery, obstacle)
            return
        self._send(incident, delivery)

    def report_twins(self) -> None:
        """Look at what was sent more than once, for a while, and write into the timeline what is there twice.

        Raises SourceFailure of the journal; a service that does not answer is asked the next time.
        """
        for line in self._incidents.lines():
            for delivery in self._incidents.get(line.id).deliveries:
                if self._may_have_twins(delivery) and (channel := self._channel(delivery)) is not None:
                    try:
                        found = channel.twins(delivery)
                    except (SourceFailure, CannotLook) as failure:
                        logger.info("twins of %s of %s: %s", delivery.delivery, line.id, failure)
                        continue
                    self._report(line.id, delivery, found)

    def _may_have_twins(self, delivery: Delivery) -> bool:
        if delivery.state != "sent" or delivery.attempts < 2 or delivery.sent_at is None:
            return False
        return (self._context.now() - delivery.sent_at).total_seconds() < 60 * self._rules.give_up_after_minutes

    def _report(self, name: str, delivery: Delivery, found: Sequence[Receipt]) -> None:
        if len(found) < 2:
            return
        there = ", ".join(one.link or one.receipt for one in found)
        text = (
            f"{delivery.named} is there {len(found)} times: {there}. An attempt before had"
            " arrived after all: keep one, and say in the others where it goes on."
        )
        body = Noted(text=clean(text, limit=2_000))
        key = f"{delivery.token}:{len(found)} times"
        self._context.journal.append(name, (body,), keys=(key,), actor=CONSOLE)

    def _hand_over(self, incident: Incident, delivery: Delivery, why: str, remedy: str) -> None:
        """Nobody knows, and the console cannot find out: a person has to."""
        body = DeliveryFailed(
            delivery=delivery.delivery,
            attempt=delivery.attempts,
            outcome="ambiguous",
            reason=clean(f"{delivery.reason}; {why}" if delivery.reason else why, limit=500),
            remedy=clean(remedy or "look yourself, and say whether it arrived", limit=500),
        )
        self._write_if_unchanged(incident, delivery, body)

    # ---- writing down

    def _write(self, name: str, body: DeliverySent | DeliveryFailed) -> None:
        """Write an outcome. One that the journal does not take now is kept, and written first in the next pass."""

        def decision(newest: Incident) -> Sequence[Body]:
            delivery = _named(newest, body.delivery)
            if delivery is None or delivery.state == "sent":
                return ()
            # A late failure says nothing about an attempt that another console has begun meanwhile.
            late = isinstance(body, DeliveryFailed) and (delivery.state, delivery.attempts) != ("sending", body.attempt)
            return () if late else (body,)

        try:
            self._incidents.decide(name, decision, actor=CONSOLE)
        except SourceFailure:
            self._unwritten[name, body.delivery] = body
            raise
        except UserError:
            # The incident goes on under another number; there it is looked for, as after a crash.
            logger.warning("the outcome of %s of %s could not be written", body.delivery, name)
        self._unwritten.pop((name, body.delivery), None)

    def _write_if_unchanged(self, incident: Incident, delivery: Delivery, body: DeliveryFailed) -> None:
        """Write it unless somebody has done anything about the delivery since it was looked at."""
        self._incidents.decide(
            incident.id, lambda newest: (body,) if _unchanged(newest, delivery) else (), actor=CONSOLE
        )

    def _write_down(self) -> None:
        for (name, _), body in tuple(self._unwritten.items()):
            self._write(name, body)


def _unproven(delivery: Delivery, watch: _WatchedDelivery, sight: SearchReach) -> str:
    """Why a search that found nothing proves nothing; empty where what is not found is not there."""
    if sight.is_direct:
        return ""
    before, attempted_at = watch.seen_until, delivery.attempted_at or delivery.confirmed_at
    if before is not None and sight.until is not None and sight.until > max(before, attempted_at):
        return ""
    watch.seen_until = before or sight.until
    if sight.until is None:
        return "the search shows nothing at all there, as for a login that may not see it"
    return f"the newest that the search shows is of {sight.until:%H:%M:%S} UTC, before the attempt or just after it"


def _named(incident: Incident, delivery_id: str) -> Delivery | None:
    wanted = delivery_id.strip().upper()
    return next((one for one in incident.deliveries if one.delivery == wanted), None)


def _unchanged(newest: Incident, delivery: Delivery) -> bool:
    """Whether nobody has done anything about it since it was looked at."""
    found = _named(newest, delivery.delivery)
    return found is not None and (found.state, found.attempts, found.retry_at) == (
        delivery.state,
        delivery.attempts,
        delivery.retry_at,
    )


def _masked(delivery: Delivery, incident: Incident) -> Delivery:
    """Without secrets: an older console, which masked none, may have written it into the journal."""
    title, text = (mask_secrets(one)[0] for one in (delivery.title or incident.title, delivery.text))
    return delivery.model_copy(update={"title": title, "text": text})


def _sent(delivery: Delivery, attempt: int, receipt: Receipt, *, found_again: bool = False) -> DeliverySent:
    return DeliverySent(
        delivery=delivery.delivery,
        attempt=attempt,
        receipt=clean(receipt.receipt, limit=200),
        link=clean(receipt.link, limit=1_000),
        found_again=found_again,
    )


def _nth(pauses: Sequence[float], number: int) -> float:
    """The pause after so many; the last one goes on."""
    return pauses[max(0, min(number, len(pauses) - 1))]


class PendingDeliveries:
    """Incidents with deliveries that the console may do something about, kept up by what is new in the journal.

    Thread-safe. Closed incidents are among them: their last notices have to arrive as well.
    """

    def __init__(self, context: Context, incidents: IncidentService) -> None:
        self._context = context
        self._incidents = incidents
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        """Generation of the journal, and its newest entry; None before the first look."""
        self._pending: set[str] = set()

    def known(self) -> tuple[str, ...]:
        """The incidents that the last look found, in order."""
        with self._lock:
            return tuple(sorted(self._pending, key=_number))

    def refresh(self) -> tuple[str, ...]:
        """Ids of the incidents, oldest first. One row read where nothing is new. Raises SourceFailure."""
        with self._lock:
            journal = self._context.journal
            now = (journal.generation, journal.head().seq)
            if now != self._seen:
                for name in self._changed(now):
                    self._judge(name)
                self._seen = now
        return self.known()

    def _changed(self, now: tuple[int, int]) -> tuple[str, ...]:
        journal = self._context.journal
        before = self._seen
        if before is None or before[0] != now[0] or not 0 <= now[1] - before[1] <= PAGE:
            self._pending.clear()
            return journal.streams(INCIDENTS.prefix)
        fresh = dict.fromkeys(entry.stream for entry in journal.since(before[1], PAGE))
        return tuple(name for name in fresh if name.startswith(f"{INCIDENTS.prefix}-"))

    def _judge(self, name: str) -> None:
        try:
            deliveries = self._incidents.get(name).deliveries
        except UserError:
            deliveries = ()
        if any(map(may_advance, deliveries)):
            self._pending.add(name)
        else:
            self._pending.discard(name)


def may_advance(delivery: Delivery) -> bool:
    """Whether anything can happen to it without a person."""
    return not delivery.is_settled and not (delivery.state == "uncertain" and delivery.retry_at is None)


def _number(name: str) -> tuple[int, str]:
    digits = name.rpartition("-")[2]
    return (int(digits) if digits.isdigit() else 0), name
