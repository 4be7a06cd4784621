"""Faults: what the stand-in can be told to do wrong, at start (`--fault`) or while it runs (`POST /sandbox/faults`)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from diagnostics.core.failures import UserError

DATADOG_SCOPES = (
    "search",
    "aggregate",
    "monitor",
    "create",
    "metrics",
    "validate",
    "incident_create",
    "incident_get",
    "incident_update",
    "incident_search",
    "incident_list",
)
"""Endpoints that a fault without a scope concerns."""

SLACK_SCOPES = ("slack_post", "slack_history", "slack_list", "slack_permalink", "slack_auth")
JIRA_SCOPES = ("jira_create", "jira_search", "jira_comment", "jira_comments", "jira_transition", "jira_myself")
GROUPS = ("incident", "slack", "jira")
"""Each stands for all endpoints whose names begin with it."""

SCOPES = (*DATADOG_SCOPES, *SLACK_SCOPES, "webhook", *JIRA_SCOPES, *GROUPS)
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
    "unauthorized": "401 whatever the keys (Jira)",
    "missing": "404, as where an endpoint is not enabled (incidents, Jira)",
    "stored_500": "does what it was asked to, then answers 500 (endpoints that write)",
    "stored_hang": "does what it was asked to, then never answers (endpoints that write)",
    "stored_reset": "does what it was asked to, then resets the connection (endpoints that write)",
    "error": "error:NAME, Slack's own refusal of that name: ok false, or a webhook's status and word",
    "required": "required:FIELD, Jira insists on a field that was not filled in",
    "lag": "lag:SEARCHES, what was created is found only after so many searches",
}
_WRITES = (
    "create",
    "incident_create",
    "incident_update",
    "slack_post",
    "webhook",
    "jira_create",
    "jira_comment",
    "jira_transition",
)
_TAKES_SECONDS = {"429": 10.0, "slow": 0.0, "dribble": 0.2}
_NEEDS_SECONDS = {"slow"}
_NAMED = {"error": re.compile(r"[a-z][a-z_]{1,60}"), "required": re.compile(r"[A-Za-z][A-Za-z0-9_]{0,60}")}
_SCOPES_OF = {
    "stored_500": _WRITES,
    "stored_hang": _WRITES,
    "stored_reset": _WRITES,
    "error": ("slack", *SLACK_SCOPES, "webhook"),
    "required": ("jira_create",),
    "lag": ("incident_search", "incident_list", "slack_history", "jira_search"),
    "unauthorized": ("jira", *JIRA_SCOPES),
    "missing": (
        "incident",
        "jira",
        *JIRA_SCOPES,
        *(scope for scope in DATADOG_SCOPES if scope.startswith("incident_")),
    ),
}
"""Kinds that only some endpoints can have."""
_SPEC = re.compile(r"(?:([a-z_]+)=)?([a-z0-9_]+)(?::([\w.]+))?(?:/([1-9]\d{0,5}))?")
_LAG = re.compile(r"[1-9]\d{0,2}")


@dataclass(slots=True, frozen=True)
class Fault:
    """One fault; `scope` None concerns every Datadog endpoint."""

    scope: str | None
    kind: str
    seconds: float
    name: str = ""
    """The error or the field, for the kinds that name one; the number of searches for "lag"."""
    count: int | None = None
    """It is met by so many requests and then ends; None is until it is cleared."""

    @property
    def spec(self) -> str:
        """The fault as it is written."""
        scope = f"{self.scope}=" if self.scope else ""
        seconds = f":{self.seconds:g}" if self.kind in _TAKES_SECONDS else ""
        name = f":{self.name}" if self.name else ""
        count = f"/{self.count}" if self.count is not None else ""
        return f"{scope}{self.kind}{seconds}{name}{count}"

    @property
    def stores(self) -> bool:
        """Whether the request does its work before it goes wrong."""
        return self.kind.startswith("stored_")


def parse_fault(spec: str) -> Fault:
    """Read `[SCOPE=]KIND[:SECONDS or NAME][/COUNT]`; raises `UserError` that says what is accepted."""
    parsed = _SPEC.fullmatch(spec)
    scope, kind, argument, count = parsed.groups() if parsed else (None, "", None, None)
    if kind not in KINDS or (scope is not None and scope not in SCOPES):
        raise _unknown(spec)
    if kind in _SCOPES_OF and scope not in _SCOPES_OF[kind]:
        raise _unknown(spec, f"{kind} with one of the scopes {', '.join(_SCOPES_OF[kind])}")
    most = int(count) if count else None
    if kind in _NAMED or kind == "lag":
        shape = _NAMED.get(kind, _LAG)
        if argument is None or not shape.fullmatch(argument):
            raise _unknown(spec)
        return Fault(scope, kind, 0.0, argument, most)
    return Fault(scope, kind, _seconds(spec, kind, argument), count=most)


def _seconds(spec: str, kind: str, text: str | None) -> float:
    if text is None:
        if kind in _NEEDS_SECONDS:
            raise _unknown(spec)
        return _TAKES_SECONDS.get(kind, 0.0)
    try:
        value = float(text)
    except ValueError:
        raise _unknown(spec) from None
    if kind not in _TAKES_SECONDS or not math.isfinite(value) or value > 3_600:
        raise _unknown(spec)
    return value


def _unknown(spec: str, accepted: str = "") -> UserError:
    kinds, scopes = ", ".join(KINDS), ", ".join(SCOPES)
    return UserError(
        f"{spec!r} is not a fault",
        where="--fault",
        accepted=accepted
        or f"[SCOPE=]KIND[:SECONDS or NAME][/COUNT] with KIND one of {kinds} and SCOPE one of {scopes}",
        next_step="for example --fault 429:20, --fault aggregate=503, --fault slack_post=stored_hang/1",
    )


def lag_of(fault: Fault | None) -> int:
    """How many searches the search index lags behind."""
    return int(fault.name) if fault is not None and fault.kind == "lag" else 0


class Faults:
    """The faults that are in force: one for every scope at most, and one for all Datadog endpoints."""

    def __init__(self, specs: Iterable[str] = ()) -> None:
        self._active: dict[str | None, Fault] = {}
        self._left: dict[str | None, int] = {}
        for spec in specs:
            self.set(spec)

    def set(self, spec: str) -> None:
        """Put a fault in force; it replaces the one of the same scope."""
        fault = parse_fault(spec)
        self._active[fault.scope] = fault
        self._left.pop(fault.scope, None)
        if fault.count is not None:
            self._left[fault.scope] = fault.count

    def clear(self, scope: str | None = None, *, everything: bool = False) -> None:
        """End the fault of one scope (None: the one for all Datadog endpoints), or all of them."""
        if everything:
            self._active.clear()
            self._left.clear()
        self._active.pop(scope, None)
        self._left.pop(scope, None)

    def find(self, endpoint: str) -> Fault | None:
        """Return the fault that one request meets; its endpoint's own goes before its group's and the general one.

        A fault that was given a count ends with the last request that it was given for.
        """
        scopes: list[str | None] = [endpoint, endpoint.partition("_")[0]]
        if endpoint in DATADOG_SCOPES:
            scopes.append(None)
        scope = next((scope for scope in scopes if scope in self._active), "")
        fault = self._active.get(scope)
        if scope in self._left:
            self._left[scope] -= 1
            if not self._left[scope]:
                self.clear(scope)
        return fault

    @property
    def spoils_rows(self) -> bool:
        """Return whether the databases are to be seeded with hostile text."""
        general = self._active.get(None)
        return general is not None and general.kind == "hostile"

    def specs(self) -> list[str]:
        """All faults in force, as written."""
        return [fault.spec for fault in self._active.values()]
