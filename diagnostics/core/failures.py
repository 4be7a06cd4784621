"""The ways a source can fail, as types. A screen shows them, a check reports them, a watch backs off by them."""

from __future__ import annotations

from enum import StrEnum

from diagnostics.core.sanitizer import clean


class FailureKind(StrEnum):
    """Why a source gave no answer."""

    UNREACHABLE = "unreachable"
    DENIED = "denied"
    RATE_LIMITED = "rate_limited"
    TIMED_OUT = "timed_out"
    MALFORMED = "malformed"
    NO_FIGURE = "no_figure"
    """The source answered, and the number asked for is not in the answer, or is none: nothing to count with."""
    NOT_MAPPED = "not_mapped"
    NOT_CONFIGURED = "not_configured"
    REJECTED = "rejected"
    """The source understood the question and refused it: a query it cannot parse, a parameter out of range."""
    CANCELLED = "cancelled"


class Sent(StrEnum):
    """Whether what was to be sent has been taken by the service: what decides whether it may be sent again."""

    SENT = "sent"
    NOT_SENT = "not_sent"
    """Surely not: nothing left this machine, or the service refused it."""
    UNKNOWN = "unknown"
    """Perhaps: silence, a broken connection, an error inside the service, an answer that cannot be read."""


_REFUSED = {FailureKind.DENIED, FailureKind.REJECTED, FailureKind.NOT_MAPPED}
_NOT_ASKED = {FailureKind.RATE_LIMITED, FailureKind.NOT_CONFIGURED}


class SourceFailure(Exception):  # noqa: N818  # the field's word is failure; an Error suffix would add nothing
    """A source did not answer, and why.

    `source` is the name a person uses ("datadog", "common", "client 14009"); `reason` one sentence without secrets;
    `remedy` what to do next; `retry_after` seconds until asking again can help, or None when nobody knows.

    `sent` says of a request that writes whether it was taken: of its own accord a refusal is NOT_SENT, and everything
    else UNKNOWN. `lasting` means that the same request fails until somebody mends something; so does a refusal.
    """

    def __init__(
        self,
        kind: FailureKind,
        source: str,
        reason: str,
        *,
        remedy: str = "",
        retry_after: float | None = None,
        sent: Sent | None = None,
        lasting: bool | None = None,
    ) -> None:
        self.kind = kind
        self.sent = sent or (Sent.NOT_SENT if kind in _REFUSED | _NOT_ASKED else Sent.UNKNOWN)
        self.lasting = kind in _REFUSED if lasting is None else lasting
        self.source = clean(source, limit=120)
        self.reason = clean(reason, limit=500)
        self.remedy = clean(remedy, limit=500)
        self.retry_after = retry_after
        super().__init__(f"{self.source}: {self.reason}")

    @property
    def is_transient(self) -> bool:
        """True when the same question may succeed later without anybody changing anything."""
        return self.kind in {
            FailureKind.UNREACHABLE,
            FailureKind.RATE_LIMITED,
            FailureKind.TIMED_OUT,
            FailureKind.MALFORMED,
            FailureKind.NO_FIGURE,
            FailureKind.CANCELLED,
        }

    def lines(self) -> list[str]:
        """The failure as plain lines for a person without a screen, most important first."""
        return [f"error: {self.headline()}: {self.reason}", *([f"next: {self.remedy}"] if self.remedy else [])]

    def headline(self) -> str:
        """One short line for a pane's border, such as "datadog: rate limited, 6 s"."""
        words = self.kind.value.replace("_", " ")
        wait = f", {self.retry_after:.0f} s" if self.retry_after is not None else ""
        return f"{self.source}: {words}{wait}"


class TurnAwaited(SourceFailure):
    """The console's own share of a rate limit is spent: nothing was asked, and the source has refused nothing.

    `limit` questions every `period_s` seconds are allowed under `budget`; the turn comes in `retry_after` seconds.
    """

    def __init__(self, source: str, *, limit: int, period_s: float, budget: str, retry_after: float) -> None:
        self.turn = f"waiting its turn, {retry_after:.0f} s ({limit} per {period_s:g} s)"
        super().__init__(
            FailureKind.RATE_LIMITED,
            source,
            f"{self.turn} under the limit {budget}",
            remedy="It asks again by itself when the limit allows; close panes that are not needed.",
            retry_after=retry_after,
        )

    def headline(self) -> str:
        """Such as "datadog: waiting its turn, 16 s (2 per 10 s)"; only the service itself says "rate limited"."""
        return f"{self.source}: {self.turn}"


class UserError(Exception):
    """Bad input from a person: what was wrong, where, what is accepted, what to do next. Exit code 64."""

    def __init__(self, problem: str, *, where: str = "", accepted: str = "", next_step: str = "") -> None:
        self.problem = problem
        self.where = where
        self.accepted = accepted
        self.next_step = next_step
        super().__init__(problem)

    def lines(self) -> list[str]:
        """The error as plain lines, most important first."""
        parts = [f"error: {self.problem}"]
        if self.where:
            parts.append(f"where: {self.where}")
        if self.accepted:
            parts.append(f"accepted: {self.accepted}")
        if self.next_step:
            parts.append(f"next: {self.next_step}")
        return [clean(part, limit=2_000) for part in parts]
