"""Faults: what the stand-in can be told to do wrong, at start (`--fault`) or while it runs (`POST /sandbox/faults`)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from diagnostics.failures import UserError

SCOPES = ("search", "aggregate", "monitor", "create", "metrics", "validate")
KINDS = {
    "429": "rate limited; 429:SECONDS says when it ends",
    "500": "internal server error, as HTML",
    "503": "service unavailable",
    "slow": "slow:SECONDS answers late",
    "hang": "takes the request and never answers",
    "reset": "resets the connection",
    "truncated": "stops in the middle of the body",
    "garbage": "answers 200 with bytes that are no JSON",
    "hostile": "terminal escapes, markup and very long lines in every string; rows too, when given at start",
    "forbidden": "403 whatever the keys",
    "redirect": "302 to another host",
    "dribble": "sends the body a few bytes at a time; dribble:SECONDS between two pieces",
}
_TAKES_SECONDS = {"429": 10.0, "slow": 0.0, "dribble": 0.2}
_NEEDS_SECONDS = {"slow"}
_SPEC = re.compile(r"(?:([a-z]+)=)?([a-z0-9]+)(?::([\d.]+))?")


@dataclass(slots=True, frozen=True)
class Fault:
    """One fault; `scope` None concerns every Datadog endpoint."""

    scope: str | None
    kind: str
    seconds: float

    @property
    def spec(self) -> str:
        """The fault as it is written."""
        scope = f"{self.scope}=" if self.scope else ""
        seconds = f":{self.seconds:g}" if self.kind in _TAKES_SECONDS else ""
        return f"{scope}{self.kind}{seconds}"


def parse_fault(spec: str) -> Fault:
    """Read `[SCOPE=]KIND[:SECONDS]`; raises `UserError` that says what is accepted."""
    parsed = _SPEC.fullmatch(spec)
    scope, kind, seconds = parsed.groups() if parsed else (None, "", None)
    if kind not in KINDS or (scope is not None and scope not in SCOPES):
        raise _unknown(spec)
    if seconds is None:
        if kind in _NEEDS_SECONDS:
            raise _unknown(spec)
        return Fault(scope, kind, _TAKES_SECONDS.get(kind, 0.0))
    try:
        value = float(seconds)
    except ValueError:
        raise _unknown(spec) from None
    if kind not in _TAKES_SECONDS or not math.isfinite(value) or value > 3_600:
        raise _unknown(spec)
    return Fault(scope, kind, value)


def _unknown(spec: str) -> UserError:
    return UserError(
        f"{spec!r} is not a fault",
        where="--fault",
        accepted=f"[SCOPE=]KIND[:SECONDS] with KIND one of {', '.join(KINDS)} and SCOPE one of {', '.join(SCOPES)}",
        next_step="for example --fault 429:20, --fault slow:3, --fault aggregate=503",
    )


class Faults:
    """The faults that are in force: one for every endpoint at most, and one for all."""

    def __init__(self, specs: Iterable[str] = ()) -> None:
        self._active: dict[str | None, Fault] = {}
        for spec in specs:
            self.set(spec)

    def set(self, spec: str) -> None:
        """Put a fault in force; it replaces the one of the same scope."""
        fault = parse_fault(spec)
        self._active[fault.scope] = fault

    def clear(self, scope: str | None = None, *, everything: bool = False) -> None:
        """End the fault of one scope (None: the one for all endpoints), or all of them."""
        if everything:
            self._active.clear()
        self._active.pop(scope, None)

    def find(self, endpoint: str) -> Fault | None:
        """Return the fault that concerns an endpoint; its own goes before the general one."""
        return self._active.get(endpoint) or self._active.get(None)

    @property
    def spoils_rows(self) -> bool:
        """Return whether the databases are to be seeded with hostile text."""
        general = self._active.get(None)
        return general is not None and general.kind == "hostile"

    def specs(self) -> list[str]:
        """All faults in force, as written."""
        return [fault.spec for fault in self._active.values()]
